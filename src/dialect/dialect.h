/* The dialects: what clients and upstreams speak. */
#pragma once

enum dialect {
    DIALECT_CHAT,      /* OpenAI chat completions and its many kin */
    DIALECT_RESPONSES, /* OpenAI Responses */
    DIALECT_ANTHROPIC, /* Anthropic Messages */
    DIALECT_GEMINI,    /* Google generateContent */
    DIALECT_COUNT
};
