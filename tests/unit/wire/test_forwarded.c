#include "wire/forwarded.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

/* The proxies in all tests. */
static const char *const proxies[] = { "10.0.0.0/8", "2001:db8::/32", "198.51.100.7" };
static struct ip_block trusted[EP_ARRAY_LEN(proxies)];

static const char *client(const char *headers)
{
    static struct http1_head head;
    static char text[IP_TEXT_MAX];
    static char bytes[65536];
    size_t used = 0;
    struct ip ip = { { 77 } };
    for (size_t i = 0; i < EP_ARRAY_LEN(proxies); i++) {
        CHECK(ip_block_parse(str_from(proxies[i]), &trusted[i]));
    }
    int len = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nhost: x\r\n%s\r\n", headers);
    CHECK(len > 0 && (size_t)len < sizeof(bytes));
    struct str all = test_at_page_end(str_from(bytes));
    CHECK_EQ(http1_read_request(all, sizeof(bytes), &head, &used), WIRE_DONE);
    if (!forwarded_client(&head, trusted, EP_ARRAY_LEN(trusted), &ip)) {
        CHECK_EQ(ip.bytes[0], 77);
        return "nobody";
    }
    ip_print(&ip, text);
    return text;
}

#define XFF "x-forwarded-for: "

TEST(the_client_is_the_last_entry_that_is_no_proxy)
{
    static const char *const cases[][2] = {
        { XFF "1.2.3.4\r\n", "1.2.3.4" },
        { "X-Forwarded-For:1.2.3.4\r\n", "1.2.3.4" },
        { XFF "9.9.9.9, 1.2.3.4\r\n", "1.2.3.4" },
        { XFF "9.9.9.9,1.2.3.4,10.0.0.1\r\n", "1.2.3.4" },
        { XFF "9.9.9.9 ,\t1.2.3.4 , 10.0.0.1,198.51.100.7\r\n", "1.2.3.4" },
        { XFF "1.2.3.4, 2001:db8::5\r\n", "1.2.3.4" },
        { XFF "1.2.3.4, [2001:db8::5]:443, 10.1.1.1:80\r\n", "1.2.3.4" },
        { XFF "1.2.3.4, ::ffff:10.1.1.1\r\n", "1.2.3.4" },
        { XFF "198.51.100.8\r\n", "198.51.100.8" },
        { XFF "2400:3200::1\r\n", "2400:3200::1" },
        { XFF "[2400:3200::1]\r\n", "2400:3200::1" },
        { XFF "[2400:3200::1]:8080\r\n", "2400:3200::1" },
        { XFF "::ffff:1.2.3.4\r\n", "1.2.3.4" },
        { XFF "1.2.3.4:0\r\n", "1.2.3.4" },
        { XFF "1.2.3.4:65535\r\n", "1.2.3.4" },
        /* What stands before the client is the client's own invention. */
        { XFF "unknown, 1.2.3.4\r\n", "1.2.3.4" },
        { XFF "<script>, , 1.2.3.4, 10.0.0.1\r\n", "1.2.3.4" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        CHECK_STR(str_from(client(cases[i][0])), str_from(cases[i][1]));
    }
}

TEST(several_headers_are_one_list)
{
    CHECK_STR(str_from(client(XFF "9.9.9.9\r\n" XFF "1.2.3.4\r\n")), STR("1.2.3.4"));
    CHECK_STR(str_from(client(XFF "1.2.3.4\r\naccept: */*\r\nX-FORWARDED-FOR: 10.0.0.1\r\n")),
              STR("1.2.3.4"));
    CHECK_STR(str_from(client(XFF "9.9.9.9, 1.2.3.4\r\n" XFF "10.0.0.2, 10.0.0.1\r\n")),
              STR("1.2.3.4"));
    CHECK_STR(str_from(client(XFF "1.2.3.4\r\n" XFF "rubbish\r\n")), STR("nobody"));
    CHECK_STR(str_from(client(XFF "1.2.3.4\r\n" XFF "\r\n")), STR("nobody"));
}

TEST(without_an_entry_that_says_who_it_is_nobody_knows)
{
    static const char *const cases[] = {
        "",
        "forwarded: for=1.2.3.4\r\n",
        "x-real-ip: 1.2.3.4\r\n",
        "x-forwarded-for-x: 1.2.3.4\r\n",
        XFF "\r\n",
        XFF ",\r\n",
        XFF "1.2.3.4,\r\n",
        XFF "1.2.3.4, ,10.0.0.1\r\n",
        XFF "unknown\r\n",
        XFF "1.2.3.4, unknown\r\n",
        XFF "1.2.3.4, _hidden, 10.0.0.1\r\n",
        XFF "10.0.0.1\r\n",
        XFF "10.0.0.2, 2001:db8::1, 198.51.100.7\r\n",
        XFF "1.2.3\r\n",
        XFF "1.2.3.4.5\r\n",
        XFF "01.2.3.4\r\n",
        XFF "1.2.3.4:\r\n",
        XFF "1.2.3.4:http\r\n",
        XFF "1.2.3.4:65536\r\n",
        XFF "1.2.3.4:000080\r\n",
        XFF "1.2.3.4/32\r\n",
        XFF "1.2.3.4 5.6.7.8\r\n",
        XFF "1.2.3.4;5.6.7.8\r\n",
        XFF "\"1.2.3.4\"\r\n",
        XFF "[1.2.3.4]\r\n",
        XFF "[1.2.3.4]:80\r\n",
        XFF "[2400::1\r\n",
        XFF "2400::1]\r\n",
        XFF "[2400::1]80\r\n",
        XFF "[]\r\n",
        XFF "[\r\n",
        XFF "[2400::1%eth0]\r\n",
        XFF "2400::1%eth0\r\n",
        XFF "example.com\r\n",
        XFF "for=1.2.3.4\r\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        if (strcmp(client(cases[i]), "nobody") != 0) {
            test_failed(EP_SITE, "\"%s\" names a client", cases[i]);
        }
    }
}

TEST(fifteen_trusted_hops_are_followed_and_not_one_more)
{
    char headers[1024];
    for (unsigned hops = 14; hops <= 17; hops++) {
        size_t len = (size_t)snprintf(headers, sizeof(headers), XFF "1.2.3.4");
        for (unsigned i = 0; i < hops; i++) {
            len += (size_t)snprintf(headers + len, sizeof(headers) - len, ", 10.0.0.%u", i);
        }
        (void)snprintf(headers + len, sizeof(headers) - len, "\r\n");
        CHECK_STR(str_from(client(headers)),
                  str_from(hops < FORWARDED_HOPS_MAX ? "1.2.3.4" : "nobody"));
    }
}

TEST(a_long_list_costs_only_what_is_read_of_it)
{
    static char headers[60000];
    size_t len = strlen(XFF);
    memcpy(headers, XFF, len);
    while (len < 50000) {
        memcpy(headers + len, "9.9.9.9,", 8);
        len += 8;
    }
    memcpy(headers + len, "1.2.3.4\r\n", sizeof("1.2.3.4\r\n"));
    CHECK_STR(str_from(client(headers)), STR("1.2.3.4"));
    memset(headers + strlen(XFF), '9', 40000); /* one entry of 40,000 bytes, then the rest */
    CHECK_STR(str_from(client(headers)), STR("1.2.3.4"));
}
