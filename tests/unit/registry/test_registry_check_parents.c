#include "law_sample.h"

/* Another grant from the channel to the operator, resting on another grant to the channel. */
#define OTHER(models, from, until, more)                                        \
    "  - id: g3\n"                                                              \
    "    version: 1\n"                                                          \
    "    grantor: v1\n"                                                         \
    "    grantee: ch\n"                                                         \
    "    parent: root\n"                                                        \
    "    models: [\"family:one\"]\n"                                            \
    "    actions: [api_call]\n"                                                 \
    "    regions: {allow: [WORLD]}\n"                                           \
    "    client_types: [developer]\n"                                           \
    "    sublicense_depth: 1\n"                                                 \
    "    doc: {file: documents/one.txt, kind: contract, sha256: \n"             \
    "      e41b1471e42a11286464d6b43535270a9d1aab2df38986fc91e053272382b489}\n" \
    "    evidence_class: written_signed\n"                                      \
    "    valid_from: 2025-01-01T00:00:00Z\n"                                    \
    "    valid_until: 2029-01-01T00:00:00Z\n" LAW_ENTERED "    # sign k.v1\n"   \
    "  - id: g4\n"                                                              \
    "    version: 1\n"                                                          \
    "    grantor: ch\n"                                                         \
    "    grantee: op\n"                                                         \
    "    parent: g3\n"                                                          \
    "    models: " models "\n"                                                  \
    "    actions: [api_call]\n"                                                 \
    "    regions: {allow: [SG]}\n"                                              \
    "    client_types: [developer]\n"                                           \
    "    doc: {file: documents/two.txt, kind: contract, sha256: \n"             \
    "      0bc67517ad6dc1123dfae18756c43cb4bc3c64be321cc09bc3f787fb26226b66}\n" \
    "    evidence_class: written_signed\n"                                      \
    "    valid_from: " from "\n"                                                \
    "    valid_until: " until "\n" more LAW_ENTERED "    # sign k.ch\n"

static void check_other(const char *other, bool clash)
{
    struct registry_file files[LAW_FILES];
    struct buf text;
    law_files(files);
    buf_init(&text, 1 << 16);
    CHECK(buf_append(&text, files[LAW_GRANTS].text) == ERR_OK);
    CHECK(buf_append(&text, str_from(other)) == ERR_OK);
    files[LAW_GRANTS].text = buf_str(&text);
    struct law_result result = law_result_of(files, false);
    size_t found = 0;
    for (size_t i = 0; i < result.report.count; i++) {
        const struct registry_fault *fault = &result.report.faults[i];
        if (fault->rule != REGISTRY_RULE_CHAIN_TWO_PARENTS) {
            test_failed(EP_SITE, "%s: %s", registry_rule_code(fault->rule), fault->text);
        }
        found++;
    }
    CHECK_EQ(found, clash ? 1U : 0U);
    CHECK_EQ(result.err, clash ? ERR_REGISTRY_INVALID : ERR_OK);
    law_result_fini(&result);
    buf_fini(&text);
}

#define AT(day) day "T00:00:00Z"

TEST(a_right_comes_from_one_place_at_a_time)
{
    check_other(OTHER("[m1]", AT("2026-06-01"), AT("2028-01-01"), ""), true);
    check_other(OTHER("[m1]", AT("2026-12-31"), AT("2028-01-01"), ""), true);
    check_other(OTHER("[m1]", AT("2025-06-01"), AT("2026-01-02"), ""), true);
    /* Windows are half-open: one begins when the other ends. */
    check_other(OTHER("[m1]", AT("2027-01-01"), AT("2028-01-01"), ""), false);
    check_other(OTHER("[m1]", AT("2025-06-01"), AT("2026-01-01"), ""), false);
}

TEST(a_family_is_its_models)
{
    check_other(OTHER("[\"family:one\"]", AT("2026-06-01"), AT("2028-01-01"), ""), true);
    check_other(OTHER("[\"family:one\"]", AT("2025-06-01"), AT("2028-01-01"), ""), true);
    check_other(OTHER("[\"family:one\"]", AT("2027-01-01"), AT("2028-01-01"), ""), false);
    check_other(OTHER("[\"family:one\"]", AT("2025-06-01"), AT("2026-01-01"), ""), false);
}

