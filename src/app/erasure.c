#include "app/erasure.h"

#include "app/batch_keeping.h"
#include "app/erased_list.h"
#include "app/held.h"
#include "base/crash.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "ident/forget.h"
#include "ident/review_erase.h"
#include "ledger/forget.h"
#include "tlog/canon.h"
#include "tlog/erase.h"
#include "wire/json.h"

#define ERASURE_ENTRY_MAX 256
#define ERASURE_START_NS \
    INT64_C(10000000000)            /* a start is not kept for longer; the server goes on */
#define ERASURE_SCAN INT64_C(65536) /* receipts of one read: a tenth of a second */

/* ---- a step -------------------------------------------------------------------------------- */

struct erasure_step;
typedef enum err erasure_step_fn(struct erasure_step *step, struct store_txn *txn,
                                 struct fail *fail);

/* What goes in one transaction, and the row that says so. */
struct erasure_step {
    struct store_job job;
    const struct erasing *erasing;
    erasure_step_fn *run;
    struct erasure after; /* the row as it becomes */
    int64_t count;        /* out: what was done; 0: there is no more */
    int64_t now_ns;
    size_t leaf_count;
    int64_t leaves[TLOG_ERASE_MAX];
    struct ledger_attempts attempts;
};

static enum err erasure_run_step(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct erasure_step *step = EP_CONTAINER(job, struct erasure_step, job);
    TRY(step->run(step, txn, fail));
    return erasure_save(txn, &step->after, fail);
}

/* *erasure is as the row is. */
static enum err erasure_do(struct erasure_step *step, erasure_step_fn *run, struct erasure *erasure,
                           struct fail *fail)
{
    step->job = (struct store_job){ .run = erasure_run_step };
    step->run = run;
    step->count = 0;
    TRY(store_run(step->erasing->store, &step->job, fail));
    *erasure = step->after;
    return ERR_OK;
}

static enum err erasure_step_orders(struct erasure_step *step, struct store_txn *txn,
                                    struct fail *fail)
{
    TRY(ledger_forget_orders(txn, step->after.account, &step->count, fail));
    step->after.orders += step->count;
    return ERR_OK;
}

static enum err erasure_step_answers(struct erasure_step *step, struct store_txn *txn,
                                     struct fail *fail)
{
    TRY(ledger_forget_answers(txn, step->after.account, &step->count, fail));
    step->after.answers += step->count;
    return ERR_OK;
}

static enum err erasure_step_review(struct erasure_step *step, struct store_txn *txn,
                                    struct fail *fail)
{
    return review_forget(txn, step->after.client, fail);
}

static enum err erasure_step_notes(struct erasure_step *step, struct store_txn *txn,
                                   struct fail *fail)
{
    step->count = (int64_t)step->leaf_count;
    return tlog_erase_notes(txn, step->leaves, step->leaf_count, fail);
}

static enum err erasure_step_attempts(struct erasure_step *step, struct store_txn *txn,
                                      struct fail *fail)
{
    step->after.attempts += (int64_t)step->attempts.count;
    return ledger_forget_attempts(txn, step->attempts.ids, step->attempts.count, fail);
}

static enum err erasure_step_receipts(struct erasure_step *step, struct store_txn *txn,
                                      struct fail *fail)
{
    step->after.receipts += (int64_t)step->leaf_count;
    TRY(tlog_erase(txn, step->leaves, step->leaf_count, TLOG_SECTIONS, fail));
    EP_CRASH_POINT("erase-half");
    return ERR_OK;
}

/* ---- who it is ------------------------------------------------------------------------------ */

/* Runs a step until it finds nothing. */
static enum err erasure_until_none(struct erasure_step *step, erasure_step_fn *run,
                                   struct erasure *erasure, struct fail *fail)
{
    do {
        TRY(erasure_do(step, run, erasure, fail));
    } while (step->count > 0);
    return ERR_OK;
}

static enum err erasure_forget_keys(struct erasure_step *step, struct fail *fail)
{
    const struct erasing *erasing = step->erasing;
    struct map keys;
    size_t count = 0;
    do {
        TRY(client_forget_keys(erasing->ident, step->after.client, step->now_ns, &count, fail));
    } while (count > 0);
    map_init(&keys);
    enum err err = keys_of_client(erasing->ident, step->after.client, &keys);
    step->after.keys = (int64_t)keys.count; /* goes with the next step's row */
    map_fini(&keys);
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for the client's keys");
}

struct erasure_notes {
    struct erasure_step *step;
    char shown[ID_SHOWN_MAX];
    struct str client;
};

