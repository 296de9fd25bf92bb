#include "app/init_sign.h"

#include "app/embed.h"
#include "app/registry_files.h"
#include "house.h"

static struct house house;

TEST(all_that_the_example_says_is_signed_and_lawful)
{
    char folder[96];
    struct registry_report report;
    struct registry *registry = NULL;
    house_begin(&house);
    (void)snprintf(folder, sizeof(folder), "%s/registry", house.folder);
    registry_report_init(&report);
    CHECK_EQ(registry_load(folder, &registry, &report), ERR_OK);
    CHECK_EQ(report.count, 0);
    for (size_t i = 0; i < registry->grant_count; i++) {
        CHECK(registry->grants[i].signature.fine);
        CHECK_EQ(registry->grants[i].doc.state, REGISTRY_DOC_FINE);
    }
    CHECK(registry_agreement(registry, STR("a.first-client"))->signature.fine);
    registry_unref(registry);
    registry_report_fini(&report);
    house_end(&house);
}

/* As it is in the repository: nobody has a key (which is one key for all), or has signed it; there
 * is nothing else to say against it. */
TEST(the_example_as_it_is_shipped_lacks_its_keys_and_signatures_alone)
{
    struct registry_files files;
    struct registry_report report;
    struct registry *registry = NULL;
    registry_files_init(&files);
    registry_report_init(&report);
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    for (size_t i = 0; i < embed_registry_count; i++) {
        const struct embed_file *file = &embed_registry[i];
        struct str bytes = { (const char *)file->bytes, file->len };
        bool document = str_starts(str_from(file->name), STR(REGISTRY_DOCUMENTS "/"));
        CHECK_EQ(registry_files_add(&files,
                                    &(struct registry_files_item){
                                        .name = str_from(file->name),
                                        .text = document ? STR_EMPTY : bytes,
                                        .sum = digest_sha256(bytes),
                                        .document = document,
                                    }),
                 ERR_OK);
    }
    report.draft = true;
    CHECK_EQ(registry_files_parse(&files, &registry, &report), ERR_OK);
    for (size_t i = 0; i < report.count; i++) {
        CHECK(report.faults[i].rule == REGISTRY_RULE_CHAIN_SIGNATURE ||
              report.faults[i].rule == REGISTRY_RULE_FOUR_EYES);
    }
    registry_unref(registry);
    registry_report_fini(&report);
    registry_files_fini(&files);
}

TEST(keys_are_made_once)
{
    struct fail fail;
    house_begin(&house);
    CHECK_EQ(init_sign(str_from(house.folder), &house.errors, &fail), ERR_IO);
    CHECK(strstr(fail.text, "key") != NULL);
    CHECK_EQ(init_sign(STR("/nowhere"), &house.errors, &fail), ERR_REGISTRY_INVALID);
    house_end(&house);
}
