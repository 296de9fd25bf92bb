/*
 * Publishing: what makes rows a log that others can check. A round takes what is durable, in the
 * order that no crash can break (facts of Sunlight: stage, compare-and-swap, tiles, checkpoint):
 *
 *   1  the rows: size and root of the tree as the last commit left them
 *   2  sign the checkpoint of that size
 *   3  swap it in the store for the one that was published before, if that is still the one
 *   4  tiles and bundles as files (temporary, synced, renamed, the folder synced; many are synced
 *      together behind their renaming)
 *   5  witnesses are asked (the caller's, over the network), their lines kept as rows
 *   6  the file "checkpoint" is replaced; partial tiles of those that are full now are removed
 *
 * Nothing is shown that is not in the store before. A round that was cut off is taken up again by
 * the next publisher: what was signed is shown, or is followed by a larger one.
 *
 * Files are derived from rows. At the opening each file of the shown size is looked at for its
 * length (a stat() each: 80,000 of 10 million leaves take a fifth of a second), and each round
 * compares the content of a few more with the rows, all in turn; what is missing or damaged is made
 * again. A file that a bit has flipped in is so found within hours, and at once by who verifies.
 *
 * One publisher a folder: it holds the folder's lock. One a store: step 3 compares with what this
 * publisher has signed last, and who loses has ERR_CONFLICT from then on.
 *
 * It refuses to sign, with ERR_LOG_BEHIND, for good: where the folder's checkpoint, or a witness,
 * knows of more leaves than the rows have, or of others: an old backup was put back, or two run
 * with one key.
 *
 * Threads: one at a time, which may wait; not a loop's.
 */
#pragma once

#include "store/store.h"
#include "tlog/checkpoint.h"
#include "tlog/proof.h"

struct publisher;

struct publish_options {
    struct store *store;
    const char *folder; /* made if it is not there */
    struct str origin;
    const struct sign_key *key; /* outlives the publisher */
    int64_t bulk;               /* as tile_files.h says: 0, but for who tries both ways */
};

/* ERR_CONFLICT: another process publishes into this folder. ERR_LOG_BEHIND: see above.
 * ERR_NOTE_INVALID, ERR_NOTE_FORGED: the origin is no name for a key, or the folder's checkpoint is
 * not this log's. The log (tlog_open()) is open, so that the tree's rows are there. */
EP_MUST_CHECK enum err publish_open(const struct publish_options *options,
                                    struct publisher **ret_publisher, struct fail *fail);
void publish_close(struct publisher *publisher); /* NULL is allowed */

struct publish_round {
    bool fresh;      /* there is something new to publish */
    int64_t size;    /* 0: the log is empty */
    struct buf note; /* the signed checkpoint, without cosignatures */
    int64_t mended;  /* files that were missing or damaged, and were made again */
};
void publish_round_init(struct publish_round *round);
void publish_round_fini(struct publish_round *round);

/* Steps 1 to 4; fills the round also when nothing is new. ERR_CONFLICT: somebody else has published
 * meanwhile. ERR_IO, ERR_STORE_FAILED: the next round does over what this one left. */
EP_MUST_CHECK enum err publish_sign(struct publisher *publisher, int64_t now_ns,
                                    struct publish_round *round, struct fail *fail);
/* What a witness that has cosigned `old` must be sent: "old N", a consistency proof, and the
 * round's checkpoint (c2sp.org/tlog-witness). */
EP_MUST_CHECK enum err publish_ask_witness(struct publisher *publisher,
                                           const struct publish_round *round, int64_t old,
                                           struct buf *out, struct fail *fail);
/* A witness cosigned: its line, which the caller has checked, is kept with its size.
 * ERR_NOTE_INVALID: it is none. */
EP_MUST_CHECK enum err publish_cosigned(struct publisher *publisher,
                                        const struct publish_round *round, struct str witness,
                                        struct str line, struct fail *fail);
/* The size that this witness last cosigned; 0: none yet. */
EP_MUST_CHECK enum err publish_witness_size(struct publisher *publisher, struct str witness,
                                            int64_t *ret_size, struct fail *fail);
/* A witness knows of a larger log: nothing is signed any more. */
void publish_stop(struct publisher *publisher);
/* Step 6: with the cosignatures of this size. Again for a round that is not fresh: with those that
 * have come since. Of a round of another publisher before, whose tiles are gone, nothing is
 * shown. */
EP_MUST_CHECK enum err publish_finish(struct publisher *publisher,
                                      const struct publish_round *round, struct fail *fail);

/* ---- reading: anybody, over a snapshot ----------------------------------------------------- */

struct published {
    int64_t size;    /* of the checkpoint that was shown last; 0: nothing yet */
    struct buf note; /* with the cosignatures that are kept for its size */
};
void published_init(struct published *published);
void published_fini(struct published *published);
EP_MUST_CHECK enum err published_read(struct store_txn *txn, struct published *ret_published,
                                      struct fail *fail);
/* As above, of what was signed last, which a crash may have kept from being shown, though not from
 * witnesses. The note is under the log's signature alone. */
EP_MUST_CHECK enum err published_read_signed(struct store_txn *txn, struct published *ret_published,
                                             struct fail *fail);
/* The proof of a leaf in the newest checkpoint (c2sp.org/tlog-proof, `extra`: the entry).
 * ERR_NOT_FOUND: no checkpoint covers it yet. */
EP_MUST_CHECK enum err published_proof(struct store_txn *txn, int64_t leaf, struct buf *out,
                                       struct fail *fail);
