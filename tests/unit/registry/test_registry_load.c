#include "registry/registry_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "law_sample.h"

/* As it is shipped it lacks keys and signatures, and nothing else: `init` makes them. */
TEST(the_example_registry_is_fine)
{
    struct registry_report report;
    registry_report_init(&report);
    report.draft = true;
    struct registry *registry = NULL;
    enum err err = registry_load(EP_SOURCE_DIR "/registry", &registry, &report);
    for (size_t i = 0; i < report.count; i++) {
        bool unsigned_yet = report.faults[i].rule == REGISTRY_RULE_CHAIN_SIGNATURE ||
                            report.faults[i].rule == REGISTRY_RULE_FOUR_EYES;
        if (err != ERR_OK || !unsigned_yet) {
            test_failed(EP_SITE, "%s:%u: %s", report.faults[i].file, report.faults[i].line,
                        report.faults[i].text);
        }
    }
    const struct registry_product *world = registry_product(registry, STR("world"));
    CHECK_EQ(world->model_count, 4);
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
    CHECK_EQ(report.count, 7 + 9); /* and what the route lacks */
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
    CHECK(test_folder(folder) != NULL);
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

/* ---- documents ----------------------------------------------------------------------------- */

/* Makes a folder of the signed sample; one document is as `document` says. */
static void folder_make(char *folder, const char *document)
{
    struct registry_file files[LAW_FILES];
    char *copies[2];
    char path[128];
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/documents", folder);
    CHECK(mkdir(path, 0700) == 0);
    law_files(files);
    law_sign(files, LAW_FILES, copies);
    for (size_t i = 0; i < LAW_FILES; i++) {
        char text[32768];
        (void)snprintf(text, sizeof(text), STR_FMT, STR_ARG(files[i].text));
        bool one = str_eq(files[i].name, STR("documents/one.txt"));
        (void)snprintf(path, sizeof(path), "%s/documents/one.txt", folder);
        if (!one || str_starts(str_from(document), STR("text: "))) {
            folder_write(folder, files[i].name.ptr, one ? document + 6 : text);
        } else if (str_eq(str_from(document), STR("pipe"))) {
            CHECK(mkfifo(path, 0600) == 0);
        } else if (str_eq(str_from(document), STR("folder"))) {
            CHECK(mkdir(path, 0700) == 0);
        }
    }
    mem_free(copies[0]);
    mem_free(copies[1]);
}

static void folder_drop(const char *folder)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
}

static struct law_result folder_result(const char *document)
{
    char folder[] = "/tmp/ep_registry_XXXXXX";
    struct law_result result = { .registry = NULL };
    folder_make(folder, document);
    registry_report_init(&result.report);
    result.err = registry_load(folder, &result.registry, &result.report);
    folder_drop(folder);
    return result;
}

TEST(documents_are_read_beside_the_registry)
{
    static const struct {
        const char *document;
        enum registry_rule rule;
    } cases[] = {
        { "text: letter one\n", REGISTRY_RULE_COUNT },
        { "text: letter one", REGISTRY_RULE_CHAIN_DOC_HASH },
        { "text: ", REGISTRY_RULE_CHAIN_DOC_HASH },
        { "none", REGISTRY_RULE_CHAIN_DOC_MISSING },
        { "folder", REGISTRY_RULE_CHAIN_DOC_MISSING },
        { "pipe", REGISTRY_RULE_CHAIN_DOC_MISSING }, /* nobody waits for its writer */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct law_result result = folder_result(cases[i].document);
        bool fine = cases[i].rule == REGISTRY_RULE_COUNT;
        CHECK_EQ(result.err, fine ? ERR_OK : ERR_REGISTRY_INVALID);
        CHECK_EQ(result.report.count, fine ? 0U : 1U);
        CHECK(fine || law_found(&result.report, STR("grants.yaml"), cases[i].rule));
        law_result_fini(&result);
    }
}

TEST(a_document_that_nobody_names_is_not_asked_about)
{
    struct registry_file files[SAMPLE_FILES + 1];
    sample_files(files);
    files[SAMPLE_FILES] = (struct registry_file){ STR("documents/other.txt"), STR("x") };
    struct registry *registry = sample_parse(files, SAMPLE_FILES + 1);
    registry_unref(registry);
}

/* ---- limits -------------------------------------------------------------------------------- */

static bool limit_with(struct registry_file *files, size_t count)
{
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    bool found = false;
    CHECK(registry_parse(files, count, &registry, &report) == ERR_REGISTRY_INVALID);
    for (size_t i = 0; i < report.count; i++) {
        found = found || report.faults[i].rule == REGISTRY_RULE_REG_LIMIT;
    }
    registry_report_fini(&report);
    return found;
}

static void put_empty(struct buf *text, const char *key, unsigned count)
{
    CHECK(buf_printf(text, "%s:\n", key) == ERR_OK);
    for (unsigned i = 0; i < count; i++) {
        CHECK(buf_append(text, STR("  - {}\n")) == ERR_OK);
    }
}

