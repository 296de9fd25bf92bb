#include "registry_sample.h"

TEST(a_report_prints_place_code_sentence_and_remedy)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry_load load = { .report = &report, .file = STR_INIT("routes.yaml") };
    registry_fault(&load, REGISTRY_RULE_REG_UNKNOWN_REF, (struct yaml_place){ 3, 5 },
                   "there is no %s", "model");
    load.file = STR("models.yaml");
    registry_fault(&load, REGISTRY_RULE_REG_FILE, (struct yaml_place){ 0, 0 }, "missing");
    registry_report_sort(&report);
    struct buf text;
    buf_init(&text, 4096);
    CHECK(registry_report_print(&report, &text) == ERR_OK);
    CHECK_STR(buf_str(&text),
              STR("models.yaml: REG_FILE: missing (make the file readable, and keep only known "
                  "files in the folder)\n"
                  "routes.yaml:3:5: REG_UNKNOWN_REF: there is no model (name an object that "
                  "exists, or add it)\n"));
    buf_fini(&text);
    registry_report_fini(&report);
}

TEST(faults_beyond_the_limit_are_counted)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry_load load = { .report = &report, .file = STR_INIT("f") };
    for (unsigned i = 0; i < REGISTRY_FAULTS_MAX + 2; i++) {
        registry_fault(&load, REGISTRY_RULE_REG_BAD_VALUE, (struct yaml_place){ 1, 1 }, "x");
    }
    CHECK_EQ(report.count, REGISTRY_FAULTS_MAX);
    CHECK_EQ(report.dropped, 2);
    registry_report_fini(&report);
}

TEST(every_rule_has_a_code_and_a_remedy)
{
    for (unsigned rule = 0; rule < REGISTRY_RULE_COUNT; rule++) {
        CHECK(registry_rule_code((enum registry_rule)rule)[0] != '\0');
        CHECK(registry_rule_remedy((enum registry_rule)rule)[0] != '\0');
    }
}

TEST(a_warning_says_that_it_is_one_and_refuses_nothing)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry_load load = { .report = &report, .file = STR_INIT("zones.yaml") };
    registry_fault(&load, REGISTRY_RULE_ZONE_SHARED, (struct yaml_place){ 3, 5 }, "logs");
    struct buf text;
    buf_init(&text, 4096);
    CHECK(registry_report_print(&report, &text) == ERR_OK);
    CHECK_STR(buf_str(&text), STR("zones.yaml:3:5: warning: ZONE_SHARED: logs (separate it: until "
                                  "then the zone serves nothing)\n"));
    CHECK_EQ(report.refusals, 0);
    buf_fini(&text);
    registry_report_fini(&report);
}

/* What is law warns in a draft; what is structure refuses everywhere. */
TEST(a_draft_makes_warnings_of_the_law_alone)
{
    for (unsigned draft = 0; draft < 2; draft++) {
        struct registry_report report;
        registry_report_init(&report);
        report.draft = draft == 1;
        struct registry_load load = { .report = &report, .file = STR_INIT("f") };
        registry_fault(&load, REGISTRY_RULE_CHAIN_GAP, (struct yaml_place){ 1, 1 }, "x");
        CHECK_EQ(report.refusals, draft == 1 ? 0U : 1U);
        CHECK_EQ(report.faults[0].warning, draft == 1);
        registry_fault(&load, REGISTRY_RULE_REG_WINDOW, (struct yaml_place){ 1, 1 }, "x");
        CHECK_EQ(report.refusals, draft == 1 ? 1U : 2U);
        CHECK(!report.faults[1].warning);
        registry_report_fini(&report);
    }
}

/* Faults that there is no room for refuse all the same. */
TEST(a_fault_behind_a_thousand_warnings_refuses)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry_load load = { .report = &report, .file = STR_INIT("f") };
    for (unsigned i = 0; i < REGISTRY_FAULTS_MAX; i++) {
        registry_fault(&load, REGISTRY_RULE_DOC_MISSING, (struct yaml_place){ 1, 1 }, "x");
    }
    CHECK_EQ(report.refusals, 0);
    registry_fault(&load, REGISTRY_RULE_CHAIN_GAP, (struct yaml_place){ 1, 1 }, "x");
    CHECK_EQ(report.count, REGISTRY_FAULTS_MAX);
    CHECK_EQ(report.refusals, 1);
    registry_report_fini(&report);
}
