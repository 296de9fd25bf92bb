#include "wire/url.h"

#include "harness.h"

TEST(endpoints_are_taken_apart)
{
    struct url url;
    CHECK(url_parse(STR("https://api.example.com/v1/"), &url));
    CHECK(url.tls);
    CHECK_STR(url.host, STR("api.example.com"));
    CHECK_EQ(url.port, 443);
    CHECK_STR(url.path, STR("/v1"));
    CHECK(url_parse(STR("http://127.0.0.1:9001"), &url));
    CHECK(!url.tls);
    CHECK_EQ(url.port, 9001);
    CHECK_EQ(url.path.len, 0);
    CHECK(url_parse(STR("http://[::1]:80/a"), &url));
    CHECK_STR(url.host, STR("::1"));
}

TEST(what_is_no_endpoint_is_refused)
{
    static const char *const bad[] = {
        "",
        "ftp://a",
        "http://",
        "http:///a",
        "http://a:0",
        "http://a:x",
        "http://a:70000",
        "http://u@a",
        "http://a b",
        "http://a/?q",
        "http://a/#f",
        "http://[::1",
        "http://[::1]x",
        "http://[]",
        "http://[example.com]",
        "http://[::1%25eth0]",
        "http://a:+80",
        "http://a?q",
        "HTTP://a/\x7F",
        "http://a:",
        "http://a/\x01",
    };
    struct url url;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (url_parse(str_from(bad[i]), &url)) {
            test_failed(EP_SITE, "taken: %s", bad[i]);
        }
    }
}

TEST(queries_are_decoded)
{
    struct str query;
    CHECK_STR(url_target_path(STR("/v1/generation?id=a%20b+c&x=%zz"), &query),
              STR("/v1/generation"));
    struct buf out;
    buf_init(&out, 64);
    CHECK(url_query(query, STR("id"), &out));
    CHECK_STR(buf_str(&out), STR("a b c"));
    CHECK(!url_query(query, STR("x"), &out));
    CHECK(!url_query(query, STR("absent"), &out));
    CHECK(!url_query(STR("x=abc%4"), STR("x"), &out));
    CHECK_STR(buf_str(&out), STR("a b c")); /* a refusal leaves it as it was */
    CHECK(url_query(STR("y&x"), STR("x"), &out));
    CHECK(url_query(STR("x=%41&x=B"), STR("x"), &out));
    CHECK_STR(buf_str(&out), STR("a b cA"));
    buf_fini(&out);
}

TEST(a_piece_of_a_path_is_decoded_and_its_plus_is_its_own)
{
    char text[8];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    CHECK(url_path_text(STR("a%2Fb+%2b"), &out));
    CHECK_STR(buf_str(&out), STR("a/b++"));
    CHECK(!url_path_text(STR("%2"), &out));
    CHECK(!url_path_text(STR("x%zz"), &out));
    CHECK(!url_path_text(STR("four"), &out)); /* no room for it */
    CHECK_STR(buf_str(&out), STR("a/b++"));
    CHECK(url_path_text(STR("abc"), &out));
    CHECK_STR(buf_str(&out), STR("a/b++abc"));
}
