#include <stdlib.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "policy/bill.h"
#include "policy/policy_internal.h"

/* Instants are collected twice: to count them, then into an array of that size. */
struct edges {
    int64_t *at; /* NULL: count */
    size_t count;
};

static void edges_add(struct edges *edges, int64_t at)
{
    if (at == REGISTRY_TIME_NEVER) {
        return;
    }
    if (edges->at != NULL) {
        edges->at[edges->count] = at;
    }
    edges->count++;
}

static void edges_add_window(struct edges *edges, int64_t from, int64_t until)
{
    edges_add(edges, from);
    edges_add(edges, until);
}

static void edges_of_chains(struct edges *edges, const struct registry *registry)
{
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        edges_add_window(edges, grant->valid_from, grant->valid_until);
        edges_add(edges, chain_revoked_from(grant));
    }
    for (size_t i = 0; i < registry->agreement_count; i++) {
        const struct registry_agreement *agreement = &registry->agreements[i];
        edges_add_window(edges, agreement->valid_from, agreement->valid_until);
        edges_add(edges, agreement->revoked_at);
    }
}

static void edges_of_parties(struct edges *edges, const struct registry *registry)
{
    for (size_t i = 0; i < registry->party_count; i++) {
        const struct registry_party *party = &registry->parties[i];
        for (size_t j = 0; j < party->qualification_count; j++) {
            edges_add_window(edges, party->qualifications[j].valid_from,
                             party->qualifications[j].valid_until);
        }
    }
    for (size_t i = 0; i < registry->requirement_count; i++) {
        edges_add_window(edges, registry->requirements[i].valid_from,
                         registry->requirements[i].valid_until);
    }
    for (size_t i = 0; i < registry->product_count; i++) {
        edges_add(edges, registry->products[i].dpa.grace_until);
    }
    for (size_t i = 0; i < registry->zone_count; i++) {
        edges_add_window(edges, registry->zones[i].approval.valid_from,
                         registry->zones[i].approval.valid_until);
    }
    for (size_t i = 0; i < registry->network_count; i++) {
        edges_add_window(edges, registry->networks[i].valid_from,
                         registry->networks[i].valid_until);
    }
}

static void edges_of_data(struct edges *edges, const struct registry *registry)
{
    for (size_t i = 0; i < registry->data_terms_count; i++) {
        const struct registry_data_terms *terms = &registry->data_terms[i];
        edges_add_window(edges, terms->dpa.valid_from, terms->dpa.valid_until);
        for (size_t j = 0; j < terms->transfer_count; j++) {
            edges_add_window(edges, terms->transfer_basis[j].valid_from,
                             terms->transfer_basis[j].valid_until);
        }
    }
    for (size_t i = 0; i < registry->subprocessor_count; i++) {
        const struct registry_subprocessor_list *list = &registry->subprocessors[i];
        edges_add_window(edges, list->published_at, list->effective_at);
        for (size_t j = 0; j < list->objection_count; j++) {
            edges_add(edges, list->objections[j].at);
        }
    }
    for (size_t i = 0; i < registry->lane_count; i++) {
        edges_add_window(edges, registry->lanes[i].valid_from, registry->lanes[i].valid_until);
    }
    for (size_t i = 0; i < registry->threshold_count; i++) {
        edges_add_window(edges, registry->thresholds[i].valid_from,
                         registry->thresholds[i].valid_until);
    }
}

static void edges_of_bills(struct edges *edges, const struct registry *registry)
{
    for (size_t i = 0; i < registry->procurement_count; i++) {
        const struct registry_procurement *procurement = &registry->procurements[i];
        edges_add_window(edges, procurement->valid_from, procurement->valid_until);
        for (size_t j = 0; j < procurement->purchase_order_count; j++) {
            edges_add_window(edges, procurement->purchase_orders[j].valid_from,
                             procurement->purchase_orders[j].valid_until);
        }
    }
    for (size_t i = 0; i < registry->billing_count; i++) {
        edges_add(edges, bill_open_from(&registry->billing[i]));
        edges_add(edges, bill_unpaid_from(&registry->billing[i]));
    }
}

static void edges_collect(struct edges *edges, const struct registry *registry)
{
    edges_of_chains(edges, registry);
    edges_of_parties(edges, registry);
    edges_of_data(edges, registry);
    edges_of_bills(edges, registry);
}

static int edges_order(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

enum err policy_compile_edges(struct policy *policy)
{
    struct edges edges = { .at = NULL };
    edges_collect(&edges, policy->registry);
    size_t count = edges.count;
    policy->edges = policy_alloc(policy, count, sizeof(policy->edges[0]));
    if (policy->edges == NULL) {
        return ERR_NO_MEMORY;
    }
    edges = (struct edges){ .at = policy->edges };
    edges_collect(&edges, policy->registry);
    ASSERT(edges.count == count);
    qsort(policy->edges, count, sizeof(policy->edges[0]), edges_order);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || policy->edges[kept - 1] != policy->edges[i]) {
            policy->edges[kept++] = policy->edges[i];
        }
    }
    policy->edge_count = kept;
    return ERR_OK;
}
