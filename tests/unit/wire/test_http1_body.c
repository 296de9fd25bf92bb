#include "harness.h"
#include "wire/http1.h"

/* Reads `text` in pieces of `step` bytes; the payload goes to `out`. */
static enum wire_result read_in_steps(struct str text, size_t step, struct buf *out,
                                      size_t *ret_used)
{
    struct http1_body body;
    http1_body_init(&body, HTTP1_CHUNKED, 0);
    *ret_used = 0;
    buf_reset(out);
    while (text.len > 0) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        while (piece.len > 0) {
            size_t used = 0;
            struct str data;
            enum wire_result result = http1_body_read(&body, piece, &used, &data);
            if (result == WIRE_BAD) {
                return WIRE_BAD;
            }
            CHECK(used <= piece.len);
            CHECK(used > 0);
            CHECK(buf_append(out, data) == ERR_OK);
            *ret_used += used;
            piece = str_from_at(piece, used);
            if (result == WIRE_DONE) {
                return WIRE_DONE;
            }
        }
    }
    return WIRE_MORE;
}

TEST(a_chunked_body_reads_the_same_at_every_split)
{
    struct str text =
        STR("5\r\nhello\r\nA;name=\"x\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nNEXT");
    struct buf out;
    buf_init(&out, 1024);
    for (size_t step = 1; step <= text.len; step++) {
        size_t used = 0;
        CHECK(read_in_steps(text, step, &out, &used) == WIRE_DONE);
        CHECK_STR(buf_str(&out), STR("hello0123456789"));
        CHECK_EQ(used, text.len - 4);
    }
    buf_fini(&out);
}

TEST(near_misses_of_bad_chunks_are_taken)
{
    static const char *const good[] = {
        "5\r\nhello\r\n0\r\n\r\n",
        "5 \t\r\nhello\r\n0\r\n\r\n",
        "005;a\r\nhello\r\n000\r\n\r\n",
        "5 ;a=\"b\"\r\nhello\r\n0;c\r\n\r\n",
        "5\r\nhello\r\n0\r\nA:\r\nB: \xE6 c\r\n\r\n",
    };
    struct buf out;
    buf_init(&out, 1024);
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        struct str text = str_from(good[i]);
        for (size_t step = 1; step <= text.len; step++) {
            size_t used = 0;
            CHECK(read_in_steps(text, step, &out, &used) == WIRE_DONE);
            CHECK_STR(buf_str(&out), STR("hello"));
            CHECK_EQ(used, text.len);
        }
    }
    buf_fini(&out);
}

TEST(trailers_without_end_are_refused)
{
    struct http1_body body;
    http1_body_init(&body, HTTP1_CHUNKED, 0);
    size_t used = 0;
    struct str data;
    CHECK(http1_body_read(&body, STR("0\r\n"), &used, &data) == WIRE_MORE);
    int lines = 0;
    while (http1_body_read(&body, STR("A: b\r\n"), &used, &data) == WIRE_MORE) {
        lines++;
    }
    CHECK_EQ(lines, HTTP1_TRAILERS_MAX / 6);
}

TEST(the_length_given_for_a_chunked_body_means_nothing)
{
    struct http1_body body;
    http1_body_init(&body, HTTP1_CHUNKED, 7);
    size_t used = 0;
    struct str data;
    CHECK(http1_body_read(&body, STR("1\r\nx\r\n0\r\n\r\n"), &used, &data) == WIRE_DONE);
    CHECK_STR(data, STR("x"));
}

TEST(bad_chunks_are_refused_at_every_split)
{
    static const char *const bad[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "5\nhello",
        "5\r\nhelloX\r\n",
        "5\r\nhello\rX",
        "10000000000000000\r\n",
        " 5\r\nhello",
        "0x5\r\nhello",
        "5;a\nb\r\nhello",
        "5;a\rb\r\nhello",
        "5;\x01\r\nhello",
        "5 x\r\nhello",
        "5 \nhello",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\n\r\r\n",
        "0\r\n\rX",
        "0\r\nA: b\n\n",
        "0\r\nA: b\rc\r\n\r\n",
        "0\r\nA: \x01\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\n: b\r\n\r\n",
        "0\r\n A: b\r\n\r\n",
        "0\r\nGET / HTTP/1.1\r\n\r\n",
    };
    struct buf out;
    buf_init(&out, 1024);
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        for (size_t step = 1; step <= 4; step++) {
            size_t used = 0;
            if (read_in_steps(str_from(bad[i]), step, &out, &used) != WIRE_BAD) {
                test_failed(EP_SITE, "taken: %s", bad[i]);
            }
        }
    }
    buf_fini(&out);
}

TEST(a_chunk_line_without_end_is_refused)
{
    struct http1_body body;
    http1_body_init(&body, HTTP1_CHUNKED, 0);
    size_t used = 0;
    struct str data;
    CHECK(http1_body_read(&body, STR("1;"), &used, &data) == WIRE_MORE);
    enum wire_result result = WIRE_MORE;
    for (int i = 0; i < HTTP1_CHUNK_LINE_MAX && result == WIRE_MORE; i++) {
        result = http1_body_read(&body, STR("x"), &used, &data);
    }
    CHECK(result == WIRE_BAD);
}

TEST(a_body_with_a_length_ends_there)
{
    struct http1_body body;
    http1_body_init(&body, HTTP1_LENGTH, 4);
    size_t used = 0;
    struct str data;
    CHECK(http1_body_read(&body, STR("ab"), &used, &data) == WIRE_MORE);
    CHECK_STR(data, STR("ab"));
    CHECK(http1_body_read(&body, STR("cdEF"), &used, &data) == WIRE_DONE);
    CHECK_STR(data, STR("cd"));
    CHECK_EQ(used, 2);
}

TEST(bodies_without_a_length_end_at_once_or_with_the_connection)
{
    struct http1_body body;
    size_t used = 0;
    struct str data;
    http1_body_init(&body, HTTP1_NO_BODY, 0);
    CHECK(http1_body_read(&body, STR("x"), &used, &data) == WIRE_DONE);
    CHECK_EQ(used, 0);
    http1_body_init(&body, HTTP1_UNTIL_CLOSE, 0);
    CHECK(http1_body_read(&body, STR("x"), &used, &data) == WIRE_MORE);
    CHECK_STR(data, STR("x"));
}

TEST(a_chunk_head_is_lower_case_hexadecimal)
{
    char text[HTTP1_CHUNK_HEAD_MAX];
    CHECK_STR(((struct str){ text, http1_chunk_head(text, 1) }), STR("1\r\n"));
    CHECK_STR(((struct str){ text, http1_chunk_head(text, 0xabc0) }), STR("abc0\r\n"));
    CHECK_EQ(http1_chunk_head(text, UINT64_MAX), HTTP1_CHUNK_HEAD_MAX);
}
