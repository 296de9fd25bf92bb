#include "meter/usage_report.h"

#include "usages.h"
#include "wire/json.h"

static enum usage_surface surface_named(struct str name)
{
    for (unsigned i = 0; i < USAGE_SURFACES; i++) {
        if (str_eq(name, str_from(usage_surface_name((enum usage_surface)i)))) {
            return (enum usage_surface)i;
        }
    }
    test_failed(EP_SITE, "no surface " STR_FMT, STR_ARG(name));
}

/* ---- the published vectors ---------------------------------------------------------------- */

static struct str vectors(void)
{
    static char text[16384];
    FILE *file = fopen(EP_SOURCE_DIR "/tests/usage/vectors.txt", "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof(text), file);
    CHECK(len < sizeof(text) && fclose(file) == 0);
    return (struct str){ text, len };
}

static bool flag_stands(struct str flags, struct str flag)
{
    while (flags.len > 0) {
        if (str_eq(str_cut(&flags, ','), flag)) {
            return true;
        }
    }
    return false;
}

static void check_vector(struct str line)
{
    struct str name = str_cut(&line, '\t');
    struct str report = str_cut(&line, '\t');
    struct str classes = str_cut(&line, '\t');
    struct usage want = { .quarantined = flag_stands(line, STR("quarantined")),
                          .split_assumed = flag_stands(line, STR("split_assumed")),
                          .reasoning_added = flag_stands(line, STR("reasoning_added")) };
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        struct str value = json_get(classes, str_from(usage_name((enum usage_class)i)));
        CHECK(value.len == 0 || json_i64(value, &want.tokens[i]));
    }
    struct usage usage;
    char rooms[2][USAGES_TEXT];
    CHECK(usage_read(surface_named(name), report, &usage));
    CHECK_STR(usages_say(&usage, rooms[0]), usages_say(&want, rooms[1]));
}

TEST(published_vectors_fall_into_their_classes)
{
    struct str rest = vectors();
    int count = 0;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > 0 && line.ptr[0] != '#') {
            check_vector(line);
            count++;
        }
    }
    CHECK_EQ(count, 24);
}

/* ---- by surface: what is right, and its near miss ----------------------------------------- */

struct report_case {
    enum usage_surface surface;
    const char *json;
    const char *said;
};

static void check_cases(const struct report_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct usage usage;
        char room[USAGES_TEXT];
        struct str said = usage_read(cases[i].surface, str_from(cases[i].json), &usage)
                              ? usages_say(&usage, room)
                              : STR("none");
        if (!str_eq(said, str_from(cases[i].said))) {
            test_failed(EP_SITE, "case %zu, %s: \"" STR_FMT "\", not \"%s\"", i, cases[i].json,
                        STR_ARG(said), cases[i].said);
        }
    }
}

