#include "dialect/ask.h"

#include <stdio.h>

#include "harness.h"

static struct ask ask;
static struct fail failure;

static enum err read_ask(const char *text)
{
    return ask_read_chat(str_from(text), &ask, &failure);
}

TEST(what_is_decided_by_is_read)
{
    CHECK(read_ask("{\"model\":\"a\\u0062c\",\"messages\":[{}],\"stream\":true,\"n\":2,"
                   "\"max_completion_tokens\":7,\"tools\":[1],"
                   "\"stream_options\":{\"include_usage\":true}}") == ERR_OK);
    CHECK_STR(ask.model, STR("abc"));
    CHECK(ask.stream && ask.include_usage && ask.has_tools);
    CHECK_EQ(ask.choices, 2);
    CHECK_EQ(ask.output_cap, 7);
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"stream\":null,\"max_tokens\":null,"
                   "\"n\":null,\"stream_options\":null,\"tools\":null}") == ERR_OK);
    CHECK(!ask.stream && !ask.include_usage && !ask.has_tools);
    CHECK_EQ(ask.choices, 1);
    CHECK_EQ(ask.output_cap, 0);
    CHECK_EQ(ask.user.len, 0);
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"user\":\"u-1\"}") == ERR_OK);
    CHECK_STR(ask.user, STR("\"u-1\""));
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"user\":null}") == ERR_OK);
    CHECK_EQ(ask.user.len, 0);
}

TEST(flex_is_read_and_stays_in_the_body)
{
    static const struct {
        const char *tier;
        bool flex;
        enum tier read;
    } cases[] = { { "\"flex\"", true, TIER_FLEX },
                  { "\"fl\\u0065x\"", true, TIER_FLEX },
                  { "\"Flex\"", false, TIER_FLEX },
                  { "\"auto\"", false, TIER_UNSAID },
                  { "\"default\"", false, TIER_STANDARD },
                  { "\"priority\"", false, TIER_PRIORITY },
                  { "\"priorit\\u0079\"", false, TIER_UNKNOWN },
                  { "\"flexible\"", false, TIER_UNKNOWN },
                  { "\"\"", false, TIER_UNKNOWN },
                  { "null", false, TIER_UNSAID },
                  { "5", false, TIER_UNKNOWN },
                  { "[\"flex\"]", false, TIER_UNKNOWN } };
    struct arena arena;
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[128];
        int len = snprintf(text, sizeof(text),
                           "{\"service_tier\":%s,\"model\":\"m\",\"messages\":[0]}", cases[i].tier);
        CHECK(read_ask(text) == ERR_OK);
        CHECK_EQ(ask.flex, cases[i].flex);
        CHECK_EQ(ask.tier, cases[i].read);
        arena_init(&arena, 256, 4096);
        CHECK(ask_write_chat(&ask, STR("m"), 5, STR("max_tokens"), &arena, &splice) == ERR_OK);
        CHECK(splice_parts(&splice, parts) > 0 && splice_len(&splice) >= (size_t)len);
        arena_fini(&arena);
    }
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0]}") == ERR_OK);
    CHECK(!ask.flex);
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"service_tier\":\"flex\","
                   "\"service_tier\":\"auto\"}") == ERR_ASK_DUPLICATE);
    CHECK_STR(str_from(ask.param), STR("service_tier"));
}

TEST(an_answer_to_another_address_is_noticed)
{
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"callback_url\":\"https://a.cn\"}") ==
          ERR_OK);
    CHECK(ask.elsewhere);
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"web\\u0068ook\":{}}") == ERR_OK);
    CHECK(ask.elsewhere);
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[{\"callback\":1}],\"webhook\":null}") == ERR_OK);
    CHECK(!ask.elsewhere);
}

struct ask_case {
    const char *text;
    enum err err;
    const char *param;
};

