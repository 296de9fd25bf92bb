#include "registry/registry_signing.h"

#include "base/stamp.h"
#include "registry_sample.h"

#define NOW INT64_C(1793620800000000000) /* 2026-11-02T12:00:00Z */
#define DAY (INT64_C(86400) * STAMP_NS_PER_S)

enum {
    ANN,
    BEN,
    EVE,  /* her validity has ended */
    TWIN, /* another id with ann's key */
    PERSONS
};

static struct registry_person persons[PERSONS];
static struct sign_key *keys[PERSONS];
static struct digest content;
static struct buf text;
static struct registry_report report;
static struct registry_signer by[REGISTRY_ROLE_COUNT];

static void begin(void)
{
    static const char *const ids[PERSONS] = { "ann", "ben", "eve", "twin" };
    for (unsigned i = 0; i < PERSONS; i++) {
        unsigned char seed[SIGN_SEED_BYTES] = { (unsigned char)(i == TWIN ? ANN : i) };
        CHECK_EQ(sign_key_from_seed(seed, &keys[i], NULL), ERR_OK);
        persons[i] =
            (struct registry_person){ .id = str_from(ids[i]),
                                      .valid_from = NOW - 100 * DAY,
                                      .valid_until = i == EVE ? NOW : REGISTRY_TIME_NEVER };
        sign_public(keys[i], persons[i].public_key);
    }
    content = digest_sha256(STR("content"));
    buf_init(&text, 1 << 20);
    registry_report_init(&report);
}

static void end(void)
{
    for (unsigned i = 0; i < PERSONS; i++) {
        sign_key_destroy(keys[i]);
    }
    buf_fini(&text);
    registry_report_fini(&report);
}

static void sign_at(unsigned person, unsigned key, enum registry_role role, int64_t at_ns)
{
    const struct registry_signing_row row = { &content, persons[person].id, role, at_ns };
    CHECK_EQ(registry_signing_write(&text, keys[key], &row), ERR_OK);
}

static void sign(unsigned person, enum registry_role role)
{
    sign_at(person, person, role, NOW - DAY);
}

static enum err check(void)
{
    const struct registry_signing signing = {
        .hash = &content,
        .persons = persons,
        .person_count = PERSONS,
        .after_ns = NOW - 10 * DAY,
        .now_ns = NOW,
    };
    registry_report_fini(&report);
    registry_report_init(&report);
    return registry_signing_check(buf_str(&text), &signing, by, &report);
}

/* Refused, and by this rule alone. */
static void refused(enum registry_rule rule)
{
    CHECK_EQ(check(), ERR_REGISTRY_INVALID);
    CHECK(report.count > 0);
    for (size_t i = 0; i < report.count; i++) {
        CHECK_EQ(report.faults[i].rule, rule);
        CHECK_STR(str_from(report.faults[i].file), STR(REGISTRY_SIGNATURES_FILE));
    }
}

static bool told(const char *part)
{
    for (size_t i = 0; i < report.count; i++) {
        struct str fault = str_from(report.faults[i].text);
        if (str_search(fault, str_from(part)) < fault.len) {
            return true;
        }
    }
    return false;
}

TEST(two_persons_in_both_roles_put_content_in_force)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(BEN, REGISTRY_ROLE_REVIEWED);
    CHECK_EQ(check(), ERR_OK);
    CHECK_EQ(report.count, 0);
    CHECK(by[REGISTRY_ROLE_ENTERED].person == &persons[ANN]);
    CHECK(by[REGISTRY_ROLE_REVIEWED].person == &persons[BEN]);
    CHECK_EQ(by[REGISTRY_ROLE_REVIEWED].at_ns, NOW - DAY);
    end();
}

TEST(no_signature_is_told_for_each_role)
{
    begin();
    refused(REGISTRY_RULE_REG_UNSIGNED);
    CHECK_EQ(report.count, 2);
    CHECK(told("as entered"));
    sign(ANN, REGISTRY_ROLE_ENTERED);
    refused(REGISTRY_RULE_REG_UNSIGNED);
    CHECK_EQ(report.count, 1);
    CHECK(told("as reviewed"));
    end();
}

