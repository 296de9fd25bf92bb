/* The parts of a round, for log_follow*.c alone. */
#pragma once

#include "app/log_follow.h"
#include "app/log_tiles.h"

void follow_tell(struct follow_round *round, enum follow_kind kind, const char *format, ...)
    EP_PRINTF(3, 4);
/* What could not be read of the log: a fault of the log, which is told, or of the way to it. */
EP_MUST_CHECK enum err follow_unread(struct follow_round *round, enum err err,
                                     const struct fail *why, struct fail *fail);

struct follow_tree {
    int64_t size;
    struct digest root;
};

/* Whether `tree` continues `old`, which is no larger, by the log's tiles. ERR_OK with
 * *ret_continues; else the tiles could not be read. */
EP_MUST_CHECK enum err follow_continues(const struct follow_round *round,
                                        const struct follow_tree *old,
                                        const struct follow_tree *tree, bool *ret_continues,
                                        struct fail *fail);
/* As above, of the tree that `tiles` are of; what fails is told there. */
EP_MUST_CHECK enum err follow_continues_in(struct log_tiles *tiles, const struct follow_tree *old,
                                           const struct digest *root, bool *ret_continues);

/* The entries behind those that were seen: read, and added to the tree. */
EP_MUST_CHECK enum err follow_entries(struct follow_round *round, const struct follow_seen *seen,
                                      struct fail *fail);

/* What the policy's witnesses were shown. */
struct follow_witness {
    const struct quorum_party *party;
    bool known;
    int64_t size;
    struct digest root;
    struct buf note;
};
struct follow_witnesses {
    size_t count;
    struct follow_witness all[QUORUM_WITNESSES_MAX];
};
void follow_witnesses_init(struct follow_witnesses *witnesses);
void follow_witnesses_fini(struct follow_witnesses *witnesses);
void follow_witnesses_ask(struct follow_round *round, struct follow_witnesses *witnesses);
/* The largest size that one has cosigned. */
int64_t follow_witnesses_size(const struct follow_witnesses *witnesses);
EP_MUST_CHECK enum err follow_witnesses_compare(struct follow_round *round,
                                                const struct follow_witnesses *witnesses,
                                                struct fail *fail);

/* Each receipt of the folder: whether it is where it was promised to be. */
EP_MUST_CHECK enum err follow_receipts(struct follow_round *round, struct fail *fail);
