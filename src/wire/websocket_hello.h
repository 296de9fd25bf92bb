/*
 * The handshake of WebSocket (RFC 6455 4): what the heads of the HTTP exchange before it say and
 * must say. Pure; SHA-1, which it needs and nothing else does, is the caller's.
 */
#pragma once

#include "wire/http1.h"

#define WEBSOCKET_KEY_BYTES  16
#define WEBSOCKET_KEY_LEN    24 /* as base64 */
#define WEBSOCKET_ACCEPT_LEN 28
#define WEBSOCKET_SHA1_BYTES 20
#define WEBSOCKET_PROTOCOLS  16 /* offered; more are not looked at: browsers offer three */
#define WEBSOCKET_VERSION    "13"

typedef void websocket_sha1_fn(struct str text, unsigned char ret_bytes[WEBSOCKET_SHA1_BYTES]);

enum websocket_asked {
    WEBSOCKET_NOT_ASKED,   /* a request like any other */
    WEBSOCKET_ASKED,       /* and well: it may be accepted */
    WEBSOCKET_ASKED_OLD,   /* in another version: 426 with "sec-websocket-version: 13" */
    WEBSOCKET_ASKED_BADLY, /* 400 */
};

/* What a request wants. With WEBSOCKET_ASKED, *ret_key borrows the head. */
enum websocket_asked websocket_asked(const struct http1_head *head, struct str *ret_key);
/* The subprotocol at place `nth` (0: the one it likes best); false: it offers no more. */
EP_MUST_CHECK bool websocket_offered(const struct http1_head *head, size_t nth,
                                     struct str *ret_protocol);
/* Sec-WebSocket-Accept. */
void websocket_accept_text(struct str key, websocket_sha1_fn *sha1,
                           char ret_text[WEBSOCKET_ACCEPT_LEN]);
/* The lines of an answer with status 101. `protocol`: one that was offered, or empty. */
EP_MUST_CHECK enum err websocket_write_accept(struct buf *out, struct str key, struct str protocol,
                                              websocket_sha1_fn *sha1);

struct websocket_ask {
    struct str host;      /* of the Host header: with the port, if it is not the scheme's */
    struct str target;    /* "/v1/realtime?model=x" */
    struct str key;       /* 16 random bytes as base64 */
    struct str protocols; /* "a, b", or empty */
    struct str headers;   /* more lines, each with its CRLF, or empty */
};

/* The whole head of a client's request. */
EP_MUST_CHECK enum err websocket_write_ask(struct buf *out, const struct websocket_ask *ask);
/* Whether an answer accepts it: NULL, and the protocol chosen (or empty) in *ret_protocol, which
 * borrows the head; else what is wrong with it, in words that go behind a host's name. */
const char *websocket_answer_fault(const struct http1_head *head, const struct websocket_ask *ask,
                                   websocket_sha1_fn *sha1, struct str *ret_protocol);
