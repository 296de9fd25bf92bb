#include "made.h"

/* The vocabulary's 256 byte tokens, written in GPT-2's alphabet, with the byte as id. */
static void made_alphabet(struct buf *file)
{
    unsigned other = 256;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        unsigned code = printable ? byte : other++;
        CHECK(buf_printf(file, "\"\\u%04x\":%u,", code, byte) == ERR_OK);
    }
}

static void made_model(struct buf *file)
{
    buf_init(file, MADE_MAX);
    made_add(file, "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":300,\"content\":\"<|end|>\","
                   "\"special\":true},{\"id\":301,\"content\":\"<think>\",\"special\":false}],"
                   "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\","
                   "\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" MADE_CL100K
                   "\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\","
                   "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]},"
                   "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"byte_fallback\":false,"
                   "\"ignore_merges\":true,\"continuing_subword_prefix\":\"\",\"vocab\":{");
    made_alphabet(file);
    made_add(file, "\"\xC4\xA0"
                   "a\":256,\"ab\":257,\"\xE2\x82\xAC\":258},"
                   "\"merges\":[\"\xC4\xA0 a\",[\"a\",\"b\"]]}}");
}

TEST(byte_level_merges_are_read_in_both_forms)
{
    struct buf file;
    struct source source;
    struct fail fail = { .text = "" };
    made_model(&file);
    if (made_read(&source, "", buf_str(&file), &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    CHECK_EQ(source.token_count, 258); /* without what stands for no bytes */
    CHECK_EQ(source.merge_count, 2);
    CHECK_STR(source.tokens[source.merges[0].result].bytes, STR(" a"));
    CHECK_STR(source.tokens[source.merges[0].left].bytes, STR(" "));
    CHECK_EQ(source.tokens[source.merges[0].result].id, 256);
    CHECK_STR(source.tokens[source.merges[1].right].bytes, STR("b"));
    CHECK(source.whole_pieces && !source.rank_order && !source.byte_fallback);
    CHECK(source.split.nfc);
    CHECK_EQ(source.split.rule, VOCAB_RULE_CL100K);
    CHECK_EQ(source.special_count, 2);
    CHECK(!source.specials[0].control == str_eq(source.specials[0].text, STR("<think>")));
    source_fini(&source);
    buf_fini(&file);
}

TEST(every_byte_comes_back_from_the_alphabet)
{
    struct buf file;
    struct source source;
    struct fail fail;
    made_model(&file);
    CHECK(made_read(&source, "", buf_str(&file), &fail) == ERR_OK);
    for (unsigned i = 0; i < 256; i++) {
        CHECK_EQ(source.tokens[i].bytes.len, 1);
        CHECK_EQ((unsigned char)source.tokens[i].bytes.ptr[0], source.tokens[i].id);
    }
    source_fini(&source);
    buf_fini(&file);
}

static const struct {
    const char *from;
    const char *to;
    const char *want;
} bad_models[] = {
    { "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "\"Unigram\"; only \"BPE\"" },
    { "\"type\":\"BPE\"", "\"type\":\"WordPiece\"", "\"WordPiece\"; only \"BPE\"" },
    { "\"dropout\":null", "\"dropout\":0.1", "\"dropout\" is not supported" },
    { "prefix\":\"\"", "prefix\":\"##\"", "continuing_subword_prefix" },
    { "\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback goes with" },
    { "\"ignore_merges\":true", "\"ignore_merges\":1", "neither true nor false" },
    { "{\"type\":\"NFC\"}", "{\"type\":\"NFKC\"}", "\"normalizer\" is not supported" },
    { "{\"type\":\"NFC\"}", "{\"type\":\"Prepend\",\"prepend\":\"_\"}", "Prepend" },
    { "\\\\p{N}{1,3}", "\\\\p{Nd}{1,3}", "by a rule that is not known" },
    { "\"Isolated\"", "\"Removed\"", "\"pre_tokenizer\" is not supported" },
    { "\"invert\":false", "\"invert\":true", "\"pre_tokenizer\" is not supported" },
    { "\"use_regex\":false", "\"use_regex\":true", "\"pre_tokenizer\" is not supported" },
    { "\"add_prefix_space\":false", "\"add_prefix_space\":true", "\"pre_tokenizer\" is not" },
    { "\"pre_tokenizer\":", "\"pre_tokenizer\":null,\"x\":", "\"pre_tokenizer\" is not" },
    { "\"vocab\":", "\"vocabulary\":", "the file has 0 tokens" },
    { "\"\\u0063\":99,", "", "byte 0x63 has no token" },
    { "\"\\u0062\":98,", "", "merge 1 is not two tokens" },
    { "\"\\u0061\":97,", "\"a\":98,", "the id 98 is given twice" },
    { "\"\\u0061\":97,", "\"a\":-1,", "the token \"a\" has no id" },
    { "\"\\u0061\":97,", "\"a\":97,\"a\":97,", "duplicate" },
    { "\"merges\":", "\"merge\":", "no list of \"merges\"" },
    { "[\"a\",\"b\"]", "[\"a\",\"c\"]", "merge 1 is not two tokens" },
    { "[\"a\",\"b\"]", "[\"a\"]", "merge 1 is not two tokens" },
    { "[\"a\",\"b\"]", "\"ab\"", "merge 1 is not two tokens" },
    { "[\"a\",\"b\"]", "[\"zz\",\"b\"]", "merge 1 is not two tokens" },
    { "\"special\":true", "\"special\":true,\"normalized\":true", "normalized" },
};

TEST(what_would_be_counted_wrong_is_refused_by_name)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_models); i++) {
        struct buf file;
        made_model(&file);
        made_replace(&file, bad_models[i].from, bad_models[i].to);
        made_refused("", buf_str(&file), bad_models[i].want);
        buf_fini(&file);
    }
}

