#include "registry_sample.h"

#include <stdio.h>

#define PIN "\"abababababababababababababababababababababababababababababababab\""

struct link_case {
    unsigned file; /* where the change is made */
    const char *old;
    const char *fresh;
    const char *fault_file;
    enum registry_rule rule;
};

static void check_cases(const struct link_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct registry_file files[SAMPLE_FILES];
        sample_files(files);
        char *copy = sample_replace(files, cases[i].file, cases[i].old, cases[i].fresh);
        struct registry_report report;
        registry_report_init(&report);
        struct registry *registry = NULL;
        enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
        bool found = cases[i].fault_file == NULL && err == ERR_OK;
        for (size_t k = 0; k < report.count && cases[i].fault_file != NULL; k++) {
            found =
                found || (report.faults[k].rule == cases[i].rule && report.faults[k].line > 0 &&
                          str_eq(str_from(report.faults[k].file), str_from(cases[i].fault_file)));
        }
        if (!found) {
            test_failed(EP_SITE, "case %zu: %s, %s", i, err_info(err)->name,
                        report.count > 0 ? report.faults[0].text : "no fault");
        }
        registry_unref(registry);
        registry_report_fini(&report);
        mem_free(copy);
    }
}

/* Of what a route serves, contract and price list say what it costs. */
TEST(what_is_served_is_priced)
{
    static const struct link_case cases[] = {
        { 3, "m1: {input: 1, output: 2}", "m1: {input: 1, per_image: 2}", "routes.yaml",
          REGISTRY_RULE_PRICE_MISSING },
        { 3, "output: 10, per_request", "per_image: 10, per_request", "products.yaml",
          REGISTRY_RULE_PRICE_MISSING },
        { 4, "dialect: openai_chat", "dialect: openai_images", NULL, REGISTRY_RULE_COUNT },
        { 4, "dialect: openai_chat", "dialect: rerank", NULL, REGISTRY_RULE_COUNT },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

TEST(what_does_not_fit_together_is_refused)
{
    static const struct link_case cases[] = {
        { 2, "upstream_party: v1", "upstream_party: op", "routes.yaml",
          REGISTRY_RULE_CRED_MISMATCH },
        { 2, "endpoint_host: api.v1.test", "endpoint_host: other.test", "routes.yaml",
          REGISTRY_RULE_CRED_MISMATCH },
        { 4, "endpoint: \"https://api.v1.test/v1\"",
          "endpoint: \"http://api.v1.test/v1\", tls_pin: " PIN, "routes.yaml",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 4, "endpoint: \"https://api.v1.test/v1\"",
          "endpoint: \"https://api.v1.test/v1\", tls_pin: " PIN, NULL, REGISTRY_RULE_COUNT },
        { 3, "lines: {m1: {input: 1, output: 2},\n     m2", "lines: {m2", "routes.yaml",
          REGISTRY_RULE_PRICE_MISSING },
        { 3, "{m2: {input: \"0.000001\", output: 1000000},\n     m1", "{m1", "products.yaml",
          REGISTRY_RULE_PRICE_MISSING },
        { 5, "currency: USD", "currency: EUR", "products.yaml", REGISTRY_RULE_PRICE_CURRENCY },
        { 4, "contract_price: cost,\n     state", "contract_price: sale,\n     state", NULL,
          REGISTRY_RULE_COUNT },
        { 1, "version:", "chat_template: qwen3\n    version:", "models.yaml",
          REGISTRY_RULE_REG_MISSING_FIELD },
        { 1, "version:", "tokenizer: t1\n    token_count: estimate\n    version:", "models.yaml",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 1, "version:", "tokenizer: t1\n    token_margin_percent: 5\n    version:", "models.yaml",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 1, "version:",
          "tokenizer: t1\n    token_count: estimate\n    token_margin_percent: 30\n    version:",
          NULL, REGISTRY_RULE_COUNT },
        { 5, "expires_days: 365", "expires_days: 364", "products.yaml", REGISTRY_RULE_PLAN_TERM },
        { 5, "units: 1000000,", "units: 1000001,", "products.yaml", REGISTRY_RULE_PLAN_UNITS },
        { 5, "per_currency_unit: 10000", "per_currency_unit: 9999", "products.yaml",
          REGISTRY_RULE_PLAN_UNITS },
        { 5, "price: 100, currency: USD, units: 1000000",
          "price: 100.0001, currency: USD, units: "
          "1000001",
          NULL, REGISTRY_RULE_COUNT },
        { 5, "expires_days: 365", "expires_days: 0", NULL, REGISTRY_RULE_COUNT },
        { 5, "brand: B", "brand: B\n    payment_methods: [card, usdt]", "products.yaml",
          REGISTRY_RULE_TOKEN_PAYMENT_METHOD },
        { 5, "brand: B", "brand: B\n    payment_methods: [card]", NULL, REGISTRY_RULE_COUNT },
        { 5, "brand: B", "brand: B\n    purchase_limits: {full: {purchases: 1, amount: 5}}",
          "products.yaml", REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "brand: B", "brand: B\n    terms: {name: a, version: b, sha256: 00ff}",
          "products.yaml", REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "currency: USD", "currency: XAU", "products.yaml", REGISTRY_RULE_REG_BAD_VALUE },
        { 3, "{m1: {input: 1, output: 2},\n", "{m3: {input: 1, output: 2},\n", "price_books.yaml",
          REGISTRY_RULE_REG_UNKNOWN_REF },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

TEST(a_level_without_limits_of_its_own_has_those_below)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(
        files, 5, "brand: B",
        "brand: B\n    purchase_limits: {none: {purchases: 2, amount: 50}, full: {purchases: 9, "
        "amount: 70}}\n    terms: {name: t, version: \"3\", sha256: "
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}");
    struct registry *registry = sample_parse(files, SAMPLE_FILES);
    const struct registry_product *product = &registry->products[0];
    CHECK_EQ(product->purchase_limits.none.purchases, 2);
    CHECK_EQ(product->purchase_limits.basic.purchases, 2);
    CHECK_EQ(product->purchase_limits.basic.amount, INT64_C(50000000000));
    CHECK_EQ(product->purchase_limits.full.purchases, 9);
    CHECK_STR(product->terms.version, STR("3"));
    const struct registry_plan *plan = registry_product_plan(product, STR("starter"));
    CHECK_EQ(plan->refund_hours, 24);
    CHECK_EQ(plan->withdrawn, REGISTRY_NO);
    registry_unref(registry);
    mem_free(copy);
}

TEST(contract_prices_of_one_model_are_in_one_currency)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *books = sample_replace(files, 3, "  - {id: sale",
                                 "  - {id: euro, version: a, currency: EUR, lines: {m1: {input: 1, "
                                 "output: 1}}}\n  - {id: sale");
    char *routes = sample_replace(files, 4, "contract_price: cost", "contract_price: euro");
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_parse(files, SAMPLE_FILES, &registry, &report) == ERR_REGISTRY_INVALID);
    CHECK_EQ(report.count, 1);
    CHECK_EQ(report.faults[0].rule, REGISTRY_RULE_PRICE_CURRENCY);
    registry_report_fini(&report);
    mem_free(books);
    mem_free(routes);
}

TEST(a_model_has_no_more_routes_than_a_call_can_remember)
{
    for (unsigned count = REGISTRY_ROUTES_PER_MODEL_MAX; count < REGISTRY_ROUTES_PER_MODEL_MAX + 2;
         count++) {
        struct registry_file files[SAMPLE_FILES];
        sample_files(files);
        struct buf text;
        buf_init(&text, 1 << 20);
        CHECK(buf_append(&text, STR("routes:\n")) == ERR_OK);
        for (unsigned i = 0; i < count; i++) {
            CHECK(
                buf_printf(&text,
                           "  - {id: r%u, upstream_party: v1, model: m1, credential: c1, dialect: "
                           "openai_chat, endpoint: \"https://api.v1.test/v1\", upstream_model: m1, "
                           "place: US, abort_billing: stops, output_cap_field: max_tokens, "
                           "contract_price: cost}\n",
                           i) == ERR_OK);
        }
        files[4].text = buf_str(&text);
        struct registry_report report;
        registry_report_init(&report);
        struct registry *registry = NULL;
        enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
        CHECK((err == ERR_OK) == (count == REGISTRY_ROUTES_PER_MODEL_MAX));
        CHECK(err == ERR_OK || report.faults[0].rule == REGISTRY_RULE_REG_LIMIT);
        registry_unref(registry);
        registry_report_fini(&report);
        buf_fini(&text);
    }
}

/* What the first model says of its tokenizer, where "t", "t2" and two chat templates are known. */
static void check_tokenizer(const char *says, enum registry_rule rule, const char *name)
{
    static const struct str vocabularies[] = { STR_INIT("t"), STR_INIT("t2") };
    static const struct str templates[] = { STR_INIT("openai"), STR_INIT("qwen3") };
    static const struct registry_texts known = { .items = vocabularies, .count = 2 };
    static const struct registry_texts known_templates = { .items = templates, .count = 2 };
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(files, 1, "version:", says);
    struct registry_report report;
    registry_report_init(&report);
    report.vocabularies = &known;
    report.templates = &known_templates;
    struct registry *registry = NULL;
    enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
    bool fine = rule == REGISTRY_RULE_COUNT;
    CHECK_EQ(err, fine ? ERR_OK : ERR_REGISTRY_INVALID);
    CHECK_EQ(report.count, fine ? 0U : 1U);
    if (!fine) {
        struct str text = str_from(report.faults[0].text);
        CHECK_EQ(report.faults[0].rule, rule);
        CHECK(report.faults[0].line > 0);
        CHECK(str_search(text, str_from(name)) < text.len);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
}

TEST(a_tokenizer_that_is_not_installed_is_refused_by_name)
{
    check_tokenizer("tokenizer: t2\n    version:", REGISTRY_RULE_COUNT, "");
    check_tokenizer("tokenizer: t3\n    version:", REGISTRY_RULE_TOKENIZER_MISSING, "\"t3\"");
}

TEST(a_chat_template_that_is_not_known_is_refused_by_name)
{
    check_tokenizer("tokenizer: t\n    chat_template: qwen3\n    version:", REGISTRY_RULE_COUNT,
                    "");
    check_tokenizer("tokenizer: t\n    chat_template: qwne3\n    version:",
                    REGISTRY_RULE_TEMPLATE_UNKNOWN, "\"qwne3\"");
}

TEST(a_route_reports_by_its_dialects_own_surface_unless_it_says_otherwise)
{
    static const struct {
        const char *dialect;
        const char *usage;
        unsigned surface; /* its place among REGISTRY_USAGES; 99: it does not load */
    } cases[] = {
        { "openai_chat", "", 0 },
        { "openai_chat", "usage: anthropic, ", 3 },
        { "openai_responses", "", 1 },
        { "openai_responses", "usage: xai.responses, ", 7 },
        { "openai_responses", "usage: openai.chat, ", 99 },
        { "anthropic", "", 3 },
        { "anthropic", "usage: minimax.anthropic, ", 12 },
        { "anthropic", "usage: gemini, ", 99 },
        { "gemini", "", 4 },
        { "gemini", "usage: gemini.live, ", 99 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct registry_file files[SAMPLE_FILES];
        char with[96];
        struct registry_report report;
        struct registry *registry = NULL;
        sample_files(files);
        (void)snprintf(with, sizeof(with), "%sdialect: %s", cases[i].usage, cases[i].dialect);
        char *routes = sample_replace(files, 4, "dialect: openai_chat", with);
        registry_report_init(&report);
        enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
        CHECK_EQ(err, cases[i].surface == 99 ? ERR_REGISTRY_INVALID : ERR_OK);
        if (err == ERR_OK) {
            CHECK_EQ(registry_route(registry, STR("r2"))->usage, cases[i].surface);
        }
        registry_unref(registry);
        registry_report_fini(&report);
        mem_free(routes);
    }
}

TEST(a_model_that_goes_into_a_path_is_of_its_letters)
{
    struct registry_file files[SAMPLE_FILES];
    struct registry_report report;
    struct registry *registry = NULL;
    sample_files(files);
    char *routes = sample_replace(files, 4, "dialect: openai_chat", "dialect: gemini");
    char *named = sample_replace(files, 4, "upstream_model: m1", "upstream_model: \"m1?x\"");
    registry_report_init(&report);
    CHECK(registry_parse(files, SAMPLE_FILES, &registry, &report) == ERR_REGISTRY_INVALID);
    registry_report_fini(&report);
    mem_free(named);
    mem_free(routes);
}
