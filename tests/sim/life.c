#include "life.h"

#include <stdio.h>
#include <string.h>

#include "app/log_mark.h"
#include "app/recover.h"
#include "app/world.h"
#include "auditor_log.h"
#include "base/mem.h"
#include "batch/content.h"
#include "dispatch/dispatch.h"
#include "dispatch/limits.h"
#include "fleet.h"
#include "gate/quarantine.h"
#include "gate/repeats.h"
#include "gate/retry_budget.h"
#include "gate/usage_check.h"
#include "ident/ident.h"
#include "ident/standing.h"
#include "ledger/idem.h"
#include "ledger/ledger.h"
#include "life_log.h"
#include "play.h"
#include "registry/registry_load.h"
#include "tlog/tlog.h"

#define LIFE_URL     "sqlite:/sim/entrepot.db"
#define LIFE_MARK    "/sim/log.size"
#define LIFE_BATCHES "/sim/batches"
#define LIFE_PEPPER  "a pepper of the simulation"
#define LIFE_S       INT64_C(1000000000)
#define LIFE_MS      INT64_C(1000000)
#define LIFE_US      INT64_C(1000)

#define LIFE_REPEATS_NS (120 * LIFE_S)
#define LIFE_LESSONS    120 /* of each route: half about streams, half about whole answers */
#define LIFE_BEGINS_NS  (10 * LIFE_MS) /* most do within 3 ms */

#define LIFE_GATES     2      /* as many loop threads */
#define LIFE_LINES     3      /* of batches, asked at once */
#define LIFE_FADES_MAX 100000 /* steps of a server that only ends what is under way */

struct life {
    struct play *play;
    struct loop *loops[LIFE_GATES];
    struct front *fronts[LIFE_GATES];
    struct loop *writer; /* the store's thread */
    struct worker_pool *workers;
    struct store *store;
    struct ident *ident;
    struct ledger *ledger;
    struct tlog *tlog;
    struct usage_check *usage_check;
    struct quarantine *quarantine;
    struct dispatch *dispatch;
    struct retry_budget retries;
    struct retry_budget hedges;
    struct limits *limits;
    struct repeats *repeats; /* NULL: no SDK counts its tries */
    struct front_batches batches;
    struct log_mark mark;
    atomic_bool log_stopped;
    struct timer pump;
    struct timer note; /* the log's mark */
    struct timer publish;
    struct life_log *log;
    int64_t pump_ns; /* a batch waits at most so long */
    struct gate_options options;
    size_t book; /* of prices */
    size_t recovered;
    bool leisure; /* the journal is to be emptied when nothing comes */
};

/* ---- the registry ------------------------------------------------------------------------ */

/* Each %s: the dialect, and what else it says. */
#define LIFE_ROUTE(id, model, party, port, more)                                               \
    "  - {id: " id ", upstream_party: " party ", model: " model ", credential: " party         \
    "-key, dialect: %s, endpoint: 'http://127.0.0.1:" port "/v1', upstream_model: " model ", " \
    "place: US, data_terms: upstream, abort_billing: " more ", contract_price: cost}\n"
#define LIFE_ROUTES                                                               \
    "routes:\n" LIFE_ROUTE("r-0", "m-0", "north", "9001", "stops")                \
        LIFE_ROUTE("r-1", "m-0", "south", "9002", "continues, quantization: fp8") \
            LIFE_ROUTE("r-2", "m-1", "north", "9001", "unknown")                  \
                LIFE_ROUTE("r-3", "m-1", "south", "9002", "stops, quantization: fp8")
#define LIFE_MODEL(id, more)                                                            \
    "  - {id: " id ", vendor: operator, origin: US, version: '1', declared_names: [" id \
    "], modalities: [text], context_tokens: 100000, output_tokens_max: 4096" more "}\n"
#define LIFE_CREDENTIAL(party, capacity)                                                   \
    "  - {id: " party "-key, upstream_party: " party ", account_holder: operator, class: " \
    "enterprise_contract, endpoint_host: 127.0.0.1, secret: 'env:EP_SIM_SECRET', "         \
    "procurement: " party "-contract, " capacity "}\n"
#define LIFE_PARTY(id, kind)                                                    \
    "  - {id: " id ", kind: " kind ", legal_name: Made up, jurisdiction: US,\n" \
    "     official_hosts: [127.0.0.1]}\n"

/* The vendor itself sells, to whoever has accepted its text, on machines that it rents. */
#define LIFE_SUM   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LIFE_KEY   "00000000000000000000000000000000000000000000000000000000000000ff"
#define LIFE_PAPER "{file: documents/paper.txt, kind: contract, sha256: " LIFE_SUM "}"
#define LIFE_FROM  "valid_from: 1970-01-01T00:00:00Z"
#define LIFE_LONG  LIFE_FROM ", valid_until: 2200-01-01T00:00:00Z"
#define LIFE_TERMS(id, days)                                                                    \
    "  - {id: " id ", dpa: {version: '1', signed: true, " LIFE_LONG ", doc: " LIFE_PAPER "},\n" \
    "     retention_days: " days                                                                \
    ", training: 'no', human_review: 'no', locations: [US], record:\n"                          \
    "     {controller: a, contact: b, categories: c, transfers: d, security: e}}\n"
