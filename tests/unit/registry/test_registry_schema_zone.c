#include "law_sample.h"

TEST(pools_and_zones_name_each_other)
{
    struct registry *registry = law_load();
    const struct registry_zone *zone = &registry->zones[0];
    CHECK(registry->pools[0].zone == zone);
    CHECK(zone->pools[0] == &registry->pools[0]);
    CHECK(zone->approval.pools[0] == &registry->pools[0]);
    CHECK_STR(zone->approval.operators[0]->id, STR("op"));
    CHECK_EQ(zone->separation[REGISTRY_ITEM_NETWORK], REGISTRY_SEPARATION_PHYSICAL);
    CHECK_EQ(zone->separation[REGISTRY_ITEM_LOGS], REGISTRY_SEPARATION_LOGICAL);
    CHECK_EQ(zone->retention_max_s, 60);
    CHECK_STR(zone->ingress_links[0], STR("landing-1"));
    CHECK_EQ(zone->egress_link_count, 0);
    registry_unref(registry);
}

TEST(dated_rows_are_what_was_written)
{
    struct registry *registry = law_load();
    CHECK_STR(registry->thresholds[0].name, STR("us_bulk.health"));
    CHECK_EQ(registry->thresholds[0].value, 10000);
    CHECK_STR(registry->requirements[0].qualification, STR("representative"));
    CHECK_STR(registry->networks[0].cidr, STR("47.74.128.0/24"));
    CHECK(registry->networks[0].party == NULL);
    CHECK_EQ(registry->procurements[0].purchase_orders[0].tokens, 1000000);
    CHECK_EQ(registry->billing[0].state, REGISTRY_BILLING_OPEN);
    CHECK_EQ(registry->billing[0].unpaid_due, 0);
    CHECK_EQ(registry->regions[0].version, 2);
    registry_unref(registry);
}

/* ---- detectors ----------------------------------------------------------------------------- */

#define DETECTORS                                                                           \
    "detectors:\n"                                                                          \
    "  - {id: d1, class: cn_mobile, kind: prefix, values: [\"130\", \"131\"], window: 5,\n" \
    "     min: 2, strength: strong, valid_from: 2026-01-01T00:00:00Z,\n"                    \
    "     valid_until: 2027-01-01T00:00:00Z, source: S}\n"                                  \
    "  - {id: d2, marker: secret, kind: term, values: [\"secret\"],\n"                      \
    "     valid_from: 2026-01-01T00:00:00Z, source: S}\n"

/* The sample and those rows with `fresh` for the first `old`. */
static enum err load_detectors(const char *old, const char *fresh, struct registry **ret_registry,
                               struct registry_report *report)
{
    struct registry_file files[LAW_FILES + 1];
    char *copies[2];
    char text[1024];
    const char *at = strstr(DETECTORS, old);
    CHECK(at != NULL);
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(buf_append(&out, (struct str){ DETECTORS, (size_t)(at - DETECTORS) }));
    EP_IGNORE(buf_append(&out, str_from(fresh)));
    EP_IGNORE(buf_append(&out, str_from(at + strlen(old))));
    law_files(files);
    law_sign(files, LAW_FILES, copies);
    files[LAW_FILES] = (struct registry_file){ STR("detectors.yaml"), buf_str(&out) };
    registry_report_init(report);
    enum err err = registry_parse(files, LAW_FILES + 1, ret_registry, report);
    mem_free(copies[0]);
    mem_free(copies[1]);
    return err;
}

TEST(detectors_are_what_was_written)
{
    struct registry *registry = NULL;
    struct registry_report report;
    CHECK_EQ(load_detectors("d1", "d1", &registry, &report), ERR_OK);
    CHECK_EQ(registry->detector_count, 2);
    const struct registry_detector *d1 = &registry->detectors[0];
    CHECK_STR(d1->id, STR("d1"));
    CHECK_EQ(d1->class, REGISTRY_DETECTOR_MOBILE);
    CHECK_EQ(d1->kind, REGISTRY_DETECTOR_PREFIX);
    CHECK_EQ(d1->values.count, 2);
    CHECK_STR(d1->values.items[1], STR("131"));
    CHECK_EQ(d1->window, 5);
    CHECK_EQ(d1->min, 2);
    CHECK_EQ(d1->strength, REGISTRY_DETECTOR_STRONG);
    CHECK(d1->valid_from < d1->valid_until && d1->valid_until < REGISTRY_TIME_NEVER);
    CHECK_EQ(d1->marker.len, 0);
    const struct registry_detector *d2 = &registry->detectors[1];
    CHECK_EQ(d2->class, REGISTRY_DETECTOR_MARKER);
    CHECK_STR(d2->marker, STR("secret"));
    CHECK_EQ(d2->window, 12);
    CHECK_EQ(d2->min, 1);
    CHECK_EQ(d2->strength, REGISTRY_DETECTOR_WEAK);
    CHECK_EQ(d2->valid_until, REGISTRY_TIME_NEVER);
    registry_unref(registry);
    registry_report_fini(&report);
}

TEST(each_member_of_a_detector_has_a_bad_twin)
{
    static const struct {
        const char *old;
        const char *bad;
    } cases[] = {
        { "id: d2", "id: d1" },
        { "id: d1, ", "" },
        { "class: cn_mobile", "class: cn_name" },
        { "class: cn_mobile", "class: []" },
        { "marker: secret", "marker: \"\"" },
        { "marker: secret",
          "marker: a2345678901234567890123456789012345678901234567890123456789012345" },
        { "kind: prefix", "kind: suffix" },
        { "kind: prefix, ", "" },
        { "values: [\"130\", \"131\"]", "values: []" },
        { "values: [\"130\", \"131\"]", "values: \"130\"" },
        { "values: [\"130\", \"131\"], ", "" },
        { "window: 5", "window: 0" },
        { "window: 5", "window: 25" },
        { "window: 5", "window: near" },
        { "min: 2", "min: 0" },
        { "min: 2", "min: 1001" },
        { "strength: strong", "strength: certain" },
        { "valid_from: 2026-01-01T00:00:00Z", "valid_from: once" },
        { "valid_from: 2026-01-01T00:00:00Z,\n", "\n" },
        { "valid_until: 2027-01-01T00:00:00Z", "valid_until: never" },
        { "valid_until: 2027-01-01T00:00:00Z", "valid_until: 2026-01-01T00:00:00Z" },
        { "source: S", "source: \"\"" },
        { ", source: S", "" },
        { "source: S", "source: S, origin: T" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct registry *registry = NULL;
        struct registry_report report;
        if (load_detectors(cases[i].old, cases[i].bad, &registry, &report) !=
                ERR_REGISTRY_INVALID ||
            strcmp(report.faults[0].file, "detectors.yaml") != 0) {
            test_failed(EP_SITE, "\"%s\" is taken", cases[i].bad);
        }
        registry_report_fini(&report);
    }
}
