#include "ledger/report.h"

#include <string.h>

#include "base/mem.h"
#include "ledger/ledger_internal.h"

struct report_lot {
    int64_t id;
    int64_t priority;
    int64_t expires_ns;
    int64_t left;
    enum ledger_lot_kind kind;
};

struct report_run {
    struct ledger_report sum; /* of the currency so far */
    int64_t from_ns;
    int64_t until_ns;
    int64_t client;
    struct report_lot *lots; /* of the client, in the order in which they are drawn */
    size_t count;
    size_t cap;
    ledger_report_fn *told;
    ledger_draw_fn *drawn; /* of the entry `trace`; NULL: nobody asks */
    int64_t trace;
    void *context;
};

/* An entry as the query has it. */
struct report_step {
    int64_t id;
    enum ledger_code code;
    int64_t amount;
    int64_t ref;
    enum ledger_class debit;
    enum ledger_class credit;
    int64_t at_ns;
};

#define REPORT_STEPS                                                                               \
    "SELECT d.currency, CASE WHEN e.debit_class = 1 THEN e.debit WHEN e.credit_class = 1"          \
    " THEN e.credit ELSE 0 END AS client, e.code, e.amount, e.ref, e.debit_class, e.credit_class," \
    " coalesce(l.created_ns, s.settled_ns, c.at_ns, 0), coalesce(l.kind, 0),"                      \
    " coalesce(l.priority, 0), coalesce(l.expires_ns, 0), e.id"                                    \
    " FROM entry e JOIN account d ON d.id = e.debit"                                               \
    " LEFT JOIN lot l ON e.code = 1 AND l.id = e.ref"                                              \
    " LEFT JOIN settlement s ON e.code IN (2, 3) AND s.hold = e.ref"                               \
    " LEFT JOIN cause c ON c.entry = e.id"

static const struct store_sql sql_steps = { REPORT_STEPS " ORDER BY d.currency, client, e.id" };
static const struct store_sql sql_steps_before = {
    REPORT_STEPS " WHERE (e.debit = ?1 OR e.credit = ?1) AND e.id <= ?2 ORDER BY e.id"
};
static const struct store_sql sql_call = {
    "SELECT e.debit, e.id FROM hold h JOIN entry e ON e.code = 2 AND e.ref = h.id"
    " WHERE h.call = ?1"
};

/* ---- flows ------------------------------------------------------------------------------- */

static void report_flow(struct report_run *run, const struct report_step *step,
                        enum ledger_lot_kind kind, enum report_flow flow, int64_t amount)
{
    int64_t *flows = kind == LOT_PAID ? run->sum.paid : run->sum.promo;
    int64_t change = flow == REPORT_BOUGHT ? amount : -amount;
    if (step->at_ns < run->from_ns) {
        flows[REPORT_OPENING] += change;
    } else if (step->at_ns < run->until_ns) {
        flows[flow] += amount;
    }
    if (step->at_ns < run->until_ns) {
        flows[REPORT_CLOSING] += change;
    }
}

static enum report_flow report_flow_of(enum ledger_class other)
{
    switch (other) {
    case LEDGER_CASH_CLEARING:
    case LEDGER_PROMO:
        return REPORT_BOUGHT;
    case LEDGER_REFUND:
        return REPORT_REFUNDED;
    case LEDGER_BREAKAGE:
        return REPORT_EXPIRED;
    case LEDGER_PLATFORM_REVENUE:
    case LEDGER_OVERRUN_LOSS:
    case LEDGER_CUSTOMER_CREDIT:
    case LEDGER_CLASS_END:
        break;
    }
    return REPORT_USED;
}

/* ---- lots -------------------------------------------------------------------------------- */

static bool report_before(const struct report_lot *a, const struct report_lot *b)
{
    int64_t a_end = a->expires_ns == 0 ? INT64_MAX : a->expires_ns;
    int64_t b_end = b->expires_ns == 0 ? INT64_MAX : b->expires_ns;
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    return a_end != b_end ? a_end < b_end : a->id < b->id;
}

static enum err report_buy(struct report_run *run, const struct report_lot *lot)
{
    if (run->count == run->cap) {
        size_t cap = run->cap == 0 ? 16 : run->cap * 2;
        struct report_lot *grown = mem_realloc(run->lots, cap * sizeof(*grown));
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        run->lots = grown;
        run->cap = cap;
    }
    size_t at = run->count++;
    for (; at > 0 && report_before(lot, &run->lots[at - 1]); at--) {
        run->lots[at] = run->lots[at - 1];
    }
    run->lots[at] = *lot;
    return ERR_OK;
}

