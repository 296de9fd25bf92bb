/*
 * Checking a pack, with nothing but the log's public key: that each file is what was signed, that
 * each receipt is a leaf of the checkpoint's tree, that every figure and the report follow from the
 * receipts, and that decisions come out the same when they are judged again.
 *
 * The tests are made in their order; after one that fails the others are not, because they would be
 * of something else. Memory: a file of the pack at a time, sums, a few registries.
 */
#pragma once

#include "settle/evidence_head.h"
#include "store/store.h"
#include "tlog/quorum.h"

#define EVIDENCE_JUDGE_ALL   INT64_MAX
#define EVIDENCE_FAULTS_MAX  32 /* files that are named */
#define EVIDENCE_FAULT_BYTES 16384

enum evidence_test {
    EVIDENCE_TEST_FORM,       /* an archive in the one form that packs have */
    EVIDENCE_TEST_SIGNED,     /* the manifest is under the log's signature */
    EVIDENCE_TEST_FILES,      /* each file is the manifest's, none is missing or too many */
    EVIDENCE_TEST_CHECKPOINT, /* the log's, and the one the pack says it is about */
    EVIDENCE_TEST_WITNESSED,  /* cosignatures that hold reach the quorum */
    EVIDENCE_TEST_REGISTRY,   /* each version has the hash that two persons signed */
    EVIDENCE_TEST_RECEIPTS,   /* the client's, of the period, word for word as in the log */
    EVIDENCE_TEST_ROOT,       /* all of them lead to the checkpoint's root */
    EVIDENCE_TEST_FIGURES,    /* sums, lists and report are what follows */
    EVIDENCE_TEST_DECISIONS,  /* judged again, with the same outcome and the same reasons */
    EVIDENCE_TESTS
};

const char *evidence_test_name(enum evidence_test test); /* "manifest signature", ... */

enum evidence_outcome {
    EVIDENCE_NOT_TESTED,
    EVIDENCE_HOLDS,
    EVIDENCE_FAILS
};

struct evidence_checking {
    struct str path;
    const struct note_key *key;
    const struct quorum *quorum;    /* NULL: witnesses are not asked about */
    struct str program;             /* the version of this one, as packs name it */
    int64_t judge;                  /* how many decisions */
    uint64_t seed;                  /* of their choice */
    struct store_progress progress; /* in files; those of receipts are read three times */
};

struct evidence_report {
    enum evidence_outcome outcomes[EVIDENCE_TESTS];
    struct fail why[EVIDENCE_TESTS]; /* of those that fail, and why one was not made */
    struct buf faults;               /* a line each: the files that are not as they should be */
    size_t fault_count;              /* also those beyond EVIDENCE_FAULTS_MAX */
    struct evidence_head head;       /* filled where the files hold */
    int64_t files;
    int64_t receipts;
    int64_t erased;
    int64_t decisions; /* that could be judged again */
    int64_t judged;
    int64_t agreed;
    size_t witnesses; /* whose cosignatures hold */
    bool unlike;      /* another version made it: what is for people was not made again */
    bool holds;       /* no test fails, and all that are needed were made */
};

void evidence_report_init(struct evidence_report *report);
void evidence_report_fini(struct evidence_report *report);
/* ERR_OK: it was checked, and the report says with which outcome. ERR_IO, ERR_NO_MEMORY: it could
 * not be. */
EP_MUST_CHECK enum err evidence_check(const struct evidence_checking *checking,
                                      struct evidence_report *report, struct fail *fail);
