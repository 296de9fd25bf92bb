/*
 * Checkpoints (c2sp.org/tlog-checkpoint@v1.0.0): the text of a note with a log's origin, its size
 * and its root. A log of ours has no extension lines: one is refused, except where checkpoints of
 * others are read. Pure.
 */
#pragma once

#include "tlog/note.h"
#include "tlog/tree.h"

#define CHECKPOINT_TEXT_MAX 512

struct checkpoint {
    struct str origin; /* borrowed */
    int64_t size;
    struct digest root;
};

EP_MUST_CHECK enum err checkpoint_print(const struct checkpoint *checkpoint, struct buf *out);
/* Of a note's text. ERR_NOTE_INVALID with what is wrong. */
EP_MUST_CHECK enum err checkpoint_parse(struct str text, struct checkpoint *ret_checkpoint,
                                        struct fail *fail);
/* The same of any log: non-empty lines may follow, up to NOTE_COSIGNED_MAX bytes in all. */
EP_MUST_CHECK enum err checkpoint_parse_extended(struct str text, struct checkpoint *ret_checkpoint,
                                                 struct fail *fail);
/* A signed note that is a checkpoint of `key`'s log, under its signature: ERR_NOTE_INVALID (form),
 * ERR_NOTE_FORGED (no signature of `key`, a bad one, another origin). Borrows `bytes`. */
EP_MUST_CHECK enum err checkpoint_open(struct str bytes, const struct note_key *key,
                                       struct checkpoint *ret_checkpoint, struct note *ret_note,
                                       struct fail *fail);
