/*
 * Whom to trust (c2sp.org/tlog-policy): a file that names logs, witnesses (each with its key and,
 * for who submits to it, its URL), groups of them, and which group is a quorum. Immutable once
 * read.
 */
#pragma once

#include "tlog/note.h"

#define QUORUM_LOGS_MAX      32 /* the specification recommends at least 32 of each */
#define QUORUM_WITNESSES_MAX 32
#define QUORUM_GROUPS_MAX    32
#define QUORUM_BYTES_MAX     65536

struct quorum;

struct quorum_party {
    struct str name; /* in the file; a log's: its origin. Lives as long as the quorum */
    struct note_key key;
    struct str url; /* may be empty */
};

/* ERR_QUORUM_INVALID with the line and what is wrong. Beyond the specification, a key that is both
 * a log's and a witness's is refused: who vouches for himself is no witness. */
EP_MUST_CHECK enum err quorum_parse(struct str text, struct quorum **ret_quorum, struct fail *fail);
void quorum_destroy(struct quorum *quorum); /* NULL is allowed */
size_t quorum_logs(const struct quorum *quorum);
const struct quorum_party *quorum_log(const struct quorum *quorum, size_t at);
size_t quorum_witnesses(const struct quorum *quorum);
const struct quorum_party *quorum_witness(const struct quorum *quorum, size_t at);
/* `signed_by` has an element a witness. `quorum none` is always reached. */
bool quorum_reached(const struct quorum *quorum, const bool *signed_by);
/* Which witnesses' cosignatures hold, into ret_signed[QUORUM_WITNESSES_MAX]; a forged one:
 * ERR_NOTE_FORGED with its name. */
EP_MUST_CHECK enum err quorum_check(const struct quorum *quorum, const struct note *note,
                                    bool *ret_signed, struct fail *fail);
