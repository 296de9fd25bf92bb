#include "gate/call_fit.h"

#include "gate/call_attempt.h"
#include "gate/call_law.h"
#include "tlog/receipt.h"

#define FIT_FACTS_BASE ((size_t)3072) /* what the judge is told beside lists: names and a time */
#define FIT_COUNTER    ((size_t)152)  /* an id of at most 127 bytes, and a number */
#define FIT_BASE       ((size_t)2048) /* of the section beside what is counted below */
#define FIT_REASONS    ((size_t)RECEIPT_REASONS_MAX * (RECEIPT_REASON_MAX + 3))
/* {"billable":"yes","outcome":"...","route":"...","sent":"yes","upstream_id":"..."}, with ids that
 * consist of quotes. */
#define FIT_TRY ((size_t)128 + (size_t)2 * CALL_UPSTREAM_ID_MAX)

/* "cost":"...","cost_by":"reported","cost_currency":"USD","hedge":"yes", of two at most. */
#define FIT_HEDGE ((size_t)256)

/* {"rank":"..","route":"...","score":"...","why":"..."}, likewise, of those that are told. */
#define FIT_CANDIDATE ((size_t)96)

/* Facts are JSON inside a string: half of their bytes may be quotes of names with two letters. */
static size_t fit_escaped(size_t bytes)
{
    return bytes + bytes / 2;
}

bool call_fit_holds(const struct call_fit *fit)
{
    size_t facts = FIT_FACTS_BASE + fit->counters * FIT_COUNTER;
    size_t tries = 0;
    size_t longest = 0;
    ASSERT(fit->model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    for (size_t i = 0; i < fit->model->route_count; i++) {
        size_t len = fit->model->routes[i]->id.len;
        facts += (fit->quarantined >> i & 1) != 0 ? len + 3 : 0;
        longest = len > longest ? len : longest;
        tries += (fit->routes >> i & 1) != 0 ? 2 * len + FIT_TRY : 0; /* and once in the verdict */
    }
    size_t told = fit->model->route_count < RECEIPT_CANDIDATES_MAX ? fit->model->route_count
                                                                   : RECEIPT_CANDIDATES_MAX;
    size_t choice = told * (2 * longest + FIT_CANDIDATE);
    return facts <= CALL_LAW_FACTS_MAX &&
           FIT_BASE + FIT_HEDGE + FIT_REASONS + fit_escaped(facts) + tries + choice <=
               RECEIPT_SECTION_MAX;
}
