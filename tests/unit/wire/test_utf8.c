#include "wire/utf8.h"
#include <stdio.h>

#include "harness.h"

/* The definition once more, slowly: decode, then ask whether the shortest form was used. */
static size_t slow_len(const unsigned char *at, size_t room)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = (at[0] & 0xE0) == 0xC0 ? 2 : (at[0] & 0xF0) == 0xE0 ? 3 : 4;
    if (at[0] < 0xC0 || at[0] >= 0xF8 || room < len) {
        return 0;
    }
    uint32_t point = at[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (at[i] & 0x3FU);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point >= least[len] && point <= 0x10FFFF && !surrogate ? len : 0;
}

TEST(every_lead_and_every_edge_of_its_tail_is_judged_as_the_definition_has_it)
{
    static const unsigned char tails[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90,
                                           0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
    const size_t count = EP_ARRAY_LEN(tails);
    for (unsigned lead = 0x80; lead <= 0xFF; lead++) {
        for (size_t i = 0; i < count * count * count; i++) {
            unsigned char bytes[] = { (unsigned char)lead, tails[i % count],
                                      tails[i / count % count], tails[i / count / count] };
            for (size_t room = 1; room <= sizeof(bytes); room++) {
                CHECK_EQ(utf8_len((const char *)bytes, room), slow_len(bytes, room));
            }
        }
    }
}

TEST(a_text_is_valid_up_to_its_first_bad_byte)
{
    CHECK_EQ(utf8_valid(STR_EMPTY), 0);
    CHECK_EQ(utf8_valid(test_at_page_end(STR("a\xC3\xA9z\xE6\x97\xA5"))), 7);
    CHECK_EQ(utf8_valid(test_at_page_end(STR("a\xC3\xA9\xFF"))), 3);
    CHECK_EQ(utf8_valid(test_at_page_end(STR("ab\xE6\x97"))), 2);
    CHECK_EQ(utf8_valid(test_at_page_end(STR("\xF0\x9F\x98"))), 0);
    /* Behind each number of ASCII, and each number of characters of three bytes. */
    for (size_t plain = 0; plain < 20; plain++) {
        char text[64];
        memset(text, 'a', plain);
        for (size_t wide = 0; wide < 12; wide++) {
            size_t len = plain + 3 * wide;
            memcpy(text + len, "\xE6\x97\xA5", 3);
            CHECK_EQ(utf8_valid(test_at_page_end((struct str){ text, len + 3 })), len + 3);
            CHECK_EQ(utf8_valid(test_at_page_end((struct str){ text, len + 2 })), len);
            memcpy(text + len, "\xED\xA0\x80", 3); /* a surrogate */
            CHECK_EQ(utf8_valid((struct str){ text, len + 3 }), len);
            memcpy(text + len, "\xE0\x9F\x80", 3); /* not the shortest form */
            CHECK_EQ(utf8_valid((struct str){ text, len + 3 }), len);
            memcpy(text + len, "\xE6\x97\xA5", 3);
        }
    }
}

TEST(what_is_shown_is_made_text)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        { "", "" },
        { "a\xC3\xA9z", "a\xC3\xA9z" },
        { "a\xC3", "a?" },
        { "\xE6\x97", "??" },
        { "\xFF\xC3\xA9\xFEz\x80", "?\xC3\xA9?z?" },
        { "\x1B[31mred\n\x7F", "?[31mred??" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%s", cases[i].text);
        utf8_mend(text);
        CHECK_STR(str_from(text), str_from(cases[i].want));
    }
}
