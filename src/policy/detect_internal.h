/* What the files of the detectors share. */
#pragma once

#include "policy/detect.h"

/* ---- compiled rules ----------------------------------------------------------------------- */

#define DETECT_POOL_MAX \
    ((size_t)DETECT_TERMS_MAX * 32) /* bytes of all terms: half of the longest */
#define DETECT_INITIALS_MAX 8       /* more cost as much as a look at each word's first letter */
#define DETECT_CHAINS       256
#define DETECT_LEVEL_TERM   UINT8_MAX
#define DETECT_PROVINCES    100 /* two digits */

struct detect_keywords {
    unsigned window; /* the largest of the rows' */
    size_t count;
    struct {
        uint8_t len;
        uint8_t window;
        char text[DETECT_KEYWORD_MAX]; /* ASCII letters small */
    } words[DETECT_KEYWORDS_MAX];
};

struct detect_prefix {
    uint8_t class;
    uint8_t strength;
    uint8_t len;
    char text[DETECT_PREFIX_MAX];
};

struct detect_term {
    uint16_t at;   /* in the pool; ASCII letters small */
    uint16_t next; /* in the chain of its first character, DETECT_TERMS_MAX: none */
    uint8_t len;
    uint8_t marker;
    bool level;
};

struct detect_marker {
    uint8_t name_len;
    bool points; /* its hits are points on the map */
    uint32_t min;
    char name[DETECT_TERM_MAX];
};

struct detect_bound { /* millionths of a degree */
    int64_t west;
    int64_t south;
    int64_t east;
    int64_t north;
};

struct detect_rules {
    struct detect_policy policy;
    /* A bit for each character of the basic plane that something may begin with. */
    uint8_t first[0x10000 / 8];
    /* A bit for each first character of a term with the two bytes behind it: detect_follow(). */
    uint8_t follow[0x10000 / 8];
    /* A bit for each two bytes, the first of them a letter, that a term in ASCII begins with. */
    uint8_t pairs[0x10000 / 8];
    /* Their first letters, small; more than DETECT_INITIALS_MAX: any letter may be one. */
    size_t initial_count;
    char initials[DETECT_INITIALS_MAX];
    bool provinces[DETECT_PROVINCES];
    uint8_t plates[0x10000 / 8];
    size_t prefix_count;
    struct detect_prefix prefixes[DETECT_PREFIXES_MAX];
    struct detect_keywords keywords[DETECT_CLASSES];
    size_t term_count;
    struct detect_term terms[DETECT_TERMS_MAX];
    uint16_t chains[DETECT_CHAINS];
    size_t pool_len;
    char pool[DETECT_POOL_MAX];
    size_t marker_count;
    struct detect_marker markers[DETECT_MARKERS_MAX];
    size_t bound_count;
    struct detect_bound bounds[DETECT_BOUNDS_MAX];
    size_t bound_marker;
};

static inline char detect_lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte | 0x20);
    }
    return byte;
}

static inline bool detect_bit(const uint8_t *bits, uint32_t at)
{
    return (bits[at >> 3] >> (at & 7) & 1) != 0;
}

static inline void detect_bit_set(uint8_t *bits, uint32_t at)
{
    bits[at >> 3] = (uint8_t)(bits[at >> 3] | 1U << (at & 7));
}

/* Where the two bytes behind a first character stand in `follow`; many share a place. */
static inline uint32_t detect_follow(uint32_t point, char next, char after)
{
    uint32_t behind =
        (uint32_t)(unsigned char)detect_lower(next) << 8 | (unsigned char)detect_lower(after);
    return (point * 40503U ^ behind * 2654435761U >> 15) & 0xFFFF;
}

/* ---- characters --------------------------------------------------------------------------- */

/* What a character is to a number. */
enum detect_char_kind {
    DETECT_OTHER,
    DETECT_DIGIT,
    DETECT_LETTER, /* ASCII or full-width */
    DETECT_GAP     /* a separator */
};

