#include "gate/call_fit.h"

#include "gate/call_attempt.h"
#include "gate/call_law.h"
#include "tlog/receipt.h"

#define FIT_FACTS_BASE ((size_t)3072) /* what the judge is told beside lists: names and a time */
#define FIT_COUNTER    ((size_t)152)  /* an id of at most 127 bytes, and a number */
#define FIT_BASE       ((size_t)2048) /* of the section beside what is counted below */
/* Of the verdict's reasons, all that are told, half of their bytes quotes. */
#define FIT_REASONS \
    ((size_t)RECEIPT_REASONS_MAX * (RECEIPT_REASON_MAX + RECEIPT_REASON_MAX / 2 + 3))
/* {"billable":"yes","outcome":"...","route":"...","sent":"yes","upstream_id":"..."}, with an
 * upstream's id that consists of quotes. */
#define FIT_TRY ((size_t)128 + (size_t)2 * CALL_UPSTREAM_ID_MAX)

/* "cost":"...","cost_by":"reported","cost_currency":"USD","hedge":"yes", of two at most. */
#define FIT_HEDGE ((size_t)256)

/* {"rank":"..","route":"...","score":"...","why":"..."} of those that are told. */
#define FIT_CANDIDATE ((size_t)96)

/* Facts are JSON inside a string: half of their bytes may be quotes of names with two letters. */
static size_t fit_escaped(size_t bytes)
{
    return bytes + bytes / 2;
}

static size_t fit_longest(const struct registry_model *model)
{
    size_t longest = 0;
    for (size_t i = 0; i < model->route_count; i++) {
        size_t len = model->routes[i]->id.len;
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* Of one model: what the verdict names, each route's try, and the choice. */
static size_t fit_of_one(const struct call_fit *fit)
{
    const struct registry_model *model = fit->model;
    size_t told =
        model->route_count < RECEIPT_CANDIDATES_MAX ? model->route_count : RECEIPT_CANDIDATES_MAX;
    size_t tries = 0;
    for (size_t i = 0; i < model->route_count; i++) {
        bool open = (fit->quarantined >> i & 1) == 0;
        tries += open ? model->routes[i]->id.len + FIT_TRY : 0;
    }
    return tries + told * (fit_longest(model) + FIT_CANDIDATE);
}

/* Of several: at which of them it will be, nobody knows yet. */
static size_t fit_of_several(const struct call_fallback *fallback)
{
    size_t longest = fit_longest(fallback->first);
    for (size_t i = 0; i < fallback->count; i++) {
        size_t len = fit_longest(fallback->models[i]);
        longest = len > longest ? len : longest;
    }
    return CALL_FIT_TRIES_MAX * (longest + FIT_TRY) +
           RECEIPT_CANDIDATES_MAX * (longest + FIT_CANDIDATE);
}

bool call_fit_holds(const struct call_fit *fit)
{
    size_t facts = FIT_FACTS_BASE + fit->counters * FIT_COUNTER;
    size_t verdict = 0;
    ASSERT(fit->model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    for (size_t i = 0; i < fit->model->route_count; i++) {
        size_t len = fit->model->routes[i]->id.len;
        bool quarantined = (fit->quarantined >> i & 1) != 0;
        facts += quarantined ? len + 3 : 0;
        verdict += quarantined ? 0 : len + 1;
    }
    size_t made = fit->fallback == NULL ? fit_of_one(fit) : fit_of_several(fit->fallback);
    return facts <= CALL_LAW_FACTS_MAX &&
           FIT_BASE + FIT_HEDGE + FIT_REASONS + fit_escaped(facts) + verdict + made <=
               RECEIPT_SECTION_MAX;
}
