#include "gate/call_mark.h"

#include "base/crash.h"
#include "base/mem.h"
#include "gate/call_extend.h"
#include "gate/call_tier.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "wire/jsonw.h"

#define MARK_GRACE_NS \
    INT64_C(50000000) /* commits are closer to each other wherever there are some */

/* ---- commits ------------------------------------------------------------------------------ */

static enum err mark_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job;
    (void)txn;
    (void)fail;
    return ERR_OK; /* its commit is all that is wanted of it */
}

static void mark_go_on(struct call_mark *mark);

static void mark_done(struct store_job *job)
{
    struct call_mark *mark = EP_CONTAINER(job, struct call_mark, job);
    struct call *call = mark->call;
    ASSERT(call->magic == CALL_MAGIC);
    mark->job_on_its_way = false;
    mark_go_on(mark);
    if (call->state == CALL_RECEIPT) {
        call_wake(call); /* it may wait for that */
    }
}

static void mark_nudge(struct call_mark *mark)
{
    struct gate *gate = mark->call->gate;
    if (mark->job_on_its_way || !ledger_mark_waits(gate->world.ledger, &mark->row)) {
        return;
    }
    mark->job_on_its_way = true;
    mark->job = (struct store_job){ .run = mark_run, .done = mark_done, .home = gate->loop };
    store_submit(gate->world.store, &mark->job);
}

/* Nothing waits for its timer any more: what still waits is nudged, and what does not goes. */
static void mark_go_on(struct call_mark *mark)
{
    if (timer_armed(&mark->timer)) {
        return;
    }
    mark_nudge(mark);
    if (!mark->job_on_its_way) {
        call_mark_free(mark->call);
    }
}

static void mark_on_timer(struct timer *timer)
{
    mark_go_on(EP_CONTAINER(timer, struct call_mark, timer));
}

/* ---- marks -------------------------------------------------------------------------------- */

static int64_t mark_tokens(const struct call *call)
{
    int64_t sum = 0;
    if (call->counter == NULL || call->work != NULL) {
        return call->relay.content_events;
    }
    for (size_t i = 0; i < TALLY_PARTS; i++) {
        sum += (int64_t)call->tally.most[i];
    }
    return sum;
}

/* All that was counted has left, and lies in the connection. */
static bool mark_may(const struct call *call)
{
    return call->streamed && call->x != NULL && call->first_byte_ns != 0 && call->hold.placed &&
           call->hold.err == ERR_OK && call->answer.len == 0 && !call->relay.ended &&
           http_respond_pending(call->x) == 0;
}

static bool mark_due(const struct call *call, int64_t tokens)
{
    const struct call_marked *last = &call->marked;
    int64_t since_ns = last->at_ns == 0 ? call->first_byte_ns : last->at_ns;
    int64_t fresh = tokens - last->tokens;
    return fresh >= CALL_MARK_TOKENS ||
           (fresh > 0 && loop_now_ns(call->gate->loop) - since_ns >= CALL_MARK_NS);
}

static bool mark_progress(const struct call *call, struct ledger_progress *ret_progress)
{
    const struct call_mark *mark = call->mark;
    struct rate rate;
    struct usage usage;
    struct jsonw json;
    money_wide pico = 0;
    struct buf text = { ret_progress->usage, 0, LEDGER_MARK_USAGE_MAX, LEDGER_MARK_USAGE_MAX };
    call_rate(call, &rate);
    if (!call_meter_so_far(call, &rate, &usage) || rate_usage(&rate, &usage, &pico) != ERR_OK) {
        return false;
    }
    pico = call_tier_so_far(call, &usage, pico);
    if (pico > INT64_MAX) {
        return false;
    }
    jsonw_init(&json, &text);
    jsonw_open(&json, '{');
    for (int i = 0; i < USAGE_COUNT; i++) {
        if (usage.tokens[i] != 0) {
            jsonw_put_int(&json, usage_name((enum usage_class)i), usage.tokens[i]);
        }
    }
    jsonw_close(&json, '}');
    ret_progress->usage_len = text.len;
    ret_progress->rated_pico = (int64_t)pico;
    ret_progress->key = (struct str){ mark->key, mark->key_len };
    ret_progress->product = call->key->product;
    ret_progress->price_book = (struct str){ mark->price_book, mark->price_book_len };
    ret_progress->model = call->model->id;
    ret_progress->route = call->route->id;
    ret_progress->attempt = call->attempt.n;
    ret_progress->marked_ns = loop_wall_ns(call->gate->loop);
    return jsonw_err(&json) == ERR_OK;
}

static struct call_mark *mark_create(struct call *call)
{
    struct call_mark *mark = mem_zalloc(sizeof(*mark));
    if (mark != NULL) {
        ledger_mark_init(&mark->row, call->hold.row.seq);
        timer_init(&mark->timer, mark_on_timer);
        mark->call = call;
        struct buf key = { mark->key, 0, sizeof(mark->key), sizeof(mark->key) };
        EP_IGNORE(id_print(&key, STR(IDENT_KEY_PREFIX), call->key->id)); /* fits */
        mark->key_len = key.len;
        const struct registry_price_book *prices = call->product->price_book;
        const struct str parts[] = { prices->id, STR("/"), prices->version };
        struct buf book = { mark->price_book, 0, LEDGER_MARK_TEXT_MAX, LEDGER_MARK_TEXT_MAX };
        EP_IGNORE(buf_append_all(&book, parts, EP_ARRAY_LEN(parts))); /* or it stays out */
        mark->price_book_len = book.len;
    }
    return mark;
}

static void mark_put(struct call *call, int64_t tokens, const struct ledger_progress *progress)
{
    struct loop *loop = call->gate->loop;
    int64_t now_ns = loop_now_ns(loop);
    call->marked = (struct call_marked){ now_ns, tokens };
    ledger_mark_put(call->gate->world.ledger, &call->mark->row, progress);
    EP_CRASH_POINT("mark-waits");
    if (timer_start(loop, &call->mark->timer, now_ns + MARK_GRACE_NS) != ERR_OK) {
        mark_nudge(call->mark);
    }
}

void call_mark_look(struct call *call)
{
    struct ledger_progress progress;
    if (!mark_may(call)) {
        return;
    }
    int64_t tokens = mark_tokens(call);
    if (!mark_due(call, tokens)) {
        return;
    }
    call->mark = call->mark == NULL ? mark_create(call) : call->mark;
    if (call->mark == NULL) {
        return;
    }
    if (mark_progress(call, &progress)) {
        mark_put(call, tokens, &progress);
    } else {
        mark_go_on(call->mark);
    }
}

void call_mark_end(struct call *call)
{
    if (call->mark != NULL) {
        timer_stop(call->gate->loop, &call->mark->timer);
        ledger_mark_end(call->gate->world.ledger, &call->mark->row);
    }
}

bool call_mark_is_idle(const struct call *call)
{
    return call->mark == NULL || !call->mark->job_on_its_way;
}

void call_mark_free(struct call *call)
{
    ASSERT(call_mark_is_idle(call));
    mem_free(call->mark);
    call->mark = NULL;
}
