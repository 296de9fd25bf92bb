#include "law_sample.h"

TEST(data_terms_are_what_was_written_and_unknown_where_nothing_was)
{
    struct registry *registry = law_load();
    const struct registry_data_terms *d1 = &registry->data_terms[0];
    CHECK_STR(d1->dpa.version, STR("3"));
    CHECK(d1->dpa.signed_by_both);
    CHECK_EQ(d1->retention_days, 0);
    CHECK_EQ(d1->training, REGISTRY_ANSWER_NO);
    CHECK_EQ(d1->human_review, REGISTRY_ANSWER_ABUSE_ONLY);
    CHECK_EQ(d1->third_party_count, 1);
    CHECK_EQ(d1->transfer_basis[0].mechanism, REGISTRY_MECHANISM_CONTRACT_PDPA26);
    CHECK_EQ(d1->transfer_basis[0].valid_until, REGISTRY_TIME_NEVER);
    CHECK_EQ(d1->us_categories, 1U << REGISTRY_US_HEALTH | 1U << REGISTRY_US_FINANCIAL);
    CHECK_STR(d1->record.security, STR("S"));
    CHECK_EQ(d1->record.contact.len, 0);
    const struct registry_data_terms *d2 = &registry->data_terms[1];
    CHECK(d2->retention_days == REGISTRY_RETENTION_UNKNOWN);
    CHECK_EQ(d2->training, REGISTRY_ANSWER_UNKNOWN);
    CHECK_EQ(d2->dpa.version.len, 0);
    CHECK(d2->analytics && d2->consent_ref_required && !d2->children_allowed);
    registry_unref(registry);
}

TEST(lists_of_subprocessors_keep_parties_and_times)
{
    struct registry *registry = law_load();
    const struct registry_subprocessor_list *list = &registry->subprocessors[0];
    CHECK_EQ(list->effective_at % 1000000000, 500000000);
    CHECK_STR(list->entries[0].party->id, STR("v1"));
    CHECK_EQ(list->entries[0].location, country_from(STR("US")));
    CHECK_STR(list->objections[0].client->id, STR("op"));
    registry_unref(registry);
}
