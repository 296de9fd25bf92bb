#include "harness.h"

#include <stdio.h>

#include "detect_sample.h"

static uint32_t marked(const char *text, const char *marker)
{
    struct detect_result result = detect_sample_look(test_at_page_end(str_from(text)));
    return result.markers[detect_sample_marker(str_from(marker))];
}

static uint32_t plates(const char *text)
{
    return detect_sample_look(test_at_page_end(str_from(text))).classes[DETECT_PLATE][DETECT_WEAK];
}

TEST(a_level_of_secrecy_needs_a_star_or_a_term)
{
    static const char *const good[] = {
        "机密★10年", "绝密★",     "秘密★长期",  "机密 ★ 启用前", "机密☆",
        "秘密10年",  "绝密 30年", "机密６个月", "秘密 长期",     "机密★１０年",
    };
    static const char *const bad[] = {
        "商业秘密", "机密",         "绝密文件",   "机密信息10年前", "秘密十年",
        "机密\n★",  "秘密 10 个人", "机密2026年", "密★10年",        "机",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        if (marked(good[i], "secret_level") != 1) {
            test_failed(EP_SITE, "not found: %s", good[i]);
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (marked(bad[i], "secret_level") != 0) {
            test_failed(EP_SITE, "found: %s", bad[i]);
        }
    }
}

TEST(marks_on_documents_are_found)
{
    CHECK_EQ(marked("内部资料，注意保存", "internal_only"), 1);
    CHECK_EQ(marked("本文件不得外传。内部资料", "internal_only"), 2);
    CHECK_EQ(marked("内部 资料", "internal_only"), 0);
    CHECK_EQ(marked("内部资", "internal_only"), 0);
}

TEST(a_list_of_words_needs_several_different_ones)
{
    CHECK_EQ(marked("SCADA and RTU", "grid_scada"), 0);
    CHECK_EQ(marked("SCADA, SCADA, scada", "grid_scada"), 0);
    CHECK_EQ(marked("SCADA over IEC 60870-5-104 with an RTU", "grid_scada"), 3);
    CHECK_EQ(marked("变电站的遥测与遥信", "grid_scada"), 3);
    CHECK_EQ(marked("scada，rtu，继电保护, Scada", "grid_scada"), 4);
    CHECK_EQ(marked("SCADAX, XRTU, virtue, 变电站", "grid_scada"), 0); /* whole words */
    CHECK_EQ(marked("军事禁区旁的弹药库", "military_zone"), 2);
    CHECK_EQ(marked("军事禁区", "military_zone"), 0);
    CHECK_EQ(marked("输油管道、清管站、高后果区", "pipeline"), 3);
    CHECK_EQ(marked("rows from dataset:cn-grid, please", "dataset_tag"), 1);
    CHECK_EQ(marked("rows from dataset:cn-gridlock", "dataset_tag"), 0);
}

/* How a point is written: what stands before, between and behind its two numbers. */
struct form {
    const char *before;
    const char *between;
    const char *behind;
};

/* `count` points of that form, from (first, second) on. */
static uint32_t points(const struct form *form, int count, int first, int second)
{
    static char text[16384];
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s%d.%06d%s%d.%06d%s", form->before,
                             first, 123456 + i, form->between, second, 654321 - i, form->behind);
    }
    ASSERT(len < sizeof(text));
    struct detect_result result = detect_sample_look((struct str){ text, len });
    return result.markers[detect_sample_marker(STR("coordinates"))];
}

static const struct form plain = { "", ",", "\n" };

TEST(a_list_of_points_in_the_mainland_is_marked)
{
    static const struct form forms[] = {
        { "[", ", ", "]," },
        { "", " ", ", " },
        { "{\"longitude\": ", ", \"latitude\": ", "}\n" },
        { "", ";", "00 " },
        { "<p lon=\"", "\" lat=\"", "\"/>" },
    };
    CHECK_EQ(points(&plain, 50, 116, 39), 50);
    CHECK_EQ(points(&plain, 50, 39, 116), 50);
    CHECK_EQ(points(&plain, 60, 113, 22), 60);
    for (size_t i = 0; i < EP_ARRAY_LEN(forms); i++) {
        CHECK_EQ(points(&forms[i], 50, 116, 39), 50);
    }
}

TEST(fewer_or_coarser_points_or_points_elsewhere_are_not)
{
    static const struct form west = { "-", ",", "\n" };
    static const struct form south = { "", ", -", "\n" };
    static const struct form apart = { "", " is 25 bytes away from the ", "\n" };
    static const struct form dotted = { "1.", ",", "\n" };
    CHECK_EQ(points(&plain, 49, 116, 39), 0);
    CHECK_EQ(points(&plain, 50, 105, 21), 0); /* Hanoi */
    CHECK_EQ(points(&plain, 50, 103, 1), 0);  /* Singapore */
    CHECK_EQ(points(&plain, 50, 139, 35), 0); /* Tokyo */
    CHECK_EQ(points(&plain, 50, 121, 25), 0); /* Taipei */
    CHECK_EQ(points(&west, 50, 116, 39), 0);
    CHECK_EQ(points(&south, 50, 116, 39), 0);
    CHECK_EQ(points(&apart, 50, 116, 39), 0);
    CHECK_EQ(points(&dotted, 50, 116, 39), 0);
    char text[8192];
    size_t len = 0;
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "116.%05d,39.%05d\n", i, i);
    }
    CHECK_EQ(marked(text, "coordinates"), 0);
    len = 0;
    for (int i = 0; i < 100; i++) { /* Hong Kong, then Shenzhen */
        len += (size_t)snprintf(text + len, sizeof(text) - len, "114.17%04d,22.30%04d\n", i, i);
    }
    CHECK_EQ(marked(text, "coordinates"), 0);
    len = 0;
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "114.05%04d,22.54%04d\n", i, i);
    }
    CHECK_EQ(marked(text, "coordinates"), 100);
}

TEST(plates_are_found)
{
    CHECK_EQ(plates("粤B12345"), 1);
    CHECK_EQ(plates("车牌粤B·12345。"), 1);
    CHECK_EQ(plates("粤BD12345"), 1);
    CHECK_EQ(plates("京A1B2C3"), 1);
    CHECK_EQ(plates("沪Ａ１２３４５"), 1);
    CHECK_EQ(plates("川A 12345 和 川A12346"), 2);
    CHECK_EQ(plates("粤B1234"), 0);
    CHECK_EQ(plates("粤B1234567"), 0);
    CHECK_EQ(plates("粤b12345"), 0);
    CHECK_EQ(plates("粤B12345x"), 0);
    CHECK_EQ(plates("粤BABCDE"), 0);
    CHECK_EQ(plates("粤BO1234"), 0);
    CHECK_EQ(plates("国A12345"), 0);
    CHECK_EQ(plates("粤"), 0);
    CHECK_EQ(plates("粤B"), 0);
    CHECK_EQ(plates("新的12345"), 0);
}

TEST(words_in_base64_are_none)
{
    char text[512];
    const char *fill = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4";
    (void)snprintf(text, sizeof(text), "%s/SCADA/RTU/%s 变电站", fill, fill);
    CHECK_EQ(marked(text, "grid_scada"), 0);
    (void)snprintf(text, sizeof(text), "%s SCADA RTU %s 变电站", fill, fill);
    CHECK_EQ(marked(text, "grid_scada"), 3);
}
