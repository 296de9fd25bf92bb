/*
 * A running server as its own files see it: what `entrepot serve` opens and starts. serve.c is the
 * story, crew.c the loop threads, office.c the operator's listener, desk.c the control socket,
 * reload.c what SIGHUP and `registry apply` do.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "app/world.h"
#include "dispatch/dispatch.h"
#include "dispatch/limits.h"
#include "gate/gate.h"
#include "loop/worker.h"
#include "net/server.h"
#include "net/tls.h"

#define SERVER_THREADS_MAX 64

struct crew_member;
struct lookout;

struct server {
    struct world *world;
    struct loop *loop; /* of the main thread: office, desk, signals */
    struct worker_pool *workers;
    struct dispatch *dispatch;
    struct limits *limits;
    struct lookout *lookout;
    struct tls_context *tls_clients; /* NULL: plain */
    struct tls_context *tls_upstreams;
    struct crew_member *crew;
    size_t crew_count;
    struct http_server *office;
    struct http_server *desk;
    size_t desk_busy;            /* acts under way on workers */
    pthread_mutex_t reload_lock; /* one reload at a time, and the crew stays while it runs */
    atomic_bool ready;           /* selling */
    bool stopping;
};

/* crew.c */
EP_MUST_CHECK enum err crew_start(struct server *server, struct gate_snapshot *snapshot,
                                  struct fail *fail);
/* Gives each member a reference of its own; any thread. */
void crew_swap(struct server *server, struct gate_snapshot *snapshot);
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
/* Reads again and swaps; from a worker's thread. What is wrong goes to `errors`. */
EP_MUST_CHECK enum err reload_run(struct server *server, struct buf *errors);
