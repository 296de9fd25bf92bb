/* The sample with one object of every other kind, and ways to change it. */
#pragma once

#include "base/enc.h"
#include "crypto/sign.h"
#include "registry/registry_canonical.h"
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
    LAW_LETTER_ONE, /* documents */
    LAW_LETTER_TWO,
    LAW_TEXT,
    LAW_RANGE,
    LAW_FILES
};

#define LAW_RANGE_SUM "fcfb4896e3778b786f8b40630224460ec5b576223b014bd4f13bc22a01b5d024"
#define LAW_SUM       "00000000000000000000000000000000000000000000000000000000000000ff"

/* The seeds of their keys are 32 bytes of 1, 2 and 3. */
#define LAW_KEY_V1 "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
#define LAW_KEY_CH "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
#define LAW_KEY_OP "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1"

#define LAW_PARTIES                                                        \
    "parties:\n"                                                           \
    "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US,\n"    \
    "     official_hosts: [api.v1.test]}\n"                                \
    "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n"   \
    "  - {id: ch, kind: channel, legal_name: Channel, jurisdiction: SG}\n" \
    "  - {id: cl, kind: client, legal_name: Client, jurisdiction: MY}\n"   \
    "  - {id: c2, kind: client, legal_name: Other, jurisdiction: SG}\n"

#define LAW_ENTERED                          \
    "    entered_by: ann\n"                  \
    "    entered_at: 2026-01-10T00:00:00Z\n" \
    "    reviewed_by: ben\n"
#define LAW_WINDOW                           \
    "    valid_from: 2026-01-01T00:00:00Z\n" \
    "    valid_until: 2027-01-01T00:00:00Z\n"

/* What "# sign KEY" stands for is put there by law_sign(). */
#define LAW_GRANTS_TEXT                                                               \
    "grants:\n"                                                                       \
    "  - id: g1\n"                                                                    \
    "    version: 1\n"                                                                \
    "    grantor: v1\n"                                                               \
    "    grantee: ch\n"                                                               \
    "    parent: root\n"                                                              \
    "    models: [m1, \"family:one\"]\n"                                              \
    "    actions: [api_call, aggregate, resell, white_label]\n"                       \
    "    regions: {allow: [WORLD, JP], deny: [KP]}\n"                                 \
    "    client_types: [enterprise, developer, child_directed]\n"                     \
    "    sublicense_depth: 1\n"                                                       \
    "    doc: {file: documents/one.txt, kind: authorization_letter, sha256: \n"       \
    "      e41b1471e42a11286464d6b43535270a9d1aab2df38986fc91e053272382b489}\n"       \
    "    evidence_class: written_signed\n" LAW_WINDOW LAW_ENTERED "    # sign k.v1\n" \
    "  - id: g2\n"                                                                    \
    "    version: 1\n"                                                                \
    "    grantor: ch\n"                                                               \
    "    grantee: op\n"                                                               \
    "    parent: g1\n"                                                                \
    "    models: [m1]\n"                                                              \
    "    actions: [api_call, aggregate, resell]\n"                                    \
    "    regions: {allow: [SG, \"group:asean-2\"], deny: [KP]}\n"                     \
    "    client_types: [enterprise, developer]\n"                                     \
    "    doc: {file: documents/two.txt, kind: contract, sha256: \n"                   \
    "      0bc67517ad6dc1123dfae18756c43cb4bc3c64be321cc09bc3f787fb26226b66}\n"       \
    "    evidence_class: written_signed\n" LAW_WINDOW LAW_ENTERED "    # sign k.ch\n"