#define LIFE_PROCUREMENT(party)                                                               \
    "  - {id: " party "-contract, upstream_party: " party ", buyer: operator, keys_max: 1,\n" \
    "     doc: " LIFE_PAPER ", " LIFE_LONG "}\n"

#define LIFE_BOOKS(m0, m1)                                             \
    "price_books:\n"                                                   \
    "  - id: cost\n    version: '1'\n    currency: USD\n    lines:\n"  \
    "      m-0: {input: '1', cached_input: '0.1', output: '4'}\n"      \
    "      m-1: {input: '0.1', cached_input: '0.01', output: '0.4'}\n" \
    "  - id: world\n    version: '1'\n    currency: USD\n    lines:\n" \
    "      m-0: " m0 "\n"                                              \
    "      m-1: " m1 "\n"

/* As play_prices says. */
static const struct registry_file life_books[PLAY_PRICE_BOOKS] = {
    { STR_INIT("price_books.yaml"),
      STR_INIT(LIFE_BOOKS("{input: '2.501337', cached_input: '0.250133', output: '10.000777'}",
                          "{input: '0.150001', cached_input: '0.015003', output: '0.600007'}")) },
    { STR_INIT("price_books.yaml"),
      STR_INIT(LIFE_BOOKS("{input: '3.100011', cached_input: '0.310007', output: '9.000013'}",
                          "{input: '0.120019', cached_input: '0.012001', output: '0.700031'}")) },
};

static const struct registry_file life_registry[] = {
    { STR_INIT("parties.yaml"), STR_INIT("parties:\n" LIFE_PARTY("north", "vendor") LIFE_PARTY(
                                    "south", "vendor") LIFE_PARTY("operator", "aggregator")) },
    { STR_INIT("persons.yaml"),
      STR_INIT("persons:\n"
               "  - {id: ann, name: Ann, " LIFE_FROM ", public_key: " LIFE_SUM "}\n"
               "  - {id: ben, name: Ben, " LIFE_FROM ", public_key: " LIFE_KEY "}\n") },
    { STR_INIT("agreements.yaml"),
      STR_INIT("agreements:\n"
               "  - {id: " PLAY_TEXT ", version: 1, grantor: operator, online: true,\n"
               "     actions: [api_call], regions: {allow: [WORLD]}, client_types: [developer],\n"
               "     doc: " LIFE_PAPER ", evidence_class: click_through, data_terms: client,\n"
               "     " LIFE_LONG ", entered_by: ann, entered_at: 2026-01-01T00:00:00Z,\n"
               "     reviewed_by: ben}\n") },
    { STR_INIT("subprocessors.yaml"),
      STR_INIT("subprocessors:\n"
               "  - {id: all, version: 1, published_at: 1970-01-01T00:00:00Z,\n"
               "     effective_at: 1970-01-01T00:00:00Z, notice_days: 0, entries: [\n"
               "     {party: north, service: models, location: US},\n"
               "     {party: south, service: models, location: US}]}\n") },
    { STR_INIT("procurements.yaml"),
      STR_INIT("procurements:\n" LIFE_PROCUREMENT("north") LIFE_PROCUREMENT("south")) },
    { STR_INIT("networks.yaml"),
      STR_INIT("networks:\n"
               "  - {id: here, cidr: 127.0.0.0/8, country: US, " LIFE_FROM ", evidence: " LIFE_PAPER
               "}\n") },
    { STR_INIT("documents/paper.txt"), STR_INIT("") },
};

#define LIFE_PRODUCT(more)                                          \
    "products:\n"                                                   \
    "  - id: " PLAY_PRODUCT "\n    name: World\n    mode: direct\n" \
    "    brand: Example\n    seller: operator\n"                    \
    "    models: [m-0, m-1]\n    price_book: world\n" more          \
    "    unit: {name: AI token, per_currency_unit: 10000}\n"        \
    "    plans:\n"                                                  \
    "      - {id: p, price: '1', currency: USD, units: 10000, expires_days: 0}\n"

/* As it is, and hedging; selling batches, and both. */
#define LIFE_HEDGE "    dispatch: {hedge: {after_percentile: 90}}\n"
#define LIFE_BATCH "    batch: {price_percent: 37, keep_hours: 720}\n" /* as BULK_PERCENT says */
static const struct registry_file life_products[] = {
    { STR_INIT("products.yaml"), STR_INIT(LIFE_PRODUCT("")) },
    { STR_INIT("products.yaml"), STR_INIT(LIFE_PRODUCT(LIFE_HEDGE)) },
    { STR_INIT("products.yaml"), STR_INIT(LIFE_PRODUCT(LIFE_BATCH)) },
    { STR_INIT("products.yaml"), STR_INIT(LIFE_PRODUCT(LIFE_BATCH LIFE_HEDGE)) },
};

/* Nothing of a client's is kept; or files are, where batches are sold. */
static const struct registry_file life_terms[] = {
    { STR_INIT("data_terms.yaml"),
      STR_INIT("data_terms:\n" LIFE_TERMS("client", "0") LIFE_TERMS("upstream", "0")) },
    { STR_INIT("data_terms.yaml"),
      STR_INIT("data_terms:\n" LIFE_TERMS("client", "30") LIFE_TERMS("upstream", "0")) },
};

