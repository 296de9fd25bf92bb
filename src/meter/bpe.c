#include "meter/bpe.h"

#include <string.h>

#include "base/mem.h"
#include "meter/bpe_internal.h"

enum err bpe_create(const struct vocab *vocab, uint64_t seed, struct bpe **ret_bpe)
{
    ASSERT(vocab != NULL && ret_bpe != NULL);
    struct bpe *bpe = mem_zalloc(sizeof(*bpe));
    if (bpe == NULL) {
        return ERR_NO_MEMORY;
    }
    bpe->vocab = vocab;
    bpe->salt = vocab_mix(seed, 1);
    bpe->factor = vocab_mix(seed, 2) | 1;
    bpe->part = vocab->reached == vocab->info.tokens ? BPE_PIECE : BPE_PART;
    bpe_set_steps(bpe);
    for (uint32_t i = 0; i < vocab->reached; i++) {
        uint32_t len = vocab_len(vocab, i);
        bpe->lengths[len / 64] |= UINT64_C(1) << len % 64;
    }
    *ret_bpe = bpe;
    return ERR_OK;
}

void bpe_destroy(struct bpe *bpe)
{
    mem_free(bpe);
}

/* Whether a piece of up to 8 bytes without a NUL at its end is a token. */
static bool bpe_find_short(const struct vocab *vocab, uint64_t key)
{
    ASSERT(key != 0);
    uint32_t slot = vocab_slot(key * VOCAB_MIX_A, vocab->short_slots);
    while (vocab->shorts[slot] != key) {
        if (vocab->shorts[slot] == 0) {
            return false;
        }
        slot = slot + 1 == vocab->short_slots ? 0 : slot + 1;
    }
    return true;
}

/* The token that any other whole piece is, or VOCAB_INDEX_NONE. */
static uint32_t bpe_find_long(const struct vocab *vocab, struct str piece)
{
    ASSERT(piece.len > 0 && piece.len <= vocab->longest);
    uint64_t hash = vocab_hash(piece.ptr, piece.len);
    uint32_t tag = vocab_long_tag(hash);
    uint32_t slot = vocab_slot(hash, vocab->long_slots);
    while (vocab->longs[slot] != VOCAB_LONG_NONE) {
        uint32_t index = vocab->longs[slot] & VOCAB_INDEX_NONE;
        if (vocab->longs[slot] >> VOCAB_INDEX_BITS == tag && vocab_len(vocab, index) == piece.len &&
            memcmp(vocab->bytes + vocab->offsets[index], piece.ptr, piece.len) == 0) {
            return index;
        }
        slot = slot + 1 == vocab->long_slots ? 0 : slot + 1;
    }
    return VOCAB_INDEX_NONE;
}

static bool bpe_is_token(const struct vocab *vocab, struct str piece)
{
    if (piece.len > vocab->longest) {
        return false;
    }
    if (piece.len <= VOCAB_SHORT_MAX && piece.ptr[piece.len - 1] != '\0') {
        return bpe_find_short(vocab, vocab_short_key(piece.ptr, piece.len));
    }
    return bpe_find_long(vocab, piece) != VOCAB_INDEX_NONE;
}

/* Without the caches of pieces. A part of a piece is no piece: it is never looked up whole. Nor is
 * what merges find as fast: the trie's begin is at hand for characters of three bytes. */
static uint64_t bpe_work_out(struct bpe *bpe, struct str text, enum bpe_kind kind)
{
    bool merged = kind == BPE_PART || (bpe->part == BPE_PIECE && vocab_is_wide(text.ptr[0]));
    if (!merged && bpe_is_token(bpe->vocab, text)) {
        return 1;
    }
    if (text.len > BPE_STACK_MAX) {
        bpe_run_begin(&bpe->run);
        bpe_run_feed(bpe, &bpe->run, text);
        return bpe_run_tokens(&bpe->run);
    }
    struct bpe_out out = { NULL, 0, 0 };
    bpe_merge(bpe, text, &out);
    ASSERT(out.count > 0);
    return out.count;
}

