#include <stdio.h>
#include <stdlib.h>

#include "conf/conf_internal.h"
#include "harness.h"

static struct conf *print_parse(struct str text, struct str folder)
{
    struct conf_report report;
    conf_report_init(&report);
    struct conf *conf = NULL;
    if (conf_parse(text, folder, &conf, &report) != ERR_OK) {
        test_failed(EP_SITE, "refused: %s", report.count > 0 ? report.faults[0].text : "");
    }
    conf_report_fini(&report);
    return conf;
}

TEST(what_is_printed_reads_back_to_the_same)
{
    struct conf *conf = print_parse(
        STR("log: {origin: \"a \\\"quoted\\\" name\", witnesses: \"y: z\"}\nthreads: 3\n"
            "hold_gate: relaxed\nhold_before_above: 0.25\ngeo: [a]\n"
            "listen: {trusted_proxies: [::1]}\n"),
        STR("etc"));
    struct buf first;
    struct buf second;
    buf_init(&first, 65536);
    buf_init(&second, 65536);
    CHECK(conf_print(conf, &first) == ERR_OK);
    CHECK(str_search(buf_str(&first), STR("  tls:\n    cert: \"\"\n    key: \"\"\n")) < first.len);
    CHECK(str_search(buf_str(&first), STR("\nhold_gate: relaxed\n")) < first.len);
    CHECK(str_search(buf_str(&first), STR("\nthreads: 3\n")) < first.len);
    CHECK(str_search(buf_str(&first), STR("\ngeo: [\"etc/a\"]\n")) < first.len);
    struct conf *again = print_parse(buf_str(&first), STR(""));
    CHECK(conf_print(again, &second) == ERR_OK);
    CHECK_STR(buf_str(&second), buf_str(&first));
    buf_fini(&first);
    buf_fini(&second);
    conf_destroy(conf);
    conf_destroy(again);
}

TEST(only_changes_that_need_a_restart_are_named)
{
    struct conf *old = print_parse(STR("log: {origin: o}\n"), STR(""));
    struct conf *fresh = print_parse(
        STR("log: {origin: p}\nthreads: 2\nhold_gate: before\nlimits: {head_ms: 500}\n"), STR(""));
    struct buf keys;
    buf_init(&keys, 4096);
    size_t count = 9;
    CHECK(conf_frozen_changes(old, fresh, &keys, &count) == ERR_OK);
    CHECK_EQ(count, 2);
    CHECK_STR(buf_str(&keys), STR("log.origin\nthreads\n"));
    buf_reset(&keys);
    CHECK(conf_frozen_changes(old, old, &keys, &count) == ERR_OK);
    CHECK_EQ(count, 0);
    buf_fini(&keys);
    conf_destroy(old);
    conf_destroy(fresh);
}

/* With EP_UPDATE set (tools/gen_configuration) the page is written instead. */
TEST(the_manual_is_what_the_schema_says)
{
    static const char path[] = EP_SOURCE_DIR "/docs/configuration.md";
    struct buf want;
    buf_init(&want, 1 << 20);
    CHECK(conf_write_docs(&want) == ERR_OK);
    if (getenv("EP_UPDATE") != NULL) {
        FILE *file = fopen(path, "w");
        CHECK(file != NULL);
        CHECK(fwrite(want.ptr, 1, want.len, file) == want.len);
        CHECK(fclose(file) == 0);
    }
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    struct buf got;
    buf_init(&got, 1 << 20);
    CHECK(buf_reserve(&got, 1 << 19) == ERR_OK);
    buf_added(&got, fread(got.ptr, 1, 1 << 19, file));
    CHECK(fclose(file) == 0);
    CHECK_STR(buf_str(&got), buf_str(&want));
    buf_fini(&want);
    buf_fini(&got);
}
