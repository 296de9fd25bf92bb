#include "app/tokens.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/acts.h"
#include "app/registry_candidate.h"
#include "app/share.h"
#include "app/world.h"
#include "conf/conf.h"
#include "crypto/digest.h"
#include "meter/chat_count.h"
#include "meter/shelf.h"
#include "meter/template.h"
#include "wire/json.h"
#include "wire/jsonw.h"

#define TOKENS_CONF     "entrepot.yaml"
#define TOKENS_TEXT_MAX ((size_t)512 << 20) /* a book has 2 MiB */
#define TOKENS_READ     ((size_t)1 << 20)
#define TOKENS_SLICE    ((size_t)1 << 20)

/* One counting under way; what it owns is freed by tokens_close(). */
struct tokens {
    const struct args *args;
    struct conf *conf; /* NULL: there is none, and none is needed */
    struct registry *registry;
    struct shelf *shelf;
    const struct vocab *vocab;
    struct token_counter *counter;
    struct buf text;
    struct buf ids; /* uint32_t */
    struct str template;
    enum count_specials specials;
    bool exact; /* what the registry says of the vocabulary */
    uint64_t margin_percent;
    struct chat_counted result;
    struct fail fail;
    const char *remedy;
};

static void tokens_close(struct tokens *tokens)
{
    token_counter_destroy(tokens->counter);
    shelf_destroy(tokens->shelf);
    registry_unref(tokens->registry);
    conf_destroy(tokens->conf);
    buf_fini(&tokens->text);
    buf_fini(&tokens->ids);
}

/* ---- which vocabulary ---------------------------------------------------------------------- */

/* The configuration of -c, or of the working folder if one is there. */
static enum err tokens_conf(struct tokens *tokens, struct buf *errors)
{
    struct str given = args_value(tokens->args, "config");
    if (given.len == 0 && access(TOKENS_CONF, R_OK) != 0) {
        return ERR_OK;
    }
    struct conf_report report;
    conf_report_init(&report);
    enum err err = conf_load(given.len > 0 ? given.ptr : TOKENS_CONF, &tokens->conf, &report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&report, errors)); /* what fits */
    }
    conf_report_fini(&report);
    return err;
}

/* The folder of the configuration, or the program's own. */
static enum err tokens_shelf(struct tokens *tokens)
{
    char path[SHARE_PATH_MAX];
    struct str folder;
    if (tokens->conf != NULL) {
        folder = tokens->conf->vocabularies;
    } else if (share_vocabularies(path)) {
        folder = str_from(path);
    } else {
        tokens->remedy = "run \"make vocab\", or name a configuration with -c";
        return FAIL(&tokens->fail, ERR_NOT_FOUND, "no folder of vocabularies was found");
    }
    enum err err = shelf_create(folder, &tokens->shelf);
    return err == ERR_OK ? ERR_OK : FAIL(&tokens->fail, err, "no memory for vocabularies");
}

/* A model of the registry says what it is counted by. */
static enum err tokens_model(struct tokens *tokens, struct str id, struct str *ret_name,
                             struct buf *errors)
{
    if (tokens->conf == NULL) {
        tokens->remedy = "name it with -c, or count by --vocab NAME";
        return FAIL(&tokens->fail, ERR_NOT_FOUND, "there is no configuration to find models in");
    }
    const struct registry_judging judging = { .kept = true }; /* only its models matter here */
    TRY(registry_candidate_load(tokens->conf->registry.ptr, &judging, &tokens->registry, errors));
    const struct registry_model *model = registry_model(tokens->registry, id);
    if (model == NULL) {
        tokens->remedy = "see \"entrepot registry show\"";
        return FAIL(&tokens->fail, ERR_NOT_FOUND, "the registry has no model \"" STR_FMT "\"",
                    STR_ARG(id));
    }
    if (model->tokenizer.len == 0) {
        tokens->remedy = "give it one in models.yaml, or count by --vocab NAME";
        return FAIL(&tokens->fail, ERR_NOT_FOUND, "model \"" STR_FMT "\" has no tokenizer",
                    STR_ARG(id));
    }
    *ret_name = model->tokenizer;
    tokens->template = model->chat_template;
    tokens->exact = model->token_count == REGISTRY_COUNT_EXACT;
    tokens->margin_percent = model->token_margin_percent;
    return ERR_OK;
}

