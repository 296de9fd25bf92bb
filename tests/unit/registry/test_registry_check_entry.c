#include "law_sample.h"

TEST(what_is_not_written_and_signed_closes_nothing)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "evidence_class: written_signed", NULL, "evidence_class: written_unsigned",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
        { LAW_GRANTS, "evidence_class: written_signed", NULL, "evidence_class: verbal",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
        { LAW_GRANTS, "evidence_class: written_signed", NULL, "evidence_class: click_through",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
        { LAW_GRANTS, "kind: authorization_letter", "kind: order_form", "kind: click_through",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
        { LAW_AGREEMENTS, "evidence_class: written_signed", NULL, "evidence_class: verbal",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
        { LAW_AGREEMENTS, "kind: contract", "kind: order_form", "kind: click_through",
          REGISTRY_RULE_CHAIN_NOT_WRITTEN },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(a_document_is_there_and_is_the_one_that_was_signed)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "documents/one.txt", NULL, "documents/none.txt",
          REGISTRY_RULE_CHAIN_DOC_MISSING },
        { LAW_GRANTS, "e41b1471", NULL, "f41b1471", REGISTRY_RULE_CHAIN_DOC_HASH },
        { LAW_GRANTS, "documents/one.txt", NULL, "documents/two.txt",
          REGISTRY_RULE_CHAIN_DOC_HASH },
        { LAW_AGREEMENTS, "documents/text.txt", NULL, "documents/none.txt",
          REGISTRY_RULE_CHAIN_DOC_MISSING },
        { LAW_AGREEMENTS, "cc1255d8", NULL, "dc1255d8", REGISTRY_RULE_CHAIN_DOC_HASH },
        { LAW_GRANTS,
          "    doc: {file: documents/one.txt, kind: authorization_letter, sha256: \n"
          "      e41b1471e42a11286464d6b43535270a9d1aab2df38986fc91e053272382b489}\n",
          NULL, "", REGISTRY_RULE_CHAIN_DOC_MISSING },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

/* An online text needs its document, too: its sum is what clients accept. */
TEST(the_text_that_is_accepted_online_is_a_document)
{
    static const struct law_case cases[] = {
        { LAW_AGREEMENTS,
          "doc: {file: documents/text.txt, kind: click_through, sha256: \n"
          "      cc1255d8",
          NULL,
          "doc: {file: documents/text.txt, kind: click_through, sha256: \n"
          "      dc1255d8",
          REGISTRY_RULE_CHAIN_DOC_HASH },
        { LAW_AGREEMENTS, "    online: true\n", NULL, "    online: true\n    grantee: cl\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "    online: true\n", "    online: true\n    grantee: null\n",
          "    online: true\n    signature: {alg: ed25519, key_id: k.op, sig: " LAW_SUM LAW_SUM
          "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "    online: true\n", NULL, "    online: false\n",
          REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(a_signature_must_be_there_and_hold)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "    # sign k.v1\n", NULL, "", REGISTRY_RULE_CHAIN_SIGNATURE },
        { LAW_GRANTS, "    # sign k.v1\n", NULL, "    # sign k.ch\n",
          REGISTRY_RULE_CHAIN_SIGNATURE },
        { LAW_GRANTS, "    # sign k.v1\n", NULL,
          "    signature: {alg: ed25519, key_id: k.v1, sig: " LAW_SUM LAW_SUM "}\n",
          REGISTRY_RULE_CHAIN_SIGNATURE },
        { LAW_GRANTS, "    # sign k.v1\n", NULL,
          "    signature: {alg: rsa, key_id: k.v1, sig: " LAW_SUM LAW_SUM "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_GRANTS, "    # sign k.v1\n", NULL,
          "    signature: {alg: ed25519, key_id: k.v2, sig: " LAW_SUM LAW_SUM "}\n",
          REGISTRY_RULE_REG_UNKNOWN_REF },
        { LAW_AGREEMENTS, "    # sign k.op\n", NULL, "", REGISTRY_RULE_CHAIN_SIGNATURE },
        { LAW_AGREEMENTS, "    # sign k.op\n", NULL, "    # sign k.v1\n",
          REGISTRY_RULE_CHAIN_SIGNATURE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(one_enters_and_another_reviews)
{
    static const struct law_case cases[] = {
        { LAW_GRANTS, "reviewed_by: ben", NULL, "reviewed_by: ann", REGISTRY_RULE_FOUR_EYES },
        { LAW_GRANTS, "    reviewed_by: ben\n", NULL, "", REGISTRY_RULE_FOUR_EYES },
        { LAW_GRANTS, "    entered_by: ann\n", NULL, "", REGISTRY_RULE_FOUR_EYES },
        { LAW_AGREEMENTS, "reviewed_by: ben", NULL, "reviewed_by: ann", REGISTRY_RULE_FOUR_EYES },
        { LAW_GRANTS, "reviewed_by: ben", NULL, "reviewed_by: bob", REGISTRY_RULE_REG_UNKNOWN_REF },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
    /* The fault stands where the entry does, whatever file says that they are one. */
    static const struct {
        const char *old;
        const char *fresh;
        bool fine;
    } persons[] = {
        { LAW_RANGE_SUM, LAW_SUM, false }, /* one key */
        { "Ann, valid_from: 2025-01-01T00:00:00Z", "Ann, valid_from: 2026-01-10T00:00:00Z", true },
        { "Ann, valid_from: 2025-01-01T00:00:00Z", "Ann, valid_from: 2026-01-11T00:00:00Z", false },
        { "valid_until: null", "valid_until: 2026-01-11T00:00:00Z", true },
        { "valid_until: null", "valid_until: 2026-01-10T00:00:00Z", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(persons); i++) {
        struct law_result result = law_result(LAW_PERSONS, persons[i].old, persons[i].fresh);
        CHECK_EQ(result.err, persons[i].fine ? ERR_OK : ERR_REGISTRY_INVALID);
        CHECK(persons[i].fine ||
              law_found(&result.report, STR("grants.yaml"), REGISTRY_RULE_FOUR_EYES));
        law_result_fini(&result);
    }
}

TEST(an_agreement_is_with_a_client_and_lets_nobody_resell)
{
    static const struct law_case cases[] = {
        { LAW_AGREEMENTS, "grantee: cl", NULL, "grantee: ch", REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "    grantee: cl\n", NULL, "", REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "[api_call]", "[api_call, device_embed, cache, fine_tune]",
          "[api_call, resell]", REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "[api_call]", NULL, "[api_call, aggregate]",
          REGISTRY_RULE_REG_BAD_VALUE },
        { LAW_AGREEMENTS, "[api_call]", NULL, "[white_label]", REGISTRY_RULE_REG_BAD_VALUE },
    };
    law_check(cases, EP_ARRAY_LEN(cases));
}

TEST(a_group_is_in_force_when_the_window_begins)
{
    struct law_result early =
        law_result(LAW_REGIONS, "valid_from: 2025-01-01", "valid_from: 2026-01-01");
    CHECK_EQ(early.err, ERR_OK);
    law_result_fini(&early);
    struct law_result late =
        law_result(LAW_REGIONS, "valid_from: 2025-01-01", "valid_from: 2026-01-02");
    CHECK_EQ(late.err, ERR_REGISTRY_INVALID);
    CHECK(law_found(&late.report, STR("grants.yaml"), REGISTRY_RULE_REG_WINDOW));
    law_result_fini(&late);
}
