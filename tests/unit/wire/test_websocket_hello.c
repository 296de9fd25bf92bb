#include "wire/websocket_hello.h"

#include <stdio.h>

#include "harness.h"

/* Not SHA-1: what is made of it is looked at here, and the real one in tests/unit/net. */
static void sum(struct str text, unsigned char ret_bytes[WEBSOCKET_SHA1_BYTES])
{
    CHECK_EQ(text.len, 24 + 36);
    memset(ret_bytes, text.ptr[0], WEBSOCKET_SHA1_BYTES);
}

static struct http1_head head;

static enum websocket_asked asked(const char *lines, struct str *ret_key)
{
    char text[1024];
    size_t used = 0;
    int len = snprintf(text, sizeof(text), "%shost: x\r\n\r\n", lines);
    struct str bytes = test_at_page_end((struct str){ text, (size_t)len });
    CHECK(http1_read_request(bytes, sizeof(text), &head, &used) == WIRE_DONE);
    return websocket_asked(&head, ret_key);
}

#define KEY  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define GOOD "GET /x HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define V13  "Sec-WebSocket-Version: 13\r\n"

struct ask_case {
    const char *lines;
    enum websocket_asked want;
};

static const struct ask_case cases[] = {
    { GOOD V13 KEY, WEBSOCKET_ASKED },
    { "GET /x HTTP/1.1\r\nupgrade: h2c\r\nupgrade: websocket\r\nconnection: x\r\nconnection: "
      "upgrade\r\n" V13 KEY,
      WEBSOCKET_ASKED },
    { "GET /x HTTP/1.1\r\n", WEBSOCKET_NOT_ASKED },
    { "GET /x HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n" V13 KEY, WEBSOCKET_NOT_ASKED },
    { GOOD KEY, WEBSOCKET_ASKED_OLD },
    { GOOD "Sec-WebSocket-Version: 8\r\n" KEY, WEBSOCKET_ASKED_OLD },
    { GOOD V13, WEBSOCKET_ASKED_BADLY },
    { GOOD V13 KEY KEY, WEBSOCKET_ASKED_BADLY },
    { GOOD V13 "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=\r\n", WEBSOCKET_ASKED_BADLY },
    { GOOD V13 "sec-websocket-key: !Ghl!HNhbXBsZSBub25jZQ==\r\n", WEBSOCKET_ASKED_BADLY },
    { GOOD V13 "sec-websocket-key: dGhlIHNhbXBsZSBub25jZWFi\r\n", WEBSOCKET_ASKED_BADLY },
    { "GET /x HTTP/1.1\r\nupgrade: websocket\r\n" V13 KEY, WEBSOCKET_ASKED_BADLY },
    { "GET /x HTTP/1.0\r\nupgrade: websocket\r\nconnection: upgrade\r\n" V13 KEY,
      WEBSOCKET_ASKED_BADLY },
    { "POST /x HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n" V13 KEY,
      WEBSOCKET_ASKED_BADLY },
    { GOOD "content-length: 4\r\n" V13 KEY, WEBSOCKET_ASKED_BADLY },
};

TEST(requests_are_told_apart)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct str key = STR_EMPTY;
        enum websocket_asked got = asked(cases[i].lines, &key);
        if (got != cases[i].want) {
            test_failed(EP_SITE, "case %zu is %d", i, (int)got);
        }
        CHECK(got != WEBSOCKET_ASKED || str_eq(key, STR("dGhlIHNhbXBsZSBub25jZQ==")));
    }
}

/* A head of nothing but commas is looked through once: for each of 30,000 elements again, it would
 * take seconds. */
TEST(lists_of_many_elements_are_read_in_one_go)
{
    static char lines[64 * 1024];
    struct str key;
    int len = snprintf(lines, sizeof(lines), "GET /x HTTP/1.1\r\nupgrade: ");
    while ((size_t)len < sizeof(lines) - 256) {
        len += snprintf(lines + len, sizeof(lines) - (size_t)len, "a,");
    }
    (void)snprintf(lines + len, sizeof(lines) - (size_t)len,
                   "websocket\r\nconnection: upgrade\r\nhost: x\r\n" V13 KEY "\r\n");
    size_t used = 0;
    CHECK(http1_read_request(str_from(lines), sizeof(lines), &head, &used) == WIRE_DONE);
    for (int i = 0; i < 100; i++) {
        CHECK(websocket_asked(&head, &key) == WEBSOCKET_ASKED);
    }
}