/* Of the two ways of a set the one that was used last is the first: here it was not that. */
static uint64_t bpe_count_short_again(struct bpe *bpe, uint64_t *set, uint64_t row, struct str text)
{
    uint64_t tokens = set[1] ^ row;
    if (tokens > BPE_TOKENS_MAX) {
        bool part = (row & (uint64_t)BPE_PART << BPE_TOKEN_BITS) != 0;
        tokens = bpe_work_out(bpe, text, part ? BPE_PART : BPE_PIECE);
    }
    set[1] = set[0];
    set[0] = row | tokens;
    return tokens;
}

/* `key`: the text as a number. */
static inline uint64_t bpe_count_short(struct bpe *bpe, uint64_t key, struct str text,
                                       enum bpe_kind kind)
{
    uint64_t product = (key ^ bpe->salt) * bpe->factor;
    uint64_t *set = bpe->shorts[product >> (64 - BPE_SHORT_BITS)];
    uint64_t row = product << BPE_SHORT_BITS | ((uint64_t)kind | text.len) << BPE_TOKEN_BITS;
    uint64_t tokens = set[0] ^ row;
    return tokens <= BPE_TOKENS_MAX ? tokens : bpe_count_short_again(bpe, set, row, text);
}

static uint64_t bpe_count_middle(struct bpe *bpe, struct str text, enum bpe_kind kind)
{
    uint64_t first = vocab_load64(text.ptr);
    uint64_t last = vocab_load64(text.ptr + text.len - 8);
    uint64_t length = (uint64_t)kind | text.len;
    uint64_t hash = vocab_mix(first ^ bpe->salt, last ^ length * bpe->factor);
    size_t slot = (size_t)(hash >> (64 - BPE_MIDDLE_BITS));
    struct bpe_middle *set = bpe->middles[slot];
    uint16_t *values = bpe->middle_values[slot];
    for (size_t way = 0; way < BPE_MIDDLE_WAYS; way++) {
        if (values[way] >> 8 == length && set[way].key[0] == first && set[way].key[1] == last) {
            return values[way] & 255U;
        }
    }
    uint64_t tokens = bpe_work_out(bpe, text, kind);
    memmove(set + 1, set, (BPE_MIDDLE_WAYS - 1) * sizeof(*set));
    memmove(values + 1, values, (BPE_MIDDLE_WAYS - 1) * sizeof(*values));
    set[0] = (struct bpe_middle){ { first, last } };
    values[0] = (uint16_t)(length << 8 | tokens);
    return tokens;
}

static uint64_t bpe_count_long(struct bpe *bpe, struct str text, enum bpe_kind kind)
{
    const struct bpe_long key = { { vocab_load64(text.ptr), vocab_load64(text.ptr + 8),
                                    vocab_load64(text.ptr + text.len - 16),
                                    vocab_load64(text.ptr + text.len - 8) } };
    uint64_t length = (uint64_t)kind | text.len;
    uint64_t hash = vocab_mix(key.key[0] ^ bpe->salt, key.key[1] ^ length * bpe->factor);
    hash = vocab_mix(key.key[2] ^ hash, key.key[3]);
    size_t slot = (size_t)(hash >> (64 - BPE_LONG_BITS));
    struct bpe_long *row = &bpe->longs[slot];
    uint16_t value = bpe->long_values[slot];
    if (value >> 8 == length && memcmp(row, &key, sizeof(key)) == 0) {
        return value & 255U;
    }
    uint64_t tokens = bpe_work_out(bpe, text, kind);
    *row = key;
    bpe->long_values[slot] = (uint16_t)(length << 8 | tokens);
    return tokens;
}

