#include "ledger/budget.h"

#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "ledger/ledger_internal.h"

struct budget {
    int64_t row;
    struct id key;
    pthread_mutex_t lock; /* of what admits: held for a few instructions */
    int64_t max[BUDGET_WINDOWS];
    int64_t number[BUDGET_WINDOWS]; /* of the day and the month that are counted; total: 0 */
    int64_t spent[BUDGET_WINDOWS];
    int64_t held[BUDGET_WINDOWS];
    int64_t calls_max[BUDGET_WINDOWS];
    int64_t calls[BUDGET_WINDOWS]; /* answered, or under way */
    /* The writer's thread alone: as the row has it, or will have it. */
    int64_t row_number[BUDGET_WINDOWS];
    int64_t row_spent[BUDGET_WINDOWS];
    int64_t row_calls[BUDGET_WINDOWS];
    bool dirty;
    struct budget *next_dirty;
    struct budget *next;
};

static const struct store_sql sql_budgets = {
    "SELECT id, key, day_max, month_max, total_max, day, day_spent, month, month_spent,"
    " total_spent, day_calls_max, month_calls_max, total_calls_max, day_calls, month_calls,"
    " total_calls"
    " FROM budget ORDER BY id"
};
static const struct store_sql sql_budget_add = {
    "INSERT INTO budget(id, key, day_max, month_max, total_max, day, day_spent, month, month_spent,"
    " total_spent, day_calls_max, month_calls_max, total_calls_max)"
    " VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0, ?6, ?7, ?8)"
};
static const struct store_sql sql_budget_max = {
    "UPDATE budget SET day_max = ?3, month_max = ?4, total_max = ?5 WHERE id = ?1 AND key = ?2"
};
static const struct store_sql sql_budget_set = {
    "UPDATE budget SET day = ?2, day_spent = ?3, month = ?4, month_spent = ?5, total_spent = ?6,"
    " day_calls = ?7, month_calls = ?8, total_calls = ?9 WHERE id = ?1"
};
static const struct store_sql sql_hold_add = {
    "INSERT INTO budget_hold(hold, budget, day, month) VALUES (?1, ?2, ?3, ?4)"
};

/* ---- what admits ------------------------------------------------------------------------- */

static void budget_numbers(int64_t now_ns, int64_t number[BUDGET_WINDOWS])
{
    number[BUDGET_DAY] = stamp_day(now_ns);
    number[BUDGET_MONTH] = stamp_month(now_ns);
    number[BUDGET_TOTAL] = 0;
}

/* Under the lock. A clock that goes back begins no window anew. */
static void budget_roll(struct budget *budget, int64_t now_ns)
{
    int64_t number[BUDGET_WINDOWS];
    budget_numbers(now_ns, number);
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (number[i] > budget->number[i]) {
            budget->number[i] = number[i];
            budget->spent[i] = 0;
            budget->held[i] = 0;
            budget->calls[i] = 0;
        }
    }
}

/* Under the lock, in the windows that are counted. ERR_OK: one more call may be made. */
static enum err budget_one_more(const struct budget *budget)
{
    static const enum err errs[BUDGET_WINDOWS] = { ERR_CALLS_DAY, ERR_CALLS_MONTH,
                                                   ERR_CALLS_TOTAL };
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (budget->calls_max[i] != BUDGET_NONE && budget->calls[i] >= budget->calls_max[i]) {
            return errs[i];
        }
    }
    return ERR_OK;
}

/* Under the lock. Of the windows that are counted and are `number` too. */
static int64_t budget_room(const struct budget *budget, const int64_t number[BUDGET_WINDOWS],
                           enum budget_window *ret_window)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (budget->max[i] == BUDGET_NONE || number[i] != budget->number[i]) {
            continue;
        }
        int64_t left = budget->max[i] - budget->spent[i] - budget->held[i];
        left = left > 0 ? left : 0; /* a limit may have been lowered below what is spent */
        if (left < least) {
            least = left;
            *ret_window = (enum budget_window)i;
        }
    }
    return least;
}

int64_t budget_left(struct budget *budget, int64_t now_ns, enum err *ret_reason)
{
    enum budget_window window = BUDGET_TOTAL;
    (void)pthread_mutex_lock(&budget->lock);
    budget_roll(budget, now_ns);
    int64_t left = budget_room(budget, budget->number, &window);
    enum err more = budget_one_more(budget);
    (void)pthread_mutex_unlock(&budget->lock);
    *ret_reason = more == ERR_OK ? budget_err(window) : more;
    return more == ERR_OK ? left : 0;
}

