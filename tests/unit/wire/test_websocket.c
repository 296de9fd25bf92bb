#include "wire/websocket.h"

#include "base/mem.h"
#include "harness.h"

static const struct websocket_limits limits = { .message_bytes_max = 1 << 20,
                                                .fragments_max = 8,
                                                .controls_max_s = 8 };

static void mask(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(0xA1 + 17 * i);
    }
}

/* One frame of any form, masked as a client's if `masked`. */
static void frame(struct buf *out, unsigned first, struct str data, bool masked)
{
    static const unsigned char key[4] = { 1, 2, 3, 4 };
    unsigned bit = masked ? 128 : 0;
    CHECK(buf_byte(out, (char)first) == ERR_OK);
    if (data.len < 126) {
        CHECK(buf_byte(out, (char)(bit | data.len)) == ERR_OK);
    } else if (data.len <= UINT16_MAX) {
        const char size[] = { (char)(bit | 126), (char)(data.len >> 8), (char)data.len };
        CHECK(buf_append(out, (struct str){ size, sizeof(size) }) == ERR_OK);
    } else {
        CHECK(buf_byte(out, (char)(bit | 127)) == ERR_OK);
        for (int shift = 56; shift >= 0; shift -= 8) {
            CHECK(buf_byte(out, (char)((uint64_t)data.len >> shift)) == ERR_OK);
        }
    }
    if (masked) {
        CHECK(buf_append(out, (struct str){ (const char *)key, 4 }) == ERR_OK);
    }
    for (size_t i = 0; i < data.len; i++) {
        char byte = (char)(data.ptr[i] ^ (masked ? key[i % 4] : 0));
        CHECK(buf_byte(out, byte) == ERR_OK);
    }
}

/* What was understood: "T:text;", "B:bytes;", "<ping;", ">pong;", "close 1000 why;", "bad 1002;" */
static void understand(struct websocket *ws, struct str bytes, size_t step, struct buf *out)
{
    struct websocket_event event;
    while (bytes.len > 0) {
        struct str piece = str_slice(bytes, 0, step < bytes.len ? step : bytes.len);
        bytes = str_from_at(bytes, piece.len);
        enum websocket_got got = WEBSOCKET_MORE;
        while ((got = websocket_read(ws, &piece, 0, &event)) != WEBSOCKET_MORE) {
            const char *kind = got == WEBSOCKET_PING ? "<" : got == WEBSOCKET_PONG ? ">" : "B:";
            kind = got == WEBSOCKET_MESSAGE && event.text ? "T:" : kind;
            if (got == WEBSOCKET_BAD) {
                CHECK(event.why != NULL && strlen(event.why) > 10);
                CHECK(buf_printf(out, "bad %u;", event.code) == ERR_OK);
            } else if (got == WEBSOCKET_CLOSE) {
                CHECK(buf_printf(out, "close %u " STR_FMT ";", event.code, STR_ARG(event.data)) ==
                      ERR_OK);
            } else {
                CHECK(buf_printf(out, "%s" STR_FMT ";", kind, STR_ARG(event.data)) == ERR_OK);
            }
        }
        CHECK(piece.len == 0);
    }
}

struct frame_row {
    unsigned first; /* 0: no more; 0x100 is added to a continuation's */
    const char *data;
};

struct frame_case {
    struct frame_row rows[5];
    const char *want;
};

