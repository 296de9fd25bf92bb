/* The acts on fleets of devices. */
#include "app/acts_internal.h"
#include "app/market_check.h"
#include "base/country.h"
#include "base/money.h"
#include "base/stamp.h"
#include "ident/fleet.h"
#include "ident/forget.h"
#include "ident/review.h"

static const char *const fleet_columns[] = { "fleet", "client", "product", "market",
                                             "maker", "status", "devices", "created" };
static const char *const fleet_shown_columns[] = {
    "fleet",       "client",    "product",     "market",      "maker",
    "status",      "devices",   "created",     "issuer",      "issuer_hint",
    "models",      "consent",   "money_day",   "money_total", "calls_day",
    "calls_total", "wakes_day", "wakes_total", "seconds_day",
};
static const char *const fleet_secret_columns[] = { "fleet",   "secret", "client",
                                                    "product", "market", "maker" };

/* ---- showing ------------------------------------------------------------------------------- */

static void fleet_put(struct sheet *sheet, const struct fleet *fleet)
{
    bool gone = client_forgotten(fleet->client);
    sheet_id(sheet, IDENT_FLEET_PREFIX, fleet->id);
    sheet_id(sheet, IDENT_CLIENT_PREFIX, fleet->client->id);
    sheet_str(sheet, fleet->product);
    sheet_str(sheet, gone ? STR_EMPTY : fleet->market);
    sheet_str(sheet, gone ? STR_EMPTY : fleet->maker);
    sheet_str(sheet, gone                             ? STR("erased")
                     : fleet_suspended_ns(fleet) != 0 ? STR("suspended")
                                                      : STR("active"));
    sheet_int(sheet, fleet_devices(fleet));
    sheet_stamp(sheet, fleet->created_ns);
}

static void fleet_put_cap(struct sheet *sheet, enum fleet_cap cap, int64_t value)
{
    if (value == FLEET_CAP_NONE) {
        sheet_none(sheet);
    } else if (cap <= FLEET_MONEY_TOTAL) {
        sheet_money(sheet, value);
    } else {
        sheet_int(sheet, value);
    }
}

static enum err fleet_print(struct acting *acting, const struct fleet *fleet)
{
    bool gone = client_forgotten(fleet->client);
    struct sheet sheet;
    sheet_init(&sheet, fleet_shown_columns, EP_ARRAY_LEN(fleet_shown_columns));
    fleet_put(&sheet, fleet);
    sheet_id(&sheet, IDENT_KEY_PREFIX, fleet->issuer->id);
    sheet_str(&sheet, gone ? STR_EMPTY : api_key_hint(fleet->issuer));
    sheet_str(&sheet, gone ? STR_EMPTY : fleet->models.len > 0 ? fleet->models : STR("*"));
    sheet_str(&sheet, fleet->consent_required ? STR("required") : STR("as the law says"));
    for (int i = 0; i < FLEET_CAPS; i++) {
        fleet_put_cap(&sheet, (enum fleet_cap)i, fleet->caps[i]);
    }
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err acting_fleet(struct acting *acting, const struct fleet **ret_fleet)
{
    struct id id;
    TRY(acting_id(acting, "fleet", IDENT_FLEET_PREFIX, &id));
    *ret_fleet = fleet_find(acting->world->ident, id);
    if (*ret_fleet == NULL) {
        acting->remedy = "see \"entrepot fleet list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such fleet");
    }
    return ERR_OK;
}