/* What cannot be read is the audit's to find. */
static enum err erasure_on_note(void *context, int64_t leaf, struct str detail)
{
    const struct erasure_notes *notes = context;
    struct erasure_step *step = notes->step;
    struct json_fault fault;
    if (step->leaf_count < TLOG_ERASE_MAX && json_check(detail, &fault) == ERR_OK &&
        json_string_is(json_get(detail, STR("client")), notes->client)) {
        step->leaves[step->leaf_count++] = leaf;
    }
    return ERR_OK;
}

static enum err erasure_read_notes(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_key_notes(txn, erasure_on_note, context, fail);
}

/* What stands beside the log's leaves about the client's keys. */
static enum err erasure_forget_notes(struct erasure_step *step, struct erasure *erasure,
                                     struct fail *fail)
{
    struct erasure_notes notes = { .step = step };
    struct buf shown = { notes.shown, 0, sizeof(notes.shown), sizeof(notes.shown) };
    EP_IGNORE(id_print(&shown, STR(IDENT_CLIENT_PREFIX), erasure->client)); /* fits */
    notes.client = buf_str(&shown);
    do {
        step->leaf_count = 0;
        TRY(store_read(step->erasing->store, erasure_read_notes, &notes, fail));
        TRY(erasure_do(step, erasure_step_notes, erasure, fail));
    } while (step->count > 0);
    return ERR_OK;
}

static enum err erasure_forget_who(struct erasure_step *step, struct erasure *erasure,
                                   struct fail *fail)
{
    const struct erasing *erasing = step->erasing;
    TRY(client_forget(erasing->ident, erasure->client, step->now_ns, fail));
    EP_CRASH_POINT("erase-named");
    TRY(erasure_forget_keys(step, fail));
    TRY(erasing->batches == NULL
            ? ERR_OK
            : batch_keeping_forget(erasing->store, erasing->batches, erasure->client, fail));
    TRY(erasure_do(step, erasure_step_review, erasure, fail));
    TRY(erasure_until_none(step, erasure_step_orders, erasure, fail));
    TRY(erasure_until_none(step, erasure_step_answers, erasure, fail));
    TRY(erasure_forget_notes(step, erasure, fail));
    return erasure_forget_claims(erasing->store, erasure->account, fail);
}

/* ---- attempts and receipts ------------------------------------------------------------------- */

struct erasure_read {
    struct erasure_step *step;
    struct map keys;
    int64_t from;
    int64_t seen; /* rows of this read */
};

static enum err erasure_read_attempts(void *context, struct store_txn *txn, struct fail *fail)
{
    struct erasure_read *read = context;
    return ledger_attempts_of(txn, read->step->after.account, read->from, &read->step->attempts,
                              fail);
}

static enum err erasure_attempts(struct erasure_step *step, struct erasure *erasure,
                                 struct fail *fail)
{
    struct erasure_read read = { .step = step };
    do {
        read.from = step->attempts.next;
        TRY(store_read(step->erasing->store, erasure_read_attempts, &read, fail));
        if (step->attempts.count > 0) {
            TRY(erasure_do(step, erasure_step_attempts, erasure, fail));
        }
    } while (step->attempts.next > read.from);
    return ERR_OK;
}

static enum err erasure_on_receipt(void *context, const struct tlog_row *row)
{
    struct erasure_read *read = context;
    struct erasure_step *step = read->step;
    if (step->leaf_count == TLOG_ERASE_MAX) {
        return ERR_LIMIT; /* as many as a job takes: the read ends */
    }
    if (section_of_key(row->client, &read->keys)) {
        step->leaves[step->leaf_count++] = row->leaf;
    }
    step->after.leaf_next = row->leaf + 1;
    read->seen++;
    return ERR_OK;
}

static enum err erasure_read_receipts(void *context, struct store_txn *txn, struct fail *fail)
{
    struct erasure_read *read = context;
    enum err err =
        tlog_rows(txn, read->step->after.leaf_next, ERASURE_SCAN, erasure_on_receipt, read, fail);
    return err == ERR_LIMIT ? ERR_OK : err;
}

static bool erasure_late(int64_t until_ns)
{
    return until_ns != 0 && stamp_system_ns() >= until_ns;
}

/* *ret_all: nothing is left to look at. */
static enum err erasure_receipts(struct erasure_step *step, struct erasure *erasure,
                                 int64_t until_ns, bool *ret_all, struct fail *fail)
{
    struct erasure_read read = { .step = step };
    map_init(&read.keys);
    enum err err = keys_of_client(step->erasing->ident, erasure->client, &read.keys);
    do {
        read.seen = 0;
        step->leaf_count = 0;
        err = err == ERR_OK ? store_read(step->erasing->store, erasure_read_receipts, &read, fail)
                            : err;
        err = err == ERR_OK && read.seen > 0
                  ? erasure_do(step, erasure_step_receipts, erasure, fail)
                  : err;
    } while (err == ERR_OK && read.seen > 0 && !erasure_late(until_ns));
    map_fini(&read.keys);
    *ret_all = read.seen == 0;
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the client's keys") : err;
}

