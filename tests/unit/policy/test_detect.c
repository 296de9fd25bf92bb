#include "harness.h"

#include <string.h>

#include "base/mem.h"
#include "detect_sample.h"

/* Fragments that find one another across the places where a text is cut. */
static const char *const fragments[] = {
    "440507199003070018",
    "11010519491231002X",
    "44050119851115002",
    "X",
    "４４０５０７",
    "１９９００３０７",
    "手机",
    "电话：",
    "13812345678",
    "138",
    "1234",
    "5678",
    "+86",
    "0086",
    "卡号",
    "6217001234567890122",
    "护照",
    "passport ",
    "E12345678",
    "E",
    "C12345678",
    "通行证",
    "91440500MA00000X1W",
    "粤B",
    "12345",
    "绝密",
    "机密",
    "★",
    "10年",
    "内部资料",
    "SCADA",
    "RTU",
    "变电站",
    "遥测",
    "116.397428",
    "39.909187",
    "-",
    " ",
    " ",
    ".",
    "　",
    "－",
    ",",
    "\n",
    "a",
    "中文",
    "the quick brown fox ",
    "\xE6",
    "\xFF",
    "data:image/png;base64,",
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/",
    "........................................",
};

static uint64_t next_random(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

static size_t mixture(uint64_t *random, char *text, size_t max)
{
    size_t len = 0;
    for (;;) {
        struct str part = str_from(fragments[next_random(random, EP_ARRAY_LEN(fragments))]);
        if (part.len > max - len) {
            return len;
        }
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
    }
}

static bool result_same(const struct detect_result *a, const struct detect_result *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* In pieces of random sizes up to `max`. */
static struct detect_result look_in_pieces(struct str text, uint64_t *random, size_t max)
{
    static struct detector detector;
    struct detect_result result;
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    while (text.len > 0) {
        size_t len = (size_t)next_random(random, max) + 1;
        len = len < text.len ? len : text.len;
        detect_feed(&detector, str_slice(text, 0, len));
        text = str_from_at(text, len);
    }
    detect_end(&detector, &result);
    return result;
}

TEST(a_short_text_cut_anywhere_gives_the_same)
{
    static struct detector detector;
    uint64_t random = 1;
    char text[160];
    for (int round = 0; round < 300; round++) {
        struct str whole = { text, mixture(&random, text, sizeof(text)) };
        struct detect_result want = detect_sample_look(whole);
        for (size_t cut = 0; cut <= whole.len; cut++) {
            struct detect_result got;
            detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
            detect_feed(&detector, str_slice(whole, 0, cut));
            detect_feed(&detector, str_from_at(whole, cut));
            detect_end(&detector, &got);
            CHECK(result_same(&got, &want));
        }
    }
}

TEST(a_long_text_in_pieces_of_any_size_gives_the_same)
{
    static char text[60000];
    static const size_t sizes[] = { 1, 7, 100, 1000, 1600, 3000, 5000, 20000 };
    uint64_t random = 2;
    for (int round = 0; round < 40; round++) {
        struct str whole = { text, mixture(&random, text, sizeof(text)) };
        struct detect_result want = detect_sample_look(whole);
        CHECK(want.classes[DETECT_RESIDENT_ID][DETECT_STRONG] > 0);
        CHECK(want.classes[DETECT_MOBILE][DETECT_STRONG] > 0);
        CHECK(want.classes[DETECT_PLATE][DETECT_WEAK] > 0);
        for (size_t i = 0; i < EP_ARRAY_LEN(sizes); i++) {
            struct detect_result got = look_in_pieces(whole, &random, sizes[i]);
            CHECK(result_same(&got, &want));
        }
    }
}

/* Every place relative to blocks, pieces and the window. */
TEST(a_number_is_found_wherever_it_stands)
{
    static char text[6000];
    static const struct str number = STR_INIT("手机 13812345678");
    for (size_t at = 0; at + number.len <= sizeof(text); at += at < 300 ? 1 : 37) {
        memset(text, 'x', sizeof(text));
        memcpy(text + at, number.ptr, number.len);
        if (at + number.len < sizeof(text)) {
            text[at + number.len] = '.';
        }
        struct detect_result result = detect_sample_look((struct str){ text, sizeof(text) });
        CHECK_EQ(result.classes[DETECT_MOBILE][DETECT_STRONG], 1);
    }
}

TEST(the_end_wipes_what_was_kept)
{
    static struct detector detector;
    struct detect_result result;
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    detect_feed(&detector, STR("手机 13812345678"));
    detect_end(&detector, &result);
    const char *bytes = (const char *)&detector;
    for (size_t i = 0; i < sizeof(detector); i++) {
        CHECK_EQ(bytes[i], 0);
    }
}

TEST(nothing_is_found_in_nothing)
{
    static struct detector detector;
    struct detect_result result;
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    detect_end(&detector, &result);
    struct detect_result none = { 0 };
    CHECK(result_same(&result, &none));
    detect_begin(&detector, detect_sample(), SAMPLE_TODAY);
    detect_feed(&detector, STR_EMPTY);
    detect_feed(&detector, STR(""));
    detect_end(&detector, &result);
    CHECK(result_same(&result, &none));
}

TEST(the_day_is_an_argument)
{
    static struct detector detector;
    struct detect_result result;
    detect_begin(&detector, detect_sample(), 19900306);
    detect_feed(&detector, STR("440507199003070018"));
    detect_end(&detector, &result);
    CHECK_EQ(result.classes[DETECT_RESIDENT_ID][DETECT_STRONG], 0);
    detect_begin(&detector, detect_sample(), 19900307);
    detect_feed(&detector, STR("440507199003070018"));
    detect_end(&detector, &result);
    CHECK_EQ(result.classes[DETECT_RESIDENT_ID][DETECT_STRONG], 1);
}

TEST(classes_have_names)
{
    enum detect_class class = DETECT_CLASSES;
    CHECK_STR(detect_class_name(DETECT_RESIDENT_ID), STR("cn_resident_id"));
    CHECK_STR(detect_class_name(DETECT_PLATE), STR("cn_plate"));
    CHECK(detect_class_find(STR("cn_uscc"), &class));
    CHECK(class == DETECT_USCC);
    CHECK(!detect_class_find(STR("cn_us"), &class));
    CHECK(!detect_class_find(STR(""), &class));
}

static struct detect_verdict judge(const char *text)
{
    struct detect_result result = detect_sample_look(str_from(text));
    return detect_judge(detect_sample(), &result);
}

TEST(strong_refuses_weak_flags_a_marker_comes_first)
{
    struct detect_verdict verdict = judge("nothing here");
    CHECK(verdict.action == DETECT_COUNT);
    verdict = judge("13812345678");
    CHECK(verdict.action == DETECT_FLAG && verdict.class == DETECT_MOBILE);
    CHECK(verdict.strength == DETECT_WEAK && !verdict.is_marker);
    verdict = judge("91440500MA00000X1W");
    CHECK(verdict.action == DETECT_FLAG && verdict.class == DETECT_USCC);
    verdict = judge("91440500MA00000X1W, 粤B12345, +8613812345678");
    CHECK(verdict.action == DETECT_REFUSE && verdict.class == DETECT_MOBILE);
    CHECK(verdict.strength == DETECT_STRONG);
    verdict = judge("+8613812345678 机密★10年");
    CHECK(verdict.action == DETECT_REFUSE && verdict.is_marker);
    CHECK(verdict.marker == detect_sample_marker(STR("secret_level")));
}

TEST(the_policy_is_data)
{
    size_t count = 0;
    const struct detect_row *rows = detect_sample_rows(&count);
    struct detect_policy policy = detect_policy_default();
    struct detect_rules *rules = NULL;
    struct fail fail;
    policy.classes[DETECT_MOBILE][DETECT_STRONG] = DETECT_COUNT;
    policy.classes[DETECT_PLATE][DETECT_WEAK] = DETECT_REFUSE;
    policy.markers = DETECT_FLAG;
    CHECK(detect_rules_compile(rows, count, &policy, &rules, &fail) == ERR_OK);
    struct detect_result result = detect_sample_look(STR("+8613812345678"));
    CHECK(detect_judge(rules, &result).action == DETECT_COUNT);
    result = detect_sample_look(STR("+8613812345678 内部资料"));
    CHECK(detect_judge(rules, &result).action == DETECT_FLAG);
    result = detect_sample_look(STR("粤B12345 内部资料"));
    CHECK(detect_judge(rules, &result).action == DETECT_REFUSE);
    detect_rules_destroy(rules);
}
