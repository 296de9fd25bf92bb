#include "app/serve.h"
#include "app/law_clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/allowed.h"
#include "app/eraser.h"
#include "app/file_text.h"
#include "app/helpers.h"
#include "app/log_leaves.h"
#include "app/publishing.h"
#include "app/rounds.h"
#include "app/server.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "front/voice_farewell.h"
#include "front/voice_seats.h"
#include "gate/repeats.h"
#include "ledger/idem.h"
#include "policy/geo.h"
#include "store/spool.h"

#define SERVE_ERRORS_MAX ((size_t)1 << 20)
#define SERVE_WORKERS    4 /* receipts and commands: seldom more than two at once */
#define SERVE_RESOLVERS  8 /* names that hang for ten seconds leave some for those that do not */
#define SERVE_READERS    2 /* files are small, and seldom not in memory */
#define SERVE_CARRIERS   2 /* a piece of 64 KiB takes 30 us, where the disk keeps up */
#define SERVE_QUEUE_MAX  4096
#define SERVE_LOOK_NS    STAMP_NS_PER_S /* how late credit may be over, or a hold's rest of it */
#define SERVE_MINUTE_NS  (INT64_C(60) * STAMP_NS_PER_S)
#define SERVE_HOUR_NS    (INT64_C(3600) * STAMP_NS_PER_S)

#define SERVE_MARK_NS STAMP_NS_PER_S /* the log's mark: what a crash and an old backup can hide */
#define SERVE_PUBLISH_NS \
    (INT64_C(3) * STAMP_NS_PER_S) /* at the end, for the last receipts' proofs */

/* The parts of a run that nobody else sees. */
struct serve {
    struct server server;
    struct helpers helpers;
    pthread_t signals;
    bool signals_run;
    struct job reload;
    bool reload_runs;
    bool reload_again; /* when it is over */
    struct job expire;
    bool expire_runs;
    struct timer expire_timer;
    int64_t expired_ns; /* on the loop's clock: when the job last began; 0: not yet */
    struct job mark;
    bool mark_runs;
    struct timer mark_timer;
    struct rounds rounds;
    struct eraser eraser;
    struct mail hangup;
    struct mail stop;
    atomic_bool hangup_sent;
    atomic_bool stop_sent;
    struct law_clock *law_clock;
};

/* ---- signals ------------------------------------------------------------------------------ */

static void serve_signal_set(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGUSR1); /* ends the waiting thread */
}

/* Waits for signals and posts them to the main loop; SIGUSR1 is its own end. */
static void *serve_signals(void *context)
{
    struct serve *serve = context;
    sigset_t set;
    serve_signal_set(&set);
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0 || number == SIGUSR1) {
            return NULL;
        }
        bool hangup = number == SIGHUP;
        if (!atomic_exchange(hangup ? &serve->hangup_sent : &serve->stop_sent, true)) {
            mail_send(serve->server.loop, hangup ? &serve->hangup : &serve->stop);
        }
    }
}

static void serve_reload_work(struct job *job)
{
    struct serve *serve = EP_CONTAINER(job, struct serve, reload);
    struct buf errors;
    struct world_applied applied;
    buf_init(&errors, SERVE_ERRORS_MAX);
    /* It has logged what is wrong. */
    EP_IGNORE(reload_run(&serve->server, RELOAD_SIGNALLED, &applied, &errors));
    buf_fini(&errors);
}

static void serve_reload(struct serve *serve)
{
    serve->reload_again = serve->reload_runs;
    if (!serve->reload_runs && !serve->server.stopping) {
        serve->reload_runs = job_submit(serve->server.workers, &serve->reload) == ERR_OK;
    }
}

static void serve_reload_over(struct mail *mail)
{
    struct serve *serve = EP_CONTAINER(mail, struct serve, reload.mail);
    serve->reload_runs = false;
    if (serve->reload_again) {
        serve_reload(serve); /* a signal that came meanwhile was about files read before it */
    }
}

static void serve_on_hangup(struct mail *mail)
{
    struct serve *serve = EP_CONTAINER(mail, struct serve, hangup);
    atomic_store(&serve->hangup_sent, false);
    serve_reload(serve);
}

static void serve_on_stop(struct mail *mail)
{
    struct serve *serve = EP_CONTAINER(mail, struct serve, stop);
    loop_stop(serve->server.loop);
}

