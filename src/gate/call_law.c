#include "gate/call_law.h"

#include <string.h>

#include "base/enc.h"
#include "base/stamp.h"
#include "crypto/digest.h"
#include "gate/call_device.h"
#include "gate/call_straddle.h"
#include "gate/gate_internal.h"
#include "gate/law.h"
#include "gate/origin_of.h"
#include "gate/quarantine.h"
#include "ident/ident.h"
#include "ident/review.h"
#include "ident/standing.h"
#include "policy/facts.h"
#include "tlog/receipt.h"
#include "wire/jsonw.h"

/* ---- facts --------------------------------------------------------------------------------- */

static country_t law_market(struct http_exchange *x, const struct api_key *key)
{
    struct str said = key->market;
    if (said.len == 0) {
        said = http1_header(http_exchange_head(x), STR(CALL_LAW_MARKET));
    }
    return country_from(said);
}

bool call_law_market_is_fine(struct http_exchange *x)
{
    struct str said = http1_header(http_exchange_head(x), STR(CALL_LAW_MARKET));
    return said.len == 0 || country_from(said) != COUNTRY_NONE;
}

/* Who the client is: its party, or what it said of itself. */
static void law_client(const struct registry *registry, const struct standing *standing,
                       struct policy_online *online, struct policy_facts *facts)
{
    *online = (struct policy_online){
        .country = standing->country,
        .billing_country = standing->billing_country,
        .client_type = policy_client_type(standing->client_type),
        .agreement = standing->agreement,
        .sha256 = standing->agreement_sha256,
        .accepted_at = standing->accepted_ns,
    };
    facts->online = online;
    facts->client = standing->party.len == 0 ? NULL : registry_party(registry, standing->party);
}

void call_law_facts(const struct call *call, struct policy_online *online,
                    struct policy_facts *ret_facts)
{
    const struct call_law *law = &call->law;
    *ret_facts = (struct policy_facts){
        .product = call->product,
        .model = call->model,
        .market = law->market,
        .consent_ref = law->consent,
        .ingress = law->ingress,
        .origin = law->origin,
        .content = law->content,
        .has_callback = call->ask.elsewhere,
        .has_order = true, /* without one there is no credit, and the books say so better */
        .review = law->review,
        .quarantined = law->quarantined,
        .now = law->now,
    };
    law_client(call->snapshot->registry, law->standing, online, ret_facts);
}

/* As the databases and the registered ranges have it. */
static void law_origin(struct gate *gate, struct http_exchange *x, const struct standing *standing,
                       int64_t now, struct policy_origin *ret_origin)
{
    static const enum policy_origin_state states[] = {
        [ORIGIN_UNKNOWN] = POLICY_ORIGIN_UNKNOWN,
        [ORIGIN_OVERSEAS] = POLICY_ORIGIN_OVERSEAS,
        [ORIGIN_CN] = POLICY_ORIGIN_CN,
        [ORIGIN_UNSURE] = POLICY_ORIGIN_UNSURE,
    };
    const struct origin_asker asker = { gate->snapshot->ranges, standing->party, now };
    struct origin origin;
    origin_of(x, gate->snapshot, &asker, &origin);
    *ret_origin =
        (struct policy_origin){ .state = states[origin.state], .registered = origin.registered };
    for (size_t i = 0; i < origin.count; i++) {
        country_t country = country_from((struct str){ origin.country[i].code, 2 });
        if (country != COUNTRY_NONE) {
            ret_origin->countries[ret_origin->count++] = country;
        }
    }
}

/* What holds the client's calls, if anything does. */
static enum policy_review law_review(const struct review *review, struct id client)
{
    enum review_kind kind = REVIEW_RESALE;
    if (review == NULL || review_hold(review, client, &kind) < REVIEW_HOLD_TRAFFIC) {
        return POLICY_REVIEW_NONE;
    }
    return kind == REVIEW_RESALE ? POLICY_REVIEW_RESALE : POLICY_REVIEW_ORIGIN;
}

