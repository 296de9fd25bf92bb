#include "law_fixture.h"
#include "wire/json.h"

static struct law law;

/* Each @ of the format stands for the closures: the call's, and the route's if there is one. */
static void check(const char *format, const char *closures)
{
    struct buf out;
    struct buf want;
    struct json_fault fault;
    buf_init(&out, 1 << 20);
    buf_init(&want, 1 << 20);
    struct str rest = str_from(format);
    while (rest.len > 0) {
        CHECK(buf_append(&want, str_cut(&rest, '@')) == ERR_OK);
        CHECK(buf_append(&want, rest.len > 0 ? str_from(closures) : STR_EMPTY) == ERR_OK);
    }
    CHECK(policy_verdict_json(&law.verdict, &out) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    CHECK_STR(buf_str(&out), buf_str(&want));
    buf_fini(&out);
    buf_fini(&want);
}

TEST(a_call_that_is_admitted)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.grants[G_CHAN_P].valid_until = law.facts.now + 1;
    (void)law_judge(&law);
    check("{\"allow\":true,\"closures\":@,\"code\":null,\"dropped\":0,\"error\":null,"
          "\"per_route\":[{\"admissible\":true,\"agreement\":\"A-1\","
          "\"chain\":[\"G-B-chan\",\"G-chan-P\"],\"closures\":@,\"route\":\"S3\","
          "\"until\":\"2026-11-02T11:00:00.000000001Z\"}],\"reasons\":[],\"routes\":[\"S3\"],"
          "\"until\":\"2026-11-02T11:00:00.000000001Z\"}",
          "{\"authorization\":\"closed\",\"billing\":\"pending\",\"data\":\"closed\","
          "\"scope\":\"closed\"}");
    law_end(&law);
}

TEST(a_call_that_is_refused)
{
    law_make(&law);
    law.facts.model = &law.models[M_BETA];
    law.agreements[A_1].data_terms = NULL;
    law.agreements[A_1].valid_until = law.facts.now - LAW_S;
    law.parties[C_1].billing_country = law_country("MY");
    (void)law_judge(&law);
    check("{\"allow\":false,\"closures\":@,\"code\":\"CHAIN_CLIENT_LEG\",\"dropped\":0,"
          "\"error\":\"no_agreement\",\"per_route\":[{\"admissible\":false,\"agreement\":null,"
          "\"chain\":[],\"closures\":@,\"route\":\"S3\",\"until\":null}],\"reasons\":["
          "{\"code\":\"CHAIN_CLIENT_LEG\",\"number\":1,\"object\":\"A-1\",\"route\":\"S3\","
          "\"what\":\"expired\"},"
          "{\"code\":\"SCOPE_REGION\",\"country\":\"MY\",\"object\":\"G-B-chan\","
          "\"route\":\"S3\",\"what\":\"billing\"},"
          "{\"code\":\"DATA_NO_DPA\",\"route\":\"S3\",\"what\":\"none\"}],"
          "\"routes\":[],\"until\":null}",
          "{\"authorization\":\"open\",\"billing\":\"pending\",\"data\":\"open\","
          "\"scope\":\"open\"}");
    law_end(&law);
}

TEST(a_call_that_is_refused_before_its_routes)
{
    law_make(&law);
    law_toy(&law);
    law.facts.ingress = STR("a \"b\"");
    (void)law_judge(&law);
    check("{\"allow\":false,\"closures\":@,\"code\":\"ZONE_INGRESS\",\"dropped\":0,"
          "\"error\":\"zone_origin\",\"per_route\":[],\"reasons\":[{\"code\":\"ZONE_INGRESS\","
          "\"object\":\"a \\\"b\\\"\"}],\"routes\":[],\"until\":null}",
          "{\"authorization\":\"open\",\"billing\":\"open\",\"data\":\"open\","
          "\"scope\":\"open\"}");
    law_end(&law);
}

TEST(transfers_have_two_countries)
{
    law_make(&law);
    law_toy(&law);
    law.transfers[0].valid_until = law.facts.now;
    (void)law_judge(&law);
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK(policy_verdict_json(&law.verdict, &out) == ERR_OK);
    CHECK(str_search(buf_str(&out),
                     STR("{\"code\":\"DATA_TRANSFER\",\"country\":\"SG\",\"object\":\"L-cn\","
                         "\"route\":\"Z\",\"to\":\"CN\",\"what\":\"no basis\"}")) < out.len);
    buf_fini(&out);
    law_end(&law);
}
