/* The audit: the books, the log, and that both tell the same of every call. */
#include <unistd.h>

#include "app/acts_internal.h"
#include "app/audit_shown.h"
#include "app/erasure_row.h"
#include "app/progress.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* Rows looked at, what they say, how many break the rule, the first that does. */
static const struct store_sql sql_receipts_a_hold = {
    "SELECT count(*), sum(s.posted), count(CASE WHEN coalesce(r.n, 0) <> 1 THEN 1 END),"
    " min(CASE WHEN coalesce(r.n, 0) <> 1 THEN s.hold END)"
    " FROM settlement s JOIN hold h ON h.id = s.hold"
    " LEFT JOIN (SELECT call, count(*) AS n FROM receipt GROUP BY call) r ON r.call = h.call"
};
static const struct store_sql sql_receipts_open = {
    "SELECT count(*), sum(h.amount), count(CASE WHEN s.hold IS NULL THEN 1 END),"
    " min(CASE WHEN s.hold IS NULL THEN r.leaf END) FROM receipt r JOIN hold h ON h.call = r.call"
    " LEFT JOIN settlement s ON s.hold = h.id"
};
/* A call that was refused has a receipt and no hold: its amount is nothing. */
static const struct store_sql sql_amounts = {
    "SELECT r.leaf, r.client, coalesce(s.posted, 0) FROM receipt r"
    " LEFT JOIN hold h ON h.call = r.call LEFT JOIN settlement s ON s.hold = h.id"
};

static enum err audit_on_amount(void *context, const struct store_value *row, size_t columns)
{
    struct audit_line *line = context;
    struct json_fault fault;
    char text[32];
    struct buf posted = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(columns == 3);
    TRY(buf_i64(&posted, row[2].number));
    /* Of a section that was erased the amount is not known any more. */
    bool same = row[1].bytes.len == 0 ||
                (json_check(row[1].bytes, &fault) == ERR_OK &&
                 json_string_is(json_get(row[1].bytes, STR("amount")), buf_str(&posted)));
    if (!same && (line->wrong == 0 || row[0].number < line->first)) {
        line->first = row[0].number;
    }
    line->rows++;
    line->sum += row[2].number;
    line->wrong += !same;
    return ERR_OK;
}

static enum err audit_calls(struct store_txn *txn, audit_line_fn *told, void *context,
                            struct fail *fail)
{
    struct audit_line ended = { "receipt-of-settlement",
                                "Each hold that has ended has one receipt.", "hold", .rows = 0 };
    struct audit_line open = { "receipt-ends-hold", "No call has a receipt while its hold is open.",
                               "leaf", .rows = 0 };
    struct audit_line amounts = { "receipt-amount",
                                  "A receipt's amount is what was posted, else nothing.", "leaf",
                                  .has_sum = true };
    TRY(store_query(txn, &sql_receipts_a_hold, NULL, 0, audit_take_figures, &ended, fail));
    told(context, &ended);
    TRY(store_query(txn, &sql_receipts_open, NULL, 0, audit_take_figures, &open, fail));
    told(context, &open);
    TRY(store_query(txn, &sql_amounts, NULL, 0, audit_on_amount, &amounts, fail));
    told(context, &amounts);
    return ERR_OK;
}

static const struct audit_line audit_log_lines[TLOG_RULES] = {
    [TLOG_RULE_LEAVES] = { "log-leaves",
                           "Each leaf has its place, its hash and the kind that its entry says.",
                           "leaf", .rows = 0 },
    [TLOG_RULE_RECEIPTS] = { "log-receipts",
                             "Each receipt section has the digest that its leaf commits to, and"
                             " names its call.",
                             "leaf", .rows = 0 },
    [TLOG_RULE_NOTES] = { "log-notes",
                          "Each note's detail has the digest that its leaf commits to.", "leaf",
                          .rows = 0 },
    [TLOG_RULE_BLOCKS] = { "log-blocks",
                           "Each block of leaves is noted with its lowest and its highest call.",
                           "leaf", .rows = 0 },
    [TLOG_RULE_TILES] = { "log-tiles", "Each full tile's root is that of its leaves.", "leaf",
                          .rows = 0 },
    [TLOG_RULE_STATE] = { "log-state", "The log's noted size and root are those of its leaves.",
                          "size", .rows = 0 },
    [TLOG_RULE_PUBLISHED] = { "log-published",
                              "What was signed and shown is the root of the first so many leaves,"
                              " under the log's key.",
                              "size", .rows = 0 },
};

static enum err audit_log(struct store_txn *txn, const struct gate_log *log, audit_line_fn *told,
                          void *context, struct fail *fail)
{
    struct tlog_figures figures;
    TRY(tlog_audit(txn, log == NULL ? NULL : &log->key, &figures, fail));
    for (size_t i = 0; i < TLOG_RULES; i++) {
        struct audit_line line = audit_log_lines[i];
        line.rows = figures.rules[i].rows;
        line.wrong = figures.rules[i].wrong;
        line.first = figures.rules[i].first;
        told(context, &line);
    }
    return ERR_OK;
}

static enum err audit_erased(struct store_txn *txn, audit_line_fn *told, void *context,
                             struct fail *fail)
{
    struct audit_line line = { "erased-receipts",
                               "A receipt that lacks a section is older than its period, or of a"
                               " client that was erased.",
                               "leaf", .rows = 0 };
    TRY(store_query(txn, &erasure_audit_sql, NULL, 0, audit_take_figures, &line, fail));
    told(context, &line);
    return ERR_OK;
}

