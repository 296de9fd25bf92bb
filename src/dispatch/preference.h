/*
 * What a call, its key or its product prefers among the routes that the law left: which of them are
 * out of the question, and by what the rest is ranked. A preference only ever takes routes away.
 *
 * All zero is the default: any route, the cheapest first. Names in `order`, `only` and `ignore` are
 * those of upstream parties or routes, byte for byte. What the registry does not know of a route
 * does not meet a preference that asks for it: unknown means no.
 *
 * Pure; any thread. Nothing is copied: the arrays live as long as the preference.
 */
#pragma once

#include "base/money.h"
#include "registry/registry.h"

/* By what routes are ranked: name, as it is written in a body, a product or an explanation. */
#define PREFERENCE_SORT_TABLE(X) \
    X(PRICE, "price")            \
    X(LATENCY, "latency")        \
    X(THROUGHPUT, "throughput")  \
    X(WEIGHT, "weight")          \
    X(ENERGY, "energy")

#define PREFERENCE_SORT_AS_ENUM(name, text) PREFERENCE_SORT_##name,
enum preference_sort {
    PREFERENCE_SORT_TABLE(PREFERENCE_SORT_AS_ENUM) PREFERENCE_SORT_COUNT
};
#undef PREFERENCE_SORT_AS_ENUM

/* The preferences that take routes away, in the order in which they are asked, named as the field
 * of the `provider` object. */
#define PREFERENCE_RULE_TABLE(X)              \
    X(NONE, "")                               \
    X(ONLY, "only")                           \
    X(IGNORE, "ignore")                       \
    X(MAX_PROMPT, "max_price.prompt")         \
    X(MAX_COMPLETION, "max_price.completion") \
    X(MAX_REQUEST, "max_price.request")       \
    X(DATA_COLLECTION, "data_collection")     \
    X(ZDR, "zdr")                             \
    X(QUANTIZATIONS, "quantizations")         \
    X(ALLOW_FALLBACKS, "allow_fallbacks")

#define PREFERENCE_RULE_AS_ENUM(name, text) PREFERENCE_RULE_##name,
enum preference_rule {
    PREFERENCE_RULE_TABLE(PREFERENCE_RULE_AS_ENUM) PREFERENCE_RULE_COUNT
};
#undef PREFERENCE_RULE_AS_ENUM

struct preference_names {
    const struct str *names;
    size_t count;
};

struct preference_max {
    bool set; /* false: any price */
    int64_t pico;
};

#define PREFERENCE_NEAR_PERCENT_MAX 1000 /* eleven times the best: beyond it nothing is ranked */

struct preference {
    enum preference_sort sort;
    struct preference_names order; /* these first, in this order; the rest after them */
    struct preference_names only;  /* none: all */
    struct preference_names ignore;
    /*
     * Of the contract price, a token and a call, in the currency of `max_currency` (empty: in
     * whichever the book has; other currencies do not meet it). A route's contract is no client's
     * to find out by trying: a client's own `max_price` is compared with the product's price by
     * the caller, and this is for products and operators.
     */
    struct preference_max max_in;
    struct preference_max max_out;
    struct preference_max max_call;
    struct str max_currency;
    bool no_fallbacks; /* only those of `order`; without one, the first choice alone, tried once */
    bool data_deny;    /* `data_collection: deny`: content is not trained on, read or analysed */
    bool zdr;          /* nothing is stored */
    struct preference_names quantizations; /* none: all; "unknown" is met by what is not recorded */
    /* Routes this much worse than the best count as equal to it, and calls are spread over them by
     * load and affinity. 0: those of price, weight and order exactly equal, of what is measured
     * within CHOICE_NEAR_PERCENT. */
    uint64_t near_percent;
};

/* Static text. */
struct str preference_sort_name(enum preference_sort sort);
EP_MUST_CHECK bool preference_sort_parse(struct str text, enum preference_sort *ret_sort);
struct str preference_rule_name(enum preference_rule rule);

/* The first rule that takes the route away; NONE: it may be used. ALLOW_FALLBACKS only where
 * `order` is given and does not name it. */
enum preference_rule preference_judge(const struct preference *preference,
                                      const struct registry_route *route);
/* Its place in `order`, from 0; order.count: not named. */
size_t preference_rank(const struct preference *preference, const struct registry_route *route);

/* Which preference is it that leaves a call without a route? */
struct preference_blame {
    enum preference_rule rule; /* took the last one; NONE: some are left, or there were none */
    size_t routes;             /* that were open to the call */
    size_t left;
    size_t taken[PREFERENCE_RULE_COUNT]; /* by each rule */
};
/* `closed`: bit i, model->routes[i] is not to be counted. Suspended routes are not either. */
void preference_blame(const struct preference *preference, const struct registry_model *model,
                      uint64_t closed, struct preference_blame *ret_blame);
/* "provider.only and provider.zdr": the rules that took any, for the client's error. Nothing where
 * none did. */
EP_MUST_CHECK enum err preference_blame_print(const struct preference_blame *blame,
                                              struct buf *out);
