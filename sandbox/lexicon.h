/*
 * The sandbox's words, and its count of tokens. Pure.
 *
 * A token is a run of letters, digits and bytes beyond ASCII, or any other single character that is
 * not white space. It is no vocabulary's count, and is stated to be none.
 */
#pragma once

#include "base/str.h"

/* A generator of its own (splitmix64): the same request always gets the same answer. */
uint64_t lexicon_mix(uint64_t value);
/* One token, lower case; lives as long as the process. */
struct str lexicon_word(uint64_t seed, uint64_t at);
int64_t lexicon_count(struct str text);
/* Of a checked JSON string, with its quotes: what its text has, however it is escaped. */
int64_t lexicon_count_string(struct str value);
