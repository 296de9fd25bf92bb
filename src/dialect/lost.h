/*
 * What a translation cannot carry and leaves out: a set of bits with a name each, said to the
 * client in `x-entrepot-lost` and in docs/dialects.md. Only what an answer or its price does not
 * hang on may be lost; everything else is refused with its field named. What a streamed answer
 * loses is known when its head has left: a header can only name what the request has lost. Pure.
 */
#pragma once

#include "base/buf.h"

#define LOST_TABLE(X)                                                      \
    /* of a request */                                                     \
    X(TEMPERATURE, "temperature") /* clamped, or not taken */              \
    X(TOP_P, "top_p")                                                      \
    X(TOP_K, "top_k")                                                      \
    X(SEED, "seed")                                                        \
    X(PENALTY, "penalty") /* frequency, presence, logit bias */            \
    X(USER, "user")       /* and safety identifiers */                     \
    X(METADATA, "metadata")                                                \
    X(CACHE, "cache") /* cache_control, prompt_cache_key */                \
    X(TIER, "service_tier")                                                \
    X(VERBOSITY, "verbosity")                                              \
    X(PREDICTION, "prediction")                                            \
    X(STRICT, "strict") /* of a tool's or answer's schema */               \
    X(PARALLEL, "parallel_tool_calls")                                     \
    X(NAME, "name")     /* of a message's author */                        \
    X(DETAIL, "detail") /* of an image */                                  \
    X(EFFORT, "effort") /* rounded to what there is */                     \
    X(TRUNCATION, "truncation")                                            \
    X(SAFETY_SETTINGS, "safety_settings")                                  \
    X(STREAM_OPTIONS, "stream_options")                                    \
    X(CONTEXT_MANAGEMENT, "context_management")                            \
    X(TASK, "task_type") /* what a vector is for, and its title */         \
    /* of both */                                                          \
    X(REASONING, "reasoning") /* of earlier turns, or a summary's parts */ \
    X(SIGNATURE, "signature")                                              \
    X(REDACTED, "redacted")                                                \
    X(CITATIONS, "citations")                                              \
    X(PHASE, "phase")                                                      \
    X(NAMESPACE, "namespace")                                              \
    X(HOSTED, "hosted") /* items of tools that the vendor runs */          \
    X(TOOL_IDS, "tool_ids")                                                \
    /* of an answer */                                                     \
    X(CHOICES, "choices")                                                  \
    X(LOGPROBS, "logprobs")                                                \
    X(REFUSAL, "refusal") /* told as text */                               \
    X(FINGERPRINT, "system_fingerprint")                                   \
    X(STOP_TEXT, "stop_text")                                              \
    X(PAUSE, "pause")                                                      \
    X(AUDIO, "audio")                                                      \
    X(IMAGE, "image")                                                      \
    X(CUSTOM_TOOL, "custom_tool")                                          \
    X(TOOL_ARGS, "tool_args") /* a call that was broken off */             \
    X(SAFETY, "safety")       /* ratings, grounding */                     \
    X(RAW, "raw")             /* events of the dialect alone */

#define LOST_AS_ENUM(name, text) LOST_BIT_##name,
enum lost_bit {
    LOST_TABLE(LOST_AS_ENUM) LOST_COUNT
};
#undef LOST_AS_ENUM

struct lost {
    uint64_t bits;
};

#define LOST_TEXT_MAX 512 /* all names with commas */

static inline void lost_add(struct lost *lost, enum lost_bit bit)
{
    lost->bits |= UINT64_C(1) << bit;
}

static inline bool lost_has(const struct lost *lost, enum lost_bit bit)
{
    return (lost->bits >> bit & 1) != 0;
}

const char *lost_name(enum lost_bit bit);
/* "temperature, cache": names in the table's order; nothing if nothing was lost. */
EP_MUST_CHECK enum err lost_write(struct buf *out, const struct lost *lost);