#define LAW_AGREEMENTS_TEXT                                                     \
    "agreements:\n"                                                             \
    "  - id: a1\n"                                                              \
    "    version: 1\n"                                                          \
    "    grantor: op\n"                                                         \
    "    grantee: cl\n"                                                         \
    "    actions: [api_call]\n"                                                 \
    "    regions: {allow: [WORLD]}\n"                                           \
    "    markets: [SG, MY]\n"                                                   \
    "    client_types: [developer]\n"                                           \
    "    doc: {file: documents/text.txt, kind: contract, sha256: \n"            \
    "      cc1255d8a184b123a12f8188cf7d6815f88dbcea94d9655dc0c4d65ae5d62e8e}\n" \
    "    evidence_class: written_signed\n"                                      \
    "    data_terms: d1\n" LAW_WINDOW LAW_ENTERED "    # sign k.op\n"           \
    "  - id: a2\n"                                                              \
    "    version: 1\n"                                                          \
    "    grantor: op\n"                                                         \
    "    online: true\n"                                                        \
    "    actions: [api_call]\n"                                                 \
    "    regions: {allow: [SG]}\n"                                              \
    "    client_types: [developer]\n"                                           \
    "    doc: {file: documents/text.txt, kind: click_through, sha256: \n"       \
    "      cc1255d8a184b123a12f8188cf7d6815f88dbcea94d9655dc0c4d65ae5d62e8e}\n" \
    "    evidence_class: click_through\n" LAW_WINDOW LAW_ENTERED

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
               "     public_key: " LAW_RANGE_SUM "}\n") },
    { STR_INIT("keys.yaml"),
      STR_INIT("keys:\n"
               "  - {id: k.v1, party: v1, valid_from: 2025-01-01T00:00:00Z,\n"
               "     public_key: " LAW_KEY_V1 "}\n"
               "  - {id: k.ch, party: ch, valid_from: 2025-01-01T00:00:00Z,\n"
               "     public_key: " LAW_KEY_CH "}\n"
               "  - {id: k.op, party: op, valid_from: 2025-01-01T00:00:00Z,\n"
               "     public_key: " LAW_KEY_OP "}\n") },
    { STR_INIT("grants.yaml"), STR_INIT(LAW_GRANTS_TEXT) },
    { STR_INIT("agreements.yaml"), STR_INIT(LAW_AGREEMENTS_TEXT) },
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
               "     evidence: {file: documents/n1.txt, sha256: " LAW_RANGE_SUM "}}\n") },
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
    { STR_INIT("documents/one.txt"), STR_INIT("letter one\n") },
    { STR_INIT("documents/two.txt"), STR_INIT("letter two\n") },
    { STR_INIT("documents/text.txt"), STR_INIT("agreement\n") },
    { STR_INIT("documents/n1.txt"), STR_INIT("licence\n") },
};

static inline void law_files(struct registry_file *files)
{
    sample_files(files);
    files[0].text = STR(LAW_PARTIES);
    memcpy(files + SAMPLE_FILES, law_own, sizeof(law_own));
}

/* ---- signing ------------------------------------------------------------------------------ */

static inline void law_signature(struct str key, struct str text, struct buf *out)
{
    static const struct str keys[] = { STR_INIT("k.v1"), STR_INIT("k.ch"), STR_INIT("k.op") };
    unsigned char seed[SIGN_SEED_BYTES];
    unsigned char signature[SIGN_BYTES];
    struct sign_key *signer = NULL;
    memset(seed, 4, sizeof(seed));
    for (unsigned char i = 0; i < EP_ARRAY_LEN(keys); i++) {
        if (str_eq(keys[i], key)) {
            memset(seed, 1 + i, sizeof(seed));
        }
    }
    CHECK(sign_key_from_seed(seed, &signer, NULL) == ERR_OK);
    CHECK(sign_make(signer, text, signature) == ERR_OK);
    CHECK(enc_hex(out, signature, sizeof(signature)) == ERR_OK);
    sign_key_destroy(signer);
}

static inline enum err law_canonical(const struct registry *registry, bool grants, struct str id,
                                     struct buf *out)
{
    return grants ? registry_grant_canonical(registry_grant(registry, id), out)
                  : registry_agreement_canonical(registry_agreement(registry, id), out);
}

/* Puts signatures of the entry behind an "- id: " where "# sign KEY" stands. */
static inline char *law_sign_file(struct registry_file *file, const struct registry *registry,
                                  bool grants)
{
    struct str rest = file->text;
    struct str id = STR_EMPTY;
    struct buf out;
    struct buf text;
    buf_init(&out, 1 << 24);
    buf_init(&text, 1 << 20);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("  - id: "))) {
            id = str_from_at(line, 8);
        }
        if (str_starts(line, STR("    # sign "))) {
            struct str key = str_from_at(line, 11);
            buf_reset(&text);
            CHECK(law_canonical(registry, grants, id, &text) == ERR_OK);
            CHECK(buf_printf(&out, "    signature: {alg: ed25519, key_id: " STR_FMT ", sig: ",
                             STR_ARG(key)) == ERR_OK);
            law_signature(key, buf_str(&text), &out);
            line = STR("}");
        }
        CHECK(buf_append(&out, line) == ERR_OK);
        CHECK(buf_byte(&out, '\n') == ERR_OK);
    }
    buf_fini(&text);
    file->text.len = out.len;
    char *copy = buf_give_text(&out);
    CHECK(copy != NULL);
    file->text.ptr = copy;
    return copy;
}