const struct price play_prices[PLAY_PRICE_BOOKS][PLAY_MODELS] = {
    { { .input = 2501337, .cached = 250133, .output = 10000777 },
      { .input = 150001, .cached = 15003, .output = 600007 } },
    { { .input = 3100011, .cached = 310007, .output = 9000013 },
      { .input = 120019, .cached = 12001, .output = 700031 } },
};

const struct play_limit play_key_limits[PLAY_ACCOUNTS][PLAY_HANDS_LIMITED] = {
    { { .requests = 5 }, { .calls = 1 } },
    { { .tokens = 800 }, { .calls = 1 } },
    { { .calls = 1 }, { .requests = 3, .tokens = 1000 } },
    { { .requests = 0 }, { .requests = 0 } },
};

/* Not counted, and counted. */
static const struct registry_file life_models[] = {
    { STR_INIT("models.yaml"), STR_INIT("models:\n" LIFE_MODEL("m-0", "") LIFE_MODEL("m-1", "")) },
    { STR_INIT("models.yaml"),
      STR_INIT("models:\n" LIFE_MODEL("m-0", ", tokenizer: " PLAY_VOCABULARY)
                   LIFE_MODEL("m-1", ", tokenizer: " PLAY_VOCABULARY)) },
};

/* Room for all; or for one call at once of each upstream, and some four of the longest a minute. */
#define LIFE_CREDENTIALS(capacity) \
    "credentials:\n" LIFE_CREDENTIAL("north", capacity) LIFE_CREDENTIAL("south", capacity)
static const struct registry_file life_credentials[] = {
    { STR_INIT("credentials.yaml"), STR_INIT(LIFE_CREDENTIALS("max_concurrent: 1000")) },
    { STR_INIT("credentials.yaml"),
      STR_INIT(LIFE_CREDENTIALS("max_concurrent: 1, tokens_per_minute: 20000")) },
};

static struct registry_file life_routes(const struct play *play, char *text, size_t size)
{
    static const char *const dialects[TONGUE_COUNT] = {
        [TONGUE_CHAT] = "openai_chat, output_cap_field: max_tokens",
        [TONGUE_ANTHROPIC] = "anthropic",
        [TONGUE_RESPONSES] = "openai_responses",
        [TONGUE_GEMINI] = "gemini",
    };
    const char *north = dialects[play_tongue(play, 0)];
    const char *south = dialects[play_tongue(play, 1)];
    int len = snprintf(text, size, LIFE_ROUTES, north, south, north, south);
    ASSERT(len > 0 && (size_t)len < size);
    return (struct registry_file){ STR_INIT("routes.yaml"), { text, (size_t)len } };
}

static struct registry *life_make_registry(const struct play *play, size_t book)
{
    struct registry *registry = NULL;
    struct registry_file files[EP_ARRAY_LEN(life_registry) + 6];
    char routes[4096];
    memcpy(files, life_registry, sizeof(life_registry));
    files[EP_ARRAY_LEN(life_registry)] = life_books[book];
    files[EP_ARRAY_LEN(life_registry) + 1] = life_models[play->shelf != NULL ? 1 : 0];
    files[EP_ARRAY_LEN(life_registry) + 2] = life_credentials[play_is_crowded(play) ? 1 : 0];
    int product = (play_has_batches(play) ? 2 : 0) + (play_is_hedged(play) ? 1 : 0);
    files[EP_ARRAY_LEN(life_registry) + 3] = life_products[product];
    files[EP_ARRAY_LEN(life_registry) + 4] = life_terms[play_has_batches(play) ? 1 : 0];
    files[EP_ARRAY_LEN(life_registry) + 5] = life_routes(play, routes, sizeof(routes));
    struct registry_report report;
    registry_report_init(&report);
    enum err err = registry_parse(files, EP_ARRAY_LEN(files), &registry, &report);
    if (err != ERR_OK && report.count > 0) {
        (void)fprintf(stderr, "registry: %s:%u: %s\n", report.faults[0].file, report.faults[0].line,
                      report.faults[0].text);
    }
    ASSERT(err == ERR_OK);
    registry_report_fini(&report);
    return registry;
}

