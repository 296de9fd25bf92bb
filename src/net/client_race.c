/*
 * Connecting: the name's addresses are tried one by one, each 250 ms after the one before (or as
 * soon as that has failed), and the first that connects is taken (RFC 8305, "happy eyeballs").
 */
#include "base/counter.h"
#include "base/mem.h"
#include "net/client_internal.h"
#include "net/tls.h"

#define RACES_MAX       65536              /* of one loop: as many as it may have connections */
#define RACE_STAGGER_NS INT64_C(250000000) /* RFC 8305 5 */

static void race_on_grave(struct task *task)
{
    struct upstream_race *race = EP_CONTAINER(task, struct upstream_race, task);
    race->pool->race_count--;
    mem_free(race);
}

/* Ends it, but for `winner`, which may be NULL. */
static void race_end(struct upstream_race *race, const struct upstream_conn *winner)
{
    struct loop *loop = race->pool->loop;
    lookup_cancel(&race->lookup);
    timer_stop(loop, &race->timer);
    LIST_EACH_SAFE(node, after, &race->dialed) {
        struct upstream_conn *conn = EP_CONTAINER(node, struct upstream_conn, node);
        if (conn == winner) {
            node_unlink(node);
            conn->race = NULL;
        } else {
            upstream_close(conn);
        }
    }
    race->call = NULL;
    task_cancel(&race->task);
    task_init(&race->task, race_on_grave);
    loop_bury(loop, &race->task);
}

void race_abandon(struct upstream_race *race)
{
    struct upstream_host *host = race->host;
    if (race->call != NULL) {
        race->call->race = NULL;
    }
    race_end(race, NULL);
    host_release(host);
}

/* Nothing is left to try. Told from the loop. */
static void race_on_failed(struct task *task)
{
    struct upstream_race *race = EP_CONTAINER(task, struct upstream_race, task);
    struct http_call *call = race->call;
    struct upstream_host *host = race->host;
    struct fail fail = race->fail;
    enum err err = race->err;
    if (err == ERR_UPSTREAM_CONNECT || err == ERR_UPSTREAM_TLS) {
        if (err == ERR_UPSTREAM_CONNECT) {
            lookup_doubt(race->pool->lookup, call->host);
        }
        EP_IGNORE(FAIL(&fail, err, "\"" STR_FMT "\" port %u, %zu of %zu addresses: %s",
                       STR_ARG(call->host), (unsigned)call->port, race->next, race->answer.count,
                       race->fail.text));
    }
    race_abandon(race);
    host_serve(host);
    call_fail(call, err, &fail);
}

static void race_fail(struct upstream_race *race, enum err err)
{
    race->err = err;
    task_queue(race->pool->loop, &race->task);
}

/* One attempt. False: it failed at once, `fail` says how. */
static bool race_try(struct upstream_race *race, const struct address *address)
{
    struct upstream_conn *conn = upstream_create(race->pool, race->host);
    if (conn == NULL) {
        race->err = FAIL(&race->fail, ERR_BUSY, "no room for another connection");
        return false;
    }
    conn->race = race;
    list_push_back(&race->dialed, &conn->node);
    race->err = stream_connect(&conn->stream, address, &race->fail);
    if (race->err != ERR_OK) {
        upstream_close(conn);
        return false;
    }
    counter_add(COUNTER_UPSTREAM_CONNECTS, 1);
    return true;
}

/* The next address that can be tried; without one, and none under way, the race has failed. */
static void race_dial(struct upstream_race *race)
{
    struct loop *loop = race->pool->loop;
    while (race->next < race->answer.count) {
        if (race_try(race, &race->answer.addresses[race->next++])) {
            break;
        }
    }
    if (list_empty(&race->dialed)) {
        race_fail(race, race->err);
    } else if (race->next < race->answer.count) {
        /* Without memory for the timer the next one waits for this one to fail. */
        EP_IGNORE(timer_start(loop, &race->timer, loop_now_ns(loop) + RACE_STAGGER_NS));
    }
}

static void race_on_timer(struct timer *timer)
{
    race_dial(EP_CONTAINER(timer, struct upstream_race, timer));
}

