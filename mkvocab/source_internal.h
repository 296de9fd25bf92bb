/* What the readers of the formats share: see source.h. */
#pragma once

#include <jansson.h>

#include "base/map.h"
#include "source.h"

/* One reading. */
struct reader {
    struct source *source;
    const struct source_options *options;
    struct str file;
    json_t *root; /* NULL: the file is rank lines */
    struct fail *fail;
    struct map tokens;  /* bytes of each token, to its row in source->tokens */
    uint32_t token_max; /* rows that there is room for */
    uint32_t special_max;
};

/* ---- the formats: each fills the source, whole_pieces to merges ---- */

EP_MUST_CHECK enum err source_read_lines(struct reader *reader);
EP_MUST_CHECK enum err source_read_tiktoken(struct reader *reader);
EP_MUST_CHECK enum err source_read_tekken(struct reader *reader);
EP_MUST_CHECK enum err source_read_hf(struct reader *reader);
/* The lines "NAME FIRST BASE64 BASE64 ..." of tiktoken's and Mistral's JSON; of all tokens those
 * with a rank below `ranks_max`, with `first_id` for rank 0. */
EP_MUST_CHECK enum err source_add_ranks(struct reader *reader, struct str lines, uint32_t ranks_max,
                                        uint32_t first_id);
/* One token of a file of ranks; `place` counts what was read of it, for messages. */
EP_MUST_CHECK enum err source_add_base64(struct reader *reader, struct str text, uint32_t id,
                                         size_t place);

/* ---- tokens and specials ---- */

/* Room for `count` tokens, once and before the first. */
EP_MUST_CHECK enum err source_reserve(struct reader *reader, size_t count);
EP_MUST_CHECK enum err source_add(struct reader *reader, struct str bytes, uint32_t id);
/* Room for `count` more specials. */
EP_MUST_CHECK enum err source_reserve_specials(struct reader *reader, size_t count);
/* `special` need not outlive the call. */
EP_MUST_CHECK enum err source_add_special(struct reader *reader, struct vocab_special special);
/* All of a list of added tokens, or of an object of them by id. */
EP_MUST_CHECK enum err source_add_all_added(struct reader *reader, json_t *list);
EP_MUST_CHECK enum err source_no_memory(struct reader *reader);
/* As much of a token as a message shows; may end inside a character. */
struct str source_shown(struct str text);

/* ---- how text is split (source_rule.c) ---- */

/* By the regular expressions as the file has them, one after the other on what is left over. */
EP_MUST_CHECK enum err source_rule_find(struct reader *reader, const struct str *patterns,
                                        size_t count);
/* By the rule's name and the options beside it. */
EP_MUST_CHECK enum err source_rule_named(struct reader *reader);

/* ---- JSON ---- */

struct str source_text(const json_t *value); /* of a JSON string; empty if it is none */
/* A whole number from 0 to `max` - 1. */
EP_MUST_CHECK bool source_number(const json_t *value, uint32_t max, uint32_t *ret_number);
/* A flag that may be absent. */
EP_MUST_CHECK bool source_flag(const json_t *object, const char *key, bool *ret_flag);
