#include "harness.h"

#include <string.h>

#include "policy/detect_internal.h"

static struct detect_keywords keywords(const char *word, unsigned window)
{
    struct detect_keywords made = { .window = window, .count = 1 };
    made.words[0].len = (uint8_t)str_from(word).len;
    made.words[0].window = (uint8_t)window;
    memcpy(made.words[0].text, word, made.words[0].len);
    return made;
}

/* The number is what stands between two bars. */
static struct detect_view view_of(const char *text, const char **ret_from, const char **ret_to)
{
    struct str copy = test_at_page_end(str_from(text));
    *ret_from = copy.ptr + str_find(copy, '|') + 1;
    *ret_to = *ret_from + str_find(str_from_at(copy, (size_t)(*ret_from - copy.ptr)), '|');
    return (struct detect_view){ copy.ptr, copy.ptr + copy.len };
}

static bool near(const char *word, unsigned window, const char *text)
{
    const char *from = NULL;
    const char *to = NULL;
    struct detect_keywords made = keywords(word, window);
    struct detect_view view = view_of(text, &from, &to);
    return detect_near(&made, &view, from, to);
}

TEST(a_keyword_is_near_on_either_side_and_in_any_case)
{
    CHECK(near("passport", 3, "Passport|1|"));
    CHECK(near("passport", 3, "|1|PASSPORT"));
    CHECK(near("passport", 3, "passport: |1|")); /* the bar counts */
    CHECK(!near("passport", 3, "passport : |1|"));
    CHECK(near("passport", 3, "|1|, passport"));
    CHECK(!near("passport", 3, "|1| - passport"));
    CHECK(!near("passport", 3, "asspor|1|passpor"));
    CHECK(!near("passport", 3, "|1|"));
}

TEST(the_window_is_in_characters)
{
    CHECK(near("手机", 3, "手机号码|1|"));
    CHECK(!near("手机", 2, "手机号码|1|"));
    CHECK(near("手机", 3, "|1|号码手机"));
    CHECK(!near("手机", 2, "|1|号码手机"));
    struct detect_keywords none = { .count = 0 };
    const char *from = NULL;
    const char *to = NULL;
    struct detect_view view = view_of("手机|1|", &from, &to);
    CHECK(!detect_near(&none, &view, from, to));
}

static bool in_blob(const char *before, const char *number, const char *behind)
{
    char text[512];
    size_t len = str_from(before).len;
    memcpy(text, before, len);
    memcpy(text + len, number, str_from(number).len);
    memcpy(text + len + str_from(number).len, behind, str_from(behind).len);
    size_t end = len + str_from(number).len;
    struct str copy = test_at_page_end((struct str){ text, end + str_from(behind).len });
    struct detect_view view = { copy.ptr, copy.ptr + copy.len };
    return detect_in_blob(&view, copy.ptr + len, copy.ptr + end);
}

#define FILL_45 "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblA"

TEST(base64_is_a_long_run_of_its_alphabet_with_a_capital)
{
    CHECK(in_blob(FILL_45 "/", "440507199003070018", ""));
    CHECK(in_blob("", "440507199003070018", "/" FILL_45));
    CHECK(in_blob("abcdefghijklmnopqrstuvw/", "440507199003070018", "_ABCDEFGHIJKLMNOPQRSTUVW"));
    CHECK(!in_blob(FILL_45, "440507199003070018", "")); /* 63 */
    CHECK(!in_blob(FILL_45 " /", "440507199003070018", "/ " FILL_45));
    CHECK(!in_blob(FILL_45 "/", "4405 07199003070018", "/" FILL_45));
    CHECK(!in_blob(FILL_45 "/", "4405．07199003070018", "/" FILL_45));
    /* Rules of dashes and paths are no base64. */
    CHECK(!in_blob("--------------------------------------------------", "440507199003070018", ""));
    CHECK(!in_blob("/srv/data/archive/customers/by/identity/number/of/the/year/", "13812345678",
                   "/index"));
}

TEST(what_is_announced_is_base64_at_any_length)
{
    CHECK(in_blob("data:image/png;base64,", "440507199003070018", ""));
    CHECK(in_blob("base64,iVBO/", "440507199003070018", ""));
    CHECK(!in_blob("base64, ", "440507199003070018", ""));
    CHECK(!in_blob("base64=", "440507199003070018", ""));
    CHECK(!in_blob("se64,", "440507199003070018", ""));
}
