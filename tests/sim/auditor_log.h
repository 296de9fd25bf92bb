/*
 * The auditor of the published log: what anybody who reads the folder, or a witness, has ever seen
 * must be true of it for ever. Of the program's it uses the formats alone (tree, note, checkpoint,
 * tile, proven by golden vectors) and the readers of rows.
 */
#pragma once

#include "play.h"
#include "store/store.h"

void auditor_log_begin(void);
/* The folder as it lies there now, each byte of it: what is shown stands on whole tiles. */
void auditor_log_look(struct play *play);
/* The rows, at the start of a life: all that was ever seen is true of them. */
void auditor_log_look_at_rows(struct play *play, struct store *store);
/* A round has ended well: so much is shown. */
void auditor_log_on_round(struct play *play, int64_t size);
/* The last round of a life that ends in order has ended well: all leaves are shown. */
void auditor_log_on_rest(struct play *play, int64_t leaves);
/* The store is an old backup, and a publisher was opened with this result. */
void auditor_log_on_restored(struct play *play, enum err result);
/* The witness: the size that it last cosigned. */
int64_t auditor_log_cosigned(void);
/* It is asked (c2sp.org/tlog-witness): whether it cosigns, and its line. */
bool auditor_log_on_asked(struct play *play, struct str question, struct buf *line);
