/* One call on its connection: answers in any pieces and framings, cut, silent, paused. */
#include "base/mem.h"
#include "buyer.h"

/* A call that the peer has read. */
static void begin(struct buyer *buyer, struct order *order, struct peer *peer)
{
    buyer_open(buyer);
    order_start(order, buyer);
    peer_accept(peer, buyer->loop, buyer->listener);
    UNTIL(buyer->loop, peer_has(peer, STR("\r\n\r\n")));
}

static void finish(struct buyer *buyer, struct order *order, struct peer *peer)
{
    http_call_cancel(&order->call);
    buf_fini(&order->body);
    peer_close(peer);
    buyer_close(buyer);
}

TEST(any_pieces_give_the_same_answer)
{
    static const struct str texts[] = {
        STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
                 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                 "2\r\nhe\r\n1;x=y\r\nl\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        for (size_t cut = 1; cut <= texts[i].len; cut++) {
            struct buyer buyer;
            struct order order;
            struct peer peer;
            begin(&buyer, &order, &peer);
            peer_send(&peer, str_slice(texts[i], 0, cut));
            for (int turn = 0; turn < 4; turn++) {
                (void)loop_turn(buyer.loop, false);
            }
            if (cut < texts[i].len) {
                CHECK_EQ(order.ends, 0);
                peer_send(&peer, str_from_at(texts[i], cut));
            }
            UNTIL(buyer.loop, order_over(&order));
            CHECK_EQ(order.ends, 1);
            CHECK_EQ(order.heads, 1);
            CHECK_EQ(order.status, 200);
            CHECK_STR(buf_str(&order.body), STR("hello"));
            CHECK_EQ(upstream_pool_idle(buyer.pool), 1);
            finish(&buyer, &order, &peer);
        }
    }
}

TEST(chunks_that_came_together_are_told_together)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    order.cancel_at_body = true; /* so that a second one would not be told */
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                         "2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n"));
    UNTIL(buyer.loop, order.body.len > 0);
    CHECK_STR(buf_str(&order.body), STR("hello"));
    finish(&buyer, &order, &peer);
}

TEST(an_answer_without_a_length_ends_with_the_connection)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\n\r\nhel"));
    UNTIL(buyer.loop, order.body.len == 3);
    peer_send(&peer, STR("lo"));
    CHECK_EQ(order.ends, 0);
    peer_close(&peer);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_STR(buf_str(&order.body), STR("hello"));
    CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
    finish(&buyer, &order, &peer);
}

TEST(an_answer_without_a_length_that_is_reset_was_cut)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\n\r\nhel"));
    UNTIL(buyer.loop, order.body.len == 3);
    struct linger reset = { .l_onoff = 1 };
    CHECK_EQ(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    peer_close(&peer);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CUT);
    finish(&buyer, &order, &peer);
}

TEST(an_answer_that_breaks_off_was_cut)
{
    static const struct str texts[] = {
        STR_INIT(""),
        STR_INIT("HTTP/1.1 200 OK\r\n"),
        STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"),
        STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        begin(&buyer, &order, &peer);
        peer_send(&peer, texts[i]);
        peer_close(&peer);
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 0);
        CHECK_EQ(order.failures, 1);
        CHECK_EQ(order.err, ERR_UPSTREAM_CUT);
        CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
        finish(&buyer, &order, &peer);
    }
}

TEST(what_is_no_answer_is_refused_at_every_split)
{
    static const struct {
        struct str text;
        const char *said;
    } cases[] = {
        { STR_INIT("hello\r\n\r\n"), "sent no head of HTTP/1.1" },
        { STR_INIT("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "another protocol (101)" },
        { STR_INIT("HTTP/2.0 200\r\n\r\n"), "another version than HTTP/1.1" },
        { STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
          "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n"),
          "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
          "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n"), "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"), "no head" },
        { STR_INIT("HTTP/1.1 200 OK\nx: y\n\n"), "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\nx : y\r\n\r\n"), "no head" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"), "not framed" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n"), "not framed" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000000000000000\r\n"),
          "not framed" },
        { STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhey\r\n"),
          "not framed" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        for (size_t cut = 1; cut <= cases[i].text.len; cut++) {
            struct buyer buyer;
            struct order order;
            struct peer peer;
            begin(&buyer, &order, &peer);
            peer_send(&peer, str_slice(cases[i].text, 0, cut));
            for (int turn = 0; turn < 4; turn++) {
                (void)loop_turn(buyer.loop, false);
            }
            if (!order_over(&order) && cut < cases[i].text.len) {
                peer_send(&peer, str_from_at(cases[i].text, cut));
            }
            UNTIL(buyer.loop, order_over(&order));
            CHECK_EQ(order.failures, 1);
            CHECK_EQ(order.err, ERR_UPSTREAM_SYNTAX);
            CHECK(strstr(order.fail.text, "\"127.0.0.1\" ") != NULL);
            CHECK(strstr(order.fail.text, cases[i].said) != NULL);
            CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
            finish(&buyer, &order, &peer);
        }
    }
}

