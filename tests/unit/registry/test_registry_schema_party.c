#include "law_sample.h"

TEST(a_party_is_what_was_written)
{
    struct registry *registry = law_load_with(
        0, "jurisdiction: SG",
        "jurisdiction: SG, owners: [{party: v1, percent: 30}, {jurisdiction: HK, percent: 70}], "
        "kyc: {level: 2, verified_by: ann, verified_at: 2026-01-01T00:00:00Z}, "
        "markets_declared: [SG, MY], billing_country: SG, end_users: [MY, ID], "
        "client_type: developer, billing_instrument: {country: SG, kind: company_card}, "
        "registered_at: 2020-01-01T00:00:00Z, qualifications: [{type: genai_filing, number: x, "
        "model: m1, region: [CN], valid_from: 2026-01-01T00:00:00Z}]");
    const struct registry_party *op = registry_party(registry, STR("op"));
    CHECK_EQ(op->owner_count, 2);
    CHECK(op->owners[0].party == registry_party(registry, STR("v1")));
    CHECK_EQ(op->owners[1].jurisdiction, country_from(STR("HK")));
    CHECK_EQ(op->kyc.level, 2);
    CHECK_STR(op->kyc.verified_by->id, STR("ann"));
    CHECK_EQ(op->kyc.expires_at, REGISTRY_TIME_NEVER);
    CHECK(country_set_has(&op->markets_declared, country_from(STR("MY"))));
    CHECK_EQ(op->end_user_count, 2);
    CHECK_EQ(op->client_type, 1 + REGISTRY_CLIENT_DEVELOPER);
    CHECK_EQ(op->billing_instrument.kind, REGISTRY_INSTRUMENT_COMPANY_CARD);
    CHECK_EQ(op->qualifications[0].type, REGISTRY_QUALIFICATION_GENAI_FILING);
    CHECK(op->qualifications[0].model == registry_model(registry, STR("m1")));
    CHECK_EQ(op->qualifications[0].valid_until, REGISTRY_TIME_NEVER);
    const struct registry_party *v1 = registry_party(registry, STR("v1"));
    CHECK_EQ(v1->client_type, 0);
    CHECK_EQ(v1->kyc.level, 0);
    registry_unref(registry);
}

TEST(persons_keep_their_keys_and_windows)
{
    struct registry *registry = law_load();
    CHECK_EQ(registry->person_count, 2);
    CHECK_EQ(registry->persons[0].public_key[31], 0xff);
    CHECK_EQ(registry->persons[0].valid_until, REGISTRY_TIME_NEVER);
    registry_unref(registry);
}
