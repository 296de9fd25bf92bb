#include "meter/usage_surface.h"

#include "meter/usage_surface_internal.h"

#define COUNT(object, key_, field)                                                   \
    {                                                                                \
        USAGE_OBJECT_##object, STR_INIT(key_), USAGE_PATH_COUNT, USAGE_FIELD_##field \
    }
#define OBJECT(object, key_, inner)                                                    \
    {                                                                                  \
        USAGE_OBJECT_##object, STR_INIT(key_), USAGE_PATH_OBJECT, USAGE_OBJECT_##inner \
    }
#define LIST(key_, field)                                                         \
    {                                                                             \
        USAGE_OBJECT_REPORT, STR_INIT(key_), USAGE_PATH_LIST, USAGE_FIELD_##field \
    }

/* What all of OpenAI's form have: the commonest first. */
#define CHAT_PATHS                                                                            \
    COUNT(REPORT, "prompt_tokens", INPUT), COUNT(REPORT, "completion_tokens", OUTPUT),        \
        COUNT(REPORT, "total_tokens", TOTAL), OBJECT(REPORT, "prompt_tokens_details", INPUT), \
        OBJECT(REPORT, "completion_tokens_details", OUTPUT),                                  \
        COUNT(INPUT, "cached_tokens", CACHED), COUNT(INPUT, "audio_tokens", IN_AUDIO),        \
        COUNT(INPUT, "image_tokens", IN_IMAGE), COUNT(OUTPUT, "reasoning_tokens", REASON),    \
        COUNT(OUTPUT, "audio_tokens", OUT_AUDIO), COUNT(OUTPUT, "image_tokens", OUT_IMAGE)
#define RESPONSES_PATHS                                                                         \
    COUNT(REPORT, "input_tokens", INPUT), COUNT(REPORT, "output_tokens", OUTPUT),               \
        COUNT(REPORT, "total_tokens", TOTAL), OBJECT(REPORT, "input_tokens_details", INPUT),    \
        OBJECT(REPORT, "output_tokens_details", OUTPUT), COUNT(INPUT, "cached_tokens", CACHED), \
        COUNT(OUTPUT, "reasoning_tokens", REASON)
#define GEMINI_PATHS                                                                             \
    COUNT(REPORT, "promptTokenCount", INPUT), COUNT(REPORT, "totalTokenCount", TOTAL),           \
        COUNT(REPORT, "cachedContentTokenCount", CACHED),                                        \
        COUNT(REPORT, "thoughtsTokenCount", REASON),                                             \
        COUNT(REPORT, "toolUsePromptTokenCount", IN_TOOL), LIST("promptTokensDetails", IN_TEXT), \
        LIST("cacheTokensDetails", CACHED_TEXT)

static const struct usage_path openai_chat_paths[] = {
    CHAT_PATHS,
    COUNT(INPUT, "cache_write_tokens", WRITE),
    COUNT(INPUT, "cache_creation_input_tokens", W5M),
    COUNT(REPORT, "cached_tokens", CACHED_TOP),
    COUNT(REPORT, "prompt_cache_hit_tokens", HIT),
    COUNT(REPORT, "prompt_cache_miss_tokens", MISS),
};
static const struct usage_path openai_responses_paths[] = {
    RESPONSES_PATHS,
    COUNT(INPUT, "cache_write_tokens", WRITE),
    OBJECT(INPUT, "cache_write_tokens_details", WRITE),
    COUNT(WRITE, "ttl_30m_tokens", W30M),
    COUNT(WRITE, "ttl_12h_tokens", W12H),
};
static const struct usage_path openai_realtime_paths[] = {
    COUNT(REPORT, "input_tokens", INPUT),           COUNT(REPORT, "output_tokens", OUTPUT),
    COUNT(REPORT, "total_tokens", TOTAL),           OBJECT(REPORT, "input_token_details", INPUT),
    OBJECT(REPORT, "output_token_details", OUTPUT), COUNT(INPUT, "audio_tokens", IN_AUDIO),
    COUNT(INPUT, "image_tokens", IN_IMAGE),         COUNT(INPUT, "cached_tokens", CACHED),
    OBJECT(INPUT, "cached_tokens_details", CACHED), COUNT(CACHED, "text_tokens", CACHED_TEXT),
    COUNT(CACHED, "audio_tokens", CACHED_AUDIO),    COUNT(CACHED, "image_tokens", CACHED_IMAGE),
    COUNT(OUTPUT, "audio_tokens", OUT_AUDIO),
};
static const struct usage_path anthropic_paths[] = {
    COUNT(REPORT, "input_tokens", INPUT),
    COUNT(REPORT, "output_tokens", OUTPUT),
    COUNT(REPORT, "cache_read_input_tokens", CACHED),
    COUNT(REPORT, "cache_creation_input_tokens", WRITE),
    OBJECT(REPORT, "cache_creation", WRITE),
    COUNT(WRITE, "ephemeral_5m_input_tokens", W5M),
    COUNT(WRITE, "ephemeral_1h_input_tokens", W1H),
    OBJECT(REPORT, "output_tokens_details", OUTPUT),
    COUNT(OUTPUT, "thinking_tokens", REASON),
    OBJECT(REPORT, "server_tool_use", TOOLS),
    COUNT(TOOLS, "web_search_requests", WEB_SEARCH),
    COUNT(TOOLS, "web_fetch_requests", WEB_FETCH),
};
static const struct usage_path gemini_paths[] = {
    GEMINI_PATHS,
    COUNT(REPORT, "candidatesTokenCount", OUTPUT),
    LIST("candidatesTokensDetails", OUT_TEXT),
};
static const struct usage_path gemini_live_paths[] = {
    GEMINI_PATHS,
    COUNT(REPORT, "responseTokenCount", OUTPUT),
    LIST("responseTokensDetails", OUT_TEXT),
};
static const struct usage_path xai_chat_paths[] = {
    CHAT_PATHS,
    COUNT(REPORT, "num_sources_used", SOURCE),
};
static const struct usage_path xai_responses_paths[] = {
    RESPONSES_PATHS,
    COUNT(REPORT, "num_sources_used", SOURCE),
};
static const struct usage_path deepseek_paths[] = {
    CHAT_PATHS,
    COUNT(REPORT, "prompt_cache_hit_tokens", HIT),
    COUNT(REPORT, "prompt_cache_miss_tokens", MISS),
};
static const struct usage_path moonshot_paths[] = {
    CHAT_PATHS,
    COUNT(REPORT, "cached_tokens", CACHED_TOP),
};
static const struct usage_path chat_paths[] = { CHAT_PATHS };
static const struct usage_path qwen_paths[] = {
    CHAT_PATHS,
    COUNT(INPUT, "cache_creation_input_tokens", W5M),
};

