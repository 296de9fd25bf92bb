/*
 * Content detectors: mainland personal information and markers of important data in text.
 *
 * A detector is fed text in pieces and counts what it finds: classes, strong or weak, and markers.
 * The result is the same at whatever places the text was cut. What was found is counted and never
 * kept: no result, log line or receipt can hold text.
 *
 * A number stands alone: no ASCII or full-width letter or digit touches it. Full-width digits and
 * letters count as their narrow ones. Inside a number up to three separators may stand between two
 * groups of digits: space, hyphen, dot, no-break and ideographic space, the dashes of Unicode and
 * full-width forms. Groups belong together if all gaps between them are alike and the run of groups
 * goes on neither side with such a gap, or if they are the whole run; one dot alone is a decimal
 * point. (A resident identity number is so certain that any groups in sequence make one.)
 *
 * A keyword is near a number if at most its window of characters stands between them, on either
 * side. Keywords and terms are compared as they are, but for the case of ASCII letters.
 *
 * Base64 is no text: a number or a term in ASCII is none where it and what touches it are at least
 * 64 characters of base64 or base64url, a capital letter among those around it, or where "base64,"
 * stands right in front of that run, as in a data URL.
 *
 * What of the text is kept is bounded: DETECT_BACK bytes behind and DETECT_AHEAD bytes in front of
 * a place are all that the answer at that place depends on, so the window that bridges two pieces
 * holds no more than it needs for that, and is wiped at the end.
 */
#pragma once

#include "base/str.h"

/* X(name, text of the class as logs, receipts and clients see it) */
#define DETECT_CLASS_TABLE(X)                                        \
    X(RESIDENT_ID, "cn_resident_id") /* GB 11643 */                  \
    X(MOBILE, "cn_mobile")                                           \
    X(BANK_CARD, "cn_bank_card")                                     \
    X(PASSPORT, "cn_passport")                                       \
    X(HKMO_PERMIT, "cn_hkmo_permit") /* either way over the line */  \
    X(USCC, "cn_uscc")               /* GB 32100: an organisation */ \
    X(PLATE, "cn_plate")

#define DETECT_AS_ENUM(name, text) DETECT_##name,
enum detect_class {
    DETECT_CLASS_TABLE(DETECT_AS_ENUM) DETECT_CLASSES
};
#undef DETECT_AS_ENUM

/* Static. */
struct str detect_class_name(enum detect_class class);
/* By its name. false: there is no such class. */
EP_MUST_CHECK bool detect_class_find(struct str name, enum detect_class *ret_class);

enum detect_strength {
    DETECT_WEAK,
    DETECT_STRONG,
    DETECT_STRENGTHS
};

/* What a hit leads to; every hit is counted whatever the action. */
enum detect_action {
    DETECT_COUNT, /* and no more */
    DETECT_FLAG,  /* the call goes on, its record says what was found */
    DETECT_REFUSE
};

/* ---- the rules: data ---------------------------------------------------------------------- */

#define DETECT_MARKERS_MAX  16  /* names of important data: lists, not words */
#define DETECT_TERMS_MAX    512 /* words of all markers: a bit each in a detector */
#define DETECT_TERM_MAX     64  /* bytes of a word: some twenty characters */
#define DETECT_PREFIX_MAX   8   /* digits of a number's front: a card's BIN */
#define DETECT_PREFIXES_MAX 512
#define DETECT_KEYWORD_MAX  32 /* bytes of a keyword */
#define DETECT_KEYWORDS_MAX 16 /* of a class */
#define DETECT_NEAR_MAX     24 /* characters between a keyword and its number */
#define DETECT_BOUNDS_MAX   16 /* rectangles that make up the mainland */

/*
 * What a row's values are:
 *   PROVINCE  "44" (RESIDENT_ID and USCC share them), or a character (PLATE)
 *   PREFIX    the first digits: MOBILE, BANK_CARD (a row's strength tells whether it may become
 *             strong), USCC (the two that tell who registers)
 *   KEYWORD   text near a number, ASCII letters in any case: MOBILE and BANK_CARD (makes strong),
 *             PASSPORT and HKMO_PERMIT (without one nothing is found)
 *   TERM      words of a marker, ASCII letters in any case, whole words; `min` different ones
 *             must occur before the marker counts
 *   LEVEL     words that count when a star or a term of secrecy follows, as in 机密★10年
 *   BOUND     "WEST SOUTH EAST NORTH" in degrees; `min` points inside make the marker count
 */
enum detect_kind {
    DETECT_PROVINCE,
    DETECT_PREFIX,
    DETECT_KEYWORD,
    DETECT_TERM,
    DETECT_LEVEL,
    DETECT_BOUND
};

