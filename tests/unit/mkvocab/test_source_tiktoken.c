#include "made.h"

TEST(rank_lines_become_tokens_in_their_order)
{
    struct buf file;
    buf_init(&file, MADE_MAX);
    made_bytes(&file, 0);
    made_add(&file, "YWI= 256\r\n\nYWJj 300\n");
    struct source source;
    struct fail fail;
    CHECK(made_read(&source, "o200k", buf_str(&file), &fail) == ERR_OK);
    CHECK_EQ(source.token_count, 258);
    CHECK_STR(source.tokens[256].bytes, STR("ab"));
    CHECK_EQ(source.tokens[257].id, 300);
    CHECK(source.rank_order && source.whole_pieces && !source.byte_fallback);
    CHECK_EQ(source.split.rule, VOCAB_RULE_O200K);
    CHECK_EQ(source.split.digits_max, 3);
    CHECK(source.split.slash);
    source_fini(&source);
    buf_fini(&file);
}

TEST(kimi_has_its_cuts)
{
    struct buf file;
    buf_init(&file, MADE_MAX);
    made_bytes(&file, 0);
    struct source source;
    struct fail fail;
    CHECK(made_read(&source, "kimi", buf_str(&file), &fail) == ERR_OK);
    CHECK_EQ(source.split.run_max, 25000);
    CHECK_EQ(source.split.text_max, 400000);
    source_fini(&source);
    buf_fini(&file);
}

static const struct {
    const char *line;
    const char *want;
} bad_lines[] = {
    { "YWI= 255\n", "line 257: the rank 255 does not rise" },
    { "YWI 256\n", "token 257: \"YWI\" is not base64" },
    { "YW!= 256\n", "is not base64" },
    { "QQ== 256\n", "the tokens 65 and 256 are the same text \"A\"" },
    { "YWI=\n", "line 257 is not" },
    { "YWI= 1048576\n", "line 257 is not" },
    { "YWI= -1\n", "line 257 is not" },
    { " 256\n", "0 bytes" },
};

TEST(bad_rank_lines_are_refused_with_their_number)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_lines); i++) {
        struct buf file;
        buf_init(&file, MADE_MAX);
        made_bytes(&file, 0);
        made_add(&file, bad_lines[i].line);
        made_refused("cl100k", buf_str(&file), bad_lines[i].want);
        buf_fini(&file);
    }
}

TEST(ranks_without_a_rule_or_with_an_unknown_one_or_without_a_byte_are_refused)
{
    struct buf file;
    buf_init(&file, MADE_MAX);
    made_bytes(&file, 0);
    made_refused("", buf_str(&file), "give a rule");
    made_refused("gpt2", buf_str(&file), "\"gpt2\" is not known");
    made_replace(&file, "\nQQ== 65\n", "\n");
    made_refused("cl100k", buf_str(&file), "byte 0x41 has no token");
    buf_fini(&file);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void made_encoder(struct buf *file)
{
    buf_init(file, MADE_MAX);
    made_add(file, "{\"pat_str\":\"" MADE_CL100K "\",\"special_tokens\":{\"<|b|>\":257,"
                   "\"<|a|>\":258},\"bpe_ranks\":\"! 0");
    made_words(file);
    made_add(file, "\\n! 256 YWI=\"}");
}

TEST(an_encoder_of_npm_becomes_tokens_and_control_tokens)
{
    struct buf file;
    made_encoder(&file);
    struct source source;
    struct fail fail = { .text = "" };
    if (made_read(&source, "", buf_str(&file), &fail) != ERR_OK) {
        test_failed(EP_SITE, "%s", fail.text);
    }
    CHECK_EQ(source.token_count, 257);
    CHECK_STR(source.tokens[256].bytes, STR("ab"));
    CHECK_EQ(source.tokens[256].id, 256);
    CHECK_EQ(source.split.rule, VOCAB_RULE_CL100K);
    CHECK_EQ(source.special_count, 2);
    CHECK_STR(source.specials[0].text, STR("<|a|>"));
    CHECK(source.specials[0].control);
    source_fini(&source);
    buf_fini(&file);
}

static const struct {
    const char *from;
    const char *to;
    const char *want;
} bad_encoders[] = {
    { "\"pat_str\"", "\"pattern\"", "lacks" },
    { "(?i:'s|", "(?i:'z|", "by a rule that is not known" },
    { "{1,3}", "{1,4}", "by a rule that is not known" },
    { "! 256", "! 255", "behind 256" },
    { "! 256", "! 257", "behind 256" },
    { "! 256", "! x", "behind 256" },
    { "YWI=", "YWI", "not base64" },
    { "\"<|b|>\":257", "\"<|b|>\":\"257\"", "has no id" },
    { "\"<|b|>\":257", "\"<|b|>\":256", "the id 256 of the token \"ab\"" },
    { "\"<|b|>\":257", "\"<|a|>\":257", "duplicate" },
};

TEST(encoders_that_are_not_sound_are_refused)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_encoders); i++) {
        struct buf file;
        made_encoder(&file);
        made_replace(&file, bad_encoders[i].from, bad_encoders[i].to);
        made_refused("", buf_str(&file), bad_encoders[i].want);
        buf_fini(&file);
    }
}