enum err act_fleet_list(struct acting *acting)
{
    const struct ident *ident = acting->world->ident;
    const struct client *client = NULL;
    if (args_has(acting->args, "client")) {
        TRY(acting_client(acting, &client));
    }
    struct sheet sheet;
    sheet_init(&sheet, fleet_columns, EP_ARRAY_LEN(fleet_columns));
    const struct fleet *fleet = fleet_next(ident, NULL);
    for (; fleet != NULL; fleet = fleet_next(ident, fleet)) {
        if (client == NULL || fleet->client == client) {
            fleet_put(&sheet, fleet);
        }
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_fleet_show(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    TRY(acting_fleet(acting, &fleet));
    return fleet_print(acting, fleet);
}

/* With its secret, which is shown this once. */
static enum err fleet_print_secret(struct acting *acting, const struct fleet *fleet,
                                   struct api_key_text *text)
{
    struct sheet sheet;
    sheet_init(&sheet, fleet_secret_columns, EP_ARRAY_LEN(fleet_secret_columns));
    sheet_id(&sheet, IDENT_FLEET_PREFIX, fleet->id);
    sheet_str(&sheet, str_from(text->text));
    sheet_id(&sheet, IDENT_CLIENT_PREFIX, fleet->client->id);
    sheet_str(&sheet, fleet->product);
    sheet_str(&sheet, fleet->market);
    sheet_str(&sheet, fleet->maker);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    secret_wipe(text, sizeof(*text));
    return err;
}

/* ---- adding -------------------------------------------------------------------------------- */

static const char *const fleet_cap_flags[FLEET_CAPS] = {
    [FLEET_MONEY_DAY] = "budget-day",    [FLEET_MONEY_TOTAL] = "budget-total",
    [FLEET_CALLS_DAY] = "calls-day",     [FLEET_CALLS_TOTAL] = "calls-total",
    [FLEET_WAKES_DAY] = "wakes-day",     [FLEET_WAKES_TOTAL] = "wakes-total",
    [FLEET_SECONDS_DAY] = "seconds-day",
};

enum err acting_caps(struct acting *acting, int64_t *caps)
{
    for (int i = 0; i < FLEET_CAPS; i++) {
        struct str text = args_value(acting->args, fleet_cap_flags[i]);
        bool money = i <= FLEET_MONEY_TOTAL;
        if (!args_has(acting->args, fleet_cap_flags[i])) {
            continue;
        }
        if (str_eq(text, STR("none"))) {
            caps[i] = FLEET_CAP_NONE;
        } else if (!(money ? money_parse(text, 9, &caps[i]) : str_to_i64(text, &caps[i])) ||
                   caps[i] < 0) {
            return FAIL(&acting->fail, ERR_ASK_INVALID,
                        "\"--%s\" is %s, or none, not \"" STR_FMT "\"", fleet_cap_flags[i],
                        money ? "an amount such as 0.05" : "a number", STR_ARG(text));
        }
    }
    return ERR_OK;
}

/* "a,b" becomes "a b"; each is a model of the product. */
static enum err fleet_read_models(struct acting *acting, const struct registry_product *product,
                                  struct buf *out)
{
    struct str rest = args_value(acting->args, "models");
    bool more = args_has(acting->args, "models"); /* an empty list is no list of all */
    for (; more; more = rest.len > 0) {
        struct str name = str_cut(&rest, ',');
        if (registry_product_model(product, name) == NULL) {
            acting->remedy = "see \"entrepot registry show\"";
            return FAIL(&acting->fail, ERR_NOT_FOUND,
                        "the product \"" STR_FMT "\" has no model \"" STR_FMT "\"",
                        STR_ARG(product->id), STR_ARG(name));
        }
        if (buf_printf(out, "%s" STR_FMT, out->len > 0 ? " " : "", STR_ARG(name)) != ERR_OK) {
            return FAIL(&acting->fail, ERR_ASK_INVALID, "the models' names have more than %d bytes",
                        FLEET_MODELS_MAX);
        }
    }
    return ERR_OK;
}

static enum err fleet_read_order(struct acting *acting, const struct client *client,
                                 const struct registry_product *product, struct buf *models,
                                 struct fleet_order *order)
{
    *order = (struct fleet_order){ .client = client->id, .product = product->id };
    TRY(acting_need(acting, "market", &order->market));
    TRY(acting_need(acting, "maker", &order->maker));
    for (int i = 0; i < FLEET_CAPS; i++) {
        order->caps[i] = FLEET_CAP_NONE;
    }
    TRY(acting_caps(acting, order->caps));
    TRY(fleet_read_models(acting, product, models));
    order->models = buf_str(models);
    struct str consent = args_value(acting->args, "consent");
    order->consent_required = str_eq(consent, STR("required"));
    if (args_has(acting->args, "consent") && !order->consent_required &&
        !str_eq(consent, STR("optional"))) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--consent\" of a fleet is required or optional, not \"" STR_FMT "\"",
                    STR_ARG(consent));
    }
    return ERR_OK;
}

enum err act_fleet_add(struct acting *acting)
{
    char models_text[FLEET_MODELS_MAX];
    struct buf models = { models_text, 0, sizeof(models_text), sizeof(models_text) };
    const struct client *client = NULL;
    const struct registry_product *product = NULL;
    const struct fleet *fleet = NULL;
    struct fleet_order order;
    struct api_key_text text;
    struct str unused;
    TRY(acting_client_live(acting, &client));
    TRY(acting_need(acting, "product", &unused));
    TRY(acting_product(acting, &product));
    TRY(fleet_read_order(acting, client, product, &models, &order));
    country_t market = country_from(order.market);
    if (market == COUNTRY_NONE) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "a market of sale is two capital letters, such as SG");
    }
    TRY(market_check(acting->registry, client, &(struct market_sale){ product, MARKET_KEY, market },
                     &acting->fail));
    TRY(act_check_review(acting->world, client, REVIEW_HOLD_TRAFFIC, &acting->fail));
    TRY(act_check_currency(acting, client, product));
    TRY(fleet_add(acting->world->ident, &order, stamp_system_ns(), &fleet, &text, &acting->fail));
    return fleet_print_secret(acting, fleet, &text);
}

/* ---- changes ------------------------------------------------------------------------------- */

enum err act_fleet_suspend(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    TRY(acting_fleet(acting, &fleet));
    TRY(fleet_suspend(acting->world->ident, fleet->id, stamp_system_ns(), &acting->fail));
    return fleet_print(acting, fleet);
}

enum err act_fleet_resume(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    TRY(acting_fleet(acting, &fleet));
    TRY(fleet_resume(acting->world->ident, fleet->id, &acting->fail));
    return fleet_print(acting, fleet);
}

enum err act_fleet_secret(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    struct api_key_text text;
    TRY(acting_fleet(acting, &fleet));
    TRY(fleet_new_secret(acting->world->ident, fleet->id, stamp_system_ns(), &text, &acting->fail));
    return fleet_print_secret(acting, fleet, &text);
}
