/*
 * What the sandbox makes beside chats: vectors, scores, pictures. Pure. The same request always
 * gets the same answer.
 *
 * A text's vector is made of its words (lexicon.h), each of which pulls a few numbers one way or
 * the other, so that texts with words in common are near each other; a document's score is how near
 * it is to the query. A picture is a small square of one colour; edits and variations tell in
 * "sandbox" which form came. What is reported of tokens is the
 * lexicon's count, or for a model on the scale the real vocabulary's.
 */
#pragma once

#include "persona.h"

enum wares {
    WARES_EMBEDDINGS, /* OpenAI's */
    WARES_RERANK,     /* Cohere's; after Jina's form, if that is wanted */
    WARES_IMAGES,     /* OpenAI's, as are: */
    WARES_EDITS,
    WARES_VARIATIONS
};

/* A form with pictures, of that content type, as the JSON that wares_make() takes of edits and
 * variations: its fields, and under "files" what each file is. False: refused. */
EP_MUST_CHECK bool wares_form(struct str type, struct str body, struct buf *out,
                              struct persona_fault *ret_fault);

/* False: the body is refused as `ret_fault` says, and `out` is to be forgotten. *ret_stream: `out`
 * has events, else one JSON value. */
EP_MUST_CHECK bool wares_make(enum wares what, struct str body,
                              const struct persona_options *options, int64_t now_s, struct buf *out,
                              bool *ret_stream, struct persona_fault *ret_fault);
