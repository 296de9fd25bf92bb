/*
 * ep-bench-registry [GRANTS]: how long a registry of so many signed grants takes to load.
 *
 * Beside 10,000 grants stand 1,000 parties with keys, 200 models, 1,000 credentials and routes,
 * and a document for each grant; other numbers in proportion. Files are made and signed in memory
 * first. Lines "NAME NUMBER": the bytes of YAML, the milliseconds of CPU of a load without and
 * with the signatures, the best of three, and the peak of memory in MiB.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/sign.h"
#include "registry/registry_canonical.h"
#include "registry/registry_load.h"

#define BENCH_GRANTS    10000
#define BENCH_NS_PER_MS 1000000
#define BENCH_ROUNDS    3
#define BENCH_FILE_MAX  ((size_t)64 << 20)
#define BENCH_KEYS      100 /* different ones */

enum bench_file {
    BENCH_PARTIES,
    BENCH_MODELS,
    BENCH_CREDENTIALS,
    BENCH_BOOKS,
    BENCH_ROUTES,
    BENCH_PRODUCTS,
    BENCH_PERSONS,
    BENCH_KEY_FILE,
    BENCH_GRANT_FILE,
    BENCH_FILES
};

static const struct str bench_names[BENCH_FILES] = {
    [BENCH_PARTIES] = STR_INIT("parties.yaml"),
    [BENCH_MODELS] = STR_INIT("models.yaml"),
    [BENCH_CREDENTIALS] = STR_INIT("credentials.yaml"),
    [BENCH_BOOKS] = STR_INIT("price_books.yaml"),
    [BENCH_ROUTES] = STR_INIT("routes.yaml"),
    [BENCH_PRODUCTS] = STR_INIT("products.yaml"),
    [BENCH_PERSONS] = STR_INIT("persons.yaml"),
    [BENCH_KEY_FILE] = STR_INIT("keys.yaml"),
    [BENCH_GRANT_FILE] = STR_INIT("grants.yaml"),
};

struct bench {
    unsigned grants;
    unsigned parties; /* the first tenth are vendors */
    unsigned models;
    unsigned routes;
    struct buf texts[BENCH_FILES];
    struct buf names; /* of the documents, 32 bytes each */
    struct registry_file *files;
    size_t count;
    struct sign_key *keys[BENCH_KEYS];
};

static uint64_t bench_now_ns(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 * BENCH_NS_PER_MS + (uint64_t)now.tv_nsec;
}

static void bench_must(enum err err)
{
    ASSERT(err == ERR_OK);
}

/* ---- what it is made of -------------------------------------------------------------------- */

static unsigned bench_vendors(const struct bench *bench)
{
    return bench->parties / 10;
}

static void bench_make_parties(struct bench *bench)
{
    struct buf *parties = &bench->texts[BENCH_PARTIES];
    struct buf *keys = &bench->texts[BENCH_KEY_FILE];
    bench_must(buf_append(parties, STR("parties:\n"
                                       "  - {id: op, kind: platform, legal_name: Op, "
                                       "jurisdiction: SG}\n"
                                       "  - {id: cl, kind: client, legal_name: Cl, "
                                       "jurisdiction: MY}\n")));
    bench_must(buf_append(keys, STR("keys:\n")));
    for (unsigned i = 0; i <= bench->parties; i++) {
        unsigned char public_key[SIGN_PUBLIC_BYTES];
        char id[16] = "op";
        if (i < bench->parties) {
            (void)snprintf(id, sizeof(id), "p%04u", i);
        }
        sign_public(bench->keys[i % BENCH_KEYS], public_key);
        bench_must(buf_printf(keys, "  - {id: k.%s, party: %s, public_key: ", id, id));
        bench_must(enc_hex(keys, public_key, sizeof(public_key)));
        bench_must(buf_append(keys, STR(", valid_from: 2025-01-01T00:00:00Z}\n")));
        if (i < bench->parties) {
            bench_must(buf_printf(parties,
                                  "  - {id: %s, kind: %s, legal_name: Party %u, jurisdiction: US, "
                                  "owners: [{jurisdiction: US, percent: 60}], official_hosts: "
                                  "[\"*.%s.example\"]}\n",
                                  id, i < bench_vendors(bench) ? "vendor" : "channel", i, id));
        }
    }
}

