/* `entrepot restore`: a backup in the place of the store, and what a log that lost leaves needs. */
#pragma once

#include "app/args.h"
#include "base/buf.h"

/* No server may run. What is printed goes to `out`, what is wrong to `errors`. */
EP_MUST_CHECK enum err restore_run(const struct args *args, struct buf *out, struct buf *errors);
