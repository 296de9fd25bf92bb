/* room: mkvocab */
#include <string.h>

#include "vocab_sample.h"

#define PATCH_BYTES 5 /* of the input: where (4), what */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the tables of a file that was taken say, counting stays inside them and ends. */
static void fuzz_use(const struct vocab *vocab, struct str text)
{
    static uint32_t ids[4096];
    struct bpe *bpe = NULL;
    size_t count = 0;
    ASSERT(bpe_create(vocab, 1, &bpe) == ERR_OK);
    (void)bpe_count(bpe, text);
    ASSERT(bpe_encode(bpe, text, ids, EP_ARRAY_LEN(ids), &count) == ERR_OK);
    for (size_t i = 0; i < count && i < EP_ARRAY_LEN(ids); i++) {
        ASSERT(vocab_token(vocab, ids[i]).len <= VOCAB_TOKEN_MAX);
    }
    bpe_destroy(bpe);
}

/* A small vocabulary's file with some bytes changed and sealed again: taken or refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[3000];
    struct vocab vocab = { .specials = NULL };
    struct fail fail;
    struct buf file;
    struct sample *sample =
        size < 2 ? NULL
                 : sample_cached((enum sample_kind)(data[0] % SAMPLE_KIND_COUNT), true, data[1]);
    if (sample == NULL) {
        return 0;
    }
    buf_init(&file, BUILD_FILE_MAX);
    ASSERT(buf_append(&file, buf_str(&sample->file)) == ERR_OK);
    struct vocab_header *header = (void *)file.ptr;
    for (size_t at = 2; at + PATCH_BYTES <= size; at += PATCH_BYTES) {
        uint32_t place = 0;
        memcpy(&place, data + at, sizeof(place));
        file.ptr[place % file.len] = (char)data[at + 4];
    }
    sample->random = size;
    size_t len = sample_text(sample, text, sizeof(text));
    header->checksum = vocab_checksum(file.ptr, file.len);
    if (vocab_attach(&vocab, buf_str(&file), "fuzz", &fail) == ERR_OK) {
        fuzz_use(&vocab, (struct str){ text, len });
        vocab_detach(&vocab);
    }
    buf_fini(&file);
    return 0;
}
