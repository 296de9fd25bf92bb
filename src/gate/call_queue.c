#include "gate/call_queue.h"

#include "base/counter.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"

/* How often the line tries: a small part of what any answer takes; longer where so many wait that
 * trying would take the loop's time (a try costs some microseconds). */
#define QUEUE_TRY_NS   INT64_C(5000000)
#define QUEUE_TRY_MANY 128

/* In the call's arena, which lives while no source was asked. */
struct call_waiting {
    struct node node; /* of the line */
    struct call *call;
    const struct client *client;
    size_t turn; /* how many of the client's calls stand before it */
    int64_t until_ns;
};

static struct call_waiting *queue_of(struct node *node)
{
    return EP_CONTAINER(node, struct call_waiting, node);
}

/* Behind all whose turn is not later. */
static void queue_place(struct call_queue *queue, struct call_waiting *waiting)
{
    struct node *before = queue->line.prev;
    while (before != &queue->line && queue_of(before)->turn > waiting->turn) {
        before = before->prev;
    }
    list_push_front(before, &waiting->node); /* behind `before`: a list is a node of its own */
}

static void queue_set_timer(struct gate *gate)
{
    struct call_queue *queue = &gate->queue;
    if (queue->count == 0 || timer_armed(&queue->timer)) {
        return;
    }
    int64_t wait_ns = QUEUE_TRY_NS * (1 + (int64_t)(queue->count / QUEUE_TRY_MANY));
    /* Without memory for it, the next call that comes or goes sets it. */
    EP_IGNORE(timer_start(gate->loop, &queue->timer, loop_now_ns(gate->loop) + wait_ns));
}

static void queue_on_timer(struct timer *timer)
{
    struct gate *gate = EP_CONTAINER(timer, struct gate, queue.timer);
    for (struct node *node = gate->queue.line.next; node != &gate->queue.line; node = node->next) {
        call_wake(queue_of(node)->call); /* runs later in this turn, in this order */
    }
    queue_set_timer(gate);
}

void call_queue_init(struct gate *gate)
{
    list_init(&gate->queue.line);
    timer_init(&gate->queue.timer, queue_on_timer);
}

void call_queue_fini(struct gate *gate)
{
    ASSERT(gate->queue.count == 0);
    timer_stop(gate->loop, &gate->queue.timer);
}

bool call_queue_may_try(const struct call *call)
{
    const struct call_queue *queue = &call->gate->queue;
    if (queue->count == 0 || call->waiting != NULL) {
        return true;
    }
    for (struct node *node = queue->line.next; node != &queue->line; node = node->next) {
        const struct call *other = queue_of(node)->call;
        if (str_eq(other->model->id, call->model->id)) {
            return false;
        }
    }
    return true;
}

/* Some source is lawful, healthy, not tried, and merely has no place. */
static bool queue_has_hope(const struct call *call)
{
    struct dispatch_ask ask;
    struct dispatch_explanation explained;
    call_prefer_ask(call, &ask);
    ask.now_ns = loop_now_ns(call->gate->loop);
    dispatch_explain(call->gate->world.dispatch, &ask, &explained);
    for (size_t i = 0; i < explained.count; i++) {
        enum dispatch_why why = explained.candidates[i].why;
        if (why == DISPATCH_WHY_FULL || why == DISPATCH_WHY_POOL_FULL ||
            why == DISPATCH_WHY_RETURNING || why == DISPATCH_WHY_CHOSEN) {
            return true; /* the last: a place has become free since */
        }
    }
    return false;
}

/* Behind those of its own client that wait already. */
static enum err queue_join(struct call *call)
{
    struct gate *gate = call->gate;
    const struct gate_options *options = &call->snapshot->options;
    if (gate->queue.count >= options->queue_calls) {
        counter_add(COUNTER_QUEUE_REFUSED, 1);
        return ERR_QUEUE_FULL;
    }
    struct call_waiting *waiting = arena_zalloc(&call->arena, sizeof(*waiting));
    if (waiting == NULL) {
        return ERR_NO_MEMORY;
    }
    waiting->call = call;
    waiting->client = call->key->client;
    waiting->until_ns = loop_now_ns(gate->loop) + options->queue_ns;
    for (struct node *node = gate->queue.line.next; node != &gate->queue.line; node = node->next) {
        waiting->turn += queue_of(node)->client == waiting->client ? 1 : 0;
    }
    queue_place(&gate->queue, waiting);
    gate->queue.count++;
    call->waiting = waiting;
    counter_add(COUNTER_QUEUE_WAITED, 1);
    counter_add(COUNTER_QUEUE_WAITING, 1);
    queue_set_timer(gate);
    return ERR_OK;
}

enum err call_queue_wait(struct call *call)
{
    struct call_waiting *waiting = call->waiting;
    if (call->snapshot->options.queue_ns == 0 || !queue_has_hope(call)) {
        return ERR_NO_ROUTE;
    }
    if (waiting == NULL) {
        return queue_join(call);
    }
    if (loop_now_ns(call->gate->loop) >= waiting->until_ns) {
        counter_add(COUNTER_QUEUE_REFUSED, 1);
        return ERR_QUEUE_TIMEOUT;
    }
    return ERR_OK;
}

/* The client's later calls move up, each behind those of others whose turn is the same now. */
static void queue_move_up(struct call_queue *queue, const struct call_waiting *gone,
                          struct node *from)
{
    for (struct node *node = from; node != &queue->line;) {
        struct call_waiting *later = queue_of(node);
        node = node->next;
        if (later->client == gone->client && later->turn > gone->turn) {
            node_unlink(&later->node);
            later->turn--;
            queue_place(queue, later);
        }
    }
}

void call_queue_leave(struct call *call)
{
    struct call_waiting *waiting = call->waiting;
    struct call_queue *queue = &call->gate->queue;
    if (waiting == NULL) {
        return;
    }
    struct node *next = waiting->node.next;
    node_unlink(&waiting->node);
    queue->count--;
    call->waiting = NULL;
    counter_add(COUNTER_QUEUE_WAITING, -1);
    queue_move_up(queue, waiting, next);
    if (queue->count == 0) {
        timer_stop(call->gate->loop, &queue->timer);
    } else {
        queue_set_timer(call->gate);
    }
}