/* Limits in time are short, so that silent upstreams do not make histories long. */
static struct gate_options life_gate_options(struct play *play)
{
    bool limited = play_is_limited(play);
    return (struct gate_options){
        .hold = play_chance(play, 4) ? GATE_HOLD_BEFORE : GATE_HOLD_OVERLAP,
        .hold_before_above = play_chance(play, 3) ? 10000000 : 0,
        .head_bytes_max = (size_t)64 << 10,
        .body_bytes_max = (size_t)1 << 20,
        .answer_bytes_max = (size_t)1 << 20,
        .data_answer_bytes_max = (size_t)1 << 20,
        .sse_event_max = (size_t)64 << 10,
        .connections_max = 1000,
        .client_limits = { limited ? PLAY_MINUTE_REQUESTS : LIMITS_NONE,
                           limited ? PLAY_MINUTE_TOKENS : LIMITS_NONE, LIMITS_NONE, LIMITS_NONE,
                           limited ? PLAY_CALLS_AT_ONCE : 1000 },
        .queue_calls = 64,
        .queue_ns = play_is_crowded(play) ? PLAY_WAIT_NS : 0,
        .defer_ns = play_is_crowded(play) ? PLAY_FLEX_NS : 0,
        .drains_max = play_random(play, 4),
        .upstream_per_host_max = play->steady ? 64 : 1 + play_random(play, 16),
        .head_ns = 5 * LIFE_S,
        .body_ns = 5 * LIFE_S,
        .upload_ns = 5 * LIFE_S,
        .read_ns = 5 * LIFE_S,
        .idle_ns = 5 * LIFE_S,
        .connect_ns = 2 * LIFE_S,
        .first_byte_ns = 3 * LIFE_S,
        .silence_ns = 3 * LIFE_S,
        .ping_ns = LIFE_S / 20,
    };
}

/* ---- the store's writer ------------------------------------------------------------------ */

static void life_plan_pump(struct life *life, int64_t within_ns)
{
    int64_t at_ns =
        sim_now_ns(life->play->sim) + (int64_t)play_random(life->play, (uint64_t)within_ns) + 1;
    enum err err = timer_start(life->writer, &life->pump, at_ns);
    ASSERT(err == ERR_OK);
}

/* A job has come to an empty queue. */
static void life_on_filled(void *context)
{
    struct life *life = context;
    life->leisure = false;
    life_plan_pump(life, life->pump_ns);
}

static void life_on_pump(struct timer *timer)
{
    struct life *life = EP_CONTAINER(timer, struct life, pump);
    bool leisure = life->leisure;
    store_pump(life->store);
    if (!leisure && !timer_armed(timer)) {
        life->leisure = true;
        life_plan_pump(life, 3 * LIFE_S);
    }
}

static enum err life_read_size(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_size(txn, context, fail);
}

/* ---- opening ----------------------------------------------------------------------------- */

static enum err life_open_books(struct life *life, struct fail *fail)
{
    struct store_migration migrations[WORLD_MIGRATIONS_MAX];
    static const int64_t pumps_ns[] = { 50 * LIFE_US, 2 * LIFE_MS, 20 * LIFE_MS, 200 * LIFE_MS };
    int64_t leaves = 0;
    const struct store_options options = {
        .url = STR(LIFE_URL),
        .wal_bytes_max = play_chance(life->play, 2) ? 65536 : 1000000,
        .migrations = migrations,
        .migrations_count = world_migrations(migrations),
        .by_hand = life_on_filled,
        .by_hand_context = life,
    };
    life->pump_ns = pumps_ns[play_random(life->play, EP_ARRAY_LEN(pumps_ns))];
    TRY(store_open(&options, &life->store, fail));
    TRY(ident_open(life->store, STR(LIFE_PEPPER), &life->ident, fail));
    TRY(ledger_open(life->store, &life->ledger, fail));
    TRY(tlog_open(life->store, &life->tlog, fail));
    TRY(quarantine_open(life->store, &life->quarantine, fail));
    TRY(usage_check_open(life->store, life->quarantine, &life->usage_check, fail));
    TRY(store_read(life->store, life_read_size, &leaves, fail));
    TRY(log_mark_check(LIFE_MARK, leaves, &life->mark, fail));
    atomic_store(&life->log_stopped, life->mark.behind);
    if (life->mark.behind && !life->play->restored) {
        play_fail(life->play, NULL, "the log has %lld leaves, and had %lld once", (long long)leaves,
                  (long long)life->mark.reached);
    }
    TRY(recover_holds(life->store, life->ledger, life->tlog, loop_wall_ns(life->writer),
                      &life->recovered, fail));
    return life_log_open(life->play, life->store, &life->log, fail);
}

/* Histories are too short for a server to learn by itself how soon routes begin: soon enough for
 * all but slow answers. */
static void life_teach(struct life *life, const struct registry *registry)
{
    struct dispatch_place place;
    for (size_t i = 0; i < registry->model_count; i++) {
        const struct registry_model *model = &registry->models[i];
        for (size_t n = 0; n < LIFE_LESSONS * model->route_count; n++) {
            int64_t now_ns = loop_now_ns(life->loops[0]);
            const struct dispatch_ask ask = {
                .registry = registry,
                .product = &registry->products[0],
                .model = model,
                .closed = ~(UINT64_C(1) << n % model->route_count),
                .now_ns = now_ns,
            };
            const struct health_lesson lesson = { .first_ns = LIFE_BEGINS_NS,
                                                  .whole = n < LIFE_LESSONS };
            if (dispatch_pick(life->dispatch, &ask, &place) == ERR_OK) {
                dispatch_give(&place, DISPATCH_FINE, &lesson, now_ns);
            }
        }
    }
}

