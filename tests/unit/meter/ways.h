/* Every family's way of taking text, with lengths small enough for tests. */
#pragma once

#include "plain_count.h"

static const struct vocab_split ways[] = {
    { .rule = VOCAB_RULE_CL100K, .digits_max = 3 },
    { .rule = VOCAB_RULE_CL100K, .digits_max = 1, .nfc = true },
    { .rule = VOCAB_RULE_O200K, .digits_max = 3, .slash = true },
    { .rule = VOCAB_RULE_TEKKEN, .digits_max = 1, .slash = true },
    { .rule = VOCAB_RULE_KIMI, .digits_max = 3, .run_max = 5, .text_max = 23 },
    { .rule = VOCAB_RULE_DEEPSEEK, .digits_max = 3 },
    { .rule = VOCAB_RULE_SPACES, .digits_max = 1 },
    { .rule = VOCAB_RULE_SPACES, .digits_max = 1, .run_max = 4 },
};
