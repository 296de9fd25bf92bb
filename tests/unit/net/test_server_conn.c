/* What comes in: heads and bodies in any pieces, pipelined, too large, too slow, wrong. */
#include <stdio.h>

#include "base/mem.h"
#include "shop.h"

static void shop_echo(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    http_respond(x, 200, STR_EMPTY, buf_str(&shop->body));
}

/* Target and body in brackets: what was understood. */
static void shop_show(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    char text[256];
    int len = snprintf(text, sizeof(text), "[%s " STR_FMT "]", shop->target,
                       STR_ARG(buf_str(&shop->body)));
    CHECK(len > 0 && (size_t)len < sizeof(text));
    http_respond(x, 200, STR_EMPTY, (struct str){ text, (size_t)len });
}

TEST(pipelined_requests_are_answered_in_order)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_show);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\none"
                         "GET /2 HTTP/1.1\r\nhost: x\r\n\r\n\r\n"
                         "POST /3 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                         "2\r\nth\r\n3\r\nree\r\n0\r\n\r\n"));
    UNTIL(shop.loop, peer_count(&peer, STR("]")) == 3);
    size_t one = str_search(peer_text(&peer), STR("[/1 one]"));
    size_t two = str_search(peer_text(&peer), STR("[/2 ]"));
    size_t three = str_search(peer_text(&peer), STR("[/3 three]"));
    CHECK(one < two && two < three && three < peer.got.len);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(the_next_request_waits_until_the_answer_has_ended)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    test_settle(shop.loop);
    CHECK_EQ(shop.requests, 1);
    shop.serve = shop_hello;
    shop_hello(shop.open);
    UNTIL(shop.loop, peer_count(&peer, STR("hello")) == 2);
    CHECK_EQ(shop.requests, 2);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(any_pieces_give_the_same_requests)
{
    static const struct str text =
        STR_INIT("POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\none\r\n"
                 "POST /2 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                 "3;a=b\r\ntwo\r\n0\r\n\r\n");
    for (size_t cut = 1; cut < text.len; cut++) {
        struct shop shop;
        struct peer peer;
        shop_open(&shop, shop_show);
        peer_connect(&peer, &shop.address, 0);
        peer_send(&peer, str_slice(text, 0, cut));
        for (int i = 0; i < 4; i++) {
            (void)loop_turn(shop.loop, false);
        }
        peer_send(&peer, str_from_at(text, cut));
        UNTIL(shop.loop, peer_count(&peer, STR("]")) == 2);
        CHECK(peer_has(&peer, STR("[/1 one]")));
        CHECK(peer_has(&peer, STR("[/2 two]")));
        CHECK_EQ(shop.bad, 0);
        peer_close(&peer);
        shop_close(&shop);
    }
}

TEST(a_request_that_comes_byte_by_byte_is_understood)
{
    static const struct str text =
        STR_INIT("\r\nPOST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\none");
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_show);
    peer_connect(&peer, &shop.address, 0);
    for (size_t i = 0; i < text.len; i++) {
        peer_send(&peer, str_slice(text, i, i + 1));
        (void)loop_turn(shop.loop, false);
    }
    UNTIL(shop.loop, peer_has(&peer, STR("[/1 one]")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_large_chunked_upload_comes_in_whole)
{
    size_t size = (size_t)3 * 1024 * 1024 + 17;
    struct shop shop;
    struct peer peer;
    struct buf upload;
    shop_open(&shop, shop_echo);
    peer_connect(&peer, &shop.address, 0);
    buf_init(&upload, size * 2);
    CHECK_EQ(buf_append(&upload, STR("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
                                     "transfer-encoding: chunked\r\n\r\n")),
             ERR_OK);
    for (size_t at = 0; at < size;) {
        size_t len = at % 7919 + 1 < size - at ? at % 7919 + 1 : size - at;
        CHECK_EQ(buf_printf(&upload, "%zx\r\n", len), ERR_OK);
        for (size_t i = 0; i < len; i++, at++) {
            CHECK_EQ(buf_byte(&upload, (char)('a' + at % 23)), ERR_OK);
        }
        CHECK_EQ(buf_append(&upload, STR("\r\n")), ERR_OK);
    }
    CHECK_EQ(buf_append(&upload, STR("0\r\n\r\n")), ERR_OK);
    struct str rest = buf_str(&upload);
    UNTIL(shop.loop, (rest = str_from_at(rest, peer_send_some(&peer, rest))).len == 0);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(shop.body_len, size);
    struct str echo = str_from_at(peer_text(&peer), peer.got.len - size);
    for (size_t i = 0; i < size; i++) {
        CHECK(echo.ptr[i] == (char)('a' + i % 23));
    }
    buf_fini(&upload);
    peer_close(&peer);
    shop_close(&shop);
}

static void shop_note(struct http_exchange *x)
{
    http_respond(x, 200, STR_EMPTY, STR("noted"));
}

/* A body of known length is read to where it stays, and nothing of what follows it. */
TEST(a_long_body_comes_in_whole_and_alone)
{
    static const size_t sizes[] = { 16000, 16384, 70000, 300000, 524288, 700001 };
    for (size_t s = 0; s < EP_ARRAY_LEN(sizes); s++) {
        struct shop shop;
        struct peer peer;
        struct buf upload;
        size_t size = sizes[s];
        shop_open(&shop, shop_note);
        peer_connect(&peer, &shop.address, 0);
        buf_init(&upload, size + 1024);
        CHECK_EQ(
            buf_printf(&upload, "POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: %zu\r\n\r\n", size),
            ERR_OK);
        for (size_t i = 0; i < size; i++) {
            CHECK_EQ(buf_byte(&upload, (char)('a' + i % 23)), ERR_OK);
        }
        struct str rest = buf_str(&upload);
        while (rest.len > 0) {
            struct str piece = str_slice(rest, 0, rest.len < 77777 ? rest.len : 77777);
            rest = str_from_at(rest, peer_send_some(&peer, piece));
            (void)loop_turn(shop.loop, false);
        }
        UNTIL(shop.loop, shop.requests == 1);
        CHECK_EQ(shop.body.len, size);
        for (size_t i = 0; i < size; i++) {
            CHECK(shop.body.ptr[i] == (char)('a' + i % 23));
        }
        CHECK_EQ(buf_append(&upload, STR("GET /2 HTTP/1.1\r\nhost: x\r\n\r\n")), ERR_OK);
        rest = buf_str(&upload); /* once more, with another request behind it */
        UNTIL(shop.loop, (rest = str_from_at(rest, peer_send_some(&peer, rest))).len == 0);
        UNTIL(shop.loop, peer_count(&peer, STR("noted")) == 3);
        CHECK_EQ(shop.requests, 3);
        CHECK_EQ(strcmp(shop.target, "/2"), 0);
        buf_fini(&upload);
        peer_close(&peer);
        shop_close(&shop);
    }
}

TEST(a_client_that_waits_for_100_is_told_to_go_on)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_show);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("POST /1 HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
                         "content-length: 3\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("HTTP/1.1 100 Continue\r\n\r\n")));
    peer_send(&peer, STR("one"));
    UNTIL(shop.loop, peer_has(&peer, STR("[/1 one]")));
    /* One that sends without waiting needs no such answer. */
    peer_send(&peer, STR("POST /2 HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
                         "content-length: 3\r\n\r\ntwo"));
    UNTIL(shop.loop, peer_has(&peer, STR("[/2 two]")));
    CHECK_EQ(peer_count(&peer, STR("100 Continue")), 1);
    peer_close(&peer);
    shop_close(&shop);
}

/* `text` is refused with `status`, and the connection is closed in good order. */
static void check_refused(struct http_server_options options, struct str text, struct str status,
                          enum err err)
{
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, text);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(str_starts(peer_text(&peer), status));
    CHECK(peer_has(&peer, STR("connection: close\r\n")));
    CHECK(peer_has(&peer, STR("\r\n\r\n{\"error\":{\"message\":\"")));
    CHECK(peer_has(&peer, str_from(err_info(err)->code)));
    CHECK(!peer.broken);
    CHECK_EQ(shop.requests, 0);
    CHECK_EQ(shop.bad, 1);
    CHECK_EQ(shop.bad_err, err);
    peer_close(&peer);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    shop_close(&shop);
}

