/*
 * Issuing devices' keys, as the maker's systems and the operator's command line both do it: devices
 * with their budgets, in one transaction, under what holds the client. From a thread that may wait.
 */
#pragma once

#include "ident/issue.h"

struct ledger;
struct review;

struct device_issue {
    struct ident *ident;
    struct ledger *ledger;
    const struct review *review; /* NULL: nothing holds anybody */
};

/* devices_issue(), and a budget for each new device that has a cap on money or calls. `made` and
 * `context` of the issue are written here. ERR_LAW_REVIEW: a case holds the client, and it gets no
 * new keys; ERR_CONFLICT: it was erased. */
EP_MUST_CHECK enum err device_issue_run(const struct device_issue *with,
                                        struct devices_issue *issue, struct fail *fail);
