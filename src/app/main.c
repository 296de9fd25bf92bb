/* The program's commands: those of the table below, and the acts on a world (acts.c). */
#include <stdio.h>
#include <string.h>

#include "app/acts.h"
#include "app/checks.h"
#include "app/control.h"
#include "app/init.h"
#include "app/quickstart.h"
#include "app/registry_candidate.h"
#include "app/registry_sign.h"
#include "app/registry_sign_grant.h"
#include "app/restore.h"
#include "app/serve.h"
#include "app/tokens.h"
#include "app/witness_run.h"

#define MAIN_CONF          "entrepot.yaml"
#define MAIN_COUNT_OUT_MAX ((size_t)1 << 30) /* --ids: ten bytes for each of 100 million */

struct command {
    const char *noun;
    const char *verb; /* NULL: the noun alone */
    const char *usage;
    const char *flags;
    const char *text;
    size_t words_max;
    int (*run)(const struct args *args);
};

static int main_help(const struct args *args);

/* ---- printing ---------------------------------------------------------------------------- */

/* Prints and empties both; what to exit with: not `result` when the output got lost. */
static int main_end(struct buf *out, struct buf *errors, enum act_exit result)
{
    struct buf *const bufs[] = { out, errors };
    FILE *const files[] = { stdout, stderr };
    bool whole = true;
    for (size_t i = 0; i < 2; i++) {
        if (bufs[i]->len > 0) {
            whole &= fwrite(bufs[i]->ptr, 1, bufs[i]->len, files[i]) == bufs[i]->len;
            secret_wipe(bufs[i]->ptr, bufs[i]->len); /* it may hold a key's text */
        }
        whole &= fflush(files[i]) == 0;
        buf_fini(bufs[i]);
    }
    return whole ? (int)result : (int)ACT_COULD_NOT;
}

static int main_complain(enum err err, const struct fail *fail, const char *remedy)
{
    struct buf errors;
    struct buf none;
    buf_init(&errors, ACTS_OUT_MAX);
    buf_init(&none, 1);
    act_complain(&errors, err, fail, remedy);
    return main_end(&none, &errors, act_exit_of(err));
}

/* ---- commands that need no world --------------------------------------------------------- */

