/* Bodies that are told as they come: in any pieces, held, answered early, stalled, broken, gone. */
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "shop.h"

static struct buf told;  /* of the body */
static struct str early; /* what on_upload answers, if anything */
static size_t hold_at;   /* bytes after which the body is held */
static int uploads;
static int broken;
static enum err broken_err;
static bool tell_broken;

static bool upload_takes(struct http_exchange *x)
{
    return str_starts(http_exchange_head(x)->target, STR("/up"));
}

static void upload_begins(struct http_exchange *x)
{
    uploads++;
    shop_of(x)->open = x;
    if (early.len > 0) {
        http_respond(x, 401, STR(""), early);
        shop_of(x)->open = NULL;
    }
}

static void upload_piece(struct http_exchange *x, struct str data)
{
    CHECK(data.len > 0);
    CHECK(buf_append(&told, data) == ERR_OK);
    if (hold_at > 0 && told.len >= hold_at) {
        http_exchange_hold_body(x);
    }
}

static void upload_broken(struct http_exchange *x, enum err err)
{
    broken++;
    broken_err = err;
    if (tell_broken) {
        http_respond(x, err_info(err)->status, STR(""), STR("broken"));
        shop_of(x)->open = NULL;
    }
}

static const struct http_events upload_events = {
    .takes = upload_takes,
    .on_upload = upload_begins,
    .on_piece = upload_piece,
    .on_broken = upload_broken,
    .on_request = shop_on_request,
    .on_gone = shop_on_gone,
    .on_bad = shop_on_bad,
};

static void serve(struct http_exchange *x)
{
    shop_of(x)->open = NULL;
    shop_hello(x);
}

static void open_shop(struct shop *shop, struct peer *peer, int64_t stall_ns)
{
    struct http_server_options options = shop_options();
    options.events = &upload_events;
    options.stall_ns = stall_ns;
    options.body_bytes_max = 100; /* of other bodies */
    buf_fini(&told);
    buf_init(&told, 1 << 24);
    early = STR_EMPTY;
    hold_at = 0;
    uploads = broken = 0;
    broken_err = ERR_OK;
    tell_broken = true;
    shop_open_with(shop, options, serve);
    peer_connect(peer, &shop->address, 0);
}

static void close_shop(struct shop *shop, struct peer *peer)
{
    peer_close(peer);
    UNTIL(shop->loop, http_server_connections(shop->server) == 0);
    CHECK_EQ(http_server_exchanges(shop->server), 0);
    shop_close(shop);
    buf_fini(&told);
}

