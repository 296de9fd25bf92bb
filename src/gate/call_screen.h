/*
 * The content of a call of a zone product, looked through for what may not be mixed in: classes and
 * their counts, never a word of it (policy/detect.h). In slices, so that no turn of the loop takes
 * long.
 */
#pragma once

#include "base/err.h"

struct call;

/* One slice. True: all is looked through, or nothing is to be; what was found is in call->law. */
EP_MUST_CHECK bool call_screen_slice(struct call *call);
void call_screen_free(struct call *call);
