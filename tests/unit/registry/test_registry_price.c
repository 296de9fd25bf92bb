#include "registry_sample.h"

static const struct registry_price *price_of(const struct registry *registry, struct str model)
{
    const struct registry_product *world = registry_product(registry, STR("world"));
    return registry_product_price(world, registry_model(registry, model));
}

TEST(a_price_is_exact_to_the_pico)
{
    struct registry *registry = sample_load();
    const struct registry_price *m1 = price_of(registry, STR("m1"));
    CHECK_EQ(m1->pico[REGISTRY_CLASS_IN], 2500000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_CACHED], 250000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_OUT], 10000000);
    CHECK_EQ(m1->pico_call, 1);
    const struct registry_price *m2 = price_of(registry, STR("m2"));
    CHECK_EQ(m2->pico[REGISTRY_CLASS_IN], 1);
    CHECK_EQ(m2->pico[REGISTRY_CLASS_OUT], 1000000000000);
    CHECK_EQ(m2->pico_call, 0);
    registry_unref(registry);
}

TEST(a_wide_key_fills_its_classes_and_a_narrow_one_wins)
{
    struct registry *registry = sample_load();
    const struct registry_price *m1 = price_of(registry, STR("m1"));
    CHECK_EQ(m1->pico[REGISTRY_CLASS_W5M], 3000000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_W1H], 4500000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_W30M], 3000000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_W12H], 3000000);
    CHECK_EQ(m1->pico[REGISTRY_CLASS_WX], 3000000);
    registry_unref(registry);
}

TEST(what_has_no_price_is_unknown_and_not_free)
{
    struct registry *registry = sample_load();
    const struct registry_price *m2 = price_of(registry, STR("m2"));
    for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
        bool want = class == REGISTRY_CLASS_IN || class == REGISTRY_CLASS_OUT;
        CHECK(m2->known[class] == want);
    }
    registry_unref(registry);
}

TEST(every_class_can_be_priced)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(
        files, 3, "m2: {input: \"0.000001\", output: 1000000}",
        "m2: {input: 1, cached_input: 2, cache_write: 3, input_audio: 4, input_image: 5,\n"
        "     input_tool: 6, cached_audio: 7, cached_image: 8, output: 9, reasoning: 10,\n"
        "     output_audio: 11, output_image: 12, cache_write_5m: 13, cache_write_30m: 14,\n"
        "     cache_write_12h: 15, cache_write_1h: 16, cache_write_unknown: 17,\n"
        "     per_web_search: 0.01, per_web_fetch: 0, per_source: \"0.025\"}");
    struct registry *registry = sample_parse(files, SAMPLE_FILES);
    const struct registry_price *m2 = price_of(registry, STR("m2"));
    static const int want[REGISTRY_PRICE_CLASSES] = { 1, 2, 13, 16, 14, 15, 17, 4,
                                                      5, 6, 7,  8,  9,  10, 11, 12 };
    for (unsigned class = 0; class < REGISTRY_PRICE_CLASSES; class ++) {
        CHECK(m2->known[class]);
        CHECK_EQ(m2->pico[class], want[class] * 1000000LL);
    }
    CHECK(m2->known_unit[REGISTRY_UNIT_WEB_SEARCH] && m2->known_unit[REGISTRY_UNIT_WEB_FETCH]);
    CHECK_EQ(m2->pico_unit[REGISTRY_UNIT_WEB_SEARCH], 10000000000);
    CHECK_EQ(m2->pico_unit[REGISTRY_UNIT_WEB_FETCH], 0);
    CHECK_EQ(m2->pico_unit[REGISTRY_UNIT_SOURCE], 25000000000);
    CHECK(!price_of(registry, STR("m1"))->known_unit[REGISTRY_UNIT_WEB_SEARCH]);
    registry_unref(registry);
    mem_free(copy);
}

struct price_case {
    const char *line; /* of m2 in the sale book */
    bool fine;
    enum registry_rule rule;
};

static void check_lines(const struct price_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct registry_file files[SAMPLE_FILES];
        sample_files(files);
        char *copy =
            sample_replace(files, 3, "{input: \"0.000001\", output: 1000000}", cases[i].line);
        struct registry_report report;
        registry_report_init(&report);
        struct registry *registry = NULL;
        enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
        if ((err == ERR_OK) != cases[i].fine ||
            (err != ERR_OK && (report.count != 1 || report.faults[0].rule != cases[i].rule))) {
            test_failed(EP_SITE, "%s: %s, %zu faults", cases[i].line, err_info(err)->name,
                        report.count);
        }
        registry_unref(registry);
        registry_report_fini(&report);
        mem_free(copy);
    }
}

TEST(a_price_that_is_not_exact_is_refused)
{
    static const struct price_case cases[] = {
        { "{input: 0, output: 0}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1000000, output: 1}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1000000.000001, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 0.0000001, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: -1, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1e-3, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: cheap, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: ~, output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: [1], output: 1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_request: 1001}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_request: 1000}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_web_search: 1000}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_web_search: 1001}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_source: -1}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, cache_write_unknown: ~}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_image: 1000, per_search_unit: 0.002, per_char: 0.000015,"
          " per_second_in: 0.0001, per_second_out: 0.000000000001}",
          true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_image: 1001}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_char: ~}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_pixel: 1}", false, REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "{input: 1, output: 1, per_image: 1, images: {1024x1024/high: 0.1, low: 0}}", true,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, images: {low: 1}}", false, REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 1, per_image: 1, images: {}}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_image: 1, images: [1]}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_image: 1, images: {low: 1001}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 1, per_image: 1, images: {\"a b\": 1}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        /* Nobody serves the model yet: any service's price will do. */
        { "{per_image: 1}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{per_web_search: 1}", false, REGISTRY_RULE_PRICE_MISSING },
        { "{per_request: 1}", false, REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 1, video: 3}", false, REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "{input: 1}", true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{output: 1}", false, REGISTRY_RULE_PRICE_MISSING },
        { "{}", false, REGISTRY_RULE_PRICE_MISSING },
        { "3", false, REGISTRY_RULE_REG_BAD_VALUE },
    };
    check_lines(cases, EP_ARRAY_LEN(cases));
}

