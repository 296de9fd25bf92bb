/*
 * The commands that sign: persons sign a registry's content, parties their grants. They work on a
 * folder of files alone, on any machine where the key is: no server, no store.
 */
#pragma once

#include "app/args.h"
#include "registry/registry_signing.h"

/* "registry keygen FILE", "registry sign DIR ...", "registry sign-grant DIR ...". What is made goes
 * to `out`; faults of the registry to `errors`. */
EP_MUST_CHECK enum err registry_keygen_run(const struct args *args, struct buf *out,
                                           struct fail *fail);
EP_MUST_CHECK enum err registry_sign_run(const struct args *args, struct buf *out,
                                         struct buf *errors, struct fail *fail);

/* Who signs a folder. */
struct registry_sign_order {
    const char *folder;
    const char *key; /* the path of the key's file */
    struct str person;
    enum registry_role role;
};

/* Adds a signature over what the folder says now to its signatures.yaml; the content's hash. */
EP_MUST_CHECK enum err registry_sign_folder(const struct registry_sign_order *order,
                                            struct digest *ret_hash, struct buf *errors,
                                            struct fail *fail);
/* The key of a file. */
EP_MUST_CHECK enum err registry_sign_key(const char *path, struct sign_key **ret_key,
                                         struct fail *fail);