TEST(bad_asks_are_refused_by_field)
{
    static const struct ask_case cases[] = {
        { "{\"messages\":[0]}", ERR_ASK_MISSING, "model" },
        { "{\"model\":\"m\",\"messages\":[0],\"user\":\"a\",\"user\":\"b\"}", ERR_ASK_DUPLICATE,
          "user" },
        { "{\"model\":\"m\"}", ERR_ASK_MISSING, "messages" },
        { "{\"model\":5,\"messages\":[0]}", ERR_ASK_INVALID, "model" },
        { "{\"model\":\"\",\"messages\":[0]}", ERR_ASK_INVALID, "model" },
        { "{\"model\":\"\\ud800\",\"messages\":[0]}", ERR_ASK_INVALID, "model" },
        { "{\"model\":\"m\",\"messages\":[]}", ERR_ASK_INVALID, "messages" },
        { "{\"model\":\"m\",\"messages\":\"x\"}", ERR_ASK_INVALID, "messages" },
        { "{\"model\":\"m\",\"messages\":[0],\"stream\":\"yes\"}", ERR_ASK_INVALID, "stream" },
        { "{\"model\":\"m\",\"messages\":[0],\"max_tokens\":0}", ERR_ASK_INVALID, "max_tokens" },
        { "{\"model\":\"m\",\"messages\":[0],\"max_tokens\":-1}", ERR_ASK_INVALID, "max_tokens" },
        { "{\"model\":\"m\",\"messages\":[0],\"max_tokens\":1.0}", ERR_ASK_INVALID, "max_tokens" },
        { "{\"model\":\"m\",\"messages\":[0],\"max_tokens\":99999999999999999999}", ERR_ASK_INVALID,
          "max_tokens" },
        { "{\"model\":\"m\",\"messages\":[0],\"max_tokens\":1,\"max_completion_tokens\":1}",
          ERR_ASK_INVALID, "max_tokens" },
        { "{\"model\":\"m\",\"messages\":[0],\"n\":129}", ERR_ASK_INVALID, "n" },
        { "{\"model\":\"m\",\"messages\":[0],\"stream_options\":5}", ERR_ASK_INVALID,
          "stream_options" },
        { "{\"model\":\"m\",\"messages\":[0],\"model\":\"m\"}", ERR_ASK_DUPLICATE, "model" },
        { "{\"model\":\"m\",\"messages\":[0],\"\\u006dodel\":\"x\"}", ERR_ASK_DUPLICATE, "model" },
        { "{\"model\":\"m\",\"messages\":[0],\"stream\":true,\"stream_options\":"
          "{\"include_usage\":true,\"x\":1,\"include_usage\":false}}",
          ERR_ASK_DUPLICATE, "stream_options.include_usage" },
        { "{\"model\":\"m\",\"messages\":[0],\"stream_options\":"
          "{\"include_usage\":true,\"include\\u005fusage\":false}}",
          ERR_ASK_DUPLICATE, "stream_options.include_usage" },
        { "{\"messages\":[0],\"models\":[]}", ERR_ASK_MISSING, "model" },
        { "{\"model\":\"m\",\"messages\":[0],\"models\":\"a\"}", ERR_ASK_INVALID, "models" },
        { "{\"model\":\"m\",\"messages\":[0],\"models\":[\"a\",1]}", ERR_ASK_INVALID, "models" },
        { "{\"model\":\"m\",\"messages\":[0],\"provider\":[]}", ERR_ASK_INVALID, "provider" },
        { "{\"model\":\"m\",\"messages\":[0],\"provider\":{\"only\":\"x\"}}", ERR_ASK_INVALID,
          "provider.only" },
        { "{\"provider\":{},\"model\":\"m\",\"messages\":[0],\"provider\":{}}", ERR_ASK_DUPLICATE,
          "provider" },
        { "{\"model\":\"m\",}", ERR_JSON_SYNTAX, NULL },
        { "[]", ERR_JSON_SYNTAX, NULL },
        { "", ERR_JSON_SYNTAX, NULL },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        if (read_ask(cases[i].text) != cases[i].err) {
            test_failed(EP_SITE, "not refused as it should be: %s", cases[i].text);
        }
        CHECK_STR(str_from(ask.param), str_from(cases[i].param));
        CHECK(failure.text[0] != '\0');
    }
    CHECK(read_ask("{\"model\":\"m\",}") == ERR_JSON_SYNTAX);
    CHECK(str_search(str_from(failure.text), STR("offset 13")) < str_from(failure.text).len);
}

