/*
 * The folder of a witness:
 *
 *   witness.key    the seed of its key: 0600, for this witness alone
 *   witness.vkey   the public half, for the logs that ask and for whoever relies on it
 *   logs           whom it watches: a line "VKEY [ORIGIN]" each (tlog/witness.h)
 *   state.db       what it has cosigned (app/witness_state.h)
 *
 * Threads: one.
 */
#pragma once

#include "app/witness_state.h"

struct witness_folder {
    struct note_key key;
    struct sign_key *secret;
    struct store *state;
};

/* Makes it, with a fresh key and a list without logs; the vkey and a line end go to `out`. The
 * folder may be there, but nothing of a witness in it: ERR_CONFLICT, ERR_IO. */
EP_MUST_CHECK enum err witness_folder_create(const char *path, struct str name, struct buf *out,
                                             struct fail *fail);
/* Also refuses, with ERR_CONF_INVALID, a public half that is not the key's. */
EP_MUST_CHECK enum err witness_folder_open(const char *path, struct witness_folder *ret_folder,
                                           struct fail *fail);
void witness_folder_close(struct witness_folder *folder); /* allowed when it is zero */
/* The list as the file is now, to witness_logs_destroy(). Also refuses, with ERR_CONF_INVALID, one
 * that has `key`, the witness's own. */
EP_MUST_CHECK enum err witness_folder_logs(const char *path, const struct note_key *key,
                                           struct witness_logs **ret_logs, struct fail *fail);
