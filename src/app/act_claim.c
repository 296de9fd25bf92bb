/* The acts on claims against upstreams. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "gate/upstream_claim.h"
#include "ledger/attempt.h"
#include "wire/jsonw.h"

static const char *const claim_columns[] = { "claim",  "route",     "party",    "model",
                                             "kind",   "state",     "opened",   "last",
                                             "calls",  "counted",   "reported", "difference",
                                             "closed", "closed_by", "why" };
static const char *const call_columns[] = { "call",    "at",       "upstream_id", "declared",
                                            "counted", "reported", "difference" };

static const struct store_sql sql_claims = {
    "SELECT id, route, party, model, kind, state, opened_ns, last_ns, calls, counted, reported,"
    " closed_ns, closed_by, closed_why FROM upstream_claim"
    " WHERE (?1 = 0 OR id = ?1) AND (?2 = '' OR route = ?2) AND (?3 = '' OR state = ?3)"
    " ORDER BY id"
};
/* A route is tried once a call; an attempt's key is made of its hold's. */
static const struct store_sql sql_calls = {
    "SELECT c.call, c.at_ns, coalesce(nullif(c.upstream_id, ''), a.upstream_id, ''), c.declared,"
    " c.counted, c.reported FROM upstream_claim k JOIN upstream_claim_call c ON c.claim = k.id"
    " LEFT JOIN hold h ON h.call = c.call"
    " LEFT JOIN attempt a ON a.id BETWEEN h.id * 64 AND h.id * 64 + 63 AND a.route = k.route"
    " WHERE k.id = ?1 ORDER BY c.number"
};

_Static_assert(LEDGER_ATTEMPTS_MAX == 64, "as the statement above says");

struct claim_asking {
    int64_t claim; /* 0: all */
    struct str route;
    struct str state;
    struct sheet claims;
    struct sheet calls;
    size_t rows;
};

static void claim_put_text(struct sheet *sheet, struct str text)
{
    if (text.len == 0) {
        sheet_none(sheet);
    } else {
        sheet_str(sheet, text);
    }
}

static enum err claim_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct claim_asking *asking = context;
    struct sheet *sheet = &asking->claims;
    ASSERT(columns == 14);
    sheet_int(sheet, row[0].number);
    for (size_t i = 1; i <= 5; i++) {
        claim_put_text(sheet, row[i].bytes);
    }
    sheet_stamp(sheet, row[6].number);
    sheet_stamp(sheet, row[7].number);
    sheet_int(sheet, row[8].number);
    sheet_int(sheet, row[9].number);
    sheet_int(sheet, row[10].number);
    sheet_int(sheet, row[10].number - row[9].number);
    sheet_stamp(sheet, row[11].number);
    claim_put_text(sheet, row[12].bytes);
    claim_put_text(sheet, row[13].bytes);
    asking->rows++;
    return ERR_OK;
}

static enum err claim_on_call(void *context, const struct store_value *row, size_t columns)
{
    struct claim_asking *asking = context;
    struct sheet *sheet = &asking->calls;
    struct id call;
    ASSERT(columns == EP_ARRAY_LEN(call_columns) - 1);
    ASSERT(row[0].bytes.len == ID_BYTES);
    memcpy(call.bytes, row[0].bytes.ptr, ID_BYTES);
    sheet_id(sheet, CALL_PREFIX, call);
    sheet_stamp(sheet, row[1].number);
    claim_put_text(sheet, row[2].bytes);
    claim_put_text(sheet, row[3].bytes);
    sheet_int(sheet, row[4].number);
    sheet_int(sheet, row[5].number);
    sheet_int(sheet, row[5].number - row[4].number);
    return ERR_OK;
}

static enum err claim_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct claim_asking *asking = context;
    const struct store_value values[] = { STORE_I(asking->claim), STORE_T(asking->route),
                                          STORE_T(asking->state) };
    TRY(store_query(txn, &sql_claims, values, EP_ARRAY_LEN(values), claim_on_row, asking, fail));
    return asking->claim == 0
               ? ERR_OK
               : store_query(txn, &sql_calls, values, 1, claim_on_call, asking, fail);
}

static void claim_begin(struct claim_asking *asking)
{
    sheet_init(&asking->claims, claim_columns, EP_ARRAY_LEN(claim_columns));
    sheet_init(&asking->calls, call_columns, EP_ARRAY_LEN(call_columns));
}

static void claim_end(struct claim_asking *asking)
{
    sheet_fini(&asking->claims);
    sheet_fini(&asking->calls);
}

