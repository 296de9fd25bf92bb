/*
 * Parties sign their grants and agreements: the signature is written into the folder's file, where
 * the entry stands, or shown to be pasted. No server, no store.
 */
#pragma once

#include "app/args.h"
#include "base/buf.h"

/* "registry sign-grant DIR ...": what was done goes to `out`, faults of the registry to
 * `errors`. */
EP_MUST_CHECK enum err registry_sign_grant_run(const struct args *args, struct buf *out,
                                               struct buf *errors, struct fail *fail);

struct registry_sign_grant_order {
    const char *folder;
    const char *key; /* the path of the key's file */
    struct str key_id;
    struct str grant; /* or agreement */
    bool counter;     /* by who gets it, not by who gives it */
};

/*
 * Writes the signature. ERR_CONFLICT: the entry is not written plainly enough to be edited;
 * `ret_row` holds the line to be pasted, as it does on success.
 */
EP_MUST_CHECK enum err registry_sign_grant(const struct registry_sign_grant_order *order,
                                           struct buf *ret_row, struct buf *errors,
                                           struct fail *fail);
