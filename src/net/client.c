#include "net/client.h"

#include <string.h>

#include "base/counter.h"
#include "base/mem.h"
#include "net/answerer.h"
#include "net/client_internal.h"
#include "net/tls.h"

#define SEC          INT64_C(1000000000)
#define HOST_KEY_MAX 384 /* two numbers, a name of DNS, a pin */

struct upstream_pool_options upstream_pool_options_default(void)
{
    return (struct upstream_pool_options){
        .connections_max = 65536,
        .per_host_max = 4096,
        .head_bytes_max = (size_t)64 * 1024,
        .connect_ns = 10 * SEC,
        .idle_ns = 55 * SEC, /* load balancers drop at 60 s */
    };
}

/* ---- hosts ------------------------------------------------------------------------------- */

static bool host_in_use(const struct upstream_host *host)
{
    return host->count > 0 || !list_empty(&host->waiting);
}

static void host_on_grave(struct task *task)
{
    struct upstream_host *host = EP_CONTAINER(task, struct upstream_host, task);
    host->buried = false;
    if (host_in_use(host)) {
        return;
    }
    void *removed = map_remove(&host->pool->hosts, host->key);
    ASSERT(removed == host);
    mem_free(host);
}

static void host_bury_unused(struct upstream_host *host)
{
    if (!host_in_use(host) && !host->buried) {
        host->buried = true;
        loop_bury(host->pool->loop, &host->task);
    }
}

void host_release(struct upstream_host *host)
{
    ASSERT(host->count > 0);
    host->count--;
    host_bury_unused(host);
}

static struct str host_key(const struct http_call *call, char text[HOST_KEY_MAX])
{
    struct buf key = { text, 0, HOST_KEY_MAX, HOST_KEY_MAX };
    const char *pin = (const char *)call->tls_pin;
    EP_IGNORE(buf_u64(&key, call->tls == NULL ? 0 : tls_context_id(call->tls)));
    EP_IGNORE(buf_byte(&key, ' '));
    EP_IGNORE(buf_u64(&key, call->port));
    EP_IGNORE(buf_byte(&key, ' '));
    enum err err = buf_append(&key, call->host);
    /* A connection whose key nobody looked at does not serve who pins one. */
    if (err == ERR_OK && pin != NULL) {
        const struct str parts[] = { STR(" "), { pin, TLS_PIN_BYTES } };
        err = buf_append_all(&key, parts, EP_ARRAY_LEN(parts));
    }
    ASSERT(err == ERR_OK); /* http_call_start() limits the host */
    return buf_str(&key);
}

static struct upstream_host *host_get(struct upstream_pool *pool, const struct http_call *call)
{
    char text[HOST_KEY_MAX];
    struct str key = host_key(call, text);
    struct upstream_host *host = map_find(&pool->hosts, key);
    if (host != NULL) {
        return host;
    }
    host = mem_zalloc(sizeof(*host) + key.len);
    if (host == NULL) {
        return NULL;
    }
    char *copy = (char *)(host + 1);
    memcpy(copy, key.ptr, key.len);
    host->key = (struct str){ copy, key.len };
    host->pool = pool;
    list_init(&host->idle);
    list_init(&host->busy);
    list_init(&host->waiting);
    task_init(&host->task, host_on_grave);
    if (map_add(&pool->hosts, host->key, host) != ERR_OK) {
        mem_free(host);
        return NULL;
    }
    return host;
}

void host_serve(struct upstream_host *host)
{
    struct upstream_pool *pool = host->pool;
    while (!list_empty(&host->waiting)) {
        bool idle = !list_empty(&host->idle);
        if (!idle && host->count >= pool->options.per_host_max) {
            return;
        }
        struct node *node = list_pop(&host->waiting);
        struct http_call *call = EP_CONTAINER(node, struct http_call, waiting);
        if (!idle) {
            race_begin(call, host);
            continue;
        }
        struct upstream_conn *conn = EP_CONTAINER(host->idle.next, struct upstream_conn, node);
        upstream_begin(conn, call);
    }
    host_bury_unused(host);
}

/* ---- pools ------------------------------------------------------------------------------- */

