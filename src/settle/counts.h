/*
 * Sums by keys: rows of texts, each with its numbers, in the order of their keys. What reports are
 * made of: bounded by how many different keys there are, not by how many calls. A failure sticks.
 *
 * Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"

#define COUNTS_KEYS_MAX   4
#define COUNTS_VALUES_MAX 70

struct counts_row {
    struct str keys[COUNTS_KEYS_MAX];
    struct str note;  /* what whoever made the row put there, in the counts' memory */
    int64_t values[]; /* as many as the counts have */
};

struct counts {
    size_t key_count;
    size_t value_count;
    struct arena arena;
    struct map map;
    struct counts_row **rows;
    size_t count;
    size_t cap;
    enum err err;
};

void counts_init(struct counts *counts, size_t keys, size_t values, size_t bytes_max);
void counts_fini(struct counts *counts);
/* The row of these keys, made if it is not there; NULL after a failure. */
struct counts_row *counts_row(struct counts *counts, const struct str *keys);
/* Adds to one of a row's numbers; a sum beyond int64 is ERR_LIMIT. `row` may be NULL. */
void counts_add(struct counts *counts, struct counts_row *row, size_t value, int64_t more);
/* Both in one. */
void counts_note(struct counts *counts, const struct str *keys, size_t value, int64_t more);
/* Orders the rows by their keys, bytes compared. */
void counts_sort(struct counts *counts);
/* Of all rows; saturates. */
int64_t counts_sum(const struct counts *counts, size_t value);