static const struct frame_case cases[] = {
    { { { 0x81, "hello" } }, "T:hello;" },
    { { { 0x81, "" } }, "T:;" },
    { { { 0x82, "\xFF\xFE" } }, "B:\xFF\xFE;" },
    { { { 0x01, "a" }, { 0x00 + 0x100, "b" }, { 0x80, "c" }, { 0x81, "d" } }, "T:abc;T:d;" },
    { { { 0x01, "a" }, { 0x89, "p" }, { 0x8A, "q" }, { 0x80, "b" } }, "<p;>q;T:ab;" },
    { { { 0x01, "\xE2\x82" }, { 0x80, "\xAC" } }, "T:\xE2\x82\xAC;" },
    { { { 0x01, "\xF0" }, { 0x100, "\x9F\x98" }, { 0x80, "\x80" } }, "T:\xF0\x9F\x98\x80;" },
    { { { 0x88, "" }, { 0x81, "late" } }, "close 1005 ;" },
    { { { 0x88, "\x03\xE8"
                "bye" },
        { 0x81, "late" } },
      "close 1000 bye;" },
    { { { 0x88, "\x0F\xA0" } }, "close 4000 ;" },
    { { { 0x01, "a" }, { 0x88, "\x03\xE9" } }, "close 1001 ;" },
    /* what is wrong */
    { { { 0x80, "x" } }, "bad 1002;" },                               /* continues nothing */
    { { { 0x01, "a" }, { 0x81, "b" }, { 0x81, "c" } }, "bad 1002;" }, /* within another */
    { { { 0x09, "p" } }, "bad 1002;" },                               /* a ping in fragments */
    { { { 0x83, "x" } }, "bad 1002;" },                               /* no such opcode */
    { { { 0x8B, "x" } }, "bad 1002;" },
    { { { 0xC1, "x" } }, "bad 1002;" }, /* reserved bits */
    { { { 0xA1, "x" } }, "bad 1002;" },
    { { { 0x91, "x" } }, "bad 1002;" },
    { { { 0x81, "\xFF" } }, "bad 1007;" },
    { { { 0x81, "\xC0\x80" } }, "bad 1007;" },     /* overlong */
    { { { 0x81, "\xED\xA0\x80" } }, "bad 1007;" }, /* a surrogate */
    { { { 0x81, "ok\xE2\x82" } }, "bad 1007;" },   /* cut off at the end */
    { { { 0x01, "\xE2\x82" }, { 0x80, "x" } }, "bad 1007;" },
    { { { 0x01, "\xF4\x90" }, { 0x80, "x" } }, "bad 1007;" },
    { { { 0x88, "\x03" } }, "bad 1002;" },         /* half a code */
    { { { 0x88, "\x03\xED" } }, "bad 1002;" },     /* 1005 */
    { { { 0x88, "\x03\xEE" } }, "bad 1002;" },     /* 1006 */
    { { { 0x88, "\x01\x01" } }, "bad 1002;" },     /* 257 */
    { { { 0x88, "\x03\xE8\xFF" } }, "bad 1007;" }, /* a reason that is no text */
};

TEST(frames_are_the_same_at_every_split)
{
    struct buf out;
    struct buf bytes;
    buf_init(&out, 4096);
    buf_init(&bytes, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        buf_reset(&bytes);
        for (const struct frame_row *row = cases[i].rows; row->first != 0; row++) {
            frame(&bytes, row->first & 255, str_from(row->data), true);
        }
        struct str text = test_at_page_end(buf_str(&bytes));
        for (size_t step = 1; step <= text.len; step++) {
            struct websocket ws;
            websocket_init(&ws, &limits, NULL);
            buf_reset(&out);
            understand(&ws, text, step, &out);
            CHECK_STR(buf_str(&out), str_from(cases[i].want));
            websocket_fini(&ws);
        }
    }
    buf_fini(&out);
    buf_fini(&bytes);
}

TEST(a_mask_is_asked_of_clients_and_refused_of_servers)
{
    struct buf out;
    struct buf bytes;
    buf_init(&out, 4096);
    buf_init(&bytes, 4096);
    for (int masked = 0; masked <= 1; masked++) {
        for (int client = 0; client <= 1; client++) {
            struct websocket ws;
            websocket_init(&ws, &limits, client ? mask : NULL);
            buf_reset(&bytes);
            buf_reset(&out);
            frame(&bytes, 0x81, STR("x"), masked);
            understand(&ws, buf_str(&bytes), bytes.len, &out);
            CHECK_STR(buf_str(&out), masked != client ? STR("T:x;") : STR("bad 1002;"));
            websocket_fini(&ws);
        }
    }
    buf_fini(&out);
    buf_fini(&bytes);
}

/* The head alone, so that nothing of what it promises has to come. */
static void head_only(unsigned second, struct str size, const char *want)
{
    struct buf out;
    struct buf bytes;
    struct websocket ws;
    buf_init(&out, 64);
    buf_init(&bytes, 64);
    websocket_init(&ws, &limits, NULL);
    CHECK(buf_byte(&bytes, (char)0x82) == ERR_OK && buf_byte(&bytes, (char)second) == ERR_OK);
    CHECK(buf_append(&bytes, size) == ERR_OK && buf_append(&bytes, STR("mask")) == ERR_OK);
    understand(&ws, buf_str(&bytes), bytes.len, &out);
    CHECK_STR(buf_str(&out), str_from(want));
    CHECK_EQ(ws.message.cap, 0);
    websocket_fini(&ws);
    buf_fini(&out);
    buf_fini(&bytes);
}

