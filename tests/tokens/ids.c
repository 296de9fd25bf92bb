/*
 * ep-token-ids VOCAB.etk literal|parsed: our side of the comparison with other tokenizers. On
 * standard input documents, each behind its length (u32, little endian); on standard output for
 * each the number of ids and the ids (u32 each), or 0xFFFFFFFF if something of ours did not agree
 * with them: the count, the count in parts, or the text that the ids stand for.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "meter/count.h"
#include "wire/utf8.h"

#define IDS_DOCUMENT_MAX (64U << 20)
#define IDS_DISAGREE     0xFFFFFFFFU

/* The machine's order is the file's: both ends run on one. */
static bool ids_put(uint32_t number)
{
    return fwrite(&number, sizeof(number), 1, stdout) == 1;
}

/* Counted in parts of 1 to 16 bytes, or up to 4096 for large texts. */
static bool ids_stream(struct token_counter *counter, struct str text, enum count_specials specials,
                       uint64_t *ret_tokens)
{
    struct count_stream stream;
    uint64_t cut = text.len;
    count_stream_init(&stream, specials);
    bool done = true;
    for (size_t at = 0; at < text.len && done;) {
        cut = cut * UINT64_C(6364136223846793005) + 1442695040888963407U;
        size_t size = 1 + (size_t)((cut >> 33) % (text.len < 10000 ? 16 : 4096));
        size = size > text.len - at ? text.len - at : size;
        done = count_stream_feed(counter, &stream, str_slice(text, at, at + size)) == ERR_OK;
        at += size;
    }
    done = done && count_stream_now(counter, &stream, ret_tokens) == ERR_OK;
    count_stream_fini(&stream);
    return done;
}

/* The ids' bytes are the text again; not where a normalizer or U+FFFD changes it. */
static bool ids_decode(struct token_counter *counter, struct str text, struct str ids,
                       bool *ret_same)
{
    const struct vocab *vocab = token_counter_vocab(counter);
    const struct vocab_split *split = vocab_split(vocab);
    struct buf out;
    *ret_same = true;
    if (split->nfc || split->rule == VOCAB_RULE_SPACES || utf8_valid(text) < text.len) {
        return true;
    }
    buf_init(&out, (size_t)2 * IDS_DOCUMENT_MAX);
    bool done = count_decode(vocab, (const uint32_t *)(const void *)ids.ptr,
                             ids.len / sizeof(uint32_t), &out) == ERR_OK;
    *ret_same = done && str_eq(buf_str(&out), text);
    buf_fini(&out);
    return done;
}

static bool ids_one(struct token_counter *counter, struct str text, enum count_specials specials)
{
    struct buf ids;
    uint64_t tokens = 0;
    uint64_t upto = 0;
    uint64_t parts = 0;
    size_t used = 0;
    bool same = false;
    buf_init(&ids, (size_t)4 * IDS_DOCUMENT_MAX);
    bool done = count_encode(counter, text, specials, &ids) == ERR_OK &&
                count_text(counter, text, specials, &tokens) == ERR_OK &&
                count_upto(counter, text, specials, UINT64_MAX - 1, &upto, &used) == ERR_OK &&
                ids_stream(counter, text, specials, &parts) &&
                ids_decode(counter, text, buf_str(&ids), &same);
    uint64_t count = ids.len / sizeof(uint32_t);
    if (done && (tokens != count || upto != count || parts != count || used != text.len || !same)) {
        done = ids_put(IDS_DISAGREE);
    } else if (done) {
        done = ids_put((uint32_t)count) && fwrite(ids.ptr, 1, ids.len, stdout) == ids.len;
    }
    buf_fini(&ids);
    return done;
}

static bool ids_all(struct token_counter *counter, enum count_specials specials)
{
    uint32_t len = 0;
    while (fread(&len, sizeof(len), 1, stdin) == 1) {
        if (len > IDS_DOCUMENT_MAX) {
            return false;
        }
        /* Of its exact size, so that a sanitizer sees what is read behind it. */
        char *text = mem_alloc(len > 0 ? len : 1);
        bool done = text != NULL && fread(text, 1, len, stdin) == len &&
                    ids_one(counter, (struct str){ text, len }, specials);
        mem_free(text);
        if (!done) {
            return false;
        }
    }
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct vocab *vocab = NULL;
    struct token_counter *counter = NULL;
    struct fail fail = { .text = "" };
    if (argc != 3 || (strcmp(argv[2], "literal") != 0 && strcmp(argv[2], "parsed") != 0)) {
        (void)fprintf(stderr, "usage: %s VOCAB.etk literal|parsed\n", argv[0]);
        return 2;
    }
    enum count_specials specials = argv[2][0] == 'l' ? COUNT_LITERAL : COUNT_PARSED;
    if (crypto_start(&fail) != ERR_OK || vocab_open(argv[1], &vocab, &fail) != ERR_OK ||
        token_counter_create(vocab, 1, &counter) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", fail.text);
        return 3;
    }
    bool done = ids_all(counter, specials);
    token_counter_destroy(counter);
    vocab_close(vocab);
    return done ? 0 : 1;
}