TEST(a_body_is_told_at_every_split_and_the_next_request_follows)
{
    static const struct str texts[] = {
        STR_INIT("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nHELLO"
                 "GET /b HTTP/1.1\r\nhost: x\r\n\r\n"),
        STR_INIT("POST /up HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                 "2\r\nHE\r\n3\r\nLLO\r\n0\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        for (size_t cut = 1; cut < texts[i].len; cut++) {
            struct shop shop;
            struct peer peer;
            open_shop(&shop, &peer, 10000 * MS);
            peer_send(&peer, str_slice(texts[i], 0, cut));
            for (int turn = 0; turn < 4; turn++) {
                (void)loop_turn(shop.loop, false);
            }
            peer_send(&peer, str_from_at(texts[i], cut));
            UNTIL(shop.loop, peer_count(&peer, STR("hello")) == 2);
            CHECK_STR(buf_str(&told), STR("HELLO"));
            CHECK_EQ(shop.body_len, 0);
            CHECK_EQ(uploads, 1);
            CHECK_EQ(shop.requests, 2);
            CHECK_STR(str_from(shop.target), STR("/b"));
            close_shop(&shop, &peer);
        }
    }
}

TEST(a_body_without_bytes_is_a_request)
{
    struct shop shop;
    struct peer peer;
    open_shop(&shop, &peer, 10000 * MS);
    peer_send(&peer, STR("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    peer_send(&peer, STR("POST /up HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                         "0\r\n\r\n"));
    UNTIL(shop.loop, peer_count(&peer, STR("hello")) == 2);
    CHECK_EQ(told.len, 0);
    close_shop(&shop, &peer);
}

#define MUCH ((size_t)4 << 20)

static void send_head(struct peer *peer, size_t size)
{
    char head[128];
    int len = snprintf(head, sizeof(head),
                       "POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: %zu\r\n\r\n", size);
    peer_send(peer, (struct str){ head, (size_t)len });
}

TEST(a_body_that_is_held_is_not_read_and_goes_on_when_resumed)
{
    static char zeros[64 * 1024];
    struct shop shop;
    struct peer peer;
    open_shop(&shop, &peer, 20 * MS); /* which does not run while it is held */
    hold_at = 1;
    send_head(&peer, MUCH);
    size_t sent = 0;
    while (sent < MUCH) {
        ssize_t len = send(peer.fd, zeros, sizeof(zeros), MSG_DONTWAIT);
        sent += len > 0 ? (size_t)len : 0;
        (void)loop_turn(shop.loop, false);
        if (len < 0 && told.len > 0) {
            break; /* the sockets are full, and it is held */
        }
    }
    int64_t until = test_now_ns() + 60 * MS;
    while (test_now_ns() < until) {
        (void)loop_turn(shop.loop, false);
    }
    CHECK(told.len >= 1 && told.len <= LOOP_SCRATCH_BYTES);
    CHECK_EQ(broken, 0);
    while (shop.requests == 0) {
        if (sent < MUCH) {
            size_t size = MUCH - sent < sizeof(zeros) ? MUCH - sent : sizeof(zeros);
            ssize_t len = send(peer.fd, zeros, size, MSG_DONTWAIT);
            sent += len > 0 ? (size_t)len : 0;
        }
        if (shop.open != NULL) {
            http_exchange_resume_body(shop.open);
        }
        (void)loop_turn(shop.loop, false);
    }
    CHECK_EQ(told.len, MUCH);
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    close_shop(&shop, &peer);
}

TEST(an_early_answer_ends_the_upload_and_the_connection)
{
    for (int expects = 0; expects < 2; expects++) {
        struct shop shop;
        struct peer peer;
        open_shop(&shop, &peer, 10000 * MS);
        early = STR("who are you");
        peer_send(&peer, STR("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n"));
        peer_send(&peer,
                  expects == 1 ? STR("expect: 100-continue\r\n\r\n") : STR("\r\nsome of it"));
        UNTIL(shop.loop, peer_gone(&peer));
        CHECK(str_starts(peer_text(&peer), STR("HTTP/1.1 401 ")));
        CHECK(peer_has(&peer, STR("connection: close\r\n")));
        CHECK(!peer_has(&peer, STR("100 Continue")));
        CHECK_EQ(told.len, 0);
        CHECK_EQ(shop.requests, 0);
        close_shop(&shop, &peer);
    }
}

TEST(a_client_that_waits_for_it_is_told_to_go_on)
{
    struct shop shop;
    struct peer peer;
    open_shop(&shop, &peer, 10000 * MS);
    peer_send(&peer, STR("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
                         "expect: 100-continue\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("HTTP/1.1 100 Continue\r\n\r\n")));
    CHECK_EQ(uploads, 1);
    peer_send(&peer, STR("HELLO"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    close_shop(&shop, &peer);
}

TEST(a_stalled_body_and_a_badly_framed_one_are_told)
{
    for (int later = 0; later < 2; later++) {
        struct shop shop;
        struct peer peer;
        open_shop(&shop, &peer, later == 0 ? 20 * MS : 10000 * MS);
        tell_broken = later == 0;
        peer_send(&peer, STR("POST /up HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                             "2\r\nHE\r\n"));
        UNTIL(shop.loop, told.len == 2);
        if (later == 1) {
            peer_send(&peer, STR("nonsense\r\n"));
        }
        UNTIL(shop.loop, broken == 1);
        CHECK_EQ(broken_err, later == 0 ? ERR_HTTP_TIMEOUT : ERR_HTTP_SYNTAX);
        if (later == 1) {
            http_respond(shop.open, 400, STR(""), STR("broken"));
            shop.open = NULL;
        }
        UNTIL(shop.loop, peer_gone(&peer));
        CHECK(peer_has(&peer, STR("connection: close\r\n")));
        CHECK(str_ends(peer_text(&peer), STR("broken")));
        CHECK_EQ(shop.requests, 0);
        close_shop(&shop, &peer);
    }
}

TEST(a_client_that_leaves_in_the_middle_is_gone)
{
    struct shop shop;
    struct peer peer;
    int64_t blocks = mem_blocks_open();
    open_shop(&shop, &peer, 10000 * MS);
    send_head(&peer, MUCH);
    peer_send(&peer, STR("some of it"));
    UNTIL(shop.loop, told.len > 0);
    CHECK_EQ(http_server_exchanges(shop.server), 1);
    peer_close(&peer);
    UNTIL(shop.loop, shop.gone == 1);
    CHECK_EQ(shop.requests, 0);
    close_shop(&shop, &peer);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(other_bodies_are_read_whole_within_their_limit)
{
    struct shop shop;
    struct peer peer;
    open_shop(&shop, &peer, 10000 * MS);
    peer_send(&peer, STR("POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nwhole"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    CHECK_EQ(shop.body_len, 5);
    CHECK_EQ(uploads, 0);
    peer_send(&peer, STR("POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 101\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR(" 413 ")));
    close_shop(&shop, &peer);
}
