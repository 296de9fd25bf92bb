#include "net/server.h"

#include <stdio.h>

#include "base/mem.h"
#include "shop.h"

TEST(a_request_is_answered_in_one_piece)
{
    int64_t blocks = mem_blocks_open();
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    peer_send(&peer, STR("GET /a HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    struct str text = peer_text(&peer);
    CHECK(str_starts(text, STR("HTTP/1.1 200 OK\r\ndate: ")));
    CHECK(
        str_ends(text, STR(" GMT\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nhello")));
    CHECK_STR(str_from(shop.target), STR("/a"));
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    CHECK_EQ(http_server_connections(shop.server), 1);
    peer_close(&peer);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    shop_close(&shop);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_connection_is_kept_for_the_next_request)
{
    struct shop shop;
    struct peer peer;
    shop_open(&shop, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    for (size_t i = 1; i <= 3; i++) {
        peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
        UNTIL(shop.loop, peer_count(&peer, STR("hello")) == i);
    }
    CHECK_EQ(shop.requests, 3);
    CHECK_EQ(http_server_connections(shop.server), 1);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(an_idle_connection_is_closed_without_a_word)
{
    struct http_server_options options = shop_options();
    options.idle_ns = 5 * MS;
    struct shop shop;
    struct peer peer;
    shop_open_with(&shop, options, shop_hello);
    peer_connect(&peer, &shop.address, 0);
    UNTIL(shop.loop, peer_gone(&peer));
    CHECK_EQ(peer.got.len, 0);
    CHECK_EQ(shop.bad, 0);
    peer_close(&peer);
    shop_close(&shop);
}

TEST(connections_above_the_limit_are_refused)
{
    struct http_server_options options = shop_options();
    options.connections_max = 1;
    struct shop shop;
    struct peer first;
    struct peer second;
    shop_open_with(&shop, options, shop_hello);
    peer_connect(&first, &shop.address, 0);
    UNTIL(shop.loop, http_server_connections(shop.server) == 1);
    peer_connect(&second, &shop.address, 0);
    UNTIL(shop.loop, peer_gone(&second));
    peer_send(&first, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&first, STR("hello")));
    peer_close(&first);
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    struct peer third;
    peer_connect(&third, &shop.address, 0);
    UNTIL(shop.loop, http_server_connections(shop.server) == 1);
    peer_close(&second);
    peer_close(&third);
    shop_close(&shop);
}

TEST(a_drained_server_closes_what_is_idle_and_lets_the_rest_finish)
{
    struct shop shop;
    struct peer idle;
    struct peer busy;
    shop_open(&shop, shop_keep);
    peer_connect(&idle, &shop.address, 0);
    peer_connect(&busy, &shop.address, 0);
    peer_send(&busy, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL && http_server_connections(shop.server) == 2);
    http_server_stop_accepting(shop.server);
    http_server_drain(shop.server);
    UNTIL(shop.loop, peer_gone(&idle));
    CHECK(!peer_gone(&busy));
    shop_hello(shop.open);
    UNTIL(shop.loop, peer_gone(&busy));
    CHECK(peer_has(&busy, STR("connection: close\r\n")));
    CHECK(str_ends(peer_text(&busy), STR("hello")));
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    peer_close(&idle);
    peer_close(&busy);
    shop_close(&shop);
}

/* A part of a request is no exchange, and would be one as soon as the rest comes. */
TEST(what_is_closed_at_once_hears_no_request_that_was_coming_in)
{
    struct shop shop;
    struct peer half;
    shop_open(&shop, shop_keep);
    peer_connect(&half, &shop.address, 0);
    peer_send(&half, STR("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhel"));
    UNTIL(shop.loop, http_server_connections(shop.server) == 1);
    for (int i = 0; i < 20; i++) {
        (void)loop_turn(shop.loop, false); /* it has been read */
    }
    http_server_stop_accepting(shop.server);
    http_server_drain(shop.server);
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    CHECK_EQ(http_server_connections(shop.server), 1);
    http_server_close_all(shop.server);
    peer_send(&half, STR("lo"));
    UNTIL(shop.loop, peer_gone(&half));
    UNTIL(shop.loop, http_server_connections(shop.server) == 0);
    CHECK(shop.open == NULL);
    peer_close(&half);
    shop_close(&shop);
}

TEST(a_server_that_has_stopped_accepting_cannot_be_reached)
{
    struct shop shop;
    shop_open(&shop, shop_hello);
    http_server_stop_accepting(shop.server);
    (void)loop_turn(shop.loop, false);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, &shop.address.sock.any, shop.address.len) != 0);
    (void)close(fd);
    shop_close(&shop);
}

TEST(a_port_that_is_not_ours_to_take_is_reported)
{
    struct shop shop;
    shop_open(&shop, shop_hello);
    struct address address = test_address("192.0.2.1:80");
    struct fail fail;
    CHECK_EQ(http_server_listen(shop.server, &address, NULL, NULL, &fail), ERR_IO);
    CHECK(str_search(str_from(fail.text), STR("192.0.2.1:80")) < strlen(fail.text));
    shop_close(&shop);
}

static void shop_tell_peer(struct http_exchange *x)
{
    struct address peer;
    char text[64];
    char body[128];
    unsigned uid = 0;
    http_exchange_peer(x, &peer);
    address_print(&peer, text, sizeof(text));
    bool known = http_exchange_peer_uid(x, &uid);
    int len = snprintf(body, sizeof(body), "[%s %d %u]", text, known, uid);
    http_respond(x, 200, STR_EMPTY, (struct str){ body, (size_t)len });
}

TEST(a_unix_socket_is_served_and_its_user_is_known)
{
    struct shop shop;
    struct peer peer;
    char path[64];
    struct address address;
    struct address tcp_address;
    shop_open(&shop, shop_tell_peer);
    int len = snprintf(path, sizeof(path), "/tmp/net-test-%d.sock", (int)getpid());
    CHECK(address_unix((struct str){ path, (size_t)len }, &address));
    CHECK_EQ(http_server_listen(shop.server, &address, NULL, NULL, NULL), ERR_OK);
    peer_connect(&peer, &address, 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("]")));
    char want[64];
    len = snprintf(want, sizeof(want), "[unix 1 %u]", (unsigned)getuid());
    CHECK(str_ends(peer_text(&peer), (struct str){ want, (size_t)len }));
    peer_close(&peer);
    (void)unlink(path);

    peer_connect(&peer, &shop.address, 0);
    socklen_t size = sizeof(tcp_address.sock);
    CHECK_EQ(getsockname(peer.fd, &tcp_address.sock.any, &size), 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("]")));
    len = snprintf(want, sizeof(want), "[127.0.0.1:%u 0 0]", (unsigned)test_port(&tcp_address));
    CHECK(str_ends(peer_text(&peer), (struct str){ want, (size_t)len }));
    peer_close(&peer);
    shop_close(&shop);
}

