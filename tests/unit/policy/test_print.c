#include "law_fixture.h"

static void check_reason(struct policy_reason reason, const char *want)
{
    struct buf out;
    buf_init(&out, 4096);
    CHECK(policy_reason_print(&reason, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
}

TEST(what_is_missing_is_left_out_with_what_stands_around_it)
{
    struct registry_route route = { .id = STR("S1") };
    check_reason((struct policy_reason){ .code = POLICY_CHAIN_EXPIRED,
                                         .route = &route,
                                         .object = STR("G-S1") },
                 "S1 edge G-S1 CHAIN_EXPIRED since 0 s");
    check_reason((struct policy_reason){ .code = POLICY_ROUTE_SUSPENDED, .route = &route },
                 "S1 ROUTE_SUSPENDED");
    check_reason((struct policy_reason){ .code = POLICY_DATA_NO_DPA, .what = "none" },
                 "DATA_NO_DPA(none)");
    check_reason((struct policy_reason){ .code = POLICY_SCOPE_REGION }, "SCOPE_REGION unknown");
    check_reason((struct policy_reason){ .code = POLICY_DATA_TRANSFER,
                                         .country = law_country("SG"),
                                         .to = law_country("CN"),
                                         .object = STR("L-1") },
                 "DATA_TRANSFER SG to CN by L-1");
}

TEST(a_set_is_told_by_its_members_or_by_what_is_missing)
{
    struct country_set few = law_set("TH SG MY");
    struct country_set most = law_set("WORLD");
    struct country_set many = law_set("AA BB CC DD EE FF GG HH II JJ KK LL MM NN");
    struct country_set none = law_set("");
    struct policy_reason reason = { .code = POLICY_DATA_LOCATION, .country = law_country("BR") };
    reason.within = &few;
    check_reason(reason, "DATA_LOCATION BR not in {MY,SG,TH}");
    reason.within = &most;
    check_reason(reason, "DATA_LOCATION BR not in all but {CN}");
    reason.within = &many;
    check_reason(reason,
                 "DATA_LOCATION BR not in {AA,BB,CC,DD,EE,FF,GG,HH,II,JJ,KK,LL and 2 more}");
    reason.within = &none;
    check_reason(reason, "DATA_LOCATION BR not in {}");
    struct country_set last = law_set("ZZ");
    reason.within = &last;
    check_reason(reason, "DATA_LOCATION BR not in {ZZ}");
}

TEST(each_code_prints_with_everything_and_with_nothing)
{
    struct registry_route route = { .id = STR("r") };
    struct country_set set = law_set("SG");
    for (unsigned code = 0; code < POLICY_CODES; code++) {
        struct policy_reason full = { .code = (enum policy_code)code,
                                      .route = &route,
                                      .what = "w",
                                      .object = STR("o"),
                                      .country = law_country("SG"),
                                      .to = law_country("MY"),
                                      .number = 7,
                                      .within = &set };
        struct policy_reason bare = { .code = (enum policy_code)code };
        struct buf out;
        buf_init(&out, 4096);
        CHECK(policy_reason_print(&full, &out) == ERR_OK);
        CHECK(str_starts(buf_str(&out), STR("r ")));
        CHECK(str_find(buf_str(&out), '%') == out.len);
        CHECK(str_find(buf_str(&out), '[') == out.len);
        buf_reset(&out);
        CHECK(policy_reason_print(&bare, &out) == ERR_OK);
        buf_fini(&out);
    }
}

TEST(no_room_is_an_ordinary_failure)
{
    struct policy_reason reason = { .code = POLICY_CHAIN_EXPIRED, .object = STR("G-S1") };
    struct buf out;
    buf_init(&out, 10);
    CHECK(policy_reason_print(&reason, &out) == ERR_LIMIT);
    buf_fini(&out);
}
