/*
 * The chains that admitted a pack's calls, shown again: the first call of each is judged once more
 * by the registry of then, and what closed its authorization must have the hash that the receipts
 * name. Beside it what both ends signed about data, and who else touches it.
 */
#pragma once

#include "settle/evidence_fold.h"
#include "settle/evidence_head.h"

struct evidence_chain {
    const struct counts_row *row;           /* of CHAINS: registry, chain, route; calls */
    const struct evidence_version *version; /* NULL: not at hand */
    const struct policy_route *route;       /* NULL: it is not that chain today */
};

typedef enum err evidence_chain_fn(void *context, const struct evidence_chain *chain);
/* All of them, in their order; what is told is valid inside `told`. */
EP_MUST_CHECK enum err evidence_chains(struct evidence_fold *fold, evidence_chain_fn *told,
                                       void *context, struct fail *fail);

/* "grants.json": the grants and agreements of each chain, with their documents' sums. Appends. */
EP_MUST_CHECK enum err evidence_grants_print(struct evidence_fold *fold, struct buf *out,
                                             struct fail *fail);
/* "data_terms.json": the terms of each chain's two ends, and the lists of who else touches content,
 * by the registry's versions. Of other clients it names none. */
EP_MUST_CHECK enum err evidence_terms_print(const struct evidence_head *head,
                                            struct evidence_fold *fold, struct buf *out,
                                            struct fail *fail);
