/*
 * What a key is and may: its limits and budgets of this moment from memory, what it has used from
 * rows; with all members that OpenRouter's SDK will not do without.
 */
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "front/errand.h"
#include "front/errand_rows.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "ident/ident.h"
#include "ledger/usage_month.h"
#include "wire/jsonw.h"

#define KEY_HEAD_MAX  4096 /* a name, a label, twelve limits, three windows */
#define KEY_WEEK_DAYS 7
#define KEY_MONDAY    3 /* the first day, 1970-01-01, was a Thursday */

struct errand_key {
    struct errand_rows rows;
    struct id account;
    struct id key;
    int64_t month;      /* that is now */
    int64_t week_month; /* in which the week has begun */
    int64_t day_spent;  /* nano; below zero: the key has no budget that counts it */
    struct buf head;    /* the answer up to what is read from rows */
};

/* ---- on the worker's thread --------------------------------------------------------------- */

/* Years are kept by months: of a shorter time the sum of what it lies in bounds what was used. */
static void key_put_usage(struct jsonw *json, const struct errand_key *asked,
                          const struct usage_key *usage)
{
    static const char *const none[] = { "byok_usage", "byok_usage_daily", "byok_usage_weekly",
                                        "byok_usage_monthly" };
    errand_put_money(json, "usage", usage->all);
    errand_put_money(json, "usage_daily",
                     asked->day_spent >= 0 ? asked->day_spent : usage->since[0]);
    errand_put_money(json, "usage_weekly", usage->since[1]);
    errand_put_money(json, "usage_monthly", usage->since[0]);
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        jsonw_put_int(json, none[i], 0); /* no client brings keys of its own */
    }
}

static enum err key_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_key *asked = context; /* its first part is the errand_rows */
    struct usage_key usage;
    struct jsonw json;
    struct buf tail;
    const int64_t months[2] = { asked->month, asked->week_month };
    TRY(usage_month_of_key(txn, asked->account, asked->key, months, &usage, fail));
    buf_init(&tail, KEY_HEAD_MAX);
    jsonw_init(&json, &tail);
    jsonw_open(&json, '{');
    key_put_usage(&json, asked, &usage);
    jsonw_close(&json, '}');
    /* {"data":{ HEAD , TAIL } }: both are whole objects, of which the braces between them go. */
    const struct str parts[] = {
        STR("{\"data\":"), str_slice(buf_str(&asked->head), 0, asked->head.len - 1),
        STR(","),          str_from_at(buf_str(&tail), 1),
        STR("}"),
    };
    enum err err = jsonw_err(&json);
    err =
        err == ERR_OK ? buf_append_all(&asked->rows.work.answer, parts, EP_ARRAY_LEN(parts)) : err;
    buf_fini(&tail);
    return err;
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

static void key_fini(struct errand_work *work)
{
    buf_fini(
        &EP_CONTAINER(EP_CONTAINER(work, struct errand_rows, work), struct errand_key, rows)->head);
}

static void key_put_limit(struct jsonw *json, const char *key, int64_t nano)
{
    if (nano == BUDGET_NONE) {
        jsonw_key(json, key);
        jsonw_null(json);
    } else {
        errand_put_money(json, key, nano);
    }
}

/* What the key and its client may have together, whatever the model; null: no such limit. */
static void key_put_limits(struct jsonw *json, const int64_t max[LIMITS_KINDS])
{
    static const char *const names[LIMITS_RATES] = {
        [LIMITS_REQUESTS] = "requests_per_minute",
        [LIMITS_TOKENS] = "tokens_per_minute",
        [LIMITS_INPUT] = "input_tokens_per_minute",
        [LIMITS_OUTPUT] = "output_tokens_per_minute",
    };
    if (max[LIMITS_CALLS] != LIMITS_NONE) {
        jsonw_put_int(json, "calls_at_once_max", max[LIMITS_CALLS]);
    }
    jsonw_key(json, "limits");
    jsonw_open(json, '{');
    for (int i = 0; i < LIMITS_RATES; i++) {
        jsonw_key(json, names[i]);
        if (max[i] == LIMITS_NONE) {
            jsonw_null(json);
        } else {
            jsonw_int(json, max[i]);
        }
    }
    jsonw_close(json, '}');
}

