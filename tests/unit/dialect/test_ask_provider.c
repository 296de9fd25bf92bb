#include "dialect/ask_provider.h"

#include <stdio.h>

#include "harness.h"
#include "wire/json.h"

static struct ask_provider provider;
static const char *param;
static struct fail failure;

static enum err read_provider(const char *text)
{
    struct json_fault fault;
    param = NULL;
    CHECK(json_check(str_from(text), &fault) == ERR_OK);
    return ask_read_provider(str_from(text), &provider, &param, &failure);
}

static void check_names(struct ask_names names, const char *const *want, size_t count)
{
    char text[ASK_NAME_MAX];
    struct str name;
    struct str rest = names.count == 0 ? STR_EMPTY : json_inside(names.list);
    size_t i = 0;
    CHECK_EQ(names.count, count);
    while (ask_next_name(&rest, text, &name)) {
        CHECK(i < count);
        CHECK_STR(name, str_from(want[i++]));
    }
    CHECK_EQ(i, count);
}

TEST(each_member_is_read)
{
    static const char *const order[] = { "alpha", "b\"eta" };
    static const char *const one[] = { "gamma" };
    CHECK(read_provider(
              "{\"order\":[\"alpha\",\"b\\\"eta\"],\"only\":[\"gamma\"],\"ignore\":[],"
              "\"quantizations\":[\"gamma\"],\"sort\":\"latency\",\"data_collection\":\"deny\","
              "\"zdr\":true,\"allow_fallbacks\":false,\"require_parameters\":true,"
              "\"max_price\":{\"prompt\":0.5,\"completion\":\"2\",\"request\":0.01,"
              "\"image\":\"0.04\"}}") == ERR_OK);
    CHECK(param == NULL);
    check_names(provider.order, order, 2);
    check_names(provider.only, one, 1);
    check_names(provider.ignore, NULL, 0);
    check_names(provider.quantizations, one, 1);
    CHECK_EQ(provider.sort, ASK_SORT_LATENCY);
    CHECK(provider.given && provider.zdr && provider.no_collection);
    CHECK(provider.no_fallbacks && provider.require_parameters);
    CHECK_EQ(provider.max_input, 500000);
    CHECK_EQ(provider.max_output, 2000000);
    CHECK_EQ(provider.max_call, INT64_C(10000000000));
    CHECK_EQ(provider.max_image, INT64_C(40000000000));
}

TEST(what_is_left_out_or_null_restricts_nothing)
{
    static const char *const texts[] = {
        "null",
        "{}",
        "{\"order\":null,\"sort\":null,\"max_price\":null,\"allow_fallbacks\":null}",
        "{\"allow_fallbacks\":true,\"data_collection\":\"allow\",\"zdr\":false}",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        CHECK(read_provider(texts[i]) == ERR_OK);
        CHECK(provider.order.count == 0 && provider.sort == ASK_SORT_NONE);
        CHECK(provider.max_input == -1 && provider.max_output == -1 && provider.max_call == -1);
        CHECK(!provider.no_fallbacks && !provider.no_collection && !provider.zdr);
        CHECK(provider.given == (texts[i][0] == '{'));
    }
    CHECK(ask_read_provider(STR_EMPTY, &provider, &param, &failure) == ERR_OK);
    CHECK(!provider.given);
}

TEST(sorts_have_words_bare_or_in_an_object)
{
    for (unsigned i = ASK_SORT_PRICE; i < ASK_SORTS; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"sort\":{\"by\":\"%s\",\"partition\":\"model\"}}",
                       ask_sort_name((enum ask_sort)i));
        CHECK(read_provider(text) == ERR_OK);
        CHECK_EQ(provider.sort, i);
    }
}

struct provider_case {
    const char *text;
    enum err err;
    const char *param;
};