/* What calls begin with, at the prices of the life's book. */
static enum err life_make_snapshot(struct life *life, struct gate_snapshot **ret_snapshot,
                                   struct fail *fail)
{
    struct registry *registry = life_make_registry(life->play, life->book);
    TRY(dispatch_learn(life->dispatch, registry));
    if (play_is_hedged(life->play)) {
        life_teach(life, registry);
    }
    TRY(quarantine_learn(life->quarantine, registry));
    return gate_snapshot_create(registry,
                                &(struct gate_snapshot_parts){ .options = &life->options,
                                                               .folder = STR("/"),
                                                               .shelf = life->play->shelf },
                                ret_snapshot, fail);
}

static enum err life_open_gate(struct life *life, struct fail *fail)
{
    struct gate_snapshot *snapshot = NULL;
    struct address address;
    bool parsed = address_parse(STR("127.0.0.1:8080"), &address);
    ASSERT(parsed);
    life->options = life_gate_options(life->play);
    TRY(dispatch_create(&life->dispatch));
    TRY(limits_create(&life->limits));
    if (play_repeats(life->play)) {
        TRY(repeats_create(LIFE_REPEATS_NS, &life->repeats, fail));
    }
    if (play_has_batches(life->play)) {
        TRY(content_folder_make(LIFE_BATCHES, fail));
    }
    life->batches = (struct front_batches){
        .folder = LIFE_BATCHES,
        .file_bytes_max = (size_t)1 << 20,
        .client_bytes_max = (int64_t)1 << 20,
        .lines_max = 100,
        .calls_max = LIFE_LINES,
        .idem_ns = play_forgets(life->play) ? PLAY_FORGETS_NS : 86400 * LIFE_S,
    };
    retry_budget_init(&life->retries, loop_now_ns(life->loops[0]));
    retry_budget_init_hedges(&life->hedges, loop_now_ns(life->loops[0]));
    TRY(life_make_snapshot(life, &snapshot, fail));
    const struct gate_world gate = {
        .store = life->store,
        .ident = life->ident,
        .ledger = life->ledger,
        .tlog = life->tlog,
        .dispatch = life->dispatch,
        .limits = life->limits,
        .repeats = life->repeats,
        .retries = &life->retries,
        .hedges = &life->hedges,
        .usage_check = life->usage_check,
        .quarantine = life->quarantine,
        .workers = life->workers,
        .resolvers = life->workers,
        .carriers = life->workers,
        .log_stopped = &life->log_stopped,
        .node = 1,
    };
    const struct front_world world = {
        .gate = gate,
        .readers = life->workers,
        .batches = play_has_batches(life->play) ? &life->batches : NULL,
    };
    enum err err = ERR_OK;
    for (size_t i = 0; i < LIFE_GATES && err == ERR_OK; i++) {
        err = front_create(life->loops[i], &world, gate_snapshot_ref(snapshot), &life->fronts[i],
                           fail);
        err = err == ERR_OK ? front_listen(life->fronts[i], &address, NULL, NULL, fail) : err;
    }
    if (err == ERR_OK && play_has_batches(life->play)) {
        err = front_run_batches(life->fronts[0], fail);
    }
    gate_snapshot_unref(snapshot);
    return err;
}

/* As world_note_log(), which a worker runs each second. */
static void life_note_log(struct life *life)
{
    int64_t leaves = 0;
    struct fail fail;
    if (!store_failed(life->store) &&
        store_read(life->store, life_read_size, &leaves, &fail) == ERR_OK) {
        EP_IGNORE(log_mark_raise(LIFE_MARK, leaves, &life->mark, &fail)); /* a weaker mark */
    }
}

/* The operator sells credit: to one account given, with an end; to the others paid, for ever. */
static void life_sell_credit(struct life *life)
{
    struct play *play = life->play;
    struct account *account = &play->accounts[play_random(play, PLAY_ACCOUNTS)];
    bool ends = account == &play->accounts[PLAY_ENDING];
    int64_t now_ns = loop_wall_ns(life->writer);
    struct ledger_purchase purchase = {
        .account = ledger_find(life->ledger, account->id),
        .amount = 1 + (int64_t)play_random(play, 5000000),
        .kind = ends ? LOT_PROMO : LOT_PAID,
        .priority = (int64_t)play_random(play, 3),
        .expires_ns = ends ? now_ns + 1 + (int64_t)play_random(play, (uint64_t)(5 * LIFE_S)) : 0,
        .plan = STR("p"),
        .payer = ends ? STR_EMPTY : STR("p"),
        .method = ends ? STR_EMPTY : STR("bank_transfer"),
        .now_ns = now_ns,
    };
    struct fail fail = { .text = "" };
    enum err err = ledger_purchase(life->ledger, &purchase, &fail);
    if (err == ERR_OK) {
        account->purchased += purchase.amount;
    } else if (err == ERR_STORE_FAILED) {
        account->purchase_unsure = purchase.amount;
    } else {
        play_fail(play, NULL, "a purchase is refused: %s", fail.text);
    }
}

static void life_expire_credit(struct life *life)
{
    struct account *account = &life->play->accounts[PLAY_ENDING];
    int64_t amount = 0;
    struct fail fail = { .text = "" };
    enum err err = ledger_expire(life->ledger, loop_wall_ns(life->writer), &amount, &fail);
    if (err == ERR_OK) {
        account->expired += amount;
    } else if (err == ERR_STORE_FAILED) {
        account->expiry_unsure = true;
    } else {
        play_fail(life->play, NULL, "an expiry is refused: %s", fail.text);
    }
}

