/*
 * The control socket: a running server does the acts, so that one process alone ever writes.
 * The client side asks for one act by HTTP (POST /act, a JSON array of words) over a local socket
 * and reads {"exit":0,"out":"...","err":"..."}.
 */
#pragma once

#include "app/acts.h"

#define CONTROL_SOCKET   "var/entrepot.sock" /* beside the configuration file */
#define CONTROL_BODY_MAX 65536               /* an act's words */

/* Server side: runs the act that `body` names and appends the JSON answer; touches no socket. Any
 * thread that may wait. Only a failure to write the answer is an error. */
EP_MUST_CHECK enum err control_run(struct world *world, struct str body, struct buf *answer);

/* The words of a body as the operator's log shows them: as JSON, with "..." for the values of flags
 * that may name somebody, because a log is kept elsewhere and longer. Appends what fits. */
void control_show(struct str body, struct buf *out);

/* "FOLDER/var/entrepot.sock"; ERR_LIMIT when it is longer than a socket's address can be. */
EP_MUST_CHECK enum err control_path(const char *conf_path, struct buf *out, struct fail *fail);

/* Client side: asks the server whose socket it is. ERR_NOT_FOUND: none listens. */
EP_MUST_CHECK enum err control_ask(const char *conf_path, const struct args *args,
                                   enum act_exit *ret_exit, struct buf *out, struct buf *errors,
                                   struct fail *fail);
