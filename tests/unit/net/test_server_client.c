/* Who is behind a connection: PROXY headers, X-Forwarded-For, and whose word is taken for it. */
#include <stdio.h>

#include "base/mem.h"
#include "shop.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR      "\xdf\x05\x05\x05\x0a\x00\x00\x01\x12\x34\x01\xbb" /* 223.5.5.5 */
#define PROXY_4   SIGNATURE "\x21\x11\x00\x0c" FOUR
/* 10.0.0.9: a proxy among the trusted, in front of the one that speaks */
#define PROXY_10    SIGNATURE "\x21\x11\x00\x0c\x0a\x00\x00\x09\x0a\x00\x00\x01\x12\x34\x01\xbb"
#define PROXY_TLV   SIGNATURE "\x21\x11\x00\x11" FOUR "\x04\x00\x02zz"
#define PROXY_LOCAL SIGNATURE "\x20\x00\x00\x00"
#define PROXY_NONE  SIGNATURE "\x21\x00\x00\x00"
#define ASK         "GET / HTTP/1.1\r\nhost: x\r\n"
#define GET         ASK "\r\n"

/* "[ADDRESS LINK N]": N counts the exchanges on the connection, in its notes. */
static void shop_tell_client(struct http_exchange *x)
{
    struct ip ip;
    char text[IP_TEXT_MAX] = "nobody";
    char body[128];
    uint64_t *notes = http_exchange_notes(x);
    if (http_exchange_client(x, &ip)) {
        ip_print(&ip, text);
    }
    CHECK_EQ(notes[3], 0);
    notes[0]++;
    int len = snprintf(body, sizeof(body), "[%s " STR_FMT " %u]", text,
                       STR_ARG(http_exchange_link(x)), (unsigned)notes[0]);
    CHECK(len > 0 && (size_t)len < sizeof(body));
    http_respond(x, 200, STR_EMPTY, (struct str){ body, (size_t)len });
}

/* A shop with a plain way in, a way for proxies, and what they are trusted by. */
struct harbour {
    struct shop shop;
    struct address quay;
    struct ip_block trusted[2];
};

static void harbour_open_with(struct harbour *harbour, const char *proxies,
                              struct http_server_options options)
{
    struct address any = test_address("127.0.0.1:0");
    const struct http_listen listen = { .address = &any, .link = STR("sea-1"), .proxy = true };
    shop_open_with(&harbour->shop, options, shop_tell_client);
    CHECK_EQ(http_server_listen_as(harbour->shop.server, &listen, &harbour->quay, NULL), ERR_OK);
    CHECK(ip_block_parse(str_from(proxies), &harbour->trusted[0]));
    CHECK(ip_block_parse(STR("10.0.0.0/8"), &harbour->trusted[1]));
    http_server_trust(harbour->shop.server, harbour->trusted, 2);
}

static void harbour_open(struct harbour *harbour, const char *proxies)
{
    harbour_open_with(harbour, proxies, shop_options());
}

/* `text` is sent to the way in; the answer has `want`. */
static void check_told(struct harbour *harbour, const struct address *to, struct str text,
                       struct str want)
{
    struct peer peer;
    peer_connect(&peer, to, 0);
    peer_send(&peer, text);
    UNTIL(harbour->shop.loop, peer_has(&peer, STR("]")));
    if (!peer_has(&peer, want)) {
        test_failed(EP_SITE, "it says " STR_FMT ", not " STR_FMT, STR_ARG(peer_text(&peer)),
                    STR_ARG(want));
    }
    peer_close(&peer);
}

