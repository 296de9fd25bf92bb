/*
 * `route explain --request JSON`: which routes of a model can carry a request, and what keeps the
 * others from it.
 */
#pragma once

#include "registry/registry.h"

struct explain_request;

/* What the act was given. */
struct explain_said {
    struct str request; /* empty: nothing is asked */
    struct str dialect; /* the client's: chat, responses, anthropic, gemini; empty: chat */
};

/* *ret_request stays as it is without a request. ERR_ASK_INVALID, and as talk_read() fails for what
 * no route would get; *ret_request is to be freed all the same. */
EP_MUST_CHECK enum err explain_request_read(const struct explain_said *said,
                                            const struct registry_model *model,
                                            struct explain_request **ret_request,
                                            struct fail *fail);
void explain_request_free(struct explain_request *request); /* NULL is allowed */
/* Bits of the model's routes that cannot carry it; none without a request. */
uint64_t explain_uncarried(const struct explain_request *request);
/* "cannot_carry tools": of one of these. */
struct str explain_field(const struct explain_request *request, size_t at);
