/* The acts on clients and keys. */
#include "app/acts_internal.h"
#include "base/stamp.h"

static const char *const client_columns[] = { "id", "account", "name", "state", "created" };
static const char *const client_added_columns[] = { "id", "account", "name", "currency" };
static const char *const key_columns[] = { "id",   "client", "product", "name",
                                           "hint", "state",  "created" };
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
    if (name.len > IDENT_NAME_MAX) { /* before an account is opened for it */
        return FAIL(&acting->fail, ERR_ASK_INVALID, "a name has at most %d bytes", IDENT_NAME_MAX);
    }
    TRY(client_currency(acting, &currency));
    TRY(act_open_client(acting->world, name, currency, &client, &acting->fail));
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
    sheet_str(sheet, client->name);
    sheet_str(sheet, client_suspended(client) ? STR("suspended") : STR("active"));
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

static enum err client_print(struct acting *acting, const struct client *client)
{
    struct sheet sheet;
    sheet_init(&sheet, client_columns, EP_ARRAY_LEN(client_columns));
    client_put(&sheet, client);
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
    TRY(acting_client(acting, &client));
    TRY(client_resume(acting->world->ident, client->id, &acting->fail));
    return client_print(acting, client);
}

/* ---- keys -------------------------------------------------------------------------------- */

/* A key whose product is priced in another currency than its client pays in could buy nothing. */
static enum err key_check_currency(struct acting *acting, const struct client *client,
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

enum err act_key_add(struct acting *acting)
{
    const struct client *client = NULL;
    const struct registry_product *product = NULL;
    const struct api_key *key = NULL;
    struct api_key_text text;
    struct str unused;
    TRY(acting_client(acting, &client));
    TRY(acting_need(acting, "product", &unused));
    TRY(acting_product(acting, &product));
    TRY(key_check_currency(acting, client, product));
    const struct api_key_order order = {
        .client = client->id,
        .product = product->id,
        .name = args_value(acting->args, "name"),
    };
    TRY(api_key_add(acting->world->ident, &order, stamp_system_ns(), &key, &text, &acting->fail));
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

static void key_put(struct sheet *sheet, const struct api_key *key)
{
    sheet_id(sheet, IDENT_KEY_PREFIX, key->id);
    sheet_id(sheet, IDENT_CLIENT_PREFIX, key->client->id);
    sheet_str(sheet, key->product);
    sheet_str(sheet, key->name);
    sheet_str(sheet, key->hint);
    sheet_str(sheet, api_key_revoked_ns(key) != 0 ? STR("revoked") : STR("active"));
    sheet_stamp(sheet, key->created_ns);
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
    const struct api_key *key = api_key_next(ident, NULL);
    for (; key != NULL; key = api_key_next(ident, key)) {
        if (client == NULL || key->client == client) {
            key_put(&sheet, key);
        }
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_key_revoke(struct acting *acting)
{
    struct id id;
    TRY(acting_id(acting, "key", IDENT_KEY_PREFIX, &id));
    TRY(api_key_revoke(acting->world->ident, id, stamp_system_ns(), &acting->fail));
    const struct api_key *key = api_key_find(acting->world->ident, id);
    ASSERT(key != NULL); /* keys are never forgotten */
    struct sheet sheet;
    sheet_init(&sheet, key_columns, EP_ARRAY_LEN(key_columns));
    key_put(&sheet, key);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}