TEST(a_header_of_a_trusted_proxy_names_the_client)
{
    int64_t blocks = mem_blocks_open();
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.0/8");
    check_told(&harbour, &harbour.quay, STR(PROXY_4 GET), STR("[223.5.5.5 sea-1 1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_TLV GET), STR("[223.5.5.5 sea-1 1]"));
    /* Its client is no proxy: what it says of others is nothing. */
    check_told(&harbour, &harbour.quay, STR(PROXY_4 ASK "x-forwarded-for: 1.2.3.4\r\n\r\n"),
               STR("[223.5.5.5 sea-1 1]"));
    shop_close(&harbour.shop);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_client_that_is_itself_a_proxy_names_another)
{
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.0/8");
    check_told(&harbour, &harbour.quay,
               STR(PROXY_10 ASK "x-forwarded-for: 9.9.9.9, 1.2.3.4\r\n\r\n"),
               STR("[1.2.3.4 sea-1 1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_10 GET), STR("[nobody sea-1 1]"));
    shop_close(&harbour.shop);
}

TEST(a_proxys_own_connection_is_its_own)
{
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.0/8");
    check_told(&harbour, &harbour.quay, STR(PROXY_LOCAL GET), STR("[127.0.0.1 sea-1 1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_LOCAL ASK "x-forwarded-for: 1.2.3.4\r\n\r\n"),
               STR("[127.0.0.1 sea-1 1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_NONE GET), STR("[nobody sea-1 1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_NONE ASK "x-forwarded-for: 1.2.3.4\r\n\r\n"),
               STR("[nobody sea-1 1]"));
    shop_close(&harbour.shop);
}

TEST(a_header_holds_for_all_exchanges_of_its_connection)
{
    struct harbour harbour;
    struct peer peer;
    harbour_open(&harbour, "127.0.0.0/8");
    peer_connect(&peer, &harbour.quay, 0);
    peer_send(&peer, STR(PROXY_4 GET GET));
    UNTIL(harbour.shop.loop, peer_has(&peer, STR("[223.5.5.5 sea-1 2]")));
    peer_send(&peer, STR(GET));
    UNTIL(harbour.shop.loop, peer_has(&peer, STR("[223.5.5.5 sea-1 3]")));
    peer_send(&peer, STR(PROXY_4 GET)); /* a second one is no HTTP */
    UNTIL(harbour.shop.loop, peer_gone(&peer));
    CHECK(peer_has(&peer, STR("HTTP/1.1 400 ")));
    CHECK_EQ(harbour.shop.requests, 3);
    peer_close(&peer);
    shop_close(&harbour.shop);
}

TEST(any_pieces_give_the_same_client)
{
    struct str text = STR(PROXY_TLV GET);
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.0/8");
    for (size_t cut = 1; cut < text.len; cut++) {
        struct peer peer;
        peer_connect(&peer, &harbour.quay, 0);
        peer_send(&peer, str_slice(text, 0, cut));
        for (int i = 0; i < 4; i++) {
            (void)loop_turn(harbour.shop.loop, false);
        }
        peer_send(&peer, str_from_at(text, cut));
        UNTIL(harbour.shop.loop, peer_has(&peer, STR("[223.5.5.5 sea-1 1]")));
        peer_close(&peer);
    }
    struct peer peer;
    peer_connect(&peer, &harbour.quay, 0);
    for (size_t i = 0; i < text.len; i++) {
        peer_send(&peer, str_slice(text, i, i + 1));
        (void)loop_turn(harbour.shop.loop, false);
    }
    UNTIL(harbour.shop.loop, peer_has(&peer, STR("[223.5.5.5 sea-1 1]")));
    peer_close(&peer);
    shop_close(&harbour.shop);
}

/* Closed without a word, and nothing was served. */
static void check_closed(struct harbour *harbour, struct str text)
{
    struct peer peer;
    peer_connect(&peer, &harbour->quay, 0);
    if (text.len > 0) {
        peer_send(&peer, text);
    }
    UNTIL(harbour->shop.loop, peer_gone(&peer));
    CHECK_EQ(peer.got.len, 0);
    peer_close(&peer);
    UNTIL(harbour->shop.loop, http_server_connections(harbour->shop.server) == 0);
    CHECK_EQ(harbour->shop.requests, 0);
    CHECK_EQ(harbour->shop.bad, 0);
}

TEST(a_connection_without_a_good_header_is_closed)
{
    int64_t blocks = mem_blocks_open();
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.0/8");
    check_closed(&harbour, STR(GET));
    check_closed(&harbour, STR("PROXY TCP4 223.5.5.5 10.0.0.1 4660 443\r\n" GET));
    check_closed(&harbour, STR("\r\n\r\n" GET));
    check_closed(&harbour, STR(SIGNATURE "\x21\x11\x00\x0b" FOUR GET)); /* one byte too short */
    check_closed(&harbour, STR(SIGNATURE "\x21\x12\x00\x0c" FOUR GET)); /* datagrams */
    check_closed(&harbour, STR(SIGNATURE "\x21\x11\xff\xff" FOUR GET)); /* 64 KiB of it */
    shop_close(&harbour.shop);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_header_that_does_not_come_in_time_is_not_waited_for)
{
    struct http_server_options options = shop_options();
    struct harbour harbour;
    options.head_ns = 5 * MS;
    harbour_open_with(&harbour, "127.0.0.0/8", options);
    check_closed(&harbour, STR_EMPTY);
    check_closed(&harbour, STR(SIGNATURE "\x21\x11"));
    shop_close(&harbour.shop);
}

TEST(a_peer_that_leaves_in_its_header_is_forgotten)
{
    struct harbour harbour;
    struct peer peer;
    harbour_open(&harbour, "127.0.0.0/8");
    peer_connect(&peer, &harbour.quay, 0);
    peer_send(&peer, STR(SIGNATURE "\x21\x11"));
    UNTIL(harbour.shop.loop, http_server_connections(harbour.shop.server) == 1);
    test_settle(harbour.shop.loop);
    peer_close(&peer);
    UNTIL(harbour.shop.loop, http_server_connections(harbour.shop.server) == 0);
    peer_connect(&peer, &harbour.quay, 0);
    peer_send(&peer, STR(SIGNATURE "\x21\x11"));
    CHECK_EQ(shutdown(peer.fd, SHUT_WR), 0);
    UNTIL(harbour.shop.loop, peer_gone(&peer));
    peer_close(&peer);
    peer_connect(&peer, &harbour.quay, 0);
    UNTIL(harbour.shop.loop, http_server_connections(harbour.shop.server) == 1);
    http_server_drain(harbour.shop.server);
    UNTIL(harbour.shop.loop, peer_gone(&peer));
    peer_close(&peer);
    shop_close(&harbour.shop);
}

TEST(a_header_of_anybody_else_is_not_read)
{
    struct harbour harbour;
    harbour_open(&harbour, "192.0.2.1");
    check_closed(&harbour, STR_EMPTY);
    http_server_trust(harbour.shop.server, NULL, 0);
    check_closed(&harbour, STR_EMPTY);
    /* Trust may change while the server runs. */
    CHECK(ip_block_parse(STR("127.0.0.1"), &harbour.trusted[0]));
    http_server_trust(harbour.shop.server, harbour.trusted, 1);
    check_told(&harbour, &harbour.quay, STR(PROXY_4 GET), STR("[223.5.5.5 sea-1 1]"));
    shop_close(&harbour.shop);
}

TEST(x_forwarded_for_is_believed_of_a_trusted_peer_alone)
{
    struct harbour harbour;
    harbour_open(&harbour, "192.0.2.1");
    check_told(&harbour, &harbour.shop.address, STR(GET), STR("[127.0.0.1  1]"));
    check_told(&harbour, &harbour.shop.address, STR(ASK "x-forwarded-for: 1.2.3.4\r\n\r\n"),
               STR("[127.0.0.1  1]"));
    CHECK(ip_block_parse(STR("127.0.0.1/32"), &harbour.trusted[0]));
    static const char *const cases[][2] = {
        { "x-forwarded-for: 1.2.3.4\r\n", "[1.2.3.4  1]" },
        { "x-forwarded-for: ::ffff:1.2.3.4\r\n", "[1.2.3.4  1]" },
        { "x-forwarded-for: 9.9.9.9, 1.2.3.4, 10.0.0.1\r\n", "[1.2.3.4  1]" },
        { "x-forwarded-for: 9.9.9.9\r\nx-forwarded-for: 1.2.3.4\r\n", "[1.2.3.4  1]" },
        { "forwarded: for=9.9.9.9\r\nx-forwarded-for: 1.2.3.4\r\n", "[1.2.3.4  1]" },
        /* Never the proxy's own address. */
        { "", "[nobody  1]" },
        { "forwarded: for=9.9.9.9\r\n", "[nobody  1]" },
        { "x-forwarded-for: 1.2.3.4, rubbish\r\n", "[nobody  1]" },
        { "x-forwarded-for: 10.0.0.1\r\n", "[nobody  1]" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[512];
        int len = snprintf(text, sizeof(text), "%s%s\r\n", ASK, cases[i][0]);
        CHECK(len > 0 && (size_t)len < sizeof(text));
        check_told(&harbour, &harbour.shop.address, (struct str){ text, (size_t)len },
                   str_from(cases[i][1]));
    }
    shop_close(&harbour.shop);
}

TEST(each_exchange_has_its_own_client)
{
    struct harbour harbour;
    struct peer peer;
    harbour_open(&harbour, "127.0.0.1");
    peer_connect(&peer, &harbour.shop.address, 0);
    peer_send(&peer, STR(ASK "x-forwarded-for: 1.2.3.4\r\n\r\n" ASK
                             "x-forwarded-for: 5.6.7.8\r\n\r\n" GET));
    UNTIL(harbour.shop.loop, peer_count(&peer, STR("]")) == 3);
    CHECK(peer_has(&peer, STR("[1.2.3.4  1]")));
    CHECK(peer_has(&peer, STR("[5.6.7.8  2]")));
    CHECK(peer_has(&peer, STR("[nobody  3]")));
    peer_close(&peer);
    shop_close(&harbour.shop);
}

static void shop_drop_and_tell(struct http_exchange *x)
{
    http_exchange_drop_head(x);
    shop_tell_client(x);
}

TEST(without_its_head_a_request_of_a_proxy_is_nobodys)
{
    struct harbour harbour;
    harbour_open(&harbour, "127.0.0.1");
    harbour.shop.serve = shop_drop_and_tell;
    check_told(&harbour, &harbour.shop.address, STR(ASK "x-forwarded-for: 1.2.3.4\r\n\r\n"),
               STR("[nobody  1]"));
    check_told(&harbour, &harbour.quay, STR(PROXY_4 GET), STR("[223.5.5.5 sea-1 1]"));
    shop_close(&harbour.shop);
}

TEST(both_families_are_one_address_and_a_unix_socket_is_none)
{
    struct harbour harbour;
    struct address six = test_address("[::]:0");
    struct address bound;
    struct address path;
    char name[64];
    int len = snprintf(name, sizeof(name), "/tmp/net-client-%d.sock", (int)getpid());
    harbour_open(&harbour, "192.0.2.1");
    CHECK(address_unix((struct str){ name, (size_t)len }, &path));
    CHECK_EQ(http_server_listen(harbour.shop.server, &path, NULL, NULL, NULL), ERR_OK);
    check_told(&harbour, &path, STR(GET), STR("[nobody  1]"));
    (void)unlink(name);
    if (http_server_listen(harbour.shop.server, &six, NULL, &bound, NULL) == ERR_OK) {
        struct address four = test_address("127.0.0.1:0");
        struct address loopback = test_address("[::1]:0");
        four.sock.v4.sin_port = bound.sock.v6.sin6_port;
        loopback.sock.v6.sin6_port = bound.sock.v6.sin6_port;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool dual = connect(fd, &four.sock.any, four.len) == 0; /* not where IPv6 only is set */
        (void)close(fd);
        if (dual) {
            check_told(&harbour, &four, STR(GET), STR("[127.0.0.1  1]"));
        }
        check_told(&harbour, &loopback, STR(GET), STR("[::1  1]"));
    }
    shop_close(&harbour.shop);
}