/* Windows without a limit are left out; those of OpenRouter's shape are of the whole budget. */
static void key_put_budget(struct jsonw *json, const struct budget_view *view)
{
    int64_t total = view->max[BUDGET_TOTAL];
    int64_t left = total - view->spent[BUDGET_TOTAL] - view->held[BUDGET_TOTAL];
    key_put_limit(json, "limit", total);
    key_put_limit(json, "limit_remaining",
                  total == BUDGET_NONE ? BUDGET_NONE
                  : left > 0           ? left
                                       : 0);
    jsonw_key(json, "budgets");
    jsonw_open(json, '[');
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        if (view->max[i] == BUDGET_NONE) {
            continue;
        }
        left = view->max[i] - view->spent[i] - view->held[i];
        jsonw_open(json, '{');
        jsonw_put_str(json, "window", str_from(budget_window_name((enum budget_window)i)));
        errand_put_money(json, "limit", view->max[i]);
        errand_put_money(json, "spent", view->spent[i]);
        errand_put_money(json, "held", view->held[i]);
        errand_put_money(json, "left", left > 0 ? left : 0);
        char text[40];
        struct buf resets = { text, 0, sizeof(text), sizeof(text) };
        if (view->resets_ns[i] > 0) {
            EP_IGNORE(stamp_print(&resets, view->resets_ns[i])); /* fits */
            jsonw_put_str(json, "resets", buf_str(&resets));
        }
        jsonw_close(json, '}');
    }
    jsonw_close(json, ']');
}

static void key_put_null(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_null(json);
}

static void key_put_flag(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    jsonw_bool(json, false);
}

/* What OpenRouter's SDK insists on, and what it means here. */
static void key_put_openrouter(struct jsonw *json, int64_t requests)
{
    jsonw_key(json, "rate_limit");
    jsonw_open(json, '{');
    jsonw_put_str(json, "interval", STR("1m"));
    jsonw_put_int(json, "requests", requests == LIMITS_NONE ? -1 : requests);
    jsonw_put_str(json, "note", STR("-1: no limit. All limits stand in \"limits\"."));
    jsonw_close(json, '}');
    jsonw_key(json, "free_model_daily_requests"); /* nothing is free */
    jsonw_raw(json, STR("{\"limit\":0,\"remaining\":0,\"used\":0}"));
    jsonw_key(json, "allowed_data_regions"); /* what the law leaves is told of each call */
    jsonw_raw(json, STR("[\"global\"]"));
    key_put_flag(json, "include_byok_in_limit");
    key_put_flag(json, "is_free_tier");
    key_put_flag(json, "is_management_key");
    key_put_flag(json, "is_provisioning_key");
    key_put_null(json, "limit_reset"); /* "limit" is of the whole budget */
    key_put_null(json, "expires_at");
    key_put_null(json, "creator_user_id");
    key_put_null(json, "organization_id");
    key_put_null(json, "workspace_id");
}

static enum err key_write_head(struct front *front, const struct api_key *key,
                               const struct budget_view *view, struct buf *out)
{
    char id[ID_SHOWN_MAX];
    struct buf shown = { id, 0, sizeof(id), sizeof(id) };
    int64_t max[LIMITS_KINDS];
    struct jsonw json;
    EP_IGNORE(id_print(&shown, STR(IDENT_KEY_PREFIX), key->id)); /* fits */
    limits_tell(front->world.gate.limits, key->id, key->client->id,
                front->snapshot->options.client_limits, max);
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "id", buf_str(&shown));
    jsonw_put_str(&json, "label", api_key_hint(key));
    jsonw_put_str(&json, "name", key->name);
    jsonw_put_str(&json, "product", key->product);
    key_put_limits(&json, max);
    key_put_budget(&json, view);
    key_put_openrouter(&json, max[LIMITS_REQUESTS]);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static int64_t key_week_month(int64_t now_ns)
{
    int64_t day = stamp_day(now_ns);
    return stamp_month(stamp_of_day(day - (day + KEY_MONDAY) % KEY_WEEK_DAYS));
}

void errand_key(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    enum err err = auth_find(front->gate, x, &key);
    if (err != ERR_OK) {
        errand_refuse(x, err);
        return;
    }
    struct errand_key *asked = mem_zalloc(sizeof(*asked));
    if (asked == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    int64_t now_ns = loop_wall_ns(front->loop);
    struct budget *budget = ledger_budget(front->world.gate.ledger, key->id);
    struct budget_view view = { .max = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE } };
    if (budget != NULL) {
        budget_look(budget, now_ns, &view);
    }
    asked->account = key->client->account;
    asked->key = key->id;
    asked->month = stamp_month(now_ns);
    asked->week_month = key_week_month(now_ns);
    asked->day_spent = budget == NULL ? -1 : view.spent[BUDGET_DAY];
    asked->rows.work.fini = key_fini;
    buf_init(&asked->head, KEY_HEAD_MAX);
    if (key_write_head(front, key, &view, &asked->head) != ERR_OK) {
        buf_fini(&asked->head);
        mem_free(asked);
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    errand_rows_start(front, x, &asked->rows, key_read);
}
