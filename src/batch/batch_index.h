/*
 * The lines of a batch's input, found once: where each stands, which repeat a custom id, and which
 * are over by the journal. 16 bytes a line.
 *
 * Threads: built by one that may wait; afterwards its owner's.
 */
#pragma once

#include "batch/batch.h"
#include "batch/content.h"

enum batch_entry_state {
    BATCH_ENTRY_NEXT,
    BATCH_ENTRY_OPEN, /* its owner's: it is being asked */
    BATCH_ENTRY_OVER, /* the journal has its result */
    BATCH_ENTRY_BLANK /* nothing stands there */
};

struct batch_entry {
    uint64_t at : 40; /* files are smaller than a tebibyte */
    uint64_t tries : 12;
    uint64_t state : 4;
    uint64_t named : 1;   /* it has a custom id */
    uint64_t repeats : 1; /* and an earlier line has it too */
    uint64_t claimed : 1; /* its owner's: the books know a call of it, by */
    uint64_t turn : 3;    /* its key, which is another after a crash that has ended one */
    uint64_t sold : 1;    /* its owner's: that call was sold, or is under way */
    uint32_t len;
};

struct batch_index {
    struct batch_entry *entries; /* entries[i] is line i + 1 */
    size_t count;
    size_t cap;
    struct batch_counts counts; /* by the journal; total: lines that are not blank */
};

struct batch_limits {
    size_t lines_max; /* blank ones included */
    size_t line_max;  /* bytes */
};

void batch_index_init(struct batch_index *index);
void batch_index_fini(struct batch_index *index);
/* ERR_LIMIT: there are more lines, or longer ones; ERR_NO_MEMORY, ERR_IO. */
EP_MUST_CHECK enum err batch_index_read(struct batch_index *index, int fd,
                                        const struct batch_limits *limits, struct fail *fail);
/* Notes what is over; cuts off what a crash has left half written, and all behind a hole. */
EP_MUST_CHECK enum err batch_index_read_journal(struct batch_index *index, int fd, size_t line_max,
                                                struct fail *fail);
/* A line is over. */
void batch_index_end(struct batch_index *index, int64_t line, enum content_end end);
