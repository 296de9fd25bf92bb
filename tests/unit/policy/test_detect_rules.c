#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "detect_sample.h"

static enum err compile(struct detect_row row, const char *value, struct fail *fail)
{
    struct str text = str_from(value);
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    row.values = &text;
    row.count = 1;
    enum err err = detect_rules_compile(&row, 1, &policy, &rules, fail);
    detect_rules_destroy(rules);
    return err;
}

#define CHECK_ROW(want, row, value)                                      \
    do {                                                                 \
        struct fail row_fail_ = { .text = "" };                          \
        if (compile((row), (value), &row_fail_) != (want)) {             \
            test_failed(EP_SITE, "\"%s\": %s", (value), row_fail_.text); \
        }                                                                \
    } while (0)
#define GOOD(row, value) CHECK_ROW(ERR_OK, row, value)
#define BAD(row, value)  CHECK_ROW(ERR_REGISTRY_INVALID, row, value)

#define LONG_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(provinces_are_two_digits_or_one_character)
{
    struct detect_row row = { .kind = DETECT_PROVINCE, .class = DETECT_RESIDENT_ID };
    GOOD(row, "44");
    BAD(row, "4");
    BAD(row, "440");
    BAD(row, "4x");
    BAD(row, "");
    row.class = DETECT_PLATE;
    GOOD(row, "粤");
    BAD(row, "粤粤");
    BAD(row, "B");
    BAD(row, "");
    BAD(row, "😀");
    BAD(row, "\xE7\xB2");
    row.class = DETECT_MOBILE;
    BAD(row, "44");
    row.class = DETECT_CLASSES;
    BAD(row, "44");
}

TEST(prefixes_are_up_to_eight_digits_of_a_class_that_has_them)
{
    struct detect_row row = { .kind = DETECT_PREFIX, .class = DETECT_MOBILE };
    GOOD(row, "138");
    GOOD(row, "12345678");
    BAD(row, "123456789");
    BAD(row, "");
    BAD(row, "13x");
    row.class = DETECT_USCC;
    GOOD(row, "A1");
    row.class = DETECT_PASSPORT;
    BAD(row, "1");
}

TEST(keywords_have_a_window)
{
    struct detect_row row = { .kind = DETECT_KEYWORD, .class = DETECT_MOBILE, .window = 12 };
    GOOD(row, "手机");
    BAD(row, "");
    BAD(row, "\xE6\x89");
    BAD(row, LONG_64);
    row.window = DETECT_NEAR_MAX;
    GOOD(row, "手机");
    row.window = DETECT_NEAR_MAX + 1;
    BAD(row, "手机");
    row.window = 0;
    BAD(row, "手机");
    row.window = 12;
    row.class = DETECT_PLATE;
    BAD(row, "车牌");
}

TEST(terms_begin_with_a_letter_and_have_a_marker)
{
    struct detect_row row = { .kind = DETECT_TERM, .marker = STR_INIT("m"), .min = 1 };
    GOOD(row, "机密");
    GOOD(row, "RTU");
    BAD(row, "SC");
    GOOD(row, LONG_64);
    BAD(row, LONG_64 "a");
    BAD(row, "密");
    BAD(row, "S");
    BAD(row, "");
    BAD(row, "1RTU");
    BAD(row, " 机密");
    BAD(row, "😀😀");
    BAD(row, "机密\xE6");
    row.min = 0;
    BAD(row, "机密");
    row.min = 1;
    row.marker = STR_EMPTY;
    BAD(row, "机密");
}

TEST(bounds_are_four_degrees_in_order)
{
    struct detect_row row = { .kind = DETECT_BOUND, .marker = STR_INIT("m"), .min = 50 };
    GOOD(row, "73.5 18 135.1 53.6");
    GOOD(row, "0 0 180 0.000001");
    BAD(row, "");
    BAD(row, "73.5 18 135.1");
    BAD(row, "73.5 18 135.1 53.6 1");
    BAD(row, "135.1 18 73.5 53.6");
    BAD(row, "73.5 53.6 135.1 18");
    BAD(row, "73.5 18 181 53.6");
    BAD(row, "-73.5 18 135.1 53.6");
    BAD(row, "73.5 18 135.1 53.6000001");
    BAD(row, "73.x 18 135.1 53.6");
}

