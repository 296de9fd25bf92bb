/*
 * A registry as two sellers' days have it, made by hand: an aggregator with three licensed sources
 * (m-alpha directly from its vendor until noon and through a cloud, m-beta through a channel, the
 * foreign m-xray through the cloud), and a toy that speaks through a special zone (m-toy). Tests
 * change a member and judge again.
 */
#pragma once

#include <string.h>

#include "base/stamp.h"
#include "policy/policy.h"

#define LAW_S STAMP_NS_PER_S

enum {
    C_1,
    C_10,
    C_2,
    C_9,
    C_TOY,
    P_A,
    P_B,
    P_CENTER,
    P_CHAN,
    P_CLOUD,
    P_PLATFORM,
    P_V,
    P_X,
    LAW_PARTIES
};
enum {
    M_ALPHA,
    M_BETA,
    M_TOY,
    M_XRAY,
    LAW_MODELS
};
enum {
    G_A_CLOUD,
    G_B_CHAN,
    G_CHAN_P,
    G_CLOUD_P,
    G_CLOUD_P_X,
    G_S1,
    G_V,
    G_X_CLOUD,
    G_S1V2,
    LAW_GRANTS
};
enum {
    A_1,
    A_10,
    A_2,
    A_9,
    A_ONLINE,
    A_TOY,
    LAW_AGREEMENTS
};
enum {
    R_S1,
    R_S2,
    R_S2X,
    R_S3,
    R_Z,
    LAW_ROUTES
};
enum {
    T_CLIENT,
    T_TOY,
    T_UP,
    T_ZONE,
    LAW_TERMS
};
enum {
    PRODUCT_AGG,
    PRODUCT_TOY,
    LAW_PRODUCTS
};

struct law {
    struct registry_party parties[LAW_PARTIES];
    struct registry_model models[LAW_MODELS];
    struct registry_grant grants[LAW_GRANTS];
    struct registry_grant_model names[LAW_GRANTS];
    struct registry_agreement agreements[LAW_AGREEMENTS];
    struct registry_credential credentials[LAW_ROUTES];
    struct registry_route routes[LAW_ROUTES];
    const struct registry_route *serves[LAW_ROUTES];
    struct registry_data_terms terms[LAW_TERMS];
    struct registry_transfer transfers[3];
    struct registry_subprocessor entries[LAW_PARTIES];
    struct registry_subprocessor later[LAW_PARTIES];
    struct registry_objection objection;
    struct registry_subprocessor_list lists[2];
    struct registry_lane lanes[3];
    struct registry_pool pool;
    struct registry_zone zone;
    struct registry_threshold threshold;
    struct registry_requirement requirement;
    struct registry_qualification qualification;
    struct registry_procurement procurements[LAW_ROUTES];
    struct registry_purchase_order order;
    struct registry_billing_state billing[2];
    struct registry_product products[LAW_PRODUCTS];
    const struct registry_model *sold[LAW_MODELS];
    struct registry_attachment attachment;
    struct registry_alias alias;
    const struct registry_party *operators[1];
    const struct registry_pool *pools[1];
    const struct registry_party *readers[1];
    const struct registry_party *third[1];
    struct str links[1];
    struct str hosts[LAW_PARTIES];
    struct str brands[1];
    country_t markets[LAW_AGREEMENTS][3];
    country_t end_users[1];
    struct registry registry;

    struct policy *policy; /* of the last judgement: what reasons say borrows from it */
    struct policy_online online;
    struct policy_facts facts;
    struct policy_verdict verdict;
    uint64_t grant_tokens[LAW_GRANTS];
    uint64_t order_tokens[LAW_ROUTES];
    uint64_t us_bulk[REGISTRY_US_CATEGORY_COUNT];
};

static inline int64_t law_time(const char *text)
{
    int64_t ns = 0;
    ASSERT(stamp_parse(str_from(text), &ns));
    return ns;
}

static inline country_t law_country(const char *code)
{
    return country_from(str_from(code));
}

/* "SG MY", or "WORLD". */
static inline struct country_set law_set(const char *codes)
{
    struct country_set set = { { 0 } };
    struct str rest = str_from(codes);
    while (rest.len > 0) {
        struct str code = str_cut(&rest, ' ');
        struct country_set world;
        country_set_world(&world);
        if (str_eq(code, STR("WORLD"))) {
            country_set_or(&set, &world);
        } else {
            country_set_add(&set, country_from(code));
        }
    }
    return set;
}