TEST(a_signature_over_other_content_counts_for_nothing)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(BEN, REGISTRY_ROLE_REVIEWED);
    content = digest_sha256(STR("other content"));
    refused(REGISTRY_RULE_REG_UNSIGNED);
    end();
}

TEST(one_person_or_one_key_is_not_two)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(ANN, REGISTRY_ROLE_REVIEWED);
    refused(REGISTRY_RULE_FOUR_EYES);
    CHECK(report.faults[0].line > 0);
    end();
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(TWIN, REGISTRY_ROLE_REVIEWED);
    refused(REGISTRY_RULE_FOUR_EYES);
    CHECK(told("has the key of"));
    end();
}

TEST(a_pair_is_found_among_more_signatures)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(ANN, REGISTRY_ROLE_REVIEWED);
    sign(TWIN, REGISTRY_ROLE_REVIEWED);
    sign(EVE, REGISTRY_ROLE_REVIEWED); /* does not count, and is not missed */
    sign(BEN, REGISTRY_ROLE_REVIEWED);
    CHECK_EQ(check(), ERR_OK);
    CHECK(by[REGISTRY_ROLE_REVIEWED].person == &persons[BEN]);
    end();
    begin();
    sign(ANN, REGISTRY_ROLE_REVIEWED);
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(BEN, REGISTRY_ROLE_ENTERED);
    CHECK_EQ(check(), ERR_OK);
    CHECK(by[REGISTRY_ROLE_ENTERED].person == &persons[BEN]);
    CHECK(by[REGISTRY_ROLE_REVIEWED].person == &persons[ANN]);
    end();
}

struct signer_case {
    unsigned person;
    unsigned key;
    int64_t at_ns;
    const char *told;
};

TEST(a_signer_who_does_not_count_is_told_with_the_reason)
{
    const struct signer_case cases[] = {
        { EVE, EVE, NOW - DAY, "not valid at this time" },
        { BEN, ANN, NOW - DAY, "does not verify" },
        { BEN, BEN, NOW + REGISTRY_SIGNING_SKEW_NS + STAMP_NS_PER_MS, "in the future" },
        { BEN, BEN, NOW - 10 * DAY - STAMP_NS_PER_MS, "before the version in force" },
        { BEN, BEN, NOW - 101 * DAY, "not valid at this time" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        begin();
        sign(ANN, REGISTRY_ROLE_ENTERED);
        sign_at(cases[i].person, cases[i].key, REGISTRY_ROLE_REVIEWED, cases[i].at_ns);
        refused(REGISTRY_RULE_REG_SIGNER);
        CHECK_EQ(report.count, 1);
        CHECK(told(cases[i].told));
        end();
    }
}

TEST(the_edges_of_time_count)
{
    begin();
    sign_at(ANN, ANN, REGISTRY_ROLE_ENTERED, NOW + REGISTRY_SIGNING_SKEW_NS);
    sign_at(BEN, BEN, REGISTRY_ROLE_REVIEWED, NOW - 10 * DAY);
    CHECK_EQ(check(), ERR_OK);
    end();
}

TEST(a_stranger_does_not_count)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    persons[BEN].id = STR("mallory");
    sign(BEN, REGISTRY_ROLE_REVIEWED);
    persons[BEN].id = STR("ben");
    refused(REGISTRY_RULE_REG_SIGNER);
    CHECK(told("is none of the version in force"));
    end();
}

TEST(a_role_cannot_be_changed_under_a_signature)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(BEN, REGISTRY_ROLE_ENTERED);
    size_t at = text.len;
    while (!str_starts(str_from_at(buf_str(&text), at), STR("role: entered"))) {
        at--;
    }
    struct buf changed;
    buf_init(&changed, 1 << 20);
    CHECK_EQ(buf_append(&changed, str_slice(buf_str(&text), 0, at)), ERR_OK);
    CHECK_EQ(buf_append(&changed, STR("role: reviewed")), ERR_OK);
    CHECK_EQ(buf_append(&changed, str_from_at(buf_str(&text), at + strlen("role: entered"))),
             ERR_OK);
    buf_fini(&text);
    text = changed;
    refused(REGISTRY_RULE_REG_SIGNER);
    end();
}

struct file_case {
    const char *text;
    enum registry_rule rule;
};

