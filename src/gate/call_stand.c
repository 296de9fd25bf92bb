#include "gate/call_stand.h"

#include "base/mem.h"
#include "gate/gate_internal.h"
#include "gate/repeats.h"
#include "net/inner.h"

#define STAND_LOOK_NS INT64_C(20000000) /* 20 ms: little beside what the client has waited */

struct call_stand {
    struct http_inner inner; /* whom the call takes for its client */
    struct timer timer;
    struct gate *gate;
    struct call *call; /* NULL: it has ended, with an answer */
    struct repeat *entry;
    int64_t until_ns; /* for a client to come */
    bool joined;
    bool flows;
};

static struct repeats *stand_table(const struct call_stand *stand)
{
    return stand->gate->world.repeats;
}

/* No longer than what ended is remembered: the operator wants repeats known for so long. */
static int64_t stand_until(const struct call_stand *stand)
{
    int64_t window_ns = repeats_window_ns(stand_table(stand));
    return loop_now_ns(stand->gate->loop) + (window_ns < CALL_STAND_NS ? window_ns : CALL_STAND_NS);
}

static void stand_free(struct call_stand *stand)
{
    timer_stop(stand->gate->loop, &stand->timer);
    http_inner_cancel(&stand->inner);
    if (stand->call != NULL) {
        stand->call->repeat.stand = NULL;
    }
    mem_free(stand);
}

/* The call has a client no longer, and may wait for one. */
static void stand_leave(struct call_stand *stand)
{
    struct call *call = stand->call;
    if (call != NULL && call->x != NULL) {
        http_exchange_abort(call->x); /* which is told to nobody */
        call->x = NULL;
        call_ping_end(call);
    }
    if (call != NULL) {
        call_wake(call);
    }
    stand_free(stand);
}

/* Nobody was given anything: what has left, has left for nobody. */
static void stand_untaken(struct call *call)
{
    call->head_sent = false;
    call->repeat.untaken = true;
}

/* Nobody has come. */
static void stand_forsaken(struct call_stand *stand)
{
    stand_untaken(stand->call);
    stand_leave(stand);
}

/* Nobody has come for what is left of a call that has ended. */
static void stand_drop(struct call_stand *stand)
{
    repeats_end(stand_table(stand), stand->entry, false, loop_now_ns(stand->gate->loop));
    stand_free(stand);
}

/* Its client has left with some of it, or can be given no more. The entry is given back. */
static void stand_broken(struct call_stand *stand)
{
    repeats_pour_end(stand_table(stand), stand->entry, false);
    if (stand->call != NULL) {
        stand->call->repeat.part = CALL_REPEAT_NONE;
    }
    stand_leave(stand);
}

/* ---- from the call to its client ---------------------------------------------------------- */

static struct call_stand *stand_of(struct http_inner *inner)
{
    return EP_CONTAINER(inner, struct call_stand, inner);
}

static void stand_on_head(struct http_inner *inner, int status, struct str headers)
{
    struct call_stand *stand = stand_of(inner);
    if (repeats_pour_head(stand_table(stand), stand->entry, status, headers) != ERR_OK) {
        if (stand->call != NULL) {
            stand_untaken(stand->call);
        }
        stand_broken(stand);
    }
}

static void stand_on_body(struct http_inner *inner, struct str data)
{
    struct call_stand *stand = stand_of(inner);
    size_t waiting = 0;
    if (repeats_pour(stand_table(stand), stand->entry, data) != ERR_OK) {
        stand_broken(stand);
        return;
    }
    EP_IGNORE(repeats_client(stand_table(stand), stand->entry, &waiting)); /* the timer looks */
    if (waiting >= REPEATS_PIPE_MAX) {
        stand->flows = false;
        http_inner_pause(inner);
    }
}

/* The call has answered, and the stand has told all of it. */
static void stand_over(struct call_stand *stand, bool whole)
{
    repeats_pour_end(stand_table(stand), stand->entry, whole);
    if (stand->call != NULL) {
        stand->call->repeat.part = CALL_REPEAT_NONE;
    }
    stand_free(stand);
}

static void stand_on_end(struct http_inner *inner)
{
    stand_over(stand_of(inner), true);
}

static void stand_on_failed(struct http_inner *inner, enum err err)
{
    struct call_stand *stand = stand_of(inner);
    if (err != ERR_NET_CLOSED && stand->call != NULL && !stand->joined) {
        stand_untaken(stand->call); /* no memory for what waits */
    }
    stand_over(stand, false);
}

static const struct http_inner_events stand_events = {
    .on_head = stand_on_head,
    .on_body = stand_on_body,
    .on_end = stand_on_end,
    .on_failed = stand_on_failed,
};

/* ---- whether somebody has come ------------------------------------------------------------ */

