#include "meter/special.h"

#include <string.h>

#include "base/mem.h"
#include "meter/code.h"

#define SPECIAL_SPACE (UNICODE_SPACE | UNICODE_NEWLINE)

/* Which bytes begin a token, and which pairs do: a token of one byte begins with all its pairs. */
struct special_begin {
    bool any;
    bool lstrip;
    bool first[256];
    /* Eight times each of the bytes that begin a token, where there are one or two of them, as in
     * nearly all vocabularies ('<', '['): text without them is passed over eight at a time. */
    uint64_t skip[2];
    bool skips;
    uint64_t pairs[65536 / 64];
};

struct special {
    const struct vocab_special *items;
    size_t count;
    const struct unicode_table *table;
    size_t from[257];              /* by first byte: items[from[b]..from[b + 1]) */
    struct special_begin begin[2]; /* [1]: control tokens too */
};

/* How a text is searched. */
struct special_mode {
    bool parsed; /* control tokens too */
    bool over;   /* the text does not go on */
};

/* The items that begin with what has been read, and the longest that is all of it. */
struct special_range {
    size_t low;
    size_t high;
    size_t depth;
};

static size_t special_pair(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void special_note(struct special_begin *begin, const struct vocab_special *item)
{
    const uint8_t *text = (const uint8_t *)item->text.ptr;
    begin->any = true;
    begin->lstrip = begin->lstrip || item->lstrip;
    begin->first[text[0]] = true;
    if (item->text.len == 1) {
        memset(begin->pairs + ((size_t)text[0] << 8) / 64, 0xFF, 256 / 8);
        return;
    }
    begin->pairs[special_pair(text) / 64] |= UINT64_C(1) << (special_pair(text) % 64);
}

/* Once all tokens are noted. */
static void special_note_skips(struct special_begin *begin)
{
    size_t count = 0;
    for (uint64_t byte = 0; byte < 256; byte++) {
        if (begin->first[byte]) {
            begin->skip[count % 2] = byte * UINT64_C(0x0101010101010101);
            count++;
        }
    }
    begin->skip[1] = count == 1 ? begin->skip[0] : begin->skip[1];
    begin->skips = count == 1 || count == 2;
}

enum err special_create(const struct vocab_special *specials, size_t count,
                        const struct unicode_table *table, struct special **ret_special)
{
    struct special *special = mem_zalloc(sizeof(*special));
    if (special == NULL) {
        return ERR_NO_MEMORY;
    }
    special->items = specials;
    special->count = count;
    special->table = table;
    for (size_t i = 0; i < count; i++) {
        ASSERT(specials[i].text.len > 0 && specials[i].text.len <= VOCAB_TOKEN_MAX);
        ASSERT(i == 0 || str_cmp(specials[i - 1].text, specials[i].text) < 0);
        special->from[(uint8_t)specials[i].text.ptr[0] + 1]++;
        special_note(&special->begin[1], &specials[i]);
        if (!specials[i].control) {
            special_note(&special->begin[0], &specials[i]);
        }
    }
    for (size_t byte = 0; byte < 256; byte++) {
        special->from[byte + 1] += special->from[byte];
    }
    special_note_skips(&special->begin[0]);
    special_note_skips(&special->begin[1]);
    *ret_special = special;
    return ERR_OK;
}

void special_destroy(struct special *special)
{
    mem_free(special);
}

/* Whether eight bytes have none that begins a token: one that is zero after the exclusive or has
 * its high bit set by the subtraction. */
static bool special_none_of_eight(const struct special_begin *begin, const uint8_t *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t bytes = 0;
    memcpy(&bytes, at, sizeof(bytes));
    uint64_t one = bytes ^ begin->skip[0];
    uint64_t two = bytes ^ begin->skip[1];
    uint64_t found = ((one - ones) & ~one) | ((two - ones) & ~two);
    return (found & UINT64_C(0x8080808080808080)) == 0;
}

/* The first place at or behind `at` where a token may begin, by its first two bytes. */
static size_t special_candidate(const struct special_begin *begin, struct str text, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    for (; at < text.len; at++) {
        while (begin->skips && text.len - at >= sizeof(uint64_t) &&
               special_none_of_eight(begin, bytes + at)) {
            at += sizeof(uint64_t);
        }
        if (at == text.len || !begin->first[bytes[at]]) {
            continue;
        }
        if (at + 1 == text.len) {
            return at;
        }
        size_t pair = special_pair(bytes + at);
        if ((begin->pairs[pair / 64] >> (pair % 64) & 1) != 0) {
            return at;
        }
    }
    return text.len;
}

/* The first item of low..high whose byte at `depth` is `byte` or above; all have that byte. */
static size_t special_bound(const struct special *special, struct special_range range,
                            unsigned byte)
{
    size_t low = range.low;
    size_t high = range.high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uint8_t)special->items[middle].text.ptr[range.depth] < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Whether a token that is longer than what has been read is among the items. */
static bool special_goes_on(const struct special *special, struct special_range range, bool parsed)
{
    for (size_t i = range.low; i < range.high; i++) {
        if (parsed || !special->items[i].control) {
            return true;
        }
    }
    return false;
}

/* The longest token at `at`, or NULL; *ret_open: text that goes on may make it a longer one. */
static const struct vocab_special *special_longest(const struct special *special, struct str text,
                                                   size_t at, bool parsed, bool *ret_open)
{
    const struct vocab_special *longest = NULL;
    struct special_range range = { .depth = 0 };
    unsigned first = (uint8_t)text.ptr[at];
    range.low = special->from[first];
    range.high = special->from[first + 1];
    *ret_open = false;
    while (range.low < range.high) {
        range.depth++;
        /* Ordered: the one that ends here is the first of them, and there is but one. */
        const struct vocab_special *item = &special->items[range.low];
        if (item->text.len == range.depth) {
            longest = parsed || !item->control ? item : longest;
            range.low++;
        }
        if (at + range.depth == text.len) {
            *ret_open = special_goes_on(special, range, parsed);
            return longest;
        }
        unsigned byte = (uint8_t)text.ptr[at + range.depth];
        size_t low = special_bound(special, range, byte);
        range.high = special_bound(special, range, byte + 1);
        range.low = low;
    }
    return longest;
}

/* Where the white space begins that ends at `end`, not before `from`. */
static size_t special_white_before(const struct special *special, struct str text, size_t from,
                                   size_t end)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    while (end > from) {
        unsigned length = 0;
        size_t last = from + code_last(str_slice(text, from, end));
        uint32_t code = code_read(bytes + last, bytes + end, &length);
        if ((unicode_class(special->table, code) & SPECIAL_SPACE) == 0) {
            break;
        }
        end = last;
    }
    return end;
}

