/* What a client's credit is, read from the rows: works beside a running server. */
#include <string.h>

#include "app/acts_internal.h"
#include "base/money.h"
#include "wire/jsonw.h"

enum credit_part {
    CREDIT_BOUGHT,
    CREDIT_USED,
    CREDIT_REFUNDED,
    CREDIT_EXPIRED,
    CREDIT_CORRECTED, /* what corrections gave, less what they took */
    CREDIT_HELD,
    CREDIT_AVAILABLE,
    CREDIT_PARTS
};

static const char *const credit_names[CREDIT_PARTS] = { "bought",    "used", "refunded", "expired",
                                                        "corrected", "held", "available" };
static const char *const lot_columns[] = { "lot",          "kind",     "amount", "remaining",
                                           "expires",      "warning",  "plan",   "price_list",
                                           "terms",        "payer",    "method", "payment",
                                           "refund_until", "bought_at" };

static const struct store_sql sql_account = {
    "SELECT id, used, dr_pend, cr_post - dr_post - dr_pend, currency FROM account WHERE uid = ?1"
};
/* Folds of the entries, so that nobody reads through all of them. */
static const struct store_sql sql_parts = {
    "SELECT coalesce(sum(amount), 0), coalesce(sum(refunded), 0), coalesce(sum(expired), 0)"
    " FROM lot WHERE account = ?1"
};
static const struct store_sql sql_lots = {
    "SELECT l.id, l.kind, l.amount, l.remaining, l.expires_ns,"
    " coalesce((SELECT min(w.days) FROM lot_warning w WHERE w.lot = l.id), 0), l.plan,"
    " coalesce(b.name || '/' || b.version, ''),"
    " CASE c.name WHEN '' THEN '' ELSE c.name || '/' || c.version END,"
    " o.payer, o.method, l.payment, o.refund_until_ns, l.created_ns FROM lot l"
    " JOIN purchase_order o ON o.id = l.id JOIN contract c ON c.id = o.contract"
    " LEFT JOIN price_book b ON b.id = o.book WHERE l.account = ?1 ORDER BY l.id"
};

struct credit_view {
    struct id account;
    int64_t row; /* 0: there is no such account */
    int64_t parts[CREDIT_PARTS];
    char currency[4];
    struct sheet lots;
};

static enum err credit_on_account(void *context, const struct store_value *row, size_t columns)
{
    struct credit_view *view = context;
    ASSERT(columns == 5 && row[4].bytes.len == 3);
    view->row = row[0].number;
    view->parts[CREDIT_USED] = row[1].number;
    view->parts[CREDIT_HELD] = row[2].number;
    view->parts[CREDIT_AVAILABLE] = row[3].number;
    memcpy(view->currency, row[4].bytes.ptr, 3);
    return ERR_OK;
}

static enum err credit_on_parts(void *context, const struct store_value *row, size_t columns)
{
    int64_t *parts = ((struct credit_view *)context)->parts;
    ASSERT(columns == 3);
    parts[CREDIT_BOUGHT] = row[0].number;
    parts[CREDIT_REFUNDED] = row[1].number;
    parts[CREDIT_EXPIRED] = row[2].number;
    /* What is there that the others do not explain. */
    parts[CREDIT_CORRECTED] = parts[CREDIT_AVAILABLE] + parts[CREDIT_HELD] + parts[CREDIT_USED] +
                              parts[CREDIT_REFUNDED] + parts[CREDIT_EXPIRED] - parts[CREDIT_BOUGHT];
    return ERR_OK;
}

static enum err credit_on_lot(void *context, const struct store_value *row, size_t columns)
{
    struct sheet *lots = &((struct credit_view *)context)->lots;
    ASSERT(columns == EP_ARRAY_LEN(lot_columns));
    sheet_int(lots, row[0].number);
    sheet_str(lots, row[1].number == LOT_PAID ? STR("paid") : STR("promo"));
    sheet_money(lots, row[2].number);
    sheet_money(lots, row[3].number);
    sheet_stamp(lots, row[4].number);
    char text[32];
    struct buf warning = { text, 0, sizeof(text), sizeof(text) };
    if (row[5].number > 0 && row[3].number > 0) {
        EP_IGNORE(buf_printf(&warning, "%lld days", (long long)row[5].number)); /* fits */
        sheet_str(lots, buf_str(&warning));
    } else {
        sheet_none(lots);
    }
    for (size_t i = 6; i < 12; i++) {
        sheet_str(lots, row[i].bytes);
    }
    sheet_stamp(lots, row[12].number);
    sheet_stamp(lots, row[13].number);
    return ERR_OK;
}