enum err budget_reserve(struct budget *budget, int64_t amount, int64_t now_ns,
                        struct budget_hold *ret_hold)
{
    ASSERT(amount >= 0);
    enum budget_window window = BUDGET_TOTAL;
    (void)pthread_mutex_lock(&budget->lock);
    budget_roll(budget, now_ns);
    enum err err = budget_one_more(budget);
    if (err == ERR_OK && amount > budget_room(budget, budget->number, &window)) {
        err = budget_err(window);
    }
    for (int i = 0; err == ERR_OK && i < BUDGET_WINDOWS; i++) {
        budget->held[i] += amount;
        budget->calls[i]++;
    }
    *ret_hold = (struct budget_hold){ .budget = err == ERR_OK ? budget : NULL, .amount = amount };
    memcpy(ret_hold->number, budget->number, sizeof(ret_hold->number));
    (void)pthread_mutex_unlock(&budget->lock);
    return err;
}

/* In the windows in which the call began: one that is over neither counts it nor refuses it. */
enum err budget_extend(struct budget_hold *hold, int64_t more)
{
    struct budget *budget = hold->budget;
    enum budget_window window = BUDGET_TOTAL;
    if (budget == NULL) {
        return ERR_OK;
    }
    ASSERT(hold->amount + more >= 0);
    (void)pthread_mutex_lock(&budget->lock);
    bool fits = more <= 0 || more <= budget_room(budget, hold->number, &window);
    for (int i = 0; fits && i < BUDGET_WINDOWS; i++) {
        budget->held[i] += hold->number[i] == budget->number[i] ? more : 0;
    }
    hold->amount += fits ? more : 0;
    (void)pthread_mutex_unlock(&budget->lock);
    return fits ? ERR_OK : budget_err(window);
}

void budget_settle(const struct budget_hold *hold, int64_t posted, bool served)
{
    struct budget *budget = hold->budget;
    if (budget == NULL) {
        return;
    }
    ASSERT(posted >= 0);
    (void)pthread_mutex_lock(&budget->lock);
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (hold->number[i] == budget->number[i]) {
            budget->held[i] -= hold->amount;
            budget->spent[i] += posted;
            budget->calls[i] -= served ? 0 : 1;
            ASSERT(budget->held[i] >= 0);
            ASSERT(budget->calls[i] >= 0);
        }
    }
    (void)pthread_mutex_unlock(&budget->lock);
}

void budget_look(struct budget *budget, int64_t now_ns, struct budget_view *ret_view)
{
    (void)pthread_mutex_lock(&budget->lock);
    budget_roll(budget, now_ns);
    memcpy(ret_view->max, budget->max, sizeof(budget->max));
    memcpy(ret_view->spent, budget->spent, sizeof(budget->spent));
    memcpy(ret_view->held, budget->held, sizeof(budget->held));
    memcpy(ret_view->calls_max, budget->calls_max, sizeof(budget->calls_max));
    memcpy(ret_view->calls, budget->calls, sizeof(budget->calls));
    ret_view->resets_ns[BUDGET_DAY] = stamp_of_day(budget->number[BUDGET_DAY] + 1);
    ret_view->resets_ns[BUDGET_MONTH] = stamp_of_month(budget->number[BUDGET_MONTH] + 1);
    ret_view->resets_ns[BUDGET_TOTAL] = 0;
    (void)pthread_mutex_unlock(&budget->lock);
}

enum err budget_err(enum budget_window window)
{
    static const enum err errs[BUDGET_WINDOWS] = { ERR_BUDGET_DAY, ERR_BUDGET_MONTH,
                                                   ERR_BUDGET_TOTAL };
    return errs[window];
}

const char *budget_window_name(enum budget_window window)
{
    static const char *const names[BUDGET_WINDOWS] = { "day", "month", "total" };
    return names[window];
}

/* ---- what is durable --------------------------------------------------------------------- */

enum err budget_write_hold(struct store_txn *txn, const struct budget_hold *hold, int64_t row,
                           struct fail *fail)
{
    if (hold->budget == NULL) {
        return ERR_OK;
    }
    const struct store_value values[] = { STORE_I(row), STORE_I(hold->budget->row),
                                          STORE_I(hold->number[BUDGET_DAY]),
                                          STORE_I(hold->number[BUDGET_MONTH]) };
    return store_exec(txn, &sql_hold_add, values, EP_ARRAY_LEN(values), fail);
}