TEST(a_sum_that_is_one_off_is_quarantined_on_every_surface)
{
    static const struct report_case cases[] = {
        { USAGE_SURFACE_OPENAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":16}",
          "in=10 out=5 quarantined" },
        { USAGE_SURFACE_OPENAI_RESPONSES,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":14}",
          "in=10 out=5 quarantined" },
        { USAGE_SURFACE_OPENAI_RESPONSES,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":15,\"input_tokens_details\":{"
          "\"cache_write_tokens\":6,\"cache_write_tokens_details\":{\"ttl_30m_tokens\":4,"
          "\"ttl_12h_tokens\":1}}}",
          "in=5 w30m=4 w12h=1 out=5 quarantined" },
        { USAGE_SURFACE_OPENAI_REALTIME,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":15,\"input_token_details\":{"
          "\"audio_tokens\":6,\"cached_tokens\":5,\"cached_tokens_details\":{\"text_tokens\":2,"
          "\"audio_tokens\":2}}}",
          "in=2 cached=2 in_audio=4 cached_audio=2 out=5 quarantined" },
        { USAGE_SURFACE_ANTHROPIC,
          "{\"input_tokens\":7,\"cache_creation_input_tokens\":3,\"cache_creation\":{"
          "\"ephemeral_5m_input_tokens\":1,\"ephemeral_1h_input_tokens\":1},\"output_tokens\":2}",
          "in=7 w5m=1 w1h=1 out=2 quarantined" },
        { USAGE_SURFACE_ANTHROPIC,
          "{\"input_tokens\":7,\"output_tokens\":2,\"output_tokens_details\":{"
          "\"thinking_tokens\":3}}",
          "in=7 out=-1 reason=3 quarantined" },
        { USAGE_SURFACE_GEMINI,
          "{\"promptTokenCount\":10,\"candidatesTokenCount\":5,\"thoughtsTokenCount\":3,"
          "\"totalTokenCount\":15}",
          "in=10 out=5 reason=3 quarantined" },
        { USAGE_SURFACE_GEMINI_LIVE,
          "{\"promptTokenCount\":10,\"candidatesTokenCount\":5,\"totalTokenCount\":15}",
          "in=10 quarantined" },
        { USAGE_SURFACE_XAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":17,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":3}}",
          "in=10 out=2 reason=3 quarantined" },
        { USAGE_SURFACE_XAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"completion_tokens_details\":{"
          "\"reasoning_tokens\":3}}",
          "in=10 out=2 reason=3 quarantined" },
        { USAGE_SURFACE_XAI_RESPONSES,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":18,"
          "\"output_tokens_details\":{\"reasoning_tokens\":3}}",
          "in=10 out=2 reason=3 quarantined" },
        { USAGE_SURFACE_DEEPSEEK,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"prompt_cache_hit_tokens\":0,\"prompt_cache_miss_tokens\":0}",
          "in=10 out=5 quarantined" },
        { USAGE_SURFACE_MOONSHOT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"cached_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":5}}",
          "in=5 cached=5 out=5 quarantined" },
        { USAGE_SURFACE_ZHIPU, "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":5}",
          "in=10 out=5 quarantined" },
        { USAGE_SURFACE_MINIMAX,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":6}}",
          "in=10 out=-1 reason=6 quarantined" },
        { USAGE_SURFACE_MINIMAX_ANTHROPIC,
          "{\"input_tokens\":7,\"cache_creation_input_tokens\":3,\"cache_creation\":{"
          "\"ephemeral_5m_input_tokens\":2,\"ephemeral_1h_input_tokens\":2},\"output_tokens\":2}",
          "in=7 w5m=2 w1h=2 out=2 quarantined" },
        { USAGE_SURFACE_QWEN,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"prompt_tokens_details\":{\"cached_tokens\":6,\"cache_creation_input_tokens\":5}}",
          "cached=5 w5m=5 in_image=-1 cached_image=1 out=5 quarantined split_assumed" },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