static void pool_on_task(struct task *task)
{
    struct upstream_pool *pool = EP_CONTAINER(task, struct upstream_pool, task);
    for (struct node *node = list_pop(&pool->failing); node != NULL;
         node = list_pop(&pool->failing)) {
        struct http_call *call = EP_CONTAINER(node, struct http_call, waiting);
        struct fail fail;
        enum err err = FAIL(&fail, call->failed, "could not begin to call \"" STR_FMT "\"",
                            STR_ARG(call->host));
        call_fail(call, err, &fail);
    }
}

enum err upstream_pool_create(struct loop *loop, struct lookup *lookup,
                              const struct upstream_pool_options *options,
                              struct upstream_pool **ret_pool, struct fail *fail)
{
    ASSERT(options->connections_max > 0 && options->per_host_max > 0);
    struct upstream_pool *pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a pool of upstream connections");
    }
    pool->loop = loop;
    pool->lookup = lookup;
    pool->options = *options;
    slab_init(&pool->conns, sizeof(struct upstream_conn), options->connections_max);
    map_init(&pool->hosts);
    list_init(&pool->failing);
    task_init(&pool->task, pool_on_task);
    *ret_pool = pool;
    return ERR_OK;
}

static void pool_on_grave(struct task *task)
{
    struct upstream_pool *pool = EP_CONTAINER(task, struct upstream_pool, task);
    ASSERT(pool->hosts.count == 0);
    map_fini(&pool->hosts);
    slab_fini(&pool->conns);
    ASSERT(pool->race_count == 0);
    mem_free(pool);
}

void upstream_pool_close_idle(struct upstream_pool *pool)
{
    size_t at = 0;
    for (const struct map_slot *slot = map_next(&pool->hosts, &at); slot != NULL;
         slot = map_next(&pool->hosts, &at)) {
        struct upstream_host *host = slot->value;
        LIST_EACH_SAFE(node, after, &host->idle) {
            upstream_close(EP_CONTAINER(node, struct upstream_conn, node));
        }
    }
}

void upstream_pool_destroy(struct upstream_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    ASSERT(pool->calls == 0);
    upstream_pool_close_idle(pool);
    ASSERT(pool->idle == 0);
    /* Graves are emptied in order: connections and hosts go before the pool. */
    task_cancel(&pool->task);
    task_init(&pool->task, pool_on_grave);
    loop_bury(pool->loop, &pool->task);
}

size_t upstream_pool_connections(const struct upstream_pool *pool)
{
    return pool->conns.count;
}

size_t upstream_pool_idle(const struct upstream_pool *pool)
{
    return pool->idle;
}

/* ---- calls ------------------------------------------------------------------------------- */

void call_detach(struct http_call *call)
{
    ASSERT(call->pool != NULL);
    if (node_linked(&call->waiting)) {
        node_unlink(&call->waiting);
    }
    timer_stop(call->pool->loop, &call->timer);
    call->pool->calls--;
    call->pool = NULL;
    call->target = NULL;
    call->conn = NULL;
    call->race = NULL;
}

void call_fail(struct http_call *call, enum err err, const struct fail *fail)
{
    ASSERT(err != ERR_OK);
    call_detach(call);
    call->events->on_failed(call, err, fail);
}

void call_fail_later(struct http_call *call, enum err err)
{
    ASSERT(call->pool != NULL && call->conn == NULL && call->race == NULL);
    call->failed = err;
    timer_stop(call->pool->loop, &call->timer);
    list_push_back(&call->pool->failing, &call->waiting);
    task_queue(call->pool->loop, &call->pool->task);
}

