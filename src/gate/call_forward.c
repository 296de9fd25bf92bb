#include "gate/call_forward.h"

#include "base/counter.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch/limits.h"
#include "gate/answer.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_deadline.h"
#include "gate/call_extend.h"
#include "gate/call_hedge.h"
#include "gate/call_mark.h"
#include "gate/call_straddle.h"
#include "gate/call_talk.h"
#include "gate/call_tongue.h"
#include "gate/gate_internal.h"
#include "gate/quarantine.h"

/* The client has gone, and the upstream is read to its end. */
struct call_drain {
    struct call *call;
    struct limits_counter *place; /* of those that may be read so at once */
    struct timer timer;           /* until it is broken off */
    int64_t delivered;            /* events of the stream, when the client went */
};

/* Above this the upstream is not read: a slow client, or a hold that takes its time, costs so much
 * memory and no more. */
#define FORWARD_PENDING_MAX ((size_t)128 * 1024)
#define FORWARD_ERROR_MAX   ((size_t)16 * 1024) /* of an upstream's error that is passed on */
/* Events of a stream for each token of its cap, and for none: some send a letter an event. */
#define FORWARD_EVENTS_A_TOKEN 16
#define FORWARD_EVENTS_SPARE   4096

/* ---- the upstream's bytes, as they come --------------------------------------------------- */

static struct call *forward_call(struct http_call *upstream)
{
    struct call *call = EP_CONTAINER(upstream, struct call, upstream);
    ASSERT(call->magic == CALL_MAGIC);
    return call;
}

/* What may leave of a stream: at once if a durable hold covers it (Gate A), else when one does. */
static void forward_emit(void *context, struct str bytes)
{
    struct call *call = context;
    if (call->x == NULL || call->upstream_err != ERR_OK) {
        return;
    }
    enum err covered = call_extend_pass(call);
    if (covered == ERR_LEDGER_SPENT) {
        call->upstream_err = covered;
        return;
    }
    if (!call_gate_a_open(call) || covered != ERR_OK || call->answer.len > 0) {
        if (buf_append(&call->answer, bytes) != ERR_OK) {
            call->upstream_err = ERR_UPSTREAM_SIZE;
        }
        return;
    }
    answer_stream(call, bytes);
}

/* What a failure that the connection knows nothing of looks like, and what to do about it. */
const char *forward_said(int status, enum err err)
{
    if (err == ERR_UPSTREAM_STATUS) {
        return status == 200 ? "reported an error inside its answer"
               : status >= 300 && status < 400
                   ? "answered with a redirect, which is not followed: correct its endpoint"
                   : "answered with an error status";
    }
    return err == ERR_UPSTREAM_SYNTAX
               ? "sent an answer that is not of its dialect: see its endpoint"
           : err == ERR_UPSTREAM_SIZE
               ? "sent more than limits.answer_bytes (of a chat), limits.data_answer_bytes or "
                 "limits.sse_line_bytes allow"
           : err == ERR_UPSTREAM_SILENT
               ? "sent no event of its stream within limits.upstream_first_byte_ms"
               : "ended its stream before the last event";
}

void forward_tell(const struct call *call, const struct call_attempt *attempt, int status,
                  const struct fail *fail)
{
    struct log_line line;
    log_begin(&line, EVENT_UPSTREAM);
    log_id(&line, "call", STR("call_"), call->id);
    log_str(&line, "route", attempt->route->id);
    log_int(&line, "attempt", attempt->n);
    log_int(&line, "upstream_status", status);
    log_fail(&line, fail);
    log_end(&line);
}

/* Of an answer that came, and will not do. A swap has an event of its own, and what is not the
 * upstream's doing is none of this. */
void forward_tell_answer(const struct call *call, const struct call_attempt *attempt, int status,
                         enum err err, const char *what)
{
    struct fail fail;
    if (err != ERR_UPSTREAM_STATUS && err != ERR_UPSTREAM_SYNTAX && err != ERR_UPSTREAM_SIZE &&
        err != ERR_UPSTREAM_SILENT && err != ERR_UPSTREAM_CUT) {
        return;
    }
    EP_IGNORE(FAIL(&fail, err, "route \"" STR_FMT "\" %s", STR_ARG(attempt->route->id), what));
    forward_tell(call, attempt, status, &fail);
}

static void forward_tell_end(const struct call *call, enum err err)
{
    int status = call->upstream_status;
    forward_tell_answer(call, &call->attempt, status, err, forward_said(status, err));
}

