/*
 * Batches as rows: files that clients have handed in, batches of requests that are worked off
 * within a day, and what came of them. Contents are files of their own (content.h); rows say whose
 * they are and until when they are kept.
 *
 *   VALIDATING > IN_PROGRESS > COMPLETED | EXPIRED
 *        |            |
 *        +------------+--> CANCELLING > CANCELLED
 *        +------------+--> FAILED
 *
 * A batch has ended when `ended_ns` is set, with its results; it is set once. Who works it off
 * writes counts and watermark, whoever cancels it the state: neither writes what is the other's.
 *
 * Threads: over a reader's snapshot or inside a job, as each function says. Times are nanoseconds
 * since 1970 UTC; 0: not yet.
 */
#pragma once

#include "base/id.h"
#include "base/ip.h"
#include "store/store.h"

extern const struct store_migration batch_migration;

#define BATCH_PREFIX          "batch_"
#define BATCH_FILE_PREFIX     "file-"
#define BATCH_MESSAGES_PREFIX "msgbatch_"

#define BATCH_WINDOW_NS    (INT64_C(24) * 3600 * 1000000000)
#define BATCH_NAME_MAX     255   /* bytes of a file's name, as file systems have it */
#define BATCH_OPEN_MAX     100   /* batches of a client that have not ended: more are no hurry */
#define BATCH_EXPIRE_MAX   256   /* rows that a job removes */
#define BATCH_METADATA_MAX 16384 /* sixteen pairs of 64 and 512 characters, escaped */

/* Whose API it was made by: what its lines and its results look like. */
enum batch_shape {
    BATCH_OPENAI,
    BATCH_ANTHROPIC
};

enum batch_state {
    BATCH_VALIDATING,
    BATCH_IN_PROGRESS,
    BATCH_CANCELLING,
    BATCH_COMPLETED,
    BATCH_FAILED,
    BATCH_EXPIRED,
    BATCH_CANCELLED,
    BATCH_STATES
};

/* As OpenAI's API calls it. */
struct str batch_state_name(enum batch_state state);

/* Whose a file or a batch is: of one client and one product, whichever key asks. */
struct batch_owner {
    struct id client;
    struct str product;
};

struct batch_file {
    struct id id;
    struct batch_owner owner;
    struct str purpose; /* "batch", "batch_output"; "messages": of Anthropic's, in no list */
    struct str name;    /* the client's */
    int64_t bytes;
    int64_t created_ns;
    int64_t until_ns; /* it is kept */
};

struct batch_counts {
    int64_t total;
    int64_t completed;
    int64_t failed;
    int64_t expired;
    int64_t cancelled;
};

struct batch {
    struct id id;
    struct batch_owner owner;
    struct id key; /* that made it: its lines are calls of this key */
    enum batch_shape shape;
    enum batch_state state;
    struct str endpoint; /* "/v1/chat/completions" */
    struct str metadata; /* a JSON object, or empty */
    /* Who asked, as it was noted when the batch was handed in. */
    struct str market; /* that was said; empty: none */
    struct str link;
    struct str address; /* empty: nobody knows */
    struct id input;
    struct id output; /* where results go; there once it has ended, if has_output */
    struct id errors;
    bool has_output;
    bool has_errors;
    struct batch_counts counts;
    int64_t begun; /* lines that may have been begun: all below the number */
    int64_t begun_ns;
    int64_t created_ns;
    int64_t started_ns;
    int64_t deadline_ns;
    int64_t cancelling_ns;
    int64_t finalizing_ns;
    int64_t ended_ns;
    int64_t until_ns; /* it and its files are kept */
    struct str fault; /* of one that failed: a JSON array of {code, line, message, param} */
};

/* Texts are valid in the callback. Anything but ERR_OK ends the walk with it. */
typedef enum err batch_file_fn(void *context, const struct batch_file *file);
typedef enum err batch_fn(void *context, const struct batch *batch);

/* ---- files ------------------------------------------------------------------------------- */

/* Inside a job: its content is durable already. */
EP_MUST_CHECK enum err batch_file_add(struct store_txn *txn, const struct batch_file *file,
                                      struct fail *fail);