/* What is taken back ends then, or with its run-off; what is over before it begins, never was. */
TEST(what_is_revoked_makes_room_for_another)
{
    check_other(
        OTHER("[m1]", AT("2025-06-01"), AT("2028-01-01"), "    revoked_at: 2026-01-01T00:00:00Z\n"),
        false);
    check_other(OTHER("[m1]", AT("2025-06-01"), AT("2028-01-01"),
                      "    revoked_at: 2026-01-01T00:00:00.000000001Z\n"),
                true);
    check_other(OTHER("[m1]", AT("2025-06-01"), AT("2028-01-01"),
                      "    revoked_at: 2025-07-01T00:00:00Z\n"
                      "    runoff_until: 2026-02-01T00:00:00Z\n"),
                true);
    check_other(
        OTHER("[m1]", AT("2026-06-01"), AT("2028-01-01"), "    revoked_at: 2026-05-01T00:00:00Z\n"),
        false);
}

static void check_rests_on(const char *old, const char *fresh, bool clash)
{
    struct registry_file files[LAW_FILES];
    struct buf text;
    law_files(files);
    buf_init(&text, 1 << 16);
    CHECK(buf_append(&text, files[LAW_GRANTS].text) == ERR_OK);
    CHECK(buf_append(&text, STR(OTHER("[m1]", AT("2026-06-01"), AT("2026-12-01"), ""))) == ERR_OK);
    files[LAW_GRANTS].text = buf_str(&text);
    char *copy = sample_replace(files, LAW_GRANTS, old, fresh);
    struct law_result result = law_result_of(files, false);
    CHECK_EQ(law_found(&result.report, STR("grants.yaml"), REGISTRY_RULE_CHAIN_TWO_PARENTS), clash);
    law_result_fini(&result);
    mem_free(copy);
    buf_fini(&text);
}

TEST(grants_under_one_parent_or_between_others_do_not_contradict)
{
    check_rests_on("parent: g3", "parent: g3", true);
    check_rests_on("parent: g3", "parent: g1", false);
    check_rests_on("grantee: op\n    parent: g3", "grantee: cl\n    parent: g3", false);
}

/* Every pair is found that a slow look at all pairs finds, whatever the windows. */
struct plain_grant {
    unsigned from;
    unsigned until;
    unsigned parent; /* g1 or g2 */
};

static bool plain_clash(const struct plain_grant *grants, size_t count)
{
    bool clash = false;
    for (size_t a = 0; a < count; a++) {
        for (size_t b = 0; b < a; b++) {
            clash = clash || (grants[a].parent != grants[b].parent &&
                              grants[a].from < grants[b].until && grants[b].from < grants[a].until);
        }
    }
    return clash;
}

TEST(a_sweep_finds_what_a_look_at_all_pairs_finds)
{
    uint32_t random = 1;
    size_t clashes = 0;
    for (unsigned round = 0; round < 300; round++) {
        struct plain_grant grants[4];
        struct registry_file files[LAW_FILES];
        struct buf text;
        law_files(files);
        buf_init(&text, 1 << 16);
        CHECK(buf_append(&text, STR("grants:\n")) == ERR_OK);
        for (unsigned i = 0; i < EP_ARRAY_LEN(grants); i++) {
            random = random * 1103515245U + 12345U;
            grants[i].from = 1 + (random >> 16) % 12;
            grants[i].until = grants[i].from + 1 + (random >> 20) % 5;
            grants[i].parent = 1 + (random >> 28) % 3;
            bool family = (random >> 30) % 2 == 0;
            CHECK(buf_printf(&text,
                             "  - {id: h%u, version: 1, grantor: ch, grantee: op, parent: g%u, "
                             "models: [%s], actions: [api_call], regions: {allow: [SG]}, "
                             "client_types: [developer], evidence_class: written_signed, "
                             "valid_from: 2026-01-%02uT00:00:00Z, "
                             "valid_until: 2026-01-%02uT00:00:00Z}\n",
                             i, grants[i].parent, family ? "\"family:one\"" : "m1", grants[i].from,
                             grants[i].until) == ERR_OK);
        }
        files[LAW_GRANTS].text = buf_str(&text);
        struct law_result result = law_result_of(files, true);
        bool want = plain_clash(grants, EP_ARRAY_LEN(grants));
        CHECK_EQ(law_found(&result.report, STR("grants.yaml"), REGISTRY_RULE_CHAIN_TWO_PARENTS),
                 want);
        clashes += want ? 1 : 0;
        law_result_fini(&result);
        buf_fini(&text);
    }
    CHECK(clashes > 50 && clashes < 290);
}
