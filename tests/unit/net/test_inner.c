/* Exchanges without a connection: their owners hear what a client would read, and no more. */
#include "net/inner.h"

#include <stdio.h>

#include "base/mem.h"
#include "loop/sim.h"
#include "shop.h"

/* Who asks. */
struct asker {
    struct http_inner inner;
    struct shop *shop;
    int status;
    struct buf headers;
    struct buf got;
    int bodies;
    int ends;
    int failures;
    enum err failed;
    bool pausing;   /* after each piece */
    bool leaves_at; /* cancels at the first piece */
    bool again;     /* asks once more when it has its answer */
};

static struct asker *asker_of(struct http_inner *inner)
{
    return EP_CONTAINER(inner, struct asker, inner);
}

static enum err asker_start(struct asker *asker, struct http_inner_request request)
{
    return http_inner_start(asker->shop->server, &request, &asker->inner);
}

static const struct http_inner_request asker_plain = {
    .method = STR_INIT("POST"),
    .target = STR_INIT("/v1/x"),
    .headers = STR_INIT("x-one: 1\r\n"),
};

static void asker_on_head(struct http_inner *inner, int status, struct str headers)
{
    struct asker *asker = asker_of(inner);
    CHECK_EQ(asker->status, 0);
    asker->status = status;
    EP_IGNORE(buf_append(&asker->headers, headers)); /* fails where memory is made to */
}

static void asker_on_body(struct http_inner *inner, struct str data)
{
    struct asker *asker = asker_of(inner);
    CHECK(asker->status != 0 && data.len > 0);
    asker->bodies++;
    EP_IGNORE(buf_append(&asker->got, data));
    if (asker->pausing) {
        http_inner_pause(inner);
    }
    if (asker->leaves_at) {
        http_inner_cancel(inner);
    }
}

static void asker_on_end(struct http_inner *inner)
{
    struct asker *asker = asker_of(inner);
    CHECK(!http_inner_is_open(inner));
    asker->ends++;
    if (asker->again) {
        asker->again = false;
        asker->status = 0;
        CHECK_EQ(asker_start(asker, asker_plain), ERR_OK);
    }
}

static void asker_on_failed(struct http_inner *inner, enum err err)
{
    struct asker *asker = asker_of(inner);
    CHECK(!http_inner_is_open(inner));
    asker->failures++;
    asker->failed = err;
}

static const struct http_inner_events asker_events = {
    .on_head = asker_on_head,
    .on_body = asker_on_body,
    .on_end = asker_on_end,
    .on_failed = asker_on_failed,
};

static void asker_init(struct asker *asker, struct shop *shop)
{
    *asker = (struct asker){ .shop = shop };
    http_inner_init(&asker->inner, &asker_events);
    buf_init(&asker->headers, 1 << 16);
    buf_init(&asker->got, (size_t)64 << 20);
}

static void asker_fini(struct asker *asker)
{
    CHECK(!http_inner_is_open(&asker->inner));
    buf_fini(&asker->headers);
    buf_fini(&asker->got);
}

static void open_shop(struct shop *shop, struct asker *asker, void (*serve)(struct http_exchange *))
{
    shop_open(shop, serve);
    asker_init(asker, shop);
}

static void close_shop(struct shop *shop, struct asker *asker)
{
    test_settle(shop->loop);
    CHECK_EQ(http_server_exchanges(shop->server), 0);
    asker_fini(asker);
    shop_close(shop);
}

static void serve_echo(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    const struct http1_head *head = http_exchange_head(x);
    CHECK_EQ(head->method, HTTP1_POST);
    CHECK_STR(http1_header(head, STR("X-One")), STR("1"));
    CHECK(!http_exchange_peer_uid(x, &(unsigned){ 0 }));
    CHECK_EQ(http_exchange_tls_name(x).len, 0);
    http_respond(x, 201, STR("x-two: 2\r\n"), buf_str(&shop->body));
}

