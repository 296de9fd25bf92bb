/*
 * The gate: calls served on one loop, from a client's request to its receipt. call.c tells the
 * story; snapshot.h is what all loops share of configuration and registry.
 *
 * Threads: one gate a loop, on its thread. What struct gate_world names is shared by all gates and
 * must outlive them.
 */
#pragma once

#include <stdatomic.h>

#include "base/id.h"
#include "gate/snapshot.h"
#include "loop/worker.h"
#include "tlog/note.h"

struct api_key;
struct dispatch;
struct gate;
struct http_listen;
struct ident;
struct ledger;
struct limits;
struct lookout;
struct lookup;
struct price_shelf;
struct quota;
struct review;
struct quarantine;
struct repeats;
struct retry_budget;
struct spool;
struct store;
struct tlog;
struct tls_context;
struct usage_check;
struct voice_seats;

/* The log that receipts are leaves of, as they name it. */
struct gate_log {
    struct note_key key;           /* its name is the log's origin */
    const struct sign_key *secret; /* signs promises; NULL: none are made */
};

/* For whom an exchange that the server makes itself asks (net/inner.h): its `actor`. */
struct gate_actor {
    const struct api_key *key;
    const char *hint;  /* the key's when it was shown: one that was rotated since ends it; NULL: of
                        * what outlives a key's text */
    struct id batch;   /* whose line it is; zero: of none */
    struct id segment; /* of speech that it is a step of (gate/voice.h); zero: of none */
    int64_t step;
};

/* What batches need (gate/batch_run.h); shared by all gates. */
struct gate_batches {
    const char *folder; /* of contents, which is there */
    size_t file_bytes_max;
    int64_t client_bytes_max;
    size_t lines_max;
    size_t calls_max;    /* lines that are calls at once */
    int64_t idem_ns;     /* for how long the answer of a call is kept for its key */
    atomic_uint changes; /* one more for each batch that was made or is to be cancelled */
};

struct gate_world {
    struct store *store;
    struct ident *ident;
    struct ledger *ledger;
    struct tlog *tlog;
    struct dispatch *dispatch;
    struct limits *limits;
    struct retry_budget *retries;
    struct retry_budget *hedges;
    struct repeats *repeats;         /* NULL: what SDKs send again are calls of their own */
    struct voice_seats *voice_seats; /* NULL: nobody speaks here */
    struct str farewell; /* of toys, a sound file that voice_farewell_check() was given; or empty */
    struct usage_check *usage_check;
    struct quarantine *quarantine;
    struct price_shelf *prices;
    struct review *review; /* NULL: nothing holds anybody */
    struct quota *quota;
    struct lookout *lookout; /* NULL: nobody looks at what calls look like */
    struct spool *spool;     /* NULL: nothing can be uploaded */
    struct worker_pool *workers;
    struct worker_pool *resolvers; /* of the upstreams' names */
    struct worker_pool *readers;   /* of files that anybody may read: they wait for each other */
    /* Leaves are missing: nothing is sold. May become true at any time, and stays so. */
    const atomic_bool *log_stopped;
    const struct gate_log *log;   /* NULL: receipts come without promise and key */
    const char *log_folder;       /* that is published; NULL: none */
    const char *pages_folder;     /* of the page that verifies receipts; NULL: none */
    struct gate_batches *batches; /* NULL: none are sold here */
    struct str openapi; /* describes what is served; lives as long as the process; empty: none */
    uint16_t node;      /* in the ids that are made here */
};

/* Takes over the caller's reference of `snapshot`. */
EP_MUST_CHECK enum err gate_create(struct loop *loop, const struct gate_world *world,
                                   struct gate_snapshot *snapshot, struct gate **ret_gate,
                                   struct fail *fail);
EP_MUST_CHECK enum err gate_listen(struct gate *gate, const struct address *address,
                                   struct tls_context *tls, struct address *ret_bound,
                                   struct fail *fail);
/* As above, by a link: what `listen` names lives as long as the gate. */
EP_MUST_CHECK enum err gate_listen_link(struct gate *gate, const struct http_listen *listen,
                                        struct address *ret_bound, struct fail *fail);
/* This loop works the batches off; one of a server's does. The world has `batches`. */
EP_MUST_CHECK enum err gate_run_batches(struct gate *gate, struct fail *fail);
/* From here on calls begin with `snapshot` (its reference is taken over); those under way end with
 * the one they began with. */
void gate_swap(struct gate *gate, struct gate_snapshot *snapshot);
/* Takes no new connections, closes idle ones; calls under way end in their own time. */
void gate_drain(struct gate *gate);
/* Calls and errands under way, and what batches have not noted yet. */
size_t gate_busy(const struct gate *gate);
/* Cuts what is still under way: each call is settled for what was delivered. */
void gate_cut(struct gate *gate);
/* Drained, and nothing is under way: closes the connections that are left, which may have sent a
 * part of a request, so that nothing begins any more. */
void gate_close(struct gate *gate);
/* Nothing is under way. NULL is allowed. Destroy the worker pool first. */
void gate_destroy(struct gate *gate);