/* Signs what is to be signed, if the files can be read; mem_free() what comes back. */
static inline void law_sign(struct registry_file *files, size_t count, char *ret_copies[2])
{
    struct registry_report report;
    registry_report_init(&report);
    report.draft = true;
    struct registry *draft = NULL;
    ret_copies[0] = NULL;
    ret_copies[1] = NULL;
    if (registry_parse(files, count, &draft, &report) == ERR_OK) {
        ret_copies[0] = law_sign_file(&files[LAW_GRANTS], draft, true);
        ret_copies[1] = law_sign_file(&files[LAW_AGREEMENTS], draft, false);
    }
    registry_unref(draft);
    registry_report_fini(&report);
}

struct law_case {
    unsigned file; /* where the change is made */
    const char *old;
    const char *good; /* NULL: the sample's own */
    const char *bad;
    enum registry_rule rule;
};

/* One that is found: a fault, or a warning where the registry is taken. */
static inline bool law_found(const struct registry_report *report, struct str file,
                             enum registry_rule rule)
{
    bool found = false;
    for (size_t i = 0; i < report->count; i++) {
        const struct registry_fault *fault = &report->faults[i];
        found = found ||
                (str_eq(str_from(fault->file), file) && fault->rule == rule && fault->line > 0);
    }
    return found;
}

static inline void law_try(const struct law_case *test, const char *fresh, enum err want)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    law_files(files);
    char *copy = sample_replace(files, test->file, test->old, fresh);
    law_sign(files, LAW_FILES, copies);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, LAW_FILES, &registry, &report);
    if (err != want) {
        test_failed(EP_SITE, "\"%s\": %s, %s: %s", fresh, err_info(err)->name,
                    report.count > 0 ? registry_rule_code(report.faults[0].rule) : "",
                    report.count > 0 ? report.faults[0].text : "no fault");
    }
    if (want != ERR_OK && !law_found(&report, files[test->file].name, test->rule)) {
        test_failed(EP_SITE, "\"%s\": another rule: %s", fresh, report.faults[0].text);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    mem_free(copy);
    mem_free(copies[0]);
    mem_free(copies[1]);
}

static inline void law_check(const struct law_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        law_try(&cases[i], cases[i].good != NULL ? cases[i].good : cases[i].old, ERR_OK);
        law_try(&cases[i], cases[i].bad, ERR_REGISTRY_INVALID);
    }
}

/* The sample with one change ("old" NULL: none), signed. */
static inline struct registry *law_load_with(unsigned file, const char *old, const char *fresh)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    law_files(files);
    char *copy = old != NULL ? sample_replace(files, file, old, fresh) : NULL;
    law_sign(files, LAW_FILES, copies);
    struct registry *registry = sample_parse(files, LAW_FILES);
    mem_free(copy);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return registry;
}

static inline struct registry *law_load(void)
{
    return law_load_with(0, NULL, NULL);
}

/* ---- what comes of it --------------------------------------------------------------------- */

struct law_result {
    enum err err;
    struct registry *registry;
    struct registry_report report;
};

/* Of the files, signed. */
static inline struct law_result law_result_of(const struct registry_file *unsigned_files,
                                              bool draft)
{
    struct law_result result = { .registry = NULL };
    struct registry_file files[LAW_FILES];
    char *copies[2];
    memcpy(files, unsigned_files, sizeof(files));
    law_sign(files, LAW_FILES, copies);
    registry_report_init(&result.report);
    result.report.draft = draft;
    result.err = registry_parse(files, LAW_FILES, &result.registry, &result.report);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return result;
}

/* Of the sample with one change. */
static inline struct law_result law_result(unsigned file, const char *old, const char *fresh)
{
    struct registry_file files[LAW_FILES];
    law_files(files);
    char *copy = sample_replace(files, file, old, fresh);
    struct law_result result = law_result_of(files, false);
    mem_free(copy);
    return result;
}

static inline void law_result_fini(struct law_result *result)
{
    registry_unref(result->registry);
    registry_report_fini(&result->report);
    result->registry = NULL;
}