static void bench_make_models(struct bench *bench)
{
    struct buf *models = &bench->texts[BENCH_MODELS];
    struct buf *books = &bench->texts[BENCH_BOOKS];
    struct buf *products = &bench->texts[BENCH_PRODUCTS];
    bench_must(buf_append(models, STR("models:\n")));
    bench_must(buf_append(books, STR("price_books:\n  - id: b\n    version: a\n"
                                     "    currency: USD\n    lines:\n")));
    bench_must(buf_append(products, STR("products:\n  - {id: w, name: W, mode: aggregate, "
                                        "brand: B, seller: op, price_book: b, "
                                        "unit: {name: t, per_currency_unit: 1}, "
                                        "plans: [{id: s, price: 1, currency: USD, units: 1, "
                                        "expires_days: 0}], models: [")));
    for (unsigned i = 0; i < bench->models; i++) {
        bench_must(buf_printf(models,
                              "  - {id: m%04u, vendor: p%04u, family: f%u, origin: US, version: a, "
                              "declared_names: [m%04u, m%04u-x], modalities: [text], "
                              "context_tokens: 1000, output_tokens_max: 100}\n",
                              i, i % bench_vendors(bench), i % bench_vendors(bench), i, i));
        bench_must(buf_printf(books, "      m%04u: {input: 1, output: 2}\n", i));
        bench_must(buf_printf(products, "%sm%04u", i > 0 ? ", " : "", i));
    }
    bench_must(buf_append(products, STR("]}\n")));
}

/* A channel that models of the vendor come through. */
static unsigned bench_channel(const struct bench *bench, unsigned at)
{
    unsigned vendors = bench_vendors(bench);
    return vendors + at % (bench->parties - vendors);
}

static void bench_make_routes(struct bench *bench)
{
    struct buf *credentials = &bench->texts[BENCH_CREDENTIALS];
    struct buf *routes = &bench->texts[BENCH_ROUTES];
    bench_must(buf_append(credentials, STR("credentials:\n")));
    bench_must(buf_append(routes, STR("routes:\n")));
    for (unsigned i = 0; i < bench->routes; i++) {
        unsigned party = bench_channel(bench, i);
        bench_must(buf_printf(credentials,
                              "  - {id: c%04u, upstream_party: p%04u, account_holder: op, class: "
                              "enterprise_contract, endpoint_host: api.p%04u.example, secret: "
                              "\"env:KEY\", max_concurrent: 1}\n",
                              i, party, party));
        bench_must(buf_printf(routes,
                              "  - {id: r%04u, upstream_party: p%04u, model: m%04u, credential: "
                              "c%04u, dialect: openai_chat, endpoint: "
                              "\"https://api.p%04u.example/v1\", upstream_model: m%04u, place: US, "
                              "abort_billing: stops, output_cap_field: max_tokens, "
                              "contract_price: b}\n",
                              i, party, i % bench->models, i, party, i % bench->models));
    }
}

static void bench_document(struct bench *bench, unsigned at, struct buf *out)
{
    char *name = bench->names.ptr + (size_t)at * 32;
    int len = snprintf(name, 32, "documents/g%05u.txt", at);
    struct str text = { name, (size_t)len };
    struct digest sum = digest_sha256(text);
    bench->files[bench->count++] = (struct registry_file){ .name = text, .text = text };
    bench_must(buf_printf(out, "doc: {file: %s, kind: contract, sha256: ", name));
    bench_must(enc_hex(out, sum.bytes, sizeof(sum.bytes)));
    bench_must(buf_append(out, STR("}")));
}

/* Of ten grants three are from vendors to channels, and seven of one of these to the operator. */
static void bench_make_grants(struct bench *bench, const struct registry *draft)
{
    struct buf *grants = &bench->texts[BENCH_GRANT_FILE];
    struct buf text;
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    buf_reset(grants);
    bench->count = BENCH_FILES;
    bench_must(buf_append(grants, STR("grants:\n")));
    for (unsigned i = 0; i < bench->grants; i++) {
        bool root = i % 10 < 3;
        unsigned above = root ? i : i / 10 * 10 + i % 3; /* the root that it is, or rests on */
        unsigned vendor = above % bench_vendors(bench);
        unsigned channel = bench_channel(bench, above);
        unsigned grantor = root ? vendor : channel;
        /* The same two meet again, but not in one year. */
        unsigned year = 2000 + above / (bench->parties - bench_vendors(bench));
        char parent[16] = "root";
        char grantee[16] = "op";
        if (root) {
            (void)snprintf(grantee, sizeof(grantee), "p%04u", channel);
        } else {
            (void)snprintf(parent, sizeof(parent), "g%05u", above);
        }
        bench_must(buf_printf(grants,
                              "  - {id: g%05u, version: 1, grantor: p%04u, grantee: %s, parent: "
                              "%s, models: [m%04u, \"family:f%u\"], actions: [api_call, aggregate, "
                              "resell], regions: {allow: [WORLD], deny: [KP, IR]}, client_types: "
                              "[enterprise, developer], sublicense_depth: %u, evidence_class: "
                              "written_signed, valid_from: %u-01-01T00:00:00Z, valid_until: "
                              "%u-01-01T00:00:00Z, entered_by: ann, entered_at: "
                              "2026-01-02T00:00:00Z, reviewed_by: ben, ",
                              i, grantor, grantee, parent, vendor, vendor, root ? 1U : 0U, year,
                              year + 1));
        bench_document(bench, i, grants);
        if (draft != NULL) {
            unsigned char signature[SIGN_BYTES];
            buf_reset(&text);
            bench_must(registry_grant_canonical(&draft->grants[i], &text));
            bench_must(sign_make(bench->keys[grantor % BENCH_KEYS], buf_str(&text), signature));
            bench_must(
                buf_printf(grants, ", signature: {alg: ed25519, key_id: k.p%04u, sig: ", grantor));
            bench_must(enc_hex(grants, signature, sizeof(signature)));
            bench_must(buf_append(grants, STR("}")));
        }
        bench_must(buf_append(grants, STR("}\n")));
    }
    buf_fini(&text);
}