/* As the server does it each minute. */
static void life_forget_keys(struct life *life)
{
    struct fail fail = { .text = "" };
    int64_t count = 0;
    int64_t before_ns = loop_wall_ns(life->writer) - PLAY_FORGETS_NS;
    enum err err = idem_expire(life->ledger, before_ns, &count, &fail);
    if (err != ERR_OK && err != ERR_STORE_FAILED) {
        play_fail(life->play, NULL, "keys are not forgotten: %s", fail.text);
    }
}

struct life_release {
    struct store_job job;
    struct quarantine *quarantine;
    struct quarantine_release release;
};

static enum err life_end_quarantine(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct life_release *context = EP_CONTAINER(job, struct life_release, job);
    return quarantine_end(context->quarantine, txn, &context->release, fail);
}

/* The operator puts a route back that was taken out. */
static void life_release_route(struct life *life, int number)
{
    struct play *play = life->play;
    struct fail fail;
    char id[16];
    (void)snprintf(id, sizeof(id), "r-%d", number);
    if (!quarantine_stands(life->quarantine, str_from(id))) {
        return;
    }
    struct life_release context = {
        .job = { .run = life_end_quarantine },
        .quarantine = life->quarantine,
        .release = { .route = str_from(id),
                     .by = STR("operator"),
                     .why = STR("they say it is mended"),
                     .now_ns = loop_wall_ns(life->writer) },
    };
    enum err err = store_run(life->store, &context.job, &fail);
    if (err != ERR_OK && err != ERR_STORE_FAILED) {
        return; /* its row is on its way */
    }
    play_note(play, "route %s is released", id);
    play->released_ns[number] = sim_now_ns(play->sim);
    play->swapped_ns[number] = 0;
}

/* The registry is read again, with other prices: calls under way keep those they began with. */
static void life_reload(struct life *life)
{
    struct gate_snapshot *snapshot = NULL;
    struct fail fail;
    life->book = (life->book + 1) % PLAY_PRICE_BOOKS;
    life->play->reloaded_ns = sim_now_ns(life->play->sim);
    enum err err = life_make_snapshot(life, &snapshot, &fail);
    ASSERT(err == ERR_OK);
    for (size_t i = 0; i < LIFE_GATES; i++) {
        front_swap(life->fronts[i], gate_snapshot_ref(snapshot));
    }
    gate_snapshot_unref(snapshot);
}

static void life_plan_notes(struct life *life)
{
    struct play *play = life->play;
    int64_t at_ns = sim_now_ns(play->sim) + (int64_t)play_random(play, (uint64_t)LIFE_S);
    enum err err = timer_start(life->writer, &life->note, at_ns);
    ASSERT(err == ERR_OK);
}

/* What the operator and the server's own timers do beside the calls. */
static void life_on_note(struct timer *timer)
{
    struct life *life = EP_CONTAINER(timer, struct life, note);
    struct play *play = life->play;
    life_note_log(life);
    if (play->life == life && !play->restored && !store_failed(life->store)) {
        if (play_chance(play, 2)) {
            life_sell_credit(life);
        }
        if (play_chance(play, 2) && !store_failed(life->store)) {
            life_expire_credit(life);
        }
        if (play_chance(play, 3)) {
            life_reload(life);
        }
        if (play_chance(play, 2) && !store_failed(life->store)) {
            life_release_route(life, (int)play_random(play, PLAY_ROUTES));
        }
        if (play_forgets(play) && !store_failed(life->store)) {
            life_forget_keys(life);
        }
        if (play_has_fleets(play) && play_chance(play, 3) && !store_failed(life->store)) {
            fleet_revoke(play);
        }
    }
    life_plan_notes(life);
}

/* Each second or so, and now and then at once. */
static void life_plan_round(struct life *life)
{
    int64_t within_ns = play_chance(life->play, 8) ? LIFE_MS : LIFE_S;
    int64_t at_ns =
        sim_now_ns(life->play->sim) + (int64_t)play_random(life->play, (uint64_t)within_ns);
    enum err err = timer_start(life->writer, &life->publish, at_ns);
    ASSERT(err == ERR_OK);
}

static void life_on_publish(struct timer *timer)
{
    struct life *life = EP_CONTAINER(timer, struct life, publish);
    if (life->play->life == life && !store_failed(life->store)) {
        (void)life_log_round(life->log); /* the next one does it over */
    }
    life_plan_round(life);
}

/* All memory of it; nothing of it is under way. */
static void life_free(struct life *life)
{
    worker_pool_destroy(life->workers);
    for (size_t i = 0; i < LIFE_GATES; i++) {
        while (loop_turn(life->loops[i], false)) {
        }
        front_destroy(life->fronts[i]);
    }
    timer_stop(life->writer, &life->pump);
    timer_stop(life->writer, &life->note);
    timer_stop(life->writer, &life->publish);
    life_log_close(life->log);
    store_close(life->store);
    usage_check_close(life->usage_check);
    quarantine_close(life->quarantine);
    tlog_close(life->tlog);
    ledger_close(life->ledger);
    ident_close(life->ident);
    limits_destroy(life->limits);
    repeats_destroy(life->repeats);
    dispatch_destroy(life->dispatch);
    for (size_t i = 0; i < LIFE_GATES; i++) {
        loop_destroy(life->loops[i]);
    }
    loop_destroy(life->writer);
    mem_free(life);
}