TEST(bad_members_are_refused_by_name)
{
    static const struct provider_case cases[] = {
        { "5", ERR_ASK_INVALID, "provider" },
        { "\"openai\"", ERR_ASK_INVALID, "provider" },
        { "{\"ignroe\":[\"a\"]}", ERR_ASK_UNSUPPORTED, "provider" },
        { "{\"\\u00e9\":1}", ERR_ASK_UNSUPPORTED, "provider" },
        { "{\"order\":\"a\"}", ERR_ASK_INVALID, "provider.order" },
        { "{\"order\":[1]}", ERR_ASK_INVALID, "provider.order" },
        { "{\"order\":[\"\"]}", ERR_ASK_INVALID, "provider.order" },
        { "{\"order\":[\"\\ud800\"]}", ERR_ASK_INVALID, "provider.order" },
        { "{\"only\":{}}", ERR_ASK_INVALID, "provider.only" },
        { "{\"ignore\":[null]}", ERR_ASK_INVALID, "provider.ignore" },
        { "{\"quantizations\":true}", ERR_ASK_INVALID, "provider.quantizations" },
        { "{\"sort\":\"best\"}", ERR_ASK_INVALID, "provider.sort" },
        { "{\"sort\":\"\"}", ERR_ASK_INVALID, "provider.sort" },
        { "{\"sort\":{}}", ERR_ASK_INVALID, "provider.sort" },
        { "{\"sort\":{\"by\":\"price\",\"by\":\"latency\"}}", ERR_ASK_INVALID, "provider.sort" },
        { "{\"sort\":{\"by\":\"price\",\"partition\":\"none\"}}", ERR_ASK_INVALID,
          "provider.sort" },
        { "{\"data_collection\":\"maybe\"}", ERR_ASK_INVALID, "provider.data_collection" },
        { "{\"data_collection\":true}", ERR_ASK_INVALID, "provider.data_collection" },
        { "{\"zdr\":\"yes\"}", ERR_ASK_INVALID, "provider.zdr" },
        { "{\"allow_fallbacks\":0}", ERR_ASK_INVALID, "provider.allow_fallbacks" },
        { "{\"require_parameters\":1}", ERR_ASK_INVALID, "provider.require_parameters" },
        { "{\"max_price\":1}", ERR_ASK_INVALID, "provider.max_price" },
        { "{\"max_price\":{\"prompt\":-1}}", ERR_ASK_INVALID, "provider.max_price" },
        { "{\"max_price\":{\"prompt\":1e3}}", ERR_ASK_INVALID, "provider.max_price" },
        { "{\"max_price\":{\"prompt\":1,\"prompt\":2}}", ERR_ASK_INVALID, "provider.max_price" },
        { "{\"max_price\":{\"video\":1}}", ERR_ASK_INVALID, "provider.max_price" },
        { "{\"max_price\":{\"prompt\":\"99999999999999999999\"}}", ERR_ASK_INVALID,
          "provider.max_price" },
        { "{\"zdr\":true,\"zdr\":false}", ERR_ASK_DUPLICATE, "provider.zdr" },
        { "{\"zdr\":true,\"z\\u0064r\":false}", ERR_ASK_DUPLICATE, "provider.zdr" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        if (read_provider(cases[i].text) != cases[i].err) {
            test_failed(EP_SITE, "not refused as it should be: %s", cases[i].text);
        }
        CHECK_STR(str_from(param), str_from(cases[i].param));
        CHECK(str_search(str_from(failure.text), STR("provider")) < str_from(failure.text).len);
    }
}

/* "{"order":["a","a",...]}" */
static enum err read_long(size_t names, size_t bytes)
{
    static char text[65536];
    struct buf out = { text, 0, sizeof(text) - 1, sizeof(text) - 1 };
    CHECK(buf_append(&out, STR("{\"order\":[")) == ERR_OK);
    for (size_t i = 0; i < names; i++) {
        CHECK(buf_append(&out, i == 0 ? STR("\"") : STR(",\"")) == ERR_OK);
        for (size_t k = 0; k < bytes; k++) {
            CHECK(buf_byte(&out, 'a') == ERR_OK);
        }
        CHECK(buf_byte(&out, '"') == ERR_OK);
    }
    CHECK(buf_append(&out, STR("]}")) == ERR_OK);
    text[out.len] = '\0';
    return read_provider(text);
}

TEST(lists_and_names_have_an_end)
{
    CHECK(read_long(ASK_NAMES_MAX, ASK_NAME_MAX) == ERR_OK);
    CHECK_EQ(provider.order.count, ASK_NAMES_MAX);
    CHECK(read_long(ASK_NAMES_MAX + 1, 1) == ERR_ASK_INVALID);
    CHECK(read_long(1, ASK_NAME_MAX + 1) == ERR_ASK_INVALID);
}

TEST(models_are_a_short_list_of_names)
{
    static const char *const want[] = { "a", "b" };
    struct ask_names models;
    param = NULL;
    CHECK(ask_read_models(STR("[\"a\", \"b\"]"), &models, &param, &failure) == ERR_OK);
    check_names(models, want, 2);
    CHECK(ask_read_models(STR("null"), &models, &param, &failure) == ERR_OK);
    CHECK_EQ(models.count, 0);
    CHECK(param == NULL);
    CHECK(ask_read_models(STR("[1]"), &models, &param, &failure) == ERR_ASK_INVALID);
    CHECK_STR(str_from(param), STR("models"));
    CHECK(ask_read_models(STR("[1,2,3,4,5,6,7,8,9]"), &models, &param, &failure) ==
          ERR_ASK_INVALID);
    CHECK(ask_read_models(STR("{}"), &models, &param, &failure) == ERR_ASK_INVALID);
}
