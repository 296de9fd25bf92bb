/* room: policy */
#include "../tests/unit/policy/law_world.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Two bytes change one member of the made-up registry or of the call; then the call is judged. What
 * must hold of any verdict is checked, and that knowing less never admits more, and that between
 * two edges of time nothing changes.
 */
#define SLOTS_MAX 512

struct slots {
    int64_t *times[SLOTS_MAX];
    size_t time_count;
    country_t *countries[SLOTS_MAX];
    size_t country_count;
    bool *bools[SLOTS_MAX];
    size_t bool_count;
    enum registry_doc_state *docs[SLOTS_MAX];
    size_t doc_count;
    uint64_t *numbers[SLOTS_MAX];
    size_t number_count;
};

static struct law law;
static struct slots slots;

#define ADD(kind, count, pointer)               \
    do {                                        \
        ASSERT(slots.count < SLOTS_MAX);        \
        slots.kind[slots.count++] = &(pointer); \
    } while (0)
#define TIME(member)    ADD(times, time_count, law.member)
#define COUNTRY(member) ADD(countries, country_count, law.member)
#define BOOL(member)    ADD(bools, bool_count, law.member)
#define DOC(member)     ADD(docs, doc_count, law.member.state)
#define NUMBER(member)  ADD(numbers, number_count, law.member)
#define WINDOW(member)            \
    do {                          \
        TIME(member.valid_from);  \
        TIME(member.valid_until); \
    } while (0)

static void collect_chains(void)
{
    for (size_t i = 0; i < LAW_GRANTS; i++) {
        WINDOW(grants[i]);
        TIME(grants[i].revoked_at);
        TIME(grants[i].runoff_until);
        BOOL(grants[i].signature.fine);
        BOOL(grants[i].brand_terms.must_name_vendor);
        BOOL(grants[i].brand_terms.may_rename);
        DOC(grants[i].doc);
        NUMBER(grants[i].actions);
        NUMBER(grants[i].client_types);
        NUMBER(grants[i].sublicense_depth);
        NUMBER(grants[i].quota.tokens);
        NUMBER(grant_tokens[i]);
    }
    for (size_t i = 0; i < LAW_AGREEMENTS; i++) {
        WINDOW(agreements[i]);
        TIME(agreements[i].revoked_at);
        BOOL(agreements[i].signature.fine);
        BOOL(agreements[i].online);
        BOOL(agreements[i].child_directed);
        DOC(agreements[i].doc);
        NUMBER(agreements[i].actions);
        COUNTRY(markets[i][0]);
    }
    for (size_t i = 0; i < LAW_PARTIES; i++) {
        COUNTRY(parties[i].jurisdiction);
        COUNTRY(parties[i].billing_country);
        COUNTRY(parties[i].controlled_from);
        COUNTRY(parties[i].billing_instrument.country);
    }
    for (size_t i = 0; i < LAW_MODELS; i++) {
        COUNTRY(models[i].origin);
        BOOL(models[i].licence.commercial);
    }
}

static void collect_data(void)
{
    for (size_t i = 0; i < LAW_TERMS; i++) {
        WINDOW(terms[i].dpa);
        BOOL(terms[i].dpa.signed_by_both);
        BOOL(terms[i].children_allowed);
        BOOL(terms[i].analytics);
        BOOL(terms[i].us_declared);
        DOC(terms[i].dpa.doc);
        NUMBER(terms[i].retention_days);
        NUMBER(terms[i].us_categories);
    }
    for (size_t i = 0; i < 3; i++) {
        WINDOW(transfers[i]);
        DOC(transfers[i].doc);
        COUNTRY(transfers[i].from);
    }
    for (size_t i = 0; i < 2; i++) {
        TIME(lists[i].published_at);
        TIME(lists[i].effective_at);
        WINDOW(lanes[i]);
        NUMBER(lanes[i].mechanisms);
        TIME(billing[i].open_since);
        TIME(billing[i].unpaid_due);
    }
    for (size_t i = 0; i < LAW_ROUTES; i++) {
        WINDOW(procurements[i]);
        DOC(procurements[i].doc);
        NUMBER(order_tokens[i]);
    }
    TIME(objection.at);
    WINDOW(threshold);
    NUMBER(threshold.value);
    NUMBER(us_bulk[REGISTRY_US_HEALTH]);
    WINDOW(requirement);
    WINDOW(qualification);
    DOC(qualification.doc);
    WINDOW(order);
    NUMBER(order.tokens);
    WINDOW(zone.approval);
    DOC(zone.approval.doc);
    NUMBER(zone.retention_max_s);
}

