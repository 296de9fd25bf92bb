#include "front/device_issue.h"

#include "ident/review.h"
#include "ledger/ledger.h"

/* On the writer's thread. */
static enum err device_issue_budget(void *context, struct store_txn *txn,
                                    const struct device *device, const int64_t caps[FLEET_CAPS],
                                    struct fail *fail)
{
    const struct budget_limits limits = {
        .nano = { caps[FLEET_MONEY_DAY], BUDGET_NONE, caps[FLEET_MONEY_TOTAL] },
        .calls = { caps[FLEET_CALLS_DAY], BUDGET_NONE, caps[FLEET_CALLS_TOTAL] },
    };
    _Static_assert(FLEET_CAP_NONE == BUDGET_NONE, "no cap is the same in both rooms");
    bool capped = false;
    for (int i = 0; i < BUDGET_WINDOWS; i++) {
        capped = capped || limits.nano[i] != BUDGET_NONE || limits.calls[i] != BUDGET_NONE;
    }
    return capped ? ledger_write_budget(context, txn, device->key.id, &limits, fail) : ERR_OK;
}

enum err device_issue_run(const struct device_issue *with, struct devices_issue *issue,
                          struct fail *fail)
{
    const struct client *client = issue->fleet->client;
    issue->fault = 0;
    issue->field = NULL;
    if (with->review != NULL &&
        review_hold(with->review, client->id, NULL) >= REVIEW_HOLD_TRAFFIC) {
        return FAIL(fail, ERR_LAW_REVIEW, "%s", err_info(ERR_LAW_REVIEW)->text);
    }
    issue->made = device_issue_budget;
    issue->context = with->ledger;
    return devices_issue(with->ident, issue, fail);
}
