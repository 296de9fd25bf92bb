/*
 * How an upstream wants to be asked, where those of one dialect differ.
 */
#pragma once

/* By which name chat completions are told their output cap. */
enum registry_output_cap_field {
    REGISTRY_CAP_MAX_TOKENS,
    REGISTRY_CAP_MAX_COMPLETION_TOKENS
};

/* How an upstream is told how long to think. */
enum registry_thinking {
    REGISTRY_THINKING_BUDGET, /* tokens */
    REGISTRY_THINKING_EFFORT  /* Anthropic's adaptive thinking, Gemini's thinkingLevel */
};

/* Whether an upstream fetches pictures by their address. */
enum registry_image_urls {
    REGISTRY_IMAGE_URLS_BY_DIALECT, /* as the vendor of its dialect does */
    REGISTRY_IMAGE_URLS_FETCHED,
    REGISTRY_IMAGE_URLS_REFUSED
};

/* Which of Anthropic's two versions requests that are written here are of. */
enum registry_anthropic_version {
    REGISTRY_ANTHROPIC_2023_06_01,
    REGISTRY_ANTHROPIC_2026_10_21
};
