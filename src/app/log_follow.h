/*
 * A log watched as it grows. Each round looks at the checkpoint that is shown, and asks whether it
 * continues the one that was seen before: the same leaves in front, and behind them entries that
 * give the root that is signed. Witnesses are asked what they have seen, so that a log cannot show
 * one history here and another one there, and receipts that somebody holds are looked for.
 *
 * What was seen is a checkpoint that the log has signed: kept, it proves what the log showed. Where
 * the log contradicts itself, both notes are the evidence; anybody can check them by its key.
 */
#pragma once

#include "app/log_source.h"
#include "tlog/checkpoint.h"
#include "tlog/quorum.h"

#define FOLLOW_WITNESS_WAIT_S 30 /* a log shows a checkpoint after its witnesses have seen it */
#define FOLLOW_CLOCK_S        30 /* so far may this machine's clock be ahead of the log's */

enum follow_kind {
    FOLLOW_BEGUN, /* nothing was seen before */
    FOLLOW_SAME,
    FOLLOW_GREW,
    FOLLOW_NOTE,       /* to be known: an event of the log, a witness that does not answer */
    FOLLOW_CHECKPOINT, /* from here on faults: no checkpoint, or nobody vouches for it */
    FOLLOW_WITNESSES,  /* too few have cosigned it */
    FOLLOW_OLDER,      /* it goes back behind what was seen */
    FOLLOW_FORKED,     /* it contradicts what was seen */
    FOLLOW_DAMAGED,    /* tiles or entries are missing, or are not what is signed */
    FOLLOW_SPLIT,      /* a witness was shown something else */
    FOLLOW_RECEIPT,    /* a receipt does not hold */
    FOLLOW_BROKEN,     /* a promise that was not kept */
    FOLLOW_KINDS
};

const char *follow_kind_name(enum follow_kind kind); /* "begun", ... */
static inline bool follow_is_fault(enum follow_kind kind)
{
    return kind >= FOLLOW_CHECKPOINT;
}

struct follow_seen {
    bool known;
    int64_t size;
    struct digest root;
    struct buf note; /* the signed checkpoint, with the cosignatures it came with */
};
void follow_seen_init(struct follow_seen *seen);
void follow_seen_fini(struct follow_seen *seen);
/* The note that is kept in the file; nothing if there is no such file. ERR_NOTE_INVALID,
 * ERR_NOTE_FORGED: the file holds no checkpoint of this log. */
EP_MUST_CHECK enum err follow_seen_read(const char *path, const struct note_key *key,
                                        struct follow_seen *seen, struct fail *fail);

typedef void follow_tell_fn(void *context, enum follow_kind kind, struct str text);

struct follow_order {
    struct log_source *source;
    const struct note_key *key;
    const struct quorum *quorum; /* NULL: witnesses are not asked about */
    const char *receipts;        /* a folder of documents; NULL: none */
    follow_tell_fn *tell;
    void *context;
};

struct follow_round {
    const struct follow_order *order;
    int64_t now_s;
    size_t faults;
    bool contradicted;   /* of those: the log has signed two things, or shows less than it did */
    struct buf evidence; /* then: another note that contradicts, or empty */
    struct buf note;     /* what is shown now; these three once it is under the log's signature */
    int64_t size;
    struct digest root;
};
void follow_round_init(struct follow_round *round, const struct follow_order *order);
void follow_round_fini(struct follow_round *round);

/*
 * One round; what it finds is told as it comes. `seen` becomes what is shown now unless that
 * contradicts it or could not be read. ERR_OK also where there are faults; else the log could not
 * be reached.
 */
EP_MUST_CHECK enum err follow_round_run(struct follow_round *round, struct follow_seen *seen,
                                        int64_t now_s, struct fail *fail);