static void collect_facts(void)
{
    for (size_t i = 0; i < LAW_PRODUCTS; i++) {
        TIME(products[i].dpa.grace_until);
        BOOL(products[i].names_vendor);
        BOOL(products[i].device);
        BOOL(products[i].caches);
    }
    TIME(online.accepted_at);
    TIME(facts.now);
    COUNTRY(online.country);
    COUNTRY(facts.market);
    COUNTRY(facts.origin.countries[0]);
    BOOL(facts.origin.registered);
    BOOL(facts.content.scanned);
    BOOL(facts.has_callback);
    BOOL(facts.has_order);
    NUMBER(facts.quarantined);
}

/* What is there beside the ordinary, so that changes of it have something to change. */
static void furnish(void)
{
    law.lists[0].objections = &law.objection;
    law.objection =
        (struct registry_objection){ &law.parties[C_1], &law.parties[P_A], law_time("2027-01-01") };
    for (size_t i = 0; i < 2; i++) {
        law.billing[i] = (struct registry_billing_state){
            .id = STR("b"),
            .party = &law.parties[i == 0 ? P_A : C_1],
            .state = REGISTRY_BILLING_PENDING,
        };
    }
    law.registry.billing_count = 2;
    law.routes[R_Z].attachments = &law.attachment;
    law.procurements[R_S3].purchase_orders = &law.order;
    law.online = (struct policy_online){ .country = law_country("SG"),
                                         .billing_country = law_country("SG"),
                                         .client_type = 1 + REGISTRY_CLIENT_DEVELOPER,
                                         .agreement = STR("A-online"),
                                         .sha256 = STR("00"),
                                         .accepted_at = law_time("2026-05-01") };
    law.facts.online = &law.online;
}

/* ---- changes --------------------------------------------------------------------------------- */

static void change_grant(uint8_t what, uint8_t arg)
{
    struct registry_grant *grant = &law.grants[arg % LAW_GRANTS];
    uint8_t other = arg / LAW_GRANTS;
    switch (what % 8) {
    case 0:
        grant->parent = &law.grants[other % LAW_GRANTS];
        break;
    case 1:
        grant->parent = NULL;
        break;
    case 2:
        grant->parent_kind = (enum registry_parent)(other % 3);
        break;
    case 3:
        grant->grantor = &law.parties[other % LAW_PARTIES];
        break;
    case 4:
        grant->grantee = &law.parties[other % LAW_PARTIES];
        break;
    case 5:
        grant->regions =
            law_regions(other % 2 == 0 ? "WORLD CN" : "SG", other % 3 == 0 ? "SG" : "");
        break;
    case 6:
        grant->evidence_class = (enum registry_evidence)(other % 4);
        grant->doc.kind = (enum registry_doc_kind)(other % 6);
        break;
    default:
        law.names[arg % LAW_GRANTS] = (struct registry_grant_model){
            .model = other % 2 == 0 ? &law.models[other % LAW_MODELS] : NULL, .family = STR("f")
        };
        break;
    }
}

