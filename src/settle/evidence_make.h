/*
 * Making a pack: the receipts of a client and a period as the newest checkpoint covers them, and
 * all that is needed to check them without the books. In one pass over one snapshot; what is held
 * in memory is a file of receipts, the sums, and a few registries.
 *
 * The same rows and the same checkpoint make the same bytes.
 */
#pragma once

#include "settle/evidence_fold.h"
#include "settle/evidence_head.h"
#include "settle/evidence_registry.h"
#include "store/store.h"
#include "tlog/note.h"

/* All files of a version at once; valid inside it. */
typedef enum err evidence_files_fn(void *context, const struct evidence_file *files, size_t count);

struct evidence_order {
    struct str path;
    struct evidence_head *head; /* client, period and keys; the rest is filled in */
    int64_t from_ns;            /* the same period */
    int64_t until_ns;
    struct evidence_law *law; /* with all versions that there are */
    /* What the books say: the files of a version, and into it the keys of who signed it; and
     * "findings.json" of the routes that served. */
    enum err (*files)(void *context, struct evidence_version *version, evidence_files_fn *told,
                      void *told_context, struct fail *fail);
    enum err (*findings)(void *context, struct store_txn *txn, const struct evidence_fold *fold,
                         struct buf *out, struct fail *fail);
    void *context;
    const struct note_key *key; /* the log's */
    const struct sign_key *secret;
    struct store_progress progress; /* in leaves */
};

struct evidence_made {
    int64_t receipts;
    int64_t erased;    /* of these: with sections that are no more */
    int64_t uncovered; /* not among these: no checkpoint covers them yet */
    int64_t versions;  /* of the registry */
    int64_t files;
    int64_t leaves; /* of the checkpoint */
};

/* ERR_NOT_FOUND: no checkpoint was published yet. ERR_CONFLICT: the file is there.
 * ERR_AUDIT_FAILED: the rows are not what was signed. ERR_LIMIT: too much for one pack. Nothing is
 * left behind. */
EP_MUST_CHECK enum err evidence_make(struct store_txn *txn, const struct evidence_order *order,
                                     struct evidence_made *ret_made, struct fail *fail);
