#include "app/acts.h"

#include <stdio.h>
#include <string.h>

#include "app/acts_internal.h"
#include "base/money.h"
#include "base/stamp.h"
#include "crypto/random.h"
#include "ident/forget.h"
#include "wire/utf8.h"

#define ACT_LIMIT_USAGE                                                          \
    "[--requests N|none|default] [--tokens N|none|default] [--input-tokens ...]" \
    " [--output-tokens ...] [--calls ...]"
#define ACT_LIMIT_FLAGS "model requests tokens input-tokens output-tokens calls"

#define ACT_CAPS_USAGE                                                  \
    "[--budget-day AMOUNT|none] [--budget-total AMOUNT|none]"           \
    " [--calls-day N|none] [--calls-total N|none] [--wakes-day N|none]" \
    " [--wakes-total N|none] [--seconds-day N|none]"
#define ACT_CAPS_FLAGS \
    "budget-day budget-total calls-day calls-total wakes-day wakes-total seconds-day"

const struct act acts[] = {
    { "client", "add",
      "--name NAME [--currency CODE] [--party PARTY] [--country CC] [--billing-country CC] "
      "[--type TYPE] [--accept AGREEMENT]",
      "name currency party country billing-country type accept",
      "Opens an account and adds a client", ACT_CHANGES, 2, act_client_add },
    { "client", "standing",
      "CLIENT [--party PARTY] [--country CC] [--billing-country CC] [--type TYPE] "
      "[--accept AGREEMENT]",
      "client party country billing-country type accept",
      "Shows or sets which party a client is, or what it said and accepted online", ACT_CHANGES, 3,
      act_client_standing },
    { "client", "list", "", "", "Lists all clients", ACT_READS, 2, act_client_list },
    { "client", "show", "CLIENT", "client", "Shows a client", ACT_READS, 3, act_client_show },
    { "client", "suspend", "CLIENT", "client", "Refuses a client's calls from now on", ACT_CHANGES,
      3, act_client_suspend },
    { "client", "resume", "CLIENT", "client", "Takes a suspended client's calls again", ACT_CHANGES,
      3, act_client_resume },
    { "client", "kyc", "CLIENT --level none|basic|full [--evidence TEXT]", "client level evidence",
      "Says how well a client is known, which limits what it may buy in a day", ACT_CHANGES, 3,
      act_client_kyc },
    { "client", "limit", "CLIENT [--model MODEL] " ACT_LIMIT_USAGE, "client " ACT_LIMIT_FLAGS,
      "Shows or sets what a client may have in a minute, and how many calls at once", ACT_CHANGES,
      3, act_client_limit },
    { "key", "add",
      "--client CLIENT --product PRODUCT [--name NAME] [--budget-day AMOUNT]"
      " [--budget-month AMOUNT] [--budget-total AMOUNT] [--market CC]"
      " [--consent REFERENCE]",
      "client product name budget-day budget-month budget-total market consent",
      "Makes an API key and shows it once", ACT_CHANGES, 2, act_key_add },
    { "key", "list", "[--client CLIENT]", "client", "Lists API keys by their hints", ACT_READS, 2,
      act_key_list },
    { "key", "revoke", "KEY", "key", "Ends an API key for good", ACT_CHANGES, 3, act_key_revoke },
    { "key", "budget",
      "KEY [--budget-day AMOUNT|none] [--budget-month AMOUNT|none] [--budget-total AMOUNT|none]",
      "key budget-day budget-month budget-total",
      "Changes what a key may spend in a day, in a month and in all", ACT_CHANGES, 3,
      act_key_budget },
    { "key", "limit", "KEY [--model MODEL] " ACT_LIMIT_USAGE, "key " ACT_LIMIT_FLAGS,
      "Shows or sets what a key may have in a minute, and how many calls at once", ACT_CHANGES, 3,
      act_key_limit },
    { "fleet", "add",
      "--client CLIENT --product PRODUCT --market CC --maker NAME [--models MODEL,...]"
      " [--consent required|optional] " ACT_CAPS_USAGE,
      "client product market maker models consent " ACT_CAPS_FLAGS,
      "Adds a fleet of devices sold in a market, and shows its issuing secret once", ACT_CHANGES, 2,
      act_fleet_add },
    { "fleet", "list", "[--client CLIENT]", "client", "Lists fleets of devices", ACT_READS, 2,
      act_fleet_list },
    { "fleet", "show", "FLEET", "fleet", "Shows a fleet and what its devices may use", ACT_READS, 3,
      act_fleet_show },
    { "fleet", "suspend", "FLEET", "fleet", "Refuses all keys of a fleet from now on", ACT_CHANGES,
      3, act_fleet_suspend },
    { "fleet", "resume", "FLEET", "fleet", "Takes a suspended fleet's keys again", ACT_CHANGES, 3,
      act_fleet_resume },
    { "fleet", "secret", "FLEET", "fleet",
      "Gives a fleet another issuing secret and shows it once; the old one ends", ACT_CHANGES, 3,
      act_fleet_secret },
    { "fleet", "voice",
      "FLEET [--hear MODEL|none] [--think MODEL|none] [--speak MODEL|none] [--voice NAME|none]"
      " [--language LANGUAGE|none] [--instructions TEXT|none] [--turns-minute N|none]"
      " [--session-minutes N|none]",
      "fleet hear think speak voice language instructions turns-minute session-minutes",
      "Shows or sets how a fleet's devices are spoken with, beside what their product says",
      ACT_CHANGES, 3, act_fleet_voice },
    { "device", "issue",
      "--fleet FLEET --device ID [--consent REFERENCE --given TIME] [--expires TIME] [--inactive]"
      " [--rotate] " ACT_CAPS_USAGE,
      "fleet device consent given expires inactive rotate " ACT_CAPS_FLAGS,
      "Issues a device's key and shows it once, or with --rotate another for the same device",
      ACT_CHANGES, 2, act_device_issue },
    { "device", "list", "--fleet FLEET [--from N] [--limit N]", "fleet from limit",
      "Lists the devices of a fleet, in the order of making", ACT_READS, 2, act_device_list },
    { "device", "show", "KEY | ID --fleet FLEET", "device fleet",
      "Shows a device, what it may use and has used", ACT_READS, 3, act_device_show },
    { "device", "activate", "KEY | ID --fleet FLEET", "device fleet",
      "Lets a device call that was issued inactive", ACT_CHANGES, 3, act_device_activate },
    { "device", "revoke", "KEY | ID --fleet FLEET", "device fleet",
      "Ends a device's key for good, at once", ACT_CHANGES, 3, act_device_revoke },
    { "model", "limit", "MODEL " ACT_LIMIT_USAGE, ACT_LIMIT_FLAGS,
      "Shows or sets what all clients together may have of a model in a minute and at once",
      ACT_CHANGES, 3, act_model_limit },
    { "limit", "list", "", "", "Lists the limits that are set, of keys, clients and models",
      ACT_READS, 2, act_limit_list },
    { "plan", "list", "[--product PRODUCT]", "product", "Lists what credit can be bought",
      ACT_READS, 2, act_plan_list },
    { "credit", "purchase",
      "--client CLIENT (--plan PLAN | --amount AMOUNT [--kind paid|promo] [--expires TIME])"
      " [--product PRODUCT] [--payer NAME] [--method METHOD] [--payment REFERENCE]",
      "client plan product amount kind expires payer method payment",
      "Adds credit to a client's account", ACT_CHANGES, 2, act_credit_purchase },
    { "credit", "refund",
      "--client CLIENT --lot LOT [--amount AMOUNT] [--payer NAME] [--method METHOD]"
      " [--contract REASON]",
      "client lot amount payer method contract",
      "Gives the unused part of a paid lot back to who paid it", ACT_CHANGES, 2,
      act_credit_refund },
    { "credit", "correct",
      "--entry ENTRY --reason TEXT [--amount AMOUNT] [--lot LOT] [--reference TEXT]",
      "entry reason amount lot reference", "Undoes a wrong entry, or a part of it, by a new one",
      ACT_CHANGES, 2, act_credit_correct },
    { "credit", "expire", "[--at TIME]", "at", "Ends all credit whose time has passed", ACT_CHANGES,
      2, act_credit_expire },
    { "credit", "entries", "[--client CLIENT] [--lot LOT] [--call CALL]", "client lot call",
      "Lists the entries of the books, all or of one client, lot or call", ACT_READS, 2,
      act_credit_entries },
    { "credit", "trace", "CALL", "call", "Shows which lots a call was paid from, and who paid them",
      ACT_READS, 3, act_credit_trace },
    { "credit", "report", "--period YEAR|MONTH|DAY", "period",
      "Shows what was deferred, recognised, given back and ended in a period", ACT_READS, 2,
      act_credit_report },
    { "credit", "breakage", "[--period YEAR|MONTH|DAY]", "period",
      "Lists the lots that ended with a part unused", ACT_READS, 2, act_credit_breakage },
    { "credit", "transfer", "", "client to lot amount", "Refused: credit cannot be moved",
      ACT_READS, 8, act_credit_transfer },
    { "credit", "gift", "", "client to lot amount", "Refused: credit is not given away", ACT_READS,
      8, act_credit_gift },
    { "credit", "redeem", "", "client code", "Refused: there are no codes for credit", ACT_READS, 8,
      act_credit_redeem },
    { "credit", "show", "--client CLIENT [--product PRODUCT]", "client product",
      "Shows a client's credit in money and in units", ACT_READS, 3, act_credit_show },
    { "registry", "show", "[--version NUMBER]", "version",
      "Shows the registry in force, or one that was: models, routes and products", ACT_READS, 2,
      act_registry_show },
    { "closures", NULL,
      "--client CLIENT|PARTY --model MODEL [--product PRODUCT] [--at TIME] [--market CC]"
      " [--origin CC] [--link LINK] [--consent REFERENCE]",
      "client model product at market origin link consent",
      "Shows which closures are closed for a client and a model, which are open and why", ACT_READS,
      1, act_closures },
    { "verdict", "replay", "CALL", "call",
      "Judges a past call again by the registry and the facts of then", ACT_READS, 3,
      act_verdict_replay },
    { "registry", "apply", "", "",
      "Puts the registry's files in force, if two persons have signed them", ACT_CHANGES, 2,
      act_registry_apply },
    { "registry", "history", "", "", "Lists the versions that were in force, and who signed them",
      ACT_READS, 2, act_registry_history },
    { "registry", "diff", "[VERSION [VERSION]]", "",
      "Shows what differs between two versions, or one (that in force) and the folder", ACT_READS,
      4, act_registry_diff },
    { "receipt", "show", "CALL", "", "Shows a call's receipt, all sections", ACT_READS, 3,
      act_receipt_show },
    { "usage", "show", "--client CLIENT [--month MONTH]", "client month",
      "Shows what a client used in a month, by key and model", ACT_READS, 3, act_usage_show },
    { "usage", "check", "[--route ROUTE] [--finding NUMBER]", "route finding",
      "Shows where routes report other usage than was counted, or the calls that prove it",
      ACT_READS, 2, act_usage_check },
    { "review", "list", "[--all]", "all",
      "Lists the cases that wait for a decision, or all there have been", ACT_READS, 2,
      act_review_list },
    { "review", "show", "CASE", "", "Shows a case with its signals and decisions", ACT_READS, 3,
      act_review_show },
    { "review", "open",
      "--client CLIENT --kind resale|origin [--hold purchases|traffic] --by NAME --why TEXT",
      "client kind hold by why", "Opens a case that no signal shows", ACT_CHANGES, 2,
      act_review_open },
    { "review", "release", "CASE --by NAME --why TEXT", "by why",
      "Lets a client buy and call again", ACT_CHANGES, 3, act_review_release },
    { "review", "refuse", "CASE --by NAME --why TEXT", "by why",
      "Refuses a client's purchases and calls for good", ACT_CHANGES, 3, act_review_refuse },
    { "route", "list", "", "", "Lists the routes with their state and health", ACT_ASKS, 2,
      act_route_list },
    { "route", "explain",
      "--client CLIENT --model MODEL [--product PRODUCT] [--preferences JSON] [--at TIME]"
      " [--service SERVICE] [--request JSON [--dialect DIALECT]] [--market CC] [--origin CC]"
      " [--link LINK] [--consent REFERENCE]",
      "client model product preferences service request dialect at market origin link consent",
      "Shows which route a call would take now, which are left, and what keeps the others away",
      ACT_ASKS, 2, act_route_explain },
    { "route", "history", "[ROUTE]", "",
      "Lists which routes were quarantined, why, and who released them", ACT_READS, 3,
      act_route_history },
    { "route", "quarantine", "ROUTE --why TEXT --by NAME", "why by",
      "Takes a route out until it is released", ACT_CHANGES, 3, act_route_quarantine },
    { "route", "release", "ROUTE --why TEXT --by NAME", "why by", "Puts a quarantined route back",
      ACT_CHANGES, 3, act_route_release },
    { "claim", "list", "[--route ROUTE] [--state open|settled|withdrawn]", "route state",
      "Lists the claims against upstreams", ACT_READS, 2, act_claim_list },
    { "claim", "show", "CLAIM", "", "Shows a claim with the calls that prove it", ACT_READS, 3,
      act_claim_show },
    { "claim", "close", "CLAIM --why TEXT --by NAME [--as settled|withdrawn]", "why by as",
      "Closes a claim, settled if it is not said how", ACT_CHANGES, 3, act_claim_close },
    { "batch", "list", "[--client CLIENT] [--unended]", "client unended",
      "Lists the batches, the newest first, or those that have not ended", ACT_READS, 2,
      act_batch_list },
    { "batch", "show", "BATCH", "batch", "Shows how far a batch is", ACT_READS, 3, act_batch_show },
    { "batch", "cancel", "BATCH", "batch",
      "Begins no more lines of a batch; those that are under way end", ACT_CHANGES, 3,
      act_batch_cancel },
    { "evidence", NULL, "--client CLIENT --period PERIOD[..PERIOD] -o FILE", "client period output",
      "Packs the receipts of a client and a period with all that proves them, and a report",
      ACT_READS, 1, act_evidence },
    { "erase", NULL,
      "(--client CLIENT [--forfeit] [--yes --why TEXT --by NAME] | --due [--yes] | --list)",
      "client forfeit due list yes why by",
      "Erases who a client is, or what is older than the period of its class (answers, supply,"
      " evidence, books: retention.* of the configuration); shows what would go, until --yes is"
      " said",
      ACT_CHANGES, 1, act_erase },
    { "audit", NULL, "", "", "Recomputes every invariant of the books and the log", ACT_READS, 1,
      act_audit },
    { "backup", NULL, "FILE", "", "Copies the books of a running server, whole and consistent",
      ACT_READS, 2, act_backup },
    { .noun = NULL },
};

