#include "policy/origin.h"

/* ---- the rule ---------------------------------------------------------------------------- */

static bool country_eq(struct geo_country a, struct geo_country b)
{
    return a.code[0] == b.code[0] && a.code[1] == b.code[1];
}

static bool country_known(struct geo_country country)
{
    return country.code[0] != '\0';
}

static bool country_is_cn(struct geo_country country)
{
    return country_eq(country, (struct geo_country){ { 'C', 'N' } });
}

static void origin_list(struct origin *origin, struct geo_country country)
{
    for (size_t i = 0; i < origin->count; i++) {
        if (country_eq(origin->country[i], country)) {
            return;
        }
    }
    origin->country[origin->count++] = country;
}

static enum origin_state origin_of_databases(const struct origin *origin)
{
    size_t cn = 0;
    for (size_t i = 0; i < origin->count; i++) {
        cn += country_is_cn(origin->country[i]) ? 1 : 0;
    }
    if (origin->count == 0) {
        return ORIGIN_UNKNOWN;
    }
    if (cn == 0) {
        return ORIGIN_OVERSEAS;
    }
    return cn == origin->count ? ORIGIN_CN : ORIGIN_UNSURE;
}

static void origin_register(struct origin *origin, const struct origin_range *range)
{
    ASSERT(country_known(range->country));
    origin->country[0] = range->country;
    origin->count = 1;
    origin->state = country_is_cn(range->country) ? ORIGIN_CN : ORIGIN_OVERSEAS;
    origin->registered = true;
    origin->range = range;
}

void origin_judge(const struct geo_country *said, size_t count, const struct origin_range *range,
                  struct origin *ret_origin)
{
    ASSERT(count <= GEO_MAX);
    struct origin origin = { .said_count = count };
    for (size_t i = 0; i < count; i++) {
        origin.said[i] = said[i];
        if (country_known(said[i])) {
            origin_list(&origin, said[i]);
        }
    }
    origin.state = origin_of_databases(&origin);
    if (range != NULL && origin.state != ORIGIN_CN) {
        origin_register(&origin, range);
    }
    if (origin.count == 1) {
        origin.agreed = origin.country[0];
    }
    *ret_origin = origin;
}

struct str origin_state_name(enum origin_state state)
{
    static const struct str names[] = {
        [ORIGIN_UNKNOWN] = STR_INIT("unknown"),
        [ORIGIN_OVERSEAS] = STR_INIT("overseas"),
        [ORIGIN_CN] = STR_INIT("cn"),
        [ORIGIN_UNSURE] = STR_INIT("unsure"),
    };
    ASSERT((size_t)state < EP_ARRAY_LEN(names));
    return names[state];
}
