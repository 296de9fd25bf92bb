#include "law_fixture.h"

static struct law law;

/* The chain of m-beta: from its vendor to a channel to the platform. */
static void begin(void)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
}

static enum policy_code only_reason(void)
{
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK_EQ(verdict->reason_count, 1);
    return verdict->reasons[0].code;
}

TEST(the_first_check_that_fails_is_the_reason_whatever_edge_it_is_of)
{
    begin();
    law.grants[G_CHAN_P].evidence_class = REGISTRY_EVIDENCE_VERBAL; /* check 3, second edge */
    law.grants[G_B_CHAN].doc.state = REGISTRY_DOC_CHANGED;          /* check 4, first edge */
    law.grants[G_B_CHAN].valid_until = law.facts.now;               /* check 7 */
    law.grants[G_B_CHAN].sublicense_depth = 0;                      /* check 8 */
    CHECK_EQ(only_reason(), POLICY_CHAIN_NOT_WRITTEN);
    law.grants[G_CHAN_P].evidence_class = REGISTRY_EVIDENCE_WRITTEN_SIGNED;
    CHECK_EQ(only_reason(), POLICY_CHAIN_DOC_HASH);
    law.grants[G_B_CHAN].doc.state = REGISTRY_DOC_FINE;
    CHECK_EQ(only_reason(), POLICY_CHAIN_EXPIRED);
    law.grants[G_CHAN_P].revoked_at = law.facts.now; /* check 6 before check 7 */
    CHECK_EQ(only_reason(), POLICY_CHAIN_REVOKED);
    law.grants[G_CHAN_P].revoked_at = REGISTRY_TIME_NEVER;
    law.grants[G_B_CHAN].valid_until = law_time("2027-01-01");
    CHECK_EQ(only_reason(), POLICY_CHAIN_DEPTH);
    law_end(&law);
}

TEST(of_two_edges_that_fail_one_check_the_upper_is_named)
{
    begin();
    law.grants[G_B_CHAN].valid_until = law.facts.now - 5 * LAW_S;
    law.grants[G_CHAN_P].valid_until = law.facts.now - 7 * LAW_S;
    (void)law_judge(&law);
    LAW_SAYS(&law, POLICY_CHAIN_EXPIRED, "S3 edge G-B-chan CHAIN_EXPIRED since 5 s");
    law_end(&law);
}

TEST(windows_are_half_open_to_the_nanosecond)
{
    begin();
    struct registry_grant *grant = &law.grants[G_CHAN_P];
    int64_t now = law.facts.now;
    const struct {
        int64_t from;
        int64_t until;
        bool allow;
    } rows[] = {
        { now, now + 1, true },
        { now + 1, now + 2, false },
        { now - 1, now, false },
        { now - 1, now + 1, true },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        grant->valid_from = rows[i].from;
        grant->valid_until = rows[i].until;
        CHECK_EQ(law_judge(&law)->allow, rows[i].allow);
    }
    law_end(&law);
}

TEST(a_revocation_takes_effect_at_its_instant_or_when_the_run_off_is_over)
{
    begin();
    struct registry_grant *grant = &law.grants[G_CHAN_P];
    int64_t now = law.facts.now;
    const struct {
        int64_t revoked;
        int64_t runoff;
        bool allow;
    } rows[] = {
        { now + 1, 0, true },
        { now, 0, false },
        { now, now + 1, true },
        { now - 10, now, false },
        { now - 10, now + 1, true },
        { now, now - 10, false }, /* a run-off that ends before it begins is none */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        grant->revoked_at = rows[i].revoked;
        grant->runoff_until = rows[i].runoff;
        CHECK_EQ(law_judge(&law)->allow, rows[i].allow);
    }
    grant->revoked_at = now - 10;
    grant->runoff_until = now + 5;
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.until, now + 5);
    law_end(&law);
}

TEST(each_thing_that_an_edge_widens_is_named)
{
    const struct {
        const char *says;
        int what;
    } rows[] = {
        { "S3 edge G-chan-P CHAIN_WIDENED(models)", 0 },
        { "S3 edge G-chan-P CHAIN_WIDENED(actions)", 1 },
        { "S3 edge G-chan-P CHAIN_WIDENED(regions)", 2 },
        { "S3 edge G-chan-P CHAIN_WIDENED(regions)", 3 },
        { "S3 edge G-chan-P CHAIN_WIDENED(client_types)", 4 },
        { "S3 edge G-chan-P CHAIN_WIDENED(window)", 5 },
        { "S3 edge G-chan-P CHAIN_WIDENED(window)", 6 },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        begin();
        struct registry_grant *above = &law.grants[G_B_CHAN];
        struct registry_grant *grant = &law.grants[G_CHAN_P];
        switch (rows[i].what) {
        case 0:
            law.names[G_B_CHAN].model = &law.models[M_ALPHA];
            break;
        case 1:
            grant->actions |= LAW_BIT(ACTION_CACHE);
            break;
        case 2:
            grant->regions = law_regions("SG JP", "");
            break;
        case 3:
            above->regions = law_regions("SG VN AE BR", "BR");
            break;
        case 4:
            grant->client_types |= LAW_BIT(CLIENT_GOVERNMENT);
            break;
        case 5:
            grant->valid_from = above->valid_from - 1;
            break;
        default:
            grant->valid_until = above->valid_until + 1;
            break;
        }
        CHECK_EQ(only_reason(), POLICY_CHAIN_WIDENED);
        struct buf out;
        buf_init(&out, 4096);
        CHECK(policy_reason_print(&law.verdict.reasons[0], &out) == ERR_OK);
        CHECK_STR(buf_str(&out), str_from(rows[i].says));
        buf_fini(&out);
        law_end(&law);
    }
}