TEST(what_is_particular_to_a_surface_is_read_there)
{
    static const struct report_case cases[] = {
        { USAGE_SURFACE_OPENAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"prompt_tokens_details\":{\"cached_tokens\":2,\"cache_write_tokens\":3}}",
          "in=5 cached=2 wx=3 out=5" },
        { USAGE_SURFACE_OPENAI_RESPONSES,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":15,"
          "\"input_tokens_details\":{\"cache_write_tokens\":3}}",
          "in=7 wx=3 out=5" },
        { USAGE_SURFACE_ANTHROPIC,
          "{\"input_tokens\":1,\"output_tokens\":2,\"cache_creation\":{"
          "\"ephemeral_1h_input_tokens\":4},\"server_tool_use\":{\"web_search_requests\":3,"
          "\"web_fetch_requests\":1}}",
          "in=1 w1h=4 out=2 web_search=3 web_fetch=1" },
        { USAGE_SURFACE_MINIMAX_ANTHROPIC,
          "{\"input_tokens\":1,\"output_tokens\":2,\"cache_creation_input_tokens\":4,"
          "\"cache_read_input_tokens\":8}",
          "in=1 cached=8 w5m=4 out=2" },
        { USAGE_SURFACE_GEMINI,
          "{\"promptTokenCount\":100,\"cachedContentTokenCount\":60,\"totalTokenCount\":107,"
          "\"candidatesTokenCount\":7,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
          "\"tokenCount\":40},{\"modality\":\"VIDEO\",\"tokenCount\":20},{\"modality\":\"AUDIO\","
          "\"tokenCount\":30},{\"modality\":\"DOCUMENT\",\"tokenCount\":10}],"
          "\"cacheTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":30},{\"modality\":"
          "\"DOCUMENT\",\"tokenCount\":10},{\"modality\":\"VIDEO\",\"tokenCount\":20}]}",
          "in=40 cached=10 cached_audio=30 cached_image=20 out=7" },
        { USAGE_SURFACE_GEMINI_LIVE,
          "{\"promptTokenCount\":10,\"responseTokenCount\":5,\"thoughtsTokenCount\":2,"
          "\"totalTokenCount\":17,\"responseTokensDetails\":[{\"modality\":\"AUDIO\","
          "\"tokenCount\":4}]}",
          "in=10 out=1 reason=2 out_audio=4" },
        { USAGE_SURFACE_XAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":35,"
          "\"prompt_tokens_details\":{\"cached_tokens\":20},\"num_sources_used\":4}",
          "in=10 cached=20 out=5 source=4" },
        { USAGE_SURFACE_XAI_RESPONSES,
          "{\"input_tokens\":10,\"output_tokens\":5,\"total_tokens\":15,\"num_sources_used\":1,"
          "\"output_tokens_details\":{\"reasoning_tokens\":3}}",
          "in=10 out=2 reason=3 source=1" },
        { USAGE_SURFACE_MOONSHOT,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"prompt_tokens_details\":{\"cached_tokens\":5}}",
          "in=5 cached=5 out=5" },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

TEST(the_rule_of_another_surface_does_not_fit)
{
    static const struct report_case cases[] = {
        /* An addition read as a subset goes below zero, or misses the total. */
        { USAGE_SURFACE_OPENAI_CHAT,
          "{\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":135,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":94}}",
          "in=32 out=-85 reason=94 quarantined" },
        { USAGE_SURFACE_ANTHROPIC, "{\"prompt_tokens\":32,\"completion_tokens\":9}", "none" },
        { USAGE_SURFACE_GEMINI, "{\"input_tokens\":32,\"output_tokens\":9}", "none" },
        { USAGE_SURFACE_OPENAI_RESPONSES, "{\"promptTokenCount\":32}", "none" },
        /* What only a relative reports is not read elsewhere. */
        { USAGE_SURFACE_ZHIPU,
          "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
          "\"cached_tokens\":9,\"num_sources_used\":3}",
          "in=10 out=5" },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

/* ---- nonsense ----------------------------------------------------------------------------- */

TEST(reports_that_contradict_themselves_are_quarantined)
{
    static const char *const bad[] = {
        "{\"prompt_tokens\":-1,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1.5,\"completion_tokens\":5}",
        "{\"prompt_tokens\":1e3,\"completion_tokens\":5}",
        "{\"prompt_tokens\":\"10\",\"completion_tokens\":5}",
        "{\"prompt_tokens\":true,\"completion_tokens\":5}",
        "{\"prompt_tokens\":[10],\"completion_tokens\":5}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1000000001}",
        "{\"prompt_tokens\":10,\"completion_tokens\":99999999999}",
        "{\"prompt_tokens\":10,\"completion_tokens\":9223372036854775807}",
        "{\"prompt_tokens\":10,\"completion_tokens\":9223372036854775808}",
        "{\"prompt_tokens\":10,\"completion_tokens\":99999999999999999999999999999}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"total_tokens\":\"11\"}",
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,"
         "\"prompt_tokens_details\":{\"cached_tokens\":11}}"),
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,"
         "\"prompt_tokens_details\":{\"cached_tokens\":-1}}"),
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":[]}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":\"none\"}",
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":{},"
         "\"prompt_tokens_details\":{\"cached_tokens\":1}}"),
        "{\"prompt_tokens\":10,\"prompt_tokens\":10,\"completion_tokens\":1}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt\\u005ftokens\":11}",
        "{\"prompt_tokens\":10}",
        "{\"prompt_tokens\":10,\"completion_tokens\":null}",
        "{\"prompt_tokens\":10,\"total_tokens\":15}",
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"cached_tokens\":5,"
         "\"prompt_tokens_details\":{\"cached_tokens\":9}}"),
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":4,"
         "\"prompt_cache_miss_tokens\":6,\"prompt_tokens_details\":{\"cached_tokens\":5}}"),
        ("{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":4,"
         "\"prompt_cache_miss_tokens\":5}"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct usage usage;
        if (!usage_read(USAGE_SURFACE_OPENAI_CHAT, str_from(bad[i]), &usage) ||
            !usage.quarantined) {
            test_failed(EP_SITE, "%s", bad[i]);
        }
    }
}

