/*
 * The front: all that comes in by the door of one loop's gate. Requests are routed here: to a call
 * (gate/intake.h), or to what is no call itself: errands (keys, credit, receipts, files, batches,
 * devices), sessions of realtime and of toys that are spoken with. What these sell, they sell by
 * calls: requests made within the process (net/inner.h), which come in here like any other.
 *
 * Threads: one front a loop, on its thread. What struct front_world names is shared by all fronts
 * and must outlive them.
 */
#pragma once

#include "gate/gate.h"

struct front;
struct voice_seats;

/* What batches need (batch_run.h); shared by all fronts. */
struct front_batches {
    const char *folder; /* of contents, which is there */
    size_t file_bytes_max;
    int64_t client_bytes_max;
    size_t lines_max;
    size_t calls_max;    /* lines that are calls at once */
    int64_t idem_ns;     /* for how long the answer of a call is kept for its key */
    atomic_uint changes; /* one more for each batch that was made or is to be cancelled */
};

struct front_world {
    struct gate_world gate;
    struct voice_seats *voice_seats; /* NULL: nobody speaks here */
    struct str farewell; /* of toys; voice_farewell_check() was given it; empty: they say none */
    struct worker_pool *readers;   /* of files that anybody may read: they wait for each other */
    const char *log_folder;        /* that is published; NULL: none */
    const char *pages_folder;      /* of the page that verifies receipts; NULL: none */
    struct front_batches *batches; /* NULL: none are sold here */
    struct str openapi; /* describes what is served; lives as long as the process; empty: none */
};

/* With a gate of its own. Takes over the caller's reference of `snapshot`. */
EP_MUST_CHECK enum err front_create(struct loop *loop, const struct front_world *world,
                                    struct gate_snapshot *snapshot, struct front **ret_front,
                                    struct fail *fail);
EP_MUST_CHECK enum err front_listen(struct front *front, const struct address *address,
                                    struct tls_context *tls, struct address *ret_bound,
                                    struct fail *fail);
/* As above, by a link: what `listen` names lives as long as the front. */
EP_MUST_CHECK enum err front_listen_link(struct front *front, const struct http_listen *listen,
                                         struct address *ret_bound, struct fail *fail);
/* This loop works the batches off; one of a server's does. The world has `batches`. */
EP_MUST_CHECK enum err front_run_batches(struct front *front, struct fail *fail);
/* From here on all begins with `snapshot` (its reference is taken over); calls under way end with
 * the one they began with. */
void front_swap(struct front *front, struct gate_snapshot *snapshot);
/* Takes no new connections, closes idle ones; what is under way ends in its own time. */
void front_drain(struct front *front);
/* Calls, errands and sessions under way, and what batches have not noted yet. */
size_t front_busy(const struct front *front);
/* Cuts what is still under way: each call is settled for what was delivered. */
void front_cut(struct front *front);
/* Drained, and nothing is under way: closes the connections that are left, which may have sent a
 * part of a request, so that nothing begins any more. */
void front_close(struct front *front);
/* Nothing is under way. NULL is allowed. Destroy the worker pool first. */
void front_destroy(struct front *front);
