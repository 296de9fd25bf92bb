#include "meter/bpe.h"

#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "vocab_sample.h"

#define TEXT_MAX       256
#define BPE_CACHED_MAX 32 /* bytes */

static struct str tokens_text(const struct vocab *vocab, const uint32_t *ids, size_t count,
                              char *text, size_t max)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        struct str part = vocab_token(vocab, ids[i]);
        CHECK(part.len > 0 && len + part.len <= max);
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
    }
    return (struct str){ text, len };
}

static void check_piece(const struct sample *sample, struct bpe *bpe, struct str piece)
{
    uint32_t want[TEXT_MAX];
    uint32_t got[TEXT_MAX];
    char again[TEXT_MAX];
    size_t count = 0;
    size_t wanted = sample_encode(sample, piece, want);
    CHECK(bpe_encode(bpe, piece, got, TEXT_MAX, &count) == ERR_OK);
    CHECK_EQ(count, wanted);
    CHECK(memcmp(got, want, count * sizeof(*got)) == 0);
    CHECK_EQ(bpe_count(bpe, piece), wanted);
    CHECK_EQ(bpe_count(bpe, piece), wanted); /* now from the cache */
    CHECK_STR(tokens_text(&sample->vocab, got, count, again, sizeof(again)), piece);
}

static void check_random(enum sample_kind kind, bool any_order, uint64_t vocabularies)
{
    static char text[TEXT_MAX];
    for (uint64_t seed = 0; seed < vocabularies; seed++) {
        struct sample sample;
        struct bpe *bpe = NULL;
        CHECK(sample_init(&sample, kind, any_order, seed));
        CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
        for (size_t round = 0; round < 50; round++) {
            size_t max = 1 + sample_random(&sample.random, round % 8 == 0 ? 200 : 36);
            size_t len = sample_text(&sample, text, max);
            check_piece(&sample, bpe, (struct str){ text, len });
        }
        bpe_destroy(bpe);
        sample_fini(&sample);
    }
}

TEST(ranks_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_RANKS, false, 50);
}

TEST(ranks_in_any_order_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_RANKS, true, 70);
}

TEST(listed_merges_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_MERGES, false, 50);
}

TEST(listed_merges_in_any_order_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_MERGES, true, 70);
}

TEST(characters_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_CHARACTERS, false, 50);
}

TEST(characters_in_any_order_merge_as_the_definition_has_it)
{
    check_random(SAMPLE_CHARACTERS, true, 70);
}

/* Of characters of three bytes, some in no token: what a piece of them is cut into. */
static size_t wide_text(struct sample *sample, char *text, size_t max)
{
    static const char *const letters[] = { "\xE4\xB8\xAD", "\xE2\x96\x81", "\xE4\xB8\xAD",
                                           "\xE6\x97\xA5", "\xE4\xB8\x81", "\xE2\xB8\xAD",
                                           "\xE4",         "\xAD",         "a" };
    size_t len = 0;
    for (;;) {
        uint64_t plain = sample_random(&sample->random, 8) > 0 ? 6 : EP_ARRAY_LEN(letters);
        struct str letter = str_from(letters[sample_random(&sample->random, plain)]);
        if (len + letter.len > max) {
            return len;
        }
        memcpy(text + len, letter.ptr, letter.len);
        len += letter.len;
    }
}

static void check_wide(enum sample_kind kind, bool any_order)
{
    char text[TEXT_MAX];
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct sample sample;
        struct bpe *bpe = NULL;
        CHECK(sample_init(&sample, kind, any_order, seed));
        CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
        for (size_t round = 0; round < 100; round++) {
            size_t max = 4 + sample_random(&sample.random, round % 8 == 0 ? 200 : 40);
            struct str piece = { text, wide_text(&sample, text, max) };
            check_piece(&sample, bpe, test_at_page_end(piece));
        }
        bpe_destroy(bpe);
        sample_fini(&sample);
    }
}

TEST(characters_of_three_bytes_merge_as_the_definition_has_it)
{
    for (unsigned kind = 0; kind < SAMPLE_KIND_COUNT; kind++) {
        check_wide((enum sample_kind)kind, false);
        check_wide((enum sample_kind)kind, true);
    }
}

TEST(an_empty_piece_has_no_tokens)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    size_t count = 1;
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 1));
    CHECK(bpe_create(&sample.vocab, 1, &bpe) == ERR_OK);
    CHECK_EQ(bpe_count(bpe, STR_EMPTY), 0);
    CHECK(bpe_encode(bpe, STR_EMPTY, NULL, 0, &count) == ERR_OK);
    CHECK_EQ(count, 0);
    bpe_destroy(bpe);
    bpe_destroy(NULL);
    sample_fini(&sample);
}

