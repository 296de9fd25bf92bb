/* The acts that show the books as an accountant reads them: entries, periods, breakage. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "ledger/report.h"

/* ---- entries ----------------------------------------------------------------------------- */

static const char *const entry_columns[] = { "entry",   "txn",    "what",     "debit",
                                             "credit",  "amount", "currency", "at",
                                             "account", "lot",    "call",     "why" };

static const struct store_sql sql_entries = {
    "SELECT e.id, e.txn, e.code, e.debit_class, e.credit_class, e.amount, d.currency,"
    " coalesce(l.created_ns, s.settled_ns, c.at_ns, 0), a.uid,"
    " CASE WHEN e.code IN (2, 3) THEN 0 ELSE e.ref END, h.call,"
    " CASE WHEN c.corrects IS NULL THEN coalesce(c.reason, '')"
    " ELSE 'corrects ' || c.corrects || ': ' || c.reason END"
    " FROM entry e JOIN account d ON d.id = e.debit"
    " LEFT JOIN lot l ON e.code = 1 AND l.id = e.ref"
    " LEFT JOIN settlement s ON e.code IN (2, 3) AND s.hold = e.ref"
    " LEFT JOIN hold h ON e.code IN (2, 3) AND h.id = e.ref"
    " LEFT JOIN cause c ON c.entry = e.id"
    " LEFT JOIN account a ON a.id = CASE WHEN e.debit_class = 1 THEN e.debit"
    " WHEN e.credit_class = 1 THEN e.credit ELSE h.account END"
    " WHERE (?1 IS NULL OR a.uid = ?1) AND (?2 = 0 OR (e.code NOT IN (2, 3) AND e.ref = ?2))"
    " AND (?3 IS NULL OR h.call = ?3) ORDER BY e.id"
};

static struct str books_class(int64_t class)
{
    static const struct str names[LEDGER_CLASS_END] = {
        [LEDGER_CUSTOMER_CREDIT] = STR_INIT("customer_credit"),
        [LEDGER_CASH_CLEARING] = STR_INIT("cash_clearing"),
        [LEDGER_PROMO] = STR_INIT("promo"),
        [LEDGER_PLATFORM_REVENUE] = STR_INIT("platform_revenue"),
        [LEDGER_OVERRUN_LOSS] = STR_INIT("overrun_loss"),
        [LEDGER_REFUND] = STR_INIT("refund"),
        [LEDGER_BREAKAGE] = STR_INIT("breakage"),
    };
    ASSERT(class > 0 && class < LEDGER_CLASS_END);
    return names[class];
}

static struct str books_code(int64_t code)
{
    static const struct str names[] = { STR_INIT(""),           STR_INIT("purchase"),
                                        STR_INIT("settlement"), STR_INIT("overrun"),
                                        STR_INIT("refund"),     STR_INIT("expiry"),
                                        STR_INIT("correction") };
    ASSERT(code > 0 && (size_t)code < EP_ARRAY_LEN(names));
    return names[code];
}

static void books_id(struct sheet *sheet, const char *prefix, const struct store_value *value)
{
    struct id id;
    if (value->kind != STORE_BLOB || value->bytes.len != ID_BYTES) {
        sheet_none(sheet);
        return;
    }
    memcpy(id.bytes, value->bytes.ptr, ID_BYTES);
    sheet_id(sheet, prefix, id);
}

static enum err books_on_entry(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *sheet = context;
    ASSERT(columns == EP_ARRAY_LEN(entry_columns));
    sheet_int(sheet, row[0].number);
    sheet_int(sheet, row[1].number);
    sheet_str(sheet, books_code(row[2].number));
    sheet_str(sheet, books_class(row[3].number));
    sheet_str(sheet, books_class(row[4].number));
    sheet_money(sheet, row[5].number);
    sheet_str(sheet, row[6].bytes);
    sheet_stamp(sheet, row[7].number);
    books_id(sheet, ACCOUNT_PREFIX, &row[8]);
    if (row[9].number > 0) {
        sheet_int(sheet, row[9].number);
    } else {
        sheet_none(sheet);
    }
    books_id(sheet, CALL_PREFIX, &row[10]);
    sheet_str(sheet, row[11].bytes);
    return ERR_OK;
}

