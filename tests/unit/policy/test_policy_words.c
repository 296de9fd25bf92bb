#include "policy/policy_internal.h"

#include "harness.h"

TEST(each_enum_has_its_words)
{
    CHECK_STR(str_from(policy_word_action(REGISTRY_ACTION_DEVICE_EMBED)), STR("device_embed"));
    CHECK_STR(str_from(policy_word_client_type(0)), STR("unknown"));
    CHECK_STR(str_from(policy_word_client_type(1 + REGISTRY_CLIENT_CHILD_DIRECTED)),
              STR("child_directed"));
    CHECK_STR(str_from(policy_word_item(REGISTRY_ITEM_LOGS)), STR("logs"));
    CHECK_STR(str_from(policy_word_answer(REGISTRY_ANSWER_ABUSE_ONLY)), STR("abuse_only"));
    CHECK_STR(str_from(policy_word_category(REGISTRY_US_OMIC)), STR("omic"));
    for (unsigned i = 0; i < REGISTRY_ACTION_COUNT; i++) {
        CHECK(policy_word_action((enum registry_action)i) != NULL);
    }
    for (unsigned i = 0; i < REGISTRY_ITEM_COUNT; i++) {
        CHECK(policy_word_item((enum registry_separation_item)i) != NULL);
    }
}

TEST(a_qualification_is_read_as_it_is_written)
{
    for (unsigned i = 0; i <= REGISTRY_QUALIFICATION_REPRESENTATIVE; i++) {
        const char *word = policy_word_qualification((enum registry_qualification_type)i);
        CHECK_EQ(policy_qualification(str_from(word)), 1 + i);
    }
    CHECK_EQ(policy_qualification(STR("ICP_B25")), 1 + REGISTRY_QUALIFICATION_ICP_B25);
    CHECK_EQ(policy_qualification(STR("icp")), 0);
    CHECK_EQ(policy_qualification(STR_EMPTY), 0);
}
