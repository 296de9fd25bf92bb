#include "dialect/images.h"

#include <string.h>

#include "harness.h"

#define BODY(more) "{\"model\":\"m\",\"prompt\":\"a fox\"" more "}"

TEST(what_a_picture_is_to_be_like_is_read)
{
    struct ask ask;
    struct fail fail;
    struct images_ask asked;
    struct images_kind kind;
    struct images_kind copy;
    struct str body =
        STR(BODY(",\"n\":3,\"size\":\"1024x1536\",\"quality\":\"auto\",\"stream\":true,"
                 "\"partial_images\":2"));
    CHECK(images_read(body, true, &ask, &asked, &kind, &fail) == ERR_OK);
    images_kind_copy(&kind, &copy);
    memset(&kind, 0, sizeof(kind));
    CHECK_EQ(asked.count, 3);
    CHECK_EQ(ask.choices, 3);
    CHECK_EQ(asked.partial, 2);
    CHECK(ask.stream);
    CHECK_STR(copy.size, STR("1024x1536"));
    CHECK_EQ(copy.quality.len, 0);
    images_kind_read(STR("{\"size\":\"512x512\",\"quality\":\"low\"}"), &copy);
    CHECK_STR(copy.size, STR("512x512"));
    CHECK_STR(copy.quality, STR("low"));
    images_kind_read(STR("{\"size\":7,\"quality\":\"a b\"}"), &copy); /* nothing is told */
    CHECK_STR(copy.size, STR("512x512"));
    CHECK_STR(copy.quality, STR("low"));
}

TEST(what_is_wrong_is_named)
{
    static const struct {
        const char *body;
        const char *param;
        enum err err;
    } cases[] = {
        { "{\"model\":\"m\"}", "prompt", ERR_ASK_MISSING },
        { "{\"model\":\"m\",\"prompt\":\"\"}", "prompt", ERR_ASK_INVALID },
        { "{\"model\":\"m\",\"prompt\":{}}", "prompt", ERR_ASK_INVALID },
        { BODY(",\"n\":11"), "n", ERR_ASK_INVALID },
        { BODY(",\"n\":\"2\""), "n", ERR_ASK_INVALID },
        { BODY(",\"n\":2,\"n\":9"), "n", ERR_ASK_DUPLICATE },
        { BODY(",\"size\":\"\""), "size", ERR_ASK_INVALID },
        { BODY(",\"size\":\"a/b\""), "size", ERR_ASK_INVALID },
        { BODY(",\"quality\":\"\\u0000\""), "quality", ERR_ASK_INVALID },
        { BODY(",\"quality\":\"123456789012345678901234567890123\""), "quality", ERR_ASK_INVALID },
        { BODY(",\"response_format\":7"), "response_format", ERR_ASK_INVALID },
        { BODY(",\"stream\":\"yes\""), "stream", ERR_ASK_INVALID },
        { BODY(",\"partial_images\":-1"), "partial_images", ERR_ASK_INVALID },
        { BODY(",\"partial_images\":4"), "partial_images", ERR_ASK_INVALID },
        { BODY(",\"partial_images\":0,\"n\":null"), NULL, ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct ask ask;
        struct fail fail;
        struct images_ask asked;
        struct images_kind kind;
        enum err err = images_read(str_from(cases[i].body), true, &ask, &asked, &kind, &fail);
        if (err != cases[i].err || (ask.param == NULL) != (cases[i].param == NULL) ||
            (ask.param != NULL && strcmp(ask.param, cases[i].param) != 0)) {
            test_failed(EP_SITE, "case %zu: %s, %s", i, err_info(err)->name,
                        ask.param == NULL ? "-" : ask.param);
        }
    }
}

TEST(where_no_prompt_is_needed_one_may_be_there)
{
    struct ask ask;
    struct images_ask asked;
    struct images_kind kind;
    CHECK(images_read(STR("{\"model\":\"m\"}"), false, &ask, &asked, &kind, NULL) == ERR_OK);
    CHECK_EQ(asked.prompt.len, 0);
    CHECK(images_read(STR(BODY("")), false, &ask, &asked, &kind, NULL) == ERR_OK);
    CHECK_STR(asked.prompt, STR("\"a fox\""));
    CHECK(images_read(STR("{\"model\":\"m\",\"prompt\":\"\"}"), false, &ask, &asked, &kind, NULL) ==
          ERR_ASK_INVALID);
}

TEST(an_answer_is_so_many_pictures)
{
    static const struct {
        const char *body;
        bool fine;
        int64_t count;
    } cases[] = {
        { "{\"data\":[{\"b64_json\":\"aa\"}],\"usage\":{\"input_tokens\":1}}", true, 1 },
        { "{\"data\":[{\"url\":\"https://x\"},{\"b64_json\":\"aa\"}]}", true, 2 },
        { "{\"error\":{}}", true, 0 },
        { "{\"data\":[]}", false, 0 },
        { "{\"data\":[{\"b64_json\":\"\"}]}", false, 0 },
        { "{\"data\":[{\"url\":null}]}", false, 0 },
        { "{\"data\":[{\"url\":\"a\"},{\"url\":\"a\"},{\"url\":\"a\"}]}", false, 3 },
        { "{\"data\":[3]}", false, 0 },
        { "{\"data\":{}}", false, 0 },
        { "[]", false, 0 },
        { "{", false, 0 },
    };
    const struct images_ask asked = { .count = 2 };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct images_answer answer;
        bool fine = images_answer_read(str_from(cases[i].body), &asked, &answer);
        if (fine != cases[i].fine || answer.count != cases[i].count) {
            test_failed(EP_SITE, "case %zu: %d, %lld", i, (int)fine, (long long)answer.count);
        }
    }
}

TEST(events_end_with_a_finished_picture)
{
    static const struct {
        const char *data;
        bool bad;
        bool error;
        unsigned finished;
        int64_t bytes;
    } cases[] = {
        { "{\"type\":\"image_generation.partial_image\",\"b64_json\":\"aa\"}", false, false, 0, 4 },
        { "{\"type\":\"image_generation.completed\",\"b64_json\":\"aa\"}", false, false, 1, 4 },
        { "{\"type\":\"image_edit.completed\",\"url\":\"x\"}", false, false, 1, 0 },
        { "{\"type\":\"image_generation.completed\"}", true, false, 0, 0 },
        { "{\"type\":\"error\",\"error\":{}}", false, true, 0, 0 },
        { "{\"error\":\"no\"}", false, true, 0, 0 },
        { "{\"type\":\"something.else\"}", false, false, 0, 0 },
        { " [DONE]", false, false, 0, 0 },
        { "[DONE", true, false, 0, 0 },
        { "{\"type\":", true, false, 0, 0 },
        { "", true, false, 0, 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct chat_event event;
        images_event_read(str_from(cases[i].data), &event);
        if (event.bad != cases[i].bad || event.error != cases[i].error ||
            event.finished != cases[i].finished || event.content_bytes != cases[i].bytes) {
            test_failed(EP_SITE, "case %zu", i);
        }
    }
}
