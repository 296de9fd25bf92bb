/* What a client used in a month, by key and model. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "front/errand.h"
#include "front/errand_rows.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "ident/ident.h"
#include "ledger/ledger.h"
#include "wire/jsonw.h"
#include "wire/url.h"

struct errand_usage {
    struct errand_rows rows;
    struct id account;
    char currency[4];
    int64_t month;
    struct usage_month total;
    struct jsonw json;
};

/* ---- on the worker's thread --------------------------------------------------------------- */

static void usage_put_key(struct jsonw *json, struct id key)
{
    static const struct id none = { { 0 } };
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(id_print(&shown, STR(IDENT_KEY_PREFIX), key)); /* fits */
    jsonw_key(json, "key");
    if (memcmp(key.bytes, none.bytes, ID_BYTES) == 0) {
        jsonw_null(json); /* of before months were kept */
    } else {
        jsonw_str(json, buf_str(&shown));
    }
}

/* What is no token; nothing where none was used. */
static void usage_put_units(struct jsonw *json, const struct usage_month *row)
{
    if (!row->sums.has_units) {
        return;
    }
    jsonw_key(json, "units");
    jsonw_open(json, '{');
    for (size_t i = 0; i < USAGE_MONTH_UNITS; i++) {
        if (row->sums.units[i] != 0) {
            jsonw_put_int(json, usage_month_unit(i), row->sums.units[i]);
        }
    }
    jsonw_close(json, '}');
}

static void usage_put_sums(struct jsonw *json, const struct usage_month *row)
{
    jsonw_put_int(json, "calls", row->calls);
    errand_put_money(json, "amount", row->amount);
    jsonw_key(json, "tokens");
    jsonw_open(json, '{');
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        if (row->sums.tokens[i] != 0) {
            jsonw_put_int(json, usage_month_class(i), row->sums.tokens[i]);
        }
    }
    jsonw_close(json, '}');
    usage_put_units(json, row);
}

static enum err usage_on_row(void *context, const struct usage_month *row)
{
    struct errand_usage *errand = context;
    jsonw_open(&errand->json, '{');
    usage_put_key(&errand->json, row->sums.key);
    jsonw_put_str(&errand->json, "model", row->sums.model);
    usage_put_sums(&errand->json, row);
    jsonw_close(&errand->json, '}');
    errand->total.calls += row->calls;
    errand->total.amount += row->amount;
    for (size_t i = 0; i < USAGE_MONTH_CLASSES; i++) {
        errand->total.sums.tokens[i] += row->sums.tokens[i];
    }
    for (size_t i = 0; i < USAGE_MONTH_UNITS; i++) {
        errand->total.sums.units[i] += row->sums.units[i];
    }
    errand->total.sums.has_units |= row->sums.has_units;
    return jsonw_err(&errand->json);
}

static enum err errand_usage_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_usage *errand = context; /* its first part is the errand_rows */
    struct jsonw *json = &errand->json;
    char month[16];
    (void)snprintf(month, sizeof(month), "%04d-%02d", (int)(errand->month / 100),
                   (int)(errand->month % 100));
    jsonw_init(json, &errand->rows.work.answer);
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("list"));
    jsonw_put_str(json, "month", str_from(month));
    jsonw_put_str(json, "currency", str_from(errand->currency));
    jsonw_key(json, "data");
    jsonw_open(json, '[');
    TRY(usage_month_read(txn, errand->account, errand->month, usage_on_row, errand, fail));
    jsonw_close(json, ']');
    jsonw_key(json, "total");
    jsonw_open(json, '{');
    usage_put_sums(json, &errand->total);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    return jsonw_err(json);
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

/* "?month=2026-11"; without it, the one that is now. */
static bool usage_month_asked(struct front *front, struct http_exchange *x, int64_t *ret_month)
{
    char text[16];
    struct buf value = { text, 0, sizeof(text), sizeof(text) };
    struct str query;
    EP_IGNORE(url_target_path(http_exchange_head(x)->target, &query).len); /* the query is meant */
    if (query.len == 0) {
        *ret_month = stamp_month(loop_wall_ns(front->loop));
        return true;
    }
    return url_query(query, STR("month"), &value) && stamp_parse_month(buf_str(&value), ret_month);
}

void errand_usage(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    int64_t month = 0;
    enum err err = auth_find_client(front->gate, x, &key);
    if (err == ERR_OK && !usage_month_asked(front, x, &month)) {
        errand_refuse_field(x, STR("month"), STR("\"month\" is a month such as 2026-11."));
        return;
    }
    const struct ledger_account *account =
        err == ERR_OK ? ledger_find(front->world.gate.ledger, key->client->account) : NULL;
    if (account == NULL) {
        errand_refuse(x, err == ERR_OK ? ERR_KEY_UNKNOWN : err);
        return;
    }
    struct errand_usage *errand = mem_zalloc(sizeof(*errand));
    if (errand != NULL) {
        errand->account = key->client->account;
        errand->month = month;
        memcpy(errand->currency, ledger_currency(account).ptr, 3);
    }
    errand_rows_start(front, x, errand == NULL ? NULL : &errand->rows, errand_usage_read);
}
