/* How a family splits text, from the regular expressions that its tokenizer's file shows. */
#include "source_internal.h"

#define RULE_PATTERNS_MAX 3

/* Parts that the families share. They are compared as text: what is not known letter by letter is
 * not counted by a rule that looks alike. */
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACE       "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER       "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER       "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define UPPER_KIMI  "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
#define LOWER_KIMI  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
#define FIRST       "[^\\r\\n\\p{L}\\p{N}]?"
#define CL100K(digits) \
    CONTRACTION "|" FIRST "\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACE
#define WORDS(upper, lower, tail) FIRST upper "*" lower "+" tail "|" FIRST upper "+" lower "*" tail

struct rule_row {
    const char *name; /* on the command line; NULL: another text of a rule above */
    const char *patterns[RULE_PATTERNS_MAX];
    struct vocab_split split;
};

static const struct rule_row rule_rows[] = {
    { "cl100k", { CL100K("\\p{N}{1,3}") }, { .rule = VOCAB_RULE_CL100K, .digits_max = 3 } },
    { NULL, { CL100K("\\p{N}") }, { .rule = VOCAB_RULE_CL100K, .digits_max = 1 } },
    /* As tiktoken has written it since 0.8: possessive, the same pieces. */
    { NULL,
      { "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|"
        " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s" },
      { .rule = VOCAB_RULE_CL100K, .digits_max = 3 } },
    { "o200k",
      { WORDS(UPPER, LOWER, CONTRACTION "?") "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACE },
      { .rule = VOCAB_RULE_O200K, .digits_max = 3, .slash = true } },
    { "tekken",
      { WORDS(UPPER, LOWER, "") "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACE },
      { .rule = VOCAB_RULE_TEKKEN, .digits_max = 1, .slash = true } },
    { "kimi",
      { "[\\p{Han}]+|" WORDS(UPPER_KIMI, LOWER_KIMI, CONTRACTION "?") //
        "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACE },
      /* Its wrapper cuts texts and runs before the split, against a crash of an older tiktoken. */
      { .rule = VOCAB_RULE_KIMI, .digits_max = 3, .run_max = 25000, .text_max = 400000 } },
    { "deepseek",
      { "\\p{N}{1,3}",
        "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
        "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
        "\\s*[\r\n]+|\\s+(?!\\S)|\\s+" },
      { .rule = VOCAB_RULE_DEEPSEEK, .digits_max = 3 } },
};

static bool rule_matches(const struct rule_row *row, const struct str *patterns, size_t count)
{
    ASSERT(count <= RULE_PATTERNS_MAX);
    for (size_t i = 0; i < RULE_PATTERNS_MAX; i++) {
        struct str want = str_from(row->patterns[i]);
        if (!str_eq(want, i < count ? patterns[i] : STR_EMPTY)) {
            return false;
        }
    }
    return true;
}

enum err source_rule_find(struct reader *reader, const struct str *patterns, size_t count)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(rule_rows) && count <= RULE_PATTERNS_MAX; i++) {
        if (rule_matches(&rule_rows[i], patterns, count)) {
            bool nfc = reader->source->split.nfc;
            reader->source->split = rule_rows[i].split;
            reader->source->split.nfc = nfc;
            return ERR_OK;
        }
    }
    struct str shown = count > 0 ? patterns[0] : STR_EMPTY;
    return FAIL(reader->fail, ERR_VOCAB,
                "text is split by a rule that is not known: %zu pattern(s), the first is " STR_FMT,
                count, STR_ARG(shown));
}

enum err source_rule_named(struct reader *reader)
{
    const struct source_options *options = reader->options;
    if (options->rule.len == 0) {
        return FAIL(reader->fail, ERR_VOCAB,
                    "a file of ranks does not say how text is split: give a rule "
                    "(cl100k, o200k, tekken, kimi or deepseek)");
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(rule_rows); i++) {
        const struct rule_row *row = &rule_rows[i];
        if (row->name == NULL || !str_eq(options->rule, str_from(row->name))) {
            continue;
        }
        reader->source->split = row->split;
        reader->source->split.nfc = options->nfc;
        if (options->digits > 0) {
            reader->source->split.digits_max = options->digits;
        }
        return ERR_OK;
    }
    return FAIL(reader->fail, ERR_VOCAB,
                "the rule \"" STR_FMT "\" is not known: cl100k, o200k, tekken, kimi or deepseek",
                STR_ARG(options->rule));
}
