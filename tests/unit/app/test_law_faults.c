/*
 * Heap requests that fail, each in its turn, once and for ever, on the way of calls that the law
 * refuses or looks through. Whatever fails: no call hangs, nothing that may not be sent leaves,
 * nobody is told more, and the next call is judged as if nothing had been.
 */
#include "base/mem.h"
#include "law_street.h"

#define REQUESTS_MAX 2000
#define QUIET_NS     (INT64_C(100) * MS)

struct way {
    const char *model;
    const char *headers;
    const char *said;
    const char *status; /* of a call of which nothing fails */
};

/* One call; returns how many requests it made while they could fail. */
static uint64_t call_failing(const struct way *way, uint64_t nth, bool for_ever)
{
    struct str body = ask(way->model, false, "", way->said);
    static char head[1024];
    (void)snprintf(head, sizeof(head),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "Authorization: Bearer %s\r\n%sContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   street.key, way->headers, body.len);
    peer_connect(&client, &street.shop, 0);
    CHECK_EQ(buf_reserve(&client.got, (size_t)128 * 1024), ERR_OK); /* its own never fails */
    peer_send(&client, str_from(head));
    peer_send(&client, body);
    for_ever ? mem_fail_from(nth) : mem_fail_nth(nth);
    int64_t until_ns = test_now_ns() + QUIET_NS;
    while (!client.ended && !client.broken && test_now_ns() < until_ns) {
        (void)loop_turn(street.loop, false);
        peer_read(&client);
    }
    uint64_t requests = mem_requests();
    mem_fail_nth(0);
    finish();
    return requests;
}

static void check_healthy(const struct way *way)
{
    (void)call_failing(way, 0, false);
    if (!seen(way->status)) {
        test_failed(EP_SITE, "not %s but: %s", way->status, answer);
    }
}

/* `cold`: each call meets a gate that has served none. */
static void fail_each(const struct way *way, bool for_ever, bool cold)
{
    bool sold = strcmp(way->status, "HTTP/1.1 200 ") == 0;
    int beyond = 0;
    uint64_t nth = 1;
    for (; nth < REQUESTS_MAX && beyond < 3; nth++) {
        if (cold) {
            front_destroy(street.front);
            street_open_gate(&street);
        }
        beyond = call_failing(way, nth, for_ever) < nth ? beyond + 1 : 0;
        CHECK(sold || !seen("HTTP/1.1 200 "));
        CHECK(!seen("110105194912"));
        check_healthy(way);
    }
    CHECK(nth > (cold ? 10 : 5) && nth < REQUESTS_MAX - 10);
}

static void fail_all(const struct way *way)
{
    check_healthy(way);
    check_healthy(way); /* fills pools and slabs */
    for (int i = 0; i < 4; i++) {
        fail_each(way, i % 2 == 1, i >= 2);
    }
}

TEST(a_refused_call_survives_each_failing_request)
{
    static const struct way way = { "aurora-large", "x-entrepot-market: JP\r\n", "Hello.",
                                    "HTTP/1.1 403 " };
    begin();
    fail_all(&way);
    CHECK_EQ(street_asked, 0);
    end();
}

TEST(a_call_with_a_market_that_is_none_survives_each_failing_request)
{
    static const struct way way = { "aurora-large", "x-entrepot-market: ??\r\n", "Hello.",
                                    "HTTP/1.1 400 " };
    begin();
    fail_all(&way);
    CHECK_EQ(street_asked, 0);
    end();
}

TEST(a_zones_call_survives_each_failing_request)
{
    static const struct way way = { "borealis-chat", "", "Hello, call 13912345678.",
                                    "HTTP/1.1 200 " };
    begin_zone("cable-1", open_zone);
    fail_all(&way);
    end();
}

/* What could not be looked through is not sent. */
TEST(a_zones_call_that_is_refused_for_its_content_survives_each_failing_request)
{
    static const struct way way = { "borealis-chat", "", "My number is " RESIDENT ".",
                                    "HTTP/1.1 422 " };
    begin_zone("cable-1", open_zone);
    fail_all(&way);
    CHECK_EQ(street_asked, 0);
    end();
}