#define BYTES(text) ((struct str){ (text), sizeof(text) - 1 })

TEST(lengths_are_written_in_the_fewest_bytes_and_judged_before_the_bytes_come)
{
    head_only(0xFE, BYTES("\x00\x7D"), "bad 1002;");
    head_only(0xFE, BYTES("\x00\x7E"), "");
    head_only(0xFF, BYTES("\0\0\0\0\0\0\xFF\xFF"), "bad 1002;");
    head_only(0xFF, BYTES("\0\0\0\0\0\x10\0\0"), "");
    head_only(0xFF, BYTES("\0\0\0\0\0\x10\0\x01"), "bad 1009;");
    head_only(0xFF, BYTES("\x80\0\0\0\0\0\0\0"), "bad 1002;");
    head_only(0xFF, BYTES("\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "bad 1009;");
}

TEST(a_message_is_bounded_over_its_fragments)
{
    struct websocket_limits small = limits;
    struct buf out;
    struct buf bytes;
    buf_init(&out, 4096);
    buf_init(&bytes, 4096);
    small.message_bytes_max = 200;
    char text[150] = { 0 };
    for (size_t second = 50; second <= 51; second++) {
        struct websocket ws;
        websocket_init(&ws, &small, NULL);
        buf_reset(&bytes);
        buf_reset(&out);
        frame(&bytes, 0x02, (struct str){ text, 150 }, true);
        frame(&bytes, 0x80, (struct str){ text, second }, true);
        struct websocket_event event;
        struct str rest = buf_str(&bytes);
        enum websocket_got got = websocket_read(&ws, &rest, 0, &event);
        CHECK(got == (second == 50 ? WEBSOCKET_MESSAGE : WEBSOCKET_BAD));
        CHECK(second == 50 ? event.data.len == 200 : event.code == WEBSOCKET_TOO_BIG);
        websocket_fini(&ws);
    }
    buf_fini(&out);
    buf_fini(&bytes);
}

TEST(fragments_and_control_frames_are_counted)
{
    struct buf out;
    struct buf bytes;
    struct websocket ws;
    struct websocket_event event;
    buf_init(&out, 4096);
    buf_init(&bytes, 4096);
    websocket_init(&ws, &limits, NULL);
    for (unsigned i = 0; i < 9; i++) {
        frame(&bytes, i == 0 ? 0x01 : 0x00, STR_EMPTY, true);
    }
    struct str all = buf_str(&bytes);
    understand(&ws, str_slice(all, 0, all.len / 9 * 8), 3, &out);
    CHECK_STR(buf_str(&out), STR_EMPTY);
    understand(&ws, str_from_at(all, all.len / 9 * 8), 3, &out);
    CHECK_STR(buf_str(&out), STR("bad 1008;"));
    websocket_fini(&ws);

    websocket_init(&ws, &limits, NULL);
    buf_reset(&bytes);
    frame(&bytes, 0x8A, STR_EMPTY, true);
    for (int64_t i = 0; i <= 17; i++) {
        struct str one = buf_str(&bytes);
        int64_t now_ns = 5 + (i / 8) * 1000000000;
        enum websocket_got got = websocket_read(&ws, &one, i == 17 ? 2000000004 : now_ns, &event);
        CHECK(got == WEBSOCKET_PONG); /* eight a second, and two in the third */
    }
    for (int i = 0; i < 7; i++) {
        struct str one = buf_str(&bytes);
        enum websocket_got got = websocket_read(&ws, &one, 2000000006, &event);
        CHECK(got == (i < 6 ? WEBSOCKET_PONG : WEBSOCKET_BAD));
    }
    CHECK_EQ(event.code, WEBSOCKET_POLICY);
    websocket_fini(&ws);
    buf_fini(&out);
    buf_fini(&bytes);
}

TEST(what_one_side_writes_the_other_reads_at_any_size)
{
    static const size_t sizes[] = { 0, 1, 125, 126, 4095, 4096, 4097, 65535, 65536, 300000 };
    char *text = mem_alloc(300000);
    CHECK(text != NULL);
    memset(text, 'x', 300000);
    for (int client = 0; client <= 1; client++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(sizes); i++) {
            struct websocket from;
            struct websocket to;
            struct websocket_event event;
            struct buf out;
            buf_init(&out, 1 << 20);
            websocket_init(&from, &limits, client ? mask : NULL);
            websocket_init(&to, &limits, client ? NULL : mask);
            struct str data = { text, sizes[i] };
            CHECK(websocket_write(&from, WEBSOCKET_TEXT, data, &out) == ERR_OK);
            CHECK(from.frames == NULL); /* nothing is kept between frames */
            struct str bytes = buf_str(&out);
            CHECK(websocket_read(&to, &bytes, 0, &event) == WEBSOCKET_MESSAGE);
            CHECK(event.text && bytes.len == 0);
            CHECK_STR(event.data, data);
            CHECK(websocket_read(&to, &bytes, 0, &event) == WEBSOCKET_MORE);
            CHECK(to.frames == NULL && to.message.cap == 0 && !websocket_is_within(&to));
            websocket_fini(&from);
            websocket_fini(&to);
            buf_fini(&out);
        }
    }
    mem_free(text);
}

TEST(a_frame_is_written_within_one_that_comes_in)
{
    struct websocket ws;
    struct websocket_event event;
    struct buf bytes;
    struct buf out;
    buf_init(&bytes, 4096);
    buf_init(&out, 4096);
    websocket_init(&ws, &limits, NULL);
    frame(&bytes, 0x81, STR("in two parts"), true);
    struct str first = str_slice(buf_str(&bytes), 0, 9);
    CHECK(websocket_read(&ws, &first, 0, &event) == WEBSOCKET_MORE);
    CHECK(websocket_is_within(&ws));
    CHECK(websocket_write(&ws, WEBSOCKET_OP_PING, STR("?"), &out) == ERR_OK);
    CHECK_STR(buf_str(&out), BYTES("\x89\x01?"));
    struct str rest = str_from_at(buf_str(&bytes), 9);
    CHECK(websocket_read(&ws, &rest, 0, &event) == WEBSOCKET_MESSAGE);
    CHECK_STR(event.data, STR("in two parts"));
    websocket_fini(&ws);
    buf_fini(&bytes);
    buf_fini(&out);
}

TEST(a_close_frame_is_written_once_and_nothing_behind_it)
{
    struct websocket ws;
    struct buf out;
    char reason[130];
    memset(reason, 'r', sizeof(reason));
    memcpy(reason + 122, "\xE2\x82\xAC", 3); /* over the edge of what fits */
    buf_init(&out, 4096);
    websocket_init(&ws, &limits, NULL);
    struct str text = { reason, sizeof(reason) };
    CHECK(websocket_write_close(&ws, WEBSOCKET_NORMAL, text, &out) == ERR_OK);
    CHECK_EQ(out.len, 2 + 2 + 122);
    CHECK(websocket_write_close(&ws, WEBSOCKET_NORMAL, text, &out) == ERR_OK);
    CHECK(websocket_write(&ws, WEBSOCKET_TEXT, text, &out) == ERR_NET_CLOSED);
    CHECK_EQ(out.len, 2 + 2 + 122);
    websocket_fini(&ws);
    websocket_init(&ws, &limits, NULL);
    buf_reset(&out);
    CHECK(websocket_write_close(&ws, 0, STR_EMPTY, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), BYTES("\x88\x00"));
    websocket_fini(&ws);
    buf_fini(&out);
}

static void talk_without_memory(void)
{
    struct websocket from;
    struct websocket to;
    struct websocket_event event;
    struct buf out;
    char text[5000] = { 0 };
    struct str data = { text, sizeof(text) };
    buf_init(&out, 1 << 20);
    websocket_init(&from, &limits, mask);
    websocket_init(&to, &limits, NULL);
    if (websocket_write(&from, WEBSOCKET_BINARY, data, &out) == ERR_OK) {
        struct str bytes = buf_str(&out);
        enum websocket_got got = websocket_read(&to, &bytes, 0, &event);
        CHECK(got == WEBSOCKET_MESSAGE || (got == WEBSOCKET_BAD && event.code == WEBSOCKET_FAULT));
    } else {
        CHECK_EQ(out.len, 0);
    }
    websocket_fini(&from);
    websocket_fini(&to);
    buf_fini(&out);
}

TEST(memory_that_is_out_closes_and_leaks_nothing)
{
    CHECK(test_each_allocation_failing(talk_without_memory) >= 3);
}
