#include "law_sample.h"

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
                         "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US,\n"
                         "     official_hosts: [api.v1.test]}\n"
                         "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n",
                         "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n"
                         "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US,\n"
                         "     official_hosts: [api.v1.test]}\n"));
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

static struct digest law_hash(unsigned file, const char *old, const char *fresh)
{
    struct registry *registry = law_load_with(file, old, fresh);
    struct digest hash = registry->hash;
    registry_unref(registry);
    return hash;
}

TEST(the_hash_covers_every_kind)
{
    static const struct {
        unsigned file;
        const char *old;
        const char *fresh;
    } changes[] = {
        { LAW_REGIONS, "TH", "VN" },
        { LAW_POOLS, "max_concurrent: 4", "max_concurrent: 5" },
        { LAW_POOLS, "max_concurrent: 4", "max_concurrent: 4, tokens_per_minute: 9" },
        { LAW_POOLS, "max_concurrent: 4",
          "max_concurrent: 4, tariff: {utc_offset: \"+08:00\", windows: [{from: \"00:00\", "
          "until: \"07:00\", percent: 40}]}" },
        { LAW_PERSONS, "Ann", "Anne" },
        { LAW_PERSONS, "000ff", "000fe" },
        { LAW_DATA_TERMS, "signed: true", "signed: false" },
        { LAW_DATA_TERMS, "retention_days: null", "retention_days: 0" },
        { LAW_DATA_TERMS, "[op]", "[v1]" },
        { LAW_DATA_TERMS, "from: SG, to: US", "from: SG, to: JP" },
        { LAW_DATA_TERMS, "health", "genomic" },
        { LAW_SUBPROCESSORS, ".5Z", ".6Z" },
        { LAW_LANES, "[WORLD, CN]", "[WORLD]" },
        { LAW_POOLS, "CN/swa", "CN/swb" },
        { LAW_POOLS, "max_concurrent: 4", "max_concurrent: 5" },
        { LAW_ZONES, "logs: logical", "logs: physical" },
        { LAW_ZONES, "landing-1", "landing-2" },
        { LAW_ZONES, "allowed_markets: [SG, MY]", "allowed_markets: [SG]" },
        { LAW_THRESHOLDS, "10000", "10001" },
        { LAW_REQUIREMENTS, "[KR]", "[JP]" },
        { LAW_NETWORKS, "sha256: f", "sha256: e" },
        { LAW_PROCUREMENTS, "tokens: 1000000", "tokens: 1000001" },
        { LAW_BILLING, "state: open", "state: pending" },
        { 0, "official_hosts: [api.v1.test]", "official_hosts: [api.v1.test, b.test]" },
        { 5, "brand: B", "brand: C" },
        { LAW_GRANTS, "[WORLD, JP]", "[WORLD]" },
        { LAW_GRANTS, "[m1, \"family:one\"]", "[\"family:one\"]" },
        { LAW_GRANTS, "resell, white_label]", "resell]" },
        { LAW_GRANTS, "sublicense_depth: 1", "sublicense_depth: 2" },
        { LAW_KEYS, "k.op, party: op", "k.op, party: op, revoked_at: 2026-12-01T00:00:00Z" },
        { LAW_AGREEMENTS, "markets: [SG, MY]", "markets: [SG]" },
        { LAW_AGREEMENTS, "data_terms: d1", "data_terms: d2" },
        { LAW_RANGE, "licence", "license" }, /* the state of a document */
    };
    struct digest before = law_hash(0, NULL, NULL);
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        struct digest after = law_hash(changes[i].file, changes[i].old, changes[i].fresh);
        if (digest_eq(&before, &after)) {
            test_failed(EP_SITE, "\"%s\" changes nothing", changes[i].fresh);
        }
    }
    struct digest sorted = law_hash(LAW_ZONES, "[SG, MY]", "[MY, SG]");
    CHECK(digest_eq(&before, &sorted));
    struct registry *plain = sample_load();
    CHECK(!digest_eq(&before, &plain->hash));
    registry_unref(plain);
}