TEST(a_token_that_is_too_long_is_refused_and_not_left_out)
{
    static const size_t lengths[] = { VOCAB_TOKEN_MAX, VOCAB_TOKEN_MAX + 1,
                                      2 * VOCAB_TOKEN_MAX + 1 };
    for (size_t i = 0; i < EP_ARRAY_LEN(lengths); i++) {
        char key[2 * VOCAB_TOKEN_MAX + 16] = "\"";
        memset(key + 1, 'x', lengths[i]);
        memcpy(key + 1 + lengths[i], "\":259,\"ab\":", sizeof("\":259,\"ab\":"));
        struct buf file;
        struct source source;
        struct fail fail = { .text = "" };
        made_model(&file);
        made_replace(&file, "\"ab\":", key);
        enum err err = made_read(&source, "", buf_str(&file), &fail);
        CHECK_EQ(err, i == 0 ? ERR_OK : ERR_VOCAB);
        if (err == ERR_OK) {
            source_fini(&source);
        } else {
            CHECK(str_search(str_from(fail.text), STR("bytes")) < str_from(fail.text).len);
        }
        buf_fini(&file);
    }
}

TEST(a_split_whose_rest_is_removed_is_the_same_rule)
{
    struct buf file;
    struct source source;
    struct fail fail;
    made_model(&file);
    made_replace(&file, "\"Isolated\",\"invert\":false", "\"Removed\",\"invert\":true");
    CHECK(made_read(&source, "", buf_str(&file), &fail) == ERR_OK);
    source_fini(&source);
    buf_fini(&file);
}

/* ---- SentencePiece --------------------------------------------------------------------------- */

static void made_pieces(struct buf *file)
{
    buf_init(file, MADE_MAX);
    made_add(file, "{\"added_tokens\":[{\"id\":0,\"content\":\"<pad>\",\"special\":true}],"
                   "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                   "\"content\":\"\xE2\x96\x81\"},\"pre_tokenizer\":{\"type\":\"Split\","
                   "\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\","
                   "\"invert\":false},\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,"
                   "\"fuse_unk\":true,\"unk_token\":\"<unk>\",\"ignore_merges\":false,"
                   "\"vocab\":{\"<pad>\":0,");
    for (unsigned byte = 0; byte < 256; byte++) {
        CHECK(buf_printf(file, "\"<0x%02X>\":%u,", byte, byte + 10) == ERR_OK);
    }
    made_add(file, "\"\xE2\x96\x81\":300,\"a\":301,\"\\n\":302,\"\xE2\x96\x81"
                   "a\":303},\"merges\":[[\"\xE2\x96\x81\",\"a\"]]}}");
}

TEST(pieces_with_byte_fallback_are_read)
{
    struct buf file;
    struct source source;
    struct fail fail = { .text = "" };
    made_pieces(&file);
    if (made_read(&source, "", buf_str(&file), &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    CHECK(source.byte_fallback && !source.whole_pieces);
    CHECK_EQ(source.split.rule, VOCAB_RULE_SPACES);
    CHECK_EQ(source.token_count, 5); /* the byte tokens stand apart: "\n" has two */
    CHECK_EQ(source.byte_ids[10], 20);
    CHECK_EQ(source.byte_ids[255], 265);
    CHECK_EQ(source.merge_count, 1);
    CHECK_STR(source.tokens[source.merges[0].result].bytes, STR("\xE2\x96\x81"
                                                                "a"));
    source_fini(&source);
    buf_fini(&file);
}

TEST(pieces_without_every_byte_or_with_another_split_are_refused)
{
    static const struct {
        const char *from;
        const char *to;
        const char *want;
    } bad[] = {
        { "\"<0x0A>\":20,", "", "\"<0x0A>\" is missing" },
        { "\"byte_fallback\":true", "\"byte_fallback\":false", "byte_fallback goes with" },
        { "\"ignore_merges\":false", "\"ignore_merges\":true", "without ignore_merges" },
        { "{\"String\":\" \"},\"behavior\"", "{\"String\":\"a\"},\"behavior\"", "pre_tokenizer" },
        { "\"special\":true", "\"special\":true,\"normalized\":true", "normalized" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct buf file;
        made_pieces(&file);
        made_replace(&file, bad[i].from, bad[i].to);
        made_refused("", buf_str(&file), bad[i].want);
        buf_fini(&file);
    }
}