/* The 16 bits that a character of three bytes stands for. */
static inline uint64_t bpe_wide_bits(uint32_t word)
{
    return (word & 15) << 12 | (word >> 8 & 63) << 6 | (word >> 16 & 63);
}

/* Three or four characters of three bytes as a number; 0: they are not that. */
static inline uint64_t bpe_wide_key(const char *ptr, size_t len)
{
    uint64_t first = vocab_load64(ptr);
    uint32_t last = vocab_load32(ptr + len - 4);
    ASSERT(len == BPE_WIDE_MAX || len == BPE_WIDE_MAX - 3);
    if ((first & UINT64_C(0xC0F0C0C0F0C0C0F0)) != UINT64_C(0x80E08080E08080E0) ||
        (last & 0xC0C0F0C0U) != 0x8080E080U) {
        return 0;
    }
    uint64_t third = len == BPE_WIDE_MAX ? bpe_wide_bits(vocab_load32(ptr + 6)) : 0;
    return bpe_wide_bits((uint32_t)first) | bpe_wide_bits((uint32_t)(first >> 24)) << 16 |
           bpe_wide_bits(last >> 8) << 32 | third << 48;
}

static uint64_t bpe_count_kind(struct bpe *bpe, struct str text, enum bpe_kind kind)
{
    if (text.len <= BPE_SHORT_MAX) {
        return bpe_count_short(bpe, vocab_short_key(text.ptr, text.len), text, kind);
    }
    if (text.len == BPE_WIDE_MAX || text.len == BPE_WIDE_MAX - 3) {
        uint64_t key = bpe_wide_key(text.ptr, text.len);
        if (key != 0) {
            return bpe_count_short(bpe, key, text, kind);
        }
    }
    if (text.len <= BPE_MIDDLE_MAX) {
        return bpe_count_middle(bpe, text, kind);
    }
    return text.len <= BPE_LONG_MAX ? bpe_count_long(bpe, text, kind)
                                    : bpe_work_out(bpe, text, kind);
}

/* The first place behind `from` over which no token reaches, or the piece's end. */
static size_t bpe_apart(const struct vocab *vocab, struct str piece, size_t from)
{
    size_t at = from;
    while (piece.len - at >= BPE_PARTS_MIN) {
        if (!vocab_is_wide(piece.ptr[at])) {
            at++;
            continue;
        }
        at += 3;
        if (vocab_is_wide(piece.ptr[at]) && vocab_continues(piece.ptr[at - 1]) &&
            !vocab_joins(vocab, piece.ptr + at)) {
            return at;
        }
    }
    return piece.len;
}

/* A part of up to 8 bytes as a number, from eight bytes of the piece that it is in. */
static inline uint64_t bpe_part_key(struct str piece, size_t at, size_t len)
{
    size_t from = at < piece.len - 8 ? at : piece.len - 8;
    return vocab_load64(piece.ptr + from) >> 8 * (at - from) & UINT64_MAX >> (64 - 8 * len);
}

/* Writing without spaces makes long pieces that never come again, but of few parts. */
static uint64_t bpe_count_parts(struct bpe *bpe, struct str piece)
{
    uint64_t tokens = 0;
    size_t end = bpe_apart(bpe->vocab, piece, 0);
    if (end == piece.len) {
        return bpe_count_kind(bpe, piece, BPE_PIECE);
    }
    for (size_t at = 0; at < piece.len;) {
        struct str part = str_slice(piece, at, end);
        if (part.len <= BPE_SHORT_MAX && piece.len >= BPE_SHORT_MAX) {
            tokens += bpe_count_short(bpe, bpe_part_key(piece, at, part.len), part, bpe->part);
        } else {
            tokens += bpe_count_kind(bpe, part, bpe->part);
        }
        at = end;
        end = bpe_apart(bpe->vocab, piece, at);
    }
    return tokens;
}

