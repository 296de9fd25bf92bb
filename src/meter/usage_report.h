/*
 * What an upstream reports, read by the rule of its surface. Pure, bounded, without memory of its
 * own.
 *
 * In a stream reports are cumulative: what was said last of each count holds, field by field, and
 * nothing is ever added up; a later report may leave out what an earlier one said. A count that is
 * absent or null is none. What is no count (negative, a fraction, a text, beyond USAGE_TOKENS_MAX),
 * is told twice in one report, or contradicts another count spoils the report: its usage is
 * quarantined, and never guessed at. So does a class below zero, and a total that does not sum.
 * The tier that served is no count: one that is not known spoils nothing.
 *
 * Threads: one at a time.
 */
#pragma once

#include "meter/usage.h"
#include "meter/usage_surface.h"

#define USAGE_REPORT_FIELDS 26

/* Begins as { 0 }. */
struct usage_report {
    int32_t fields[USAGE_REPORT_FIELDS]; /* 0 to USAGE_TOKENS_MAX */
    uint32_t said;                       /* bits: it was told, if only in nonsense */
    uint32_t spoiled;                    /* bits: what was told last is no count */
    bool crooked;                        /* what should be an object or a list is none */
    enum tier tier;                      /* in which it was served; */
    enum tier speed;                     /* and beside it, Anthropic's */
};

/* Adds what one object says: checked JSON, or empty. Anything but an object is none. */
void usage_report_add(struct usage_report *report, enum usage_surface surface, struct str json);
/* False: no usage was reported (no count of the input). */
EP_MUST_CHECK bool usage_report_settle(const struct usage_report *report,
                                       enum usage_surface surface, struct usage *ret_usage);
/* Both of one report, as of an answer that was not streamed. */
EP_MUST_CHECK bool usage_read(enum usage_surface surface, struct str json, struct usage *ret_usage);
