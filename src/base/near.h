/* How far two words are apart, for "did you mean": letters changed, left out, added or swapped. */
#pragma once

#include "base/str.h"

#define NEAR_LEN_MAX 96 /* longer words are nobody's misspelling of ours */

/* SIZE_MAX when one of them is longer than NEAR_LEN_MAX. */
size_t near_distance(struct str a, struct str b);
/* Near enough to be meant: at most a third of the longer word, and at most 4. */
bool near_enough(struct str a, struct str b, size_t distance);
