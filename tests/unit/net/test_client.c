/* Pools: connections kept, shared, counted and given up. */
#include "net/client.h"

#include "base/mem.h"
#include "buyer.h"

TEST(a_call_is_sent_and_its_answer_told_in_order)
{
    int64_t blocks = mem_blocks_open();
    struct buyer buyer;
    struct order order;
    struct peer peer;
    struct str body[] = { STR("{\"a\":"), STR_EMPTY, STR("1}") };
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.head = STR("POST /v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n");
    order.call.body = body;
    order.call.body_count = 3;
    http_call_start(buyer.pool, &order.call);
    CHECK(http_call_is_open(&order.call));
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n{\"a\":1}")));
    UNTIL(buyer.loop, order.sent == 1);
    CHECK(!http_call_reused(&order.call));
    peer_send(&peer, STR("HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhel"));
    UNTIL(buyer.loop, order.body.len == 3);
    CHECK_EQ(order.heads, 1);
    CHECK_EQ(order.status, 201);
    peer_send(&peer, STR("lo"));
    UNTIL(buyer.loop, order.ends == 1);
    CHECK_STR(buf_str(&order.body), STR("hello"));
    CHECK_EQ(order.failures, 0);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 1);
    buf_fini(&order.body);
    peer_close(&peer);
    buyer_close(&buyer);
    CHECK_EQ(mem_blocks_open(), blocks);
}

TEST(a_kept_connection_is_used_again)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    for (size_t i = 2; i <= 4; i++) {
        order_start(&order, &buyer);
        CHECK(http_call_reused(&order.call));
        UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == i);
        CHECK_EQ(order.sent, 0); /* it might have to be sent again */
        peer_send(&peer, STR(ANSWER_HELLO));
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.sent, 1);
        CHECK_EQ(order.ends, 1);
        buf_fini(&order.body);
    }
    CHECK_EQ(upstream_pool_connections(buyer.pool), 1);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_kept_connection_that_the_other_side_closes_is_dropped)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    peer_close(&peer);
    UNTIL(buyer.loop, upstream_pool_connections(buyer.pool) == 0);
    order_served(&order, &buyer, &peer);
    /* Words that nobody asked for do not count as an answer to the next call. */
    peer_send(&peer, STR("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"));
    UNTIL(buyer.loop, upstream_pool_connections(buyer.pool) == 0);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_kept_connection_that_was_dead_costs_a_retry_and_nothing_else)
{
    for (int how = 0; how < 2; how++) {
        struct buyer buyer;
        struct order order;
        struct peer peer;
        struct peer fresh;
        buyer_open(&buyer);
        order_served(&order, &buyer, &peer);
        if (how == 0) { /* closed before the request, not seen yet */
            peer_close(&peer);
            order_start(&order, &buyer);
        } else { /* closed when the request has come */
            order_start(&order, &buyer);
            UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 2);
            peer_close(&peer);
        }
        peer_accept(&fresh, buyer.loop, buyer.listener);
        UNTIL(buyer.loop, peer_has(&fresh, STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n")));
        CHECK_EQ(order.failures, 0);
        peer_send(&fresh, STR(ANSWER_HELLO));
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.ends, 1);
        CHECK_EQ(order.sent, 1);
        buf_fini(&order.body);
        peer_close(&fresh);
        buyer_close(&buyer);
    }
}

TEST(a_retry_happens_once_and_never_on_a_fresh_connection)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    peer_close(&peer);
    order_start(&order, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    peer_close(&peer);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CUT);
    CHECK_EQ(order.failures, 1);
    buyer_close(&buyer);
}

TEST(an_answer_that_has_begun_is_not_tried_again)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    order_served(&order, &buyer, &peer);
    order_start(&order, &buyer);
    UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 2);
    peer_send(&peer, STR("HTTP/1.1 2"));
    test_settle(buyer.loop);
    peer_close(&peer);
    UNTIL(buyer.loop, order_over(&order));
    CHECK_EQ(order.err, ERR_UPSTREAM_CUT);
    buyer_close(&buyer);
}

TEST(the_connection_used_last_is_used_first)
{
    struct buyer buyer;
    struct order orders[2];
    struct peer peers[2];
    buyer_open(&buyer);
    for (int i = 0; i < 2; i++) {
        order_start(&orders[i], &buyer);
        peer_accept(&peers[i], buyer.loop, buyer.listener);
        UNTIL(buyer.loop, peer_has(&peers[i], STR("\r\n\r\n")));
    }
    for (int i = 1; i >= 0; i--) { /* the first one ends last */
        peer_send(&peers[i], STR(ANSWER_HELLO));
        UNTIL(buyer.loop, order_over(&orders[i]));
        buf_fini(&orders[i].body);
    }
    CHECK_EQ(upstream_pool_idle(buyer.pool), 2);
    order_start(&orders[0], &buyer);
    UNTIL(buyer.loop, peer_count(&peers[0], STR("\r\n\r\n")) == 2);
    http_call_cancel(&orders[0].call);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 1);
    upstream_pool_close_idle(buyer.pool);
    CHECK_EQ(upstream_pool_idle(buyer.pool), 0);
    UNTIL(buyer.loop, peer_gone(&peers[0]) && peer_gone(&peers[1]));
    peer_close(&peers[0]);
    peer_close(&peers[1]);
    buyer_close(&buyer);
}

