/*
 * Erasing what identifies: a receipt's sections and their salts become empty, the leaf stays. The
 * entry of the log commits to SHA-256(salt || section); without the salt nobody can tell by trying
 * what the section said, so the log and its root are as they were and say nothing any more. Whoever
 * kept a section with its salt can still check it.
 *
 * A section goes with its salt, and both at once: an audit finds one without the other.
 *
 * Threads: tlog_rows() and the like over a reader's snapshot or inside a job; tlog_erase() inside a
 * job. Erasing twice is erasing once.
 */
#pragma once

#include "store/store.h"
#include "tlog/receipt.h"

#define TLOG_ERASE_MAX 256 /* receipts of one job: some 10 ms of the writer */

/* Which sections, a bit each. */
#define TLOG_CLIENT   (1U << RECEIPT_CLIENT)
#define TLOG_EVIDENCE (1U << RECEIPT_EVIDENCE)
#define TLOG_OPERATOR (1U << RECEIPT_OPERATOR)
#define TLOG_SECTIONS (TLOG_CLIENT | TLOG_EVIDENCE | TLOG_OPERATOR)

/* A receipt as one who looks for something to erase sees it. */
struct tlog_row {
    int64_t leaf;
    int64_t appended_ns; /* by the clock of then: informative */
    struct id call;
    struct str client; /* the section; empty: erased. Valid inside the callback */
    unsigned whole;    /* the sections that are there */
};

/* Anything but ERR_OK ends the walk with it. */
typedef enum err tlog_row_fn(void *context, const struct tlog_row *row);

/* The receipts at `from` and above, ascending, at most `count` of them. */
EP_MUST_CHECK enum err tlog_rows(struct store_txn *txn, int64_t from, int64_t count,
                                 tlog_row_fn *told, void *context, struct fail *fail);

/* Empties these sections of these receipts; a leaf that is no receipt is passed over. */
EP_MUST_CHECK enum err tlog_erase(struct store_txn *txn, const int64_t *leaves, size_t count,
                                  unsigned sections, struct fail *fail);

/* ---- notes --------------------------------------------------------------------------------- */

/* Anything but ERR_OK ends the walk with it. */
typedef enum err tlog_note_fn(void *context, int64_t leaf, struct str detail);
/* The notes about keys that are there, ascending. */
EP_MUST_CHECK enum err tlog_key_notes(struct store_txn *txn, tlog_note_fn *told, void *context,
                                      struct fail *fail);
/* Inside a job: empties the details and salts of these notes, TLOG_ERASE_MAX of them at most. */
EP_MUST_CHECK enum err tlog_erase_notes(struct store_txn *txn, const int64_t *leaves, size_t count,
                                        struct fail *fail);

/* ---- figures ------------------------------------------------------------------------------- */

struct tlog_oldest {
    int64_t leaf; /* -1: none */
    int64_t appended_ns;
};

/* The first receipt, at `from` or above, that still has the section. */
EP_MUST_CHECK enum err tlog_oldest(struct store_txn *txn, enum receipt_section section,
                                   int64_t from, struct tlog_oldest *ret_oldest, struct fail *fail);
/* How many receipts at `from` and above were appended before a time and still have the section. */
EP_MUST_CHECK enum err tlog_count_old(struct store_txn *txn, enum receipt_section section,
                                      int64_t from, int64_t before_ns, int64_t *ret_count,
                                      struct fail *fail);
