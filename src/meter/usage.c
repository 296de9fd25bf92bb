#include "meter/usage.h"

#define USAGE_AS_NAME(name, text) [USAGE_##name] = text,
static const char *const usage_names[] = { USAGE_TABLE(USAGE_AS_NAME) };
#undef USAGE_AS_NAME

#define USAGE_AS_NAME(name, text) [USAGE_UNIT_##name] = text,
static const char *const usage_unit_names[] = { USAGE_UNIT_TABLE(USAGE_AS_NAME) };
#undef USAGE_AS_NAME

const char *usage_name(enum usage_class class)
{
    ASSERT((unsigned)class < USAGE_COUNT);
    return usage_names[class];
}

const char *usage_unit_name(enum usage_unit unit)
{
    ASSERT((unsigned)unit < USAGE_UNITS);
    return usage_unit_names[unit];
}

const char *usage_detail_name(enum usage_detail detail)
{
    ASSERT((unsigned)detail < USAGE_DETAILS);
    return detail == USAGE_DETAIL_CACHED ? "cached" : "reasoning";
}

bool usage_is_output(enum usage_class class)
{
    return class >= USAGE_OUT;
}

int64_t usage_sum_side(const struct usage *usage, bool output)
{
    int64_t sum = 0;
    for (size_t i = output ? USAGE_OUT : 0; i < (output ? USAGE_COUNT : USAGE_OUT); i++) {
        sum += usage->tokens[i];
    }
    return sum;
}

int64_t usage_sum(const struct usage *usage)
{
    return usage_sum_side(usage, false) + usage_sum_side(usage, true);
}

bool usage_has_units(const struct usage *usage)
{
    int64_t any = 0;
    for (size_t i = 0; i < USAGE_UNITS; i++) {
        any |= usage->units[i];
    }
    return any != 0;
}