/* ---- credit and Idempotency-Keys that end -------------------------------------------------- */

static void serve_on_warning(void *context, const struct ledger_warning *warning)
{
    struct log_line line;
    (void)context;
    counter_add(COUNTER_CREDIT_WARNINGS, 1);
    log_begin(&line, EVENT_CREDIT_ENDS_SOON);
    log_id(&line, "account", STR("acct_"), warning->account);
    log_int(&line, "lot", warning->lot);
    log_int(&line, "days", warning->days);
    log_int(&line, "left_nano", warning->left);
    log_str(&line, "currency", str_from(warning->currency));
    log_int(&line, "expires_s", warning->expires_ns / STAMP_NS_PER_S);
    log_end(&line);
}

static void serve_expire_credit(struct ledger *ledger, int64_t now_ns)
{
    int64_t amount = 0;
    int64_t ending = 0;
    /* A failed store has said so already. */
    if (ledger_expire(ledger, now_ns, &amount, NULL) == ERR_OK && amount > 0) {
        struct log_line line;
        counter_add(COUNTER_CREDIT_EXPIRED_NANO, amount);
        log_begin(&line, EVENT_CREDIT_EXPIRED);
        log_int(&line, "amount_nano", amount);
        log_end(&line);
    }
    if (ledger_warn(ledger, now_ns, serve_on_warning, NULL, &ending, NULL) == ERR_OK) {
        counter_set(COUNTER_CREDIT_ENDING, ending);
    }
}

static void serve_expire_work(struct job *job)
{
    struct serve *serve = EP_CONTAINER(job, struct serve, expire);
    const struct world *world = serve->server.world;
    int64_t now_ns = stamp_system_ns();
    int64_t keep_ns = (int64_t)world->conf->limits_idempotency_hours * SERVE_HOUR_NS;
    int64_t count = 0;
    serve_expire_credit(world->ledger, now_ns);
    EP_IGNORE(idem_expire(world->ledger, now_ns - keep_ns, &count, NULL));
}

static void serve_expire_over(struct mail *mail)
{
    EP_CONTAINER(mail, struct serve, expire.mail)->expire_runs = false;
}

/* Each minute, and as soon as a lot's time has come. */
static bool serve_must_expire(const struct serve *serve, int64_t now_ns)
{
    return serve->expired_ns == 0 || now_ns - serve->expired_ns >= SERVE_MINUTE_NS ||
           ledger_next_expiry(serve->server.world->ledger) <= stamp_system_ns();
}

