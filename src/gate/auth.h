/*
 * Who sends a request: its API key, from Authorization, x-api-key or x-goog-api-key, or on Gemini's
 * paths from the query's "key". For the gate, and for whoever routes its
 * requests.
 */
#pragma once

#include "base/str.h"

struct api_key;
struct gate;
struct gate_actor;
struct http_exchange;

struct http1_head;

/* The text of the key, which borrows the head. As below. */
EP_MUST_CHECK enum err auth_text(const struct http1_head *head, struct str *ret_text);
/* A key that may be used for calls. ERR_KEY_MISSING, ERR_KEY_UNKNOWN (also: two different ones were
 * sent), ERR_KEY_ISSUES, and what api_key_usable() says. */
EP_MUST_CHECK enum err auth_find(struct gate *gate, struct http_exchange *x,
                                 const struct api_key **ret_key);
/* Whether whom the server asks for may still be asked for: what api_key_usable() says, and
 * ERR_KEY_UNKNOWN where its key has got another text since. */
EP_MUST_CHECK enum err auth_still(const struct gate *gate, const struct gate_actor *actor);
/* As auth_find(); a device may show the token of its set-up answer instead of its key
 * (ident/device_token.h), which speaks and does nothing else. */
EP_MUST_CHECK enum err auth_find_speaker(struct gate *gate, struct http_exchange *x,
                                         const struct api_key **ret_key);
/* As auth_find(), but of no device: for what shows all of a client's calls and its credit.
 * ERR_KEY_OF_DEVICE. */
EP_MUST_CHECK enum err auth_find_client(struct gate *gate, struct http_exchange *x,
                                        const struct api_key **ret_key);
/* A fleet's issuing secret. ERR_KEY_NO_ISSUER: it is another kind of key. */
EP_MUST_CHECK enum err auth_find_issuer(struct gate *gate, struct http_exchange *x,
                                        const struct api_key **ret_key);
/* A device's key, also where it is not activated yet, and its text. ERR_KEY_NO_DEVICE. */
EP_MUST_CHECK enum err auth_find_device(struct gate *gate, struct http_exchange *x,
                                        struct str *ret_text, const struct api_key **ret_key);
/* As auth_find_device(), by a text that the caller has found elsewhere. */
EP_MUST_CHECK enum err auth_device_text(struct gate *gate, struct str text,
                                        const struct api_key **ret_key);