static enum err tokens_open(struct tokens *tokens, struct buf *errors)
{
    struct str model = args_value(tokens->args, "model");
    struct str name = args_value(tokens->args, "vocab");
    struct str specials = args_value(tokens->args, "specials");
    if ((model.len > 0) == (name.len > 0)) {
        return FAIL(&tokens->fail, ERR_ASK_INVALID, "give --model or --vocab, and not both");
    }
    bool parsed = str_eq(specials, STR("parsed"));
    if (!parsed && specials.len > 0 && !str_eq(specials, STR("literal"))) {
        return FAIL(&tokens->fail, ERR_ASK_INVALID, "--specials is literal or parsed");
    }
    tokens->specials = parsed ? COUNT_PARSED : COUNT_LITERAL;
    TRY(crypto_start(&tokens->fail)); /* a registry is hashed as it is read */
    TRY(tokens_conf(tokens, errors));
    TRY(tokens_shelf(tokens));
    if (model.len > 0) {
        TRY(tokens_model(tokens, model, &name, errors));
    }
    enum err opened = shelf_open(tokens->shelf, name, &tokens->vocab, &tokens->fail);
    if (opened != ERR_OK) {
        tokens->remedy = opened == ERR_VOCAB ? "remove the file and run \"make vocab\""
                                             : "run \"make vocab\" or \"tools/vocab --import\"";
        return opened;
    }
    struct str template = args_value(tokens->args, "template");
    tokens->template = template.len > 0           ? template
                       : tokens->template.len > 0 ? tokens->template
                                                  : vocab_info(tokens->vocab)->template;
    if (tokens->template.len > 0 &&
        !str_eq(template_name(template_find(tokens->template)), tokens->template)) {
        tokens->remedy = "see docs/vocabularies.md for those that are known";
        return FAIL(&tokens->fail, ERR_NOT_FOUND, "there is no chat template \"" STR_FMT "\"",
                    STR_ARG(tokens->template));
    }
    enum err err = token_counter_create(tokens->vocab, 0, &tokens->counter);
    return err == ERR_OK ? ERR_OK : FAIL(&tokens->fail, err, "no memory to count with");
}

/* ---- what is counted ----------------------------------------------------------------------- */

static enum err tokens_read_all(struct tokens *tokens, int fd, const char *name)
{
    ssize_t got = 1;
    while (got > 0) {
        if (buf_reserve(&tokens->text, TOKENS_READ) != ERR_OK) {
            return FAIL(&tokens->fail, ERR_LIMIT, "\"%s\" is larger than %zu MiB", name,
                        TOKENS_TEXT_MAX >> 20);
        }
        got = read(fd, tokens->text.ptr + tokens->text.len, TOKENS_READ);
        if (got > 0) {
            buf_added(&tokens->text, (size_t)got);
        }
    }
    return got == 0 ? ERR_OK : FAIL_SYS(&tokens->fail, ERR_IO, "could not read \"%s\"", name);
}

static enum err tokens_read(struct tokens *tokens)
{
    struct str file = args_word(tokens->args, 1);
    if (file.len == 0 || str_eq(file, STR("-"))) {
        return tokens_read_all(tokens, STDIN_FILENO, "standard input");
    }
    int fd = open(file.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL_SYS(&tokens->fail, ERR_IO, "could not open \"%s\"", file.ptr);
    }
    enum err err = tokens_read_all(tokens, fd, file.ptr);
    (void)close(fd); /* it was only read */
    return err;
}

static enum err tokens_of_text(struct tokens *tokens)
{
    struct str text = buf_str(&tokens->text);
    uint64_t count = 0;
    enum err err = count_text(tokens->counter, text, tokens->specials, &count);
    if (err == ERR_OK && args_has(tokens->args, "ids")) {
        err = count_encode(tokens->counter, text, tokens->specials, &tokens->ids);
        ASSERT(err != ERR_OK || tokens->ids.len == count * sizeof(uint32_t));
    }
    tokens->result = (struct chat_counted){ .tokens = count, .exact = true };
    return err == ERR_OK ? ERR_OK : FAIL(&tokens->fail, err, "no memory to count with");
}

