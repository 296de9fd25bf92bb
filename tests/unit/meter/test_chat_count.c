#include "meter/chat_count.h"

#include "base/mem.h"
#include "prompt.h"
#include "vocab_sample.h"

static struct sample sample;
static struct prompt prompt;
static struct chat_count chat;

/* The letters are those of which the sample's tokens are made: borders merge. */
static const char *const bodies[] = {
    "{\"messages\":[]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"abab\\u00e9\\n\"}]}",
    "{\"messages\":[{\"role\":\"system\",\"content\":\"ab\"},{\"role\":\"user\","
    "\"content\":\"b\xE4\xB8\xAD\"},"
    "{\"role\":\"assistant\",\"content\":\"<think>a</think>bab\"},{\"role\":\"user\",\"content\":"
    "[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"text\",\"text\":\"ba\"}]}]}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":null,"
    "\"tool_calls\":[{\"id\":\"abababab1\",\"type\":\"function\",\"function\":{\"name\":\"ab\","
    "\"arguments\":\"{\\\"a\\\":[1,\\\"bab\\\"]}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
    "\"abababab1\",\"content\":\"abba\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
    "\"ab\",\"description\":\"baba\",\"parameters\":{\"type\":\"object\",\"properties\":{\"b\":{"
    "\"type\":\"string\"}}}}}]}",
};

static struct chat_counted counted(struct token_counter *counter, const char *program,
                                   struct str body, size_t budget)
{
    struct chat_count_options options = { .program = template_find(str_from(program)),
                                          .specials = COUNT_LITERAL };
    bool done = false;
    chat_count_begin(&chat, counter, &options, body);
    while (!done) {
        CHECK(chat_count_step(&chat, counter, budget, &done) == ERR_OK);
    }
    struct chat_counted result = chat_count_result(&chat);
    chat_count_fini(&chat);
    return result;
}

static void open_all(struct token_counter **ret_counter)
{
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 7));
    CHECK(token_counter_create(&sample.vocab, 1, ret_counter) == ERR_OK);
    buf_init(&prompt.text, 1 << 20);
}

static void close_all(struct token_counter *counter)
{
    token_counter_destroy(counter);
    sample_fini(&sample);
    buf_fini(&prompt.text);
}

TEST(a_prompt_in_pieces_counts_as_the_whole_prompt)
{
    struct token_counter *counter = NULL;
    open_all(&counter);
    for (size_t i = 0; template_at(i) != NULL; i++) {
        const struct template_program *program = template_at(i);
        struct buf name;
        buf_init(&name, 64);
        CHECK(buf_append(&name, template_name(program)) == ERR_OK);
        CHECK(buf_byte(&name, '\0') == ERR_OK);
        for (size_t k = 0; k < EP_ARRAY_LEN(bodies); k++) {
            struct str body = test_at_page_end(str_from(bodies[k]));
            struct str text = prompt_render(&prompt, program, body);
            uint64_t want = 0;
            CHECK(count_text(counter, text, COUNT_LITERAL, &want) == ERR_OK);
            struct chat_counted got = counted(counter, name.ptr, body, CHAT_COUNT_SLICE);
            /* The gaps of the two that are no texts are checked below. */
            CHECK(got.tokens == want || str_find(text, '{') < text.len);
            CHECK(got.exact == (got.margin == 0) && got.margin >= prompt.doubt);
            CHECK_EQ(counted(counter, name.ptr, body, 1).tokens, got.tokens);
            CHECK_EQ(counted(counter, name.ptr, body, 9).tokens, got.tokens);
        }
        buf_fini(&name);
    }
    close_all(counter);
}

