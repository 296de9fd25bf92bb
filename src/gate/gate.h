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
struct call_turn;
struct dispatch;
struct gate;
struct http_events;
struct http_listen;
struct http_server;
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
struct upstream_pool;
struct usage_check;

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
    struct id segment; /* of speech that it is a step of; zero: of none */
    int64_t step;
    struct call_turn *turn; /* of a realtime session (call_realtime.h); NULL: of none */
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
    struct repeats *repeats; /* NULL: what SDKs send again are calls of their own */
    struct usage_check *usage_check;
    struct quarantine *quarantine;
    struct price_shelf *prices;
    struct review *review; /* NULL: nothing holds anybody */
    struct quota *quota;
    struct lookout *lookout; /* NULL: nobody looks at what calls look like */
    struct spool *spool;     /* NULL: nothing can be uploaded */
    struct worker_pool *workers;
    struct worker_pool *resolvers; /* of the upstreams' names */
    struct worker_pool *carriers;  /* of what clients upload, to and from its file */
    /* Leaves are missing: nothing is sold. May become true at any time, and stays so. */
    const atomic_bool *log_stopped;
    const struct gate_log *log; /* NULL: receipts come without promise and key */
    uint16_t node;              /* in the ids that are made here */
};

/*
 * Who routes the requests that come in: to a call (intake.h), or to what is no call. The events are
 * those of net/server.h; the server's owner is the gate.
 */
struct gate_router {
    const struct http_events *events;
    void *owner; /* gate_owner() */
};

/* Takes over the caller's reference of `snapshot`. */
EP_MUST_CHECK enum err gate_create(struct loop *loop, const struct gate_world *world,
                                   struct gate_snapshot *snapshot, const struct gate_router *router,
                                   struct gate **ret_gate, struct fail *fail);
EP_MUST_CHECK enum err gate_listen(struct gate *gate, const struct address *address,
                                   struct tls_context *tls, struct address *ret_bound,
                                   struct fail *fail);
/* As above, by a link: what `listen` names lives as long as the gate. */
EP_MUST_CHECK enum err gate_listen_link(struct gate *gate, const struct http_listen *listen,
                                        struct address *ret_bound, struct fail *fail);
/* From here on calls begin with `snapshot` (its reference is taken over); those under way end with
 * the one they began with. */
void gate_swap(struct gate *gate, struct gate_snapshot *snapshot);
/* Takes no new connections, closes idle ones; calls under way end in their own time. */
void gate_drain(struct gate *gate);
/* Calls and exchanges under way. */
size_t gate_busy(const struct gate *gate);
/* Cuts what is still under way: each call is settled for what was delivered. */
void gate_cut(struct gate *gate);
/* Drained, and nothing is under way: closes the connections that are left, which may have sent a
 * part of a request, so that nothing begins any more. */
void gate_close(struct gate *gate);
/* Nothing is under way. NULL is allowed. Destroy the worker pool first. */
void gate_destroy(struct gate *gate);

/* Of its router. */
void *gate_owner(const struct gate *gate);
/* That requests come in by, those made within the process too. */
struct http_server *gate_server(const struct gate *gate);
/* Of connections to upstreams. */
struct upstream_pool *gate_pool(const struct gate *gate);
/* Whether leaves are missing from the log, so that nothing may be sold. */
bool gate_log_stopped(const struct gate *gate);
