/*
 * Names of models as upstreams write them: "chan/M-Beta-20260901:free" is "m-beta". What is said
 * beside the model (who passes it on, a tag, a date, "latest") does not count; anything else does:
 * "m-beta-mini" is another model. Pure; nothing is copied.
 */
#pragma once

#include "base/str.h"

/* The part of the name that counts, in its own letters: behind the last '/', before the first ':'
 * of that, without "-latest", then without "-YYYYMMDD" or "-YYYY-MM-DD" of this century. It may be
 * empty. */
struct str model_name_normalise(struct str name);
/* Whether both name the same model. ASCII letters are the same in both cases; a name of which
 * nothing counts is no model's. */
bool model_name_same(struct str a, struct str b);
