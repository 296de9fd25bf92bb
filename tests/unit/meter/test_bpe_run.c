#include "meter/bpe.h"

#include <string.h>

#include "harness.h"
#include "vocab_sample.h"

#define TEXT_MAX 2000

static uint64_t run_all(struct bpe *bpe, struct str piece)
{
    struct bpe_run run;
    bpe_run_begin(&run);
    bpe_run_feed(bpe, &run, piece);
    return bpe_run_tokens(&run);
}

TEST(a_run_counts_as_the_stack_does)
{
    static char text[TEXT_MAX];
    for (uint64_t seed = 0; seed < 120; seed++) {
        struct sample sample;
        struct bpe *bpe = NULL;
        enum sample_kind kind = (enum sample_kind)(seed % SAMPLE_KIND_COUNT);
        CHECK(sample_init(&sample, kind, seed % 2 == 0, seed));
        CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
        for (size_t round = 0; round < 10; round++) {
            size_t max = VOCAB_TOKEN_MAX + 1 + sample_random(&sample.random, 1400);
            struct str piece = { text, sample_text(&sample, text, max) };
            CHECK_EQ(run_all(bpe, piece), bpe_count(bpe, piece));
        }
        bpe_destroy(bpe);
        sample_fini(&sample);
    }
}

TEST(after_each_byte_a_run_counts_the_text_so_far)
{
    static char text[TEXT_MAX];
    static uint32_t ids[TEXT_MAX];
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct sample sample;
        struct bpe *bpe = NULL;
        struct bpe_run run;
        CHECK(sample_init(&sample, (enum sample_kind)(seed % SAMPLE_KIND_COUNT), seed % 2, seed));
        sample.source.whole_pieces = false; /* a run is of pieces too long to be tokens */
        CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
        size_t len = sample_text(&sample, text, 150);
        bpe_run_begin(&run);
        CHECK_EQ(bpe_run_tokens(&run), 0);
        for (size_t at = 0; at < len; at++) {
            bpe_run_feed(bpe, &run, (struct str){ text + at, 1 });
            CHECK_EQ(bpe_run_tokens(&run),
                     sample_encode(&sample, (struct str){ text, at + 1 }, ids));
        }
        bpe_destroy(bpe);
        sample_fini(&sample);
    }
}

TEST(a_long_piece_is_encoded_as_its_definition_has_it)
{
    static char text[3000];
    static uint32_t want[3000];
    static uint32_t got[3000];
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct sample sample;
        struct bpe *bpe = NULL;
        size_t count = 0;
        CHECK(sample_init(&sample, (enum sample_kind)seed, true, seed));
        CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
        struct str piece = { text, sample_text(&sample, text, BPE_STACK_MAX + 100) };
        size_t wanted = sample_encode(&sample, piece, want);
        CHECK(bpe_encode(bpe, piece, got, EP_ARRAY_LEN(got), &count) == ERR_OK);
        CHECK_EQ(count, wanted);
        CHECK(memcmp(got, want, count * sizeof(*got)) == 0);
        CHECK_EQ(bpe_count(bpe, piece), wanted);
        bpe_destroy(bpe);
        sample_fini(&sample);
    }
}

/* Every token is a run of one letter, up to the longest there is: places come round again. */
TEST(runs_of_one_letter_with_the_longest_tokens_are_exact)
{
    static char text[4 * VOCAB_TOKEN_MAX];
    struct sample sample;
    struct bpe *bpe = NULL;
    memset(text, 'a', sizeof(text));
    CHECK(sample_init_runs(&sample, 'a'));
    CHECK(bpe_create(&sample.vocab, 1, &bpe) == ERR_OK);
    for (size_t len = VOCAB_TOKEN_MAX + 1; len < sizeof(text); len += 3) {
        struct str piece = { text, len };
        CHECK_EQ(run_all(bpe, piece), bpe_count(bpe, piece));
    }
    CHECK_EQ(run_all(bpe, (struct str){ text, sizeof(text) }), 4);
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(text_that_is_not_utf8_is_counted_alike_by_run_and_stack)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    static char text[VOCAB_TOKEN_MAX + 300];
    static const char bytes[] = "ab\xC3\xA9\xE4\xB8\xAD\x80\xFFz";
    CHECK(sample_init(&sample, SAMPLE_CHARACTERS, true, 8));
    CHECK(bpe_create(&sample.vocab, 8, &bpe) == ERR_OK);
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            text[i] = bytes[sample_random(&sample.random, sizeof(bytes) - 1)];
        }
        struct str piece = { text, sizeof(text) };
        CHECK_EQ(run_all(bpe, piece), bpe_count(bpe, piece));
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}