TEST(interim_answers_are_passed_over_and_not_for_ever)
{
    struct str interim = STR("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    for (size_t step = 1; step <= interim.len; step += 3) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        begin(&buyer, &order, &peer);
        size_t limit = upstream_pool_options_default().head_bytes_max;
        size_t sent = 0;
        for (; sent + interim.len <= limit; sent += interim.len) {
            peer_send(&peer, interim);
            (void)loop_turn(buyer.loop, false);
        }
        test_settle(buyer.loop);
        CHECK(!order_over(&order));
        for (size_t at = 0; at < interim.len; at += step) {
            struct str piece = str_from_at(interim, at);
            peer_send(&peer, str_slice(piece, 0, piece.len < step ? piece.len : step));
            (void)loop_turn(buyer.loop, false);
        }
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.err, ERR_UPSTREAM_SYNTAX);
        CHECK(strstr(order.fail.text, "interim answers (1xx) without end") != NULL);
        finish(&buyer, &order, &peer);
    }
}

TEST(interim_answers_do_not_add_up_over_calls)
{
    static char padding[60000];
    memset(padding, 'x', sizeof(padding));
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    for (int i = 0; i < 3; i++) { /* on the kept connection */
        order_start(&order, &buyer);
        UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == (size_t)i + 2);
        peer_send(&peer, STR("HTTP/1.1 103 Early Hints\r\nlink: "));
        for (size_t at = 0; at < sizeof(padding); at += 6000) {
            peer_send(&peer, (struct str){ padding + at, 6000 });
            (void)loop_turn(buyer.loop, false);
        }
        peer_send(&peer, STR("\r\n\r\n" ANSWER_HELLO));
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 1);
        buf_fini(&order.body);
    }
    finish(&buyer, &order, &peer);
}

TEST(what_stands_behind_an_answer_without_a_body_answers_no_other_call)
{
    static const struct str texts[] = {
        STR_INIT("HTTP/1.1 204 No Content\r\n\r\n"),
        STR_INIT("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"),
        STR_INIT("HTTP/1.1 304 Not Modified\r\n\r\n"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        for (size_t cut = 1; cut <= texts[i].len; cut++) {
            struct buyer buyer;
            struct order order;
            struct peer peer;
            begin(&buyer, &order, &peer);
            peer_send(&peer, str_slice(texts[i], 0, cut));
            (void)loop_turn(buyer.loop, false);
            peer_send(&peer, str_from_at(texts[i], cut));
            UNTIL(buyer.loop, order_over(&order));
            CHECK_EQ(order.ends, 1);
            CHECK_EQ(order.body.len, 0);
            CHECK_EQ(upstream_pool_idle(buyer.pool), 0); /* before more of it comes */
            finish(&buyer, &order, &peer);
        }
    }
}

TEST(a_head_that_is_too_large_is_refused)
{
    static char line[70000];
    memset(line, 'x', sizeof(line));
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\nx: "));
    (void)peer_send_some(&peer, (struct str){ line, sizeof(line) });
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_SYNTAX);
    CHECK(strstr(order.fail.text, "more than 65536 bytes or 100 lines") != NULL);
    finish(&buyer, &order, &peer);
}

TEST(a_head_of_too_many_lines_is_refused)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i <= HTTP1_HEADERS_MAX && !order_over(&order); i++) {
        peer_send(&peer, STR("a: b\r\n"));
        (void)loop_turn(buyer.loop, false);
    }
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_SYNTAX);
    CHECK(strstr(order.fail.text, "more than 65536 bytes or 100 lines") != NULL);
    finish(&buyer, &order, &peer);
}

