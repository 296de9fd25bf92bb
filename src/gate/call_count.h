/* A call's tokens, counted by its model's vocabulary: the input, then the answer as it comes. */
#pragma once

#include "meter/chat_count.h"
#include "registry/registry.h"

struct call;
struct chat_text;

/* Begins to count the input, if the model's tokens are counted and the call has not
 * begun to; without memory the call is not counted. */
void call_count_begin(struct call *call);
/* One slice, less than a millisecond: of the input, then of a whole answer. True: all is counted,
 * or nothing is to be. */
bool call_count_slice(struct call *call);
/* What is under way goes; what is counted stays. */
void call_count_end(struct call *call);
/* The input as a server takes it that treats control tokens in a client's text so. */
const struct chat_counted *call_count_of(const struct call *call,
                                         enum registry_special_text special);
/* The sink of an answer that streams, and of one that is whole. */
void call_count_text(void *context, const struct chat_text *text);
void call_count_keep(void *context, const struct chat_text *text);
