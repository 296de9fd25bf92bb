/*
 * ep-bench-judge [ROUNDS]: how long judging a call takes, on a registry of 200 models, 1,000
 * routes, 10,000 grants and 10,000 clients, each with its agreement. Lines "NAME NUMBER":
 * nanoseconds of a judgement at the median and beyond, microseconds of compiling, and instructions
 * a call where the kernel counts them.
 *
 * Of each model's five routes one is the vendor's own, three lead through channels, and one through
 * a compute center, where all of the model's 26 chains are looked at. Half of the calls have no
 * order: they are refused on each route.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/stamp.h"
#include "policy/policy.h"

enum {
    MODELS = 200,
    ROUTES_EACH = 5,
    ROUTES = MODELS * ROUTES_EACH,
    CHAINS_EACH = 24, /* through channels, of two grants; and two grants of the vendor's own */
    GRANTS_EACH = CHAINS_EACH * 2 + 2,
    GRANTS = MODELS * GRANTS_EACH,
    VENDORS = 20,
    CLIENTS = 10000,
    LANES = 100,
    REQUIREMENTS = 20,
    CALLS = 4096
};
_Static_assert(GRANTS == 10000, "as the claim says");

/* Parties in the order of their ids: clients, then the seller's side. */
enum {
    CHANNEL_0 = CLIENTS,
    CENTER = CHANNEL_0 + CHAINS_EACH,
    SELLER,
    VENDOR_0,
    PARTIES = VENDOR_0 + VENDORS
};

#define ALL_ACTIONS ((UINT64_C(1) << REGISTRY_ACTION_COUNT) - 1)
#define ALL_TYPES   ((UINT64_C(1) << REGISTRY_CLIENT_TYPE_COUNT) - 1)

static struct registry_party parties[PARTIES];
static struct registry_model models[MODELS];
static struct registry_grant grants[GRANTS];
static struct registry_grant_model names[MODELS];
static struct registry_agreement agreements[CLIENTS];
static struct registry_billing_state billing[CLIENTS];
static struct registry_credential credentials[ROUTES];
static struct registry_procurement procurements[ROUTES];
static struct registry_route routes[ROUTES];
static const struct registry_route *serves[ROUTES];
static struct registry_lane lanes[LANES];
static struct registry_requirement requirements[REQUIREMENTS];
static struct registry_subprocessor entries[PARTIES - CLIENTS];
static struct registry_subprocessor_list list;
static struct registry_data_terms terms;
static struct registry_product product;
static const struct registry_model *sold[MODELS];
static char ids[PARTIES + GRANTS + ROUTES + MODELS][16];
static struct str host = STR_INIT("api.up.example");
static const char *const countries[] = { "SG", "MY", "TH", "ID", "VN", "PH", "AE", "BR" };
static country_t markets[EP_ARRAY_LEN(countries)];

static struct registry registry;
static struct policy_facts facts[CALLS];
static struct policy_verdict verdict;
static size_t next_id;

static struct str bench_id(const char *prefix, size_t number)
{
    char *id = ids[next_id++];
    int len = snprintf(id, sizeof(ids[0]), "%s%05zu", prefix, number);
    return (struct str){ id, (size_t)len };
}

static int64_t bench_now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    return (int64_t)now.tv_sec * STAMP_NS_PER_S + now.tv_nsec;
}

/* ---- the registry ---------------------------------------------------------------------------- */

static struct registry_doc bench_doc(void)
{
    return (struct registry_doc){ .sha256 = STR("00"), .state = REGISTRY_DOC_FINE };
}

static void bench_parties(void)
{
    for (size_t i = 0; i < PARTIES; i++) {
        bool client = i < CLIENTS;
        parties[i] = (struct registry_party){
            .id = bench_id(client ? "c" : "p", i),
            .kind = client        ? REGISTRY_PARTY_CLIENT
                    : i == CENTER ? REGISTRY_PARTY_COMPUTE_CENTER
                                  : REGISTRY_PARTY_CHANNEL,
            .jurisdiction = markets[i % EP_ARRAY_LEN(markets)],
            .billing_country = markets[i % EP_ARRAY_LEN(markets)],
            .client_type = (unsigned)(1 + i % 3),
            .official_hosts = &host,
            .official_host_count = 1,
        };
        if (!client) {
            entries[i - CLIENTS].party = &parties[i];
        }
    }
}

