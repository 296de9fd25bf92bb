#include "gate/gate.h"

#include "base/mem.h"
#include "crypto/random.h"
#include "gate/call_quota.h"
#include "gate/call_straddle.h"
#include "gate/gate_internal.h"
#include "gate/upload.h"

static struct http_server_options gate_server_options(struct gate *gate,
                                                      const struct gate_router *router)
{
    const struct gate_options *options = &gate->snapshot->options;
    struct http_server_options server = http_server_options_default();
    server.events = router->events;
    server.owner = gate;
    server.head_bytes_max = options->head_bytes_max;
    server.body_bytes_max = options->body_bytes_max;
    server.connections_max = options->connections_max;
    server.head_ns = options->head_ns;
    server.body_ns = options->body_ns;
    server.idle_ns = options->idle_ns;
    server.stall_ns = options->read_ns;
    return server;
}

static void gate_trust(struct gate *gate)
{
    const struct gate_options *options = &gate->snapshot->options;
    http_server_trust(gate->server, options->proxies, options->proxies_count);
}

static enum err gate_start(struct gate *gate, const struct gate_router *router, struct fail *fail)
{
    const struct gate_options *options = &gate->snapshot->options;
    struct http_server_options server = gate_server_options(gate, router);
    struct lookup_options lookup = lookup_options_default();
    struct upstream_pool_options pool = upstream_pool_options_default();
    pool.per_host_max = options->upstream_per_host_max;
    pool.connect_ns = options->connect_ns;
    TRY(http_server_create(gate->loop, &server, &gate->server, fail));
    gate_trust(gate);
    TRY(lookup_create(gate->loop, gate->world.resolvers, &lookup, &gate->lookup, fail));
    return upstream_pool_create(gate->loop, gate->lookup, &pool, &gate->pool, fail);
}

enum err gate_create(struct loop *loop, const struct gate_world *world,
                     struct gate_snapshot *snapshot, const struct gate_router *router,
                     struct gate **ret_gate, struct fail *fail)
{
    struct gate *gate = mem_zalloc(sizeof(*gate));
    if (gate == NULL) {
        gate_snapshot_unref(snapshot);
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a gate");
    }
    gate->loop = loop;
    gate->world = *world;
    gate->snapshot = snapshot;
    gate->owner = router->owner;
    slab_init(&gate->calls, sizeof(struct call), GATE_CALLS_MAX);
    list_init(&gate->open_calls);
    list_init(&gate->uploads);
    call_straddle_init(gate);
    call_queue_init(gate);
    call_ping_init(gate);
    enum err err = gate_start(gate, router, fail);
    if (err != ERR_OK) {
        gate_destroy(gate);
        return err;
    }
    *ret_gate = gate;
    return ERR_OK;
}

enum err gate_listen(struct gate *gate, const struct address *address, struct tls_context *tls,
                     struct address *ret_bound, struct fail *fail)
{
    return http_server_listen(gate->server, address, tls, ret_bound, fail);
}

enum err gate_listen_link(struct gate *gate, const struct http_listen *listen,
                          struct address *ret_bound, struct fail *fail)
{
    return http_server_listen_as(gate->server, listen, ret_bound, fail);
}

void gate_swap(struct gate *gate, struct gate_snapshot *snapshot)
{
    struct gate_snapshot *before = gate->snapshot;
    gate->snapshot = snapshot;
    gate_trust(gate); /* the server has borrowed the list of the one before */
    gate_snapshot_unref(before);
    call_queue_rouse(gate);
}

struct token_counter *gate_counter(struct gate *gate, const struct vocab *vocab)
{
    for (size_t i = 0; i < gate->counter_count; i++) {
        if (gate->counters[i].vocab == vocab) {
            return gate->counters[i].counter;
        }
    }
    ASSERT(gate->counter_count < SHELF_MAX); /* as many as the shelf has vocabularies */
    struct token_counter *counter = NULL;
    if (token_counter_create(vocab, random_u64(), &counter) != ERR_OK) {
        return NULL;
    }
    gate->counters[gate->counter_count++] = (struct gate_counter){ vocab, counter };
    return counter;
}

void *gate_owner(const struct gate *gate)
{
    return gate->owner;
}

struct http_server *gate_server(const struct gate *gate)
{
    return gate->server;
}

struct upstream_pool *gate_pool(const struct gate *gate)
{
    return gate->pool;
}

bool gate_log_stopped(const struct gate *gate)
{
    const atomic_bool *stopped = gate->world.log_stopped;
    return stopped != NULL && atomic_load_explicit(stopped, memory_order_relaxed);
}

void gate_drain(struct gate *gate)
{
    http_server_stop_accepting(gate->server);
    http_server_drain(gate->server);
    gate->draining = true;
    call_queue_rouse(gate);
}

size_t gate_busy(const struct gate *gate)
{
    return gate->calls.count + gate->chores + http_server_exchanges(gate->server);
}

void gate_cut(struct gate *gate)
{
    uploads_cut(gate);
    LIST_EACH(node, &gate->open_calls) {
        struct call *call = EP_CONTAINER(node, struct call, node);
        call->cut = true;
        call_wake(call);
    }
}

void gate_close(struct gate *gate)
{
    ASSERT(gate_busy(gate) == 0);
    http_server_close_all(gate->server);
}

void gate_destroy(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    ASSERT(list_empty(&gate->open_calls) && list_empty(&gate->uploads));
    call_straddle_fini(gate);
    call_queue_fini(gate);
    call_ping_fini(gate);
    upstream_pool_destroy(gate->pool);
    lookup_destroy(gate->lookup);
    http_server_destroy(gate->server);
    slab_fini(&gate->calls);
    for (size_t i = 0; i < gate->counter_count; i++) {
        token_counter_destroy(gate->counters[i].counter);
    }
    gate_snapshot_unref(gate->snapshot);
    call_quota_room_free(gate);
    mem_free(gate);
}
