/* The pass over all bytes: 64 at a time as bits, which tell the few places that need a look. */
#include "policy/detect_scan_internal.h"

#include <string.h>

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#define BLOCK DETECT_BITS_BLOCK

/* ---- bytes to bits ------------------------------------------------------------------------ */

void detect_bits_plain(const char *text, struct detect_bits *ret_bits)
{
    struct detect_bits bits = { 0 };
    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned char byte = (unsigned char)text[i];
        unsigned char lower = byte | 0x20;
        bits.digit |= (uint64_t)(byte >= '0' && byte <= '9') << i;
        bits.letter |= (uint64_t)(lower >= 'a' && lower <= 'z') << i;
        bits.high |= (uint64_t)(byte >= 0x80) << i;
    }
    *ret_bits = bits;
}

uint64_t detect_bits_lead_plain(const char *text)
{
    uint64_t leads = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        leads |= (uint64_t)((unsigned char)text[i] >= 0xC0) << i;
    }
    return leads;
}

uint64_t detect_bits_gap_plain(const char *text)
{
    uint64_t gaps = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        gaps |= (uint64_t)(text[i] == ' ' || text[i] == '-' || text[i] == '.') << i;
    }
    return gaps;
}

uint64_t detect_bits_any_plain(const char *text, const char *letters, size_t count)
{
    uint64_t found = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        bool any = false;
        for (size_t j = 0; j < count; j++) {
            any = any || (char)(text[i] | 0x20) == letters[j];
        }
        found |= (uint64_t)any << i;
    }
    return found;
}

#ifdef __SSE2__
static inline __m128i detect_load(const char *text)
{
    __m128i word;
    memcpy(&word, text, sizeof(word));
    return word;
}

static inline uint64_t detect_mask(__m128i found, unsigned at)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(found) << at;
}

/* All ones for each of 16 bytes that is in [first, first + count). */
static inline __m128i detect_range(__m128i word, char first, char count)
{
    /* Moved so that the range begins at the least signed number. */
    __m128i moved = _mm_add_epi8(word, _mm_set1_epi8((char)(-128 - first)));
    return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + count)));
}

void detect_bits(const char *text, struct detect_bits *ret_bits)
{
    struct detect_bits bits = { 0 };
#    pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i word = detect_load(text + i);
        __m128i lower = _mm_or_si128(word, _mm_set1_epi8(0x20));
        bits.digit |= detect_mask(detect_range(word, '0', 10), i);
        bits.letter |= detect_mask(detect_range(lower, 'a', 26), i);
        bits.high |= detect_mask(word, i);
    }
    *ret_bits = bits;
}

uint64_t detect_bits_lead(const char *text)
{
    uint64_t leads = 0;
#    pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i word = detect_load(text + i);
        /* As signed numbers the bytes from C0 on are those from -64 to -1. */
        leads |= detect_mask(_mm_and_si128(_mm_cmpgt_epi8(word, _mm_set1_epi8(-65)), word), i);
    }
    return leads;
}

uint64_t detect_bits_gap(const char *text)
{
    uint64_t gaps = 0;
#    pragma GCC unroll 4
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i word = detect_load(text + i);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(word, _mm_set1_epi8(' ')),
                                     _mm_or_si128(_mm_cmpeq_epi8(word, _mm_set1_epi8('-')),
                                                  _mm_cmpeq_epi8(word, _mm_set1_epi8('.'))));
        gaps |= detect_mask(found, i);
    }
    return gaps;
}

static inline __m128i detect_or_equal(__m128i found, __m128i word, __m128i wanted)
{
    return _mm_or_si128(found, _mm_cmpeq_epi8(word, wanted));
}

uint64_t detect_bits_any(const char *text, const char *letters, size_t count)
{
    const __m128i space = _mm_set1_epi8(0x20);
    __m128i first = _mm_setzero_si128();
    __m128i second = first;
    __m128i third = first;
    __m128i fourth = first;
    for (size_t j = 0; j < count; j++) {
        __m128i letter = _mm_set1_epi8(letters[j]);
        first = detect_or_equal(first, _mm_or_si128(detect_load(text), space), letter);
        second = detect_or_equal(second, _mm_or_si128(detect_load(text + 16), space), letter);
        third = detect_or_equal(third, _mm_or_si128(detect_load(text + 32), space), letter);
        fourth = detect_or_equal(fourth, _mm_or_si128(detect_load(text + 48), space), letter);
    }
    return detect_mask(first, 0) | detect_mask(second, 16) | detect_mask(third, 32) |
           detect_mask(fourth, 48);
}
#else
void detect_bits(const char *text, struct detect_bits *ret_bits)
{
    detect_bits_plain(text, ret_bits);
}

uint64_t detect_bits_lead(const char *text)
{
    return detect_bits_lead_plain(text);
}

uint64_t detect_bits_gap(const char *text)
{
    return detect_bits_gap_plain(text);
}

uint64_t detect_bits_any(const char *text, const char *letters, size_t count)
{
    return detect_bits_any_plain(text, letters, count);
}
#endif

/* ---- bits to places ----------------------------------------------------------------------- */

/*
 * Digits that at least two more digits or separators follow: no shorter number is of interest. What
 * is beyond the block is taken for a digit. Of several in a row only the first: the look at it goes
 * to the end of its group at least.
 */
static uint64_t detect_numbers(const char *text, const struct detect_bits *bits)
{
    if (bits->digit == 0) {
        return 0;
    }
    uint64_t more = bits->digit | bits->high | detect_bits_gap(text);
    uint64_t top = UINT64_C(1) << (BLOCK - 1);
    uint64_t found = bits->digit & (more >> 1 | top) & (more >> 2 | top | top >> 1);
    return found & ~(found << 1);
}

