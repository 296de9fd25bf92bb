#include "dialect/chat_strict.h"

#include "harness.h"

static char text[4096];

static struct str strict(struct str events)
{
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct str rest = test_at_page_end(events);
    struct str piece;
    while (chat_strict_next(&rest, &piece)) {
        CHECK(piece.len > 0);
        CHECK(buf_append(&out, piece) == ERR_OK);
    }
    CHECK_EQ(rest.len, 0);
    return buf_str(&out);
}

TEST(members_that_are_null_are_left_out)
{
    static const struct {
        struct str in;
        struct str out;
    } rows[] = {
        { STR_INIT(""), STR_INIT("") },
        { STR_INIT("data: {\"id\":\"x\",\"usage\":null}\n\n"),
          STR_INIT("data: {\"id\":\"x\"}\n\n") },
        { STR_INIT("data: {\"id\":\"x\",\"system_fingerprint\":null,\"usage\":null}\n\n"),
          STR_INIT("data: {\"id\":\"x\"}\n\n") },
        { STR_INIT("data: {\"id\": \"x\", \"usage\" : null, \"a\": 1}\n\ndata: [DONE]\n\n"),
          STR_INIT("data: {\"id\": \"x\", \"a\": 1}\n\ndata: [DONE]\n\n") },
        { STR_INIT("data: {\"a\":1,\"usage\":null,\"b\":2}\n\ndata: {\"a\":1,\"usage\":null}\n\n"),
          STR_INIT("data: {\"a\":1,\"b\":2}\n\ndata: {\"a\":1}\n\n") },
        { STR_INIT(",\"usage\":null,\"usage\":null"), STR_INIT("") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        CHECK_STR(strict(rows[i].in), rows[i].out);
    }
}

TEST(all_else_stays_as_it_came)
{
    static const struct str rows[] = {
        STR_INIT("data: {\"usage\":{\"prompt_tokens\":1},\"system_fingerprint\":\"fp\"}\n\n"),
        STR_INIT("data: {\"a\":\"x,\\\"usage\\\":null\"}\n\n"),
        STR_INIT("data: {\"a\":\",,,\",\"b\":null,\"usage_\":null,\"finish_reason\":null}\n\n"),
        STR_INIT(": comment, with, commas\n\n"),
        STR_INIT(",\"usage\":nul"),
        STR_INIT(",\"usage\""),
        STR_INIT(","),
        STR_INIT(", "),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        CHECK_STR(strict(rows[i]), rows[i]);
    }
}

TEST(an_answer_gets_what_it_lacks)
{
    CHECK_STR(chat_strict_lack(STR("{\"id\":\"x\"}")), STR("\"system_fingerprint\":null,"));
    CHECK_STR(chat_strict_lack(STR("{ }")), STR("\"system_fingerprint\":null"));
    CHECK_STR(chat_strict_lack(STR(" {\"id\":\"x\"}\r\n")), STR("\"system_fingerprint\":null,"));
    CHECK_STR(chat_strict_lack(STR("\n{\"system_fingerprint\":null} ")), STR(""));
    CHECK_STR(chat_strict_lack(STR("{}\n")), STR("\"system_fingerprint\":null"));
    CHECK_STR(chat_strict_lack(STR("{\"system_fingerprint\":null}")), STR(""));
    CHECK_STR(chat_strict_lack(STR("{\"a\":1,\"system_fingerprint\":\"f\"}")), STR(""));
}
