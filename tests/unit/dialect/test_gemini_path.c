#include "dialect/gemini_path.h"

#include <string.h>

#include "harness.h"

static const struct row {
    struct str path;
    enum gemini_verb verb;
    struct str model; /* decoded; empty: it is no name */
    struct str method;
} rows[] = {
    { STR_INIT("/v1/models/m:generateContent"), GEMINI_GENERATE, STR_INIT("m"),
      STR_INIT("generateContent") },
    { STR_INIT("/v1beta/models/m:streamGenerateContent"), GEMINI_STREAM, STR_INIT("m"),
      STR_INIT("streamGenerateContent") },
    { STR_INIT("/v1/models/m:countTokens"), GEMINI_COUNT, STR_INIT("m"), STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/m:embedContent"), GEMINI_EMBED, STR_INIT("m"),
      STR_INIT("embedContent") },
    { STR_INIT("/v1beta/models/m:batchEmbedContents"), GEMINI_EMBEDS, STR_INIT("m"),
      STR_INIT("batchEmbedContents") },
    { STR_INIT("/v1beta/models/models/m:generateContent"), GEMINI_GENERATE, STR_INIT("m"),
      STR_INIT("generateContent") },
    { STR_INIT("/v1beta/models/qwen3:8b:countTokens"), GEMINI_COUNT, STR_INIT("qwen3:8b"),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/vendor%2Fm+1%22:countTokens"), GEMINI_COUNT,
      STR_INIT("vendor/m+1\\\""), STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/vendor/m:countTokens"), GEMINI_COUNT, STR_INIT("vendor/m"),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/%E4%BA%BA:countTokens"), GEMINI_COUNT, STR_INIT("\xE4\xBA\xBA"),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/m%00:countTokens"), GEMINI_COUNT, STR_INIT("m\\u0000"),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/m%FF:countTokens"), GEMINI_COUNT, STR_INIT(""),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/m%4:countTokens"), GEMINI_COUNT, STR_INIT(""),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/:countTokens"), GEMINI_COUNT, STR_INIT(""),
      STR_INIT("countTokens") },
    { STR_INIT("/v1beta/models/m:CountTokens"), GEMINI_UNKNOWN, STR_INIT("m"),
      STR_INIT("CountTokens") },
    { STR_INIT("/v1beta/models/m:countTokensx"), GEMINI_UNKNOWN, STR_INIT("m"),
      STR_INIT("countTokensx") },
    { STR_INIT("/v1beta/models/m:"), GEMINI_UNKNOWN, STR_INIT("m"), STR_INIT("") },
    { STR_INIT("/v1beta/models/m"), GEMINI_UNKNOWN, STR_INIT("m"), STR_INIT("") },
};

TEST(a_path_says_what_is_to_be_done_with_which_model)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct gemini_path path;
        struct arena arena;
        struct str model;
        arena_init(&arena, 64, 4096);
        CHECK(gemini_path_read(test_at_page_end(rows[i].path), STR_EMPTY, &path));
        CHECK_EQ(path.verb, rows[i].verb);
        CHECK_STR(path.method, rows[i].method);
        CHECK(!path.sse);
        enum err err = gemini_path_model(&path, &arena, &model);
        CHECK_EQ(err, rows[i].model.len > 0 ? ERR_OK : ERR_ASK_INVALID);
        CHECK_STR(model, rows[i].model);
        arena_fini(&arena);
    }
}

TEST(what_is_no_models_path_is_none)
{
    static const struct str none[] = {
        STR_INIT(""),
        STR_INIT("/v1/models"),
        STR_INIT("/v1/models/"),
        STR_INIT("/v1beta/models/models/"),
        STR_INIT("/v2/models/m:countTokens"),
        STR_INIT("/api/v1/models/m:countTokens"),
        STR_INIT("/v1/model/m:countTokens"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        struct gemini_path path;
        CHECK(!gemini_path_read(none[i], STR_EMPTY, &path));
        CHECK_EQ(path.verb, GEMINI_UNKNOWN);
    }
}

TEST(events_are_what_alt_sse_asks_for)
{
    static const struct {
        struct str query;
        bool sse;
    } queries[] = {
        { STR_INIT("alt=sse"), true },           { STR_INIT("key=k&alt=sse"), true },
        { STR_INIT("alt=s%73e&x"), true },       { STR_INIT("alt=json"), false },
        { STR_INIT("alt=sse2"), false },         { STR_INIT("alt=ssessesse"), false },
        { STR_INIT("xalt=sse"), false },         { STR_INIT("alt"), false },
        { STR_INIT("alt=json&alt=sse"), false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(queries); i++) {
        struct gemini_path path;
        CHECK(gemini_path_read(STR("/v1/models/m:streamGenerateContent"), queries[i].query, &path));
        CHECK_EQ(path.sse, queries[i].sse);
    }
}

TEST(a_name_is_of_so_many_bytes_and_no_more)
{
    char text[300] = "/v1/models/";
    size_t root = strlen(text);
    memset(text + root, 'x', sizeof(text) - root);
    for (size_t len = 255; len <= 257; len++) {
        struct gemini_path path;
        struct arena arena;
        struct str model;
        arena_init(&arena, 64, 4096);
        CHECK(gemini_path_read((struct str){ text, root + len }, STR_EMPTY, &path));
        CHECK_EQ(gemini_path_model(&path, &arena, &model), len <= 256 ? ERR_OK : ERR_ASK_INVALID);
        CHECK_EQ(model.len, len <= 256 ? len : 0);
        arena_fini(&arena);
    }
}

static void read_a_model(void)
{
    struct gemini_path path;
    struct arena arena;
    struct str model;
    arena_init(&arena, 64, 4096);
    CHECK(gemini_path_read(STR("/v1/models/a%2Fb\"c:countTokens"), STR_EMPTY, &path));
    enum err err = gemini_path_model(&path, &arena, &model);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    CHECK_STR(model, err == ERR_OK ? STR("a/b\\\"c") : STR(""));
    arena_fini(&arena);
}

TEST(without_memory_there_is_no_model)
{
    CHECK(test_each_allocation_failing(read_a_model) > 1);
}
