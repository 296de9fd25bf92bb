/* The loop threads: each has a loop, a front with its gate, and a listener of its own. */
#include <time.h>

#include "app/embed.h"
#include "app/server.h"
#include "base/mem.h"
#include "base/stamp.h"

#define CREW_LOOK_NS     INT64_C(10000000) /* how often a stopping thread looks if it is idle */
#define CREW_SWAP_WAIT_S 1 /* a turn of a loop takes milliseconds; a thread that stops, for ever */

/* What another thread wants of a member. */
struct crew_mail {
    struct mail mail;
    struct crew_member *member;
    struct gate_snapshot *snapshot; /* of a swap: with a reference, until it is opened */
    struct crew_swap *swap;
    int64_t drain_ns; /* of a stop */
};

/* A swap on all loops. It lives until the last mail is opened, which may be after a thread that is
 * stopping has kept whoever waits for too long. */
struct crew_swap {
    pthread_mutex_t lock;
    pthread_cond_t over;
    size_t open;    /* mails that are under way */
    size_t holders; /* mails under way, and who made it */
    size_t count;
    struct crew_mail mails[];
};

struct crew_member {
    struct loop *loop;
    struct front *front;
    pthread_t thread;
    bool thread_runs;
    struct timer look;
    int64_t cut_at_ns;
    bool cut;
    struct crew_mail stop; /* needs no memory when it matters */
};

