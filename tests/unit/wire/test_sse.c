#include "wire/sse.h"

#include "harness.h"

/* Writes what was understood: "type|data;" for each event with data or a type. */
static enum wire_result understand(struct str text, size_t step, struct buf *out, struct buf *raw)
{
    struct sse sse;
    sse_init(&sse, 256);
    buf_reset(out);
    buf_reset(raw);
    enum wire_result result = WIRE_MORE;
    struct sse_event event;
    while (text.len > 0 && result != WIRE_BAD) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        do {
            result = sse_next(&sse, &piece, &event);
            if (result == WIRE_DONE) {
                CHECK(buf_append(raw, event.raw) == ERR_OK);
                if (event.has_data || event.type.len > 0) {
                    CHECK(buf_printf(out, STR_FMT "|" STR_FMT ";", STR_ARG(event.type),
                                     STR_ARG(event.data)) == ERR_OK);
                }
            }
        } while (result == WIRE_DONE);
    }
    if (result != WIRE_BAD && sse_end(&sse, &event) == WIRE_DONE && event.has_data) {
        CHECK(buf_printf(out, STR_FMT "|" STR_FMT ";", STR_ARG(event.type), STR_ARG(event.data)) ==
              ERR_OK);
    }
    sse_fini(&sse);
    return result;
}

struct sse_case {
    const char *text;
    const char *want;
};

static const struct sse_case cases[] = {
    { "data: a\n\ndata: b\n\n", "|a;|b;" },
    { "data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;" },
    { "data: a\r\rdata: b\r\r", "|a;|b;" },
    { "data:a\n\n", "|a;" },
    { "data:  a\n\n", "| a;" },
    { "data: a\ndata: b\ndata:\n\n", "|a\nb\n;" },
    { ": comment\n\ndata: a\n\n", "|a;" },
    { "event: x\ndata: {\"y\": 1}\nid: 4\nretry: 5\n\n", "x|{\"y\": 1};" },
    { "\xEF\xBB\xBF"
      "data: a\n\n",
      "|a;" },
    { "data: a\n\ndata: last", "|a;|last;" },
    { "data\n\n", "|;" },
    { "database: a\n\n", "" },
    { "\n\n\ndata: a\n\n", "|a;" },
    { "data: a\r\ndata: b\n\r\ndata: c\n\n", "|a\nb;|c;" },
    { "data: a\r", "|a;" },
    { "data: a\n\r", "|a;" },
    { "\r\r\ndata: a\r\n\r\r\n", "|a;" },
    { "event: x\r\revent: y\ndata\r\n\r\n", "x|;y|;" },
};

TEST(events_are_the_same_at_every_split)
{
    struct buf out;
    struct buf raw;
    buf_init(&out, 4096);
    buf_init(&raw, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct str text = test_at_page_end(str_from(cases[i].text));
        for (size_t step = 1; step <= text.len; step++) {
            CHECK(understand(text, step, &out, &raw) != WIRE_BAD);
            CHECK_STR(buf_str(&out), str_from(cases[i].want));
        }
    }
    buf_fini(&out);
    buf_fini(&raw);
}

TEST(the_raw_bytes_of_all_events_are_the_stream)
{
    struct str text = STR("data: a\n\n: x\n\nevent: y\ndata: b\r\n\r\ndata: c\n\n");
    struct buf out;
    struct buf raw;
    buf_init(&out, 4096);
    buf_init(&raw, 4096);
    CHECK(understand(text, text.len, &out, &raw) != WIRE_BAD);
    CHECK_STR(buf_str(&raw), text);
    for (size_t step = 1; step <= text.len; step++) {
        /* Only the LF of a CRLF that was split may be missing. */
        CHECK(understand(text, step, &out, &raw) != WIRE_BAD);
        CHECK(raw.len + 1 >= text.len);
    }
    buf_fini(&out);
    buf_fini(&raw);
}

TEST(an_event_over_the_cap_is_refused_and_one_at_the_cap_is_taken)
{
    char text[300];
    struct buf out;
    struct buf raw;
    buf_init(&out, 4096);
    buf_init(&raw, 4096);
    for (size_t len = 255; len <= 257; len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = i < 5 ? "data:"[i] : i < len - 2 ? 'x' : '\n';
        }
        for (size_t step = 1; step < 300; step += 37) {
            enum wire_result result = understand((struct str){ text, len }, step, &out, &raw);
            CHECK((result == WIRE_BAD) == (len > 256));
        }
    }
    buf_fini(&out);
    buf_fini(&raw);
}

TEST(a_slow_stream_is_not_read_over_again)
{
    struct sse sse;
    struct sse_event event;
    sse_init(&sse, 4096);
    for (int i = 0; i < 100; i++) {
        struct str text = STR("data: a\nb");
        CHECK(sse_next(&sse, &text, &event) == WIRE_MORE);
        CHECK_EQ(sse.seen, sse.tail.len);
        CHECK_EQ(sse.line_at, sse.tail.len - 1);
    }
    struct str text = STR("\r");
    CHECK(sse_next(&sse, &text, &event) == WIRE_MORE);
    CHECK_EQ(sse.seen, sse.tail.len - 1); /* an LF may follow */
    text = STR("\n\ndata: next\n\n");
    CHECK(sse_next(&sse, &text, &event) == WIRE_DONE);
    CHECK_EQ(event.raw.len, 100 * 9 + 3);
    CHECK(sse_next(&sse, &text, &event) == WIRE_DONE);
    CHECK_STR(event.data, STR("next"));
    sse_fini(&sse);
}

static void stream_through(void)
{
    struct sse sse;
    struct sse_event event;
    sse_init(&sse, 4096);
    struct str texts[] = { STR("data: a\nda"), STR("ta: b\n\ndata: c\ndata: d\n\nda") };
    enum wire_result result = WIRE_MORE;
    for (size_t i = 0; i < EP_ARRAY_LEN(texts) && result != WIRE_BAD; i++) {
        do {
            result = sse_next(&sse, &texts[i], &event);
        } while (result == WIRE_DONE);
    }
    sse_fini(&sse);
}

TEST(no_memory_refuses_the_stream_and_leaks_nothing)
{
    CHECK(test_each_allocation_failing(stream_through) > 1);
}

TEST(an_idle_parser_owns_no_memory)
{
    struct sse sse;
    sse_init(&sse, 256);
    struct sse_event event;
    struct str text = STR("data: a");
    CHECK(sse_next(&sse, &text, &event) == WIRE_MORE);
    text = STR("\n\n");
    CHECK(sse_next(&sse, &text, &event) == WIRE_DONE);
    CHECK(sse_next(&sse, &text, &event) == WIRE_MORE);
    CHECK(sse.tail.ptr == NULL);
    CHECK(sse.data.ptr == NULL);
    sse_fini(&sse);
}
