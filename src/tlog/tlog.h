/*
 * The log's entries, appended in the transaction of what they are about: dense indexes from 0, the
 * leaf hash of RFC 6962, and, for a receipt, its sections and salts beside it. The tree over them
 * (tile_rows.h) grows in the same transaction; its size and root are noted once a batch.
 *
 * What an entry must not give away (who a key belongs to, what a price is) stands beside the leaf
 * as a note: a detail and a random salt, and the entry holds SHA-256(salt || detail) alone.
 *
 * A receipt is found by its call's id without an index on random ids: ids rise with time, so each
 * block of a thousand leaves notes the lowest and the highest call in it, and few blocks can hold a
 * given one. No clock is trusted: one that jumps makes blocks overlap, and hides nothing.
 *
 * Threads: tlog_append_*() inside a store job; tlog_find() over a reader's snapshot.
 */
#pragma once

#include "store/store.h"
#include "tlog/note.h"
#include "tlog/receipt.h"

extern const struct store_migration tlog_migration; /* number 3 */

#define TLOG_BLOCK_LEAVES INT64_C(1024) /* of a block by which receipts are found */

enum tlog_kind {
    TLOG_RECEIPT = 1,
    TLOG_REGISTRY, /* a version of the registry is in force */
    TLOG_EVENT,    /* a start, a restore, a gap, an erasure */
    TLOG_KEY,      /* a key was made or revoked: a note */
    TLOG_PRICES    /* a price book is in force: a note */
};

#define TLOG_NOTE_SALT_BYTES 16
#define TLOG_NOTE_MAX        65536 /* bytes of a detail */

/* "receipt", "registry", ...: the member "kind" of an entry. NULL: there is no such kind. */
const char *tlog_kind_name(int64_t kind);

struct tlog;

/*
 * Reads how long the log is and the edge of its tree; of a log that was written before there was a
 * tree the missing rows are made, in steps. ERR_STORE_DAMAGED: leaves are missing, or rows do not
 * give the root that is noted of them. From then on each batch of the store ends with the log's
 * noted size and root: the log outlives the store.
 */
EP_MUST_CHECK enum err tlog_open(struct store *store, struct tlog **ret_tlog, struct fail *fail);
void tlog_close(struct tlog *tlog); /* NULL is allowed */

/* Appends a receipt; `wall_ns`, the time of writing, is informative. *ret_leaf: its index. */
EP_MUST_CHECK enum err tlog_append_receipt(struct tlog *tlog, struct store_txn *txn, struct id call,
                                           const struct receipt *receipt, int64_t wall_ns,
                                           int64_t *ret_leaf, struct fail *fail);
/* Appends an entry of another kind: its canonical bytes. */
EP_MUST_CHECK enum err tlog_append(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                                   struct str entry, int64_t wall_ns, int64_t *ret_leaf,
                                   struct fail *fail);
/* Appends the entry of a note, whose salt is drawn here. ERR_LIMIT: the detail is too long. */
EP_MUST_CHECK enum err tlog_append_note(struct tlog *tlog, struct store_txn *txn,
                                        enum tlog_kind kind, struct str detail, int64_t wall_ns,
                                        int64_t *ret_leaf, struct fail *fail);
/* {"detail":"<hex>","kind":"<kind>","version":"1"}: what the log says of a note; appends. */
EP_MUST_CHECK enum err tlog_note_entry(enum tlog_kind kind, struct str salt, struct str detail,
                                       struct buf *out);

struct tlog_found {
    int64_t leaf;
    struct str entry;
    struct str sections[RECEIPT_SECTIONS];
    struct str salts[RECEIPT_SECTIONS]; /* empty: erased */
};

typedef enum err tlog_found_fn(void *context, const struct tlog_found *found);

/* The receipt of a call; `found` runs once, its bytes are valid inside it. ERR_NOT_FOUND. */
EP_MUST_CHECK enum err tlog_find(struct store_txn *txn, struct id call, tlog_found_fn *found,
                                 void *context, struct fail *fail);

/* How many leaves the log has. */
EP_MUST_CHECK enum err tlog_size(struct store_txn *txn, int64_t *ret_leaves, struct fail *fail);

/* ---- the audit --------------------------------------------------------------------------- */

enum tlog_rule {
    TLOG_RULE_LEAVES,    /* each has its place, its hash and its kind */
    TLOG_RULE_RECEIPTS,  /* sections, and their call, are what the entry commits to */
    TLOG_RULE_NOTES,     /* as above, of details */
    TLOG_RULE_BLOCKS,    /* by which receipts are found */
    TLOG_RULE_TILES,     /* each row is the root of its leaves, none is missing or too many */
    TLOG_RULE_STATE,     /* the noted size and root are those of all leaves */
    TLOG_RULE_PUBLISHED, /* what was signed and shown are roots of the first so many leaves */
    TLOG_RULES
};

struct tlog_figure {
    int64_t rows;
    int64_t wrong;
    int64_t first; /* the lowest that is wrong: a leaf, a tile's first leaf, a size */
};

struct tlog_figures {
    struct tlog_figure rules[TLOG_RULES];
};

/*
 * Recomputes everything from the entries, in one pass and bounded memory. What was erased (a salt
 * and what it covered, both empty) is accepted. `key`: the log's, for the signatures under what was
 * signed and shown; NULL: they are not checked.
 *
 * Not covered, for nothing commits to them: when a leaf was appended and a checkpoint signed, which
 * is informative, and witnesses' lines, which are checked by those who have their keys.
 */
EP_MUST_CHECK enum err tlog_audit(struct store_txn *txn, const struct note_key *key,
                                  struct tlog_figures *ret_figures, struct fail *fail);