static void change_route(uint8_t what, uint8_t arg)
{
    struct registry_route *route = &law.routes[arg % LAW_ROUTES];
    uint8_t other = arg / LAW_ROUTES;
    switch (what % 8) {
    case 0:
        route->upstream_party = &law.parties[other % LAW_PARTIES];
        break;
    case 1:
        route->data_terms = other % 5 == 4 ? NULL : &law.terms[other % 5];
        break;
    case 2:
        route->pool = other % 2 == 0 ? NULL : &law.pool;
        break;
    case 3:
        route->state = (enum registry_route_state)(other % 2);
        break;
    case 4:
        law.credentials[arg % LAW_ROUTES].grant =
            other % 2 == 0 ? NULL : &law.grants[other % LAW_GRANTS];
        break;
    case 5:
        law.credentials[arg % LAW_ROUTES].procurement =
            other % 2 == 0 ? NULL : &law.procurements[other % LAW_ROUTES];
        break;
    case 6:
        route->place = other % 2 == 0 ? STR("CN/x") : STR("");
        break;
    default:
        law.routes[R_Z].attachment_count = other % 2;
        law.attachment.tag = (enum registry_tag)(other % 3);
        law.procurements[R_S3].purchase_order_count = other % 2;
        law.lists[0].objection_count = other / 2 % 2;
        break;
    }
}

static void change_facts(uint8_t what, uint8_t arg)
{
    struct policy_facts *facts = &law.facts;
    switch (what % 9) {
    case 0:
        facts->client = arg % 16 < LAW_PARTIES ? &law.parties[arg % 16] : NULL;
        break;
    case 1:
        facts->model = &law.models[arg % LAW_MODELS];
        break;
    case 2:
        facts->product = &law.products[arg % LAW_PRODUCTS];
        break;
    case 3:
        facts->origin.state = (enum policy_origin_state)(arg % 4);
        break;
    case 4:
        facts->review = (enum policy_review)(arg % 3);
        break;
    case 5:
        law_toy(&law);
        break;
    case 6:
        law.terms[arg % LAW_TERMS].training = (enum registry_answer)(arg / 4 % 5);
        law.terms[arg % LAW_TERMS].human_review = (enum registry_answer)(arg / 32 % 5);
        break;
    case 7:
        law.zone.separation[arg % REGISTRY_ITEM_COUNT] = (enum registry_separation)(arg / 8 % 3);
        break;
    default:
        law.parties[C_1].client_type = arg % (1 + REGISTRY_CLIENT_TYPE_COUNT);
        law.agreements[arg % LAW_AGREEMENTS].data_terms =
            arg / 8 % 2 == 0 ? NULL : &law.terms[arg % LAW_TERMS];
        law.products[PRODUCT_TOY].zone = arg / 16 % 2 == 0 ? NULL : &law.zone;
        break;
    }
}

