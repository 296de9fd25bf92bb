#include "meter/usage_report.h"

#include "meter/usage_surface_internal.h"
#include "wire/json.h"

#define REPORT_MEMBERS_MAX 48 /* the largest report known has 12; a larger one is not believed */
#define REPORT_ITEMS_MAX   16 /* there are five modalities */

_Static_assert(USAGE_REPORT_FIELDS == USAGE_FIELDS, "a report has room for each field");
_Static_assert(USAGE_FIELDS <= 32, "each field has a bit");
_Static_assert(USAGE_TOKENS_MAX <= INT32_MAX, "a count fits");
_Static_assert(USAGE_FIELD_SOURCE - USAGE_FIELD_WEB_SEARCH + 1 == USAGE_TOOL_UNITS,
               "a field for each unit of tools");

/* ---- reading ------------------------------------------------------------------------------ */

static bool report_count(struct str value, int64_t *ret_count)
{
    int64_t count = 0;
    if (!json_i64(value, &count) || count < 0 || count > USAGE_TOKENS_MAX) {
        return false;
    }
    *ret_count = count;
    return true;
}

/* `fresh`: bits of what this report has told already. */
static void report_put(struct usage_report *report, unsigned field, struct str value,
                       uint32_t *fresh)
{
    uint32_t bit = 1U << field;
    int64_t count = 0;
    bool fine = report_count(value, &count) && (*fresh & bit) == 0;
    *fresh |= bit;
    report->said |= bit;
    report->spoiled = fine ? report->spoiled & ~bit : report->spoiled | bit;
    report->fields[field] = fine ? (int32_t)count : 0;
}

/* Film is pictures, and what no class is made for is text. */
static unsigned report_modality(struct str name)
{
    return json_string_is(name, STR("AUDIO"))                                         ? 1
           : json_string_is(name, STR("IMAGE")) || json_string_is(name, STR("VIDEO")) ? 2
                                                                                      : 0;
}

/* {"modality":"TEXT","tokenCount":42}, added to the sum of its modality. */
static bool report_add_item(struct str item, int64_t sums[3])
{
    struct json_member member;
    int64_t count = 0;
    unsigned at = 0;
    int counts = 0;
    int names = 0;
    bool fine = json_kind(item) == JSON_OBJECT;
    struct str rest = fine ? json_inside(item) : STR_EMPTY;
    while (fine && json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("tokenCount"))) {
            fine = report_count(member.value, &count) && counts++ == 0;
        } else if (json_key_is(member.key, STR("modality"))) {
            at = report_modality(member.value);
            fine = names++ == 0;
        }
    }
    sums[at] += count;
    return fine && sums[at] <= USAGE_TOKENS_MAX;
}

/* A list is told whole. */
static void report_put_list(struct usage_report *report, unsigned first, struct str value,
                            uint32_t *fresh)
{
    uint32_t bits = 7U << first;
    int64_t sums[3] = { 0 };
    struct str item;
    struct str rest = json_kind(value) == JSON_ARRAY ? json_inside(value) : STR_EMPTY;
    bool fine = json_kind(value) == JSON_ARRAY && (*fresh & bits) == 0;
    for (size_t i = 0; fine && json_next_item(&rest, &item); i++) {
        fine = i < REPORT_ITEMS_MAX && report_add_item(item, sums);
    }
    *fresh |= bits;
    report->said |= bits;
    report->spoiled = fine ? report->spoiled & ~bits : report->spoiled | bits;
    for (unsigned i = 0; i < 3; i++) {
        report->fields[first + i] = fine ? (int32_t)sums[i] : 0;
    }
}

/* Objects of a report that are still to be read: at most one of each kind. */
struct report_todo {
    struct str objects[USAGE_OBJECTS];
    uint32_t met; /* bits */
};

static void report_put_object(struct usage_report *report, unsigned object, struct str value,
                              struct report_todo *todo)
{
    bool fine = json_kind(value) == JSON_OBJECT && (todo->met & 1U << object) == 0;
    todo->met |= 1U << object;
    todo->objects[object] = fine ? value : STR_EMPTY;
    report->crooked |= !fine;
}

/* The tier that served, where the report itself says it. */
static void report_put_tier(struct usage_report *report, const struct json_member *member)
{
    bool speed = json_key_is(member->key, STR("speed"));
    bool named = json_key_is(member->key, STR("service_tier")) ||
                 json_key_is(member->key, STR("serviceTier")) ||
                 json_key_is(member->key, STR("trafficType"));
    enum tier tier = speed || named ? tier_of_json(member->value) : TIER_UNSAID;
    if (tier != TIER_UNSAID) {
        *(speed ? &report->speed : &report->tier) = tier;
    }
}

static const struct usage_path *report_path(const struct usage_rule *rule, enum usage_object in,
                                            struct str key)
{
    for (size_t i = 0; i < rule->path_count; i++) {
        const struct usage_path *path = &rule->paths[i];
        if (path->in == in && json_key_is(key, path->key)) {
            return path;
        }
    }
    return NULL;
}

