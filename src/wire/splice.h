/*
 * A text with a few replaced pieces, as a list of parts: nothing is copied, so a 100 KB prompt goes
 * upstream from the buffer it came in. Everything is borrowed.
 */
#pragma once

#include <sys/uio.h>

#include "base/buf.h"

#define SPLICE_EDITS_MAX 6 /* model, output cap, stream options, what is new, two that are cut */
#define SPLICE_PARTS_MAX (2 * SPLICE_EDITS_MAX + 1)

struct splice_edit {
    size_t at;
    size_t len; /* replaced; 0: inserted before `at` */
    struct str with;
};

struct splice {
    struct str text;
    struct splice_edit edits[SPLICE_EDITS_MAX]; /* in order, not overlapping */
    size_t count;
};

void splice_init(struct splice *splice, struct str text);
/* Edits may be added in any order. */
void splice_add(struct splice *splice, size_t at, size_t len, struct str with);
/* Bytes of the result. */
size_t splice_len(const struct splice *splice);
/* The result's pieces, none of them empty; returns how many. */
int splice_parts(const struct splice *splice, struct iovec parts[SPLICE_PARTS_MAX]);
