/*
 * Usage reports between dialects: each vendor's numbers to disjoint classes and back. Pure.
 *
 * These are what a client of another dialect is told; what is billed is the meter's, which reads
 * the raw report by the rule of the route. What is written here it reads as the same classes
 * (tests/usage). Law: tokens_read(tokens_write(c)) = c, up to the life times of cache writes and
 * the modalities that the dialect cannot name: what has no name is told as what it is a part of. A
 * class that would be below zero is 0: the meter's quarantine is where contradictions end.
 */
#pragma once

#include "dialect/event.h"
#include "dialect/text.h"

/* The numbers of Anthropic's reports so far: a later one overwrites what it names, and no more. */
struct tokens_so_far {
    int64_t input;
    int64_t cache_read;
    int64_t cache_write;
    int64_t cache_5m;
    int64_t cache_1h;
    int64_t output;
    int64_t thinking;
};

/* `report` is an object of that dialect. */
void tokens_read_chat(struct str report, struct event_tokens *ret_tokens);
void tokens_read_responses(struct str report, struct event_tokens *ret_tokens);
void tokens_read_gemini(struct str report, struct event_tokens *ret_tokens);
void tokens_read_anthropic(struct str report, struct tokens_so_far *so_far,
                           struct event_tokens *ret_tokens);

#define TOKENS_TEXT_MAX 1024 /* bytes: a form has at most 20 names and numbers of 10 digits */

/* The object, in that dialect's form. */
void tokens_write(struct put *put, enum dialect dialect, const struct event_tokens *tokens);
/* What the totals are called: all that went in, all that came out. */
int64_t tokens_in(const struct event_tokens *tokens);
int64_t tokens_out(const struct event_tokens *tokens);
