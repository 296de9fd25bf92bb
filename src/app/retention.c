#include "app/retention.h"

#include "app/held.h"
#include "base/crash.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "gate/upstream_claim.h"
#include "ident/review_erase.h"
#include "ledger/forget.h"
#include "tlog/erase.h"

#define RETENTION_HOUR_NS (INT64_C(3600) * STAMP_NS_PER_S)
#define RETENTION_DAY_NS  (24 * RETENTION_HOUR_NS)
#define RETENTION_SCAN    INT64_C(65536) /* receipts of one read: a tenth of a second */

const struct retention_info retention_infos[RETENTION_CLASSES] = {
    [RETENTION_ANSWERS] = { "answers", "answers kept for calls with an Idempotency-Key",
                            "a retry comes within a day; a zone keeps no content" },
    [RETENTION_SUPPLY] = { "supply", "upstreams' ids of calls, in attempts and closed claims",
                           "six months of logs of what was supplied (labelling measures)" },
    [RETENTION_EVIDENCE] = { "evidence",
                             "the operator's section of receipts; signals and notes of released"
                             " cases",
                             "three years of assessment records (PIPL 56)" },
    [RETENTION_BOOKS] = { "books", "the other sections of receipts; who paid for orders",
                          "ten years of books (tax law)" },
};

struct retention_periods retention_periods(const struct conf *conf)
{
    return (struct retention_periods){ {
        [RETENTION_ANSWERS] = (int64_t)conf->retention_answers_hours * RETENTION_HOUR_NS,
        [RETENTION_SUPPLY] = (int64_t)conf->retention_supply_days * RETENTION_DAY_NS,
        [RETENTION_EVIDENCE] = (int64_t)conf->retention_evidence_days * RETENTION_DAY_NS,
        [RETENTION_BOOKS] = (int64_t)conf->retention_books_days * RETENTION_DAY_NS,
    } };
}

/* ---- a run ----------------------------------------------------------------------------------- */

typedef enum err retention_expire_fn(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                                     struct fail *fail);

static enum err retention_count_claims(struct store_txn *txn, int64_t before_ns, int64_t *ret_count,
                                       struct fail *fail)
{
    int64_t oldest_ns = 0;
    return upstream_claim_old(txn, before_ns, ret_count, &oldest_ns, fail);
}

/* What a class consists of: a walk, and rows that are found by their time. */
struct retention_parts {
    bool walks;
    enum retention_walk walk;
    unsigned sections;           /* of receipts; 0: it is a walk over attempts */
    retention_expire_fn *count;  /* over a snapshot: how many rows are due */
    retention_expire_fn *expire; /* inside a job: as many as one takes */
};

static const struct retention_parts retention_parts[RETENTION_CLASSES] = {
    [RETENTION_ANSWERS] = { .count = ledger_count_old_answers, .expire = ledger_expire_answers },
    [RETENTION_SUPPLY] = { true, RETENTION_WALK_ATTEMPTS, 0, retention_count_claims,
                           upstream_claim_expire },
    [RETENTION_EVIDENCE] = { true, RETENTION_WALK_OPERATOR, TLOG_OPERATOR, review_count_old,
                             review_expire },
    [RETENTION_BOOKS] = { true, RETENTION_WALK_RECEIPTS, TLOG_SECTIONS, ledger_count_old_orders,
                          ledger_expire_orders },
};

struct retention_task {
    const struct erasing *erasing;
    const struct retention_parts *parts;
    int64_t before_ns;
    int64_t until_ns;
    int64_t now_ns;
};

/* One walk over receipts or attempts. */
struct retention_step {
    struct store_job job;
    const struct retention_task *task;
    struct held held;
    /* of one turn */
    bool again; /* of what was kept, or of what comes next */
    int64_t next;
    int64_t seen;
    size_t go_count;
    size_t stay_count;
    int64_t go[TLOG_ERASE_MAX];
    int64_t stay[TLOG_ERASE_MAX];
    /* of all turns */
    int64_t gone;
    struct ledger_attempts attempts;
};

_Static_assert(LEDGER_FORGET_MAX == TLOG_ERASE_MAX, "a turn takes as many of either");

static bool retention_late(const struct retention_task *task)
{
    return task->until_ns != 0 && stamp_system_ns() >= task->until_ns;
}

static void retention_sort_out(struct retention_step *step, int64_t number, bool held)
{
    if (held) {
        step->stay[step->stay_count++] = number;
    } else {
        step->go[step->go_count++] = number;
    }
}

/* ---- what comes next ------------------------------------------------------------------------- */