void budget_post(struct ledger *ledger, const struct budget_hold *hold, int64_t posted, bool served)
{
    struct budget *budget = hold->budget;
    ASSERT(served || posted == 0);
    if (budget == NULL || !served) {
        return;
    }
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (hold->number[i] > budget->row_number[i]) {
            budget->row_number[i] = hold->number[i];
            budget->row_spent[i] = 0;
            budget->row_calls[i] = 0;
        }
        bool counts = hold->number[i] == budget->row_number[i];
        budget->row_spent[i] += counts ? posted : 0;
        budget->row_calls[i] += counts ? 1 : 0;
    }
    if (!budget->dirty) {
        budget->dirty = true;
        budget->next_dirty = ledger->dirty_budgets;
        ledger->dirty_budgets = budget;
    }
}

enum err budget_flush(void *context, struct store_txn *txn, struct fail *fail)
{
    struct ledger *ledger = context;
    while (ledger->dirty_budgets != NULL) {
        struct budget *budget = ledger->dirty_budgets;
        const struct store_value values[] = {
            STORE_I(budget->row),
            STORE_I(budget->row_number[BUDGET_DAY]),
            STORE_I(budget->row_spent[BUDGET_DAY]),
            STORE_I(budget->row_number[BUDGET_MONTH]),
            STORE_I(budget->row_spent[BUDGET_MONTH]),
            STORE_I(budget->row_spent[BUDGET_TOTAL]),
            STORE_I(budget->row_calls[BUDGET_DAY]),
            STORE_I(budget->row_calls[BUDGET_MONTH]),
            STORE_I(budget->row_calls[BUDGET_TOTAL]),
        };
        TRY(store_exec(txn, &sql_budget_set, values, EP_ARRAY_LEN(values), fail));
        ledger->dirty_budgets = budget->next_dirty;
        budget->dirty = false;
    }
    return ERR_OK;
}

/* ---- keys and their budgets -------------------------------------------------------------- */

struct budget *ledger_budget(struct ledger *ledger, struct id key)
{
    (void)pthread_rwlock_rdlock(&ledger->lock);
    struct budget *budget = map_find(&ledger->budgets, id_str(&key));
    (void)pthread_rwlock_unlock(&ledger->lock);
    return budget;
}

/* Takes over what was made with mem_alloc(). */
static enum err budget_keep(struct ledger *ledger, struct budget *budget)
{
    (void)pthread_mutex_init(&budget->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_rwlock_wrlock(&ledger->lock);
    enum err err = map_add(&ledger->budgets, id_str(&budget->key), budget);
    if (err == ERR_OK) {
        budget->next = ledger->first_budget;
        ledger->first_budget = budget;
    }
    (void)pthread_rwlock_unlock(&ledger->lock);
    if (err != ERR_OK) {
        (void)pthread_mutex_destroy(&budget->lock);
        mem_free(budget);
    }
    return err;
}

static enum err budget_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct ledger *ledger = context;
    ASSERT(columns == 16);
    ASSERT(row[1].bytes.len == ID_BYTES);
    struct budget *budget = mem_zalloc(sizeof(*budget));
    if (budget == NULL) {
        return ERR_NO_MEMORY;
    }
    *budget = (struct budget){
        .row = row[0].number,
        .max = { row[2].number, row[3].number, row[4].number },
        .number = { row[5].number, row[7].number, 0 },
        .spent = { row[6].number, row[8].number, row[9].number },
        .calls_max = { row[10].number, row[11].number, row[12].number },
        .calls = { row[13].number, row[14].number, row[15].number },
    };
    memcpy(budget->key.bytes, row[1].bytes.ptr, ID_BYTES);
    memcpy(budget->row_number, budget->number, sizeof(budget->number));
    memcpy(budget->row_spent, budget->spent, sizeof(budget->spent));
    memcpy(budget->row_calls, budget->calls, sizeof(budget->calls));
    ledger->next_budget = budget->row + 1;
    return budget_keep(ledger, budget);
}

enum err budgets_load(struct ledger *ledger, struct store_txn *txn, struct fail *fail)
{
    ledger->next_budget = 1;
    return store_query(txn, &sql_budgets, NULL, 0, budget_on_row, ledger, fail);
}

