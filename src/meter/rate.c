#include "meter/rate.h"

enum err rate_usage(const struct rate *rate, const struct usage *usage, money_wide *ret_pico)
{
    /* 16 products below 2^30 x 2^63 and one price: far inside 2^127. */
    money_wide pico = rate->pico_call;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        if (usage->tokens[i] == 0) {
            continue;
        }
        if (!rate->known[i]) {
            return ERR_PRICE_MISSING;
        }
        pico += money_rate(usage->tokens[i], rate->pico[i]);
    }
    *ret_pico = pico;
    return ERR_OK;
}

static int64_t rate_dearest(const struct rate *rate, const enum usage_class *classes, size_t count)
{
    int64_t dearest = 0;
    for (size_t i = 0; i < count; i++) {
        if (rate->known[classes[i]] && rate->pico[classes[i]] > dearest) {
            dearest = rate->pico[classes[i]];
        }
    }
    return dearest;
}

enum err rate_ceiling(const struct rate *rate, const struct rate_bounds *bounds, int64_t *ret_nano)
{
    static const enum usage_class inputs[] = { USAGE_IN,   USAGE_CACHED, USAGE_W5M, USAGE_W1H,
                                               USAGE_W30M, USAGE_W12H,   USAGE_WX };
    static const enum usage_class images[] = { USAGE_IN, USAGE_IN_IMAGE, USAGE_CACHED_IMAGE };
    static const enum usage_class audios[] = { USAGE_IN, USAGE_IN_AUDIO, USAGE_CACHED_AUDIO };
    static const enum usage_class outputs[] = { USAGE_OUT, USAGE_REASON };
    if (!rate->known[USAGE_IN] || !rate->known[USAGE_OUT]) {
        return ERR_PRICE_MISSING;
    }
    money_wide pico =
        money_rate(bounds->input, rate_dearest(rate, inputs, EP_ARRAY_LEN(inputs))) +
        money_rate(bounds->image, rate_dearest(rate, images, EP_ARRAY_LEN(images))) +
        money_rate(bounds->audio, rate_dearest(rate, audios, EP_ARRAY_LEN(audios))) +
        money_rate(bounds->output, rate_dearest(rate, outputs, EP_ARRAY_LEN(outputs))) +
        rate->pico_call;
    return money_nano_ceil(pico, ret_nano) ? ERR_OK : ERR_MONEY_RANGE;
}
