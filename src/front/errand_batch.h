/*
 * What the errands about files and batches share: who asks, whether batches are sold to it, which
 * object and which page it names. Their rows are read and written on a worker's thread.
 * Inside the front only.
 */
#pragma once

#include "batch/batch.h"
#include "front/errand_again.h"
#include "front/errand_work.h"
#include "wire/jsonw.h"

struct api_key;

#define ERRAND_BATCH_ANSWER_MAX ((size_t)4 << 20) /* a page of a thousand, a few KB each */
#define ERRAND_PAGE             20                /* objects of a page where none is asked for */

/* The first part of each; mem_alloc()ed as a whole. */
struct errand_batch {
    struct errand_work work; /* first */
    const struct api_key *key;
    struct batch_owner owner;
    enum batch_shape shape; /* of batches: whose API asks */
    struct id id;           /* of the object that the path names */
    struct id contents[2];  /* that go with it */
    struct batch_page page; /* of a list */
    int64_t keep_ns;        /* content is kept for so long; 0: where it does not matter */
    int64_t now_ns;
    struct errand_again again;
    struct jsonw json; /* into the answer */
    int64_t shown;     /* of a page */
    bool has_more;
};

enum errand_batch_need {
    ERRAND_BATCH_READS,  /* what is there, whether batches are still sold or not */
    ERRAND_BATCH_CHANGES /* something is to be kept: ERR_BATCH_NOT_SOLD, ERR_BATCH_NOT_KEPT */
};

/* Finds out who asks. NULL: it was refused, and so answered. `size`: of the whole errand. */
void *errand_batch_make(struct front *front, struct http_exchange *x, size_t size,
                        enum errand_batch_need need);
/* The id behind `root` in the path, and what stands behind the id: "" or "/content". False: it has
 * none; it was refused as not found, and the errand is gone. */
EP_MUST_CHECK bool errand_batch_name(struct errand_batch *errand, struct http_exchange *x,
                                     struct str path, struct str root, struct str prefix,
                                     struct str *ret_behind);
/* `after` and `limit` of the query. False: one is no such; refused, and the errand is gone. */
EP_MUST_CHECK bool errand_batch_pages(struct errand_batch *errand, struct http_exchange *x,
                                      struct str after, struct str prefix);
/* Whether it may come again, or was sent before. False: its Idempotency-Key is none; refused, and
 * the errand is gone. */
EP_MUST_CHECK bool errand_batch_again(struct errand_batch *errand, struct http_exchange *x);
/* It is freed at its end. */
void errand_batch_start(struct errand_batch *errand, struct http_exchange *x, errand_work_fn *run);
/* Never started. */
void errand_batch_drop(struct errand_batch *errand);

/* Reads or writes with the errand as context, and refuses with what goes wrong. */
void errand_batch_read(struct errand_batch *errand, store_read_fn *read);
void errand_batch_write(struct errand_batch *errand, store_read_fn *write);

/* ---- objects as clients see them ---------------------------------------------------------- */

void errand_batch_put_id(struct jsonw *json, const char *key, struct str prefix, struct id id);
/* `there`: else null. */
void errand_batch_put_id_if(struct jsonw *json, const char *key, bool there, struct str prefix,
                            struct id id);
void errand_put_file(struct jsonw *json, const struct batch_file *file);
/* The file with that id, into the answer. ERR_NOT_FOUND: the owner has none. */
EP_MUST_CHECK enum err errand_file_tell(struct errand_batch *errand, struct store_txn *txn,
                                        struct id id, struct fail *fail);
void errand_put_batch(struct jsonw *json, const struct batch *batch);
void errand_put_messages(struct jsonw *json, const struct batch *batch);

/* errand_batch_show.c: one of the owner's batches, of the errand's shape, is the answer: within a
 * transaction, or as all that the errand is for (errand->id). ERR_NOT_FOUND. */
EP_MUST_CHECK enum err errand_batch_show(struct errand_batch *errand, struct store_txn *txn,
                                         struct id id, struct fail *fail);
void errand_batch_show_run(struct errand_work *work);

/* A content of an owner, sent as it is read: 1 MiB at a time, however large. `find`: on the
 * worker's thread, which file it is; ERR_NOT_FOUND. */
typedef enum err errand_content_fn(struct errand_batch *errand, struct id *ret_file);
void errand_content_start(struct front *front, struct http_exchange *x, struct errand_batch *asked,
                          errand_content_fn *find);

/* A batch was made, or is to be cancelled: who works them off looks. Any thread. */
void errand_batches_changed(const struct front *front);
