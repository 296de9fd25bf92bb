#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "meter/bpe.h"
#include "meter/vocab_tables_internal.h"
#include "vocab_sample.h"

#define TEXT_MAX 3000

/* A copy of a sample's file to be damaged. */
struct copy {
    struct buf file;
    struct vocab_header *header;
};

static void copy_init(struct copy *copy, const struct sample *sample)
{
    buf_init(&copy->file, BUILD_FILE_MAX);
    CHECK(buf_append(&copy->file, buf_str(&sample->file)) == ERR_OK);
    copy->header = (void *)copy->file.ptr;
}

static void copy_seal(struct copy *copy)
{
    copy->header->checksum = vocab_checksum(copy->file.ptr, copy->file.len);
}

static enum err copy_attach(struct copy *copy, struct vocab *vocab, struct fail *fail)
{
    *vocab = (struct vocab){ .specials = NULL };
    return vocab_attach(vocab, buf_str(&copy->file), "copy", fail);
}

/* Whatever the tables say, counting stays inside them and ends. */
static void use(const struct vocab *vocab, struct sample *sample)
{
    static char text[TEXT_MAX];
    static uint32_t ids[TEXT_MAX];
    struct bpe *bpe = NULL;
    CHECK(bpe_create(vocab, 1, &bpe) == ERR_OK);
    for (size_t max = 1; max <= sizeof(text); max = 3 * max + 2) {
        struct str piece = { text, sample_text(sample, text, max) };
        size_t count = 0;
        (void)bpe_count(bpe, piece);
        CHECK(bpe_encode(bpe, piece, ids, EP_ARRAY_LEN(ids), &count) == ERR_OK);
    }
    for (uint32_t id = 0; id < 9002; id += 13) {
        CHECK(vocab_token(vocab, id).len <= VOCAB_TOKEN_MAX);
    }
    bpe_destroy(bpe);
}

static void check_sealed(struct copy *copy, struct sample *sample, uint64_t *ret_taken)
{
    struct vocab vocab;
    struct fail fail = { .text = "" };
    copy_seal(copy);
    enum err err = copy_attach(copy, &vocab, &fail);
    CHECK(err == ERR_OK || (err == ERR_VOCAB && fail.text[0] != '\0'));
    if (err == ERR_OK) {
        use(&vocab, sample);
        vocab_detach(&vocab);
        (*ret_taken)++;
    }
}

TEST(any_changed_byte_is_seen_by_the_checksum)
{
    struct sample sample;
    struct copy copy;
    struct vocab vocab;
    struct fail fail;
    CHECK(sample_init(&sample, SAMPLE_CHARACTERS, true, 1));
    copy_init(&copy, &sample);
    for (size_t at = 0; at < copy.file.len; at += at < VOCAB_PAGE ? 1 : 97) {
        copy.file.ptr[at] ^= 1;
        CHECK(copy_attach(&copy, &vocab, &fail) == ERR_VOCAB);
        copy.file.ptr[at] ^= 1;
    }
    CHECK(copy_attach(&copy, &vocab, &fail) == ERR_OK);
    vocab_detach(&vocab);
    buf_fini(&copy.file);
    sample_fini(&sample);
}

TEST(a_forged_header_leads_nowhere)
{
    struct sample sample;
    struct copy copy;
    uint64_t taken = 0;
    CHECK(sample_init(&sample, SAMPLE_MERGES, true, 2));
    copy_init(&copy, &sample);
    for (size_t at = 0; at < sizeof(struct vocab_header); at++) {
        static const char masks[] = { 1, 0x40, -128 };
        for (size_t i = 0; i < EP_ARRAY_LEN(masks); i++) {
            copy.file.ptr[at] = (char)(copy.file.ptr[at] ^ masks[i]);
            check_sealed(&copy, &sample, &taken);
            copy.file.ptr[at] = (char)(copy.file.ptr[at] ^ masks[i]);
        }
    }
    CHECK(taken > 0); /* another name, say */
    buf_fini(&copy.file);
    sample_fini(&sample);
}

TEST(forged_tables_lead_nowhere)
{
    uint64_t taken = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct sample sample;
        struct copy copy;
        enum sample_kind kind = (enum sample_kind)(seed % SAMPLE_KIND_COUNT);
        CHECK(sample_init(&sample, kind, seed % 2 == 0, seed));
        copy_init(&copy, &sample);
        for (size_t round = 0; round < 60; round++) {
            size_t section = sample_random(&sample.random, VOCAB_CLASS_INDEX);
            const struct vocab_span *span = &copy.header->sections[section];
            if (span->bytes == 0) {
                continue;
            }
            size_t at = span->offset + sample_random(&sample.random, span->bytes);
            char old = copy.file.ptr[at];
            copy.file.ptr[at] = (char)(unsigned char)sample_random(&sample.random, 256);
            check_sealed(&copy, &sample, &taken);
            copy.file.ptr[at] = round % 3 == 0 ? copy.file.ptr[at] : old; /* some stay */
        }
        buf_fini(&copy.file);
        sample_fini(&sample);
    }
    CHECK(taken > 0);
}

