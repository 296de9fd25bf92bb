/*
 * Chat completions for a client that checks the shape of all that it is told: OpenRouter's SDK
 * takes no null for what may be absent in a chunk, and no absence of what may be null in an answer.
 * Others take both, and get an upstream's bytes as they came. Pure.
 */
#pragma once

#include "base/buf.h"

/*
 * The next piece of what is told of whole events: they without their members "usage" and
 * "system_fingerprint" that are null. False: there is no more. The pieces borrow the text.
 */
bool chat_strict_next(struct str *rest, struct str *ret_piece);
/* What has to stand in front of an answer's own first member; empty: nothing. `body`: a checked
 * object, with white space around it or not. */
struct str chat_strict_lack(struct str body);
