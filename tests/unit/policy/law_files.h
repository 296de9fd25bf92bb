/*
 * The aggregator of law_fixture.h as files that the registry reads, signed: what the judge says of
 * them is what it says of a registry that an operator wrote. One key signs for everybody.
 */
#pragma once

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "harness.h"
#include "policy/policy.h"
#include "registry/registry_canonical.h"
#include "registry/registry_load.h"

#define FILES_PUBLIC "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
#define FILES_DOC_IN                                             \
    "doc: {file: documents/letter.txt, kind: contract, sha256: " \
    "5f9f00f8c446e4bf63fcd2636fb71477c8e3766a0675f03e0912852078eb443e}"
#define FILES_YEAR "valid_from: 2026-01-01T00:00:00Z, valid_until: 2027-01-01T00:00:00Z"

enum {
    FILES_PARTIES,
    FILES_MODELS,
    FILES_CREDENTIALS,
    FILES_PRICES,
    FILES_ROUTES,
    FILES_PRODUCTS,
    FILES_KEYS,
    FILES_PERSONS,
    FILES_GRANTS,
    FILES_AGREEMENTS,
    FILES_TERMS,
    FILES_SUBPROCESSORS,
    FILES_LANES,
    FILES_PROCUREMENTS,
    FILES_LETTER,
    FILES_COUNT
};

#define FILES_PARTY(id, kind, country)                                                     \
    "  - {id: " id ", kind: " kind ", legal_name: Made up, jurisdiction: " country ",\n"   \
    "     billing_country: " country ", client_type: enterprise, official_hosts: [api." id \
    ".example]}\n"
#define FILES_MODEL(id, vendor, origin)                                                      \
    "  - {id: " id ", vendor: " vendor ", origin: " origin ", version: a, family: " id ",\n" \
    "     declared_names: [" id "], modalities: [text], context_tokens: 1000,\n"             \
    "     output_tokens_max: 100}\n"
#define FILES_CREDENTIAL(id, upstream)                                            \
    "  - {id: " id ", upstream_party: " upstream ", account_holder: platform,\n"  \
    "     class: enterprise_contract, endpoint_host: api." upstream ".example,\n" \
    "     secret: \"env:KEY\", max_concurrent: 2, procurement: buy-" upstream "}\n"
#define FILES_ROUTE(id, upstream, model)                                                       \
    "  - {id: " id ", upstream_party: " upstream ", model: " model ", credential: c-" upstream \
    ",\n     dialect: openai_chat, endpoint: \"https://api." upstream                          \
    ".example/v1\",\n     upstream_model: " model ", place: SG, abort_billing: stops,\n"       \
    "     output_cap_field: max_tokens, contract_price: cost, data_terms: t-up}\n"
#define FILES_SIGNED(kind, key)                                                         \
    "    doc: {file: documents/letter.txt, kind: " kind ",\n"                           \
    "      sha256: 5f9f00f8c446e4bf63fcd2636fb71477c8e3766a0675f03e0912852078eb443e}\n" \
    "    evidence_class: written_signed\n    entered_by: ann\n"                         \
    "    entered_at: 2026-01-02T00:00:00Z\n    reviewed_by: ben\n    # sign k-" key "\n"
#define FILES_GRANT(id, from, to, parent, model, regions, depth, until)                 \
    "  - id: " id "\n    version: 1\n    grantor: " from "\n    grantee: " to "\n"      \
    "    parent: " parent "\n    models: [" model "]\n"                                 \
    "    actions: [api_call, aggregate, resell]\n    regions: {allow: [" regions "]}\n" \
    "    client_types: [enterprise, developer]\n    sublicense_depth: " depth "\n"      \
    "    valid_from: 2026-01-01T00:00:00Z\n    valid_until: " until                     \
    "\n" FILES_SIGNED("authorization_letter", from)
#define FILES_AGREEMENT(id, client, market)                                                      \
    "  - id: " id "\n    version: 1\n    grantor: platform\n    grantee: " client "\n"           \
    "    actions: [api_call]\n    regions: {allow: [WORLD]}\n    markets: [" market "]\n"        \
    "    client_types: [enterprise]\n    valid_from: 2026-01-01T00:00:00Z\n"                     \
    "    valid_until: 2028-01-01T00:00:00Z\n    data_terms: t-client\n" FILES_SIGNED("contract", \
                                                                                     "platform")
#define FILES_BUY(upstream)                                                                    \
    "  - {id: buy-" upstream ", upstream_party: " upstream ", buyer: platform, keys_max: 2,\n" \
    "     " FILES_YEAR ",\n     " FILES_DOC_IN "}\n"
