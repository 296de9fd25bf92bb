/*
 * The canonical bytes (RFC 8785) of JSON that somebody has laid out otherwise: white space, the
 * order of members and the way of escaping are theirs, what is said is not.
 *
 * Objects, lists and strings alone. Receipts write integers as strings, so that no reader loses
 * digits: a number, true, false or null is none of ours and is refused, as is an object that names
 * a member twice (two readers could take two receipts from it). Pure.
 */
#pragma once

#include "base/buf.h"

#define CANON_JSON_DEPTH_MAX   8  /* a section reaches 3 */
#define CANON_JSON_MEMBERS_MAX 64 /* of an object; a section has 20, a table of tokens 16 */
#define CANON_JSON_STRING_MAX  16384

/* Appends the bytes of `value`, which json_check() has passed. ERR_RECEIPT_INVALID says what it may
 * not hold, or that it is longer than `out`; ERR_NO_MEMORY. `out` is as it was then. */
EP_MUST_CHECK enum err canon_json(struct str value, struct buf *out, struct fail *fail);