TEST(all_files_together_hold_so_many_objects_and_no_more)
{
    for (unsigned over = 0; over < 2; over++) {
        struct registry_file files[SAMPLE_FILES + 2];
        struct buf lanes;
        struct buf thresholds;
        sample_files(files);
        buf_init(&lanes, 1 << 20);
        buf_init(&thresholds, 1 << 20);
        put_empty(&lanes, "lanes", 60000);
        /* The sample itself holds 2 parties, 2 models, 1 credential, 2 books, 2 routes, 1 product
         * and its 2 plans. */
        put_empty(&thresholds, "thresholds", REGISTRY_OBJECTS_MAX - 60000 - 12 + over);
        files[SAMPLE_FILES] = (struct registry_file){ STR("lanes.yaml"), buf_str(&lanes) };
        files[SAMPLE_FILES + 1] =
            (struct registry_file){ STR("thresholds.yaml"), buf_str(&thresholds) };
        CHECK_EQ(limit_with(files, SAMPLE_FILES + 2), over == 1);
        buf_fini(&lanes);
        buf_fini(&thresholds);
    }
}

TEST(all_files_together_are_so_large_and_no_larger)
{
    struct registry_file files[SAMPLE_FILES + 2];
    struct buf text;
    sample_files(files);
    buf_init(&text, REGISTRY_YAML_MAX);
    CHECK(buf_reserve(&text, REGISTRY_YAML_MAX / 2) == ERR_OK);
    memset(text.ptr, ' ', REGISTRY_YAML_MAX / 2);
    buf_added(&text, REGISTRY_YAML_MAX / 2);
    files[SAMPLE_FILES] = (struct registry_file){ STR("lanes.yaml"), buf_str(&text) };
    files[SAMPLE_FILES + 1] = (struct registry_file){ STR("thresholds.yaml"), buf_str(&text) };
    CHECK(limit_with(files, SAMPLE_FILES + 2));
    buf_fini(&text);
}

/* A small file that would stand for a large one, or for one without end. */
TEST(yaml_bombs_are_refused_as_they_are_read)
{
    static const char *const bombs[] = {
        "grants: &a [*a, *a]\n",
        "a: &a [x]\nb: &b [*a, *a]\ngrants: [*b, *b]\n",
        "grants:\n  - &g {id: g1}\n  - *g\n",
        "grants:\n  - <<: {id: g1}\n    id: g1\n",
        "grants: !!python/object {}\n",
        "grants: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
        "grants: []\n---\ngrants: []\n",
        "grants: []\ngrants: []\n",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bombs); i++) {
        struct registry_file files[SAMPLE_FILES + 1];
        struct registry_report report;
        struct registry *registry = NULL;
        sample_files(files);
        files[SAMPLE_FILES] = (struct registry_file){ STR("grants.yaml"), str_from(bombs[i]) };
        registry_report_init(&report);
        if (registry_parse(files, SAMPLE_FILES + 1, &registry, &report) != ERR_REGISTRY_INVALID) {
            test_failed(EP_SITE, "%s", bombs[i]);
        }
        CHECK(report.refusals > 0);
        registry_report_fini(&report);
    }
}

/* Each suggestion is a walk of the whole list: there are not as many as there are faults. */
TEST(names_that_are_not_there_are_looked_for_a_few_times)
{
    struct registry_file files[SAMPLE_FILES + 2];
    struct buf persons;
    struct buf grants;
    sample_files(files);
    buf_init(&persons, 8 << 20);
    buf_init(&grants, 8 << 20);
    CHECK(buf_append(&persons, STR("persons:\n")) == ERR_OK);
    CHECK(buf_append(&grants, STR("grants:\n")) == ERR_OK);
    for (unsigned i = 0; i < 20000; i++) {
        CHECK(buf_printf(&persons, "  - {id: person-with-a-long-name-%u, name: x}\n", i) == ERR_OK);
        CHECK(buf_printf(&grants, "  - {id: g%u, entered_by: person-with-a-lung-name-%u}\n", i,
                         i) == ERR_OK);
    }
    files[SAMPLE_FILES] = (struct registry_file){ STR("persons.yaml"), buf_str(&persons) };
    files[SAMPLE_FILES + 1] = (struct registry_file){ STR("grants.yaml"), buf_str(&grants) };
    CHECK(!limit_with(files, SAMPLE_FILES + 2));
    buf_fini(&persons);
    buf_fini(&grants);
}

/* ---- memory -------------------------------------------------------------------------------- */

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
    report.draft = true;
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

static char load_documents_folder[] = "/tmp/ep_registry_XXXXXX";

static void load_documents(void)
{
    struct registry_report report;
    struct registry *registry = NULL;
    registry_report_init(&report);
    enum err err = registry_load(load_documents_folder, &registry, &report);
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    registry_unref(registry);
    registry_report_fini(&report);
}

TEST(running_out_of_memory_leaks_nothing)
{
    folder_make(load_documents_folder, "text: letter one\n");
    CHECK(test_each_allocation_failing(load_documents) > 10);
    folder_drop(load_documents_folder);
    CHECK(test_each_allocation_failing(load_sample) > 10);
    CHECK(test_each_allocation_failing(load_folder) > 10);
    CHECK(test_each_allocation_failing(load_faulty) > 10);
}
