/*
 * Pre-tokenizers: where a text is cut into pieces before the merges. Pure; written by hand, each
 * equal to the family's regular expression (alternatives tried in order, leftmost first):
 *
 *   cl100k    (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} |
 *             ' '?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 *   o200k, tekken, kimi: split_cased.c; deepseek: split_deepseek.c; spaces: split_spaces.c
 *
 * None of them looks back, so a piece depends on what begins at its first byte and on nothing
 * before it.
 *
 * A cut depends on what follows it. Of a text that is not over, a piece is final only if the rule
 * decided nothing by the end of what there is, and SPLIT_AHEAD more bytes follow it.
 */
#pragma once

#include "meter/vocab.h"

#define SPLIT_AHEAD 4 /* bytes: a contraction or one character behind the piece */

/*
 * The ends of the pieces that a text begins with, `max` at most, to `ends`; how many. Fewer than
 * `max`: the text is all cut, or with `over` false the next end is not certain yet.
 */
size_t split_ends(const struct vocab_split *split, const struct unicode_table *unicode,
                  struct str text, bool over, size_t *ends, size_t max);
/*
 * The end of the piece that begins at `at` < text.len, > at. `text` is UTF-8 (bytes that are not
 * count as U+FFFD, one each). With `over` false the text goes on: 0 means that this piece's end is
 * not certain yet.
 */
size_t split_next(const struct vocab_split *split, const struct unicode_table *unicode,
                  struct str text, size_t at, bool over);
