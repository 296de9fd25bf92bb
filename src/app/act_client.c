/* The acts on clients and keys. */
#include "app/acts_internal.h"
#include "app/market_check.h"
#include "base/money.h"
#include "base/stamp.h"
#include "ident/forget.h"
#include "ident/standing.h"

#define CLIENT_TEXT_MAX 512 /* of what names a client's papers */

static const char *const client_columns[] = { "id", "account", "name", "state", "created" };
static const char *const client_shown_columns[] = { "id",    "account", "name",
                                                    "state", "created", "kyc" };
static const struct str client_levels[KYC_END] = {
    [KYC_NONE] = STR_INIT("none"),
    [KYC_BASIC] = STR_INIT("basic"),
    [KYC_FULL] = STR_INIT("full"),
};
static const char *const client_added_columns[] = { "id", "account", "name", "currency" };
static const char *const kyc_columns[] = { "client", "level", "evidence" };
static const char *const key_columns[] = { "id",         "client",    "product",     "name",
                                           "hint",       "state",     "created",     "day_max",
                                           "day_spent",  "month_max", "month_spent", "total_max",
                                           "total_spent" };
static const char *const key_added_columns[] = { "id", "key", "client", "product", "name" };

/* ---- clients ----------------------------------------------------------------------------- */

enum err act_open_client(struct world *world, struct str name, struct str currency,
                         const struct client **ret_client, struct fail *fail)
{
    struct id account = world_new_id(world);
    TRY(ledger_open_account(world->ledger, account, currency, fail));
    return client_add(world->ident, name, account, stamp_system_ns(), ret_client, fail);
}

/* The currency that clients pay in: the first product's, if none is named. */
static enum err client_currency(struct acting *acting, struct str *ret_currency)
{
    struct str given = args_value(acting->args, "currency");
    if (given.len > 0) {
        *ret_currency = given;
        return ERR_OK;
    }
    const struct registry_product *product = NULL;
    TRY(acting_product(acting, &product));
    *ret_currency = product->price_book->currency;
    return ERR_OK;
}

