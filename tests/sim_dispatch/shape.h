/*
 * The shape of real traffic: how many calls began in each ten seconds of an hour, and how many
 * tokens some of them had, evenly picked over it.
 *
 * Source: AzureLLMInferenceTrace_conv.csv and _code.csv of 2023-11-16, Azure Public Dataset
 * (github.com/Azure/AzurePublicDataset), CC BY 4.0; P. Patel et al., "Splitwise: Efficient
 * generative LLM inference using phase splitting", ISCA 2024. Counted here in steps of ten seconds
 * from the first call on; of the sizes, every 101st and every 92nd row.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHAPE_STEPS   350
#define SHAPE_STEP_NS INT64_C(10000000000)

struct shape_call {
    uint16_t tokens_in;
    uint16_t tokens_out;
};

enum shape_kind {
    SHAPE_CHAT,
    SHAPE_CODE,
    SHAPE_COUNT
};

struct shape {
    const uint16_t *starts; /* in each step */
    const struct shape_call *calls;
    size_t call_count;
};

extern const struct shape shapes[SHAPE_COUNT];