void budget_hold_again(struct ledger *ledger, struct str key, const int64_t number[BUDGET_WINDOWS],
                       int64_t amount, struct budget_hold *ret_hold)
{
    struct budget *budget = map_find(&ledger->budgets, key); /* nobody else is there yet */
    *ret_hold = (struct budget_hold){ .budget = budget, .amount = amount };
    memcpy(ret_hold->number, number, sizeof(ret_hold->number));
    for (int i = 0; budget != NULL && i < BUDGET_WINDOWS; i++) {
        if (number[i] > budget->number[i]) {
            budget->number[i] = number[i];
            budget->spent[i] = 0;
            budget->held[i] = 0;
            budget->calls[i] = 0;
        }
        budget->held[i] += number[i] == budget->number[i] ? amount : 0;
        budget->calls[i] += number[i] == budget->number[i] ? 1 : 0;
    }
}

void budgets_close(struct ledger *ledger)
{
    while (ledger->first_budget != NULL) {
        struct budget *budget = ledger->first_budget;
        ledger->first_budget = budget->next;
        (void)pthread_mutex_destroy(&budget->lock);
        mem_free(budget);
    }
    map_fini(&ledger->budgets);
}

/* ---- changes ----------------------------------------------------------------------------- */

/* Takes `budget` over. */
static enum err budget_write_new(struct ledger *ledger, struct store_txn *txn,
                                 struct budget *budget, struct id key,
                                 const struct budget_limits *limits, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_I(ledger->next_budget),         STORE_B(id_str(&key)),
        STORE_I(limits->nano[BUDGET_DAY]),    STORE_I(limits->nano[BUDGET_MONTH]),
        STORE_I(limits->nano[BUDGET_TOTAL]),  STORE_I(limits->calls[BUDGET_DAY]),
        STORE_I(limits->calls[BUDGET_MONTH]), STORE_I(limits->calls[BUDGET_TOTAL]),
    };
    enum err err = store_exec(txn, &sql_budget_add, values, EP_ARRAY_LEN(values), fail);
    if (err != ERR_OK) {
        mem_free(budget);
        return err;
    }
    budget->row = ledger->next_budget++;
    budget->key = key;
    memcpy(budget->max, limits->nano, sizeof(budget->max));
    memcpy(budget->calls_max, limits->calls, sizeof(budget->calls_max));
    /* The row is written: what memory lacks, only a restart can read. */
    return budget_keep(ledger, budget) == ERR_OK
               ? ERR_OK
               : FAIL(fail, ERR_STORE_FAILED, "no memory for a budget");
}

enum err ledger_write_budget(struct ledger *ledger, struct store_txn *txn, struct id key,
                             const struct budget_limits *limits, struct fail *fail)
{
    struct budget *budget = mem_zalloc(sizeof(*budget));
    return budget == NULL ? FAIL(fail, ERR_STORE_FAILED, "no memory for a budget")
                          : budget_write_new(ledger, txn, budget, key, limits, fail);
}

struct budget_change {
    struct store_job job;
    struct ledger *ledger;
    struct id key;
    const int64_t *max;
};

static enum err budget_run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct budget_change *change = EP_CONTAINER(job, struct budget_change, job);
    const struct budget *budget = ledger_budget(change->ledger, change->key);
    if (budget == NULL) {
        struct budget_limits limits = { .calls = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE } };
        struct budget *fresh = mem_zalloc(sizeof(*fresh));
        memcpy(limits.nano, change->max, sizeof(limits.nano));
        return fresh == NULL
                   ? FAIL(fail, ERR_NO_MEMORY, "no memory for a budget")
                   : budget_write_new(change->ledger, txn, fresh, change->key, &limits, fail);
    }
    const struct store_value values[] = {
        STORE_I(budget->row),
        STORE_B(id_str(&change->key)),
        STORE_I(change->max[BUDGET_DAY]),
        STORE_I(change->max[BUDGET_MONTH]),
        STORE_I(change->max[BUDGET_TOTAL]),
    };
    return store_exec(txn, &sql_budget_max, values, EP_ARRAY_LEN(values), fail);
}

enum err ledger_set_budget(struct ledger *ledger, struct id key, const int64_t max[BUDGET_WINDOWS],
                           struct fail *fail)
{
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        ASSERT(max[i] >= BUDGET_NONE);
    }
    struct budget_change change = {
        .job = { .run = budget_run_change }, .ledger = ledger, .key = key, .max = max
    };
    TRY(store_run(ledger->store, &change.job, fail));
    struct budget *budget = ledger_budget(ledger, key);
    ASSERT(budget != NULL);
    (void)pthread_mutex_lock(&budget->lock);
    memcpy(budget->max, max, sizeof(budget->max));
    (void)pthread_mutex_unlock(&budget->lock);
    return ERR_OK;
}
