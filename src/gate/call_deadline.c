#include "gate/call_deadline.h"

#include "base/stamp.h"
#include "gate/gate_internal.h"

#define DEADLINE_FAR_NS (86400 * STAMP_NS_PER_S) /* a day: no attempt lasts so long */

bool deadline_parse(struct str text, int64_t *ret_wall_ns)
{
    return (money_parse(text, 9, ret_wall_ns) || stamp_parse(text, ret_wall_ns)) &&
           *ret_wall_ns >= 0;
}

enum err call_deadline_read(struct call *call)
{
    int64_t wall_ns = 0;
    struct str said = http1_header(http_exchange_head(call->x), STR(CALL_DEADLINE));
    if (said.len == 0) {
        return ERR_OK;
    }
    if (!deadline_parse(said, &wall_ns)) {
        return ERR_ASK_INVALID;
    }
    int64_t left = wall_ns - loop_wall_ns(call->gate->loop);
    if (left <= 0) {
        return ERR_DEADLINE;
    }
    left = left < DEADLINE_FAR_NS ? left : DEADLINE_FAR_NS;
    call->deadline_ns = loop_now_ns(call->gate->loop) + left;
    return ERR_OK;
}

bool call_deadline_passed(const struct call *call)
{
    return call->deadline_ns > 0 && loop_now_ns(call->gate->loop) >= call->deadline_ns;
}

static void deadline_on_timer(struct timer *timer)
{
    struct call *call = EP_CONTAINER(timer, struct call, deadline_timer);
    ASSERT(call->magic == CALL_MAGIC);
    call_wake(call);
}

enum err call_deadline_watch(struct call *call)
{
    if (call->deadline_ns == 0) {
        return ERR_OK;
    }
    timer_init(&call->deadline_timer, deadline_on_timer);
    return timer_start(call->gate->loop, &call->deadline_timer, call->deadline_ns);
}

void call_deadline_rest(struct call *call)
{
    if (call->deadline_ns > 0 && timer_armed(&call->deadline_timer)) {
        timer_stop(call->gate->loop, &call->deadline_timer);
    }
}