/* A number of a section is set; the file must be refused for the reason given. */
static void check_forged(const struct sample *sample, enum vocab_section section, size_t at,
                         uint64_t value, const char *what)
{
    struct copy copy;
    struct vocab vocab;
    struct fail fail = { .text = "" };
    copy_init(&copy, sample);
    size_t width = section == VOCAB_PLACES || section == VOCAB_RANKS || section == VOCAB_PAIRS ||
                           section == VOCAB_LONG || section == VOCAB_RUNS ||
                           section == VOCAB_RUNS_BY_ID || section == VOCAB_SPECIALS
                       ? 4
                       : 8;
    width = section == VOCAB_CLASS_INDEX ? 2 : width;
    memcpy(copy.file.ptr + copy.header->sections[section].offset + at * width, &value, width);
    copy_seal(&copy);
    CHECK(copy_attach(&copy, &vocab, &fail) == ERR_VOCAB);
    if (str_search(str_from(fail.text), str_from(what)) == strlen(fail.text)) {
        test_failed(EP_SITE, "not \"%s\": %s", what, fail.text);
    }
    buf_fini(&copy.file);
}

/* All rows of a table are set; the file must be refused: a search in it would not end. */
static void check_full(const struct sample *sample, enum vocab_section section, const void *row,
                       size_t width)
{
    struct copy copy;
    struct vocab vocab;
    struct fail fail = { .text = "" };
    copy_init(&copy, sample);
    const struct vocab_span *span = &copy.header->sections[section];
    for (size_t at = 0; at < span->bytes; at += width) {
        memcpy(copy.file.ptr + span->offset + at, row, width);
    }
    copy_seal(&copy);
    CHECK(copy_attach(&copy, &vocab, &fail) == ERR_VOCAB);
    CHECK(str_search(str_from(fail.text), STR("is full")) < strlen(fail.text));
    buf_fini(&copy.file);
}

TEST(a_table_without_a_free_slot_is_refused)
{
    struct sample sample;
    CHECK(sample_init(&sample, SAMPLE_RANKS, false, 5));
    const uint32_t pair = vocab_row(0, sample.vocab.bases);
    const uint32_t whole = vocab_row(0, 0);
    const uint64_t key = 1;
    check_full(&sample, VOCAB_PAIRS, &pair, sizeof(pair));
    check_full(&sample, VOCAB_SHORT, &key, sizeof(key));
    check_full(&sample, VOCAB_LONG, &whole, sizeof(whole));
    sample_fini(&sample);
}

TEST(each_table_is_checked)
{
    struct sample sample;
    CHECK(sample_init(&sample, SAMPLE_MERGES, true, 1));
    const struct vocab_header *header = sample.vocab.header;
    check_forged(&sample, VOCAB_PLACES, 7, vocab_place(0, 0), "impossible place or length");
    check_forged(&sample, VOCAB_PLACES, 7, vocab_place(0, VOCAB_TOKEN_MAX + 1), "or length");
    check_forged(&sample, VOCAB_PLACES, 7, vocab_place(header->token_bytes, 1), "place or length");
    check_forged(&sample, VOCAB_LINKS, header->bases, UINT64_MAX, "needs a later one");
    check_forged(&sample, VOCAB_LINKS, 1, 1ULL << 40, "is not shorter");
    check_forged(&sample, VOCAB_RANKS, 0, header->ordered, "a rank is out of range");
    check_forged(&sample, VOCAB_PAIRS, 0, 0, "table of pairs");
    check_forged(&sample, VOCAB_TRIE, 0, 0, "trie leads outside");
    check_forged(&sample, VOCAB_TRIE, 5, UINT64_MAX, "trie leads outside");
    check_forged(&sample, VOCAB_LONG, 0, header->tokens, "table of long pieces");
    check_forged(&sample, VOCAB_RUNS, 0, 1, "an id is out of range");
    check_forged(&sample, VOCAB_RUNS, 1, header->ids, "an id is out of range");
    check_forged(&sample, VOCAB_RUNS, 2, 0, "an id is out of range");
    check_forged(&sample, VOCAB_RUNS_BY_ID, 0, header->tokens, "an id is out of range");
    check_forged(&sample, VOCAB_SPECIALS, 0, 1U << 30, "control token is out of range");
    check_forged(&sample, VOCAB_SPECIALS, 1, 0, "control token is out of range");
    check_forged(&sample, VOCAB_CLASS_INDEX, 99, 1, "table of characters");
    sample_fini(&sample);
}
