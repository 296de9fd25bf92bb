/* The acts on the registry in force, and on plans. */
#include "app/acts_internal.h"
#include "base/enc.h"
#include "wire/jsonw.h"

/* "id/version", as receipts and lots name it. */
static void plan_put_list(struct sheet *sheet, const struct registry_price_book *book)
{
    char text[256];
    struct buf list = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_printf(&list, STR_FMT "/" STR_FMT, STR_ARG(book->id),
                         STR_ARG(book->version))); /* both are shorter */
    sheet_str(sheet, buf_str(&list));
}

enum err act_plan_list(struct acting *acting)
{
    static const char *const columns[] = { "product",    "plan", "price",        "currency",
                                           "units",      "unit", "expires_days", "refund_hours",
                                           "price_list", "sale" };
    const struct registry *registry = acting->registry;
    const struct registry_product *only = NULL;
    if (args_has(acting->args, "product")) {
        TRY(acting_product(acting, &only));
    }
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    for (size_t i = 0; i < registry->product_count; i++) {
        const struct registry_product *product = &registry->products[i];
        for (size_t k = 0; k < product->plan_count && (only == NULL || only == product); k++) {
            const struct registry_plan *plan = &product->plans[k];
            sheet_str(&sheet, product->id);
            sheet_str(&sheet, plan->id);
            sheet_money(&sheet, plan->price_nano);
            sheet_str(&sheet, plan->currency);
            sheet_int(&sheet, (int64_t)plan->units);
            sheet_str(&sheet, product->unit.name);
            sheet_int(&sheet, (int64_t)plan->expires_days);
            sheet_int(&sheet, (int64_t)plan->refund_hours);
            plan_put_list(&sheet, product->price_book);
            sheet_str(&sheet, plan->withdrawn == REGISTRY_YES ? STR("withdrawn") : STR("on sale"));
        }
    }
    enum err err = sheet_print(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

/* ---- registry show ----------------------------------------------------------------------- */

static void registry_put_models(struct sheet *sheet, const struct registry *registry)
{
    for (size_t i = 0; i < registry->model_count; i++) {
        const struct registry_model *model = &registry->models[i];
        sheet_str(sheet, model->id);
        sheet_str(sheet, model->vendor->id);
        char origin[3];
        country_text(model->origin, origin);
        sheet_str(sheet, str_from(origin));
        sheet_str(sheet, model->version);
        sheet_int(sheet, (int64_t)model->context_tokens);
        sheet_int(sheet, (int64_t)model->route_count);
    }
}

static void registry_put_routes(struct sheet *sheet, const struct registry *registry)
{
    for (size_t i = 0; i < registry->route_count; i++) {
        const struct registry_route *route = &registry->routes[i];
        sheet_str(sheet, route->id);
        sheet_str(sheet, route->model->id);
        sheet_str(sheet, route->upstream_party->id);
        sheet_str(sheet, route->place);
        sheet_str(sheet, route->endpoint);
        sheet_str(sheet, route->state == REGISTRY_ROUTE_ACTIVE ? STR("active") : STR("suspended"));
    }
}

static void registry_put_products(struct sheet *sheet, const struct registry *registry)
{
    static const struct str modes[] = {
        [REGISTRY_MODE_DIRECT] = STR_INIT("direct"),
        [REGISTRY_MODE_AGGREGATE] = STR_INIT("aggregate"),
        [REGISTRY_MODE_ZONE] = STR_INIT("zone"),
    };
    for (size_t i = 0; i < registry->product_count; i++) {
        const struct registry_product *product = &registry->products[i];
        sheet_str(sheet, product->id);
        sheet_str(sheet, modes[product->mode]);
        sheet_str(sheet, product->price_book->id);
        sheet_str(sheet, product->price_book->currency);
        sheet_int(sheet, (int64_t)product->model_count);
        sheet_int(sheet, (int64_t)product->plan_count);
    }
}

static const char *const model_columns[] = { "model",   "vendor",  "origin",
                                             "version", "context", "routes" };
static const char *const route_columns[] = {
    "route", "model", "party", "place", "endpoint", "state"
};
static const char *const product_columns[] = { "product",  "mode",   "price_book",
                                               "currency", "models", "plans" };

static const struct registry_part {
    const char *name;
    const char *const *columns; /* six each */
    void (*put)(struct sheet *sheet, const struct registry *registry);
} registry_parts[] = {
    { "models", model_columns, registry_put_models },
    { "routes", route_columns, registry_put_routes },
    { "products", product_columns, registry_put_products },
};

/* A part's rows; in JSON without the line end. */
static enum err registry_print_part(struct acting *acting, const struct registry_part *part,
                                    struct buf *out)
{
    struct sheet sheet;
    sheet_init(&sheet, part->columns, EP_ARRAY_LEN(model_columns));
    part->put(&sheet, acting->registry);
    enum err err = sheet_print(&sheet, acting->json, out);
    sheet_fini(&sheet);
    return err;
}

static enum err registry_print_json(struct acting *acting, struct str hash)
{
    struct jsonw json;
    struct buf rows;
    enum err err = ERR_OK;
    jsonw_init(&json, acting->out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "hash", hash);
    buf_init(&rows, ACTS_OUT_MAX);
    for (size_t i = 0; err == ERR_OK && i < EP_ARRAY_LEN(registry_parts); i++) {
        buf_reset(&rows);
        err = registry_print_part(acting, &registry_parts[i], &rows);
        if (err == ERR_OK) {
            jsonw_key(&json, registry_parts[i].name);
            jsonw_raw(&json, str_slice(buf_str(&rows), 0, rows.len - 1));
        }
    }
    buf_fini(&rows);
    jsonw_close(&json, '}');
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_byte(acting->out, '\n');
}

enum err act_registry_show(struct acting *acting)
{
    char text[2 * DIGEST_BYTES];
    struct buf hash = { text, 0, sizeof(text), sizeof(text) };
    TRY(enc_hex(&hash, acting->registry->hash.bytes, DIGEST_BYTES));
    if (acting->json) {
        return registry_print_json(acting, buf_str(&hash));
    }
    TRY(buf_printf(acting->out, "hash  " STR_FMT "\n", STR_ARG(buf_str(&hash))));
    for (size_t i = 0; i < EP_ARRAY_LEN(registry_parts); i++) {
        TRY(buf_byte(acting->out, '\n'));
        TRY(registry_print_part(acting, &registry_parts[i], acting->out));
    }
    return ERR_OK;
}

/* ---- registry apply ---------------------------------------------------------------------- */

/* Says which registry is in force, or would be. */
static enum err registry_print_state(struct acting *acting, const struct registry *registry,
                                     struct str state)
{
    static const char *const columns[] = { "registry", "hash", "state" };
    char text[2 * DIGEST_BYTES];
    struct buf hash = { text, 0, sizeof(text), sizeof(text) };
    TRY(enc_hex(&hash, registry->hash.bytes, DIGEST_BYTES));
    struct sheet sheet;
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_str(&sheet, acting->world->conf->registry);
    sheet_str(&sheet, buf_str(&hash));
    sheet_str(&sheet, state);
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_registry_apply(struct acting *acting)
{
    struct world *world = acting->world;
    if (world->reload == NULL) {
        /* Opening the world has read and checked what the next start will read. */
        return registry_print_state(acting, acting->registry,
                                    STR("checked; no server runs, the next start takes it"));
    }
    acting->remedy = "what ran before goes on; mend the files and apply again";
    enum err err = world->reload(world->reload_context, acting->errors);
    if (err != ERR_OK) {
        return FAIL(&acting->fail, err, "the reload was refused");
    }
    acting->remedy = NULL;
    const struct registry *registry = world_registry(world);
    err = registry_print_state(acting, registry, STR("in force"));
    registry_unref(registry);
    return err;
}
