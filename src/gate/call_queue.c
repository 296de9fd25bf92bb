#include "gate/call_queue.h"

#include <string.h>

#include "base/counter.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"

/* How often the line tries: a small part of what any answer takes; longer where so many wait that
 * trying would take the loop's time (a try costs some microseconds). */
#define QUEUE_TRY_NS   INT64_C(5000000)
#define QUEUE_TRY_MANY 128

/* In the call's arena, which lives while no source was asked. */
struct call_waiting {
    struct node node; /* of the gate's */
    struct call *call;
    bool patient;
    int64_t since_ns;
    int64_t until_ns;
    int64_t sleeps_until_ns; /* 0: it is awake, and in the line */
    struct dispatch_spot spot;
};

static struct call_waiting *queue_of(struct node *node)
{
    return EP_CONTAINER(node, struct call_waiting, node);
}

/* ---- the timer ---------------------------------------------------------------------------- */

/* When somebody is to try next. */
static int64_t queue_next_ns(struct gate *gate)
{
    const struct call_queue *queue = &gate->queue;
    int64_t soon_ns =
        loop_now_ns(gate->loop) + QUEUE_TRY_NS * (1 + (int64_t)(queue->count / QUEUE_TRY_MANY));
    int64_t next_ns = INT64_MAX;
    for (struct node *node = queue->waiting.next; node != &queue->waiting; node = node->next) {
        int64_t at_ns = queue_of(node)->sleeps_until_ns;
        at_ns = at_ns > soon_ns ? at_ns : soon_ns;
        next_ns = at_ns < next_ns ? at_ns : next_ns;
        if (next_ns == soon_ns) {
            break;
        }
    }
    return next_ns;
}

/* Set for the soonest; one that is set for sooner tries in vain and is set again. */
static void queue_set_timer(struct gate *gate)
{
    struct call_queue *queue = &gate->queue;
    int64_t next_ns = queue->count == 0 ? INT64_MAX : queue_next_ns(gate);
    if (next_ns == INT64_MAX || (timer_armed(&queue->timer) && queue->timer_ns <= next_ns)) {
        return;
    }
    timer_stop(gate->loop, &queue->timer);
    queue->timer_ns = next_ns;
    /* Without memory for it, the next call that comes or goes sets it. */
    EP_IGNORE(timer_start(gate->loop, &queue->timer, next_ns));
}

static void queue_on_timer(struct timer *timer)
{
    struct gate *gate = EP_CONTAINER(timer, struct gate, queue.timer);
    int64_t now_ns = loop_now_ns(gate->loop);
    for (struct node *node = gate->queue.waiting.next; node != &gate->queue.waiting;
         node = node->next) {
        if (queue_of(node)->sleeps_until_ns <= now_ns) {
            call_wake(queue_of(node)->call); /* runs later in this turn */
        }
    }
    queue_set_timer(gate);
}

void call_queue_init(struct gate *gate)
{
    list_init(&gate->queue.waiting);
    timer_init(&gate->queue.timer, queue_on_timer);
}

void call_queue_fini(struct gate *gate)
{
    ASSERT(gate->queue.count == 0);
    timer_stop(gate->loop, &gate->queue.timer);
}

void call_queue_rouse(struct gate *gate)
{
    for (struct node *node = gate->queue.waiting.next; node != &gate->queue.waiting;
         node = node->next) {
        call_wake(queue_of(node)->call);
    }
}

bool call_queue_may_wait(const struct call *call)
{
    const struct gate_snapshot *now = call->gate->snapshot;
    return memcmp(call->snapshot->registry_hash, now->registry_hash, sizeof(now->registry_hash)) ==
           0;
}

/* ---- coming and going --------------------------------------------------------------------- */

const struct dispatch_spot *call_queue_spot(const struct call *call)
{
    return call->waiting == NULL ? NULL : &call->waiting->spot;
}

bool call_queue_is_awake(const struct call *call)
{
    return call->waiting != NULL && call->waiting->sleeps_until_ns == 0;
}

bool call_queue_span(const struct call *call, int64_t *ret_since_ns, int64_t *ret_until_ns)
{
    if (call->waiting == NULL) {
        return false;
    }
    *ret_since_ns = call->waiting->since_ns;
    *ret_until_ns = call->waiting->until_ns;
    return true;
}

