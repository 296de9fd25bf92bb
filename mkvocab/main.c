/* entrepot-mkvocab: a tokenizer's own file becomes a vocabulary file. See --help. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build.h"

#define MKVOCAB_FILE_MAX ((size_t)256 << 20) /* the largest known source has 33 MB */
#define MKVOCAB_READ     ((size_t)1 << 20)

enum mkvocab_exit {
    MKVOCAB_OK = 0,
    MKVOCAB_REFUSED = 1,
    MKVOCAB_USAGE = 2,
    MKVOCAB_COULD_NOT = 3
};

static const char mkvocab_help[] =
    "usage: entrepot-mkvocab --name NAME --unicode FILE [options] SOURCE OUT\n"
    "\n"
    "Makes the vocabulary file OUT from SOURCE, which is one of\n"
    "  tokenizer.json           of Hugging Face, with a BPE model\n"
    "  tekken.json              of Mistral\n"
    "  an encoder of tiktoken   JSON, as npm's package has it\n"
    "  NAME.tiktoken            lines \"BASE64 RANK\"; needs --rule\n"
    "\n"
    "  --name NAME       what the vocabulary is called (\"minimax_m2\")\n"
    "  --unicode FILE    classes of characters, made by tools/unicode_table.mjs\n"
    "  --template NAME   the family's chat template, as `entrepot count` knows it\n"
    "  --rule RULE       cl100k, o200k, tekken, kimi or deepseek\n"
    "  --digits 1|3      numbers are cut after so many digits (else as the rule has it)\n"
    "  --nfc             text is normalized first\n"
    "  --specials FILE   special tokens: JSON, \"added_tokens\" of a tokenizer.json or a\n"
    "                    tokenizer_config.json\n"
    "\n"
    "Exit status: 0 made, 1 the source is refused, 2 usage, 3 a file cannot be read or written.\n";

struct mkvocab_words {
    struct source_options options;
    const char *unicode;
    const char *specials;
    const char *source;
    const char *out;
};

/* ---- the command line ------------------------------------------------------------------------ */

static const char *mkvocab_digits(struct mkvocab_words *words, const char *value)
{
    if (strcmp(value, "1") != 0 && strcmp(value, "3") != 0) {
        return "--digits is 1 or 3";
    }
    words->options.digits = (uint32_t)(value[0] - '0');
    return NULL;
}

/* Takes a flag with its value; what is wrong with it, or NULL. */
static const char *mkvocab_flag(struct mkvocab_words *words, const char *flag, const char *value)
{
    struct source_options *options = &words->options;
    const struct {
        const char *flag;
        struct str *text;
        const char **file;
        size_t max;
    } rows[] = {
        { "--name", &options->name, NULL, VOCAB_NAME_MAX },
        { "--template", &options->template, NULL, VOCAB_NAME_MAX },
        { "--rule", &options->rule, NULL, VOCAB_NAME_MAX },
        { "--unicode", NULL, &words->unicode, 0 },
        { "--specials", NULL, &words->specials, 0 },
    };
    if (strcmp(flag, "--digits") == 0) {
        return mkvocab_digits(words, value);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        if (strcmp(flag, rows[i].flag) != 0) {
            continue;
        }
        if (rows[i].file != NULL) {
            *rows[i].file = value;
            return NULL;
        }
        *rows[i].text = str_from(value);
        return rows[i].text->len < rows[i].max ? NULL : "the name is too long";
    }
    return "the flag is not known";
}

/* What is wrong with the command line, or NULL. */
static const char *mkvocab_read_words(int argc, char **argv, struct mkvocab_words *words)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--nfc") == 0) {
            words->options.nfc = true;
        } else if (word[0] == '-' && word[1] == '-') {
            const char *fault =
                i + 1 < argc ? mkvocab_flag(words, word, argv[i + 1]) : "a value is missing";
            if (fault != NULL) {
                return fault;
            }
            i++;
        } else if (words->source == NULL) {
            words->source = word;
        } else if (words->out == NULL) {
            words->out = word;
        } else {
            return "SOURCE and OUT are all the files there are";
        }
    }
    if (words->options.name.len == 0 || words->unicode == NULL || words->out == NULL) {
        return "--name, --unicode, SOURCE and OUT are needed";
    }
    if (words->options.rule.len == 0 && (words->options.digits > 0 || words->options.nfc)) {
        return "--digits and --nfc go with --rule";
    }
    return NULL;
}