/* Over a snapshot, or inside a job. ERR_NOT_FOUND: the owner has none of that id. */
EP_MUST_CHECK enum err batch_file_find(struct store_txn *txn, const struct batch_owner *owner,
                                       struct id id, batch_file_fn *told, void *context,
                                       struct fail *fail);

/* A page of a list, the newest first. */
struct batch_page {
    struct id after; /* zero: from the newest on */
    int64_t limit;
};
/* Over a snapshot: one more than the limit, if there are more. ERR_NOT_FOUND: `after` is none of
 * the owner's. */
EP_MUST_CHECK enum err batch_file_each(struct store_txn *txn, const struct batch_owner *owner,
                                       const struct batch_page *page, batch_file_fn *told,
                                       void *context, struct fail *fail);
/* Inside a job. */
EP_MUST_CHECK enum err batch_file_remove(struct store_txn *txn, struct id id, struct fail *fail);
/* Over a snapshot: bytes that the client's files take. */
EP_MUST_CHECK enum err batch_file_bytes(struct store_txn *txn, struct id client, int64_t *ret_bytes,
                                        struct fail *fail);
/* Over a snapshot: those whose time was over before `now_ns` and that no batch reads any more, at
 * most BATCH_EXPIRE_MAX. */
EP_MUST_CHECK enum err batch_file_due(struct store_txn *txn, int64_t now_ns, batch_file_fn *told,
                                      void *context, struct fail *fail);
/* Over a snapshot: all of a client's, whatever the product. */
EP_MUST_CHECK enum err batch_file_of_client(struct store_txn *txn, struct id client,
                                            batch_file_fn *told, void *context, struct fail *fail);

/* ---- batches ----------------------------------------------------------------------------- */

/* Inside a job. ERR_LIMIT: the client has BATCH_OPEN_MAX that have not ended. */
EP_MUST_CHECK enum err batch_add(struct store_txn *txn, const struct batch *batch,
                                 struct fail *fail);
/* As batch_file_find(). */
EP_MUST_CHECK enum err batch_find(struct store_txn *txn, const struct batch_owner *owner,
                                  enum batch_shape shape, struct id id, batch_fn *told,
                                  void *context, struct fail *fail);
EP_MUST_CHECK enum err batch_each(struct store_txn *txn, const struct batch_owner *owner,
                                  enum batch_shape shape, const struct batch_page *page,
                                  batch_fn *told, void *context, struct fail *fail);
/* For the operator: by id alone, and all of them, the newest first. */
EP_MUST_CHECK enum err batch_any(struct store_txn *txn, struct id id, batch_fn *told, void *context,
                                 struct fail *fail);
EP_MUST_CHECK enum err batch_all(struct store_txn *txn, int64_t limit, batch_fn *told,
                                 void *context, struct fail *fail);
/* Over a snapshot: those that have not ended, the oldest first. */
EP_MUST_CHECK enum err batch_unended(struct store_txn *txn, batch_fn *told, void *context,
                                     struct fail *fail);
/* Inside a job: it is to be cancelled. Nothing where it has ended or is cancelled already. */
EP_MUST_CHECK enum err batch_cancel(struct store_txn *txn, struct id id, int64_t now_ns,
                                    struct fail *fail);
/* Inside a job, by who works it off: it has begun, with so many lines. */
EP_MUST_CHECK enum err batch_start(struct store_txn *txn, const struct batch *batch,
                                   struct fail *fail);
/* Counts and watermark. */
EP_MUST_CHECK enum err batch_mark(struct store_txn *txn, const struct batch *batch,
                                  struct fail *fail);
/* Its end: state, times (until_ns too), counts, which results there are, and the fault. */
EP_MUST_CHECK enum err batch_end(struct store_txn *txn, const struct batch *batch,
                                 struct fail *fail);
/* Inside a job. */
EP_MUST_CHECK enum err batch_remove(struct store_txn *txn, struct id id, struct fail *fail);
/* Inside a job: those that ended and whose time was over before `now_ns` go. */
EP_MUST_CHECK enum err batch_expire(struct store_txn *txn, int64_t now_ns, struct fail *fail);
/* Over a snapshot: all of a client's, whatever shape and product. */
EP_MUST_CHECK enum err batch_of_client(struct store_txn *txn, struct id client, batch_fn *told,
                                       void *context, struct fail *fail);
