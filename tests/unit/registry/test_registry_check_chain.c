#include "law_sample.h"

TEST(a_chain_begins_at_the_vendor_of_each_model)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "parent: g1", NULL, "parent: root", REGISTRY_RULE_CHAIN_NO_ROOT },
        { LAW_GRANTS, "[m1, \"family:one\"]", "[m1, \"family:one\", m2]", "[m1, \"family:two\"]",
          REGISTRY_RULE_CHAIN_NO_ROOT },
        { LAW_GRANTS, "grantor: v1", NULL, "grantor: op", REGISTRY_RULE_CHAIN_NO_ROOT },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
    /* A family of which another vendor has a model is not one vendor's to give. */
    struct law_result mixed =
        law_result(1, "vendor: v1, origin", "vendor: ch, family: one, origin");
    CHECK(law_found(&mixed.report, STR("grants.yaml"), REGISTRY_RULE_CHAIN_NO_ROOT));
    law_result_fini(&mixed);
    struct law_result whole =
        law_result(1, "vendor: v1, origin", "vendor: v1, family: one, origin");
    CHECK_EQ(whole.err, ERR_OK);
    law_result_fini(&whole);
}

#define OPEN_MODEL(commercial, sum)                                                         \
    "family: one\n"                                                                         \
    "    weights: open\n"                                                                   \
    "    licence: {id: open-1, commercial: " commercial ", doc: {file: documents/n1.txt,\n" \
    "      kind: licence, sha256: " sum "}}\n"
#define LICENCE_DOC(kind)                                                        \
    "doc: {file: documents/n1.txt, kind: " kind ", sha256: " LAW_RANGE_SUM "}\n" \
    "    evidence_class: click_through\n"
#define OLD_DOC                                                                 \
    "doc: {file: documents/one.txt, kind: authorization_letter, sha256: \n"     \
    "      e41b1471e42a11286464d6b43535270a9d1aab2df38986fc91e053272382b489}\n" \
    "    evidence_class: written_signed\n"

static struct law_result licensed(const char *model, const char *models, const char *doc)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copies[5] = { NULL };
    copies[0] = sample_replace(files, 1, "family: one\n", model);
    copies[1] = sample_replace(files, LAW_GRANTS, "    parent: root\n", "    parent: licence\n");
    copies[2] = sample_replace(files, LAW_GRANTS, "[m1, \"family:one\"]", models);
    copies[3] = sample_replace(files, LAW_GRANTS, OLD_DOC, doc);
    copies[4] = sample_replace(files, LAW_GRANTS, "    # sign k.v1\n", "");
    struct law_result result = law_result_of(files, false);
    for (size_t i = 0; i < EP_ARRAY_LEN(copies); i++) {
        mem_free(copies[i]);
    }
    return result;
}

/* Nobody signs a licence; what it must be instead is the licence of open weights that may be
 * served for money. */
