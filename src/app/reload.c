#include "app/price_keeping.h"
#include "app/server.h"
#include "base/log.h"
#include "base/stamp.h"

static enum gate_hold reload_hold(enum conf_hold_gate gate)
{
    static const enum gate_hold holds[] = {
        [CONF_HOLD_OVERLAP] = GATE_HOLD_OVERLAP,
        [CONF_HOLD_BEFORE] = GATE_HOLD_BEFORE,
        [CONF_HOLD_RELAXED] = GATE_HOLD_RELAXED,
    };
    return holds[gate];
}

static int64_t reload_ns(uint64_t ms)
{
    return (int64_t)ms * STAMP_NS_PER_MS; /* the schema's largest is an hour */
}

void reload_options(const struct conf *conf, struct gate_options *ret_options)
{
    *ret_options = (struct gate_options){
        .hold = reload_hold(conf->hold_gate),
        .hold_before_above = conf->hold_before_above,
        .hold_first_tokens = (int64_t)conf->hold_first_tokens,
        .head_bytes_max = conf->limits_header_bytes,
        .body_bytes_max = conf->limits_body_bytes,
        .answer_bytes_max = conf->limits_answer_bytes,
        .sse_event_max = conf->limits_sse_line_bytes,
        .connections_max = conf->limits_connections,
        .calls_per_client = conf->limits_calls_per_client,
        .drains_max = conf->limits_drains_max,
        .drain_ns = reload_ns(conf->limits_drain_call_ms),
        .upstream_per_host_max = conf->limits_upstream_connections_per_host,
        .head_ns = reload_ns(conf->limits_head_ms),
        .body_ns = reload_ns(conf->limits_body_ms),
        .read_ns = reload_ns(conf->limits_read_ms),
        .idle_ns = reload_ns(conf->limits_idle_ms),
        .connect_ns = reload_ns(conf->limits_upstream_connect_ms),
        .first_byte_ns = reload_ns(conf->limits_upstream_first_byte_ms),
        .silence_ns = reload_ns(conf->limits_upstream_idle_ms),
    };
}

/* The configuration and the registry as their files are now, or what is wrong with them. */
static enum err reload_read(struct server *server, struct conf **ret_conf,
                            struct registry **ret_registry, struct buf *errors)
{
    struct conf_report conf_report;
    struct conf *conf = NULL;
    conf_report_init(&conf_report);
    enum err err = conf_load(server->world->conf_path, &conf, &conf_report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&conf_report, errors)); /* as far as there is memory */
        conf_report_fini(&conf_report);
        return err;
    }
    conf_report_fini(&conf_report);

    err = world_load_registry(conf->registry.ptr, server->world->shelf, ret_registry, errors);
    if (err != ERR_OK) {
        conf_destroy(conf);
    } else {
        *ret_conf = conf;
    }
    return err;
}

static enum err reload_snapshot(struct server *server, const struct conf *conf,
                                const struct registry *registry,
                                struct gate_snapshot **ret_snapshot, struct buf *errors)
{
    struct gate_options options;
    struct fail fail = { .code = ERR_OK };
    reload_options(conf, &options);
    enum err err = dispatch_learn(server->dispatch, registry);
    err = err == ERR_OK ? quarantine_learn(server->world->quarantine, registry) : err;
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: no memory for the routes\n"));
        return err;
    }
    err = gate_snapshot_create(registry_ref(registry),
                               &(struct gate_snapshot_parts){
                                   .options = &options,
                                   .folder = server->world->folder,
                                   .tls = server->tls_upstreams,
                                   .shelf = server->world->shelf,
                               },
                               ret_snapshot, &fail);
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: %s\n", fail.text));
    }
    return err;
}

/* What is sold from now on names its prices by rows that are there. */
static enum err reload_prices(struct world *world, const struct registry *registry,
                              struct buf *errors)
{
    struct fail fail = { .code = ERR_OK };
    enum err err = price_keeping_keep(world->ledger, registry, &fail);
    err = err == ERR_OK ? price_shelf_learn(world->prices, &fail) : err;
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: %s\n", fail.text));
    }
    return err;
}

static void reload_log(enum event event, struct str text)
{
    struct log_line line;
    log_begin(&line, event);
    log_str(&line, "text", text);
    log_end(&line);
}

enum err reload_run(struct server *server, struct buf *errors)
{
    (void)pthread_mutex_lock(&server->reload_lock);
    size_t before = errors->len;
    struct conf *conf = NULL;
    struct registry *registry = NULL;
    struct gate_snapshot *snapshot = NULL;
    enum err err = reload_read(server, &conf, &registry, errors);
    if (err == ERR_OK) {
        err = reload_snapshot(server, conf, registry, &snapshot, errors);
        size_t frozen = 0;
        if (err == ERR_OK &&
            conf_frozen_changes(server->world->conf, conf, errors, &frozen) == ERR_OK &&
            frozen > 0) {
            EP_IGNORE(buf_printf(errors, "entrepot: these take a restart to change\n"));
        }
        conf_destroy(conf);
    }
    if (err == ERR_OK) {
        err = reload_prices(server->world, registry, errors);
        if (err != ERR_OK) {
            gate_snapshot_unref(snapshot);
        }
    }
    if (err == ERR_OK) {
        world_swap_registry(server->world, registry);
        crew_swap(server, snapshot);
        gate_snapshot_unref(snapshot);
    } else {
        registry_unref(registry);
    }
    reload_log(err == ERR_OK ? EVENT_RELOADED : EVENT_RELOAD_REFUSED,
               str_from_at(buf_str(errors), before));
    (void)pthread_mutex_unlock(&server->reload_lock);
    return err;
}
