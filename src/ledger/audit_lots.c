#include "ledger/audit_lots.h"

#include "base/mem.h"

/* As the rows have them: the audit shares no code and no names with what wrote them. */
#define CODE_PURCHASE   1
#define CODE_SETTLEMENT 2
#define CLASS_CLIENT    1

struct audit_lot {
    int64_t id;
    int64_t priority;
    int64_t expires_ns;
    int64_t left;   /* by the history so far */
    int64_t stored; /* in the lot's row */
    int64_t amount;
};

/* One account at a time. */
struct audit_history {
    int64_t account;
    struct audit_lot *lots; /* in the order in which they are drawn */
    size_t count;
    size_t cap;
    size_t first; /* that may have something left */
    struct audit_line *line;
};

static const struct store_sql sql_history = {
    "SELECT CASE WHEN e.debit_class = 1 THEN e.debit ELSE e.credit END AS client, e.code,"
    " e.amount, e.ref, coalesce(l.priority, 0), coalesce(l.expires_ns, 0),"
    " coalesce(l.remaining, -1), e.debit_class FROM entry e"
    " LEFT JOIN lot l ON e.code = 1 AND l.id = e.ref"
    " WHERE e.debit_class = 1 OR e.credit_class = 1 ORDER BY client, e.id"
};

static int64_t audit_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void audit_wrong(struct audit_history *history)
{
    struct audit_line *line = history->line;
    line->first = line->wrong == 0 ? history->account : line->first; /* accounts come in order */
    line->wrong++;
}

static void audit_end_account(struct audit_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->lots[i].left != history->lots[i].stored) {
            audit_wrong(history);
        }
    }
    history->count = 0;
    history->first = 0;
}

static bool audit_drawn_before(const struct audit_lot *a, const struct audit_lot *b)
{
    int64_t a_end = a->expires_ns == 0 ? INT64_MAX : a->expires_ns;
    int64_t b_end = b->expires_ns == 0 ? INT64_MAX : b->expires_ns;
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    return a_end != b_end ? a_end < b_end : a->id < b->id;
}

static enum err audit_buy(struct audit_history *history, const struct audit_lot *lot)
{
    if (history->count == history->cap) {
        size_t cap = history->cap == 0 ? 16 : history->cap * 2;
        struct audit_lot *grown = mem_realloc(history->lots, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        history->lots = grown;
        history->cap = cap;
    }
    size_t at = history->count++;
    for (; at > 0 && audit_drawn_before(lot, &history->lots[at - 1]); at--) {
        history->lots[at] = history->lots[at - 1];
    }
    history->lots[at] = *lot;
    history->first = 0;
    return ERR_OK;
}

static void audit_draw(struct audit_history *history, int64_t amount)
{
    while (amount > 0 && history->first < history->count) {
        struct audit_lot *lot = &history->lots[history->first];
        int64_t drawn = audit_least(amount, lot->left);
        lot->left -= drawn;
        amount -= drawn;
        history->first += lot->left == 0;
    }
    if (amount > 0) {
        audit_wrong(history);
    }
}

/* `amount` below zero: a correction puts it back. */
static void audit_take(struct audit_history *history, int64_t id, int64_t amount)
{
    for (size_t i = 0; i < history->count; i++) {
        struct audit_lot *lot = &history->lots[i];
        if (lot->id == id && lot->left >= amount && lot->left - amount <= lot->amount) {
            lot->left -= amount;
            history->first = i < history->first ? i : history->first;
            return;
        }
    }
    audit_wrong(history);
}

static enum err audit_on_entry(void *context, const struct store_value *row, size_t columns)
{
    struct audit_history *history = context;
    ASSERT(columns == 8);
    int64_t amount = row[2].number;
    int64_t ref = row[3].number;
    history->line->rows++;
    history->line->sum += amount;
    if (row[0].number != history->account) {
        audit_end_account(history);
        history->account = row[0].number;
    }
    if (row[1].number == CODE_PURCHASE) {
        struct audit_lot lot = { ref, row[4].number, row[5].number, amount, row[6].number, amount };
        return audit_buy(history, &lot);
    }
    if (row[1].number == CODE_SETTLEMENT) {
        audit_draw(history, amount);
    } else {
        audit_take(history, ref, row[7].number == CLASS_CLIENT ? amount : -amount);
    }
    return ERR_OK;
}

enum err audit_lots(struct store_txn *txn, struct audit_line *line, struct fail *fail)
{
    ASSERT(line->rows == 0 && line->wrong == 0);
    struct audit_history history = { .account = -1, .line = line };
    enum err err = store_query(txn, &sql_history, NULL, 0, audit_on_entry, &history, fail);
    audit_end_account(&history);
    mem_free(history.lots);
    return err;
}