TEST(a_connection_with_more_behind_its_answer_is_not_kept)
{
    static const struct str texts[] = {
        STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello?"),
        STR_INIT("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello"),
        STR_INIT("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        begin(&buyer, &order, &peer);
        peer_send(&peer, texts[i]);
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 1);
        CHECK_STR(buf_str(&order.body), STR("hello"));
        UNTIL(buyer.loop, upstream_pool_connections(buyer.pool) == 0);
        finish(&buyer, &order, &peer);
    }
}

TEST(an_answer_to_head_has_no_body)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.head = STR("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n");
    order.call.is_head = true;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 1);
    finish(&buyer, &order, &peer);
}

TEST(a_silent_upstream_is_given_up)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.first_byte_ns = 10 * MS;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
    CHECK(peer_has(&peer, STR("\r\n\r\n")));
    peer_close(&peer);

    order_init(&order, &buyer);
    order.call.silence_ns = 10 * MS;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    int64_t until_ns = test_now_ns() + 30 * MS;
    UNTIL(buyer.loop, test_now_ns() > until_ns); /* before the first byte it may be silent */
    CHECK(!order_over(&order));
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.heads, 1);
    CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
    finish(&buyer, &order, &peer);
}

/* Sends `text` again and again until the call is over; how long that took. */
static int64_t drip(struct buyer *buyer, struct order *order, struct peer *peer, struct str text)
{
    int64_t begun_ns = test_now_ns();
    int64_t next_ns = begun_ns;
    while (!order_over(order)) {
        if (test_now_ns() >= next_ns) {
            (void)peer_send_some(peer, text);
            next_ns += 2 * MS;
        }
        (void)loop_turn(buyer->loop, false);
        CHECK(test_now_ns() - begun_ns < PEER_TURNS_NS);
    }
    return test_now_ns() - begun_ns;
}

TEST(a_head_that_drips_is_given_up)
{
    static const struct str drops[] = {
        STR_INIT("x"),                               /* a line without end */
        STR_INIT("HTTP/1.1 102 Processing\r\n\r\n"), /* nothing but patience */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(drops); i++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        buyer_open(&buyer);
        order_init(&order, &buyer);
        order.call.first_byte_ns = 30 * MS;
        order.call.silence_ns = 10000 * MS;
        http_call_start(buyer.pool, &order.call);
        peer_accept(&peer, buyer.loop, buyer.listener);
        UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
        if (i == 0) {
            peer_send(&peer, STR("HTTP/1.1 200 OK\r\nx: "));
        }
        int64_t took_ns = drip(&buyer, &order, &peer, drops[i]);
        CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
        CHECK_EQ(order.heads, 0);
        CHECK(strstr(order.fail.text, "did not end the head of its answer in time") != NULL);
        CHECK(took_ns >= 20 * MS && took_ns < order.call.silence_ns);
        finish(&buyer, &order, &peer);
    }
}

TEST(an_answer_that_drips_is_given_up)
{
    static const struct str heads[] = {
        STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"),
        STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        STR_INIT("HTTP/1.1 200 OK\r\n\r\n"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(heads); i++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        buyer_open(&buyer);
        order_init(&order, &buyer);
        order.call.silence_ns = 10000 * MS;
        order.call.answer_ns = 200 * MS;
        http_call_start(buyer.pool, &order.call);
        peer_accept(&peer, buyer.loop, buyer.listener);
        UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
        peer_send(&peer, heads[i]);
        int64_t took_ns = drip(&buyer, &order, &peer, i == 1 ? STR("1\r\nx\r\n") : STR("x"));
        CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
        CHECK_EQ(order.heads, 1);
        CHECK(order.body.len > 1);
        CHECK(strstr(order.fail.text, "did not end its answer in time") != NULL);
        CHECK(took_ns < order.call.silence_ns);
        finish(&buyer, &order, &peer);
    }
}

TEST(the_time_of_a_pause_is_not_the_upstreams)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.pause_at_head = true;
    order.call.answer_ns = 60 * MS;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"));
    UNTIL(buyer.loop, order.heads == 1);
    http_call_pause(&order.call); /* twice is once */
    int64_t until_ns = test_now_ns() + 100 * MS;
    UNTIL(buyer.loop, test_now_ns() > until_ns);
    CHECK(!order_over(&order));
    http_call_resume(&order.call);
    peer_send(&peer, STR("hel"));
    UNTIL(buyer.loop, order.body.len == 3);
    CHECK(!order_over(&order));
    UNTIL(buyer.loop, order_over(&order)); /* what was left of its own time */
    CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
    http_call_pause(&order.call); /* which is over */
    http_call_resume(&order.call);
    finish(&buyer, &order, &peer);
}

