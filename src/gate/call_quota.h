/*
 * What limits of the law have used up, as the judge asks it, and what a call adds: tokens of the
 * grants that have a quota, of the purchase orders under which its upstream was bought, records of
 * US persons where they go to places that count them. Registries without such limits pay nothing
 * for them.
 */
#pragma once

#include "policy/policy.h"
#include "store/store.h"

struct call;
struct gate;
struct gate_snapshot;
struct quota_counter;

#define CALL_QUOTA_GRANTS_MAX 64 /* with a quota, of one model: more refuse its calls */

/* A limit as it stood when the call was judged; by the object's place in the registry. */
struct call_count {
    uint64_t value;
    uint32_t at;
};

/* Of one call, in its arena. */
struct call_quota {
    struct call_count *grants;
    size_t grant_count;
    struct call_count *orders;
    size_t order_count;
    uint64_t us_bulk[REGISTRY_US_CATEGORY_COUNT];
    /* What the attempt's route uses: reserved until the call ends. */
    struct quota_counter **held;
    size_t held_count;
    size_t held_records; /* the last so many of `held` count records, not tokens */
    uint64_t reserved;   /* tokens of each of the others */
};

/* Whether the registry has any such limit. */
bool call_quota_is_needed(const struct registry *registry);
/* The arrays that judgements read. */
void call_quota_room_free(struct gate *gate);
/* Notes how the limits stand that the call's model and client can meet. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_quota_note(struct call *call);
/* As noted; the arrays are the gate's, and must be cleared before another call is judged. */
void call_quota_show(const struct call *call, struct policy_counters *ret_counters);
void call_quota_clear(const struct call *call);
/* When the first quota that refuses the call begins anew; 0: never within its grant. */
int64_t call_quota_resets(const struct call *call);
/* Whether a limit counts what the call uses at this route, or at that of its attempt. */
bool call_quota_counts(const struct call *call, const struct registry_route *route);
/* The route is asked: what the call can use of its limits is reserved. */
EP_MUST_CHECK enum err call_quota_reserve(struct call *call);
/* In the settlement's job: what the call has used. */
EP_MUST_CHECK enum err call_quota_write(const struct call *call, struct store_txn *txn,
                                        struct fail *fail);
/* The settlement is durable (`used`), or nothing was. */
void call_quota_end(struct call *call, bool used);
