#include <string.h>

#include "harness.h"
#include "meter/bpe_internal.h"
#include "vocab_sample.h"

/* Whether the definition keeps both tokens as they are. */
static bool stays_by_definition(const struct sample *sample, uint32_t left, uint32_t right)
{
    const struct vocab *vocab = &sample->vocab;
    char text[2 * VOCAB_TOKEN_MAX];
    uint32_t ids[2 * VOCAB_TOKEN_MAX];
    struct str a = vocab_bytes(vocab, left);
    struct str b = vocab_bytes(vocab, right);
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, b.ptr, b.len);
    size_t count = sample_encode(sample, (struct str){ text, a.len + b.len }, ids);
    return count == 2 && ids[0] == vocab_id(vocab, left) && ids[1] == vocab_id(vocab, right);
}

/* Whether characters of three bytes meet between the two, and no token reaches over that has less
 * than all of either. */
static bool is_wide(const struct vocab *vocab, uint32_t left, uint32_t right)
{
    struct str a = vocab_bytes(vocab, left);
    struct str b = vocab_bytes(vocab, right);
    const char *end = a.ptr + a.len;
    if (a.len < 3 || b.len < 3 || !vocab_is_wide(end[-3]) || !vocab_continues(end[-1]) ||
        !vocab_is_wide(b.ptr[0])) {
        return false;
    }
    return !vocab_joins_narrow(vocab, (unsigned char)end[-1], (unsigned char)b.ptr[0]);
}

static void check_pairs(enum sample_kind kind, bool any_order, uint64_t seed)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    CHECK(sample_init(&sample, kind, any_order, seed));
    sample.source.whole_pieces = false;
    CHECK(bpe_create(&sample.vocab, seed, &bpe) == ERR_OK);
    CHECK(!any_order || sample.vocab.ordered < sample.vocab.reached);
    size_t wides = 0;
    for (size_t round = 0; round < 3000; round++) {
        uint32_t left = (uint32_t)sample_random(&sample.random, sample.vocab.reached);
        uint32_t right = (uint32_t)sample_random(&sample.random, sample.vocab.reached);
        bool want = stays_by_definition(&sample, left, right);
        bool wide = is_wide(&sample.vocab, left, right);
        wides += wide;
        CHECK_EQ(bpe_pair_stays(bpe, left, right, wide), want);
        CHECK_EQ(bpe_pair_stays(bpe, left, right, false), want);
        CHECK_EQ(bpe_valid(bpe, left, right, wide), want);
        CHECK_EQ(bpe_valid(bpe, left, right, wide), want); /* remembered */
    }
    CHECK(kind != SAMPLE_CHARACTERS || wides > 10);
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(a_pair_is_valid_if_and_only_if_its_bytes_merge_to_it)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        enum sample_kind kind = (enum sample_kind)(seed % SAMPLE_KIND_COUNT);
        check_pairs(kind, false, seed);
        check_pairs(kind, true, seed);
    }
}

TEST(behind_the_begin_of_a_text_every_token_is_valid)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    CHECK(sample_init(&sample, SAMPLE_RANKS, true, 1));
    CHECK(bpe_create(&sample.vocab, 1, &bpe) == ERR_OK);
    for (uint32_t i = 0; i < sample.vocab.reached; i++) {
        CHECK(bpe_valid(bpe, VOCAB_INDEX_NONE, i, false));
    }
    bpe_destroy(bpe);
    sample_fini(&sample);
}

TEST(a_character_without_a_token_is_its_bytes_and_nothing_merges_across_it)
{
    struct sample sample;
    struct bpe *bpe = NULL;
    uint32_t ids[8];
    struct bpe_out out = { ids, EP_ARRAY_LEN(ids), 0 };
    CHECK(sample_init(&sample, SAMPLE_CHARACTERS, false, 2));
    CHECK(bpe_create(&sample.vocab, 2, &bpe) == ERR_OK);
    bpe_merge(bpe, STR("a\xE6\x97\xA5z"), &out);
    CHECK_EQ(out.count, 5);
    CHECK_EQ(ids[1], 5000 + 0xE6);
    CHECK_EQ(ids[2], 5000 + 0x97);
    CHECK_EQ(ids[3], 5000 + 0xA5);
    CHECK_EQ(ids[4], 5000 + 'z');
    CHECK_STR(vocab_token(&sample.vocab, ids[1]), STR("\xE6"));
    bpe_destroy(bpe);
    sample_fini(&sample);
}
