/*
 * The operator's limits, from their rows to what calls are held to: all at a start, each as it is
 * set. Between ident, which keeps them, and dispatch, which counts.
 */
#pragma once

#include "dispatch/limits.h"

struct world;

/* From now on `limits` says what the rows say; until allowed_end(). */
EP_MUST_CHECK enum err allowed_begin(struct world *world, struct limits *limits, struct fail *fail);
void allowed_end(struct world *world);
