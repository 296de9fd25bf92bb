#include "app/args.h"

static const char *const args_valued[] = {
    "config",
    "name",
    "client",
    "product",
    "plan",
    "amount",
    "currency",
    "kind",
    "expires",
    "key",
    "lot",
    "payment",
    "priority",
    "model",
    "at",
    "reason",
    "second",
    "first",
    "vocab",
    "template",
    "specials",
    "route",
    "url",
    "finding",
    "payer",
    "method",
    "contract",
    "entry",
    "reference",
    "period",
    "level",
    "evidence",
    "call",
    "to",
    "code",
    "budget-day",
    "budget-month",
    "budget-total",
    "requests",
    "tokens",
    "input-tokens",
    "output-tokens",
    "calls",
    "month",
    "party",
    "country",
    "billing-country",
    "type",
    "accept",
    "market",
    "consent",
    "preferences",
    "request",
    "dialect",
    "service",
    "origin",
    "link",
    "version",
    "person",
    "as",
    "grant",
    "key-id",
    "by",
    "why",
    "hold",
    "state",
    "listen",
    "policy",
    "proof",
    "receipts",
    "every",
    "output",
    "judge",
    "seed",
    "fleet",
    "device",
    "maker",
    "models",
    "given",
    "from",
    "limit",
    "calls-day",
    "calls-total",
    "wakes-day",
    "wakes-total",
    "seconds-day",
    "hear",
    "think",
    "speak",
    "voice",
    "language",
    "instructions",
    "turns-minute",
    "session-minutes",
};

static bool args_takes_value(struct str name)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(args_valued); i++) {
        if (str_eq(name, str_from(args_valued[i]))) {
            return true;
        }
    }
    return false;
}

/* "--name=value", "--name value", "--switch", "-c value", "-o value", "-h". */
static enum err args_read_flag(int argc, const char *const *argv, int *at, struct args *args,
                               struct fail *fail)
{
    struct str text = str_from(argv[*at]);
    struct args_flag flag = { 0 };
    if (str_starts(text, STR("--"))) {
        struct str rest = str_from_at(text, 2);
        flag.has_value = str_find(rest, '=') < rest.len;
        flag.name = str_cut(&rest, '=');
        flag.value = rest;
    } else if (str_eq(text, STR("-c"))) {
        flag.name = STR("config");
    } else if (str_eq(text, STR("-o"))) {
        flag.name = STR("output");
    } else if (str_eq(text, STR("-h"))) {
        flag.name = STR("help");
    } else {
        return FAIL(fail, ERR_ASK_INVALID, "there is no option \"" STR_FMT "\"", STR_ARG(text));
    }
    if (args_takes_value(flag.name) && !flag.has_value) {
        if (*at + 1 >= argc) {
            return FAIL(fail, ERR_ASK_MISSING, "\"" STR_FMT "\" needs a value", STR_ARG(text));
        }
        flag.value = str_from(argv[++*at]);
        flag.has_value = true;
    }
    if (flag.has_value && !args_takes_value(flag.name)) {
        return FAIL(fail, ERR_ASK_INVALID, "\"--" STR_FMT "\" takes no value", STR_ARG(flag.name));
    }
    if (args->flag_count == ARGS_FLAGS_MAX) {
        return FAIL(fail, ERR_LIMIT, "more than %d options", ARGS_FLAGS_MAX);
    }
    args->flags[args->flag_count++] = flag;
    return ERR_OK;
}

enum err args_read(int argc, const char *const *argv, struct args *ret_args, struct fail *fail)
{
    *ret_args = (struct args){ 0 };
    bool words_only = false;
    for (int i = 0; i < argc; i++) {
        struct str text = str_from(argv[i]);
        if (!words_only && str_eq(text, STR("--"))) {
            words_only = true;
            continue;
        }
        if (!words_only && text.len > 1 && text.ptr[0] == '-') {
            TRY(args_read_flag(argc, argv, &i, ret_args, fail));
            continue;
        }
        if (ret_args->word_count == ARGS_WORDS_MAX) {
            return FAIL(fail, ERR_LIMIT, "more than %d words", ARGS_WORDS_MAX);
        }
        ret_args->words[ret_args->word_count++] = text;
    }
    return ERR_OK;
}

static const struct args_flag *args_find(const struct args *args, struct str name)
{
    for (size_t i = args->flag_count; i > 0; i--) {
        if (str_eq(args->flags[i - 1].name, name)) {
            return &args->flags[i - 1];
        }
    }
    return NULL;
}

struct str args_value(const struct args *args, const char *name)
{
    const struct args_flag *flag = args_find(args, str_from(name));
    return flag == NULL ? STR_EMPTY : flag->value;
}

bool args_has(const struct args *args, const char *name)
{
    return args_find(args, str_from(name)) != NULL;
}

struct str args_word(const struct args *args, size_t at)
{
    return at < args->word_count ? args->words[at] : STR_EMPTY;
}

static bool args_listed(struct str allowed, struct str name)
{
    while (allowed.len > 0) {
        if (str_eq(str_cut(&allowed, ' '), name)) {
            return true;
        }
    }
    return false;
}

enum err args_only(const struct args *args, const char *allowed, struct fail *fail)
{
    for (size_t i = 0; i < args->flag_count; i++) {
        struct str name = args->flags[i].name;
        if (!args_listed(STR("json config help"), name) && !args_listed(str_from(allowed), name)) {
            return FAIL(fail, ERR_ASK_INVALID,
                        "this command has no option \"--" STR_FMT "\" (it has: %s)", STR_ARG(name),
                        allowed[0] == '\0' ? "none" : allowed);
        }
    }
    return ERR_OK;
}
