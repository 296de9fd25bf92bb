#include "wire/http1.h"

#include <string.h>

#include "harness.h"

#define HEAD_MAX 4096

static struct http1_head head;

static enum wire_result read_request(struct str text)
{
    size_t used = 0;
    enum wire_result result = http1_read_request(text, HEAD_MAX, &head, &used);
    if (result == WIRE_DONE) {
        CHECK(used <= text.len);
    }
    return result;
}

TEST(a_request_head_is_read_whole)
{
    struct str text = STR("POST /v1/chat?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                          "X-Empty:\r\nX-Odd: \t b \r\n\r\nhello");
    size_t used = 0;
    CHECK(http1_read_request(text, HEAD_MAX, &head, &used) == WIRE_DONE);
    CHECK(head.method == HTTP1_POST);
    CHECK_STR(head.target, STR("/v1/chat?x=1"));
    CHECK(head.version_11 && head.keep_alive);
    CHECK(head.framing == HTTP1_LENGTH);
    CHECK_EQ(head.length, 5);
    CHECK_EQ(used, text.len - 5);
    CHECK_STR(http1_header(&head, STR("x-odd")), STR("b"));
    CHECK_EQ(http1_header(&head, STR("X-EMPTY")).len, 0);
    CHECK_EQ(http1_header(&head, STR("absent")).len, 0);
}

TEST(every_prefix_of_a_head_asks_for_more_and_reads_no_further)
{
    struct str text = STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n");
    for (size_t len = 0; len < text.len; len++) {
        CHECK(read_request(test_at_page_end(str_slice(text, 0, len))) == WIRE_MORE);
    }
    CHECK(read_request(test_at_page_end(text)) == WIRE_DONE);
    CHECK(!head.keep_alive);
}

TEST(heads_that_two_parsers_could_read_differently_are_refused)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \x0B"
        "1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0B"
        "chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \x7F\r\n\r\n",
        "GET /\x7F HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nHo(st: a\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        " / HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (read_request(str_from(bad[i])) != WIRE_BAD) {
            test_failed(EP_SITE, "taken: %s", bad[i]);
        }
        CHECK(head.bad == ERR_HTTP_SYNTAX);
    }
    CHECK(read_request(STR("GET / HTTP/2.0\r\nHost: a\r\n\r\n")) == WIRE_BAD);
    CHECK(head.bad == ERR_HTTP_VERSION);
}

