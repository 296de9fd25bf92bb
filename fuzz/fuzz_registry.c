/* room: registry */
#include "registry/registry_canonical.h"
#include "registry/registry_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_FILES 27
#define FUZZ_CUT   '\f' /* between the files; a byte that YAML does not take */
#define FUZZ_DEPTH REGISTRY_DEPTH_MAX

/* What each grant of a registry that is in force has, whoever wrote it. */
static void fuzz_check_grants(const struct registry *registry)
{
    for (size_t i = 0; i < registry->grant_count; i++) {
        const struct registry_grant *grant = &registry->grants[i];
        unsigned edges = 0;
        ASSERT(grant->signature.fine && grant->doc.state == REGISTRY_DOC_FINE);
        ASSERT(grant->entered_by != NULL && grant->reviewed_by != NULL);
        ASSERT(grant->entered_by != grant->reviewed_by && grant->model_count > 0);
        ASSERT(grant->valid_from < grant->valid_until);
        for (const struct registry_grant *at = grant; at->parent != NULL; at = at->parent) {
            ASSERT(at->parent->grantee == at->grantor && edges++ <= FUZZ_DEPTH);
            ASSERT(country_set_within(&at->regions.set, &at->parent->regions.set));
            ASSERT((at->actions & ~at->parent->actions) == 0);
            ASSERT(at->valid_until <= at->parent->valid_until);
            ASSERT(at->sublicense_depth < at->parent->sublicense_depth);
        }
    }
    for (size_t i = 0; i < registry->agreement_count; i++) {
        const struct registry_agreement *agreement = &registry->agreements[i];
        ASSERT(agreement->online == (agreement->grantee == NULL));
        ASSERT(agreement->online || agreement->signature.fine);
        ASSERT(agreement->doc.state == REGISTRY_DOC_FINE);
    }
}

/* One input is up to so many files in the order below. What is taken keeps its promises. */
static void fuzz_check(const struct registry *registry)
{
    for (size_t i = 0; i < registry->product_count; i++) {
        const struct registry_product *product = &registry->products[i];
        ASSERT(registry_product(registry, product->id) == product);
        ASSERT(product->seller != NULL);
        ASSERT((product->mode == REGISTRY_MODE_ZONE) == (product->zone != NULL));
        for (size_t k = 0; k < product->model_count; k++) {
            const struct registry_price *price =
                registry_product_price(product, product->models[k]);
            ASSERT(price != NULL && price->known[REGISTRY_CLASS_IN]);
            ASSERT(price->known[REGISTRY_CLASS_OUT] && price->pico[REGISTRY_CLASS_OUT] >= 0);
        }
    }
    for (size_t i = 0; i < registry->model_count; i++) {
        ASSERT(registry->models[i].route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
        for (size_t k = 0; k < registry->models[i].route_count; k++) {
            ASSERT(registry->models[i].routes[k]->contract != NULL);
        }
    }
}

/* In force, and as a draft; the text that is signed is made of each grant, also of a broken one. */
static void fuzz_load(const struct registry_file *files, bool draft)
{
    struct registry_report report;
    struct registry *registry = NULL;
    struct buf text;
    registry_report_init(&report);
    buf_init(&text, REGISTRY_CANONICAL_MAX);
    report.draft = draft;
    enum err err = registry_parse(files, FUZZ_FILES, &registry, &report);
    ASSERT(err == ERR_OK || err == ERR_NO_MEMORY || report.refusals > 0);
    if (err == ERR_OK) {
        ASSERT(report.refusals == 0);
        fuzz_check(registry);
        for (size_t i = 0; i < registry->grant_count; i++) {
            buf_reset(&text);
            EP_IGNORE(registry_grant_canonical(&registry->grants[i], &text));
        }
        if (!draft) {
            fuzz_check_grants(registry);
        }
    }
    registry_unref(registry);
    registry_report_fini(&report);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[FUZZ_FILES] = {
        "parties.yaml",
        "models.yaml",
        "credentials.yaml",
        "price_books.yaml",
        "routes.yaml",
        "products.yaml",
        "regions.yaml",
        "persons.yaml",
        "keys.yaml",
        "grants.yaml",
        "agreements.yaml",
        "data_terms.yaml",
        "subprocessors.yaml",
        "lanes.yaml",
        "pools.yaml",
        "zones.yaml",
        "thresholds.yaml",
        "requirements.yaml",
        "networks.yaml",
        "procurements.yaml",
        "billing.yaml",
        "detectors.yaml",
        "documents/aurora-letter.txt",
        "documents/channel-contract.txt",
        "documents/kancil-contract.txt",
        "documents/online-terms.txt",
        "documents/kancil-dpa.txt",
    };
    static bool started;
    if (!started) {
        ASSERT(crypto_start(NULL) == ERR_OK);
        started = true;
    }
    struct str rest = { (const char *)data, size };
    struct registry_file files[FUZZ_FILES];
    for (size_t i = 0; i < FUZZ_FILES; i++) {
        files[i] = (struct registry_file){ str_from(names[i]), str_cut(&rest, FUZZ_CUT) };
    }
    fuzz_load(files, false);
    fuzz_load(files, true);
    return 0;
}
