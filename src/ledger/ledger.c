#include "ledger/ledger.h"

#include <string.h>

#include "base/mem.h"
#include "ledger/ledger_internal.h"
#include "ledger/mark.h"

#define LEDGER_MARK_LAG 1024 /* holds that a start may look at in vain */

const struct store_migration ledger_migration = {
    .number = 2,
    .name = "ledger",
    .sql =
        "CREATE TABLE account(id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE,"
        " currency TEXT NOT NULL CHECK(length(currency) = 3), class INTEGER NOT NULL,"
        " dr_pend INTEGER NOT NULL CHECK(dr_pend >= 0),"
        " cr_pend INTEGER NOT NULL CHECK(cr_pend >= 0),"
        " dr_post INTEGER NOT NULL CHECK(dr_post >= 0),"
        " cr_post INTEGER NOT NULL CHECK(cr_post >= 0),"
        " used INTEGER NOT NULL CHECK(used >= 0),"
        " CHECK(class <> 1 OR dr_post + dr_pend <= cr_post)) STRICT;"
        "CREATE TABLE lot(id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
        " kind INTEGER NOT NULL CHECK(kind IN (1, 2)), amount INTEGER NOT NULL CHECK(amount > 0),"
        " remaining INTEGER NOT NULL CHECK(remaining BETWEEN 0 AND amount),"
        " priority INTEGER NOT NULL, expires_ns INTEGER NOT NULL, plan TEXT NOT NULL,"
        " payment TEXT NOT NULL, created_ns INTEGER NOT NULL) STRICT;"
        "CREATE TABLE hold(id INTEGER PRIMARY KEY, call BLOB NOT NULL,"
        " account INTEGER NOT NULL REFERENCES account,"
        " amount INTEGER NOT NULL CHECK(amount >= 0), price_version INTEGER NOT NULL,"
        " opened_ns INTEGER NOT NULL) STRICT;"
        "CREATE TABLE settlement(hold INTEGER PRIMARY KEY REFERENCES hold,"
        " state INTEGER NOT NULL CHECK(state IN (1, 2, 3)),"
        " posted INTEGER NOT NULL CHECK(posted >= 0),"
        " overrun INTEGER NOT NULL CHECK(overrun >= 0), usage TEXT NOT NULL,"
        " rated_pico TEXT NOT NULL, settled_ns INTEGER NOT NULL) STRICT;"
        /* The classes of both sides stand in the entry, so that the table itself refuses a
         * movement from one client's credit to another's. */
        "CREATE TABLE entry(id INTEGER PRIMARY KEY, txn INTEGER NOT NULL,"
        " debit INTEGER NOT NULL REFERENCES account, debit_class INTEGER NOT NULL,"
        " credit INTEGER NOT NULL REFERENCES account, credit_class INTEGER NOT NULL,"
        " amount INTEGER NOT NULL CHECK(amount > 0), code INTEGER NOT NULL,"
        " ref INTEGER NOT NULL,"
        " CHECK(NOT (debit_class = 1 AND credit_class = 1))) STRICT;"
        /* Every hold below has ended: a start looks at the later ones alone. */
        "CREATE TABLE hold_mark(id INTEGER PRIMARY KEY CHECK(id = 1),"
        " open_from INTEGER NOT NULL) STRICT;"
        "INSERT INTO hold_mark(id, open_from) VALUES (1, 1);",
};

static const struct store_sql sql_hold_add = {
    "INSERT INTO hold(id, call, account, amount, price_version, opened_ns)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
};
static const struct store_sql sql_settlement_add = {
    "INSERT INTO settlement(hold, state, posted, overrun, usage, rated_pico, settled_ns)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
};
static const struct store_sql sql_account_set = {
    "UPDATE account SET dr_pend = ?2, cr_pend = ?3, dr_post = ?4, cr_post = ?5, used = ?6"
    " WHERE id = ?1"
};
static const struct store_sql sql_ended = {
    "SELECT hold FROM settlement WHERE hold >= ?1 ORDER BY hold LIMIT 4096"
};
static const struct store_sql sql_mark_set = { "UPDATE hold_mark SET open_from = ?1" };
static const struct store_sql sql_lot_set = { "UPDATE lot SET remaining = ?2 WHERE id = ?1" };

