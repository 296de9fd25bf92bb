#include "gate/call_repeat.h"

#include "base/counter.h"
#include "crypto/tag.h"
#include "gate/answer.h"
#include "gate/call_claim.h"
#include "gate/call_deadline.h"
#include "gate/call_stand.h"
#include "gate/call_straddle.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"
#include "gate/repeats.h"
#include "ident/ident.h"

#define REPEAT_TRY_NS INT64_C(20000000) /* 20 ms: little beside the second that the SDK waited */

struct repeat_wait {
    struct timer timer;
    struct call *call;
};

static struct repeats *repeat_table(const struct call *call)
{
    return call->gate->world.repeats;
}

/* Who asks, and for what; the query, too: Gemini's says whether events or a list are told. */
static struct digest repeat_name(const struct call *call)
{
    struct tag asked = tag_of(call_talk_asked(call)); /* of an agent's, a megabyte each time */
    const struct str parts[] = {
        id_str(&call->key->id),
        http_exchange_head(call->x)->target,
        STR("\n"),
        tag_str(&asked),
    };
    return digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
}

/* The count of its header; -1: it has none that is a count, or is not watched. */
static int64_t repeat_count(const struct call *call)
{
    int64_t count = 0;
    struct str said = http1_header(http_exchange_head(call->x), STR(REPEATS_HEADER));
    bool watched = said.len > 0 && repeat_table(call) != NULL && call->claim == NULL &&
                   call->body.len <= REPEATS_BODY_MAX;
    return watched && str_to_i64(said, &count) && count >= 0 ? count : -1;
}

static void repeat_first(struct call *call, const struct digest *name)
{
    int64_t now_ns = loop_now_ns(call->gate->loop);
    call->repeat.entry = repeats_begin(repeat_table(call), name, call->id, now_ns);
    call->repeat.part = call->repeat.entry == NULL ? CALL_REPEAT_NONE : CALL_REPEAT_FIRST;
}

bool call_repeat_begin(struct call *call)
{
    int64_t count = call->repeat.looked ? -1 : repeat_count(call);
    call->repeat.looked = true;
    if (count < 0) {
        return false;
    }
    struct digest name = repeat_name(call);
    enum repeat_found found = REPEAT_NONE;
    if (count > 0) {
        found = repeats_find(repeat_table(call), &name, loop_now_ns(call->gate->loop),
                             &call->repeat.entry);
    }
    if (found == REPEAT_NONE) {
        repeat_first(call, &name);
        return false;
    }
    call->repeat.part = found == REPEAT_WAIT     ? CALL_REPEAT_WAITS
                        : found == REPEAT_STREAM ? CALL_REPEAT_JOINS
                                                 : CALL_REPEAT_TELLS;
    return true;
}

void call_repeat_gone(struct call *call)
{
    if (call->ask.stream) {
        EP_IGNORE(call_stand_begin(call)); /* else it is as any that is left */
    } else if (call->repeat.part == CALL_REPEAT_FIRST) {
        repeats_lost(repeat_table(call), call->repeat.entry);
    }
}

void call_repeat_begun(struct call *call)
{
    if (call->repeat.part == CALL_REPEAT_FIRST && call->repeat.stand == NULL) {
        repeats_end(repeat_table(call), call->repeat.entry, false, loop_now_ns(call->gate->loop));
        call->repeat.part = CALL_REPEAT_NONE;
    }
}

