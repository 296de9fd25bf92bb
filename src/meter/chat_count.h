/*
 * The input tokens of a whole chat request, as its model's server would see them: the family's
 * template is run over the request's JSON (template.h) and what it makes is counted as it comes
 * (count.h), so that what merges across its borders is counted as it merges. No copy of the prompt.
 *
 * Done in slices: a step of CHAT_COUNT_SLICE bytes takes well under a millisecond, but for stepping
 * over a single value of megabytes, which goes at the speed of json_check().
 *
 * `exact` is told only of what is known exactly. Else the server's count is expected within
 * `margin` of the sum, and the hold should cover both.
 */
#pragma once

#include "meter/count.h"
#include "meter/template.h"

#define CHAT_COUNT_SLICE ((size_t)8 << 10) /* bytes a step: 0.1 ms, of the slowest text 1.5 ms */

struct chat_count_options {
    const struct template_program *program;
    enum count_specials specials;
    struct str image; /* names of formulas (media.h); empty: the program's own */
    struct str audio;
};

struct chat_counted {
    uint64_t tokens; /* text and what the template adds */
    uint64_t image_tokens;
    uint64_t audio_tokens;
    uint64_t controls; /* control tokens that the request's own text spells out; of COUNT_PARSED */
    uint64_t margin;   /* 0 if exact */
    bool exact;
};

struct chat_count {
    struct token_counter *counter;
    struct chat_count_options options;
    struct count_stream stream;
    struct template_run run;
    struct template_piece piece;
    bool at_piece; /* of which `offset` bytes are done */
    bool done;
    size_t offset;
    struct tojson tojson;
    struct chat_counted counted;
};

/* `body`: a request that json_check() has passed, without white space around it; it and what is in
 * `options` must outlive the count. */
void chat_count_begin(struct chat_count *chat, struct token_counter *counter,
                      const struct chat_count_options *options, struct str body);
/* Any counter of the same vocabulary will do for a later step. ERR_NO_MEMORY ends the count. */
EP_MUST_CHECK enum err chat_count_step(struct chat_count *chat, struct token_counter *counter,
                                       size_t budget, bool *ret_done);
/* After a step that was done. */
struct chat_counted chat_count_result(const struct chat_count *chat);
void chat_count_fini(struct chat_count *chat);
