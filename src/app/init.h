/*
 * A complete working folder: configuration, the example registry, keys, the books, a first client
 * with credit and its API key. `serve` runs it at once.
 */
#pragma once

#include "base/buf.h"

/*
 * `folder` is made if it is not there (its parent must be) and must be empty: ERR_CONFLICT. What
 * was made, and the next command, go to `out`; what is wrong to `errors`. On failure the folder is
 * left half made, to be looked at and removed.
 */
EP_MUST_CHECK enum err init_folder(struct str folder, struct buf *out, struct buf *errors);

/* The registry that is put there. */
enum init_example {
    INIT_EXAMPLE_WORLD, /* models of several vendors under one brand: registry/ */
    INIT_EXAMPLE_ZONE   /* a model that runs in a special zone: registry-zone/ over registry/ */
};
EP_MUST_CHECK enum err init_folder_with(struct str folder, enum init_example example,
                                        struct buf *out, struct buf *errors);