/* ---- loading ------------------------------------------------------------------------------- */

static struct registry *bench_load(struct bench *bench, bool draft, uint64_t *ret_ns)
{
    struct registry_report report;
    struct registry *registry = NULL;
    for (size_t i = 0; i < BENCH_FILES; i++) {
        bench->files[i] = (struct registry_file){ bench_names[i], buf_str(&bench->texts[i]) };
    }
    registry_report_init(&report);
    report.draft = draft;
    uint64_t before = bench_now_ns();
    enum err err = registry_parse(bench->files, bench->count, &registry, &report);
    *ret_ns = bench_now_ns() - before;
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s:%u: %s\n", report.faults[0].file, report.faults[0].line,
                      report.faults[0].text);
    }
    ASSERT(err == ERR_OK);
    registry_report_fini(&report);
    return registry;
}

static uint64_t bench_best_ms(struct bench *bench, bool draft)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        uint64_t ns = 0;
        registry_unref(bench_load(bench, draft, &ns));
        best = ns < best ? ns : best;
    }
    return best / BENCH_NS_PER_MS;
}

static void bench_run(struct bench *bench)
{
    uint64_t ns = 0;
    struct rusage usage;
    bench_must(
        buf_append(&bench->texts[BENCH_PERSONS],
                   STR("persons:\n"
                       "  - {id: ann, name: Ann, valid_from: 2025-01-01T00:00:00Z, public_key:"
                       " 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c}\n"
                       "  - {id: ben, name: Ben, valid_from: 2025-01-01T00:00:00Z, public_key:"
                       " 8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394}\n")));
    bench_make_parties(bench);
    bench_make_models(bench);
    bench_make_routes(bench);
    bench_make_grants(bench, NULL);
    uint64_t plain = bench_best_ms(bench, true);
    struct registry *draft = bench_load(bench, true, &ns);
    bench_make_grants(bench, draft);
    registry_unref(draft);
    size_t bytes = 0;
    for (size_t i = 0; i < BENCH_FILES; i++) {
        bytes += bench->texts[i].len;
    }
    uint64_t with = bench_best_ms(bench, false);
    ASSERT(getrusage(RUSAGE_SELF, &usage) == 0);
    (void)printf("grants %u\nbytes %zu\nunsigned_ms %llu\nsigned_ms %llu\npeak_mib %ld\n",
                 bench->grants, bytes, (unsigned long long)plain, (unsigned long long)with,
                 usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    uint64_t grants = BENCH_GRANTS;
    struct fail fail;
    if (argc > 2 || (argc == 2 && (!str_to_u64(str_from(argv[1]), &grants) || grants < 1000 ||
                                   grants > 16000))) {
        (void)fprintf(stderr, "ep-bench-registry [GRANTS]: 1000 to 16000\n");
        return 2;
    }
    bench_must(crypto_start(&fail));
    struct bench bench = {
        .grants = (unsigned)grants,
        .parties = (unsigned)grants / 10,
        .models = (unsigned)grants / 50,
        .routes = (unsigned)grants / 10,
    };
    bench.files = mem_zalloc((bench.grants + BENCH_FILES) * sizeof(*bench.files));
    ASSERT(bench.files != NULL);
    buf_init(&bench.names, (size_t)bench.grants * 32);
    bench_must(buf_reserve(&bench.names, (size_t)bench.grants * 32));
    for (size_t i = 0; i < BENCH_FILES; i++) {
        buf_init(&bench.texts[i], BENCH_FILE_MAX);
    }
    for (unsigned char i = 0; i < BENCH_KEYS; i++) {
        unsigned char seed[SIGN_SEED_BYTES] = { i };
        bench_must(sign_key_from_seed(seed, &bench.keys[i], &fail));
    }
    bench_run(&bench);
    for (size_t i = 0; i < BENCH_FILES; i++) {
        buf_fini(&bench.texts[i]);
    }
    for (unsigned i = 0; i < BENCH_KEYS; i++) {
        sign_key_destroy(bench.keys[i]);
    }
    buf_fini(&bench.names);
    mem_free(bench.files);
    return 0;
}
