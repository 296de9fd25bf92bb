#include "made.h"

#define MADE_TEKKEN                                                                              \
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*"              \
    "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+|"                                                    \
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+"              \
    "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|" \
    "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define MADE_CONFIG                                                          \
    "{\"config\":{\"pattern\":\"" MADE_TEKKEN "\",\"num_vocab_tokens\":258," \
    "\"default_vocab_size\":287,\"default_num_special_tokens\":30,\"version\":\"v3\"}"

static void made_lines(struct buf *file)
{
    buf_init(file, MADE_MAX);
    made_add(file, MADE_CONFIG ",\"bpe_ranks\":\"! 0");
    made_words(file);
    made_add(file, " YWI= YWJj\"}");
}

static void made_vocab(struct buf *file)
{
    buf_init(file, MADE_MAX);
    made_add(file, MADE_CONFIG ",\"special_tokens\":[{\"rank\":0,\"token_str\":\"<unk>\","
                               "\"is_control\":true},{\"rank\":1,\"token_str\":\"<s>\"}]"
                               ",\"vocab\":[");
    for (unsigned rank = 0; rank < 256; rank++) {
        unsigned char byte = (unsigned char)rank;
        CHECK(buf_printf(file, "{\"rank\":%u,\"token_bytes\":\"", rank) == ERR_OK);
        CHECK(enc_base64(file, &byte, 1) == ERR_OK);
        made_add(file, "\",\"token_str\":null},");
    }
    made_add(file, "{\"rank\":256,\"token_bytes\":\"YWI=\",\"token_str\":\"ab\"},"
                   "{\"rank\":257,\"token_bytes\":\"YWJj\",\"token_str\":\"abc\"}]}");
}

static void check_tokens(const struct source *source)
{
    CHECK_EQ(source->token_count, 257); /* not all of the file's */
    CHECK_EQ(source->tokens[0].id, 30);
    CHECK_STR(source->tokens[256].bytes, STR("ab"));
    CHECK_EQ(source->tokens[256].id, 286);
    CHECK(source->rank_order && source->whole_pieces);
    CHECK_EQ(source->split.rule, VOCAB_RULE_TEKKEN);
    CHECK_EQ(source->split.digits_max, 1);
    CHECK_EQ(source->special_count, 30);
}

static struct str special_of(const struct source *source, uint32_t id)
{
    for (uint32_t i = 0; i < source->special_count; i++) {
        if (source->specials[i].id == id) {
            return source->specials[i].text;
        }
    }
    return STR_EMPTY;
}

TEST(both_forms_give_the_same_tokens_behind_the_special_ones)
{
    struct buf file;
    struct source source;
    struct fail fail;
    made_lines(&file);
    CHECK(made_read(&source, "", buf_str(&file), &fail) == ERR_OK);
    check_tokens(&source);
    CHECK_STR(special_of(&source, 3), STR("[INST]"));
    CHECK_STR(special_of(&source, 20), STR("<SPECIAL_20>"));
    source_fini(&source);
    buf_fini(&file);

    made_vocab(&file);
    CHECK(made_read(&source, "", buf_str(&file), &fail) == ERR_OK);
    check_tokens(&source);
    CHECK_STR(special_of(&source, 1), STR("<s>"));
    CHECK_STR(special_of(&source, 3), STR("<SPECIAL_3>"));
    source_fini(&source);
    buf_fini(&file);
}

static const struct {
    bool lines;
    const char *from;
    const char *to;
    const char *want;
} bad_files[] = {
    { true, "\"pattern\"", "\"patern\"", "lacks" },
    { true, "\\\\p{N}|", "\\\\p{N}{1,3}|", "not known" },
    { true, "_size\":287", "_size\":20", "fewer" },
    { true, "_size\":287", "_size\":289", "258 ranks where 259 are announced" },
    { true, "bpe_ranks", "ranks", "holds tokens" },
    { true, "AQ==", "AQ=", "not base64" },
    { false, "_size\":287", "_size\":289", "258 ranks where 259 are announced" },
    { false, "{\"rank\":256,", "{\"rank\":255,", "entry 256" },
    { false, "\"YWI=\"", "7", "0 bytes" },
    { false, "{\"rank\":1,\"token_str\"", "{\"rank\":2,\"token_str\"", "special token 1" },
    { false, "\"<s>\"", "null", "special token 1" },
    { false, "\"<s>\"", "\"<unk>\"", "there twice" },
    { false, "tokens\":30", "tokens\":1", "2 special tokens where 1" },
};

TEST(files_that_are_not_sound_are_refused)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_files); i++) {
        struct buf file;
        if (bad_files[i].lines) {
            made_lines(&file);
        } else {
            made_vocab(&file);
        }
        made_replace(&file, bad_files[i].from, bad_files[i].to);
        made_refused("", buf_str(&file), bad_files[i].want);
        buf_fini(&file);
    }
}
