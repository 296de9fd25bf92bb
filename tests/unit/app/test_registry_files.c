#include "app/registry_files.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house.h"

static struct house house;
static struct registry_files files;
static struct registry_report report;

static void begin(void)
{
    house_begin(&house);
    registry_files_init(&files);
    registry_report_init(&report);
}

static void end(void)
{
    registry_files_fini(&files);
    registry_report_fini(&report);
    house_end(&house);
}

static const char *path_of(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof(path), "%s/registry%s%s", house.folder, name[0] == '\0' ? "" : "/",
                   name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

static enum err again(void)
{
    registry_files_fini(&files);
    registry_report_fini(&report);
    return registry_files_read(&files, path_of(""), &report);
}

static const struct registry_files_item *find(const char *name)
{
    for (size_t i = 0; i < files.count; i++) {
        if (str_eq(files.items[i].name, str_from(name))) {
            return &files.items[i];
        }
    }
    return NULL;
}

TEST(a_folder_is_its_texts_and_the_sums_of_its_documents)
{
    begin();
    CHECK_EQ(again(), ERR_OK);
    CHECK(find("models.yaml") != NULL && find("models.yaml")->text.len > 0);
    const struct registry_files_item *item = find("documents/online-terms.txt");
    CHECK(item != NULL && item->document);
    CHECK_EQ(item->text.len, 0);
    CHECK(files.signatures.len > 0);
    CHECK(find("signatures.yaml") == NULL);
    for (size_t i = 1; i < files.count; i++) {
        CHECK(str_cmp(files.items[i - 1].name, files.items[i].name) < 0);
    }
    end();
}

TEST(what_the_files_say_is_what_the_folder_says)
{
    struct registry *whole = NULL;
    struct registry *parsed = NULL;
    begin();
    CHECK_EQ(registry_load(path_of(""), &whole, &report), ERR_OK);
    CHECK_EQ(again(), ERR_OK);
    CHECK_EQ(registry_files_parse(&files, &parsed, &report), ERR_OK);
    CHECK_EQ(report.count, 0);
    CHECK(digest_eq(&whole->hash, &parsed->hash));
    registry_unref(whole);
    registry_unref(parsed);
    end();
}

TEST(a_document_that_is_edited_is_seen_by_its_sum)
{
    struct registry *parsed = NULL;
    begin();
    write_file("documents/letter-aurora-operator.txt", "another letter");
    CHECK_EQ(again(), ERR_OK);
    report.draft = true;
    CHECK_EQ(registry_files_parse(&files, &parsed, &report), ERR_OK);
    CHECK_EQ(registry_grant(parsed, STR("g.aurora-operator"))->doc.state, REGISTRY_DOC_CHANGED);
    CHECK_EQ(registry_grant(parsed, STR("g.borealis-operator"))->doc.state, REGISTRY_DOC_FINE);
    registry_unref(parsed);
    end();
}

TEST(files_of_other_kinds_are_nobodys_and_strange_yaml_is_a_fault)
{
    struct registry *parsed = NULL;
    begin();
    write_file("README", "hello");
    write_file(".models.yaml.swp", "x");
    CHECK_EQ(again(), ERR_OK);
    CHECK(find("README") == NULL && find(".models.yaml.swp") == NULL);
    write_file("modles.yaml", "models: []\n");
    CHECK_EQ(again(), ERR_OK);
    CHECK_EQ(registry_files_parse(&files, &parsed, &report), ERR_REGISTRY_INVALID);
    CHECK_EQ(report.faults[0].rule, REGISTRY_RULE_REG_FILE);
    end();
}

TEST(what_cannot_be_read_is_a_fault_and_is_not_waited_for)
{
    begin();
    CHECK_EQ(mkfifo(path_of("pipe.yaml"), 0600), 0);
    CHECK_EQ(again(), ERR_REGISTRY_INVALID);
    CHECK_STR(str_from(report.faults[0].file), STR("pipe.yaml"));
    CHECK_EQ(remove(path_of("pipe.yaml")), 0);
    CHECK_EQ(mkdir(path_of("documents/more"), 0700), 0);
    CHECK_EQ(again(), ERR_REGISTRY_INVALID);
    CHECK_STR(str_from(report.faults[0].file), STR("documents/more"));
    registry_files_fini(&files);
    CHECK_EQ(registry_files_read(&files, "/nowhere", &report), ERR_REGISTRY_INVALID);
    end();
}

TEST(more_texts_than_anybody_has_are_refused)
{
    begin();
    for (int i = 0; i < REGISTRY_TEXTS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "more-%d.yaml", i);
        write_file(name, "");
    }
    CHECK_EQ(again(), ERR_REGISTRY_INVALID);
    CHECK_EQ(report.count, 1);
    end();
}

TEST(a_text_that_is_too_long_is_refused)
{
    begin();
    write_file("models.yaml", "");
    CHECK_EQ(truncate(path_of("models.yaml"), (off_t)REGISTRY_TEXT_BYTES + 1), 0);
    CHECK_EQ(again(), ERR_REGISTRY_INVALID);
    CHECK_STR(str_from(report.faults[0].file), STR("models.yaml"));
    end();
}

TEST(two_readings_are_the_same_if_their_bytes_are)
{
    struct registry_files before;
    begin();
    CHECK_EQ(again(), ERR_OK);
    before = files;
    registry_files_init(&files);
    CHECK_EQ(again(), ERR_OK);
    CHECK(registry_files_same(&files, &before));
    write_file("documents/nobody-names-it.txt", "x");
    CHECK_EQ(again(), ERR_OK);
    CHECK(registry_files_same(&files, &before)); /* it proves nothing */
    CHECK(!registry_files_same(&before, &files));
    house_change(&house, "models.yaml", "origin: SG", "origin:  SG");
    CHECK_EQ(again(), ERR_OK);
    CHECK(!registry_files_same(&files, &before));
    house_change(&house, "models.yaml", "origin:  SG", "origin: SG");
    write_file("detectors.yaml", "");
    CHECK_EQ(again(), ERR_OK);
    CHECK(!registry_files_same(&files, &before));
    registry_files_fini(&before);
    end();
}

static void read_once(void)
{
    struct registry *parsed = NULL;
    if (again() == ERR_OK) {
        EP_IGNORE(registry_files_parse(&files, &parsed, &report)); /* whatever comes of it */
    }
    registry_unref(parsed);
    registry_files_fini(&files);
    registry_report_fini(&report);
}

TEST(a_reading_that_runs_out_of_memory_leaves_nothing_behind)
{
    begin();
    CHECK(test_each_allocation_failing(read_once) > 30);
    end();
}
