/* The acts on the registry in force, and on plans. */
#include "app/acts_internal.h"
#include "app/price_keeping.h"
#include "app/registry_candidate.h"
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

static void registry_put_grants(struct sheet *sheet, const struct registry *registry)
{
    static const struct str roots[] = {
        [REGISTRY_PARENT_GRANT] = STR_INIT(""),
        [REGISTRY_PARENT_ROOT] = STR_INIT("root"),
        [REGISTRY_PARENT_LICENCE] = STR_INIT("licence"),
    };
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        bool below = grant->parent_kind == REGISTRY_PARENT_GRANT;
        sheet_str(sheet, grant->id);
        sheet_str(sheet, grant->grantor->id);
        sheet_str(sheet, grant->grantee->id);
        sheet_str(sheet, below ? grant->parent_id : roots[grant->parent_kind]);
        sheet_stamp(sheet, grant->valid_from);
        sheet_stamp(sheet, grant->valid_until);
    }
}

static const char *const grant_columns[] = { "grant",  "grantor",    "grantee",
                                             "parent", "valid_from", "valid_until" };
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
    { "grants", grant_columns, registry_put_grants },
};

/* A part's rows; in JSON without the line end. */
static enum err registry_print_part(struct acting *acting, const struct registry_part *part,
                                    const struct registry *registry, struct buf *out)
{
    struct sheet sheet;
    sheet_init(&sheet, part->columns, EP_ARRAY_LEN(model_columns));
    part->put(&sheet, registry);
    enum err err = sheet_print(&sheet, acting->json, out);
    sheet_fini(&sheet);
    return err;
}

/* ---- which one it is ---------------------------------------------------------------------- */

/* A registry to be shown, with what is known of its version. */
struct registry_shown {
    struct registry_version version; /* seq 0: it is the folder, which was never in force */
    const struct registry *registry;
    struct str state;
};

static struct str registry_folder_state(struct world *world)
{
    static const struct str states[] = {
        [WORLD_FOLDER_SAME] = STR_INIT("in force; the folder says the same"),
        [WORLD_FOLDER_DIFFERS] =
            STR_INIT("in force; the folder says something else (see: entrepot registry diff)"),
        [WORLD_FOLDER_FAULTY] =
            STR_INIT("in force; the folder has faults (see: entrepot registry check)"),
    };
    return states[world_look_at_folder(world)];
}

/* ---- registry show ------------------------------------------------------------------------ */

static enum err registry_print_json(struct acting *acting, const struct registry_shown *shown)
{
    struct jsonw json;
    struct buf rows;
    struct sheet sheet;
    buf_init(&rows, ACTS_OUT_MAX);
    act_version_begin(&sheet, false);
    act_version_put(&sheet, &shown->version, shown->state);
    enum err err = sheet_print_one(&sheet, true, &rows);
    sheet_fini(&sheet);
    jsonw_init(&json, acting->out);
    if (err == ERR_OK) { /* the members of the version, and the parts behind them */
        err = buf_append(acting->out, str_slice(buf_str(&rows), 0, rows.len - 2));
        json.comma = true;
    }
    for (size_t i = 0; err == ERR_OK && i < EP_ARRAY_LEN(registry_parts); i++) {
        buf_reset(&rows);
        err = registry_print_part(acting, &registry_parts[i], shown->registry, &rows);
        if (err == ERR_OK) {
            jsonw_key(&json, registry_parts[i].name);
            jsonw_raw(&json, str_slice(buf_str(&rows), 0, rows.len - 1));
        }
    }
    buf_fini(&rows);
    TRY(err);
    TRY(jsonw_err(&json));
    return buf_append(acting->out, STR("}\n"));
}

static enum err registry_print(struct acting *acting, const struct registry_shown *shown)
{
    if (acting->json) {
        return registry_print_json(acting, shown);
    }
    struct sheet sheet;
    act_version_begin(&sheet, false);
    act_version_put(&sheet, &shown->version, shown->state);
    enum err err = sheet_print_one(&sheet, false, acting->out);
    sheet_fini(&sheet);
    TRY(err);
    for (size_t i = 0; i < EP_ARRAY_LEN(registry_parts); i++) {
        TRY(buf_byte(acting->out, '\n'));
        TRY(registry_print_part(acting, &registry_parts[i], shown->registry, acting->out));
    }
    return ERR_OK;
}

