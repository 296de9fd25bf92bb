#include "dialect/event.h"

const char *dialect_name(enum dialect dialect)
{
    static const char *const names[] = {
        [DIALECT_CHAT] = "chat",
        [DIALECT_RESPONSES] = "responses",
        [DIALECT_ANTHROPIC] = "anthropic",
        [DIALECT_GEMINI] = "gemini",
    };
    _Static_assert(EP_ARRAY_LEN(names) == DIALECT_COUNT, "a name each");
    ASSERT(dialect < DIALECT_COUNT);
    return names[dialect];
}

const char *event_finish_name(enum event_finish finish)
{
    static const char *const names[] = {
        [EVENT_STOP] = "stop",       [EVENT_STOP_TEXT] = "stop_text", [EVENT_LENGTH] = "length",
        [EVENT_CONTEXT] = "context", [EVENT_CALLS] = "tool",          [EVENT_FILTER] = "filter",
        [EVENT_PAUSE] = "pause",     [EVENT_BAD_TOOL] = "bad_tool",
    };
    _Static_assert(EP_ARRAY_LEN(names) == EVENT_FINISHES, "a name each");
    ASSERT(finish < EVENT_FINISHES);
    return names[finish];
}

const char *event_item_name(enum event_item item)
{
    static const char *const names[] = {
        [EVENT_TEXT] = "text",   [EVENT_REFUSAL] = "refusal",         [EVENT_REASON] = "reason",
        [EVENT_TOOL] = "tool",   [EVENT_CUSTOM_TOOL] = "custom_tool", [EVENT_AUDIO] = "audio",
        [EVENT_IMAGE] = "image", [EVENT_HOSTED] = "hosted",
    };
    ASSERT(item <= EVENT_HOSTED);
    return names[item];
}

const char *event_channel_name(enum event_channel channel)
{
    static const char *const names[] = {
        [EVENT_CONTENT] = "text",          [EVENT_ARGS] = "args",     [EVENT_SUMMARY] = "summary",
        [EVENT_THOUGHT] = "thought",       [EVENT_SIGNATURE] = "sig", [EVENT_SOUND] = "audio",
        [EVENT_TRANSCRIPT] = "transcript", [EVENT_BLOB] = "blob",
    };
    ASSERT(channel <= EVENT_BLOB);
    return names[channel];
}

enum event_finish event_finish_with(enum event_finish told, bool has_calls)
{
    if (told == EVENT_CALLS && !has_calls) {
        return EVENT_STOP;
    }
    return told == EVENT_STOP && has_calls ? EVENT_CALLS : told;
}

int64_t event_tokens_sum(const struct event_tokens *tokens)
{
    int64_t sum = 0;
    for (size_t i = 0; i < TOKENS_COUNT; i++) {
        sum += tokens->of[i];
    }
    return sum;
}
