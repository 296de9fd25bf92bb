/* The judge on registries as operators write them: read, checked and signed. */
#include <string.h>

#include "base/stamp.h"
#include "law_files.h"

static struct policy_verdict verdict;

__attribute__((constructor)) static void start(void)
{
    ASSERT(crypto_start(NULL) == ERR_OK);
}

static void judge(const struct registry *registry, const char *client, const char *model,
                  const char *time)
{
    struct policy *policy = NULL;
    struct policy_facts facts = {
        .client = registry_party(registry, str_from(client)),
        .product = registry_product(registry, STR("agg")),
        .model = registry_model(registry, str_from(model)),
        .origin = { .state = POLICY_ORIGIN_OVERSEAS, .count = 1 },
        .has_order = true,
    };
    CHECK(facts.client != NULL);
    CHECK(facts.model != NULL);
    facts.origin.countries[0] = facts.client->jurisdiction;
    CHECK(stamp_parse(str_from(time), &facts.now));
    CHECK(policy_compile(registry, &policy, NULL) == ERR_OK);
    policy_judge(policy, &facts, &verdict);
    policy_destroy(policy);
}

static bool has_reason(enum policy_code code, const char *object)
{
    for (size_t i = 0; i < verdict.reason_count; i++) {
        if (verdict.reasons[i].code == code &&
            str_eq(verdict.reasons[i].object, str_from(object))) {
            return true;
        }
    }
    return false;
}

TEST(the_day_on_which_the_first_grant_ends)
{
    struct registry *registry = files_load(0, NULL, NULL, false);
    judge(registry, "c1", "m-alpha", "2026-11-02T11:59:59.9Z");
    CHECK_EQ(verdict.routes, 3);
    judge(registry, "c1", "m-alpha", "2026-11-02T12:00:00Z");
    CHECK(verdict.allow);
    CHECK_EQ(verdict.routes, 2);
    CHECK(has_reason(POLICY_CHAIN_EXPIRED, "G-S1"));
    judge(registry, "c2", "m-alpha", "2026-11-02T12:00:00Z");
    CHECK(verdict.err == ERR_NO_CLOSED_ROUTE);
    judge(registry, "c9", "m-xray", "2026-11-02T14:00:00Z");
    CHECK(verdict.err == ERR_LAW_REVERSE_IMPORT);
    judge(registry, "c1", "m-xray", "2026-11-02T14:00:00Z");
    CHECK(verdict.allow);
    registry_unref(registry);
}

TEST(a_draft_is_judged_as_it_stands)
{
    static const struct {
        const char *old;
        const char *fresh;
        const char *object;
        enum policy_code code;
    } rows[] = {
        { "grantee: platform\n    parent: G-A-cloud\n    models: [m-alpha]\n"
          "    actions: [api_call, aggregate, resell]\n    regions: {allow: [SG, MY, TH]}",
          "grantee: platform\n    parent: G-A-cloud\n    models: [m-alpha]\n"
          "    actions: [api_call, aggregate, resell]\n    regions: {allow: [WORLD]}",
          "G-cloud-P", POLICY_CHAIN_WIDENED },
        { "parent: G-A-cloud", "parent: G-none", "G-cloud-P", POLICY_CHAIN_GAP },
        { "parent: G-A-cloud", "parent: G-cloud-P", "G-cloud-P", POLICY_CHAIN_NO_ROOT },
        { "    grantor: cloud\n    grantee: platform\n    parent: G-A-cloud",
          "    grantor: va\n    grantee: platform\n    parent: G-A-cloud", "cloud",
          POLICY_CHAIN_GAP },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct registry *draft = files_load(FILES_GRANTS, rows[i].old, rows[i].fresh, true);
        judge(draft, "c1", "m-alpha", "2026-11-02T12:00:00Z");
        CHECK(!verdict.allow);
        if (!has_reason(rows[i].code, rows[i].object)) {
            test_failed(EP_SITE, "row %zu", i);
        }
        registry_unref(draft);
    }
}

TEST(a_letter_that_was_edited_closes_nothing)
{
    struct registry *draft = files_load(FILES_LETTER, "letter", "Letter", true);
    judge(draft, "c1", "m-xray", "2026-11-02T11:00:00Z");
    CHECK(has_reason(POLICY_CHAIN_DOC_HASH, "G-X-cloud"));
    CHECK(has_reason(POLICY_CHAIN_CLIENT_LEG, "A-1"));
    registry_unref(draft);
}

TEST(a_chat_message_is_no_grant)
{
    struct registry *draft =
        files_load(FILES_GRANTS, "evidence_class: written_signed", "evidence_class: verbal", true);
    judge(draft, "c1", "m-alpha", "2026-11-02T11:00:00Z");
    CHECK(has_reason(POLICY_CHAIN_NOT_WRITTEN, "G-S1"));
    CHECK_EQ(verdict.routes, 2);
    registry_unref(draft);
}