TEST(what_came_later_changes_the_hash_of_those_that_use_it)
{
    CHECK(hash_same_with(5, "brand: B", "brand: B\n    dispatch: {}"));
    CHECK(hash_same_with(5, "brand: B", "brand: B\n    dispatch: {sort: price, near_percent: 0}"));
    CHECK(!hash_same_with(5, "brand: B", "brand: B\n    dispatch: {sort: weight}"));
    CHECK(!hash_same_with(5, "brand: B", "brand: B\n    dispatch: {only: [v1]}"));
    CHECK(!hash_same_with(5, "brand: B", "brand: B\n    dispatch: {near_percent: 1}"));
    CHECK(
        !hash_same_with(5, "brand: B", "brand: B\n    dispatch: {hedge: {after_percentile: 95}}"));
    CHECK(!hash_same_with(5, "brand: B",
                          "brand: B\n    voice: {hear: m1, think: m1, speak: m2, "
                          "voice: v}"));
    CHECK(!hash_same_with(5, "brand: B", "brand: B\n    batch: {price_percent: 50}"));
    CHECK(hash_same_with(4, "abort_billing: stops", "abort_billing: stops, quantization: unknown"));
    CHECK(!hash_same_with(4, "abort_billing: stops", "abort_billing: stops, quantization: fp8"));
    const char *route = "abort_billing: stops, output_cap_field: max_tokens,";
    CHECK(hash_same_with(
        4, route, "abort_billing: stops, output_cap_field: max_tokens, usage: openai.chat,"));
    CHECK(!hash_same_with(4, route,
                          "abort_billing: stops, output_cap_field: max_tokens, usage: deepseek,"));
    CHECK(!hash_same_with(3, "output: 10,", "output: 10, per_web_search: 0,"));
    CHECK(!hash_same_with(3, "output: 10,", "output: 10, per_source: 0.01,"));
    CHECK(!hash_same_with(3, "output: 10,", "output: 10, cache_write_unknown: 4,"));
    static const char *const energy[] = {
        "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 2}",
        "max_concurrent: 4, energy: {microjoules_in: 1, microjoules_out: 3}",
        ("max_concurrent: 4,"
         " energy: {microjoules_in: 1, microjoules_out: 2, pue_overhead_percent: 1}"),
    };
    struct digest hashes[1 + EP_ARRAY_LEN(energy)] = { law_hash(0, NULL, NULL) };
    for (size_t i = 0; i < EP_ARRAY_LEN(energy); i++) {
        hashes[1 + i] = law_hash(LAW_POOLS, "max_concurrent: 4", energy[i]);
        for (size_t j = 0; j <= i; j++) {
            CHECK(!digest_eq(&hashes[1 + i], &hashes[j]));
        }
    }
}

static struct digest hash_of_line(const char *line)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(files, 3, "{input: \"0.000001\", output: 1000000}", line);
    struct digest hash = hash_of(files);
    mem_free(copy);
    return hash;
}

TEST(tiers_are_of_the_hash_as_they_are_charged)
{
    static const struct {
        const char *line;
        bool same;
    } cases[] = {
        { "{input: 1, output: 2, tiers: {fast: {input: 3, output: 4}, priority: {percent: 200}}}",
          true },
        { "{input: 1, output: 2, tiers: {priority: {input: 2, output: 4}, fast: {input: 3,"
          " output: 4}}}",
          true },
        { "{input: 1, output: 2, tiers: {priority: {percent: 201}, fast: {input: 3, output: 4}}}",
          false },
        { "{input: 1, output: 2, tiers: {scale: {percent: 200}, fast: {input: 3, output: 4}}}",
          false },
        { "{input: 1, output: 2, tiers: {fast: {input: 3, output: 4}}}", false },
        { "{input: 1, output: 2}", false },
    };
    struct digest first = hash_of_line(
        "{input: 1, output: 2, tiers: {priority: {percent: 200}, fast: {input: 3, output: 4}}}");
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct digest hash = hash_of_line(cases[i].line);
        CHECK_EQ(digest_eq(&hash, &first), cases[i].same);
    }
}
