#include "law_sample.h"

TEST(a_credential_is_held_by_who_sells)
{
    static const struct law_case cases[] = {
        { 2, "account_holder: op", NULL, "account_holder: ch", REGISTRY_RULE_CREDENTIAL_HOLDER },
        { 2, "max_concurrent: 2", "max_concurrent: 2, grant: g2", "max_concurrent: 2, grant: g1",
          REGISTRY_RULE_CREDENTIAL_GRANT },
        { 2, "max_concurrent: 2", NULL, "max_concurrent: 2, grant: g9",
          REGISTRY_RULE_REG_UNKNOWN_REF },
    };
    law_try(&cases[0], cases[0].old, ERR_OK);
    law_try(&cases[0], cases[0].bad, ERR_REGISTRY_INVALID);
    law_try(&cases[1], cases[1].bad, ERR_REGISTRY_INVALID);
    law_try(&cases[2], cases[2].bad, ERR_REGISTRY_INVALID);
}

/* A centre of computing computes for the seller: the grant is by whoever gave it the model. */
TEST(a_grant_of_a_credential_is_by_its_upstream_or_the_upstream_only_computes)
{
    struct law_result vendor = law_result(2, "max_concurrent: 2", "max_concurrent: 2, grant: g2");
    CHECK(law_found(&vendor.report, STR("credentials.yaml"), REGISTRY_RULE_CREDENTIAL_GRANT));
    law_result_fini(&vendor);
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copies[2] = {
        sample_replace(files, 0, "kind: vendor", "kind: compute_center"),
        sample_replace(files, 2, "max_concurrent: 2", "max_concurrent: 2, grant: g2"),
    };
    struct law_result center = law_result_of(files, false);
    CHECK_EQ(center.err, ERR_OK);
    law_result_fini(&center);
    mem_free(copies[0]);
    mem_free(copies[1]);
}

TEST(a_credential_is_bought_by_its_holder_from_its_upstream)
{
    static const char *const changes[] = { "upstream_party: v1", "upstream_party: ch", "buyer: op",
                                           "buyer: ch" };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        struct registry_file files[LAW_FILES];
        law_files(files);
        char *copies[2] = {
            sample_replace(files, LAW_PROCUREMENTS, changes[i / 2 * 2], changes[i]),
            sample_replace(files, 2, "max_concurrent: 2", "max_concurrent: 2, procurement: b1"),
        };
        struct law_result result = law_result_of(files, false);
        CHECK_EQ(result.err, i % 2 == 0 ? ERR_OK : ERR_REGISTRY_INVALID);
        CHECK_EQ(law_found(&result.report, STR("credentials.yaml"),
                           REGISTRY_RULE_CREDENTIAL_PROCUREMENT),
                 i % 2 != 0);
        law_result_fini(&result);
        mem_free(copies[0]);
        mem_free(copies[1]);
    }
}

#define CREDENTIAL(id, holder)                                     \
    "  - {id: " id ", upstream_party: v1, account_holder: " holder \
    ", class: enterprise_contract,\n"                              \
    "     endpoint_host: api.v1.test, secret: \"env:KEY\", max_concurrent: 2, procurement: b1}\n"

TEST(a_contract_gives_so_many_keys_and_no_more)
{
    for (unsigned keys = 1; keys < 4; keys++) {
        struct registry_file files[LAW_FILES];
        struct buf text;
        law_files(files);
        buf_init(&text, 1 << 16);
        CHECK(buf_append(&text, files[2].text) == ERR_OK);
        CHECK(buf_append(&text, STR(CREDENTIAL("c2", "op"))) == ERR_OK);
        CHECK(keys < 2 || buf_append(&text, STR(CREDENTIAL("c3", "op"))) == ERR_OK);
        CHECK(keys < 3 || buf_append(&text, STR(CREDENTIAL("c4", "op"))) == ERR_OK);
        files[2].text = buf_str(&text);
        struct law_result result = law_result_of(files, false);
        CHECK_EQ(result.report.count, keys == 3 ? 1U : 0U);
        CHECK_EQ(law_found(&result.report, STR("credentials.yaml"), REGISTRY_RULE_CREDENTIAL_POOL),
                 keys == 3);
        law_result_fini(&result);
        buf_fini(&text);
    }
}