enum err act_client_add(struct acting *acting)
{
    struct str name;
    struct str currency = STR_EMPTY;
    const struct client *client = NULL;
    TRY(acting_need(acting, "name", &name));
    struct standing standing;
    TRY(act_read_standing(acting, &standing));
    if (name.len > IDENT_NAME_MAX) { /* before an account is opened for it */
        return FAIL(&acting->fail, ERR_ASK_INVALID, "a name has at most %d bytes", IDENT_NAME_MAX);
    }
    TRY(client_currency(acting, &currency));
    TRY(act_open_client(acting->world, name, currency, &client, &acting->fail));
    if (act_standing_given(acting->args)) {
        TRY(act_set_standing(acting, client, &standing));
    }
    struct sheet sheet;
    sheet_init(&sheet, client_added_columns, EP_ARRAY_LEN(client_added_columns));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_id(&sheet, ACCOUNT_PREFIX, client->account);
    sheet_str(&sheet, client->name);
    sheet_str(&sheet, currency);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

static void client_put(struct sheet *sheet, const struct client *client)
{
    sheet_id(sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_id(sheet, ACCOUNT_PREFIX, client->account);
    sheet_str(sheet, client_forgotten(client) ? STR_EMPTY : client->name);
    sheet_str(sheet, client_forgotten(client)   ? STR("erased")
                     : client_suspended(client) ? STR("suspended")
                                                : STR("active"));
    sheet_stamp(sheet, client->created_ns);
}

enum err act_client_list(struct acting *acting)
{
    const struct ident *ident = acting->world->ident;
    struct sheet sheet;
    sheet_init(&sheet, client_columns, EP_ARRAY_LEN(client_columns));
    const struct client *client = client_next(ident, NULL);
    for (; client != NULL; client = client_next(ident, client)) {
        client_put(&sheet, client);
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

struct client_known {
    struct id account;
    int64_t level;
};

static const struct store_sql sql_known = {
    "SELECT k.level FROM account a JOIN kyc k ON k.party = a.party WHERE a.uid = ?1"
    " ORDER BY k.id DESC LIMIT 1"
};

static enum err client_on_known(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    ((struct client_known *)context)->level = row[0].number;
    return ERR_OK;
}

static enum err client_read_known(void *context, struct store_txn *txn, struct fail *fail)
{
    struct client_known *known = context;
    const struct store_value account = STORE_B(id_str(&known->account));
    return store_query(txn, &sql_known, &account, 1, client_on_known, known, fail);
}

static enum err client_print(struct acting *acting, const struct client *client)
{
    struct client_known known = { .account = client->account, .level = KYC_NONE };
    TRY(store_read(acting->world->store, client_read_known, &known, &acting->fail));
    ASSERT(known.level >= KYC_NONE && known.level < KYC_END);
    struct sheet sheet;
    sheet_init(&sheet, client_shown_columns, EP_ARRAY_LEN(client_shown_columns));
    client_put(&sheet, client);
    sheet_str(&sheet, client_levels[known.level]);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_client_show(struct acting *acting)
{
    const struct client *client = NULL;
    TRY(acting_client(acting, &client));
    return client_print(acting, client);
}

enum err act_client_suspend(struct acting *acting)
{
    const struct client *client = NULL;
    TRY(acting_client(acting, &client));
    TRY(client_suspend(acting->world->ident, client->id, stamp_system_ns(), &acting->fail));
    return client_print(acting, client);
}

enum err act_client_resume(struct acting *acting)
{
    const struct client *client = NULL;
    TRY(acting_client_live(acting, &client));
    TRY(client_resume(acting->world->ident, client->id, &acting->fail));
    return client_print(acting, client);
}

/* What is known of a client decides how much it may buy in a day; who says so names the papers. */
enum err act_client_kyc(struct acting *acting)
{
    const struct client *client = NULL;
    struct ledger_account *account = NULL;
    struct str text;
    struct str evidence = args_value(acting->args, "evidence");
    TRY(acting_client_live(acting, &client));
    TRY(acting_need(acting, "level", &text));
    unsigned level = KYC_NONE;
    while (level < KYC_END && !str_eq(client_levels[level], text)) {
        level++;
    }
    if (level == KYC_END || evidence.len > CLIENT_TEXT_MAX) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--level\" is none, basic or full, \"--evidence\" has at most %d bytes",
                    CLIENT_TEXT_MAX);
    }
    if (level > KYC_NONE && evidence.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "\"--evidence\" names the papers");
    }
    TRY(act_account(acting->world, client, &account, &acting->fail));
    TRY(ledger_set_kyc(acting->world->ledger, account, (enum ledger_kyc)level, evidence,
                       stamp_system_ns(), &acting->fail));
    struct sheet sheet;
    sheet_init(&sheet, kyc_columns, EP_ARRAY_LEN(kyc_columns));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_str(&sheet, text);
    sheet_str(&sheet, evidence);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* ---- keys -------------------------------------------------------------------------------- */

/* A key whose product is priced in another currency than its client pays in could buy nothing. */
enum err act_check_currency(struct acting *acting, const struct client *client,
                            const struct registry_product *product)
{
    struct ledger_account *account = ledger_find(acting->world->ledger, client->account);
    if (account == NULL) {
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the client has no account");
    }
    if (!str_eq(ledger_currency(account), product->price_book->currency)) {
        return FAIL(&acting->fail, ERR_CONFLICT,
                    "the client pays in " STR_FMT ", the product \"" STR_FMT
                    "\" is priced in " STR_FMT,
                    STR_ARG(ledger_currency(account)), STR_ARG(product->id),
                    STR_ARG(product->price_book->currency));
    }
    return ERR_OK;
}

/* Limits that are given replace those in `max`; "none" takes one away. */
static enum err key_read_budget(struct acting *acting, int64_t max[BUDGET_WINDOWS], bool *ret_given)
{
    static const char *const flags[BUDGET_WINDOWS] = { "budget-day", "budget-month",
                                                       "budget-total" };
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        struct str text = args_value(acting->args, flags[i]);
        if (!args_has(acting->args, flags[i])) {
            continue;
        }
        *ret_given = true;
        if (str_eq(text, STR("none"))) {
            max[i] = BUDGET_NONE;
        } else if (!money_parse(text, 9, &max[i]) || max[i] < 0) {
            return FAIL(&acting->fail, ERR_ASK_INVALID,
                        "\"--%s\" is an amount such as 12.50, or none, not \"" STR_FMT "\"",
                        flags[i], STR_ARG(text));
        }
    }
    return ERR_OK;
}

enum err act_key_add(struct acting *acting)
{
    const struct client *client = NULL;
    const struct registry_product *product = NULL;
    const struct api_key *key = NULL;
    struct api_key_text text;
    struct str unused;
    TRY(acting_client_live(acting, &client));
    TRY(acting_need(acting, "product", &unused));
    TRY(acting_product(acting, &product));
    int64_t max[BUDGET_WINDOWS] = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE };
    bool limited = false;
    TRY(market_check(acting->registry, client,
                     &(struct market_sale){ product, MARKET_KEY,
                                            country_from(args_value(acting->args, "market")) },
                     &acting->fail));
    TRY(act_check_review(acting->world, client, REVIEW_HOLD_TRAFFIC, &acting->fail));
    TRY(act_check_currency(acting, client, product));
    TRY(key_read_budget(acting, max, &limited));
    const struct api_key_order order = {
        .client = client->id,
        .product = product->id,
        .name = args_value(acting->args, "name"),
        .market = args_value(acting->args, "market"),
        .consent = args_value(acting->args, "consent"),
    };
    TRY(api_key_add(acting->world->ident, &order, stamp_system_ns(), &key, &text, &acting->fail));
    enum err limit =
        limited ? ledger_set_budget(acting->world->ledger, key->id, max, &acting->fail) : ERR_OK;
    if (limit != ERR_OK) {
        secret_wipe(&text, sizeof(text)); /* nobody has seen the key: it buys nothing */
        return limit;
    }
    struct sheet sheet;
    sheet_init(&sheet, key_added_columns, EP_ARRAY_LEN(key_added_columns));
    sheet_id(&sheet, IDENT_KEY_PREFIX, key->id);
    sheet_str(&sheet, str_from(text.text));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, client->id);
    sheet_str(&sheet, key->product);
    sheet_str(&sheet, key->name);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    secret_wipe(&text, sizeof(text));
    return err;
}