static enum err retention_on_receipt(void *context, const struct tlog_row *row)
{
    struct retention_step *step = context;
    if (row->appended_ns >= step->task->before_ns ||
        step->go_count + step->stay_count == TLOG_ERASE_MAX) {
        return ERR_LIMIT; /* the read ends */
    }
    if ((row->whole & step->task->parts->sections) != 0) {
        retention_sort_out(step, row->leaf,
                           held_call(&step->held, row->call) ||
                               held_section(&step->held, row->client));
    }
    step->next = row->leaf + 1;
    step->seen++;
    return ERR_OK;
}

static enum err retention_read_attempts(struct retention_step *step, struct store_txn *txn,
                                        struct fail *fail)
{
    struct ledger_attempts *attempts = &step->attempts;
    TRY(ledger_attempts_before(txn, step->next, step->task->before_ns, attempts, fail));
    for (size_t i = 0; i < attempts->count; i++) {
        retention_sort_out(step, attempts->ids[i],
                           held_call(&step->held, attempts->calls[i]) ||
                               held_account(&step->held, attempts->accounts[i]));
    }
    step->seen = attempts->next - step->next;
    step->next = attempts->next;
    return ERR_OK;
}

static enum err retention_read_next(void *context, struct store_txn *txn, struct fail *fail)
{
    struct retention_step *step = context;
    TRY(retention_mark(txn, step->task->parts->walk, &step->next, fail));
    if (step->task->parts->sections == 0) {
        return retention_read_attempts(step, txn, fail);
    }
    enum err err = tlog_rows(txn, step->next, RETENTION_SCAN, retention_on_receipt, step, fail);
    return err == ERR_LIMIT ? ERR_OK : err;
}

/* ---- what was kept --------------------------------------------------------------------------- */

struct retention_numbers {
    int64_t items[TLOG_ERASE_MAX];
    size_t count;
};

static enum err retention_on_number(void *context, int64_t number)
{
    struct retention_numbers *numbers = context;
    ASSERT(numbers->count < TLOG_ERASE_MAX);
    numbers->items[numbers->count++] = number;
    return ERR_OK;
}

static enum err retention_on_kept_receipt(void *context, const struct tlog_row *row)
{
    struct retention_step *step = context;
    retention_sort_out(step, row->leaf,
                       held_call(&step->held, row->call) || held_section(&step->held, row->client));
    return ERR_OK;
}

static enum err retention_judge_kept(struct retention_step *step, struct store_txn *txn,
                                     int64_t number, struct fail *fail)
{
    struct id call;
    int64_t account = 0;
    if (step->task->parts->sections != 0) {
        return tlog_rows(txn, number, 1, retention_on_kept_receipt, step, fail);
    }
    TRY(ledger_attempt_call(txn, number, &call, &account, fail));
    retention_sort_out(step, number,
                       held_call(&step->held, call) || held_account(&step->held, account));
    return ERR_OK;
}

