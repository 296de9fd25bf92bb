/*
 * How a chat completion's stream ends where its model does not end it: with an error, or because
 * nothing more is paid for. Each end gives every choice its finish reason, then [DONE]. Pure.
 */
#pragma once

#include "dialect/face.h"

/* What each chunk of the stream says. */
struct chat_chunk {
    struct str id;
    int64_t created_s;
    struct str model;
    int64_t choices;
};

/* One chunk with the finish reason "error" and the error, of a face of chat completions: some
 * clients look for the one, some for the other. Some take what has choices for a chunk alone, so
 * OpenAI's get the error once more, by itself. */
EP_MUST_CHECK enum err chat_error_event(struct buf *out, const struct chat_chunk *chunk,
                                        enum face face, const struct face_error *error);

struct chat_length {
    struct chat_chunk chunk;
    struct str entrepot; /* a JSON object with the reason, or empty */
    struct str usage;    /* an object for a chunk with the tokens; empty: nobody wants one */
};

/* One chunk with the finish reason "length", one with the usage. */
EP_MUST_CHECK enum err chat_length_event(struct buf *out, const struct chat_length *length);
