#include "conf/conf_internal.h"
#include "harness.h"

TEST(a_report_prints_a_line_a_fault_in_the_order_of_the_file)
{
    struct conf_report report;
    conf_report_init(&report);
    conf_report_add(&report, (struct yaml_place){ 9, 1 }, STR("b"), "%s", "is wrong");
    conf_report_add(&report, (struct yaml_place){ 2, 5 }, STR("a"), "is missing");
    conf_report_add(&report, (struct yaml_place){ 0, 0 }, STR(""), "could not be read");
    conf_report_sort(&report);
    struct buf text;
    buf_init(&text, 4096);
    CHECK(conf_report_print(&report, &text) == ERR_OK);
    CHECK_STR(buf_str(&text), STR("configuration: could not be read\n"
                                  "configuration:2:5: a: is missing\n"
                                  "configuration:9:1: b: is wrong\n"));
    buf_fini(&text);
    conf_report_fini(&report);
}

TEST(faults_beyond_the_limit_are_counted)
{
    struct conf_report report;
    conf_report_init(&report);
    for (unsigned i = 0; i < CONF_FAULTS_MAX + 3; i++) {
        conf_report_add(&report, (struct yaml_place){ i + 1, 1 }, STR("k"), "x");
    }
    CHECK_EQ(report.count, CONF_FAULTS_MAX);
    CHECK_EQ(report.dropped, 3);
    struct buf text;
    buf_init(&text, 65536);
    CHECK(conf_report_print(&report, &text) == ERR_OK);
    CHECK(str_ends(buf_str(&text), STR("and 3 more\n")));
    buf_fini(&text);
    conf_report_fini(&report);
}
