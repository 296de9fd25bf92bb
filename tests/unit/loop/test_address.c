#include <arpa/inet.h>
#include <string.h>

#include "harness.h"
#include "loop/loop.h"

static void check_round_trip(const char *text)
{
    struct address address;
    CHECK(address_parse(test_at_page_end(str_from(text)), &address));
    char back[64];
    address_print(&address, back, sizeof(back));
    CHECK_STR(str_from(back), str_from(text));
}

TEST(an_address_of_either_family_comes_back_as_it_was_written)
{
    check_round_trip("127.0.0.1:8080");
    check_round_trip("0.0.0.0:0");
    check_round_trip("255.255.255.255:65535");
    check_round_trip("[::1]:8080");
    check_round_trip("[2001:db8::7]:443");
}

TEST(an_address_holds_family_port_and_length)
{
    struct address address;
    CHECK(address_parse(STR("127.0.0.1:80"), &address));
    CHECK_EQ(address.sock.any.sa_family, AF_INET);
    CHECK_EQ(ntohs(address.sock.v4.sin_port), 80);
    CHECK_EQ(address.len, sizeof(struct sockaddr_in));
    CHECK(address_parse(STR("[::1]:81"), &address));
    CHECK_EQ(address.sock.any.sa_family, AF_INET6);
    CHECK_EQ(ntohs(address.sock.v6.sin6_port), 81);
    CHECK_EQ(address.len, sizeof(struct sockaddr_in6));
}

TEST(what_is_no_address_is_refused_and_nothing_is_written)
{
    static const char *const bad[] = {
        "",
        ":",
        ":80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1:65536",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "256.0.0.1:80",
        "127.0.1:80",
        "localhost:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[]:80",
        "[::1:80",
        "::1]:80",
        "[127.0.0.1]:80",
        "[::g]:80",
        "[::1%lo]:80",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:8080:",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:80",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct address address = { .len = 77 };
        if (address_parse(test_at_page_end(str_from(bad[i])), &address)) {
            test_failed(EP_SITE, "\"%s\" was taken", bad[i]);
        }
        CHECK_EQ(address.len, 77);
    }
    struct address address;
    CHECK(!address_parse(STR("127.0.0.1\0:80"), &address));
}

TEST(an_address_that_does_not_fit_is_cut_and_ended)
{
    struct address address;
    CHECK(address_parse(STR("127.0.0.1:8080"), &address));
    char text[10];
    memset(text, 'x', sizeof(text));
    address_print(&address, text, sizeof(text));
    CHECK_STR(str_from(text), STR("127.0.0.1"));
    char one = 'x';
    address_print(&address, &one, 1);
    CHECK_EQ(one, '\0');
}

TEST(a_path_of_107_bytes_is_an_address_and_one_of_108_is_none)
{
    char path[108];
    memset(path, 'p', sizeof(path));
    struct address address = { .len = 77 };
    CHECK(!address_unix((struct str){ path, 108 }, &address));
    CHECK(!address_unix(STR_EMPTY, &address));
    CHECK(!address_unix(STR("a\0b"), &address));
    CHECK_EQ(address.len, 77);
    CHECK(address_unix((struct str){ path, 107 }, &address));
    CHECK_EQ(address.sock.any.sa_family, AF_UNIX);
    char text[64];
    address_print(&address, text, sizeof(text));
    CHECK_STR(str_from(text), STR("unix"));
}

TEST(an_address_without_its_port_is_one_in_either_family)
{
    struct address four;
    struct address mapped;
    struct address six;
    struct address path;
    struct ip ip[3];
    CHECK(address_parse(STR("1.2.3.4:80"), &four));
    CHECK(address_parse(STR("[::ffff:1.2.3.4]:81"), &mapped));
    CHECK(address_parse(STR("[2001:db8::1]:80"), &six));
    CHECK(address_unix(STR("/x"), &path));
    CHECK(address_ip(&four, &ip[0]) && address_ip(&mapped, &ip[1]) && address_ip(&six, &ip[2]));
    CHECK(ip_eq(&ip[0], &ip[1]));
    CHECK(!ip_eq(&ip[0], &ip[2]));
    char text[IP_TEXT_MAX];
    ip_print(&ip[2], text);
    CHECK_STR(str_from(text), STR("2001:db8::1"));
    CHECK(!address_ip(&path, &ip[0]));
}
