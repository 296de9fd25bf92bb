/* The hold of a call as its file and the others see it. Inside the gate only. */
#pragma once

#include "ledger/ledger.h"
#include "store/store.h"

struct call;

/* The hold's row on its way; `err` is ERR_BUSY until it is durable. */
struct call_hold {
    struct store_job job;
    struct ledger_hold row;
    enum err err;
    bool queued; /* the job */
    bool placed; /* the ceiling is reserved, and the row ends with a settlement */
};

/* Whether all that may come of the call as it was judged has room on a receipt (call_fit.h): what
 * has not is not sold. */
bool call_receipt_fits(const struct call *call);