static enum err retention_read_kept(void *context, struct store_txn *txn, struct fail *fail)
{
    struct retention_step *step = context;
    struct retention_numbers numbers = { .count = 0 };
    TRY(retention_kept(txn, step->task->parts->walk, step->next, TLOG_ERASE_MAX,
                       retention_on_number, &numbers, fail));
    for (size_t i = 0; i < numbers.count; i++) {
        TRY(retention_judge_kept(step, txn, numbers.items[i], fail));
        step->next = numbers.items[i];
    }
    step->seen = (int64_t)numbers.count;
    return ERR_OK;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static enum err retention_run_turn(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct retention_step *step = EP_CONTAINER(job, struct retention_step, job);
    TRY(step->task->parts->sections == 0
            ? ledger_forget_attempts(txn, step->go, step->go_count, fail)
            : tlog_erase(txn, step->go, step->go_count, step->task->parts->sections, fail));
    if (step->again) {
        for (size_t i = 0; i < step->go_count; i++) {
            TRY(retention_unkeep(txn, step->task->parts->walk, step->go[i], fail));
        }
        return ERR_OK;
    }
    EP_CRASH_POINT("expire-half");
    for (size_t i = 0; i < step->stay_count; i++) {
        TRY(retention_keep(txn, step->task->parts->walk, step->stay[i], fail));
    }
    return retention_mark_set(txn, step->task->parts->walk, step->next, fail);
}

/* *ret_more: there was something to look at. */
static enum err retention_turn(struct retention_step *step, bool *ret_more, struct fail *fail)
{
    step->job = (struct store_job){ .run = retention_run_turn };
    step->go_count = 0;
    step->stay_count = 0;
    step->seen = 0;
    TRY(store_read(step->task->erasing->store,
                   step->again ? retention_read_kept : retention_read_next, step, fail));
    *ret_more = step->seen > 0;
    if (step->seen > 0) {
        TRY(store_run(step->task->erasing->store, &step->job, fail));
        step->gone += (int64_t)step->go_count;
    }
    return ERR_OK;
}

static enum err retention_turns(struct retention_step *step, struct fail *fail)
{
    bool more = true;
    step->again = true;
    step->next = -1;
    while (more && !retention_late(step->task)) {
        TRY(retention_turn(step, &more, fail));
    }
    step->again = false;
    more = true;
    while (more && !retention_late(step->task)) {
        TRY(retention_turn(step, &more, fail));
    }
    return ERR_OK;
}

static enum err retention_read_holds(void *context, struct store_txn *txn, struct fail *fail)
{
    struct retention_step *step = context;
    return held_init(&step->held, txn, step->task->erasing->ident, fail);
}

/* What this walk takes is added to *ret_gone, also when it fails on its way. */
static enum err retention_walk_over(const struct retention_task *task, int64_t *ret_gone,
                                    struct fail *fail)
{
    struct retention_step *step = mem_zalloc(sizeof(*step));
    if (step == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for what is due");
    }
    step->task = task;
    enum err err = store_read(task->erasing->store, retention_read_holds, step, fail);
    err = err == ERR_OK ? retention_turns(step, fail) : err;
    held_fini(&step->held);
    *ret_gone += step->gone;
    mem_free(step);
    return err;
}

/* ---- rows that are found by their time ------------------------------------------------------- */

struct retention_timed {
    struct store_job job;
    const struct retention_task *task;
    int64_t count;
};

static enum err retention_run_timed(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct retention_timed *timed = EP_CONTAINER(job, struct retention_timed, job);
    return timed->task->parts->expire(txn, timed->task->before_ns, &timed->count, fail);
}

static enum err retention_read_count(void *context, struct store_txn *txn, struct fail *fail)
{
    struct retention_timed *timed = context;
    return timed->task->parts->count(txn, timed->task->before_ns, &timed->count, fail);
}

/* A reader looks first: the writer, which calls wait for, is not kept for a look at all rows. */
static enum err retention_expire(const struct retention_task *task, int64_t *ret_gone,
                                 struct fail *fail)
{
    struct retention_timed timed = { .task = task };
    TRY(store_read(task->erasing->store, retention_read_count, &timed, fail));
    while (timed.count > 0 && !retention_late(task)) {
        timed.job = (struct store_job){ .run = retention_run_timed };
        TRY(store_run(task->erasing->store, &timed.job, fail));
        *ret_gone += timed.count;
    }
    return ERR_OK;
}

/* ---- the log's entry ------------------------------------------------------------------------- */

struct retention_leaf {
    struct store_job job;
    struct tlog *tlog;
    const char *class;
    int64_t receipts;
    int64_t now_ns;
};

static enum err retention_run_leaf(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct retention_leaf *leaf = EP_CONTAINER(job, struct retention_leaf, job);
    return erasure_append_leaf(leaf->tlog, txn, str_from(leaf->class), leaf->receipts, leaf->now_ns,
                               fail);
}

/* One a run and class. A crash may come before it: the walk's mark, not this, is what explains to
 * an audit that sections are gone. */
static enum err retention_note(const struct retention_task *task, enum retention_class class,
                               int64_t receipts, struct fail *fail)
{
    struct retention_leaf leaf = {
        .job = { .run = retention_run_leaf },
        .tlog = task->erasing->tlog,
        .class = retention_infos[class].name,
        .receipts = receipts,
        .now_ns = task->now_ns,
    };
    return receipts == 0 || task->parts->sections == 0
               ? ERR_OK
               : store_run(task->erasing->store, &leaf.job, fail);
}

/* ---- all classes ----------------------------------------------------------------------------- */

static enum err retention_run_class(const struct retention_task *task, enum retention_class class,
                                    int64_t *ret_gone, struct fail *fail)
{
    if (task->parts->walks) {
        enum err err = retention_walk_over(task, ret_gone, fail);
        TRY(err);
        TRY(retention_note(task, class, *ret_gone, fail));
    }
    return retention_expire(task, ret_gone, fail);
}

enum err retention_run(const struct erasing *erasing, const struct retention_periods *periods,
                       int64_t until_ns, int64_t now_ns, struct retention_figures *ret_figures,
                       struct fail *fail)
{
    *ret_figures = (struct retention_figures){ 0 };
    for (unsigned i = 0; i < RETENTION_CLASSES; i++) {
        const struct retention_task task = {
            .erasing = erasing,
            .parts = &retention_parts[i],
            .before_ns = now_ns - periods->ns[i],
            .until_ns = until_ns,
            .now_ns = now_ns,
        };
        TRY(retention_run_class(&task, (enum retention_class)i, &ret_figures->classes[i].rows,
                                fail));
    }
    return ERR_OK;
}

/* ---- what is due ----------------------------------------------------------------------------- */

struct retention_looking {
    const struct retention_periods *periods;
    int64_t now_ns;
    struct retention_figures *figures;
    int64_t marks[RETENTION_WALKS];
    struct ledger_oldest books;
};

static int64_t retention_before(const struct retention_looking *looking, enum retention_class class)
{
    return looking->now_ns - looking->periods->ns[class];
}

/* The earlier of two times; 0: there is none. */
static int64_t retention_earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static enum err retention_look_answers(const struct retention_looking *looking,
                                       struct store_txn *txn, struct fail *fail)
{
    struct retention_figure *figure = &looking->figures->classes[RETENTION_ANSWERS];
    figure->oldest_ns = looking->books.answer_ns;
    return ledger_count_old_answers(txn, retention_before(looking, RETENTION_ANSWERS),
                                    &figure->rows, fail);
}

static enum err retention_look_supply(const struct retention_looking *looking,
                                      struct store_txn *txn, struct fail *fail)
{
    struct retention_figure *figure = &looking->figures->classes[RETENTION_SUPPLY];
    int64_t before_ns = retention_before(looking, RETENTION_SUPPLY);
    int64_t count = 0;
    int64_t claim_ns = 0;
    TRY(ledger_count_old_attempts(txn, looking->marks[RETENTION_WALK_ATTEMPTS], before_ns,
                                  &figure->rows, fail));
    TRY(upstream_claim_old(txn, before_ns, &count, &claim_ns, fail));
    figure->rows += count;
    TRY(upstream_claim_old(txn, INT64_MAX, &count, &claim_ns, fail));
    figure->oldest_ns = retention_earlier(looking->books.attempt_ns, claim_ns);
    return ERR_OK;
}

static enum err retention_look_section(const struct retention_looking *looking,
                                       struct store_txn *txn, enum retention_class class,
                                       enum receipt_section section, struct fail *fail)
{
    struct retention_figure *figure = &looking->figures->classes[class];
    struct tlog_oldest oldest;
    int64_t from = looking->marks[retention_parts[class].walk];
    TRY(tlog_oldest(txn, section, from, &oldest, fail));
    figure->oldest_ns = oldest.leaf < 0 ? 0 : oldest.appended_ns;
    return tlog_count_old(txn, section, from, retention_before(looking, class), &figure->rows,
                          fail);
}

static enum err retention_look_evidence(const struct retention_looking *looking,
                                        struct store_txn *txn, struct fail *fail)
{
    struct retention_figure *figure = &looking->figures->classes[RETENTION_EVIDENCE];
    int64_t count = 0;
    int64_t oldest_ns = 0;
    TRY(retention_look_section(looking, txn, RETENTION_EVIDENCE, RECEIPT_OPERATOR, fail));
    TRY(review_count_old(txn, retention_before(looking, RETENTION_EVIDENCE), &count, fail));
    TRY(review_oldest(txn, &oldest_ns, fail));
    figure->rows += count;
    figure->oldest_ns = retention_earlier(figure->oldest_ns, oldest_ns);
    return ERR_OK;
}

static enum err retention_look_books(const struct retention_looking *looking, struct store_txn *txn,
                                     struct fail *fail)
{
    struct retention_figure *figure = &looking->figures->classes[RETENTION_BOOKS];
    int64_t count = 0;
    TRY(retention_look_section(looking, txn, RETENTION_BOOKS, RECEIPT_CLIENT, fail));
    TRY(ledger_count_old_orders(txn, retention_before(looking, RETENTION_BOOKS), &count, fail));
    figure->rows += count;
    figure->oldest_ns = retention_earlier(figure->oldest_ns, looking->books.order_ns);
    return ERR_OK;
}

static enum err retention_read_figures(void *context, struct store_txn *txn, struct fail *fail)
{
    struct retention_looking *looking = context;
    for (unsigned i = 0; i < RETENTION_WALKS; i++) {
        TRY(retention_mark(txn, (enum retention_walk)i, &looking->marks[i], fail));
    }
    for (unsigned i = 0; i < RETENTION_CLASSES; i++) {
        struct retention_figure *figure = &looking->figures->classes[i];
        if (retention_parts[i].walks) {
            TRY(retention_kept_count(txn, retention_parts[i].walk, &figure->held, fail));
        }
    }
    TRY(ledger_oldest(txn, looking->marks[RETENTION_WALK_ATTEMPTS], &looking->books, fail));
    TRY(retention_look_answers(looking, txn, fail));
    TRY(retention_look_supply(looking, txn, fail));
    TRY(retention_look_evidence(looking, txn, fail));
    return retention_look_books(looking, txn, fail);
}

enum err retention_look(const struct erasing *erasing, const struct retention_periods *periods,
                        int64_t now_ns, struct retention_figures *ret_figures, struct fail *fail)
{
    *ret_figures = (struct retention_figures){ 0 };
    struct retention_looking looking = { .periods = periods,
                                         .now_ns = now_ns,
                                         .figures = ret_figures };
    return store_read(erasing->store, retention_read_figures, &looking, fail);
}
