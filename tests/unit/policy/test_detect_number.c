#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "detect_sample.h"

/* What a text must have, class by class; all that is not named is none. */
struct want {
    const char *text;
    enum detect_class class;
    enum detect_strength strength;
    uint32_t count;
};

static uint32_t total(const struct detect_result *result)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < DETECT_CLASSES; i++) {
        sum += result->classes[i][DETECT_WEAK] + result->classes[i][DETECT_STRONG];
    }
    return sum;
}

static void check_all(const struct want *wants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct detect_result result = detect_sample_look(test_at_page_end(str_from(wants[i].text)));
        uint32_t got = result.classes[wants[i].class][wants[i].strength];
        if (got != wants[i].count || total(&result) != wants[i].count) {
            test_failed(EP_SITE, "%u of %u hits: %s", got, total(&result), wants[i].text);
        }
    }
}

#define ID(text, count)                                \
    {                                                  \
        text, DETECT_RESIDENT_ID, DETECT_STRONG, count \
    }
#define NONE(text)                                 \
    {                                              \
        text, DETECT_RESIDENT_ID, DETECT_STRONG, 0 \
    }
#define WEAK(class, text)                    \
    {                                        \
        text, DETECT_##class, DETECT_WEAK, 1 \
    }
#define STRONG(class, text)                    \
    {                                          \
        text, DETECT_##class, DETECT_STRONG, 1 \
    }
#define CHECK_ALL(wants) check_all((wants), EP_ARRAY_LEN(wants))

TEST(resident_ids_are_found_in_every_dress)
{
    static const struct want wants[] = {
        ID("11010519491231002X", 1),
        ID("440507199003070018", 1),
        ID("44050119851115002X", 1),
        ID("44050119851115002x", 1),
        ID("身份证440507199003070018。", 1),
        ID("４４０５０７１９９００３０７００１８", 1),
        ID("44050119851115002Ｘ", 1),
        ID("44０507199003０70018", 1),
        ID("440507 19900307 0018", 1),
        ID("440507-19900307-0018", 1),
        ID("440507.19900307.0018", 1),
        ID("440507　19900307　0018", 1),
        ID("440507－19900307－0018", 1),
        ID("440507 - 1990 - 0307-0018", 1),
        ID("4 4 0 5 0 7 1 9 9 0 0 3 0 7 0 0 1 8", 1),
        ID("id=440507199003070018;", 1),
        ID("id_440507199003070018_", 1),
        ID("(440507199003070018)", 1),
        ID("1.440507199003070018", 1),
        ID("440507199003070018 11010519491231002X", 2),
        ID("440507199003070018,440507199003070018\n440507199003070018", 3),
        ID("440507199003070018 2026-11-02", 1),
    };
    CHECK_ALL(wants);
}

TEST(what_only_looks_like_a_resident_id_is_none)
{
    static const struct want wants[] = {
        NONE("110105194912310021"),  /* the check */
        NONE("999999199001010016"),  /* the province */
        NONE("440507202612310019"),  /* a day to come */
        NONE("x440507199003070018"), /* a letter touches it */
        NONE("440507199003070018a"),
        NONE("4405071990030700180"),  /* a digit */
        NONE("０440507199003070018"), /* a full-width digit */
        NONE("440507199003070018Ａ"), /* a full-width letter */
        NONE("440507\n199003070018"), /* a line's end is no separator */
        NONE("440507,199003070018"),
        NONE("440507    199003070018"), /* four separators */
        NONE("202611021234567890"),     /* order numbers */
        NONE("202611020000000001"),
        NONE("100000000000000001"),
        NONE("1734567890123456789"), /* a snowflake id */
        NONE("9787302511625"),       /* ISBN-13 */
        NONE("978-7-302-51162-5"),
        NONE("001099012345"), /* Vietnamese CCCD */
        NONE("079200001234"),
        NONE("3171012301900001"), /* Indonesian NIK */
        NONE("3171234567890123"),
        NONE("900101-14-5678"), /* Malaysian MyKad */
        NONE("900101145678"),
        NONE("2026-11-02 12:00:00.123456"),
        NONE("550e8400-e29b-41d4-a716-446655440000"),
        NONE("192.168.100.200 10.0.0.1"),
        NONE("3.14159265358979323846"),
        NONE("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"),
        NONE(""),
        NONE("4"),
    };
    CHECK_ALL(wants);
}

