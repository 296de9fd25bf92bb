/* `entrepot count`: the tokens of a text or of a chat request, by a model's own vocabulary. */
#pragma once

#include "app/args.h"
#include "base/buf.h"

/* The count goes to `out`, what is wrong to `errors`. */
EP_MUST_CHECK enum err tokens_count(const struct args *args, struct buf *out, struct buf *errors);
