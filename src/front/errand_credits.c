/* A client's credit: the figures of this moment from memory, the lots that end soon from rows. */
#include <string.h>

#include "base/mem.h"
#include "base/money.h"
#include "base/stamp.h"
#include "front/errand.h"
#include "front/errand_rows.h"
#include "front/front_internal.h"
#include "gate/auth.h"
#include "ident/ident.h"
#include "wire/jsonw.h"

#define CREDITS_DAY_NS        INT64_C(86400000000000)
#define CREDITS_SOON_DAYS     60 /* from when on a client is warned */
#define CREDITS_UNIT_NAME_MAX 32 /* as the registry's table has it */

struct errand_credits {
    struct errand_rows rows;
    struct ledger_account *account;
    struct registry_unit unit;             /* of the product; 0 a currency unit: there is none */
    char unit_name[CREDITS_UNIT_NAME_MAX]; /* the registry may be swapped meanwhile */
    struct jsonw json;
    int64_t now_ns;
};

/* What is left, in the units the product sells: nano times units a currency unit. */
static void credits_put_units(struct jsonw *json, const struct registry_unit *unit, int64_t nano)
{
    money_wide units = (money_wide)nano * (int64_t)unit->per_currency_unit / MONEY_NANO_PER_UNIT;
    jsonw_key(json, "units");
    jsonw_open(json, '{');
    jsonw_put_str(json, "name", unit->name);
    jsonw_put_int(json, "available", units > INT64_MAX ? INT64_MAX : (int64_t)units);
    jsonw_close(json, '}');
}

/* ---- on the worker's thread --------------------------------------------------------------- */

static const struct store_sql sql_ending = {
    "SELECT l.id, l.kind, l.remaining, l.expires_ns FROM lot l JOIN account a ON a.id = l.account"
    " WHERE a.uid = ?1 AND l.remaining > 0 AND l.expires_ns > ?2 AND l.expires_ns <= ?3"
    " ORDER BY l.expires_ns, l.id"
};

static enum err credits_on_lot(void *context, const struct store_value *row, size_t columns)
{
    struct errand_credits *asked = context;
    struct jsonw *json = &asked->json;
    char text[40];
    struct buf at = { text, 0, sizeof(text), sizeof(text) };
    ASSERT(columns == 4);
    EP_IGNORE(stamp_print(&at, row[3].number)); /* fits */
    jsonw_open(json, '{');
    jsonw_put_int(json, "lot", row[0].number);
    jsonw_put_str(json, "kind", row[1].number == LOT_PAID ? STR("paid") : STR("promo"));
    errand_put_money(json, "remaining", row[2].number);
    jsonw_put_str(json, "expires", buf_str(&at));
    jsonw_put_int(json, "days_left", (row[3].number - asked->now_ns) / CREDITS_DAY_NS);
    jsonw_close(json, '}');
    return ERR_OK;
}

static enum err credits_read_lots(struct errand_credits *asked, struct store_txn *txn,
                                  struct fail *fail)
{
    struct id account = ledger_account_id(asked->account);
    const struct store_value values[] = {
        STORE_B(id_str(&account)),
        STORE_I(asked->now_ns),
        STORE_I(asked->now_ns + CREDITS_SOON_DAYS * CREDITS_DAY_NS),
    };
    return store_query(txn, &sql_ending, values, EP_ARRAY_LEN(values), credits_on_lot, asked, fail);
}

static enum err credits_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct errand_credits *asked = context; /* its first part is the errand_rows */
    const struct account_credit *credit = ledger_credit(asked->account);
    int64_t available = credit->available;
    int64_t held = credit->held;
    int64_t spent = credit->spent;
    struct jsonw *json = &asked->json;
    jsonw_init(json, &asked->rows.work.answer);
    jsonw_open(json, '{');
    jsonw_key(json, "data");
    jsonw_open(json, '{');
    errand_put_money(json, "total_credits", available + held + spent);
    errand_put_money(json, "total_usage", spent);
    errand_put_money(json, "available", available);
    errand_put_money(json, "held", held);
    jsonw_put_str(json, "currency", ledger_currency(asked->account));
    if (asked->unit.per_currency_unit > 0) {
        credits_put_units(json, &asked->unit, available);
    }
    jsonw_key(json, "expiring");
    jsonw_open(json, '[');
    TRY(credits_read_lots(asked, txn, fail));
    jsonw_close(json, ']');
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    return jsonw_err(json);
}

/* ---- on the loop's thread ----------------------------------------------------------------- */

void errand_credits(struct front *front, struct http_exchange *x, struct str path)
{
    (void)path;
    const struct api_key *key = NULL;
    enum err err = auth_find_client(front->gate, x, &key);
    struct ledger_account *account =
        err == ERR_OK ? ledger_find(front->world.gate.ledger, key->client->account) : NULL;
    if (account == NULL) {
        errand_refuse(x, err != ERR_OK ? err : ERR_KEY_UNKNOWN);
        return;
    }
    struct errand_credits *asked = mem_zalloc(sizeof(*asked));
    if (asked == NULL) {
        errand_refuse(x, ERR_NO_MEMORY);
        return;
    }
    const struct registry_product *product =
        registry_product(front->snapshot->registry, key->product);
    asked->account = account;
    asked->unit =
        product == NULL ? (struct registry_unit){ .per_currency_unit = 0 } : product->unit;
    asked->now_ns = loop_wall_ns(front->loop);
    errand_rows_start(front, x, &asked->rows, credits_read);
}