const struct act *act_find(const struct args *args)
{
    for (const struct act *act = acts; act->noun != NULL; act++) {
        if (str_eq(args_word(args, 0), str_from(act->noun)) &&
            (act->verb == NULL || str_eq(args_word(args, 1), str_from(act->verb)))) {
            return act;
        }
    }
    return NULL;
}

enum act_exit act_exit_of(enum err err)
{
    if (err == ERR_OK) {
        return ACT_OK;
    }
    if (err == ERR_ASK_INVALID || err == ERR_ASK_MISSING) {
        return ACT_USAGE;
    }
    bool refused = err_info(err)->kind == ERR_KIND_CLIENT || err == ERR_AUDIT_FAILED ||
                   err == ERR_STORE_DAMAGED || err == ERR_REGISTRY_INVALID ||
                   err == ERR_CONF_INVALID;
    return refused ? ACT_FAILED : ACT_COULD_NOT;
}

void act_complain(struct buf *errors, enum err err, const struct fail *fail, const char *remedy)
{
    char text[FAIL_TEXT_MAX];
    const char *said = fail->text[0] != '\0' ? fail->text : err_info(err)->text;
    (void)snprintf(text, sizeof(text), "%s", said); /* what fits */
    utf8_mend(text); /* a quoted name may be cut off inside a character */
    /* Whatever was the matter on the way, the code that counts is the one returned. */
    EP_IGNORE(buf_printf(errors, "entrepot: %s (%s)%s%s\n", text, err_info(err)->name,
                         remedy == NULL ? "" : "; ", remedy == NULL ? "" : remedy));
}

