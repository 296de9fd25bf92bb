#include "meter/usage.h"

#include "harness.h"

/* The published vectors of the OpenAI chat surface and of its relatives. */
struct usage_case {
    const char *json;
    int64_t want[USAGE_COUNT];
    bool quarantined;
    bool split_assumed;
};

static const struct usage_case cases[] = {
    { "{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150}",
      { [USAGE_IN] = 100, [USAGE_OUT] = 50 },
      false,
      false },
    { "{\"prompt_tokens\":2006,\"completion_tokens\":300,\"total_tokens\":2306,"
      "\"prompt_tokens_details\":{\"cached_tokens\":1920,\"audio_tokens\":0},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":192,\"audio_tokens\":0,"
      "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
      { [USAGE_IN] = 86, [USAGE_CACHED] = 1920, [USAGE_OUT] = 108, [USAGE_REASON] = 192 },
      false,
      false },
    { "{\"prompt_tokens\":500,\"completion_tokens\":80,\"total_tokens\":580,"
      "\"prompt_tokens_details\":{\"cached_tokens\":128,\"audio_tokens\":200,\"text_tokens\":300},"
      "\"completion_tokens_details\":{\"audio_tokens\":60,\"text_tokens\":20}}",
      { [USAGE_IN] = 172,
        [USAGE_CACHED] = 128,
        [USAGE_IN_AUDIO] = 200,
        [USAGE_OUT] = 20,
        [USAGE_OUT_AUDIO] = 60 },
      false,
      false },
    { "{\"prompt_tokens\":100,\"completion_tokens\":10,\"total_tokens\":110,"
      "\"prompt_tokens_details\":{\"cached_tokens\":64,\"audio_tokens\":60}}",
      { [USAGE_CACHED] = 40, [USAGE_IN_AUDIO] = 36, [USAGE_CACHED_AUDIO] = 24, [USAGE_OUT] = 10 },
      false,
      true },
    { "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200,"
      "\"prompt_cache_hit_tokens\":896,\"prompt_cache_miss_tokens\":104,"
      "\"completion_tokens_details\":{\"reasoning_tokens\":150}}",
      { [USAGE_IN] = 104, [USAGE_CACHED] = 896, [USAGE_OUT] = 50, [USAGE_REASON] = 150 },
      false,
      false },
    { "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200,"
      "\"prompt_cache_hit_tokens\":896,\"prompt_cache_miss_tokens\":100}",
      { [USAGE_IN] = 104, [USAGE_CACHED] = 896, [USAGE_OUT] = 200 },
      true,
      false },
    { "{\"prompt_tokens\":19,\"completion_tokens\":21,\"total_tokens\":40,\"cached_tokens\":10}",
      { [USAGE_IN] = 9, [USAGE_CACHED] = 10, [USAGE_OUT] = 21 },
      false,
      false },
    { "{\"prompt_tokens\":400,\"completion_tokens\":120,\"total_tokens\":520,"
      "\"prompt_tokens_details\":{\"cached_tokens\":256}}",
      { [USAGE_IN] = 144, [USAGE_CACHED] = 256, [USAGE_OUT] = 120 },
      false,
      false },
    { "{\"total_tokens\":249,\"total_characters\":0,\"prompt_tokens\":26,"
      "\"completion_tokens\":223,\"completion_tokens_details\":{\"reasoning_tokens\":214}}",
      { [USAGE_IN] = 26, [USAGE_OUT] = 9, [USAGE_REASON] = 214 },
      false,
      false },
    { "{\"prompt_tokens\":41,\"total_tokens\":99,\"completion_tokens\":58,"
      "\"prompt_tokens_details\":null,\"reasoning_tokens\":0}",
      { [USAGE_IN] = 41, [USAGE_OUT] = 58 },
      false,
      false },
    { "{\"prompt_tokens\":3019,\"completion_tokens\":104,\"total_tokens\":3123,"
      "\"prompt_tokens_details\":{\"cached_tokens\":2048,\"cache_creation_input_tokens\":900}}",
      { [USAGE_IN] = 71, [USAGE_CACHED] = 2048, [USAGE_W5M] = 900, [USAGE_OUT] = 104 },
      false,
      false },
    { "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
      "\"completion_tokens_details\":{\"reasoning_tokens\":9}}",
      { [USAGE_IN] = 10, [USAGE_OUT] = -4, [USAGE_REASON] = 9 },
      true,
      false },
};

TEST(published_vectors_fall_into_their_classes)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct usage usage;
        CHECK(usage_read_openai_chat(str_from(cases[i].json), &usage));
        for (size_t k = 0; k < USAGE_COUNT; k++) {
            if (usage.tokens[k] != cases[i].want[k]) {
                test_failed(EP_SITE, "case %zu, %s: %lld, not %lld", i,
                            usage_name((enum usage_class)k), (long long)usage.tokens[k],
                            (long long)cases[i].want[k]);
            }
        }
        CHECK(usage.quarantined == cases[i].quarantined);
        CHECK(usage.split_assumed == cases[i].split_assumed);
    }
}

TEST(the_classes_of_a_good_report_sum_to_its_total)
{
    struct usage usage;
    CHECK(usage_read_openai_chat(str_from(cases[1].json), &usage));
    CHECK_EQ(usage_sum(&usage), 2306);
}

TEST(reports_that_contradict_themselves_are_quarantined)
{
    static const char *const bad[] = {
        "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":16}",
        "{\"prompt_tokens\":-1,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1.5,\"completion_tokens\":5}",
        "{\"prompt_tokens\":\"10\",\"completion_tokens\":5}",
        "{\"prompt_tokens\":10,\"completion_tokens\":99999999999}",
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,"
         "\"prompt_tokens_details\":{\"cached_tokens\":11}}"),
        "{\"prompt_tokens\":10}",
        "{\"prompt_tokens\":10,\"completion_tokens\":null}",
        "{\"prompt_tokens\":10,\"total_tokens\":15}",
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"cached_tokens\":5,"
         "\"prompt_tokens_details\":{\"cached_tokens\":9}}"),
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":4,"
         "\"prompt_cache_miss_tokens\":6,\"prompt_tokens_details\":{\"cached_tokens\":5}}"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct usage usage;
        CHECK(usage_read_openai_chat(str_from(bad[i]), &usage));
        CHECK(usage.quarantined);
    }
}

TEST(an_absent_count_is_none_where_the_total_says_so)
{
    struct usage usage;
    CHECK(usage_read_openai_chat(STR("{\"prompt_tokens\":10,\"total_tokens\":10}"), &usage));
    CHECK(!usage.quarantined);
    CHECK_EQ(usage_sum(&usage), 10);
}

TEST(what_is_no_report_is_none)
{
    struct usage usage;
    CHECK(!usage_read_openai_chat(STR("{\"prompt_tokens\":null,\"total_tokens\":null}"), &usage));
    CHECK(!usage_read_openai_chat(STR("null"), &usage));
    CHECK(!usage_read_openai_chat(STR("{}"), &usage));
    CHECK(!usage_read_openai_chat(STR("[1]"), &usage));
    CHECK(!usage_read_openai_chat(STR_EMPTY, &usage));
}
