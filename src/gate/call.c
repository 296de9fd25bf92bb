/*
 * The life of a call: the table of its states and the engine that runs it. call.h has the diagram;
 * each step is the file of its name.
 */
#include "gate/call.h"

#include <stdio.h>

#include "base/counter.h"
#include "crypto/random.h"
#include "dispatch/limits.h"
#include "gate/call_forward.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/intake.h"
#include "gate/reply.h"
#include "gate/upload.h"

struct call_step {
    const char *name;
    enum call_next (*run)(struct call *call);
    unsigned enter_from; /* a bit for each state it may be entered from */
};

#define FROM(state) (1U << CALL_##state)

static const struct call_step call_steps[] = {
    [CALL_PARSE] = { "parse", call_parse, 0 },
    [CALL_AUTHENTICATE] = { "authenticate", call_authenticate, FROM(PARSE) },
    [CALL_JUDGE] = { "judge", call_judge, FROM(AUTHENTICATE) },
    [CALL_ADMIT] = { "admit", call_admit, FROM(JUDGE) | FROM(REPEAT) },
    [CALL_REPEAT] = { "repeat", call_repeat, FROM(ADMIT) },
    [CALL_COUNT] = { "count", call_count, FROM(ADMIT) },
    [CALL_HOLD] = { "hold", call_hold, FROM(ADMIT) | FROM(COUNT) },
    [CALL_ROUTE] = { "route", call_route, FROM(HOLD) | FROM(FORWARD) },
    [CALL_FORWARD] = { "forward", call_forward, FROM(ROUTE) },
    [CALL_METER] = { "meter", call_meter, FROM(HOLD) | FROM(ROUTE) | FROM(FORWARD) },
    [CALL_SETTLE] = { "settle", call_settle, FROM(METER) },
    [CALL_RECEIPT] = { "receipt", call_receipt,
                       FROM(SETTLE) | FROM(JUDGE) | FROM(ADMIT) | FROM(REPEAT) | FROM(COUNT) |
                           FROM(HOLD) },
    [CALL_DONE] = { "done", call_done,
                    FROM(RECEIPT) | FROM(PARSE) | FROM(AUTHENTICATE) | FROM(REPEAT) | FROM(HOLD) },
};

void call_goto(struct call *call, enum call_state state)
{
    ASSERT((call_steps[state].enter_from & 1U << call->state) != 0);
    call->state = state;
}

static void call_run(struct task *task)
{
    struct call *call = EP_CONTAINER(task, struct call, wake);
    ASSERT(call->magic == CALL_MAGIC);
    enum call_next next = CALL_NEXT;
    while (next == CALL_NEXT) {
        next = call_steps[call->state].run(call);
    }
    ASSERT((next == CALL_STOP) == (call->magic != CALL_MAGIC));
}

void call_wake(struct call *call)
{
    ASSERT(call->magic == CALL_MAGIC);
    task_queue(call->gate->loop, &call->wake);
}

void call_wake_next(struct call *call)
{
    ASSERT(call->magic == CALL_MAGIC);
    task_queue_next(call->gate->loop, &call->wake);
}

static struct call *call_make(struct gate *gate, struct http_exchange *x, enum face face,
                              enum dialect dialect, const struct call_service *service)
{
    struct call *call = slab_take(&gate->calls);
    if (call == NULL) {
        reply_refuse(x, &(struct face_error){ .err = ERR_NO_MEMORY });
        return NULL;
    }
    call->magic = CALL_MAGIC;
    call->state = CALL_PARSE;
    call->gate = gate;
    call->x = x;
    call->face = face;
    call->dialect = dialect;
    call->service = service;
    call->snapshot = gate_snapshot_ref(gate->snapshot);
    if (dialect != DIALECT_CHAT && !call_tongue_make(call, dialect)) {
        gate_snapshot_unref(call->snapshot);
        call->magic = 0;
        slab_give(&gate->calls, call);
        reply_refuse(x, &(struct face_error){ .err = ERR_NO_MEMORY });
        return NULL;
    }
    call->begun_ns = http_exchange_begun_ns(x);
    call->begun_wall_ns = loop_wall_ns(gate->loop);
    call->id = id_make(call->begun_wall_ns, gate->world.node, random_u64());
    call->hold.err = ERR_BUSY;
    task_init(&call->wake, call_run);
    arena_init(&call->arena, CALL_ARENA_FIRST, CALL_ARENA_MAX);
    http_exchange_take_body(x, &call->body);
    const struct gate_options *options = &call->snapshot->options;
    buf_init(&call->answer, service->service == REGISTRY_SERVICE_CHAT
                                ? options->answer_bytes_max
                                : options->data_answer_bytes_max);
    buf_init(&call->said, TALLY_TEXTS_MAX * sizeof(struct chat_text));
    tally_init(&call->tally);
    http_call_init(&call->upstream, &call_upstream_events);
    http_exchange_own(x, call);
    list_push_back(&gate->open_calls, &call->node);
    counter_add(COUNTER_CALLS, 1);
    counter_add(COUNTER_CALLS_OPEN, 1);
    call_wake(call);
    return call;
}

void call_begin(struct gate *gate, struct http_exchange *x, enum face face, enum dialect dialect)
{
    (void)call_make(gate, x, face, dialect, call_service_row(REGISTRY_SERVICE_CHAT));
}

void call_begin_service(struct gate *gate, struct http_exchange *x, enum face face,
                        enum registry_service service)
{
    (void)call_make(gate, x, face, DIALECT_CHAT, call_service_row(service));
}

void call_begin_upload(struct gate *gate, struct http_exchange *x, struct upload *upload)
{
    struct call *call = call_make(gate, x, upload->face, DIALECT_CHAT, upload->kind->service);
    if (call == NULL) {
        upload_free(upload); /* the exchange has been answered */
        return;
    }
    buf_fini(&call->body);
    call->body = upload->ask;
    buf_init(&upload->ask, 1);
    call->upload = upload;
}

enum call_next call_refuse(struct call *call, enum err err, const char *format, ...)
{
    ASSERT(err != ERR_OK);
    char text[CALL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!arena_copy(&call->arena, str_from(text), &call->message)) {
        call->message = STR_EMPTY; /* the table's sentence will do */
    }
    call->err = err;
    call->outcome = OUTCOME_REFUSED;
    bool known = call->state >= CALL_JUDGE && call->state <= CALL_HOLD;
    ASSERT(known || call->state == CALL_PARSE || call->state == CALL_AUTHENTICATE);
    call_goto(call, known ? CALL_RECEIPT : CALL_DONE);
    return CALL_NEXT;
}

void call_gone(struct call *call)
{
    ASSERT(call->magic == CALL_MAGIC);
    call->x = NULL;
    call_ping_end(call);
    call_repeat_gone(call);
    call_wake(call);
}

bool call_gate_a_open(const struct call *call)
{
    return call->hold.err == ERR_OK || call->snapshot->options.hold == GATE_HOLD_RELAXED;
}