TEST(lists_of_modalities_that_are_none_are_quarantined)
{
    static const char *const bad[] = {
        "{}",
        "3",
        "[3]",
        "[{\"modality\":\"AUDIO\",\"tokenCount\":-1}]",
        "[{\"modality\":\"AUDIO\",\"tokenCount\":\"1\"}]",
        "[{\"modality\":\"AUDIO\",\"tokenCount\":1,\"tokenCount\":1}]",
        "[{\"modality\":\"AUDIO\",\"modality\":\"TEXT\",\"tokenCount\":1}]",
        "[{\"modality\":\"AUDIO\",\"tokenCount\":11}]",
        ("[{\"modality\":\"AUDIO\",\"tokenCount\":1000000000},"
         "{\"modality\":\"AUDIO\",\"tokenCount\":1}]"),
        "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        char text[512];
        struct usage usage;
        int len = snprintf(text, sizeof(text),
                           "{\"promptTokenCount\":10,\"candidatesTokenCount\":1,"
                           "\"totalTokenCount\":11,\"promptTokensDetails\":%s}",
                           bad[i]);
        if (!usage_read(USAGE_SURFACE_GEMINI, (struct str){ text, (size_t)len }, &usage) ||
            !usage.quarantined) {
            test_failed(EP_SITE, "%s", bad[i]);
        }
    }
}

TEST(the_largest_counts_are_read_and_overflow_nothing)
{
    struct usage usage;
    CHECK(usage_read(USAGE_SURFACE_ANTHROPIC,
                     STR("{\"input_tokens\":1000000000,\"cache_read_input_tokens\":1000000000,"
                         "\"cache_creation\":{\"ephemeral_5m_input_tokens\":1000000000,"
                         "\"ephemeral_1h_input_tokens\":1000000000},\"output_tokens\":1000000000}"),
                     &usage));
    CHECK(!usage.quarantined);
    CHECK_EQ(usage_sum(&usage), INT64_C(5000000000));
}

TEST(a_report_with_too_many_members_is_not_believed)
{
    char text[2048];
    struct buf json = { text, 0, sizeof(text), sizeof(text) };
    CHECK(buf_append(&json, STR("{\"prompt_tokens\":10,\"completion_tokens\":1")) == ERR_OK);
    for (int i = 0; i < 46; i++) {
        CHECK(buf_printf(&json, ",\"x%d\":1", i) == ERR_OK);
    }
    CHECK(buf_byte(&json, '}') == ERR_OK);
    struct usage usage;
    CHECK(usage_read(USAGE_SURFACE_OPENAI_CHAT, buf_str(&json), &usage) && !usage.quarantined);
    json.len--;
    CHECK(buf_append(&json, STR(",\"y\":1}")) == ERR_OK);
    CHECK(usage_read(USAGE_SURFACE_OPENAI_CHAT, buf_str(&json), &usage) && usage.quarantined);
}

