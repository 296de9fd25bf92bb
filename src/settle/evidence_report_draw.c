/* Tables and charts of the report of a pack. */
#include <string.h>

#include "settle/evidence_report_internal.h"

#define REPORT_BARS_MAX    12 /* of a chart of kinds; the others are one bar */
#define REPORT_COLUMNS_MAX 92 /* days; of more, months are shown */
#define REPORT_MONTHS_MAX  400

const struct counts *report_counts(const struct report *report, enum evidence_table table)
{
    return &report->basis->fold->tables[table];
}

/* ---- tables ------------------------------------------------------------------------------- */

void report_cell(struct html *html, struct str text)
{
    html_raw(html, "<td>");
    if (text.len == 0) {
        html_raw(html, "<i>none</i>");
    } else {
        html_text(html, text);
    }
    html_raw(html, "</td>");
}

void report_heads(struct html *html, const char *heads, size_t texts)
{
    struct str rest = str_from(heads);
    html_raw(html, "<table><thead><tr>");
    for (size_t i = 0; rest.len > 0; i++) {
        html_raw(html, i < texts ? "<th>" : "<th class=\"n\">");
        html_text(html, str_cut(&rest, '|'));
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead><tbody>\n");
}

void report_more(struct html *html, size_t count, const char *file)
{
    html_raw(html, "</tbody></table>\n");
    if (count > EVIDENCE_REPORT_ROWS) {
        html_raw(html, "<p class=\"more\">");
        html_int(html, (int64_t)(count - EVIDENCE_REPORT_ROWS));
        html_raw(html, " more rows are in ");
        html_raw(html, file);
        html_raw(html, ".</p>\n");
    }
}

void report_table(struct report *report, const struct report_shape *shape)
{
    struct html *html = &report->html;
    const struct counts *counts = report_counts(report, shape->table);
    if (counts->count == 0) {
        html_raw(html, "<p>");
        html_raw(html, shape->empty);
        html_raw(html, "</p>\n");
        return;
    }
    report_heads(html, shape->heads, counts->key_count);
    for (size_t i = 0; i < counts->count && i < EVIDENCE_REPORT_ROWS; i++) {
        const struct counts_row *row = counts->rows[i];
        html_raw(html, "<tr>");
        for (size_t k = 0; k < counts->key_count; k++) {
            report_cell(html, row->keys[k]);
        }
        for (size_t k = 0; k < shape->values; k++) {
            html_raw(html, "<td class=\"n\">");
            if (k == shape->money) {
                html_money(html, row->values[k]);
            } else {
                html_int(html, row->values[k]);
            }
            html_raw(html, "</td>");
        }
        html_raw(html, "</tr>\n");
    }
    report_more(html, counts->count, shape->file);
}

/* ---- charts ------------------------------------------------------------------------------- */

const char *const report_outcomes[REPORT_OUTCOMES] = { "complete", "interrupted", "failed",
                                                       "refused" };

/* The rows of the largest values, the largest first, into at most REPORT_BARS_MAX - 1 places. */
static size_t report_largest(const struct counts *counts,
                             const struct counts_row *ret_rows[REPORT_BARS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < counts->count; i++) {
        size_t at = count < REPORT_BARS_MAX - 1 ? count++ : REPORT_BARS_MAX - 1;
        while (at > 0 && ret_rows[at - 1]->values[0] < counts->rows[i]->values[0]) {
            if (at < REPORT_BARS_MAX - 1) {
                ret_rows[at] = ret_rows[at - 1];
            }
            at--;
        }
        if (at < REPORT_BARS_MAX - 1) {
            ret_rows[at] = counts->rows[i];
        }
    }
    return count;
}

void report_kinds(struct report *report, const struct report_kinds *kinds)
{
    const struct counts *counts = report_counts(report, kinds->table);
    const struct counts_row *rows[REPORT_BARS_MAX];
    struct html_bar bars[REPORT_BARS_MAX] = { { "", { 0 } } };
    size_t count = report_largest(counts, rows);
    struct html_chart chart = { kinds->title, kinds->series, kinds->series_count, bars, count };
    if (counts->count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        kinds->bar(rows[i], &bars[i]);
    }
    if (counts->count > count) {
        struct html_bar *others = &bars[chart.bar_count++];
        struct html_bar bar;
        html_bar_label(others, "%zu others", counts->count - count);
        for (size_t i = 0; i < counts->count; i++) {
            kinds->bar(counts->rows[i], &bar);
            others->parts[0] += bar.parts[0];
            others->parts[1] += bar.parts[1];
        }
        for (size_t i = 0; i < count; i++) {
            others->parts[0] -= bars[i].parts[0];
            others->parts[1] -= bars[i].parts[1];
        }
    }
    html_bars(&report->html, &chart);
}

struct str report_shown(struct str key, const char *none)
{
    return key.len > 0 ? key : str_from(none);
}

void report_bar_pair(const struct counts_row *row, struct html_bar *bar)
{
    bar->parts[0] = row->values[0] - row->values[1];
    bar->parts[1] = row->values[1];
    bar->parts[2] = 0;
    bar->parts[3] = 0;
}

void report_bar_one(const struct counts_row *row, struct html_bar *bar)
{
    memset(bar->parts, 0, sizeof(bar->parts));
    bar->parts[0] = row->values[0];
}

static void report_add_day(struct html_bar *bar, const struct counts_row *row)
{
    for (size_t i = 0; i < HTML_SERIES_MAX; i++) {
        bar->parts[i] += row->values[1 + i];
    }
}

/* Days without calls have no row, and none is made up: the labels say which days there are. */
void report_days(struct report *report)
{
    const struct counts *days = report_counts(report, EVIDENCE_DAYS);
    struct html_bar bars[REPORT_MONTHS_MAX];
    bool months = days->count > REPORT_COLUMNS_MAX;
    struct html_chart chart = { months ? "Calls by month" : "Calls by day", report_outcomes,
                                HTML_SERIES_MAX, bars, 0 };
    for (size_t i = 0; i < days->count; i++) {
        struct str name = str_slice(days->rows[i]->keys[0], 0, months ? 7 : 10);
        struct html_bar *last = chart.bar_count == 0 ? NULL : &bars[chart.bar_count - 1];
        if (last == NULL || !str_eq(str_from(last->label), name)) {
            if (chart.bar_count == REPORT_MONTHS_MAX) {
                break; /* a period is at most a few years: they are in the tables */
            }
            last = &bars[chart.bar_count++];
            *last = (struct html_bar){ .parts = { 0 } };
            html_bar_label(last, STR_FMT, STR_ARG(name));
        }
        report_add_day(last, days->rows[i]);
    }
    if (chart.bar_count > 0) {
        html_columns(&report->html, &chart);
    }
}
