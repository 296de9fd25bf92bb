#include "net/answerer.h"

#include "net/client_internal.h"

/* `race` and `conn` stay NULL. The timer is for on_start first, then for the answer; `retried` says
 * that the call has begun, and `failed` is ERR_BUSY until its head has come. */

static int64_t answerer_deadline(const struct http_call *call)
{
    int64_t limit_ns = call->failed == ERR_BUSY ? call->first_byte_ns : call->silence_ns;
    int64_t next_ns = limit_ns > 0 ? call->moved_ns + limit_ns : INT64_MAX;
    int64_t end_ns = call->answer_ns > 0 ? call->begun_ns + call->answer_ns : INT64_MAX;
    return next_ns < end_ns ? next_ns : end_ns;
}

/* One that fires too early looks again. */
static void answerer_schedule(struct http_call *call)
{
    int64_t at_ns = answerer_deadline(call);
    if (call->paused || at_ns == INT64_MAX ||
        (timer_armed(&call->timer) && call->timer.at_ns <= at_ns)) {
        return;
    }
    /* Without memory for it the next byte tries again; the owner's own deadline is still there. */
    EP_IGNORE(timer_start(call->pool->loop, &call->timer, at_ns));
}

static void answerer_move(struct http_call *call)
{
    call->moved_ns = loop_now_ns(call->pool->loop);
    answerer_schedule(call);
}

void answerer_begin(struct http_call *call)
{
    if (timer_start(call->pool->loop, &call->timer, call->begun_ns) != ERR_OK) {
        call_fail_later(call, ERR_NO_MEMORY);
    }
}

void answerer_resume(struct http_call *call)
{
    if (call->retried) {
        answerer_move(call);
        call->answerer->on_resume(call);
    }
}

void answerer_cancel(struct http_call *call)
{
    const struct http_answerer *answerer = call->answerer;
    bool begun = call->retried;
    call_detach(call);
    if (begun) {
        answerer->on_cancel(call);
    }
}

void answerer_on_timer(struct http_call *call)
{
    const struct http_answerer *answerer = call->answerer;
    if (!call->retried) {
        call->retried = true;
        call->failed = ERR_BUSY;
        answerer_move(call);
        answerer->on_start(call);
        return;
    }
    if (answerer_deadline(call) > loop_now_ns(call->pool->loop) || call->paused) {
        answerer_schedule(call);
        return;
    }
    struct fail fail;
    enum err err = FAIL(&fail, ERR_UPSTREAM_SILENT, "did not answer, or not to the end, in time");
    call_detach(call);
    answerer->on_cancel(call);
    call->events->on_failed(call, err, &fail);
}

void http_answer_sent(struct http_call *call)
{
    ASSERT(call->pool != NULL && call->retried);
    answerer_move(call);
    if (call->events->on_sent != NULL) {
        call->events->on_sent(call);
    }
}

void http_answer_head(struct http_call *call, const struct http1_head *head)
{
    ASSERT(call->pool != NULL && call->failed == ERR_BUSY);
    call->failed = ERR_OK;
    answerer_move(call);
    call->events->on_head(call, head);
}

void http_answer_body(struct http_call *call, struct str data)
{
    ASSERT(call->pool != NULL && call->failed == ERR_OK && data.len > 0);
    answerer_move(call);
    call->events->on_body(call, data);
}

void http_answer_end(struct http_call *call)
{
    ASSERT(call->pool != NULL && call->failed == ERR_OK);
    call_detach(call);
    call->events->on_end(call);
}

void http_answer_fail(struct http_call *call, enum err err, const struct fail *fail)
{
    call_fail(call, err, fail);
}
