#include "policy/policy_internal.h"

#include "law_fixture.h"

static struct law law;

static const struct policy_source *source(int route)
{
    (void)law_judge(&law);
    return &law.policy->sources[route];
}

TEST(a_place_is_a_country_and_perhaps_a_site)
{
    law_make(&law);
    CHECK_EQ(source(R_S1)->place->country, law_country("SG"));
    CHECK_EQ(source(R_Z)->place->country, law_country("CN"));
    CHECK_EQ(law.policy->place_count, 2);
    CHECK_EQ(source(R_Z)->place->lane_count, 1);
    static const char *const bad[] = { "", "S", "SGP", "SG-1", "sg", "/SG" };
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        law.routes[R_S1].place = str_from(bad[i]);
        CHECK_EQ(source(R_S1)->place->country, COUNTRY_NONE);
    }
    law_end(&law);
}

TEST(a_host_is_official_as_it_stands_or_below_a_name)
{
    static const struct {
        const char *endpoint;
        const char *official;
        bool fine;
    } rows[] = {
        { "https://api.x.example/v1", "api.x.example", true },
        { "https://API.x.example:8443/v1", "api.X.example", true },
        { "https://api.x.example.evil.example/v1", "api.x.example", false },
        { "https://xapi.x.example/v1", "api.x.example", false },
        { "https://api.x.example/v1", "*.x.example", true },
        { "https://a.b.x.example/v1", "*.x.example", true },
        { "https://x.example/v1", "*.x.example", false },
        { "https://evilx.example/v1", "*.x.example", false },
        { "https://.x.example/v1", "*.x.example", false },
        { "https://api.x.example/v1", "*", false },
        { "https://api.x.example/v1", "*.", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        law_make(&law);
        law.routes[R_S1].endpoint = str_from(rows[i].endpoint);
        law.hosts[P_A] = str_from(rows[i].official);
        if (source(R_S1)->official != rows[i].fine) {
            test_failed(EP_SITE, "row %zu", i);
        }
        law_end(&law);
    }
}

TEST(who_touches_content_is_listed_once)
{
    law_make(&law);
    CHECK_EQ(source(R_Z)->touch_count, 1); /* upstream, pool and zone are one party here */
    law.third[0] = &law.parties[P_V];
    law.terms[T_ZONE].third_parties = law.third;
    law.terms[T_ZONE].third_party_count = 1;
    law.pool.operator= & law.parties[P_X];
    const struct policy_source *zone = source(R_Z);
    CHECK_EQ(zone->touch_count, 4 - 1);
    CHECK(zone->touch[0] == &law.parties[P_CENTER]);
    CHECK(zone->touch[1] == &law.parties[P_X]);
    CHECK(zone->touch[2] == &law.parties[P_V]);
    CHECK_EQ(source(R_S1)->touch_count, 1);
    law_end(&law);
}
