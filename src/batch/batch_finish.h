/*
 * The end of a batch: what has not been begun gets its result, and the journal becomes the files
 * that clients read. May be done again, as long as the batch's row has not ended.
 *
 * Threads: one that may wait; nobody else writes to the journal.
 */
#pragma once

#include "batch/batch_index.h"

struct batch_finish {
    const char *folder;
    const struct batch *batch;
    struct batch_index *index;
    bool expired;         /* else cancelled: what was not begun */
    size_t line_max;      /* of a line of the input */
    size_t record_max;    /* of a line of the journal */
    int64_t output_bytes; /* out; OpenAI: results, Anthropic: all of them. 0: no such file */
    int64_t error_bytes;  /* out; what failed, of OpenAI's */
};

/* Both files are durable, and the index has all counts. */
EP_MUST_CHECK enum err batch_finish_write(struct batch_finish *finish, struct fail *fail);