#define DETECT_GAP_SPACE 1U
#define DETECT_GAP_DASH  2U
#define DETECT_GAP_DOT   4U

struct detect_char {
    enum detect_char_kind kind;
    char folded; /* in ASCII; 0: it has no such form */
    uint8_t len; /* bytes */
};

static inline enum detect_char_kind detect_kind_of(char folded)
{
    char lower = (char)(folded | 0x20);
    if (folded >= '0' && folded <= '9') {
        return DETECT_DIGIT;
    }
    if (lower >= 'a' && lower <= 'z') {
        return DETECT_LETTER;
    }
    return folded == ' ' || folded == '-' || folded == '.' ? DETECT_GAP : DETECT_OTHER;
}

/* One beyond ASCII. */
struct detect_char detect_char_wide(const char *at, const char *end);
struct detect_char detect_char_wide_before(const char *begin, const char *at);

/* The character at `at` < `end`; a byte that begins none stands for itself. */
static inline struct detect_char detect_char_at(const char *at, const char *end)
{
    if ((unsigned char)*at >= 0x80) {
        return detect_char_wide(at, end);
    }
    return (struct detect_char){ detect_kind_of(*at), *at, 1 };
}

/* The character that ends at `at` > `begin`. */
static inline struct detect_char detect_char_before(const char *begin, const char *at)
{
    if ((unsigned char)at[-1] >= 0x80) {
        return detect_char_wide_before(begin, at);
    }
    return (struct detect_char){ detect_kind_of(at[-1]), at[-1], 1 };
}

/* The character at `at` < `end` as a code point; a byte that begins none is 0xFFFD. */
uint32_t detect_point_at(const char *at, const char *end, size_t *ret_len);

/* ---- what stands near a number ------------------------------------------------------------ */

/* The part of the text that an answer may depend on. */
struct detect_view {
    const char *begin;
    const char *end;
};

/* Whether a keyword stands near what is in [from, to). */
bool detect_near(const struct detect_keywords *keywords, const struct detect_view *view,
                 const char *from, const char *to);

#define DETECT_BLOB_MIN 64 /* characters; longer than any word or path segment that is read */

/*
 * Whether what is in [from, to) is part of base64 (or base64url): it and what touches it make up at
 * least DETECT_BLOB_MIN characters of that alphabet, a capital letter among those around it; or, of
 * any length, a "base64," stands right in front, as in a data URL.
 */
bool detect_in_blob(const struct detect_view *view, const char *from, const char *to);

/* ---- the window --------------------------------------------------------------------------- */

/* Looks at the window as far as there is enough behind it, and forgets what is not needed, which
 * leaves room for DETECT_WINDOW less DETECT_BACK and DETECT_AHEAD bytes. */
void detect_slide(struct detector *detector);

/* ---- the looks at one place --------------------------------------------------------------- */

/* A piece of text in memory; text[0] is at `base` of the whole. */
struct detect_block {
    const char *ptr;
    size_t len;
    uint64_t base;
};

/* Looks at what begins in [from, to) of the block; BACK and AHEAD bytes around it must be there
 * unless the text has no more. */
void detect_scan(struct detector *detector, const struct detect_block *block, size_t from,
                 size_t to);
/* At a digit of a number: its group and the groups behind it. Returns how far it is done with. */
size_t detect_number(struct detector *detector, const struct detect_block *block, size_t at);
/* At a character that a term or a plate may begin with. */
void detect_words(struct detector *detector, const struct detect_block *block, size_t at);
/* A decimal number: `value` in millionths, [from, to) of the text. */
void detect_coordinate(struct detector *detector, int64_t value, uint64_t from, uint64_t to);

static inline void detect_hit(struct detector *detector, enum detect_class class,
                              enum detect_strength strength)
{
    uint32_t *count = &detector->result.classes[class][strength];
    *count += *count < UINT32_MAX;
}

static inline void detect_mark(struct detector *detector, size_t marker)
{
    uint32_t *count = &detector->result.markers[marker];
    *count += *count < UINT32_MAX;
}