#define FILES_KEY(party)                                                          \
    "  - {id: k-" party ", party: " party ", valid_from: 2025-01-01T00:00:00Z,\n" \
    "     public_key: " FILES_PUBLIC "}\n"
#define FILES_DPA \
    "dpa: {version: v3, signed: true, " FILES_YEAR ",\n      " FILES_DOC_IN "},\n     "

static const char *const files_names[FILES_COUNT] = {
    "parties.yaml",     "models.yaml",       "credentials.yaml",
    "price_books.yaml", "routes.yaml",       "products.yaml",
    "keys.yaml",        "persons.yaml",      "grants.yaml",
    "agreements.yaml",  "data_terms.yaml",   "subprocessors.yaml",
    "lanes.yaml",       "procurements.yaml", "documents/letter.txt",
};

static const char *const files_texts[FILES_COUNT] = {
    [FILES_PARTIES] = "parties:\n" FILES_PARTY("c1", "client", "SG")
        FILES_PARTY("c2", "client", "BR") FILES_PARTY("c9", "client", "CN")
            FILES_PARTY("va", "vendor", "CN") FILES_PARTY("vx", "vendor", "US")
                FILES_PARTY("cloud", "cloud", "SG") FILES_PARTY("platform", "platform", "SG"),
    [FILES_MODELS] =
        "models:\n" FILES_MODEL("m-alpha", "va", "CN") FILES_MODEL("m-xray", "vx", "US"),
    [FILES_CREDENTIALS] =
        "credentials:\n" FILES_CREDENTIAL("c-va", "va") FILES_CREDENTIAL("c-cloud", "cloud"),
    [FILES_PRICES] = "price_books:\n"
                     "  - {id: cost, version: \"1\", currency: USD, lines:\n"
                     "     {m-alpha: {input: 1, output: 2}, m-xray: {input: 1, output: 2}}}\n",
    [FILES_ROUTES] = "routes:\n" FILES_ROUTE("S1", "va", "m-alpha")
        FILES_ROUTE("S2", "cloud", "m-alpha") FILES_ROUTE("S2x", "cloud", "m-xray"),
    [FILES_PRODUCTS] = "products:\n"
                       "  - id: agg\n    name: All\n    mode: aggregate\n    brand: B\n"
                       "    seller: platform\n    models: [m-alpha, m-xray]\n"
                       "    price_book: cost\n"
                       "    unit: {name: AI token, per_currency_unit: 10000}\n    plans:\n"
                       "      - {id: p, price: 1, currency: USD, units: 1, expires_days: 365}\n",
    [FILES_KEYS] =
        "keys:\n" FILES_KEY("va") FILES_KEY("vx") FILES_KEY("cloud") FILES_KEY("platform"),
    [FILES_PERSONS] =
        "persons:\n"
        "  - {id: ann, name: A, valid_from: 2025-01-01T00:00:00Z, public_key: " FILES_PUBLIC "}\n"
        "  - {id: ben, name: B, valid_from: 2025-01-01T00:00:00Z,\n"
        "     public_key: 8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394}\n",
    [FILES_GRANTS] = "grants:\n" FILES_GRANT("G-S1", "va", "platform", "root", "m-alpha", "WORLD",
                                             "0", "2026-11-02T12:00:00Z")
        FILES_GRANT("G-A-cloud", "va", "cloud", "root", "m-alpha", "SG, MY, TH", "1",
                    "2027-01-01T00:00:00Z")
            FILES_GRANT("G-cloud-P", "cloud", "platform", "G-A-cloud", "m-alpha", "SG, MY, TH", "0",
                        "2027-01-01T00:00:00Z")
                FILES_GRANT("G-X-cloud", "vx", "cloud", "root", "m-xray", "WORLD", "1",
                            "2027-01-01T00:00:00Z")
                    FILES_GRANT("G-cloud-x", "cloud", "platform", "G-X-cloud", "m-xray", "WORLD",
                                "0", "2027-01-01T00:00:00Z"),
    [FILES_AGREEMENTS] = "agreements:\n" FILES_AGREEMENT("A-1", "c1", "SG")
        FILES_AGREEMENT("A-2", "c2", "BR") FILES_AGREEMENT("A-9", "c9", "SG"),
    [FILES_TERMS] = "data_terms:\n"
                    "  - {id: t-client, " FILES_DPA "retention_days: 0, training: no,\n"
                    "     locations: [SG], record: {controller: a, contact: b, categories: c,\n"
                    "     transfers: d, security: e}}\n"
                    "  - {id: t-up, " FILES_DPA "retention_days: 0, training: no,\n"
                    "     human_review: no, analytics: false}\n",
    [FILES_SUBPROCESSORS] = "subprocessors:\n"
                            "  - id: v1\n    version: 1\n"
                            "    published_at: 2026-01-01T00:00:00Z\n"
                            "    effective_at: 2026-02-01T00:00:00Z\n    notice_days: 30\n"
                            "    entries:\n"
                            "      - {party: va, service: inference, location: SG}\n"
                            "      - {party: cloud, service: inference, location: SG}\n",
    [FILES_LANES] = "lanes:\n"
                    "  - {id: sg, from: [WORLD], to: [SG], mechanisms: [none], source: made up,\n"
                    "     valid_from: 2026-01-01T00:00:00Z}\n",
    [FILES_PROCUREMENTS] = "procurements:\n" FILES_BUY("va") FILES_BUY("cloud"),
    [FILES_LETTER] = "letter\n",
};