TEST(fields_of_an_openai_message_are_texts_of_their_own)
{
    struct token_counter *counter = NULL;
    open_all(&counter);
    struct chat_counted got = counted(
        counter, "openai",
        STR("{\"messages\":[{\"role\":\"user\",\"name\":\"ab\",\"content\":\"abab\"}]}"), 64);
    uint64_t want = 3 + 1 + 3;
    static const char *const fields[] = { "user", "ab", "abab" };
    for (size_t i = 0; i < EP_ARRAY_LEN(fields); i++) {
        uint64_t tokens = 0;
        CHECK(count_text(counter, str_from(fields[i]), COUNT_LITERAL, &tokens) == ERR_OK);
        want += tokens;
    }
    CHECK_EQ(got.tokens, want);
    CHECK(got.exact && got.margin == 0);
    close_all(counter);
}

TEST(a_vocabulary_that_lacks_a_control_token_makes_an_estimate)
{
    struct token_counter *counter = NULL;
    open_all(&counter);
    struct chat_counted got = counted(counter, "qwen3", str_from(bodies[1]), 64);
    CHECK(!got.exact);
    CHECK(got.margin > 0);
    close_all(counter);
}

TEST(media_are_counted_apart_and_estimated)
{
    struct token_counter *counter = NULL;
    open_all(&counter);
    struct str body = STR(
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{"
        "\"url\":\"data:image\\/gif;base64,R0lGODlhAAQABAAAAA==\"}},{\"type\":\"image_url\","
        "\"image_url\":{\"url\":\"https://x/y.png\",\"detail\":\"low\"}},{\"type\":\"input_audio\","
        "\"input_audio\":{\"data\":\"AAAA\",\"format\":\"mp3\"}}]}]}");
    struct chat_counted got = counted(counter, "openai", body, 64);
    CHECK_EQ(got.image_tokens, 765 + 85);
    CHECK_EQ(got.audio_tokens, 1);
    CHECK(!got.exact && got.margin > 0);
    /* A family that names no formula has the bound of all. */
    body = STR("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}");
    CHECK_EQ(counted(counter, "deepseek_v3", body, 64).image_tokens, 16386);
    close_all(counter);
}

TEST(a_step_takes_no_more_than_its_budget_of_a_long_prompt)
{
    struct token_counter *counter = NULL;
    open_all(&counter);
    struct buf body;
    buf_init(&body, 4 << 20);
    CHECK(buf_append(&body, STR("{\"messages\":[{\"role\":\"user\",\"content\":\"")) == ERR_OK);
    for (int i = 0; i < 100000; i++) {
        CHECK(buf_append(&body, STR("abab \\u00e9")) == ERR_OK);
    }
    CHECK(buf_append(&body, STR("\"}]}")) == ERR_OK);
    struct chat_count_options options = { .program = template_find(STR("deepseek_v3")) };
    chat_count_begin(&chat, counter, &options, buf_str(&body));
    size_t steps = 0;
    bool done = false;
    while (!done) {
        CHECK(chat_count_step(&chat, counter, CHAT_COUNT_SLICE, &done) == ERR_OK);
        steps++;
    }
    CHECK(steps >= body.len / CHAT_COUNT_SLICE);
    CHECK(steps <= body.len / CHAT_COUNT_SLICE + 16);
    chat_count_fini(&chat);
    buf_fini(&body);
    close_all(counter);
}

static void count_without_memory(void)
{
    struct token_counter *counter = NULL;
    if (token_counter_create(&sample.vocab, 1, &counter) != ERR_OK) {
        return;
    }
    struct chat_count_options options = { .program = template_find(STR("glm4")) };
    bool done = false;
    enum err err = ERR_OK;
    chat_count_begin(&chat, counter, &options, str_from(bodies[3]));
    while (err == ERR_OK && !done) {
        err = chat_count_step(&chat, counter, 64, &done);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    chat_count_fini(&chat);
    token_counter_destroy(counter);
}

TEST(a_count_that_finds_no_memory_says_so_and_leaves_nothing)
{
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 7));
    int64_t before = mem_blocks_open();
    CHECK(test_each_allocation_failing(count_without_memory) > 1);
    CHECK_EQ(mem_blocks_open(), before);
    sample_fini(&sample);
}
