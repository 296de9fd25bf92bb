#include "wire/proxy_v2.h"

#include <string.h>

#include "base/buf.h"
#include "harness.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static char room[80000];

/* Signature, version and command, family, length, and what follows. */
static struct str header(unsigned command, unsigned family, size_t len, struct str rest)
{
    struct buf out = { room, 0, sizeof(room), sizeof(room) };
    CHECK_EQ(buf_append(&out, STR(SIGNATURE)), ERR_OK);
    CHECK_EQ(buf_byte(&out, (char)command), ERR_OK);
    CHECK_EQ(buf_byte(&out, (char)family), ERR_OK);
    CHECK_EQ(buf_byte(&out, (char)(len >> 8)), ERR_OK);
    CHECK_EQ(buf_byte(&out, (char)len), ERR_OK);
    CHECK_EQ(buf_append(&out, rest), ERR_OK);
    return test_at_page_end(buf_str(&out));
}

/* 223.5.5.5:4660 to 10.0.0.1:443 */
#define FOUR     "\xdf\x05\x05\x05\x0a\x00\x00\x01\x12\x34\x01\xbb"
#define SIX_SRC  "\x24\x00\x32\x00\0\0\0\0\0\0\0\0\0\0\0\x01"
#define SIX_DST  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
#define SIX      SIX_SRC SIX_DST "\x12\x34\x01\xbb"
#define TLV      "\x04\x00\x02zz"
#define TLV_NONE "\x05\x00\x00"

static void check_source(struct str bytes, const char *ip)
{
    struct proxy_v2 proxy = { .port = 1 };
    size_t used = 0;
    char text[IP_TEXT_MAX];
    CHECK_EQ(proxy_v2_read(bytes, &proxy, &used), WIRE_DONE);
    CHECK_EQ(used, bytes.len);
    CHECK(!proxy.local && proxy.known);
    ip_print(&proxy.source, text);
    CHECK_STR(str_from(text), str_from(ip));
    CHECK_EQ(proxy.port, 0x1234);
}

TEST(the_client_is_read_of_either_family)
{
    check_source(header(0x21, 0x11, 12, STR(FOUR)), "223.5.5.5");
    check_source(header(0x21, 0x21, 36, STR(SIX)), "2400:3200::1");
    check_source(
        header(0x21, 0x21, 36,
               STR("\0\0\0\0\0\0\0\0\0\0\xff\xff\xdf\x05\x05\x05" SIX_DST "\x12\x34\x01\xbb")),
        "223.5.5.5");
}

TEST(what_follows_the_addresses_is_skipped)
{
    check_source(header(0x21, 0x11, 17, STR(FOUR TLV)), "223.5.5.5");
    check_source(header(0x21, 0x11, 20, STR(FOUR TLV TLV_NONE)), "223.5.5.5");
    check_source(header(0x21, 0x21, 41, STR(SIX TLV)), "2400:3200::1");
    static char tlv[12 + 3 + 1000] = FOUR;
    tlv[12] = 0x20;
    tlv[13] = 1000 >> 8;
    tlv[14] = (char)(1000 & 0xff);
    check_source(header(0x21, 0x11, sizeof(tlv), (struct str){ tlv, sizeof(tlv) }), "223.5.5.5");
}

TEST(the_proxys_own_connections_have_no_client)
{
    static const struct {
        unsigned family;
        size_t len;
        struct str rest;
    } cases[] = {
        { 0x00, 0, STR_INIT("") },
        { 0x11, 12, STR_INIT(FOUR) },
        { 0x77, 3, STR_INIT("abc") },
        { 0x11, 5, STR_INIT("short") },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct proxy_v2 proxy = { .known = true };
        size_t used = 0;
        struct str bytes = header(0x20, cases[i].family, cases[i].len, cases[i].rest);
        CHECK_EQ(proxy_v2_read(bytes, &proxy, &used), WIRE_DONE);
        CHECK_EQ(used, bytes.len);
        CHECK(proxy.local && !proxy.known);
    }
}

TEST(a_client_of_no_internet_address_is_not_known)
{
    static const char path[216] = "/run/client";
    struct proxy_v2 proxy = { .known = true };
    size_t used = 0;
    CHECK_EQ(proxy_v2_read(header(0x21, 0x31, 216, (struct str){ path, 216 }), &proxy, &used),
             WIRE_DONE);
    CHECK(!proxy.local && !proxy.known);
    proxy.known = true;
    CHECK_EQ(proxy_v2_read(header(0x21, 0x00, 0, STR_EMPTY), &proxy, &used), WIRE_DONE);
    CHECK(!proxy.local && !proxy.known);
    proxy.known = true;
    CHECK_EQ(proxy_v2_read(header(0x21, 0x00, 5, STR("abcde")), &proxy, &used), WIRE_DONE);
    CHECK(!proxy.local && !proxy.known);
    CHECK_EQ(used, 21);
}

