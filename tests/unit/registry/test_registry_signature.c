#include "law_sample.h"

/* What the first grant's or agreement's signature is after a change to what was signed. */
static bool fine_with(unsigned file, const char *old, const char *fresh, bool after, bool grant)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    char *copy = NULL;
    law_files(files);
    if (!after) {
        copy = sample_replace(files, file, old, fresh);
    }
    law_sign(files, LAW_FILES, copies);
    if (after) {
        copy = sample_replace(files, file, old, fresh);
    }
    struct registry_report report;
    registry_report_init(&report);
    report.draft = true;
    struct registry *registry = NULL;
    CHECK(registry_parse(files, LAW_FILES, &registry, &report) == ERR_OK);
    bool fine = grant ? registry->grants[0].signature.fine : registry->agreements[0].signature.fine;
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return fine;
}

TEST(a_signature_covers_what_the_grant_gives)
{
    static const struct {
        const char *old;
        const char *fresh;
    } changes[] = {
        { "version: 1", "version: 2" },
        { "grantee: ch", "grantee: op" },
        { "parent: root", "parent: g2" },
        { "[m1, \"family:one\"]", "[m1]" },
        { "resell, white_label]", "resell]" },
        { "[WORLD, JP]", "[WORLD]" },
        { "deny: [KP]", "deny: []" },
        { "developer, child_directed]", "child_directed]" },
        { "sublicense_depth: 1", "sublicense_depth: 2" },
        { "e41b1471", "f41b1471" },
        { "kind: authorization_letter", "kind: contract" },
        { "evidence_class: written_signed", "evidence_class: verbal" },
        { "valid_from: 2026-01-01", "valid_from: 2026-01-02" },
        { "valid_until: 2027-01-01T00:00:00Z", "valid_until: 2027-01-01T00:00:00.000000001Z" },
        { "    parent: root\n", "    parent: root\n    notice_days: 1\n" },
        { "    parent: root\n", "    parent: root\n    exclude_owned_from: [CN]\n" },
        { "    parent: root\n", "    parent: root\n    quota: {tokens: 1, period: day}\n" },
        { "    parent: root\n", "    parent: root\n    brand_terms: {may_rename: true}\n" },
        { "    parent: root\n", "    parent: root\n    runoff_until: 2026-12-01T00:00:00Z\n" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        if (fine_with(LAW_GRANTS, changes[i].old, changes[i].fresh, true, true)) {
            test_failed(EP_SITE, "\"%s\" is not covered", changes[i].fresh);
        }
        CHECK(fine_with(LAW_GRANTS, changes[i].old, changes[i].fresh, false, true));
    }
}

TEST(form_order_and_revocation_leave_a_signature_as_it_is)
{
    CHECK(fine_with(LAW_GRANTS, "[m1, \"family:one\"]", "[\"family:one\", m1]", true, true));
    CHECK(fine_with(LAW_GRANTS, "[WORLD, JP]", "[JP, WORLD]", true, true));
    CHECK(fine_with(LAW_GRANTS, "T00:00:00Z", "T00:00:00.000Z", true, true));
    CHECK(fine_with(LAW_GRANTS, "e41b1471e42a1128", "E41B1471E42A1128", true, true));
    CHECK(fine_with(LAW_GRANTS, "    parent: root\n",
                    "    parent: root\n    revoked_at: 2026-06-01T00:00:00Z\n", true, true));
    CHECK(fine_with(LAW_GRANTS, "reviewed_by: ben", "reviewed_by: null", true, true));
}

TEST(a_signature_of_an_agreement_covers_it)
{
    static const struct {
        const char *old;
        const char *fresh;
    } changes[] = {
        { "version: 1", "version: 2" },
        { "grantee: cl", "grantee: c2" },
        { "[api_call]", "[api_call, cache]" },
        { "[SG, MY]", "[SG]" },
        { "data_terms: d1", "data_terms: d2" },
        { "    markets", "    child_directed: true\n    markets" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        CHECK(!fine_with(LAW_AGREEMENTS, changes[i].old, changes[i].fresh, true, false));
        CHECK(fine_with(LAW_AGREEMENTS, changes[i].old, changes[i].fresh, false, false));
    }
}

/* A key signs for its party alone, and only while it is valid: when the entry was made. */
TEST(a_key_must_be_the_grantors_and_valid_then)
{
    CHECK(!fine_with(LAW_KEYS, "k.v1, party: v1", "k.v1, party: op", false, true));
    CHECK(!fine_with(LAW_GRANTS, "# sign k.v1", "# sign k.ch", false, true));
    CHECK(!fine_with(LAW_KEYS, LAW_KEY_V1, LAW_KEY_CH, false, true));
    CHECK(fine_with(LAW_KEYS, "v1, valid_from: 2025-01-01T", "v1, valid_from: 2026-01-10T", false,
                    true));
    CHECK(!fine_with(LAW_KEYS, "v1, valid_from: 2025-01-01T00:00:00Z",
                     "v1, valid_from: 2026-01-10T00:00:00.000000001Z", false, true));
    CHECK(!fine_with(LAW_KEYS, "party: v1,", "party: v1, valid_until: 2026-01-10T00:00:00Z,", false,
                     true));
    CHECK(fine_with(LAW_KEYS, "party: v1,",
                    "party: v1, valid_until: 2026-01-10T00:00:00.000000001Z,", false, true));
    CHECK(!fine_with(LAW_KEYS, "party: v1,", "party: v1, revoked_at: 2026-01-10T00:00:00Z,", false,
                     true));
    CHECK(fine_with(LAW_KEYS, "party: v1,", "party: v1, revoked_at: 2026-01-11T00:00:00Z,", false,
                    true));
}

TEST(an_entry_without_a_signature_is_not_fine)
{
    CHECK(!fine_with(LAW_GRANTS, "    # sign k.v1\n", "", false, true));
    CHECK(!fine_with(LAW_AGREEMENTS, "    # sign k.op\n", "", false, false));
}

/* Writes a countersignature of the first grant by the key whose seed is 32 times `seed`. */
static bool countersigned(unsigned char seed, const char *key)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    law_files(files);
    law_sign(files, LAW_FILES, copies);
    struct registry *registry = sample_parse(files, LAW_FILES);
    struct buf text;
    struct buf more;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    buf_init(&more, 4096);
    CHECK(registry_grant_canonical(&registry->grants[0], &text) == ERR_OK);
    registry_unref(registry);
    unsigned char bytes[SIGN_SEED_BYTES];
    unsigned char signature[SIGN_BYTES];
    struct sign_key *signer = NULL;
    memset(bytes, seed, sizeof(bytes));
    CHECK(sign_key_from_seed(bytes, &signer, NULL) == ERR_OK);
    CHECK(sign_make(signer, buf_str(&text), signature) == ERR_OK);
    sign_key_destroy(signer);
    CHECK(buf_append(&more, STR("alg: ed25519, countersig: ")) == ERR_OK);
    CHECK(enc_hex(&more, signature, sizeof(signature)) == ERR_OK);
    if (key != NULL) {
        CHECK(buf_printf(&more, ", countersig_key_id: %s", key) == ERR_OK);
    }
    CHECK(buf_byte(&more, '\0') == ERR_OK);
    char *copy = sample_replace(files, LAW_GRANTS, "alg: ed25519", more.ptr);
    struct registry_report report;
    registry_report_init(&report);
    report.draft = true;
    CHECK(registry_parse(files, LAW_FILES, &registry, &report) == ERR_OK);
    bool fine = registry->grants[0].signature.fine;
    registry_unref(registry);
    registry_report_fini(&report);
    buf_fini(&text);
    buf_fini(&more);
    mem_free(copy);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return fine;
}

TEST(a_countersignature_must_be_the_grantees)
{
    CHECK(countersigned(2, "k.ch"));
    CHECK(!countersigned(3, "k.ch"));
    CHECK(!countersigned(1, "k.v1"));
    CHECK(!countersigned(3, "k.op"));
    CHECK(!countersigned(2, NULL));
}

static void law_load_all(void)
{
    struct registry_file files[LAW_FILES];
    struct registry_report report;
    struct registry *registry = NULL;
    law_files(files);
    registry_report_init(&report);
    report.draft = true;
    enum err err = registry_parse(files, LAW_FILES, &registry, &report);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    registry_unref(registry);
    registry_report_fini(&report);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK(test_each_allocation_failing(law_load_all) > 10);
}
