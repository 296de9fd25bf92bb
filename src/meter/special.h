/*
 * Special tokens in text: matched before it is normalized and split, leftmost first and of those
 * the longest, as Hugging Face's tokenizers and tiktoken do.
 *
 * Text in which none can begin is passed over at about a byte a cycle. The work on any text is at
 * most VOCAB_TOKEN_MAX steps a byte, and a few in fact. Threads: immutable; any.
 */
#pragma once

#include "meter/vocab.h"

struct special;

enum special_found {
    SPECIAL_NONE,  /* nothing up to the text's end */
    SPECIAL_MATCH, /* the token `which` at start..end */
    SPECIAL_OPEN   /* up to `start` nothing; what is behind may become one: the text goes on */
};

struct special_match {
    enum special_found found;
    size_t start; /* where the text before ends; text.len for SPECIAL_NONE */
    size_t end;
    const struct vocab_special *which;
};

/* `specials`, ordered by text and without empty ones, must outlive it; so must the table, by which
 * white space is known. */
EP_MUST_CHECK enum err special_create(const struct vocab_special *specials, size_t count,
                                      const struct unicode_table *table,
                                      struct special **ret_special);
void special_destroy(struct special *special); /* NULL is allowed */

/* The first match at or behind `at` <= text.len; control tokens only if `parsed`. With `over`
 * false the text goes on. White space that belongs to a token is taken from `at` on. */
struct special_match special_find(const struct special *special, struct str text, size_t at,
                                  bool parsed, bool over);
