/* The failures: included by base/err.h alone. */
#pragma once

#include "base/err_table_law.h"
#include "base/err_table_own.h"

/*
 * name, kind, HTTP status, error type, error code, sentence. Types and codes are those the OpenAI
 * API uses (shared by its SDKs); our own codes stand where it has none.
 */
#define ERR_TABLE(X)                                                                              \
    X(OK, FINE, 0, "", "", "")                                                                    \
    /* wire: what came over the line */                                                           \
    X(HTTP_SYNTAX, CLIENT, 400, "invalid_request_error", "bad_http",                              \
      "The request is not valid HTTP.")                                                           \
    X(HTTP_VERSION, CLIENT, 505, "invalid_request_error", "http_version",                         \
      "Only HTTP/1.0 and HTTP/1.1 are spoken here.")                                              \
    X(HTTP_HEAD_SIZE, CLIENT, 431, "invalid_request_error", "headers_too_large",                  \
      "The request's headers are too large.")                                                     \
    X(HTTP_BODY_SIZE, CLIENT, 413, "invalid_request_error", "body_too_large",                     \
      "The request's body is too large.")                                                         \
    X(HTTP_TIMEOUT, CLIENT, 408, "invalid_request_error", "request_timeout",                      \
      "The request was not received in time.")                                                    \
    X(UPLOADS_FULL, RETRY, 503, "api_error", "uploads_full",                                      \
      "Too much is being uploaded at the moment. Try again in a moment.")                         \
    X(UPLOAD_FAILED, FAULT, 503, "api_error", "upload_failed",                                    \
      "The upload could not be kept until it was sent on.")                                       \
    X(HTTP_METHOD, CLIENT, 405, "invalid_request_error", "method_not_allowed",                    \
      "This path does not take that method.")                                                     \
    X(HTTP_PATH, CLIENT, 404, "invalid_request_error", "unknown_path", "There is no such path.")  \
    X(HTTP_UPGRADE, CLIENT, 426, "invalid_request_error", "upgrade_required",                     \
      "This path speaks WebSocket (RFC 6455, version 13) alone.")                                 \
    X(HTTP_TYPE, CLIENT, 415, "invalid_request_error", "unsupported_media_type",                  \
      "The body's content type or encoding is not taken here.")                                   \
    X(JSON_SYNTAX, CLIENT, 400, "invalid_request_error", "invalid_json",                          \
      "The body is not valid JSON.")                                                              \
    X(JSON_DEPTH, CLIENT, 400, "invalid_request_error", "json_too_deep",                          \
      "The body's JSON is nested too deeply.")                                                    \
    X(SSE_LINE, RETRY, 502, "upstream_error", "upstream_stream_invalid",                          \
      "The model provider's stream could not be read.")                                           \
    X(URL_SYNTAX, FAULT, 500, "api_error", "internal_error", "The server failed.")                \
    X(YAML_SYNTAX, FAULT, 500, "api_error", "internal_error", "The server failed.")               \
    /* dialect: what was asked */                                                                 \
    X(ASK_INVALID, CLIENT, 400, "invalid_request_error", "invalid_value",                         \
      "A field of the request has an invalid value.")                                             \
    X(ASK_MISSING, CLIENT, 400, "invalid_request_error", "missing_required_parameter",            \
      "A required field of the request is missing.")                                              \
    X(ASK_DUPLICATE, CLIENT, 400, "invalid_request_error", "duplicate_key",                       \
      "A field of the request stands there twice.")                                               \
    X(ASK_UNSUPPORTED, CLIENT, 400, "invalid_request_error", "unsupported_parameter",             \
      "A field of the request is not supported.")                                                 \
    /* who asks */                                                                                \
    X(KEY_MISSING, CLIENT, 401, "authentication_error", "missing_api_key",                        \
      "No API key was given. Send it as: Authorization: Bearer KEY.")                             \
    X(KEY_UNKNOWN, CLIENT, 401, "authentication_error", "invalid_api_key",                        \
      "The API key is not valid.")                                                                \
    X(CLIENT_SUSPENDED, CLIENT, 403, "permission_error", "client_suspended",                      \
      "This account is suspended.")                                                               \
    X(KEY_ISSUES, CLIENT, 403, "permission_error", "key_issues_only",                             \
      "This key issues devices' keys; calls are made with those.")                                \
    X(KEY_NO_ISSUER, CLIENT, 403, "permission_error", "key_no_issuer",                            \
      "Only a fleet's issuing secret is taken here.")                                             \
    X(KEY_OF_DEVICE, CLIENT, 403, "permission_error", "key_of_device",                            \
      "A device's key does not see what its whole client has.")                                   \
    X(KEY_NO_DEVICE, CLIENT, 403, "permission_error", "key_no_device",                            \
      "Only the key of the device itself is taken here.")                                         \
    X(FLEET_SUSPENDED, CLIENT, 403, "permission_error", "fleet_suspended",                        \
      "This fleet of devices is suspended.")                                                      \
    X(DEVICE_INACTIVE, CLIENT, 403, "permission_error", "device_inactive",                        \
      "This device is not activated yet.")                                                        \
    X(DEVICE_EXPIRED, CLIENT, 403, "permission_error", "device_expired",                          \
      "This device's key has expired.")                                                           \
    X(DEVICE_MISMATCH, CLIENT, 403, "permission_error", "device_mismatch",                        \
      "This key is another device's.")                                                            \
    X(DEVICE_PROOF, CLIENT, 403, "permission_error", "device_proof",                              \
      "The device has not proved that it is the one whose serial it says.")                       \
    X(DEVICE_REVOKED, CLIENT, 409, "invalid_request_error", "device_revoked",                     \
      "This device is revoked, for good: it is issued again under another id.")                   \
    X(DEVICE_CONSENT, CLIENT, 403, "compliance_refusal", "device_consent",                        \
      "This device has no consent on record, and its fleet makes no call without one.")           \
    /* what may be sold */                                                                        \
    X(MODEL_UNKNOWN, CLIENT, 404, "invalid_request_error", "model_not_found",                     \
      "The model does not exist or this key may not buy it.")                                     \
    X(SERVICE_UNSERVED, CLIENT, 400, "invalid_request_error", "model_not_supported",              \
      "No source of this model serves this path.")                                                \
    X(PRICE_MISSING, CLIENT, 403, "invalid_request_error", "price_missing",                       \
      "This model has no price in the price book that applies, so it cannot be sold.")            \
    X(POLICY_DENIED, CLIENT, 403, "compliance_refusal", "policy_denied",                          \
      "A rule forbids this call.")                                                                \
    X(LIMIT_CALLS, RETRY, 429, "rate_limit_error", "rate_limit_exceeded",                         \
      "Too many calls at once for this account.")                                                 \
    X(LIMIT_REQUESTS, RETRY, 429, "requests", "rate_limit_exceeded",                              \
      "Too many requests in a minute.")                                                           \
    X(LIMIT_TOKENS, RETRY, 429, "tokens", "rate_limit_exceeded", "Too many tokens in a minute.")  \
    X(LIMIT_SIZE, CLIENT, 429, "tokens", "rate_limit_exceeded",                                   \
      "The call needs more tokens than a whole minute's limit has.")                              \
    X(LIMIT_CONNECTIONS, RETRY, 503, "api_error", "overloaded",                                   \
      "The server has no room; try again.")                                                       \
    ERR_TABLE_LAW(X)                                                                              \
    /* where there is no room */                                                                  \
    X(QUEUE_FULL, RETRY, 503, "api_error", "queue_full",                                          \
      "All places for this model are taken, and so are those to wait for one.")                   \
    X(QUEUE_TIMEOUT, RETRY, 503, "api_error", "queue_timeout",                                    \
      "No place for this model became free in time.")                                             \
    X(FLEX_FULL, RETRY, 429, "rate_limit_error", "resource_unavailable",                          \
      "No capacity became free for this request of the flex tier; it was not charged.")           \
    X(NO_ROUTE, RETRY, 503, "api_error", "no_route", "No source can serve this model just now.")  \
    X(DEADLINE, CLIENT, 504, "invalid_request_error", "deadline_exceeded",                        \
      "The deadline that the request named has passed.")                                          \
    X(PREFERENCE, CLIENT, 404, "invalid_request_error", "no_route_by_preference",                 \
      "Your routing preferences leave no source for this model.")                                 \
    X(NOT_FOUND, CLIENT, 404, "invalid_request_error", "not_found", "There is no such object.")   \
    X(CONFLICT, CLIENT, 409, "invalid_request_error", "conflict",                                 \
      "The object is not in a state that allows this.")                                           \
    X(BATCH_NOT_SOLD, CLIENT, 403, "invalid_request_error", "batch_not_sold",                     \
      "This product sells no batches.")                                                           \
    X(BATCH_NOT_KEPT, CLIENT, 403, "invalid_request_error", "zero_retention",                     \
      "A batch's files are kept for two days at least, and what is agreed for this account's "    \
      "content does not allow that.")                                                             \
    X(BATCH_ROOM, CLIENT, 413, "invalid_request_error", "storage_full",                           \
      "This account's files take all the room that they may; delete some.")                       \
    X(BATCH_OPEN, CLIENT, 429, "invalid_request_error", "too_many_batches",                       \
      "Too many batches of this account have not ended.")                                         \
    X(IDEM_UNDER_WAY, CLIENT, 409, "invalid_request_error", "idempotency_in_progress",            \
      "A call with this Idempotency-Key is still under way; ask again when it has ended.")        \
    X(IDEM_MISMATCH, CLIENT, 422, "invalid_request_error", "idempotency_mismatch",                \
      "This Idempotency-Key was used for another request.")                                       \
    X(IDEM_NO_RESULT, CLIENT, 409, "invalid_request_error", "idempotency_no_result",              \
      "The call with this Idempotency-Key has ended, and its answer was not kept; its receipt "   \
      "tells what became of it.")                                                                 \
    /* money */                                                                                   \
    X(LEDGER_FUNDS, CLIENT, 429, "insufficient_quota", "insufficient_quota",                      \
      "The account's credit does not cover this call.")                                           \
    X(LEDGER_SPENT, CLIENT, 429, "insufficient_quota", "credit_exhausted",                        \
      "The account's credit was used up while the answer was written: it ends here.")             \
    X(BUDGET_DAY, CLIENT, 429, "insufficient_quota", "budget_day",                                \
      "This key's budget for the day does not cover this call.")                                  \
    X(BUDGET_MONTH, CLIENT, 429, "insufficient_quota", "budget_month",                            \
      "This key's budget for the month does not cover this call.")                                \
    X(BUDGET_TOTAL, CLIENT, 429, "insufficient_quota", "budget_total",                            \
      "What is left of this key's budget does not cover this call.")                              \
    X(CALLS_DAY, CLIENT, 429, "insufficient_quota", "calls_day",                                  \
      "This key has made the calls that it may make in a day.")                                   \
    X(CALLS_MONTH, CLIENT, 429, "insufficient_quota", "calls_month",                              \
      "This key has made the calls that it may make in a month.")                                 \
    X(CALLS_TOTAL, CLIENT, 429, "insufficient_quota", "calls_total",                              \
      "This key has made all the calls that it may make.")                                        \
    X(WAKES_DAY, CLIENT, 429, "insufficient_quota", "wakes_day",                                  \
      "This device was woken as often as it may be in a day.")                                    \
    X(WAKES_TOTAL, CLIENT, 429, "insufficient_quota", "wakes_total",                              \
      "This device was woken as often as it may be in all.")                                      \
    X(SECONDS_DAY, CLIENT, 429, "insufficient_quota", "seconds_day",                              \
      "This device has talked as long as it may in a day.")                                       \
    X(TURNS_MINUTE, CLIENT, 429, "rate_limit_error", "turns_minute",                              \
      "This device has asked as often as it may in a minute.")                                    \
    X(LEDGER_STATE, FAULT, 500, "api_error", "internal_error", "The server failed.")              \
    X(MONEY_RANGE, CLIENT, 400, "invalid_request_error", "amount_out_of_range",                   \
      "An amount is out of range.")                                                               \
    /* credit is a meter's reading, and no asset */                                               \
    X(TOKEN_NOT_TRANSFERABLE, CLIENT, 409, "invalid_request_error", "token_not_transferable",     \
      "Credit cannot be moved from one client to another.")                                       \
    X(TOKEN_NO_RESALE, CLIENT, 409, "invalid_request_error", "token_no_resale",                   \
      "Credit is not given away, listed, redeemed by code or resold.")                            \
    X(TOKEN_NO_CASH_OUT, CLIENT, 409, "invalid_request_error", "token_no_cash_out",               \
      "Only what was paid and is unused goes back, to who paid it, the way it came.")             \
    X(TOKEN_EXPIRED, CLIENT, 409, "invalid_request_error", "token_expired",                       \
      "The credit's time has passed.")                                                            \
    X(TOKEN_PAYMENT_METHOD, CLIENT, 409, "invalid_request_error", "token_payment_method",         \
      "Credit is not paid for in this way.")                                                      \
    X(PAYMENT_DOMESTIC, CLIENT, 409, "compliance_refusal", "payment_domestic",                    \
      "This way of paying does not buy this product.")                                            \
    X(TOKEN_KYC_LIMIT, CLIENT, 409, "invalid_request_error", "token_kyc_limit",                   \
      "More cannot be bought in a day before more is known of the client.")                       \
    X(PLAN_WITHDRAWN, CLIENT, 409, "invalid_request_error", "plan_withdrawn",                     \
      "This plan is no longer sold.")                                                             \
    /* upstream */                                                                                \
    X(UPSTREAM_CONNECT, RETRY, 502, "upstream_error", "upstream_unreachable",                     \
      "The model provider could not be reached.")                                                 \
    X(UPSTREAM_TLS, RETRY, 502, "upstream_error", "upstream_untrusted",                           \
      "The model provider's certificate could not be verified.")                                  \
    X(UPSTREAM_SILENT, RETRY, 504, "upstream_error", "upstream_timeout",                          \
      "The model provider did not answer in time.")                                               \
    X(UPSTREAM_CUT, RETRY, 502, "upstream_error", "upstream_cut",                                 \
      "The model provider broke the answer off.")                                                 \
    X(UPSTREAM_SYNTAX, RETRY, 502, "upstream_error", "upstream_invalid",                          \
      "The model provider's answer could not be read.")                                           \
    X(UPSTREAM_STATUS, RETRY, 502, "upstream_error", "upstream_error",                            \
      "The model provider reported an error.")                                                    \
    X(UPSTREAM_MODEL, RETRY, 502, "upstream_error", "upstream_model_mismatch",                    \
      "The model provider answered with another model than the one asked for.")                   \
    X(UPSTREAM_SIZE, RETRY, 502, "upstream_error", "upstream_too_large",                          \
      "The model provider's answer is larger than is taken here.")                                \
    X(SOUND, CLIENT, 400, "invalid_request_error", "invalid_audio",                               \
      "The audio could not be decoded.")                                                          \
    X(VOCAB, FAULT, 500, "api_error", "internal_error", "The server failed.")                     \
    X(GEO, FAULT, 500, "api_error", "internal_error", "The server failed.")                       \
    /* the machine below */                                                                       \
    X(NO_MEMORY, RETRY, 503, "api_error", "overloaded", "The server has no room; try again.")     \
    X(BUSY, RETRY, 503, "api_error", "overloaded", "The server is busy; try again.")              \
    X(LIMIT, FAULT, 500, "api_error", "internal_error", "The server failed.")                     \
    X(IO, FAULT, 500, "api_error", "internal_error", "The server failed.")                        \
    X(NET_LOOKUP, RETRY, 502, "upstream_error", "upstream_unreachable",                           \
      "The model provider could not be reached.")                                                 \
    X(NET_CLOSED, RETRY, 502, "upstream_error", "upstream_cut", "The connection was closed.")     \
    X(TLS, FAULT, 500, "api_error", "internal_error", "The server failed.")                       \
    X(CRYPTO, FAULT, 500, "api_error", "internal_error", "The server failed.")                    \
    X(CONF_INVALID, FAULT, 500, "api_error", "internal_error", "The configuration is not valid.") \
    ERR_TABLE_OWN(X)
