#include "meter/count.h"

#include "base/mem.h"
#include "meter/count_internal.h"

#define COUNT_SLICE ((size_t)8 << 10) /* bytes between two looks at the limit */

static const char count_mark[] = "\xE2\x96\x81"; /* SentencePiece's space */

static enum err count_open_parts(struct token_counter *counter, uint64_t seed)
{
    size_t count = 0;
    const struct vocab_special *specials = vocab_specials(counter->vocab, &count);
    const struct unicode_table *unicode = vocab_unicode(counter->vocab);
    TRY(bpe_create(counter->vocab, seed, &counter->bpe));
    TRY(special_create(specials, count, unicode, &counter->special));
    if (vocab_split(counter->vocab)->nfc) {
        TRY(nfc_create(unicode, &counter->nfc));
    }
    TRY(buf_reserve(&counter->tail, COUNT_PIECE_MAX));
    return buf_reserve(&counter->raw, COUNT_RAW);
}

enum err token_counter_create(const struct vocab *vocab, uint64_t seed,
                              struct token_counter **ret_counter)
{
    ASSERT(vocab != NULL);
    struct token_counter *counter = mem_zalloc(sizeof(*counter));
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    counter->vocab = vocab;
    buf_init(&counter->tail, COUNT_HELD_MAX);
    buf_init(&counter->raw, COUNT_HELD_MAX);
    enum err err = count_open_parts(counter, seed);
    if (err != ERR_OK) {
        token_counter_destroy(counter);
        return err;
    }
    *ret_counter = counter;
    return ERR_OK;
}

void token_counter_destroy(struct token_counter *counter)
{
    if (counter != NULL) {
        bpe_destroy(counter->bpe);
        special_destroy(counter->special);
        nfc_destroy(counter->nfc);
        buf_fini(&counter->tail);
        buf_fini(&counter->raw);
        mem_free(counter);
    }
}

const struct vocab *token_counter_vocab(const struct token_counter *counter)
{
    return counter->vocab;
}

void count_lend(struct token_counter *counter, struct count_stream *stream)
{
    ASSERT(counter->tail.len == 0 && counter->raw.len == 0);
    stream->tail = counter->tail;
    stream->raw = counter->raw;
    buf_init(&counter->tail, COUNT_HELD_MAX);
    buf_init(&counter->raw, COUNT_HELD_MAX);
}

void count_give_back(struct token_counter *counter, struct count_stream *stream)
{
    ASSERT(counter->tail.cap == 0 && counter->raw.cap == 0);
    count_empty(&stream->tail, COUNT_PIECE_MAX);
    count_empty(&stream->raw, COUNT_RAW);
    counter->tail = stream->tail;
    counter->raw = stream->raw;
}

/* Counts, or encodes if `out` is not NULL, a text that is over. */
static enum err count_whole(struct token_counter *counter, struct str text,
                            enum count_specials specials, struct buf *out, uint64_t *ret_tokens)
{
    struct count_stream stream;
    struct count_pass pass = { counter, &stream, out };
    count_stream_init(&stream, specials);
    count_lend(counter, &stream);
    enum err err = count_feed(&pass, text, true);
    count_give_back(counter, &stream);
    if (err == ERR_OK) {
        *ret_tokens = stream.tokens;
    }
    return err;
}

enum err count_text(struct token_counter *counter, struct str text, enum count_specials specials,
                    uint64_t *ret_tokens)
{
    return count_whole(counter, text, specials, NULL, ret_tokens);
}

enum err count_upto(struct token_counter *counter, struct str text, enum count_specials specials,
                    uint64_t limit, uint64_t *ret_tokens, size_t *ret_used)
{
    struct count_stream stream;
    struct count_pass pass = { counter, &stream, NULL };
    count_stream_init(&stream, specials);
    count_lend(counter, &stream);
    enum err err = ERR_OK;
    size_t used = 0;
    do {
        size_t slice = text.len - used < COUNT_SLICE ? text.len - used : COUNT_SLICE;
        err = count_feed(&pass, str_slice(text, used, used + slice), used + slice == text.len);
        used += slice;
    } while (err == ERR_OK && used < text.len && stream.tokens <= limit);
    count_give_back(counter, &stream);
    if (err == ERR_OK) {
        *ret_tokens = stream.tokens;
        *ret_used = used;
    }
    return err;
}

enum err count_encode(struct token_counter *counter, struct str text, enum count_specials specials,
                      struct buf *out)
{
    size_t before = out->len;
    uint64_t tokens = 0;
    enum err err = count_whole(counter, text, specials, out, &tokens);
    if (err != ERR_OK) {
        out->len = before;
        return err;
    }
    ASSERT(out->len - before == tokens * sizeof(uint32_t));
    return ERR_OK;
}

/* A token's bytes, in which SentencePiece's mark is a space again. */
static enum err count_decode_spaces(struct str token, struct buf *out)
{
    struct str mark = { count_mark, sizeof(count_mark) - 1 };
    while (token.len > 0) {
        size_t plain = str_search(token, mark);
        TRY(buf_append(out, str_slice(token, 0, plain)));
        token = str_from_at(token, plain);
        if (token.len > 0) {
            TRY(buf_byte(out, ' '));
            token = str_from_at(token, mark.len);
        }
    }
    return ERR_OK;
}

enum err count_decode(const struct vocab *vocab, const uint32_t *ids, size_t count, struct buf *out)
{
    bool spaces = vocab_split(vocab)->rule == VOCAB_RULE_SPACES;
    size_t before = out->len;
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct str token = vocab_token(vocab, ids[i]);
        if (token.len == 0) {
            err = ERR_NOT_FOUND;
        } else {
            err = spaces ? count_decode_spaces(token, out) : buf_append(out, token);
        }
    }
    if (err != ERR_OK) {
        out->len = before;
    }
    return err;
}

uint64_t count_bound(const struct vocab *vocab, uint64_t bytes)
{
    if (!vocab_split(vocab)->nfc) {
        return bytes;
    }
    return bytes > UINT64_MAX / NFC_GROWTH ? UINT64_MAX : bytes * NFC_GROWTH;
}
