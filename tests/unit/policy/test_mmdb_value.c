#include "policy/mmdb_value.h"

#include <string.h>

#include "base/buf.h"
#include "harness.h"

static struct str section_of(const char *bytes, size_t len)
{
    return test_at_page_end((struct str){ bytes, len });
}

#define SECTION(literal) section_of("" literal, sizeof(literal) - 1)

static void check_text(struct str section, size_t at, struct str want)
{
    struct mmdb_value value;
    CHECK(mmdb_value_read(section, at, &value));
    CHECK_EQ(value.type, MMDB_TEXT);
    CHECK_STR(value.bytes, want);
}

TEST(a_text_is_read_of_any_length)
{
    static char bytes[70000];
    check_text(SECTION("\x40"), 0, STR(""));
    check_text(SECTION("\x42SG"), 0, STR("SG"));
    check_text(SECTION("xx\x42SG"), 2, STR("SG"));
    static const struct {
        size_t len;
        struct str head;
    } cases[] = {
        { 28, STR_INIT("\x5c") },
        { 29, STR_INIT("\x5d\x00") },
        { 284, STR_INIT("\x5d\xff") },
        { 285, STR_INIT("\x5e\x00\x00") },
        { 65820, STR_INIT("\x5e\xff\xff") },
        { 65821, STR_INIT("\x5f\x00\x00\x00") },
        { 65822, STR_INIT("\x5f\x00\x00\x01") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct mmdb_value value;
        size_t head = cases[i].head.len;
        memset(bytes, 'x', sizeof(bytes));
        memcpy(bytes, cases[i].head.ptr, head);
        struct str whole = section_of(bytes, head + cases[i].len);
        CHECK(mmdb_value_read(whole, 0, &value));
        CHECK_EQ(value.bytes.len, cases[i].len);
        for (size_t cut = 0; cut <= head; cut++) {
            CHECK(!mmdb_value_read(section_of(bytes, cut), 0, &value) || cases[i].len == 0);
        }
        CHECK(!mmdb_value_read(section_of(bytes, whole.len - 1), 0, &value));
    }
}

TEST(a_pointer_is_followed_once)
{
    static char bytes[600000];
    static const struct {
        size_t to;
        struct str pointer;
    } cases[] = {
        { 10, STR_INIT("\x20\x0a") },
        { 2047, STR_INIT("\x27\xff") },
        { 2048, STR_INIT("\x28\x00\x00") },
        { 526335, STR_INIT("\x2f\xff\xff") },
        { 526336, STR_INIT("\x30\x00\x00\x00") },
        { 526337, STR_INIT("\x30\x00\x00\x01") },
        { 590000, STR_INIT("\x38\x00\x09\x00\xb0") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct mmdb_value value;
        struct str pointer = cases[i].pointer;
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes, pointer.ptr, pointer.len);
        memcpy(bytes + cases[i].to, "\x42SG", 3);
        struct str section = { bytes, sizeof(bytes) };
        check_text(section, 0, STR("SG"));
        CHECK(!mmdb_value_read(str_slice(section, 0, cases[i].to), 0, &value));
        CHECK(!mmdb_value_read(section_of(bytes, pointer.len - 1), 0, &value));
    }
    struct mmdb_value value;
    CHECK(!mmdb_value_read(SECTION("\x20\x00"), 0, &value));               /* to itself */
    CHECK(!mmdb_value_read(SECTION("\x20\x02\x20\x04\x42SG"), 0, &value)); /* to a pointer */
}

TEST(types_that_are_not_of_the_format_are_refused)
{
    struct mmdb_value value;
    CHECK(!mmdb_value_read(STR_EMPTY, 0, &value));
    CHECK(!mmdb_value_read(SECTION("\x40"), 1, &value));
    CHECK(!mmdb_value_read(SECTION("\x00"), 0, &value));     /* extended, by nothing */
    CHECK(!mmdb_value_read(SECTION("\x00\x00"), 0, &value)); /* a map has a short form */
    CHECK(!mmdb_value_read(SECTION("\x00\x05"), 0, &value)); /* a container */
    CHECK(!mmdb_value_read(SECTION("\x00\x06"), 0, &value)); /* an end marker */
    CHECK(!mmdb_value_read(SECTION("\x00\x09"), 0, &value));
    CHECK(!mmdb_value_read(SECTION("\x00\xff"), 0, &value));
    CHECK(mmdb_value_read(SECTION("\x00\x04"), 0, &value) && value.type == MMDB_ARRAY);
    CHECK(mmdb_value_read(SECTION("\x01\x07"), 0, &value) && value.type == MMDB_BOOL);
    CHECK(mmdb_value_read(SECTION("\x04\x08\x00\x00\x00\x00"), 0, &value) &&
          value.type == MMDB_FLOAT);
    CHECK(!mmdb_value_read(SECTION("\x04\x08\x00\x00\x00"), 0, &value));
}

TEST(numbers_that_are_longer_than_their_type_are_refused)
{
    static const char bytes[40] = { 0 };
    static const struct {
        unsigned char head[2];
        size_t len;
    } bad[] = {
        { { 0xa3 }, 1 },       { { 0xc5 }, 1 },       { { 0x67 }, 1 },       { { 0x69 }, 1 },
        { { 0x05, 0x01 }, 2 }, { { 0x09, 0x02 }, 2 }, { { 0x11, 0x03 }, 2 }, { { 0x03, 0x08 }, 2 },
        { { 0x05, 0x08 }, 2 }, { { 0x02, 0x07 }, 2 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        char copy[40];
        struct mmdb_value value;
        memcpy(copy, bytes, sizeof(copy));
        memcpy(copy, bad[i].head, bad[i].len);
        CHECK(!mmdb_value_read((struct str){ copy, sizeof(copy) }, 0, &value));
    }
}

TEST(numbers_are_big_endian_and_not_negative)
{
    static const struct {
        struct str bytes;
        uint64_t number;
    } good[] = {
        { STR_INIT("\xa0"), 0 },
        { STR_INIT("\xa1\x06"), 6 },
        { STR_INIT("\xa2\x01\x00"), 256 },
        { STR_INIT("\xc4\xff\x00\x00\x01"), 4278190081 },
        { STR_INIT("\x08\x02\x01\x00\x00\x00\x00\x00\x00\x02"), 72057594037927938 },
        { STR_INIT("\x00\x02"), 0 },
    };
    struct mmdb_value value;
    uint64_t number = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(good); i++) {
        CHECK(mmdb_value_read(good[i].bytes, 0, &value));
        CHECK(mmdb_value_number(&value, &number));
        CHECK_EQ(number, good[i].number);
    }
    CHECK(mmdb_value_read(SECTION("\x41\x06"), 0, &value)); /* a text */
    CHECK(!mmdb_value_number(&value, &number));
    CHECK(mmdb_value_read(SECTION("\x01\x01\x06"), 0, &value)); /* a signed one */
    CHECK(!mmdb_value_number(&value, &number));
    CHECK(mmdb_value_read(SECTION("\x02\x03\x01\x00"), 0, &value)); /* one of 128 bits */
    CHECK(!mmdb_value_number(&value, &number));
}

static enum mmdb_found get(struct str section, const char *key, struct mmdb_value *ret_value)
{
    struct mmdb_value map;
    CHECK(mmdb_value_read(section, 0, &map));
    return mmdb_value_get(section, &map, str_from(key), ret_value);
}

TEST(a_key_is_found_behind_values_of_any_kind)
{
    /* a: [1, [true, {x: "y"}]], b: -> "SG" (at 31), c: 3.0, d: "" */
    struct str section = SECTION("\xe4"
                                 "\x41"
                                 "a\x02\x04\xa1\x01\x02\x04\x01\x07\xe1\x41x\x41y"
                                 "\x41"
                                 "b\x20\x1f"
                                 "\x41"
                                 "c\x68@\x08\x00\x00\x00\x00\x00\x00"
                                 "\x42SG");
    struct mmdb_value value;
    CHECK_EQ(section.len, 34);
    CHECK_EQ(get(section, "b", &value), MMDB_FOUND);
    CHECK_STR(value.bytes, STR("SG"));
    CHECK_EQ(get(section, "a", &value), MMDB_FOUND);
    CHECK_EQ(value.type, MMDB_ARRAY);
    CHECK_EQ(value.count, 2);
    CHECK_EQ(get(section, "SG", &value), MMDB_DAMAGED); /* the fourth pair ends too early */
    CHECK_EQ(get(SECTION("\xe1\x41x\x41y"), "z", &value), MMDB_ABSENT);
    CHECK_EQ(get(SECTION("\xe0"), "x", &value), MMDB_ABSENT);
    CHECK_EQ(get(SECTION("\x41x"), "x", &value), MMDB_ABSENT); /* no map */
}

TEST(a_map_that_is_not_whole_is_damaged)
{
    struct mmdb_value value;
    CHECK_EQ(get(SECTION("\xe1"), "x", &value), MMDB_DAMAGED);
    CHECK_EQ(get(SECTION("\xe1\x41x"), "x", &value), MMDB_DAMAGED);
    CHECK_EQ(get(SECTION("\xe1\x41x"), "y", &value), MMDB_DAMAGED);
    CHECK_EQ(get(SECTION("\xe1\xa1\x01\x41y"), "y", &value), MMDB_DAMAGED); /* a number for a key */
    CHECK_EQ(get(SECTION("\xe2\x41x\x5f\xff\xff\xff\x41y\x40"), "y", &value), MMDB_DAMAGED);
    CHECK_EQ(get(SECTION("\xe1\x41x\x20\x03"), "x", &value), MMDB_DAMAGED); /* to a pointer */
}

TEST(what_one_record_makes_a_reader_walk_over_is_limited)
{
    static char bytes[MMDB_WALK_MAX + 1000];
    struct mmdb_value value;
    /* A map of 16 million pairs. */
    CHECK_EQ(get(SECTION("\xff\xff\xff\xff\x41x\x41y"), "z", &value), MMDB_DAMAGED);
    /* An array of 16 million empty arrays, before the key. */
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = '\x00';
        bytes[i + 1] = '\x04';
    }
    memcpy(bytes, "\xe2\x41x\x1f\x04\xff\xff\xff", 8);
    CHECK_EQ(get((struct str){ bytes, sizeof(bytes) }, "y", &value), MMDB_DAMAGED);
    /* A long text is stepped over, but one key further on is too far. */
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "\xe2\x41x\x5f\x00\x00\x00", 7);
    memcpy(bytes + 7 + 65821, "\x41y", 2);
    CHECK_EQ(get((struct str){ bytes, sizeof(bytes) }, "y", &value), MMDB_DAMAGED);
}