static inline struct registry_regions law_regions(const char *allow, const char *deny)
{
    struct registry_regions regions = { .allow = law_set(allow), .deny = law_set(deny) };
    regions.set = regions.allow;
    country_set_minus(&regions.set, &regions.deny);
    return regions;
}

static inline struct registry_doc law_doc(enum registry_doc_kind kind)
{
    return (struct registry_doc){ .file = STR("documents/x.txt"),
                                  .sha256 = STR("00"),
                                  .kind = kind,
                                  .state = REGISTRY_DOC_FINE };
}

#define LAW_BIT(name)  (UINT64_C(1) << REGISTRY_##name)
#define LAW_AGGREGATOR (LAW_RESELLER | LAW_BIT(ACTION_AGGREGATE))
#define LAW_RESELLER   (LAW_BIT(ACTION_API_CALL) | LAW_BIT(ACTION_RESELL))
#define LAW_BUSINESS   (LAW_BIT(CLIENT_ENTERPRISE) | LAW_BIT(CLIENT_DEVELOPER))

static inline void law_parties(struct law *law)
{
    static const struct {
        const char *id;
        enum registry_party_kind kind;
        const char *country;
    } rows[LAW_PARTIES] = {
        [C_1] = { "c.1", REGISTRY_PARTY_CLIENT, "SG" },
        [C_10] = { "c.10", REGISTRY_PARTY_CLIENT, "HK" },
        [C_2] = { "c.2", REGISTRY_PARTY_CLIENT, "BR" },
        [C_9] = { "c.9", REGISTRY_PARTY_CLIENT, "CN" },
        [C_TOY] = { "c.toy", REGISTRY_PARTY_CLIENT, "SG" },
        [P_A] = { "p.a", REGISTRY_PARTY_VENDOR, "CN" },
        [P_B] = { "p.b", REGISTRY_PARTY_VENDOR, "CN" },
        [P_CENTER] = { "p.center", REGISTRY_PARTY_COMPUTE_CENTER, "CN" },
        [P_CHAN] = { "p.chan", REGISTRY_PARTY_CHANNEL, "SG" },
        [P_CLOUD] = { "p.cloud", REGISTRY_PARTY_CLOUD, "SG" },
        [P_PLATFORM] = { "p.platform", REGISTRY_PARTY_PLATFORM, "SG" },
        [P_V] = { "p.v", REGISTRY_PARTY_VENDOR, "CN" },
        [P_X] = { "p.x", REGISTRY_PARTY_VENDOR, "US" },
    };
    for (size_t i = 0; i < LAW_PARTIES; i++) {
        law->hosts[i] = STR("api.up.example");
        law->parties[i] = (struct registry_party){
            .id = str_from(rows[i].id),
            .kind = rows[i].kind,
            .jurisdiction = law_country(rows[i].country),
            .billing_country = law_country(rows[i].country),
            .client_type = 1 + REGISTRY_CLIENT_ENTERPRISE,
            .billing_instrument = { law_country(rows[i].country), REGISTRY_INSTRUMENT_BANK },
            .official_hosts = &law->hosts[i],
            .official_host_count = 1,
        };
    }
    law->qualification = (struct registry_qualification){
        .type = REGISTRY_QUALIFICATION_REPRESENTATIVE,
        .region = law_set("KR"),
        .valid_from = law_time("2026-01-01"),
        .valid_until = REGISTRY_TIME_NEVER,
        .doc = law_doc(REGISTRY_DOC_OTHER),
    };
    law->parties[P_PLATFORM].qualifications = &law->qualification;
    law->parties[P_PLATFORM].qualification_count = 1;
}

static inline void law_models(struct law *law)
{
    static const struct {
        const char *id;
        int vendor;
        const char *origin;
        int first_route;
        size_t routes;
    } rows[LAW_MODELS] = {
        [M_ALPHA] = { "m-alpha", P_A, "CN", R_S1, 2 },
        [M_BETA] = { "m-beta", P_B, "CN", R_S3, 1 },
        [M_TOY] = { "m-toy", P_V, "CN", R_Z, 1 },
        [M_XRAY] = { "m-xray", P_X, "US", R_S2X, 1 },
    };
    for (size_t i = 0; i < LAW_MODELS; i++) {
        law->models[i] = (struct registry_model){
            .id = str_from(rows[i].id),
            .vendor = &law->parties[rows[i].vendor],
            .origin = law_country(rows[i].origin),
            .family = STR("f"),
            .routes = &law->serves[rows[i].first_route],
            .route_count = rows[i].routes,
        };
    }
}