/* A key's budget as its row has it: works beside a running server. */
struct key_budget {
    struct id key;
    bool found;
    int64_t max[BUDGET_WINDOWS];
    int64_t number[BUDGET_WINDOWS];
    int64_t spent[BUDGET_WINDOWS];
};

static const struct store_sql sql_budget = {
    "SELECT day_max, day, day_spent, month_max, month, month_spent, total_max, 0, total_spent"
    " FROM budget WHERE key = ?1"
};

static enum err key_on_budget(void *context, const struct store_value *row, size_t columns)
{
    struct key_budget *budget = context;
    ASSERT(columns == (size_t)3 * BUDGET_WINDOWS);
    budget->found = true;
    for (size_t i = 0; i < BUDGET_WINDOWS; i++) {
        budget->max[i] = row[3 * i].number;
        budget->number[i] = row[3 * i + 1].number;
        budget->spent[i] = row[3 * i + 2].number;
    }
    return ERR_OK;
}

static enum err key_read_row(void *context, struct store_txn *txn, struct fail *fail)
{
    struct key_budget *budget = context;
    const struct store_value key = STORE_B(id_str(&budget->key));
    return store_query(txn, &sql_budget, &key, 1, key_on_budget, budget, fail);
}

static void key_put_budget(struct sheet *sheet, const struct key_budget *budget)
{
    int64_t now_ns = stamp_system_ns();
    const int64_t number[BUDGET_WINDOWS] = { stamp_day(now_ns), stamp_month(now_ns), 0 };
    for (size_t i = 0; i < BUDGET_WINDOWS; i++) {
        if (!budget->found || budget->max[i] == BUDGET_NONE) {
            sheet_none(sheet);
        } else {
            sheet_money(sheet, budget->max[i]);
        }
        if (budget->found) {
            sheet_money(sheet, budget->number[i] == number[i] ? budget->spent[i] : 0);
        } else {
            sheet_none(sheet);
        }
    }
}

