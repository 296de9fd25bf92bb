/* The registry of law_world.h, for tests: what a reason says, in words. */
#pragma once

#include "harness.h"
#include "law_world.h"

/* The first reason with that code says this. */
#define LAW_SAYS(law, code_, text)                                        \
    do {                                                                  \
        struct buf law_out_;                                              \
        buf_init(&law_out_, (size_t)1 << 16);                             \
        const struct policy_reason *law_reason_ = law_reason(law, code_); \
        CHECK(law_reason_ != NULL);                                       \
        CHECK(policy_reason_print(law_reason_, &law_out_) == ERR_OK);     \
        CHECK_STR(buf_str(&law_out_), STR(text));                         \
        buf_fini(&law_out_);                                              \
    } while (0)