TEST(a_paused_call_reads_nothing_and_then_all)
{
    static char block[1 << 20];
    size_t total = (size_t)16 << 20;
    struct buyer buyer;
    struct order order;
    struct peer peer;
    begin(&buyer, &order, &peer);
    order.pause_at_head = true;
    order.call.silence_ns = 20 * MS; /* which does not count while it is paused */
    CHECK_EQ(buf_printf(&order.body, "%s", ""), ERR_OK);
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ncontent-length: 16777216\r\n\r\n"));
    UNTIL(buyer.loop, order.heads == 1);
    memset(block, 'y', sizeof(block));
    size_t sent = 0;
    int64_t until_ns = test_now_ns() + 60 * MS;
    UNTIL(buyer.loop,
          (sent += peer_send_some(&peer, (struct str){ block, 65536 }), test_now_ns() > until_ns));
    CHECK(sent < total); /* it stands in the sockets */
    CHECK(!order_over(&order));
    CHECK_EQ(order.body.len, 0);
    http_call_resume(&order.call);
    order.call.silence_ns = 0;
    while (sent < total) {
        size_t len = total - sent < sizeof(block) ? total - sent : sizeof(block);
        sent += peer_send_some(&peer, (struct str){ block, len });
        (void)loop_turn(buyer.loop, false);
    }
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(order.body.len, total);
    finish(&buyer, &order, &peer);
}

TEST(a_call_may_be_cancelled_in_any_callback)
{
    for (int how = 0; how < 2; how++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        begin(&buyer, &order, &peer);
        order.cancel_at_head = how == 0;
        order.cancel_at_body = how == 1;
        peer_send(&peer, STR(ANSWER_HELLO));
        UNTIL(buyer.loop, peer_gone(&peer));
        test_settle(buyer.loop);
        CHECK_EQ(order.heads, 1);
        CHECK_EQ(order.body.len, how == 0 ? 0 : 5);
        CHECK(!order_over(&order));
        CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
        finish(&buyer, &order, &peer);
    }
}

TEST(an_answer_that_comes_before_the_request_is_sent_is_told)
{
    static char block[16 << 20];
    struct str body = { block, sizeof(block) };
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.head = STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 16777216\r\n\r\n");
    order.call.body = &body;
    order.call.body_count = 1;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, (peer_read_some(&peer, 1000), peer.got.len > 0));
    peer_send(&peer, STR("HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nhello"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(order.status, 413);
    CHECK_EQ(order.sent, 0);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 0);
    finish(&buyer, &order, &peer);
}

TEST(a_large_request_is_sent_whole)
{
    static char block[16 << 20];
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)('a' + i % 17);
    }
    struct str body[2] = { { block, 1000001 }, { block + 1000001, sizeof(block) - 1000001 } };
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.head = STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 16777216\r\n\r\n");
    order.call.body = body;
    order.call.body_count = 2;
    http_call_start(buyer.pool, &order.call);
    peer_accept(&peer, buyer.loop, buyer.listener);
    size_t whole = order.call.head.len + sizeof(block);
    UNTIL(buyer.loop, (peer_read(&peer), peer.got.len == whole));
    UNTIL(buyer.loop, order.sent == 1);
    CHECK(memcmp(peer.got.ptr + order.call.head.len, block, sizeof(block)) == 0);
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    finish(&buyer, &order, &peer);
}

/* ---- a source behind the body ------------------------------------------------------------- */

#define SOURCE_BYTES ((uint64_t)3 * 1024 * 1024 + 7)

static uint64_t source_fails_at; /* 0: nowhere */
static int source_failures;
static uint64_t source_stops_at; /* likewise: what follows is never there */
static bool source_waits;        /* each piece is asked for twice */
static struct http_call *source_reader;
static struct loop *source_loop;
static struct task source_task;
static uint64_t source_there; /* the piece that was fetched for it */

static char source_byte(uint64_t at)
{
    return (char)('a' + at % 23);
}