static enum err key_put(struct acting *acting, struct sheet *sheet, const struct api_key *key)
{
    struct key_budget budget = { .key = key->id };
    TRY(store_read(acting->world->store, key_read_row, &budget, &acting->fail));
    sheet_id(sheet, IDENT_KEY_PREFIX, key->id);
    sheet_id(sheet, IDENT_CLIENT_PREFIX, key->client->id);
    sheet_str(sheet, key->product);
    sheet_str(sheet, api_key_forgotten(key) ? STR_EMPTY : key->name);
    sheet_str(sheet, api_key_forgotten(key) ? STR_EMPTY : api_key_hint(key));
    sheet_str(sheet, api_key_revoked_ns(key) != 0 ? STR("revoked") : STR("active"));
    sheet_stamp(sheet, key->created_ns);
    key_put_budget(sheet, &budget);
    return ERR_OK;
}

static enum err key_print(struct acting *acting, struct id id)
{
    const struct api_key *key = api_key_find(acting->world->ident, id);
    ASSERT(key != NULL); /* keys are never forgotten */
    struct sheet sheet;
    sheet_init(&sheet, key_columns, EP_ARRAY_LEN(key_columns));
    enum err err = key_put(acting, &sheet, key);
    err = err == ERR_OK ? sheet_print_one(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

enum err act_key_budget(struct acting *acting)
{
    struct key_budget budget = { .max = { BUDGET_NONE, BUDGET_NONE, BUDGET_NONE } };
    bool given = false;
    TRY(acting_id(acting, "key", IDENT_KEY_PREFIX, &budget.key));
    if (api_key_find(acting->world->ident, budget.key) == NULL) {
        acting->remedy = "see \"entrepot key list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such key");
    }
    TRY(store_read(acting->world->store, key_read_row, &budget, &acting->fail));
    TRY(key_read_budget(acting, budget.max, &given));
    if (!given) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "no limit is given");
    }
    TRY(ledger_set_budget(acting->world->ledger, budget.key, budget.max, &acting->fail));
    return key_print(acting, budget.key);
}

enum err act_key_list(struct acting *acting)
{
    const struct ident *ident = acting->world->ident;
    const struct client *client = NULL;
    if (args_has(acting->args, "client")) {
        TRY(acting_client(acting, &client));
    }
    struct sheet sheet;
    sheet_init(&sheet, key_columns, EP_ARRAY_LEN(key_columns));
    enum err err = ERR_OK;
    const struct api_key *key = api_key_next(ident, NULL);
    for (; key != NULL && err == ERR_OK; key = api_key_next(ident, key)) {
        bool listed = key->device == NULL && (client == NULL || key->client == client);
        err = listed ? key_put(acting, &sheet, key) : ERR_OK; /* devices: "device list" */
    }
    err = err == ERR_OK ? sheet_print(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

enum err act_key_revoke(struct acting *acting)
{
    struct id id;
    TRY(acting_id(acting, "key", IDENT_KEY_PREFIX, &id));
    TRY(api_key_revoke(acting->world->ident, id, stamp_system_ns(), &acting->fail));
    return key_print(acting, id);
}
