/*
 * Why a call is refused: every rule's code, its place in the fixed order, whose side it is on, and
 * what the client is told. The order of this table is the order of the reasons in a verdict.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum policy_closure {
    POLICY_AUTHORIZATION,
    POLICY_SCOPE,
    POLICY_DATA,
    POLICY_BILLING,
    POLICY_CLOSURES,
    POLICY_RULES = POLICY_CLOSURES /* reverse, zone and token rules: of no closure */
};

/* Who can change it: the client (another model, market, contract), or the operator. */
enum policy_side {
    POLICY_SIDE_CLIENT,
    POLICY_SIDE_OURS
};

/*
 * name, the rule's id, closure, side, what the client gets alone (an error of base/err.h)
 *
 * A reason of the operator's side is told as ERR_NO_CLOSED_ROUTE: nothing about contracts leaves.
 */
#define POLICY_REASON_TABLE(X)                                                  \
    /* the whole call: before any route is looked at */                         \
    X(REVERSE_IMPORT, "R1", RULES, CLIENT, LAW_REVERSE_IMPORT)                  \
    X(MARKET_NOT_SERVED, "R2", RULES, CLIENT, LAW_MARKET)                       \
    X(REVERSE_ORIGIN, "R3", RULES, CLIENT, LAW_REVERSE_ORIGIN)                  \
    X(CLIENT_RESALE_SUSPECT, "R9", RULES, CLIENT, LAW_REVIEW)                   \
    X(ORIGIN_REVIEW, "R10", RULES, CLIENT, LAW_REVIEW)                          \
    X(ZONE_NOT_APPROVED, "Z1", RULES, OURS, NO_CLOSED_ROUTE)                    \
    X(ZONE_SHARED, "Z8", RULES, OURS, NO_CLOSED_ROUTE)                          \
    X(ZONE_BACKFLOW, "Z9", RULES, OURS, NO_CLOSED_ROUTE)                        \
    X(ZONE_INGRESS, "Z2", RULES, CLIENT, LAW_ZONE_ORIGIN)                       \
    X(ZONE_ORIGIN_CN, "Z2", RULES, CLIENT, LAW_ZONE_ORIGIN)                     \
    X(ZONE_ORIGIN_UNSURE, "Z2", RULES, CLIENT, LAW_ZONE_ORIGIN)                 \
    X(ZONE_USER_CN, "Z3", RULES, CLIENT, LAW_ZONE_USER)                         \
    X(ZONE_MARKET, "Z11", RULES, CLIENT, LAW_ZONE_MARKET)                       \
    X(ZONE_MIX_PI, "Z4", RULES, CLIENT, LAW_ZONE_MIXED)                         \
    X(ZONE_IMPORTANT_DATA, "Z4", RULES, CLIENT, LAW_ZONE_MIXED)                 \
    X(ZONE_ROUTE_RETURN, "Z7", RULES, CLIENT, LAW_ZONE_RETURN)                  \
    /* each route: authorization (the first that fails a path is the path's) */ \
    X(CHAIN_NO_ROOT, "CHAIN 1", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)           \
    X(CHAIN_GAP, "CHAIN 2", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)               \
    X(CHAIN_NOT_WRITTEN, "CHAIN 3", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)       \
    X(CHAIN_DOC_MISSING, "CHAIN 4", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)       \
    X(CHAIN_DOC_HASH, "CHAIN 4", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)          \
    X(CHAIN_SIGNATURE, "CHAIN 5", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)         \
    X(CHAIN_REVOKED, "CHAIN 6", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)           \
    X(CHAIN_NOT_YET, "CHAIN 7", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)           \
    X(CHAIN_EXPIRED, "CHAIN 7", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)           \
    X(CHAIN_DEPTH, "CHAIN 8", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)             \
    X(CHAIN_WIDENED, "CHAIN 9", AUTHORIZATION, OURS, NO_CLOSED_ROUTE)           \
    X(CHAIN_CLIENT_LEG, "CHAIN 10", AUTHORIZATION, CLIENT, LAW_NO_AGREEMENT)    \
    /* scope */                                                                 \
    X(SCOPE_ACTION, "SCOPE 1", SCOPE, OURS, NO_CLOSED_ROUTE)                    \
    X(SCOPE_REGION, "SCOPE 2", SCOPE, CLIENT, LAW_SCOPE_REGION)                 \
    X(SCOPE_CLIENT_TYPE, "SCOPE 3", SCOPE, CLIENT, LAW_SCOPE_CLIENT_TYPE)       \
    X(SCOPE_BRAND, "SCOPE 4", SCOPE, OURS, NO_CLOSED_ROUTE)                     \
    X(SCOPE_OWNERSHIP, "SCOPE 5", SCOPE, CLIENT, LAW_SCOPE_OWNERSHIP)           \
    X(SCOPE_QUOTA, "SCOPE 6", SCOPE, CLIENT, LAW_SCOPE_QUOTA)                   \
    X(SCOPE_QUALIFICATION, "SCOPE 7", SCOPE, OURS, NO_CLOSED_ROUTE)             \
    /* data */                                                                  \
    X(DATA_NO_DPA, "DATA 1", DATA, CLIENT, LAW_DATA_DPA)                        \
    X(DATA_DPA_VERSION, "DATA 1", DATA, CLIENT, LAW_DATA_DPA)                   \
    X(DATA_UPSTREAM_TERMS, "DATA 2", DATA, OURS, LAW_DATA_UNKNOWN)              \
    X(DATA_RETENTION, "DATA 3", DATA, CLIENT, LAW_DATA_TERMS)                   \
    X(DATA_TRAINING, "DATA 4", DATA, CLIENT, LAW_DATA_TERMS)                    \
    X(DATA_SUBPROCESSOR, "DATA 5", DATA, CLIENT, LAW_DATA_TERMS)                \
    X(DATA_SUBPROCESSOR_NOTICE, "DATA 5", DATA, OURS, NO_CLOSED_ROUTE)          \
    X(DATA_LOCATION, "DATA 6", DATA, CLIENT, LAW_DATA_LOCATION)                 \
    X(DATA_TRANSFER, "DATA 7", DATA, CLIENT, LAW_DATA_TRANSFER)                 \
    X(DATA_CHILD, "DATA 8", DATA, CLIENT, LAW_DATA_CHILD)                       \
    X(DATA_US_BULK, "DATA 9", DATA, CLIENT, LAW_DATA_US)                        \
    X(DATA_RECORD, "DATA 10", DATA, OURS, NO_CLOSED_ROUTE)                      \
    /* billing evidence, its request-time half */                               \
    X(BILL_NO_PROCUREMENT, "BILL", BILLING, OURS, NO_CLOSED_ROUTE)              \
    X(BILL_PO_EXHAUSTED, "BILL", BILLING, OURS, NO_CLOSED_ROUTE)                \
    X(BILL_NO_ORDER, "BILL", BILLING, CLIENT, LAW_NO_ORDER)                     \
    X(BILL_LAST_PERIOD, "BILL", BILLING, OURS, NO_CLOSED_ROUTE)                 \
    /* the route itself */                                                      \
    X(CREDENTIAL_HOLDER, "R5", RULES, OURS, NO_CLOSED_ROUTE)                    \
    X(ENDPOINT_UNOFFICIAL, "R5", RULES, OURS, NO_CLOSED_ROUTE)                  \
    X(ZONE_MIX_SOURCE, "Z4", RULES, OURS, NO_CLOSED_ROUTE)                      \
    X(ZONE_POOL_OUTSIDE, "Z5", RULES, OURS, NO_CLOSED_ROUTE)                    \
    X(ZONE_RETENTION, "Z6", RULES, OURS, NO_CLOSED_ROUTE)                       \
    X(ZONE_PURPOSE, "Z6", RULES, OURS, NO_CLOSED_ROUTE)                         \
    X(ROUTE_SUSPENDED, "", RULES, OURS, NO_CLOSED_ROUTE)                        \
    X(MODEL_SWAP, "R7", RULES, OURS, NO_CLOSED_ROUTE)

#define POLICY_REASON_AS_ENUM(name, rule, closure, side, err) POLICY_##name,
enum policy_code {
    POLICY_REASON_TABLE(POLICY_REASON_AS_ENUM) POLICY_CODES,
    POLICY_FINE = POLICY_CODES
};
#undef POLICY_REASON_AS_ENUM

struct policy_reason_info {
    const char *name; /* "CHAIN_EXPIRED" */
    const char *rule; /* "CHAIN 7" */
    enum policy_closure closure;
    enum policy_side side;
    enum err err;
};

const struct policy_reason_info *policy_reason_info(enum policy_code code);
const char *policy_closure_name(enum policy_closure closure); /* "authorization", ... */
