/* Where content is processed: places that the client allows, and the borders on the way there. */
#include "policy/judge_internal.h"

/* DATA 6: the place is one that the client allows. */
void data_location(struct judge *judge)
{
    country_t place = judge->source->place->country;
    if (!country_set_has(&judge->terms->locations, place)) {
        struct policy_reason *reason = judge_refuse(judge, NULL, judge->terms->id);
        reason->country = place;
        reason->within = &judge->terms->locations;
    }
}

/* ---- transfers ----------------------------------------------------------------------------- */

static bool lane_has_basis(const struct registry_data_terms *terms, uint64_t mechanisms,
                           country_t from, country_t to, int64_t now)
{
    for (size_t i = 0; terms != NULL && i < terms->transfer_count; i++) {
        const struct registry_transfer *basis = &terms->transfer_basis[i];
        if (basis->from == from && basis->to == to && (mechanisms >> basis->mechanism & 1) != 0 &&
            judge_window_flaw(&basis->doc, basis->valid_from, basis->valid_until, now) == NULL) {
            return true;
        }
    }
    return false;
}

static bool lane_is_met(const struct judge *judge, const struct registry_lane *lane, country_t from)
{
    country_t to = judge->source->place->country;
    return (lane->mechanisms >> REGISTRY_MECHANISM_NONE & 1) != 0 ||
           lane_has_basis(judge->terms, lane->mechanisms, from, to, judge->now) ||
           lane_has_basis(judge->route->data_terms, lane->mechanisms, from, to, judge->now);
}

/* Every row in force is a law of its own: all must be met. */
static void lane_judge(struct judge *judge, country_t from)
{
    const struct policy_place *place = judge->source->place;
    const struct registry_lane *unmet = NULL;
    bool has_rule = false;
    for (size_t i = 0; i < place->lane_count && unmet == NULL; i++) {
        const struct registry_lane *lane = place->lanes[i];
        if (country_set_has(&lane->from, from) &&
            policy_in_window(lane->valid_from, lane->valid_until, judge->now)) {
            has_rule = true;
            unmet = lane_is_met(judge, lane, from) ? NULL : lane;
        }
    }
    if (!has_rule || unmet != NULL) {
        struct policy_reason *reason = judge_refuse(judge, has_rule ? "no basis" : "no rule",
                                                    has_rule ? unmet->id : STR_EMPTY);
        reason->country = from;
        reason->to = place->country;
    }
}

/* DATA 7: each market's content may cross to the place, by a mechanism that is on file. */
void data_transfer(struct judge *judge)
{
    for (size_t i = 0; i < judge->market_count; i++) {
        if (judge->markets[i] != judge->source->place->country) {
            lane_judge(judge, judge->markets[i]);
        }
    }
}

/* ---- the United States --------------------------------------------------------------------- */

/* For that rule Hong Kong and Macau are in China. */
static bool lane_is_us_covered(country_t place)
{
    return place == country_from(STR("CN")) || place == country_from(STR("HK")) ||
           place == country_from(STR("MO"));
}

static bool lane_is_of_us(const struct judge *judge)
{
    country_t us = country_from(STR("US"));
    return judge->kyc == us || judge->billing_country == us || judge_has_market(judge, us) ||
           judge_has_end_user(judge, us);
}

/* The smallest threshold in force, or NULL. */
static const struct registry_threshold *lane_us_limit(const struct judge *judge, unsigned category)
{
    const struct registry_threshold *limit = NULL;
    for (size_t i = 0; i < judge->policy->us_row_count; i++) {
        const struct policy_us_row *us_row = &judge->policy->us_rows[i];
        if (us_row->category == category &&
            policy_in_window(us_row->row->valid_from, us_row->row->valid_until, judge->now) &&
            (limit == NULL || us_row->row->value < limit->value)) {
            limit = us_row->row;
        }
    }
    return limit;
}

/* DATA 9: US persons' data stays below the bulk thresholds on its way to China, as declared. */
void data_us_bulk(struct judge *judge)
{
    const uint64_t *counted = judge->facts->counters.us_bulk;
    if (!lane_is_us_covered(judge->source->place->country) || !lane_is_of_us(judge)) {
        return;
    }
    if (!judge->terms->us_declared) {
        judge_refuse(judge, "declaration", judge->terms->id);
        return;
    }
    for (unsigned i = 0; i < REGISTRY_US_CATEGORY_COUNT; i++) {
        if ((judge->terms->us_categories >> i & 1) == 0) {
            continue;
        }
        const struct registry_threshold *limit = lane_us_limit(judge, i);
        if (limit == NULL || (counted == NULL ? 0 : counted[i]) >= limit->value) {
            struct policy_reason *reason =
                judge_refuse(judge, policy_word_category((enum registry_us_category)i),
                             limit == NULL ? STR_EMPTY : limit->id);
            reason->number = limit == NULL ? 0 : limit->value;
        }
    }
}
