#include "base/ip.h"

#include "harness.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    if (!ip_parse(str_from(text), &ip)) {
        test_failed(EP_SITE, "\"%s\" was refused", text);
    }
    return ip;
}

static struct ip_block block_of(const char *text)
{
    struct ip_block block;
    if (!ip_block_parse(str_from(text), &block)) {
        test_failed(EP_SITE, "\"%s\" was refused", text);
    }
    return block;
}

TEST(an_address_is_printed_as_it_is_read)
{
    static const char *const cases[][2] = {
        { "1.2.3.4", "1.2.3.4" },
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "::ffff:1.2.3.4", "1.2.3.4" },
        { "::FFFF:102:304", "1.2.3.4" },
        { "0:0:0:0:0:ffff:0102:0304", "1.2.3.4" },
        { "2001:DB8:0:0::1", "2001:db8::1" },
        { "::", "::" },
        { "::1", "::1" },
        { "1111:2222:3333:4444:5555:6666:255.255.255.255",
          "1111:2222:3333:4444:5555:6666:ffff:ffff" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip;
        CHECK(ip_parse(test_at_page_end(str_from(cases[i][0])), &ip));
        ip_print(&ip, text);
        CHECK_STR(str_from(text), str_from(cases[i][1]));
    }
}

TEST(what_is_no_literal_is_no_address)
{
    static const char *const bad[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:80",
        "0x1.2.3.4",
        "1.2.3.-4",
        "1..3.4",
        "16909060",
        "[::1]",
        "::1%lo",
        "fe80::1%2",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "::g",
        "::1/128",
        "1.2.3.4/32",
        "localhost",
        "::ffff:1.2.3.256",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1111:2222:3333:4444:5555:6666:255.255.255.2555",
        "unknown",
        "_hidden",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct ip ip = { { 77 } };
        if (ip_parse(test_at_page_end(str_from(bad[i])), &ip)) {
            test_failed(EP_SITE, "\"%s\" was taken", bad[i]);
        }
        CHECK_EQ(ip.bytes[0], 77);
    }
    struct ip ip;
    CHECK(!ip_parse(STR("1.2.3.4\0"), &ip));
}

TEST(a_block_is_printed_as_it_is_read)
{
    static const char *const cases[][2] = {
        { "10.0.0.0/8", "10.0.0.0/8" },       { "0.0.0.0/0", "0.0.0.0/0" },
        { "1.2.3.4", "1.2.3.4/32" },          { "1.2.3.4/32", "1.2.3.4/32" },
        { "1.2.3.254/31", "1.2.3.254/31" },   { "::ffff:1.2.3.0/120", "1.2.3.0/24" },
        { "::ffff:0:0/96", "0.0.0.0/0" },     { "::/0", "::/0" },
        { "2001:db8::/32", "2001:db8::/32" }, { "2001:db8::1", "2001:db8::1/128" },
        { "8000::/1", "8000::/1" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[IP_BLOCK_TEXT_MAX];
        struct ip_block block = block_of(cases[i][0]);
        ip_block_print(&block, text);
        CHECK_STR(str_from(text), str_from(cases[i][1]));
    }
}

TEST(a_block_with_host_bits_or_a_wrong_prefix_is_none)
{
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/00",
        "10.0.0.0/+8",
        "10.0.0.0/-0",
        "10.0.0.0/8/8",
        "10.0.0.0/8 ",
        "10.0.0.0/255.0.0.0",
        "10.0.0.1/8",
        "10.128.0.0/8",
        "1.2.3.5/31",
        "0.0.0.1/0",
        "10.0.0/8",
        "::/129",
        "::1/127",
        "2001:db8::1/32",
        "::ffff:1.2.3.4/24",
        "::ffff:0:0/95",
        "::/99999999999999999999",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct ip_block block = { .bits = 77 };
        if (ip_block_parse(test_at_page_end(str_from(bad[i])), &block)) {
            test_failed(EP_SITE, "\"%s\" was taken", bad[i]);
        }
        CHECK_EQ(block.bits, 77);
    }
}

static bool holds(const char *block, const char *ip)
{
    struct ip_block outer = block_of(block);
    struct ip inner = ip_of(ip);
    return ip_block_holds(&outer, &inner);
}

