/*
 * The calendar of the law, kept by a running server: at the instant at which a route's chain ends
 * or begins it is said (event, gauge), and before anything ends somebody is warned, 60, 30, 7 and 1
 * days ahead. Calls need no clock of this: each is judged at its own time. On the main loop's
 * thread.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct law_clock;
struct server;

EP_MUST_CHECK enum err law_clock_start(struct server *server, struct law_clock **ret_clock,
                                       struct fail *fail);
/* What the timer does, at `now` on the wall clock: says what has changed since the last look. */
void law_clock_look(struct law_clock *clock, int64_t now);
void law_clock_stop(struct law_clock *clock); /* NULL is allowed */
