/*
 * The auditor's view of limits, from what clients and upstreams saw. A limit of a minute is a
 * bucket of so many that fills evenly: nobody outside sees when it is taken from, but what a call
 * that was served has used was taken at its beginning at the earliest, and what a call cannot have
 * used must be back when nothing is under way.
 */
#pragma once

#include "play.h"

/* An upstream is asked for a call, and it is the first one (`fresh`), or the first one as that
 * model: its limits let it in. */
void auditor_limits_on_asked(struct play *play, const struct sale *sale, int model, bool fresh);
/* The head of an answer tells what is left of requests. */
void auditor_limits_on_head(struct play *play, const struct sale *sale);
/* No call is under way any more: what was reserved and not used is back. */
void auditor_limits_at_rest(struct play *play);