/* ---- the work -------------------------------------------------------------------------------- */

static enum err mkvocab_read_all(FILE *file, struct buf *out, struct fail *fail)
{
    for (;;) {
        enum err err = buf_reserve(out, MKVOCAB_READ);
        if (err != ERR_OK) {
            return FAIL(fail, err, "it has over %zu bytes, or there is no memory",
                        MKVOCAB_FILE_MAX);
        }
        size_t got = fread(out->ptr + out->len, 1, MKVOCAB_READ, file);
        buf_added(out, got);
        if (got < MKVOCAB_READ) {
            return ferror(file) ? FAIL_SYS(fail, ERR_IO, "could not read") : ERR_OK;
        }
    }
}

static enum err mkvocab_read_file(const char *path, struct buf *out, struct fail *fail)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return FAIL_SYS(fail, ERR_IO, "could not open");
    }
    enum err err = mkvocab_read_all(file, out, fail);
    (void)fclose(file); /* nothing was written */
    return err;
}

static int mkvocab_say(const char *path, enum err err, const struct fail *fail)
{
    ASSERT(err != ERR_OK);
    (void)fprintf(stderr, "entrepot-mkvocab: \"%s\": %s\n", path, fail->text);
    return err == ERR_VOCAB ? MKVOCAB_REFUSED : MKVOCAB_COULD_NOT;
}

static int mkvocab_build(struct mkvocab_words *words, struct str file, struct str classes)
{
    struct source source;
    struct fail fail = { .text = "" };
    enum err err = source_read(&source, &words->options, file, &fail);
    if (err != ERR_OK) {
        return mkvocab_say(words->source, err, &fail);
    }
    struct buf out;
    buf_init(&out, BUILD_FILE_MAX);
    err = build_vocab(&source, classes, &out, &fail);
    const char *path = words->source;
    if (err == ERR_OK) {
        err = build_write(words->out, buf_str(&out), &fail);
        path = words->out;
    }
    buf_fini(&out);
    source_fini(&source);
    return err == ERR_OK ? MKVOCAB_OK : mkvocab_say(path, err, &fail);
}

static int mkvocab_run(struct mkvocab_words *words)
{
    const char *const paths[] = { words->source, words->unicode, words->specials };
    struct buf files[EP_ARRAY_LEN(paths)];
    struct fail fail = { .text = "" };
    enum err err = ERR_OK;
    const char *path = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(paths); i++) {
        buf_init(&files[i], MKVOCAB_FILE_MAX);
        if (err == ERR_OK && paths[i] != NULL) {
            path = paths[i];
            err = mkvocab_read_file(path, &files[i], &fail);
        }
    }
    words->options.specials = buf_str(&files[2]);
    int code = err != ERR_OK ? mkvocab_say(path, err, &fail)
                             : mkvocab_build(words, buf_str(&files[0]), buf_str(&files[1]));
    for (size_t i = 0; i < EP_ARRAY_LEN(paths); i++) {
        buf_fini(&files[i]);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct mkvocab_words words = { 0 };
    struct fail fail = { .text = "" };
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(mkvocab_help, stdout) < 0 ? MKVOCAB_COULD_NOT : MKVOCAB_OK;
    }
    const char *fault = mkvocab_read_words(argc, argv, &words);
    if (fault != NULL) {
        (void)fprintf(stderr, "entrepot-mkvocab: %s\n\n%s", fault, mkvocab_help);
        return MKVOCAB_USAGE;
    }
    enum err err = crypto_start(&fail);
    return err == ERR_OK ? mkvocab_run(&words) : mkvocab_say("crypto", err, &fail);
}
