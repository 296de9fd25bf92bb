/* room: mkvocab */
#include <string.h>

#include "vocab_sample.h"

#define TEXT_MAX 700 /* the slow encoding is quadratic */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A vocabulary by the first bytes, a piece of text by the rest: fast is slow, and in parts too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t want[TEXT_MAX];
    static uint32_t got[TEXT_MAX];
    struct bpe *bpe = NULL;
    struct bpe_run run;
    if (size < 4 || size > TEXT_MAX) {
        return 0;
    }
    enum sample_kind kind = (enum sample_kind)(data[0] % SAMPLE_KIND_COUNT);
    struct str text = { (const char *)data + 3, size - 3 };
    struct sample *sample = sample_cached(kind, data[1] % 2 == 0, data[2]);
    if (sample == NULL) {
        return 0;
    }
    ASSERT(bpe_create(&sample->vocab, data[1], &bpe) == ERR_OK);
    size_t wanted = sample_encode(sample, text, want);
    size_t count = 0;
    ASSERT(bpe_encode(bpe, text, got, TEXT_MAX, &count) == ERR_OK);
    ASSERT(count == wanted && memcmp(got, want, count * sizeof(*got)) == 0);
    ASSERT(bpe_count(bpe, text) == wanted);
    ASSERT(bpe_count(bpe, text) == wanted);
    bool whole = sample->source.whole_pieces;
    sample->source.whole_pieces = false; /* a run is of pieces too long to be tokens */
    wanted = sample_encode(sample, text, want);
    sample->source.whole_pieces = whole;
    bpe_run_begin(&run);
    bpe_run_feed(bpe, &run, str_slice(text, 0, text.len / 2));
    bpe_run_feed(bpe, &run, str_from_at(text, text.len / 2));
    ASSERT(bpe_run_tokens(&run) == wanted);
    bpe_destroy(bpe);
    return 0;
}