/* ---- accounts in memory ------------------------------------------------------------------ */

struct account_credit *ledger_credit(struct ledger_account *account)
{
    ASSERT(account->class == LEDGER_CUSTOMER_CREDIT);
    return &account->credit;
}

struct id ledger_account_id(const struct ledger_account *account)
{
    return account->id;
}

struct str ledger_currency(const struct ledger_account *account)
{
    return (struct str){ account->currency, 3 };
}

int64_t ledger_price_book(const struct ledger_account *account)
{
    return atomic_load_explicit(&account->price_book, memory_order_relaxed);
}

struct ledger_account *ledger_find(struct ledger *ledger, struct id account)
{
    (void)pthread_rwlock_rdlock(&ledger->lock);
    struct ledger_account *found = map_find(&ledger->by_id, id_str(&account));
    (void)pthread_rwlock_unlock(&ledger->lock);
    return found != NULL && found->class == LEDGER_CUSTOMER_CREDIT ? found : NULL;
}

struct ledger_account *ledger_own(struct ledger *ledger, enum ledger_class class,
                                  const char *currency)
{
    struct ledger_account *own = ledger->own;
    while (own != NULL && (own->class != class || strcmp(own->currency, currency) != 0)) {
        own = own->next_own;
    }
    return own;
}

static enum err ledger_list_account(struct ledger *ledger, struct ledger_account *account)
{
    if (ledger->account_count == ledger->account_cap) {
        size_t cap = ledger->account_cap == 0 ? 64 : ledger->account_cap * 2;
        struct ledger_account **grown =
            mem_realloc(ledger->accounts, cap * sizeof(struct ledger_account *));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        ledger->accounts = grown;
        ledger->account_cap = cap;
    }
    TRY(map_add(&ledger->by_id, id_str(&account->id), account));
    ledger->accounts[ledger->account_count++] = account;
    if (account->class != LEDGER_CUSTOMER_CREDIT) {
        account->next_own = ledger->own;
        ledger->own = account;
    }
    return ERR_OK;
}

enum err ledger_keep_account(struct ledger *ledger, const struct ledger_account *row,
                             struct ledger_account **ret_account)
{
    struct ledger_account *account = mem_alloc(sizeof(*account));
    if (account == NULL) {
        return ERR_NO_MEMORY;
    }
    *account = *row;
    (void)pthread_rwlock_wrlock(&ledger->lock);
    enum err err = ledger_list_account(ledger, account);
    (void)pthread_rwlock_unlock(&ledger->lock);
    if (err != ERR_OK) {
        mem_free(account);
        return err;
    }
    *ret_account = account;
    return ERR_OK;
}

/* Lower priority first, then what expires first (never is last), then the older. */
static bool ledger_lot_before(const struct ledger_lot *a, const struct ledger_lot *b)
{
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    if (a->expires_ns != b->expires_ns) {
        return b->expires_ns == 0 || (a->expires_ns != 0 && a->expires_ns < b->expires_ns);
    }
    return a->id < b->id;
}

void ledger_note_prices(struct ledger_account *account)
{
    size_t at = 0;
    while (at < account->lot_count && account->lots[at].remaining == 0) {
        at++;
    }
    atomic_store_explicit(&account->price_book,
                          at < account->lot_count ? account->lots[at].price_book : 0,
                          memory_order_relaxed);
}