enum err call_law_would_admit(struct gate *gate, struct http_exchange *x, const struct api_key *key,
                              const struct registry_product *product,
                              const struct registry_model *model)
{
    char consent_text[CALL_DEVICE_CONSENT_LEN];
    struct buf consent = { consent_text, 0, sizeof(consent_text), sizeof(consent_text) };
    struct policy_online online;
    struct policy_facts facts = {
        .product = product,
        .model = model,
        .market = law_market(x, key),
        .consent_ref = call_device_consent(key, &consent),
        .ingress = http_exchange_link(x),
        .content = { .scanned = true },
        .has_order = true,
        .review = law_review(gate->world.review, key->client->id),
        .quarantined = quarantine_bits(gate->world.quarantine, model),
        .now = loop_wall_ns(gate->loop),
    };
    law_client(gate->snapshot->registry, client_standing(key->client), &online, &facts);
    law_origin(gate, x, client_standing(key->client), facts.now, &facts.origin);
    policy_judge(gate->snapshot->policy, &facts, &gate->verdict);
    if (!gate->verdict.allow) {
        return gate->verdict.err;
    }
    return !call_law_market_is_fine(x)              ? ERR_ASK_INVALID
           : !call_device_has_model(key, model->id) ? ERR_MODEL_UNKNOWN
                                                    : ERR_OK;
}

uint64_t call_law_retention(struct gate *gate, const struct api_key *key,
                            const struct registry_product *product)
{
    struct policy_online online;
    struct policy_facts facts = {
        .product = product,
        .model = product->models[0], /* a product has one at least */
        .consent_ref = key->consent,
        .now = loop_wall_ns(gate->loop),
    };
    law_client(gate->snapshot->registry, client_standing(key->client), &online, &facts);
    return policy_retention(gate->snapshot->policy, &facts);
}

/* ---- judging ------------------------------------------------------------------------------- */

const struct policy_verdict *call_law_verdict(const struct call *call)
{
    struct policy_online online;
    struct policy_facts facts;
    ASSERT(call->law.judged);
    call_law_facts(call, &online, &facts);
    call_quota_show(call, &facts.counters);
    policy_judge(call->snapshot->policy, &facts, &call->gate->verdict);
    call_quota_clear(call);
    return &call->gate->verdict;
}

static const struct policy_verdict *law_judge(struct call *call)
{
    struct call_law *law = &call->law;
    law->judged = true;
    const struct policy_verdict *verdict = call_law_verdict(call);
    law->routes = verdict->routes;
    law->until = verdict->until;
    law->code = verdict->code;
    for (size_t i = 0; i < POLICY_CLOSURES; i++) {
        law->closures[i] = (unsigned char)verdict->closures[i];
    }
    return verdict;
}

/* Of the state and of a client in this instant; noted once, for each judgement to be the same. */
static enum err law_note(struct call *call)
{
    struct call_law *law = &call->law;
    const struct gate_world *world = &call->gate->world;
    struct buf consent = { NULL, 0, CALL_DEVICE_CONSENT_LEN, CALL_DEVICE_CONSENT_LEN };
    if (call->key->device != NULL) {
        consent.ptr = arena_alloc(&call->arena, CALL_DEVICE_CONSENT_LEN);
        TRY(consent.ptr == NULL ? ERR_NO_MEMORY : ERR_OK);
    }
    law->consent = call_device_consent(call->key, &consent);
    law->standing = client_standing(call->key->client);
    law->market = law_market(call->x, call->key);
    law->ingress = http_exchange_link(call->x);
    law->now = loop_wall_ns(call->gate->loop);
    law_origin(call->gate, call->x, law->standing, law->now, &law->origin);
    law->quarantined = quarantine_bits(world->quarantine, call->model);
    law->review = law_review(world->review, call->key->client->id);
    return ERR_OK;
}

enum err call_law_judge(struct call *call, const struct policy_verdict **ret_verdict)
{
    TRY(law_note(call));
    TRY(call_quota_note(call));
    *ret_verdict = law_judge(call);
    return ERR_OK;
}

enum err call_law_judge_model(struct call *call, const struct policy_verdict **ret_verdict)
{
    call->law.now = loop_wall_ns(call->gate->loop);
    call->law.quarantined = quarantine_bits(call->gate->world.quarantine, call->model);
    TRY(call_quota_note(call));
    *ret_verdict = law_judge(call);
    return ERR_OK;
}

const struct policy_verdict *call_law_judge_again(struct call *call, int64_t now)
{
    call->law.now = now;
    return law_judge(call);
}

/* ---- what the client is told --------------------------------------------------------------- */

struct law_remedy {
    enum err err;
    const char *retry;
    const char *remedy;
};

