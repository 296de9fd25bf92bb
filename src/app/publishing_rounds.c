/* Rounds: what the worker is given, what is done about what it says, and when. */
#include "app/publishing_internal.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/stamp.h"
#include "tlog/receipt_promise.h"

#define PUBLISHING_CALM_NS ((int64_t)RECEIPT_PROMISE_S * STAMP_NS_PER_S)

void publishing_wait(struct publishing *publishing)
{
    const struct conf *conf = publishing->server->world->conf;
    int64_t wait_ns = (int64_t)conf->log_witness_wait_ms * STAMP_NS_PER_MS;
    enum err err = timer_start(publishing_loop(publishing), &publishing->wait,
                               publishing_now(publishing) + wait_ns);
    ASSERT(err == ERR_OK); /* its place in the heap was made at the opening */
}

/* ---- what is told -------------------------------------------------------------------------- */

static void publishing_say(enum event event, const char *name, int64_t value)
{
    struct log_line line;
    log_begin(&line, event);
    if (name != NULL) {
        log_int(&line, name, value);
    }
    log_end(&line);
}

static void publishing_say_failed(struct publishing *publishing, const struct fail *fail)
{
    struct log_line line;
    counter_add(COUNTER_LOG_FAILURES, 1);
    if (!publishing->failing) {
        log_begin(&line, EVENT_LOG_FAILED);
        log_fail(&line, fail);
        log_end(&line);
    }
    publishing->failing = true;
}

static void publishing_say_quorum(struct publishing *publishing, bool missing)
{
    counter_add(COUNTER_LOG_QUORUM_MISSING, missing ? 1 : 0);
    counter_set(COUNTER_LOG_QUORUM, missing ? 0 : 1);
    if (missing != publishing->quorum_missing) {
        publishing_say(missing ? EVENT_LOG_QUORUM_MISSING : EVENT_LOG_QUORUM_REACHED, "size",
                       publishing->current_size);
    }
    publishing->quorum_missing = missing;
}

/* ---- stopping for good --------------------------------------------------------------------- */

void publishing_end_rounds(struct publishing *publishing, const char *trouble)
{
    atomic_store(&publishing->server->world->log_stopped, true);
    counter_set(COUNTER_LOG_STOPPED, 1);
    publishing->phase = PUBLISHING_STOPPED;
    publishing->trouble = trouble;
    publishing->want_probe = false;
    publishing->want_sign = false;
    publishing->want_finish = false;
    publishing->due = false;
    timer_stop(publishing_loop(publishing), &publishing->wait);
    for (size_t i = 0; i < publishing->witness_count; i++) {
        witness_call_cancel(&publishing->witnesses[i].call);
        publishing->witnesses[i].wanted = false;
    }
}

/* Until a restart: what receipts promise cannot be kept. */
static void publishing_halt(struct publishing *publishing, const struct fail *fail,
                            const char *trouble)
{
    publishing_say_failed(publishing, fail);
    publishing_end_rounds(publishing, trouble);
}

/* An old backup was put back, or two publish under one key: the books and the log are not what
 * others have seen. */
void publishing_stop(struct publishing *publishing, struct str who, const char *why,
                     int64_t reached)
{
    struct log_line line;
    if (publishing->phase == PUBLISHING_STOPPED) {
        return;
    }
    log_begin(&line, EVENT_LOG_BEHIND);
    log_int(&line, "reached", reached);
    log_int(&line, "found", publishing->current_size);
    log_str(&line, "witness", who);
    log_str(&line, "text", str_from(why));
    log_end(&line);
    publishing_end_rounds(publishing, PUBLISHING_BEHIND);
    publishing->reached = reached;
    publishing->want_stop = true;
}

/* ---- who is waited for ------------------------------------------------------------------- */

static bool publishing_reached(const struct publishing *publishing)
{
    bool signed_by[QUORUM_WITNESSES_MAX] = { false };
    for (size_t i = 0; i < publishing->witness_count; i++) {
        signed_by[i] = publishing->witnesses[i].has_signed;
    }
    return publishing->quorum == NULL || quorum_reached(publishing->quorum, signed_by);
}

static bool publishing_asks(const struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->witness_count; i++) {
        const struct publishing_witness *witness = &publishing->witnesses[i];
        if (witness->wanted || witness_call_is_open(&witness->call)) {
            return true;
        }
    }
    return false;
}