enum err life_open(struct play *play, struct fail *fail)
{
    struct life *life = mem_zalloc(sizeof(*life));
    ASSERT(life != NULL && play->life == NULL);
    life->play = play;
    timer_init(&life->pump, life_on_pump);
    timer_init(&life->note, life_on_note);
    timer_init(&life->publish, life_on_publish);
    play->lives++;
    life->book = play_random(play, PLAY_PRICE_BOOKS);
    disk_mount();
    if (!play->restored) {
        auditor_log_look(play); /* as the last life has left it */
    }
    enum err err = ERR_OK;
    for (size_t i = 0; i < LIFE_GATES; i++) {
        err = err == ERR_OK ? loop_create_sim(play->sim, &life->loops[i], fail) : err;
    }
    err = err == ERR_OK ? loop_create_sim(play->sim, &life->writer, fail) : err;
    err = err == ERR_OK ? worker_pool_create_sim(play->sim, 1000, &life->workers, fail) : err;
    ASSERT(err == ERR_OK);
    err = life_open_books(life, fail);
    err = err == ERR_OK ? life_open_gate(life, fail) : err;
    if (err != ERR_OK) {
        life_free(life);
        return err;
    }
    if (!play->steady) {
        life_plan_notes(life);
        life_plan_round(life);
    }
    play->life = life;
    return ERR_OK;
}

void life_rival(struct play *play)
{
    struct store *store = NULL;
    struct fail fail;
    const struct store_options options = { .url = STR(LIFE_URL) };
    enum err err = store_open(&options, &store, &fail);
    if (err != ERR_STORE_LOCKED) {
        play_fail(play, NULL, "a second process opens the books: %s", err_info(err)->name);
    }
    life_log_rival(play->life->log);
}

/* ---- clients and credit ------------------------------------------------------------------ */

static enum err furnish_account(struct play *play, int at, struct fail *fail)
{
    struct life *life = play->life;
    struct account *account = &play->accounts[at];
    const struct client *client = NULL;
    const struct api_key *key = NULL;
    struct api_key_text text;
    char name[32];
    int64_t now_ns = loop_wall_ns(life->writer);
    (void)snprintf(name, sizeof(name), "client %d", at);
    /* What a crash has left of an earlier try is nobody's: a new account is made. */
    account->id = (struct id){ { 1, (unsigned char)at, (unsigned char)play->lives } };
    TRY(ledger_open_account(life->ledger, account->id, STR("USD"), fail));
    TRY(client_add(life->ident, str_from(name), account->id, now_ns, &client, fail));
    const struct standing standing = {
        .country = country_from(STR("US")),
        .billing_country = country_from(STR("US")),
        .client_type = STR("developer"),
        .agreement = STR(PLAY_TEXT),
        .agreement_sha256 = STR(LIFE_SUM),
        .accepted_ns = 1, /* whatever the clock will say */
        .set_ns = now_ns,
    };
    TRY(client_set_standing(life->ident, client->id, &standing, fail));
    const struct api_key_order order = { .client = client->id, .product = STR(PLAY_PRODUCT) };
    TRY(api_key_add(life->ident, &order, now_ns, &key, &text, fail));
    (void)snprintf(account->key[0], sizeof(account->key[0]), "%s", text.text);
    account->client = client->id;
    account->key_ids[0] = key->id;
    if (play_is_limited(play)) {
        TRY(api_key_add(life->ident, &order, now_ns, &key, &text, fail));
        (void)snprintf(account->key[1], sizeof(account->key[1]), "%s", text.text);
        account->key_ids[1] = key->id;
    }
    if (play_has_fleets(play)) {
        TRY(fleet_furnish(play, at, fail));
    }
    struct ledger_purchase purchase = {
        .account = ledger_find(life->ledger, account->id),
        .amount = account->purchased,
        .kind = LOT_PAID,
        .plan = STR("p"),
        .payer = STR("p"),
        .method = STR("bank_transfer"),
        .now_ns = now_ns,
    };
    return ledger_purchase(life->ledger, &purchase, fail);
}

static int64_t furnish_max(int64_t max)
{
    return max == 0 ? LIMITS_NONE : max;
}