static void bench_grant(size_t at, size_t model, size_t from, size_t to, size_t parent)
{
    int64_t year = INT64_C(31536000) * STAMP_NS_PER_S;
    struct registry_grant *grant = &grants[at];
    *grant = (struct registry_grant){
        .id = bench_id("g", at),
        .grantor = &parties[from],
        .grantee = &parties[to],
        .parent_kind = parent == SIZE_MAX ? REGISTRY_PARENT_ROOT : REGISTRY_PARENT_GRANT,
        .parent = parent == SIZE_MAX ? NULL : &grants[parent],
        .models = &names[model],
        .model_count = 1,
        .actions = ALL_ACTIONS,
        .client_types = ALL_TYPES,
        .sublicense_depth = parent == SIZE_MAX ? 1 : 0,
        .quota = { .tokens = UINT64_MAX },
        .valid_from = 55 * year,
        /* Every other chain is over: the next one is looked for. */
        .valid_until = at / 2 % 2 == 0 ? 56 * year : 60 * year,
        .revoked_at = REGISTRY_TIME_NEVER,
        .doc = bench_doc(),
        .signature = { .fine = true },
    };
    country_set_world(&grant->regions.allow);
    grant->regions.set = grant->regions.allow;
}

static void bench_chains(void)
{
    for (size_t model = 0; model < MODELS; model++) {
        size_t vendor = VENDOR_0 + model % VENDORS;
        size_t at = model * GRANTS_EACH;
        for (size_t i = 0; i < CHAINS_EACH; i++) {
            bench_grant(at, model, vendor, CHANNEL_0 + i, SIZE_MAX);
            bench_grant(at + 1, model, CHANNEL_0 + i, SELLER, at);
            at += 2;
        }
        bench_grant(at, model, vendor, SELLER, SIZE_MAX);
        bench_grant(at + 1, model, vendor, SELLER, SIZE_MAX);
    }
}

static void bench_routes(void)
{
    for (size_t i = 0; i < ROUTES; i++) {
        size_t model = i / ROUTES_EACH;
        size_t turn = i % ROUTES_EACH;
        size_t upstream = turn == 0   ? VENDOR_0 + model % VENDORS
                          : turn == 1 ? (size_t)CENTER
                                      : CHANNEL_0 + (model + turn) % CHAINS_EACH;
        procurements[i] = (struct registry_procurement){
            .upstream_party = &parties[upstream],
            .buyer = &parties[SELLER],
            .valid_until = REGISTRY_TIME_NEVER,
            .doc = bench_doc(),
        };
        credentials[i] = (struct registry_credential){
            .account_holder = &parties[SELLER],
            .procurement = &procurements[i],
        };
        routes[i] = (struct registry_route){
            .id = bench_id("r", i),
            .upstream_party = &parties[upstream],
            .model = &models[model],
            .credential = &credentials[i],
            .endpoint = STR("https://api.up.example/v1"),
            .place = STR("SG"),
            .data_terms = &terms,
        };
        serves[i] = &routes[i];
    }
}

static void bench_rows(void)
{
    terms = (struct registry_data_terms){
        .dpa = { .version = STR("v1"),
                 .signed_by_both = true,
                 .valid_until = REGISTRY_TIME_NEVER,
                 .doc = bench_doc() },
        .training = REGISTRY_ANSWER_NO,
        .human_review = REGISTRY_ANSWER_NO,
        .record = { STR("a"), STR("b"), STR("c"), STR("d"), STR("e") },
    };
    country_set_world(&terms.locations);
    list = (struct registry_subprocessor_list){ .entries = entries,
                                                .entry_count = EP_ARRAY_LEN(entries) };
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (struct registry_lane){ .mechanisms = UINT64_C(1) << REGISTRY_MECHANISM_NONE,
                                           .valid_until = REGISTRY_TIME_NEVER };
        if (i < EP_ARRAY_LEN(markets)) {
            country_set_add(&lanes[i].from, markets[i]);
        } else {
            country_set_add(&lanes[i].from, (country_t)(1 + i)); /* somewhere else */
        }
        country_set_add(&lanes[i].to, country_from(STR("SG")));
    }
    for (size_t i = 0; i < REQUIREMENTS; i++) {
        requirements[i] = (struct registry_requirement){ .qualification = STR("representative"),
                                                         .valid_until = REGISTRY_TIME_NEVER };
        country_set_add(&requirements[i].markets, (country_t)(1 + i));
    }
}

static void bench_clients(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        agreements[i] = (struct registry_agreement){
            .id = parties[i].id,
            .grantor = &parties[SELLER],
            .grantee = &parties[i],
            .actions = ALL_ACTIONS,
            .client_types = ALL_TYPES,
            .markets = &markets[i % EP_ARRAY_LEN(markets)],
            .market_count = 1,
            .valid_until = REGISTRY_TIME_NEVER,
            .revoked_at = REGISTRY_TIME_NEVER,
            .doc = bench_doc(),
            .signature = { .fine = true },
            .data_terms = &terms,
        };
        country_set_world(&agreements[i].regions.set);
        billing[i] = (struct registry_billing_state){ .id = parties[i].id,
                                                      .party = &parties[i],
                                                      .state = REGISTRY_BILLING_PENDING };
    }
}

