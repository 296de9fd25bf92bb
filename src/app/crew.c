/* The loop threads: each has a loop, a gate and a listener of its own. */
#include "app/server.h"
#include "base/mem.h"

#define CREW_LOOK_NS INT64_C(10000000) /* how often a stopping thread looks whether it is idle */

enum crew_order {
    CREW_SWAP,
    CREW_STOP
};

/* What another thread wants of a member; freed by it. */
struct crew_mail {
    struct mail mail;
    struct crew_member *member;
    struct gate_snapshot *snapshot; /* with a reference */
    enum crew_order order;
    int64_t drain_ns;
};

struct crew_member {
    struct loop *loop;
    struct gate *gate;
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
    if (gate_busy(member->gate) == 0) {
        gate_close(member->gate); /* a request that is still coming in would begin a call */
        loop_stop(member->loop);
        return;
    }
    if (!member->cut && now_ns >= member->cut_at_ns) {
        member->cut = true;
        gate_cut(member->gate);
    }
    enum err err = timer_start(member->loop, timer, now_ns + CREW_LOOK_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

static void crew_on_mail(struct mail *mail)
{
    struct crew_mail *order = EP_CONTAINER(mail, struct crew_mail, mail);
    struct crew_member *member = order->member;
    if (order->order == CREW_SWAP) {
        gate_swap(member->gate, order->snapshot);
        mem_free(order);
        return;
    }
    gate_drain(member->gate);
    member->cut_at_ns = loop_now_ns(member->loop) + order->drain_ns;
    crew_on_look(&member->look);
}

void crew_swap(struct server *server, struct gate_snapshot *snapshot)
{
    for (size_t i = 0; i < server->crew_count; i++) {
        struct crew_mail *order = mem_alloc(sizeof(*order));
        if (order == NULL) {
            continue; /* this thread goes on with what it has; the next reload brings it up */
        }
        *order = (struct crew_mail){
            .mail.open = crew_on_mail,
            .member = &server->crew[i],
            .snapshot = gate_snapshot_ref(snapshot),
            .order = CREW_SWAP,
        };
        mail_send(server->crew[i].loop, &order->mail);
    }
}

static void *crew_main(void *context)
{
    struct crew_member *member = context;
    loop_run(member->loop);
    return NULL;
}

static enum err crew_address(const struct conf *conf, struct address *ret_address,
                             struct fail *fail)
{
    if (!address_parse(conf->listen_public.text, ret_address)) {
        return FAIL(fail, ERR_CONF_INVALID, "\"" STR_FMT "\" is no address to listen on",
                    STR_ARG(conf->listen_public.text));
    }
    return ERR_OK;
}

static enum err crew_begin(struct server *server, struct crew_member *member,
                           struct gate_snapshot *snapshot, struct fail *fail)
{
    struct address address;
    struct gate_world world = {
        .store = server->world->store,
        .ident = server->world->ident,
        .ledger = server->world->ledger,
        .tlog = server->world->tlog,
        .dispatch = server->dispatch,
        .limits = server->limits,
        .usage_check = server->world->usage_check,
        .quarantine = server->world->quarantine,
        .prices = server->world->prices,
        .workers = server->workers,
        .log_behind = server->world->mark.behind,
        .node = (uint16_t)server->world->conf->node,
    };
    timer_init(&member->look, crew_on_look);
    TRY(crew_address(server->world->conf, &address, fail));
    TRY(loop_create_real(&member->loop, fail));
    TRY(gate_create(member->loop, &world, gate_snapshot_ref(snapshot), &member->gate, fail));
    TRY(gate_listen(member->gate, &address, server->tls_clients, NULL, fail));
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
    struct address address;
    TRY(crew_address(server->world->conf, &address, fail));
    TRY(loop_address_free(&address, fail));
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
                .mail.open = crew_on_mail,
                .member = member,
                .order = CREW_STOP,
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
        gate_destroy(server->crew[i].gate);
        loop_destroy(server->crew[i].loop);
    }
    mem_free(server->crew);
    server->crew = NULL;
    server->crew_count = 0;
}
