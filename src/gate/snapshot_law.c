#include "gate/snapshot_law.h"

#include "base/mem.h"
#include "base/stamp.h"
#include "gate/call_quota.h"
#include "gate/snapshot.h"
#include "policy/detect.h"
#include "policy/origin.h"
#include "policy/policy.h"

_Static_assert((int)REGISTRY_DETECTOR_RESIDENT_ID == 1 + (int)DETECT_RESIDENT_ID &&
                   (int)REGISTRY_DETECTOR_PLATE == 1 + (int)DETECT_PLATE &&
                   (int)REGISTRY_DETECTOR_PLATE == DETECT_CLASSES,
               "classes in one order");
_Static_assert((int)REGISTRY_DETECTOR_PROVINCE == (int)DETECT_PROVINCE &&
                   (int)REGISTRY_DETECTOR_BOUND == (int)DETECT_BOUND,
               "kinds in one order");
_Static_assert((int)REGISTRY_DETECTOR_STRONG == (int)DETECT_STRONG, "strengths in one order");

/* ---- detectors ----------------------------------------------------------------------------- */

static struct detect_row snapshot_detect_row(const struct registry_detector *detector)
{
    bool marker = detector->class == REGISTRY_DETECTOR_MARKER;
    return (struct detect_row){
        .kind = (enum detect_kind)detector->kind,
        .class = marker ? DETECT_RESIDENT_ID : (enum detect_class)(detector->class - 1),
        .marker = detector->marker,
        .values = detector->values.items,
        .count = detector->values.count,
        .window = (unsigned)detector->window,
        .min = (unsigned)detector->min,
        .strength = (enum detect_strength)detector->strength,
    };
}

/* Those in force now: a row's end takes effect with the next snapshot, at most a day later. */
static size_t snapshot_detect_rows(const struct registry *registry, struct detect_row *rows)
{
    int64_t now = stamp_system_ns();
    size_t count = 0;
    for (size_t i = 0; i < registry->detector_count; i++) {
        const struct registry_detector *detector = &registry->detectors[i];
        if (detector->valid_from <= now && now < detector->valid_until) {
            rows[count++] = snapshot_detect_row(detector);
        }
    }
    return count;
}

static enum err snapshot_detect(struct gate_snapshot *snapshot, struct fail *fail)
{
    const struct registry *registry = snapshot->registry;
    const struct detect_policy policy = detect_policy_default();
    if (registry->detector_count == 0) {
        return ERR_OK;
    }
    struct detect_row *rows = mem_alloc(registry->detector_count * sizeof(*rows));
    if (rows == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the detectors");
    }
    /* Without a row in force nothing counts as looked through: zone products sell nothing. */
    size_t count = snapshot_detect_rows(registry, rows);
    enum err err =
        count == 0 ? ERR_OK : detect_rules_compile(rows, count, &policy, &snapshot->detect, fail);
    mem_free(rows);
    return err;
}

/* ---- ranges -------------------------------------------------------------------------------- */

static enum err snapshot_range(const struct registry_network *network, struct origin_range *range,
                               struct fail *fail)
{
    char country[3];
    country_text(network->country, country);
    *range = (struct origin_range){
        .country = { { country[0], country[1] } },
        .party = network->party == NULL ? STR_EMPTY : network->party->id,
        .valid_from_ns = network->valid_from,
        .valid_until_ns = network->valid_until,
    };
    return ip_block_parse(network->cidr, &range->block)
               ? ERR_OK
               : FAIL(fail, ERR_REGISTRY_INVALID,
                      "network \"" STR_FMT "\": \"" STR_FMT "\" is no block of addresses",
                      STR_ARG(network->id), STR_ARG(network->cidr));
}

static enum err snapshot_ranges(struct gate_snapshot *snapshot, struct fail *fail)
{
    const struct registry *registry = snapshot->registry;
    if (registry->network_count == 0) {
        return ERR_OK;
    }
    struct origin_range *ranges = mem_alloc(registry->network_count * sizeof(*ranges));
    if (ranges == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the networks");
    }
    enum err err = ERR_OK;
    for (size_t i = 0; i < registry->network_count && err == ERR_OK; i++) {
        err = snapshot_range(&registry->networks[i], &ranges[i], fail);
    }
    err = err == ERR_OK
              ? origin_ranges_create(ranges, registry->network_count, &snapshot->ranges, NULL, fail)
              : err;
    mem_free(ranges);
    return err;
}

enum err snapshot_law_make(struct gate_snapshot *snapshot, struct fail *fail)
{
    snapshot->has_quotas = call_quota_is_needed(snapshot->registry);
    TRY(snapshot_detect(snapshot, fail));
    TRY(snapshot_ranges(snapshot, fail));
    return policy_compile(snapshot->registry, &snapshot->policy, fail);
}

void snapshot_law_free(struct gate_snapshot *snapshot)
{
    policy_destroy(snapshot->policy);
    origin_ranges_destroy(snapshot->ranges);
    detect_rules_destroy(snapshot->detect);
}

/* ---- beforehand ---------------------------------------------------------------------------- */

/* Each row by itself: one whose time has not come would be met only then. */
static enum err snapshot_check_detectors(const struct registry *registry, struct fail *fail)
{
    const struct detect_policy policy = detect_policy_default();
    enum err err = ERR_OK;
    for (size_t i = 0; i < registry->detector_count && err == ERR_OK; i++) {
        const struct detect_row row = snapshot_detect_row(&registry->detectors[i]);
        struct detect_rules *rules = NULL;
        struct fail why = { .text = "" };
        err = detect_rules_compile(&row, 1, &policy, &rules, &why);
        detect_rules_destroy(rules);
        if (err != ERR_OK) {
            err = FAIL(fail, err, "detector \"" STR_FMT "\": %s",
                       STR_ARG(registry->detectors[i].id), why.text);
        }
    }
    return err;
}

enum err snapshot_law_check(const struct registry *registry, struct fail *fail)
{
    TRY(snapshot_check_detectors(registry, fail));
    struct gate_snapshot *snapshot = mem_zalloc(sizeof(*snapshot));
    if (snapshot == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory to try the registry's law");
    }
    snapshot->registry = registry;
    enum err err = snapshot_law_make(snapshot, fail);
    snapshot_law_free(snapshot);
    mem_free(snapshot);
    return err;
}