TEST(what_is_no_http_is_refused)
{
    check_refused(shop_options(), STR("hello\r\n\r\n"), STR("HTTP/1.1 400 "), ERR_HTTP_SYNTAX);
    check_refused(shop_options(), STR("GET / HTTP/1.1\r\n\r\n"), STR("HTTP/1.1 400 "),
                  ERR_HTTP_SYNTAX);
    check_refused(shop_options(), STR("GET / HTTP/2.0\r\nhost: x\r\n\r\n"), STR("HTTP/1.1 505 "),
                  ERR_HTTP_VERSION);
    check_refused(shop_options(),
                  STR("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
                  STR("HTTP/1.1 400 "), ERR_HTTP_SYNTAX);
}

TEST(a_head_that_is_too_large_is_refused)
{
    struct http_server_options options = shop_options();
    options.head_bytes_max = 64;
    check_refused(
        options,
        STR("GET / HTTP/1.1\r\nhost: x\r\nx-long: 0123456789012345678901234567890123456789"
            "01234567890123456789\r\n\r\n"),
        STR("HTTP/1.1 431 "), ERR_HTTP_HEAD_SIZE);
    check_refused(options,
                  STR("GET /01234567890123456789012345678901234567890123456789012345678901234567"),
                  STR("HTTP/1.1 431 "), ERR_HTTP_HEAD_SIZE);
}

TEST(a_body_that_is_too_large_is_refused)
{
    struct http_server_options options = shop_options();
    options.body_bytes_max = 4;
    /* By what it says, before it is sent, and without "100 Continue". */
    check_refused(options,
                  STR("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
                      "content-length: 5\r\n\r\n"),
                  STR("HTTP/1.1 413 "), ERR_HTTP_BODY_SIZE);
    /* By what comes. */
    check_refused(options,
                  STR("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                      "3\r\none\r\n2\r\ntw\r\n0\r\n\r\n"),
                  STR("HTTP/1.1 413 "), ERR_HTTP_BODY_SIZE);
}

TEST(a_refusal_reaches_a_client_that_is_still_sending)
{
    struct http_server_options options = shop_options();
    options.body_bytes_max = 1024;
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n"));
    static char block[65536];
    struct str part = { block, sizeof(block) };
    size_t sent = 0;
    UNTIL(shop.loop, (sent += peer_send_some(&peer, part)) > 8000000);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(!peer.broken);
    CHECK(str_starts(peer_text(&peer), STR("HTTP/1.1 413 ")));
    peer_close(&peer);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    shop_close(&shop);
}

TEST(a_head_or_a_body_that_takes_too_long_is_refused)
{
    struct http_server_options options = shop_options();
    options.head_ns = 5 * MS;
    check_refused(options, STR("GET / HTTP/1.1\r\nhost:"), STR("HTTP/1.1 408 "), ERR_HTTP_TIMEOUT);
    options = shop_options();
    options.body_ns = 5 * MS;
    check_refused(options, STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nfour"),
                  STR("HTTP/1.1 408 "), ERR_HTTP_TIMEOUT);
}

static void on_bad_own(struct http_exchange *x, enum err err)
{
    http_respond(x, err_info(err)->status, STR("x-own: yes\r\n"), STR("{}"));
}

TEST(the_owner_may_word_a_refusal)
{
    struct http_events events = shop_events;
    events.on_bad = on_bad_own;
    struct http_server_options options = shop_options();
    options.events = &events;
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("nonsense\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(str_starts(peer_text(&peer), STR("HTTP/1.1 400 ")));
    CHECK(str_ends(peer_text(&peer), STR("x-own: yes\r\n\r\n{}")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_client_that_leaves_before_the_answer_is_reported_once)
{
    for (int how = 0; how < 3; how++) {
        struct shop shop;
        struct peer peer;
        shop_open(&shop, shop_keep);
        peer_connect(&peer, &shop.address, 0);
        peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
        UNTIL(shop.loop, shop.open != NULL);
        test_settle(shop.loop);
        CHECK_EQ(shop.gone, 0);
        if (how == 0) {
            peer_close(&peer);
        } else if (how == 1) {
            struct linger reset = { .l_onoff = 1 };
            CHECK_EQ(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
            peer_close(&peer);
        } else {
            CHECK_EQ(shutdown(peer.fd, SHUT_WR), 0);
        }
        UNTIL(shop.loop, shop.gone == 1);
        UNTIL(shop.loop, http_server_connections(shop.server) == 0);
        CHECK_EQ(http_server_exchanges(shop.server), 0);
        CHECK_EQ(shop.gone, 1);
        peer_close(&peer);
        shop_close(&shop);
    }
}

TEST(a_client_that_sends_and_leaves_at_once_is_reported)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    peer_close(&peer);
    UNTIL(shop.loop, shop.gone == 1);
    CHECK_EQ(shop.requests, 1);
    shop_close(&shop);
}

TEST(a_client_that_leaves_in_its_request_is_no_request)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nfour"));
    peer_close(&peer);
    UNTIL(shop.loop, http_server_connections(shop.server) == 1);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    CHECK_EQ(shop.requests, 0);
    CHECK_EQ(shop.bad, 0);
    shop_close(&shop);
}

TEST(what_is_sent_ahead_is_kept_within_a_bound)
{
    static char ahead[4 << 20];
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    memset(ahead, 'x', sizeof(ahead));
    size_t sent = 0;
    for (int quiet = 0; quiet < 50;) {
        size_t now = peer_send_some(&peer, (struct str){ ahead, sizeof(ahead) });
        quiet = now > 0 ? 0 : quiet + 1;
        sent += now;
        (void)loop_turn(shop.loop, false);
    }
    /* It stands in the kernel's buffers, not in ours; that the client has gone is still seen. */
    CHECK(sent > 0);
    CHECK_EQ(shop.gone, 0);
    struct linger reset = { .l_onoff = 1 };
    CHECK_EQ(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    peer_close(&peer);
    UNTIL(shop.loop, shop.gone == 1);
    shop_close(&shop);
}
