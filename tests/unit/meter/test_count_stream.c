#include "meter/count.h"

#include "harness.h"
#include "ways.h"

#define TEXT_MAX 200

static uint32_t ids[9 * PLAIN_TEXT_MAX];
static char text[PLAIN_TEXT_MAX];

/* Feeds in parts of up to `step` bytes; after each the count is that of the text so far. */
static void check_stream(struct sample *sample, struct token_counter *counter, struct str given,
                         size_t step)
{
    struct count_stream stream;
    enum count_specials specials = step % 2 == 0 ? COUNT_LITERAL : COUNT_PARSED;
    count_stream_init(&stream, specials);
    uint64_t tokens = 0;
    for (size_t at = 0; at < given.len;) {
        size_t part = 1 + sample_random(&sample->random, step);
        part = part < given.len - at ? part : given.len - at;
        struct str bytes = test_at_page_end(str_slice(given, at, at + part));
        CHECK(count_stream_feed(counter, &stream, bytes) == ERR_OK);
        at += part;
        CHECK(count_stream_now(counter, &stream, &tokens) == ERR_OK);
        CHECK_EQ(tokens, plain_encode(sample, str_slice(given, 0, at), specials, ids));
    }
    count_stream_fini(&stream);
}

TEST(a_stream_cut_anywhere_counts_as_the_text_so_far)
{
    for (size_t i = 0; i < 4 * EP_ARRAY_LEN(ways); i++) {
        struct sample sample;
        struct token_counter *counter = NULL;
        CHECK(plain_init(&sample, &ways[i % EP_ARRAY_LEN(ways)], i));
        CHECK(token_counter_create(&sample.vocab, i, &counter) == ERR_OK);
        for (size_t round = 0; round < 12; round++) {
            size_t len = plain_text(&sample, text, sample_random(&sample.random, TEXT_MAX));
            check_stream(&sample, counter, (struct str){ text, len }, 1 + round * round);
        }
        token_counter_destroy(counter);
        sample_fini(&sample);
    }
}

TEST(a_control_token_ends_the_text_before_it)
{
    struct sample sample;
    struct token_counter *counter = NULL;
    struct count_stream stream;
    CHECK(plain_init(&sample, &ways[1], 5));
    CHECK(token_counter_create(&sample.vocab, 5, &counter) == ERR_OK);
    count_stream_init(&stream, COUNT_PARSED);
    uint64_t first = plain_encode(&sample, STR("ab <|a\xEF\xBF\xBD"), COUNT_PARSED, ids);
    uint64_t second = plain_encode(&sample, STR("|>\xCC\x81"), COUNT_PARSED, ids);
    uint64_t tokens = 0;
    CHECK(count_stream_control(counter, &stream, 3) == ERR_OK);
    CHECK(count_stream_feed(counter, &stream, STR("ab <|a\xE4")) == ERR_OK);
    CHECK(count_stream_control(counter, &stream, 2) == ERR_OK);
    CHECK(count_stream_feed(counter, &stream, STR("|>\xCC\x81")) == ERR_OK);
    CHECK(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    CHECK_EQ(tokens, 5 + first + second);
    CHECK(count_stream_now(counter, &stream, &tokens) == ERR_OK);
    CHECK_EQ(tokens, 5 + first + second);
    count_stream_fini(&stream);
    token_counter_destroy(counter);
    sample_fini(&sample);
}

TEST(ordinary_text_leaves_little_behind)
{
    struct sample sample;
    struct token_counter *counter = NULL;
    for (size_t i = 0; i < EP_ARRAY_LEN(ways); i++) {
        struct count_stream stream;
        CHECK(plain_init(&sample, &ways[i], i));
        CHECK(token_counter_create(&sample.vocab, i, &counter) == ERR_OK);
        count_stream_init(&stream, COUNT_PARSED);
        for (int part = 0; part < 3000; part++) {
            CHECK(count_stream_feed(counter, &stream, STR("ab abba, it's ")) == ERR_OK);
            CHECK(stream.tail.len + stream.raw.len < 256);
        }
        count_stream_fini(&stream);
        token_counter_destroy(counter);
        sample_fini(&sample);
    }
}

static struct sample shared;

static enum err feed_marks(struct token_counter *counter, struct count_stream *stream)
{
    static char marks[40000];
    for (size_t i = 0; i < sizeof(marks); i++) {
        marks[i] = i % 2 == 0 ? '\xCC' : '\x81';
    }
    uint64_t tokens = 0;
    for (int part = 0; part < 5; part++) {
        TRY(count_stream_feed(counter, stream, (struct str){ marks, sizeof(marks) }));
    }
    TRY(count_stream_now(counter, stream, &tokens));
    CHECK(tokens > 0);
    return ERR_OK;
}

static void try_stream(void)
{
    struct token_counter *counter = NULL;
    struct count_stream stream;
    count_stream_init(&stream, COUNT_PARSED);
    enum err err = token_counter_create(&shared.vocab, 1, &counter);
    if (err == ERR_OK) {
        err = feed_marks(counter, &stream);
    }
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    count_stream_fini(&stream);
    token_counter_destroy(counter);
}

TEST(a_lack_of_memory_is_an_answer_and_leaks_nothing)
{
    CHECK(plain_init(&shared, &ways[1], 3));
    CHECK(test_each_allocation_failing(try_stream) > 10);
    sample_fini(&shared);
}