static inline void law_grants(struct law *law)
{
    static const struct {
        const char *id;
        int grantor;
        int grantee;
        int model;
        int parent; /* -1: root */
        const char *regions;
        uint64_t depth;
    } rows[LAW_GRANTS] = {
        [G_A_CLOUD] = { "G-A-cloud", P_A, P_CLOUD, M_ALPHA, -1, "SG MY TH", 1 },
        [G_B_CHAN] = { "G-B-chan", P_B, P_CHAN, M_BETA, -1, "SG VN AE BR", 1 },
        [G_CHAN_P] = { "G-chan-P", P_CHAN, P_PLATFORM, M_BETA, G_B_CHAN, "SG VN AE BR", 0 },
        [G_CLOUD_P] = { "G-cloud-P", P_CLOUD, P_PLATFORM, M_ALPHA, G_A_CLOUD, "SG MY TH", 0 },
        [G_CLOUD_P_X] = { "G-cloud-P-x", P_CLOUD, P_PLATFORM, M_XRAY, G_X_CLOUD, "WORLD", 0 },
        [G_S1] = { "G-S1", P_A, P_PLATFORM, M_ALPHA, -1, "WORLD", 0 },
        [G_V] = { "G-V", P_V, P_PLATFORM, M_TOY, -1, "SG MY ID TH", 0 },
        [G_X_CLOUD] = { "G-X-cloud", P_X, P_CLOUD, M_XRAY, -1, "WORLD", 1 },
        [G_S1V2] = { "G-S1v2", P_A, P_PLATFORM, M_ALPHA, -1, "WORLD", 0 },
    };
    for (size_t i = 0; i < LAW_GRANTS; i++) {
        law->names[i].model = &law->models[rows[i].model];
        law->grants[i] = (struct registry_grant){
            .id = str_from(rows[i].id),
            .version = 1,
            .grantor = &law->parties[rows[i].grantor],
            .grantee = &law->parties[rows[i].grantee],
            .parent_kind = rows[i].parent < 0 ? REGISTRY_PARENT_ROOT : REGISTRY_PARENT_GRANT,
            .parent = rows[i].parent < 0 ? NULL : &law->grants[rows[i].parent],
            .models = &law->names[i],
            .model_count = 1,
            .actions = LAW_AGGREGATOR,
            .regions = law_regions(rows[i].regions, ""),
            .client_types = LAW_BUSINESS,
            .brand_terms = { .must_name_vendor = true },
            .sublicense_depth = rows[i].depth,
            .valid_from = law_time("2026-01-01"),
            .valid_until = law_time("2027-01-01"),
            .revoked_at = REGISTRY_TIME_NEVER,
            .doc = law_doc(REGISTRY_DOC_AUTHORIZATION_LETTER),
            .evidence_class = REGISTRY_EVIDENCE_WRITTEN_SIGNED,
            .signature = { .fine = true },
        };
    }
    law->grants[G_S1].regions = law_regions("WORLD", "KP IR");
    law->grants[G_S1].valid_until = law_time("2026-11-02T12:00:00Z");
    law->grants[G_S1V2].valid_from = law_time("2026-11-02T12:30:00Z");
    law->grants[G_V].actions =
        LAW_BIT(ACTION_API_CALL) | LAW_BIT(ACTION_RESELL) | LAW_BIT(ACTION_DEVICE_EMBED);
    law->grants[G_V].client_types = LAW_BIT(CLIENT_ENTERPRISE) | LAW_BIT(CLIENT_CHILD_DIRECTED);
}

