#include "harness.h"

#include "policy/detect_internal.h"

static struct detect_char first(struct str text)
{
    struct str copy = test_at_page_end(text);
    return detect_char_at(copy.ptr, copy.ptr + copy.len);
}

static struct detect_char last(struct str text)
{
    struct str copy = test_at_page_end(text);
    return detect_char_before(copy.ptr, copy.ptr + copy.len);
}

TEST(ascii_is_what_it_is)
{
    for (int byte = 0; byte < 0x80; byte++) {
        char text[1] = { (char)byte };
        struct detect_char found = first((struct str){ text, 1 });
        bool digit = byte >= '0' && byte <= '9';
        bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        bool gap = byte == ' ' || byte == '-' || byte == '.';
        CHECK_EQ(found.kind == DETECT_DIGIT, digit);
        CHECK_EQ(found.kind == DETECT_LETTER, letter);
        CHECK_EQ(found.kind == DETECT_GAP, gap);
        CHECK_EQ(found.folded, byte);
        CHECK_EQ(found.len, 1);
    }
}

TEST(full_width_forms_are_folded)
{
    static const struct {
        const char *text;
        enum detect_char_kind kind;
        char folded;
    } wide[] = {
        { "０", DETECT_DIGIT, '0' },  { "９", DETECT_DIGIT, '9' },     { "Ａ", DETECT_LETTER, 'A' },
        { "ｚ", DETECT_LETTER, 'z' }, { "＋", DETECT_OTHER, '+' },     { "　", DETECT_GAP, ' ' },
        { "－", DETECT_GAP, '-' },    { "．", DETECT_GAP, '.' },       { "–", DETECT_GAP, '-' },
        { "−", DETECT_GAP, '-' },     { "\xC2\xA0", DETECT_GAP, ' ' }, { "中", DETECT_OTHER, 0 },
        { "é", DETECT_OTHER, 0 },     { "😀", DETECT_OTHER, 0 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(wide); i++) {
        struct str text = str_from(wide[i].text);
        struct detect_char found = first(text);
        CHECK(found.kind == wide[i].kind);
        CHECK_EQ(found.folded, wide[i].folded);
        CHECK_EQ(found.len, text.len);
        found = last(text);
        CHECK(found.kind == wide[i].kind);
        CHECK_EQ(found.folded, wide[i].folded);
        CHECK_EQ(found.len, text.len);
    }
}

TEST(what_is_not_utf8_stands_for_itself_a_byte_each)
{
    static const char *const broken[] = { "\x80", "\xFF", "\xEF\xBC", "\xE4\xB8", "\xC0\x80" };
    for (size_t i = 0; i < EP_ARRAY_LEN(broken); i++) {
        CHECK_EQ(first(str_from(broken[i])).len, 1);
        CHECK(first(str_from(broken[i])).kind == DETECT_OTHER);
        CHECK_EQ(last(str_from(broken[i])).len, 1);
        CHECK(last(str_from(broken[i])).kind == DETECT_OTHER);
    }
    /* A lead that lost its tail is no part of the digit behind it. */
    CHECK_EQ(last(STR("\xE4\xEF\xBC\x91")).len, 3);
    CHECK_EQ(last(STR("\xE4\xEF\xBC\x91")).folded, '1');
}

TEST(points_are_decoded)
{
    size_t len = 0;
    struct str text = STR("机");
    CHECK_EQ(detect_point_at(text.ptr, text.ptr + text.len, &len), 0x673A);
    CHECK_EQ(len, 3);
    CHECK_EQ(detect_point_at(text.ptr, text.ptr + 2, &len), 0xFFFD);
    CHECK_EQ(len, 1);
}
