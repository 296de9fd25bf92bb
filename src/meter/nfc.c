#include "meter/nfc.h"

#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "meter/code.h"

#define NFC_POINTS  256         /* characters of a run that need no heap */
#define NFC_APART   ((size_t)4) /* code points that one is taken apart into, at most */
#define NFC_BYTES   4           /* of a code point */
#define NFC_CLASSES 256
#define NFC_INSERT  16 /* marks up to which insertion is the faster sort */

/* Options are an enum of single bits. */
#define NFC_TAKE_APART   ((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE))
#define NFC_PUT_TOGETHER ((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE))

struct nfc {
    const struct unicode_table *table;
    bool lead[256]; /* some character that begins with this byte is unstable */
    int32_t codes[NFC_POINTS * NFC_APART];
    int32_t spare[NFC_POINTS * NFC_APART];
    char text[NFC_POINTS * NFC_APART * NFC_BYTES];
    void *heap; /* the three of them for a longer run */
};

/* Where a run is worked on: in the struct or on the heap. */
struct nfc_room {
    int32_t *codes;
    int32_t *spare;
    char *text;
    size_t max; /* code points */
};

/* By the first bytes of its characters, what a block holds. */
static void nfc_learn_block(struct nfc *nfc, uint32_t first)
{
    for (uint32_t code = first; code < first + UNICODE_BLOCK_SIZE; code++) {
        if ((unicode_class(nfc->table, code) & UNICODE_UNSTABLE) != 0) {
            utf8proc_uint8_t bytes[NFC_BYTES];
            (void)utf8proc_encode_char((utf8proc_int32_t)code, bytes);
            nfc->lead[bytes[0]] = true;
        }
    }
}

enum err nfc_create(const struct unicode_table *table, struct nfc **ret_nfc)
{
    struct nfc *nfc = mem_zalloc(sizeof(*nfc));
    if (nfc == NULL) {
        return ERR_NO_MEMORY;
    }
    nfc->table = table;
    for (uint32_t i = 0; i < UNICODE_INDEX_SIZE; i++) {
        nfc_learn_block(nfc, i << UNICODE_BLOCK_BITS);
    }
    for (unsigned byte = 0; byte < 0x80; byte++) {
        ASSERT(!nfc->lead[byte]); /* nfc_find() passes over ASCII unseen */
    }
    *ret_nfc = nfc;
    return ERR_OK;
}

void nfc_destroy(struct nfc *nfc)
{
    if (nfc != NULL) {
        mem_free(nfc->heap);
        mem_free(nfc);
    }
}

static bool nfc_is_unstable(const struct nfc *nfc, const uint8_t *at, const uint8_t *end,
                            unsigned *ret_length)
{
    uint32_t code = code_read(at, end, ret_length);
    return (unicode_class(nfc->table, code) & UNICODE_UNSTABLE) != 0;
}

/* The first unstable character at or behind `at`, or text.len. */
static size_t nfc_find(const struct nfc *nfc, struct str text, size_t at)
{
    const uint8_t *begin = (const uint8_t *)text.ptr;
    const uint8_t *end = begin + text.len;
    const uint8_t *next = begin + at;
    while (next < end) {
        uint64_t word = 0;
        while (end - next >= 8) {
            memcpy(&word, next, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) != 0) {
                break;
            }
            next += sizeof(word);
        }
        /* A byte inside a character leads none, so that characters may be passed over bytewise. */
        while (next < end && !nfc->lead[*next]) {
            next++;
        }
        unsigned length = 0;
        while (next < end && nfc->lead[*next]) {
            if (nfc_is_unstable(nfc, next, end, &length)) {
                return (size_t)(next - begin);
            }
            next += length;
        }
    }
    return text.len;
}

/* The end of the unstable run at `at`, of which `*points` characters have been taken before. */
static size_t nfc_run_end(const struct nfc *nfc, struct str text, size_t at, size_t *points)
{
    const uint8_t *begin = (const uint8_t *)text.ptr;
    const uint8_t *end = begin + text.len;
    unsigned length = 0;
    while (at < text.len && *points < NFC_RUN_MAX &&
           nfc_is_unstable(nfc, begin + at, end, &length)) {
        at += length;
        (*points)++;
    }
    return at;
}

static enum err nfc_make_room(struct nfc *nfc, size_t points, struct nfc_room *ret_room)
{
    mem_free(nfc->heap);
    nfc->heap = NULL;
    if (points <= NFC_POINTS) {
        *ret_room = (struct nfc_room){ nfc->codes, nfc->spare, nfc->text, NFC_POINTS * NFC_APART };
        return ERR_OK;
    }
    size_t max = points * NFC_APART;
    nfc->heap = mem_alloc(max * (2 * sizeof(int32_t) + NFC_BYTES));
    if (nfc->heap == NULL) {
        return ERR_NO_MEMORY;
    }
    int32_t *codes = nfc->heap;
    *ret_room = (struct nfc_room){ codes, codes + max, (char *)(codes + 2 * max), max };
    return ERR_OK;
}

