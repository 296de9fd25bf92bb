/*
 * Rating: tokens times price is money, exactly. Pure.
 *
 * A price is pico units (10^-12) of the price book's currency a token. The exact product is kept;
 * rounding to nano happens once, up for a hold and down for a settlement.
 *
 * A class that has no price of its own is sold at the price of what it is a part of:
 *
 *   cached, in_audio, in_image, in_tool   in
 *   cached_audio, cached_image            in_audio, in_image
 *   w5m, w1h, w30m, w12h, wx              the dearest price of a cache write, or in if that is more
 *   reason, out_audio, out_image          out
 *
 * A write whose life time is not told thus never costs less than one that is. What is no token and
 * has no price costs nothing: it is shown, and not charged. Tokens of a side that has no price
 * cannot be rated.
 */
#pragma once

#include "base/money.h"
#include "meter/usage.h"

struct rate {
    int64_t pico[USAGE_COUNT]; /* a token */
    bool known[USAGE_COUNT];   /* it has a price of its own */
    int64_t pico_call;         /* a call, beside its tokens */
    int64_t pico_unit[USAGE_UNITS];
};

/* Fills in the prices of classes that have none of their own; `known` stays. */
void rate_complete(struct rate *rate);
/* Of a rate that is complete. ERR_PRICE_MISSING: there are tokens in or out, and in or out has no
 * price. No class below zero. */
EP_MUST_CHECK enum err rate_usage(const struct rate *rate, const struct usage *usage,
                                  money_wide *ret_pico);
/* What the usage would have cost more, had none of it been read from the upstream's cache. */
money_wide rate_saved(const struct rate *rate, const struct usage *usage);

#define RATE_UNITS_MOST 20 /* pieces of each unit that a hold covers: what live search reads most */

/* At most so many tokens; none below 0. */
struct rate_bounds {
    int64_t input; /* text */
    int64_t image;
    int64_t audio;
    int64_t output;
    bool mixed;           /* `input` may be pictures and sounds too: nobody has told them apart */
    bool tools;           /* the upstream's own tools may be used */
    const int64_t *units; /* what else of USAGE_UNITS, by the request; NULL: nothing */
};

/*
 * The most that a call within its bounds can cost, whatever classes its tokens fall into: its text
 * at the dearest price that text can meet, images and sounds at the dearer of their own prices and
 * that of text, its output at the dearest of the output; rounded up. Of what the upstream's own
 * tools use it covers RATE_UNITS_MOST each.
 *
 * ERR_PRICE_MISSING: in or out has no price, and no units are told; where they are, tokens without
 * a price are not what is sold, and cost nothing.
 */
EP_MUST_CHECK enum err rate_ceiling(const struct rate *rate, const struct rate_bounds *bounds,
                                    int64_t *ret_nano);