/* ---- the end --------------------------------------------------------------------------------- */

enum err erasure_append_leaf(struct tlog *tlog, struct store_txn *txn, struct str what,
                             int64_t receipts, int64_t now_ns, struct fail *fail)
{
    char text[ERASURE_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    int64_t leaf = 0;
    canon_init(&canon, &entry);
    canon_open(&canon, '{');
    canon_put_int(&canon, "at_ns", now_ns);
    canon_put_str(&canon, "event", STR("erased"));
    canon_put_str(&canon, "kind", STR("event"));
    canon_put_int(&canon, "receipts", receipts);
    canon_put_int(&canon, "version", 1);
    canon_put_str(&canon, "what", what);
    canon_close(&canon, '}');
    ASSERT(canon_err(&canon) == ERR_OK); /* six short members */
    return tlog_append(tlog, txn, TLOG_EVENT, buf_str(&entry), now_ns, &leaf, fail);
}

static enum err erasure_step_end(struct erasure_step *step, struct store_txn *txn,
                                 struct fail *fail)
{
    step->after.state = ERASURE_ENDED;
    step->after.ended_ns = step->now_ns;
    return erasure_append_leaf(step->erasing->tlog, txn, STR("client"), step->after.receipts,
                               step->now_ns, fail);
}

static enum err erasure_step_close(struct erasure_step *step, struct store_txn *txn,
                                   struct fail *fail)
{
    (void)txn;
    (void)fail;
    step->after.state = ERASURE_CLOSED;
    return ERR_OK;
}

static enum err erasure_steps(struct erasure_step *step, struct erasure *erasure, int64_t until_ns,
                              struct fail *fail)
{
    bool all = false;
    TRY(erasure_forget_who(step, erasure, fail));
    EP_CRASH_POINT("erase-known");
    TRY(erasure_attempts(step, erasure, fail));
    TRY(erasure_receipts(step, erasure, until_ns, &all, fail));
    if (!all) {
        return ERR_OK;
    }
    EP_CRASH_POINT("erase-gone");
    step->now_ns = stamp_system_ns(); /* it may have taken minutes */
    return erasure_do(step, erasure->state == ERASURE_OPEN ? erasure_step_end : erasure_step_close,
                      erasure, fail);
}

enum err erasure_go_on(const struct erasing *erasing, struct erasure *erasure, int64_t until_ns,
                       struct fail *fail)
{
    ASSERT(erasing != NULL);
    ASSERT(erasure->state != ERASURE_CLOSED);
    struct erasure_step *step = mem_zalloc(sizeof(*step));
    if (step == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for an erasure");
    }
    step->erasing = erasing;
    step->after = *erasure;
    step->now_ns = stamp_system_ns();
    enum err err = erasure_steps(step, erasure, until_ns, fail);
    mem_free(step);
    return err;
}

/* ---- the beginning --------------------------------------------------------------------------- */

struct erasure_start {
    struct store_job job;
    struct erasure erasure;
    const struct erasure_ground *ground;
    struct id account;
    bool listed; /* the line is there already */
};

static enum err erasure_run_start(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct erasure_start *start = EP_CONTAINER(job, struct erasure_start, job);
    struct ledger_forget_look books;
    struct erasure before;
    enum err found = erasure_find(txn, start->erasure.client, &before, fail);
    if (found != ERR_NOT_FOUND) {
        return found != ERR_OK ? found : FAIL(fail, ERR_CONFLICT, "the client was erased already");
    }
    TRY(ledger_forget_look(txn, start->account, &books, fail));
    if (books.row == 0) {
        return FAIL(fail, ERR_STORE_DAMAGED, "the client has no account");
    }
    start->erasure.account = books.row;
    return erasure_add(txn, &start->erasure, start->ground, fail);
}

/* The list comes first: what is begun is done again whatever becomes of the database. */
static enum err erasure_start(const struct erasing *erasing, const struct client *client,
                              struct erasure_start *start, struct fail *fail)
{
    const struct erased line = { client->id, start->erasure.begun_ns };
    start->job = (struct store_job){ .run = erasure_run_start };
    start->account = client->account;
    start->erasure.client = client->id;
    start->erasure.state = ERASURE_OPEN;
    TRY(start->listed ? ERR_OK : erased_list_add(erasing->list, &line, fail));
    EP_CRASH_POINT("erase-listed");
    return store_run(erasing->store, &start->job, fail);
}

enum err erasure_begin(const struct erasing *erasing, const struct client *client,
                       const struct erasure_ground *ground, int64_t now_ns,
                       struct erasure *ret_erasure, struct fail *fail)
{
    struct erased_list list;
    struct erasure_start start = { .ground = ground, .erasure = { .begun_ns = now_ns } };
    erased_list_init(&list);
    TRY(erased_list_read(erasing->list, &list, fail));
    start.listed = erased_list_has(&list, client->id);
    erased_list_fini(&list);
    TRY(erasure_start(erasing, client, &start, fail));
    *ret_erasure = start.erasure;
    return ERR_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct erasure_all {
    struct erasure *items;
    size_t count;
    size_t cap;
};

static enum err erasure_on_one(void *context, const struct erasure *erasure)
{
    struct erasure_all *all = context;
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 16 : 2 * all->cap;
        struct erasure *items = mem_realloc(all->items, cap * sizeof(*items));
        if (items == NULL) {
            return ERR_NO_MEMORY;
        }
        all->items = items;
        all->cap = cap;
    }
    all->items[all->count++] = *erasure;
    return ERR_OK;
}

static enum err erasure_read_all(void *context, struct store_txn *txn, struct fail *fail)
{
    return erasure_each(txn, erasure_on_one, context, fail);
}

static enum err erasure_load(const struct erasing *erasing, struct erasure_all *all,
                             struct fail *fail)
{
    enum err err = store_read(erasing->store, erasure_read_all, all, fail);
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the erasures") : err;
}

static bool erasure_is_in(const struct erasure_all *all, struct id client)
{
    for (size_t i = 0; i < all->count; i++) {
        if (id_eq(all->items[i].client, client)) {
            return true;
        }
    }
    return false;
}

/* Who is in the list, in the database and not in the rows. */
static enum err erasure_again(const struct erasing *erasing, const struct erased_list *list,
                              const struct erasure_all *all, int64_t *ret_again, struct fail *fail)
{
    static const struct erasure_ground ground = { STR_INIT("entrepot"),
                                                  STR_INIT("again: the database was that of a "
                                                           "backup") };
    for (size_t i = 0; i < list->count; i++) {
        const struct client *client = client_find(erasing->ident, list->items[i].client);
        if (client == NULL || erasure_is_in(all, client->id)) {
            continue; /* a backup of before the client was there */
        }
        struct erasure_start start = { .ground = &ground,
                                       .erasure = { .begun_ns = list->items[i].at_ns },
                                       .listed = true };
        TRY(erasure_start(erasing, client, &start, fail));
        ++*ret_again;
    }
    return ERR_OK;
}

/* Who is in the rows and not in the list, which somebody has lost. */
static enum err erasure_relist(const struct erasing *erasing, const struct erased_list *list,
                               const struct erasure_all *all, struct fail *fail)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct erased line = { all->items[i].client, all->items[i].begun_ns };
        if (!erased_list_has(list, line.client)) {
            TRY(erased_list_add(erasing->list, &line, fail));
        }
    }
    return ERR_OK;
}

