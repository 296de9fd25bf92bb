/*
 * What the sandbox says, in the other dialects that upstreams speak: Anthropic Messages, OpenAI
 * Responses, Gemini. A request is read and made one of chat, which persona.h answers; its events
 * are told again. Everything that persona.h is told to do (words, tools, scripts, usage) is thus
 * done in each of them.
 */
#pragma once

#include "dialect/decode.h"
#include "dialect/encode.h"
#include "persona.h"

struct accent {
    enum dialect dialect; /* DIALECT_CHAT: none of this is used */
    bool used;
    bool ended;
    char call[32]; /* what ids are made of */
    const struct persona_options *persona;
    struct arena arena;
    struct encode_options options;
    struct decode decode;
    struct encode encode;
    struct buf out;
    struct buf rewritten;
};

/* Which dialect a path is of; of Gemini's the model and whether it streams. False: of none. */
bool accent_of(struct str path, enum dialect *ret_dialect, struct str *ret_model, bool *ret_stream);

/* The request as one of chat, appended to `out`. False: it is refused as `ret_fault` says. */
EP_MUST_CHECK bool accent_read(enum dialect dialect, struct str body, struct str model, bool stream,
                               struct buf *out, struct persona_fault *ret_fault);

/* Before the first event. What is pointed at outlives it. */
void accent_begin(struct accent *accent, enum dialect dialect, const struct persona_ask *ask,
                  const struct persona_options *persona, uint64_t number);
void accent_fini(struct accent *accent);
/* One event of chat, or of its whole answer, in this dialect; valid until the next. */
EP_MUST_CHECK enum err accent_event(struct accent *accent, struct str event, struct str *ret_bytes);
EP_MUST_CHECK enum err accent_whole(struct accent *accent, struct str body, struct str *ret_bytes);
/* An error inside of a stream, in any dialect. */
EP_MUST_CHECK enum err accent_failure(enum dialect dialect, struct buf *out);
/* The body of an error; and the name by which the dialect's answers carry the request's number. */
EP_MUST_CHECK enum err accent_error(enum dialect dialect, const struct persona_fault *fault,
                                    struct buf *out);
const char *accent_request_id(enum dialect dialect);