TEST(an_answer_in_one_piece_comes_to_who_asked)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, serve_echo);
    struct buf body;
    buf_init(&body, 100);
    CHECK_EQ(buf_append(&body, STR("hello")), ERR_OK);
    struct http_inner_request request = asker_plain;
    request.body = &body;
    CHECK_EQ(asker_start(&asker, request), ERR_OK);
    CHECK_EQ(body.len, 0);
    CHECK_EQ(shop.requests, 0); /* no function calls back */
    CHECK_EQ(http_server_exchanges(shop.server), 1);
    UNTIL(shop.loop, asker.ends == 1);
    CHECK_EQ(asker.status, 201);
    CHECK_STR(buf_str(&asker.headers), STR("x-two: 2\r\n"));
    CHECK_STR(buf_str(&asker.got), STR("hello"));
    CHECK_EQ(http_server_connections(shop.server), 0);
    close_shop(&shop, &asker);
}

TEST(a_request_may_follow_in_the_end_of_another)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_hello);
    asker.again = true;
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, asker.ends == 2);
    CHECK_STR(buf_str(&asker.got), STR("hellohello"));
    close_shop(&shop, &asker);
}

static void serve_nothing(struct http_exchange *x)
{
    http_respond(x, 204, STR_EMPTY, STR("never told"));
}

TEST(a_status_without_a_body_has_none)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, serve_nothing);
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, asker.ends == 1);
    CHECK_EQ(asker.status, 204);
    CHECK_EQ(asker.bodies, 0);
    struct http_inner_request request = asker_plain;
    request.method = STR("HEAD");
    shop.serve = shop_hello;
    asker.status = 0;
    CHECK_EQ(asker_start(&asker, request), ERR_OK);
    UNTIL(shop.loop, asker.ends == 2);
    CHECK_EQ(asker.status, 200);
    CHECK_EQ(asker.bodies, 0);
    close_shop(&shop, &asker);
}

TEST(a_stream_comes_as_it_is_made)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_keep);
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR("a: b\r\n"));
    CHECK_EQ(asker.status, 0);
    UNTIL(shop.loop, asker.status == 200);
    const struct str parts[] = { STR("one"), STR_EMPTY, STR(" two") };
    http_respond_body(shop.open, parts, 3);
    CHECK_EQ(http_respond_pending(shop.open), 7);
    UNTIL(shop.loop, asker.bodies == 1);
    CHECK_EQ(http_respond_pending(shop.open), 0);
    http_respond_last(shop.open, &STR(" three"), 1);
    UNTIL(shop.loop, asker.ends == 1);
    CHECK_STR(buf_str(&asker.got), STR("one two three"));
    close_shop(&shop, &asker);
}

TEST(what_is_broken_off_is_told_after_what_came)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_keep);
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &STR("half"), 1);
    http_exchange_abort(shop.open);
    UNTIL(shop.loop, asker.failures == 1);
    CHECK_EQ(asker.failed, ERR_NET_CLOSED);
    CHECK_EQ(asker.ends, 0);
    CHECK_STR(buf_str(&asker.got), STR("half"));
    close_shop(&shop, &asker);
}

TEST(a_slow_owner_is_waited_for_and_the_source_told_when_it_goes_on)
{
    static char block[65536];
    memset(block, 'x', sizeof(block));
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_keep);
    asker.pausing = true;
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &STR("x"), 1);
    UNTIL(shop.loop, asker.bodies == 1);
    for (int round = 0; round < 3; round++) {
        http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
        test_settle(shop.loop);
        CHECK_EQ(http_respond_pending(shop.open), sizeof(block));
        CHECK_EQ(shop.drained, round);
        http_inner_resume(&asker.inner);
        UNTIL(shop.loop, shop.drained == round + 1);
        CHECK_EQ(http_respond_pending(shop.open), 0);
    }
    http_respond_end(shop.open);
    test_settle(shop.loop);
    CHECK_EQ(asker.ends, 0);
    http_inner_resume(&asker.inner);
    UNTIL(shop.loop, asker.ends == 1);
    CHECK_EQ(asker.got.len, 3 * sizeof(block) + 1);
    close_shop(&shop, &asker);
}

