/* A pool under test and calls that note what they are told. */
#pragma once

#include "net/client.h"
#include "peer.h"

struct buyer {
    struct loop *loop;
    struct worker_pool *workers;
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct address address; /* of `listener` */
    int listener;
};

struct order {
    struct http_call call;
    int sent;
    int heads;
    int ends;
    int failures;
    int status;
    enum err err;
    struct fail fail;
    struct buf body;
    bool pause_at_head;
    bool cancel_at_head;
    bool cancel_at_body;
    void (*after)(struct order *order); /* in the last callback */
};

static inline struct order *order_of(struct http_call *call)
{
    return EP_CONTAINER(call, struct order, call);
}

static inline void order_on_sent(struct http_call *call)
{
    order_of(call)->sent++;
}

static inline void order_on_head(struct http_call *call, const struct http1_head *head)
{
    struct order *order = order_of(call);
    order->heads++;
    order->status = head->status;
    if (order->pause_at_head) {
        http_call_pause(call);
    }
    if (order->cancel_at_head) {
        http_call_cancel(call);
    }
}

static inline void order_on_body(struct http_call *call, struct str data)
{
    struct order *order = order_of(call);
    CHECK(data.len > 0);
    CHECK_EQ(buf_append(&order->body, data), ERR_OK);
    if (order->cancel_at_body) {
        http_call_cancel(call);
    }
}

static inline void order_on_end(struct http_call *call)
{
    struct order *order = order_of(call);
    CHECK(!http_call_is_open(call));
    order->ends++;
    if (order->after != NULL) {
        order->after(order);
    }
}

static inline void order_on_failed(struct http_call *call, enum err err, const struct fail *fail)
{
    struct order *order = order_of(call);
    CHECK(!http_call_is_open(call));
    CHECK_EQ(err, fail->code);
    CHECK(fail->text[0] != '\0');
    order->failures++;
    order->err = err;
    order->fail = *fail;
    if (order->after != NULL) {
        order->after(order);
    }
}

static const struct http_call_events order_events = {
    .on_sent = order_on_sent,
    .on_head = order_on_head,
    .on_body = order_on_body,
    .on_end = order_on_end,
    .on_failed = order_on_failed,
};

static inline enum err buyer_resolve(const char *name, struct lookup_answer *ret_answer)
{
    (void)name;
    ret_answer->addresses[0] = test_address("127.0.0.1:0");
    ret_answer->count = 1;
    return ERR_OK;
}

static inline void buyer_open_with(struct buyer *buyer, struct upstream_pool_options options,
                                   lookup_resolve_fn *resolve)
{
    struct lookup_options names = lookup_options_default();
    names.resolve = resolve;
    buyer->loop = test_loop();
    CHECK_EQ(worker_pool_create(1, 16, &buyer->workers, NULL), ERR_OK);
    CHECK_EQ(lookup_create(buyer->loop, buyer->workers, &names, &buyer->lookup, NULL), ERR_OK);
    CHECK_EQ(upstream_pool_create(buyer->loop, buyer->lookup, &options, &buyer->pool, NULL),
             ERR_OK);
    buyer->listener = peer_listen(&buyer->address);
}

static inline void buyer_open(struct buyer *buyer)
{
    buyer_open_with(buyer, upstream_pool_options_default(), buyer_resolve);
}

static inline void buyer_close(struct buyer *buyer)
{
    upstream_pool_destroy(buyer->pool);
    worker_pool_destroy(buyer->workers);
    lookup_destroy(buyer->lookup);
    loop_destroy(buyer->loop);
    (void)close(buyer->listener);
}

/* Ready to start. */
static inline void order_init(struct order *order, const struct buyer *buyer)
{
    *order = (struct order){ .status = 0 };
    http_call_init(&order->call, &order_events);
    buf_init(&order->body, (size_t)256 * 1024 * 1024);
    order->call.host = STR("127.0.0.1");
    order->call.port = test_port(&buyer->address);
    order->call.head = STR("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
}

static inline void order_start(struct order *order, struct buyer *buyer)
{
    order_init(order, buyer);
    http_call_start(buyer->pool, &order->call);
}

static inline bool order_over(const struct order *order)
{
    return order->ends + order->failures > 0;
}

#define ANSWER_HELLO "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"

/* The whole exchange on a fresh connection, which `peer` has then. */
static inline void order_served(struct order *order, struct buyer *buyer, struct peer *peer)
{
    order_start(order, buyer);
    peer_accept(peer, buyer->loop, buyer->listener);
    UNTIL(buyer->loop, peer_has(peer, STR("\r\n\r\n")));
    peer_send(peer, STR(ANSWER_HELLO));
    UNTIL(buyer->loop, order_over(order));
    CHECK_EQ(order->ends, 1);
    CHECK_STR(buf_str(&order->body), STR("hello"));
    buf_fini(&order->body);
}