/* Two products with two sellers: each may hold an account, but not behind one route. */
static struct law_result pooled(const char *endpoint, const char *model)
{
    struct registry_file files[LAW_FILES];
    struct buf keys;
    struct buf routes;
    struct buf products;
    law_files(files);
    buf_init(&keys, 1 << 16);
    buf_init(&routes, 1 << 16);
    buf_init(&products, 1 << 16);
    CHECK(buf_append(&keys, files[2].text) == ERR_OK);
    CHECK(buf_append(&keys, STR("  - {id: c2, upstream_party: v1, account_holder: ch, class: "
                                "enterprise_contract,\n     endpoint_host: ")) == ERR_OK);
    struct str host = str_from(endpoint);
    CHECK(buf_append(&keys, str_slice(host, 0, str_find(host, '/'))) == ERR_OK);
    CHECK(buf_append(&keys, STR(", secret: \"env:KEY\", max_concurrent: 2}\n")) == ERR_OK);
    CHECK(buf_append(&routes, files[4].text) == ERR_OK);
    CHECK(buf_printf(&routes,
                     "  - {id: r3, upstream_party: v1, model: %s, credential: c2, dialect: "
                     "openai_chat,\n     endpoint: \"https://%s\", upstream_model: %s, place: US,\n"
                     "     abort_billing: stops, output_cap_field: max_tokens, "
                     "contract_price: cost}\n",
                     model, endpoint, model) == ERR_OK);
    CHECK(buf_append(&products, files[5].text) == ERR_OK);
    CHECK(
        buf_append(&products,
                   STR("  - {id: p2, name: P, mode: aggregate, brand: B, models: [m1], seller: ch,"
                       "\n     price_book: sale, unit: {name: t, per_currency_unit: 1},\n"
                       "     plans: [{id: s, price: 100, currency: USD, units: 1,\n"
                       "     expires_days: 365}]}\n")) == ERR_OK);
    files[2].text = buf_str(&keys);
    files[4].text = buf_str(&routes);
    files[5].text = buf_str(&products);
    char *copy = sample_replace(files, 0, "[api.v1.test]", "[api.v1.test, eu.v1.test]");
    struct law_result result = law_result_of(files, false);
    mem_free(copy);
    buf_fini(&keys);
    buf_fini(&routes);
    buf_fini(&products);
    return result;
}

TEST(behind_one_place_is_one_holder)
{
    static const struct {
        const char *endpoint;
        const char *model;
        bool clash;
    } cases[] = {
        { "api.v1.test/v1", "m1", true },
        { "API.V1.test/v2", "m1", true }, /* another path is the same place */
        { "eu.v1.test/v1", "m1", false },
        { "api.v1.test/v1", "m2", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = pooled(cases[i].endpoint, cases[i].model);
        CHECK_EQ(law_found(&result.report, STR("routes.yaml"), REGISTRY_RULE_CREDENTIAL_POOL),
                 cases[i].clash);
        CHECK_EQ(result.err, cases[i].clash ? ERR_REGISTRY_INVALID : ERR_OK);
        law_result_fini(&result);
    }
}

TEST(a_route_calls_a_host_that_its_party_says_is_its_own)
{
    static const struct {
        const char *hosts;
        bool fine;
    } cases[] = {
        { "[api.v1.test]", true },
        { "[API.V1.TEST]", true },
        { "[\"*.v1.test\"]", true },
        { "[x.test, api.v1.test]", true },
        { "[v1.test]", false },
        { "[\"*.api.v1.test\"]", false },
        { "[\"*.w1.test\"]", false },
        { "[api.v1.testy]", false },
        { "[]", false },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = law_result(0, "[api.v1.test]", cases[i].hosts);
        CHECK_EQ(result.err, cases[i].fine ? ERR_OK : ERR_REGISTRY_INVALID);
        CHECK_EQ(law_found(&result.report, STR("routes.yaml"), REGISTRY_RULE_ENDPOINT_UNOFFICIAL),
                 !cases[i].fine);
        law_result_fini(&result);
    }
}

/* A pool in the zone, and what is brought into it. */
static struct law_result in_zone(const char *attachments, const char *place)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copies[2] = {
        sample_replace(files, 4, "contract_price: cost}", attachments),
        sample_replace(files, LAW_POOLS, "place: CN/swa", place),
    };
    struct law_result result = law_result_of(files, false);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return result;
}

TEST(nothing_domestic_is_brought_into_a_zone)
{
    static const struct {
        const char *attachments;
        bool fine;
    } cases[] = {
        { "contract_price: cost, pool: p1, attachments: [{id: a, kind: rag, tag: overseas}]}",
          true },
        { "contract_price: cost, pool: p1, attachments: [{id: a, kind: rag, tag: domestic}]}",
          false },
        { "contract_price: cost, pool: p1, attachments: [{id: a, kind: rag}]}", false },
        { "contract_price: cost, attachments: [{id: a, kind: rag, tag: domestic}]}", true },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = in_zone(cases[i].attachments, "place: US/swa");
        CHECK_EQ(result.err, cases[i].fine ? ERR_OK : ERR_REGISTRY_INVALID);
        CHECK_EQ(law_found(&result.report, STR("routes.yaml"), REGISTRY_RULE_ZONE_MIX_SOURCE),
                 !cases[i].fine);
        law_result_fini(&result);
    }
    struct law_result elsewhere = in_zone("contract_price: cost, pool: p1}", "place: CN/swa");
    CHECK(law_found(&elsewhere.report, STR("routes.yaml"), REGISTRY_RULE_REG_BAD_VALUE));
    law_result_fini(&elsewhere);
}
