/*
 * A running server as its own files see it: what `entrepot serve` opens and starts. serve.c is the
 * story, crew.c the loop threads, publishing.c the log's checkpoints, office.c the operator's
 * listener, desk.c the control socket, reload.c what SIGHUP and `registry apply` do.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "app/share.h"
#include "app/world.h"
#include "dispatch/dispatch.h"
#include "dispatch/limits.h"
#include "gate/gate.h"
#include "gate/retry_budget.h"
#include "loop/worker.h"
#include "net/server.h"
#include "net/tls.h"

#define SERVER_THREADS_MAX 64

struct crew_member;
struct crew_swap;
struct lookout;
struct publishing;
struct repeats;
struct voice_seats;

struct server {
    struct world *world;
    struct loop *loop; /* of the main thread: office, desk, signals */
    struct worker_pool *workers;
    struct worker_pool *resolvers; /* of names: a name service that is down blocks nobody else */
    struct worker_pool *readers;   /* of files that anybody may read */
    struct worker_pool *carriers;  /* of uploads: a disk that is slow keeps nobody else waiting */
    char pages[SHARE_PATH_MAX];    /* the folder of the page that verifies receipts; "": none */
    struct publishing *publishing;
    struct dispatch *dispatch;
    struct limits *limits;
    struct spool *spool; /* of uploads */
    struct retry_budget retries;
    struct retry_budget hedges;
    struct repeats *repeats; /* NULL: what SDKs send again is not looked for */
    struct voice_seats *voice_seats;
    struct buf farewell; /* a WAV file; empty: none */
    struct lookout *lookout;
    struct geo *geo; /* the last snapshot's, to be shared while its files stay; NULL: none */
    struct tls_context *tls_clients; /* NULL: plain */
    struct tls_context *tls_upstreams;
    struct crew_member *crew;
    size_t crew_count;
    struct http_server *office;
    struct http_server *desk;
    size_t desk_busy;            /* acts under way on workers */
    pthread_mutex_t reload_lock; /* one reload at a time, of `geo` too; the crew stays meanwhile */
    atomic_bool ready;           /* selling */
    bool stopping;
};

/* crew.c */
EP_MUST_CHECK enum err crew_start(struct server *server, struct gate_snapshot *snapshot,
                                  struct fail *fail);
/*
 * Makes everything ready that a swap of all members' snapshot takes; NULL: no memory. Then either
 * run: calls begin with `snapshot` from its end on, everywhere, and how long it took comes back
 * (ns); or drop. From a thread that may wait.
 */
EP_MUST_CHECK struct crew_swap *crew_swap_create(struct server *server,
                                                 struct gate_snapshot *snapshot);
int64_t crew_swap_run(struct crew_swap *swap);
void crew_swap_drop(struct crew_swap *swap); /* NULL is allowed */
/* Lets calls end, cuts what is left after `drain_ns`; returns when all threads have ended. */
void crew_stop(struct server *server, int64_t drain_ns);
/* After the workers have ended. */
void crew_destroy(struct server *server);

/* office.c */
EP_MUST_CHECK enum err office_open(struct server *server, struct fail *fail);
/* desk.c */
EP_MUST_CHECK enum err desk_open(struct server *server, struct fail *fail);
void desk_close(struct server *server);

/* reload.c */
void reload_options(const struct conf *conf, struct gate_options *ret_options);
/* The country databases as their files are now, NULL if none are named; a reference. */
/* The country databases that `conf` names: those of the last snapshot if their files stayed as they
 * were. *ret_geo has a reference; NULL: none are named. */
EP_MUST_CHECK enum err reload_geo(struct server *server, const struct conf *conf,
                                  struct geo **ret_geo, struct fail *fail);
enum reload_kind {
    RELOAD_SIGNALLED, /* the registry comes along only where it may come into force */
    RELOAD_APPLIED    /* the registry is what is asked for: both, or neither */
};
/* Reads again and swaps; from a worker's thread. What is wrong goes to `errors`. */
EP_MUST_CHECK enum err reload_run(struct server *server, enum reload_kind kind,
                                  struct world_applied *ret_applied, struct buf *errors);