/* Characters that something begins with. A character beyond the basic plane begins nothing. */
static uint64_t detect_firsts(const uint8_t *first, const unsigned char *text, uint64_t leads)
{
    uint64_t found = 0;
    while (leads != 0) {
        unsigned i = (unsigned)__builtin_ctzll(leads);
        leads &= leads - 1;
        const unsigned char *at = text + i;
        uint32_t point = (uint32_t)(at[0] & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 |
                         (uint32_t)(at[2] & 0x3F);
        if ((at[0] & 0xE0) == 0xC0) {
            point = (uint32_t)(at[0] & 0x1F) << 6 | (uint32_t)(at[1] & 0x3F);
        }
        found |= (uint64_t)detect_bit(first, point) << i;
    }
    return found;
}

/* Letters that a term in ASCII may begin with: words whose first two bytes are right. */
static uint64_t detect_initials(const uint8_t *pairs, const char *text, uint64_t initials)
{
    uint64_t found = 0;
    while (initials != 0) {
        unsigned i = (unsigned)__builtin_ctzll(initials);
        initials &= initials - 1;
        uint32_t pair = (uint32_t)(unsigned char)text[i] << 8 | (unsigned char)text[i + 1];
        found |= (uint64_t)detect_bit(pairs, pair) << i;
    }
    return found;
}

/* A letter or digit right before the place. */
static bool detect_touched(const struct detect_block *block, size_t at)
{
    if (at == 0) {
        return false;
    }
    char byte = block->ptr[at - 1];
    char lower = (char)(byte | 0x20);
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z');
}

/* Whether a digit of ASCII has what detect_numbers() wants behind it; at a block's edge, which is
 * not where the text says, that is not yet known. */
static bool detect_has_more(const struct detect_block *block, size_t at)
{
    for (size_t i = at + 1; i <= at + 2; i++) {
        unsigned char byte = i < block->len ? (unsigned char)block->ptr[i] : '\0';
        bool digit = byte >= '0' && byte <= '9';
        if (!digit && byte < 0x80 && byte != ' ' && byte != '-' && byte != '.') {
            return false;
        }
    }
    return true;
}

/* At a character beyond ASCII that something begins with: whether what is behind it fits. */
static bool detect_fits(const struct detect_rules *rules, uint32_t point, const char *next,
                        const char *end)
{
    if (end - next < 2) {
        return false;
    }
    if (detect_bit(rules->follow, detect_follow(point, next[0], next[1]))) {
        return true;
    }
    /* A plate goes on with a capital, full-width ones begin with EF. */
    return detect_bit(rules->plates, point) &&
           ((next[0] >= 'A' && next[0] <= 'Z') || (unsigned char)next[0] == 0xEF);
}

/* The look at one place. */
static void detect_look(struct detector *detector, const struct detect_block *block, size_t at)
{
    const char *here = block->ptr + at;
    const char *end = block->ptr + block->len;
    bool number = (*here >= '0' && *here <= '9') && detect_has_more(block, at);
    if ((unsigned char)*here >= 0x80) {
        size_t len = 0;
        uint32_t point = detect_point_at(here, end, &len);
        number = point >= 0xFF10 && point <= 0xFF19;
        if (!number && len > 1 && detect_fits(detector->rules, point, here + len, end)) {
            detect_words(detector, block, at);
        }
    } else if (!number && (*here < '0' || *here > '9')) {
        detect_words(detector, block, at);
    }
    if (number && block->base + at >= detector->done) {
        detector->done = block->base + detect_number(detector, block, at);
    }
}

/* 64 bytes at `text`, which stand at `at` of the block and may be followed by more; those that
 * `keep` has bits for are looked at. */
static void detect_scan_bits(struct detector *detector, const struct detect_block *block,
                             const char *text, size_t at, uint64_t keep)
{
    const struct detect_rules *rules = detector->rules;
    struct detect_bits bits;
    detect_bits(text, &bits);
    uint64_t places = detect_numbers(text, &bits);
    if (bits.high != 0) {
        uint64_t leads = detect_bits_lead(text);
        places |= detect_firsts(rules->first, (const unsigned char *)text, leads);
    }
    if (rules->initial_count > 0) {
        uint64_t word = bits.letter | bits.digit;
        uint64_t initials = bits.letter & ~(word << 1 | detect_touched(block, at));
        if (rules->initial_count <= DETECT_INITIALS_MAX) {
            initials &= detect_bits_any(text, rules->initials, rules->initial_count);
        }
        places |= detect_initials(rules->pairs, text, initials);
    }
    for (places &= keep; places != 0; places &= places - 1) {
        detect_look(detector, block, at + (unsigned)__builtin_ctzll(places));
    }
}

void detect_scan(struct detector *detector, const struct detect_block *block, size_t from,
                 size_t to)
{
    ASSERT(from <= to && to <= block->len);
    for (size_t at = from; at < to; at += BLOCK) {
        uint64_t keep = to - at < BLOCK ? (UINT64_C(1) << (to - at)) - 1 : UINT64_MAX;
        size_t left = block->len - at;
        if (left >= BLOCK + DETECT_BITS_BEYOND) {
            detect_scan_bits(detector, block, block->ptr + at, at, keep);
        } else {
            char tail[BLOCK + DETECT_BITS_BEYOND] = { 0 };
            memcpy(tail, block->ptr + at, left);
            detect_scan_bits(detector, block, tail, at, keep);
        }
    }
}
