/* Failures of the store, of the log and what it proves, and of the server itself: the end of
 * base/err_table.h, which has the columns. */
#pragma once

#define ERR_TABLE_OWN(X)                                                                         \
    X(STORE_FAILED, FAULT, 503, "api_error", "not_selling",                                      \
      "The server has stopped selling; the operator must look.")                                 \
    X(STORE_SCHEMA, FAULT, 500, "api_error", "internal_error", "The server failed.")             \
    X(STORE_LOCKED, FAULT, 500, "api_error", "internal_error", "The server failed.")             \
    X(STORE_DAMAGED, FAULT, 500, "api_error", "internal_error", "The server failed.")            \
    X(LOG_BEHIND, FAULT, 503, "api_error", "not_selling",                                        \
      "The server has stopped selling; the operator must look.")                                 \
    /* the log and what is checked against it */                                                 \
    X(NOTE_INVALID, FAULT, 500, "api_error", "internal_error", "The server failed.")             \
    X(NOTE_FORGED, FAULT, 500, "api_error", "internal_error", "The server failed.")              \
    X(PROOF_INVALID, FAULT, 500, "api_error", "internal_error", "The server failed.")            \
    X(QUORUM_INVALID, FAULT, 500, "api_error", "internal_error", "The server failed.")           \
    X(RECEIPT_INVALID, FAULT, 500, "api_error", "internal_error", "The server failed.")          \
    X(RECEIPT_LIMIT, FAULT, 500, "api_error", "receipt_too_long",                                \
      "The receipt of this call would be too long; the operator must look.")                     \
    X(PACK_INVALID, FAULT, 500, "api_error", "internal_error", "The server failed.")             \
    X(REGISTRY_INVALID, FAULT, 500, "api_error", "internal_error", "The registry is not valid.") \
    X(AUDIT_FAILED, FAULT, 500, "api_error", "internal_error", "The books do not agree.")        \
    X(SHUTDOWN, RETRY, 503, "api_error", "shutting_down", "The server is stopping; try again.")  \
    X(CANCELLED, CLIENT, 499, "invalid_request_error", "cancelled", "The client went away.")     \
    X(INTERNAL, FAULT, 500, "api_error", "internal_error", "The server failed.")