/* Who waits for minutes leaves half of the room to who waits for seconds. */
static enum err queue_begin(struct call *call, bool patient)
{
    struct gate *gate = call->gate;
    const struct gate_options *options = &call->snapshot->options;
    if (gate->queue.count >= options->queue_calls ||
        (patient && gate->queue.patient >= (options->queue_calls + 1) / 2)) {
        return ERR_QUEUE_FULL;
    }
    struct call_waiting *waiting = arena_zalloc(&call->arena, sizeof(*waiting));
    if (waiting == NULL) {
        return ERR_NO_MEMORY;
    }
    bool flex = call->ask.flex && options->defer_ns > options->queue_ns;
    waiting->call = call;
    waiting->patient = patient;
    waiting->spot.client = call->key->client->id;
    waiting->since_ns = loop_now_ns(gate->loop);
    waiting->until_ns = waiting->since_ns + (flex ? options->defer_ns : options->queue_ns);
    list_push_back(&gate->queue.waiting, &waiting->node);
    gate->queue.count++;
    gate->queue.patient += patient ? 1 : 0;
    call->waiting = waiting;
    counter_add(COUNTER_QUEUE_WAITING, 1);
    return ERR_OK;
}

enum err call_queue_sleep(struct call *call, int64_t until_ns)
{
    if (call->waiting == NULL) {
        TRY(queue_begin(call, true));
        counter_add(COUNTER_QUEUE_DEFERRED, 1);
        /* What is left of its time when it wakes is for finding a place. */
        call->waiting->until_ns = call->waiting->since_ns + call->snapshot->options.defer_ns;
    }
    call->waiting->sleeps_until_ns = until_ns;
    queue_set_timer(call->gate);
    return ERR_OK;
}

/* What a call is told that does not wait (any more). */
static enum err queue_refuse(const struct call *call, enum err err)
{
    counter_add(COUNTER_QUEUE_REFUSED, 1);
    return call->ask.flex ? ERR_FLEX_FULL : err;
}

enum err call_queue_wait(struct call *call)
{
    struct dispatch *dispatch = call->gate->world.dispatch;
    struct call_waiting *waiting = call->waiting;
    struct dispatch_ask ask;
    call_prefer_ask(call, &ask);
    const struct gate_options *options = &call->snapshot->options;
    bool first = waiting == NULL;
    bool may_wait = options->queue_ns > 0 || (call->ask.flex && options->defer_ns > 0);
    if (first && !may_wait) {
        bool full = call->ask.flex && dispatch_is_full(dispatch, &ask);
        return full ? queue_refuse(call, ERR_QUEUE_TIMEOUT) : ERR_NO_ROUTE;
    }
    bool over = !first && loop_now_ns(call->gate->loop) >= waiting->until_ns;
    if (over || !call_queue_may_wait(call)) {
        return queue_refuse(call, ERR_QUEUE_TIMEOUT);
    }
    if (first) {
        enum err err = queue_begin(call, call->ask.flex);
        if (err != ERR_OK) {
            return err == ERR_QUEUE_FULL ? queue_refuse(call, err) : err;
        }
        waiting = call->waiting;
    }
    waiting->sleeps_until_ns = 0;
    if (!dispatch_wait(dispatch, &ask, &waiting->spot)) {
        return ERR_NO_ROUTE;
    }
    if (first) {
        counter_add(COUNTER_QUEUE_WAITED, 1);
    }
    queue_set_timer(call->gate);
    return ERR_OK;
}

void call_queue_leave(struct call *call)
{
    struct call_waiting *waiting = call->waiting;
    struct call_queue *queue = &call->gate->queue;
    if (waiting == NULL) {
        return;
    }
    dispatch_leave(call->gate->world.dispatch, &waiting->spot);
    node_unlink(&waiting->node);
    queue->count--;
    queue->patient -= waiting->patient ? 1 : 0;
    call->waiting = NULL;
    counter_add(COUNTER_QUEUE_WAITING, -1);
    if (queue->count == 0) {
        timer_stop(call->gate->loop, &queue->timer);
    }
}