TEST(more_than_may_wait_breaks_it_for_both)
{
    static char block[1000];
    struct http_server_options options = shop_options();
    options.queue_bytes_max = 1500;
    struct shop shop;
    struct asker asker;
    shop_open_with(&shop, options, shop_keep);
    asker_init(&asker, &shop);
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_inner_pause(&asker.inner);
    http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
    http_respond_body(shop.open, &(struct str){ block, sizeof(block) }, 1);
    CHECK_EQ(shop.gone, 0);
    UNTIL(shop.loop, shop.gone == 1);
    http_inner_resume(&asker.inner);
    UNTIL(shop.loop, asker.failures == 1);
    CHECK_EQ(asker.failed, ERR_LIMIT);
    close_shop(&shop, &asker);
}

TEST(an_owner_that_leaves_is_a_client_that_has_gone)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_keep);
    http_inner_cancel(&asker.inner); /* nothing to cancel */
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    http_inner_cancel(&asker.inner); /* before anybody has heard of it */
    test_settle(shop.loop);
    CHECK_EQ(shop.requests, 0);
    struct http_inner_request acted = asker_plain;
    acted.actor = &shop;
    CHECK_EQ(asker_start(&asker, acted), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    CHECK(http_inner_of(shop.open) == &asker.inner);
    CHECK(http_exchange_actor(shop.open) == &shop);
    http_inner_cancel(&asker.inner);
    CHECK(!http_inner_is_open(&asker.inner) && http_inner_of(shop.open) == NULL);
    CHECK(http_exchange_actor(shop.open) == NULL); /* it may have gone with its owner */
    http_respond_head(shop.open, 200, STR_EMPTY);  /* goes nowhere */
    http_respond_body(shop.open, &STR("x"), 1);
    CHECK_EQ(shop.gone, 0);
    UNTIL(shop.loop, shop.gone == 1);
    /* Its source ends in the same turn: no word of it is told. */
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_inner_cancel(&asker.inner);
    http_respond(shop.open, 200, STR_EMPTY, STR("x"));
    test_settle(shop.loop);
    CHECK_EQ(shop.gone, 1);
    /* And the answer was over already. */
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.requests == 3);
    http_inner_pause(&asker.inner);
    http_respond(shop.open, 200, STR_EMPTY, STR("x"));
    test_settle(shop.loop);
    http_inner_cancel(&asker.inner);
    close_shop(&shop, &asker);
    CHECK_EQ(asker.ends + asker.failures + asker.bodies, 0);
}

TEST(an_owner_may_leave_in_its_own_callback)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_keep);
    asker.leaves_at = true;
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond_head(shop.open, 200, STR_EMPTY);
    http_respond_body(shop.open, &STR("x"), 1);
    UNTIL(shop.loop, shop.gone == 1);
    asker.status = 0;
    CHECK_EQ(asker_start(&asker, asker_plain), ERR_OK);
    UNTIL(shop.loop, shop.open != NULL);
    http_respond(shop.open, 200, STR_EMPTY, STR("y"));
    test_settle(shop.loop);
    CHECK_STR(buf_str(&asker.got), STR("xy"));
    CHECK_EQ(asker.ends, 0);
    close_shop(&shop, &asker);
}

TEST(who_stands_in_for_a_client_reads_the_answer_as_it_did)
{
    struct shop shop;
    struct asker asker;
    struct http_exchange *x = NULL;
    open_shop(&shop, &asker, serve_echo);
    CHECK_EQ(http_inner_stand_in(shop.server, 5, &asker.inner, &x), ERR_OK);
    CHECK_EQ(http_server_exchanges(shop.server), 1);
    CHECK(http_exchange_head(x) == NULL && http_inner_of(x) == &asker.inner);
    CHECK_EQ(http_exchange_begun_ns(x), 5);
    http_inner_pause(&asker.inner);
    http_respond_head(x, 200, STR("x-two: 2\r\n"));
    http_respond_body(x, &STR("hello"), 1);
    test_settle(shop.loop);
    CHECK_EQ(shop.requests, 0); /* nobody is asked */
    CHECK(asker.status == 0 && http_respond_pending(x) == 5);
    http_inner_resume(&asker.inner);
    test_settle(shop.loop);
    CHECK_EQ(asker.status, 200);
    CHECK_STR(buf_str(&asker.got), STR("hello"));
    shop.open = x;
    http_inner_cancel(&asker.inner);
    test_settle(shop.loop);
    CHECK_EQ(shop.gone, 1);
    CHECK_EQ(http_inner_stand_in(shop.server, 5, &asker.inner, &x), ERR_OK);
    http_exchange_abort(x);
    http_inner_cancel(&asker.inner); /* at once: nothing is told any more */
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    CHECK_EQ(asker.failures, 0);
    close_shop(&shop, &asker);
}