/* No connection in time. */
static void call_on_timer(struct timer *timer)
{
    struct http_call *call = EP_CONTAINER(timer, struct http_call, timer);
    if (call->answerer != NULL) {
        answerer_on_timer(call);
        return;
    }
    struct upstream_race *race = call->race;
    struct upstream_host *host = call->target;
    struct fail fail;
    ASSERT(call->conn == NULL);
    enum err err = ERR_BUSY;
    if (race == NULL) {
        err = FAIL(&fail, ERR_BUSY, "no connection to \"" STR_FMT "\" became free in time",
                   STR_ARG(call->host));
    } else if (node_linked(&race->lookup.node)) {
        err = FAIL(&fail, ERR_NET_LOOKUP, "looking up \"" STR_FMT "\" took too long",
                   STR_ARG(call->host));
    } else {
        err = FAIL(&fail, ERR_UPSTREAM_CONNECT, "connecting to \"" STR_FMT "\" took too long",
                   STR_ARG(call->host));
    }
    if (race != NULL) {
        race_abandon(race);
    }
    if (node_linked(&call->waiting)) {
        node_unlink(&call->waiting);
    }
    host_serve(host);
    call_fail(call, err, &fail);
}

void http_call_init(struct http_call *call, const struct http_call_events *events)
{
    ASSERT(events->on_head != NULL && events->on_body != NULL);
    ASSERT(events->on_end != NULL && events->on_failed != NULL);
    *call = (struct http_call){ .events = events };
    timer_init(&call->timer, call_on_timer);
}

void http_call_start(struct upstream_pool *pool, struct http_call *call)
{
    ASSERT(call->pool == NULL);
    ASSERT(call->head.len > 0);
    call->pool = pool;
    call->begun_ns = loop_now_ns(pool->loop);
    call->failed = ERR_OK;
    call->retried = false;
    call->paused = false;
    pool->calls++;
    if (call->answerer != NULL) {
        answerer_begin(call);
        return;
    }
    if (call->host.len == 0 || call->host.len > LOOKUP_NAME_MAX) {
        call_fail_later(call, ERR_NET_LOOKUP);
        return;
    }
    struct upstream_host *host = host_get(pool, call);
    if (host == NULL) {
        call_fail_later(call, ERR_NO_MEMORY);
        return;
    }
    if (!list_empty(&host->idle)) {
        upstream_begin(EP_CONTAINER(host->idle.next, struct upstream_conn, node), call);
        return;
    }
    int64_t until_ns = call->begun_ns + pool->options.connect_ns;
    if (timer_start(pool->loop, &call->timer, until_ns) != ERR_OK) {
        host_bury_unused(host);
        call_fail_later(call, ERR_NO_MEMORY);
        return;
    }
    call->target = host;
    list_push_back(&host->waiting, &call->waiting);
    host_serve(host);
}

void http_call_ready(struct http_call *call)
{
    struct upstream_conn *conn = call->conn;
    if (conn != NULL && conn->state == UPSTREAM_CALL) {
        task_queue(conn->pool->loop, &conn->task);
    }
}

bool http_call_is_open(const struct http_call *call)
{
    return call->pool != NULL;
}

void http_call_pause(struct http_call *call)
{
    if (!call->paused && call->pool != NULL) {
        call->paused = true;
        call->paused_ns = loop_now_ns(call->pool->loop);
    }
}

void http_call_resume(struct http_call *call)
{
    if (call->paused && call->pool != NULL) {
        call->begun_ns += loop_now_ns(call->pool->loop) - call->paused_ns;
    }
    call->paused = false;
    if (call->answerer != NULL && call->pool != NULL) {
        answerer_resume(call);
        return;
    }
    struct upstream_conn *conn = call->conn;
    if (conn != NULL) {
        conn->since_ns = loop_now_ns(conn->pool->loop);
        upstream_schedule(conn);
        task_queue(conn->pool->loop, &conn->task);
    }
}

void http_call_cancel(struct http_call *call)
{
    if (call->pool == NULL) {
        return;
    }
    if (call->answerer != NULL) {
        answerer_cancel(call);
        return;
    }
    struct upstream_conn *conn = call->conn;
    struct upstream_race *race = call->race;
    struct upstream_host *host = conn != NULL ? conn->host : call->target;
    call_detach(call);
    if (conn != NULL) {
        upstream_close(conn);
    }
    if (race != NULL) {
        race_abandon(race);
    }
    if (host != NULL) {
        host_serve(host);
    }
}

bool http_call_reused(const struct http_call *call)
{
    return call->conn != NULL && call->conn->calls > 1;
}
