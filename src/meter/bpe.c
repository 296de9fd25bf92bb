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
    bpe->part = !vocab->whole || vocab->reached == vocab->info.tokens ? BPE_PIECE : BPE_PART;
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
    uint32_t slot = vocab_slot(hash, vocab->long_slots);
    while (vocab->longs[slot] != VOCAB_ROW_NONE) {
        uint32_t index = vocab_row_index(vocab->longs[slot]);
        if (vocab_row_fits(vocab->longs[slot], hash) && str_eq(vocab_bytes(vocab, index), piece)) {
            return index;
        }
        slot = slot + 1 == vocab->long_slots ? 0 : slot + 1;
    }
    return VOCAB_INDEX_NONE;
}

static bool bpe_is_token(const struct vocab *vocab, struct str piece)
{
    if (!vocab->whole || piece.len > vocab->longest) {
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
    bool merged = (kind & BPE_PART) != 0 || (bpe->part == BPE_PIECE && vocab_is_wide(text.ptr[0]));
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

/* It is not the first of its set. What is found moves up by one, what is new takes the last place:
 * so what comes but once does not put out what comes often. */
static uint64_t bpe_count_short_again(struct bpe *bpe, uint64_t *set, uint64_t row, struct str text)
{
    for (size_t way = 1; way < BPE_SHORT_WAYS; way++) {
        uint64_t tokens = set[way] ^ row;
        if (tokens <= BPE_TOKENS_MAX) {
            set[way] = set[way - 1];
            set[way - 1] = row | tokens;
            return tokens;
        }
    }
    bool part = (row & (uint64_t)BPE_PART << BPE_TOKEN_BITS) != 0;
    uint64_t tokens = bpe_work_out(bpe, text, part ? BPE_PART : BPE_PIECE);
    size_t last = 0;
    while (last < BPE_SHORT_WAYS - 1 && set[last] != 0) {
        last++;
    }
    set[last] = row | tokens;
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

/* `first` and `last`: the text as a number of two words. Where no place of the set is free, a text
 * takes its own: of more texts than have room, coming round and round, some are then found again,
 * but none if each put out the oldest. */
static uint64_t bpe_count_middle(struct bpe *bpe, uint64_t first, uint64_t last, struct str text,
                                 enum bpe_kind kind)
{
    uint64_t length = (uint64_t)kind | text.len;
    uint64_t hash = vocab_mix(first ^ bpe->salt, last ^ length * bpe->factor);
    size_t slot = vocab_slot(hash, BPE_MIDDLE_SETS);
    struct bpe_middle *set = bpe->middles[slot];
    uint16_t *values = bpe->middle_values[slot];
    size_t own = hash % BPE_MIDDLE_WAYS;
    for (size_t way = 0; way < BPE_MIDDLE_WAYS; way++) {
        if (values[way] >> 8 == length && set[way].key[0] == first && set[way].key[1] == last) {
            return values[way] & 255U;
        }
        own = values[way] == 0 ? way : own;
    }
    uint64_t tokens = bpe_work_out(bpe, text, kind);
    set[own] = (struct bpe_middle){ { first, last } };
    values[own] = (uint16_t)(length << 8 | tokens);
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

static uint64_t bpe_count_kind(struct bpe *bpe, struct str text, enum bpe_kind kind)
{
    if (text.len <= BPE_SHORT_MAX) {
        return bpe_count_short(bpe, vocab_short_key(text.ptr, text.len), text, kind);
    }
    if (text.len <= BPE_MIDDLE_MAX) {
        uint64_t first = vocab_load64(text.ptr);
        return bpe_count_middle(bpe, first, vocab_load64(text.ptr + text.len - 8), text, kind);
    }
    return text.len <= BPE_LONG_MAX ? bpe_count_long(bpe, text, kind)
                                    : bpe_work_out(bpe, text, kind);
}

/* The first place behind `from` over which no token reaches, or the piece's end. */
static size_t bpe_apart(const struct vocab *vocab, struct str piece, size_t from)
{
    size_t at = from;
    while (piece.len - at >= 6) { /* two characters */
        if (!vocab_is_wide(piece.ptr[at])) {
            at++;
            continue;
        }
        uint32_t before = vocab_wide_code(vocab_wide_bytes(piece.ptr + at));
        at += 3;
        if (vocab_is_wide(piece.ptr[at]) && vocab_continues(piece.ptr[at - 1]) &&
            !vocab_joins(vocab, before, vocab_wide_code(vocab_wide_bytes(piece.ptr + at)))) {
            return at;
        }
    }
    return piece.len;
}

/* The characters of three bytes that `text` begins with, BPE_WIDE_RUN at most; how many. Bit i of
 * *ret_cuts: no token reaches over the place before character i. All of them are found first, for
 * which are set is no pattern that a processor could guess. */
static size_t bpe_read_wide(const struct vocab *vocab, struct str text, uint16_t *codes,
                            uint64_t *ret_cuts)
{
    size_t max = text.len / 3 < BPE_WIDE_RUN ? text.len / 3 : BPE_WIDE_RUN;
    size_t count = 0;
    uint64_t cuts = 0;
    uint32_t before = 0;
    for (; count < max; count++) {
        uint32_t bytes = vocab_wide_bytes(text.ptr + 3 * count);
        if (!vocab_wide_fits(bytes)) {
            break;
        }
        uint32_t code = vocab_wide_code(bytes);
        cuts |= (uint64_t)!vocab_joins(vocab, before, code) << count;
        codes[count] = (uint16_t)code;
        before = code;
    }
    *ret_cuts = cuts & ~UINT64_C(1);
    return count;
}

/* Some of the characters that bpe_read_wide() has read: their codes are the key. */
static inline uint64_t bpe_count_wide(struct bpe *bpe, const uint16_t *codes, struct str text,
                                      enum bpe_kind kind)
{
    const size_t count = text.len / 3;
    uint64_t key[2];
    if (count > 2 * BPE_WIDE_WORD) {
        return bpe_count_kind(bpe, text, kind);
    }
    memcpy(key, codes, sizeof(key));
    if (count <= BPE_WIDE_WORD) {
        key[0] &= UINT64_MAX >> (64 - 16 * count);
        return bpe_count_short(bpe, key[0], text, kind | BPE_WIDE);
    }
    key[1] &= UINT64_MAX >> (64 - 16 * (count - BPE_WIDE_WORD));
    return bpe_count_middle(bpe, key[0], key[1], text, kind | BPE_WIDE);
}

/* Writing without spaces makes long pieces that never come again, but of few parts. */
static uint64_t bpe_count_parts(struct bpe *bpe, struct str piece)
{
    uint16_t codes[BPE_WIDE_RUN + 2 * BPE_WIDE_WORD];
    uint64_t tokens = 0;
    for (size_t at = 0; at < piece.len;) {
        struct str rest = str_from_at(piece, at);
        uint64_t cuts = 0;
        size_t count = bpe_read_wide(bpe->vocab, rest, codes, &cuts);
        cuts |= (uint64_t)(count > 0 && 3 * count == rest.len) << count; /* the piece's end */
        size_t from = 0;
        for (; cuts != 0; cuts &= cuts - 1) {
            size_t to = (size_t)__builtin_ctzll(cuts);
            struct str part = { rest.ptr + 3 * from, 3 * (to - from) };
            enum bpe_kind kind = part.len < piece.len ? bpe->part : BPE_PIECE;
            tokens += bpe_count_wide(bpe, codes + from, part, kind);
            from = to;
        }
        at += 3 * from;
        if (at < piece.len) { /* at a part with other characters in it, or too many */
            size_t end = bpe_apart(bpe->vocab, piece, at);
            enum bpe_kind kind = end - at < piece.len ? bpe->part : BPE_PIECE;
            tokens += bpe_count_kind(bpe, str_slice(piece, at, end), kind);
            at = end;
        }
    }
    return tokens;
}

uint64_t bpe_count(struct bpe *bpe, struct str piece)
{
    if (piece.len == 0) {
        return 0;
    }
    if (piece.len > BPE_SHORT_MAX && vocab_is_wide(piece.ptr[piece.len - 3])) {
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
    bool looked_up = bpe->vocab->whole && piece.len > 0 && piece.len <= bpe->vocab->longest;
    uint32_t whole = looked_up ? bpe_find_long(bpe->vocab, piece) : VOCAB_INDEX_NONE;
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
