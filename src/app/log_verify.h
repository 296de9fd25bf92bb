/*
 * A whole log read again: each entry is hashed anew, each tile made anew from what is below it, and
 * the root of that compared with the one that is signed. What is wrong is named by its file.
 *
 * The memory it takes does not grow with the log: a tile a level, and what is under way.
 */
#pragma once

#include "app/log_source.h"
#include "app/progress.h"
#include "tlog/checkpoint.h"
#include "tlog/entry_form.h"
#include "tlog/quorum.h"

#define LOG_VERIFY_FAULTS_MAX 100   /* told; the rest is counted */
#define LOG_VERIFY_GIVES_UP   10000 /* faults: a size that was signed can be larger than any log */
#define LOG_VERIFY_NOTES_MAX  16    /* told apart */
#define LOG_VERIFY_NOTE_MAX   96

enum log_fault_kind {
    LOG_FAULT_CHECKPOINT, /* it cannot be read, or nobody vouches for it */
    LOG_FAULT_WITNESSES,
    LOG_FAULT_MISSING,
    LOG_FAULT_DAMAGED, /* a file that is not what its neighbours say */
    LOG_FAULT_ENTRY,   /* an entry of no form */
    LOG_FAULT_ROOT,    /* what is there is not what was signed */
    LOG_FAULT_KINDS
};

/* "checkpoint", "missing", ... */
const char *log_fault_name(enum log_fault_kind kind);

struct log_fault {
    enum log_fault_kind kind;
    char path[FETCH_PATH_MAX];
    char text[FAIL_TEXT_MAX];
    bool of_entries; /* a tile and its entries disagree: which of them is wrong shows at the end */
};

/* What is no fault, but to be known: an event of the log, a kind of entry that is not known. */
struct log_note {
    char text[LOG_VERIFY_NOTE_MAX];
    int64_t first; /* leaf */
    int64_t count;
};

struct log_verdict {
    struct log_fault faults[LOG_VERIFY_FAULTS_MAX];
    size_t fault_count; /* all of them, told or not */
    int64_t size;       /* of the checkpoint, once it is read */
    struct digest root; /* that is signed */
    bool root_known;    /* enough was there to make it again */
    int64_t files;      /* tiles and bundles read */
    int64_t kinds[ENTRY_KINDS];
    struct log_note notes[LOG_VERIFY_NOTES_MAX];
    size_t note_count;
    int64_t note_rest; /* entries to be noted beyond those */
    size_t witnesses;  /* whose cosignatures hold */
    int64_t extra;     /* files of a folder that are no part of the log */
    char extra_first[FETCH_PATH_MAX];
};

struct log_verify_order {
    struct log_source *source;
    const struct note_key *key;
    const struct quorum *quorum; /* NULL: witnesses are not asked about */
    struct progress *progress;   /* NULL: nobody looks */
};

/* The verdict lives in the caller (it is large). ERR_OK: the log was read as far as it can be, and
 * fault_count says what is wrong; else it could not be read at all. */
EP_MUST_CHECK enum err log_verify(const struct log_verify_order *order,
                                  struct log_verdict *ret_verdict, struct fail *fail);
