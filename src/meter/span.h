/*
 * Text as it stands inside a checked JSON string, looked at and cut without decoding it: a span is
 * a part of a string's inside that begins and ends between two characters. What is asked of it is
 * asked of the text that it stands for. Pure; no copy.
 */
#pragma once

#include "base/str.h"

/* What is cut off, as a set. */
enum span_trim {
    SPAN_KEEP = 0,
    SPAN_LEFT = 1 << 0,
    SPAN_RIGHT = 1 << 1,
    SPAN_LINES = 1 << 2,  /* line feeds only; else white space as Python's str.strip() has it */
    SPAN_SPACES = 1 << 3, /* spaces only */
    SPAN_BOTH = SPAN_LEFT | SPAN_RIGHT
};

struct str span_trim(struct str span, unsigned trim);
bool span_starts(struct str span, struct str text);
bool span_ends(struct str span, struct str text);
/*
 * The first place where `text` stands: what is before it and what is behind it. `text` must be
 * ASCII whose first byte stands nowhere else in it. false: nowhere, nothing is written.
 */
bool span_split(struct str span, struct str text, struct str *ret_before, struct str *ret_behind);
/* The same at the last place. */
bool span_split_last(struct str span, struct str text, struct str *ret_before,
                     struct str *ret_behind);
