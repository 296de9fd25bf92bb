/* The review queue: what signals, or a person, have found against clients, and who decides. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/stamp.h"
#include "ident/review.h"
#include "wire/jsonw.h"

static const char *const case_columns[] = { "case",  "client", "key",     "kind", "state", "holds",
                                            "score", "opened", "decided", "by",   "why" };
static const char *const signal_columns[] = { "signal", "value", "limit", "points" };
static const char *const decision_columns[] = { "state", "by", "at", "why" };

static const struct store_sql sql_cases = {
    "SELECT c.id, c.client, c.key, c.kind, c.state, c.hold, c.score, c.opened_ns, c.decided_ns,"
    " d.person, d.why FROM review_case c LEFT JOIN review_decision d ON d.review = c.id"
    " AND d.number = (SELECT max(number) FROM review_decision WHERE review = c.id)"
    " WHERE (?1 = 0 AND (?2 = 1 OR c.state = 0)) OR c.id = ?1 ORDER BY c.id"
};
static const struct store_sql sql_signals = {
    "SELECT signal, value, bound, points FROM review_signal WHERE review = ?1 ORDER BY number"
};
static const struct store_sql sql_decisions = {
    "SELECT state, person, at_ns, why FROM review_decision WHERE review = ?1 ORDER BY number"
};

/* ---- reading ------------------------------------------------------------------------------- */

struct review_asking {
    int64_t number; /* 0: a list */
    bool all;
    size_t rows;
    struct sheet cases;
    struct sheet signals; /* of one case */
    struct sheet decisions;
};

static void review_put_id(struct sheet *sheet, const char *prefix, const struct store_value *value)
{
    struct id id;
    if (value->kind == STORE_NULL) {
        sheet_none(sheet);
        return;
    }
    ASSERT(value->bytes.len == ID_BYTES);
    memcpy(id.bytes, value->bytes.ptr, ID_BYTES);
    sheet_id(sheet, prefix, id);
}

static void review_put_text(struct sheet *sheet, const struct store_value *value)
{
    if (value->kind == STORE_NULL) {
        sheet_none(sheet);
    } else {
        sheet_str(sheet, value->bytes);
    }
}

static enum err review_on_case(void *context, const struct store_value *row, size_t columns)
{
    struct review_asking *asking = context;
    struct sheet *sheet = &asking->cases;
    ASSERT(columns == EP_ARRAY_LEN(case_columns));
    enum review_state state = (enum review_state)row[4].number;
    enum review_hold hold = state == REVIEW_OPEN      ? (enum review_hold)row[5].number
                            : state == REVIEW_REFUSED ? REVIEW_HOLD_TRAFFIC
                                                      : REVIEW_HOLD_NONE;
    sheet_int(sheet, row[0].number);
    review_put_id(sheet, IDENT_CLIENT_PREFIX, &row[1]);
    review_put_id(sheet, IDENT_KEY_PREFIX, &row[2]);
    sheet_str(sheet, str_from(review_kind_name((enum review_kind)row[3].number)));
    sheet_str(sheet, str_from(review_state_name(state)));
    sheet_str(sheet, str_from(review_hold_name(hold)));
    sheet_int(sheet, row[6].number);
    sheet_stamp(sheet, row[7].number);
    sheet_stamp(sheet, row[8].number);
    review_put_text(sheet, &row[9]);
    review_put_text(sheet, &row[10]);
    asking->rows++;
    return ERR_OK;
}

static enum err review_on_signal(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *sheet = &((struct review_asking *)context)->signals;
    ASSERT(columns == EP_ARRAY_LEN(signal_columns));
    sheet_str(sheet, row[0].bytes);
    sheet_int(sheet, row[1].number);
    if (row[2].number == 0) {
        sheet_none(sheet); /* a fact is compared with nothing */
    } else {
        sheet_int(sheet, row[2].number);
    }
    sheet_int(sheet, row[3].number);
    return ERR_OK;
}

static enum err review_on_decision(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *sheet = &((struct review_asking *)context)->decisions;
    ASSERT(columns == EP_ARRAY_LEN(decision_columns));
    sheet_str(sheet, str_from(review_state_name((enum review_state)row[0].number)));
    sheet_str(sheet, row[1].bytes);
    sheet_stamp(sheet, row[2].number);
    sheet_str(sheet, row[3].bytes);
    return ERR_OK;
}

static enum err review_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct review_asking *asking = context;
    const struct store_value values[] = { STORE_I(asking->number), STORE_I(asking->all) };
    TRY(store_query(txn, &sql_cases, values, EP_ARRAY_LEN(values), review_on_case, asking, fail));
    TRY(store_query(txn, &sql_signals, values, 1, review_on_signal, asking, fail));
    return store_query(txn, &sql_decisions, values, 1, review_on_decision, asking, fail);
}

static enum err review_ask(struct acting *acting, struct review_asking *asking)
{
    sheet_init(&asking->cases, case_columns, EP_ARRAY_LEN(case_columns));
    sheet_init(&asking->signals, signal_columns, EP_ARRAY_LEN(signal_columns));
    sheet_init(&asking->decisions, decision_columns, EP_ARRAY_LEN(decision_columns));
    return store_read(acting->world->store, review_read, asking, &acting->fail);
}

static void review_asked(struct review_asking *asking)
{
    sheet_fini(&asking->cases);
    sheet_fini(&asking->signals);
    sheet_fini(&asking->decisions);
}

/* ---- showing ------------------------------------------------------------------------------- */

