/* What the check of upstreams has found: where reports differ from what was counted. */
#include <string.h>

#include "app/acts_internal.h"
#include "gate/usage_check.h"

static const char *const finding_columns[] = { "finding", "route", "model",  "side",  "kind",
                                               "calls",   "slope", "offset", "found", "cleared" };
static const char *const call_columns[] = { "call", "counted", "reported", "difference" };

static const struct store_sql sql_findings = {
    "SELECT id, route, model, side, code, calls, slope_ppm, offset_milli, found_ns, cleared_ns"
    " FROM finding WHERE ?1 = '' OR route = ?1 ORDER BY id"
};
static const struct store_sql sql_calls = {
    "SELECT call, counted, reported FROM finding_call WHERE finding = ?1 ORDER BY number"
};

struct usage_asking {
    struct acting *acting;
    struct sheet sheet;
    int64_t finding; /* 0: all of them */
    struct str route;
    size_t rows;
    size_t standing;
};

/* A number in millionths or thousandths with its sign: "+0.030000". */
static void usage_put_fraction(struct sheet *sheet, int64_t value, int64_t one, int digits)
{
    char text[48];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    int64_t size = value < 0 ? -value : value;
    EP_IGNORE(buf_printf(&out, "%c%lld.%0*lld", value < 0 ? '-' : '+', (long long)(size / one),
                         digits, (long long)(size % one))); /* fits */
    sheet_str(sheet, buf_str(&out));
}

static enum err usage_on_finding(void *context, const struct store_value *row, size_t columns)
{
    struct usage_asking *asking = context;
    struct sheet *sheet = &asking->sheet;
    ASSERT(columns == EP_ARRAY_LEN(finding_columns));
    sheet_int(sheet, row[0].number);
    sheet_str(sheet, row[1].bytes);
    sheet_str(sheet, row[2].bytes);
    sheet_str(sheet, row[3].number == USAGE_CHECK_INPUT ? STR("input") : STR("output"));
    sheet_str(sheet, row[4].bytes);
    sheet_int(sheet, row[5].number);
    usage_put_fraction(sheet, row[6].number, 1000000, 6);
    usage_put_fraction(sheet, row[7].number, 1000, 3);
    sheet_stamp(sheet, row[8].number);
    sheet_stamp(sheet, row[9].number);
    asking->standing += row[9].number == 0;
    asking->rows++;
    return ERR_OK;
}

static enum err usage_on_call(void *context, const struct store_value *row, size_t columns)
{
    struct usage_asking *asking = context;
    struct id call;
    ASSERT(columns == 3);
    ASSERT(row[0].bytes.len == ID_BYTES);
    memcpy(call.bytes, row[0].bytes.ptr, ID_BYTES);
    sheet_id(&asking->sheet, CALL_PREFIX, call);
    sheet_int(&asking->sheet, row[1].number);
    sheet_int(&asking->sheet, row[2].number);
    sheet_int(&asking->sheet, row[2].number - row[1].number);
    asking->rows++;
    return ERR_OK;
}

static enum err usage_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct usage_asking *asking = context;
    if (asking->finding > 0) {
        const struct store_value finding = STORE_I(asking->finding);
        return store_query(txn, &sql_calls, &finding, 1, usage_on_call, asking, fail);
    }
    const struct store_value route = STORE_T(asking->route);
    return store_query(txn, &sql_findings, &route, 1, usage_on_finding, asking, fail);
}

static enum err usage_finding(struct acting *acting, int64_t *ret_finding)
{
    struct str text = args_value(acting->args, "finding");
    if (text.len > 0 && (!str_to_i64(text, ret_finding) || *ret_finding <= 0)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no number of a finding",
                    STR_ARG(text));
    }
    return ERR_OK;
}

/* Findings that stand are a check that failed. */
enum err act_usage_check(struct acting *acting)
{
    struct usage_asking asking = { .acting = acting, .route = args_value(acting->args, "route") };
    TRY(usage_finding(acting, &asking.finding));
    if (asking.route.len > 0 && registry_route(acting->registry, asking.route) == NULL) {
        acting->remedy = "see \"entrepot registry show\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the registry has no route \"" STR_FMT "\"",
                    STR_ARG(asking.route));
    }
    if (asking.finding > 0) {
        sheet_init(&asking.sheet, call_columns, EP_ARRAY_LEN(call_columns));
    } else {
        sheet_init(&asking.sheet, finding_columns, EP_ARRAY_LEN(finding_columns));
    }
    enum err err = store_read(acting->world->store, usage_read, &asking, &acting->fail);
    if (err == ERR_OK && asking.rows == 0 && asking.finding > 0) {
        acting->remedy = "see \"entrepot usage check\"";
        err = FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such finding");
    }
    if (err == ERR_OK && asking.rows == 0 && !acting->json) {
        err = buf_append(acting->out, STR("no findings\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&asking.sheet, acting->json, acting->out);
    }
    sheet_fini(&asking.sheet);
    if (err == ERR_OK && asking.standing > 0) {
        acting->remedy = "see the calls with --finding NUMBER; until it clears, the route's calls "
                         "are billed by our own count";
        return FAIL(&acting->fail, ERR_AUDIT_FAILED, "%zu findings stand", asking.standing);
    }
    return err;
}
