#include "meter/count.h"

#include "base/mem.h"
#include "harness.h"
#include "ways.h"

#define TEXT_MAX 300

static uint32_t want[9 * PLAIN_TEXT_MAX];
static char text[PLAIN_TEXT_MAX];

static void check_text(struct sample *sample, struct token_counter *counter, struct str given,
                       enum count_specials specials)
{
    struct str at_end = test_at_page_end(given);
    size_t count = plain_encode(sample, given, specials, want);
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK(count_encode(counter, at_end, specials, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), ((struct str){ (const char *)want, count * sizeof(*want) }));
    buf_fini(&out);
    uint64_t tokens = 0;
    size_t used = 0;
    CHECK(count_text(counter, at_end, specials, &tokens) == ERR_OK);
    CHECK_EQ(tokens, count);
    CHECK(count_upto(counter, at_end, specials, count, &tokens, &used) == ERR_OK);
    CHECK_EQ(tokens, count);
    CHECK_EQ(used, given.len);
}

TEST(texts_are_counted_as_the_definition_has_it)
{
    for (size_t i = 0; i < 10 * EP_ARRAY_LEN(ways); i++) {
        struct sample sample;
        struct token_counter *counter = NULL;
        CHECK(plain_init(&sample, &ways[i % EP_ARRAY_LEN(ways)], i));
        CHECK(token_counter_create(&sample.vocab, i, &counter) == ERR_OK);
        CHECK(token_counter_vocab(counter) == &sample.vocab);
        for (size_t round = 0; round < 200; round++) {
            size_t len = plain_text(&sample, text, sample_random(&sample.random, TEXT_MAX));
            check_text(&sample, counter, (struct str){ text, len },
                       round % 2 == 0 ? COUNT_LITERAL : COUNT_PARSED);
        }
        token_counter_destroy(counter);
        sample_fini(&sample);
    }
}

TEST(counting_stops_soon_after_the_limit)
{
    static char many[1 << 20];
    memset(many, '1', sizeof(many));
    struct sample sample;
    struct token_counter *counter = NULL;
    uint64_t tokens = 0;
    size_t used = 0;
    CHECK(plain_init(&sample, &ways[0], 1));
    CHECK(token_counter_create(&sample.vocab, 1, &counter) == ERR_OK);
    CHECK(count_upto(counter, (struct str){ many, sizeof(many) }, COUNT_LITERAL, 100, &tokens,
                     &used) == ERR_OK);
    CHECK(tokens > 100 && tokens < 20000);
    CHECK(used < sizeof(many) / 4);
    token_counter_destroy(counter);
    sample_fini(&sample);
}

TEST(ids_come_back_as_their_text)
{
    struct sample sample;
    struct buf out;
    CHECK(plain_init(&sample, &ways[0], 3));
    buf_init(&out, TEXT_MAX);
    struct str given = STR("a b\n<|a|> ab'sB1");
    size_t count = plain_encode(&sample, given, COUNT_PARSED, want);
    CHECK(count_decode(&sample.vocab, want, count, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), given);
    want[1] = 123456789;
    CHECK(count_decode(&sample.vocab, want, count, &out) == ERR_NOT_FOUND);
    CHECK_STR(buf_str(&out), given); /* as it was */
    buf_fini(&out);
    sample_fini(&sample);
    CHECK(plain_init(&sample, &ways[6], 3));
    count = plain_encode(&sample, STR("a  b ab"), COUNT_LITERAL, want);
    CHECK(count_decode(&sample.vocab, want, count, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), STR("a  b ab"));
    buf_fini(&out);
    sample_fini(&sample);
}

TEST(no_text_has_more_tokens_than_its_bound)
{
    struct sample sample;
    CHECK(plain_init(&sample, &ways[0], 3));
    CHECK_EQ(count_bound(&sample.vocab, 100), 100);
    sample_fini(&sample);
    CHECK(plain_init(&sample, &ways[1], 3));
    CHECK_EQ(count_bound(&sample.vocab, 100), 300);
    CHECK(count_bound(&sample.vocab, UINT64_MAX - 1) == UINT64_MAX);
    sample_fini(&sample);
}

TEST(ids_that_do_not_fit_leave_nothing)
{
    struct sample sample;
    struct token_counter *counter = NULL;
    struct buf out;
    CHECK(plain_init(&sample, &ways[0], 3));
    CHECK(token_counter_create(&sample.vocab, 1, &counter) == ERR_OK);
    buf_init(&out, 8);
    CHECK(buf_append(&out, STR("1234")) == ERR_OK);
    CHECK(count_encode(counter, STR("z z z z"), COUNT_LITERAL, &out) == ERR_LIMIT);
    CHECK_STR(buf_str(&out), STR("1234"));
    CHECK(count_encode(counter, STR("z"), COUNT_LITERAL, &out) == ERR_OK);
    CHECK_EQ(out.len, 8);
    buf_fini(&out);
    token_counter_destroy(counter);
    token_counter_destroy(NULL);
    sample_fini(&sample);
}

static struct sample shared;

static void try_all(void)
{
    static char long_run[3000];
    memset(long_run, 'z', sizeof(long_run));
    struct token_counter *counter = NULL;
    uint64_t tokens = 0;
    if (token_counter_create(&shared.vocab, 1, &counter) == ERR_OK) {
        struct buf out;
        buf_init(&out, 1 << 20);
        struct str given = { long_run, sizeof(long_run) };
        if (count_encode(counter, given, COUNT_LITERAL, &out) == ERR_OK) {
            CHECK(count_text(counter, given, COUNT_LITERAL, &tokens) == ERR_OK);
            CHECK_EQ(tokens, out.len / sizeof(uint32_t));
        }
        buf_fini(&out);
    }
    token_counter_destroy(counter);
}

TEST(a_lack_of_memory_is_an_answer_and_leaks_nothing)
{
    for (size_t i = 0; i < 2; i++) {
        CHECK(plain_init(&shared, &ways[i], 3));
        int64_t open = mem_blocks_open();
        CHECK(test_each_allocation_failing(try_all) > 3);
        CHECK_EQ(mem_blocks_open(), open);
        sample_fini(&shared);
    }
}
