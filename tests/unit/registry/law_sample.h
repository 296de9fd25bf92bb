/* The sample with one object of every other kind, and ways to change it. */
#pragma once

#include "registry_sample.h"

enum {
    LAW_REGIONS = SAMPLE_FILES,
    LAW_PERSONS,
    LAW_KEYS,
    LAW_GRANTS,
    LAW_AGREEMENTS,
    LAW_DATA_TERMS,
    LAW_SUBPROCESSORS,
    LAW_LANES,
    LAW_POOLS,
    LAW_ZONES,
    LAW_THRESHOLDS,
    LAW_REQUIREMENTS,
    LAW_NETWORKS,
    LAW_PROCUREMENTS,
    LAW_BILLING,
    LAW_FILES
};

#define LAW_SUM "00000000000000000000000000000000000000000000000000000000000000ff"

static const struct registry_file law_own[LAW_FILES - SAMPLE_FILES] = {
    { STR_INIT("regions.yaml"),
      STR_INIT("regions:\n"
               "  - {id: asean-2, version: 2, members: [SG, MY, TH], source: made up,\n"
               "     valid_from: 2025-01-01T00:00:00Z}\n") },
    { STR_INIT("persons.yaml"),
      STR_INIT("persons:\n"
               "  - {id: ann, name: Ann, valid_from: 2025-01-01T00:00:00Z,\n"
               "     public_key: " LAW_SUM "}\n"
               "  - {id: ben, name: Ben, valid_from: 2025-01-01T00:00:00Z, valid_until: null,\n"
               "     public_key: " LAW_SUM "}\n") },
    { STR_INIT("keys.yaml"), STR_INIT("keys: []\n") },
    { STR_INIT("grants.yaml"), STR_INIT("grants: []\n") },
    { STR_INIT("agreements.yaml"), STR_INIT("agreements: []\n") },
    { STR_INIT("data_terms.yaml"),
      STR_INIT("data_terms:\n"
               "  - id: d1\n"
               "    dpa: {version: \"3\", signed: true, valid_from: 2026-01-01T00:00:00Z,\n"
               "      valid_until: 2027-01-01T00:00:00Z}\n"
               "    retention_days: 0\n"
               "    training: no\n"
               "    human_review: abuse_only\n"
               "    children_allowed: true\n"
               "    analytics: false\n"
               "    locations: [SG, \"group:asean-2\"]\n"
               "    third_parties: [op]\n"
               "    transfer_basis:\n"
               "      - {from: SG, to: US, mechanism: contract_pdpa26,\n"
               "         valid_from: 2026-01-01T00:00:00Z}\n"
               "    us_categories: [health, financial]\n"
               "    record: {controller: C, security: S}\n"
               "  - {id: d2, retention_days: null}\n") },
    { STR_INIT("subprocessors.yaml"),
      STR_INIT("subprocessors:\n"
               "  - id: l1\n"
               "    version: 1\n"
               "    published_at: 2026-01-01T00:00:00Z\n"
               "    effective_at: 2026-01-31T00:00:00.5Z\n"
               "    notice_days: 30\n"
               "    entries: [{party: v1, service: inference, location: US}]\n"
               "    objections: [{client: op, party: v1, at: 2026-01-15T00:00:00Z}]\n") },
    { STR_INIT("lanes.yaml"),
      STR_INIT("lanes:\n"
               "  - {id: sg-out, from: [SG], to: [WORLD, CN], mechanisms: [contract_pdpa26, tia],\n"
               "     valid_from: 2026-01-01T00:00:00Z, source: PDPA 26}\n") },
    { STR_INIT("pools.yaml"),
      STR_INIT("pools:\n"
               "  - {id: p1, operator: op, zone: z1, place: CN/swa, max_concurrent: 4}\n") },
    { STR_INIT("zones.yaml"),
      STR_INIT("zones:\n"
               "  - id: z1\n"
               "    approval: {authority: made up, valid_from: 2026-01-01T00:00:00Z,\n"
               "      valid_until: 2027-01-01T00:00:00Z, operators: [op], pools: [p1]}\n"
               "    operator: op\n"
               "    pools: [p1]\n"
               "    ingress_links: [landing-1]\n"
               "    allowed_markets: [SG, MY]\n"
               "    separation: {network: physical, compute: physical, storage: logical,\n"
               "      keys: logical, admin: logical, logs: logical, cache: physical}\n"
               "    retention_max_s: 60\n") },
    { STR_INIT("thresholds.yaml"),
      STR_INIT("thresholds:\n"
               "  - {id: t1, name: us_bulk.health, value: 10000, source: made up,\n"
               "     valid_from: 2026-01-01T00:00:00Z}\n") },
    { STR_INIT("requirements.yaml"),
      STR_INIT("requirements:\n"
               "  - {id: q1, markets: [KR], qualification: representative, source: made up,\n"
               "     valid_from: 2026-01-22T00:00:00Z}\n") },
    { STR_INIT("networks.yaml"),
      STR_INIT("networks:\n"
               "  - {id: n1, cidr: 47.74.128.0/24, country: SG,\n"
               "     valid_from: 2026-01-22T00:00:00Z,\n"
               "     evidence: {file: documents/n1.txt, sha256: " LAW_SUM "}}\n") },
    { STR_INIT("procurements.yaml"),
      STR_INIT("procurements:\n"
               "  - id: b1\n"
               "    upstream_party: v1\n"
               "    buyer: op\n"
               "    keys_max: 2\n"
               "    valid_from: 2026-01-01T00:00:00Z\n"
               "    valid_until: 2027-01-01T00:00:00Z\n"
               "    purchase_orders:\n"
               "      - {id: o1, tokens: 1000000, valid_from: 2026-01-01T00:00:00Z,\n"
               "         valid_until: 2027-01-01T00:00:00Z}\n") },
    { STR_INIT("billing.yaml"), STR_INIT("billing:\n"
                                         "  - {id: s1, party: v1, period: 2026-10, state: open,\n"
                                         "     open_since: 2026-11-01T00:00:00Z}\n") },
};

static inline void law_files(struct registry_file *files)
{
    sample_files(files);
    memcpy(files + SAMPLE_FILES, law_own, sizeof(law_own));
}

struct law_case {
    unsigned file; /* where the change is made */
    const char *old;
    const char *good; /* NULL: the sample's own */
    const char *bad;
    enum registry_rule rule;
};

static inline void law_try(const struct law_case *test, const char *fresh, enum err want)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copy = sample_replace(files, test->file, test->old, fresh);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, LAW_FILES, &registry, &report);
    if (err != want) {
        test_failed(EP_SITE, "\"%s\": %s, %s", fresh, err_info(err)->name,
                    report.count > 0 ? report.faults[0].text : "no fault");
    }
    bool found = want == ERR_OK;
    for (size_t i = 0; i < report.count; i++) {
        found = found || (str_eq(str_from(report.faults[i].file), files[test->file].name) &&
                          report.faults[i].rule == test->rule && report.faults[i].line > 0);
    }
    if (!found) {
        test_failed(EP_SITE, "\"%s\": another rule: %s", fresh, report.faults[0].text);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
}

static inline void law_check(const struct law_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        law_try(&cases[i], cases[i].good != NULL ? cases[i].good : cases[i].old, ERR_OK);
        law_try(&cases[i], cases[i].bad, ERR_REGISTRY_INVALID);
    }
}

static inline struct registry *law_load(void)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    return sample_parse(files, LAW_FILES);
}