TEST(a_mobile_alone_is_weak)
{
    static const struct want wants[] = {
        WEAK(MOBILE, "13812345678"),
        WEAK(MOBILE, "call 138 1234 5678 now"),
        WEAK(MOBILE, "138-1234-5678"),
        WEAK(MOBILE, "138 - 1234 - 5678"),
        WEAK(MOBILE, "138.1234.5678"),
        WEAK(MOBILE, "138-1234 5678"),
        WEAK(MOBILE, "１３８１２３４５６７８"),
        WEAK(MOBILE, "86 138 1234 5678"),
        WEAK(MOBILE, "13812345678 2024"),
        WEAK(MOBILE, "在13812345678。"),
        WEAK(MOBILE, "手机里没有别的任何东西了只有 13812345678"), /* 13 characters between */
    };
    CHECK_ALL(wants);
}

TEST(a_mobile_with_its_country_or_a_keyword_is_strong)
{
    static const struct want wants[] = {
        STRONG(MOBILE, "+8613812345678"),
        STRONG(MOBILE, "+86 138 1234 5678"),
        STRONG(MOBILE, "+86-13812345678"),
        STRONG(MOBILE, "(+86) 138 1234 5678"),
        STRONG(MOBILE, "＋８６１３８１２３４５６７８"),
        STRONG(MOBILE, "008613812345678"),
        STRONG(MOBILE, "0086 138 1234 5678"),
        STRONG(MOBILE, "+86 138 1234 5678 2024"),
        STRONG(MOBILE, "手机13812345678"),
        STRONG(MOBILE, "手机号码是：13812345678"),
        STRONG(MOBILE, "13812345678（电话）"),
        STRONG(MOBILE, "手机里没有别的任何东西了只有13812345678"), /* 12 */
        STRONG(MOBILE, "{\"电话\":\"13812345678\"}"),
    };
    CHECK_ALL(wants);
}

TEST(several_different_mobiles_are_a_list_of_people)
{
    static const struct want wants[] = {
        { "13812345678 13912345678", DETECT_MOBILE, DETECT_WEAK, 2 },
        { "13812345678,13912345678,13812345678,13912345678", DETECT_MOBILE, DETECT_WEAK, 4 },
        { "13812345678 13912345678 15012345678", DETECT_MOBILE, DETECT_STRONG, 3 },
        { "138-1234-5678 139-1234-5678\n150-1234-5678 138-1234-5678", DETECT_MOBILE, DETECT_STRONG,
          4 },
    };
    CHECK_ALL(wants);
}

TEST(what_only_looks_like_a_mobile_is_none)
{
    static const struct want wants[] = {
        NONE("12812345678"),                            /* no network */
        NONE("16112345678"),        NONE("1381234567"), /* a digit short */
        NONE("138123456789"),                           /* one more */
        NONE("a13812345678"),       NONE("13812345678b"),
        NONE("8613812345678"),                            /* an article number, without a plus */
        NONE("+8513812345678"),     NONE("13.812345678"), /* a decimal number */
        NONE("0.13812345678"),      NONE("139.69170642, 35.68950000"), /* Tokyo */
        NONE("138 1234 5678 9012"),                                    /* a table of numbers */
        NONE("9012 138 1234 5678"), NONE("1699999999999"),
    };
    CHECK_ALL(wants);
}

TEST(cards_need_their_check_and_a_prefix_of_the_mainland)
{
    static const struct want wants[] = {
        WEAK(BANK_CARD, "6222020000000000000"),
        WEAK(BANK_CARD, "620000000000000005"),
        WEAK(BANK_CARD, "6217001234567890122"),
        WEAK(BANK_CARD, "6217 0012 3456 7890 122"),
        WEAK(BANK_CARD, "card 6217-0012-3456-7890-122 of"),
        STRONG(BANK_CARD, "卡号6217001234567890122"),
        STRONG(BANK_CARD, "账户：6217 0012 3456 7890 122"),
        STRONG(BANK_CARD, "6217001234567890122 是我的卡号"),
        WEAK(BANK_CARD, "9558800200000000006"),
        WEAK(BANK_CARD, "卡号9558800200000000006"), /* an old number stays weak */
        NONE("6217001234567890123"),
        NONE("4111111111111111"), /* right, but from elsewhere */
        NONE("卡号4111111111111111"),
        NONE("3171012301900009"), /* a NIK that is right by Luhn */
        NONE("62170012345678901220"),
        NONE("621700123456"),
    };
    CHECK_ALL(wants);
}