TEST(a_tier_that_could_be_given_away_or_is_none_is_refused)
{
    static const struct price_case cases[] = {
        { "{input: 1, output: 2, tiers: {priority: {percent: 200}, flex: {percent: 1},"
          " scale: {percent: 1000}, fast: {input: 3, output: 4}, batch: {percent: 50}}}",
          true, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {}}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: [fast]}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: 200}}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {}}}", false, REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {percent: 0}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {percent: 1001}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {percent: 50.5}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {percent: [50]}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {fast: {percent: 50, input: 1}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
        { "{input: 1, output: 2, tiers: {turbo: {percent: 50}}}", false,
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "{input: 1, output: 2, tiers: {standard: {percent: 50}}}", false,
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "{input: 1, output: 2, tiers: {fast: {input: 3}}}", false, REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 2, per_source: 1, tiers: {fast: {input: 3, output: 4}}}", false,
          REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 2, per_request: 1, tiers: {fast: {input: 3, output: 4}}}", false,
          REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 2, per_image: 1, images: {low: 1},"
          " tiers: {fast: {input: 3, output: 4, per_image: 2}}}",
          false, REGISTRY_RULE_PRICE_MISSING },
        { "{input: 1, output: 2, tiers: {fast: {input: 3, output: 4, video: 1}}}", false,
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "{input: 1, output: 2, tiers: {fast: {tiers: {flex: {percent: 1}}}}}", false,
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    check_lines(cases, EP_ARRAY_LEN(cases));
}

TEST(a_tier_costs_a_share_of_the_line_or_prices_of_its_own)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy =
        sample_replace(files, 3, "m2: {input: \"0.000001\", output: 1000000}",
                       "m2: {tiers: {priority: {percent: 175}, flex: {percent: 50},\n"
                       "     fast: {input: 30, output: 150, per_image: 1, images: {high: 2}}},\n"
                       "     input: \"2.000003\", output: 10, cached_input: \"0.000001\",\n"
                       "     per_image: 0.04, images: {low: \"0.01\"}}");
    struct registry *registry = sample_parse(files, SAMPLE_FILES);
    const struct registry_price *m2 = price_of(registry, STR("m2"));
    const struct registry_price *priority = registry_price_tier(m2, TIER_PRIORITY);
    const struct registry_price *flex = registry_price_tier(m2, TIER_FLEX);
    const struct registry_price *fast = registry_price_tier(m2, TIER_FAST);
    CHECK(registry_price_tier(m2, TIER_UNSAID) == m2);
    CHECK(registry_price_tier(m2, TIER_STANDARD) == m2);
    CHECK(registry_price_tier(m2, TIER_SCALE) == NULL);
    CHECK(registry_price_tier(m2, TIER_UNKNOWN) == NULL);
    CHECK_EQ(priority->pico[REGISTRY_CLASS_IN], 3500005); /* of 3500005.25 */
    CHECK_EQ(priority->pico[REGISTRY_CLASS_OUT], 17500000);
    CHECK_EQ(priority->pico_unit[REGISTRY_UNIT_IMAGE], 70000000000);
    CHECK_EQ(registry_image_price(priority, STR("low"), STR_EMPTY), 17500000000);
    CHECK(!priority->known[REGISTRY_CLASS_IN_AUDIO]);
    CHECK_EQ(flex->pico[REGISTRY_CLASS_IN], 1000001);
    CHECK_EQ(flex->pico[REGISTRY_CLASS_CACHED], 1); /* of half a one: no price becomes none */
    CHECK_EQ(fast->pico[REGISTRY_CLASS_IN], 30000000);
    CHECK_EQ(fast->pico[REGISTRY_CLASS_OUT], 150000000);
    CHECK_EQ(registry_image_price(fast, STR("high"), STR_EMPTY), 2000000000000);
    registry_unref(registry);
    mem_free(copy);
}

TEST(a_picture_costs_what_its_kind_does)
{
    static const struct registry_image images[] = {
        { STR_INIT("1024x1024"), 2 },
        { STR_INIT("1024x1024/high"), 3 },
        { STR_INIT("high"), 4 },
    };
    struct registry_price price = { .images = images, .image_count = 3 };
    price.pico_unit[REGISTRY_UNIT_IMAGE] = 1;
    CHECK_EQ(registry_image_price(&price, STR("1024x1024"), STR("high")), 3);
    CHECK_EQ(registry_image_price(&price, STR("1024x1024"), STR("low")), 2);
    CHECK_EQ(registry_image_price(&price, STR("1024x1024"), STR_EMPTY), 2);
    CHECK_EQ(registry_image_price(&price, STR("512x512"), STR("high")), 4);
    CHECK_EQ(registry_image_price(&price, STR_EMPTY, STR("high")), 4);
    CHECK_EQ(registry_image_price(&price, STR("512x512"), STR("low")), 1);
    CHECK_EQ(registry_image_price(&price, STR_EMPTY, STR_EMPTY), 1);
    CHECK_EQ(registry_image_dearest(&price), 4);
    price.pico_unit[REGISTRY_UNIT_IMAGE] = 9;
    CHECK_EQ(registry_image_dearest(&price), 9);
}
