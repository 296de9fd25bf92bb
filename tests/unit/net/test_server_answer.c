/* What goes out: in one piece or streamed, to clients fast, slow and gone. */
#include <stdio.h>

#include "base/mem.h"
#include "shop.h"

static void stream_two(struct http_exchange *x)
{
    http_respond_head(x, 200, STR("content-type: text/event-stream\r\n"));
    struct str parts[] = { STR("data: "), STR("one\n\n") };
    http_respond_body(x, parts, 2);
    http_respond_body(x, &STR_EMPTY, 1);
    http_respond_last(x, &STR("data: two\n\n"), 1);
}

static struct peer ask(struct shop *shop, struct str request)
{
    struct peer peer;
    peer_connect(&peer, &shop->address, 0);
    peer_send(&peer, request);
    return peer;
}

TEST(a_stream_is_chunked)
{
    struct shop shop;
    shop_open(&shop, stream_two);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("0\r\n\r\n")));
    CHECK(peer_has(&peer, STR("transfer-encoding: chunked\r\n")));
    CHECK(str_ends(peer_text(&peer), STR("\r\ncontent-type: text/event-stream\r\n\r\n"
                                         "b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n")));
    CHECK(!peer_gone(&peer));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_stream_to_an_old_client_ends_with_the_connection)
{
    struct shop shop;
    shop_open(&shop, stream_two);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(!peer_has(&peer, STR("transfer-encoding")));
    CHECK(peer_has(&peer, STR("connection: close\r\n")));
    CHECK(str_ends(peer_text(&peer), STR("\r\n\r\ndata: one\n\ndata: two\n\n")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(an_old_client_may_stay_if_it_asks_to)
{
    struct shop shop;
    shop_open(&shop, shop_hello);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    CHECK(peer_has(&peer, STR("connection: keep-alive\r\n")));
    peer_send(&peer, STR("GET / HTTP/1.0\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(peer_count(&peer, STR("hello")), 2);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_client_that_asks_to_close_is_closed)
{
    struct shop shop;
    shop_open(&shop, shop_hello);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(!peer.broken);
    CHECK(peer_has(&peer, STR("connection: close\r\n")));
    CHECK(str_ends(peer_text(&peer), STR("hello")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_head_request_gets_no_body)
{
    struct shop shop;
    shop_open(&shop, shop_hello);
    struct peer peer = ask(&shop, STR("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK(peer_has(&peer, STR("content-length: 5\r\n")));
    CHECK(str_ends(peer_text(&peer), STR("\r\n\r\n")));
    shop.serve = stream_two;
    peer_send(&peer, STR("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_count(&peer, STR("\r\n\r\n")) == 2);
    CHECK(!peer_has(&peer, STR("data")));
    shop.serve = shop_hello;
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    peer_close(&peer);
    shop_close(&shop);
}

static void shop_nothing(struct http_exchange *x)
{
    http_respond(x, 204, STR_EMPTY, STR("never sent"));
}

TEST(a_status_without_a_body_gets_none)
{
    struct shop shop;
    shop_open(&shop, shop_nothing);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK(!peer_has(&peer, STR("content-length")));
    CHECK(!peer_has(&peer, STR("never")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(the_head_of_a_stream_goes_out_though_no_body_follows)
{
    struct shop shop;
    shop_open(&shop, shop_keep);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    CHECK(http_respond_pending(shop.open) > 0);
    UNTIL(shop.loop, peer_has(&peer, STR("\r\n\r\n")));
    CHECK_EQ(http_respond_pending(shop.open), 0);
    http_respond_body(shop.open, &STR("x"), 1);
    UNTIL(shop.loop, peer_has(&peer, STR("1\r\nx\r\n")));
    http_respond_end(shop.open);
    UNTIL(shop.loop, str_ends(peer_text(&peer), STR("0\r\n\r\n")) || peer_gone(&peer));
    CHECK(!peer_gone(&peer));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_slow_reader_gets_all_and_its_source_is_told_when_to_go_on)
{
    static char block[65536];
    memset(block, 'x', sizeof(block));
    size_t total = 0;
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.0\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    for (int round = 0; round < 3; round++) {
        while (http_respond_pending(shop.open) < 4 * sizeof(block)) {
            http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
            total += sizeof(block);
        }
        CHECK_EQ(shop.drained, round);
        UNTIL(shop.loop, (peer_read_some(&peer, 5000), shop.drained == round + 1));
        CHECK(http_respond_pending(shop.open) <= HTTP_PENDING_LOW);
    }
    http_respond_end(shop.open);
    UNTIL(shop.loop, peer_gone(&peer));
    size_t head = str_search(peer_text(&peer), STR("\r\n\r\n")) + 4;
    CHECK_EQ(peer.got.len - head, total);
    CHECK_EQ(shop.gone, 0);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(an_answer_in_one_piece_may_be_larger_than_the_socket)
{
    static char block[8 << 20];
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = (char)('a' + i % 19);
    }
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_keep);
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    shop.serve = shop_hello;
    http_respond(shop.open, 200, STR_EMPTY, (struct str){ block, sizeof(block) });
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    UNTIL(shop.loop, (peer_read(&peer), peer.got.len > sizeof(block)));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    size_t head = str_search(peer_text(&peer), STR("\r\n\r\n")) + 4;
    CHECK(memcmp(peer.got.ptr + head, block, sizeof(block)) == 0);
    CHECK(str_starts(str_from_at(peer_text(&peer), head + sizeof(block)), STR("HTTP/1.1 200")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_client_that_reads_nothing_is_given_up)
{
    static char block[8 << 20];
    struct http_server_options options = shop_options();
    options.stall_ns = 20 * MS;
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_keep);
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
    UNTIL(shop.loop, shop.gone == 1);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    peer_close(&peer);
    /* Also when the answer has ended for its owner. */
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond(shop.open, 200, STR_EMPTY, (struct str){ block, sizeof(block) });
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    CHECK_EQ(shop.gone, 1);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(a_stream_that_only_waits_for_its_source_is_not_given_up)
{
    struct http_server_options options = shop_options();
    options.stall_ns = 100 * MS;
    options.idle_ns = 100 * MS;
    options.head_ns = 100 * MS;
    struct shop shop;
    shop_open_with(&shop, options, shop_keep);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    int64_t until_ns = test_now_ns() + 250 * MS;
    UNTIL(shop.loop, test_now_ns() > until_ns);
    CHECK_EQ(shop.gone, 0);
    http_respond_end(shop.open);
    UNTIL(shop.loop, peer_has(&peer, STR("0\r\n\r\n")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(more_than_may_wait_counts_as_gone)
{
    static char block[1 << 20];
    struct http_server_options options = shop_options();
    options.queue_bytes_max = 100000;
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_keep);
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    for (int i = 0; i < 16; i++) {
        http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
        CHECK_EQ(shop.gone, 0); /* told from the loop alone */
    }
    UNTIL(shop.loop, shop.gone == 1);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(writing_to_a_client_that_has_gone_is_harmless)
{
    struct shop shop;
    shop_open(&shop, shop_keep);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    struct http_exchange *x = shop.open;
    http_respond_head(x, 200, STR_EMPTY);
    peer_close(&peer);
    for (int i = 0; i < 5; i++) {
        http_respond_body(x, &STR("more"), 1);
    }
    CHECK_EQ(shop.gone, 0);
    UNTIL(shop.loop, shop.gone == 1);
    /* One that ends before it is told is not told any more. */
    peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    x = shop.open;
    http_respond_head(x, 200, STR_EMPTY);
    peer_close(&peer);
    for (int i = 0; i < 5; i++) {
        http_respond_body(x, &STR("more"), 1);
    }
    http_respond_end(x);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    CHECK_EQ(shop.gone, 1);
    shop_close(&shop);
}

TEST(an_aborted_stream_is_seen_to_be_cut)
{
    struct shop shop;
    shop_open(&shop, shop_keep);
    struct peer peer = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &STR("x"), 1);
    http_exchange_abort(shop.open);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK(str_ends(peer_text(&peer), STR("1\r\nx\r\n")));
    CHECK_EQ(shop.gone, 0);
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    peer_close(&peer);
    shop_close(&shop);
}

static void abort_at_once(struct http_exchange *x)
{
    http_exchange_abort(x);
}

static void end_on_drained(struct http_exchange *x)
{
    http_respond_end(x);
}

TEST(callbacks_may_end_their_exchange)
{
    static char block[8 << 20];
    struct shop shop;
    shop_open(&shop, abort_at_once);
    struct peer peer =
        ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(shop.requests, 1);
    peer_close(&peer);

    shop.serve = shop_keep;
    shop.drained_to = end_on_drained;
    peer_connect(&peer, &shop.address, 4096);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(shop.drained, 1);
    CHECK(str_ends(peer_text(&peer), STR("\r\n0\r\n\r\n")));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(an_idle_stream_keeps_little)
{
    enum {
        STREAMS = 400
    };
    static struct peer peers[STREAMS];
    static struct http_exchange *open[STREAMS];
    struct shop shop;
    shop_open(&shop, shop_keep);
    int64_t before = mem_blocks_open();
    for (int i = 0; i < STREAMS; i++) {
        peers[i] = ask(&shop, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
        shop.open = NULL;
        UNTIL(shop.loop, shop.open != NULL);
        http_exchange_drop_head(shop.open);
        http_respond_head(shop.open, 200, STR_EMPTY);
        http_respond_body(shop.open, &STR("x"), 1);
        open[i] = shop.open;
    }
    test_settle(shop.loop);
    /* Slabs of 64 KiB and the loop's timers; not a block for each. */
    CHECK(mem_blocks_open() - before < 10);
    for (int i = 0; i < STREAMS; i++) {
        http_exchange_abort(open[i]);
        peer_close(&peers[i]);
    }
    shop_close(&shop);
}
