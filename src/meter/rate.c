#include "meter/rate.h"

/* Classes that follow each other in the table. */
struct rate_span {
    enum usage_class first;
    enum usage_class last;
};

static const struct rate_span rate_writes = { USAGE_W5M, USAGE_WX };

/* What of these has a price of its own, the dearest. */
static int64_t rate_dearest(const struct rate *rate, struct rate_span span)
{
    int64_t dearest = 0;
    for (unsigned i = span.first; i <= (unsigned)span.last; i++) {
        dearest = rate->known[i] && rate->pico[i] > dearest ? rate->pico[i] : dearest;
    }
    return dearest;
}

static int64_t rate_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A class and what it is a part of; those stand before it in the list. */
struct rate_part {
    enum usage_class class;
    enum usage_class of;
};

static const struct rate_part rate_parts[] = {
    { USAGE_CACHED, USAGE_IN },
    { USAGE_IN_AUDIO, USAGE_IN },
    { USAGE_IN_IMAGE, USAGE_IN },
    { USAGE_IN_TOOL, USAGE_IN },
    { USAGE_CACHED_AUDIO, USAGE_IN_AUDIO },
    { USAGE_CACHED_IMAGE, USAGE_IN_IMAGE },
    { USAGE_REASON, USAGE_OUT },
    { USAGE_OUT_AUDIO, USAGE_OUT },
    { USAGE_OUT_IMAGE, USAGE_OUT },
};

void rate_complete(struct rate *rate)
{
    int64_t write = rate_max(rate_dearest(rate, rate_writes), rate->pico[USAGE_IN]);
    for (unsigned i = USAGE_W5M; i <= USAGE_WX; i++) {
        rate->pico[i] = rate->known[i] ? rate->pico[i] : write;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(rate_parts); i++) {
        const struct rate_part *part = &rate_parts[i];
        rate->pico[part->class] =
            rate->known[part->class] ? rate->pico[part->class] : rate->pico[part->of];
    }
}

/* Each side that has tokens has a price. */
static bool rate_covers(const struct rate *rate, const struct usage *usage)
{
    return (rate->known[USAGE_IN] || usage_sum_side(usage, false) == 0) &&
           (rate->known[USAGE_OUT] || usage_sum_side(usage, true) == 0);
}

enum err rate_usage(const struct rate *rate, const struct usage *usage, money_wide *ret_pico)
{
    /* 24 products below 2^34 x 2^63 and one price: far inside 2^127. */
    money_wide pico = rate->pico_call;
    if (!rate->known[USAGE_IN] || !rate->known[USAGE_OUT]) {
        TRY(rate_covers(rate, usage) ? ERR_OK : ERR_PRICE_MISSING);
    }
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        pico += money_rate(usage->tokens[i], rate->pico[i]);
    }
    for (size_t i = 0; i < USAGE_UNITS; i++) {
        pico += money_rate(usage->units[i], rate->pico_unit[i]);
    }
    *ret_pico = pico;
    return ERR_OK;
}

money_wide rate_saved(const struct rate *rate, const struct usage *usage)
{
    static const struct rate_part cached[] = {
        { USAGE_CACHED, USAGE_IN },
        { USAGE_CACHED_AUDIO, USAGE_IN_AUDIO },
        { USAGE_CACHED_IMAGE, USAGE_IN_IMAGE },
    };
    money_wide pico = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(cached); i++) {
        int64_t off = rate->pico[cached[i].of] - rate->pico[cached[i].class];
        pico += off > 0 ? money_rate(usage->tokens[cached[i].class], off) : 0;
    }
    return pico;
}

/* The dearest of `text` and of the prices of a modality, cached or not. */
static int64_t rate_modality(const struct rate *rate, int64_t text, enum usage_class plain,
                             enum usage_class cached)
{
    return rate_max(text, rate_max(rate->pico[plain], rate->pico[cached]));
}

enum err rate_ceiling(const struct rate *rate, const struct rate_bounds *bounds, int64_t *ret_nano)
{
    static const struct rate_span texts = { USAGE_IN, USAGE_WX };
    static const struct rate_span outputs = { USAGE_OUT, USAGE_OUT_IMAGE };
    if (bounds->units == NULL && (!rate->known[USAGE_IN] || !rate->known[USAGE_OUT])) {
        return ERR_PRICE_MISSING;
    }
    int64_t text = rate_max(rate_dearest(rate, texts), rate->pico[USAGE_IN_TOOL]);
    int64_t image = rate_modality(rate, text, USAGE_IN_IMAGE, USAGE_CACHED_IMAGE);
    int64_t audio = rate_modality(rate, text, USAGE_IN_AUDIO, USAGE_CACHED_AUDIO);
    int64_t input = bounds->mixed ? rate_max(image, audio) : text;
    money_wide pico = money_rate(bounds->input, input) + money_rate(bounds->image, image) +
                      money_rate(bounds->audio, audio) +
                      money_rate(bounds->output, rate_dearest(rate, outputs)) + rate->pico_call;
    for (size_t i = 0; bounds->tools && i < USAGE_TOOL_UNITS; i++) {
        pico += money_rate(RATE_UNITS_MOST, rate->pico_unit[i]);
    }
    for (size_t i = 0; bounds->units != NULL && i < USAGE_UNITS; i++) {
        pico += money_rate(bounds->units[i], rate->pico_unit[i]);
    }
    return money_nano_ceil(pico, ret_nano) ? ERR_OK : ERR_MONEY_RANGE;
}
