#include "gate/call_choice.h"

#include "base/mem.h"
#include "gate/gate_internal.h"

/* Of a candidate, as small as it can be: an open stream has one for each. */
struct choice_candidate {
    int64_t score;
    const struct registry_route *route;
    unsigned char why;  /* enum dispatch_why */
    unsigned char rule; /* enum preference_rule */
    unsigned char rank; /* 0: not to be taken */
    bool affine;
};

struct call_choice {
    enum preference_sort sort;
    size_t count;
    size_t left_out;
    struct choice_candidate candidates[RECEIPT_CANDIDATES_MAX];
};

/* What routes were ranked by. */
static int64_t choice_score(enum preference_sort sort, const struct dispatch_candidate *candidate)
{
    int64_t nano = INT64_MAX;
    switch (sort) {
    case PREFERENCE_SORT_LATENCY:
        return candidate->first_us;
    case PREFERENCE_SORT_THROUGHPUT:
        return candidate->millitokens;
    case PREFERENCE_SORT_WEIGHT:
        return (int64_t)candidate->weight;
    case PREFERENCE_SORT_ENERGY:
        return dispatch_candidate_energy(candidate);
    case PREFERENCE_SORT_PRICE:
    case PREFERENCE_SORT_COUNT:
        break;
    }
    EP_IGNORE(money_nano_ceil(candidate->cost_pico, &nano)); /* out of range: the dearest */
    return nano;
}

static void choice_add(struct call_choice *choice, const struct dispatch_candidate *candidate)
{
    if (choice->count == RECEIPT_CANDIDATES_MAX) {
        choice->left_out++;
        return;
    }
    choice->candidates[choice->count++] = (struct choice_candidate){
        .score = choice_score(choice->sort, candidate),
        .route = candidate->route,
        .why = (unsigned char)candidate->why,
        .rule = (unsigned char)candidate->rule,
        .rank = (unsigned char)candidate->rank,
        .affine = candidate->affine,
    };
}

/* Those that could be taken come first, by their rank. */
static void choice_fill(struct call_choice *choice, const struct dispatch_explanation *seen)
{
    for (size_t rank = 1; rank <= seen->count; rank++) {
        for (size_t i = 0; i < seen->count; i++) {
            if (seen->candidates[i].rank == rank) {
                choice_add(choice, &seen->candidates[i]);
            }
        }
    }
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->candidates[i].rank == 0) {
            choice_add(choice, &seen->candidates[i]);
        }
    }
}

void call_choice_look(struct call *call, const struct dispatch_ask *ask)
{
    if (ask->model->route_count < 2) {
        return;
    }
    if (call->choice == NULL) {
        call->choice = mem_alloc(sizeof(*call->choice));
    }
    if (call->choice != NULL) {
        struct dispatch_explanation seen;
        dispatch_explain(call->gate->world.dispatch, ask, &seen);
        *call->choice = (struct call_choice){ .sort = seen.sort };
        choice_fill(call->choice, &seen);
    }
}

void call_choice_took(struct call *call, const struct registry_route *route)
{
    struct call_choice *choice = call->choice;
    for (size_t i = 0; choice != NULL && i < choice->count; i++) {
        struct choice_candidate *candidate = &choice->candidates[i];
        if (candidate->route == route) {
            candidate->why = DISPATCH_WHY_CHOSEN;
        } else if (candidate->why == DISPATCH_WHY_CHOSEN) {
            candidate->why = DISPATCH_WHY_WORSE;
        }
    }
}

void call_choice_note(struct call *call, const struct registry_route *route, enum dispatch_why why)
{
    struct call_choice *choice = call->choice;
    for (size_t i = 0; choice != NULL && i < choice->count; i++) {
        if (choice->candidates[i].route == route) {
            choice->candidates[i].why = (unsigned char)why;
        }
    }
}

/* What the upstream's cache took off its bill, by the route's contract: as far as its report can be
 * believed. */
static int64_t choice_saved(const struct call *call)
{
    struct rate rate;
    int64_t nano = 0;
    if (call->route == NULL || !call->has_reported || call->reported.quarantined) {
        return 0;
    }
    const struct registry_price *contract = call->route->contract;
    const struct call_price price = { .listed = contract, .price = contract, .tier = call->served };
    call_price_rate(&price, &rate);
    return money_nano_floor(rate_saved(&rate, &call->reported), &nano) ? nano : 0;
}

void call_choice_tell(const struct call *call,
                      struct receipt_candidate room[RECEIPT_CANDIDATES_MAX],
                      struct receipt_choice *ret_choice)
{
    const struct call_choice *choice = call->choice;
    *ret_choice = (struct receipt_choice){ .saved_nano = choice_saved(call) };
    if (choice == NULL) {
        return;
    }
    for (size_t i = 0; i < choice->count; i++) {
        const struct choice_candidate *candidate = &choice->candidates[i];
        bool chosen = candidate->why == DISPATCH_WHY_CHOSEN;
        room[i] = (struct receipt_candidate){
            .route = candidate->route->id,
            .why = candidate->rule == PREFERENCE_RULE_NONE
                       ? dispatch_why_name((enum dispatch_why)candidate->why)
                       : preference_rule_name((enum preference_rule)candidate->rule),
            .rank = candidate->rank,
            .score = candidate->score,
        };
        ret_choice->affine = ret_choice->affine || (chosen && candidate->affine);
    }
    ret_choice->sort = preference_sort_name(choice->sort);
    ret_choice->candidates = room;
    ret_choice->count = choice->count;
    ret_choice->left_out = (int64_t)choice->left_out;
}

void call_choice_free(struct call *call)
{
    mem_free(call->choice);
    call->choice = NULL;
}