enum err ledger_keep_lot(struct ledger_account *account, const struct ledger_lot *lot)
{
    if (account->lot_count == account->lot_cap) {
        size_t cap = account->lot_cap == 0 ? 1 : account->lot_cap * 2; /* most have one */
        struct ledger_lot *grown = mem_realloc(account->lots, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        account->lots = grown;
        account->lot_cap = cap;
    }
    size_t at = account->lot_count++;
    while (at > 0 && ledger_lot_before(lot, &account->lots[at - 1])) {
        account->lots[at] = account->lots[at - 1];
        at--;
    }
    account->lots[at] = *lot;
    ledger_note_prices(account);
    return ERR_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

void ledger_touch(struct ledger *ledger, struct ledger_account *account)
{
    if (!account->dirty) {
        account->dirty = true;
        account->next_dirty = ledger->dirty;
        ledger->dirty = account;
    }
}

static enum err ledger_on_ended(void *context, const struct store_value *row, size_t columns)
{
    struct ledger *ledger = context;
    ASSERT(columns == 1);
    if (row[0].number != ledger->open_from) {
        return ERR_NOT_FOUND; /* an open hold: the mark stays before it */
    }
    ledger->open_from++;
    return ERR_OK;
}

/* Moves the mark over holds that have ended: now and then, a row for each hold on average. */
static enum err ledger_move_mark(struct ledger *ledger, struct store_txn *txn, struct fail *fail)
{
    if (ledger->next_hold - ledger->open_from < LEDGER_MARK_LAG) {
        return ERR_OK;
    }
    const struct store_value from = STORE_I(ledger->open_from);
    enum err err = store_query(txn, &sql_ended, &from, 1, ledger_on_ended, ledger, NULL);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return FAIL(fail, err, "could not read which holds have ended");
    }
    if (ledger->open_from == ledger->open_from_written) {
        return ERR_OK;
    }
    const struct store_value mark = STORE_I(ledger->open_from);
    TRY(store_exec(txn, &sql_mark_set, &mark, 1, fail));
    ledger->open_from_written = ledger->open_from;
    return ERR_OK;
}

/* Counters and remainders are written once a batch, however many calls it holds. */
static enum err ledger_flush(void *context, struct store_txn *txn, struct fail *fail)
{
    struct ledger *ledger = context;
    TRY(ledger_move_mark(ledger, txn, fail));
    TRY(usage_fold_write(&ledger->fold, txn, fail));
    while (ledger->dirty != NULL) {
        struct ledger_account *account = ledger->dirty;
        const struct store_value values[] = {
            STORE_I(account->row),     STORE_I(account->dr_pend), STORE_I(account->cr_pend),
            STORE_I(account->dr_post), STORE_I(account->cr_post), STORE_I(account->used),
        };
        TRY(store_exec(txn, &sql_account_set, values, EP_ARRAY_LEN(values), fail));
        for (size_t i = 0; i < account->lot_count; i++) {
            struct ledger_lot *lot = &account->lots[i];
            if (lot->dirty) {
                const struct store_value lot_values[] = { STORE_I(lot->id),
                                                          STORE_I(lot->remaining) };
                TRY(store_exec(txn, &sql_lot_set, lot_values, 2, fail));
                lot->dirty = false;
            }
        }
        ledger->dirty = account->next_dirty;
        account->dirty = false;
    }
    return ERR_OK;
}

static struct ledger_account *ledger_revenue(struct ledger *ledger,
                                             const struct ledger_account *account)
{
    struct ledger_account *revenue = ledger_own(ledger, LEDGER_PLATFORM_REVENUE, account->currency);
    ASSERT(revenue != NULL); /* made with the first account of its currency */
    return revenue;
}

enum err ledger_write_hold(struct ledger *ledger, struct store_txn *txn, struct ledger_hold *hold,
                           struct fail *fail)
{
    struct ledger_account *account = hold->account;
    ASSERT(account->class == LEDGER_CUSTOMER_CREDIT);
    ASSERT(hold->amount >= 0);
    const struct store_value values[] = {
        STORE_I(ledger->next_hold), STORE_B(id_str(&hold->call)), STORE_I(account->row),
        STORE_I(hold->amount),      STORE_I(hold->price_version), STORE_I(hold->opened_ns),
    };
    TRY(store_exec(txn, &sql_hold_add, values, EP_ARRAY_LEN(values), fail));
    hold->seq = ledger->next_hold++;
    TRY(budget_write_hold(txn, &hold->budget, hold->seq, fail));
    struct ledger_account *revenue = ledger_revenue(ledger, account);
    account->dr_pend += hold->amount;
    revenue->cr_pend += hold->amount;
    ASSERT(account->dr_post + account->dr_pend <= account->cr_post);
    ledger_touch(ledger, account);
    ledger_touch(ledger, revenue);
    return ERR_OK;
}

static void ledger_draw(struct ledger_account *account, int64_t amount)
{
    for (size_t i = 0; i < account->lot_count && amount > 0; i++) {
        struct ledger_lot *lot = &account->lots[i];
        int64_t drawn = lot->remaining < amount ? lot->remaining : amount;
        lot->remaining -= drawn;
        lot->dirty |= drawn > 0;
        amount -= drawn;
    }
    ledger_note_prices(account);
    ASSERT(amount == 0); /* the lots' remainders are the balance, and a hold never exceeds it */
}

static enum err ledger_write_amounts(struct ledger *ledger, struct store_txn *txn,
                                     const struct ledger_settlement *settlement, struct fail *fail)
{
    struct ledger_account *account = settlement->hold->account;
    const struct ledger_house revenue = { ledger_revenue(ledger, account) };
    int64_t number = ledger->next_txn++;
    if (settlement->posted > 0) {
        ledger_draw(account, settlement->posted);
        TRY(ledger_post(ledger, txn,
                        &(struct ledger_entry){ account, revenue, CREDIT_SHRINKS,
                                                settlement->posted, ENTRY_SETTLEMENT,
                                                settlement->hold->seq, number },
                        fail));
    }
    if (settlement->overrun > 0) {
        TRY(ledger_post_overrun(ledger, txn, revenue, settlement, number, fail));
    }
    return ERR_OK;
}

enum err ledger_write_settlement(struct ledger *ledger, struct store_txn *txn,
                                 const struct ledger_settlement *settlement, struct fail *fail)
{
    const struct ledger_hold *hold = settlement->hold;
    ASSERT(hold->seq > 0);
    ASSERT(settlement->posted >= 0);
    ASSERT(settlement->posted <= hold->amount);
    ASSERT(settlement->overrun == 0 || settlement->posted == hold->amount);
    const struct store_value values[] = {
        STORE_I(hold->seq),
        STORE_I(settlement->state),
        STORE_I(settlement->posted),
        STORE_I(settlement->overrun),
        STORE_T(settlement->usage),
        STORE_T(settlement->rated_pico),
        STORE_I(settlement->settled_ns),
    };
    TRY(store_exec(txn, &sql_settlement_add, values, EP_ARRAY_LEN(values), fail));
    struct ledger_account *revenue = ledger_revenue(ledger, hold->account);
    hold->account->dr_pend -= hold->amount;
    revenue->cr_pend -= hold->amount;
    ASSERT(hold->account->dr_pend >= 0);
    bool served = settlement->state == HOLD_SETTLED || settlement->posted > 0;
    budget_post(ledger, &hold->budget, settlement->posted, served);
    ledger_touch(ledger, hold->account);
    ledger_touch(ledger, revenue);
    if (served) {
        TRY(usage_fold_add(&ledger->fold, txn, hold->account->row, settlement->settled_ns,
                           settlement->posted, &settlement->use, fail));
    }
    return ledger_write_amounts(ledger, txn, settlement, fail);
}

/* ---- reading at the start ---------------------------------------------------------------- */

static const struct store_sql sql_accounts = {
    "SELECT id, uid, currency, class, dr_pend, cr_pend, dr_post, cr_post, used FROM account"
    " ORDER BY id"
};
static const struct store_sql sql_lots = {
    "SELECT l.id, a.uid, l.kind, l.amount, l.remaining, l.priority, l.expires_ns,"
    " (SELECT coalesce(min(w.days), 0) FROM lot_warning w WHERE w.lot = l.id),"
    " coalesce((SELECT o.book FROM purchase_order o WHERE o.id = l.id), 0)"
    " FROM lot l JOIN account a ON a.id = l.account WHERE l.remaining > 0 ORDER BY l.id"
};
static const struct store_sql sql_open_holds = {
    "SELECT h.id, h.call, a.uid,"
    " h.amount + coalesce((SELECT sum(x.amount) FROM hold_ext x WHERE x.hold = h.id), 0),"
    " h.price_version, h.opened_ns, g.key, coalesce(b.day, 0),"
    " coalesce(b.month, 0) FROM hold h JOIN account a ON a.id = h.account"
    " LEFT JOIN budget_hold b ON b.hold = h.id LEFT JOIN budget g ON g.id = b.budget"
    " WHERE h.id >= ?1 AND NOT EXISTS(SELECT 1 FROM settlement s WHERE s.hold = h.id) ORDER BY h.id"
};
static const struct store_sql sql_next = {
    "SELECT (SELECT coalesce(max(id), 0) FROM account), (SELECT coalesce(max(id), 0) FROM lot),"
    " (SELECT coalesce(max(id), 0) FROM hold), (SELECT coalesce(max(id), 0) FROM entry),"
    /* The last entry has the highest number; there is no index by which to look for that. */
    " (SELECT coalesce(max(txn), 0) FROM entry WHERE id = (SELECT max(id) FROM entry)),"
    " (SELECT open_from FROM hold_mark)"
};

static struct id ledger_id_of(const struct store_value *value)
{
    struct id id;
    ASSERT(value->bytes.len == ID_BYTES);
    memcpy(id.bytes, value->bytes.ptr, ID_BYTES);
    return id;
}

static enum err ledger_on_account(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 9);
    struct ledger_account account = {
        .row = row[0].number,
        .id = ledger_id_of(&row[1]),
        .class = (enum ledger_class)row[3].number,
        .dr_pend = row[4].number,
        .cr_pend = row[5].number,
        .dr_post = row[6].number,
        .cr_post = row[7].number,
        .used = row[8].number,
    };
    ASSERT(row[2].bytes.len == 3);
    memcpy(account.currency, row[2].bytes.ptr, 3);
    if (account.class == LEDGER_CUSTOMER_CREDIT) {
        account.credit.available = account.cr_post - account.dr_post - account.dr_pend;
        account.credit.held = account.dr_pend;
        account.credit.spent = account.used;
    }
    struct ledger_account *kept = NULL;
    return ledger_keep_account(context, &account, &kept);
}