static const struct law_remedy law_remedies[] = {
    { ERR_LAW_REVERSE_IMPORT, "never", "choose a model listed for you: GET /v1/models" },
    { ERR_LAW_MARKET, "never", "this product is not offered in your market" },
    { ERR_LAW_REVERSE_ORIGIN, "never", "call from a place where the model may be supplied" },
    { ERR_LAW_REVIEW, "after_change", "answer the review's questions: write to the operator" },
    { ERR_LAW_ZONE_ORIGIN, "never",
      "call from outside the mainland, or register your egress range" },
    { ERR_LAW_ZONE_USER, "never", "this product is for users outside the mainland" },
    { ERR_LAW_ZONE_MARKET, "never", "choose a product that is processed in your market" },
    { ERR_LAW_ZONE_MIXED, "after_change", "leave the named data out of the request" },
    { ERR_LAW_ZONE_RETURN, "after_change", "leave the callback out: the answer is the response" },
    { ERR_LAW_NO_AGREEMENT, "after_change", "sign or accept the agreement: write to the operator" },
    { ERR_LAW_SCOPE_REGION, "after_change",
      "choose a model listed for your market: GET /v1/models" },
    { ERR_LAW_SCOPE_CLIENT_TYPE, "after_change", "choose a model listed for you: GET /v1/models" },
    { ERR_LAW_SCOPE_OWNERSHIP, "never", "choose a model listed for you: GET /v1/models" },
    { ERR_LAW_SCOPE_QUOTA, "after", "wait until the quota begins anew, or choose another model" },
    { ERR_LAW_DATA_DPA, "after_change", "sign the current data agreement: write to the operator" },
    { ERR_LAW_DATA_UNKNOWN, "after_change", "choose another model: GET /v1/models" },
    { ERR_LAW_DATA_TERMS, "after_change", "choose another model, or change your data terms" },
    { ERR_LAW_DATA_LOCATION, "after_change", "choose another model, or allow its place" },
    { ERR_LAW_DATA_TRANSFER, "after_change", "put a basis for the transfer on file" },
    { ERR_LAW_DATA_CHILD, "after_change", "use a key that refers to a consent" },
    { ERR_LAW_DATA_US, "never", "choose a model that is processed elsewhere" },
    { ERR_NO_CLOSED_ROUTE, "after", "try again later, or choose another model: GET /v1/models" },
};

static const struct law_remedy *law_remedy(enum err err)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(law_remedies); i++) {
        if (law_remedies[i].err == err) {
            return &law_remedies[i];
        }
    }
    return NULL;
}

static const struct str law_states[] = {
    [POLICY_CLOSED] = STR_INIT("closed"),
    [POLICY_OPEN] = STR_INIT("open"),
    [POLICY_PENDING] = STR_INIT("pending"),
};

bool call_law_tell(const struct call *call, struct jsonw *json)
{
    const struct call_law *law = &call->law;
    const struct law_remedy *told = law_remedy(call->err);
    if (!law->judged || told == NULL) {
        return false;
    }
    char at_text[40];
    struct buf at = { at_text, 0, sizeof(at_text), sizeof(at_text) };
    EP_IGNORE(stamp_print(&at, law->now)); /* fits */
    jsonw_put_str(json, "retry", str_from(told->retry));
    jsonw_put_str(json, "remedy", str_from(told->remedy));
    jsonw_put_str(json, "at", buf_str(&at));
    int64_t resets = call->err == ERR_LAW_SCOPE_QUOTA ? call_quota_resets(call) : 0;
    if (resets > 0) {
        buf_reset(&at);
        EP_IGNORE(stamp_print(&at, resets)); /* fits */
        jsonw_put_str(json, "resets", buf_str(&at));
    }
    struct str class = law->content.strong.len > 0 ? law->content.strong : law->content.marker;
    if (call->err == ERR_LAW_ZONE_MIXED && class.len > 0) {
        jsonw_put_str(json, "class", class);
    }
    /* Rules that are no closure's are judged before any closure is looked at. Why there is no
     * source is nobody else's to know; where the model has none there is no reason at all. */
    enum policy_closure closure = call->err == ERR_NO_CLOSED_ROUTE || law->code == POLICY_FINE
                                      ? POLICY_RULES
                                      : policy_reason_info(law->code)->closure;
    if (closure != POLICY_RULES) {
        jsonw_put_str(json, "closure", str_from(policy_closure_name(closure)));
        jsonw_key(json, "closures");
        jsonw_open(json, '{');
        for (unsigned i = 0; i < POLICY_CLOSURES; i++) {
            jsonw_put_str(json, policy_closure_name((enum policy_closure)i),
                          law_states[law->closures[i]]);
        }
        jsonw_close(json, '}');
    }
    return true;
}

/* ---- what a receipt says ------------------------------------------------------------------- */

static struct buf law_room(char *text, size_t size)
{
    return (struct buf){ text, 0, size, size };
}

static struct str law_print_origin(const struct policy_origin *origin, struct buf *out)
{
    for (size_t i = 0; i < origin->count; i++) {
        char code[3];
        country_text(origin->countries[i], code);
        EP_IGNORE(buf_printf(out, "%s%s", i == 0 ? "" : " ", code)); /* fits */
    }
    return buf_str(out);
}

