#include "law_sample.h"

/* One fault of each kind of check, in one file set. */
static struct law_result all_wrong(bool draft)
{
    static const struct {
        unsigned file;
        const char *old;
        const char *fresh;
    } changes[] = {
        { LAW_GRANTS, "evidence_class: written_signed", "evidence_class: verbal" },
        { LAW_GRANTS, "documents/one.txt", "documents/none.txt" },
        { LAW_GRANTS, "reviewed_by: ben", "reviewed_by: ann" },
        { LAW_GRANTS, "sublicense_depth: 1", "sublicense_depth: 0" },
        { LAW_GRANTS, "[SG, \"group:asean-2\"]", "[CN]" },
        { LAW_GRANTS, "    # sign k.ch\n", "" },
        { LAW_AGREEMENTS, "cc1255d8", "dc1255d8" },
        { LAW_ZONES, "logs: logical", "logs: shared" },
        { 0, "[api.v1.test]", "[]" },
        { 2, "account_holder: op", "account_holder: ch" },
        { 4, "upstream_model: m1", "upstream_model: m2" },
        { 5, "mode: aggregate\n", "mode: direct\n" },
    };
    struct registry_file files[LAW_FILES];
    char *copies[EP_ARRAY_LEN(changes)];
    law_files(files);
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        copies[i] = sample_replace(files, changes[i].file, changes[i].old, changes[i].fresh);
    }
    struct law_result result = law_result_of(files, draft);
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        mem_free(copies[i]);
    }
    return result;
}

static const struct {
    const char *file;
    enum registry_rule rule;
} all_faults[] = {
    { "grants.yaml", REGISTRY_RULE_CHAIN_NOT_WRITTEN },
    { "grants.yaml", REGISTRY_RULE_CHAIN_DOC_MISSING },
    { "grants.yaml", REGISTRY_RULE_FOUR_EYES },
    { "grants.yaml", REGISTRY_RULE_CHAIN_DEPTH },
    { "grants.yaml", REGISTRY_RULE_CHAIN_WIDENED },
    { "grants.yaml", REGISTRY_RULE_CHAIN_SIGNATURE },
    { "agreements.yaml", REGISTRY_RULE_CHAIN_DOC_HASH },
    { "zones.yaml", REGISTRY_RULE_ZONE_SHARED },
    { "routes.yaml", REGISTRY_RULE_ENDPOINT_UNOFFICIAL },
    { "credentials.yaml", REGISTRY_RULE_CREDENTIAL_HOLDER },
    { "routes.yaml", REGISTRY_RULE_MODEL_ALIAS },
    { "products.yaml", REGISTRY_RULE_SCOPE_FALSE_OFFICIAL },
};

TEST(all_faults_of_the_law_are_told_at_once)
{
    struct law_result result = all_wrong(false);
    CHECK_EQ(result.err, ERR_REGISTRY_INVALID);
    for (size_t i = 0; i < EP_ARRAY_LEN(all_faults); i++) {
        if (!law_found(&result.report, str_from(all_faults[i].file), all_faults[i].rule)) {
            test_failed(EP_SITE, "%s is missed", registry_rule_code(all_faults[i].rule));
        }
    }
    for (size_t i = 0; i < result.report.count; i++) {
        const struct registry_fault *fault = &result.report.faults[i];
        CHECK(fault->line > 0 && fault->column > 0);
        CHECK_EQ(fault->warning, fault->rule == REGISTRY_RULE_ZONE_SHARED);
    }
    law_result_fini(&result);
}

TEST(a_draft_is_given_with_warnings_and_structure_refuses_it_still)
{
    struct law_result result = all_wrong(true);
    CHECK_EQ(result.err, ERR_OK);
    CHECK_EQ(result.report.refusals, 0);
    for (size_t i = 0; i < EP_ARRAY_LEN(all_faults); i++) {
        CHECK(law_found(&result.report, str_from(all_faults[i].file), all_faults[i].rule));
    }
    CHECK(!registry_grant(result.registry, STR("g2"))->signature.fine);
    law_result_fini(&result);
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copy = sample_replace(files, LAW_GRANTS, "version: 1", "version: 0");
    result = law_result_of(files, true);
    CHECK_EQ(result.err, ERR_REGISTRY_INVALID);
    CHECK(result.report.refusals > 0);
    law_result_fini(&result);
    mem_free(copy);
}

/* A class that is never used cannot even stand in a draft: nothing in memory stands for it. */
TEST(a_forbidden_credential_is_in_no_draft)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copy = sample_replace(files, 2, "enterprise_contract", "personal");
    struct law_result result = law_result_of(files, true);
    CHECK_EQ(result.err, ERR_REGISTRY_INVALID);
    CHECK(law_found(&result.report, STR("credentials.yaml"), REGISTRY_RULE_CREDENTIAL_PROVENANCE));
    law_result_fini(&result);
    mem_free(copy);
}

static void check_wrong(void)
{
    struct registry_file files[LAW_FILES];
    struct registry_report report;
    struct registry *registry = NULL;
    law_files(files);
    registry_report_init(&report);
    enum err err = registry_parse(files, LAW_FILES, &registry, &report);
    CHECK(err == ERR_REGISTRY_INVALID || err == ERR_NO_MEMORY);
    registry_report_fini(&report);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK(test_each_allocation_failing(check_wrong) > 10);
}
