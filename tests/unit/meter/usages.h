/* Usages told to tests: their classes written out, and random ones. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "harness.h"
#include "meter/usage.h"

#define USAGES_TEXT 1024

/* "in=1 out=2 web_search=3 quarantined" */
static inline struct str usages_say(const struct usage *usage, char room[USAGES_TEXT])
{
    struct buf out = { room, 0, USAGES_TEXT, USAGES_TEXT };
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        if (usage->tokens[i] != 0) {
            CHECK(buf_printf(&out, "%s=%lld ", usage_name((enum usage_class)i),
                             (long long)usage->tokens[i]) == ERR_OK);
        }
    }
    for (unsigned i = 0; i < USAGE_UNITS; i++) {
        if (usage->units[i] != 0) {
            CHECK(buf_printf(&out, "%s=%lld ", usage_unit_name((enum usage_unit)i),
                             (long long)usage->units[i]) == ERR_OK);
        }
    }
    CHECK(buf_printf(&out, "%s%s%s", usage->quarantined ? "quarantined " : "",
                     usage->split_assumed ? "split_assumed " : "",
                     usage->reasoning_added ? "reasoning_added " : "") == ERR_OK);
    return str_trim(buf_str(&out));
}

static inline uint64_t usages_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Of a third of the classes, small or large. */
static inline struct usage usages_draw(uint64_t *seed)
{
    struct usage usage = { .quarantined = false };
    for (unsigned i = 0; i < USAGE_COUNT; i++) {
        uint64_t kind = usages_random(seed) % 9;
        usage.tokens[i] = kind > 2 ? 0 : (int64_t)(usages_random(seed) % (kind == 0 ? 5 : 5000000));
    }
    for (unsigned i = 0; i < USAGE_UNITS; i++) {
        usage.units[i] = usages_random(seed) % 4 == 0 ? (int64_t)(usages_random(seed) % 20) : 0;
    }
    return usage;
}
