#include "dialect/text.h"

#include "harness.h"

TEST(text_goes_in_and_out_of_quotes_as_it_stands)
{
    struct buf out;
    buf_init(&out, 256);
    struct put put = { &out, ERR_OK };
    put_text(&put, STR("a\\n\\u00e9"));
    put_text_or_null(&put, STR_EMPTY);
    put_quoted(&put, STR("\"\n"));
    put_escaped(&put, STR("{\"a\":\"\\\"\x01\"}"));
    put_int(&put, -7);
    CHECK(put.err == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("\"a\\n\\u00e9\"null\"\\\"\\n\"{\\\"a\\\":\\\"\\\\\\\"\\u0001\\\"}-7"));
    buf_fini(&out);
    buf_init(&out, 4);
    put = (struct put){ &out, ERR_OK };
    put_text(&put, STR("abc"));
    CHECK(put.err == ERR_LIMIT); /* and stays so */
    put_int(&put, 1);
    CHECK(put.err == ERR_LIMIT);
    buf_fini(&out);
}

TEST(text_is_decoded_and_encoded_again)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "plain", "plain" },
        { "a\\n\\\"\\\\\\/", "a\n\"\\/" },
        { "\\u00e9\\ud83d\\ude00", "é😀" },
        { "\\ud83d", "\xEF\xBF\xBD" },
        { "x\\ude00y", "x\xEF\xBF\xBDy" },
    };
    struct arena arena;
    struct str bytes;
    struct str text;
    struct str again;
    arena_init(&arena, 256, 4096);
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK(text_decode(test_at_page_end(str_from(cases[i][0])), &arena, &bytes));
        CHECK_STR(bytes, str_from(cases[i][1]));
        CHECK(text_encode(bytes, &arena, &text));
        CHECK(text_decode(text, &arena, &again));
        CHECK_STR(again, bytes);
    }
    CHECK(text_encode(STR("\x01\x02\x03\"\\"), &arena, &text));
    CHECK_STR(text, STR("\\u0001\\u0002\\u0003\\\"\\\\"));
    arena_fini(&arena);
}

TEST(an_id_is_of_letters_digits_and_two_signs)
{
    CHECK(text_is_id(STR("toolu_A-9"), 64));
    CHECK(!text_is_id(STR(""), 64));
    CHECK(!text_is_id(STR("a.b"), 64));
    CHECK(!text_is_id(STR("abc"), 2));
}

TEST(the_end_of_a_value_is_seen_wherever_its_pieces_are_cut)
{
    static const struct {
        const char *text; /* of a JSON string's inside */
        bool ended;
    } cases[] = {
        { "{}", true },
        { "{", false },
        { "", false },
        { "  {\\\"a\\\":[1,{\\\"b\\\":2}]}", true },
        { "{\\\"a\\\":\\\"}\\\"", false },
        { "{\\\"a\\\":\\\"}\\\\\\\"\\\"}", true },
        { "{\\\"a\\\":\\\"\\\\\\\\\\\"}", true },
        { "{\\u0022a\\u0022:1\\u007d", true },
        { "\\\"ab\\\"", true },
        { "é{", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct str text = str_from(cases[i].text);
        for (size_t at = 0; at <= text.len; at++) {
            struct text_scan scan = { 0 };
            bool inside = false; /* of an escape or a character: no piece ends there */
            for (size_t k = 0; k < at; k++) {
                inside = inside ? false : text.ptr[k] == '\\';
            }
            bool hex = str_search(text, STR("\\u")) < text.len;
            if (inside || hex || (at < text.len && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)) {
                continue;
            }
            text_scan(&scan, str_slice(text, 0, at));
            text_scan(&scan, str_from_at(text, at));
            CHECK_EQ(scan.ended, cases[i].ended);
        }
        struct text_scan scan = { 0 };
        text_scan(&scan, text);
        CHECK_EQ(scan.ended, cases[i].ended);
    }
}