static void stand_flow(struct call_stand *stand, bool flows)
{
    if (flows && !stand->flows) {
        http_inner_resume(&stand->inner);
    } else if (!flows && stand->flows) {
        http_inner_pause(&stand->inner);
    }
    stand->flows = flows;
}

static void stand_joined(struct call_stand *stand, size_t waiting)
{
    stand->until_ns = stand_until(stand);
    if (!stand->joined && stand->call != NULL) {
        call_wake(stand->call); /* it may wait for that */
    }
    stand->joined = true;
    stand_flow(stand, waiting < REPEATS_PIPE_MAX);
}

/* False: the stand is over. */
static bool stand_look(struct call_stand *stand)
{
    size_t waiting = 0;
    switch (repeats_client(stand_table(stand), stand->entry, &waiting)) {
    case REPEAT_JOINED:
        stand_joined(stand, waiting);
        return true;
    case REPEAT_DESERTED:
        stand_broken(stand);
        return false;
    case REPEAT_ALONE:
        break;
    }
    stand->joined = false;
    stand_flow(stand, false);
    bool over = stand->gate->draining || loop_now_ns(stand->gate->loop) >= stand->until_ns;
    if (!over || !repeats_forsake(stand_table(stand), stand->entry)) {
        return true;
    }
    if (stand->call != NULL) {
        stand_forsaken(stand);
    } else { /* it was sold to one that has left before it was told anything */
        stand_drop(stand);
    }
    return false;
}

static void stand_on_timer(struct timer *timer)
{
    struct call_stand *stand = EP_CONTAINER(timer, struct call_stand, timer);
    struct loop *loop = stand->gate->loop;
    if (stand_look(stand)) {
        enum err err = timer_start(loop, timer, loop_now_ns(loop) + STAND_LOOK_NS);
        ASSERT(err == ERR_OK); /* its place in the heap has just become free */
    }
}

/* ---- its life ------------------------------------------------------------------------------ */

/* A source that stops billing is left: the repeat is the only sale then. */
static bool stand_may(const struct call *call)
{
    return call->repeat.part == CALL_REPEAT_FIRST && call->repeat.stand == NULL &&
           call->ask.stream && call->state == CALL_FORWARD && call->upload == NULL &&
           !call->head_sent && !call->cut && !call->gate->draining &&
           call->route->abort_billing != REGISTRY_ABORT_STOPS;
}

static bool stand_open(struct call_stand *stand)
{
    struct call *call = stand->call;
    struct gate *gate = stand->gate;
    if (timer_start(gate->loop, &stand->timer, loop_now_ns(gate->loop) + STAND_LOOK_NS) != ERR_OK) {
        return false;
    }
    if (http_inner_stand_in(gate->server, call->begun_ns, &stand->inner, &call->x) != ERR_OK) {
        return false;
    }
    http_exchange_own(call->x, call);
    http_inner_pause(&stand->inner);
    return true;
}

/* NULL: no memory. */
static struct call_stand *stand_make(struct call *call)
{
    struct call_stand *stand = mem_zalloc(sizeof(*stand));
    if (stand == NULL) {
        return NULL;
    }
    stand->gate = call->gate;
    stand->call = call;
    stand->entry = call->repeat.entry;
    stand->until_ns = stand_until(stand);
    timer_init(&stand->timer, stand_on_timer);
    http_inner_init(&stand->inner, &stand_events);
    call->repeat.stand = stand;
    if (!stand_open(stand)) {
        stand_free(stand);
        return NULL;
    }
    return stand;
}

bool call_stand_begin(struct call *call)
{
    struct call_stand *stand = stand_may(call) ? stand_make(call) : NULL;
    if (stand == NULL) {
        return false;
    }
    /* Last: a repeat that finds a stream standing finds one that is told. */
    if (!repeats_stand(stand_table(stand), stand->entry)) {
        stand_leave(stand);
        return false;
    }
    return true;
}

bool call_stand_waits(struct call *call)
{
    struct call_stand *stand = call->repeat.stand;
    bool sold = call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED;
    if (stand == NULL || !sold || stand->joined) {
        return false;
    }
    bool ends = call->cut || (call->hold.err != ERR_OK && call->hold.err != ERR_BUSY);
    if (ends && repeats_forsake(stand_table(stand), stand->entry)) {
        stand_forsaken(stand);
        return false;
    }
    return !ends;
}

bool call_stand_end(struct call *call)
{
    struct call_stand *stand = call->repeat.stand;
    bool sold = call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED;
    if (sold || !repeats_recall(stand_table(stand), stand->entry)) {
        stand->call = NULL;
        call->repeat.stand = NULL;
        return true;
    }
    stand_free(stand);
    return false;
}