/* Signatures of the entry behind an "- id: " go where "# sign KEY" stands. */
static inline void files_sign(struct buf *out, struct str rest, const struct registry *draft)
{
    unsigned char seed[SIGN_SEED_BYTES];
    unsigned char signature[SIGN_BYTES];
    struct sign_key *key = NULL;
    struct str id = STR_EMPTY;
    struct buf text;
    buf_init(&text, 1 << 20);
    memset(seed, 1, sizeof(seed));
    CHECK(sign_key_from_seed(seed, &key, NULL) == ERR_OK);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        id = str_starts(line, STR("  - id: ")) ? str_from_at(line, 8) : id;
        if (!str_starts(line, STR("    # sign "))) {
            CHECK(buf_printf(out, STR_FMT "\n", STR_ARG(line)) == ERR_OK);
            continue;
        }
        buf_reset(&text);
        const struct registry_grant *grant = registry_grant(draft, id);
        CHECK((grant != NULL
                   ? registry_grant_canonical(grant, &text)
                   : registry_agreement_canonical(registry_agreement(draft, id), &text)) == ERR_OK);
        CHECK(sign_make(key, buf_str(&text), signature) == ERR_OK);
        CHECK(buf_printf(out, "    signature: {alg: ed25519, key_id: " STR_FMT ", sig: ",
                         STR_ARG(str_from_at(line, 11))) == ERR_OK);
        CHECK(enc_hex(out, signature, sizeof(signature)) == ERR_OK);
        CHECK(buf_append(out, STR("}\n")) == ERR_OK);
    }
    sign_key_destroy(key);
    buf_fini(&text);
}

static inline struct registry *files_parse(const struct registry_file *files, bool draft)
{
    struct registry_report report;
    struct registry *registry = NULL;
    registry_report_init(&report);
    report.draft = draft;
    if (registry_parse(files, FILES_COUNT, &registry, &report) != ERR_OK) {
        test_failed(EP_SITE, "%s:%u %s", report.count > 0 ? report.faults[0].file : "",
                    report.count > 0 ? report.faults[0].line : 0,
                    report.count > 0 ? report.faults[0].text : "");
    }
    registry_report_fini(&report);
    return registry;
}

/* With one text replaced in one file ("old" NULL: none) before it is signed; `draft`: as such. */
static inline struct registry *files_load(unsigned file, const char *old, const char *fresh,
                                          bool draft)
{
    struct registry_file files[FILES_COUNT];
    struct buf changed;
    struct buf grants;
    struct buf agreements;
    buf_init(&changed, 1 << 20);
    buf_init(&grants, 1 << 20);
    buf_init(&agreements, 1 << 20);
    for (unsigned i = 0; i < FILES_COUNT; i++) {
        files[i] = (struct registry_file){ str_from(files_names[i]), str_from(files_texts[i]) };
    }
    if (old != NULL) {
        struct str text = files[file].text;
        size_t at = str_search(text, str_from(old));
        CHECK(at < text.len);
        CHECK(buf_append(&changed, str_slice(text, 0, at)) == ERR_OK);
        CHECK(buf_append(&changed, str_from(fresh)) == ERR_OK);
        CHECK(buf_append(&changed, str_from_at(text, at + str_from(old).len)) == ERR_OK);
        files[file].text = buf_str(&changed);
    }
    struct registry *unsigned_one = files_parse(files, true);
    files_sign(&grants, files[FILES_GRANTS].text, unsigned_one);
    files_sign(&agreements, files[FILES_AGREEMENTS].text, unsigned_one);
    registry_unref(unsigned_one);
    files[FILES_GRANTS].text = buf_str(&grants);
    files[FILES_AGREEMENTS].text = buf_str(&agreements);
    struct registry *registry = files_parse(files, draft);
    buf_fini(&changed);
    buf_fini(&grants);
    buf_fini(&agreements);
    return registry;
}