static void forward_refuse(struct call *call, enum err err, const char *what)
{
    forward_tell_answer(call, &call->attempt, call->upstream_status, err, what);
    call->upstream_err = err;
    http_call_cancel(call_upstream(call));
    call_wake(call);
}

static void forward_fail(struct call *call, enum err err)
{
    forward_refuse(call, err, forward_said(call->upstream_status, err));
}

/* The prompt and what was spliced into it are needed until they were sent for good, an upstream has
 * taken them on and begun as the model that was asked (else the next one is), and they are counted:
 * from then on an open stream costs little. What the law has noted is needed to the end. */
static void forward_free_request(struct call *call)
{
    if (call->attempt.sent && call->streamed && call->relay.begun && call->counting == NULL) {
        call->prefer = NULL;
        call->fallback = NULL;
        call_talk_free(call);
        buf_fini(&call->body);
        if (call->quota == NULL && call->law.found == NULL && call->work == NULL) {
            arena_fini(&call->arena);
            call->parts = NULL;
        }
    }
}

void call_forward_sent(struct call *call)
{
    call->attempt.sent = true;
    forward_free_request(call);
}

bool forward_streams(const struct call *call, const struct http1_head *head)
{
    struct str type = http1_header(head, STR("content-type"));
    bool events = str_starts_nocase(type, STR("text/event-stream"));
    bool bytes = call->work != NULL && call->work->bytes;
    bool said = str_starts_nocase(type, STR("application/json")); /* of bytes: what went wrong */
    return head->status == 200 && call->ask.stream && (bytes ? !events && !said : events);
}

bool forward_compressed(const struct http1_head *head)
{
    struct str encoding = http1_header(head, STR("content-encoding"));
    return encoding.len > 0 && !str_eq_nocase(encoding, STR("identity"));
}

void call_forward_head(struct call *call, const struct http1_head *head)
{
    call->upstream_status = head->status;
    call_attempt_named(&call->attempt, head);
    call_lesson_head(&call->lesson, head, loop_wall_ns(call->gate->loop));
    call->streamed = forward_streams(call, head);
    if (call->work != NULL) {
        call_service_head(call, head);
    }
    if (head->status == 200 && call->x != NULL) {
        http_exchange_drop_head(call->x); /* another upstream is asked without it, if any is */
    }
    if (forward_compressed(head)) {
        forward_refuse(call, ERR_UPSTREAM_SYNTAX,
                       "compressed its answer, though identity alone was asked for");
    }
}

/* What counts of the relay's failure and one that came before: another model, else the first. */
static enum err forward_first(struct call *call, enum err err)
{
    if (err == ERR_UPSTREAM_MODEL) {
        call_attempt_declared(&call->attempt, call->relay.other); /* the relay still has the name */
        return err;
    }
    return call->upstream_err != ERR_OK ? call->upstream_err : err;
}

/* Comments keep a stream alive while a model thinks, but not for ever: another may answer. */
static bool forward_stalls(struct call *call)
{
    int64_t limit_ns = call->snapshot->options.first_byte_ns;
    return !call->relay.begun && limit_ns > 0 &&
           loop_now_ns(call->gate->loop) - call_upstream(call)->begun_ns > limit_ns;
}

bool forward_has_begun(const struct call *call)
{
    return call->streamed ? call->relay.begun : call->lesson.first_ns != 0;
}

/* What an upstream says of its error is passed on if it is short and comes soon; nobody waits for
 * the rest of it. */
static enum err forward_take_error(struct call *call, struct str data)
{
    bool more = call->answer.len + data.len > FORWARD_ERROR_MAX || forward_stalls(call);
    if (more || buf_append(&call->answer, data) != ERR_OK) {
        buf_reset(&call->answer);
        return ERR_UPSTREAM_STATUS;
    }
    return ERR_OK;
}

/* It was told how much to write, and goes on and on. */
static bool forward_overflows(const struct call *call)
{
    if (call->work != NULL) {
        return call->work->stream_most > 0 && call->relay.content_bytes > call->work->stream_most;
    }
    int64_t tokens = call->output_cap * call->ask.choices;
    return call->relay.content_events > FORWARD_EVENTS_SPARE &&
           (call->relay.content_events - FORWARD_EVENTS_SPARE) / FORWARD_EVENTS_A_TOKEN > tokens;
}

