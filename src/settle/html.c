#include "settle/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"

void html_init(struct html *html, struct buf *out)
{
    *html = (struct html){ .out = out };
}

enum err html_err(const struct html *html)
{
    return html->err;
}

static void html_append(struct html *html, struct str text)
{
    html->err = html->err == ERR_OK ? buf_append(html->out, text) : html->err;
}

void html_raw(struct html *html, const char *markup)
{
    html_append(html, str_from(markup));
}

static const char *html_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(struct html *html, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = html_escape(text.ptr[i]);
        if (escape != NULL) {
            html_append(html, str_slice(text, from, i));
            html_raw(html, escape);
            from = i + 1;
        }
    }
    html_append(html, str_slice(text, from, text.len));
}

void html_plain(struct html *html, int64_t value)
{
    html->err = html->err == ERR_OK ? buf_i64(html->out, value) : html->err;
}

void html_int(struct html *html, int64_t value)
{
    char text[24];
    struct buf digits = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_i64(&digits, value)); /* fits */
    for (size_t i = 0; i < digits.len; i++) {
        if (i > 0 && (digits.len - i) % 3 == 0 && text[i - 1] != '-') {
            html_raw(html, "&#8239;");
        }
        html_append(html, (struct str){ &text[i], 1 });
    }
}

void html_money(struct html *html, int64_t nano)
{
    html->err = html->err == ERR_OK ? money_print(html->out, nano, 9, 2) : html->err;
}

/* ---- charts ------------------------------------------------------------------------------- */

#define CHART_WIDTH   INT64_C(720)
#define CHART_HEIGHT  INT64_C(180)
#define CHART_FOOT    INT64_C(22)
#define CHART_LEFT    INT64_C(52)
#define CHART_ROW     INT64_C(24)
#define CHART_LABEL   INT64_C(300)
#define CHART_NUMBER  INT64_C(90)
#define CHART_TICKS   8  /* labels below columns */
#define CHART_DECIMAL 10 /* coordinates are in tenths: thin bars of many days stay even */

void html_bar_label(struct html_bar *bar, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(bar->label, sizeof(bar->label), format, args); /* what fits */
    va_end(args);
}

/* Of the first `count` parts; saturates. */
static int64_t chart_sum_of(const struct html_bar *bar, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!money_add(sum, bar->parts[i], &sum)) {
            return INT64_MAX;
        }
    }
    return sum;
}

static int64_t chart_sum(const struct html_chart *chart, const struct html_bar *bar)
{
    return chart_sum_of(bar, chart->series_count);
}

static int64_t chart_max(const struct html_chart *chart)
{
    int64_t max = 1;
    for (size_t i = 0; i < chart->bar_count; i++) {
        int64_t sum = chart_sum(chart, &chart->bars[i]);
        max = sum > max ? sum : max;
    }
    return max;
}

/* `value` of `max` as tenths of `room`: never beyond it. */
static int64_t chart_scale(int64_t value, int64_t max, int64_t room)
{
    money_wide scaled = (money_wide)value * room * CHART_DECIMAL / max;
    return scaled > room * CHART_DECIMAL ? room * CHART_DECIMAL : (int64_t)scaled;
}

static void chart_number(struct html *html, const char *name, int64_t tenths)
{
    html_raw(html, " ");
    html_raw(html, name);
    html_raw(html, "=\"");
    html_plain(html, tenths / CHART_DECIMAL);
    html_raw(html, ".");
    html_plain(html, tenths % CHART_DECIMAL);
    html_raw(html, "\"");
}

struct chart_box {
    int64_t x; /* tenths */
    int64_t y;
    int64_t width;
    int64_t height;
};

static void chart_rect(struct html *html, const struct chart_box *box, size_t series)
{
    html_raw(html, "<rect class=\"s");
    html_plain(html, (int64_t)series);
    html_raw(html, "\"");
    chart_number(html, "x", box->x);
    chart_number(html, "y", box->y);
    chart_number(html, "width", box->width);
    chart_number(html, "height", box->height);
    html_raw(html, "/>");
}

static void chart_label(struct html *html, const char *class, int64_t x, int64_t y)
{
    html_raw(html, "<text class=\"");
    html_raw(html, class);
    html_raw(html, "\"");
    chart_number(html, "x", x);
    chart_number(html, "y", y);
    html_raw(html, ">");
}

static void chart_begin(struct html *html, const struct html_chart *chart, int64_t height)
{
    html_raw(html, chart->series_count == 2 ? "<figure class=\"two\"><figcaption>"
                                            : "<figure><figcaption>");
    html_text(html, str_from(chart->title));
    for (size_t i = 0; chart->series_count > 1 && i < chart->series_count; i++) {
        html_raw(html, " <span class=\"key k");
        html_plain(html, (int64_t)i);
        html_raw(html, "\"></span>");
        html_text(html, str_from(chart->series[i]));
    }
    html_raw(html, "</figcaption><svg role=\"img\" viewBox=\"0 0 ");
    html_plain(html, CHART_WIDTH);
    html_raw(html, " ");
    html_plain(html, height);
    html_raw(html, "\" aria-label=\"");
    html_text(html, str_from(chart->title));
    html_raw(html, "\">\n");
}

