#include "dialect/refusal.h"

#include "harness.h"
#include "wire/json.h"

static struct buf out;

static void write_body(enum dialect dialect, const struct refusal *refusal)
{
    struct json_fault fault;
    buf_fini(&out);
    buf_init(&out, 4096);
    CHECK(refusal_body(&out, dialect, refusal) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
}

TEST(a_failure_of_ours_stands_in_each_envelope)
{
    struct refusal refusal =
        refusal_of(DIALECT_CHAT, ERR_ASK_INVALID, STR("no \\\"n\\\""), STR("n"));
    CHECK_EQ(refusal.status, 400);
    CHECK(refusal.final);
    write_body(DIALECT_CHAT, &refusal);
    CHECK_STR(buf_str(&out),
              STR("{\"error\":{\"message\":\"no \\\"n\\\"\",\"type\":\"invalid_request_error\","
                  "\"param\":\"n\",\"code\":\"invalid_value\"}}"));
    refusal = refusal_of(DIALECT_ANTHROPIC, ERR_ASK_INVALID, STR_EMPTY, STR("n"));
    refusal.request = STR("req_1");
    refusal.entrepot = STR("{\"a\":1}");
    write_body(DIALECT_ANTHROPIC, &refusal);
    CHECK_STR(buf_str(&out),
              STR("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
                  "\"A field of the request has an invalid value.\",\"details\":{\"error_code\":"
                  "\"invalid_value\"},\"entrepot\":{\"a\":1}},\"request_id\":\"req_1\"}"));
    refusal = refusal_of(DIALECT_GEMINI, ERR_MODEL_UNKNOWN, STR("gone"), STR_EMPTY);
    write_body(DIALECT_GEMINI, &refusal);
    CHECK_STR(buf_str(&out), STR("{\"error\":{\"code\":404,\"message\":\"gone\",\"status\":"
                                 "\"NOT_FOUND\",\"details\":[]}}"));
    buf_fini(&out);
}

TEST(no_credit_is_the_status_that_each_dialects_clients_stop_at)
{
    static const int statuses[DIALECT_COUNT] = { 429, 429, 402, 429 };
    static const char *const types[DIALECT_COUNT] = { "insufficient_quota", "insufficient_quota",
                                                      "billing_error", "RESOURCE_EXHAUSTED" };
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        struct refusal refusal =
            refusal_of((enum dialect)i, ERR_LEDGER_FUNDS, STR_EMPTY, STR_EMPTY);
        CHECK_EQ(refusal.status, statuses[i]);
        CHECK_STR(refusal.type, str_from(types[i]));
        CHECK(refusal.final);
        refusal = refusal_of((enum dialect)i, ERR_BUDGET_DAY, STR_EMPTY, STR_EMPTY);
        CHECK_EQ(refusal.status, 429);
        CHECK(refusal.final);
        refusal = refusal_of((enum dialect)i, ERR_NO_ROUTE, STR_EMPTY, STR_EMPTY);
        CHECK_EQ(refusal.status, 503);
        CHECK(!refusal.final);
    }
}

TEST(every_failure_has_a_type_in_every_dialect)
{
    for (unsigned err = ERR_OK + 1; err < ERR_COUNT; err++) {
        for (unsigned i = 0; i < DIALECT_COUNT; i++) {
            struct refusal refusal =
                refusal_of((enum dialect)i, (enum err)err, STR_EMPTY, STR_EMPTY);
            CHECK(refusal.status >= 400 && refusal.type.len > 0 && refusal.message.len > 0);
            write_body((enum dialect)i, &refusal);
        }
    }
    buf_fini(&out);
}

struct upstream_case {
    struct event_error error;
    enum dialect dialect;
    int status;
    const char *type;
    const char *code;
    bool final;
};

TEST(what_an_upstream_says_is_told_by_whose_doing_it_is)
{
    static const struct upstream_case cases[] = {
        { { .status = 400, .message = STR_INIT("no") },
          DIALECT_CHAT,
          400,
          "invalid_request_error",
          "",
          true },
        { { .status = 401, .message = STR_INIT("your key sk-1") },
          DIALECT_CHAT,
          502,
          "api_error",
          "upstream_error",
          false },
        { { .status = 402 }, DIALECT_ANTHROPIC, 502, "api_error", "upstream_error", false },
        { { .status = 403 }, DIALECT_GEMINI, 502, "INTERNAL", "upstream_error", false },
        { { .status = 429, .message = STR_INIT("slow") },
          DIALECT_GEMINI,
          429,
          "RESOURCE_EXHAUSTED",
          "",
          false },
        { { .status = 529, .message = STR_INIT("full") },
          DIALECT_ANTHROPIC,
          529,
          "overloaded_error",
          "",
          false },
        { { .status = 529, .message = STR_INIT("full") },
          DIALECT_CHAT,
          503,
          "api_error",
          "",
          false },
        { { .type = STR_INIT("overloaded_error"), .message = STR_INIT("full") },
          DIALECT_GEMINI,
          503,
          "UNAVAILABLE",
          "",
          false },
        { { .status = 400, .message = STR_INIT("prompt is too long: 5 tokens > 4 maximum") },
          DIALECT_RESPONSES,
          400,
          "invalid_request_error",
          "context_length_exceeded",
          true },
        { { .status = 200, .message = STR_INIT("x") },
          DIALECT_CHAT,
          502,
          "api_error",
          "upstream_error",
          false },
        { { .message = STR_INIT("x") }, DIALECT_CHAT, 502, "api_error", "", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct refusal refusal = refusal_of_upstream(cases[i].dialect, &cases[i].error);
        CHECK_EQ(refusal.status, cases[i].status);
        CHECK_STR(refusal.type, str_from(cases[i].type));
        CHECK_STR(refusal.code, str_from(cases[i].code));
        CHECK_EQ(refusal.final, cases[i].final);
        CHECK(str_search(refusal.message, STR("sk-1")) == refusal.message.len);
    }
}

TEST(a_stream_ends_with_its_dialects_error)
{
    static const char *const want[DIALECT_COUNT] = {
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}],\"error\":"
        "{\"message\":\"m\",\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"c\","
        "\"entrepot\":{}}}\n\ndata: [DONE]\n\n",
        "event: error\ndata: {\"type\":\"error\",\"code\":\"c\",\"message\":\"m\",\"param\":null,"
        "\"sequence_number\":0,\"entrepot\":{}}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
        "\"message\":\"m\",\"details\":{\"error_code\":\"c\"},\"entrepot\":{}},\"request_id\":"
        "null}\n\n",
        "data: {\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\","
        "\"details\":[],\"entrepot\":{}}}\n\n",
    };
    const struct event_error error = { .status = 429, .message = STR("m"), .code = STR("c") };
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        buf_init(&out, 4096);
        CHECK(refusal_event(&out, (enum dialect)i, &error, STR("{}")) == ERR_OK);
        CHECK_STR(buf_str(&out), str_from(want[i]));
        buf_fini(&out);
    }
}
