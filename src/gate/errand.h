/*
 * Errands: the small requests that sell nothing: what a key may buy, what is left of its credit,
 * what was used in a month, the receipt of a call. Inside the gate only.
 */
#pragma once

#include "base/buf.h"
#include "loop/worker.h"

struct client;
struct gate;
struct http_exchange;

#define ERRAND_MAGIC 0x45525244U /* "ERRD" */

/* An errand that reads rows: on a worker's thread, answered on the loop's. The first member of what
 * it needs more, which mem_zalloc() made and its end frees. */
struct errand {
    uint32_t magic; /* first, as in struct call: front.c tells them apart by it */
    struct gate *gate;
    struct http_exchange *x; /* NULL: the client has gone */
    struct job job;
    const struct client *client;
    struct buf answer; /* JSON */
    enum err err;
};

/* Answers at once, or from a worker thread where rows must be read. `path` is without the query. */
void errand_models(struct gate *gate, struct http_exchange *x, struct str path);
void errand_credits(struct gate *gate, struct http_exchange *x, struct str path);
void errand_key(struct gate *gate, struct http_exchange *x, struct str path);
void errand_usage(struct gate *gate, struct http_exchange *x, struct str path);
void errand_receipt(struct gate *gate, struct http_exchange *x, struct str path);
/* What would move credit or turn a code into it: refused by its rule. */
void errand_no_transfer(struct gate *gate, struct http_exchange *x, struct str path);
void errand_no_resale(struct gate *gate, struct http_exchange *x, struct str path);
/* Sends it on its way, or refuses; takes it over. `run` writes `answer` or sets `err`. */
void errand_submit(struct errand *errand, struct gate *gate, struct http_exchange *x,
                   void (*run)(struct job *job));
/* An error that no call is about. */
void errand_refuse(struct http_exchange *x, enum err err);
/* A part of the request has a value that makes no sense: `message` is a short sentence. */
void errand_refuse_field(struct http_exchange *x, struct str param, struct str message);
/* The client of an errand that is on its way has gone. */
void errand_gone(void *owner);