/* What is given is stored and shown again, in JSON too: it must be text. */
static enum err act_check_texts(const struct args *args, struct fail *fail)
{
    for (size_t i = 0; i < args->word_count + args->flag_count; i++) {
        struct str text =
            i < args->word_count ? args->words[i] : args->flags[i - args->word_count].value;
        if (utf8_valid(text) != text.len) {
            return FAIL(fail, ERR_ASK_INVALID, "argument %zu is not UTF-8", i + 1);
        }
        for (size_t at = 0; at < text.len; at++) {
            if ((unsigned char)text.ptr[at] < 0x20 || text.ptr[at] == 0x7F) {
                return FAIL(fail, ERR_ASK_INVALID, "argument %zu holds a control character", i + 1);
            }
        }
    }
    return ERR_OK;
}

static enum err act_check(const struct act *act, struct acting *acting)
{
    struct fail *fail = &acting->fail;
    TRY(act_check_texts(acting->args, fail));
    TRY(args_only(acting->args, act->flags, fail));
    if (acting->args->word_count > act->words_max) {
        return FAIL(fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is one word too many",
                    STR_ARG(args_word(acting->args, act->words_max)));
    }
    if (act->place == ACT_CHANGES && acting->world->mode != WORLD_READ_WRITE) {
        return FAIL(fail, ERR_INTERNAL, "the store is open for reading alone");
    }
    return ERR_OK;
}

