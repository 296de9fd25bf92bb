/* The act on how a fleet's devices are spoken with. */
#include "app/acts_internal.h"
#include "base/stamp.h"
#include "front/voice_as.h"

static const char *const voice_columns[] = {
    "fleet",    "product",      "hear",         "think",           "speak", "voice",
    "language", "instructions", "turns_minute", "session_minutes", "own",
};

/* What is in force, and which of it the fleet says itself. */
static enum err voice_print(struct acting *acting, const struct fleet *fleet,
                            const struct voice_as *as)
{
    char own_text[128];
    struct buf own = { own_text, 0, sizeof(own_text), sizeof(own_text) };
    struct sheet sheet;
    sheet_init(&sheet, voice_columns, EP_ARRAY_LEN(voice_columns));
    sheet_id(&sheet, IDENT_FLEET_PREFIX, fleet->id);
    sheet_str(&sheet, fleet->product);
    for (int i = 0; i < FLEET_VOICE_TEXTS; i++) {
        sheet_str(&sheet, as->texts[i]);
        if (as->own[i]) {
            EP_IGNORE(buf_printf(&own, "%s%s", own.len > 0 ? " " : "",
                                 fleet_voice_text_name((enum fleet_voice_text)i))); /* fits */
        }
    }
    sheet_int(&sheet, as->turns_minute);
    sheet_int(&sheet, as->session_minutes);
    sheet_str(&sheet, buf_str(&own));
    enum err err = sheet_print_one(&sheet, acting->json, acting->out);
    sheet_fini(&sheet);
    return err;
}

static enum err voice_read_number(struct acting *acting, const char *flag, int64_t *number)
{
    struct str text = args_value(acting->args, flag);
    if (!args_has(acting->args, flag)) {
        return ERR_OK;
    }
    if (str_eq(text, STR("none"))) {
        *number = FLEET_CAP_NONE;
    } else if (!str_to_i64(text, number) || *number <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"--%s\" is a number above zero, or none, not \"" STR_FMT "\"", flag,
                    STR_ARG(text));
    }
    return ERR_OK;
}

/* The flags' values in the place of what the fleet has said; "none": as the product says. */
static enum err voice_read(struct acting *acting, struct fleet_voice *voice, bool *ret_changes)
{
    *ret_changes =
        args_has(acting->args, "turns-minute") || args_has(acting->args, "session-minutes");
    for (int i = 0; i < FLEET_VOICE_TEXTS; i++) {
        const char *flag = fleet_voice_text_name((enum fleet_voice_text)i);
        struct str text = args_value(acting->args, flag);
        if (!args_has(acting->args, flag)) {
            continue;
        }
        if (text.len == 0) {
            return FAIL(&acting->fail, ERR_ASK_INVALID,
                        "\"--%s\" is empty; none takes back what the fleet has said", flag);
        }
        voice->texts[i] = str_eq(text, STR("none")) ? STR_EMPTY : text;
        *ret_changes = true;
    }
    TRY(voice_read_number(acting, "turns-minute", &voice->turns_minute));
    return voice_read_number(acting, "session-minutes", &voice->session_minutes);
}

/* The fleet's devices may ask for its models, and nothing is missing. */
static enum err voice_check(struct acting *acting, const struct fleet *fleet,
                            const struct registry_product *product, const struct voice_as *as)
{
    for (int i = 0; i <= FLEET_VOICE_VOICE; i++) {
        const char *name = fleet_voice_text_name((enum fleet_voice_text)i);
        struct str model = as->texts[i];
        if (model.len == 0) {
            return FAIL(&acting->fail, ERR_ASK_MISSING,
                        "neither the fleet nor its product says \"%s\"", name);
        }
        if (i < FLEET_VOICE_VOICE &&
            (registry_product_model(product, model) == NULL || !fleet_has_model(fleet, model))) {
            acting->remedy = "see \"entrepot fleet show\" and \"entrepot registry show\"";
            return FAIL(&acting->fail, ERR_NOT_FOUND,
                        "\"--%s\": the fleet's devices have no model \"" STR_FMT "\"", name,
                        STR_ARG(model));
        }
    }
    return ERR_OK;
}

/* What would be in force if the fleet said `voice`. */
static struct voice_as voice_would(const struct registry_product *product,
                                   const struct fleet_voice *voice)
{
    struct voice_as as;
    struct fleet fleet = { .created_ns = 0 };
    atomic_init(&fleet.voice, voice);
    bool whole = voice_as_of(product, &fleet, &as);
    (void)whole; /* what is missing is told by its name */
    return as;
}

enum err act_fleet_voice(struct acting *acting)
{
    const struct fleet *fleet = NULL;
    bool changes = false;
    TRY(acting_fleet(acting, &fleet));
    const struct registry_product *product = registry_product(acting->registry, fleet->product);
    if (product == NULL) {
        acting->remedy = "see \"entrepot registry show\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the registry has no product \"" STR_FMT "\"",
                    STR_ARG(fleet->product));
    }
    const struct fleet_voice *now = fleet_voice(fleet);
    struct fleet_voice voice = { .turns_minute = FLEET_CAP_NONE,
                                 .session_minutes = FLEET_CAP_NONE };
    voice = now == NULL ? voice : *now;
    TRY(voice_read(acting, &voice, &changes));
    const struct voice_as as = voice_would(product, &voice);
    if (changes) {
        TRY(voice_check(acting, fleet, product, &as));
        TRY(fleet_set_voice(acting->world->ident, fleet->id, &voice, stamp_system_ns(),
                            &acting->fail));
    }
    return voice_print(acting, fleet, &as);
}
