/* Claims and cases that hold what is known of a call or of a client. */
#pragma once

#include "gate/upstream_claim.h"
#include "past.h"

struct claims_job {
    struct store_job job;
    struct claim_item item;
    struct claim_closing closing;
};

static inline enum err claims_run_add(struct store_job *job, struct store_txn *txn,
                                      struct fail *fail)
{
    return upstream_claim_add(txn, &EP_CONTAINER(job, struct claims_job, job)->item, fail);
}

static inline enum err claims_run_close(struct store_job *job, struct store_txn *txn,
                                        struct fail *fail)
{
    return upstream_claim_close(txn, &EP_CONTAINER(job, struct claims_job, job)->closing, fail);
}

static inline void claims_add(struct id call)
{
    struct claims_job add = { .job = { .run = claims_run_add },
                              .item = { .route = STR("aurora-large-us"),
                                        .party = STR("aurora"),
                                        .model = STR("aurora-large"),
                                        .kind = CLAIM_SLOPE,
                                        .call = call,
                                        .upstream_id = STR("claimed-id"),
                                        .now_ns = 1000 } };
    CHECK_EQ(store_run(house.world->store, &add.job, NULL), ERR_OK);
}

static inline void claims_close(int64_t claim, int64_t now_ns)
{
    struct claims_job close = { .job = { .run = claims_run_close },
                                .closing = { .claim = claim,
                                             .state = CLAIM_SETTLED,
                                             .by = STR("Ana"),
                                             .why = STR("paid"),
                                             .now_ns = now_ns } };
    CHECK_EQ(store_run(house.world->store, &close.job, NULL), ERR_OK);
}