static enum err registry_show_kept(struct acting *acting, int64_t seq)
{
    struct store *store = acting->world->store;
    struct registry_shown shown = { .state = STR_EMPTY };
    struct registry *registry = NULL;
    struct registry_version latest;
    TRY(registry_versions_find(store, seq, &shown.version, &acting->fail));
    TRY(registry_versions_find(store, 0, &latest, &acting->fail));
    TRY(registry_version_load(store, seq, &registry, &acting->fail));
    shown.registry = registry;
    shown.state = latest.seq == seq ? STR("in force") : STR("was in force");
    enum err err = registry_print(acting, &shown);
    registry_unref(registry);
    return err;
}

enum err act_registry_show(struct acting *acting)
{
    int64_t seq = 0;
    struct registry_shown shown = { .registry = acting->registry };
    if (args_has(acting->args, "version")) {
        TRY(acting_number(acting, "version", &seq));
        return registry_show_kept(acting, seq);
    }
    if (acting->world->version > 0) {
        TRY(registry_versions_find(acting->world->store, acting->world->version, &shown.version,
                                   &acting->fail));
        shown.state = registry_folder_state(acting->world);
    } else {
        shown.version.hash = acting->registry->hash;
        shown.state = STR("the folder; the first start puts it in force if it is signed");
    }
    return registry_print(acting, &shown);
}

/* ---- registry apply ----------------------------------------------------------------------- */

/* Without a server: the next one takes it. */
static enum err registry_apply_here(struct acting *acting, struct registry_candidate *candidate,
                                    struct world_applied *applied)
{
    struct world *world = acting->world;
    struct world_registry fresh = { acting->registry, world->version, world->since_ns };
    const struct registry_rival rival = { fresh.registry, fresh.version, fresh.since_ns };
    const struct registry_home home = { world->store, world->tlog };
    int64_t now_ns = registry_candidate_now();
    TRY(registry_candidate_read(candidate, world->conf->registry.ptr, world_vocabularies(world),
                                acting->errors));
    *applied =
        (struct world_applied){ .version = fresh.version, .hash = candidate->registry->hash };
    if (registry_candidate_same(candidate, &rival, world->store)) {
        return ERR_OK;
    }
    TRY(registry_candidate_signed(candidate, &rival, now_ns, acting->errors));
    TRY(price_keeping_keep(world->ledger, world->tlog, candidate->registry, &acting->fail));
    TRY(registry_candidate_keep(candidate, &home, &rival, now_ns, &applied->version,
                                &acting->fail));
    applied->changed = true;
    fresh = (struct world_registry){ registry_ref(candidate->registry), applied->version, now_ns };
    world_swap_registry(world, &fresh);
    return ERR_OK;
}

static enum err registry_apply(struct acting *acting, struct world_applied *applied)
{
    struct world *world = acting->world;
    if (world->reload != NULL) {
        return world->reload(world->reload_context, applied, acting->errors);
    }
    struct registry_candidate candidate;
    registry_candidate_init(&candidate);
    enum err err = registry_apply_here(acting, &candidate, applied);
    registry_candidate_fini(&candidate);
    return err;
}

static enum err registry_print_applied(struct acting *acting, const struct world_applied *applied)
{
    static const char *const columns[] = { "registry", "version", "hash", "state", "swap_us" };
    char text[2 * DIGEST_BYTES];
    struct buf hash = { text, 0, sizeof(text), sizeof(text) };
    bool runs = acting->world->reload != NULL;
    struct sheet sheet;
    EP_IGNORE(enc_hex(&hash, applied->hash.bytes, DIGEST_BYTES)); /* fits exactly */
    sheet_init(&sheet, columns, EP_ARRAY_LEN(columns));
    sheet_str(&sheet, acting->world->conf->registry);
    sheet_int(&sheet, applied->version);
    sheet_str(&sheet, buf_str(&hash));
    sheet_str(&sheet, !applied->changed ? STR("was in force already")
                      : runs            ? STR("in force")
                                        : STR("in force; no server runs, the next start takes it"));
    if (runs) {
        sheet_int(&sheet, applied->swap_us);
    } else {
        sheet_none(&sheet);
    }
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

enum err act_registry_apply(struct acting *acting)
{
    struct world_applied applied;
    acting->remedy = "what was in force stays; mend the files, let two persons sign them "
                     "(entrepot registry sign), and apply again";
    enum err err = registry_apply(acting, &applied);
    if (err != ERR_OK) {
        return acting->fail.text[0] != '\0' ? err
                                            : FAIL(&acting->fail, err, "the registry is refused");
    }
    acting->remedy = NULL;
    return registry_print_applied(acting, &applied);
}