static enum err report_draw(struct report_run *run, const struct report_step *step)
{
    int64_t amount = step->amount;
    for (size_t i = 0; i < run->count && amount > 0; i++) {
        struct report_lot *lot = &run->lots[i];
        int64_t drawn = lot->left < amount ? lot->left : amount;
        lot->left -= drawn;
        amount -= drawn;
        report_flow(run, step, lot->kind, REPORT_USED, drawn);
        if (run->drawn != NULL && step->id == run->trace && drawn > 0) {
            TRY(run->drawn(run->context, &(struct ledger_draw){ step->id, lot->id, drawn }));
        }
    }
    return ERR_OK;
}

/* A refund, an expiry, or a correction: of one lot, out of it or back into it. */
static void report_move(struct report_run *run, const struct report_step *step)
{
    bool taken = step->debit == LEDGER_CUSTOMER_CREDIT;
    enum report_flow flow = report_flow_of(taken ? step->credit : step->debit);
    bool adds = taken != (flow == REPORT_BOUGHT); /* to the flow */
    for (size_t i = 0; i < run->count; i++) {
        struct report_lot *lot = &run->lots[i];
        if (lot->id == step->ref) {
            lot->left += taken ? -step->amount : step->amount;
            report_flow(run, step, lot->kind, flow, adds ? step->amount : -step->amount);
        }
    }
}

/* ---- the history ------------------------------------------------------------------------- */

static enum err report_end_currency(struct report_run *run)
{
    if (run->sum.currency[0] == '\0' || run->told == NULL) {
        return ERR_OK;
    }
    return run->told(run->context, &run->sum);
}

static enum err report_turn(struct report_run *run, struct str currency, int64_t client)
{
    if (!str_eq(str_from(run->sum.currency), currency)) {
        TRY(report_end_currency(run));
        run->sum = (struct ledger_report){ .currency = "" };
        ASSERT(currency.len == 3);
        memcpy(run->sum.currency, currency.ptr, 3);
        run->client = -1;
    }
    if (client != run->client) {
        run->client = client;
        run->count = 0;
    }
    return ERR_OK;
}

static enum err report_on_step(void *context, const struct store_value *row, size_t columns)
{
    struct report_run *run = context;
    ASSERT(columns == 12);
    TRY(report_turn(run, row[0].bytes, row[1].number));
    const struct report_step step = {
        .id = row[11].number,
        .code = (enum ledger_code)row[2].number,
        .amount = row[3].number,
        .ref = row[4].number,
        .debit = (enum ledger_class)row[5].number,
        .credit = (enum ledger_class)row[6].number,
        .at_ns = row[7].number,
    };
    bool within = step.at_ns >= run->from_ns && step.at_ns < run->until_ns;
    if (step.code == ENTRY_PURCHASE) {
        enum ledger_lot_kind kind = (enum ledger_lot_kind)row[8].number;
        struct report_lot lot = { step.ref, row[9].number, row[10].number, step.amount, kind };
        report_flow(run, &step, kind, REPORT_BOUGHT, step.amount);
        return report_buy(run, &lot);
    }
    if (step.code == ENTRY_OVERRUN) {
        run->sum.overrun += within ? step.amount : 0;
    } else if (step.code == ENTRY_SETTLEMENT) {
        TRY(report_draw(run, &step));
    } else {
        run->sum.corrections += within && step.code == ENTRY_CORRECTION;
        report_move(run, &step);
    }
    return ERR_OK;
}

enum err ledger_report(struct store_txn *txn, int64_t from_ns, int64_t until_ns,
                       ledger_report_fn *told, void *context, struct fail *fail)
{
    ASSERT(from_ns < until_ns);
    struct report_run run = {
        .from_ns = from_ns, .until_ns = until_ns, .client = -1, .told = told, .context = context
    };
    enum err err = store_query(txn, &sql_steps, NULL, 0, report_on_step, &run, fail);
    err = err == ERR_OK ? report_end_currency(&run) : err;
    mem_free(run.lots);
    return err;
}

/* ---- one call ---------------------------------------------------------------------------- */

static enum err report_on_call(void *context, const struct store_value *row, size_t columns)
{
    struct report_run *run = context;
    ASSERT(columns == 2);
    run->client = row[0].number;
    run->trace = row[1].number;
    return ERR_OK;
}

enum err ledger_trace(struct store_txn *txn, struct id call, ledger_draw_fn *told, void *context,
                      struct fail *fail)
{
    struct report_run run = { .drawn = told, .context = context };
    const struct store_value id = STORE_B(id_str(&call));
    TRY(store_query(txn, &sql_call, &id, 1, report_on_call, &run, fail));
    if (run.trace == 0) {
        return ERR_OK;
    }
    const struct store_value values[] = { STORE_I(run.client), STORE_I(run.trace) };
    enum err err = store_query(txn, &sql_steps_before, values, EP_ARRAY_LEN(values), report_on_step,
                               &run, fail);
    mem_free(run.lots);
    return err;
}
