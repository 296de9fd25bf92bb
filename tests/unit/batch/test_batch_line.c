#include "batch/batch_line.h"

#include <string.h>

#include "base/mem.h"
#include "harness.h"

#define CHAT "/v1/chat/completions"

struct line_case {
    enum batch_shape shape;
    const char *line;
    const char *code; /* NULL: it is fine */
    const char *param;
};

static const struct line_case line_cases[] = {
    { BATCH_OPENAI,
      "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"" CHAT "\",\"body\":{\"model\":\"m\"}}",
      NULL, NULL },
    { BATCH_OPENAI,
      " {\"body\":{\"stream\":false},\"url\":\"" CHAT
      "\",\"method\":\"POST\",\"custom_id\":\"\\u00e9\"}\r",
      NULL, NULL },
    { BATCH_OPENAI, "", "invalid_json_line", NULL },
    { BATCH_OPENAI, "{\"custom_id\":\"a\"", "invalid_json_line", NULL },
    { BATCH_OPENAI, "[]", "invalid_json_line", NULL },
    { BATCH_OPENAI, "{}", "missing_required_parameter", "custom_id" },
    { BATCH_OPENAI, "{\"custom_id\":\"\"}", "invalid_custom_id", "custom_id" },
    { BATCH_OPENAI, "{\"custom_id\":7}", "invalid_custom_id", "custom_id" },
    { BATCH_OPENAI, "{\"custom_id\":\"\\ud800\"}", "invalid_custom_id", "custom_id" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"custom_id\":\"a\"}", "invalid_line", NULL },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"params\":{}}", "invalid_line", NULL },
    { BATCH_OPENAI, "{\"custom_id\":\"a\"}", "invalid_method", "method" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"method\":\"post\"}", "invalid_method", "method" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"method\":\"POST\"}", "invalid_url", "url" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"" CHAT "/\"}",
      "invalid_url", "url" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"" CHAT "\"}",
      "missing_required_parameter", "body" },
    { BATCH_OPENAI, "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"" CHAT "\",\"body\":[]}",
      "invalid_body", "body" },
    { BATCH_OPENAI,
      "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"" CHAT "\",\"body\":{\"stream\":true}}",
      "stream_not_supported", "stream" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a-B_9\",\"params\":{}}", NULL, NULL },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a b\",\"params\":{}}", "invalid_custom_id", "custom_id" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"\\u0061\",\"params\":{}}", "invalid_custom_id",
      "custom_id" },
    { BATCH_ANTHROPIC,
      "{\"custom_id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
      "invalid_custom_id", "custom_id" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a\"}", "missing_required_parameter", "params" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a\",\"params\":7}", "invalid_body", "params" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a\",\"params\":{\"stream\":true}}", "stream_not_supported",
      "stream" },
    { BATCH_ANTHROPIC, "{\"custom_id\":\"a\",\"body\":{}}", "invalid_line", NULL },
};

TEST(each_line_is_read_or_its_fault_named)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(line_cases); i++) {
        const struct line_case *row = &line_cases[i];
        struct batch_ask ask;
        struct batch_fault fault;
        struct str line = test_at_page_end(str_from(row->line));
        bool fine = batch_line_read(row->shape, STR(CHAT), line, &ask, &fault);
        CHECK_EQ(fine, row->code == NULL);
        if (fine) {
            CHECK(ask.custom_id.len > 2 && ask.body.len >= 2);
            continue;
        }
        CHECK_STR(str_from(fault.code), str_from(row->code));
        CHECK_STR(str_from(fault.param), str_from(row->param));
        CHECK(strlen(fault.message) > 0);
    }
}

TEST(a_line_that_is_cut_anywhere_is_no_line)
{
    struct str whole = str_from(line_cases[0].line);
    for (size_t i = 0; i < whole.len; i++) {
        struct batch_ask ask;
        struct batch_fault fault;
        CHECK(!batch_line_read(BATCH_OPENAI, STR(CHAT), test_at_page_end(str_slice(whole, 0, i)),
                               &ask, &fault));
    }
}

static struct batch_result a_result(enum batch_shape shape)
{
    return (struct batch_result){ shape, { { 0 } }, 3, STR("\"a\"") };
}

#define ID "batch_req_00000000000000000000000000_3"

TEST(results_look_as_each_api_has_them)
{
    static const struct batch_fault fault = { "invalid_url", "url", "No." };
    struct buf out;
    buf_init(&out, 4096);
    struct batch_result openai = a_result(BATCH_OPENAI);
    struct batch_result anthropic = a_result(BATCH_ANTHROPIC);
    CHECK_EQ(batch_result_answer(&out, &openai, 200, STR("call_1"), STR(" {\"a\":\n\r1}\n")),
             ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"id\":\"" ID "\",\"custom_id\":\"a\",\"response\":"
                                 "{\"status_code\":200,\"request_id\":\"call_1\",\"body\":{\"a\":  "
                                 "1}},\"error\":null}"));
    buf_reset(&out);
    CHECK_EQ(batch_result_fault(&out, &openai, &fault), ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("{\"id\":\"" ID "\",\"custom_id\":\"a\",\"response\":null,\"error\":"
                  "{\"code\":\"invalid_url\",\"message\":\"No.\",\"param\":\"url\","
                  "\"line\":3}}"));
    buf_reset(&out);
    CHECK_EQ(batch_result_answer(&out, &anthropic, 200, STR_EMPTY, STR("{\"type\":\"message\"}")),
             ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"custom_id\":\"a\",\"result\":{\"type\":\"succeeded\","
                                 "\"message\":{\"type\":\"message\"}}}"));
    buf_reset(&out);
    CHECK_EQ(batch_result_answer(&out, &anthropic, 429, STR_EMPTY, STR("not json")), ERR_OK);
    CHECK_STR(
        buf_str(&out),
        STR("{\"custom_id\":\"a\",\"result\":{\"type\":\"errored\",\"error\":\"not json\"}}"));
    buf_reset(&out);
    CHECK_EQ(batch_result_unrun(&out, &anthropic, true), ERR_OK);
    CHECK_EQ(batch_result_unrun(&out, &anthropic, false), ERR_OK);
    CHECK_STR(buf_str(&out), STR("{\"custom_id\":\"a\",\"result\":{\"type\":\"expired\"}}"
                                 "{\"custom_id\":\"a\",\"result\":{\"type\":\"canceled\"}}"));
    buf_reset(&out);
    openai.custom_id = STR_EMPTY;
    CHECK_EQ(batch_result_unrun(&out, &openai, true), ERR_OK);
    CHECK(str_search(buf_str(&out), STR("\"custom_id\":null")) < out.len);
    CHECK(str_search(buf_str(&out), STR("batch_expired")) < out.len);
    buf_fini(&out);
}

TEST(a_result_without_room_leaves_nothing_behind)
{
    struct batch_result result = a_result(BATCH_OPENAI);
    for (size_t max = 1; max < 100; max++) {
        struct buf out;
        buf_init(&out, max);
        CHECK_EQ(batch_result_answer(&out, &result, 200, STR("call_1"), STR("{}")), ERR_LIMIT);
        CHECK_EQ(out.len, 0);
        buf_fini(&out);
    }
}