static enum err ledger_on_lot(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 9);
    struct ledger_account *account = ledger_find(context, ledger_id_of(&row[1]));
    ASSERT(account != NULL);
    struct ledger_lot lot = {
        .id = row[0].number,
        .kind = (enum ledger_lot_kind)row[2].number,
        .amount = row[3].number,
        .remaining = row[4].number,
        .priority = row[5].number,
        .expires_ns = row[6].number,
        .warned = row[7].number,
        .price_book = row[8].number,
    };
    ledger_note_expiry(context, lot.expires_ns);
    return ledger_keep_lot(account, &lot);
}

static enum err ledger_on_open_hold(void *context, const struct store_value *row, size_t columns)
{
    struct ledger *ledger = context;
    ASSERT(columns == 9);
    if (ledger->open_count == ledger->open_cap) {
        size_t cap = ledger->open_cap == 0 ? 64 : ledger->open_cap * 2;
        struct ledger_hold *grown = mem_realloc(ledger->open_holds, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        ledger->open_holds = grown;
        ledger->open_cap = cap;
    }
    struct ledger_hold *hold = &ledger->open_holds[ledger->open_count++];
    *hold = (struct ledger_hold){
        .seq = row[0].number,
        .call = ledger_id_of(&row[1]),
        .account = ledger_find(ledger, ledger_id_of(&row[2])),
        .amount = row[3].number,
        .price_version = row[4].number,
        .opened_ns = row[5].number,
    };
    const int64_t number[BUDGET_WINDOWS] = { row[7].number, row[8].number, 0 };
    budget_hold_again(ledger, row[6].bytes, number, hold->amount, &hold->budget);
    return ERR_OK;
}

static enum err ledger_on_next(void *context, const struct store_value *row, size_t columns)
{
    struct ledger *ledger = context;
    ASSERT(columns == 6);
    ledger->next_account = row[0].number + 1;
    ledger->next_lot = row[1].number + 1;
    ledger->next_hold = row[2].number + 1;
    ledger->next_entry = row[3].number + 1;
    ledger->next_txn = row[4].number + 1;
    ledger->open_from = row[5].number;
    ledger->open_from_written = row[5].number;
    return ERR_OK;
}

struct ledger_load {
    struct store_job job;
    struct ledger *ledger;
};

/* A job, so that everything read is what the writer itself sees. */
static enum err ledger_load(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct ledger *ledger = EP_CONTAINER(job, struct ledger_load, job)->ledger;
    TRY(store_query(txn, &sql_accounts, NULL, 0, ledger_on_account, ledger, fail));
    TRY(store_query(txn, &sql_lots, NULL, 0, ledger_on_lot, ledger, fail));
    TRY(store_query(txn, &sql_next, NULL, 0, ledger_on_next, ledger, fail));
    TRY(budgets_load(ledger, txn, fail));
    const struct store_value from = STORE_I(ledger->open_from);
    return store_query(txn, &sql_open_holds, &from, 1, ledger_on_open_hold, ledger, fail);
}

enum err ledger_open(struct store *store, struct ledger **ret_ledger, struct fail *fail)
{
    struct ledger *ledger = mem_zalloc(sizeof(*ledger));
    if (ledger == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the books");
    }
    ledger->store = store;
    atomic_init(&ledger->next_expiry_ns, INT64_MAX);
    map_init(&ledger->by_id);
    map_init(&ledger->budgets);
    (void)pthread_rwlock_init(&ledger->lock, NULL);
    (void)pthread_mutex_init(&ledger->marks_lock, NULL);
    list_init(&ledger->marks);
    struct ledger_load load = { .job = { .run = ledger_load }, .ledger = ledger };
    enum err err = store_run(store, &load.job, fail);
    if (err != ERR_OK) {
        ledger_close(ledger);
        return err;
    }
    store_on_flush(store, ledger_flush, ledger);
    store_on_flush(store, ledger_flush_marks, ledger);
    store_on_flush(store, budget_flush, ledger);
    *ret_ledger = ledger;
    return ERR_OK;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    for (size_t i = 0; i < ledger->account_count; i++) {
        mem_free(ledger->accounts[i]->lots);
        mem_free(ledger->accounts[i]);
    }
    map_fini(&ledger->by_id);
    budgets_close(ledger);
    mem_free(ledger->accounts);
    mem_free(ledger->open_holds);
    (void)pthread_rwlock_destroy(&ledger->lock);
    (void)pthread_mutex_destroy(&ledger->marks_lock);
    mem_free(ledger);
}

bool ledger_next_open_hold(struct ledger *ledger, struct ledger_hold *ret_hold)
{
    if (ledger->open_count == 0) {
        return false;
    }
    *ret_hold = ledger->open_holds[--ledger->open_count];
    return true;
}
