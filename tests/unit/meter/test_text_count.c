#include "meter/text_count.h"

#include "base/mem.h"
#include "harness.h"
#include "vocab_sample.h"

static struct sample sample;

static struct text_counted counted(struct token_counter *counter, struct str texts, size_t budget)
{
    struct text_count count;
    bool done = false;
    text_count_begin(&count, COUNT_PARSED, texts);
    while (!done) {
        CHECK(text_count_step(&count, counter, budget, &done) == ERR_OK);
    }
    struct text_counted result = text_count_result(&count, &sample.vocab);
    text_count_fini(&count);
    return result;
}

static struct token_counter *open_sample(void)
{
    struct token_counter *counter = NULL;
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 7));
    CHECK(token_counter_create(&sample.vocab, 1, &counter) == ERR_OK);
    return counter;
}

static uint64_t alone(struct token_counter *counter, const char *text)
{
    uint64_t tokens = 0;
    CHECK(count_text(counter, str_from(text), COUNT_PARSED, &tokens) == ERR_OK);
    return tokens;
}

TEST(each_text_is_counted_by_itself)
{
    struct token_counter *counter = open_sample();
    uint64_t want = alone(counter, "abab") + alone(counter, "ba") + alone(counter, "");
    struct str list = STR("[\"abab\", \"b\\u0061\", \"\", 7, null, {\"text\": 1}]");
    for (size_t budget = 1; budget < 40; budget++) {
        CHECK_EQ(counted(counter, list, budget).tokens, want);
    }
    CHECK_EQ(counted(counter, STR("\"abab\""), 3).tokens, alone(counter, "abab"));
    CHECK_EQ(counted(counter, STR("[{\"text\":\"abab\",\"id\":\"ab\"}]"), 3).tokens,
             alone(counter, "abab"));
    CHECK_EQ(counted(counter, STR("[]"), 3).tokens, 0);
    CHECK_EQ(counted(counter, STR("{}"), 3).tokens, 0);
    CHECK_EQ(counted(counter, STR("17"), 3).tokens, 0);
    token_counter_destroy(counter);
    sample_fini(&sample);
}

TEST(what_servers_add_to_each_text_is_a_margin)
{
    struct token_counter *counter = open_sample();
    CHECK_EQ(counted(counter, STR("[\"a\",\"b\"]"), 9).margin, 4);
    CHECK_EQ(counted(counter, STR("\"a\""), 9).margin, 2);
    CHECK_EQ(counted(counter, STR("[]"), 9).margin, 0);
    token_counter_destroy(counter);
    sample_fini(&sample);
}
