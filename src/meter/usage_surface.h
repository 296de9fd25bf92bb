/*
 * The surfaces by which usage is reported: each is one vendor's API, with the names of its counts
 * and the rule that makes disjoint classes of them. Which one a route has is said in the registry,
 * and never guessed from a vendor's name: a vendor's own surfaces differ among themselves.
 */
#pragma once

#include "base/str.h"

/*
 *   openai.chat        subsets of prompt and completion; also what relatives of that form add to it
 *                      (DeepSeek's hit and miss, Moonshot's cached_tokens, Qwen's cache creation)
 *   openai.responses   subsets of input and output; cache writes by life time
 *   openai.realtime    subsets; the split of what was cached is told
 *   anthropic          cached and written are additions to the input; no total is reported
 *   gemini, .live      thoughts and tools' results are additions; lists by modality
 *   xai.chat           reasoning is an addition or a subset: the total decides
 *   xai.responses      as openai.responses, without cache writes
 *   deepseek           hit and miss must add up to the prompt
 *   moonshot           cached_tokens at the top, else in the details
 *   zhipu, minimax     as openai.chat, without cache writes
 *   minimax.anthropic  as anthropic
 *   qwen               cache_creation_input_tokens inside the prompt, for 5 minutes
 *   openai.images      subsets of input and output: text and pictures
 */
#define USAGE_SURFACE_TABLE(X)                \
    X(OPENAI_CHAT, "openai.chat")             \
    X(OPENAI_RESPONSES, "openai.responses")   \
    X(OPENAI_REALTIME, "openai.realtime")     \
    X(ANTHROPIC, "anthropic")                 \
    X(GEMINI, "gemini")                       \
    X(GEMINI_LIVE, "gemini.live")             \
    X(XAI_CHAT, "xai.chat")                   \
    X(XAI_RESPONSES, "xai.responses")         \
    X(DEEPSEEK, "deepseek")                   \
    X(MOONSHOT, "moonshot")                   \
    X(ZHIPU, "zhipu")                         \
    X(MINIMAX, "minimax")                     \
    X(MINIMAX_ANTHROPIC, "minimax.anthropic") \
    X(QWEN, "qwen")                           \
    X(OPENAI_IMAGES, "openai.images")

#define USAGE_SURFACE_AS_ENUM(name, text) USAGE_SURFACE_##name,
enum usage_surface {
    USAGE_SURFACE_TABLE(USAGE_SURFACE_AS_ENUM) USAGE_SURFACES
};
#undef USAGE_SURFACE_AS_ENUM

/* "openai.chat", ... */
const char *usage_surface_name(enum usage_surface surface);
