#include "settle/evidence_law.h"

#include "evidence_case.h"

static struct evidence_case it;
static int loads;

static enum err load(void *context, const struct evidence_version *version,
                     struct registry **ret_registry, struct fail *fail)
{
    loads++;
    if (version->seq == 7) {
        return FAIL(fail, ERR_STORE_DAMAGED, "the seventh");
    }
    return case_load(context, &(struct evidence_version){ .seq = 1 }, ret_registry, fail);
}

TEST(few_registries_are_open_however_many_there_are)
{
    struct evidence_version *found = NULL;
    char hex[64];
    case_begin(&it);
    it.law.load = load;
    for (int64_t seq = 3; seq <= 30; seq++) {
        struct evidence_version version = it.law.versions[0];
        version.seq = seq;
        version.from_ns = CASE_BEGIN_NS + seq;
        version.until_ns = INT64_MAX;
        version.hash.bytes[0] = (unsigned char)seq;
        CHECK_EQ(evidence_law_add(&it.law, &version), ERR_OK);
    }
    CHECK_EQ(it.law.versions[2].until_ns, CASE_BEGIN_NS + 4);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 7; i < it.law.count; i++) {
            struct str hash = case_hex(&it.law.versions[i].hash, hex);
            CHECK_EQ(evidence_law_find(&it.law, hash, &found, &it.fail), ERR_OK);
            CHECK(found == &it.law.versions[i] && found->wanted);
            CHECK(found->rejudge.registry != NULL);
            CHECK(it.law.open <= EVIDENCE_OPEN_MAX);
        }
    }
    int before = loads;
    for (size_t i = 0; i < 100; i++) { /* what is used stays */
        CHECK_EQ(evidence_law_open(&it.law, found, &it.fail), ERR_OK);
    }
    CHECK_EQ(loads, before);
    CHECK_EQ(evidence_law_open(&it.law, &it.law.versions[6], &it.fail), ERR_STORE_DAMAGED);
    CHECK(it.law.versions[6].rejudge.registry == NULL);
    CHECK_EQ(evidence_law_find(&it.law, STR("no hash"), &found, &it.fail), ERR_OK);
    CHECK(found == NULL);
    case_end(&it);
}

TEST(both_persons_sign_and_are_two)
{
    case_begin(&it);
    struct evidence_version version = it.law.versions[0];
    CHECK(evidence_version_signed(&version));
    version.signers[1].sig[5] ^= 1;
    CHECK(!evidence_version_signed(&version));
    version.signers[1].sig[5] ^= 1;
    version.hash.bytes[0] ^= 1;
    CHECK(!evidence_version_signed(&version));
    version.hash.bytes[0] ^= 1;
    memcpy(version.signers[1].person, "ann", 4);
    CHECK(!evidence_version_signed(&version));
    case_end(&it);
}