TEST(near_misses_of_the_refusals_are_taken)
{
    CHECK(read_request(STR("GET / HTTP/1.0\r\n\r\n")) == WIRE_DONE);
    CHECK(!head.keep_alive);
    CHECK(read_request(STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")) == WIRE_DONE);
    CHECK(head.keep_alive);
    CHECK(read_request(STR("POST / HTTP/1.1\r\nhOsT:a\r\nTransfer-Encoding: CHUNKED\r\n\r\n")) ==
          WIRE_DONE);
    CHECK(head.framing == HTTP1_CHUNKED);
    CHECK(read_request(STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")) ==
          WIRE_DONE);
    CHECK(head.framing == HTTP1_NO_BODY);
    CHECK(read_request(STR("BREW /~pot%20 HTTP/1.1\r\nHost: a\r\nX: \xE6\x97\xA5\r\n\r\n")) ==
          WIRE_DONE);
    CHECK(head.method == HTTP1_OTHER);
    CHECK(read_request(STR("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n")) ==
          WIRE_DONE);
    CHECK(head.expect_continue);
    CHECK(read_request(STR("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")) == WIRE_DONE);
    CHECK(!head.expect_continue); /* it would take the interim answer for the answer */
}

TEST(a_nul_is_refused_wherever_it_stands_in_a_head)
{
    struct str good = STR("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n");
    char text[64];
    for (size_t at = 0; at < good.len; at++) {
        memcpy(text, good.ptr, good.len);
        text[at] = '\0';
        /* In the last line's end it only hides the end: then more is asked for. */
        enum wire_result result = read_request((struct str){ text, good.len });
        CHECK(result == WIRE_BAD || (result == WIRE_MORE && at + 1 == good.len));
    }
    CHECK(read_request(good) == WIRE_DONE);
}

TEST(a_head_beyond_its_limits_is_refused)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    CHECK(buf_append(&text, STR("GET / HTTP/1.1\r\nHost: a\r\n")) == ERR_OK);
    for (int i = 0; i < HTTP1_HEADERS_MAX; i++) {
        CHECK(buf_append(&text, STR("a: b\r\n")) == ERR_OK);
    }
    CHECK(buf_append(&text, STR("\r\n")) == ERR_OK);
    CHECK(read_request(buf_str(&text)) == WIRE_BAD);
    CHECK(head.bad == ERR_HTTP_HEAD_SIZE);

    buf_reset(&text);
    CHECK(buf_append(&text, STR("GET /")) == ERR_OK);
    while (text.len < HEAD_MAX) {
        CHECK(buf_byte(&text, 'a') == ERR_OK);
    }
    CHECK(read_request(buf_str(&text)) == WIRE_BAD);
    CHECK(head.bad == ERR_HTTP_HEAD_SIZE);
    buf_fini(&text);
}

static void check_response(const char *text, bool to_head, enum http1_framing framing)
{
    size_t used = 0;
    CHECK(http1_read_response(str_from(text), HEAD_MAX, to_head, &head, &used) == WIRE_DONE);
    CHECK_EQ(head.framing, framing);
}

TEST(a_response_says_how_its_body_ends)
{
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, HTTP1_LENGTH);
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, HTTP1_NO_BODY);
    check_response("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP1_CHUNKED);
    check_response("HTTP/1.1 204 No Content\r\n\r\n", false, HTTP1_NO_BODY);
    check_response("HTTP/1.1 100 Continue\r\n\r\n", false, HTTP1_NO_BODY);
    check_response("HTTP/1.1 200 OK\r\n\r\n", false, HTTP1_UNTIL_CLOSE);
    CHECK(!head.keep_alive);
    size_t used = 0;
    CHECK(http1_read_response(STR("HTTP/1.1 2000 OK\r\n\r\n"), HEAD_MAX, false, &head, &used) ==
          WIRE_BAD);
    CHECK(http1_read_response(STR("ICY 200 OK\r\n\r\n"), HEAD_MAX, false, &head, &used) ==
          WIRE_BAD);
}

TEST(responses_that_two_parsers_could_read_differently_are_refused)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n Content-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 3\n\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 600 High\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct str text = str_from(bad[i]);
        for (size_t len = 0; len <= text.len; len++) { /* as it comes in, none is taken */
            struct str prefix = test_at_page_end(str_slice(text, 0, len));
            size_t used = 0;
            enum wire_result result = http1_read_response(prefix, HEAD_MAX, false, &head, &used);
            CHECK(result == WIRE_BAD || (result == WIRE_MORE && len < text.len));
        }
    }
}

TEST(a_request_that_is_written_reads_back)
{
    struct buf text;
    buf_init(&text, 1024);
    CHECK(http1_request_line(&text, STR("POST"), STR("/v1/x?y=z")) == ERR_OK);
    CHECK(http1_write_header(&text, STR("host"), STR("a")) == ERR_OK);
    CHECK(buf_append(&text, STR("\r\n")) == ERR_OK);
    CHECK(read_request(buf_str(&text)) == WIRE_DONE);
    CHECK(head.method == HTTP1_POST);
    CHECK_STR(head.target, STR("/v1/x?y=z"));
    buf_fini(&text);
    buf_init(&text, 8); /* too small for the line */
    CHECK(http1_request_line(&text, STR("POST"), STR("/")) != ERR_OK);
    buf_fini(&text);
}

TEST(what_is_written_reads_back)
{
    struct buf text;
    buf_init(&text, 1024);
    CHECK(http1_status_line(&text, 429) == ERR_OK);
    CHECK(http1_write_header(&text, STR("retry-after"), STR("1")) == ERR_OK);
    CHECK(http1_write_header(&text, STR("content-length"), STR("0")) == ERR_OK);
    CHECK(buf_append(&text, STR("\r\n")) == ERR_OK);
    size_t used = 0;
    CHECK(http1_read_response(buf_str(&text), HEAD_MAX, false, &head, &used) == WIRE_DONE);
    CHECK_EQ(head.status, 429);
    CHECK_STR(http1_header(&head, STR("Retry-After")), STR("1"));
    CHECK_EQ(used, text.len);
    buf_fini(&text);
}