static void law_print_found(const char *name_end, struct str name, uint32_t count, struct buf *out)
{
    if (count > 0) {
        EP_IGNORE(buf_printf(out, "%s" STR_FMT "%s %u", out->len == 0 ? "" : ", ", STR_ARG(name),
                             name_end, count)); /* fits: the classes are few, markers short */
    }
}

static struct str law_print_detected(const struct call *call, struct buf *out)
{
    const struct detect_result *found = call->law.found;
    if (found == NULL) {
        return STR_EMPTY;
    }
    for (unsigned i = 0; i < DETECT_CLASSES; i++) {
        struct str name = detect_class_name((enum detect_class)i);
        law_print_found("", name, found->classes[i][DETECT_STRONG], out);
        law_print_found(" weak", name, found->classes[i][DETECT_WEAK], out);
    }
    const struct detect_rules *rules = call->snapshot->detect;
    for (size_t i = 0; i < detect_rules_markers(rules); i++) {
        law_print_found("", detect_rules_marker(rules, i), found->markers[i], out);
    }
    return buf_str(out);
}

/* What the served route's chain consists of: ids, versions and the sums of the documents. */
static struct str law_print_chain(const struct policy_chain *chain, struct buf *out)
{
    char text[2048];
    struct buf list = law_room(text, sizeof(text));
    EP_IGNORE(policy_print_chain(chain, &list)); /* what fits: the lines that do, whole */
    struct digest digest = digest_sha256(buf_str(&list));
    EP_IGNORE(enc_hex(out, digest.bytes, DIGEST_BYTES)); /* fits */
    return buf_str(out);
}

static const struct policy_route *law_served(const struct call *call,
                                             const struct policy_verdict *verdict)
{
    for (size_t i = 0; i < verdict->route_count; i++) {
        if (verdict->per_route[i].route == call->route) {
            return &verdict->per_route[i];
        }
    }
    return NULL;
}

static void law_print_reasons(const struct policy_verdict *verdict, struct call_law_room *room,
                              struct receipt_facts *facts)
{
    size_t count =
        verdict->reason_count < RECEIPT_REASONS_MAX ? verdict->reason_count : RECEIPT_REASONS_MAX;
    for (size_t i = 0; i < count; i++) {
        struct buf out = law_room(room->reasons[i], RECEIPT_REASON_MAX);
        EP_IGNORE(policy_reason_print(&verdict->reasons[i], &out)); /* what fits */
        facts->law_reasons[i] = buf_str(&out);
    }
    facts->law_reason_count = count;
}

void call_law_receipt(const struct call *call, int64_t ended_ns, struct call_law_room *room,
                      struct receipt_facts *facts)
{
    const struct call_law *law = &call->law;
    facts->rules = STR(POLICY_VERSION);
    if (!law->judged) {
        return;
    }
    struct policy_online online;
    struct policy_facts told;
    struct buf origin = law_room(room->origin, sizeof(room->origin));
    struct buf detected = law_room(room->detected, sizeof(room->detected));
    struct buf chain = law_room(room->chain, sizeof(room->chain));
    struct buf law_text = law_room(room->law, sizeof(room->law));
    struct buf text = law_room(room->facts, sizeof(room->facts));
    const struct policy_verdict *verdict = call_law_verdict(call);
    const struct policy_route *served = law_served(call, verdict);
    call_law_facts(call, &online, &told);
    facts->ingress = law->ingress;
    facts->origin = law_print_origin(&law->origin, &origin);
    facts->detected = law_print_detected(call, &detected);
    if (law->market != COUNTRY_NONE) {
        country_text(law->market, room->market);
        facts->market = str_from(room->market);
    }
    if (served != NULL) {
        const struct registry_agreement *agreement = served->chain.agreement;
        facts->chain = law_print_chain(&served->chain, &chain);
        facts->data_terms = agreement == NULL || agreement->data_terms == NULL
                                ? STR_EMPTY
                                : agreement->data_terms->dpa.version;
    }
    EP_IGNORE(policy_print_law(verdict, &law_text)); /* what fits: 64 short names */
    facts->law = buf_str(&law_text);
    facts->straddles = call_straddles(call, ended_ns);
    call_quota_show(call, &told.counters);
    if (policy_facts_write(&told, call->snapshot->registry, &text) == ERR_OK) {
        facts->law_facts = buf_str(&text);
    }
    call_quota_clear(call);
    law_print_reasons(verdict, room, facts);
}