struct detect_row {
    enum detect_kind kind;
    enum detect_class class; /* of the first three kinds */
    struct str marker;       /* the name, of the last three */
    const struct str *values;
    size_t count;
    unsigned window; /* KEYWORD: characters between, 1..DETECT_NEAR_MAX; 12 and 20 are usual */
    unsigned min;    /* TERM and BOUND: see there, >= 1; rows of a marker must agree */
    enum detect_strength strength; /* PREFIX of BANK_CARD */
};

struct detect_policy {
    enum detect_action classes[DETECT_CLASSES][DETECT_STRENGTHS];
    enum detect_action markers;
};

/* Strong: refuse; weak: flag; an organisation's number: flag; markers: refuse, for a human review
 * (nothing clears them by itself). */
struct detect_policy detect_policy_default(void);

struct detect_rules; /* immutable, may be shared by threads */

/*
 * Copies what it needs of the rows. ERR_REGISTRY_INVALID with the reason; ERR_NO_MEMORY.
 * Without rows of some kind the class that wants them is never found.
 */
EP_MUST_CHECK enum err detect_rules_compile(const struct detect_row *rows, size_t count,
                                            const struct detect_policy *policy,
                                            struct detect_rules **ret_rules, struct fail *fail);
void detect_rules_destroy(struct detect_rules *rules);
size_t detect_rules_markers(const struct detect_rules *rules);
/* Lives as long as the rules. */
struct str detect_rules_marker(const struct detect_rules *rules, size_t marker);

/* ---- a detector --------------------------------------------------------------------------- */

#define DETECT_BACK            256  /* back to a number's first character, a keyword before it */
#define DETECT_AHEAD           512  /* a number in full-width characters, a keyword behind it */
#define DETECT_WINDOW          4096 /* five times what is kept of it when it slides */
#define DETECT_MOBILE_DISTINCT 3    /* so many different numbers are a list of people */

struct detect_result {
    uint32_t classes[DETECT_CLASSES][DETECT_STRENGTHS]; /* saturating */
    uint32_t markers[DETECT_MARKERS_MAX]; /* 0 where a marker's minimum was not reached */
};

/* Placed anywhere, some 4.5 KB; no heap. */
struct detector {
    const struct detect_rules *rules;
    int32_t today;
    uint32_t len;                             /* bytes in the window */
    uint64_t base;                            /* where in the text the window begins */
    uint64_t scanned;                         /* what begins before this was looked at */
    uint64_t done;                            /* numbers that begin before this were looked at */
    uint64_t mobiles[DETECT_MOBILE_DISTINCT]; /* different ones; 0: free */
    int64_t coordinate; /* the last decimal number that may be one, in millionths of a degree */
    uint64_t coordinate_end; /* where it ended; 0: there is none */
    uint32_t points;
    uint64_t seen[DETECT_TERMS_MAX / 64]; /* terms of markers that want several */
    struct detect_result result;
    char window[DETECT_WINDOW];
};

/* `today` as 20261126: nobody is born later. `rules` must outlive the detector. */
void detect_begin(struct detector *detector, const struct detect_rules *rules, int32_t today);
/* The next piece of one text, which may be any bytes; what is not UTF-8 is a boundary. */
void detect_feed(struct detector *detector, struct str text);
/*
 * The next part of a JSON body, or of any value in it, that json_check() has passed: `budget` bytes
 * or a few more from *offset on, which is moved. Call until *offset == json.len. Values that follow
 * one another are one text: a piece "\n" between them keeps their numbers apart.
 *
 * The body is read as one text, with the escapes in strings undone: so strings are scanned wherever
 * they stand, object keys too (`{"手机": "138..."}` is a number with its keyword), and numbers that
 * are no strings. Within a string, escapes that are escaped themselves (JSON in a tool's result)
 * are undone as well where a boundary or a keyword may hang on them: \n \t \r \b \f and \uXXXX.
 */
void detect_json(struct detector *detector, struct str json, size_t *offset, size_t budget);
/* Ends the text: looks at the rest, fills `ret_result`, wipes what was kept of the text. */
void detect_end(struct detector *detector, struct detect_result *ret_result);

/* ---- judging a result --------------------------------------------------------------------- */

struct detect_verdict {
    enum detect_action action; /* the most severe of all hits */
    /* What asked for it first in the order of the tables, markers first: */
    bool is_marker;
    size_t marker;
    enum detect_class class;
    enum detect_strength strength;
};

/* DETECT_COUNT with nothing found is the same as with hits that are only counted. */
struct detect_verdict detect_judge(const struct detect_rules *rules,
                                   const struct detect_result *result);