static void report_read(struct usage_report *report, const struct usage_rule *rule,
                        enum usage_object in, struct report_todo *todo, uint32_t *fresh)
{
    struct json_member member;
    struct str rest = json_inside(todo->objects[in]);
    for (size_t i = 0; json_next_member(&rest, &member); i++) {
        if (i == REPORT_MEMBERS_MAX) {
            report->crooked = true;
            return;
        }
        const struct usage_path *path = report_path(rule, in, member.key);
        if (path == NULL && in == USAGE_OBJECT_REPORT) {
            report_put_tier(report, &member);
        }
        if (path == NULL || json_kind(member.value) == JSON_NULL) {
            continue;
        }
        if (path->kind == USAGE_PATH_COUNT) {
            report_put(report, path->target, member.value, fresh);
        } else if (path->kind == USAGE_PATH_LIST) {
            report_put_list(report, path->target, member.value, fresh);
        } else {
            report_put_object(report, path->target, member.value, todo);
        }
    }
}

void usage_report_add(struct usage_report *report, enum usage_surface surface, struct str json)
{
    const struct usage_rule *rule = usage_rule(surface);
    struct report_todo todo = { .met = 1U << USAGE_OBJECT_REPORT };
    uint32_t fresh = 0;
    if (json.len == 0 || json_kind(json) != JSON_OBJECT) {
        return;
    }
    todo.objects[USAGE_OBJECT_REPORT] = json;
    /* An object is met before those inside it, and they have higher numbers. */
    for (unsigned i = 0; i < USAGE_OBJECTS; i++) {
        if (todo.objects[i].len > 0) {
            report_read(report, rule, (enum usage_object)i, &todo, &fresh);
        }
    }
}

/* ---- the rules ---------------------------------------------------------------------------- */

struct settling {
    const struct usage_report *report;
    const struct usage_rule *rule;
    struct usage *usage;
};

static bool settle_said(const struct settling *settling, enum usage_field field)
{
    return (settling->report->said & 1U << field) != 0;
}

static int64_t settle_field(const struct settling *settling, enum usage_field field)
{
    return settling->report->fields[field];
}

static int64_t settle_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Cached tokens: their place differs by vendor, their meaning does not. */
static int64_t settle_cached(const struct settling *settling, int64_t prompt)
{
    bool *spoiled = &settling->usage->quarantined;
    int64_t cached = settle_field(settling, USAGE_FIELD_CACHED);
    int64_t top = settle_field(settling, USAGE_FIELD_CACHED_TOP);
    int64_t hit = settle_field(settling, USAGE_FIELD_HIT);
    int64_t miss = settle_field(settling, USAGE_FIELD_MISS);
    bool split = settle_said(settling, USAGE_FIELD_HIT) || settle_said(settling, USAGE_FIELD_MISS);
    if (split && (settling->rule->must_split || hit + miss > 0)) {
        *spoiled |= hit + miss != prompt || (cached > 0 && cached != hit);
        return hit;
    }
    *spoiled |= cached > 0 && top > 0 && cached != top;
    return cached > 0 ? cached : top;
}

/* Writes by life time; those of none that is told are the rule's. Returns their sum. */
static int64_t settle_writes(const struct settling *settling)
{
    static const enum usage_class classes[] = { USAGE_W5M, USAGE_W1H, USAGE_W30M, USAGE_W12H };
    struct usage *usage = settling->usage;
    int64_t all = settle_field(settling, USAGE_FIELD_WRITE);
    int64_t sum = 0;
    bool split = false;
    for (unsigned i = 0; i < EP_ARRAY_LEN(classes); i++) {
        enum usage_field field = (enum usage_field)(USAGE_FIELD_W5M + i);
        usage->tokens[classes[i]] = settle_field(settling, field);
        sum += settle_field(settling, field);
        split |= settle_said(settling, field);
    }
    if (split) {
        usage->quarantined |= settle_said(settling, USAGE_FIELD_WRITE) && sum != all;
        return sum;
    }
    usage->tokens[settling->rule->unsplit] = all;
    return all;
}

/* Of what was cached: its split where it is told, else text first, then sounds, then pictures. */
static void settle_split(const struct settling *settling, int64_t cached, const int64_t whole[3],
                         int64_t ret_cached[3])
{
    bool told = false;
    int64_t sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        enum usage_field field = (enum usage_field)(USAGE_FIELD_CACHED_TEXT + i);
        ret_cached[i] = settle_field(settling, field);
        sum += ret_cached[i];
        told |= settle_said(settling, field);
    }
    if (told) {
        settling->usage->quarantined |= settle_said(settling, USAGE_FIELD_CACHED) && cached != sum;
        return;
    }
    ret_cached[0] = settle_min(cached, whole[0] > 0 ? whole[0] : 0);
    ret_cached[1] = settle_min(cached - ret_cached[0], whole[1]);
    ret_cached[2] = cached - ret_cached[0] - ret_cached[1];
    settling->usage->split_assumed = ret_cached[1] > 0 || ret_cached[2] > 0;
}

