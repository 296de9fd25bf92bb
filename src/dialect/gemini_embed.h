/*
 * Gemini's embedContent and batchEmbedContents as OpenAI's embeddings: what is asked for, and what
 * comes back. Pure.
 */
#pragma once

#include "base/buf.h"

#define GEMINI_EMBED_PARAM_MAX 64

/*
 * Appends a request of OpenAI's for numbers. `model`: text, as the path says; the one in the body
 * is passed over. *ret_hinted: it says what the vectors are for, which has no place there.
 * ERR_JSON_SYNTAX, ERR_JSON_DEPTH, ERR_ASK_MISSING, ERR_ASK_INVALID, ERR_ASK_UNSUPPORTED (`param`
 * is the field, as in "requests[1].content.parts[0]", or empty), ERR_LIMIT, ERR_NO_MEMORY.
 */
EP_MUST_CHECK enum err gemini_embed_read(struct str body, bool batch, struct str model,
                                         struct buf *out, bool *ret_hinted,
                                         char param[GEMINI_EMBED_PARAM_MAX], struct fail *fail);
/* Appends the answer to it. `body`: a whole answer of OpenAI's in numbers, as
 * embeddings_answer_read() has found it fine. ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err gemini_embed_write(struct str body, bool batch, int64_t count,
                                          struct buf *out);
