#include "dialect/face.h"

#include "harness.h"
#include "wire/json.h"

static char text[2048];
static struct buf out = { text, 0, sizeof(text), sizeof(text) };

static struct str written(enum face face, const struct face_error *error)
{
    struct json_fault fault;
    buf_reset(&out);
    CHECK(face_error_write(&out, face, error) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    return buf_str(&out);
}

TEST(a_face_is_told_by_the_path)
{
    static const struct {
        struct str path;
        bool anthropic;
        enum face face;
    } rows[] = {
        { STR_INIT("/v1/chat/completions"), false, FACE_OPENAI },
        { STR_INIT("/v1/chat/completions"), true, FACE_OPENAI },
        { STR_INIT("/v1/models"), false, FACE_OPENAI },
        { STR_INIT("/v1/models"), true, FACE_ANTHROPIC },
        { STR_INIT("/v1/messages"), false, FACE_ANTHROPIC },
        { STR_INIT("/v1/messages/count_tokens"), false, FACE_ANTHROPIC },
        { STR_INIT("/v1/messagesx"), false, FACE_OPENAI },
        { STR_INIT("/v1/models/m:generateContent"), false, FACE_GEMINI },
        { STR_INIT("/v1/models/m:streamGenerateContent"), true, FACE_GEMINI },
        { STR_INIT("/v1/models/qwen3:8b"), false, FACE_OPENAI },
        { STR_INIT("/v1beta/models"), false, FACE_GEMINI },
        { STR_INIT("/v1betamodels"), false, FACE_OPENAI },
        { STR_INIT("/api/v1/key"), false, FACE_OPENROUTER },
        { STR_INIT("/api/v1/messages"), false, FACE_ANTHROPIC },
        { STR_INIT("/api/v1/messages/count_tokens"), true, FACE_ANTHROPIC },
        { STR_INIT("/api/v1/messagesx"), true, FACE_OPENROUTER },
        { STR_INIT("/api/v2/key"), false, FACE_OPENAI },
        { STR_INIT("/"), false, FACE_OPENAI },
        { STR_INIT(""), false, FACE_OPENAI },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        CHECK_EQ(face_of(rows[i].path, rows[i].anthropic), rows[i].face);
    }
}

TEST(no_credit_is_the_status_that_each_clients_tools_stop_at)
{
    CHECK_EQ(face_status(FACE_OPENAI, ERR_LEDGER_FUNDS), 429);
    CHECK_EQ(face_status(FACE_OPENROUTER, ERR_LEDGER_FUNDS), 402);
    CHECK_EQ(face_status(FACE_ANTHROPIC, ERR_LEDGER_FUNDS), 402);
    CHECK_EQ(face_status(FACE_GEMINI, ERR_LEDGER_FUNDS), 429);
    CHECK_EQ(face_status(FACE_OPENROUTER, ERR_BUDGET_DAY), 402);
    CHECK_EQ(face_status(FACE_ANTHROPIC, ERR_BUDGET_DAY), 429);
    CHECK_EQ(face_status(FACE_OPENROUTER, ERR_LIMIT_REQUESTS), 429);
}

TEST(openais_envelope_has_all_four_keys)
{
    struct face_error error = { .err = ERR_LEDGER_FUNDS, .entrepot = STR("{\"available\":\"0\"}") };
    struct str body = json_get(written(FACE_OPENAI, &error), STR("error"));
    CHECK(json_string_is(json_get(body, STR("code")), STR("insufficient_quota")));
    CHECK(json_string_is(json_get(body, STR("type")), STR("insufficient_quota")));
    CHECK_STR(json_get(body, STR("param")), STR("null"));
    CHECK(json_get(body, STR("message")).len > 2);
    CHECK_STR(json_get(body, STR("entrepot")), STR("{\"available\":\"0\"}"));
    error =
        (struct face_error){ .err = ERR_ASK_INVALID, .param = STR("n"), .message = STR("\"n\"") };
    body = json_get(written(FACE_OPENAI, &error), STR("error"));
    CHECK_STR(json_get(body, STR("param")), STR("\"n\""));
    CHECK_STR(json_get(body, STR("message")), STR("\"\\\"n\\\"\""));
}

TEST(openrouters_codes_are_numbers_and_say_whose_limit_it_was)
{
    struct face_error error = { .err = ERR_LEDGER_FUNDS };
    struct str body = json_get(written(FACE_OPENROUTER, &error), STR("error"));
    struct str metadata = json_get(body, STR("metadata"));
    CHECK_STR(json_get(body, STR("code")), STR("402"));
    CHECK(json_string_is(json_get(metadata, STR("error_type")), STR("payment_required")));
    CHECK(json_string_is(json_get(metadata, STR("code")), STR("insufficient_quota")));
    CHECK(json_string_is(json_get(metadata, STR("limit_source")), STR("openrouter_credits")));
    error.err = ERR_BUDGET_TOTAL;
    body = json_get(written(FACE_OPENROUTER, &error), STR("error"));
    metadata = json_get(body, STR("metadata"));
    CHECK(json_string_is(json_get(metadata, STR("limit_source")), STR("openrouter_key_limit")));
    error.err = ERR_MODEL_UNKNOWN;
    body = json_get(written(FACE_OPENROUTER, &error), STR("error"));
    CHECK_STR(json_get(body, STR("code")), STR("404"));
    CHECK_EQ(json_get(json_get(body, STR("metadata")), STR("limit_source")).len, 0);
}

#define INFO(reason)                                                                     \
    "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"" reason "\"," \
    "\"domain\":\"entrepot\"}"
#define WAIT(delay) \
    "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}"

TEST(anthropics_and_geminis_envelopes_are_theirs)
{
    struct face_error error = { .err = ERR_HTTP_PATH, .request = STR("req_1") };
    CHECK_STR(written(FACE_ANTHROPIC, &error),
              STR("{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
                  "\"message\":\"There is no such path.\"},\"request_id\":\"req_1\"}"));
    error.request = STR_EMPTY;
    CHECK(str_ends(written(FACE_ANTHROPIC, &error), STR(",\"request_id\":null}")));
    CHECK_STR(written(FACE_GEMINI, &error),
              STR("{\"error\":{\"code\":404,\"message\":\"There is no such path.\","
                  "\"status\":\"NOT_FOUND\",\"details\":[" INFO("UNKNOWN_PATH") "]}}"));
}

TEST(gemini_is_told_the_code_the_field_and_how_long_to_wait)
{
    struct face_error error = { .err = ERR_ASK_INVALID,
                                .param = STR("contents[0]"),
                                .message = STR("\"it\""),
                                .wait_ms = FACE_NEVER };
    CHECK_STR(written(FACE_GEMINI, &error),
              STR("{\"error\":{\"code\":400,\"message\":\"\\\"it\\\"\","
                  "\"status\":\"INVALID_ARGUMENT\",\"details\":[" INFO(
                      "INVALID_VALUE") ","
                                       "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
                                       "\"fieldViolations\":[{\"field\":\"contents[0]\","
                                       "\"description\":\"\\\"it\\\"\"}]}]}}"));
    error = (struct face_error){ .err = ERR_LEDGER_FUNDS, .message = STR("m") };
    CHECK(str_ends(written(FACE_GEMINI, &error), STR("[" INFO("INSUFFICIENT_QUOTA") "]}}")));
    error.wait_ms = FACE_NEVER; /* the vendor's tool asks no more that is to wait so long */
    CHECK(str_ends(written(FACE_GEMINI, &error),
                   STR("[" INFO("INSUFFICIENT_QUOTA") "," WAIT("86400.000s") "]}}")));
    error.err = ERR_LIMIT_REQUESTS;
    error.wait_ms = 1500;
    CHECK(str_ends(written(FACE_GEMINI, &error),
                   STR("[" INFO("RATE_LIMIT_EXCEEDED") "," WAIT("1.500s") "]}}")));
}

TEST(every_failure_has_a_name_in_every_face)
{
    for (int i = 1; i < ERR_COUNT; i++) {
        for (int face = FACE_OPENAI; face <= FACE_GEMINI; face++) {
            const struct face_error error = { .err = (enum err)i };
            struct str body = written((enum face)face, &error);
            CHECK(str_search(body, STR("unmapped")) == body.len || i == ERR_CANCELLED);
            CHECK(str_search(body, STR("\"UNKNOWN\"")) == body.len);
        }
    }
}

TEST(what_does_not_fit_is_said)
{
    char small[24];
    const struct face_error error = { .err = ERR_HTTP_PATH };
    for (int face = FACE_OPENAI; face <= FACE_GEMINI; face++) {
        struct buf room = { small, 0, sizeof(small), sizeof(small) };
        CHECK(face_error_write(&room, (enum face)face, &error) != ERR_OK);
    }
}
