/*
 * What a crash leaves behind: holds that no settlement ended. Each ends with what its last mark
 * says was delivered (ledger/mark.h), nothing where it has none, and a receipt that says
 * "interrupted", in one transaction; the rest of it is the client's again. So a crash in the middle
 * of it, or of another one, leaves holds that the next start ends.
 */
#pragma once

#include "ledger/ledger.h"
#include "tlog/tlog.h"

/* Ends them all and logs how many they were. Before the first call. */
EP_MUST_CHECK enum err recover_holds(struct store *store, struct ledger *ledger, struct tlog *tlog,
                                     int64_t now_ns, size_t *ret_count, struct fail *fail);
