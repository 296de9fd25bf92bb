/*
 * What must be true of batches: each line has one result and is sold once at most, at the
 * percentage of the price that was agreed, and what was said to be kept is. Told from the manual
 * for clients (docs/batches.md).
 */
#pragma once

#include "play.h"

struct books;
struct bulk_batch;

/* Another line can have the same hold: which of them was sold could not be told. */
bool auditor_bulk_is_twin(const struct play *play, const struct sale *sale);
/* What a batch is said to be; false: it has not ended. */
bool auditor_bulk_has_ended(const struct play *play, const struct bulk_batch *batch,
                            const char *state);
/* It has ended, and its files of results are read: each line's call is over. */
void auditor_bulk_on_results(struct play *play, const struct bulk_batch *batch);
/* An upstream is asked for a line, or for what is none. */
void auditor_bulk_on_asked(const struct play *play, const struct sale *first);
/* At the start of a life. */
void auditor_bulk_look(struct play *play, const struct books *books);