bool call_repeat_awaited(const struct call *call)
{
    return call->repeat.part == CALL_REPEAT_FIRST &&
           repeats_awaited(repeat_table(call), call->repeat.entry);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* It was paid for, and may not have reached its client. */
static bool repeat_has_answer(const struct call *call)
{
    bool sold = call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED;
    return sold && call_settlement_durable(call) && call_has_whole_answer(call) &&
           call->answer.len <= REPEATS_ANSWER_MAX;
}

static void repeat_end_first(struct call *call, bool gone)
{
    struct repeats *table = repeat_table(call);
    struct repeat *entry = call->repeat.entry;
    int64_t now_ns = loop_now_ns(call->gate->loop);
    bool unsold = call->outcome == OUTCOME_REFUSED || call->outcome == OUTCOME_FAILED;
    if (repeat_has_answer(call)) {
        repeats_keep(table, entry, &call->answer, call->charge, now_ns);
    } else {
        repeats_end(table, entry, unsold && (gone || !answer_is_final(call)), now_ns);
    }
}

void call_repeat_end(struct call *call, bool gone)
{
    ASSERT(call->repeat.part != CALL_REPEAT_WAITS && call->repeat.part != CALL_REPEAT_JOINS);
    bool stood = call->repeat.stand != NULL;
    if (stood && call_stand_end(call)) {
        call->repeat.part = CALL_REPEAT_NONE;
    } else if (call->repeat.part == CALL_REPEAT_FIRST) {
        repeat_end_first(call, gone || stood);
    } else if (call->repeat.part == CALL_REPEAT_TELLS) {
        repeats_give(repeat_table(call), call->repeat.entry, loop_now_ns(call->gate->loop));
    }
    call->repeat.part = CALL_REPEAT_NONE;
}

bool call_repeat_replay(const struct call *call, struct call_replay *ret_replay)
{
    if (call->repeat.part != CALL_REPEAT_TELLS) {
        return false;
    }
    struct repeat_answer answer = repeats_answer(call->repeat.entry);
    *ret_replay = (struct call_replay){ answer.call, answer.posted_nano, answer.text };
    return true;
}

/* ---- the step ----------------------------------------------------------------------------- */

static void repeat_on_timer(struct timer *timer)
{
    struct repeat_wait *wait = EP_CONTAINER(timer, struct repeat_wait, timer);
    ASSERT(wait->call->magic == CALL_MAGIC);
    call_wake(wait->call);
}

/* Looks again in a while: the first call may end on any thread. */
static enum err repeat_set_timer(struct call *call)
{
    struct loop *loop = call->gate->loop;
    if (call->repeat.wait == NULL) {
        call->repeat.wait = arena_zalloc(&call->arena, sizeof(*call->repeat.wait));
        if (call->repeat.wait == NULL) {
            return ERR_NO_MEMORY;
        }
        call->repeat.wait->call = call;
        timer_init(&call->repeat.wait->timer, repeat_on_timer);
    }
    return timer_start(loop, &call->repeat.wait->timer, loop_now_ns(loop) + REPEAT_TRY_NS);
}

static enum call_next repeat_refuse(struct call *call, enum err err)
{
    repeats_leave(repeat_table(call), call->repeat.entry, loop_now_ns(call->gate->loop));
    call->repeat.part = CALL_REPEAT_NONE;
    return call_refuse(call, err, "%s", err_info(err)->text);
}

static enum call_next repeat_wait(struct call *call)
{
    struct repeat_wait *wait = call->repeat.wait;
    if (wait != NULL) {
        timer_stop(call->gate->loop, &wait->timer);
    }
    if (call->x == NULL || call->cut) {
        return repeat_refuse(call, call->x == NULL ? ERR_CANCELLED : call_cut_err(call));
    }
    if (call_deadline_passed(call)) {
        return repeat_refuse(call, ERR_DEADLINE);
    }
    enum repeat_found found = repeats_look(repeat_table(call), call->repeat.entry);
    if (found == REPEAT_WAIT) {
        enum err err = repeat_set_timer(call);
        return err == ERR_OK ? CALL_WAIT : repeat_refuse(call, err);
    }
    call->repeat.part = found == REPEAT_ANSWER ? CALL_REPEAT_TELLS : CALL_REPEAT_NONE;
    return CALL_NEXT;
}

/* ---- a stream ----------------------------------------------------------------------------- */

/* The client is told no more: nobody knows what of it it has. */
static enum call_next repeat_part(struct call *call)
{
    if (call->x != NULL) {
        http_exchange_abort(call->x);
        call->x = NULL;
    }
    call->repeat.part = CALL_REPEAT_NONE;
    call->outcome = OUTCOME_REPLAYED;
    call_goto(call, CALL_DONE);
    return CALL_NEXT;
}

static enum call_next repeat_leave(struct call *call, enum err err)
{
    if (!call->head_sent) {
        return repeat_refuse(call, err);
    }
    repeats_leave(repeat_table(call), call->repeat.entry, loop_now_ns(call->gate->loop));
    return repeat_part(call);
}

/* What the stream says of itself, and that it is sold to nobody else. */
static bool repeat_tell_head(struct call *call, struct repeat_piece *piece)
{
    if (http1_write_header(&piece->headers, STR("x-entrepot-replayed"), STR("true")) != ERR_OK) {
        return false;
    }
    call->repeat.joined = piece->call;
    call->head_sent = true;
    call->first_byte_ns = loop_now_ns(call->gate->loop);
    http_respond_head(call->x, piece->status, buf_str(&piece->headers));
    return true;
}

static enum call_next repeat_tell(struct call *call, struct repeat_piece *piece)
{
    struct str bytes = buf_str(&piece->bytes);
    bool told = call->head_sent || (piece->status != 0 && repeat_tell_head(call, piece));
    counter_add(COUNTER_BYTES_OUT, (int64_t)bytes.len);
    if (!told && piece->status != 0) { /* no memory */
        return piece->ended ? repeat_part(call) : repeat_leave(call, ERR_NO_MEMORY);
    }
    if (piece->ended && !told) {
        call->repeat.part = CALL_REPEAT_NONE; /* it broke off before it said anything */
        return CALL_NEXT;
    }
    if (piece->ended && piece->whole) {
        http_respond_last(call->x, &bytes, 1);
        call->x = NULL;
        return repeat_part(call);
    }
    if (bytes.len > 0) {
        http_respond_body(call->x, &bytes, 1);
    }
    if (piece->ended) {
        return repeat_part(call);
    }
    enum err err = repeat_set_timer(call);
    return err == ERR_OK ? CALL_WAIT : repeat_leave(call, err);
}

/* It is told what there is of the stream, as fast as its client takes it. */
static enum call_next repeat_join(struct call *call)
{
    struct repeat_piece piece = { .status = 0 };
    if (call->repeat.wait != NULL) {
        timer_stop(call->gate->loop, &call->repeat.wait->timer);
    }
    if (call->x == NULL || call->cut) {
        return repeat_leave(call, call->x == NULL ? ERR_CANCELLED : call_cut_err(call));
    }
    if (!call->head_sent && call_deadline_passed(call)) {
        return repeat_leave(call, ERR_DEADLINE);
    }
    bool takes = !call->head_sent || http_respond_pending(call->x) < REPEATS_PIPE_MAX;
    if (takes && repeats_draw(repeat_table(call), call->repeat.entry, &piece) == REPEAT_NONE) {
        call->repeat.part = CALL_REPEAT_NONE;
        return CALL_NEXT;
    }
    enum call_next next = repeat_tell(call, &piece);
    repeat_piece_fini(&piece);
    return next;
}

/* REPEAT: what has become of the call that this one repeats? */
enum call_next call_repeat(struct call *call)
{
    if (call->repeat.part == CALL_REPEAT_WAITS) {
        return repeat_wait(call);
    }
    if (call->repeat.part == CALL_REPEAT_JOINS) {
        return repeat_join(call);
    }
    if (call->repeat.part == CALL_REPEAT_TELLS) {
        call->outcome = OUTCOME_REPLAYED;
        call_goto(call, CALL_DONE);
        return CALL_NEXT;
    }
    struct digest name = repeat_name(call);
    repeat_first(call, &name);
    call_goto(call, CALL_ADMIT);
    return CALL_NEXT;
}