/* Nobody is waited for any more. */
static void publishing_go_on(struct publishing *publishing)
{
    timer_stop(publishing_loop(publishing), &publishing->wait);
    if (publishing->phase == PUBLISHING_PROBING) {
        publishing->phase = PUBLISHING_IDLE;
    } else if (publishing->phase == PUBLISHING_ASKING) {
        publishing->phase = PUBLISHING_FINISHING;
        publishing->want_finish = true;
        if (publishing->quorum != NULL) {
            publishing_say_quorum(publishing, !publishing_reached(publishing));
        }
    }
}

/* Whether there is somebody left to wait for. A probe wants to hear all of them. */
void publishing_look(struct publishing *publishing)
{
    bool enough = publishing->phase == PUBLISHING_ASKING && publishing_reached(publishing);
    if (!publishing->work_runs && (enough || !publishing_asks(publishing))) {
        publishing_go_on(publishing);
    }
}

/* ---- work ---------------------------------------------------------------------------------- */

static void work_collect(struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->witness_count; i++) {
        struct publishing_witness *witness = &publishing->witnesses[i];
        witness->keeps = witness->collected;
        witness->made = false;
        /* What comes after its checkpoint was shown is added to it. */
        publishing->want_finish |= witness->keeps && publishing->phase == PUBLISHING_IDLE &&
                                   !publishing->failing && /* else more may be signed by now */
                                   witness->asked.size == publishing->current_size;
        if (publishing->want_sign && !witness_call_is_open(&witness->call)) {
            witness->wanted |= publishing_now(publishing) >= witness->again_ns;
        }
        witness->asks = witness->wanted && !witness_call_is_open(&witness->call);
        witness->wanted = false;
    }
}

static bool publishing_has_work(const struct publishing *publishing)
{
    bool has = publishing->want_stop || publishing->want_probe || publishing->want_sign ||
               publishing->want_finish;
    for (size_t i = 0; i < publishing->witness_count; i++) {
        const struct publishing_witness *witness = &publishing->witnesses[i];
        bool late = witness->collected && publishing->phase == PUBLISHING_IDLE;
        has |= witness->wanted || late;
    }
    return has;
}

/* Hands over what is to be done, if a worker has not something already. */
void publishing_pump(struct publishing *publishing)
{
    if (publishing->work_runs || publishing->publisher == NULL ||
        !publishing_has_work(publishing)) {
        return;
    }
    struct publishing_work *work = &publishing->work;
    work_collect(publishing);
    work->stop = publishing->want_stop;
    work->probe = publishing->want_probe;
    work->sign = publishing->want_sign;
    work->finish = publishing->want_finish;
    work->reached = publishing->reached;
    work->calm = publishing->over_ns != 0 &&
                 publishing_now(publishing) - publishing->over_ns < PUBLISHING_CALM_NS;
    publishing->work_runs = job_submit(publishing->server->workers, &work->job) == ERR_OK;
    if (publishing->work_runs) {
        publishing->want_stop = false;
        publishing->want_probe = false;
        publishing->want_sign = false;
        publishing->want_finish = false;
    }
}

/* Lines are rows now, and questions can be sent. */
static void work_send(struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->witness_count; i++) {
        struct publishing_witness *witness = &publishing->witnesses[i];
        witness->collected &= !witness->keeps;
        witness->keeps = false;
        witness->asks = false;
        if (witness->made && publishing->phase != PUBLISHING_STOPPED) {
            enum err err =
                witness_call_start(&witness->call, publishing->pool, buf_str(&witness->question));
            if (err != ERR_OK) {
                publishing_witness_failed(witness, "no memory for a question", 0);
            }
        }
    }
}