TEST(a_kept_connection_expires)
{
    struct upstream_pool_options options = upstream_pool_options_default();
    options.idle_ns = 5 * MS;
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open_with(&buyer, options, buyer_resolve);
    order_served(&order, &buyer, &peer);
    UNTIL(buyer.loop, peer_gone(&peer));
    CHECK_EQ(upstream_pool_connections(buyer.pool), 0);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(calls_above_a_hosts_limit_wait_for_a_connection)
{
    struct upstream_pool_options options = upstream_pool_options_default();
    options.per_host_max = 1;
    struct buyer buyer;
    struct order orders[3];
    struct peer peer;
    buyer_open_with(&buyer, options, buyer_resolve);
    for (int i = 0; i < 3; i++) {
        order_start(&orders[i], &buyer);
    }
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 1);
    CHECK_EQ(upstream_pool_connections(buyer.pool), 1);
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 2);
    CHECK_EQ(orders[0].ends, 1);
    /* Cancelled, its connection is lost; the last call makes one of its own. */
    http_call_cancel(&orders[1].call);
    peer_close(&peer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 1);
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, orders[2].ends == 1);
    buf_fini(&orders[0].body);
    buf_fini(&orders[2].body);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(a_call_that_gets_no_connection_in_time_fails)
{
    struct upstream_pool_options options = upstream_pool_options_default();
    options.per_host_max = 1;
    options.connect_ns = 10 * MS;
    struct buyer buyer;
    struct order first;
    struct order second;
    struct peer peer;
    buyer_open_with(&buyer, options, buyer_resolve);
    order_start(&first, &buyer);
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    order_start(&second, &buyer);
    UNTIL(buyer.loop, order_over(&second));
    CHECK_EQ(second.err, ERR_BUSY);
    CHECK(!order_over(&first));
    http_call_cancel(&first.call);
    http_call_cancel(&first.call);
    peer_close(&peer);
    buyer_close(&buyer);
}

TEST(what_cannot_be_a_host_fails_from_the_loop)
{
    struct buyer buyer;
    struct order order;
    buyer_open(&buyer);
    order_init(&order, &buyer);
    order.call.host = STR_EMPTY;
    http_call_start(buyer.pool, &order.call);
    CHECK_EQ(order.failures, 0);
    UNTIL(buyer.loop, order.failures == 1);
    CHECK_EQ(order.err, ERR_NET_LOOKUP);
    http_call_start(buyer.pool, &order.call);
    http_call_cancel(&order.call);
    test_settle(buyer.loop);
    CHECK_EQ(order.failures, 1);
    buyer_close(&buyer);
}

static struct buyer *again_buyer;

static void start_again(struct order *order)
{
    order->after = NULL;
    http_call_start(again_buyer->pool, &order->call);
}

TEST(a_call_may_be_started_again_in_its_last_callback)
{
    struct buyer buyer;
    struct order order;
    struct peer peer;
    buyer_open(&buyer);
    again_buyer = &buyer;
    order_start(&order, &buyer);
    order.after = start_again;
    peer_accept(&peer, buyer.loop, buyer.listener);
    UNTIL(buyer.loop, peer_has(&peer, STR("\r\n\r\n")));
    peer_send(&peer, STR(ANSWER_HELLO));
    UNTIL(buyer.loop, peer_count(&peer, STR("\r\n\r\n")) == 2); /* on the same connection */
    CHECK_EQ(order.ends, 1);
    order.after = start_again;
    peer_send(&peer, STR("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"));
    UNTIL(buyer.loop, order.failures == 1);
    CHECK_EQ(order.err, ERR_UPSTREAM_SYNTAX);
    CHECK(http_call_is_open(&order.call));
    http_call_cancel(&order.call);
    buf_fini(&order.body);
    peer_close(&peer);
    buyer_close(&buyer);
}

static void buy_without_memory(void)
{
    struct loop *loop = NULL;
    if (loop_create_real(&loop, NULL) != ERR_OK) {
        return;
    }
    struct buyer buyer = { .loop = loop };
    struct lookup_options names = lookup_options_default();
    struct upstream_pool_options options = upstream_pool_options_default();
    buyer.listener = peer_listen(&buyer.address);
    if (lookup_create(loop, NULL, &names, &buyer.lookup, NULL) == ERR_OK &&
        upstream_pool_create(loop, buyer.lookup, &options, &buyer.pool, NULL) == ERR_OK) {
        struct order order;
        order_init(&order, &buyer);
        order.call.first_byte_ns = 5000 * MS;
        CHECK_EQ(buf_reserve(&order.body, 0), ERR_OK);
        http_call_start(buyer.pool, &order.call);
        test_settle(loop);
        int fd = accept(buyer.listener, NULL, NULL);
        if (fd >= 0) {
            (void)send(fd, "HTTP/1.1 204 ", 13, MSG_NOSIGNAL); /* it may be closed by now */
            test_settle(loop);
            (void)send(fd, "OK\r\n\r\n", 6, MSG_NOSIGNAL);
        }
        test_settle(loop);
        if (fd >= 0) {
            (void)close(fd);
        }
        UNTIL(loop, order_over(&order));
        CHECK(order.ends == 1 || order.failures == 1);
    }
    upstream_pool_destroy(buyer.pool);
    lookup_destroy(buyer.lookup);
    loop_destroy(loop);
    (void)close(buyer.listener);
}

TEST(without_memory_a_call_fails_and_nothing_else)
{
    int64_t blocks = mem_blocks_open();
    CHECK(test_each_allocation_failing(buy_without_memory) > 4);
    CHECK_EQ(mem_blocks_open(), blocks);
}