static enum err erasure_match(const struct erasing *erasing, struct erased_list *list,
                              struct erasure_all *all, int64_t *ret_again, struct fail *fail)
{
    TRY(erased_list_read(erasing->list, list, fail));
    TRY(erasure_load(erasing, all, fail));
    TRY(erasure_relist(erasing, list, all, fail));
    return erasure_again(erasing, list, all, ret_again, fail);
}

static enum err erasure_go_on_all(const struct erasing *erasing, int64_t until_ns,
                                  int64_t closes_ns, int64_t *ret_open, struct fail *fail)
{
    struct erasure_all all = { .items = NULL };
    enum err err = erasure_load(erasing, &all, fail);
    *ret_open = 0;
    for (size_t i = 0; err == ERR_OK && i < all.count; i++) {
        struct erasure *erasure = &all.items[i];
        bool due = erasure->state == ERASURE_OPEN ||
                   (erasure->state == ERASURE_ENDED && erasure->ended_ns <= closes_ns);
        err = due ? erasure_go_on(erasing, erasure, until_ns, fail) : ERR_OK;
        *ret_open += erasure->state == ERASURE_OPEN ? 1 : 0;
    }
    mem_free(all.items);
    return err;
}

enum err erasure_at_start(const struct erasing *erasing, int64_t now_ns, int64_t *ret_again,
                          struct fail *fail)
{
    struct erased_list list;
    struct erasure_all all = { .items = NULL };
    int64_t open = 0;
    *ret_again = 0;
    erased_list_init(&list);
    enum err err = erasure_match(erasing, &list, &all, ret_again, fail);
    erased_list_fini(&list);
    mem_free(all.items);
    TRY(err);
    /* No call is under way: what was ended can be closed. */
    return erasure_go_on_all(erasing, stamp_system_ns() + ERASURE_START_NS, now_ns, &open, fail);
}

enum err erasure_work(const struct erasing *erasing, int64_t until_ns, int64_t now_ns,
                      int64_t *ret_open, struct fail *fail)
{
    return erasure_go_on_all(erasing, until_ns, now_ns - ERASURE_CLOSE_NS, ret_open, fail);
}
