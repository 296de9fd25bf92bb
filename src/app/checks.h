/*
 * The commands that check without the books: a receipt, a log, a log as it grows, a
 * pack of evidence. All they need is
 * the log's public key (trust.h). They exit 0: all holds, 1: something does not, 2: asked wrongly,
 * 3: could not be done.
 */
#pragma once

#include "app/acts.h"

enum act_exit receipt_verify_run(const struct args *args, struct buf *out, struct buf *errors);
enum act_exit log_key_run(const struct args *args, struct buf *out, struct buf *errors);
enum act_exit log_verify_run(const struct args *args, struct buf *out, struct buf *errors);
/* Prints to standard output as it goes. */
enum act_exit log_follow_run(const struct args *args, struct buf *out, struct buf *errors);
enum act_exit evidence_verify_run(const struct args *args, struct buf *out, struct buf *errors);

/* What a check that could not be begun exits with: what is given and cannot be read is the asker's
 * mistake, like what is missing. */
enum act_exit checks_exit_of(enum err err);
