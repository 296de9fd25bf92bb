/* The acts that ask the law: what closes for a client and a model, and a past call once more. */
#include "app/acts_internal.h"
#include "app/registry_versions.h"
#include "base/arena.h"
#include "base/enc.h"
#include "base/stamp.h"
#include "ident/review.h"
#include "ident/standing.h"
#include "policy/facts.h"
#include "settle/rejudge.h"

/* ---- closures ------------------------------------------------------------------------------ */

/* A client by its id, or a party of the registry by its own. */
static enum err closures_client(struct acting *acting, struct policy_facts *facts,
                                struct policy_online *online)
{
    struct str text;
    struct id id;
    TRY(acting_need(acting, "client", &text));
    facts->online = NULL;
    if (!id_parse(text, STR(IDENT_CLIENT_PREFIX), &id)) {
        facts->client = registry_party(acting->registry, text);
        acting->remedy = "name a client's id or a party of parties.yaml";
        return facts->client != NULL
                   ? ERR_OK
                   : FAIL(&acting->fail, ERR_NOT_FOUND,
                          "there is no client and no party \"" STR_FMT "\"", STR_ARG(text));
    }
    const struct client *client = NULL;
    TRY(acting_client(acting, &client));
    const struct standing *standing = client_standing(client);
    *online = (struct policy_online){
        .country = standing->country,
        .billing_country = standing->billing_country,
        .client_type = policy_client_type(standing->client_type),
        .agreement = standing->agreement,
        .sha256 = standing->agreement_sha256,
        .accepted_at = standing->accepted_ns,
    };
    facts->online = online;
    facts->client =
        standing->party.len == 0 ? NULL : registry_party(acting->registry, standing->party);
    return ERR_OK;
}

static enum err closures_country(struct acting *acting, const char *flag, country_t *ret_country)
{
    struct str text = args_value(acting->args, flag);
    *ret_country = country_from(text);
    return text.len == 0 || *ret_country != COUNTRY_NONE
               ? ERR_OK
               : FAIL(&acting->fail, ERR_ASK_INVALID,
                      "\"--%s\" is two capital letters such as SG, not \"" STR_FMT "\"", flag,
                      STR_ARG(text));
}

/* Where no origin is given the call is thought to come from the client's own country. */
static enum err closures_origin(struct acting *acting, struct policy_facts *facts)
{
    country_t country = COUNTRY_NONE;
    TRY(closures_country(acting, "origin", &country));
    if (country == COUNTRY_NONE) {
        country = facts->client != NULL
                      ? facts->client->jurisdiction
                      : (facts->online == NULL ? COUNTRY_NONE : facts->online->country);
    }
    if (country != COUNTRY_NONE) {
        facts->origin.state =
            country == country_from(STR("CN")) ? POLICY_ORIGIN_CN : POLICY_ORIGIN_OVERSEAS;
        facts->origin.countries[0] = country;
        facts->origin.count = 1;
    }
    return ERR_OK;
}

static enum err closures_model(struct acting *acting, struct policy_facts *facts)
{
    struct str id;
    TRY(acting_need(acting, "model", &id));
    TRY(acting_product(acting, &facts->product));
    for (size_t i = 0; facts->model == NULL && i < acting->registry->product_count; i++) {
        bool named = args_has(acting->args, "product");
        const struct registry_product *product =
            named ? facts->product : &acting->registry->products[i];
        facts->model = registry_product_model(product, id);
        facts->product = facts->model != NULL ? product : facts->product;
    }
    if (facts->model == NULL) {
        acting->remedy = "see \"entrepot registry show\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "no product sells \"" STR_FMT "\"", STR_ARG(id));
    }
    return ERR_OK;
}

/* What a case holds the client for, as the rows say now. */
static enum err closures_review(struct acting *acting, struct policy_facts *facts)
{
    struct id id;
    enum review_kind kind = REVIEW_RESALE;
    struct review *review = NULL;
    if (!id_parse(args_value(acting->args, "client"), STR(IDENT_CLIENT_PREFIX), &id)) {
        return ERR_OK; /* a party: cases are of clients of the books */
    }
    TRY(review_open(acting->world->store, &review, &acting->fail));
    if (review_hold(review, id, &kind) >= REVIEW_HOLD_TRAFFIC) {
        facts->review = kind == REVIEW_RESALE ? POLICY_REVIEW_RESALE : POLICY_REVIEW_ORIGIN;
    }
    review_close(review);
    return ERR_OK;
}

static enum err closures_on_quarantine(void *context, const struct store_value *row, size_t columns)
{
    bool *found = context;
    ASSERT(columns == 1 && row[0].kind == STORE_INT);
    *found = true;
    return ERR_OK;
}

/* Which routes of the model are taken out, as the rows say now: bits of `context`, the facts. */
static enum err closures_quarantine(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT id FROM route_quarantine WHERE route = ?1 AND released_ns = 0"
    };
    struct policy_facts *facts = context;
    for (size_t i = 0; i < facts->model->route_count; i++) {
        const struct store_value route = STORE_T(facts->model->routes[i]->id);
        bool found = false;
        TRY(store_query(txn, &sql, &route, 1, closures_on_quarantine, &found, fail));
        facts->quarantined |= found ? UINT64_C(1) << i : 0;
    }
    return ERR_OK;
}