/* Returns all that the input holds, in the rule's own sense of the word. */
static int64_t settle_input(const struct settling *settling)
{
    const struct usage_rule *rule = settling->rule;
    int64_t *tokens = settling->usage->tokens;
    int64_t prompt = settle_field(settling, USAGE_FIELD_INPUT);
    int64_t cached = settle_cached(settling, prompt);
    int64_t writes = settle_writes(settling);
    bool beside =
        rule->cached == USAGE_ADDITION || (rule->cached == USAGE_UNSETTLED && cached > prompt);
    prompt += beside ? cached : 0;
    prompt += rule->write == USAGE_ADDITION ? writes : 0;

    int64_t audio = settle_field(settling, USAGE_FIELD_IN_AUDIO);
    int64_t image = settle_field(settling, USAGE_FIELD_IN_IMAGE);
    const int64_t whole[3] = { prompt - audio - image - writes, audio, image };
    int64_t held[3];
    settle_split(settling, cached, whole, held);
    tokens[USAGE_IN] = whole[0] - held[0];
    tokens[USAGE_CACHED] = held[0];
    tokens[USAGE_IN_AUDIO] = audio - held[1];
    tokens[USAGE_CACHED_AUDIO] = held[1];
    tokens[USAGE_IN_IMAGE] = image - held[2];
    tokens[USAGE_CACHED_IMAGE] = held[2];
    tokens[USAGE_IN_TOOL] = settle_field(settling, USAGE_FIELD_IN_TOOL);
    return prompt;
}

/* Whether reasoning stands beside the completion. Without a total nothing tells. */
static bool settle_is_added(const struct settling *settling, int64_t prompt, int64_t completion)
{
    int64_t reason = settle_field(settling, USAGE_FIELD_REASON);
    int64_t total = settle_field(settling, USAGE_FIELD_TOTAL);
    if (settling->rule->reason != USAGE_UNSETTLED || reason == 0) {
        return settling->rule->reason == USAGE_ADDITION;
    }
    settling->usage->quarantined |= !settle_said(settling, USAGE_FIELD_TOTAL);
    settling->usage->reasoning_added = total == prompt + completion + reason;
    return settling->usage->reasoning_added;
}

static void settle_output(const struct settling *settling, int64_t prompt)
{
    int64_t *tokens = settling->usage->tokens;
    int64_t completion = settle_field(settling, USAGE_FIELD_OUTPUT);
    int64_t reason = settle_field(settling, USAGE_FIELD_REASON);
    int64_t audio = settle_field(settling, USAGE_FIELD_OUT_AUDIO);
    int64_t image = settle_field(settling, USAGE_FIELD_OUT_IMAGE);
    bool added = settle_is_added(settling, prompt, completion);
    tokens[USAGE_REASON] = reason;
    tokens[USAGE_OUT_AUDIO] = audio;
    tokens[USAGE_OUT_IMAGE] = image;
    tokens[USAGE_OUT] = completion - (added ? 0 : reason) - audio - image;
}

static bool settle_sums(const struct settling *settling)
{
    const struct usage *usage = settling->usage;
    bool fine = settling->report->spoiled == 0 && !settling->report->crooked;
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        fine &= usage->tokens[i] >= 0;
    }
    if (settle_said(settling, USAGE_FIELD_TOTAL)) {
        return fine && usage_sum(usage) == settle_field(settling, USAGE_FIELD_TOTAL);
    }
    /* Without a total, nothing tells that an absent count stands for none. */
    return fine && settle_said(settling, USAGE_FIELD_OUTPUT);
}

bool usage_report_settle(const struct usage_report *report, enum usage_surface surface,
                         struct usage *ret_usage)
{
    struct usage usage = { .quarantined = false };
    const struct settling settling = { report, usage_rule(surface), &usage };
    if (!settle_said(&settling, USAGE_FIELD_INPUT)) {
        return false;
    }
    int64_t prompt = settle_input(&settling);
    settle_output(&settling, prompt);
    for (unsigned i = 0; i < USAGE_TOOL_UNITS; i++) {
        usage.units[i] = settle_field(&settling, (enum usage_field)(USAGE_FIELD_WEB_SEARCH + i));
    }
    usage.told[USAGE_DETAIL_CACHED] = settle_said(&settling, USAGE_FIELD_CACHED) ||
                                      settle_said(&settling, USAGE_FIELD_CACHED_TOP) ||
                                      settle_said(&settling, USAGE_FIELD_HIT);
    usage.told[USAGE_DETAIL_REASON] = settle_said(&settling, USAGE_FIELD_REASON);
    usage.tier = tier_is_ordinary(report->speed) && report->tier != TIER_UNSAID ? report->tier
                                                                                : report->speed;
    usage.quarantined |= !settle_sums(&settling);
    *ret_usage = usage;
    return true;
}

bool usage_read(enum usage_surface surface, struct str json, struct usage *ret_usage)
{
    struct usage_report report = { .said = 0 };
    usage_report_add(&report, surface, json);
    return usage_report_settle(&report, surface, ret_usage);
}