void call_forward_body(struct call *call, struct str data)
{
    enum err err = ERR_OK;
    if (call->streamed) {
        if (call->service->piece != NULL && call->work->bytes) {
            call->service->piece(call, data);
        }
        err = relay_feed(&call->relay, data, forward_emit, call);
        err = forward_first(call, err);
        err = err == ERR_OK && forward_stalls(call) ? ERR_UPSTREAM_SILENT : err;
        call_lesson_look(call);
        if (call->hedge != NULL) {
            call_hedge_look(call);
        }
        forward_free_request(call);
    } else if (call->upstream_status != 200) {
        err = forward_take_error(call, data);
    } else {
        err = buf_append(&call->answer, data) == ERR_OK ? ERR_OK : ERR_UPSTREAM_SIZE;
        call_lesson_look_whole(call, data);
        if (call->hedge != NULL) {
            call_hedge_look(call);
        }
    }
    if (err != ERR_OK) {
        forward_fail(call, err);
        return;
    }
    if (forward_overflows(call)) {
        forward_refuse(call, ERR_UPSTREAM_SIZE, "goes on writing far beyond what was asked for");
        return;
    }
    call_mark_look(call);
    size_t pending = call->x == NULL ? 0 : http_respond_pending(call->x);
    if (call->streamed && pending + call->answer.len > FORWARD_PENDING_MAX) {
        http_call_pause(call_upstream(call));
    }
}

void call_forward_end(struct call *call)
{
    call->upstream_over = true;
    if (call->streamed) {
        enum err err = relay_finish(&call->relay, forward_emit, call);
        call->upstream_err = forward_first(call, err);
        forward_tell_end(call, call->upstream_err);
    }
    call_wake(call);
}

void call_forward_failed(struct call *call, enum err err, const struct fail *fail)
{
    call->upstream_err = err;
    forward_tell(call, &call->attempt, call->upstream_status, fail);
    call_wake(call);
}

static void forward_on_sent(struct http_call *upstream)
{
    call_forward_sent(forward_call(upstream));
}

static void forward_on_head(struct http_call *upstream, const struct http1_head *head)
{
    call_forward_head(forward_call(upstream), head);
}

static void forward_on_body(struct http_call *upstream, struct str data)
{
    call_forward_body(forward_call(upstream), data);
}

static void forward_on_end(struct http_call *upstream)
{
    call_forward_end(forward_call(upstream));
}

static void forward_on_failed(struct http_call *upstream, enum err err, const struct fail *fail)
{
    call_forward_failed(forward_call(upstream), err, fail);
}

const struct http_call_events call_upstream_events = {
    .on_sent = forward_on_sent,
    .on_head = forward_on_head,
    .on_body = forward_on_body,
    .on_end = forward_on_end,
    .on_failed = forward_on_failed,
};

/* The kinds of failure, as a client would be told them. */
void forward_count_failed(enum err err)
{
    enum counter kind = err == ERR_UPSTREAM_CONNECT || err == ERR_NET_LOOKUP
                            ? COUNTER_ATTEMPTS_UNREACHABLE
                        : err == ERR_UPSTREAM_TLS                       ? COUNTER_ATTEMPTS_UNTRUSTED
                        : err == ERR_UPSTREAM_SILENT || err == ERR_BUSY ? COUNTER_ATTEMPTS_LATE
                        : err == ERR_UPSTREAM_CUT                       ? COUNTER_ATTEMPTS_CUT
                        : err == ERR_UPSTREAM_STATUS                    ? COUNTER_ATTEMPTS_ERROR
                                                                        : COUNTER_ATTEMPTS_INVALID;
    counter_add(COUNTER_ATTEMPTS_FAILED, 1);
    counter_add(kind, 1);
}

void forward_give(struct call *call, enum dispatch_outcome outcome)
{
    int64_t now_ns = loop_now_ns(call->gate->loop);
    http_call_cancel(&call->upstream);
    if (call->place.route != NULL) {
        const struct health_lesson *lesson =
            outcome == DISPATCH_OVERTAKEN
                ? call_lesson_overtaken(&call->lesson, !call->ask.stream, now_ns)
                : call_lesson_end(&call->lesson, call->upstream_err, call->upstream_status,
                                  &call->relay);
        bool broken = outcome == DISPATCH_OVERTAKEN || outcome == DISPATCH_NEUTRAL;
        call->place.used_tokens = broken && !call->place.begun
                                      ? call_attempt_took(call, &call->attempt, &call->place)
                                      : call_lesson_used(call);
        dispatch_give(&call->place, outcome, lesson, now_ns);
        call->place.route = NULL;
    }
    if (outcome == DISPATCH_FAILED) {
        forward_count_failed(call->upstream_err);
    }
}

