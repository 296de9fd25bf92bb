#include "settle/html.h"

#include <string.h>

#include "harness.h"

static struct buf out;
static struct html html;

static void begin(size_t max)
{
    buf_init(&out, max);
    html_init(&html, &out);
}

TEST(texts_are_escaped_and_numbers_grouped)
{
    begin(4096);
    html_raw(&html, "<p>");
    html_text(&html, STR("a<b>&\"'c"));
    html_int(&html, 1234567);
    html_int(&html, -123);
    html_int(&html, 12);
    html_plain(&html, 1234567);
    html_money(&html, 1950000);
    CHECK_EQ(html_err(&html), ERR_OK);
    CHECK_STR(buf_str(&out), STR("<p>a&lt;b&gt;&amp;&quot;&#39;c1&#8239;234&#8239;567-123"
                                 "12"
                                 "12345670.00195"));
    buf_fini(&out);
}

TEST(charts_stay_in_their_frame)
{
    static const char *const series[] = { "one", "two" };
    struct html_bar bars[3] = { { "a<", { INT64_MAX, INT64_MAX } },
                                { "b", { 1, 0 } },
                                { "", { 0 } } };
    const struct html_chart chart = { "T&C", series, 2, bars, 3 };
    const struct html_chart none = { "none", series, 2, bars, 0 };
    begin(1 << 20);
    html_bars(&html, &chart);
    html_columns(&html, &chart);
    html_bars(&html, &none);
    html_columns(&html, &none);
    CHECK_EQ(html_err(&html), ERR_OK);
    CHECK(str_search(buf_str(&out), STR("a&lt;")) < out.len);
    CHECK(str_search(buf_str(&out), STR("T&amp;C")) < out.len);
    CHECK(str_search(buf_str(&out), STR("width=\"-")) == out.len);
    CHECK(str_search(buf_str(&out), STR("y=\"-")) == out.len);
    buf_fini(&out);
}

TEST(labels_are_cut_and_a_full_buffer_is_told_of)
{
    struct html_bar bar = { .parts = { 0 } };
    char text[2 * HTML_LABEL_MAX];
    memset(text, 'x', sizeof(text));
    html_bar_label(&bar, "%.*s", (int)sizeof(text), text);
    CHECK_EQ(strlen(bar.label), HTML_LABEL_MAX - 1);
    begin(4);
    html_raw(&html, "12345");
    html_text(&html, STR("x"));
    CHECK_EQ(html_err(&html), ERR_LIMIT);
    buf_fini(&out);
}
