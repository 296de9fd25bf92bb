/*
 * What limits of the law have used up: tokens of a grant's quota and of a procurement's purchase
 * orders, records of US persons by category and client. A counter has a name and a period; what is
 * settled is a row, what is under way is reserved in memory alone, so that calls at once do not
 * exceed a quota together.
 *
 * Threads: any; a counter is found under a lock and changed by atomics. quota_write() inside a
 * store job.
 */
#pragma once

#include "store/store.h"

#define QUOTA_NAME_MAX 160 /* "grant ID", "order ID", "us CATEGORY CLIENT" */

extern const struct store_migration quota_migration;

struct quota;         /* all counters */
struct quota_counter; /* lives as long as they do */

EP_MUST_CHECK enum err quota_open(struct store *store, struct quota **ret_quota, struct fail *fail);
void quota_close(struct quota *quota); /* NULL is allowed */

/* The counter, made if there is none. NULL: no memory, or the name is too long. */
struct quota_counter *quota_find(struct quota *quota, struct str name, int64_t period);
/* Used and reserved. */
uint64_t quota_read(const struct quota_counter *counter);
void quota_reserve(struct quota_counter *counter, uint64_t amount);
/* Ends a reservation; `used` of it is kept: the same as what quota_write() wrote. */
void quota_settle(struct quota_counter *counter, uint64_t reserved, uint64_t used);
/* Adds to the counter's row; quota_settle() comes when the job is durable. */
EP_MUST_CHECK enum err quota_write(const struct quota_counter *counter, struct store_txn *txn,
                                   uint64_t used, struct fail *fail);
