#include "registry_sample.h"

struct read_case {
    unsigned file; /* of the sample */
    const char *old;
    const char *good; /* NULL: the sample's own */
    const char *bad;
    enum registry_rule rule;
};

enum {
    PARTIES,
    MODELS,
    CREDENTIALS,
    BOOKS,
    ROUTES,
    PRODUCTS
};

#define BAD REGISTRY_RULE_REG_BAD_VALUE

static const struct read_case read_cases[] = {
    { PARTIES, "kind: vendor", "kind: brand", "kind: maker", BAD },
    { PARTIES, "jurisdiction: US", "jurisdiction: CN", "jurisdiction: us", BAD },
    { PARTIES, "jurisdiction: US", NULL, "jurisdiction: USA", BAD },
    { PARTIES, "legal_name: V One", "legal_name: \"\\u00c4\"", "legal_name: \"\"", BAD },
    { PARTIES, "legal_name: V One", NULL, "legal_name: [x]", BAD },
    { PARTIES, "legal_name: V One", NULL, "legal_name: \"a\\nb\"", BAD },
    { PARTIES, "legal_name: V One", NULL, "legal_name: ~", BAD },
    { PARTIES, "id: op", NULL, "id: -op", BAD },
    { MODELS, "origin: US", "origin: DE", "origin: U5", BAD },
    { MODELS, "[m1, m1-x]", "[\"a b\"]", "[]", BAD },
    { MODELS, "[m1, m1-x]", NULL, "m1", BAD },
    { MODELS, "[m1, m1-x]", NULL, "[\"\"]", BAD },
    { MODELS, "[m1, m1-x]", NULL, "[[m1]]", BAD },
    { MODELS, "context_tokens: 1000", "context_tokens: 1", "context_tokens: 0", BAD },
    { MODELS, "context_tokens: 1000", NULL, "context_tokens: 1e3", BAD },
    { MODELS, "context_tokens: 1000", NULL, "context_tokens: 1000000001", BAD },
    { MODELS, "vendor: v1", "vendor: op", "vendor: v2", REGISTRY_RULE_REG_UNKNOWN_REF },
    { MODELS, "vendor: v1", NULL, "vendor: [v1]", BAD },
    { MODELS, "tokenizer: t", "tokenizer: u", "tokeniser: t", REGISTRY_RULE_REG_UNKNOWN_KEY },
    { MODELS, "    origin: US\n", NULL, "", REGISTRY_RULE_REG_MISSING_FIELD },
    { CREDENTIALS, "enterprise_contract", "cloud_marketplace", "borrowed", BAD },
    { CREDENTIALS, "enterprise_contract", "reseller_issued", "personal",
      REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "shared", REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "education", REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "trial", REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "purchased_account",
      REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "web_cookie", REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "enterprise_contract", NULL, "reverse_engineered",
      REGISTRY_RULE_CREDENTIAL_PROVENANCE },
    { CREDENTIALS, "env:KEY", "file:keys/a.key", "sk-abcdef", BAD },
    { CREDENTIALS, "env:KEY", "env:_A1", "env:1A", BAD },
    { CREDENTIALS, "env:KEY", NULL, "file:", BAD },
    { CREDENTIALS, "endpoint_host: api.v1.test", NULL, "endpoint_host: \"https://api.v1.test\"",
      BAD },
    { CREDENTIALS, "max_concurrent: 2", "max_concurrent: 1", "max_concurrent: 0", BAD },
    { ROUTES, "dialect: openai_chat", NULL, "dialect: telepathy", BAD },
    { ROUTES, "https://api.v1.test/v1", "http://api.v1.test", "ftp://api.v1.test/v1", BAD },
    { ROUTES, "place: US/west", "place: SG", "place: US/", BAD },
    { ROUTES, "place: US/west", NULL, "place: west", BAD },
    { ROUTES, "abort_billing: stops", "abort_billing: continues", "abort_billing: maybe", BAD },
    { ROUTES, "abort_billing: stops", "abort_billing: stops, quantization: fp8",
      "abort_billing: stops, quantization: FP8", BAD },
    { ROUTES, "abort_billing: stops", "abort_billing: stops, quantization: bf16",
      "abort_billing: stops, quantization: fp12", BAD },
    { ROUTES, "abort_billing: stops", "abort_billing: stops, declares_model: always",
      "abort_billing: stops, declares_model: never", BAD },
    { ROUTES, "state: suspended", "state: active", "state: asleep", BAD },
    { ROUTES, "weight: 3", "weight: 1000000", "weight: 0", BAD },
    { PRODUCTS, "mode: aggregate", NULL, "mode: inland", BAD },
    { PRODUCTS, "[m2, m1]", "[m1]", "[m1, m1]", REGISTRY_RULE_REG_DUPLICATE_ID },
    { PRODUCTS, "[m2, m1]", NULL, "[]", BAD },
    { PRODUCTS, "[m2, m1]", NULL, "[m1, m9]", REGISTRY_RULE_REG_UNKNOWN_REF },
    { PRODUCTS, "price: 100, currency: USD, units: 1000000",
      "price: \"0.01\", currency: USD, units: 100", "price: 0, currency: USD, units: 1000000",
      BAD },
    { PRODUCTS, "expires_days: 365", "expires_days: 36500", "expires_days: 36501", BAD },
    { PRODUCTS, "expires_days: 0}", "expires_days: 0, withdrawn: true}",
      "expires_days: 0, withdrawn: yes}", BAD },
    { PRODUCTS, "expires_days: 0}", "expires_days: 0, refund_hours: 0}",
      "expires_days: 0, refund_hours: -1}", BAD },
    { PRODUCTS, "price: 100", NULL, "price: 1e2", BAD },
    { PRODUCTS, "currency: USD", NULL, "currency: usd", BAD },
    { PRODUCTS, "id: big", "id: huge", "id: starter", REGISTRY_RULE_REG_DUPLICATE_ID },
    { PRODUCTS, "unit: {name: AI token, per_currency_unit: 10000}", NULL, "unit: AI token", BAD },
    { PRODUCTS, "per_currency_unit: 10000", NULL, "per_currency_units: 1",
      REGISTRY_RULE_REG_UNKNOWN_KEY },
};

