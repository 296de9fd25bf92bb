/*
 * Batches worked off: one loop of a server takes those that have not ended, oldest first, and asks
 * their lines as calls through inner exchanges (net/inner.h), a few at a time, until all are over
 * or the day is. No gate is skipped: each line is judged, held, settled and proved as a call of
 * the key that made the batch, from where it was handed in, and yields its place as flex work.
 *
 *   LOADING > STARTING > RUNNING > FINISHING > ENDING
 *
 *   LOADING    a worker finds the lines, and what the journal says is over already
 *   STARTING   the row says that it is under way
 *   RUNNING    lines are asked; what is over goes to the journal, synced, before it counts
 *   FINISHING  a worker makes the files that clients read
 *   ENDING     the row says how it ended, and its files have rows
 *
 * No line is sold twice: a line's call has an Idempotency-Key of batch and number, so that one
 * whose answer was lost in a crash is answered again from the books, or the books say that it was
 * sold. For longer than answers are kept (limits.idempotency_hours) the row knows which lines may
 * have been begun: those are then told as lost, and not asked again.
 *
 * Threads: the loop's own. Inside the front only.
 */
#pragma once

#include "base/err.h"

struct batch_runner;
struct front;

/* From here on, until the front drains. */
EP_MUST_CHECK enum err batch_runner_create(struct front *front, struct batch_runner **ret_runner,
                                           struct fail *fail);
/* Nothing new is begun; what is under way ends, and is noted. */
void batch_runner_drain(struct batch_runner *runner);
/* Whether anything is under way. */
bool batch_runner_busy(const struct batch_runner *runner);
/* It is not busy. NULL is allowed. */
void batch_runner_destroy(struct batch_runner *runner);