static void work_over_signed(struct publishing *publishing)
{
    const struct publishing_work *work = &publishing->work;
    publishing->phase = work->fresh ? PUBLISHING_ASKING : PUBLISHING_IDLE;
    publishing->over_ns = publishing_now(publishing);
    if (publishing->failing) {
        publishing_say(EVENT_LOG_RESUMED, "size", publishing->current.size);
        publishing->failing = false;
    }
    if (work->mended > 0) {
        counter_add(COUNTER_LOG_MENDED, work->mended);
        publishing_say(EVENT_LOG_MENDED, "files", work->mended);
    }
    if (!work->fresh) {
        return;
    }
    counter_add(COUNTER_LOG_CHECKPOINTS, 1);
    if (work->late_s > 0) {
        publishing_say(EVENT_LOG_GAP, "seconds", work->late_s);
    }
    for (size_t i = 0; i < publishing->witness_count; i++) {
        publishing->witnesses[i].has_signed = false;
        publishing->witnesses[i].corrected = false;
    }
    publishing_wait(publishing);
}

static void work_count(struct publishing *publishing)
{
    const struct publishing_work *work = &publishing->work;
    int64_t shown = work->shown > work->covered ? work->shown : work->covered;
    publishing->published_size =
        shown > publishing->published_size ? shown : publishing->published_size;
    counter_set(COUNTER_LOG_PUBLISHED, publishing->published_size);
    int64_t waiting = work->leaves - publishing->published_size;
    counter_set(COUNTER_LOG_WAITING, waiting > 0 ? waiting : 0);
}

static void work_over_well(struct publishing *publishing)
{
    const struct publishing_work *work = &publishing->work;
    publishing->current_size = publishing->current.size;
    if (work->shown > 0) {
        counter_set(COUNTER_LOG_PUBLISHED_AT, stamp_system_ns() / STAMP_NS_PER_S);
    }
    if (work->finish && publishing->phase == PUBLISHING_FINISHING) {
        publishing->phase = PUBLISHING_IDLE;
    }
    if (work->sign) {
        work_over_signed(publishing);
    }
}

static void work_over_badly(struct publishing *publishing)
{
    const struct publishing_work *work = &publishing->work;
    switch ((int)work->err) {
    case ERR_LOG_BEHIND:
        publishing_stop(publishing, STR_EMPTY, work->fail.text, 0);
        break;
    case ERR_CONFLICT:
        publishing_halt(publishing, &work->fail,
                        "somebody else has published this log; stop one of the two, then restart");
        break;
    case ERR_STORE_DAMAGED:
        publishing_halt(publishing, &work->fail,
                        "the log's rows were changed; say \"entrepot audit\", then \"entrepot "
                        "restore\"");
        break;
    default: /* whatever is left over, the next second does */
        publishing_say_failed(publishing, &work->fail);
        publishing->phase = PUBLISHING_IDLE;
        break;
    }
}

void publishing_work_over(struct mail *mail)
{
    struct publishing *publishing = EP_CONTAINER(mail, struct publishing, work.job.mail);
    publishing->work_runs = false;
    if (publishing->phase != PUBLISHING_STOPPED) {
        if (publishing->work.err == ERR_OK) {
            work_over_well(publishing);
        } else {
            work_over_badly(publishing);
        }
    } else if (publishing->work.err != ERR_OK) {
        publishing_say_failed(publishing, &publishing->work.fail);
    }
    work_count(publishing);
    work_send(publishing);
    publishing_look(publishing);
    if (publishing->due && publishing->phase == PUBLISHING_IDLE) {
        publishing->due = false;
        publishing->phase = PUBLISHING_SIGNING;
        publishing->want_sign = true;
    }
    publishing_pump(publishing);
}

/* ---- time ---------------------------------------------------------------------------------- */

void publishing_sign(struct publishing *publishing)
{
    publishing->due = publishing->phase != PUBLISHING_IDLE;
    if (publishing->phase == PUBLISHING_IDLE && !store_failed(publishing->server->world->store)) {
        publishing->phase = PUBLISHING_SIGNING;
        publishing->want_sign = true;
    }
    publishing_pump(publishing);
}

void publishing_on_tick(struct timer *timer)
{
    struct publishing *publishing = EP_CONTAINER(timer, struct publishing, tick);
    publishing_sign(publishing);
    enum err err =
        timer_start(publishing_loop(publishing), timer, publishing_now(publishing) + PUBLISHING_NS);
    ASSERT(err == ERR_OK); /* its place in the heap has just become free */
}

void publishing_on_wait(struct timer *timer)
{
    struct publishing *publishing = EP_CONTAINER(timer, struct publishing, wait);
    publishing_go_on(publishing);
    publishing_pump(publishing);
}