static enum err credit_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct credit_view *view = context;
    const struct store_value uid = STORE_B(id_str(&view->account));
    TRY(store_query(txn, &sql_account, &uid, 1, credit_on_account, view, fail));
    const struct store_value row = STORE_I(view->row);
    TRY(store_query(txn, &sql_parts, &row, 1, credit_on_parts, view, fail));
    return store_query(txn, &sql_lots, &row, 1, credit_on_lot, view, fail);
}

/* Whole units, rounded down: what a client sees is never more than what it has. */
static int64_t credit_units(int64_t nano, const struct registry_unit *unit)
{
    money_wide units = (money_wide)nano * (money_wide)unit->per_currency_unit / MONEY_NANO_PER_UNIT;
    return units > INT64_MAX ? INT64_MAX : (int64_t)units;
}

static enum err credit_print_table(struct acting *acting, const struct credit_view *view,
                                   const struct registry_product *product)
{
    static const char *const columns[] = { "credit", "amount", "currency", "units", "unit" };
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    for (size_t i = 0; i < CREDIT_PARTS; i++) {
        sheet_str(&sheet, str_from(credit_names[i]));
        sheet_money(&sheet, view->parts[i]);
        sheet_str(&sheet, str_from(view->currency));
        sheet_int(&sheet, credit_units(view->parts[i], &product->unit));
        sheet_str(&sheet, product->unit.name);
    }
    enum err err = sheet_print(&sheet, false, acting->out);
    sheet_fini(&sheet);
    TRY(err);
    TRY(buf_byte(acting->out, '\n'));
    return sheet_print(&view->lots, false, acting->out);
}

static enum err credit_put_ids(struct jsonw *json, const struct client *client)
{
    char text[2 * ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    TRY(id_print(&shown, STR(IDENT_CLIENT_PREFIX), client->id));
    jsonw_put_str(json, "client", buf_str(&shown));
    shown.len = 0;
    TRY(id_print(&shown, STR(ACCOUNT_PREFIX), client->account));
    jsonw_put_str(json, "account", buf_str(&shown));
    return ERR_OK;
}

static enum err credit_print_json(struct acting *acting, const struct credit_view *view,
                                  const struct registry_product *product,
                                  const struct client *client)
{
    struct jsonw json;
    jsonw_init(&json, acting->out);
    jsonw_open(&json, '{');
    TRY(credit_put_ids(&json, client));
    jsonw_put_str(&json, "currency", str_from(view->currency));
    for (size_t i = 0; i < CREDIT_PARTS; i++) {
        char text[40];
        struct buf amount = { text, 0, sizeof(text), sizeof(text) };
        TRY(money_print(&amount, view->parts[i], 9, 2));
        jsonw_put_str(&json, credit_names[i], buf_str(&amount));
    }
    jsonw_put_str(&json, "unit", product->unit.name);
    jsonw_key(&json, "units");
    jsonw_open(&json, '{');
    for (size_t i = 0; i < CREDIT_PARTS; i++) {
        jsonw_put_int(&json, credit_names[i], credit_units(view->parts[i], &product->unit));
    }
    jsonw_close(&json, '}');
    struct buf lots;
    buf_init(&lots, ACTS_OUT_MAX);
    enum err err = sheet_print(&view->lots, true, &lots);
    if (err == ERR_OK) {
        jsonw_key(&json, "lots");
        jsonw_raw(&json, str_slice(buf_str(&lots), 0, lots.len - 1)); /* without its line end */
    }
    buf_fini(&lots);
    jsonw_close(&json, '}');
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_byte(acting->out, '\n');
}

/* Units are the product's: of the one that is named, or that the client's first key is for. */
static enum err credit_product(struct acting *acting, const struct client *client,
                               const struct registry_product **ret_product)
{
    const struct ident *ident = acting->world->ident;
    const struct api_key *key = api_key_next(ident, NULL);
    while (key != NULL && key->client != client) {
        key = api_key_next(ident, key);
    }
    if (key != NULL && !args_has(acting->args, "product")) {
        *ret_product = registry_product(acting->registry, key->product);
        if (*ret_product != NULL) {
            return ERR_OK;
        }
    }
    return acting_product(acting, ret_product);
}

enum err act_credit_show(struct acting *acting)
{
    const struct client *client = NULL;
    const struct registry_product *product = NULL;
    TRY(acting_client(acting, &client));
    TRY(credit_product(acting, client, &product));
    struct credit_view view = { .account = client->account };
    sheet_init(&view.lots, lot_columns, EP_ARRAY_LEN(lot_columns));
    enum err err = store_read(acting->world->store, credit_read, &view, &acting->fail);
    if (err == ERR_OK && view.row == 0) {
        err = FAIL(&acting->fail, ERR_NOT_FOUND, "the client has no account");
    }
    if (err == ERR_OK) {
        err = acting->json ? credit_print_json(acting, &view, product, client)
                           : credit_print_table(acting, &view, product);
    }
    sheet_fini(&view.lots);
    return err;
}
