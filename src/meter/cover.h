/*
 * How much of an answer a hold covers, in output tokens: some at first, more in steps while the
 * answer is delivered, at most its whole cap. Pure.
 *
 * A step is due while four fifths of the last one are not yet delivered and one fifth is left: that
 * is the time in which its row becomes durable before the answer gets there.
 */
#pragma once

#include "base/err.h"

struct cover {
    int64_t held; /* output tokens that are covered, of all choices; 0 < held <= most */
    int64_t step; /* > 0 */
    int64_t most; /* the cap of all choices */
};

/* Whether the whole cap is covered: nothing is ever due again. */
bool cover_is_whole(const struct cover *cover);
/* Whether more should be covered, once so many tokens (>= 0) were delivered. */
bool cover_due(const struct cover *cover, int64_t delivered);
/* What is covered after one more step: at least what was delivered, and a step beyond. */
int64_t cover_next(const struct cover *cover, int64_t delivered);
