#include "registry_sample.h"

static void set_fault(unsigned file, const char *old, const char *fresh, const char *text)
{
    struct registry_file files[SAMPLE_FILES];
    sample_files(files);
    char *copy = sample_replace(files, file, old, fresh);
    struct registry_report report;
    registry_report_init(&report);
    struct registry *registry = NULL;
    CHECK(registry_parse(files, SAMPLE_FILES, &registry, &report) == ERR_REGISTRY_INVALID);
    bool found = false;
    for (size_t i = 0; i < report.count; i++) {
        found = found || str_eq(str_from(report.faults[i].text), str_from(text));
    }
    if (!found) {
        test_failed(EP_SITE, "no fault \"%s\" but \"%s\"", text, report.faults[0].text);
    }
    registry_report_fini(&report);
    mem_free(copy);
}

TEST(an_id_that_stands_twice_is_told_with_the_first_ones_line)
{
    set_fault(0, "id: op", "id: v1", "there is another party \"v1\" on line 2");
    set_fault(4, "id: r1", "id: r2", "there is another route \"r2\" on line 2");
}

TEST(an_unknown_reference_suggests_a_near_one)
{
    set_fault(4, "contract_price: cost", "contract_price: cots",
              "there is no price book \"cots\"; did you mean \"cost\"?");
    set_fault(4, "contract_price: cost", "contract_price: zzzz", "there is no price book \"zzzz\"");
    set_fault(4, "credential: c1", "credential: {a: 1}", "the id of a credential must stand here");
}

TEST(an_unknown_key_suggests_a_near_one)
{
    set_fault(4, "upstream_model: m1", "upstreem_model: m1",
              "a route has no \"upstreem_model\"; did you mean \"upstream_model\"?");
    set_fault(5, "brand: B", "colour: B", "a product has no \"colour\"");
}