enum act_exit act_run(struct world *world, const struct args *args, struct buf *out,
                      struct buf *errors)
{
    struct acting acting = {
        .world = world,
        .args = args,
        .out = out,
        .errors = errors,
        .json = args_has(args, "json"),
    };
    const struct act *act = act_find(args);
    if (act == NULL) {
        EP_IGNORE(FAIL(&acting.fail, ERR_ASK_INVALID,
                       "there is no command \"" STR_FMT " " STR_FMT "\"",
                       STR_ARG(args_word(args, 0)), STR_ARG(args_word(args, 1))));
        act_complain(errors, ERR_ASK_INVALID, &acting.fail, "see \"entrepot --help\"");
        return ACT_USAGE;
    }
    acting.registry = world_registry(world);
    enum err err = act_check(act, &acting);
    err = err == ERR_OK ? act->run(&acting) : err;
    registry_unref(acting.registry);
    if (err != ERR_OK) {
        act_complain(errors, err, &acting.fail, acting.remedy);
        if (act_exit_of(err) == ACT_USAGE) {
            EP_IGNORE(buf_printf(errors, "usage: entrepot %s%s%s %s\n", act->noun,
                                 act->verb == NULL ? "" : " ", act->verb == NULL ? "" : act->verb,
                                 act->usage));
        }
    }
    return act_exit_of(err);
}

