/*
 * The tokens of texts that are asked for as they are, without a chat's template around them: a JSON
 * string, or a list of strings, each a text of its own. Of a list's objects the member "text" is
 * the text; what else stands there has none. In slices, as a chat's (chat_count.h).
 */
#pragma once

#include "meter/count.h"

struct text_count {
    struct count_stream stream;
    struct str rest; /* items that have not begun */
    struct str text; /* under way, `offset` bytes of it are done; empty: none is */
    size_t offset;
    uint64_t texts; /* that have begun */
};

/* `texts`: a value that json_check() has passed; it must outlive the count. */
void text_count_begin(struct text_count *count, enum count_specials specials, struct str texts);
/* Any counter of the same vocabulary will do for a later step. ERR_NO_MEMORY, ERR_LIMIT end the
 * count. */
EP_MUST_CHECK enum err text_count_step(struct text_count *count, struct token_counter *counter,
                                       size_t budget, bool *ret_done);
/*
 * After a step that was done: `tokens` of all texts, `controls` of them spelled out there, and how
 * far a server may be from that: most put up to two tokens of their own around each text, OpenAI's
 * do not.
 */
struct text_counted {
    uint64_t tokens;
    uint64_t controls;
    uint64_t margin; /* 0: it is exact */
};
struct text_counted text_count_result(const struct text_count *count, const struct vocab *vocab);
void text_count_fini(struct text_count *count);