TEST(null_and_absent_details_are_none)
{
    static const struct report_case cases[] = {
        { USAGE_SURFACE_OPENAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":1,\"total_tokens\":11,"
          "\"prompt_tokens_details\":null,\"completion_tokens_details\":null}",
          "in=10 out=1" },
        { USAGE_SURFACE_OPENAI_CHAT,
          "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":"
          "{\"cached_tokens\":null,\"audio_tokens\":null}}",
          "in=10 out=1" },
        { USAGE_SURFACE_ANTHROPIC,
          "{\"input_tokens\":1,\"output_tokens\":2,\"cache_creation\":null,"
          "\"server_tool_use\":null,\"cache_read_input_tokens\":null}",
          "in=1 out=2" },
        { USAGE_SURFACE_GEMINI,
          "{\"promptTokenCount\":12,\"totalTokenCount\":12,\"promptTokensDetails\":null}",
          "in=12" },
        { USAGE_SURFACE_OPENAI_CHAT, "{\"prompt_tokens\":10,\"total_tokens\":10}", "in=10" },
    };
    check_cases(cases, EP_ARRAY_LEN(cases));
}

TEST(what_is_no_report_is_none)
{
    static const char *const none[] = { "{\"prompt_tokens\":null,\"total_tokens\":null}",
                                        "null",
                                        "{}",
                                        "[1]",
                                        "7",
                                        "",
                                        "{\"completion_tokens\":4}" };
    for (unsigned surface = 0; surface < USAGE_SURFACES; surface++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
            struct usage usage;
            CHECK(!usage_read((enum usage_surface)surface, str_from(none[i]), &usage));
        }
    }
}

/* ---- streams ------------------------------------------------------------------------------ */

static struct str said_after(enum usage_surface surface, const char *const *reports, size_t count)
{
    static char room[USAGES_TEXT];
    struct usage_report report = { .said = 0 };
    struct usage usage;
    for (size_t i = 0; i < count; i++) {
        usage_report_add(&report, surface, str_from(reports[i]));
    }
    CHECK(usage_report_settle(&report, surface, &usage));
    return usages_say(&usage, room);
}

TEST(in_a_stream_the_last_of_each_count_holds)
{
    static const char *const anthropic[] = {
        ("{\"input_tokens\":21,\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":9,"
         "\"cache_creation\":{\"ephemeral_5m_input_tokens\":300,\"ephemeral_1h_input_tokens\":0},"
         "\"output_tokens\":1}"),
        "{\"output_tokens\":50}",
        "{\"output_tokens\":93,\"input_tokens\":22,\"output_tokens_details\":{"
        "\"thinking_tokens\":40}}",
    };
    CHECK_STR(said_after(USAGE_SURFACE_ANTHROPIC, anthropic, 1),
              STR("in=21 cached=9 w5m=300 out=1"));
    CHECK_STR(said_after(USAGE_SURFACE_ANTHROPIC, anthropic, 3),
              STR("in=22 cached=9 w5m=300 out=53 reason=40"));
    static const char *const gemini[] = {
        ("{\"promptTokenCount\":10,\"totalTokenCount\":11,\"candidatesTokenCount\":1,"
         "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":1}]}"),
        ("{\"promptTokenCount\":10,\"totalTokenCount\":15,\"candidatesTokenCount\":5,"
         "\"candidatesTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":5}]}"),
    };
    CHECK_STR(said_after(USAGE_SURFACE_GEMINI, gemini, 2), STR("in=10 out=5"));
}

static enum tier tier_after(enum usage_surface surface, const char *const *reports, size_t count)
{
    struct usage_report report = { .said = 0 };
    struct usage usage;
    for (size_t i = 0; i < count; i++) {
        usage_report_add(&report, surface, str_from(reports[i]));
    }
    CHECK(usage_report_settle(&report, surface, &usage));
    CHECK(!usage.quarantined);
    return usage.tier;
}