static inline void law_agreements(struct law *law)
{
    static const struct {
        const char *id;
        int client;
        const char *regions;
        const char *markets[3];
        int terms;
    } rows[LAW_AGREEMENTS] = {
        [A_1] = { "A-1", C_1, "WORLD", { "SG" }, T_CLIENT },
        [A_10] = { "A-10", C_10, "WORLD", { "HK" }, T_CLIENT },
        [A_2] = { "A-2", C_2, "WORLD", { "BR" }, T_CLIENT },
        [A_9] = { "A-9", C_9, "WORLD", { "SG" }, T_CLIENT },
        [A_ONLINE] = { "A-online", -1, "WORLD", { NULL }, T_CLIENT },
        [A_TOY] = { "A-toy", C_TOY, "WORLD", { "SG", "MY", "ID" }, T_TOY },
    };
    for (size_t i = 0; i < LAW_AGREEMENTS; i++) {
        size_t markets = 0;
        while (markets < 3 && rows[i].markets[markets] != NULL) {
            law->markets[i][markets] = law_country(rows[i].markets[markets]);
            markets++;
        }
        law->agreements[i] = (struct registry_agreement){
            .id = str_from(rows[i].id),
            .grantor = &law->parties[P_PLATFORM],
            .grantee = rows[i].client < 0 ? NULL : &law->parties[rows[i].client],
            .online = rows[i].client < 0,
            .actions = LAW_BIT(ACTION_API_CALL) | LAW_BIT(ACTION_DEVICE_EMBED),
            .regions = law_regions(rows[i].regions, ""),
            .markets = law->markets[i],
            .market_count = markets,
            .client_types = LAW_BUSINESS,
            .valid_from = law_time("2026-01-01"),
            .valid_until = law_time("2027-06-01"),
            .revoked_at = REGISTRY_TIME_NEVER,
            .doc = law_doc(REGISTRY_DOC_CONTRACT),
            .evidence_class = rows[i].client < 0 ? REGISTRY_EVIDENCE_CLICK_THROUGH
                                                 : REGISTRY_EVIDENCE_WRITTEN_SIGNED,
            .signature = { .fine = rows[i].client >= 0 },
            .data_terms = &law->terms[rows[i].terms],
        };
    }
    law->agreements[A_TOY].child_directed = true;
    law->agreements[A_TOY].client_types |= LAW_BIT(CLIENT_CHILD_DIRECTED);
}

static inline void law_routes(struct law *law)
{
    static const struct {
        const char *id;
        int upstream;
        int model;
        const char *place;
    } rows[LAW_ROUTES] = {
        [R_S1] = { "S1", P_A, M_ALPHA, "SG" },      [R_S2] = { "S2", P_CLOUD, M_ALPHA, "SG" },
        [R_S2X] = { "S2x", P_CLOUD, M_XRAY, "SG" }, [R_S3] = { "S3", P_CHAN, M_BETA, "SG" },
        [R_Z] = { "Z", P_CENTER, M_TOY, "CN/swa" },
    };
    for (size_t i = 0; i < LAW_ROUTES; i++) {
        law->procurements[i] = (struct registry_procurement){
            .id = str_from(rows[i].id),
            .upstream_party = &law->parties[rows[i].upstream],
            .buyer = &law->parties[P_PLATFORM],
            .valid_from = law_time("2026-01-01"),
            .valid_until = law_time("2027-02-01"),
            .doc = law_doc(REGISTRY_DOC_CONTRACT),
        };
        law->credentials[i] = (struct registry_credential){
            .id = str_from(rows[i].id),
            .upstream_party = &law->parties[rows[i].upstream],
            .account_holder = &law->parties[P_PLATFORM],
            .procurement = &law->procurements[i],
        };
        law->routes[i] = (struct registry_route){
            .id = str_from(rows[i].id),
            .upstream_party = &law->parties[rows[i].upstream],
            .model = &law->models[rows[i].model],
            .credential = &law->credentials[i],
            .endpoint = STR("https://api.up.example/v1"),
            .place = str_from(rows[i].place),
            .state = REGISTRY_ROUTE_ACTIVE,
            .pool = i == R_Z ? &law->pool : NULL,
            .data_terms = &law->terms[i == R_Z ? T_ZONE : T_UP],
        };
        law->serves[i] = &law->routes[i];
    }
}