enum err act_claim_list(struct acting *acting)
{
    struct claim_asking asking = { .route = args_value(acting->args, "route"),
                                   .state = args_value(acting->args, "state") };
    bool known = asking.state.len == 0;
    for (int i = CLAIM_OPEN; i <= CLAIM_WITHDRAWN; i++) {
        known |= str_eq(asking.state, str_from(claim_state_name((enum claim_state)i)));
    }
    if (!known) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "a claim is open, settled or withdrawn, not \"" STR_FMT "\"",
                    STR_ARG(asking.state));
    }
    claim_begin(&asking);
    enum err err = store_read(acting->world->store, claim_read, &asking, &acting->fail);
    if (err == ERR_OK && asking.rows == 0 && !acting->json) {
        err = buf_append(acting->out, STR("no claims\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&asking.claims, acting->json, acting->out);
    }
    claim_end(&asking);
    return err;
}

static enum err claim_number(struct acting *acting, int64_t *ret_claim)
{
    struct str text = args_word(acting->args, 2);
    if (text.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the claim's number is missing");
    }
    if (!str_to_i64(text, ret_claim) || *ret_claim <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no number of a claim",
                    STR_ARG(text));
    }
    return ERR_OK;
}

/* {"claim":{...},"calls":[...]} */
static enum err claim_print_json(const struct claim_asking *asking, struct buf *out)
{
    struct jsonw json;
    struct buf part;
    const struct sheet *sheets[] = { &asking->claims, &asking->calls };
    static const char *const names[] = { "claim", "calls" };
    enum err err = ERR_OK;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    buf_init(&part, ACTS_OUT_MAX);
    for (size_t i = 0; i < EP_ARRAY_LEN(sheets) && err == ERR_OK; i++) {
        buf_reset(&part);
        err =
            i == 0 ? sheet_print_one(sheets[i], true, &part) : sheet_print(sheets[i], true, &part);
        if (err == ERR_OK) {
            jsonw_key(&json, names[i]);
            jsonw_raw(&json, str_slice(buf_str(&part), 0, part.len - 1)); /* no line end */
        }
    }
    buf_fini(&part);
    jsonw_close(&json, '}');
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

static enum err claim_print(const struct claim_asking *asking, struct buf *out)
{
    TRY(sheet_print_one(&asking->claims, false, out));
    TRY(buf_byte(out, '\n'));
    return sheet_print(&asking->calls, false, out);
}

enum err act_claim_show(struct acting *acting)
{
    struct claim_asking asking = { .claim = 0 };
    TRY(claim_number(acting, &asking.claim));
    claim_begin(&asking);
    enum err err = store_read(acting->world->store, claim_read, &asking, &acting->fail);
    if (err == ERR_OK && asking.rows == 0) {
        acting->remedy = "see \"entrepot claim list\"";
        err = FAIL(&acting->fail, ERR_NOT_FOUND, "there is no claim %lld", (long long)asking.claim);
    } else if (err == ERR_OK) {
        err = acting->json ? claim_print_json(&asking, acting->out)
                           : claim_print(&asking, acting->out);
    }
    claim_end(&asking);
    return err;
}

/* ---- claim close -------------------------------------------------------------------------- */

struct claim_job {
    struct store_job job;
    struct claim_closing closing;
};

static enum err claim_close(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return upstream_claim_close(txn, &EP_CONTAINER(job, struct claim_job, job)->closing, fail);
}

enum err act_claim_close(struct acting *acting)
{
    struct claim_job job = { .job = { .run = claim_close } };
    struct claim_closing *closing = &job.closing;
    struct str as = args_value(acting->args, "as");
    bool withdrawn = str_eq(as, STR("withdrawn"));
    TRY(claim_number(acting, &closing->claim));
    TRY(acting_signed(acting, &closing->by, &closing->why));
    if (as.len > 0 && !withdrawn && !str_eq(as, STR("settled"))) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "a claim is closed as settled or as withdrawn, not as \"" STR_FMT "\"",
                    STR_ARG(as));
    }
    closing->state = withdrawn ? CLAIM_WITHDRAWN : CLAIM_SETTLED;
    closing->now_ns = stamp_system_ns();
    enum err err = store_run(acting->world->store, &job.job, &acting->fail);
    if (err != ERR_OK) {
        acting->remedy = err == ERR_NOT_FOUND ? "see \"entrepot claim list\"" : NULL;
        return err;
    }
    struct claim_asking asking = { .claim = closing->claim };
    claim_begin(&asking);
    err = store_read(acting->world->store, claim_read, &asking, &acting->fail);
    err = err == ERR_OK ? sheet_print_one(&asking.claims, acting->json, acting->out) : err;
    claim_end(&asking);
    return err;
}
