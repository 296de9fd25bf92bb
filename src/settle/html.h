/*
 * Writing HTML into a buffer: texts are escaped, a failure sticks and is asked for once, at the
 * end. And charts as SVG in place: whole numbers, no script, nothing that is fetched. Not
 * thread-safe.
 */
#pragma once

#include "base/buf.h"

struct html {
    struct buf *out;
    enum err err;
};

void html_init(struct html *html, struct buf *out);
void html_raw(struct html *html, const char *markup); /* ours */
void html_text(struct html *html, struct str text);
void html_int(struct html *html, int64_t value);   /* "1 234 567", with narrow spaces */
void html_plain(struct html *html, int64_t value); /* "1234567" */
void html_money(struct html *html, int64_t nano);
EP_MUST_CHECK enum err html_err(const struct html *html);

/* ---- charts ------------------------------------------------------------------------------- */

#define HTML_SERIES_MAX 4
#define HTML_LABEL_MAX  160

/* A bar with its parts, in the order of the series. */
struct html_bar {
    char label[HTML_LABEL_MAX]; /* what does not fit is cut off */
    int64_t parts[HTML_SERIES_MAX];
};

struct html_chart {
    const char *title;
    const char *const *series; /* what the parts are called, for the legend */
    size_t series_count;
    const struct html_bar *bars;
    size_t bar_count;
};

void html_bar_label(struct html_bar *bar, const char *format, ...) EP_PRINTF(2, 3);
/* Bars that stand, as wide as their number lets them: for time. */
void html_columns(struct html *html, const struct html_chart *chart);
/* Bars that lie, with their labels and sums: for kinds. */
void html_bars(struct html *html, const struct html_chart *chart);
