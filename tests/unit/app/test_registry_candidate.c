#include "app/registry_candidate.h"

#include "base/stamp.h"
#include "house.h"

static struct house house;
static struct registry_candidate candidate;
static struct registry_rival rival;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    registry_candidate_init(&candidate);
    rival = (struct registry_rival){ house.world->registry, house.world->version,
                                     house.world->since_ns };
}

static void end(void)
{
    registry_candidate_fini(&candidate);
    house_end(&house);
}

static enum err read_folder(void)
{
    registry_candidate_fini(&candidate);
    buf_reset(&house.errors);
    return registry_candidate_read(&candidate, house.world->conf->registry.ptr, NULL,
                                   &house.errors);
}

TEST(a_folder_that_says_the_same_in_other_words_is_the_same)
{
    begin();
    house_change(&house, "models.yaml", "models:", "# a remark\nmodels:");
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK(registry_candidate_same(&candidate, &rival, house.world->store));
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK(!registry_candidate_same(&candidate, &rival, house.world->store));
    const struct registry_rival none = { .registry = NULL };
    CHECK(!registry_candidate_same(&candidate, &none, house.world->store));
    end();
}

TEST(the_same_bytes_are_the_same_whatever_a_program_makes_of_them)
{
    begin();
    CHECK_EQ(read_folder(), ERR_OK);
    struct registry *other = NULL;
    CHECK_EQ(registry_version_load(house.world->store, 1, &other, NULL), ERR_OK);
    other->hash = digest_sha256(STR("the form of another program"));
    rival.registry = other;
    CHECK(registry_candidate_same(&candidate, &rival, house.world->store));
    house_change(&house, "models.yaml", "models:", "# a remark\nmodels:");
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK(!registry_candidate_same(&candidate, &rival, house.world->store));
    registry_unref(other);
    end();
}

TEST(signatures_count_for_what_is_read_and_for_nothing_else)
{
    begin();
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    house_sign(&house);
    CHECK_EQ(read_folder(), ERR_OK);
    int64_t now_ns = registry_candidate_now();
    CHECK_EQ(registry_candidate_signed(&candidate, &rival, now_ns, &house.errors), ERR_OK);
    CHECK_STR(candidate.by[REGISTRY_ROLE_ENTERED].person->id, STR("ann"));
    house_change(&house, "models.yaml", "context_tokens: 32000", "context_tokens: 16000");
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK_EQ(registry_candidate_signed(&candidate, &rival, now_ns, &house.errors),
             ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "REG_UNSIGNED"));
    end();
}

TEST(signatures_from_before_the_version_in_force_are_of_no_use)
{
    begin();
    house_change(&house, "models.yaml", "context_tokens: 64000", "context_tokens: 32000");
    house_sign(&house);
    CHECK_EQ(read_folder(), ERR_OK);
    int64_t now_ns = registry_candidate_now();
    rival.since_ns = now_ns + STAMP_NS_PER_S;
    CHECK_EQ(registry_candidate_signed(&candidate, &rival, now_ns + STAMP_NS_PER_S, &house.errors),
             ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "before the version in force"));
    end();
}

TEST(a_first_version_is_signed_by_its_own_persons)
{
    const struct registry_rival none = { .registry = NULL };
    begin();
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK_EQ(registry_candidate_signed(&candidate, &none, registry_candidate_now(), &house.errors),
             ERR_OK);
    end();
}

TEST(a_version_that_nobody_could_follow_is_refused)
{
    begin();
    house_change(&house, "persons.yaml", "    valid_from: 2026-01-01T00:00:00Z\n",
                 "    valid_from: 2026-01-01T00:00:00Z\n    valid_until: 2026-11-03T00:00:00Z\n");
    house_sign(&house);
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK_EQ(registry_candidate_signed(&candidate, &rival, registry_candidate_now(), &house.errors),
             ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "persons.yaml: REG_SIGNER"));
    CHECK(house_said(&house.errors, "nobody could sign the next version"));
    end();
}

TEST(faults_are_told_and_of_what_was_in_force_once_only_the_grave_ones)
{
    struct registry *registry = NULL;
    begin();
    house_change(&house, "grants.yaml", "parent: root", "parent: [g.borealis-operator, root]");
    CHECK_EQ(read_folder(), ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "CHAIN_TWO_PARENTS"));
    const struct registry_judging kept = { .kept = true };
    buf_reset(&house.errors);
    CHECK_EQ(registry_candidate_judge(&candidate.files, &kept, &registry, &house.errors), ERR_OK);
    CHECK_EQ(house.errors.len, 0);
    registry_unref(registry);
    CHECK_EQ(
        registry_candidate_load(house.world->conf->registry.ptr, &kept, &registry, &house.errors),
        ERR_OK);
    registry_unref(registry);
    CHECK_EQ(registry_candidate_load("/nowhere", &kept, &registry, &house.errors),
             ERR_REGISTRY_INVALID);
    house_change(&house, "models.yaml", "vendor: aurora", "vendor: nobody");
    CHECK_EQ(read_folder(), ERR_REGISTRY_INVALID);
    buf_reset(&house.errors);
    CHECK_EQ(registry_candidate_judge(&candidate.files, &kept, &registry, &house.errors),
             ERR_REGISTRY_INVALID);
    CHECK(house_said(&house.errors, "REG_UNKNOWN_REF"));
    end();
}

TEST(warnings_are_told_of_what_is_taken_too)
{
    char path[160];
    begin();
    (void)snprintf(path, sizeof(path), "%s/registry/documents/kyc-first-client.txt", house.folder);
    CHECK_EQ(remove(path), 0);
    CHECK_EQ(read_folder(), ERR_OK);
    CHECK(house_said(&house.errors, "warning: DOC_MISSING"));
    end();
}

TEST(a_candidates_time_is_in_milliseconds)
{
    CHECK_EQ(registry_candidate_now() % STAMP_NS_PER_MS, 0);
}

/* A server could not start with it, today or on the day from which the row holds. */
TEST(rows_of_which_no_rules_can_be_made_are_refused)
{
    static const struct {
        const char *file;
        const char *old;
        const char *fresh;
        const char *said;
    } cases[] = {
        { "detectors.yaml", "values: [\"11\", \"12\"", "values: [\"1\", \"12\"",
          "detector \"resident_id_provinces\"" },
        { "detectors.yaml", "class: cn_mobile\n    kind: prefix",
          "class: cn_passport\n    kind: prefix", "detector \"mobile_prefixes\"" },
        { "detectors.yaml", "    marker: pipeline\n", "", "detector \"pipeline\"" },
        { "detectors.yaml", "values: [\"62\"]\n    strength: strong\n    valid_from: 2002",
          "values: [\"6x\"]\n    strength: strong\n    valid_from: 2099",
          "detector \"card_unionpay\"" },
        { "networks.yaml", "127.0.0.0/8", "127.0.0.0/40", "127.0.0.0/40" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        begin();
        house_change(&house, cases[i].file, cases[i].old, cases[i].fresh);
        CHECK_EQ(read_folder(), ERR_REGISTRY_INVALID);
        if (!house_said(&house.errors, cases[i].said)) {
            test_failed(EP_SITE, "%s: " STR_FMT, cases[i].said, STR_ARG(buf_str(&house.errors)));
        }
        CHECK(candidate.registry == NULL);
        end();
    }
}
