#include "source.h"

#include "made.h"

/* What every format shares: options, the list of special tokens, and that the whole is sound. */

/* Made once, so that a test may fail allocations while it is read. */
static struct str bytes_file(void)
{
    static char text[4096];
    static size_t len;
    if (len == 0) {
        struct fail fail;
        struct buf file = { text, 0, sizeof(text), sizeof(text) };
        made_bytes(&file, 0);
        len = file.len;
        CHECK(crypto_start(&fail) == ERR_OK);
    }
    return (struct str){ text, len };
}

static enum err read_with(struct source *source, const char *specials, struct fail *fail)
{
    struct source_options options = { .name = STR("name"),
                                      .template = STR("chat"),
                                      .rule = STR("cl100k"),
                                      .digits = 1,
                                      .nfc = true,
                                      .specials = str_from(specials) };
    return source_read(source, &options, bytes_file(), fail);
}

TEST(options_end_up_in_the_source)
{
    struct source source;
    struct fail fail;
    CHECK(read_with(&source, "", &fail) == ERR_OK);
    CHECK_STR(str_from(source.name), STR("name"));
    CHECK_STR(str_from(source.template), STR("chat"));
    CHECK_EQ(source.split.rule, VOCAB_RULE_CL100K);
    CHECK_EQ(source.split.digits_max, 1);
    CHECK(source.split.nfc);
    CHECK_EQ(source.special_count, 0);
    source_fini(&source);
}

static const char *const good_specials[] = {
    "[{\"id\":257,\"content\":\"<b>\",\"special\":true,\"lstrip\":true},"
    "{\"id\":256,\"content\":\"<a>\",\"special\":false}]",
    "{\"added_tokens\":[{\"id\":257,\"content\":\"<b>\",\"special\":true,\"lstrip\":true},"
    "{\"id\":256,\"content\":\"<a>\"}]}",
    "{\"added_tokens_decoder\":{\"257\":{\"content\":\"<b>\",\"special\":true,\"lstrip\":true},"
    "\"256\":{\"content\":\"<a>\"}}}",
};

TEST(special_tokens_are_taken_from_either_file_of_a_model_and_ordered)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(good_specials); i++) {
        struct source source;
        struct fail fail;
        CHECK(read_with(&source, good_specials[i], &fail) == ERR_OK);
        CHECK_EQ(source.special_count, 2);
        CHECK_STR(source.specials[0].text, STR("<a>"));
        CHECK_EQ(source.specials[0].id, 256);
        CHECK(!source.specials[0].control && !source.specials[0].lstrip);
        CHECK_EQ(source.specials[1].id, 257);
        CHECK(source.specials[1].control && source.specials[1].lstrip);
        source_fini(&source);
    }
}

static const struct {
    const char *specials;
    const char *want;
} bad_specials[] = {
    { "[{", "not valid JSON" },
    { "{\"added_tokens\":7}", "neither a list" },
    { "[1]", "entry 0" },
    { "[{\"id\":256}]", "entry 0" },
    { "[{\"content\":\"<a>\"}]", "is not 1 to" },
    { "[{\"id\":-1,\"content\":\"<a>\"}]", "entry 0" },
    { "[{\"id\":256,\"content\":\"<a>\",\"special\":1}]", "entry 0" },
    { "[{\"id\":256,\"content\":\"<a>\"},{\"id\":257,\"content\":\"<a>\"}]", "there twice" },
    { "[{\"id\":65,\"content\":\"<a>\"}]", "the id 65 of the token \"A\"" },
    { "[{\"id\":256,\"content\":\"<a>\",\"single_word\":true}]", "single_word" },
    { "[{\"id\":256,\"content\":\"<a>\",\"normalized\":true}]", "normalized" },
    { "{\"added_tokens_decoder\":{\"x\":{\"content\":\"<a>\"}}}", "\"x\" is not below" },
};

TEST(special_tokens_that_cannot_be_matched_exactly_are_refused)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(bad_specials); i++) {
        struct source source;
        struct fail fail = { .text = "" };
        CHECK_EQ(read_with(&source, bad_specials[i].specials, &fail), ERR_VOCAB);
        if (str_search(str_from(fail.text), str_from(bad_specials[i].want)) ==
            str_from(fail.text).len) {
            test_failed(EP_SITE, "%s: %s", bad_specials[i].specials, fail.text);
        }
    }
}

TEST(files_of_no_known_format_are_refused)
{
    made_refused("", STR(""), "empty");
    made_refused("", STR(" \n"), "empty");
    made_refused("", STR("{"), "line 1, column 1");
    made_refused("", STR("{}"), "none of");
    made_refused("", STR("[]"), "none of");
    made_refused("", STR("{\"a\":1,\"a\":2}"), "duplicate");
    made_refused("cl100k", STR("{}"), "leave the rule out");
}

static void read_any(void)
{
    struct source source;
    struct fail fail;
    enum err err = read_with(&source, good_specials[0], &fail);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err == ERR_OK) {
        source_fini(&source);
    }
}

TEST(a_failing_allocation_is_reported_and_leaks_nothing)
{
    CHECK(bytes_file().len > 0);
    CHECK(test_each_allocation_failing(read_any) > 5);
}
