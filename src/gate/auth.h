/*
 * Who sends a request: its API key, from Authorization, x-api-key or x-goog-api-key, or on Gemini's
 * paths from the query's "key". Inside the gate only.
 */
#pragma once

#include "base/err.h"

struct api_key;
struct gate;
struct http_exchange;

/* ERR_KEY_MISSING, ERR_KEY_UNKNOWN (also: two different ones were sent), ERR_CLIENT_SUSPENDED. */
EP_MUST_CHECK enum err auth_find(struct gate *gate, struct http_exchange *x,
                                 const struct api_key **ret_key);
