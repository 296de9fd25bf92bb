#include "dialect/gemini_embed.h"

#include "harness.h"

#define ONE(rest)  "{\"content\":{\"parts\":[{\"text\":\"a\"}]}" rest "}"
#define LIST(rest) "{\"requests\":[" rest "]}"
#define HEAD       "{\"model\":\"m\",\"input\":["
#define TAIL       "],\"encoding_format\":\"float\""

static const struct {
    const char *body;
    bool batch;
    bool hinted;
    const char *want;
} fine[] = {
    { ONE(""), false, false, HEAD "\"a\"" TAIL "}" },
    { " " ONE(",\"model\":\"models/x\",\"title\":null") "\n", false, false, HEAD "\"a\"" TAIL "}" },
    { ONE(",\"taskType\":\"RETRIEVAL_QUERY\""), false, true, HEAD "\"a\"" TAIL "}" },
    { ONE(",\"task_type\":\"X\",\"title\":\"t\""), false, true, HEAD "\"a\"" TAIL "}" },
    { ONE(",\"outputDimensionality\":16"), false, false, HEAD "\"a\"" TAIL ",\"dimensions\":16}" },
    { ONE(",\"output_dimensionality\":16"), false, false, HEAD "\"a\"" TAIL ",\"dimensions\":16}" },
    { "{\"content\":{\"role\":\"user\",\"parts\":[{\"text\":\"a\\n\"},{\"text\":\"\"},"
      "{\"text\":\"\\\"b\"}]}}",
      false, false, HEAD "\"a\\n\\\"b\"" TAIL "}" },
    { LIST(ONE("")), true, false, HEAD "\"a\"" TAIL "}" },
    { LIST(ONE(",\"outputDimensionality\":4") "," ONE(",\"taskType\":\"x\"") "," ONE(
          ",\"outputDimensionality\":4")),
      true, true, HEAD "\"a\",\"a\",\"a\"" TAIL ",\"dimensions\":4}" },
};

static const struct {
    const char *body;
    bool batch;
    enum err err;
    const char *param;
} bad[] = {
    { "", false, ERR_JSON_SYNTAX, "" },
    { "{", true, ERR_JSON_SYNTAX, "" },
    { "[]", false, ERR_JSON_SYNTAX, "" },
    { "{}", false, ERR_ASK_MISSING, "content" },
    { "{}", true, ERR_ASK_INVALID, "requests" },
    { LIST(""), true, ERR_ASK_INVALID, "requests" },
    { "{\"requests\":5}", true, ERR_ASK_INVALID, "requests" },
    { LIST(ONE("")), false, ERR_ASK_UNSUPPORTED, "requests" },
    { ONE(""), true, ERR_ASK_UNSUPPORTED, "content" },
    { "{\"content\":\"a\"}", false, ERR_ASK_MISSING, "content" },
    { "{\"content\":{}}", false, ERR_ASK_INVALID, "content" },
    { "{\"content\":{\"parts\":[{\"text\":\"\"}]}}", false, ERR_ASK_INVALID, "content" },
    { "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"inlineData\":{}}]}}", false,
      ERR_ASK_UNSUPPORTED, "content.parts[1]" },
    { "{\"content\":{\"parts\":[5]}}", false, ERR_ASK_UNSUPPORTED, "content.parts[0]" },
    { ONE(",\"input\":\"x\""), false, ERR_ASK_UNSUPPORTED, "input" },
    { ONE(",\"outputDimensionality\":0"), false, ERR_ASK_INVALID, "outputDimensionality" },
    { ONE(",\"outputDimensionality\":\"4\""), false, ERR_ASK_INVALID, "outputDimensionality" },
    { ONE(",\"outputDimensionality\":65537"), false, ERR_ASK_INVALID, "outputDimensionality" },
    { LIST(ONE("") ",{}"), true, ERR_ASK_MISSING, "requests[1].content" },
    { LIST(ONE("") ",5"), true, ERR_ASK_MISSING, "requests[1].content" },
    { LIST(ONE(",\"outputDimensionality\":4") "," ONE(",\"outputDimensionality\":5")), true,
      ERR_ASK_INVALID, "requests[1].outputDimensionality" },
    { LIST(ONE("") ",{\"content\":{\"parts\":[{\"text\":1}]}}"), true, ERR_ASK_UNSUPPORTED,
      "requests[1].content.parts[0]" },
};