static void read_with(const struct read_case *test, const char *fresh, enum err want)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(files, test->file, test->old, fresh);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
    if (err != want) {
        test_failed(EP_SITE, "\"%s\": %s, %s", fresh, err_info(err)->name,
                    report.count > 0 ? report.faults[0].text : "no fault");
    }
    bool found = want == ERR_OK;
    for (size_t i = 0; i < report.count; i++) {
        bool here = str_eq(str_from(report.faults[i].file), str_from(sample_names[test->file]));
        found = found || (here && report.faults[i].rule == test->rule && report.faults[i].line > 0);
    }
    if (!found) {
        test_failed(EP_SITE, "\"%s\": another rule: %s", fresh, report.faults[0].text);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
}

TEST(each_kind_of_field_has_a_good_and_a_bad_twin)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(read_cases); i++) {
        const struct read_case *test = &read_cases[i];
        read_with(test, test->good != NULL ? test->good : test->old, ERR_OK);
        read_with(test, test->bad, ERR_REGISTRY_INVALID);
    }
}

TEST(each_field_that_is_left_out_is_missed)
{
    for (size_t kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
        const struct registry_shape *shape = registry_kinds[kind].shape;
        size_t required = 0;
        for (size_t i = 0; i < shape->count; i++) {
            bool derived = shape->fields[i].type == REGISTRY_TYPE_DERIVED;
            required += shape->fields[i].optional || derived ? 0 : 1;
        }
        struct registry_file files[SAMPLE_FILES + 1];
        sample_files(files);
        struct buf text;
        buf_init(&text, 4096);
        CHECK(buf_printf(&text, STR_FMT ":\n  - {}\n", STR_ARG(registry_kinds[kind].key)) ==
              ERR_OK);
        for (size_t i = 0; i < SAMPLE_FILES; i++) {
            files[i].text =
                str_eq(files[i].name, registry_kinds[kind].file) ? buf_str(&text) : STR_EMPTY;
        }
        files[SAMPLE_FILES] = (struct registry_file){ registry_kinds[kind].file, buf_str(&text) };
        size_t count = SAMPLE_FILES + (registry_kinds[kind].optional ? 1 : 0);
        struct registry_report report;
        registry_report_init(&report);
        struct registry *registry = NULL;
        CHECK(registry_parse(files, count, &registry, &report) == ERR_REGISTRY_INVALID);
        size_t missed = 0;
        for (size_t i = 0; i < report.count; i++) {
            missed += report.faults[i].rule == REGISTRY_RULE_REG_MISSING_FIELD ? 1 : 0;
            CHECK_EQ(report.faults[i].line, 2);
        }
        CHECK_EQ(missed, required);
        registry_report_fini(&report);
        buf_fini(&text);
    }
}
