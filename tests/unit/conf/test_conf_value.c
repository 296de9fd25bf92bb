#include "conf/conf_internal.h"
#include "harness.h"

struct value_case {
    const char *key; /* of a one-line file that is nested as the key says */
    const char *good;
    const char *bad;
};

/* "a.b.c", "v" > "{a: {b: {c: v}}}" with the origin that every file needs. */
static enum err value_read(const char *key, const char *value, struct conf_report *report)
{
    struct buf text;
    buf_init(&text, 65536);
    struct str rest = str_from(key);
    unsigned depth = 0;
    CHECK(buf_byte(&text, '{') == ERR_OK);
    if (str_starts(rest, STR("log."))) {
        struct str leaf = str_from_at(rest, 4);
        const char *origin = str_eq(leaf, STR("origin")) ? "" : "origin: o, ";
        CHECK(buf_printf(&text, "log: {%s" STR_FMT ": %s}", origin, STR_ARG(leaf), value) ==
              ERR_OK);
    } else {
        CHECK(buf_append(&text, STR("log: {origin: o}, ")) == ERR_OK);
        while (rest.len > 0) {
            struct str part = str_cut(&rest, '.');
            CHECK(buf_printf(&text, STR_FMT ": %s", STR_ARG(part), rest.len > 0 ? "{" : value) ==
                  ERR_OK);
            depth++;
        }
        for (; depth > 1; depth--) {
            CHECK(buf_byte(&text, '}') == ERR_OK);
        }
    }
    CHECK(buf_append(&text, STR("}\n")) == ERR_OK);
    struct conf *conf = NULL;
    enum err err = conf_parse(buf_str(&text), STR(""), &conf, report);
    conf_destroy(conf);
    buf_fini(&text);
    return err;
}

TEST(each_kind_of_value_has_a_good_and_a_bad_twin)
{
    static const struct value_case cases[] = {
        { "listen.public", "\"0.0.0.0:0\"", "\"0.0.0.0\"" },
        { "listen.public", "\"0.0.0.0:65535\"", "\"0.0.0.0:65536\"" },
        { "listen.public", "\"[::]:1\"", "\":::1\"" },
        { "listen.public", "\"1.2.3.4:1\"", "\"localhost:1\"" },
        { "listen.public", "\"1.2.3.4:1\"", "\"[1.2.3.4]:1\"" },
        { "listen.public", "\"1.2.3.4:1\"", "\":1\"" },
        { "listen.public", "\"1.2.3.4:1\"", "\"1.2.3.4:-1\"" },
        { "listen.public", "\"1.2.3.4:1\"", "\"1.2.3.4:\"" },
        { "listen.trusted_proxies", "[1.2.3.4/32]", "[1.2.3.4/33]" },
        { "listen.trusted_proxies", "[\"::1/128\"]", "[\"::1/129\"]" },
        { "listen.trusted_proxies", "[1.2.3.4]", "[1.2.3.4/]" },
        { "listen.trusted_proxies", "[]", "[proxy]" },
        { "listen.trusted_proxies", "[]", "[~]" },
        { "store", "\"sqlite:x\"", "\"sqlite:\"" },
        { "store", "\"sqlite:x\"", "\"postgresql://x\"" },
        { "registry", "x", "\"\"" },
        { "registry", "x", "\"a\\nb\"" },
        { "log.origin", "x", "\"\"" },
        { "log.key", "\"env:A_1\"", "\"env:1A\"" },
        { "log.key", "\"file:x\"", "\"file:\"" },
        { "log.key", "\"file:x\"", "the-key-itself" },
        { "log.folder", "x", "\"\"" },
        { "log.witnesses", "x", "[x]" },
        { "log.witness_wait_ms", "1", "0" },
        { "log.witness_wait_ms", "10000", "10001" },
        { "listen.trusted_proxies", "[10.0.0.0/8]", "[10.0.0.1/8]" },
        { "listen.trusted_proxies", "[1.2.3.0/24]", "[01.2.3.0/24]" },
        { "listen.trusted_proxies", "[1.0.0.0/8]", "[1.0.0.0/08]" },
        { "geo", "[a, b, c, d]", "[a, b, c, d, e]" },
        { "threads", "auto", "automatic" },
        { "threads", "1", "0" },
        { "threads", "1024", "1025" },
        { "node", "0", "-1" },
        { "node", "65535", "65536" },
        { "node", "1", "1.0" },
        { "node", "1", "99999999999999999999" },
        { "hold_gate", "relaxed", "none" },
        { "hold_gate", "overlap", "\"\"" },
        { "hold_before_above", "0.000000001", "0.0000000001" },
        { "hold_before_above", "1", "-1" },
        { "hold_before_above", "1", "1e3" },
        { "limits.head_ms", "100", "99" },
        { "limits.head_ms", "600000", "600001" },
        { "limits.head_ms", "100", "30s" },
        { "limits.head_ms", "100", "~" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct conf_report report;
        conf_report_init(&report);
        if (value_read(cases[i].key, cases[i].good, &report) != ERR_OK) {
            test_failed(EP_SITE, "%s: %s refused", cases[i].key, cases[i].good);
        }
        if (value_read(cases[i].key, cases[i].bad, &report) != ERR_CONF_INVALID) {
            test_failed(EP_SITE, "%s: %s taken", cases[i].key, cases[i].bad);
        }
        CHECK_EQ(report.count, 1);
        CHECK_STR(str_from(report.faults[0].key), str_from(cases[i].key));
        conf_report_fini(&report);
    }
}