TEST(the_tier_that_served_is_said_in_each_vendors_way)
{
    static const char *const anthropic[] = {
        "{\"input_tokens\":2,\"output_tokens\":1,\"service_tier\":\"standard\"}",
        "{\"output_tokens\":5,\"service_tier\":null}",
        "{\"output_tokens\":5,\"speed\":\"fast\"}",
        "{\"output_tokens\":5,\"speed\":\"standard\",\"service_tier\":\"priority\"}",
    };
    CHECK_EQ(tier_after(USAGE_SURFACE_ANTHROPIC, anthropic, 1), TIER_STANDARD);
    CHECK_EQ(tier_after(USAGE_SURFACE_ANTHROPIC, anthropic, 2), TIER_STANDARD);
    CHECK_EQ(tier_after(USAGE_SURFACE_ANTHROPIC, anthropic, 3), TIER_FAST);
    CHECK_EQ(tier_after(USAGE_SURFACE_ANTHROPIC, anthropic, 4), TIER_PRIORITY);
    static const char *const gemini[] = {
        "{\"promptTokenCount\":2,\"candidatesTokenCount\":1,\"totalTokenCount\":3,"
        "\"trafficType\":\"ON_DEMAND_PRIORITY\"}",
        "{\"promptTokenCount\":2,\"candidatesTokenCount\":1,\"totalTokenCount\":3,"
        "\"trafficType\":7}",
    };
    CHECK_EQ(tier_after(USAGE_SURFACE_GEMINI, gemini, 1), TIER_PRIORITY);
    CHECK_EQ(tier_after(USAGE_SURFACE_GEMINI, gemini, 2), TIER_UNKNOWN);
    static const char *const none[] = {
        "{\"prompt_tokens\":2,\"completion_tokens\":1,\"total_tokens\":3,"
        "\"prompt_tokens_details\":{\"service_tier\":\"priority\"}}",
    };
    CHECK_EQ(tier_after(USAGE_SURFACE_OPENAI_CHAT, none, 1), TIER_UNSAID);
}

TEST(a_count_that_was_nonsense_is_mended_by_a_later_one)
{
    static const char *const reports[] = {
        "{\"prompt_tokens\":10,\"completion_tokens\":-1}",
        "{\"completion_tokens\":4,\"total_tokens\":14}",
        "{\"completion_tokens\":\"x\"}",
    };
    CHECK_STR(said_after(USAGE_SURFACE_OPENAI_CHAT, reports, 2), STR("in=10 out=4"));
    CHECK_STR(said_after(USAGE_SURFACE_OPENAI_CHAT, reports, 3), STR("in=10 quarantined"));
}

TEST(a_detail_that_was_no_object_spoils_the_stream)
{
    static const char *const reports[] = {
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":5}",
        "{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":{}}",
    };
    CHECK_STR(said_after(USAGE_SURFACE_OPENAI_CHAT, reports, 2), STR("in=10 out=1 quarantined"));
}

TEST(what_was_told_in_detail_is_known_even_if_it_is_none)
{
    static const char *const told[] = {
        ("{\"prompt_tokens\":1,\"completion_tokens\":1,"
         "\"prompt_tokens_details\":{\"cached_tokens\":0}}"),
        "{\"prompt_tokens\":1,\"completion_tokens\":1,\"cached_tokens\":0}",
        "{\"prompt_tokens\":1,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":0}",
    };
    struct usage usage;
    for (size_t i = 0; i < EP_ARRAY_LEN(told); i++) {
        CHECK(usage_read(USAGE_SURFACE_OPENAI_CHAT, str_from(told[i]), &usage));
        CHECK(usage.told[USAGE_DETAIL_CACHED] && !usage.told[USAGE_DETAIL_REASON]);
    }
    CHECK(usage_read(USAGE_SURFACE_GEMINI,
                     STR("{\"promptTokenCount\":1,\"thoughtsTokenCount\":0,"
                         "\"candidatesTokenCount\":1}"),
                     &usage));
    CHECK(!usage.told[USAGE_DETAIL_CACHED] && usage.told[USAGE_DETAIL_REASON]);
}
