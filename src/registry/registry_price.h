/*
 * What is priced: tokens by class, and what is no token by the piece. Prices are exact: pico units
 * (10^-12) of the book's currency.
 */
#pragma once

#include "base/tier.h"
#include "registry/registry_data.h"

/* Classes of tokens: the same, in the same order, as usage is counted in. */
#define REGISTRY_CLASS_TABLE(X)     \
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

#define REGISTRY_CLASS_AS_ENUM(name, text) REGISTRY_CLASS_##name,
enum registry_class {
    REGISTRY_CLASS_TABLE(REGISTRY_CLASS_AS_ENUM) REGISTRY_CLASS_COUNT
};
#undef REGISTRY_CLASS_AS_ENUM

#define REGISTRY_PRICE_CLASSES 16
_Static_assert(REGISTRY_CLASS_COUNT == REGISTRY_PRICE_CLASSES, "the classes and their number");

/* What is used beside tokens: the same, in the same order, as usage is counted in. */
#define REGISTRY_UNIT_TABLE(X)    \
    X(WEB_SEARCH, "web_search")   \
    X(WEB_FETCH, "web_fetch")     \
    X(SOURCE, "source")           \
    X(IMAGE, "image")             \
    X(SEARCH_UNIT, "search_unit") \
    X(CHAR, "char")               \
    X(SECOND_IN, "second_in")     \
    X(SECOND_OUT, "second_out")

#define REGISTRY_UNIT_AS_ENUM(name, text) REGISTRY_UNIT_##name,
enum registry_unit_priced {
    REGISTRY_UNIT_TABLE(REGISTRY_UNIT_AS_ENUM) REGISTRY_UNITS
};
#undef REGISTRY_UNIT_AS_ENUM

/* A picture of one kind: "1024x1024/high", "1024x1024" or "high". */
struct registry_image {
    struct str kind;
    int64_t pico;
};

#define REGISTRY_IMAGES_MAX 64 /* kinds of a model */

struct registry_price {
    int64_t pico[REGISTRY_PRICE_CLASSES]; /* a token; 0 where unknown */
    bool known[REGISTRY_PRICE_CLASSES];
    int64_t pico_call;                 /* a call, beside its tokens */
    int64_t pico_unit[REGISTRY_UNITS]; /* one of what is no token; 0 where unknown */
    bool known_unit[REGISTRY_UNITS];
    const struct registry_image *images; /* by kind; what is none of them costs pico_unit's */
    size_t image_count;
    const struct registry_tier *tiers; /* other than the ordinary one, which the rest is of */
    size_t tier_count;
};

/* What one tier costs: prices of its own, or a share of the line's, each rounded down to a whole
 * pico, and one pico at the least of what has a price. It has no tiers. */
struct registry_tier {
    enum tier tier;
    struct registry_price price;
};

#define REGISTRY_TIER_PERCENT_MAX 1000