uint64_t bpe_count(struct bpe *bpe, struct str piece)
{
    if (piece.len == 0) {
        return 0;
    }
    if (piece.len >= BPE_PARTS_MIN && vocab_is_wide(piece.ptr[piece.len - 3])) {
        return bpe_count_parts(bpe, piece);
    }
    return bpe_count_kind(bpe, piece, BPE_PIECE);
}

/* As bpe_count() of a short piece behind which there is text: most are words that came before. */
static inline uint64_t bpe_count_word(struct bpe *bpe, const char *ptr, size_t len)
{
    uint64_t key = vocab_load64(ptr) & UINT64_MAX >> (64 - 8 * len);
    uint64_t product = (key ^ bpe->salt) * bpe->factor;
    uint64_t row = product << BPE_SHORT_BITS | len << BPE_TOKEN_BITS;
    uint64_t tokens = bpe->shorts[product >> (64 - BPE_SHORT_BITS)][0] ^ row;
    return tokens <= BPE_TOKENS_MAX ? tokens : bpe_count(bpe, (struct str){ ptr, len });
}

uint64_t bpe_count_pieces(struct bpe *bpe, struct str text, const size_t *ends, size_t count)
{
    uint64_t tokens = 0;
    size_t at = 0;
    ASSERT(count > 0 && ends[count - 1] <= text.len);
    for (size_t i = 0; i < count; i++) {
        size_t len = ends[i] - at;
        if (len - 1 < BPE_SHORT_MAX && text.len - at >= BPE_SHORT_MAX) {
            tokens += bpe_count_word(bpe, text.ptr + at, len);
        } else {
            tokens += bpe_count(bpe, (struct str){ text.ptr + at, len });
        }
        at = ends[i];
    }
    return tokens;
}

/* Each place's last token leads back to the place where it begins. */
static enum err bpe_encode_run(struct bpe *bpe, struct str piece, struct bpe_out *out)
{
    const struct vocab *vocab = bpe->vocab;
    if (piece.len > MEM_REQUEST_MAX / sizeof(uint32_t)) {
        return ERR_NO_MEMORY;
    }
    uint32_t *last = mem_alloc(piece.len * sizeof(*last));
    if (last == NULL) {
        return ERR_NO_MEMORY;
    }
    bpe_run_begin(&bpe->run);
    bpe_run_feed_noting(bpe, &bpe->run, piece, last);
    out->count = bpe_run_tokens(&bpe->run);
    size_t left = out->count;
    /* In a file that was forged, checksum included, the trie may contradict the tokens' lengths:
     * ids are wrong then, but every step goes back and none too far. */
    for (size_t at = piece.len; at > 0 && left > 0; left--) {
        uint32_t token = last[at - 1];
        bool known = token != VOCAB_INDEX_NONE;
        uint32_t id = known ? vocab_id(vocab, token)
                            : vocab->header->byte_ids[(unsigned char)piece.ptr[at - 1]];
        size_t len = known ? vocab_len(vocab, token) : 1;
        at -= len < at ? len : at;
        if (left <= out->max) {
            out->ids[left - 1] = id;
        }
    }
    mem_free(last);
    return ERR_OK;
}

enum err bpe_encode(struct bpe *bpe, struct str piece, uint32_t *ids, size_t max, size_t *ret_count)
{
    ASSERT(ids != NULL || max == 0);
    ASSERT(ret_count != NULL);
    struct bpe_out out = { ids, max, 0 };
    enum err err = ERR_OK;
    uint32_t whole = piece.len > 0 && piece.len <= bpe->vocab->longest
                         ? bpe_find_long(bpe->vocab, piece)
                         : VOCAB_INDEX_NONE;
    if (whole != VOCAB_INDEX_NONE) {
        bpe_put(&out, vocab_id(bpe->vocab, whole));
    } else if (piece.len <= BPE_STACK_MAX) {
        bpe_merge(bpe, piece, &out);
    } else {
        err = bpe_encode_run(bpe, piece, &out);
    }
    *ret_count = out.count;
    return err;
}