static inline void law_terms(struct law *law)
{
    static const char *const ids[LAW_TERMS] = { "T-client", "T-toy", "T-up", "T-zone" };
    static const char *const countries[3] = { "SG", "MY", "ID" };
    for (size_t i = 0; i < LAW_TERMS; i++) {
        law->terms[i] = (struct registry_data_terms){
            .id = str_from(ids[i]),
            .dpa = { .version = STR("v3"),
                     .signed_by_both = true,
                     .valid_from = law_time("2026-01-01"),
                     .valid_until = law_time("2027-03-01"),
                     .doc = law_doc(REGISTRY_DOC_CONTRACT) },
            .training = REGISTRY_ANSWER_NO,
            .human_review = REGISTRY_ANSWER_NO,
            .children_allowed = true,
            .locations = law_set(i == T_TOY ? "CN" : "SG"),
            .record = { STR("a"), STR("b"), STR("c"), STR("d"), STR("e") },
        };
    }
    for (size_t i = 0; i < 3; i++) {
        law->transfers[i] = (struct registry_transfer){
            .from = law_country(countries[i]),
            .to = law_country("CN"),
            .mechanism = i == 1 ? REGISTRY_MECHANISM_TIA : REGISTRY_MECHANISM_CONTRACT_PDPA26,
            .valid_from = law_time("2026-01-01"),
            .valid_until = law_time("2027-04-01"),
            .doc = law_doc(REGISTRY_DOC_CONTRACT),
        };
    }
    law->terms[T_TOY].transfer_basis = law->transfers;
    law->terms[T_TOY].transfer_count = 3;
    law->lanes[0] = (struct registry_lane){
        .id = STR("L-cn"),
        .from = law_set("SG MY ID"),
        .to = law_set("CN"),
        .mechanisms = LAW_BIT(MECHANISM_CONTRACT_PDPA26) | LAW_BIT(MECHANISM_TIA),
        .valid_from = law_time("2026-01-01"),
        .valid_until = REGISTRY_TIME_NEVER,
    };
    law->lanes[1] = law->lanes[0];
    law->lanes[1].id = STR("L-sg");
    law->lanes[1].from = law_set("WORLD");
    law->lanes[1].to = law_set("SG");
    law->lanes[1].mechanisms = LAW_BIT(MECHANISM_NONE);
    for (size_t i = P_A; i < LAW_PARTIES; i++) {
        law->entries[i - P_A].party = &law->parties[i];
        law->later[i - P_A].party = &law->parties[i];
    }
    for (size_t i = 0; i < 2; i++) {
        law->lists[i] = (struct registry_subprocessor_list){
            .id = i == 0 ? STR("v1") : STR("v2"),
            .version = 1 + i,
            .published_at = law_time(i == 0 ? "2026-01-01" : "2026-11-01"),
            .effective_at = law_time(i == 0 ? "2026-02-01" : "2026-12-01"),
            .entries = i == 0 ? law->entries : law->later,
            .entry_count = LAW_PARTIES - P_A,
        };
    }
    law->threshold = (struct registry_threshold){
        .id = STR("us-health"),
        .name = STR("us_bulk.health"),
        .value = 100,
        .valid_from = law_time("2026-01-01"),
        .valid_until = REGISTRY_TIME_NEVER,
    };
}

static inline void law_zone(struct law *law)
{
    law->operators[0] = &law->parties[P_CENTER];
    law->pools[0] = &law->pool;
    law->readers[0] = &law->parties[C_1];
    law->links[0] = STR("cable-1");
    law->pool = (struct registry_pool){ .id = STR("pool-1"),
                                        .operator= & law->parties[P_CENTER],
                                        .zone = &law->zone };
    law->zone = (struct registry_zone){
        .id = STR("CN-SWA-Z1"),
        .approval = { .doc = law_doc(REGISTRY_DOC_OTHER),
                      .valid_from = law_time("2026-01-01"),
                      .valid_until = law_time("2027-05-01"),
                      .operators = law->operators,
                      .operator_count = 1,
                      .pools = law->pools,
                      .pool_count = 1 },
        .operator= & law->parties[P_CENTER],
        .pools = law->pools,
        .pool_count = 1,
        .ingress_links = law->links,
        .ingress_link_count = 1,
        .allowed_markets = law_set("SG MY TH ID VN PH KH LA MM BN"),
        .retention_max_s = 3600,
        .output_readers = law->readers,
        .output_reader_count = 1,
    };
    law->attachment =
        (struct registry_attachment){ STR("rag-1"), STR("rag"), REGISTRY_TAG_OVERSEAS };
}

