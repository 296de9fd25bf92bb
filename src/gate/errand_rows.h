/*
 * An errand whose answer is read from the store's rows: on a worker thread, over one snapshot;
 * answered on the loop's thread. Inside the gate only.
 */
#pragma once

#include "base/buf.h"
#include "loop/worker.h"
#include "store/store.h"

struct gate;
struct http_exchange;

/* The first part of what an errand needs; mem_alloc()ed as a whole. */
struct errand_rows {
    uint32_t magic; /* first, as in struct call: front.c tells them apart by it */
    struct gate *gate;
    struct http_exchange *x; /* NULL: the client has gone */
    struct job job;
    store_read_fn *read; /* given the errand; writes its answer, a JSON text */
    struct buf answer;
    enum err err;
};

/* Starts it; it is freed at its end. `rows` NULL: no memory, and so is told. */
void errand_rows_start(struct gate *gate, struct http_exchange *x, struct errand_rows *rows,
                       store_read_fn *read);
