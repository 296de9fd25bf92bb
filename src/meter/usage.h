/*
 * Usage: the tokens of a call in disjoint classes whose sum is all of them, read from what an
 * upstream reports. Pure.
 *
 * Rules of the OpenAI chat surface (also DeepSeek, Moonshot, Zhipu, MiniMax, Qwen behind it):
 * cached, cache-write, audio and image tokens are subsets of prompt_tokens; reasoning and audio are
 * subsets of completion_tokens; total = prompt + completion. A sum that does not come out, or a
 * class below zero, is quarantined: it is never guessed at.
 */
#pragma once

#include "base/str.h"

#define USAGE_TABLE(X)              \
    X(IN, "in")                     \
    X(CACHED, "cached")             \
    X(W5M, "w5m")                   \
    X(W1H, "w1h")                   \
    X(W30M, "w30m")                 \
    X(W12H, "w12h")                 \
    X(WX, "wx")                     \
    X(IN_AUDIO, "in_audio")         \
    X(IN_IMAGE, "in_image")         \
    X(IN_TOOL, "in_tool")           \
    X(CACHED_AUDIO, "cached_audio") \
    X(CACHED_IMAGE, "cached_image") \
    X(OUT, "out")                   \
    X(REASON, "reason")             \
    X(OUT_AUDIO, "out_audio")       \
    X(OUT_IMAGE, "out_image")

#define USAGE_AS_ENUM(name, text) USAGE_##name,
enum usage_class {
    USAGE_TABLE(USAGE_AS_ENUM) USAGE_COUNT
};
#undef USAGE_AS_ENUM

#define USAGE_TOKENS_MAX INT64_C(1000000000) /* a report beyond 10^9 tokens a call is nonsense */

struct usage {
    int64_t tokens[USAGE_COUNT];
    bool quarantined;   /* the report contradicts itself */
    bool split_assumed; /* which class was cached was not told */
};

/* The short name in receipts and tables: "in", "cached", ... */
const char *usage_name(enum usage_class class);
bool usage_is_output(enum usage_class class);
int64_t usage_sum(const struct usage *usage);
/* From a checked JSON object. False: no usage stands in it (null, or no prompt_tokens). */
EP_MUST_CHECK bool usage_read_openai_chat(struct str json, struct usage *ret_usage);