static inline void law_products(struct law *law)
{
    law->sold[0] = &law->models[M_ALPHA];
    law->sold[1] = &law->models[M_BETA];
    law->sold[2] = &law->models[M_XRAY];
    law->sold[3] = &law->models[M_TOY];
    law->products[PRODUCT_AGG] = (struct registry_product){
        .id = STR("agg"),
        .mode = REGISTRY_MODE_AGGREGATE,
        .brand = STR("Entrepot"),
        .models = law->sold,
        .model_count = 3,
        .seller = &law->parties[P_PLATFORM],
        .names_vendor = true,
        .markets = law_regions("WORLD", ""),
    };
    law->products[PRODUCT_TOY] = law->products[PRODUCT_AGG];
    law->products[PRODUCT_TOY].id = STR("toy");
    law->products[PRODUCT_TOY].mode = REGISTRY_MODE_ZONE;
    law->products[PRODUCT_TOY].models = &law->sold[3];
    law->products[PRODUCT_TOY].model_count = 1;
    law->products[PRODUCT_TOY].device = true;
    law->products[PRODUCT_TOY].zone = &law->zone;
    law->requirement = (struct registry_requirement){
        .id = STR("kr-rep"),
        .markets = law_set("KR JP"),
        .qualification = STR("representative"),
        .valid_from = law_time("2026-01-01"),
        .valid_until = REGISTRY_TIME_NEVER,
    };
}

/* c.1 asks for m-alpha at eleven; law_toy() asks for the toy. */
static inline void law_make(struct law *law)
{
    memset(law, 0, sizeof(*law));
    law_parties(law);
    law_models(law);
    law_grants(law);
    law_terms(law);
    law_agreements(law);
    law_zone(law);
    law_routes(law);
    law_products(law);
    law->registry = (struct registry){
        .parties = law->parties,
        .party_count = LAW_PARTIES,
        .models = law->models,
        .model_count = LAW_MODELS,
        .credentials = law->credentials,
        .credential_count = LAW_ROUTES,
        .routes = law->routes,
        .route_count = LAW_ROUTES,
        .products = law->products,
        .product_count = LAW_PRODUCTS,
        .grants = law->grants,
        .grant_count = LAW_GRANTS - 1, /* the renewal comes at 12:40 */
        .agreements = law->agreements,
        .agreement_count = LAW_AGREEMENTS,
        .data_terms = law->terms,
        .data_terms_count = LAW_TERMS,
        .subprocessors = law->lists,
        .subprocessor_count = 2,
        .lanes = law->lanes,
        .lane_count = 2,
        .pools = &law->pool,
        .pool_count = 1,
        .zones = &law->zone,
        .zone_count = 1,
        .thresholds = &law->threshold,
        .threshold_count = 1,
        .requirements = &law->requirement,
        .requirement_count = 1,
        .procurements = law->procurements,
        .procurement_count = LAW_ROUTES,
        .billing = law->billing,
        .billing_count = 0,
    };
    law->facts = (struct policy_facts){
        .client = &law->parties[C_1],
        .product = &law->products[PRODUCT_AGG],
        .model = &law->models[M_ALPHA],
        .origin = { .state = POLICY_ORIGIN_OVERSEAS,
                    .countries = { law_country("SG") },
                    .count = 1 },
        .has_order = true,
        .counters = { law->grant_tokens, law->order_tokens, law->us_bulk },
        .now = law_time("2026-11-02T11:00:00Z"),
    };
}

static inline void law_toy(struct law *law)
{
    law->facts.client = &law->parties[C_TOY];
    law->facts.product = &law->products[PRODUCT_TOY];
    law->facts.model = &law->models[M_TOY];
    law->facts.market = law_country("SG");
    law->facts.consent_ref = STR("consent-1");
    law->facts.ingress = STR("cable-1");
    law->facts.content.scanned = true;
}

static inline void law_at(struct law *law, const char *time)
{
    law->facts.now = law_time(time);
}

/* Compiles anew, as members may have changed, and judges. */
static inline const struct policy_verdict *law_judge(struct law *law)
{
    struct fail fail;
    policy_destroy(law->policy);
    law->policy = NULL;
    ASSERT(policy_compile(&law->registry, &law->policy, &fail) == ERR_OK);
    policy_judge(law->policy, &law->facts, &law->verdict);
    return &law->verdict;
}

static inline void law_end(struct law *law)
{
    policy_destroy(law->policy);
    law->policy = NULL;
}

static inline const struct policy_reason *law_reason(const struct law *law, enum policy_code code)
{
    for (size_t i = 0; i < law->verdict.reason_count; i++) {
        if (law->verdict.reasons[i].code == code) {
            return &law->verdict.reasons[i];
        }
    }
    return NULL;
}
