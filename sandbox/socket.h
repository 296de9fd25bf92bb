/*
 * A client's realtime session by WebSocket, in OpenAI's events. It lives until its connection ends.
 */
#pragma once

#include "net/server.h"
#include "persona.h"

struct socket_options {
    struct loop *loop;
    const struct persona_options *persona;
    int64_t first_token_ms;
    int64_t pace_ms;   /* between the words of a response */
    int64_t cut_after; /* words of a session, then it is cut; 0: never */
};

/* Whether a request is for a session; then `x` is taken over, or answered with what is wrong. */
bool socket_take(const struct socket_options *options, struct http_exchange *x);
