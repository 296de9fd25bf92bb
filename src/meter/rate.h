/*
 * Rating: tokens times price is money, exactly. Pure.
 *
 * A price is pico units (10^-12) of the price book's currency a token. The exact product is kept;
 * rounding to nano happens once, up for a hold and down for a settlement. A class without a
 * price that has tokens cannot be rated: unknown means no.
 */
#pragma once

#include "base/money.h"
#include "meter/usage.h"

struct rate {
    int64_t pico[USAGE_COUNT]; /* a token */
    bool known[USAGE_COUNT];
    int64_t pico_call; /* a call, beside its tokens */
};

/* ERR_PRICE_MISSING: a class with tokens has no price. ERR_MONEY_RANGE. No class below zero. */
EP_MUST_CHECK enum err rate_usage(const struct rate *rate, const struct usage *usage,
                                  money_wide *ret_pico);
/* At most so many tokens; none below 0. */
struct rate_bounds {
    int64_t input; /* text */
    int64_t image;
    int64_t audio;
    int64_t output;
};

/*
 * The most that a call can cost: its text at the dearest input price that text can meet, images and
 * sounds at the dearer of their own prices and that of text (which they are sold at if they have
 * none), its output at the dearest of text and reasoning; rounded up.
 */
EP_MUST_CHECK enum err rate_ceiling(const struct rate *rate, const struct rate_bounds *bounds,
                                    int64_t *ret_nano);
