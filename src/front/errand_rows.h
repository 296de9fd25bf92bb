/*
 * An errand whose answer is read from the store's rows: on a worker thread, over one snapshot;
 * answered on the loop's thread. Inside the front only.
 */
#pragma once

#include "front/errand_work.h"
#include "store/store.h"
#include "wire/jsonw.h"

/* The first part of what an errand needs; mem_alloc()ed as a whole. */
struct errand_rows {
    struct errand_work work; /* first, too */
    store_read_fn *read;     /* given the errand; writes its answer: JSON, or it says so */
};

/* Starts it; it is freed at its end. `rows` NULL: no memory, and so is told. */
void errand_rows_start(struct front *front, struct http_exchange *x, struct errand_rows *rows,
                       store_read_fn *read);
/* An amount of nano units as a JSON number: decimal text, exact. */
void errand_put_money(struct jsonw *json, const char *key, int64_t nano);
