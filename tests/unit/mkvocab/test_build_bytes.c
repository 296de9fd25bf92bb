#include "build.h"

#include "harness.h"
#include "meter/vocab_tables_internal.h"
#include "vocab_sample.h"

TEST(every_token_has_its_bytes_and_shares_them)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct sample sample;
        CHECK(sample_init(&sample, (enum sample_kind)(seed % SAMPLE_KIND_COUNT), true, seed));
        size_t all = 0;
        for (uint32_t i = 0; i < sample.source.token_count; i++) {
            struct str want = sample.source.tokens[i].bytes;
            CHECK_STR(vocab_token(&sample.vocab, sample.source.tokens[i].id), want);
            all += want.len;
        }
        CHECK(sample.vocab.header->token_bytes < all);
        sample_fini(&sample);
    }
}

TEST(what_begins_or_ends_another_token_takes_no_room)
{
    struct sample sample;
    CHECK(sample_init_runs(&sample, 'a'));
    CHECK_EQ(sample.vocab.header->token_bytes, VOCAB_TOKEN_MAX + 255); /* the other bytes */
    sample_fini(&sample);
}