static void check_upstream(const char *text, int64_t cap, const char *want)
{
    struct arena arena;
    struct splice splice;
    struct iovec parts[SPLICE_PARTS_MAX];
    struct buf out;
    arena_init(&arena, 256, 4096);
    buf_init(&out, 4096);
    CHECK(read_ask(text) == ERR_OK);
    CHECK(ask_write_chat(&ask, STR("up"), cap, STR("max_tokens"), &arena, &splice) == ERR_OK);
    int count = splice_parts(&splice, parts);
    for (int i = 0; i < count; i++) {
        CHECK(buf_append(&out, (struct str){ parts[i].iov_base, parts[i].iov_len }) == ERR_OK);
    }
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
    arena_fini(&arena);
}

TEST(an_upstream_gets_the_body_byte_for_byte_but_for_our_fields)
{
    check_upstream(
        "{ \"zz\": {\"a\" : [1.50, 1e3, -0]},\n\t\"model\":\"m\" , \"messages\":[\"\\/\"],"
        "\"max_tokens\":  7 ,\"t\":0.10}",
        7,
        "{ \"zz\": {\"a\" : [1.50, 1e3, -0]},\n\t\"model\":\"up\" , "
        "\"messages\":[\"\\/\"],\"max_tokens\":  7 ,\"t\":0.10}");
    check_upstream("{\"model\":\"m\",\"messages\":[0]}", 9,
                   "{\"max_tokens\":9,\"model\":\"up\",\"messages\":[0]}");
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"max_completion_tokens\":100}", 50,
                   "{\"model\":\"up\",\"messages\":[0],\"max_completion_tokens\":50}");
    check_upstream("{\"max_tokens\":null,\"model\":\"m\",\"messages\":[0]}", 5,
                   "{\"max_tokens\":5,\"model\":\"up\",\"messages\":[0]}");
}

TEST(a_stream_always_asks_for_usage)
{
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1}", 1,
                   "{\"stream_options\":{\"include_usage\":true},\"model\":\"up\",\"messages\":[0],"
                   "\"stream\":true,\"max_tokens\":1}");
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":null}",
                   1,
                   "{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{\"include_usage\":true}}");
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{ \"x\":1}}",
                   1,
                   "{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{\"include_usage\":true, \"x\":1}}");
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{}}",
                   1,
                   "{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{\"include_usage\":true}}");
    check_upstream("{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{\"include_usage\":false}}",
                   1,
                   "{\"model\":\"up\",\"messages\":[0],\"stream\":true,\"max_tokens\":1,"
                   "\"stream_options\":{\"include_usage\":true}}");
}

TEST(what_is_for_us_alone_is_cut_out_wherever_it_stands)
{
    static const char *const want = "{\"max_tokens\":9,\"model\":\"up\",\"messages\":[0]}";
    check_upstream("{\"provider\":{\"zdr\":true},\"model\":\"m\",\"messages\":[0]}", 9, want);
    check_upstream("{\"model\":\"m\",\"messages\":[0],\"provider\":{}}", 9, want);
    check_upstream("{\"model\":\"m\",\"models\":[\"n\"],\"messages\":[0]}", 9, want);
    check_upstream("{\"models\":[],\"provider\":{},\"model\":\"m\",\"messages\":[0]}", 9, want);
    check_upstream("{\"model\":\"m\",\"messages\":[0] , \"provider\":{}, \"models\":null}", 9,
                   "{\"max_tokens\":9,\"model\":\"up\",\"messages\":[0]}");
    check_upstream("{\"models\":[\"a\"],\"model\":\"m\",\"messages\":[0],\"provider\":{}}", 9,
                   want);
    check_upstream("{ \"prov\\u0069der\" : {} ,\n\"model\":\"m\",\"messages\":[0]}", 9,
                   "{\"max_tokens\":9, \"model\":\"up\",\"messages\":[0]}");
}

TEST(without_a_model_the_first_of_models_is_it)
{
    CHECK(read_ask("{\"messages\":[0],\"models\":[\"a\\u0062\",\"c\"]}") == ERR_OK);
    CHECK_STR(ask.model, STR("ab"));
    CHECK_EQ(ask.models.count, 2);
    CHECK_EQ(ask.models_skip, 1);
    check_upstream("{\"messages\":[0],\"models\":[\"a\",\"b\"]}", 9,
                   "{\"model\":\"up\",\"max_tokens\":9,\"messages\":[0]}");
    CHECK(read_ask("{\"model\":\"m\",\"messages\":[0],\"models\":[\"a\"]}") == ERR_OK);
    CHECK_STR(ask.model, STR("m"));
    CHECK_EQ(ask.models_skip, 0);
}