TEST(documents_need_their_keyword)
{
    static const struct want wants[] = {
        WEAK(PASSPORT, "护照E12345678"),
        WEAK(PASSPORT, "Passport No: E12345678"),
        WEAK(PASSPORT, "PASSPORT EA1234567"),
        WEAK(PASSPORT, "passport E 12345678"),
        WEAK(PASSPORT, "passport e12345678"),
        WEAK(PASSPORT, "Ｇ１２３４５６７８ 护照"),
        WEAK(PASSPORT, "护照号码 D1234567"),
        WEAK(PASSPORT, "护照号码 P12345678"),
        WEAK(PASSPORT, "passport of the bearer: S1234567"),
        NONE("E12345678"),
        NONE("passport EI1234567"), /* no such letter */
        NONE("passport E1234567"),
        NONE("passport A12345678"),
        NONE("passport XE12345678"),
        NONE("a passport, which he had renewed: E12345678"), /* 26 characters */
        WEAK(HKMO_PERMIT, "通行证C12345678"),
        WEAK(HKMO_PERMIT, "往来港澳通行证：CA1234567"),
        WEAK(HKMO_PERMIT, "通行证 W12345678"),
        WEAK(HKMO_PERMIT, "回乡证（通行证）H1234567801"),
        WEAK(HKMO_PERMIT, "通行证 M12345678"),
        NONE("C12345678"),
        NONE("通行证 H123456780"),
        NONE("通行证 B12345678"),
    };
    CHECK_ALL(wants);
}

TEST(organisations_are_flagged)
{
    static const struct want wants[] = {
        WEAK(USCC, "91350100M000100Y43"),
        WEAK(USCC, "91440500MA00000X1W"),
        WEAK(USCC, "代码：91440500MA00000X1W。"),
        WEAK(USCC, "91440500ma00000x1w"),
        WEAK(USCC, "91440500 MA00000X 1W"),
        WEAK(USCC, "９１４４０５００ＭＡ０００００Ｘ１Ｗ"),
        NONE("91350100M000100Y4Z"),
        NONE("91350100M000100Y44"),
        NONE("A91440500MA00000X1W"),
        NONE("91440500MA00000X1W1"),
    };
    CHECK_ALL(wants);
}

TEST(base64_is_no_text)
{
    char text[512];
    const char *fill = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4";
    (void)snprintf(text, sizeof(text), "%s/440507199003070018/%s", fill, fill);
    struct detect_result result = detect_sample_look(str_from(text));
    CHECK_EQ(total(&result), 0);
    /* The same between spaces is text. */
    (void)snprintf(text, sizeof(text), "%s 440507199003070018 %s", fill, fill);
    result = detect_sample_look(str_from(text));
    CHECK_EQ(result.classes[DETECT_RESIDENT_ID][DETECT_STRONG], 1);
    /* A short one is known by what announces it. */
    result = detect_sample_look(STR("data:image/png;base64,/440507199003070018+"));
    CHECK_EQ(total(&result), 0);
    result = detect_sample_look(STR("see /a/path/440507199003070018/x"));
    CHECK_EQ(result.classes[DETECT_RESIDENT_ID][DETECT_STRONG], 1);
}

/* A group as long as a page is stepped over, not looked at again and again. */
TEST(long_digits_and_long_tables_end)
{
    static char text[200000];
    memset(text, '1', sizeof(text));
    struct detect_result result = detect_sample_look((struct str){ text, sizeof(text) });
    CHECK_EQ(total(&result), 0);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 5 == 4 ? ' ' : (char)('0' + i % 7);
    }
    result = detect_sample_look((struct str){ text, sizeof(text) });
    CHECK_EQ(result.classes[DETECT_MOBILE][DETECT_STRONG], 0);
}