TEST(a_request_that_is_none_is_not_begun)
{
    static const struct {
        struct http_inner_request request;
        enum err err;
    } cases[] = {
        { { STR_INIT("POST"), STR_INIT("/a b"), STR_INIT(""), NULL, { 0 }, NULL },
          ERR_HTTP_SYNTAX },
        { { STR_INIT("PO ST"), STR_INIT("/a"), STR_INIT(""), NULL, { 0 }, NULL }, ERR_HTTP_SYNTAX },
        { { STR_INIT(""), STR_INIT("/a"), STR_INIT(""), NULL, { 0 }, NULL }, ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"), STR_INIT(""), STR_INIT(""), NULL, { 0 }, NULL }, ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"), STR_INIT("/a"), STR_INIT("x\r\n"), NULL, { 0 }, NULL },
          ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"), STR_INIT("/a"), STR_INIT("x: y"), NULL, { 0 }, NULL },
          ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"),
            STR_INIT("/a"),
            STR_INIT("x: y\r\n\r\nGET / HTTP/1.1\r\n"),
            NULL,
            { 0 },
            NULL },
          ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"), STR_INIT("/a"), STR_INIT("host: two\r\n"), NULL, { 0 }, NULL },
          ERR_HTTP_SYNTAX },
        { { STR_INIT("POST"),
            STR_INIT("/a"),
            STR_INIT("content-length: 4\r\n"),
            NULL,
            { 0 },
            NULL },
          ERR_HTTP_SYNTAX },
    };
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, shop_hello);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_EQ(asker_start(&asker, cases[i].request), cases[i].err);
        CHECK(!http_inner_is_open(&asker.inner));
    }
    CHECK_EQ(http_server_exchanges(shop.server), 0);
    close_shop(&shop, &asker);
}

TEST(heads_and_bodies_have_the_bounds_of_any_request)
{
    static char text[3000];
    memset(text, 'a', sizeof(text));
    struct http_server_options options = shop_options();
    options.head_bytes_max = 2000;
    options.body_bytes_max = 2000;
    struct shop shop;
    struct asker asker;
    shop_open_with(&shop, options, shop_hello);
    asker_init(&asker, &shop);
    struct http_inner_request request = asker_plain;
    text[0] = '/';
    request.target = (struct str){ text, sizeof(text) };
    CHECK_EQ(asker_start(&asker, request), ERR_HTTP_HEAD_SIZE);
    struct buf body;
    buf_init(&body, sizeof(text));
    CHECK_EQ(buf_append(&body, request.target), ERR_OK);
    request = asker_plain;
    request.body = &body;
    CHECK_EQ(asker_start(&asker, request), ERR_HTTP_BODY_SIZE);
    CHECK_EQ(body.len, sizeof(text)); /* still its maker's */
    buf_fini(&body);
    close_shop(&shop, &asker);
}

/* ---- who asks ----------------------------------------------------------------------------- */

static struct http_from seen_from;
static const void *seen_actor;

static void serve_from(struct http_exchange *x)
{
    http_exchange_from(x, &seen_from);
    seen_actor = http_exchange_actor(x);
    shop_hello(x);
}

