/*
 * What a crash leaves behind: holds that no settlement ended. Nobody knows what was delivered, so
 * nothing is charged: each ends with nothing posted and a receipt that says "interrupted", in one
 * transaction.
 */
#pragma once

#include "ledger/ledger.h"
#include "tlog/tlog.h"

/* Ends them all and logs how many they were. Before the first call. */
EP_MUST_CHECK enum err recover_holds(struct store *store, struct ledger *ledger, struct tlog *tlog,
                                     int64_t now_ns, size_t *ret_count, struct fail *fail);
