#include "law_sample.h"

TEST(a_name_means_one_model)
{
#define ALIAS REGISTRY_RULE_MODEL_ALIAS
    static const struct law_case cases[] = {
        { 5, "brand: B\n", "brand: B\n    aliases: [{name: fast, model: m1}]\n",
          "brand: B\n    aliases: [{name: m2, model: m1}]\n", ALIAS },
        { 5, "brand: B\n", "brand: B\n    aliases: [{name: M1-X, model: m1}]\n",
          "brand: B\n    aliases: [{name: \"x/M2-20260901:free\", model: m1}]\n", ALIAS },
        { 5, "brand: B\n", "brand: B\n    aliases: [{name: m2-mini, model: m1}]\n",
          "brand: B\n    aliases: [{name: m2-latest, model: m1}]\n", ALIAS },
        { 5, "brand: B\n", "brand: B\n    aliases: [{name: a, model: m1}, {name: b, model: m1}]\n",
          "brand: B\n    aliases: [{name: a, model: m1}, {name: A, model: m2}]\n",
          REGISTRY_RULE_REG_DUPLICATE_ID },
        { 5, "models: [m2, m1]\n", "models: [m2, m1]\n    aliases: [{name: a, model: m1}]\n",
          "models: [m2]\n    aliases: [{name: a, model: m1}]\n", REGISTRY_RULE_REG_UNKNOWN_REF },
        { 4, "upstream_model: m1", "upstream_model: x/m1-20260901", "upstream_model: m2", ALIAS },
        { 4, "upstream_model: m1", "upstream_model: m2-mini", "upstream_model: chan/M2", ALIAS },
        { 1, "[m1, m1-x]", "[m1, m2-x]", "[m1, m2]", ALIAS },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

/* Both declare it: the route's own model has the name, too. */
TEST(a_name_that_two_models_declare_may_be_called_and_not_be_sold)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copies[3] = {
        sample_replace(files, 1, "[m1, m1-x]", "[m1, both]"),
        sample_replace(files, 1, "declared_names: [m2]", "declared_names: [m2, both]"),
        sample_replace(files, 4, "upstream_model: m1", "upstream_model: both"),
    };
    struct law_result called = law_result_of(files, false);
    CHECK_EQ(called.err, ERR_OK);
    law_result_fini(&called);
    char *sold = sample_replace(files, 5, "brand: B\n",
                                "brand: B\n    aliases: [{name: both, model: m1}]\n");
    struct law_result result = law_result_of(files, false);
    CHECK(law_found(&result.report, STR("products.yaml"), REGISTRY_RULE_MODEL_ALIAS));
    law_result_fini(&result);
    for (size_t i = 0; i < EP_ARRAY_LEN(copies); i++) {
        mem_free(copies[i]);
    }
    mem_free(sold);
}

static void check_official(const char *product, const char *op, const char *v1, bool fine)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copies[3] = {
        sample_replace(files, 5, "mode: aggregate\n", product),
        sample_replace(files, 0, "legal_name: Op, jurisdiction: SG}", op),
        sample_replace(files, 0, "legal_name: V One, jurisdiction: US", v1),
    };
    struct law_result result = law_result_of(files, false);
    bool found =
        law_found(&result.report, STR("products.yaml"), REGISTRY_RULE_SCOPE_FALSE_OFFICIAL);
    if (found == fine || (result.err == ERR_OK) != fine) {
        test_failed(EP_SITE, "%s, %s: %s", product, op,
                    result.report.count > 0 ? result.report.faults[0].text : "no fault");
    }
    law_result_fini(&result);
    for (size_t i = 0; i < EP_ARRAY_LEN(copies); i++) {
        mem_free(copies[i]);
    }
}

TEST(who_sells_as_the_vendor_is_it_or_its_affiliate)
{
    static const char plain[] = "legal_name: Op, jurisdiction: SG}";
    static const char vendor[] = "legal_name: V One, jurisdiction: US";
    check_official("mode: aggregate\n", plain, vendor, true);
    check_official("mode: aggregate\n    official: true\n", plain, vendor, false);
    check_official("mode: direct\n", plain, vendor, false);
    check_official("mode: direct\n",
                   "legal_name: Op, jurisdiction: SG, owners: [{party: v1, percent: 51}]}", vendor,
                   true);
    check_official("mode: direct\n",
                   "legal_name: Op, jurisdiction: SG, owners: [{party: v1, percent: 50}]}", vendor,
                   false);
    check_official("mode: direct\n", plain,
                   "legal_name: V One, jurisdiction: US, owners: [{party: op, percent: 51}]", true);
    /* Through another party; two that a third one owns are not each other's. */
    check_official("mode: direct\n",
                   "legal_name: Op, jurisdiction: SG, owners: [{party: h, percent: 60}]}\n"
                   "  - {id: h, kind: brand, legal_name: H, jurisdiction: HK, owners: [{party: v1, "
                   "percent: 60}]}",
                   vendor, true);
    check_official("mode: direct\n",
                   "legal_name: Op, jurisdiction: SG, owners: [{party: h, percent: 60}]}\n"
                   "  - {id: h, kind: brand, legal_name: H, jurisdiction: HK}",
                   "legal_name: V One, jurisdiction: US, owners: [{party: h, percent: 60}]", false);
}