static const struct usage_path openai_images_paths[] = {
    COUNT(REPORT, "input_tokens", INPUT),
    COUNT(REPORT, "output_tokens", OUTPUT),
    COUNT(REPORT, "total_tokens", TOTAL),
    OBJECT(REPORT, "input_tokens_details", INPUT),
    OBJECT(REPORT, "output_tokens_details", OUTPUT),
    COUNT(INPUT, "image_tokens", IN_IMAGE),
    COUNT(INPUT, "cached_tokens", CACHED),
    COUNT(OUTPUT, "image_tokens", OUT_IMAGE),
};

#define PATHS(name) .paths = name##_paths, .path_count = EP_ARRAY_LEN(name##_paths)
#define SUBSETS     .unsplit = USAGE_WX

static const struct usage_rule rules[USAGE_SURFACES] = {
    [USAGE_SURFACE_OPENAI_CHAT] = { PATHS(openai_chat), SUBSETS },
    [USAGE_SURFACE_OPENAI_RESPONSES] = { PATHS(openai_responses), SUBSETS },
    [USAGE_SURFACE_OPENAI_REALTIME] = { PATHS(openai_realtime), SUBSETS },
    [USAGE_SURFACE_ANTHROPIC] = { PATHS(anthropic), .cached = USAGE_ADDITION,
                                  .write = USAGE_ADDITION, .unsplit = USAGE_W5M, .no_total = true },
    [USAGE_SURFACE_GEMINI] = { PATHS(gemini), SUBSETS, .reason = USAGE_ADDITION },
    [USAGE_SURFACE_GEMINI_LIVE] = { PATHS(gemini_live), SUBSETS, .reason = USAGE_ADDITION },
    [USAGE_SURFACE_XAI_CHAT] = { PATHS(xai_chat), SUBSETS, .cached = USAGE_UNSETTLED,
                                 .reason = USAGE_UNSETTLED },
    [USAGE_SURFACE_XAI_RESPONSES] = { PATHS(xai_responses), SUBSETS },
    [USAGE_SURFACE_DEEPSEEK] = { PATHS(deepseek), SUBSETS, .must_split = true },
    [USAGE_SURFACE_MOONSHOT] = { PATHS(moonshot), SUBSETS },
    [USAGE_SURFACE_ZHIPU] = { PATHS(chat), SUBSETS },
    [USAGE_SURFACE_MINIMAX] = { PATHS(chat), SUBSETS },
    [USAGE_SURFACE_MINIMAX_ANTHROPIC] = { PATHS(anthropic), .cached = USAGE_ADDITION,
                                          .write = USAGE_ADDITION, .unsplit = USAGE_W5M,
                                          .no_total = true },
    [USAGE_SURFACE_QWEN] = { PATHS(qwen), SUBSETS },
    [USAGE_SURFACE_OPENAI_IMAGES] = { PATHS(openai_images), SUBSETS },
};

const struct usage_rule *usage_rule(enum usage_surface surface)
{
    ASSERT((unsigned)surface < USAGE_SURFACES);
    return &rules[surface];
}

#define USAGE_SURFACE_AS_NAME(name, text) [USAGE_SURFACE_##name] = text,
static const char *const surface_names[] = { USAGE_SURFACE_TABLE(USAGE_SURFACE_AS_NAME) };
#undef USAGE_SURFACE_AS_NAME

const char *usage_surface_name(enum usage_surface surface)
{
    ASSERT((unsigned)surface < USAGE_SURFACES);
    return surface_names[surface];
}