TEST(nothing_behind_a_piece_is_read)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    char text[48];
    uint32_t ids[48];
    CHECK(sample_init(&sample, SAMPLE_MERGES, true, 2));
    CHECK(bpe_create(&sample.vocab, 2, &bpe) == ERR_OK);
    for (size_t len = 1; len <= sizeof(text); len++) {
        size_t count = 0;
        struct str piece = test_at_page_end((struct str){ text, sample_text(&sample, text, len) });
        CHECK(bpe_encode(bpe, piece, ids, EP_ARRAY_LEN(ids), &count) == ERR_OK);
        CHECK_EQ(bpe_count(bpe, piece), count);
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(pieces_that_differ_in_nuls_at_their_end_are_told_apart)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    static const char text[40] = "ab";
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 3));
    CHECK(bpe_create(&sample.vocab, 3, &bpe) == ERR_OK);
    for (size_t round = 0; round < 2; round++) {
        for (size_t len = 1; len <= sizeof(text); len++) {
            check_piece(&sample, bpe, (struct str){ text, len });
        }
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(ids_that_find_no_room_are_counted)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    char text[3000];
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 4));
    CHECK(bpe_create(&sample.vocab, 4, &bpe) == ERR_OK);
    for (size_t max = 30; max <= sizeof(text); max *= 10) {
        struct str piece = { text, sample_text(&sample, text, max) };
        uint32_t ids[3] = { 1, 2, 3 };
        size_t count = 0;
        CHECK(bpe_encode(bpe, piece, ids, 2, &count) == ERR_OK);
        CHECK_EQ(count, bpe_count(bpe, piece));
        CHECK(count > 3 && ids[0] != 1 && ids[1] != 2 && ids[2] == 3);
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(a_seed_changes_no_count)
{
    struct sample sample;
    char text[64];
    CHECK(sample_init(&sample, SAMPLE_CHARACTERS, true, 5));
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bpe *bpe = NULL;
        CHECK(bpe_create(&sample.vocab, seed * UINT64_C(0x123456789ABCDEF), &bpe) == ERR_OK);
        for (size_t i = 0; i < 50; i++) {
            check_piece(&sample, bpe, (struct str){ text, sample_text(&sample, text, 40) });
        }
        bpe_destroy(bpe);
    }
    sample_fini(&sample);
}

TEST(cached_pieces_are_told_apart_by_all_their_bytes)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    char text[BPE_CACHED_MAX + 1];
    memset(text, 'a', sizeof(text));
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 10));
    CHECK(bpe_create(&sample.vocab, 10, &bpe) == ERR_OK);
    for (size_t round = 0; round < 200000; round++) {
        /* So many that slots are shared, and alike but for a few bytes at either end or between. */
        size_t len = 5 + sample_random(&sample.random, sizeof(text) - 5);
        size_t at = sample_random(&sample.random, len - 4);
        size_t count = 0;
        (void)sample_text(&sample, text + at, 4);
        CHECK(bpe_encode(bpe, (struct str){ text, len }, NULL, 0, &count) == ERR_OK);
        CHECK_EQ(bpe_count(bpe, (struct str){ text, len }), count);
        memset(text + at, 'a', 4);
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}

static void encode_a_long_piece(void)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    static char text[5000];
    static uint32_t ids[5000];
    size_t count = 0;
    if (!sample_init(&sample, SAMPLE_CHARACTERS, false, 6)) {
        return;
    }
    memset(text, 'a', sizeof(text));
    if (bpe_create(&sample.vocab, 6, &bpe) == ERR_OK) {
        struct str piece = { text, sizeof(text) };
        enum err err = bpe_encode(bpe, piece, ids, EP_ARRAY_LEN(ids), &count);
        CHECK(err == ERR_NO_MEMORY || (err == ERR_OK && count == bpe_count(bpe, piece)));
        bpe_destroy(bpe);
    }
    sample_fini(&sample);
}

TEST(a_failed_allocation_is_reported_and_leaks_nothing)
{
    CHECK(test_each_allocation_failing(encode_a_long_piece) > 3);
}

TEST(counting_allocates_nothing)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    static char text[200000];
    CHECK(sample_init(&sample, SAMPLE_RANKS, true, 7));
    CHECK(bpe_create(&sample.vocab, 7, &bpe) == ERR_OK);
    size_t len = sample_text(&sample, text, sizeof(text));
    mem_fail_nth(0);
    CHECK(bpe_count(bpe, (struct str){ text, len }) > 0);
    CHECK_EQ(mem_requests(), 0);
    bpe_destroy(bpe);
    sample_fini(&sample);
}
