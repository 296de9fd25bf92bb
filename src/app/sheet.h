/*
 * What a command prints: rows of named cells, as an aligned table, as "name: value" lines, or as
 * JSON. A failure sticks and is asked for once, at the printing. Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/id.h"

#define SHEET_COLUMNS_MAX 26 /* what a device may use and has used is 26 */
#define SHEET_BYTES_MAX   ((size_t)64 << 20)

struct sheet_cell {
    struct str text;
    bool number; /* right-aligned; a number in JSON */
    bool none;   /* "-"; null in JSON */
};

struct sheet {
    const char *const *names; /* borrowed */
    size_t columns;
    struct sheet_cell *cells; /* row by row */
    size_t count;
    size_t cap;
    struct arena arena;
    enum err err;
};

void sheet_init(struct sheet *sheet, const char *const *names, size_t columns);
void sheet_fini(struct sheet *sheet);
/* The next cell, from left to right; a full row is followed by the next. The text is copied. */
void sheet_str(struct sheet *sheet, struct str text);
void sheet_int(struct sheet *sheet, int64_t value);
void sheet_money(struct sheet *sheet, int64_t nano); /* at least two decimals; text in JSON */
void sheet_none(struct sheet *sheet);
void sheet_stamp(struct sheet *sheet, int64_t ns); /* 0: none */
void sheet_id(struct sheet *sheet, const char *prefix, struct id id);
/* Every row: a table with a line of names, or a JSON array of objects. */
EP_MUST_CHECK enum err sheet_print(const struct sheet *sheet, bool json, struct buf *out);
/* The first row alone: a line a cell, or a JSON object. */
EP_MUST_CHECK enum err sheet_print_one(const struct sheet *sheet, bool json, struct buf *out);
