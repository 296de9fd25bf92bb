#include "registry/registry_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "registry_sample.h"

TEST(the_example_registry_is_fine)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_load(EP_SOURCE_DIR "/registry", &registry, &report);
    if (err != ERR_OK) {
        test_failed(EP_SITE, "%s:%u: %s", report.faults[0].file, report.faults[0].line,
                    report.faults[0].text);
    }
    const struct registry_product *world = registry_product(registry, STR("world"));
    CHECK_EQ(world->model_count, 3);
    const struct registry_plan *starter = registry_product_plan(world, STR("starter"));
    CHECK_EQ(starter->price_nano, 100000000000);
    CHECK_EQ(starter->units, 1000000);
    for (size_t i = 0; i < world->model_count; i++) {
        CHECK(world->models[i]->route_count > 0);
    }
    registry_unref(registry);
    registry_report_fini(&report);
}

TEST(all_faults_of_all_files_are_told_at_once)
{
    static const char *const texts[SAMPLE_FILES] = {
        "parties:\n  - {id: a, kind: x, legal_name: A, jurisdiction: US}\n  - 7\n",
        "models: {a: 1}\n",
        "credentials: [\n",
        "books: []\n",
        "routes:\n  - {id: r}\n",
        "- 1\n",
    };
    struct registry_file files[SAMPLE_FILES + 1];
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        files[i] = (struct registry_file){ str_from(sample_names[i]), str_from(texts[i]) };
    }
    files[SAMPLE_FILES] = (struct registry_file){ STR("grant.yaml"), STR("") };
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_parse(files, SAMPLE_FILES + 1, &registry, &report) == ERR_REGISTRY_INVALID);
    static const char *const in[] = { "credentials.yaml", "grant.yaml",   "models.yaml",
                                      "parties.yaml",     "parties.yaml", "price_books.yaml",
                                      "products.yaml" };
    size_t at = 0;
    for (size_t i = 0; i < report.count && at < EP_ARRAY_LEN(in); i++) {
        at += str_eq(str_from(report.faults[i].file), str_from(in[at])) ? 1 : 0;
    }
    CHECK_EQ(at, EP_ARRAY_LEN(in));
    CHECK_EQ(report.count, 7 + 10); /* and what the route lacks */
    registry_report_fini(&report);
}

TEST(a_missing_file_is_named)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_parse(files, SAMPLE_FILES - 1, &registry, &report) == ERR_REGISTRY_INVALID);
    CHECK_EQ(report.count, 1);
    CHECK_STR(str_from(report.faults[0].file), STR("products.yaml"));
    CHECK_EQ(report.faults[0].rule, REGISTRY_RULE_REG_FILE);
    registry_report_fini(&report);
}

TEST(empty_files_are_an_empty_registry)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        files[i].text = STR_EMPTY;
    }
    struct registry *registry = sample_parse(files, SAMPLE_FILES);
    CHECK_EQ(registry->product_count, 0);
    CHECK(registry_product(registry, STR("world")) == NULL);
    registry_unref(registry);
}

static void folder_write(const char *folder, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void folder_remove(const char *folder, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    CHECK(unlink(path) == 0);
}

TEST(a_folder_is_read_and_strange_yaml_in_it_refused)
{
    char folder[] = "/tmp/ep_registry_XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        folder_write(folder, sample_names[i], sample_texts[i]);
    }
    folder_write(folder, "README.md", "notes\n");
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_load(folder, &registry, &report) == ERR_OK);
    struct registry *sample = sample_load();
    CHECK(digest_eq(&registry->hash, &sample->hash));
    registry_unref(sample);
    registry_unref(registry);
    registry = NULL;
    folder_write(folder, "route.yaml", "");
    folder_remove(folder, "models.yaml");
    CHECK(registry_load(folder, &registry, &report) == ERR_REGISTRY_INVALID);
    bool missing = false;
    bool strange = false;
    for (size_t i = 0; i < report.count; i++) {
        bool file = report.faults[i].rule == REGISTRY_RULE_REG_FILE;
        missing = missing || (file && str_eq(str_from(report.faults[i].file), STR("models.yaml")));
        strange = strange || (file && str_eq(str_from(report.faults[i].file), STR("route.yaml")));
    }
    CHECK(missing && strange);
    registry_report_fini(&report);
    folder_remove(folder, "route.yaml");
    folder_remove(folder, "README.md");
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        if (i != 1) {
            folder_remove(folder, sample_names[i]);
        }
    }
    CHECK(rmdir(folder) == 0);
    CHECK(registry_load(folder, &registry, &report) == ERR_REGISTRY_INVALID);
    CHECK_EQ(report.faults[0].rule, REGISTRY_RULE_REG_FILE);
    registry_report_fini(&report);
}

static void load_sample(void)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    registry_unref(registry);
    registry_report_fini(&report);
}

static void load_folder(void)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_load(EP_SOURCE_DIR "/registry", &registry, &report);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    registry_unref(registry);
    registry_report_fini(&report);
}

static void load_faulty(void)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    files[0].text = STR("parties:\n  - {id: v1, kind: vender}\n  - {idd: x}\n");
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    enum err err = registry_parse(files, SAMPLE_FILES, &registry, &report);
    CHECK(err == ERR_REGISTRY_INVALID || err == ERR_NO_MEMORY);
    registry_report_fini(&report);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK(test_each_allocation_failing(load_sample) > 10);
    CHECK(test_each_allocation_failing(load_folder) > 10);
    CHECK(test_each_allocation_failing(load_faulty) > 10);
}
