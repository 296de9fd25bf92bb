/* What the report's sections are drawn with. For the room alone. */
#pragma once

#include "settle/evidence_report.h"
#include "settle/html.h"

struct report {
    struct html html;
    const struct evidence_basis *basis;
    struct fail *fail;
};

const struct counts *report_counts(const struct report *report, enum evidence_table table);

/* ---- tables ------------------------------------------------------------------------------- */

/* What is empty is said so. */
void report_cell(struct html *html, struct str text);
/* Begins a table: names with | between, of which the first `texts` are of texts. */
void report_heads(struct html *html, const char *heads, size_t texts);
/* Ends it, and says where the rows are that were too many. */
void report_more(struct html *html, size_t count, const char *file);

struct report_shape {
    enum evidence_table table;
    const char *heads; /* of keys and values, with | between */
    const char *empty; /* what is said where there are no rows */
    size_t money;      /* the value that is an amount; SIZE_MAX: none */
    size_t values;     /* of the row, that are shown */
    const char *file;  /* where all rows are */
};
void report_table(struct report *report, const struct report_shape *shape);

/* ---- charts ------------------------------------------------------------------------------- */

#define REPORT_OUTCOMES 4
extern const char *const report_outcomes[REPORT_OUTCOMES];

typedef void report_bar_fn(const struct counts_row *row, struct html_bar *ret_bar);
/* The parts of a bar: the first value; or the first less the second, and the second. */
void report_bar_one(const struct counts_row *row, struct html_bar *bar);
void report_bar_pair(const struct counts_row *row, struct html_bar *bar);
/* A key, or what is said where it is empty. */
struct str report_shown(struct str key, const char *none);

struct report_kinds {
    enum evidence_table table;
    const char *title;
    const char *const *series;
    size_t series_count;
    report_bar_fn *bar;
};
/* The largest rows, and all others in one bar. */
void report_kinds(struct report *report, const struct report_kinds *kinds);
/* Calls by day, or by month where there are many. */
void report_days(struct report *report);
