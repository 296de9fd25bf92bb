#include "law_fixture.h"

static struct law law;

static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

TEST(each_thing_that_a_data_agreement_lacks_is_named)
{
    begin();
    struct registry_dpa *dpa = &law.terms[T_CLIENT].dpa;
    dpa->valid_until = law.facts.now;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(expired) T-client");
    dpa->valid_from = law.facts.now + 1;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(not_yet) T-client");
    dpa->doc.state = REGISTRY_DOC_NONE;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(document) T-client");
    dpa->signed_by_both = false;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(unsigned) T-client");
    law_end(&law);
}

TEST(without_the_clients_terms_nothing_else_of_its_side_is_asked)
{
    begin();
    law.agreements[A_1].data_terms = NULL;
    law.terms[T_UP].training = REGISTRY_ANSWER_YES;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(none)");
    law.agreements[A_1].data_terms = &law.terms[T_CLIENT];
    law.terms[T_CLIENT].dpa.version = STR_EMPTY;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_DATA_NO_DPA, "S3 DATA_NO_DPA(none) T-client");
    law_end(&law);
}

TEST(the_version_before_is_good_until_its_grace_ends)
{
    begin();
    struct registry_product_dpa *current = &law.products[PRODUCT_AGG].dpa;
    *current = (struct registry_product_dpa){ STR("v3"), STR_EMPTY, 0 };
    CHECK(law_judge(&law)->allow);
    *current = (struct registry_product_dpa){ STR("v5"), STR("v4"), law.facts.now + 1 };
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_DPA); /* two versions back */
    law_end(&law);
}

TEST(upstream_terms_out_of_force_ask_nothing_more_of_the_upstream)
{
    begin();
    law.terms[T_UP].dpa.valid_until = law.facts.now;
    law.terms[T_UP].retention_days = 99;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_DATA_UPSTREAM_TERMS, "S3 DATA_UPSTREAM_TERMS(expired) p.chan");
    CHECK(law.verdict.err == ERR_LAW_DATA_UNKNOWN);
    law_end(&law);
}

TEST(unknown_is_no_answer)
{
    begin();
    law.terms[T_UP].retention_days = REGISTRY_RETENTION_UNKNOWN;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_UNKNOWN);
    LAW_SAYS(&law, POLICY_DATA_RETENTION, "S3 DATA_RETENTION(unknown) T-up");
    law.terms[T_UP].retention_days = 0;
    law.terms[T_CLIENT].retention_days = REGISTRY_RETENTION_UNKNOWN;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_TERMS);
    LAW_SAYS(&law, POLICY_DATA_RETENTION, "S3 DATA_RETENTION(not_stated) T-client");
    law.terms[T_CLIENT].retention_days = 0;
    law.terms[T_UP].training = REGISTRY_ANSWER_UNKNOWN;
    law.terms[T_CLIENT].training = REGISTRY_ANSWER_YES;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_UNKNOWN);
    LAW_SAYS(&law, POLICY_DATA_TRAINING, "S3 DATA_TRAINING(unknown) T-up");
    law_end(&law);
}

TEST(everyone_who_touches_content_is_listed)
{
    begin();
    law.third[0] = &law.parties[C_2];
    law.terms[T_UP].third_parties = law.third;
    law.terms[T_UP].third_party_count = 1;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_DATA_SUBPROCESSOR, "S3 DATA_SUBPROCESSOR(unlisted) c.2");
    law.third[0] = &law.parties[P_PLATFORM]; /* the seller is whom the client contracts with */
    law.lists[0].entry_count = P_PLATFORM - P_A;
    CHECK(law_judge(&law)->allow);
    law.registry.subprocessor_count = 0;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_SUBPROCESSOR, "S3 DATA_SUBPROCESSOR(unlisted) p.chan");
    law_end(&law);
}

TEST(what_is_published_later_is_no_notice_yet)
{
    begin();
    law.lists[0].entry_count = 2;
    law.lists[1].published_at = law.facts.now + 1;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_SUBPROCESSOR, "S3 DATA_SUBPROCESSOR(unlisted) p.chan");
    law.lists[1].published_at = law.facts.now;
    (void)law_judge(&law);
    CHECK(law_reason(&law, POLICY_DATA_SUBPROCESSOR_NOTICE) != NULL);
    CHECK(law.verdict.err == ERR_NO_CLOSED_ROUTE);
    law_end(&law);
}

TEST(a_party_that_a_later_version_drops_touches_nothing_from_then_on)
{
    begin();
    law.lists[1].effective_at = law.facts.now;
    law.lists[1].entry_count = 2;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_TERMS);
    law.lists[1].effective_at = law.facts.now + 1;
    CHECK(law_judge(&law)->allow);
    law_end(&law);
}

TEST(an_objection_holds_from_its_time_on_in_whatever_version_it_stands)
{
    begin();
    law.objection =
        (struct registry_objection){ &law.parties[C_1], &law.parties[P_CHAN], law.facts.now + 1 };
    law.lists[1].objections = &law.objection;
    law.lists[1].objection_count = 1;
    CHECK(law_judge(&law)->allow);
    law.objection.at = law.facts.now;
    CHECK(law_judge(&law)->err == ERR_LAW_DATA_TERMS);
    law_end(&law);
}

TEST(what_children_say_needs_everything)
{
    law_make(&law);
    law_toy(&law);
    law.facts.consent_ref = STR_EMPTY;
    law.agreements[A_TOY].child_directed = true;
    law.terms[T_TOY].retention_days = 1;
    law.terms[T_TOY].training = REGISTRY_ANSWER_YES;
    law.zone.retention_max_s = 86400;
    law.terms[T_ZONE].retention_days = 1;
    law.terms[T_ZONE].training = REGISTRY_ANSWER_OPT_IN;
    law.terms[T_ZONE].human_review = REGISTRY_ANSWER_YES;
    law.terms[T_ZONE].children_allowed = false;
    (void)law_judge(&law);
    static const char *const whats[] = { "consent", "children", "retention", "training",
                                         "human_review" };
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ(law.verdict.reasons[i].code, POLICY_DATA_CHILD);
        CHECK_STR(str_from(law.verdict.reasons[i].what), str_from(whats[i]));
    }
    law.terms[T_ZONE].human_review = REGISTRY_ANSWER_ABUSE_ONLY;
    law.terms[T_ZONE].dpa.signed_by_both = false;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_DATA_UPSTREAM_TERMS, "Z DATA_UPSTREAM_TERMS(unsigned) p.center");
    CHECK_EQ(law.verdict.reasons[1].code, POLICY_DATA_CHILD);
    CHECK_EQ(law.verdict.reasons[2].code, POLICY_ZONE_PURPOSE);
    law_end(&law);
}

TEST(the_first_field_that_a_record_lacks_is_named)
{
    begin();
    law.terms[T_CLIENT].record.security = STR_EMPTY;
    law.terms[T_CLIENT].record.categories = STR_EMPTY;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reason_count, 1);
    LAW_SAYS(&law, POLICY_DATA_RECORD, "S3 DATA_RECORD(categories) T-client");
    law_end(&law);
}
