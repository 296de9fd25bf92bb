/*
 * What a client of Gemini says in its path: the model and what is to be done with it, as in
 * "/v1beta/models/M:streamGenerateContent?alt=sse". Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum gemini_verb {
    GEMINI_GENERATE, /* generateContent */
    GEMINI_STREAM,   /* streamGenerateContent */
    GEMINI_COUNT,    /* countTokens */
    GEMINI_EMBED,    /* embedContent */
    GEMINI_EMBEDS,   /* batchEmbedContents */
    GEMINI_UNKNOWN   /* another, or none */
};

struct gemini_path {
    enum gemini_verb verb;
    struct str model;  /* as it stands in the path, escapes and all */
    struct str method; /* what stands behind the last colon; names of models have colons, too */
    bool sse;          /* a stream is events; else it is one JSON array */
};

/* `path`: without the query. False: it is no path of a model's. */
EP_MUST_CHECK bool gemini_path_read(struct str path, struct str query,
                                    struct gemini_path *ret_path);
/* The model as text (dialect/text.h) in `arena`. ERR_ASK_INVALID: its escapes are none, or are no
 * UTF-8; ERR_NO_MEMORY. */
EP_MUST_CHECK enum err gemini_path_model(const struct gemini_path *path, struct arena *arena,
                                         struct str *ret_model);
