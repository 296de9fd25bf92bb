/* The acts on limits: what a key, a client or a model may have in a minute and at once. */
#include "app/acts_internal.h"
#include "base/stamp.h"
#include "dispatch/limits.h"
#include "ident/allowance.h"

static const char *const limit_columns[] = { "scope",         "id",           "model",
                                             "requests",      "tokens",       "input_tokens",
                                             "output_tokens", "calls_at_once" };
static const char *const limit_flags[ALLOWANCE_KINDS] = {
    [ALLOWANCE_REQUESTS] = "requests",  [ALLOWANCE_TOKENS] = "tokens",
    [ALLOWANCE_INPUT] = "input-tokens", [ALLOWANCE_OUTPUT] = "output-tokens",
    [ALLOWANCE_CALLS] = "calls",
};
static const char *const limit_scopes[ALLOWANCE_OFS] = { "key", "client", "model" };

/* ---- showing ------------------------------------------------------------------------------- */

static void limit_put(struct sheet *sheet, const struct allowance *allowance)
{
    sheet_str(sheet, str_from(limit_scopes[allowance->of]));
    if (allowance->of == ALLOWANCE_OF_MODEL) {
        sheet_none(sheet);
    } else {
        bool key = allowance->of == ALLOWANCE_OF_KEY;
        sheet_id(sheet, key ? IDENT_KEY_PREFIX : IDENT_CLIENT_PREFIX, allowance->id);
    }
    sheet_str(sheet, allowance->model.len > 0 ? allowance->model : STR("*"));
    for (int i = 0; i < ALLOWANCE_KINDS; i++) {
        if (allowance->max[i] == ALLOWANCE_NONE) {
            sheet_str(sheet, STR("none"));
        } else if (allowance->max[i] == ALLOWANCE_DEFAULT) {
            sheet_none(sheet);
        } else {
            sheet_int(sheet, allowance->max[i]);
        }
    }
}

/* The rows of one subject, whatever the model, or of all. */
struct limit_list {
    struct sheet *sheet;
    const struct allowance *only; /* NULL: all */
};

static bool limit_is_of(const struct allowance *row, const struct allowance *subject)
{
    return row->of == subject->of &&
           (row->of == ALLOWANCE_OF_MODEL ? str_eq(row->model, subject->model)
                                          : id_eq(row->id, subject->id));
}

static enum err limit_on_row(void *context, const struct allowance *allowance)
{
    const struct limit_list *list = context;
    if (list->only == NULL || limit_is_of(allowance, list->only)) {
        limit_put(list->sheet, allowance);
    }
    return ERR_OK;
}

static enum err limit_print(struct acting *acting, const struct allowance *only)
{
    struct sheet sheet;
    struct limit_list list = { &sheet, only };
    sheet_init(&sheet, limit_columns, EP_ARRAY_LEN(limit_columns));
    enum err err = allowances_each(acting->world->store, limit_on_row, &list, &acting->fail);
    err = err == ERR_OK ? sheet_print(&sheet, acting->json, acting->out) : err;
    sheet_fini(&sheet);
    return err;
}

/* ---- setting ------------------------------------------------------------------------------- */

static enum err limit_find_same(void *context, const struct allowance *row)
{
    struct allowance *allowance = context;
    if (limit_is_of(row, allowance) && str_eq(row->model, allowance->model)) {
        for (int i = 0; i < ALLOWANCE_KINDS; i++) {
            allowance->max[i] = row->max[i];
        }
    }
    return ERR_OK;
}

static enum err limit_read_flag(struct acting *acting, const char *flag, int64_t *max)
{
    struct str text = args_value(acting->args, flag);
    if (str_eq(text, STR("none"))) {
        *max = ALLOWANCE_NONE;
    } else if (str_eq(text, STR("default"))) {
        *max = ALLOWANCE_DEFAULT;
    } else if (!str_to_i64(text, max) || *max < 0 || *max > LIMITS_MOST) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--%s\" is a number from 0 to %lld, none or default, not \"" STR_FMT "\"",
                    flag, (long long)LIMITS_MOST, STR_ARG(text));
    }
    return ERR_OK;
}

static enum err limit_check_model(struct acting *acting, struct str model)
{
    if (model.len > 0 && registry_model(acting->registry, model) == NULL) {
        acting->remedy = "see \"entrepot registry show\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the registry has no model \"" STR_FMT "\"",
                    STR_ARG(model));
    }
    return ERR_OK;
}

/* Shows the subject's limits, after those that are given have taken the place of what was there. */
static enum err limit_run(struct acting *acting, struct allowance *allowance)
{
    bool given = false;
    TRY(limit_check_model(acting, allowance->model));
    for (int i = 0; i < ALLOWANCE_KINDS; i++) {
        allowance->max[i] = ALLOWANCE_DEFAULT;
        given = given || args_has(acting->args, limit_flags[i]);
    }
    if (!given) {
        return limit_print(acting, allowance);
    }
    TRY(allowances_each(acting->world->store, limit_find_same, allowance, &acting->fail));
    for (int i = 0; i < ALLOWANCE_KINDS; i++) {
        if (args_has(acting->args, limit_flags[i])) {
            TRY(limit_read_flag(acting, limit_flags[i], &allowance->max[i]));
        }
    }
    allowance->set_ns = stamp_system_ns();
    TRY(allowance_set(acting->world->ident, allowance, &acting->fail));
    return limit_print(acting, allowance);
}

enum err act_key_limit(struct acting *acting)
{
    struct allowance allowance = { .of = ALLOWANCE_OF_KEY,
                                   .model = args_value(acting->args, "model") };
    TRY(acting_id(acting, "key", IDENT_KEY_PREFIX, &allowance.id));
    if (api_key_find(acting->world->ident, allowance.id) == NULL) {
        acting->remedy = "see \"entrepot key list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such key");
    }
    return limit_run(acting, &allowance);
}

enum err act_client_limit(struct acting *acting)
{
    const struct client *client = NULL;
    TRY(acting_client(acting, &client));
    struct allowance allowance = { .of = ALLOWANCE_OF_CLIENT,
                                   .id = client->id,
                                   .model = args_value(acting->args, "model") };
    return limit_run(acting, &allowance);
}

enum err act_model_limit(struct acting *acting)
{
    struct str model = args_value(acting->args, "model");
    struct allowance allowance = { .of = ALLOWANCE_OF_MODEL,
                                   .model = model.len > 0 ? model : args_word(acting->args, 2) };
    if (allowance.model.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the model is missing");
    }
    return limit_run(acting, &allowance);
}

enum err act_limit_list(struct acting *acting)
{
    return limit_print(acting, NULL);
}
