#include "conf/conf_internal.h"
#include "harness.h"

static enum err links_parse(const char *listen, struct conf **ret_conf, struct conf_report *report)
{
    struct buf text;
    buf_init(&text, 65536);
    conf_report_init(report);
    CHECK_EQ(buf_printf(&text, "log: {origin: o}\nlisten:\n  %s\n", listen), ERR_OK);
    enum err err = conf_parse(buf_str(&text), STR_EMPTY, ret_conf, report);
    buf_fini(&text);
    return err;
}

TEST(links_are_read_in_their_order)
{
    struct conf *conf = NULL;
    struct conf_report report;
    CHECK_EQ(
        links_parse("trusted_proxies: [10.0.0.0/8]\n"
                    "  links:\n"
                    "    - {address: \"0.0.0.0:8443\", link: sea-cable-1, proxy_protocol: true}\n"
                    "    - {link: \"Lao_2.b\", address: \"[::]:8443\"}\n"
                    "    - {link: sea-cable-1, address: \"0.0.0.0:0\", proxy_protocol: false}\n",
                    &conf, &report),
        ERR_OK);
    const struct conf_links *links = &conf->listen_links;
    CHECK_EQ(links->count, 3);
    CHECK_STR(links->items[0].address.text, STR("0.0.0.0:8443"));
    CHECK_EQ(links->items[0].address.port, 8443);
    CHECK_STR(links->items[0].link, STR("sea-cable-1"));
    CHECK(links->items[0].proxy_protocol);
    CHECK_STR(links->items[1].address.host, STR("::"));
    CHECK_STR(links->items[1].link, STR("Lao_2.b"));
    CHECK(!links->items[1].proxy_protocol);
    CHECK(!links->items[2].proxy_protocol);
    conf_destroy(conf);
    conf_report_fini(&report);
}

TEST(no_links_are_none)
{
    static const char *const none[] = { "links: []", "public: \"0.0.0.0:1\"" };
    for (size_t i = 0; i < EP_ARRAY_LEN(none); i++) {
        struct conf *conf = NULL;
        struct conf_report report;
        CHECK_EQ(links_parse(none[i], &conf, &report), ERR_OK);
        CHECK_EQ(conf->listen_links.count, 0);
        conf_destroy(conf);
        conf_report_fini(&report);
    }
}

TEST(what_is_printed_reads_back_to_the_same)
{
    struct conf *conf = NULL;
    struct conf *again = NULL;
    struct conf_report report;
    struct buf texts[2];
    CHECK_EQ(links_parse("trusted_proxies: [10.0.0.0/8]\n"
                         "  links: [{address: \"[::1]:1\", link: a, proxy_protocol: true}, "
                         "{address: \"1.2.3.4:0\", link: b}]",
                         &conf, &report),
             ERR_OK);
    buf_init(&texts[0], CONF_BYTES_MAX);
    buf_init(&texts[1], CONF_BYTES_MAX);
    CHECK_EQ(conf_print(conf, &texts[0]), ERR_OK);
    CHECK_EQ(conf_parse(buf_str(&texts[0]), STR_EMPTY, &again, &report), ERR_OK);
    CHECK_EQ(conf_print(again, &texts[1]), ERR_OK);
    CHECK_STR(buf_str(&texts[1]), buf_str(&texts[0]));
    CHECK_EQ(again->listen_links.count, 2);
    CHECK(again->listen_links.items[0].proxy_protocol);
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    conf_destroy(conf);
    conf_destroy(again);
    conf_report_fini(&report);
}