void call_end_attempt(struct call *call, enum dispatch_outcome outcome)
{
    call_hedge_end(call, outcome == DISPATCH_NEUTRAL ? call->upstream_err : ERR_OK);
    if (call->drain != NULL) {
        timer_stop(call->gate->loop, &call->drain->timer);
    }
    call_deadline_rest(call);
    forward_give(call, outcome);
}

/* ---- what became of it -------------------------------------------------------------------- */

/* An error status as one of ours: 4xx that the client caused are told as they came (answer.c). */
static enum err forward_status_err(int status)
{
    return status == 200 ? ERR_OK : ERR_UPSTREAM_STATUS;
}

bool forward_is_clients(int status)
{
    return status == 400 || status == 413 || status == 422;
}

/* Nothing of this attempt has left, or can be seen by the client: a stream whose first event has
 * not been let through, or an answer that is told in one piece. (One that is too large, too: no
 * model writes so much, and another source floods nobody.) */
static bool forward_may_retry(const struct call *call, enum err err)
{
    bool unused = !call->streamed || !call->relay.begun;
    return err_info(err)->kind == ERR_KIND_RETRY && call->x != NULL && !call->head_sent &&
           !call->cut && call->body.len > 0 && unused && !forward_is_clients(call->upstream_status);
}

/* No other call is sent there. Rows and claim come with the settlement (call_dispute.h). */
void forward_swapped(const struct call *call, const struct call_attempt *attempt)
{
    struct log_line line;
    counter_add(COUNTER_MODEL_SWAPS, 1);
    log_begin(&line, EVENT_MODEL_SWAPPED);
    log_id(&line, "call", STR("call_"), call->id);
    log_str(&line, "route", attempt->route->id);
    log_str(&line, "upstream_id", (struct str){ attempt->id, attempt->id_len });
    log_str(&line, "declared", (struct str){ attempt->declared, attempt->declared_len });
    log_end(&line);
    quarantine_begin(call->gate->world.quarantine, attempt->route->id, STR("swap"));
}

/* Answers that named no model are counted. */
static void forward_note_model(struct call *call, enum err err)
{
    bool answered = call->streamed ? call->relay.begun : err == ERR_OK;
    if (call->upstream_status != 200 || !answered) {
        return;
    }
    call->disputes.unnamed =
        quarantine_note_model(call->gate->world.quarantine, call->route,
                              call->relay.named != SWAP_UNKNOWN, loop_wall_ns(call->gate->loop));
}

enum dispatch_outcome forward_judge(enum err err, int status)
{
    if (err == ERR_OK || forward_is_clients(status)) {
        return DISPATCH_FINE;
    }
    bool ours = err == ERR_CANCELLED || err == ERR_SHUTDOWN || err == ERR_NO_CLOSED_ROUTE ||
                err == ERR_STORE_FAILED || err == ERR_LEDGER_SPENT || err == ERR_NO_MEMORY ||
                err == ERR_DEADLINE || err == ERR_UPLOAD_FAILED;
    return ours ? DISPATCH_NEUTRAL : DISPATCH_FAILED;
}

/* Nothing of a failed attempt is left, but what is told of it. */
static void forward_forget(struct call *call)
{
    call->streamed = false;
    call->has_report = false;
    call->has_reported = false;
    buf_fini(&call->answer);
    buf_reset(&call->said);
    relay_fini(&call->relay);
}

/* What waits for Gate A reaches whoever is still there with the settlement, but another model's
 * words, and pieces of an answer without events: in their place the error is told. */
static enum call_next forward_conclude(struct call *call, enum err err)
{
    bool bytes = call->work != NULL && call->work->bytes;
    bool reaches = call->head_sent || (call->x != NULL && err != ERR_UPSTREAM_MODEL && !bytes);
    bool delivered = call->relay.content_events > 0 && call->streamed && reaches;
    call->err = err;
    call->outcome = err == ERR_OK ? OUTCOME_COMPLETE
                    : delivered   ? OUTCOME_INTERRUPTED
                                  : OUTCOME_FAILED;
    call_goto(call, CALL_METER);
    return CALL_NEXT;
}

