/*
 * Counting as the definition has it: each stage over the whole text, with copies, in plain loops.
 * What the counter is compared with. On the small vocabularies of vocab_sample.h, with the classes
 * of classes.h and any family's way of taking text.
 */
#pragma once

#include "meter/count.h"
#include "vocab_sample.h"

#define PLAIN_TEXT_MAX ((size_t)4096) /* bytes of a text */

/* The vocabulary of `seed` with `split` instead of its own. False: no memory, nothing is left. */
EP_MUST_CHECK bool plain_init(struct sample *sample, const struct vocab_split *split,
                              uint64_t seed);
/* Random text with what is special in it, `max` bytes at most. */
size_t plain_text(struct sample *sample, char *text, size_t max);
/* Whether the classes of classes.h are right about normalization in this text. */
bool plain_knows(struct str text);
/* The ids of a text of up to PLAIN_TEXT_MAX bytes; `ids` has room for 9 a byte. */
size_t plain_encode(const struct sample *sample, struct str text, enum count_specials specials,
                    uint32_t *ids);