static void bench_make(void)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(markets); i++) {
        markets[i] = country_from(str_from(countries[i]));
    }
    bench_parties();
    for (size_t i = 0; i < MODELS; i++) {
        models[i] = (struct registry_model){ .id = bench_id("m", i),
                                             .vendor = &parties[VENDOR_0 + i % VENDORS],
                                             .origin = country_from(STR("CN")),
                                             .routes = &serves[i * ROUTES_EACH],
                                             .route_count = ROUTES_EACH };
        names[i].model = &models[i];
        sold[i] = &models[i];
    }
    bench_chains();
    bench_routes();
    bench_rows();
    bench_clients();
    product = (struct registry_product){ .mode = REGISTRY_MODE_AGGREGATE,
                                         .models = sold,
                                         .model_count = MODELS,
                                         .seller = &parties[SELLER],
                                         .names_vendor = true };
    registry = (struct registry){
        .parties = parties,
        .party_count = PARTIES,
        .models = models,
        .model_count = MODELS,
        .routes = routes,
        .route_count = ROUTES,
        .products = &product,
        .product_count = 1,
        .grants = grants,
        .grant_count = GRANTS,
        .agreements = agreements,
        .agreement_count = CLIENTS,
        .subprocessors = &list,
        .subprocessor_count = 1,
        .lanes = lanes,
        .lane_count = LANES,
        .requirements = requirements,
        .requirement_count = REQUIREMENTS,
        .procurements = procurements,
        .procurement_count = ROUTES,
        .billing = billing,
        .billing_count = CLIENTS,
    };
}

/* ---- the calls ------------------------------------------------------------------------------- */

static void bench_calls(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < CALLS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t client = (size_t)(state >> 33) % CLIENTS;
        facts[i] = (struct policy_facts){
            .client = &parties[client],
            .product = &product,
            .model = &models[(size_t)(state >> 40) % MODELS],
            .origin = { .state = POLICY_ORIGIN_OVERSEAS,
                        .countries = { parties[client].jurisdiction },
                        .count = 1 },
            .has_order = i % 2 == 0,
            .now = INT64_C(57) * 31536000 * STAMP_NS_PER_S,
        };
    }
}

static int bench_order(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* Instructions of one round, in user space; 0: the kernel does not tell. */
static uint64_t bench_instructions(const struct policy *policy)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
                                    .size = sizeof(attr),
                                    .config = PERF_COUNT_HW_INSTRUCTIONS,
                                    .exclude_kernel = 1,
                                    .exclude_hv = 1 };
    uint64_t count = 0;
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    if (fd < 0) {
        return 0;
    }
    for (size_t i = 0; i < CALLS; i++) {
        policy_judge(policy, &facts[i], &verdict);
    }
    if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count)) {
        count = 0;
    }
    (void)close(fd); /* it was only read */
    return count / CALLS;
}

static void bench_run(const struct policy *policy, size_t rounds)
{
    int64_t *took = calloc(rounds * CALLS, sizeof(*took));
    size_t admitted = 0;
    size_t reasons = 0;
    if (took == NULL) {
        return;
    }
    for (size_t i = 0; i < rounds * CALLS; i++) {
        int64_t before = bench_now_ns();
        policy_judge(policy, &facts[i % CALLS], &verdict);
        took[i] = bench_now_ns() - before;
        admitted += verdict.allow;
        reasons += verdict.reason_count;
    }
    qsort(took, rounds * CALLS, sizeof(*took), bench_order);
    printf("p50_ns %lld\n", (long long)took[rounds * CALLS / 2]);
    printf("p99_ns %lld\n", (long long)took[rounds * CALLS / 100 * 99]);
    printf("p999_ns %lld\n", (long long)took[rounds * CALLS / 1000 * 999]);
    printf("admitted_percent %zu\n", 100 * admitted / (rounds * CALLS));
    printf("reasons_a_call %zu\n", reasons / (rounds * CALLS));
    free(took);
}

int main(int argc, char **argv)
{
    uint64_t rounds = 50;
    if (argc > 2 ||
        (argc == 2 && (!str_to_u64(str_from(argv[1]), &rounds) || rounds == 0 || rounds > 10000))) {
        (void)fprintf(stderr, "ep-bench-judge [ROUNDS]\n");
        return 2;
    }
    struct policy *policy = NULL;
    struct fail fail;
    bench_make();
    bench_calls();
    int64_t before = bench_now_ns();
    if (policy_compile(&registry, &policy, &fail) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", fail.text);
        return 3;
    }
    printf("compile_us %lld\n", (long long)((bench_now_ns() - before) / 1000));
    bench_run(policy, (size_t)rounds);
    uint64_t instructions = bench_instructions(policy);
    if (instructions > 0) {
        printf("instructions %llu\n", (unsigned long long)instructions);
    }
    policy_destroy(policy);
    return 0;
}