static enum call_next forward_finish(struct call *call, enum err err)
{
    bool again = err != ERR_OK && forward_may_retry(call, err);
    bool beside = again && call_hedge_runs(call);
    enum dispatch_outcome outcome = forward_judge(err, call->upstream_status);
    call_lesson_answer(call);
    call->upstream_err = err;
    if (beside) {
        forward_give(call, outcome);
    } else {
        call_end_attempt(call, outcome);
    }
    call->attempt.err = err;
    if (err == ERR_UPSTREAM_MODEL) {
        forward_swapped(call, &call->attempt);
        buf_reset(&call->answer); /* nobody is given what has not left yet, and nobody pays */
        buf_reset(&call->said);
    }
    forward_note_model(call, err);
    if (again) {
        forward_forget(call);
        EP_CRASH_POINT("retry");
        if (beside) {
            call_hedge_lead(call);
        } else {
            call_goto(call, CALL_ROUTE);
        }
        return CALL_NEXT;
    }
    if (err == ERR_LEDGER_SPENT) {
        call_extend_rewind(call);
    }
    return forward_conclude(call, err);
}

static void forward_on_drain_timer(struct timer *timer)
{
    forward_fail(EP_CONTAINER(timer, struct call_drain, timer)->call, ERR_CANCELLED);
}

int64_t call_drain_delivered(const struct call *call)
{
    return call->drain->delivered;
}

void call_drain_free(struct call *call)
{
    if (call->drain != NULL) {
        limits_give(call->drain->place);
        mem_free(call->drain);
        call->drain = NULL;
    }
}

/* The client has gone: is the upstream read to its end, for the usage it bills anyway? */
static bool forward_drain(struct call *call)
{
    static const struct id drains = { { 'd', 'r', 'a', 'i', 'n', 's' } }; /* no client's id */
    struct gate *gate = call->gate;
    struct limits_counter *place = NULL;
    if (call->drain != NULL) {
        return true;
    }
    if (call->route->abort_billing == REGISTRY_ABORT_STOPS ||
        limits_take(gate->world.limits, drains, call->snapshot->options.drains_max, &place) !=
            ERR_OK) {
        return false;
    }
    call->drain = mem_zalloc(sizeof(*call->drain));
    if (call->drain == NULL) {
        limits_give(place);
        return false;
    }
    call->drain->call = call;
    call->drain->place = place;
    timer_init(&call->drain->timer, forward_on_drain_timer);
    int64_t until_ns = loop_now_ns(gate->loop) + call->snapshot->options.drain_ns;
    if (timer_start(gate->loop, &call->drain->timer, until_ns) != ERR_OK) {
        call_drain_free(call);
        return false;
    }
    call->drain->delivered = call->relay.content_events;
    EP_CRASH_POINT("drain");
    call_hedge_drop(call, ERR_CANCELLED);
    http_call_resume(call_upstream(call));
    return true;
}

/* FORWARD: woken whenever something happened to the attempt, the hold or the client. */
enum call_next call_forward(struct call *call)
{
    bool hold_failed = call->hold.err != ERR_OK && call->hold.err != ERR_BUSY;
    if (call->hedge != NULL) {
        call_hedge_step(call);
    }
    if (hold_failed) {
        return forward_finish(call, call->hold.err);
    }
    if (call->upstream_err != ERR_OK) {
        return forward_finish(call, call->upstream_err);
    }
    if (call->upstream_over) {
        enum err err = forward_status_err(call->upstream_status);
        if (err == ERR_OK && !call->streamed) {
            err = call->service->check(call);
        } else if (err == ERR_OK && call_tongue_translates(call)) {
            err = call_tongue_rest(call);
        }
        if (!forward_is_clients(call->upstream_status)) {
            forward_tell_end(call, err);
        }
        return forward_finish(call, err);
    }
    if (call->cut) {
        return forward_finish(call, call_cut_err(call));
    }
    if (call->x != NULL && !call->head_sent && call_deadline_passed(call)) {
        return forward_finish(call, ERR_DEADLINE);
    }
    if (call->x == NULL && !forward_drain(call)) {
        return forward_finish(call, ERR_CANCELLED);
    }
    if (call->x != NULL && call->streamed && call->answer.len > 0 && call_gate_a_open(call) &&
        call_extend_durable(call)) {
        /* Gate A has opened, or the hold has grown: what waited for it leaves. */
        struct buf held = call->answer;
        buf_init(&call->answer, held.max);
        answer_stream(call, buf_str(&held));
        buf_fini(&held);
        http_call_resume(call_upstream(call));
        call_mark_look(call);
    }
    if (call->counting != NULL) {
        (void)call_count_slice(call); /* METER counts what is left when the answer is over */
        forward_free_request(call);
        call_wake_next(call);
    }
    return CALL_WAIT;
}
