#include "registry_sample.h"

static struct digest hash_of(const struct registry_file *files)
{
    struct registry *registry = sample_parse(files, SAMPLE_FILES);
    struct digest hash = registry->hash;
    registry_unref(registry);
    return hash;
}

static bool hash_same_with(unsigned file, const char *old, const char *fresh)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    struct digest before = hash_of(files);
    char *copy = sample_replace(files, file, old, fresh);
    struct digest after = hash_of(files);
    mem_free(copy);
    return digest_eq(&before, &after);
}

TEST(form_comments_and_order_do_not_change_the_hash)
{
    CHECK(hash_same_with(0, "parties:\n", "# a comment\nparties:\n\n"));
    CHECK(hash_same_with(0, "{id: v1, kind: vendor,", "{kind: vendor, id: \"v1\","));
    CHECK(hash_same_with(1, "  - id: m1\n    vendor: v1\n", "  - vendor: 'v1'\n    id: m1\n"));
    CHECK(hash_same_with(3, "\"2.50\"", "2.5"));
    CHECK(hash_same_with(4, "contract_price: cost}", "contract_price: cost, weight: 1}"));
    CHECK(hash_same_with(5, "[m2, m1]", "[m1, m2]"));
    CHECK(hash_same_with(5, "expires_days: 365", "expires_days: 365, refund_hours: 24"));
    CHECK(hash_same_with(0,
                         "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US}\n"
                         "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n",
                         "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n"
                         "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US}\n"));
}

TEST(any_change_of_content_changes_the_hash)
{
    CHECK(!hash_same_with(0, "V One", "V Two"));
    CHECK(!hash_same_with(0, "kind: vendor", "kind: cloud"));
    CHECK(!hash_same_with(1, "[m1, m1-x]", "[m1]"));
    CHECK(!hash_same_with(1, "context_tokens: 1000", "context_tokens: 1001"));
    CHECK(!hash_same_with(2, "env:KEY", "env:KEX"));
    CHECK(!hash_same_with(3, "\"2.50\"", "2.500001"));
    CHECK(!hash_same_with(3, "per_request: 0.000000000001", "per_request: 0"));
    CHECK(!hash_same_with(3, "cached_input: 0.25, ", ""));
    CHECK(!hash_same_with(4, "state: suspended", "state: active"));
    CHECK(!hash_same_with(5, "[m2, m1]", "[m1]"));
    CHECK(!hash_same_with(5, "price: 100, currency: USD, units: 1000000,",
                          "price: 101, currency: USD, units: 1010000,"));
    CHECK(!hash_same_with(5, "expires_days: 365", "expires_days: 366"));
    CHECK(!hash_same_with(5, "expires_days: 365", "expires_days: 365, refund_hours: 25"));
    CHECK(!hash_same_with(5, "expires_days: 365", "expires_days: 365, withdrawn: true"));
    CHECK(!hash_same_with(5, "brand: B", "brand: B\n    payment_methods: [card]"));
    CHECK(!hash_same_with(5, "brand: B",
                          "brand: B\n    purchase_limits: {none: {purchases: 1, amount: 5}}"));
}