TEST(the_head_of_an_exchange_lasts_while_others_come)
{
    struct shop shop;
    struct peer first;
    struct peer second;
    shop_open(&shop, shop_keep);
    peer_connect(&first, &shop.address, 0);
    peer_send(&first, STR("GET /first HTTP/1.1\r\nhost: x\r\nx-note: one\r\n\r\n"));
    UNTIL(shop.loop, shop.open != NULL);
    struct http_exchange *x = shop.open;
    struct str kept = http1_header(http_exchange_head(x), STR("X-Note"));
    http_exchange_own(x, &shop);

    shop.serve = shop_hello;
    peer_connect(&second, &shop.address, 0);
    peer_send(&second, STR("GET /second HTTP/1.1\r\nhost: x\r\nx-note: two\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&second, STR("hello")));
    CHECK_STR(kept, STR("one"));
    CHECK_STR(http_exchange_head(x)->target, STR("/first"));
    CHECK(http_exchange_owner(x) == &shop);
    CHECK(http_exchange_begun_ns(x) > 0);
    http_exchange_drop_head(x);
    CHECK(http_exchange_head(x) == NULL);
    shop_hello(x);
    UNTIL(shop.loop, peer_has(&first, STR("hello")));
    peer_close(&first);
    peer_close(&second);
    shop_close(&shop);
}

static void shop_serve_without_memory(void)
{
    /* A run in which any one request for memory fails: the connection may be lost, no more. */
    struct loop *loop = NULL;
    if (loop_create_real(&loop, NULL) != ERR_OK) {
        return;
    }
    struct shop shop = { .loop = loop, .serve = shop_hello };
    struct http_server_options options = shop_options();
    options.owner = &shop;
    buf_init(&shop.body, 1);
    struct address any = test_address("127.0.0.1:0");
    if (http_server_create(loop, &options, &shop.server, NULL) == ERR_OK &&
        http_server_listen(shop.server, &any, NULL, &shop.address, NULL) == ERR_OK) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(connect(fd, &shop.address.sock.any, shop.address.len), 0);
        CHECK_EQ(send(fd, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx", 49, 0), 49);
        test_settle(loop);
        (void)send(fd, "y", 1, MSG_NOSIGNAL); /* it may be closed by now */
        test_settle(loop);
        (void)close(fd);
        test_settle(loop);
    }
    shop_close(&shop);
}

TEST(without_memory_a_connection_is_lost_and_nothing_else)
{
    int64_t blocks = mem_blocks_open();
    CHECK(test_each_allocation_failing(shop_serve_without_memory) > 4);
    CHECK_EQ(mem_blocks_open(), blocks);
}