enum err audit_all(struct store_txn *txn, const struct gate_log *log, audit_line_fn *told,
                   void *context, struct fail *fail)
{
    TRY(ledger_audit(txn, told, context, fail));
    TRY(audit_log(txn, log, told, context, fail));
    TRY(audit_calls(txn, told, context, fail));
    TRY(audit_erased(txn, told, context, fail));
    return registry_versions_audit(txn, told, context, fail);
}

/* ---- the act ----------------------------------------------------------------------------- */

#define AUDIT_STEPS 53 /* about as many as there are invariants: for the progress alone */

static const char *const audit_columns[] = {
    "invariant", "rows", "sum", "wrong", "first", "meaning"
};

struct auditing {
    const struct gate_log *log;
    struct buf shown; /* the checkpoint in the log's folder */
    struct sheet lines;
    struct sheet violated;
    struct progress progress;
    int64_t checked;
    int64_t count; /* of what is violated */
    int64_t leaves;
    int64_t receipts;
};

static void audit_put(struct sheet *sheet, const struct audit_line *line)
{
    char text[48];
    struct buf first = { text, 0, sizeof(text), sizeof(text) };
    sheet_str(sheet, str_from(line->name));
    sheet_int(sheet, line->rows);
    if (line->has_sum) {
        sheet_money(sheet, line->sum);
    } else {
        sheet_none(sheet);
    }
    sheet_int(sheet, line->wrong);
    if (line->wrong > 0) {
        EP_IGNORE(buf_printf(&first, "%s %lld", line->row, (long long)line->first)); /* fits */
        sheet_str(sheet, buf_str(&first));
    } else {
        sheet_none(sheet);
    }
    sheet_str(sheet, str_from(line->meaning));
}

static void audit_on_line(void *context, const struct audit_line *line)
{
    struct auditing *auditing = context;
    audit_put(&auditing->lines, line);
    auditing->checked++;
    if (line->wrong > 0) {
        audit_put(&auditing->violated, line);
        auditing->count++;
    }
    if (str_eq(str_from(line->name), STR("log-leaves"))) {
        auditing->leaves = line->rows;
    } else if (str_eq(str_from(line->name), STR("receipt-amount"))) {
        auditing->receipts = line->rows;
    }
    progress_update(&auditing->progress, auditing->checked * 100, AUDIT_STEPS * 100);
}

static enum err audit_read(void *context, struct store_txn *txn, struct fail *fail)
{
    const struct auditing *auditing = context;
    struct audit_line line;
    TRY(audit_all(txn, auditing->log, audit_on_line, context, fail));
    TRY(audit_shown_check(txn, buf_str(&auditing->shown), &line, fail));
    audit_on_line(context, &line);
    return ERR_OK;
}

static enum err audit_put_rows(struct jsonw *json, const char *name, const struct sheet *sheet)
{
    struct buf rows;
    buf_init(&rows, ACTS_OUT_MAX);
    enum err err = sheet_print(sheet, true, &rows);
    if (err == ERR_OK) {
        jsonw_key(json, name);
        jsonw_raw(json, str_slice(buf_str(&rows), 0, rows.len - 1));
    }
    buf_fini(&rows);
    return err;
}

static enum err audit_print_json(struct acting *acting, const struct auditing *auditing)
{
    struct jsonw json;
    jsonw_init(&json, acting->out);
    jsonw_open(&json, '{');
    jsonw_key(&json, "ok");
    jsonw_bool(&json, auditing->count == 0);
    jsonw_put_int(&json, "checked", auditing->checked);
    jsonw_put_int(&json, "leaves", auditing->leaves);
    jsonw_put_int(&json, "receipts", auditing->receipts);
    TRY(audit_put_rows(&json, "invariants", &auditing->lines));
    TRY(audit_put_rows(&json, "violated", &auditing->violated));
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(acting->out, '\n');
}

static enum err audit_print(struct acting *acting, const struct auditing *auditing)
{
    if (acting->json) {
        return audit_print_json(acting, auditing);
    }
    TRY(sheet_print(&auditing->lines, false, acting->out));
    if (auditing->count > 0) {
        TRY(buf_append(acting->out, STR("\nviolated:\n")));
        return sheet_print(&auditing->violated, false, acting->out);
    }
    return buf_printf(
        acting->out, "audit: %lld invariants hold over %lld receipts and %lld log leaves\n",
        (long long)auditing->checked, (long long)auditing->receipts, (long long)auditing->leaves);
}

enum err act_audit(struct acting *acting)
{
    struct auditing auditing = { .log = world_log(acting->world) };
    sheet_init(&auditing.lines, audit_columns, EP_ARRAY_LEN(audit_columns));
    sheet_init(&auditing.violated, audit_columns, EP_ARRAY_LEN(audit_columns));
    progress_begin(&auditing.progress, "audit", STDERR_FILENO);
    buf_init(&auditing.shown, NOTE_BYTES_MAX);
    enum err err =
        audit_shown_read(acting->world->conf->log_folder.ptr, &auditing.shown, &acting->fail);
    err = err == ERR_OK ? store_read(acting->world->store, audit_read, &auditing, &acting->fail)
                        : err;
    progress_end(&auditing.progress);
    buf_fini(&auditing.shown);
    err = err == ERR_OK ? audit_print(acting, &auditing) : err;
    sheet_fini(&auditing.lines);
    sheet_fini(&auditing.violated);
    TRY(err);
    if (auditing.count > 0) {
        acting->remedy = "stop selling, keep the store's files, and find out what wrote to them";
        return FAIL(&acting->fail, ERR_AUDIT_FAILED, "%lld of %lld invariants are violated",
                    (long long)auditing.count, (long long)auditing.checked);
    }
    return ERR_OK;
}