struct books_entries {
    struct store_value values[3]; /* account, lot, call; NULL and 0: all */
    struct sheet *sheet;
};

static enum err books_read_entries(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_entries *entries = context;
    return store_query(txn, &sql_entries, entries->values, EP_ARRAY_LEN(entries->values),
                       books_on_entry, entries->sheet, fail);
}

enum err act_credit_entries(struct acting *acting)
{
    const struct args *args = acting->args;
    const struct client *client = NULL;
    struct id call;
    int64_t lot = 0;
    struct sheet sheet;
    struct books_entries entries = { { STORE_NULL_VALUE, STORE_I(0), STORE_NULL_VALUE }, &sheet };
    if (args_has(args, "client")) {
        TRY(acting_client(acting, &client));
        entries.values[0] = STORE_B(id_str(&client->account));
    }
    if (args_has(args, "lot")) {
        TRY(acting_number(acting, "lot", &lot));
        entries.values[1] = STORE_I(lot);
    }
    if (args_has(args, "call")) {
        TRY(acting_id(acting, "call", CALL_PREFIX, &call));
        entries.values[2] = STORE_B(id_str(&call));
    }
    sheet_init(&sheet, entry_columns, EP_ARRAY_LEN(entry_columns));
    enum err err = store_read(acting->world->store, books_read_entries, &entries, &acting->fail);
    err = err == ERR_OK ? sheet_print(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

/* ---- one call ---------------------------------------------------------------------------- */

static const char *const trace_columns[] = { "entry",  "lot",        "drawn",    "kind",
                                             "plan",   "price_list", "terms",    "payer",
                                             "method", "payment",    "bought_at" };

static const struct store_sql sql_origin = {
    "SELECT l.kind, l.plan, coalesce(b.name || '/' || b.version, ''),"
    " CASE c.name WHEN '' THEN '' ELSE c.name || '/' || c.version END, o.payer, o.method,"
    " o.payment, l.created_ns FROM lot l JOIN purchase_order o ON o.id = l.id"
    " JOIN contract c ON c.id = o.contract LEFT JOIN price_book b ON b.id = o.book WHERE l.id = ?1"
};

struct books_trace {
    struct id call;
    struct store_txn *txn;
    struct sheet *sheet;
    struct fail *fail;
};

static enum err books_on_origin(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *sheet = context;
    ASSERT(columns == 8);
    sheet_str(sheet, row[0].number == LOT_PAID ? STR("paid") : STR("promo"));
    for (size_t i = 1; i < 7; i++) {
        sheet_str(sheet, row[i].bytes);
    }
    sheet_stamp(sheet, row[7].number);
    return ERR_OK;
}

static enum err books_on_draw(void *context, const struct ledger_draw *draw)
{
    struct books_trace *trace = context;
    const struct store_value lot = STORE_I(draw->lot);
    sheet_int(trace->sheet, draw->entry);
    sheet_int(trace->sheet, draw->lot);
    sheet_money(trace->sheet, draw->amount);
    return store_query(trace->txn, &sql_origin, &lot, 1, books_on_origin, trace->sheet,
                       trace->fail);
}

static enum err books_read_trace(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_trace *trace = context;
    trace->txn = txn;
    trace->fail = fail;
    return ledger_trace(txn, trace->call, books_on_draw, trace, fail);
}

enum err act_credit_trace(struct acting *acting)
{
    struct sheet sheet;
    struct books_trace trace = { .sheet = &sheet };
    TRY(acting_id(acting, "call", CALL_PREFIX, &trace.call));
    sheet_init(&sheet, trace_columns, EP_ARRAY_LEN(trace_columns));
    enum err err = store_read(acting->world->store, books_read_trace, &trace, &acting->fail);
    err = err == ERR_OK ? sheet_print(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

/* ---- periods ----------------------------------------------------------------------------- */

struct books_period {
    int64_t from_ns;
    int64_t until_ns;
    struct sheet *sheet;
};

static enum err books_read_period(struct acting *acting, struct books_period *period)
{
    struct str text = args_value(acting->args, "period");
    if (!stamp_period(text, &period->from_ns, &period->until_ns)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no period such as 2026, 2026-11 or 2026-11-24",
                    STR_ARG(text));
    }
    return ERR_OK;
}

static enum err books_on_report(void *context, const struct ledger_report *report)
{
    static const char *const names[REPORT_FLOWS] = {
        "deferred at the beginning", "bought", "used: recognised", "refunded", "expired",
        "deferred at the end"
    };
    struct sheet *sheet = context;
    struct str currency = str_from(report->currency);
    for (size_t i = 0; i < REPORT_FLOWS; i++) {
        sheet_str(sheet, currency);
        sheet_str(sheet, str_from(names[i]));
        sheet_money(sheet, report->paid[i]);
        sheet_money(sheet, report->promo[i]);
        sheet_money(sheet, report->paid[i] + report->promo[i]);
    }
    const struct {
        const char *name;
        int64_t amount;
    } results[] = {
        { "result: revenue of paid credit", report->paid[REPORT_USED] },
        { "result: breakage of paid credit", report->paid[REPORT_EXPIRED] },
        { "result: promotion, revenue and expense", report->promo[REPORT_USED] },
        { "result: delivered above holds, lost", report->overrun },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(results); i++) {
        sheet_str(sheet, currency);
        sheet_str(sheet, str_from(results[i].name));
        sheet_none(sheet);
        sheet_none(sheet);
        sheet_money(sheet, results[i].amount);
    }
    return ERR_OK;
}

static enum err books_report(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_period *period = context;
    return ledger_report(txn, period->from_ns, period->until_ns, books_on_report, period->sheet,
                         fail);
}

static enum err books_print(struct acting *acting, struct books_period *period, store_read_fn *read)
{
    enum err err = store_read(acting->world->store, read, period, &acting->fail);
    return err == ERR_OK ? sheet_print(period->sheet, acting->json, acting->out) : err;
}

enum err act_credit_report(struct acting *acting)
{
    static const char *const columns[] = { "currency", "what", "paid", "promo", "total" };
    struct sheet sheet;
    struct books_period period = { .sheet = &sheet };
    struct str unused;
    TRY(acting_need(acting, "period", &unused));
    TRY(books_read_period(acting, &period));
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    enum err err = books_print(acting, &period, books_report);
    sheet_fini(&sheet);
    return err;
}

/* ---- breakage ---------------------------------------------------------------------------- */

static const char *const breakage_columns[] = { "lot",      "account", "kind",   "plan", "expired",
                                                "currency", "of",      "bought", "at" };

static const struct store_sql sql_breakage = {
    "SELECT l.id, a.uid, l.kind, l.plan, e.amount, a.currency, l.amount, l.created_ns, c.at_ns"
    " FROM entry e JOIN lot l ON l.id = e.ref JOIN account a ON a.id = l.account"
    " JOIN cause c ON c.entry = e.id WHERE e.code = 5 AND c.at_ns >= ?1 AND c.at_ns < ?2"
    " ORDER BY e.id"
};

static enum err books_on_breakage(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *sheet = context;
    ASSERT(columns == EP_ARRAY_LEN(breakage_columns));
    sheet_int(sheet, row[0].number);
    books_id(sheet, ACCOUNT_PREFIX, &row[1]);
    sheet_str(sheet, row[2].number == LOT_PAID ? STR("paid") : STR("promo"));
    sheet_str(sheet, row[3].bytes);
    sheet_money(sheet, row[4].number);
    sheet_str(sheet, row[5].bytes);
    sheet_money(sheet, row[6].number);
    sheet_stamp(sheet, row[7].number);
    sheet_stamp(sheet, row[8].number);
    return ERR_OK;
}

static enum err books_breakage(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_period *period = context;
    const struct store_value values[] = { STORE_I(period->from_ns), STORE_I(period->until_ns) };
    return store_query(txn, &sql_breakage, values, EP_ARRAY_LEN(values), books_on_breakage,
                       period->sheet, fail);
}

enum err act_credit_breakage(struct acting *acting)
{
    struct sheet sheet;
    struct books_period period = { .from_ns = 0, .until_ns = INT64_MAX, .sheet = &sheet };
    if (args_has(acting->args, "period")) {
        TRY(books_read_period(acting, &period));
    }
    sheet_init(&sheet, breakage_columns, EP_ARRAY_LEN(breakage_columns));
    enum err err = books_print(acting, &period, books_breakage);
    sheet_fini(&sheet);
    return err;
}