TEST(subprotocols_are_given_in_order_from_all_lines)
{
    struct str key;
    struct str got;
    CHECK(asked(GOOD V13 KEY "Sec-WebSocket-Protocol: realtime,, openai-insecure-api-key.k \r\n"
                             "sec-websocket-protocol:\tlast\r\n",
                &key) == WEBSOCKET_ASKED);
    CHECK(websocket_offered(&head, 0, &got));
    CHECK_STR(got, STR("realtime"));
    CHECK(websocket_offered(&head, 1, &got));
    CHECK_STR(got, STR("openai-insecure-api-key.k"));
    CHECK(websocket_offered(&head, 2, &got));
    CHECK_STR(got, STR("last"));
    CHECK(!websocket_offered(&head, 3, &got));
    CHECK(!websocket_offered(&head, WEBSOCKET_PROTOCOLS, &got));
}

static const struct websocket_ask ask = {
    .host = { "up.example:8443", 15 },
    .target = { "/v1/realtime?model=m", 20 },
    .key = { "dGhlIHNhbXBsZSBub25jZQ==", 24 },
    .protocols = { "realtime, other", 15 },
    .headers = { "authorization: Bearer k\r\n", 25 },
};

TEST(a_clients_request_is_one_that_a_server_takes)
{
    struct buf out;
    struct str key;
    size_t used = 0;
    buf_init(&out, 4096);
    CHECK(websocket_write_ask(&out, &ask) == ERR_OK);
    CHECK(http1_read_request(buf_str(&out), 4096, &head, &used) == WIRE_DONE && used == out.len);
    CHECK(websocket_asked(&head, &key) == WEBSOCKET_ASKED);
    CHECK_STR(http1_header(&head, STR("authorization")), STR("Bearer k"));
    CHECK_STR(head.target, ask.target);
    buf_fini(&out);
}

static const char *answered(const char *lines, struct str *ret_protocol)
{
    char text[1024];
    size_t used = 0;
    int len = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n", lines);
    struct str bytes = test_at_page_end((struct str){ text, (size_t)len });
    CHECK(http1_read_response(bytes, sizeof(text), false, &head, &used) == WIRE_DONE);
    return websocket_answer_fault(&head, &ask, sum, ret_protocol);
}

TEST(an_answer_must_be_to_our_request)
{
    struct buf out;
    struct str protocol = STR_EMPTY;
    buf_init(&out, 4096);
    CHECK(buf_append(&out, STR("101 x\r\n")) == ERR_OK);
    CHECK(websocket_write_accept(&out, ask.key, STR("other"), sum) == ERR_OK);
    CHECK(buf_byte(&out, '\0') == ERR_OK);
    CHECK(answered(out.ptr, &protocol) == NULL);
    CHECK_STR(protocol, STR("other"));

    buf_reset(&out);
    CHECK(buf_append(&out, STR("101 x\r\n")) == ERR_OK);
    CHECK(websocket_write_accept(&out, ask.key, STR_EMPTY, sum) == ERR_OK);
    size_t good = out.len;
    CHECK(buf_byte(&out, '\0') == ERR_OK);
    CHECK(answered(out.ptr, &protocol) == NULL);
    CHECK_STR(protocol, STR_EMPTY);
    out.len = good;
    CHECK(buf_append(&out, STR("sec-websocket-protocol: never\r\n")) == ERR_OK);
    CHECK(buf_byte(&out, '\0') == ERR_OK);
    CHECK(answered(out.ptr, &protocol) != NULL);
    out.len = good;
    CHECK(buf_append(&out, STR("sec-websocket-extensions: permessage-deflate\r\n")) == ERR_OK);
    CHECK(buf_byte(&out, '\0') == ERR_OK);
    CHECK(answered(out.ptr, &protocol) != NULL);
    CHECK(answered("200 OK\r\ncontent-length: 0\r\n", &protocol) != NULL);
    CHECK(answered("101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                   "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
                   &protocol) != NULL); /* to another key's */
    CHECK(answered("101 x\r\nupgrade: websocket\r\n", &protocol) != NULL);
    buf_fini(&out);
}

static void write_without_memory(void)
{
    struct buf out;
    buf_init(&out, 4096);
    enum err err = websocket_write_ask(&out, &ask);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    buf_fini(&out);
    err = websocket_write_accept(&out, ask.key, STR("other"), sum);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    buf_fini(&out);
}

TEST(memory_that_is_out_is_told)
{
    CHECK(test_each_allocation_failing(write_without_memory) >= 3);
}