#define HEX32 "00000000000000000000000000000000"
#define HASH  HEX32 HEX32
#define SIG   HASH HASH

TEST(a_file_that_is_damaged_is_refused_with_its_place)
{
    static const struct file_case cases[] = {
        { "signatures: [", REGISTRY_RULE_REG_SYNTAX },
        { "signatures: 1\n", REGISTRY_RULE_REG_BAD_VALUE },
        { "- a\n", REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures: []\nmore: 1\n", REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - ann\n", REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - {person: ann}\n", REGISTRY_RULE_REG_MISSING_FIELD },
        { "signatures:\n  - {person: ann, role: entered, hash: " HASH
          ", at: 2026-11-02T12:00:00Z, sig: " SIG ", more: 1}\n",
          REGISTRY_RULE_REG_UNKNOWN_KEY },
        { "signatures:\n  - {person: ann, role: both, hash: " HASH
          ", at: 2026-11-02T12:00:00Z, sig: " SIG "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - {person: ann, role: entered, hash: " HEX32
          ", at: 2026-11-02T12:00:00Z, sig: " SIG "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - {person: ann, role: entered, hash: " HASH ", at: yesterday, sig: " SIG
          "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - {person: ann, role: entered, hash: " HASH
          ", at: 2026-11-02T12:00:00Z, sig: " HASH "}\n",
          REGISTRY_RULE_REG_BAD_VALUE },
        { "signatures:\n  - {person: [ann], role: entered, hash: " HASH
          ", at: 2026-11-02T12:00:00Z, sig: " SIG "}\n",
          REGISTRY_RULE_REG_MISSING_FIELD },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        begin();
        CHECK_EQ(buf_append(&text, str_from(cases[i].text)), ERR_OK);
        refused(cases[i].rule);
        CHECK(report.faults[0].line > 0);
        end();
    }
}

TEST(an_empty_list_is_a_file_without_signatures)
{
    static const char *const texts[] = { "# nothing\n", "signatures:\n", "signatures: []\n" };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        begin();
        CHECK_EQ(buf_append(&text, str_from(texts[i])), ERR_OK);
        refused(REGISTRY_RULE_REG_UNSIGNED);
        end();
    }
}

TEST(a_row_is_added_to_a_file_without_a_last_line_end)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    text.len--;
    sign(BEN, REGISTRY_ROLE_REVIEWED);
    CHECK_EQ(check(), ERR_OK);
    end();
}

TEST(two_persons_with_keys_of_their_own_can_sign)
{
    begin();
    CHECK(registry_signing_possible(persons, PERSONS, NOW));
    CHECK(!registry_signing_possible(persons, 1, NOW));
    persons[BEN].valid_from = NOW + 1; /* eve's time is over, and twin is ann */
    CHECK(!registry_signing_possible(persons, PERSONS, NOW));
    persons[BEN].valid_from = NOW;
    CHECK(registry_signing_possible(persons, PERSONS, NOW));
    memset(persons[BEN].public_key, 0, SIGN_PUBLIC_BYTES); /* no key at all */
    CHECK(!registry_signing_possible(persons, PERSONS, NOW));
    CHECK(!registry_signing_possible(NULL, 0, NOW));
    end();
}

TEST(roles_have_names)
{
    enum registry_role role = REGISTRY_ROLE_COUNT;
    CHECK(registry_role_parse(STR("reviewed"), &role));
    CHECK_EQ(role, REGISTRY_ROLE_REVIEWED);
    CHECK(!registry_role_parse(STR("Reviewed"), &role));
    CHECK(!registry_role_parse(STR(""), &role));
    CHECK_STR(str_from(registry_role_name(REGISTRY_ROLE_ENTERED)), STR("entered"));
}

static void check_once(void)
{
    EP_IGNORE(check()); /* whatever comes of it */
    registry_report_fini(&report);
}

TEST(a_check_that_runs_out_of_memory_leaves_nothing_behind)
{
    begin();
    sign(ANN, REGISTRY_ROLE_ENTERED);
    sign(EVE, REGISTRY_ROLE_REVIEWED);
    CHECK(test_each_allocation_failing(check_once) > 3);
    end();
}