static void serve_on_expire(struct timer *timer)
{
    struct serve *serve = EP_CONTAINER(timer, struct serve, expire_timer);
    struct server *server = &serve->server;
    int64_t now_ns = loop_now_ns(server->loop);
    bool stopped = atomic_load(&server->world->log_stopped);
    if (server->repeats != NULL) {
        repeats_sweep(server->repeats, now_ns);
    }
    if (!serve->expire_runs && !stopped && serve_must_expire(serve, now_ns)) {
        serve->expire_runs = job_submit(server->workers, &serve->expire) == ERR_OK;
        serve->expired_ns = now_ns;
    }
    int64_t wait_ns = ledger_next_expiry(server->world->ledger) - stamp_system_ns();
    bool sooner = wait_ns > 0 && wait_ns < SERVE_LOOK_NS;
    enum err err = timer_start(server->loop, timer, now_ns + (sooner ? wait_ns : SERVE_LOOK_NS));
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

/* ---- how far the log has come -------------------------------------------------------------- */

static void serve_mark_work(struct job *job)
{
    struct serve *serve = EP_CONTAINER(job, struct serve, mark);
    /* The mark is a lower bound: the next second may do better, and the store tells of its own. */
    EP_IGNORE(world_note_log(serve->server.world, NULL));
}

static void serve_mark_over(struct mail *mail)
{
    EP_CONTAINER(mail, struct serve, mark.mail)->mark_runs = false;
}

static void serve_on_mark(struct timer *timer)
{
    struct serve *serve = EP_CONTAINER(timer, struct serve, mark_timer);
    struct server *server = &serve->server;
    if (!serve->mark_runs) {
        serve->mark_runs = job_submit(server->workers, &serve->mark) == ERR_OK;
    }
    enum err err = timer_start(server->loop, timer, loop_now_ns(server->loop) + SERVE_MARK_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

/* ---- starting ----------------------------------------------------------------------------- */

static enum err serve_tls(struct server *server, struct fail *fail)
{
    const struct conf *conf = server->world->conf;
    if (conf->listen_tls_cert.len > 0) {
        TRY(tls_server_create(conf->listen_tls_cert.ptr, conf->listen_tls_key.ptr,
                              &server->tls_clients, fail));
    }
    return tls_client_create(conf->upstream_ca.len > 0 ? conf->upstream_ca.ptr : NULL,
                             &server->tls_upstreams, fail);
}

static size_t serve_threads(const struct conf *conf)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = conf->threads > 0 ? (size_t)conf->threads : cores > 0 ? (size_t)cores : 1;
    return threads < SERVER_THREADS_MAX ? threads : SERVER_THREADS_MAX;
}

static enum err serve_snapshot(struct server *server, struct gate_snapshot **ret_snapshot,
                               struct fail *fail)
{
    struct gate_options options;
    struct geo *geo = NULL;
    reload_options(server->world->conf, &options);
    TRY(reload_geo(server, server->world->conf, &geo, fail));
    const struct registry *registry = world_registry(server->world);
    if (dispatch_learn(server->dispatch, registry) != ERR_OK) {
        registry_unref(registry);
        geo_unref(geo);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the routes");
    }
    enum err err = gate_snapshot_create(registry,
                                        &(struct gate_snapshot_parts){
                                            .options = &options,
                                            .folder = server->world->folder,
                                            .tls = server->tls_upstreams,
                                            .shelf = server->world->shelf,
                                            .geo = geo,
                                        },
                                        ret_snapshot, fail);
    geo_unref(geo);
    return err;
}

struct serve_start {
    struct store_job job;
    struct tlog *tlog;
    struct log_start start;
};

static enum err serve_write_start(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct serve_start *start = EP_CONTAINER(job, struct serve_start, job);
    return log_leaf_start(start->tlog, txn, &start->start, fail);
}

/* What the log says of a restart; nothing, where the log has stopped. */
static enum err serve_note_start(struct world *world, struct fail *fail)
{
    struct serve_start start = {
        .job = { .run = serve_write_start },
        .tlog = world->tlog,
        .start = {
            .program = STR(EP_VERSION),
            .registry = world->version,
            .now_ns = stamp_system_ns(),
        },
    };
    return atomic_load(&world->log_stopped) ? ERR_OK : store_run(world->store, &start.job, fail);
}

static enum err serve_open_loop(struct serve *serve, struct fail *fail)
{
    struct server *server = &serve->server;
    TRY(loop_create_real(&server->loop, fail));
    TRY(worker_pool_create(SERVE_WORKERS, SERVE_QUEUE_MAX, &server->workers, fail));
    TRY(worker_pool_create(SERVE_RESOLVERS, SERVE_QUEUE_MAX, &server->resolvers, fail));
    TRY(worker_pool_create(SERVE_READERS, SERVE_QUEUE_MAX, &server->readers, fail));
    TRY(worker_pool_create(SERVE_CARRIERS, SERVE_QUEUE_MAX, &server->carriers, fail));
    if (!share_verify(server->pages)) {
        server->pages[0] = '\0';
    }
    TRY(publishing_open(server, &server->publishing, fail));
    return serve_note_start(server->world, fail);
}

static enum err serve_spool(struct server *server, struct fail *fail)
{
    const struct conf *conf = server->world->conf;
    const struct spool_options options = {
        .folder = conf->uploads_folder.ptr,
        .files_max = conf->uploads_files,
        .bytes_max = conf->uploads_bytes,
    };
    return spool_create(&options, &server->spool, fail);
}

/* What toys say when they may not go on. */
static enum err serve_farewell(struct server *server, struct fail *fail)
{
    const char *path = server->world->conf->voice_farewell.ptr;
    struct fail why = { .text = "" };
    buf_init(&server->farewell, VOICE_FAREWELL_BYTES_MAX);
    if (server->world->conf->voice_farewell.len == 0) {
        return ERR_OK;
    }
    TRY(file_text_read(path, &server->farewell, fail));
    enum err err = voice_farewell_check(buf_str(&server->farewell), &why);
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "voice.farewell: \"%s\": %s", path, why.text);
}

static enum err serve_open(struct serve *serve, bool sandbox, struct fail *fail)
{
    struct server *server = &serve->server;
    struct gate_snapshot *snapshot = NULL;
    TRY(serve_tls(server, fail));
    if (sandbox) {
        TRY(helpers_start(&serve->helpers, server->world->registry,
                          server->world->conf->vocabularies, fail));
    }
    TRY(serve_open_loop(serve, fail));
    if (dispatch_create(&server->dispatch) != ERR_OK || limits_create(&server->limits) != ERR_OK ||
        voice_seats_create(&server->voice_seats) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for routes, limits and seats");
    }
    TRY(allowed_begin(server->world, server->limits, fail));
    retry_budget_init(&server->retries, loop_now_ns(server->loop));
    retry_budget_init_hedges(&server->hedges, loop_now_ns(server->loop));
    int64_t repeat_ns = (int64_t)server->world->conf->limits_repeat_ms * STAMP_NS_PER_MS;
    TRY(repeat_ns == 0 ? ERR_OK : repeats_create(repeat_ns, &server->repeats, fail));
    TRY(rounds_open(&serve->rounds, server, fail));
    TRY(serve_spool(server, fail));
    TRY(serve_farewell(server, fail));
    server->world->dispatch = server->dispatch;
    TRY(office_open(server, fail));
    TRY(desk_open(server, fail));
    TRY(serve_snapshot(server, &snapshot, fail));
    server->crew_count = serve_threads(server->world->conf);
    enum err err = crew_start(server, snapshot, fail);
    gate_snapshot_unref(snapshot);
    TRY(err);
    int error = pthread_create(&serve->signals, NULL, serve_signals, serve);
    if (error != 0) {
        errno = error;
        return FAIL_SYS(fail, ERR_IO, "could not start the signals' thread");
    }
    serve->signals_run = true;
    int64_t now_ns = loop_now_ns(server->loop);
    TRY(timer_start(server->loop, &serve->expire_timer, now_ns));
    TRY(rounds_begin(&serve->rounds, fail));
    TRY(eraser_begin(&serve->eraser, server, fail));
    TRY(law_clock_start(server, &serve->law_clock, fail));
    TRY(publishing_begin(server->publishing, fail));
    return timer_start(server->loop, &serve->mark_timer, now_ns);
}

static enum err serve_registry_reload(void *context, struct world_applied *ret_applied,
                                      struct buf *errors)
{
    return reload_run(context, RELOAD_APPLIED, ret_applied, errors);
}

static void serve_init(struct serve *serve, struct world *world)
{
    *serve = (struct serve){ .server.world = world };
    (void)pthread_mutex_init(&serve->server.reload_lock, NULL);
    serve->hangup.open = serve_on_hangup;
    serve->stop.open = serve_on_stop;
    timer_init(&serve->expire_timer, serve_on_expire);
    timer_init(&serve->mark_timer, serve_on_mark);
    world->reload = serve_registry_reload;
    world->reload_context = &serve->server;
}

static void serve_jobs(struct serve *serve)
{
    struct loop *home = serve->server.loop;
    serve->reload =
        (struct job){ .mail.open = serve_reload_over, .run = serve_reload_work, .home = home };
    serve->expire =
        (struct job){ .mail.open = serve_expire_over, .run = serve_expire_work, .home = home };
    serve->mark =
        (struct job){ .mail.open = serve_mark_over, .run = serve_mark_work, .home = home };
}

/* ---- stopping ----------------------------------------------------------------------------- */

static void serve_close(struct serve *serve)
{
    struct server *server = &serve->server;
    if (serve->signals_run) {
        (void)pthread_kill(serve->signals, SIGUSR1);
        (void)pthread_join(serve->signals, NULL);
    }
    server->stopping = true;
    atomic_store(&server->ready, false);
    crew_stop(server, (int64_t)server->world->conf->limits_drain_ms * STAMP_NS_PER_MS);
    /* Jobs that wait are dropped, those that run end; their mail is opened by the last turns. */
    while (server->loop != NULL &&
           (server->desk_busy > 0 || serve->reload_runs || serve->expire_runs || serve->mark_runs ||
            serve->rounds.runs || serve->eraser.runs)) {
        (void)loop_turn(server->loop, true);
    }
    publishing_end(server->publishing, SERVE_PUBLISH_NS);
    worker_pool_destroy(server->workers);
    worker_pool_destroy(server->resolvers);
    worker_pool_destroy(server->readers);
    worker_pool_destroy(server->carriers);
    crew_destroy(server);
    publishing_close(server->publishing);
    if (server->loop != NULL) {
        timer_stop(server->loop, &serve->expire_timer);
        timer_stop(server->loop, &serve->mark_timer);
        law_clock_stop(serve->law_clock);
        rounds_end(&serve->rounds);
        eraser_end(&serve->eraser);
        desk_close(server);
        http_server_destroy(server->office);
        loop_destroy(server->loop);
    }
    rounds_close(&serve->rounds);
    allowed_end(server->world);
    limits_destroy(server->limits);
    spool_destroy(server->spool);
    repeats_destroy(server->repeats);
    voice_seats_destroy(server->voice_seats);
    buf_fini(&server->farewell);
    server->world->dispatch = NULL;
    dispatch_destroy(server->dispatch);
    geo_unref(server->geo);
    tls_context_destroy(server->tls_clients);
    tls_context_destroy(server->tls_upstreams);
    helpers_stop(&serve->helpers);
    (void)pthread_mutex_destroy(&server->reload_lock);
}

/* ---- the run ------------------------------------------------------------------------------ */

/* Which version runs; and that the folder says something else, where it does. */
static void serve_log_registry(struct world *world)
{
    struct world_registry now = world_in_force(world);
    world_log_registry(EVENT_REGISTRY_IN_FORCE, &now);
    if (world_look_at_folder(world) != WORLD_FOLDER_SAME) {
        world_log_registry(EVENT_REGISTRY_FOLDER, &now);
    }
    registry_unref(now.registry);
}

static void serve_log_started(const struct server *server)
{
    struct log_line line;
    log_begin(&line, EVENT_STARTED);
    log_str(&line, "version", STR(EP_VERSION));
    log_str(&line, "store", str_from(store_engine(server->world->store)));
    log_str(&line, "public", server->world->conf->listen_public.text);
    log_str(&line, "operator", server->world->conf->listen_operator.text);
    log_int(&line, "threads", (int64_t)server->crew_count);
    log_end(&line);
    serve_log_registry(server->world);
    if (server->world->erased_again > 0) {
        log_begin(&line, EVENT_ERASED_AGAIN);
        log_int(&line, "clients", server->world->erased_again);
        log_end(&line);
    }
}

static void serve_log(enum event event)
{
    struct log_line line;
    log_begin(&line, event);
    log_end(&line);
}

static int serve_world(struct world *world, bool sandbox)
{
    static struct serve serve; /* one a process */
    struct fail fail = { .text = "" };
    serve_init(&serve, world);
    enum err err = serve_open(&serve, sandbox, &fail);
    if (err == ERR_OK) {
        serve_jobs(&serve);
        atomic_store(&serve.server.ready, true);
        serve_log_started(&serve.server);
        loop_run(serve.server.loop);
        serve_log(EVENT_STOPPING);
    } else {
        (void)fprintf(stderr, "entrepot: %s\n", fail.text);
    }
    serve_close(&serve);
    return err == ERR_OK ? 0 : 3;
}

/* What the process asks of the system before any thread is there: all inherit it. */
static void serve_prepare_process(void)
{
    sigset_t set;
    struct rlimit files;
    mem_keep();
    serve_signal_set(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is a failed write, as a full disk is */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* as many descriptors as are allowed; fewer still serve */
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int serve_run(const struct args *args)
{
    serve_prepare_process();
    struct fail fail = { .text = "" };
    struct str path = args_value(args, "config");
    struct buf errors;
    struct world *world = NULL;
    buf_init(&errors, SERVE_ERRORS_MAX);
    if (log_start(STDERR_FILENO, &fail) != ERR_OK) {
        (void)fprintf(stderr, "entrepot: %s\n", fail.text);
        return 3;
    }
    enum err err =
        world_open(path.len > 0 ? path.ptr : "entrepot.yaml", WORLD_READ_WRITE, &world, &errors);
    int code = 3;
    (void)fprintf(stderr, STR_FMT, STR_ARG(buf_str(&errors))); /* or warnings, or nothing */
    if (err == ERR_OK) {
        code = serve_world(world, args_has(args, "sandbox"));
        world_close(world);
        serve_log(EVENT_STOPPED);
    }
    buf_fini(&errors);
    log_stop();
    return code;
}