TEST(a_chain_may_begin_at_a_licence_that_permits_it)
{
    static const struct {
        const char *model;
        const char *models;
        const char *doc;
        bool fine;
    } cases[] = {
        { OPEN_MODEL("true", LAW_RANGE_SUM), "[m1]", LICENCE_DOC("licence"), true },
        { OPEN_MODEL("false", LAW_RANGE_SUM), "[m1]", LICENCE_DOC("licence"), false },
        { OPEN_MODEL("true", LAW_SUM), "[m1]", LICENCE_DOC("licence"), false },
        { OPEN_MODEL("true", LAW_RANGE_SUM), "[m1]", LICENCE_DOC("contract"), false },
        { OPEN_MODEL("true", LAW_RANGE_SUM), "[m1, m2]", LICENCE_DOC("licence"), false },
        { OPEN_MODEL("true", LAW_RANGE_SUM), "[m1, \"family:one\"]", LICENCE_DOC("licence"),
          false },
        { "family: one\n", "[m1]", LICENCE_DOC("licence"), false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = licensed(cases[i].model, cases[i].models, cases[i].doc);
        bool no_root = law_found(&result.report, STR("grants.yaml"), REGISTRY_RULE_CHAIN_NO_ROOT);
        if ((result.err == ERR_OK) != cases[i].fine || no_root == cases[i].fine) {
            test_failed(EP_SITE, "case %zu: %s", i,
                        result.report.count > 0 ? result.report.faults[0].text : "no fault");
        }
        CHECK(!cases[i].fine || registry_grant(result.registry, STR("g1"))->signature.fine);
        law_result_fini(&result);
    }
}

TEST(each_grant_rests_on_one_to_its_grantor)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "parent: g1", NULL, "parent: g3", REGISTRY_RULE_CHAIN_GAP },
        { LAW_GRANTS, "grantee: ch", NULL, "grantee: cl", REGISTRY_RULE_CHAIN_GAP },
        { LAW_GRANTS, "parent: g1", NULL, "parent: [g1, g2]", REGISTRY_RULE_CHAIN_TWO_PARENTS },
        { LAW_GRANTS, "parent: g1", NULL, "parent: [g1]", REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_GRANTS, "    parent: g1\n", NULL, "", REGISTRY_RULE_REG_MISSING_FIELD },
        { LAW_GRANTS, "parent: g1", NULL, "parent: g2", REGISTRY_RULE_CHAIN_CYCLE },
        { LAW_GRANTS, "parent: root", NULL, "parent: g2", REGISTRY_RULE_CHAIN_CYCLE },
        { LAW_GRANTS, "grantee: op", NULL, "grantee: ch", REGISTRY_RULE_CHAIN_CYCLE },
        { LAW_GRANTS, "grantee: op", NULL, "grantee: v1", REGISTRY_RULE_CHAIN_CYCLE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(as_many_grants_follow_as_the_depth_says)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "sublicense_depth: 1", "sublicense_depth: 2", "sublicense_depth: 0",
          REGISTRY_RULE_CHAIN_DEPTH },
        { LAW_GRANTS, "    sublicense_depth: 1\n", NULL, "", REGISTRY_RULE_CHAIN_DEPTH },
        { LAW_GRANTS, "    parent: g1\n", "    parent: g1\n    sublicense_depth: 0\n",
          "    parent: g1\n    sublicense_depth: 1\n", REGISTRY_RULE_CHAIN_DEPTH },
        { LAW_GRANTS, "sublicense_depth: 1", "sublicense_depth: 16", "sublicense_depth: 17",
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(no_grant_gives_more_than_its_parent)
{
#define WIDE REGISTRY_RULE_CHAIN_WIDENED
    static const struct law_case cases[] = {
        { LAW_GRANTS, "models: [m1]", "models: [\"family:one\"]", "models: [m2]", WIDE },
        { LAW_GRANTS, "models: [m1]", NULL, "models: [m1, \"family:two\"]", WIDE },
        { LAW_GRANTS, "[m1, \"family:one\"]", "[\"family:one\"]", "[m2]", WIDE },
        { LAW_GRANTS, "[api_call, aggregate, resell]\n", "[api_call]\n",
          "[api_call, aggregate, resell, cache]\n", WIDE },
        { LAW_GRANTS, "[SG, \"group:asean-2\"]", "[SG, US, JP]", "[SG, CN]", WIDE },
        { LAW_GRANTS, "[SG, \"group:asean-2\"]", "[WORLD]", "[WORLD, CN]", WIDE },
        { LAW_GRANTS, "[WORLD, JP], deny: [KP]", "[SG, MY, TH], deny: [KP]", "[SG, MY], deny: [KP]",
          WIDE },
        /* The one above denies what this one does not: however its own set comes out. */
        { LAW_GRANTS, "[SG, \"group:asean-2\"], deny: [KP]",
          "[SG, \"group:asean-2\"], deny: [KP, IR]", "[SG, \"group:asean-2\"]", WIDE },
        { LAW_GRANTS, "[enterprise, developer]", "[developer]", "[developer, consumer]", WIDE },
        { LAW_GRANTS, "[enterprise, developer, child_directed]", "[enterprise, developer]",
          "[enterprise, child_directed]", WIDE },
        { LAW_GRANTS, "valid_from: 2026-01-01T00:00:00Z", "valid_from: 2025-12-31T00:00:00Z",
          "valid_from: 2026-01-01T00:00:00.000000001Z", WIDE },
        { LAW_GRANTS, "valid_until: 2027-01-01T00:00:00Z", "valid_until: 2027-01-02T00:00:00Z",
          "valid_until: 2026-12-31T23:59:59.999999999Z", WIDE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(a_fault_of_widening_names_the_field_and_what_is_too_much)
{
    struct law_result result = law_result(LAW_GRANTS, "[SG, \"group:asean-2\"]", "[SG, CN]");
    CHECK_EQ(result.report.count, 1);
    CHECK_STR(str_from(result.report.faults[0].text),
              STR("regions: grant \"g2\" gives more than its parent \"g1\": CN"));
    CHECK_EQ(result.report.faults[0].column, 5 + sizeof("regions: ") - 1);
    law_result_fini(&result);
}