TEST(what_is_wrong_with_a_link_is_told_where_it_stands)
{
    static const char *const cases[][2] = {
        { "links: x", "links are a list" },
        { "links: {address: \"1.2.3.4:5\", link: a}", "links are a list" },
        { "links: ~", "links are a list" },
        { "links: [a]", "each link is written" },
        { "links: [[]]", "each link is written" },
        { "links: [{}]", "needs an address and its name" },
        { "links: [{address: \"1.2.3.4:5\"}]", "needs an address and its name" },
        { "links: [{link: a}]", "needs an address and its name" },
        { "links: [{address: \"1.2.3.4\", link: a}]", "address must be" },
        { "links: [{address: \"example.com:80\", link: a}]", "address must be" },
        { "links: [{address: [\"1.2.3.4:5\"], link: a}]", "each have one value" },
        { "links: [{address: ~, link: a}]", "each have one value" },
        { "links: [{address: \"1.2.3.4:5\", link: \"\"}]", "link must be a name" },
        { "links: [{address: \"1.2.3.4:5\", link: \"a b\"}]", "link must be a name" },
        { "links: [{address: \"1.2.3.4:5\", link: \"a/b\"}]", "link must be a name" },
        { "links: [{address: \"1.2.3.4:5\", link: a123456789012345678901234567890123456789012345"
          "6789012345678901234}]",
          "link must be a name" },
        { "links: [{address: \"1.2.3.4:5\", link: a, proxy_protocol: yes}]",
          "proxy_protocol must be true or false" },
        { "links: [{address: \"1.2.3.4:5\", link: a, proxy_protocol: \"true\"}]",
          "proxy_protocol must be true or false" },
        { "links: [{address: \"1.2.3.4:5\", link: a, tls: true}]", "and no other key" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct conf *conf = NULL;
        struct conf_report report;
        CHECK_EQ(links_parse(cases[i][0], &conf, &report), ERR_CONF_INVALID);
        CHECK_EQ(report.count, 1);
        CHECK_STR(str_from(report.faults[0].key), STR("listen.links"));
        CHECK_EQ(report.faults[0].line, 3);
        struct str text = str_from(report.faults[0].text);
        if (str_search(text, str_from(cases[i][1])) == text.len) {
            test_failed(EP_SITE, "%s: %s", cases[i][0], report.faults[0].text);
        }
        conf_report_fini(&report);
    }
}

TEST(sixteen_links_are_allowed_and_not_one_more)
{
    for (unsigned count = 16; count <= 17; count++) {
        struct conf *conf = NULL;
        struct conf_report report;
        struct buf text;
        buf_init(&text, 4096);
        CHECK_EQ(buf_append(&text, STR("links: [")), ERR_OK);
        for (unsigned i = 0; i < count; i++) {
            CHECK_EQ(buf_printf(&text, "{address: \"1.2.3.4:%u\", link: a},", 100 + i), ERR_OK);
        }
        CHECK_EQ(buf_append(&text, (struct str){ "]\0", 2 }), ERR_OK);
        CHECK_EQ(links_parse(text.ptr, &conf, &report), count == 16 ? ERR_OK : ERR_CONF_INVALID);
        conf_destroy(conf);
        conf_report_fini(&report);
        buf_fini(&text);
    }
}

static void check_together(const char *listen, const char *part)
{
    struct conf *conf = NULL;
    struct conf_report report;
    CHECK_EQ(links_parse(listen, &conf, &report), ERR_CONF_INVALID);
    CHECK_EQ(report.count, 1);
    CHECK_STR(str_from(report.faults[0].key), STR("listen.links"));
    struct str text = str_from(report.faults[0].text);
    CHECK(str_search(text, str_from(part)) < text.len);
    conf_report_fini(&report);
}

TEST(two_listeners_at_one_address_are_refused)
{
    check_together("links: [{address: \"0.0.0.0:8080\", link: a}]", "another listener's address");
    check_together("links: [{address: \"127.0.0.1:8081\", link: a}]", "another listener's address");
    check_together("links: [{address: \"1.2.3.4:5\", link: a}, {address: \"1.2.3.4:5\", link: b}]",
                   "another listener's address");
}

TEST(proxy_headers_need_a_proxy_to_take_them_from)
{
    check_together("links: [{address: \"1.2.3.4:5\", link: a, proxy_protocol: true}]",
                   "names no proxy to take them from");
}
