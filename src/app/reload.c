#include "app/price_keeping.h"
#include "app/registry_candidate.h"
#include "app/server.h"
#include "base/log.h"
#include "base/stamp.h"
#include "policy/geo.h"

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

static void reload_proxies(const struct conf *conf, struct gate_options *options)
{
    const struct conf_list *proxies = &conf->listen_trusted_proxies;
    ASSERT(proxies->count <= GATE_PROXIES_MAX); /* as the schema has it */
    for (size_t i = 0; i < proxies->count; i++) {
        bool read = ip_block_parse(proxies->items[i], &options->proxies[i]);
        ASSERT(read); /* as it was when the file was read */
    }
    options->proxies_count = proxies->count;
}

enum err reload_geo(struct server *server, const struct conf *conf, struct geo **ret_geo,
                    struct fail *fail)
{
    struct fail why = { .text = "" };
    struct geo *geo = NULL;
    *ret_geo = NULL;
    if (geo_fresh(server->geo, conf->geo.items, conf->geo.count)) {
        *ret_geo = geo_ref(server->geo);
        return ERR_OK;
    }
    if (conf->geo.count > 0 && geo_open(conf->geo.items, conf->geo.count, &geo, &why) != ERR_OK) {
        return FAIL(fail, why.code, "%s; name your own in geo, or run \"make geo\"", why.text);
    }
    geo_unref(server->geo);
    server->geo = geo;
    *ret_geo = geo_ref(geo);
    return ERR_OK;
}

/* 0 in the configuration is no limit, but of calls at once, of which there is always one. */
static void reload_limits(const struct conf *conf, int64_t ret_limits[LIMITS_KINDS])
{
    const uint64_t limits[LIMITS_RATES] = {
        [LIMITS_REQUESTS] = conf->limits_client_requests_per_minute,
        [LIMITS_TOKENS] = conf->limits_client_tokens_per_minute,
        [LIMITS_INPUT] = conf->limits_client_input_tokens_per_minute,
        [LIMITS_OUTPUT] = conf->limits_client_output_tokens_per_minute,
    };
    for (int i = 0; i < LIMITS_RATES; i++) {
        ret_limits[i] = limits[i] == 0 ? LIMITS_NONE : (int64_t)limits[i];
    }
    ret_limits[LIMITS_CALLS] = (int64_t)conf->limits_calls_per_client;
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
        .upload_bytes_max = conf->uploads_file_bytes,
        .upload_ns = reload_ns(conf->uploads_time_ms),
        .data_answer_bytes_max = conf->limits_data_answer_bytes,
        .sse_event_max = conf->limits_sse_line_bytes,
        .connections_max = conf->limits_connections,
        .queue_calls = conf->limits_queue_calls,
        .queue_ns = reload_ns(conf->limits_queue_ms),
        .defer_ns = reload_ns(conf->limits_defer_ms),
        .session_ns = reload_ns(conf->limits_realtime_session_ms),
        .session_idle_ns = reload_ns(conf->limits_realtime_idle_ms),
        .session_event_max = conf->limits_realtime_event_bytes,
        .sessions_per_key = conf->limits_realtime_sessions_per_key,
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
        .answer_ns = reload_ns(conf->limits_upstream_answer_ms),
        .ping_ns = reload_ns(conf->limits_ping_ms),
    };
    reload_limits(conf, ret_options->client_limits);
    reload_proxies(conf, ret_options);
}

/* A reload under way. */
struct reload {
    struct server *server;
    enum reload_kind kind;
    struct buf *errors;
    struct conf *conf;
    struct registry_candidate candidate;
    struct world_registry before; /* in force when it began; with a reference */
    const struct registry *fresh; /* what is in force after it; borrowed */
    bool changes;                 /* that is another version */
    bool stays;                   /* the folder was refused, and what is in force goes on */
    struct gate_snapshot *snapshot;
    struct crew_swap *swap;
};

static enum err reload_read_conf(struct reload *reload)
{
    struct conf_report report;
    conf_report_init(&report);
    enum err err = conf_load(reload->server->world->conf_path, &reload->conf, &report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&report, reload->errors)); /* as far as there is memory */
    }
    conf_report_fini(&report);
    return err;
}

static struct registry_rival reload_rival(const struct reload *reload)
{
    return (struct registry_rival){ reload->before.registry, reload->before.version,
                                    reload->before.since_ns };
}

/* The folder as it is now: what is in force already, or what two persons have signed. */
static enum err reload_judge_folder(struct reload *reload)
{
    struct registry_candidate *candidate = &reload->candidate;
    const struct registry_rival rival = reload_rival(reload);
    TRY(registry_candidate_read(candidate, reload->conf->registry.ptr, reload->server->world->shelf,
                                reload->errors));
    if (registry_candidate_same(candidate, &rival, reload->server->world->store)) {
        return ERR_OK;
    }
    TRY(registry_candidate_signed(candidate, &rival, registry_candidate_now(), reload->errors));
    reload->fresh = candidate->registry;
    reload->changes = true;
    return ERR_OK;
}

/* A signal asks for the configuration; the registry comes along only where it may. */
static enum err reload_read_registry(struct reload *reload)
{
    reload->fresh = reload->before.registry;
    enum err err = reload_judge_folder(reload);
    if (err == ERR_REGISTRY_INVALID && reload->kind == RELOAD_SIGNALLED) {
        reload->stays = true;
        EP_IGNORE(buf_printf(reload->errors,
                             "entrepot: registry version %lld stays in force; look at the folder "
                             "with \"entrepot registry check\" and \"entrepot registry diff\"\n",
                             (long long)reload->before.version));
        return ERR_OK;
    }
    return err;
}