static enum err tokens_of_chat(struct tokens *tokens)
{
    struct json_fault fault;
    struct chat_count chat;
    struct str body = json_trim(buf_str(&tokens->text));
    if (json_check(body, &fault) != ERR_OK) {
        return FAIL(&tokens->fail, ERR_ASK_INVALID, "the request is not JSON: offset %zu: %s",
                    fault.offset, fault.reason);
    }
    struct str messages = json_get(body, STR("messages"));
    if (messages.len == 0 || json_kind(messages) != JSON_ARRAY || json_inside(messages).len == 0) {
        return FAIL(&tokens->fail, ERR_ASK_INVALID,
                    "the request is an object whose \"messages\" is a list that is not empty");
    }
    if (args_has(tokens->args, "ids")) {
        return FAIL(&tokens->fail, ERR_ASK_INVALID, "--ids is for texts");
    }
    chat_count_begin(&chat, tokens->counter,
                     &(struct chat_count_options){ .program = template_find(tokens->template),
                                                   .specials = tokens->specials },
                     body);
    bool over = false;
    enum err err = ERR_OK;
    while (err == ERR_OK && !over) {
        err = chat_count_step(&chat, tokens->counter, TOKENS_SLICE, &over);
    }
    if (err == ERR_OK) {
        tokens->result = chat_count_result(&chat);
    }
    chat_count_fini(&chat);
    return err == ERR_OK ? ERR_OK : FAIL(&tokens->fail, err, "no memory to count with");
}

/* ---- what is said -------------------------------------------------------------------------- */

static uint32_t tokens_id(const struct tokens *tokens, size_t at)
{
    uint32_t id = 0;
    memcpy(&id, tokens->ids.ptr + at * sizeof(id), sizeof(id));
    return id;
}

static enum err tokens_print_json(const struct tokens *tokens, uint64_t all, struct buf *out)
{
    const struct chat_counted *result = &tokens->result;
    bool exact = result->exact && tokens->exact;
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_int(&json, "tokens", (int64_t)all);
    if (args_has(tokens->args, "ids")) {
        jsonw_key(&json, "ids");
        jsonw_open(&json, '[');
        for (size_t i = 0; i < tokens->ids.len / sizeof(uint32_t); i++) {
            jsonw_int(&json, tokens_id(tokens, i));
        }
        jsonw_close(&json, ']');
    }
    jsonw_key(&json, "exact");
    jsonw_bool(&json, exact);
    if (!exact) {
        jsonw_put_int(&json, "margin",
                      (int64_t)(result->margin + all * tokens->margin_percent / 100));
    }
    if (result->image_tokens + result->audio_tokens > 0) {
        jsonw_put_int(&json, "image", (int64_t)result->image_tokens);
        jsonw_put_int(&json, "audio", (int64_t)result->audio_tokens);
    }
    jsonw_put_str(&json, "vocabulary", vocab_info(tokens->vocab)->name);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_byte(out, '\n');
}

static enum err tokens_print_text(const struct tokens *tokens, uint64_t all, struct buf *out)
{
    const struct chat_counted *result = &tokens->result;
    for (size_t i = 0; i < tokens->ids.len / sizeof(uint32_t); i++) {
        TRY(buf_printf(out, "%s%u", i > 0 ? " " : "", (unsigned)tokens_id(tokens, i)));
    }
    TRY(buf_append(out, tokens->ids.len > 0 ? STR("\n") : STR_EMPTY));
    TRY(buf_printf(out, "%llu tokens by " STR_FMT, (unsigned long long)all,
                   STR_ARG(vocab_info(tokens->vocab)->name)));
    if (result->exact && tokens->exact) {
        return buf_append(out, STR(", exact\n"));
    }
    return buf_printf(out, ", an estimate, give or take %llu\n",
                      (unsigned long long)(result->margin + all * tokens->margin_percent / 100));
}

enum err tokens_count(const struct args *args, struct buf *out, struct buf *errors)
{
    struct tokens tokens = { .args = args, .exact = true };
    buf_init(&tokens.text, TOKENS_TEXT_MAX + TOKENS_READ);
    buf_init(&tokens.ids, (TOKENS_TEXT_MAX + 1) * sizeof(uint32_t));
    size_t told = errors->len;
    enum err err = tokens_open(&tokens, errors);
    err = err == ERR_OK ? tokens_read(&tokens) : err;
    if (err == ERR_OK) {
        err = args_has(args, "chat") ? tokens_of_chat(&tokens) : tokens_of_text(&tokens);
    }
    if (err == ERR_OK) {
        const struct chat_counted *result = &tokens.result;
        uint64_t all = result->tokens + result->image_tokens + result->audio_tokens;
        err = args_has(args, "json") ? tokens_print_json(&tokens, all, out)
                                     : tokens_print_text(&tokens, all, out);
    } else if (errors->len == told) {
        act_complain(errors, err, &tokens.fail, tokens.remedy);
    }
    tokens_close(&tokens);
    return err;
}