static void race_on_lookup(struct lookup_request *request, enum err err,
                           const struct lookup_answer *answer)
{
    struct upstream_race *race = EP_CONTAINER(request, struct upstream_race, lookup);
    if (err != ERR_OK) {
        race_fail(race, FAIL(&race->fail, err, "could not look up \"" STR_FMT "\"",
                             STR_ARG(race->call->host)));
        return;
    }
    race->answer = *answer;
    race_dial(race);
}

void race_begin(struct http_call *call, struct upstream_host *host)
{
    struct upstream_pool *pool = host->pool;
    /* From the heap: a race is short and large, and a thousand at once must not stay for ever. */
    struct upstream_race *race = pool->race_count < RACES_MAX ? mem_zalloc(sizeof(*race)) : NULL;
    if (race == NULL) {
        call_fail_later(call, ERR_NO_MEMORY);
        return;
    }
    pool->race_count++;
    race->pool = pool;
    race->host = host;
    race->call = call;
    race->lookup.done = race_on_lookup;
    list_init(&race->dialed);
    timer_init(&race->timer, race_on_timer);
    task_init(&race->task, race_on_failed);
    host->count++;
    call->race = race;
    call->target = host;
    enum err err = lookup_begin(pool->lookup, &race->lookup, call->host, call->port, &race->answer);
    if (err == ERR_OK) {
        race_dial(race);
    } else if (err != ERR_BUSY) {
        race_fail(race,
                  FAIL(&race->fail, err, "could not look up \"" STR_FMT "\"", STR_ARG(call->host)));
    }
}

/* `conn` is ready for its call. */
static void race_won(struct upstream_race *race, struct upstream_conn *conn)
{
    struct http_call *call = race->call;
    call->race = NULL;
    call->target = NULL;
    race_end(race, conn); /* its place in the host's count is the connection's now */
    upstream_begin(conn, call);
}

static void race_shake(struct upstream_race *race, struct upstream_conn *conn)
{
    struct fail fail;
    enum err err = stream_handshake(&conn->stream, &fail);
    const unsigned char *pin = race->call->tls_pin;
    if (err == ERR_OK && pin != NULL && !stream_tls_is_pinned(&conn->stream, pin)) {
        err = FAIL(&fail, ERR_UPSTREAM_TLS, "the peer's key is not the one that is pinned");
    }
    if (err == ERR_OK) {
        race_won(race, conn);
    } else if (err == ERR_UPSTREAM_TLS) {
        /* Another address has the same certificate: to try it would only take longer. */
        race->fail = fail;
        upstream_close(conn);
        race_fail(race, err);
    } else if (err != ERR_BUSY) {
        race->fail = fail;
        race->err = ERR_UPSTREAM_CONNECT;
        upstream_close(conn);
        race_dial(race);
    }
}

/* TCP connects; the others under way are given up. */
static void race_connected(struct upstream_race *race, struct upstream_conn *conn)
{
    struct http_call *call = race->call;
    if (call->tls == NULL) {
        race_won(race, conn);
        return;
    }
    timer_stop(race->pool->loop, &race->timer);
    LIST_EACH_SAFE(node, after, &race->dialed) {
        struct upstream_conn *other = EP_CONTAINER(node, struct upstream_conn, node);
        if (other != conn) {
            upstream_close(other);
        }
    }
    enum err err = stream_secure_client(&conn->stream, call->tls, call->host, &race->fail);
    if (err != ERR_OK) {
        upstream_close(conn);
        race_fail(race, err);
        return;
    }
    conn->state = UPSTREAM_SHAKE;
    race_shake(race, conn);
}

void race_go(struct upstream_conn *conn)
{
    struct upstream_race *race = conn->race;
    ASSERT(race != NULL && race->call != NULL);
    if (conn->state == UPSTREAM_SHAKE) {
        race_shake(race, conn);
        return;
    }
    enum err err = stream_connected(&conn->stream, &race->fail);
    if (err == ERR_OK) {
        race_connected(race, conn);
    } else if (err != ERR_BUSY) {
        race->err = err;
        upstream_close(conn);
        timer_stop(race->pool->loop, &race->timer);
        race_dial(race);
    }
}
