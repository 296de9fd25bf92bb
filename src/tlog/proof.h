/*
 * Proofs that an entry is in a log (c2sp.org/tlog-proof@v1): an index, a path, a checkpoint, and
 * extra data, which is the entry itself in ours. Pure.
 */
#pragma once

#include "tlog/checkpoint.h"

#define PROOF_TEXT_MAX 131072

struct proof {
    struct buf extra; /* decoded; empty: none */
    int64_t index;
    struct tree_path path;
    struct str checkpoint; /* the signed note; borrowed from the text */
};

void proof_init(struct proof *proof);
void proof_fini(struct proof *proof);
EP_MUST_CHECK enum err proof_print(struct str extra, int64_t index, const struct tree_path *path,
                                   struct str checkpoint, struct buf *out);
/* Into a proof that is initialised; it may have been used before, and is of no use after a
 * failure: ERR_PROOF_INVALID with the line and what is wrong. The checkpoint is not looked at. */
EP_MUST_CHECK enum err proof_parse(struct str text, struct proof *ret_proof, struct fail *fail);
/* Whether `entry` is at the proof's index in the checkpoint, which is under `key`'s signature:
 * ERR_PROOF_INVALID, ERR_NOTE_INVALID, ERR_NOTE_FORGED. */
EP_MUST_CHECK enum err proof_check(const struct proof *proof, struct str entry,
                                   const struct note_key *key, struct checkpoint *ret_checkpoint,
                                   struct note *ret_note, struct fail *fail);