/* `count` different values of a kind; what the last one gave. */
static enum err compile_many(struct detect_row row, const char *form, size_t count)
{
    static char texts[DETECT_TERMS_MAX + 1][16];
    static struct str values[DETECT_TERMS_MAX + 1];
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    struct fail fail;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s%zu", form, 1000 + i);
        values[i] = str_from(texts[i]);
    }
    row.values = values;
    row.count = count;
    enum err err = detect_rules_compile(&row, 1, &policy, &rules, &fail);
    detect_rules_destroy(rules);
    return err;
}

TEST(every_list_has_its_limit)
{
    struct detect_row term = { .kind = DETECT_TERM, .marker = STR_INIT("m"), .min = 1 };
    CHECK(compile_many(term, "term", DETECT_TERMS_MAX) == ERR_OK);
    CHECK(compile_many(term, "term", DETECT_TERMS_MAX + 1) == ERR_REGISTRY_INVALID);
    struct detect_row word = { .kind = DETECT_KEYWORD, .class = DETECT_MOBILE, .window = 1 };
    CHECK(compile_many(word, "word", DETECT_KEYWORDS_MAX) == ERR_OK);
    CHECK(compile_many(word, "word", DETECT_KEYWORDS_MAX + 1) == ERR_REGISTRY_INVALID);
    struct detect_row prefix = { .kind = DETECT_PREFIX, .class = DETECT_MOBILE };
    CHECK(compile_many(prefix, "", DETECT_PREFIXES_MAX) == ERR_OK);
    CHECK(compile_many(prefix, "", DETECT_PREFIXES_MAX + 1) == ERR_REGISTRY_INVALID);
}

TEST(rows_of_a_marker_agree_and_names_are_kept)
{
    static const struct str one[] = { STR_INIT("alpha") };
    static const struct str two[] = { STR_INIT("bravo") };
    static const struct str box[] = { STR_INIT("1 1 2 2") };
    struct detect_row rows[] = {
        { .kind = DETECT_TERM, .marker = STR_INIT("m"), .values = one, .count = 1, .min = 2 },
        { .kind = DETECT_TERM, .marker = STR_INIT("m"), .values = two, .count = 1, .min = 2 },
        { .kind = DETECT_BOUND, .marker = STR_INIT("n"), .values = box, .count = 1, .min = 2 },
    };
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    struct fail fail;
    CHECK(detect_rules_compile(rows, 3, &policy, &rules, &fail) == ERR_OK);
    CHECK_EQ(detect_rules_markers(rules), 2);
    CHECK_STR(detect_rules_marker(rules, 0), STR("m"));
    CHECK_STR(detect_rules_marker(rules, 1), STR("n"));
    detect_rules_destroy(rules);
    rows[1].min = 3;
    CHECK(detect_rules_compile(rows, 3, &policy, &rules, &fail) == ERR_REGISTRY_INVALID);
    rows[1].min = 2;
    rows[1].values = one; /* the same word again */
    CHECK(detect_rules_compile(rows, 3, &policy, &rules, &fail) == ERR_REGISTRY_INVALID);
    rows[1].values = two;
    rows[2].marker = STR("m"); /* words and points in one */
    CHECK(detect_rules_compile(rows, 3, &policy, &rules, &fail) == ERR_REGISTRY_INVALID);
}

TEST(without_rows_only_what_needs_none_is_found)
{
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    struct detector detector;
    struct detect_result result;
    struct detect_result none = { 0 };
    struct fail fail;
    CHECK(detect_rules_compile(NULL, 0, &policy, &rules, &fail) == ERR_OK);
    detect_begin(&detector, rules, SAMPLE_TODAY);
    detect_feed(&detector,
                STR("440507199003070018 手机13812345678 粤B12345 机密★10年 护照E12345678"));
    detect_end(&detector, &result);
    CHECK(memcmp(&result, &none, sizeof(none)) == 0);
    CHECK(detect_judge(rules, &result).action == DETECT_COUNT);
    detect_rules_destroy(rules);
}

static void compile_sample(void)
{
    size_t count = 0;
    const struct detect_row *rows = detect_sample_rows(&count);
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    struct fail fail;
    enum err err = detect_rules_compile(rows, count, &policy, &rules, &fail);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    if (err == ERR_OK) {
        detect_rules_destroy(rules);
    }
}

TEST(a_heap_without_room_is_reported)
{
    int64_t open = mem_blocks_open();
    CHECK(test_each_allocation_failing(compile_sample) > 1);
    CHECK_EQ(mem_blocks_open(), open);
}