enum err act_review_list(struct acting *acting)
{
    struct review_asking asking = { .all = args_has(acting->args, "all") };
    enum err err = review_ask(acting, &asking);
    if (err == ERR_OK && asking.rows == 0 && !acting->json) {
        err = buf_append(acting->out, STR("no cases\n"));
    } else if (err == ERR_OK) {
        err = sheet_print(&asking.cases, acting->json, acting->out);
    }
    review_asked(&asking);
    return err;
}

/* A part of the object, without its line end. */
static enum err review_put_part(struct jsonw *json, const char *name, const struct sheet *sheet,
                                bool one)
{
    struct buf part;
    buf_init(&part, ACTS_OUT_MAX);
    enum err err = one ? sheet_print_one(sheet, true, &part) : sheet_print(sheet, true, &part);
    if (err == ERR_OK) {
        jsonw_key(json, name);
        jsonw_raw(json, str_slice(buf_str(&part), 0, part.len - 1));
    }
    buf_fini(&part);
    return err;
}

static enum err review_print_json(struct acting *acting, const struct review_asking *asking)
{
    struct jsonw json;
    jsonw_init(&json, acting->out);
    jsonw_open(&json, '{');
    TRY(review_put_part(&json, "case", &asking->cases, true));
    TRY(review_put_part(&json, "signals", &asking->signals, false));
    TRY(review_put_part(&json, "decisions", &asking->decisions, false));
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(acting->out, '\n');
}

static enum err review_print(struct acting *acting, int64_t number)
{
    struct review_asking asking = { .number = number };
    enum err err = review_ask(acting, &asking);
    if (err == ERR_OK && asking.rows == 0) {
        acting->remedy = "see \"entrepot review list --all\"";
        err = FAIL(&acting->fail, ERR_NOT_FOUND, "there is no case %lld", (long long)number);
    } else if (err == ERR_OK && acting->json) {
        err = review_print_json(acting, &asking);
    } else if (err == ERR_OK) {
        err = sheet_print_one(&asking.cases, false, acting->out);
        err = err == ERR_OK ? buf_byte(acting->out, '\n') : err;
        err = err == ERR_OK ? sheet_print(&asking.signals, false, acting->out) : err;
        err = err == ERR_OK ? buf_byte(acting->out, '\n') : err;
        err = err == ERR_OK ? sheet_print(&asking.decisions, false, acting->out) : err;
    }
    review_asked(&asking);
    return err;
}

static enum err review_number(struct acting *acting, int64_t *ret_number)
{
    struct str text = args_word(acting->args, 2);
    if (text.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the number of the case is missing");
    }
    if (!str_to_i64(text, ret_number) || *ret_number <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no number of a case",
                    STR_ARG(text));
    }
    return ERR_OK;
}

enum err act_review_show(struct acting *acting)
{
    int64_t number = 0;
    TRY(review_number(acting, &number));
    return review_print(acting, number);
}

/* ---- deciding ------------------------------------------------------------------------------ */

static enum err review_do(struct acting *acting, enum review_state state)
{
    struct review_decision decision = { .state = state, .now_ns = stamp_system_ns() };
    TRY(review_number(acting, &decision.number));
    TRY(acting_need(acting, "by", &decision.person));
    TRY(acting_need(acting, "why", &decision.why));
    acting->remedy = "see \"entrepot review list --all\"";
    TRY(review_decide(acting->world->review, &decision, &acting->fail));
    return review_print(acting, decision.number);
}

enum err act_review_release(struct acting *acting)
{
    return review_do(acting, REVIEW_RELEASED);
}

enum err act_review_refuse(struct acting *acting)
{
    return review_do(acting, REVIEW_REFUSED);
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err review_read_kind(struct acting *acting, struct review_finding *finding)
{
    struct str kind = args_value(acting->args, "kind");
    struct str hold = args_value(acting->args, "hold");
    bool resale = str_eq(kind, STR("resale"));
    bool traffic = str_eq(hold, STR("traffic"));
    if (!resale && !str_eq(kind, STR("origin"))) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--kind\" is resale or origin");
    }
    if (hold.len > 0 && !traffic && !str_eq(hold, STR("purchases"))) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"--hold\" is purchases or traffic");
    }
    finding->kind = resale ? REVIEW_RESALE : REVIEW_ORIGIN;
    finding->hold = traffic ? REVIEW_HOLD_TRAFFIC : REVIEW_HOLD_PURCHASES;
    return ERR_OK;
}

/* What papers, a payment or a tip show, and no signal can. */
enum err act_review_open(struct acting *acting)
{
    const struct client *client = NULL;
    struct review_finding finding = { .now_ns = stamp_system_ns() };
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    TRY(acting_client_live(acting, &client));
    TRY(review_read_kind(acting, &finding));
    TRY(acting_need(acting, "by", &finding.person));
    TRY(acting_need(acting, "why", &finding.why));
    finding.client = client->id;
    TRY(review_find(acting->world->review, &finding, &outcome, &number, &acting->fail));
    if (outcome == REVIEW_KEPT) {
        acting->remedy = "see \"entrepot review show\"";
        return FAIL(&acting->fail, ERR_CONFLICT,
                    "the client has the case %lld, which holds as much", (long long)number);
    }
    return review_print(acting, number);
}

/* ---- what a case holds --------------------------------------------------------------------- */

enum err act_check_review(const struct world *world, const struct client *client,
                          enum review_hold least, struct fail *fail)
{
    enum review_kind kind = REVIEW_RESALE;
    if (review_hold(world->review, client->id, &kind) < least) {
        return ERR_OK;
    }
    return FAIL(fail, ERR_LAW_REVIEW, "%s: %s of this client are held", review_kind_code(kind),
                least == REVIEW_HOLD_PURCHASES ? "purchases" : "calls and new keys");
}
