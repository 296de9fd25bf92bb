/*
 * Tiers: what vendors call the ways in which they serve a call, each at a price of its own. One set
 * of names for what is asked for ("service_tier", Anthropic's "speed", Gemini's "serviceTier"),
 * what a source says it served (likewise, and Gemini's "trafficType"), and what price books name.
 * Pure.
 */
#pragma once

#include "base/str.h"

#define TIER_TABLE(X)       \
    X(STANDARD, "standard") \
    X(FLEX, "flex")         \
    X(PRIORITY, "priority") \
    X(SCALE, "scale")       \
    X(FAST, "fast")         \
    X(BATCH, "batch")

#define TIER_AS_ENUM(name, text) TIER_##name,
enum tier {
    TIER_UNSAID,  /* nothing was said, or "auto": the ordinary one */
    TIER_UNKNOWN, /* something was said that is no tier known here */
    TIER_TABLE(TIER_AS_ENUM) TIER_COUNT
};
#undef TIER_AS_ENUM

/* "unsaid", "unknown", "standard", "flex", ... */
const char *tier_name(enum tier tier);
/* By the name that tier_name() gives, but the first two; TIER_UNKNOWN: none has it. */
enum tier tier_named(struct str name);
/* By any vendor's word for it, in quotes as JSON has it, in any case. Empty and null: unsaid.
 * Anything else, words with escapes too, is unknown. */
enum tier tier_of_json(struct str json);
/* It is served at the line's own price. */
static inline bool tier_is_ordinary(enum tier tier)
{
    return tier == TIER_UNSAID || tier == TIER_STANDARD;
}