TEST(a_block_holds_what_begins_like_it)
{
    CHECK(holds("10.0.0.0/8", "10.255.255.255"));
    CHECK(!holds("10.0.0.0/8", "11.0.0.0"));
    CHECK(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
    CHECK(holds("1.2.3.254/31", "1.2.3.255"));
    CHECK(!holds("1.2.3.254/31", "1.2.3.253"));
    CHECK(holds("0.0.0.0/0", "255.0.0.1"));
    CHECK(holds("2001:db8::/32", "2001:db8:ffff::1"));
    CHECK(!holds("2001:db8::/32", "2001:db9::"));
    CHECK(holds("::1", "::1"));
}

TEST(a_block_is_of_one_family)
{
    CHECK(holds("::/0", "2001:db8::1"));
    CHECK(!holds("::/0", "1.2.3.4"));
    CHECK(!holds("::/64", "1.2.3.4"));
    CHECK(!holds("0.0.0.0/0", "::1"));
    struct ip_block six = block_of("::/0");
    struct ip_block four = block_of("1.2.3.0/24");
    CHECK(!ip_block_covers(&six, &four));
}

TEST(a_block_covers_itself_and_what_is_narrower)
{
    struct ip_block wide = block_of("10.0.0.0/8");
    struct ip_block narrow = block_of("10.1.0.0/16");
    struct ip_block other = block_of("11.0.0.0/16");
    CHECK(ip_block_covers(&wide, &wide));
    CHECK(ip_block_covers(&wide, &narrow));
    CHECK(!ip_block_covers(&narrow, &wide));
    CHECK(!ip_block_covers(&wide, &other));
    struct ip_block blocks[] = { narrow, other };
    struct ip ip = ip_of("11.0.255.255");
    CHECK(ip_blocks_hold(blocks, 2, &ip));
    CHECK(!ip_blocks_hold(blocks, 1, &ip));
    CHECK(!ip_blocks_hold(NULL, 0, &ip));
}

TEST(addresses_are_ordered_by_number)
{
    struct ip low = ip_of("1.2.3.4");
    struct ip high = ip_of("1.2.4.0");
    struct ip six = ip_of("2001::");
    CHECK(ip_cmp(&low, &high) < 0);
    CHECK(ip_cmp(&six, &high) > 0);
    CHECK(ip_eq(&low, &low));
    CHECK(!ip_eq(&low, &high));
}

TEST(addresses_that_carry_an_ipv4_address_are_plainly_that)
{
    static const char *const cases[][2] = {
        { "64:ff9b::1.2.3.4", "1.2.3.4" },      { "2002:102:304::", "1.2.3.4" },
        { "2002:102:304:5::6", "1.2.3.4" },     { "1.2.3.4", "1.2.3.4" },
        { "2001:db8::1", "2001:db8::1" },       { "64:ff9b:1::1.2.3.4", "64:ff9b:1::102:304" },
        { "2003:102:304::", "2003:102:304::" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip = ip_plain(ip_of(cases[i][0]));
        ip_print(&ip, text);
        CHECK_STR(str_from(text), str_from(cases[i][1]));
    }
}

TEST(private_and_reserved_addresses_are_nobodys)
{
    static const char *const none[] = {
        "0.0.0.0",        "10.1.2.3",        "100.64.0.1",  "100.127.255.255",
        "127.0.0.1",      "169.254.1.1",     "172.16.0.1",  "172.31.255.255",
        "192.0.0.8",      "192.0.2.1",       "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.9",    "203.0.113.1", "224.0.0.1",
        "240.0.0.1",      "255.255.255.255", "::",          "::1",
        "::1.2.3.4",      "64:ff9b:1::1",    "100::1",      "2001::1",
        "2001:db8::1",    "3fff:fff::1",     "fc00::1",     "fdff::1",
        "fe80::1",        "fec0::1",         "ff02::1",
    };
    static const char *const some[] = {
        "1.1.1.1",     "9.255.255.255", "11.0.0.0",     "100.63.255.255", "100.128.0.0",
        "126.1.1.1",   "128.0.0.1",     "172.15.0.1",   "172.32.0.1",     "192.0.1.1",
        "192.167.0.1", "198.17.0.1",    "198.20.0.1",   "203.0.112.1",    "223.255.255.255",
        "2001:200::1", "2001:db9::1",   "2400:3200::1", "2a00::1",        "3fff:1000::1",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        struct ip ip = ip_of(none[i]);
        if (ip_is_public(&ip)) {
            test_failed(EP_SITE, "\"%s\" is public", none[i]);
        }
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(some); i++) {
        struct ip ip = ip_of(some[i]);
        if (!ip_is_public(&ip)) {
            test_failed(EP_SITE, "\"%s\" is not public", some[i]);
        }
    }
}