static size_t special_white_behind(const struct special *special, struct str text, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    unsigned length = 0;
    while (at < text.len) {
        uint32_t code = code_read(bytes + at, bytes + text.len, &length);
        if ((unicode_class(special->table, code) & SPECIAL_SPACE) == 0) {
            break;
        }
        at += length;
    }
    return at;
}

/* The token at `next`, with the white space from `from` on that belongs to it; NONE: there is none,
 * nor may there be one. */
static struct special_match special_at(const struct special *special, struct str text, size_t from,
                                       size_t next, const struct special_mode *mode)
{
    struct special_match match = { SPECIAL_NONE, next, next, NULL };
    bool open = false;
    match.which = special_longest(special, text, next, mode->parsed, &open);
    open = open && !mode->over;
    if (match.which == NULL && !open) {
        return match;
    }
    if (match.which != NULL) {
        match.end += match.which->text.len;
        if (match.which->rstrip) {
            match.end = special_white_behind(special, text, match.end);
            open = open || (match.end == text.len && !mode->over);
        }
    }
    /* What is open may become any of them. */
    if (open ? special->begin[mode->parsed].lstrip : match.which->lstrip) {
        match.start = special_white_before(special, text, from, next);
    }
    match.found = open ? SPECIAL_OPEN : SPECIAL_MATCH;
    return match;
}

struct special_match special_find(const struct special *special, struct str text, size_t at,
                                  bool parsed, bool over)
{
    ASSERT(at <= text.len);
    const struct special_begin *begin = &special->begin[parsed];
    const struct special_mode mode = { parsed, over };
    size_t next = begin->any ? special_candidate(begin, text, at) : text.len;
    while (next < text.len) {
        struct special_match match = special_at(special, text, at, next, &mode);
        if (match.found != SPECIAL_NONE) {
            return match;
        }
        next = special_candidate(begin, text, next + 1);
    }
    if (!over && begin->lstrip) {
        size_t start = special_white_before(special, text, at, text.len);
        return (struct special_match){ SPECIAL_OPEN, start, start, NULL };
    }
    return (struct special_match){ SPECIAL_NONE, text.len, text.len, NULL };
}