static void crew_on_look(struct timer *timer)
{
    struct crew_member *member = EP_CONTAINER(timer, struct crew_member, look);
    int64_t now_ns = loop_now_ns(member->loop);
    if (front_busy(member->front) == 0) {
        front_close(member->front); /* a request that is still coming in would begin a call */
        loop_stop(member->loop);
        return;
    }
    if (!member->cut && now_ns >= member->cut_at_ns) {
        member->cut = true;
        front_cut(member->front);
    }
    enum err err = timer_start(member->loop, timer, now_ns + CREW_LOOK_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

static void crew_on_stop(struct mail *mail)
{
    struct crew_mail *order = EP_CONTAINER(mail, struct crew_mail, mail);
    struct crew_member *member = order->member;
    front_drain(member->front);
    member->cut_at_ns = loop_now_ns(member->loop) + order->drain_ns;
    crew_on_look(&member->look);
}

/* ---- swapping ----------------------------------------------------------------------------- */

/* Leaves the swap's lock; the last holder frees it. */
static void crew_swap_leave(struct crew_swap *swap)
{
    bool last = --swap->holders == 0;
    (void)pthread_mutex_unlock(&swap->lock);
    if (last) {
        (void)pthread_cond_destroy(&swap->over);
        (void)pthread_mutex_destroy(&swap->lock);
        mem_free(swap);
    }
}

static void crew_on_swap(struct mail *mail)
{
    struct crew_mail *order = EP_CONTAINER(mail, struct crew_mail, mail);
    struct crew_swap *swap = order->swap;
    front_swap(order->member->front, order->snapshot);
    (void)pthread_mutex_lock(&swap->lock);
    swap->open--;
    (void)pthread_cond_signal(&swap->over);
    crew_swap_leave(swap);
}

struct crew_swap *crew_swap_create(struct server *server, struct gate_snapshot *snapshot)
{
    struct crew_swap *swap =
        mem_zalloc(sizeof(*swap) + server->crew_count * sizeof(struct crew_mail));
    if (swap == NULL) {
        return NULL;
    }
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes); /* none of these can fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&swap->over, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&swap->lock, NULL);
    swap->holders = 1;
    swap->count = server->crew_count;
    for (size_t i = 0; i < swap->count; i++) {
        swap->mails[i] = (struct crew_mail){
            .mail.open = crew_on_swap,
            .member = &server->crew[i],
            .snapshot = gate_snapshot_ref(snapshot),
            .swap = swap,
        };
    }
    return swap;
}

void crew_swap_drop(struct crew_swap *swap)
{
    if (swap == NULL) {
        return;
    }
    for (size_t i = 0; i < swap->count; i++) {
        gate_snapshot_unref(swap->mails[i].snapshot);
    }
    (void)pthread_mutex_lock(&swap->lock);
    crew_swap_leave(swap);
}

static int64_t crew_clock_ns(struct timespec *ret_now)
{
    ASSERT(clock_gettime(CLOCK_MONOTONIC, ret_now) == 0);
    return (int64_t)ret_now->tv_sec * STAMP_NS_PER_S + ret_now->tv_nsec;
}

int64_t crew_swap_run(struct crew_swap *swap)
{
    struct timespec until;
    struct timespec now;
    int64_t began_ns = crew_clock_ns(&until);
    until.tv_sec += CREW_SWAP_WAIT_S;
    (void)pthread_mutex_lock(&swap->lock);
    swap->open = swap->count;
    swap->holders += swap->count;
    for (size_t i = 0; i < swap->count; i++) {
        mail_send(swap->mails[i].member->loop, &swap->mails[i].mail);
    }
    int result = 0;
    while (swap->open > 0 && result == 0) {
        result = pthread_cond_timedwait(&swap->over, &swap->lock, &until);
    }
    int64_t ended_ns = crew_clock_ns(&now);
    crew_swap_leave(swap);
    return ended_ns - began_ns;
}

/* ---- starting ----------------------------------------------------------------------------- */

static void *crew_main(void *context)
{
    struct crew_member *member = context;
    loop_run(member->loop);
    return NULL;
}

/* The public listeners: listen.public, then the links. */
static size_t crew_ways(const struct conf *conf)
{
    return 1 + conf->listen_links.count;
}

/* What `ret_listen` names lives as long as the configuration that the server began with. */
static enum err crew_way(struct server *server, size_t at, struct address *ret_address,
                         struct http_listen *ret_listen, struct fail *fail)
{
    const struct conf *conf = server->world->conf;
    const struct conf_link *link = at == 0 ? NULL : &conf->listen_links.items[at - 1];
    struct str text = link == NULL ? conf->listen_public.text : link->address.text;
    if (!address_parse(text, ret_address)) {
        return FAIL(fail, ERR_CONF_INVALID, "\"" STR_FMT "\" is no address to listen on",
                    STR_ARG(text));
    }
    *ret_listen = (struct http_listen){
        .address = ret_address,
        .tls = server->tls_clients,
        .link = link == NULL ? STR(CONF_LINK_DEFAULT) : link->link,
        .proxy = link != NULL && link->proxy_protocol,
    };
    return ERR_OK;
}

static enum err crew_listen(struct server *server, struct crew_member *member, struct fail *fail)
{
    for (size_t i = 0; i < crew_ways(server->world->conf); i++) {
        struct address address;
        struct http_listen listen;
        TRY(crew_way(server, i, &address, &listen, fail));
        TRY(front_listen_link(member->front, &listen, NULL, fail));
    }
    return ERR_OK;
}

/* Before the first listener is there: the threads share each address, and nobody else may. */
static enum err crew_addresses_free(struct server *server, struct fail *fail)
{
    for (size_t i = 0; i < crew_ways(server->world->conf); i++) {
        struct address address;
        struct http_listen listen;
        TRY(crew_way(server, i, &address, &listen, fail));
        TRY(loop_address_free(&address, fail));
    }
    return ERR_OK;
}

static enum err crew_begin(struct server *server, struct crew_member *member,
                           struct gate_snapshot *snapshot, struct fail *fail)
{
    const struct gate_world gate = {
        .store = server->world->store,
        .ident = server->world->ident,
        .ledger = server->world->ledger,
        .tlog = server->world->tlog,
        .dispatch = server->dispatch,
        .limits = server->limits,
        .retries = &server->retries,
        .hedges = &server->hedges,
        .repeats = server->repeats,
        .usage_check = server->world->usage_check,
        .quarantine = server->world->quarantine,
        .prices = server->world->prices,
        .review = server->world->review,
        .quota = server->world->quota,
        .lookout = server->lookout,
        .spool = server->spool,
        .workers = server->workers,
        .resolvers = server->resolvers,
        .carriers = server->carriers,
        .log_stopped = &server->world->log_stopped,
        .log = world_log(server->world),
        .node = (uint16_t)server->world->conf->node,
    };
    const struct front_world world = {
        .gate = gate,
        .voice_seats = server->voice_seats,
        .farewell = buf_str(&server->farewell),
        .readers = server->readers,
        .log_folder = server->world->conf->log_folder.ptr,
        .pages_folder = server->pages[0] == '\0' ? NULL : server->pages,
        .batches = &server->world->batches,
        .openapi = { (const char *)embed_schema[0].bytes, embed_schema[0].len },
    };
    timer_init(&member->look, crew_on_look);
    TRY(loop_create_real(&member->loop, fail));
    TRY(front_create(member->loop, &world, gate_snapshot_ref(snapshot), &member->front, fail));
    TRY(crew_listen(server, member, fail));
    TRY(member == &server->crew[0] ? front_run_batches(member->front, fail) : ERR_OK);
    int error = pthread_create(&member->thread, NULL, crew_main, member);
    if (error != 0) {
        errno = error;
        return FAIL_SYS(fail, ERR_IO, "could not start a loop thread");
    }
    member->thread_runs = true;
    return ERR_OK;
}

enum err crew_start(struct server *server, struct gate_snapshot *snapshot, struct fail *fail)
{
    ASSERT(server->crew_count > 0);
    server->crew = mem_zalloc(server->crew_count * sizeof(struct crew_member));
    if (server->crew == NULL) {
        server->crew_count = 0;
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the loop threads");
    }
    TRY(crew_addresses_free(server, fail));
    for (size_t i = 0; i < server->crew_count; i++) {
        TRY(crew_begin(server, &server->crew[i], snapshot, fail));
    }
    return ERR_OK;
}

void crew_stop(struct server *server, int64_t drain_ns)
{
    for (size_t i = 0; i < server->crew_count; i++) {
        struct crew_member *member = &server->crew[i];
        if (member->thread_runs) {
            member->stop = (struct crew_mail){
                .mail.open = crew_on_stop,
                .member = member,
                .drain_ns = drain_ns,
            };
            mail_send(member->loop, &member->stop.mail);
        }
    }
    for (size_t i = 0; i < server->crew_count; i++) {
        if (server->crew[i].thread_runs) {
            (void)pthread_join(server->crew[i].thread, NULL);
            server->crew[i].thread_runs = false;
        }
    }
}

void crew_destroy(struct server *server)
{
    for (size_t i = 0; i < server->crew_count; i++) {
        /* A swap that came after the last turn still holds a reference. */
        while (server->crew[i].loop != NULL && loop_turn(server->crew[i].loop, false)) {
        }
        front_destroy(server->crew[i].front);
        loop_destroy(server->crew[i].loop);
    }
    mem_free(server->crew);
    server->crew = NULL;
    server->crew_count = 0;
}