/* ---- what acts share --------------------------------------------------------------------- */

enum err acting_need(struct acting *acting, const char *flag, struct str *ret_value)
{
    struct str value = args_value(acting->args, flag);
    if (value.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "\"--%s\" is missing", flag);
    }
    *ret_value = value;
    return ERR_OK;
}

enum err acting_id(struct acting *acting, const char *flag, const char *prefix, struct id *ret_id)
{
    struct str text = args_value(acting->args, flag);
    text = text.len > 0 ? text : args_word(acting->args, 2);
    if (text.len == 0) {
        return FAIL(&acting->fail, ERR_ASK_MISSING, "the %s is missing (%s...)", flag, prefix);
    }
    if (!id_parse(text, str_from(prefix), ret_id)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no id of a %s: those are \"%s\" and %d digits",
                    STR_ARG(text), flag, prefix, ID_TEXT_LEN);
    }
    return ERR_OK;
}

enum err acting_client(struct acting *acting, const struct client **ret_client)
{
    struct id id;
    TRY(acting_id(acting, "client", IDENT_CLIENT_PREFIX, &id));
    const struct client *client = client_find(acting->world->ident, id);
    if (client == NULL) {
        acting->remedy = "see \"entrepot client list\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "there is no such client");
    }
    *ret_client = client;
    return ERR_OK;
}

enum err acting_client_live(struct acting *acting, const struct client **ret_client)
{
    TRY(acting_client(acting, ret_client));
    if (client_forgotten(*ret_client)) {
        acting->remedy = "add the client anew, if it is one again";
        return FAIL(&acting->fail, ERR_CONFLICT, "the client was erased");
    }
    return ERR_OK;
}

enum err acting_product(struct acting *acting, const struct registry_product **ret_product)
{
    struct str id = args_value(acting->args, "product");
    const struct registry *registry = acting->registry;
    const struct registry_product *product =
        id.len > 0 ? registry_product(registry, id)
                   : (registry->product_count > 0 ? &registry->products[0] : NULL);
    if (product == NULL) {
        acting->remedy = "see \"entrepot registry show\"";
        return FAIL(&acting->fail, ERR_NOT_FOUND, "the registry has no product \"" STR_FMT "\"",
                    STR_ARG(id));
    }
    *ret_product = product;
    return ERR_OK;
}

enum err acting_time(struct acting *acting, const char *flag, int64_t *ret_ns)
{
    struct str text = args_value(acting->args, flag);
    if (!stamp_parse(text, ret_ns)) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no time such as 2027-01-31 or 2027-01-31T12:00:00Z",
                    STR_ARG(text));
    }
    return ERR_OK;
}

enum err acting_amount(struct acting *acting, const char *flag, int64_t *ret_nano)
{
    struct str text = args_value(acting->args, flag);
    if (!args_has(acting->args, flag)) {
        *ret_nano = 0;
        return ERR_OK;
    }
    if (!money_parse(text, 9, ret_nano) || *ret_nano <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID,
                    "\"" STR_FMT "\" is no amount above zero such as 12.50", STR_ARG(text));
    }
    return ERR_OK;
}

enum err acting_number(struct acting *acting, const char *flag, int64_t *ret_number)
{
    struct str text;
    TRY(acting_need(acting, flag, &text));
    if (!str_to_i64(text, ret_number) || *ret_number <= 0) {
        return FAIL(&acting->fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no number of a row",
                    STR_ARG(text));
    }
    return ERR_OK;
}

struct id world_new_id(struct world *world)
{
    return id_make(stamp_system_ns(), (uint16_t)world->conf->node, random_u64());
}
