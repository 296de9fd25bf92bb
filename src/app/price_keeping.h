/* The prices of a registry on their way into the books, where they stay for ever. */
#pragma once

#include "base/err.h"
#include "crypto/digest.h"

struct ledger;
struct registry;
struct registry_price_book;
struct tlog;

/* The hash of what a price book says: its id, version, currency and every price. */
EP_MUST_CHECK enum err price_keeping_hash(const struct registry_price_book *book,
                                          struct digest *ret_hash);
/* Before the registry comes into force; from a thread that may wait. */
EP_MUST_CHECK enum err price_keeping_keep(struct ledger *ledger, struct tlog *tlog,
                                          const struct registry *registry, struct fail *fail);
