/* room: registry */
#include "registry/registry_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_FILES 6
#define FUZZ_CUT   '\f' /* between the files; a byte that YAML does not take */

/* One input is up to six files in the order below. What is taken keeps its promises. */
static void fuzz_check(const struct registry *registry)
{
    for (size_t i = 0; i < registry->product_count; i++) {
        const struct registry_product *product = &registry->products[i];
        ASSERT(registry_product(registry, product->id) == product);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[FUZZ_FILES] = { "parties.yaml",     "models.yaml",
                                                   "credentials.yaml", "price_books.yaml",
                                                   "routes.yaml",      "products.yaml" };
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
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, FUZZ_FILES, &registry, &report);
    if (err == ERR_OK) {
        fuzz_check(registry);
    } else {
        ASSERT(err == ERR_NO_MEMORY || report.count > 0);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    return 0;
}