/* Canonical combining class; 0 for what the table takes for stable. */
static uint8_t nfc_combining(const struct nfc *nfc, int32_t code)
{
    if ((unicode_class(nfc->table, (uint32_t)code) & UNICODE_UNSTABLE) == 0) {
        return 0;
    }
    return (uint8_t)utf8proc_get_property(code)->combining_class;
}

/* Stable counting sort of `count` marks by their class: linear, where a run may have thousands. */
static void nfc_sort_many(const struct nfc *nfc, int32_t *marks, int32_t *spare, size_t count)
{
    size_t places[NFC_CLASSES + 1] = { 0 };
    for (size_t i = 0; i < count; i++) {
        places[nfc_combining(nfc, marks[i]) + 1]++;
    }
    for (size_t i = 0; i < NFC_CLASSES; i++) {
        places[i + 1] += places[i];
    }
    ASSERT(places[NFC_CLASSES] == count);
    memcpy(spare, marks, count * sizeof(*marks));
    for (size_t i = 0; i < count; i++) {
        marks[places[nfc_combining(nfc, spare[i])]++] = spare[i];
    }
}

static void nfc_sort_few(const struct nfc *nfc, int32_t *marks, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int32_t mark = marks[i];
        uint8_t class = nfc_combining(nfc, mark);
        size_t to = i;
        for (; to > 0 && nfc_combining(nfc, marks[to - 1]) > class; to--) {
            marks[to] = marks[to - 1];
        }
        marks[to] = mark;
    }
}

/* Canonical order: each run of marks (class above 0) by class, equals as they stand. */
static void nfc_order(const struct nfc *nfc, const struct nfc_room *room, size_t count)
{
    size_t at = 0;
    while (at < count) {
        size_t end = at;
        while (end < count && nfc_combining(nfc, room->codes[end]) > 0) {
            end++;
        }
        if (end - at > NFC_INSERT) {
            nfc_sort_many(nfc, room->codes + at, room->spare, end - at);
        } else {
            nfc_sort_few(nfc, room->codes + at, end - at);
        }
        at = end + 1;
    }
}

/* What NFC makes of `text`, which has `points` characters; lives where `nfc` does. */
static enum err nfc_normalize(struct nfc *nfc, struct str text, size_t points, struct str *ret_text)
{
    struct nfc_room room;
    TRY(nfc_make_room(nfc, points, &room));
    const uint8_t *at = (const uint8_t *)text.ptr;
    const uint8_t *end = at + text.len;
    size_t count = 0;
    unsigned length = 0;
    int boundary = 0; /* only asked for by an option that is not set */
    for (; at < end; at += length) {
        utf8proc_ssize_t apart = utf8proc_decompose_char(
            (utf8proc_int32_t)code_read(at, end, &length), room.codes + count,
            (utf8proc_ssize_t)(room.max - count), NFC_TAKE_APART, &boundary);
        ASSERT(apart > 0 && (size_t)apart <= room.max - count);
        count += (size_t)apart;
    }
    nfc_order(nfc, &room, count);
    utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(room.codes, (utf8proc_ssize_t)count, NFC_PUT_TOGETHER);
    ASSERT(composed > 0 && (size_t)composed <= count);
    size_t len = 0;
    for (utf8proc_ssize_t i = 0; i < composed; i++) {
        len += (size_t)utf8proc_encode_char(room.codes[i], (utf8proc_uint8_t *)room.text + len);
    }
    ASSERT(len <= room.max * NFC_BYTES);
    *ret_text = (struct str){ room.text, len };
    return ERR_OK;
}

enum err nfc_next(struct nfc *nfc, struct str text, size_t at, bool over,
                  struct nfc_change *ret_change)
{
    ASSERT(at <= text.len);
    if (text.len == 0) {
        *ret_change = (struct nfc_change){ 0, 0, STR_EMPTY };
        return ERR_OK;
    }
    for (;;) {
        size_t first = nfc_find(nfc, text, at);
        if (first == text.len && over) {
            *ret_change = (struct nfc_change){ text.len, text.len, STR_EMPTY };
            return ERR_OK;
        }
        /* The character before it may take it up; so may the last one what is still to come. */
        size_t start = first > at ? at + code_last(str_slice(text, at, first)) : at;
        size_t points = first > at ? 1 : 0;
        size_t end = nfc_run_end(nfc, text, first, &points);
        if (end == text.len && !over && points < NFC_RUN_MAX) {
            *ret_change = (struct nfc_change){ start, start, STR_EMPTY };
            return ERR_OK;
        }
        struct str run = str_slice(text, start, end);
        struct str made;
        TRY(nfc_normalize(nfc, run, points, &made));
        if (!str_eq(run, made)) {
            *ret_change = (struct nfc_change){ start, end, made };
            return ERR_OK;
        }
        at = end;
    }
}
