/*
 * OpenAI's images: what is asked for, what comes back, whole or as a stream of events. Pure;
 * results borrow the text.
 */
#pragma once

#include "dialect/ask.h"
#include "dialect/chat.h"

#define IMAGES_MAX      10 /* of a request, as OpenAI has it */
#define IMAGES_PARTIAL  3  /* pictures that are not finished, of a stream, likewise */
#define IMAGES_WORD_MAX 32 /* bytes of a size or a quality */

/* What a picture is like; "auto" and what is not told are empty. */
struct images_kind {
    char size_text[IMAGES_WORD_MAX];
    char quality_text[IMAGES_WORD_MAX];
    struct str size;
    struct str quality;
};

struct images_ask {
    struct str prompt; /* a JSON string; empty: there is none */
    int64_t count;
    int64_t partial; /* pictures that are not finished, of each */
};

/* As ask_read_chat(); the fields: prompt, n, size, quality, response_format, stream,
 * partial_images. `prompted`: without a prompt nothing can be made of it. *ret_kind is filled in
 * place. */
EP_MUST_CHECK enum err images_read(struct str body, bool prompted, struct ask *ret_ask,
                                   struct images_ask *ret_images, struct images_kind *ret_kind,
                                   struct fail *fail);

struct images_answer {
    struct str model;
    struct str usage; /* an object, or empty */
    bool error;       /* it says an error */
    int64_t count;    /* pictures */
};

/* Whether a whole answer is what was asked for: one to so many pictures, each with its data or its
 * address. An answer with `error` is true. */
EP_MUST_CHECK bool images_answer_read(struct str body, const struct images_ask *asked,
                                      struct images_answer *ret_answer);
/* One event of a stream: a finished picture counts as `finished`. */
void images_event_read(struct str data, struct chat_event *ret_event);
/* What an answer, or the event of a finished picture, says of it; what it does not say stays. */
void images_kind_read(struct str object, struct images_kind *kind);
/* Copies, as the texts lie in it. */
void images_kind_copy(const struct images_kind *kind, struct images_kind *ret_copy);
