/*
 * A value that fits a JSON schema: the arguments a model could call a tool with. Pure.
 *
 * Understood: const, enum, $ref into $defs or definitions, the first of anyOf, oneOf and allOf,
 * type (the first of a list), properties (all of them), items, minItems, minimum, maximum, and the
 * commonest formats of strings. What is nested deeper than GUESS_DEPTH_MAX is null, so that a
 * schema that names itself ends.
 */
#pragma once

#include "base/buf.h"

#define GUESS_DEPTH_MAX 12 /* a hand-written schema has three or four */
#define GUESS_ITEMS_MAX 16 /* of one array, whatever minItems says */

/* Appends the value. `schema`: checked JSON. ERR_LIMIT or ERR_NO_MEMORY; `out` may hold a part. */
EP_MUST_CHECK enum err guess_value(struct str schema, uint64_t seed, struct buf *out);
