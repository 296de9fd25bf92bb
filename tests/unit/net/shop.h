/* A server under test, whose handlers are the test's. */
#pragma once

#include "net/server.h"
#include "peer.h"

struct shop {
    struct loop *loop;
    struct http_server *server;
    struct address address;
    void (*serve)(struct http_exchange *x);
    void (*drained_to)(struct http_exchange *x);
    struct http_exchange *open; /* kept by shop_keep() */
    int requests;
    int gone;
    int drained;
    int bad;
    enum err bad_err;
    char target[64];
    size_t body_len;
    struct buf body; /* of the last request */
};

static inline struct shop *shop_of(const struct http_exchange *x)
{
    return http_server_owner(http_exchange_server(x));
}

static inline void shop_on_request(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    const struct http1_head *head = http_exchange_head(x);
    CHECK(head != NULL && head->target.len < sizeof(shop->target));
    memcpy(shop->target, head->target.ptr, head->target.len);
    shop->target[head->target.len] = '\0';
    shop->requests++;
    shop->body_len = http_exchange_body(x).len;
    buf_fini(&shop->body);
    http_exchange_take_body(x, &shop->body);
    shop->serve(x);
}

static inline void shop_on_gone(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    CHECK(x == shop->open);
    shop->open = NULL;
    shop->gone++;
}

static inline void shop_on_drained(struct http_exchange *x)
{
    struct shop *shop = shop_of(x);
    shop->drained++;
    if (shop->drained_to != NULL) {
        shop->drained_to(x);
    }
}

static inline void shop_on_bad(struct http_exchange *x, enum err err)
{
    struct shop *shop = shop_of(x);
    CHECK(http_exchange_head(x) == NULL);
    shop->bad++;
    shop->bad_err = err;
}

static const struct http_events shop_events = {
    .on_request = shop_on_request,
    .on_gone = shop_on_gone,
    .on_drained = shop_on_drained,
    .on_bad = shop_on_bad,
};

static inline void shop_hello(struct http_exchange *x)
{
    http_respond(x, 200, STR("content-type: text/plain\r\n"), STR("hello"));
}

/* Leaves the answer to the test. */
static inline void shop_keep(struct http_exchange *x)
{
    shop_of(x)->open = x;
}

static inline struct http_server_options shop_options(void)
{
    struct http_server_options options = http_server_options_default();
    options.events = &shop_events;
    return options;
}

static inline void shop_open_with(struct shop *shop, struct http_server_options options,
                                  void (*serve)(struct http_exchange *x))
{
    *shop = (struct shop){ .loop = test_loop(), .serve = serve };
    buf_init(&shop->body, 1);
    options.owner = shop;
    CHECK_EQ(http_server_create(shop->loop, &options, &shop->server, NULL), ERR_OK);
    struct address any = test_address("127.0.0.1:0");
    CHECK_EQ(http_server_listen(shop->server, &any, NULL, &shop->address, NULL), ERR_OK);
}

static inline void shop_open(struct shop *shop, void (*serve)(struct http_exchange *x))
{
    shop_open_with(shop, shop_options(), serve);
}

static inline void shop_close(struct shop *shop)
{
    http_server_destroy(shop->server);
    loop_destroy(shop->loop);
    buf_fini(&shop->body);
}
