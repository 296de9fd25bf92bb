#include "base/enc.h"

#include "harness.h"

TEST(the_vectors_of_rfc_4648)
{
    static const struct {
        struct str plain;
        struct str base64;
        struct str hex;
    } known[] = {
        { STR_INIT(""), STR_INIT(""), STR_INIT("") },
        { STR_INIT("f"), STR_INIT("Zg=="), STR_INIT("66") },
        { STR_INIT("fo"), STR_INIT("Zm8="), STR_INIT("666f") },
        { STR_INIT("foo"), STR_INIT("Zm9v"), STR_INIT("666f6f") },
        { STR_INIT("foob"), STR_INIT("Zm9vYg=="), STR_INIT("666f6f62") },
        { STR_INIT("fooba"), STR_INIT("Zm9vYmE="), STR_INIT("666f6f6261") },
        { STR_INIT("foobar"), STR_INIT("Zm9vYmFy"), STR_INIT("666f6f626172") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(known); i++) {
        struct buf buf;
        buf_init(&buf, 64);
        CHECK_EQ(enc_base64(&buf, known[i].plain.ptr, known[i].plain.len), ERR_OK);
        CHECK_STR(buf_str(&buf), known[i].base64);
        buf_fini(&buf);
        CHECK_EQ(enc_hex(&buf, known[i].plain.ptr, known[i].plain.len), ERR_OK);
        CHECK_STR(buf_str(&buf), known[i].hex);
        buf_fini(&buf);
        CHECK(enc_base64_read(&buf, test_at_page_end(known[i].base64)));
        CHECK_STR(buf_str(&buf), known[i].plain);
        buf_fini(&buf);
        char bytes[8];
        CHECK(enc_hex_read(test_at_page_end(known[i].hex), bytes, known[i].plain.len));
        CHECK_STR(((struct str){ bytes, known[i].plain.len }), known[i].plain);
    }
}

TEST(every_byte_comes_back)
{
    unsigned char all[256];
    for (size_t i = 0; i < 256; i++) {
        all[i] = (unsigned char)i;
    }
    for (size_t len = 0; len <= 256; len++) {
        struct buf text;
        struct buf back;
        buf_init(&text, 1024);
        buf_init(&back, 1024);
        CHECK_EQ(enc_base64(&text, all, len), ERR_OK);
        CHECK(enc_base64_read(&back, buf_str(&text)));
        CHECK_STR(buf_str(&back), ((struct str){ (char *)all, len }));
        buf_fini(&text);
        buf_fini(&back);
    }
}

TEST(base64_that_is_not_canonical_is_refused)
{
    static const struct str bad[] = {
        STR_INIT("Z"),    STR_INIT("Zg"),    STR_INIT("Zg="),      STR_INIT("Zh=="),
        STR_INIT("Zm9="), STR_INIT("===="),  STR_INIT("Z==="),     STR_INIT("Zg==Zg=="),
        STR_INIT("Zm 9"), STR_INIT("Zm-_"),  STR_INIT("Zm9v\n"),   STR_INIT("Z=9v"),
        STR_INIT("=m9v"), STR_INIT("Zm9\0"), STR_INIT("Zm9vZg=v"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct buf buf;
        buf_init(&buf, 64);
        CHECK(!enc_base64_read(&buf, test_at_page_end(bad[i])));
        CHECK_EQ(buf.len, 0);
        buf_fini(&buf);
    }
}

TEST(hex_is_read_in_both_cases_and_only_whole)
{
    unsigned char bytes[2] = { 1, 2 };
    CHECK(enc_hex_read(STR("aBfF"), bytes, 2));
    CHECK(bytes[0] == 0xAB && bytes[1] == 0xFF);
    CHECK(!enc_hex_read(STR("aBf"), bytes, 2));
    CHECK(!enc_hex_read(STR("00000"), bytes, 2));
    CHECK(!enc_hex_read(STR("00g0"), bytes, 2));
    CHECK(!enc_hex_read(STR("00 0"), bytes, 2));
    CHECK(bytes[0] == 0xAB && bytes[1] == 0xFF);
}

TEST(base32_digits_map_to_their_values)
{
    for (int i = 0; i < 32; i++) {
        CHECK_EQ(enc_base32_value(enc_base32_digits[i]), i);
    }
    CHECK_EQ(enc_base32_value('Z'), 31);
    CHECK_EQ(enc_base32_value('i'), -1);
    CHECK_EQ(enc_base32_value('L'), -1);
    CHECK_EQ(enc_base32_value('o'), -1);
    CHECK_EQ(enc_base32_value('u'), -1);
    CHECK_EQ(enc_base32_value('\0'), -1);
}

TEST(an_output_that_does_not_fit_is_refused)
{
    struct buf buf;
    buf_init(&buf, 3);
    CHECK_EQ(enc_hex(&buf, "ab", 2), ERR_LIMIT);
    CHECK_EQ(enc_base64(&buf, "ab", 2), ERR_LIMIT);
    CHECK(!enc_base64_read(&buf, STR("Zm9vYmFy")));
    CHECK_EQ(buf.len, 0);
    buf_fini(&buf);
}

TEST(what_needs_no_escape_is_found_at_every_place)
{
    char text[40];
    for (size_t len = 0; len < sizeof(text); len++) {
        for (int byte = 0; byte < 256; byte++) {
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            for (size_t at = 0; at < len; at++) {
                memset(text, 'x', sizeof(text));
                text[at] = (char)byte;
                CHECK_EQ(enc_json_plain((struct str){ text, len }), plain ? len : at);
            }
        }
    }
}

TEST(nothing_behind_the_text_is_read)
{
    for (size_t len = 0; len < 20; len++) {
        struct str text = { "xxxxxxxxxxxxxxxxxxxx", len };
        CHECK_EQ(enc_json_plain(test_at_page_end(text)), len);
    }
}