TEST(who_asks_is_what_was_said_whatever_the_headers_say)
{
    struct ip_block everybody[2];
    CHECK(ip_block_parse(STR("0.0.0.0/0"), &everybody[0]));
    CHECK(ip_block_parse(STR("::/0"), &everybody[1]));
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, serve_from);
    http_server_trust(shop.server, everybody, 2);
    struct http_inner_request request = asker_plain;
    request.headers = STR("x-forwarded-for: 9.9.9.9\r\n");
    request.from.known = true;
    request.from.link = STR("link-a");
    request.actor = &shop;
    CHECK(ip_parse(STR("203.0.113.7"), &request.from.client));
    CHECK_EQ(asker_start(&asker, request), ERR_OK);
    UNTIL(shop.loop, asker.ends == 1);
    CHECK(seen_from.known && ip_eq(&seen_from.client, &request.from.client));
    CHECK_STR(seen_from.link, STR("link-a"));
    CHECK(seen_actor == &shop);
    request.from = (struct http_from){ 0 };
    asker.status = 0;
    CHECK_EQ(asker_start(&asker, request), ERR_OK);
    UNTIL(shop.loop, asker.ends == 2);
    CHECK(!seen_from.known && seen_from.link.len == 0);
    close_shop(&shop, &asker);
}

TEST(a_connections_facts_can_be_handed_on)
{
    struct shop shop;
    struct asker asker;
    open_shop(&shop, &asker, serve_from);
    struct address any = test_address("127.0.0.1:0");
    struct address bound;
    const struct http_listen listen = { .address = &any, .link = STR_INIT("link-b") };
    CHECK_EQ(http_server_listen_as(shop.server, &listen, &bound, NULL), ERR_OK);
    struct peer peer;
    peer_connect(&peer, &bound, 0);
    peer_send(&peer, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    UNTIL(shop.loop, peer_has(&peer, STR("hello")));
    struct ip self;
    CHECK(ip_parse(STR("127.0.0.1"), &self));
    CHECK(seen_from.known && ip_eq(&seen_from.client, &self));
    CHECK(seen_actor == NULL); /* whatever a client sends */
    CHECK_STR(http_server_link(shop.server, seen_from.link), STR("link-b"));
    CHECK_EQ(http_server_link(shop.server, STR("link-c")).len, 0);
    CHECK_EQ(http_server_link(shop.server, STR_EMPTY).len, 0);
    peer_close(&peer);
    close_shop(&shop, &asker);
}

/* ---- without memory, and in the simulated world --------------------------------------------- */

static void serve_streamed(struct http_exchange *x)
{
    http_respond_head(x, 200, STR("a: b\r\n"));
    http_respond_body(x, &STR("one"), 1);
    http_respond_last(x, &STR("two"), 1);
}

/* The callbacks' own buffers are among what fails. */
static void ask_without_memory(void)
{
    struct sim *sim = NULL;
    struct sim_options sim_options = sim_options_default(7);
    struct http_server_options options = shop_options();
    struct shop shop = { .serve = serve_streamed };
    struct asker asker;
    options.owner = &shop;
    asker_init(&asker, &shop);
    if (sim_create(&sim_options, &sim, NULL) != ERR_OK) {
        return;
    }
    if (loop_create_sim(sim, &shop.loop, NULL) != ERR_OK) {
        sim_destroy(sim);
        return;
    }
    if (http_server_create(shop.loop, &options, &shop.server, NULL) == ERR_OK) {
        struct buf body;
        buf_init(&body, 100);
        struct http_inner_request request = asker_plain;
        request.body = &body;
        enum err err = buf_append(&body, STR("text"));
        err = err == ERR_OK ? asker_start(&asker, request) : err;
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        sim_run(sim, INT64_MAX);
        CHECK_EQ(asker.ends + asker.failures, err == ERR_OK ? 1 : 0);
        CHECK(asker.failures == 0 || asker.failed == ERR_NO_MEMORY);
        CHECK_EQ(http_server_exchanges(shop.server), 0);
        buf_fini(&body);
        http_server_destroy(shop.server);
    }
    loop_destroy(shop.loop);
    sim_destroy(sim);
    buf_fini(&shop.body);
    asker_fini(&asker);
}

TEST(memory_may_run_out_at_any_request)
{
    CHECK(test_each_allocation_failing(ask_without_memory) > 4);
}
