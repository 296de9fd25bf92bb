#include "dialect/rerank.h"

#include <string.h>

#include "harness.h"

#define BODY(documents) "{\"model\":\"m\",\"query\":\"q\",\"documents\":" documents "}"

static char long_body[64 * 1024];

TEST(documents_are_counted_in_search_units)
{
    struct ask ask;
    struct fail fail;
    struct rerank_ask asked;
    CHECK(rerank_read(str_from(BODY("[\"a\",{\"text\":\"b\"}]")), &ask, &asked, &fail) == ERR_OK);
    CHECK_EQ(asked.count, 2);
    CHECK_EQ(asked.units, 1);
    CHECK_EQ(asked.units_most, 1);
    /* 201 documents of 400 bytes: three units, or five if each is two chunks. */
    struct buf body = { long_body, 0, 0, sizeof(long_body) };
    body.cap = body.max = sizeof(long_body);
    CHECK(buf_append(&body, STR("{\"model\":\"m\",\"query\":\"q\",\"documents\":[")) == ERR_OK);
    for (int i = 0; i < 100; i++) {
        CHECK(buf_printf(&body, "%s\"%0*d\"", i == 0 ? "" : ",", 400, i) == ERR_OK);
    }
    size_t list = body.len;
    CHECK(buf_append(&body, STR("]}")) == ERR_OK);
    CHECK(rerank_read(buf_str(&body), &ask, &asked, &fail) == ERR_OK);
    CHECK_EQ(asked.units, 1);
    CHECK_EQ(asked.units_most, 2);
    body.len = list;
    CHECK(buf_append(&body, STR("],\"max_tokens_per_doc\":200}")) == ERR_OK);
    CHECK(rerank_read(buf_str(&body), &ask, &asked, &fail) == ERR_OK);
    CHECK_EQ(asked.units_most, 1);
    body.len = list;
    CHECK(buf_append(&body, STR("],\"max_chunks_per_doc\":1}")) == ERR_OK);
    CHECK(rerank_read(buf_str(&body), &ask, &asked, &fail) == ERR_OK);
    CHECK_EQ(asked.units_most, 1);
}

TEST(what_is_wrong_is_named)
{
    static const struct {
        const char *body;
        const char *param;
        enum err err;
    } cases[] = {
        { "{\"model\":\"m\",\"documents\":[\"a\"]}", "query", ERR_ASK_MISSING },
        { "{\"model\":\"m\",\"query\":\"q\"}", "documents", ERR_ASK_MISSING },
        { "{\"model\":\"m\",\"query\":1,\"documents\":[\"a\"]}", "query", ERR_ASK_INVALID },
        { BODY("[]"), "documents", ERR_ASK_INVALID },
        { BODY("{}"), "documents", ERR_ASK_INVALID },
        { BODY("[\"\"]"), "documents", ERR_ASK_INVALID },
        { BODY("[{\"text\":1}]"), "documents", ERR_ASK_INVALID },
        { BODY("[[]]"), "documents", ERR_ASK_INVALID },
        { BODY("[\"a\"],\"top_n\":-3"), "top_n", ERR_ASK_INVALID },
        { BODY("[\"a\"],\"top_n\":3,\"top_n\":4"), "top_n", ERR_ASK_DUPLICATE },
        { BODY("[\"a\"],\"return_documents\":\"yes\""), "return_documents", ERR_ASK_INVALID },
        { BODY("[\"a\"],\"top_n\":null"), NULL, ERR_OK },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct ask ask;
        struct fail fail;
        struct rerank_ask asked;
        enum err err = rerank_read(str_from(cases[i].body), &ask, &asked, &fail);
        if (err != cases[i].err || (ask.param == NULL) != (cases[i].param == NULL) ||
            (ask.param != NULL && strcmp(ask.param, cases[i].param) != 0)) {
            test_failed(EP_SITE, "case %zu: %s, %s", i, err_info(err)->name,
                        ask.param == NULL ? "-" : ask.param);
        }
    }
}

#define ROW(index) "{\"index\":" index ",\"relevance_score\":0.5}"

TEST(an_answer_orders_what_was_asked)
{
    static const struct {
        const char *body;
        bool fine;
        int64_t tokens;
        int64_t units;
    } cases[] = {
        { "{\"results\":[" ROW("1") "," ROW("0") "]}", true, -1, -1 },
        { "{\"results\":[]}", true, -1, -1 },
        { "{\"results\":[" ROW("1") "],\"meta\":{\"billed_units\":{\"search_units\":1}}}", true, -1,
          1 },
        { "{\"results\":[" ROW("1") "],\"usage\":{\"total_tokens\":7}}", true, 7, -1 },
        { "{\"results\":[" ROW("1") "],\"usage\":{\"total_tokens\":7,\"search_units\":2}}", true, 7,
          2 },
        { "{\"results\":[" ROW("1") "],\"usage\":{\"total_tokens\":-7}}", true, -1, -1 },
        { "{\"results\":[" ROW("1") "],\"usage\":3,\"meta\":null}", true, -1, -1 },
        { "{\"error\":\"no\"}", true, -1, -1 },
        { "{\"results\":[" ROW("0") "," ROW("1") "," ROW("2") "]}", false, -1, -1 },
        { "{\"results\":[" ROW("1") "," ROW("1") "]}", false, -1, -1 },
        { "{\"results\":[" ROW("3") "]}", false, -1, -1 },
        { "{\"results\":[{\"index\":0}]}", false, -1, -1 },
        { "{\"results\":[{\"relevance_score\":1}]}", false, -1, -1 },
        { "{\"results\":[0]}", false, -1, -1 },
        { "{\"results\":{}}", false, -1, -1 },
        { "{}", false, -1, -1 },
        { "{\"results\":[", false, -1, -1 },
        { "", false, -1, -1 },
    };
    const struct rerank_ask asked = { .count = 3, .top = 2 };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct rerank_answer answer;
        bool fine = rerank_answer_read(str_from(cases[i].body), &asked, &answer);
        if (fine != cases[i].fine || answer.tokens != cases[i].tokens ||
            answer.search_units != cases[i].units) {
            test_failed(EP_SITE, "case %zu: %d, %lld, %lld", i, (int)fine, (long long)answer.tokens,
                        (long long)answer.search_units);
        }
    }
}