/* However it is cut, it is decided at its end and not before, and bytes behind it are left. */
TEST(any_pieces_give_the_same)
{
    struct str whole = header(0x21, 0x21, 41, STR(SIX TLV "GET / HTTP/1.1\r\n"));
    size_t len = 16 + 41;
    struct proxy_v2 proxy;
    size_t used = 99;
    for (size_t cut = 0; cut < len; cut++) {
        struct str part = test_at_page_end(str_slice(whole, 0, cut));
        CHECK_EQ(proxy_v2_read(part, &proxy, &used), WIRE_MORE);
        size_t wanted = proxy_v2_wanted(part);
        CHECK_EQ(wanted, cut < 16 ? 16 - cut : len - cut);
    }
    CHECK_EQ(used, 99);
    for (size_t cut = len; cut <= whole.len; cut++) {
        CHECK_EQ(proxy_v2_read(str_slice(whole, 0, cut), &proxy, &used), WIRE_DONE);
        CHECK_EQ(used, len);
    }
}

/* Refused once the byte that is wrong is there, and untouched before. */
static void check_bad(struct str bytes, size_t wrong)
{
    struct proxy_v2 proxy = { .port = 77 };
    size_t used = 99;
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        enum wire_result want = cut <= wrong ? WIRE_MORE : WIRE_BAD;
        enum wire_result got =
            proxy_v2_read(test_at_page_end(str_slice(bytes, 0, cut)), &proxy, &used);
        if (got != want) {
            test_failed(EP_SITE, "%zu bytes give %d, not %d", cut, (int)got, (int)want);
        }
    }
    CHECK_EQ(proxy.port, 77);
}

TEST(what_is_no_header_is_refused_at_its_first_wrong_byte)
{
    check_bad(STR("GET / HTTP/1.1\r\n\r\n"), 0);
    check_bad(STR("PROXY TCP4 223.5.5.5 10.0.0.1 4660 443\r\n"), 0);   /* version 1 */
    check_bad(STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 0); /* TLS */
    check_bad(STR("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 4);
    check_bad(STR("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c" FOUR), 11);
    check_bad(header(0x11, 0x11, 12, STR(FOUR)), 12); /* version 1 in the binary form */
    check_bad(header(0x31, 0x11, 12, STR(FOUR)), 12);
    check_bad(header(0x22, 0x11, 12, STR(FOUR)), 12); /* command 2 */
    check_bad(header(0x2f, 0x11, 12, STR(FOUR)), 12);
}

TEST(a_header_that_does_not_add_up_is_refused)
{
    static const char path[215] = "/run/client";
    check_bad(header(0x21, 0x11, 11, STR(FOUR)), 16 + 10); /* no room for the addresses */
    check_bad(header(0x21, 0x11, 0, STR(FOUR)), 15);
    check_bad(header(0x21, 0x21, 35, STR(SIX)), 16 + 34);
    check_bad(header(0x21, 0x31, 215, (struct str){ path, 215 }), 16 + 214);
    check_bad(header(0x21, 0x12, 12, STR(FOUR)), 16 + 11); /* datagrams */
    check_bad(header(0x21, 0x22, 36, STR(SIX)), 16 + 35);
    check_bad(header(0x21, 0x10, 12, STR(FOUR)), 16 + 11); /* half unknown */
    check_bad(header(0x21, 0x01, 12, STR(FOUR)), 16 + 11);
    check_bad(header(0x21, 0x41, 12, STR(FOUR)), 16 + 11);
    check_bad(header(0x21, 0x11, 13, STR(FOUR "\x04")), 16 + 12); /* half a TLV */
    check_bad(header(0x21, 0x11, 14, STR(FOUR "\x04\x00")), 16 + 13);
    check_bad(header(0x21, 0x11, 16, STR(FOUR "\x04\x00\x02z")), 16 + 15);
    check_bad(header(0x21, 0x11, 18, STR(FOUR TLV "\x04")), 16 + 17);
}

TEST(a_header_may_be_4096_bytes_and_not_one_more)
{
    static char rest[PROXY_V2_BYTES_MAX] = FOUR;
    size_t len = PROXY_V2_BYTES_MAX - 16;
    size_t tlv = len - 12 - 3;
    rest[12] = 0x30;
    rest[13] = (char)(tlv >> 8);
    rest[14] = (char)(tlv & 0xff);
    check_source(header(0x21, 0x11, len, (struct str){ rest, len }), "223.5.5.5");
    check_bad(header(0x21, 0x11, len + 1, STR_EMPTY), 15);
    check_bad(header(0x21, 0x11, 65535, STR_EMPTY), 15);
    check_bad(header(0x20, 0x00, 65535, STR_EMPTY), 15);
}
