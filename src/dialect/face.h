/*
 * The face of an answer: which API's client asked, and so which status and envelope a failure has.
 * Clients tell failures apart by status, header and the shape of the body alone. Pure.
 */
#pragma once

#include "base/buf.h"

enum face {
    FACE_OPENAI,
    FACE_OPENROUTER, /* codes are numbers, and no credit is 402 */
    FACE_ANTHROPIC,
    FACE_GEMINI
};

/* By a path without its query; `anthropic`: the request names an anthropic-version, which tells
 * whose client asks where the path is the same (the list of models, what is not there). */
enum face face_of(struct str path, bool anthropic);

struct face_error {
    enum err err;
    struct str message;  /* empty: the table's sentence */
    struct str param;    /* empty: null */
    struct str request;  /* the request's id; empty: none */
    struct str entrepot; /* a JSON object with our own facts, or empty */
    int64_t wait_ms;     /* until it may pass, as Gemini's clients are told; 0: nothing is said;
                            FACE_NEVER: the same again will fail, whenever it comes */
};

#define FACE_NEVER INT64_C(-1)

int face_status(enum face face, enum err err);
/* The whole body. All keys that the face's clients look for are there, null where there is nothing
 * to say. */
EP_MUST_CHECK enum err face_error_write(struct buf *out, enum face face,
                                        const struct face_error *error);
/* The value of "error" alone: for what stands in a stream. */
struct jsonw;
void face_error_object(struct jsonw *json, enum face face, const struct face_error *error);