static void source_on_task(struct task *task)
{
    (void)task;
    http_call_ready(source_reader);
}

static enum err source_read(struct http_source *source, uint64_t at, struct str *ret_bytes)
{
    static char room[50000];
    CHECK(at < source->len);
    if (source_fails_at > 0 && at >= source_fails_at) {
        source_failures++;
        return ERR_STORE_FAILED;
    }
    if (source_stops_at > 0 && at >= source_stops_at) {
        return ERR_BUSY;
    }
    if (source_waits && source_there != at + 1) {
        source_there = at + 1;
        task_queue_next(source_loop, &source_task);
        return ERR_BUSY;
    }
    uint64_t left = source->len - at;
    size_t len = left < sizeof(room) ? (size_t)left : sizeof(room);
    for (size_t i = 0; i < len; i++) {
        room[i] = source_byte(at + i);
    }
    *ret_bytes = (struct str){ room, len };
    return ERR_OK;
}

static struct http_source source = { SOURCE_BYTES, source_read };
static const struct str source_front = STR_INIT("front ");

static void begin_source(struct order *order, struct buyer *buyer)
{
    order_init(order, buyer);
    order->call.body = &source_front;
    order->call.body_count = 1;
    order->call.source = &source;
    order->call.source_tail = STR(" tail");
    source_reader = &order->call;
    source_loop = buyer->loop;
    source_there = 0;
    task_init(&source_task, source_on_task);
    http_call_start(buyer->pool, &order->call);
}

static void check_source(const struct peer *peer)
{
    struct str text = peer_text(peer);
    size_t at = str_search(text, STR("\r\n\r\nfront ")) + 10;
    CHECK(at < text.len && text.len - at == SOURCE_BYTES + 5);
    for (uint64_t i = 0; i < SOURCE_BYTES; i++) {
        CHECK(text.ptr[at + i] == source_byte(i));
    }
}

TEST(a_source_is_sent_between_body_and_tail_and_again_on_a_fresh_connection)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    struct peer second;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    begin_source(&order, &buyer); /* on the kept connection, which dies */
    UNTIL(buyer.loop, peer_has(&peer, STR("front ab")));
    CHECK_EQ(order.sent, 0);
    peer_close(&peer);
    peer_accept(&second, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&second, STR(" tail")));
    check_source(&second);
    UNTIL(buyer.loop, order.sent == 1);
    peer_send(&second, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 1);
    finish(&buyer, &order, &second);
}

TEST(a_source_that_is_fetched_meanwhile_is_waited_for)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    source_waits = true;
    begin_source(&order, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR(" tail")));
    check_source(&peer);
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    http_call_ready(&order.call); /* it is over: nothing happens */
    source_waits = false;
    finish(&buyer, &order, &peer);
}

TEST(a_call_may_end_while_its_source_is_fetched)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    source_waits = true;
    begin_source(&order, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, source_there > 0);
    http_call_cancel(&order.call);
    UNTIL(buyer.loop, !node_linked(&source_task.node));
    CHECK_EQ(order.ends + order.failures, 0);
    source_waits = false;
    finish(&buyer, &order, &peer);
}

TEST(a_source_that_fails_ends_the_call)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    source_fails_at = 200000;
    begin_source(&order, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, order_over(&order) || (peer_has(&peer, STR("x")) && false));
    CHECK_EQ(order.failures, 1);
    CHECK_EQ(order.err, ERR_STORE_FAILED);
    CHECK_EQ(source_failures, 1); /* it is not asked again for a call that ends */
    source_failures = 0;
    source_fails_at = 0;
    finish(&buyer, &order, &peer);
}

TEST(a_source_that_is_busy_for_too_long_is_no_fault_of_the_upstream)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    source_stops_at = 200000;
    begin_source(&order, &buyer);
    order.call.first_byte_ns = 10 * MS; /* it has no connection yet */
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.failures, 1);
    CHECK_EQ(order.err, ERR_UPLOAD_FAILED);
    source_stops_at = 0;
    finish(&buyer, &order, &peer);
}

TEST(an_answer_before_the_source_is_sent_is_an_answer)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    source_stops_at = 200000;
    begin_source(&order, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    peer_send(&peer, STR("HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno"));
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.ends, 1);
    CHECK_EQ(order.status, 413);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 0);
    source_stops_at = 0;
    finish(&buyer, &order, &peer);
}
