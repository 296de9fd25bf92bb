/*
 * Rerank, as Cohere (/v1 and /v2), Jina and OpenRouter have it: a query and documents in, their
 * order by relevance out. Pure; results borrow the text.
 *
 * Vendors bill a search unit for a query with up to 100 documents, where a long document counts as
 * several, or tokens. What is told of either is read; what the price list names is billed.
 */
#pragma once

#include "dialect/ask.h"

#define RERANK_DOCUMENTS_MAX 10000 /* as Cohere has it */
#define RERANK_UNIT          100   /* documents of a search unit */
#define RERANK_CHUNK_TOKENS \
    255                             /* of a document, at least, that count as one: of 510 the query
                                      takes half at most */
#define RERANK_DOCUMENT_TOKENS 4096 /* of a document that are looked at, unless the client says */

struct rerank_ask {
    struct str query;
    struct str documents; /* the list */
    int64_t count;        /* of them */
    int64_t top;          /* so many results at most */
    int64_t units;        /* search units, at least */
    int64_t units_most;
};

/* As ask_read_chat(); the fields: query, documents, top_n, max_tokens_per_doc,
 * max_chunks_per_doc, return_documents. */
EP_MUST_CHECK enum err rerank_read(struct str body, struct ask *ret_ask,
                                   struct rerank_ask *ret_rerank, struct fail *fail);

struct rerank_answer {
    struct str model;     /* a JSON string; empty: it names none */
    bool error;           /* it says an error */
    struct str told;      /* the object that tells what was used; empty: none */
    int64_t tokens;       /* -1: not told */
    int64_t search_units; /* -1: not told */
};

/* Whether a whole answer is what was asked for: results in order of their documents' indices, each
 * once, no more than were asked for, with a score. An answer with `error` is true. */
EP_MUST_CHECK bool rerank_answer_read(struct str body, const struct rerank_ask *asked,
                                      struct rerank_answer *ret_answer);
