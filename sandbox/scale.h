/*
 * The scale: for models that have one, tokens are weighed by a real vocabulary instead of the
 * lexicon, so that what the sandbox reports is what an honest server of that model would. One
 * thread.
 */
#pragma once

#include "base/buf.h"

#define SCALE_MAX 16 /* models; the example has three */

struct token_counter;
struct template_program;
struct vocab;

struct scale_model {
    struct str model;
    struct vocab *vocab;
    struct token_counter *counter;
    const struct template_program *template;
};

struct scale {
    struct scale_model models[SCALE_MAX];
    size_t count;
};

/* "MODEL=FILE.etk" or "MODEL=FILE.etk,TEMPLATE"; borrows the text. */
EP_MUST_CHECK enum err scale_add(struct scale *scale, struct str text, struct fail *fail);
void scale_fini(struct scale *scale);
/* NULL: the model is not weighed. */
const struct scale_model *scale_find(const struct scale *scale, struct str model);
/* Tokens of a checked request, and of a text. */
EP_MUST_CHECK enum err scale_request(const struct scale_model *model, struct str body,
                                     int64_t *ret_tokens);
EP_MUST_CHECK enum err scale_text(const struct scale_model *model, struct str text,
                                  int64_t *ret_tokens);
