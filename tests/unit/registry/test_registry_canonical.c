#include "registry/registry_canonical.h"

#include "base/stamp.h"
#include "law_sample.h"

static void check_text(struct buf *text, const char *want)
{
    CHECK_STR(buf_str(text), str_from(want));
    buf_fini(text);
}

TEST(a_grant_is_sorted_keys_without_spaces)
{
    struct registry *registry = law_load();
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    CHECK(registry_grant_canonical(registry_grant(registry, STR("g1")), &text) == ERR_OK);
    check_text(&text, "{\"actions\":[\"aggregate\",\"api_call\",\"resell\",\"white_label\"],"
                      "\"brand_terms\":{\"may_rename\":false,\"must_name_vendor\":true},"
                      "\"client_types\":[\"child_directed\",\"developer\",\"enterprise\"],"
                      "\"doc\":{\"kind\":\"authorization_letter\",\"sha256\":"
                      "\"e41b1471e42a11286464d6b43535270a9d1aab2df38986fc91e053272382b489\"},"
                      "\"evidence_class\":\"written_signed\",\"grantee\":\"ch\",\"grantor\":\"v1\","
                      "\"id\":\"g1\",\"models\":[\"family:one\",\"m1\"],\"parent\":\"root\","
                      "\"regions\":{\"allow\":[\"JP\",\"WORLD\"],\"deny\":[\"KP\"]},"
                      "\"revoked_at\":null,\"sublicense_depth\":1,"
                      "\"valid_from\":\"2026-01-01T00:00:00Z\","
                      "\"valid_until\":\"2027-01-01T00:00:00Z\",\"version\":1}");
    registry_unref(registry);
}

TEST(what_a_grant_has_beside_stands_in_its_place)
{
    struct registry *registry = law_load_with(
        LAW_GRANTS, "    parent: g1\n",
        "    parent: g1\n    notice_days: 30\n    quota: {tokens: 5, period: month}\n"
        "    runoff_until: 2026-12-01T00:00:00.25Z\n    exclude_owned_from: [KP, CN]\n"
        "    brand_terms: {may_rename: true, brands: [\"B \\\"b\\\"\", A]}\n");
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    CHECK(registry_grant_canonical(registry_grant(registry, STR("g2")), &text) == ERR_OK);
    check_text(&text,
               "{\"actions\":[\"aggregate\",\"api_call\",\"resell\"],"
               "\"brand_terms\":{\"brands\":[\"A\",\"B \\\"b\\\"\"],\"may_rename\":true,"
               "\"must_name_vendor\":true},\"client_types\":[\"developer\",\"enterprise\"],"
               "\"doc\":{\"kind\":\"contract\",\"sha256\":"
               "\"0bc67517ad6dc1123dfae18756c43cb4bc3c64be321cc09bc3f787fb26226b66\"},"
               "\"evidence_class\":\"written_signed\",\"exclude_owned_from\":[\"CN\",\"KP\"],"
               "\"grantee\":\"op\",\"grantor\":\"ch\",\"id\":\"g2\",\"models\":[\"m1\"],"
               "\"notice_days\":30,\"parent\":\"g1\",\"quota\":{\"period\":\"month\","
               "\"tokens\":5},\"regions\":{\"allow\":[\"SG\",\"group:asean-2\"],"
               "\"deny\":[\"KP\"]},\"revoked_at\":null,"
               "\"runoff_until\":\"2026-12-01T00:00:00.25Z\",\"sublicense_depth\":0,"
               "\"valid_from\":\"2026-01-01T00:00:00Z\","
               "\"valid_until\":\"2027-01-01T00:00:00Z\",\"version\":1}");
    registry_unref(registry);
}

TEST(an_agreement_is_sorted_keys_without_spaces)
{
    struct registry *registry = law_load();
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    CHECK(registry_agreement_canonical(registry_agreement(registry, STR("a1")), &text) == ERR_OK);
    check_text(&text, "{\"actions\":[\"api_call\"],\"child_directed\":false,"
                      "\"client_types\":[\"developer\"],\"data_terms\":\"d1\","
                      "\"doc\":{\"kind\":\"contract\",\"sha256\":"
                      "\"cc1255d8a184b123a12f8188cf7d6815f88dbcea94d9655dc0c4d65ae5d62e8e\"},"
                      "\"evidence_class\":\"written_signed\",\"grantee\":\"cl\","
                      "\"grantor\":\"op\",\"id\":\"a1\",\"markets\":[\"MY\",\"SG\"],"
                      "\"online\":false,\"regions\":{\"allow\":[\"WORLD\"]},"
                      "\"revoked_at\":null,\"valid_from\":\"2026-01-01T00:00:00Z\","
                      "\"valid_until\":\"2027-01-01T00:00:00Z\",\"version\":1}");
    registry_unref(registry);
}

TEST(an_entry_that_is_empty_has_a_text_too)
{
    struct registry_grant grant = { .sublicense_depth = 0 };
    struct registry_agreement agreement = { .online = true };
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    CHECK(registry_grant_canonical(&grant, &text) == ERR_OK);
    CHECK(registry_agreement_canonical(&agreement, &text) == ERR_OK);
    buf_fini(&text);
    buf_init(&text, 10);
    CHECK(registry_grant_canonical(&grant, &text) == ERR_LIMIT);
    CHECK(registry_agreement_canonical(&agreement, &text) == ERR_LIMIT);
    buf_fini(&text);
}

TEST(times_have_the_decimals_they_need)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        { "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z" },
        { "2026-12-31T23:59:59.000000001Z", "2026-12-31T23:59:59.000000001Z" },
        { "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.5Z" },
        { "2026-01-01T00:00:00.120Z", "2026-01-01T00:00:00.12Z" },
        { "2026-01-01T00:00:00.010Z", "2026-01-01T00:00:00.01Z" },
        { "2200-12-31T00:00:00.999999999Z", "2200-12-31T00:00:00.999999999Z" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        int64_t ns = 0;
        struct buf text;
        buf_init(&text, 64);
        CHECK(stamp_parse(str_from(cases[i].text), &ns));
        CHECK(registry_time_print(&text, ns) == ERR_OK);
        check_text(&text, cases[i].want);
    }
}
