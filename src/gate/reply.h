/*
 * The header lines of answers, whether a call's or an errand's: the request's id where each API's
 * SDKs look for it, how long it took, and of a refusal whether an SDK may send the same again by
 * itself. For the gate, and for whoever routes its requests.
 */
#pragma once

#include "base/buf.h"
#include "dialect/face.h"

#define REPLY_HEADERS_MAX 2176 /* sixteen lines of our own, and those of an errand */

struct http_exchange;

struct reply {
    char text[REPLY_HEADERS_MAX];
    struct buf buf;
};

/* `id`: the request's, in its written form. */
void reply_begin(struct reply *reply, struct http_exchange *x, struct str id);
void reply_line(struct reply *reply, const char *name, struct str value);
/* "x-should-retry", and if so after how long, in both forms: whole seconds, at least one, and
 * milliseconds. */
void reply_retry(struct reply *reply, bool retry, int64_t wait_ms);

/* The whole answer to a request that is no call: it gets an id of its own. `headers`: whole lines.
 * The exchange is over. */
void reply_send(struct http_exchange *x, int status, struct str headers, struct str body);
/* Its head alone: the body follows. */
void reply_send_head(struct http_exchange *x, int status, struct str headers);
/* The whole refusal of one, in the envelope of who asks. The exchange is over. */
void reply_refuse(struct http_exchange *x, const struct face_error *error);

/* To a request that does not ask for WebSocket, or for another version of it: that it must. The
 * exchange is over. */
void reply_ask_upgrade(struct http_exchange *x);

/* Who asks, while the request's head is there; OpenAI's clients where there is none. */
enum face reply_face(struct http_exchange *x);
