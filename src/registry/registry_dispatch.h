/* What a product says of the choice among the routes that the law leaves to a call. */
#pragma once

#include <stdint.h>

#include "registry/registry_party.h"

/* By what routes are ranked. */
enum registry_sort {
    REGISTRY_SORT_PRICE,
    REGISTRY_SORT_LATENCY,
    REGISTRY_SORT_THROUGHPUT,
    REGISTRY_SORT_WEIGHT,
    REGISTRY_SORT_ENERGY
};

/* A second attempt beside one that is late. */
struct registry_hedge {
    uint64_t after_percentile; /* of the time to the first byte of an answer; 0: never */
    uint64_t at_least_ms;      /* and not sooner, however quick the source is */
};

/* Whether and how batches are sold. */
struct registry_batch {
    uint64_t price_percent; /* of the price book's prices, rounded down to a whole pico; 0: none */
    uint64_t keep_hours;    /* files and results are kept for so long, at most */
};

/* All zero is the default: any route, the cheapest first. Names are those of upstream parties or
 * routes. */
struct registry_dispatch {
    enum registry_sort sort;     /* where the call says nothing else */
    struct registry_texts order; /* likewise: these first, in this order */
    struct registry_texts only;  /* none: all. No call can widen these two */
    struct registry_texts ignore;
    uint64_t near_percent; /* that much worse than the best is as good; 0: the room's own measure */
    struct registry_hedge hedge;
};