static void change(uint8_t op, uint8_t arg)
{
    static const char *const countries[] = { "SG", "CN", "US", "HK", "BR", "" };
    uint8_t what = op / 8;
    size_t at = (size_t)what * 256 + arg;
    switch (op % 8) {
    case 0:
        *slots.times[at / 4 % slots.time_count] =
            law_time("2026-11-02T11:00:00Z") + ((int64_t)arg % 4 - 2) * LAW_S;
        break;
    case 1:
        *slots.countries[at / 6 % slots.country_count] = law_country(countries[arg % 6]);
        break;
    case 2:
        *slots.bools[at % slots.bool_count] ^= true;
        break;
    case 3:
        *slots.docs[at / 4 % slots.doc_count] = (enum registry_doc_state)(arg % 4);
        break;
    case 4:
        *slots.numbers[at / 8 % slots.number_count] = arg % 8 == 7 ? UINT64_MAX : arg % 8;
        break;
    case 5:
        change_grant(what, arg);
        break;
    case 6:
        change_route(what, arg);
        break;
    default:
        change_facts(what, arg);
        break;
    }
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void check_verdict(const struct policy_verdict *verdict)
{
    uint64_t routes = 0;
    for (size_t i = 0; i < verdict->route_count; i++) {
        size_t reasons = 0;
        for (size_t j = 0; j < verdict->reason_count; j++) {
            reasons += verdict->reasons[j].route == verdict->per_route[i].route;
        }
        ASSERT(verdict->per_route[i].admissible == (reasons == 0));
        routes |= (uint64_t)verdict->per_route[i].admissible << i;
    }
    ASSERT(verdict->reasons_dropped == 0);
    ASSERT(verdict->routes == routes);
    ASSERT(verdict->allow == (routes != 0));
    ASSERT(verdict->allow == (verdict->err == ERR_OK));
    ASSERT(!verdict->allow || verdict->code == POLICY_FINE);
    ASSERT(verdict->allow || verdict->reason_count > 0 || verdict->code == POLICY_FINE);
    for (size_t j = 1; j < verdict->reason_count; j++) {
        const struct policy_reason *before = &verdict->reasons[j - 1];
        const struct policy_reason *reason = &verdict->reasons[j];
        ASSERT(before->route != reason->route || before->code <= reason->code);
    }
}

static void check_words(const struct policy_verdict *verdict)
{
    struct buf out;
    struct json_fault fault;
    buf_init(&out, 1 << 20);
    ASSERT(policy_verdict_json(verdict, &out) == ERR_OK);
    ASSERT(json_check(buf_str(&out), &fault) == ERR_OK);
    buf_reset(&out);
    ASSERT(policy_print_closures(verdict, law.facts.now, &out) == ERR_OK);
    buf_fini(&out);
}

/* Of the same call with one thing less that is known, or one more that stands against it. */
static void check_less(const struct policy_facts *facts, uint64_t routes)
{
    static struct policy_verdict verdict;
    policy_judge(law.policy, facts, &verdict);
    ASSERT((verdict.routes & ~routes) == 0);
}

static void check_unknowns(uint64_t routes)
{
    struct policy_facts facts = law.facts;
    facts.consent_ref = STR_EMPTY;
    check_less(&facts, routes);
    facts = law.facts;
    facts.ingress = STR_EMPTY;
    check_less(&facts, routes);
    facts = law.facts;
    facts.content.scanned = false;
    check_less(&facts, routes);
    facts = law.facts;
    facts.origin = (struct policy_origin){ .state = POLICY_ORIGIN_UNKNOWN };
    check_less(&facts, routes);
    facts = law.facts;
    facts.has_order = false;
    check_less(&facts, 0);
    facts = law.facts;
    facts.client = NULL;
    facts.online = NULL;
    check_less(&facts, 0);
    facts = law.facts;
    facts.quarantined = UINT64_MAX;
    check_less(&facts, 0);
    facts = law.facts;
    facts.origin.registered = false;
    check_less(&facts, routes);
}

/* Until just before the next edge the verdict stays: the same reasons, but for their ages. */
static void check_time(const struct policy_verdict *verdict)
{
    static struct policy_verdict later;
    struct policy_facts facts = law.facts;
    if (law.online.accepted_at > facts.now) {
        return; /* a fact of the call, and no window of the registry */
    }
    int64_t next = policy_next_edge(law.policy, facts.now);
    ASSERT(next > facts.now);
    facts.now = next == INT64_MAX ? facts.now + 1 : next - 1;
    policy_judge(law.policy, &facts, &later);
    ASSERT(later.routes == verdict->routes);
    ASSERT(later.code == verdict->code);
    ASSERT(later.reason_count == verdict->reason_count);
    for (size_t i = 0; i < later.reason_count; i++) {
        ASSERT(later.reasons[i].code == verdict->reasons[i].code);
        ASSERT(str_eq(later.reasons[i].object, verdict->reasons[i].object));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    furnish();
    if (slots.time_count == 0) {
        collect_chains();
        collect_data();
        collect_facts();
    }
    for (size_t i = 0; i + 1 < size && i < 64; i += 2) {
        change(data[i], data[i + 1]);
    }
    if (policy_compile(&law.registry, &law.policy, NULL) != ERR_OK) {
        return 0; /* a chain of nine grants */
    }
    policy_judge(law.policy, &law.facts, &law.verdict);
    check_verdict(&law.verdict);
    check_words(&law.verdict);
    check_unknowns(law.verdict.routes);
    check_time(&law.verdict);
    law_end(&law);
    return 0;
}