static void chart_end(struct html *html)
{
    html_raw(html, "</svg></figure>\n");
}

/* What a reader who points at a bar, or listens to it, is told. */
static void chart_tip(struct html *html, const struct html_chart *chart, const struct html_bar *bar)
{
    html_raw(html, "<title>");
    html_text(html, str_from(bar->label));
    for (size_t i = 0; i < chart->series_count; i++) {
        html_raw(html, i == 0 ? ": " : ", ");
        html_int(html, bar->parts[i]);
        html_raw(html, " ");
        html_text(html, str_from(chart->series[i]));
    }
    html_raw(html, "</title>");
}

static void columns_scale(struct html *html, int64_t max)
{
    html_raw(html, "<path class=\"axis\" d=\"M52 0.5H720M52 90.5H720M52 179.5H720\"/>");
    chart_label(html, "end", (CHART_LEFT - 6) * CHART_DECIMAL, 10 * CHART_DECIMAL);
    html_int(html, max);
    html_raw(html, "</text>");
    chart_label(html, "end", (CHART_LEFT - 6) * CHART_DECIMAL, CHART_HEIGHT * CHART_DECIMAL);
    html_raw(html, "0</text>\n");
}

void html_columns(struct html *html, const struct html_chart *chart)
{
    int64_t max = chart_max(chart);
    int64_t count = chart->bar_count > 0 ? (int64_t)chart->bar_count : 1;
    int64_t room = (CHART_WIDTH - CHART_LEFT) * CHART_DECIMAL;
    int64_t step = room / count < 40 * CHART_DECIMAL ? room / count : 40 * CHART_DECIMAL;
    size_t every = (chart->bar_count + CHART_TICKS - 1) / CHART_TICKS;
    chart_begin(html, chart, CHART_HEIGHT + CHART_FOOT);
    columns_scale(html, max);
    for (size_t i = 0; i < chart->bar_count; i++) {
        const struct html_bar *bar = &chart->bars[i];
        struct chart_box box = { .x = CHART_LEFT * CHART_DECIMAL + (int64_t)i * step,
                                 .width = step > 2 * CHART_DECIMAL ? step - CHART_DECIMAL : step };
        html_raw(html, "<g>");
        chart_tip(html, chart, bar);
        for (size_t k = 0; k < chart->series_count; k++) {
            int64_t below = chart_scale(chart_sum_of(bar, k), max, CHART_HEIGHT);
            int64_t above = chart_scale(chart_sum_of(bar, k + 1), max, CHART_HEIGHT);
            box.height = above - below;
            box.y = CHART_HEIGHT * CHART_DECIMAL - above;
            chart_rect(html, &box, k);
        }
        html_raw(html, "</g>");
        if (i % every == 0) {
            chart_label(html, "tick", box.x, (CHART_HEIGHT + 15) * CHART_DECIMAL);
            html_text(html, str_from(bar->label));
            html_raw(html, "</text>");
        }
        html_raw(html, "\n");
    }
    chart_end(html);
}

void html_bars(struct html *html, const struct html_chart *chart)
{
    int64_t max = chart_max(chart);
    int64_t room = CHART_WIDTH - CHART_LABEL - CHART_NUMBER;
    chart_begin(html, chart, CHART_ROW * (int64_t)chart->bar_count + 2);
    for (size_t i = 0; i < chart->bar_count; i++) {
        const struct html_bar *bar = &chart->bars[i];
        int64_t top = (int64_t)i * CHART_ROW * CHART_DECIMAL;
        int64_t base = top + 16 * CHART_DECIMAL;
        struct chart_box box = { .x = CHART_LABEL * CHART_DECIMAL,
                                 .y = top + 4 * CHART_DECIMAL,
                                 .height = (CHART_ROW - 8) * CHART_DECIMAL };
        html_raw(html, "<g>");
        chart_tip(html, chart, bar);
        chart_label(html, "end", (CHART_LABEL - 8) * CHART_DECIMAL, base);
        html_text(html, str_from(bar->label));
        html_raw(html, "</text>");
        for (size_t k = 0; k < chart->series_count; k++) {
            int64_t left = chart_scale(chart_sum_of(bar, k), max, room);
            box.x = CHART_LABEL * CHART_DECIMAL + left;
            box.width = chart_scale(chart_sum_of(bar, k + 1), max, room) - left;
            chart_rect(html, &box, k);
        }
        chart_label(html, "start", box.x + box.width + 6 * CHART_DECIMAL, base);
        html_int(html, chart_sum(chart, bar));
        html_raw(html, "</text></g>\n");
    }
    chart_end(html);
}