TEST(a_zone_belongs_to_products_of_zones)
{
    static const struct law_case cases[] = {
        { 5, "mode: aggregate\n", "mode: zone\n    zone: z1\n", "mode: zone\n",
          REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "mode: aggregate\n", NULL, "mode: aggregate\n    zone: z1\n",
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

#define VOICE(models) "brand: B\n    voice: {" models "}\n"

TEST(voice_names_models_that_the_product_sells)
{
    static const struct law_case cases[] = {
        { 5, "brand: B\n", VOICE("hear: m1, think: m1, speak: m1, voice: v"),
          VOICE("hear: m1, think: m9, speak: m1, voice: v"), REGISTRY_RULE_REG_UNKNOWN_REF },
        { 5, "brand: B\n",
          VOICE("hear: m1, think: m1, speak: m1, voice: v, language: zh, instructions: Be kind."),
          VOICE("hear: m1, think: m1, voice: v"), REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "brand: B\n", NULL, VOICE("hear: m1, think: m1, speak: m1"),
          REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "brand: B\n", NULL, VOICE("hear: m1, think: m1, speak: m1, voice: v, pitch: 1"),
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { 5, "models: [m2, m1]\n", NULL,
          "models: [m1]\n    voice: {hear: m1, think: m1, speak: m2, voice: v}\n",
          REGISTRY_RULE_REG_UNKNOWN_REF },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(dispatch_names_parties_and_routes)
{
    static const struct law_case cases[] = {
        { 5, "brand: B\n", "brand: B\n    dispatch: {order: [r1, v1]}\n",
          "brand: B\n    dispatch: {order: [r1, v9]}\n", REGISTRY_RULE_REG_UNKNOWN_REF },
        { 5, "brand: B\n", "brand: B\n    dispatch: {only: [v1]}\n",
          "brand: B\n    dispatch: {only: [m1]}\n", REGISTRY_RULE_REG_UNKNOWN_REF },
        { 5, "brand: B\n", "brand: B\n    dispatch: {ignore: [r2]}\n",
          "brand: B\n    dispatch: {ignore: [r22]}\n", REGISTRY_RULE_REG_UNKNOWN_REF },
        { 5, "brand: B\n", "brand: B\n    dispatch: {sort: latency, near_percent: 1000}\n",
          "brand: B\n    dispatch: {sort: latency, near_percent: 1001}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n", "brand: B\n    dispatch: {hedge: {after_percentile: 50}}\n",
          "brand: B\n    dispatch: {hedge: {after_percentile: 49}}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n",
          "brand: B\n    dispatch: {hedge: {after_percentile: 99, at_least_ms: 60000}}\n",
          "brand: B\n    dispatch: {hedge: {after_percentile: 99, at_least_ms: 60001}}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n", NULL, "brand: B\n    dispatch: {hedge: {at_least_ms: 1}}\n",
          REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "brand: B\n", NULL,
          "brand: B\n    dispatch: {hedge: {after_percentile: 95, times: 2}}\n",
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { 5, "brand: B\n", "brand: B\n    batch: {price_percent: 100}\n",
          "brand: B\n    batch: {price_percent: 101}\n", REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n", "brand: B\n    batch: {price_percent: 1, keep_hours: 48}\n",
          "brand: B\n    batch: {price_percent: 1, keep_hours: 47}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n", NULL, "brand: B\n    batch: {keep_hours: 48}\n",
          REGISTRY_RULE_REG_MISSING_FIELD },
        { 5, "brand: B\n", "brand: B\n    dispatch: {sort: energy}\n",
          "brand: B\n    dispatch: {sort: best}\n", REGISTRY_RULE_REG_BAD_VALUE },
        { 5, "brand: B\n", "brand: B\n    dispatch: {}\n",
          "brand: B\n    dispatch: {prefer: [v1]}\n", REGISTRY_RULE_REG_UNKNOWN_KEY },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}
