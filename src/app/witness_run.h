/*
 * `entrepot witness`: runs as a witness for the logs of others, from a folder of its own
 * (app/witness_folder.h), at a listener of its own (app/witness_front.h); without configuration and
 * books.
 */
#pragma once

#include "app/args.h"
#include "base/buf.h"

/* "witness init DIR --name NAME": makes the folder; its vkey goes to `out`. */
EP_MUST_CHECK enum err witness_init_run(const struct args *args, struct buf *out,
                                        struct fail *fail);
/* "witness DIR [--listen ADDRESS]": until SIGTERM or SIGINT; SIGHUP reads the list of logs again.
 * Logs on standard error. */
EP_MUST_CHECK enum err witness_run(const struct args *args, struct fail *fail);