static enum err read(const char *body, bool batch, struct buf *out, bool *hinted,
                     char param[GEMINI_EMBED_PARAM_MAX])
{
    struct fail fail;
    return gemini_embed_read(test_at_page_end(str_from(body)), batch, STR("m"), out, hinted, param,
                             &fail);
}

TEST(a_request_is_one_of_openais)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(fine); i++) {
        char param[GEMINI_EMBED_PARAM_MAX];
        bool hinted = false;
        struct buf out;
        buf_init(&out, 4096);
        CHECK_EQ(read(fine[i].body, fine[i].batch, &out, &hinted, param), ERR_OK);
        CHECK_STR(buf_str(&out), str_from(fine[i].want));
        CHECK_EQ(hinted, fine[i].hinted);
        CHECK_STR(str_from(param), STR(""));
        buf_fini(&out);
    }
}

TEST(what_is_none_is_refused_by_its_field)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        char param[GEMINI_EMBED_PARAM_MAX];
        bool hinted = false;
        struct buf out;
        buf_init(&out, 4096);
        CHECK_EQ(read(bad[i].body, bad[i].batch, &out, &hinted, param), bad[i].err);
        CHECK_STR(str_from(param), str_from(bad[i].param));
        buf_fini(&out);
    }
}

TEST(a_batch_has_so_many_requests_and_no_more)
{
    for (int count = 2047; count <= 2049; count++) {
        char param[GEMINI_EMBED_PARAM_MAX];
        struct fail fail;
        struct buf body;
        struct buf out;
        bool hinted = false;
        buf_init(&body, 1 << 20);
        buf_init(&out, 1 << 20);
        CHECK(buf_append(&body, STR("{\"requests\":[")) == ERR_OK);
        for (int i = 0; i < count; i++) {
            CHECK(buf_append(&body, i > 0 ? STR("," ONE("")) : STR(ONE(""))) == ERR_OK);
        }
        CHECK(buf_append(&body, STR("]}")) == ERR_OK);
        CHECK_EQ(gemini_embed_read(buf_str(&body), true, STR("m"), &out, &hinted, param, &fail),
                 count <= 2048 ? ERR_OK : ERR_ASK_INVALID);
        buf_fini(&body);
        buf_fini(&out);
    }
}

#define VECTOR(index, rest) "{\"index\":" index ",\"embedding\":[" rest "]}"

static void check_answer(const char *body, bool batch, int64_t count, const char *want)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK_EQ(gemini_embed_write(str_from(body), batch, count, &out), ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
}

TEST(an_answer_is_told_in_the_order_of_its_texts)
{
    check_answer("{\"data\":[" VECTOR("0", "1.5,-2e-3") "]}", false, 1,
                 "{\"embedding\":{\"values\":[1.5,-2e-3]}}");
    check_answer(" {\"data\":[" VECTOR("1", "2") "," VECTOR("0", "1") "]}", true, 2,
                 "{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}]}");
    check_answer("{\"data\":[{\"embedding\":[1]},{\"embedding\":[2]}]}", true, 2,
                 "{\"embeddings\":[{\"values\":[1]},{\"values\":[2]}]}");
}

static void translate(void)
{
    char param[GEMINI_EMBED_PARAM_MAX];
    bool hinted = false;
    struct buf out;
    buf_init(&out, 4096);
    enum err err = read(LIST(ONE("")), true, &out, &hinted, param);
    err = err == ERR_OK
              ? gemini_embed_write(STR("{\"data\":[" VECTOR("0", "1") "]}"), true, 1, &out)
              : err;
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    buf_fini(&out);
}

TEST(running_out_of_memory_is_said)
{
    CHECK(test_each_allocation_failing(translate) > 1);
}