TEST(a_family_covers_its_models_and_only_itself_as_a_family)
{
    begin();
    law.names[G_B_CHAN] = (struct registry_grant_model){ .family = STR("f") };
    CHECK(law_judge(&law)->allow);
    law.names[G_CHAN_P] = (struct registry_grant_model){ .family = STR("f") };
    CHECK(law_judge(&law)->allow);
    law.names[G_B_CHAN] = (struct registry_grant_model){ .model = &law.models[M_BETA] };
    CHECK_EQ(only_reason(), POLICY_CHAIN_WIDENED);
    law.names[G_B_CHAN] = (struct registry_grant_model){ .family = STR("g") };
    CHECK_EQ(only_reason(), POLICY_CHAIN_WIDENED);
    law_end(&law);
}

TEST(a_licence_is_written_but_not_a_text_that_is_clicked_through)
{
    begin();
    struct registry_grant *grant = &law.grants[G_B_CHAN];
    grant->parent_kind = REGISTRY_PARENT_LICENCE;
    grant->evidence_class = REGISTRY_EVIDENCE_CLICK_THROUGH;
    grant->doc.kind = REGISTRY_DOC_LICENCE;
    law.models[M_BETA].weights = REGISTRY_WEIGHTS_OPEN;
    law.models[M_BETA].licence.commercial = true;
    CHECK(law_judge(&law)->allow);
    grant->doc.kind = REGISTRY_DOC_CONTRACT;
    CHECK_EQ(only_reason(), POLICY_CHAIN_NO_ROOT);
    grant->doc.kind = REGISTRY_DOC_LICENCE;
    law.models[M_BETA].weights = REGISTRY_WEIGHTS_CLOSED;
    CHECK_EQ(only_reason(), POLICY_CHAIN_NO_ROOT);
    law.models[M_BETA].weights = REGISTRY_WEIGHTS_OPEN;
    law.grants[G_CHAN_P].doc.kind = REGISTRY_DOC_CLICK_THROUGH;
    CHECK_EQ(only_reason(), POLICY_CHAIN_NOT_WRITTEN);
    law_end(&law);
}

TEST(who_made_the_model_needs_no_grant)
{
    law_make(&law);
    law.models[M_BETA].vendor = &law.parties[P_PLATFORM];
    law.facts.model = &law.models[M_BETA];
    law.registry.grant_count = 0;
    CHECK(law_judge(&law)->allow);
    CHECK_EQ(law.verdict.per_route[0].chain.edge_count, 0);
    CHECK_EQ(law.verdict.until, law_time("2027-06-01")); /* the agreement's end */
    law_end(&law);
}

TEST(a_missing_agreement_stands_beside_the_reasons_of_the_paths)
{
    begin();
    law.agreements[A_1].valid_until = law.facts.now;
    law.grants[G_CHAN_P].valid_until = law.facts.now;
    const struct policy_verdict *verdict = law_judge(&law);
    CHECK_EQ(verdict->reasons[0].code, POLICY_CHAIN_EXPIRED);
    CHECK_EQ(verdict->reasons[1].code, POLICY_CHAIN_CLIENT_LEG);
    CHECK(verdict->err == ERR_LAW_NO_AGREEMENT);
    law_end(&law);
}

TEST(one_reason_of_each_path_stands_there_by_its_code)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    law.grants[G_S1].doc.state = REGISTRY_DOC_NONE; /* the second path, of an earlier check */
    law.routes[R_S2].state = REGISTRY_ROUTE_SUSPENDED;
    law_at(&law, "2026-11-02T12:00:00Z");
    (void)law_judge(&law);
    CHECK_EQ(law.verdict.reasons[0].code, POLICY_CHAIN_DOC_MISSING);
    CHECK_STR(law.verdict.reasons[0].object, STR("G-S1"));
    CHECK_EQ(law.verdict.reasons[1].code, POLICY_CHAIN_NOT_YET);
    CHECK_STR(law.verdict.reasons[1].object, STR("G-S1v2"));
    law_end(&law);
}

TEST(the_first_path_that_closes_wins)
{
    law_make(&law);
    law.registry.grant_count = LAW_GRANTS;
    CHECK_STR(law_judge(&law)->per_route[0].chain.edges[0]->id, STR("G-S1"));
    law.grants[G_S1V2].valid_from = law.facts.now;
    CHECK_STR(law_judge(&law)->per_route[0].chain.edges[0]->id, STR("G-S1v2"));
    CHECK_EQ(law.verdict.reason_count, 0); /* what else fails is no reason then */
    law_end(&law);
}
