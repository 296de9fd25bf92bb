/* A small registry in memory for this room's tests, and ways to change it. */
#pragma once

#include "base/mem.h"
#include "harness.h"
#include "registry/registry_internal.h"

#define SAMPLE_FILES 6

static const char *const sample_names[SAMPLE_FILES] = { "parties.yaml",     "models.yaml",
                                                        "credentials.yaml", "price_books.yaml",
                                                        "routes.yaml",      "products.yaml" };

static const char *const sample_texts[SAMPLE_FILES] = {
    "parties:\n"
    "  - {id: v1, kind: vendor, legal_name: V One, jurisdiction: US,\n"
    "     official_hosts: [api.v1.test]}\n"
    "  - {id: op, kind: aggregator, legal_name: Op, jurisdiction: SG}\n",
    "models:\n"
    "  - id: m1\n"
    "    vendor: v1\n"
    "    origin: US\n"
    "    version: \"1\"\n"
    "    family: one\n"
    "    declared_names: [m1, m1-x]\n"
    "    modalities: [text]\n"
    "    context_tokens: 1000\n"
    "    output_tokens_max: 100\n"
    "  - {id: m2, vendor: v1, origin: US, version: a, tokenizer: t, declared_names: [m2],\n"
    "     modalities: [text], context_tokens: 1000, output_tokens_max: 100}\n",
    "credentials:\n"
    "  - {id: c1, upstream_party: v1, account_holder: op, class: enterprise_contract,\n"
    "     endpoint_host: api.v1.test, secret: \"env:KEY\", max_concurrent: 2}\n",
    "price_books:\n"
    "  - {id: cost, version: \"1\", currency: USD, lines: {m1: {input: 1, output: 2},\n"
    "     m2: {input: 1, output: 2}}}\n"
    "  - {id: sale, version: \"1\", currency: USD, lines: {"
    "m2: {input: \"0.000001\", output: 1000000},\n"
    "     m1: {input: \"2.50\", cached_input: 0.25, cache_write: 3, cache_write_1h: \"4.5\",\n"
    "     output: 10, per_request: 0.000000000001}}}\n",
    "routes:\n"
    "  - {id: r2, upstream_party: v1, model: m1, credential: c1, dialect: openai_chat,\n"
    "     endpoint: \"https://api.v1.test/v1\", upstream_model: m1, place: US/west,\n"
    "     abort_billing: stops, output_cap_field: max_tokens, contract_price: cost,\n"
    "     state: suspended, weight: 3}\n"
    "  - {id: r1, upstream_party: v1, model: m1, credential: c1, dialect: openai_chat,\n"
    "     endpoint: \"https://API.v1.test:444/v1\", upstream_model: m1, place: US,\n"
    "     abort_billing: unknown, output_cap_field: max_completion_tokens, contract_price: cost}\n",
    "products:\n"
    "  - id: world\n"
    "    name: World\n"
    "    mode: aggregate\n"
    "    brand: B\n"
    "    seller: op\n"
    "    models: [m2, m1]\n"
    "    price_book: sale\n"
    "    unit: {name: AI token, per_currency_unit: 10000}\n"
    "    plans:\n"
    "      - {id: starter, price: 100, currency: USD, units: 1000000, expires_days: 365}\n"
    "      - {id: big, price: \"999.99\", currency: USD, units: 9999900, expires_days: 0}\n",
};

/* A snapshot is hashed when it is loaded. */
__attribute__((constructor)) static void sample_start(void)
{
    ASSERT(crypto_start(NULL) == ERR_OK);
}

static inline void sample_files(struct registry_file *files)
{
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        files[i] = (struct registry_file){ str_from(sample_names[i]), str_from(sample_texts[i]) };
    }
}

/* The sample; fails the test if it is refused. */
static inline struct registry *sample_parse(const struct registry_file *files, size_t count)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, count, &registry, &report);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s: %s:%u %s", err_info(err)->name,
                    report.count > 0 ? report.faults[0].file : "",
                    report.count > 0 ? report.faults[0].line : 0,
                    report.count > 0 ? report.faults[0].text : "");
    }
    registry_report_fini(&report);
    return registry;
}

static inline struct registry *sample_load(void)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    return sample_parse(files, SAMPLE_FILES);
}

/* Replaces the first `old` in file `at`; mem_free() what is returned. */
static inline char *sample_replace(struct registry_file *files, size_t at, const char *old,
                                   const char *fresh)
{
    struct str text = files[at].text;
    size_t where = str_search(text, str_from(old));
    if (where == text.len) {
        test_failed(EP_SITE, "\"%s\" is not in %s", old, sample_names[at]);
    }
    struct buf buf;
    buf_init(&buf, 1 << 20);
    CHECK(buf_append(&buf, str_slice(text, 0, where)) == ERR_OK);
    CHECK(buf_append(&buf, str_from(fresh)) == ERR_OK);
    CHECK(buf_append(&buf, str_from_at(text, where + str_from(old).len)) == ERR_OK);
    size_t len = buf.len;
    char *copy = buf_give_text(&buf);
    CHECK(copy != NULL);
    files[at].text = (struct str){ copy, len };
    return copy;
}