enum err acting_facts(struct acting *acting, struct policy_facts *ret_facts,
                      struct policy_online *ret_online)
{
    struct policy_facts *facts = ret_facts;
    struct policy_online *online = ret_online;
    *facts = (struct policy_facts){ .content = { .scanned = true }, .has_order = true };
    facts->now = stamp_system_ns();
    TRY(closures_client(acting, facts, online));
    TRY(closures_model(acting, facts));
    TRY(closures_country(acting, "market", &facts->market));
    TRY(closures_origin(acting, facts));
    TRY(closures_review(acting, facts));
    TRY(store_read(acting->world->store, closures_quarantine, facts, &acting->fail));
    if (args_has(acting->args, "at")) {
        TRY(acting_time(acting, "at", &facts->now));
    }
    facts->consent_ref = args_value(acting->args, "consent");
    facts->ingress = args_value(acting->args, "link");
    const struct registry_zone *zone = facts->product->zone;
    if (facts->ingress.len == 0 && zone != NULL && zone->ingress_link_count > 0) {
        facts->ingress = zone->ingress_links[0];
    }
    return ERR_OK;
}

enum err act_closures(struct acting *acting)
{
    struct policy_facts facts;
    struct policy_online online;
    struct rejudge rejudge;
    TRY(acting_facts(acting, &facts, &online));
    TRY(rejudge_init(&rejudge, acting->registry, &acting->fail));
    policy_judge(rejudge.policy, &facts, rejudge.verdict);
    enum err err = acting->json ? policy_verdict_json(rejudge.verdict, acting->out)
                                : policy_print_closures(rejudge.verdict, facts.now, acting->out);
    if (err == ERR_OK && acting->json) {
        err = buf_byte(acting->out, '\n');
    }
    rejudge_fini(&rejudge);
    return err;
}

/* ---- replay -------------------------------------------------------------------------------- */

struct replay {
    struct acting *acting;
    struct id call;
    struct arena arena;
    struct rejudge_past past; /* texts are in the arena */
};

static enum err replay_on_found(void *context, const struct tlog_found *found)
{
    struct replay *replay = context;
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        if (found->sections[i].len == 0 && found->salts[i].len == 0) {
            replay->acting->remedy = "see \"entrepot erase --list\" and \"--due\"";
            return FAIL(&replay->acting->fail, ERR_NOT_FOUND,
                        "the receipt's %s section was erased: its verdict cannot be judged again",
                        receipt_section_name((enum receipt_section)i));
        }
    }
    return rejudge_read(found->sections[RECEIPT_EVIDENCE], found->sections[RECEIPT_OPERATOR],
                        &replay->arena, &replay->past, &replay->acting->fail);
}

static enum err replay_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct replay *replay = context;
    return tlog_find(txn, replay->call, replay_on_found, replay, fail);
}

static enum err replay_registry(struct replay *replay, struct registry **ret_registry)
{
    struct store *store = replay->acting->world->store;
    struct fail *fail = &replay->acting->fail;
    struct digest hash;
    struct registry_version version;
    if (!enc_hex_read(replay->past.registry, hash.bytes, DIGEST_BYTES)) {
        return FAIL(fail, ERR_AUDIT_FAILED, "the receipt names no registry");
    }
    TRY(registry_versions_find_hash(store, &hash, &version, fail));
    return registry_version_load(store, version.seq, ret_registry, fail);
}

static const char *const replay_columns[] = { "call", "rules", "then", "now", "agrees" };

static enum err replay_show(struct replay *replay, struct str law, bool agrees)
{
    struct acting *acting = replay->acting;
    struct sheet sheet;
    sheet_init(&sheet, replay_columns, EP_ARRAY_LEN(replay_columns));
    sheet_id(&sheet, CALL_PREFIX, replay->call);
    sheet_str(&sheet, replay->past.rules);
    sheet_str(&sheet, replay->past.law);
    sheet_str(&sheet, law);
    sheet_str(&sheet, agrees ? STR("yes") : STR("no"));
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    if (err == ERR_OK && !agrees) {
        acting->remedy = "compare the receipt with `entrepot registry show --version N`";
        err = FAIL(&acting->fail, ERR_AUDIT_FAILED, "the verdict of then is not that of now");
    }
    return err;
}

static enum err replay_again(struct replay *replay, const struct registry *registry)
{
    char text[2048];
    struct buf law = { text, 0, sizeof(text), sizeof(text) };
    struct fail *fail = &replay->acting->fail;
    struct rejudge rejudge;
    bool agrees = false;
    TRY(rejudge_init(&rejudge, registry, fail));
    enum err err = rejudge_run(&rejudge, &replay->past, &replay->arena, &law, &agrees, fail);
    err = err == ERR_OK ? replay_show(replay, buf_str(&law), agrees) : err;
    rejudge_fini(&rejudge);
    return err;
}

/* Judges a past call by the registry and the facts of then. */
enum err act_verdict_replay(struct acting *acting)
{
    struct replay replay = { .acting = acting };
    struct registry *registry = NULL;
    TRY(acting_id(acting, "call", CALL_PREFIX, &replay.call));
    arena_init(&replay.arena, 4096, (size_t)1 << 22);
    enum err err = store_read(acting->world->store, replay_read, &replay, &acting->fail);
    if (err == ERR_OK && replay.past.facts.len == 0) {
        err = FAIL(&acting->fail, ERR_NOT_FOUND, "the law was not asked about this call");
    }
    err = err == ERR_OK ? replay_registry(&replay, &registry) : err;
    err = err == ERR_OK ? replay_again(&replay, registry) : err;
    registry_unref(registry);
    arena_fini(&replay.arena);
    return err;
}