static enum err reload_snapshot(struct server *server, const struct conf *conf,
                                const struct registry *registry,
                                struct gate_snapshot **ret_snapshot, struct buf *errors)
{
    struct gate_options options;
    struct fail fail = { .code = ERR_OK };
    struct geo *geo = NULL;
    reload_options(conf, &options);
    enum err err = dispatch_learn(server->dispatch, registry);
    err = err == ERR_OK ? quarantine_learn(server->world->quarantine, registry) : err;
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: no memory for the routes\n"));
        return err;
    }
    err = reload_geo(server, conf, &geo, &fail);
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: %s\n", fail.text));
        return err;
    }
    err = gate_snapshot_create(registry_ref(registry),
                               &(struct gate_snapshot_parts){
                                   .options = &options,
                                   .folder = server->world->folder,
                                   .tls = server->tls_upstreams,
                                   .shelf = server->world->shelf,
                                   .geo = geo,
                               },
                               ret_snapshot, &fail);
    geo_unref(geo);
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
    enum err err = price_keeping_keep(world->ledger, world->tlog, registry, &fail);
    err = err == ERR_OK ? price_shelf_learn(world->prices, &fail) : err;
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(errors, "entrepot: %s\n", fail.text));
    }
    return err;
}

/* What is not yet in force becomes so on disk: from here on a restart takes it. */
static enum err reload_keep(struct reload *reload, struct world_registry *now)
{
    struct world *world = reload->server->world;
    struct fail fail = { .code = ERR_OK };
    const struct registry_rival rival = reload_rival(reload);
    const struct registry_home home = { world->store, world->tlog };
    if (!reload->changes) {
        return ERR_OK;
    }
    now->since_ns = registry_candidate_now();
    enum err err = registry_candidate_keep(&reload->candidate, &home, &rival, now->since_ns,
                                           &now->version, &fail);
    if (err != ERR_OK) {
        EP_IGNORE(buf_printf(reload->errors, "entrepot: %s\n", fail.text));
    }
    return err;
}

static void reload_frozen(struct reload *reload)
{
    size_t frozen = 0;
    if (conf_frozen_changes(reload->server->world->conf, reload->conf, reload->errors, &frozen) ==
            ERR_OK &&
        frozen > 0) {
        EP_IGNORE(buf_printf(reload->errors, "entrepot: these take a restart to change\n"));
    }
}

/* Everything that may fail or take its time is over: calls begin with the new snapshot now. */
static void reload_swap(struct reload *reload, const struct world_registry *now,
                        struct world_applied *applied)
{
    applied->version = now->version;
    applied->hash = reload->fresh->hash;
    applied->changed = reload->changes;
    applied->swap_us = crew_swap_run(reload->swap) / 1000;
    reload->swap = NULL;
    if (reload->changes) {
        registry_ref(now->registry);
        world_swap_registry(reload->server->world, now);
        world_log_registry(EVENT_REGISTRY_APPLIED, now);
    }
}

static enum err reload_do(struct reload *reload, struct world_applied *applied)
{
    struct server *server = reload->server;
    TRY(reload_read_conf(reload));
    TRY(reload_read_registry(reload));
    TRY(reload_snapshot(server, reload->conf, reload->fresh, &reload->snapshot, reload->errors));
    reload_frozen(reload);
    reload->swap = crew_swap_create(server, reload->snapshot);
    if (reload->swap == NULL) {
        EP_IGNORE(buf_printf(reload->errors, "entrepot: no memory for the swap\n"));
        return ERR_NO_MEMORY;
    }
    TRY(reload_prices(server->world, reload->fresh, reload->errors));
    struct world_registry now = reload->before;
    now.registry = reload->fresh;
    TRY(reload_keep(reload, &now));
    reload_swap(reload, &now, applied);
    return ERR_OK;
}

static void reload_log(const struct reload *reload, enum err err, size_t before,
                       const struct world_applied *applied)
{
    struct log_line line;
    log_begin(&line, err == ERR_OK ? EVENT_RELOADED : EVENT_RELOAD_REFUSED);
    if (err == ERR_OK) {
        log_int(&line, "registry", applied->version);
        log_int(&line, "swap_us", applied->swap_us);
    }
    log_str(&line, "text", str_from_at(buf_str(reload->errors), before));
    log_end(&line);
    if (reload->stays) {
        world_log_registry(EVENT_REGISTRY_FOLDER, &reload->before);
    }
}

enum err reload_run(struct server *server, enum reload_kind kind, struct world_applied *ret_applied,
                    struct buf *errors)
{
    (void)pthread_mutex_lock(&server->reload_lock);
    size_t before = errors->len;
    struct reload reload = { .server = server, .kind = kind, .errors = errors };
    struct world_applied applied = { .swap_us = 0 };
    registry_candidate_init(&reload.candidate);
    reload.before = world_in_force(server->world);
    enum err err = reload_do(&reload, &applied);
    reload_log(&reload, err, before, &applied);
    crew_swap_drop(reload.swap);
    gate_snapshot_unref(reload.snapshot);
    registry_candidate_fini(&reload.candidate);
    registry_unref(reload.before.registry);
    conf_destroy(reload.conf);
    *ret_applied = applied;
    (void)pthread_mutex_unlock(&server->reload_lock);
    return err;
}