static int main_init(const struct args *args)
{
    struct buf out;
    struct buf errors;
    struct fail fail;
    if (args->word_count != 2) {
        return main_complain(FAIL(&fail, ERR_ASK_MISSING, "init needs a folder"), &fail,
                             "say \"entrepot init DIR\"");
    }
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum init_example example = args_has(args, "zone") ? INIT_EXAMPLE_ZONE : INIT_EXAMPLE_WORLD;
    enum err err = init_folder_with(args_word(args, 1), example, &out, &errors);
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_version(const struct args *args)
{
    if (args_has(args, "json")) {
        (void)printf("{\"version\":\"%s\"}\n", EP_VERSION); /* nobody is left to tell */
    } else {
        (void)printf("entrepot %s\n", EP_VERSION); /* as above */
    }
    return ACT_OK;
}

/* Vocabularies that are there may still be damaged: a server would refuse them. */
static enum err main_check_vocabularies(const struct registry *registry, struct shelf *shelf,
                                        struct buf *errors)
{
    enum err worst = ERR_OK;
    for (size_t i = 0; shelf != NULL && i < registry->model_count; i++) {
        const struct registry_model *model = &registry->models[i];
        const struct vocab *vocab = NULL;
        struct fail fail = { .text = "" };
        if (model->tokenizer.len > 0 &&
            shelf_open(shelf, model->tokenizer, &vocab, &fail) != ERR_OK) {
            worst = ERR_REGISTRY_INVALID;
            EP_IGNORE(buf_printf(errors,
                                 "models.yaml: TOKENIZER_MISSING: model \"" STR_FMT
                                 "\": %s (remove the file and run make vocab)\n",
                                 STR_ARG(model->id), fail.text)); /* what fits */
        }
    }
    return worst;
}

/* The registry of a folder, or of the configuration; with the configuration's vocabularies if one
 * is named or no folder is. */
static enum err main_check(const struct args *args, struct buf *out, struct buf *errors)
{
    struct conf_report conf_report;
    struct registry *registry = NULL;
    struct shelf *shelf = NULL;
    struct conf *conf = NULL;
    struct fail fail;
    const char *path = args->word_count > 2 ? args_word(args, 2).ptr : NULL;
    TRY(crypto_start(&fail));
    struct str given = args_value(args, "config");
    if (path == NULL || given.len > 0) {
        conf_report_init(&conf_report);
        enum err err = conf_load(given.len > 0 ? given.ptr : MAIN_CONF, &conf, &conf_report);
        if (err != ERR_OK) {
            EP_IGNORE(conf_report_print(&conf_report, errors)); /* what fits */
        }
        conf_report_fini(&conf_report);
        TRY(err);
        path = path != NULL ? path : conf->registry.ptr;
    }
    enum err err = conf == NULL ? ERR_OK : shelf_create(conf->vocabularies, &shelf);
    const struct registry_judging judging = { .shelf = shelf };
    err = err == ERR_OK ? registry_candidate_load(path, &judging, &registry, errors) : err;
    err = err == ERR_OK ? main_check_vocabularies(registry, shelf, errors) : err;
    if (err == ERR_OK) {
        err = buf_printf(out, "registry: %zu models, %zu routes, %zu products; no faults%s\n",
                         registry->model_count, registry->route_count, registry->product_count,
                         shelf == NULL ? "; vocabularies were not looked at (name a configuration)"
                                       : "");
    }
    registry_unref(registry);
    shelf_destroy(shelf);
    conf_destroy(conf);
    return err;
}

static int main_registry_check(const struct args *args)
{
    struct buf out;
    struct buf errors;
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = main_check(args, &out, &errors);
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_registry_keygen(const struct args *args)
{
    struct buf out;
    struct buf errors;
    struct fail fail = { .text = "" };
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = registry_keygen_run(args, &out, &fail);
    if (err != ERR_OK) {
        act_complain(&errors, err, &fail, NULL);
    }
    return main_end(&out, &errors, act_exit_of(err));
}

/* Who signs: a person a registry, or a party a grant. */
typedef enum err main_sign_fn(const struct args *args, struct buf *out, struct buf *errors,
                              struct fail *fail);

static int main_sign(const struct args *args, main_sign_fn *sign)
{
    struct buf out;
    struct buf errors;
    struct fail fail = { .text = "" };
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = sign(args, &out, &errors, &fail);
    if (err != ERR_OK && (err != ERR_REGISTRY_INVALID || fail.text[0] != '\0')) {
        act_complain(&errors, err, &fail, NULL);
    }
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_registry_sign(const struct args *args)
{
    return main_sign(args, registry_sign_run);
}

static int main_registry_sign_grant(const struct args *args)
{
    return main_sign(args, registry_sign_grant_run);
}

static int main_count(const struct args *args)
{
    struct buf out;
    struct buf errors;
    buf_init(&out, MAIN_COUNT_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = tokens_count(args, &out, &errors);
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_restore(const struct args *args)
{
    struct buf out;
    struct buf errors;
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = restore_run(args, &out, &errors);
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_witness_init(const struct args *args)
{
    struct buf out;
    struct buf errors;
    struct fail fail = { .text = "" };
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = witness_init_run(args, &out, &fail);
    if (err != ERR_OK) {
        act_complain(&errors, err, &fail, NULL);
    }
    return main_end(&out, &errors, act_exit_of(err));
}

static int main_witness(const struct args *args)
{
    struct fail fail = { .text = "" };
    enum err err = witness_run(args, &fail);
    if (err == ERR_OK) {
        return ACT_OK;
    }
    return main_complain(err, &fail, NULL) == ACT_USAGE ? ACT_USAGE : ACT_COULD_NOT;
}

typedef enum act_exit main_check_fn(const struct args *args, struct buf *out, struct buf *errors);

static int main_check_with(const struct args *args, main_check_fn *check)
{
    struct buf out;
    struct buf errors;
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum act_exit result = check(args, &out, &errors);
    return main_end(&out, &errors, result);
}

static int main_receipt_verify(const struct args *args)
{
    return main_check_with(args, receipt_verify_run);
}

static int main_quickstart(const struct args *args)
{
    return main_check_with(args, quickstart_run);
}

static int main_log_key(const struct args *args)
{
    return main_check_with(args, log_key_run);
}

static int main_log_verify(const struct args *args)
{
    return main_check_with(args, log_verify_run);
}

static int main_log_follow(const struct args *args)
{
    return main_check_with(args, log_follow_run);
}

static int main_evidence_verify(const struct args *args)
{
    return main_check_with(args, evidence_verify_run);
}

static const struct command commands[] = {
    { "init", NULL, "DIR [--zone]", "zone",
      "Makes a complete working folder, with the example of an aggregate or of a zone product", 2,
      main_init },
    { "serve", NULL, "[--sandbox]", "sandbox", "Runs the server", 1, serve_run },
    { "registry", "check", "[DIR]", "", "Reports every fault of a registry", 3,
      main_registry_check },
    { "registry", "keygen", "FILE", "", "Makes a key for signing, and shows its public half", 3,
      main_registry_keygen },
    { "registry", "sign", "DIR --person PERSON --key FILE --as entered|reviewed", "person key as",
      "Signs what a registry's folder says now", 3, main_registry_sign },
    { "registry", "sign-grant", "DIR --grant GRANT --key FILE --key-id KEY [--counter]",
      "grant key key-id counter", "Signs a grant or an agreement, in its file", 3,
      main_registry_sign_grant },
    { "count", NULL,
      "(--model MODEL | --vocab NAME) [--chat] [--template NAME] [--specials literal|parsed]"
      " [--ids] [FILE]",
      "model vocab chat template specials ids",
      "Counts the tokens of a text, or of a chat request, by the model's own vocabulary", 2,
      main_count },
    { "quickstart", NULL, "TOOL [--model MODEL] [--url URL]", "model url",
      "Prints the lines that point a tool at this server", 2, main_quickstart },
    { "restore", NULL, "(FILE [--accept-loss] | --accept-loss)", "accept-loss",
      "Puts a backup in the place of the books; no server may run", 2, main_restore },
    { "witness", "init", "DIR --name NAME", "name",
      "Makes the folder of a witness, with its key, and shows the key's public half", 3,
      main_witness_init },
    { "witness", NULL, "DIR [--listen ADDRESS]", "listen",
      "Runs as a witness that cosigns the checkpoints of other logs", 2, main_witness },
    { "receipt", "verify", "FILE|- [--key VKEY|FILE] [--policy FILE] [--proof FILE]",
      "key policy proof", "Checks a receipt that somebody was handed, by the log's key alone", 3,
      main_receipt_verify },
    { "log", "key", "", "", "Shows the log's public key, to be handed out", 2, main_log_key },
    { "log", "verify", "URL|DIR [--key VKEY|FILE] [--policy FILE]", "key policy",
      "Reads a whole log and makes every hash of it again", 3, main_log_verify },
    { "log", "follow",
      "URL|DIR --state FILE [--receipts DIR] [--once | --every SECONDS] [--key VKEY|FILE]"
      " [--policy FILE]",
      "state receipts once every key policy",
      "Watches a log: that it only grows, and shows everybody the same", 3, main_log_follow },
    { "evidence", "verify",
      "FILE [--key VKEY|FILE] [--policy FILE] [--judge NUMBER|all] [--seed NUMBER]",
      "key policy judge seed",
      "Checks a pack of evidence by the log's key alone, and judges some of its calls again", 3,
      main_evidence_verify },
    { "version", NULL, "", "", "Says which version this is", 1, main_version },
    { "help", NULL, "[COMMAND]", "", "Shows this list, or one command", 3, main_help },
};

/* ---- help -------------------------------------------------------------------------------- */

static void main_usage(const char *noun, const char *verb, const char *usage, const char *text)
{
    (void)printf("  entrepot %s%s%s %s\n      %s.\n", noun, verb == NULL ? "" : " ",
                 verb == NULL ? "" : verb, usage, text); /* nobody is left to tell */
}

static bool main_asked(const char *noun, const char *verb, const struct str asked[2])
{
    return (asked[0].len == 0 || str_eq(asked[0], str_from(noun))) &&
           (asked[1].len == 0 || verb == NULL || str_eq(asked[1], str_from(verb)));
}

/* "help client add", "client add --help", "client --help", "--help". */
static int main_help(const struct args *args)
{
    size_t skip = str_eq(args_word(args, 0), STR("help")) ? 1 : 0;
    const struct str asked[2] = { args_word(args, skip), args_word(args, skip + 1) };
    size_t shown = 0;
    (void)printf("usage:\n");
    for (size_t i = 0; i < EP_ARRAY_LEN(commands); i++) {
        const struct command *command = &commands[i];
        if (main_asked(command->noun, command->verb, asked)) {
            main_usage(command->noun, command->verb, command->usage, command->text);
            shown++;
        }
    }
    for (const struct act *act = acts; act->noun != NULL; act++) {
        if (main_asked(act->noun, act->verb, asked)) {
            main_usage(act->noun, act->verb, act->usage, act->text);
            shown++;
        }
    }
    (void)printf("%sOptions of all commands: -c FILE (the configuration, default %s), --json,"
                 " --help.\n",
                 shown == 0 ? "There is no such command; see \"entrepot --help\".\n" : "",
                 MAIN_CONF);
    return shown > 0 ? ACT_OK : ACT_USAGE;
}

/* ---- acts -------------------------------------------------------------------------------- */

static enum act_exit main_act_here(const struct act *act, const struct args *args,
                                   const char *conf_path, struct buf *out, struct buf *errors)
{
    struct world *world = NULL;
    enum world_mode mode = act->place == ACT_CHANGES ? WORLD_READ_WRITE : WORLD_READ_ONLY;
    if (world_open(conf_path, mode, &world, errors) != ERR_OK) {
        return ACT_COULD_NOT;
    }
    enum act_exit result = act_run(world, args, out, errors);
    world_close(world);
    return result;
}

static int main_act(const struct act *act, const struct args *args)
{
    struct str given = args_value(args, "config");
    const char *conf_path = given.len > 0 ? given.ptr : MAIN_CONF;
    struct fail fail = { 0 };
    struct buf out;
    struct buf errors;
    enum act_exit result = ACT_OK;
    buf_init(&out, ACTS_OUT_MAX);
    buf_init(&errors, ACTS_OUT_MAX);
    enum err err = ERR_NOT_FOUND;
    if (act->place != ACT_READS) {
        err = control_ask(conf_path, args, &result, &out, &errors, &fail);
    }
    if (err == ERR_NOT_FOUND) {
        result = main_act_here(act, args, conf_path, &out, &errors);
    } else if (err != ERR_OK) {
        act_complain(&errors, err, &fail, "see the server's log, then try again");
        result = act_exit_of(err);
    }
    return main_end(&out, &errors, result);
}

static const struct command *main_find(const struct args *args)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(commands); i++) {
        const struct command *command = &commands[i];
        if (str_eq(args_word(args, 0), str_from(command->noun)) &&
            (command->verb == NULL || str_eq(args_word(args, 1), str_from(command->verb)))) {
            return command;
        }
    }
    return NULL;
}

static int main_command(const struct command *command, const struct args *args)
{
    struct fail fail = { 0 };
    enum err err = args_only(args, command->flags, &fail);
    if (err == ERR_OK && args->word_count > command->words_max) {
        err = FAIL(&fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is one word too many",
                   STR_ARG(args_word(args, command->words_max)));
    }
    return err == ERR_OK ? command->run(args) : main_complain(err, &fail, "see \"entrepot help\"");
}

int main(int argc, char **argv)
{
    struct args args;
    struct fail fail = { 0 };
    int rest = argc > 0 ? argc - 1 : 0;
    enum err err = args_read(rest, (const char *const *)(argv + argc - rest), &args, &fail);
    if (err != ERR_OK) {
        return main_complain(err, &fail, "see \"entrepot --help\"");
    }
    if (args_has(&args, "version") && args.word_count == 0) {
        return main_version(&args);
    }
    if (args_has(&args, "help") || args.word_count == 0) {
        int shown = main_help(&args);
        return args_has(&args, "help") ? shown : ACT_USAGE;
    }
    const struct command *command = main_find(&args);
    const struct act *act = act_find(&args);
    if (command != NULL) {
        return main_command(command, &args);
    }
    if (act != NULL) {
        return main_act(act, &args);
    }
    struct str verb = args_word(&args, 1);
    return main_complain(FAIL(&fail, ERR_ASK_INVALID,
                              "there is no command \"" STR_FMT "%s" STR_FMT "\"",
                              STR_ARG(args_word(&args, 0)), verb.len > 0 ? " " : "", STR_ARG(verb)),
                         &fail, "see \"entrepot --help\"");
}
