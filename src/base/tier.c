#include "base/tier.h"

#define TIER_AS_NAME(name, text) [TIER_##name] = text,
static const char *const tier_names
    [] = { [TIER_UNSAID] = "unsaid", [TIER_UNKNOWN] = "unknown", TIER_TABLE(TIER_AS_NAME) };
#undef TIER_AS_NAME

/* What vendors say, beside the names above. */
struct tier_word {
    struct str word;
    enum tier tier;
};

static const struct tier_word tier_words[] = {
    { STR_INIT("default"), TIER_STANDARD },
    { STR_INIT("auto"), TIER_UNSAID },
    { STR_INIT("standard_only"), TIER_STANDARD },
    { STR_INIT("on_demand"), TIER_STANDARD },
    { STR_INIT("on_demand_flex"), TIER_FLEX },
    { STR_INIT("on_demand_priority"), TIER_PRIORITY },
    { STR_INIT("provisioned_throughput"), TIER_SCALE },
    { STR_INIT("unspecified"), TIER_UNSAID },
    { STR_INIT("service_tier_unspecified"), TIER_UNSAID },
    { STR_INIT("traffic_type_unspecified"), TIER_UNSAID },
};

const char *tier_name(enum tier tier)
{
    ASSERT((unsigned)tier < TIER_COUNT);
    return tier_names[tier];
}

enum tier tier_named(struct str name)
{
    for (unsigned i = TIER_STANDARD; i < TIER_COUNT; i++) {
        if (str_eq(name, str_from(tier_names[i]))) {
            return (enum tier)i;
        }
    }
    return TIER_UNKNOWN;
}

enum tier tier_of_json(struct str json)
{
    if (json.len == 0 || str_eq(json, STR("null"))) {
        return TIER_UNSAID;
    }
    if (json.len < 2 || json.ptr[0] != '"' || json.ptr[json.len - 1] != '"') {
        return TIER_UNKNOWN;
    }
    struct str word = str_slice(json, 1, json.len - 1);
    for (size_t i = 0; i < EP_ARRAY_LEN(tier_words); i++) {
        if (str_eq_nocase(word, tier_words[i].word)) {
            return tier_words[i].tier;
        }
    }
    for (unsigned i = TIER_STANDARD; i < TIER_COUNT; i++) {
        if (str_eq_nocase(word, str_from(tier_names[i]))) {
            return (enum tier)i;
        }
    }
    return TIER_UNKNOWN;
}
