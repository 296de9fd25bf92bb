/* Calls that are answered within the process: their owner sees what it would of a connection. */
#include "net/answerer.h"

#include "base/mem.h"
#include "buyer.h"

static int starts;
static int cancels;
static int resumes;
static struct http_call *started;

static void on_start(struct http_call *call)
{
    starts++;
    started = call;
}

static void on_cancel(struct http_call *call)
{
    CHECK(call == started && !http_call_is_open(call));
    cancels++;
}

static void on_resume(struct http_call *call)
{
    CHECK(call == started);
    resumes++;
}

static const struct http_answerer answerer = {
    .on_start = on_start,
    .on_cancel = on_cancel,
    .on_resume = on_resume,
};

static const struct http1_head ok = { .status = 200, .version_11 = true };

static void begin(struct buyer *buyer, struct order *order)
{
    starts = cancels = resumes = 0;
    started = NULL;
    buyer_open(buyer);
    order_init(order, buyer);
    order->call.answerer = &answerer;
}

static void finish(struct buyer *buyer, struct order *order)
{
    buf_fini(&order->body);
    buyer_close(buyer);
}

TEST(an_answer_is_told_as_that_of_a_connection)
{
    struct buyer buyer;
    struct order order;
    begin(&buyer, &order);
    http_call_start(buyer.pool, &order.call);
    CHECK_EQ(starts, 0); /* from the loop alone */
    UNTIL(buyer.loop, starts == 1);
    http_answer_sent(started);
    http_answer_head(started, &ok);
    http_answer_body(started, STR("hel"));
    http_answer_body(started, STR("lo"));
    CHECK(order.sent == 1 && order.heads == 1 && order.status == 200 && order.ends == 0);
    http_answer_end(started);
    CHECK_EQ(order.ends, 1);
    CHECK_STR(buf_str(&order.body), STR("hello"));
    http_call_cancel(&order.call); /* it is over */
    CHECK_EQ(cancels, 0);
    finish(&buyer, &order);
}

TEST(a_call_that_is_cancelled_tells_its_answerer_once_it_has_begun)
{
    for (int when = 0; when < 3; when++) {
        struct buyer buyer;
        struct order order;
        begin(&buyer, &order);
        order.cancel_at_body = when == 2;
        http_call_start(buyer.pool, &order.call);
        if (when > 0) {
            UNTIL(buyer.loop, starts == 1);
        }
        if (when < 2) {
            http_call_cancel(&order.call);
        } else {
            http_answer_head(started, &ok);
            http_answer_body(started, STR("enough"));
        }
        test_settle(buyer.loop);
        CHECK_EQ(starts, when > 0);
        CHECK_EQ(cancels, when > 0);
        CHECK_EQ(order.ends + order.failures, 0);
        finish(&buyer, &order);
    }
}

TEST(a_failure_is_told)
{
    struct buyer buyer;
    struct order order;
    struct fail fail;
    begin(&buyer, &order);
    http_call_start(buyer.pool, &order.call);
    UNTIL(buyer.loop, starts == 1);
    enum err err = FAIL(&fail, ERR_UPSTREAM_CUT, "it closed");
    http_answer_fail(started, err, &fail);
    CHECK(order.failures == 1 && order.err == ERR_UPSTREAM_CUT);
    finish(&buyer, &order);
}

TEST(silence_and_length_are_timed_but_not_while_it_is_paused)
{
    for (int what = 0; what < 3; what++) {
        struct buyer buyer;
        struct order order;
        begin(&buyer, &order);
        order.call.first_byte_ns = what == 0 ? 20 * MS : 0;
        order.call.silence_ns = what == 1 ? 20 * MS : 0;
        order.call.answer_ns = what == 2 ? 60 * MS : 0;
        http_call_start(buyer.pool, &order.call);
        UNTIL(buyer.loop, starts == 1);
        if (what > 0) {
            http_answer_head(started, &ok);
            http_answer_body(started, STR("x"));
        }
        if (what == 1) {
            http_call_pause(&order.call);
            int64_t until_ns = test_now_ns() + 60 * MS;
            while (test_now_ns() < until_ns) {
                (void)loop_turn(buyer.loop, false);
            }
            CHECK_EQ(order.failures, 0);
            http_call_resume(&order.call);
            CHECK_EQ(resumes, 1);
        }
        UNTIL(buyer.loop, order_over(&order));
        CHECK_EQ(order.err, ERR_UPSTREAM_SILENT);
        CHECK_EQ(cancels, 1);
        finish(&buyer, &order);
    }
}
