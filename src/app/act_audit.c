/* The audit: the books, the log, and that both tell the same of every call. */
#include "app/acts_internal.h"
#include "ledger/audit.h"
#include "wire/json.h"
#include "wire/jsonw.h"

static const struct store_sql sql_receipts_a_hold = {
    "SELECT count(*) FROM settlement s JOIN hold h ON h.id = s.hold"
    " LEFT JOIN (SELECT call, count(*) AS n FROM receipt GROUP BY call) r ON r.call = h.call"
    " WHERE coalesce(r.n, 0) <> 1"
};
static const struct store_sql sql_receipts_open = {
    "SELECT count(*) FROM receipt r JOIN hold h ON h.call = r.call"
    " LEFT JOIN settlement s ON s.hold = h.id WHERE s.hold IS NULL"
};
/* A call that was refused has a receipt and no hold: its amount is nothing. */
static const struct store_sql sql_amounts = {
    "SELECT r.client, coalesce(s.posted, 0) FROM receipt r LEFT JOIN hold h ON h.call = r.call"
    " LEFT JOIN settlement s ON s.hold = h.id"
};

static const char *const audit_columns[] = { "violated", "count", "meaning" };

struct auditing {
    struct sheet violated; /* static texts */
    size_t checked;
    size_t count; /* of what is violated */
    int64_t leaves;
    int64_t receipts;
    int64_t amounts_wrong;
};

static void audit_on_violated(void *context, const char *name, const char *meaning, int64_t count)
{
    struct auditing *auditing = context;
    sheet_str(&auditing->violated, str_from(name));
    sheet_int(&auditing->violated, count);
    sheet_str(&auditing->violated, str_from(meaning));
    auditing->count++;
}

static void audit_note(struct auditing *auditing, const char *name, const char *meaning,
                       int64_t count)
{
    auditing->checked++;
    if (count > 0) {
        audit_on_violated(auditing, name, meaning, count);
    }
}

static enum err audit_on_count(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err audit_on_amount(void *context, const struct store_value *row, size_t columns)
{
    struct auditing *auditing = context;
    struct json_fault fault;
    char text[32];
    struct buf posted = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(columns == 2);
    TRY(buf_i64(&posted, row[1].number));
    bool same = json_check(row[0].bytes, &fault) == ERR_OK &&
                json_string_is(json_get(row[0].bytes, STR("amount")), buf_str(&posted));
    auditing->receipts++;
    auditing->amounts_wrong += !same;
    return ERR_OK;
}

static enum err audit_calls(struct auditing *auditing, struct store_txn *txn, struct fail *fail)
{
    int64_t count = 0;
    TRY(store_query(txn, &sql_receipts_a_hold, NULL, 0, audit_on_count, &count, fail));
    audit_note(auditing, "receipt-of-settlement", "Each hold that has ended has one receipt.",
               count);
    TRY(store_query(txn, &sql_receipts_open, NULL, 0, audit_on_count, &count, fail));
    audit_note(auditing, "receipt-ends-hold", "No call has a receipt while its hold is open.",
               count);
    TRY(store_query(txn, &sql_amounts, NULL, 0, audit_on_amount, auditing, fail));
    audit_note(auditing, "receipt-amount", "A receipt's amount is what was posted, else nothing.",
               auditing->amounts_wrong);
    return ERR_OK;
}

static enum err audit_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct auditing *auditing = context;
    size_t violated = 0;
    int64_t bad = 0;
    TRY(ledger_audit(txn, audit_on_violated, auditing, &auditing->checked, &violated, fail));
    TRY(tlog_audit(txn, &auditing->leaves, &bad, fail));
    audit_note(auditing, "log-leaves",
               "Each leaf has its place and its hash, and each receipt"
               " section the digest that its leaf commits to.",
               bad);
    return audit_calls(auditing, txn, fail);
}

static enum err audit_print_json(struct acting *acting, const struct auditing *auditing)
{
    struct jsonw json;
    struct buf rows;
    buf_init(&rows, ACTS_OUT_MAX);
    jsonw_init(&json, acting->out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "ok");
    jsonw_bool(&json, auditing->count == 0);
    jsonw_put_int(&json, "checked", (int64_t)auditing->checked);
    jsonw_put_int(&json, "leaves", auditing->leaves);
    jsonw_put_int(&json, "receipts", auditing->receipts);
    enum err err = sheet_print(&auditing->violated, true, &rows);
    if (err == ERR_OK) {
        jsonw_key(&json, "violated");
        jsonw_raw(&json, str_slice(buf_str(&rows), 0, rows.len - 1));
    }
    buf_fini(&rows);
    jsonw_close(&json, '}');
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_byte(acting->out, '\n');
}

static enum err audit_print(struct acting *acting, const struct auditing *auditing)
{
    if (acting->json) {
        return audit_print_json(acting, auditing);
    }
    if (auditing->count > 0) {
        return sheet_print(&auditing->violated, false, acting->out);
    }
    return buf_printf(
        acting->out, "audit: %zu invariants hold over %lld receipts and %lld log leaves\n",
        auditing->checked, (long long)auditing->receipts, (long long)auditing->leaves);
}

enum err act_audit(struct acting *acting)
{
    struct auditing auditing = { 0 };
    sheet_init(&auditing.violated, audit_columns, EP_ARRAY_LEN(audit_columns));
    enum err err = store_read(acting->world->store, audit_read, &auditing, &acting->fail);
    err = err == ERR_OK ? audit_print(acting, &auditing) : err;
    sheet_fini(&auditing.violated);
    TRY(err);
    if (auditing.count > 0) {
        acting->remedy = "stop selling, keep the store's files, and find out what wrote to them";
        return FAIL(&acting->fail, ERR_AUDIT_FAILED, "%zu of %zu invariants are violated",
                    auditing.count, auditing.checked);
    }
    return ERR_OK;
}