/* They live in memory. */
static void furnish_limits(struct play *play)
{
    struct limits *limits = play->life->limits;
    const struct limits_subject model = { .of = LIMITS_OF_MODEL, .model = STR("m-0") };
    const int64_t shared[LIMITS_KINDS] = { PLAY_MODEL_REQUESTS, LIMITS_NONE, LIMITS_NONE,
                                           LIMITS_NONE, LIMITS_NONE };
    enum err err = limits_set(limits, &model, shared);
    for (int i = 0; i < PLAY_ACCOUNTS * PLAY_HANDS_LIMITED; i++) {
        int at = i / PLAY_HANDS_LIMITED;
        int hand = i % PLAY_HANDS_LIMITED;
        const struct play_limit *limit = &play_key_limits[at][hand];
        const struct limits_subject key = {
            .of = LIMITS_OF_KEY,
            .id = play->accounts[at].key_ids[hand],
        };
        const int64_t max[LIMITS_KINDS] = { furnish_max(limit->requests),
                                            furnish_max(limit->tokens), LIMITS_NONE, LIMITS_NONE,
                                            furnish_max(limit->calls) };
        err = err == ERR_OK ? limits_set(limits, &key, max) : err;
    }
    ASSERT(err == ERR_OK);
}

enum err life_furnish(struct play *play, struct fail *fail)
{
    if (!play->early_open) {
        TRY(life_log_furnish(play, play->life->store, play->life->tlog, fail));
        play->early_open = true;
    }
    for (int i = 0; i < PLAY_ACCOUNTS; i++) {
        if (!play->accounts[i].open) {
            TRY(furnish_account(play, i, fail));
            play->accounts[i].open = true;
        }
    }
    if (play_is_limited(play)) {
        furnish_limits(play);
    }
    return ERR_OK;
}

/* ---- ends -------------------------------------------------------------------------------- */

static size_t life_busy(const struct life *life)
{
    size_t busy = 0;
    for (size_t i = 0; i < LIFE_GATES; i++) {
        busy += front_busy(life->fronts[i]);
    }
    return busy;
}

static void life_fade(struct play *play, struct life *life)
{
    for (size_t i = 0; i < LIFE_GATES; i++) {
        front_cut(life->fronts[i]);
    }
    uint64_t steps = 0;
    while (life_busy(life) > 0) {
        bool stepped = sim_step(play->sim, INT64_MAX);
        if (!stepped || steps++ == LIFE_FADES_MAX) {
            play_fail(play, NULL, "the server does not come to its end");
        }
    }
}

void life_kill(struct play *play, enum disk_end_kind kind)
{
    struct life *life = play->life;
    play->life = NULL;
    disk_crash(kind);
    for (size_t i = 0; i < LIFE_GATES; i++) {
        sim_reset_all(play->sim, life->loops[i]);
        front_drain(life->fronts[i]);
    }
    life_fade(play, life); /* unseen: neither disk nor network takes anything from it */
    life_free(life);
}

void life_rest(struct play *play)
{
    struct life *life = play->life;
    int64_t until_ns = sim_now_ns(play->sim) + (int64_t)play_random(play, (uint64_t)(5 * LIFE_S));
    play->closed_life = play->lives;
    for (size_t i = 0; i < LIFE_GATES; i++) {
        front_drain(life->fronts[i]);
    }
    while (life_busy(life) > 0 && sim_step(play->sim, until_ns)) {
    }
    life_fade(play, life);
    for (size_t i = 0; i < LIFE_GATES; i++) {
        front_close(life->fronts[i]);
    }
}

void life_close(struct play *play)
{
    struct life *life = play->life;
    ASSERT(life_busy(life) == 0);
    int64_t leaves = 0;
    if (!store_failed(life->store) && life_log_round(life->log) &&
        store_read(life->store, life_read_size, &leaves, NULL) == ERR_OK) {
        auditor_log_on_rest(play, leaves);
    }
    life_note_log(life);
    play->life = NULL;
    life_free(life);
}

struct life_credit life_credit(const struct life *life, struct id account)
{
    const struct account_credit *credit = ledger_credit(ledger_find(life->ledger, account));
    return (struct life_credit){ credit->available, credit->held, credit->spent };
}

struct life_left life_left(struct life *life, const struct account *account, int hand)
{
    const struct limits_who who = { .key = account->key_ids[hand],
                                    .client = account->client,
                                    .model = STR("m-0"),
                                    .several = true,
                                    .defaults = life->options.client_limits };
    struct limits_hold hold = { .placed = false };
    struct limits_refusal refusal;
    struct limits_view requests;
    struct limits_view tokens;
    int64_t now_ns = sim_now_ns(life->play->sim); /* a loop's is that of its last turn */
    enum err err = limits_begin(life->limits, &who, now_ns, &hold, &refusal);
    limits_end(&hold, 0, 0, false, now_ns);
    limits_look(&hold, now_ns, &requests, &tokens);
    limits_free(&hold);
    return (struct life_left){ requests.limited ? requests.left : INT64_MAX,
                               tokens.limited ? tokens.left : INT64_MAX, err != ERR_LIMIT_CALLS };
}

struct store *life_store(const struct life *life)
{
    return life->store;
}

struct ident *life_ident(const struct life *life)
{
    return life->ident;
}

struct ledger *life_ledger(const struct life *life)
{
    return life->ledger;
}

bool life_is_behind(const struct life *life)
{
    return life->mark.behind;
}

bool life_failed(const struct life *life)
{
    return store_failed(life->store);
}

size_t life_recovered(const struct life *life)
{
    return life->recovered;
}

bool life_holds_first(const struct life *life)
{
    return life->options.hold == GATE_HOLD_BEFORE;
}
