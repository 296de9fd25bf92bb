/*
 * Usage: the tokens of a call in disjoint classes whose sum is all of them, and beside them what
 * is used and is no token. Pure.
 *
 *   in                     plain text of the input, and what is not told apart from it
 *   cached*                read from the upstream's prompt cache
 *   w5m w1h w30m w12h wx   written to it for so long; wx: the life time was not told
 *   in_audio in_image      sounds; pictures and film
 *   in_tool                what tools of the upstream's own gave back to the model
 *   out reason out_*       visible text and tool arguments; reasoning; sounds and pictures
 */
#pragma once

#include "base/str.h"
#include "base/tier.h"

#define USAGE_TABLE(X)              \
    X(IN, "in")                     \
    X(CACHED, "cached")             \
    X(W5M, "w5m")                   \
    X(W1H, "w1h")                   \
    X(W30M, "w30m")                 \
    X(W12H, "w12h")                 \
    X(WX, "wx")                     \
    X(IN_AUDIO, "in_audio")         \
    X(IN_IMAGE, "in_image")         \
    X(IN_TOOL, "in_tool")           \
    X(CACHED_AUDIO, "cached_audio") \
    X(CACHED_IMAGE, "cached_image") \
    X(OUT, "out")                   \
    X(REASON, "reason")             \
    X(OUT_AUDIO, "out_audio")       \
    X(OUT_IMAGE, "out_image")

#define USAGE_AS_ENUM(name, text) USAGE_##name,
enum usage_class {
    USAGE_TABLE(USAGE_AS_ENUM) USAGE_COUNT
};
#undef USAGE_AS_ENUM

/* What is used beside tokens: searches and pages fetched by the upstream's own tools, and the live
 * sources that it read; images made, search units (a query with up to 100 documents), characters
 * (code points) spoken, seconds of sound heard and made. */
#define USAGE_UNIT_TABLE(X)       \
    X(WEB_SEARCH, "web_search")   \
    X(WEB_FETCH, "web_fetch")     \
    X(SOURCE, "source")           \
    X(IMAGE, "image")             \
    X(SEARCH_UNIT, "search_unit") \
    X(CHAR, "char")               \
    X(SECOND_IN, "second_in")     \
    X(SECOND_OUT, "second_out")

#define USAGE_UNIT_AS_ENUM(name, text) USAGE_UNIT_##name,
enum usage_unit {
    USAGE_UNIT_TABLE(USAGE_UNIT_AS_ENUM) USAGE_UNITS
};
#undef USAGE_UNIT_AS_ENUM

#define USAGE_TOOL_UNITS 3 /* the first of them: what an upstream's own tools use */

/* What a report told beside its sums, be it 0. */
enum usage_detail {
    USAGE_DETAIL_CACHED,
    USAGE_DETAIL_REASON,
    USAGE_DETAILS
};

#define USAGE_TOKENS_MAX INT64_C(1000000000) /* a report beyond 10^9 tokens a call is nonsense */

struct usage {
    int64_t tokens[USAGE_COUNT];
    int64_t units[USAGE_UNITS];
    bool told[USAGE_DETAILS];
    enum tier tier;       /* that the report says it was served in */
    bool quarantined;     /* the report contradicts itself: its figures are no basis for money */
    bool split_assumed;   /* which class was cached was not told */
    bool reasoning_added; /* reasoning was reported beside the completion, not inside it */
};

/* The short name in receipts and tables: "in", "cached", ... */
const char *usage_name(enum usage_class class);
/* "web_search", ... */
const char *usage_unit_name(enum usage_unit unit);
/* "cached", "reasoning" */
const char *usage_detail_name(enum usage_detail detail);
bool usage_is_output(enum usage_class class);
/* Of all classes; of those of the input, or of the output. */
int64_t usage_sum(const struct usage *usage);
int64_t usage_sum_side(const struct usage *usage, bool output);
/* Of what is no token: something was used. */
bool usage_has_units(const struct usage *usage);
