#include "meter/tally.h"

#include <stdio.h>

#include "base/mem.h"
#include "harness.h"
#include "vocab_sample.h"

static struct sample sample;
static struct token_counter *counter;

static void begin(void)
{
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 7));
    CHECK(token_counter_create(&sample.vocab, 1, &counter) == ERR_OK);
}

static void end(void)
{
    token_counter_destroy(counter);
    counter = NULL;
    sample_fini(&sample);
}

/* The text as a JSON string in small pieces of `step` bytes. */
static void add(struct tally *tally, enum tally_part part, int64_t choice, struct str text,
                size_t step)
{
    for (size_t at = 0; at < text.len; at += step) {
        char json[600];
        size_t len = text.len - at < step ? text.len - at : step;
        int size = snprintf(json, sizeof(json), "\"%.*s\"", (int)len, text.ptr + at);
        size_t offset = 0;
        struct tally_piece piece = {
            .part = part, .choice = choice, .json = { json, (size_t)size }, .offset = &offset
        };
        while (offset < piece.json.len && !tally->lost) {
            piece.budget = 3;
            tally_add(tally, counter, &piece);
        }
    }
}

/* Letters alone: nothing of it needs an escape. */
static struct str some_text(char *text, size_t max)
{
    size_t len = 0;
    while (len < max) {
        text[len++] = (char)('a' + sample_random(&sample.random, 4));
    }
    return (struct str){ text, len };
}

TEST(the_tally_is_the_count_of_each_text)
{
    char text[400];
    begin();
    for (size_t step = 1; step < 9; step++) {
        struct str said = some_text(text, 120);
        uint64_t whole = 0;
        CHECK(count_text(counter, said, COUNT_LITERAL, &whole) == ERR_OK);
        struct tally tally;
        tally_init(&tally);
        add(&tally, TALLY_CONTENT, 0, said, step);
        add(&tally, TALLY_REASONING, 0, said, 40);
        add(&tally, TALLY_CONTENT, 1, said, 7);
        tally_end(&tally, counter);
        CHECK(!tally.lost);
        CHECK_EQ(tally.tokens[TALLY_CONTENT], 2 * whole);
        CHECK_EQ(tally.tokens[TALLY_REASONING], whole);
        CHECK_EQ(tally.tokens[TALLY_TOOLS], 0);
        CHECK(tally.most[TALLY_CONTENT] >= tally.tokens[TALLY_CONTENT]);
        tally_fini(&tally);
    }
    end();
}

TEST(what_was_broken_off_later_never_costs_less)
{
    char text[400];
    begin();
    for (size_t round = 0; round < 50; round++) {
        struct str said = some_text(text, 200);
        struct tally tally;
        uint64_t before = 0;
        tally_init(&tally);
        for (size_t at = 0; at < said.len; at++) {
            add(&tally, TALLY_CONTENT, 0, str_slice(said, at, at + 1), 1);
            uint64_t now = 0;
            CHECK(tally.most[TALLY_CONTENT] >= before);
            before = tally.most[TALLY_CONTENT];
            CHECK(count_text(counter, str_slice(said, 0, at + 1), COUNT_LITERAL, &now) == ERR_OK);
            CHECK(before >= now);
        }
        tally_fini(&tally);
    }
    end();
}

TEST(an_answer_of_too_many_texts_is_lost_and_what_was_counted_stays)
{
    begin();
    struct tally tally;
    tally_init(&tally);
    for (int64_t choice = 0; choice < TALLY_TEXTS_MAX; choice++) {
        add(&tally, TALLY_TOOLS, choice, STR("abc"), 3);
    }
    CHECK(!tally.lost);
    uint64_t tokens = tally.most[TALLY_TOOLS];
    CHECK(tokens >= TALLY_TEXTS_MAX);
    add(&tally, TALLY_TOOLS, TALLY_TEXTS_MAX, STR("abc"), 3);
    CHECK(tally.lost);
    add(&tally, TALLY_TOOLS, 0, STR("abc"), 3);
    CHECK_EQ(tally.most[TALLY_TOOLS], tokens);
    tally_fini(&tally);
    end();
}

static void with_failing_memory(void)
{
    struct tally tally;
    tally_init(&tally);
    for (int64_t choice = 0; choice < 5; choice++) {
        add(&tally, TALLY_CONTENT, choice, STR("abcabcabcab"), 4);
    }
    tally_end(&tally, counter);
    tally_fini(&tally);
}

TEST(without_memory_the_tally_is_lost_and_nothing_leaks)
{
    begin();
    int64_t before = mem_blocks_open();
    CHECK(test_each_allocation_failing(with_failing_memory) > 1);
    CHECK_EQ(mem_blocks_open(), before);
    end();
}

TEST(one_word_without_an_end_is_counted_in_linear_time_and_called_no_exact_count)
{
    static char word[400];
    begin();
    struct tally tally;
    tally_init(&tally);
    for (size_t i = 0; i < 1000; i++) {
        add(&tally, TALLY_CONTENT, 0, some_text(word, sizeof(word)), sizeof(word));
    }
    CHECK(!tally.lost);
    CHECK(tally.most[TALLY_CONTENT] > 0);
    tally_end(&tally, counter);
    CHECK(tally.cut && !tally.lost);
    CHECK(tally.tokens[TALLY_CONTENT] > 0);
    tally_fini(&tally);
    end();
}
