/*
 * An errand whose answer is made on a worker thread, because that may wait, and given on the loop's
 * thread. Inside the front only.
 */
#pragma once

#include "base/buf.h"
#include "loop/worker.h"

#define ERRAND_HEADERS_MAX 512
#define ERRAND_PARAM_MAX   64
#define ERRAND_MESSAGE_MAX 200

struct front;
struct http_exchange;

struct errand_work;
typedef void errand_work_fn(struct errand_work *work);

#define ERRAND_MAGIC 0x45525244U /* "ERRD" */

/* Of an errand whose body is told as it comes (net/server.h); each may be its end. */
struct errand_body {
    void (*piece)(struct errand_work *work, struct str data);
    void (*done)(struct errand_work *work);
    void (*broken)(struct errand_work *work, enum err err);
};

/* The first part of what an errand needs; mem_alloc()ed as a whole. */
struct errand_work {
    uint32_t magic; /* first, as in struct call: router.c tells them apart by it */
    struct front *front;
    struct http_exchange *x; /* NULL: the client has gone */
    struct job job;
    errand_work_fn *run;            /* on the worker's thread: fills in what is below */
    errand_work_fn *fini;           /* on the loop's thread, at its end; NULL: nothing to do */
    const struct errand_body *body; /* NULL: its body is there */
    errand_work_fn *gone;    /* on the loop's thread: its client has left; NULL: it goes on alone */
    errand_work_fn *drained; /* on the loop's thread: http_events.on_drained; NULL: no matter */
    enum err err;            /* not ERR_OK: it is refused with this */
    int status;              /* 200 at first */
    char headers[ERRAND_HEADERS_MAX]; /* JSON's at first */
    struct buf answer;
    char param[ERRAND_PARAM_MAX]; /* of a refusal: the part of the request that is wrong; or "" */
    char message[ERRAND_MESSAGE_MAX]; /* likewise: a sentence; "": the table's */
};

/* Starts it on a thread of `pool`; it is freed at its end. `work` NULL: no memory, and so is told.
 * `answer_max`: bytes. */
void errand_work_start(struct front *front, struct http_exchange *x, struct errand_work *work,
                       struct worker_pool *pool, size_t answer_max);
/* A status with a text for people instead of a JSON error; `more`: header lines, may be empty. */
void errand_work_say(struct errand_work *work, int status, const char *more, struct str text);
/* What is wrong with the request, and where: copied, as far as it fits. `err` says what kind it is;
 * what is the server's own fault is not told in words. */
void errand_work_fault(struct errand_work *work, const char *param, const char *message);
