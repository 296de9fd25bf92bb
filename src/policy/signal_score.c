#include "policy/signal_score.h"

#include <string.h>

#include "base/stamp.h"
#include "policy/fixed.h"

#define SIGNAL_DAY_NS       (INT64_C(86400) * STAMP_NS_PER_S)
#define SIGNAL_BEIJING_FROM 1  /* 09:00 there, in hours of UTC */
#define SIGNAL_BEIJING_TO   15 /* 23:00 */
#define SIGNAL_DAYS_MAX     36500

_Static_assert(SIGNALS <= 32, "a bit each");

#define SIGNAL_AS_ROW(name, kind, row) { row, SIGNAL_##kind },
static const struct {
    const char *row;
    enum signal_kind kind;
} signal_rows[SIGNALS] = { SIGNAL_TABLE(SIGNAL_AS_ROW) };
#undef SIGNAL_AS_ROW

#define SIGNAL_LIMIT_AS_ROW(name, row) row,
static const char *const signal_limit_rows[SIGNAL_LIMITS] = { SIGNAL_LIMIT_TABLE(
    SIGNAL_LIMIT_AS_ROW) };
#undef SIGNAL_LIMIT_AS_ROW

const char *signal_name(enum signal which)
{
    ASSERT((unsigned)which < SIGNALS);
    return strchr(signal_rows[which].row, '.') + 1;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* The row of that name that is in force, or NULL. */
static const struct registry_threshold *signal_find(const struct registry_threshold *rows,
                                                    size_t count, const char *name, int64_t now_ns)
{
    const struct registry_threshold *found = NULL;
    struct str wanted = str_from(name);
    for (size_t i = 0; i < count; i++) {
        const struct registry_threshold *row = &rows[i];
        if (str_eq(row->name, wanted) && row->valid_from <= now_ns && now_ns < row->valid_until &&
            (found == NULL || row->valid_from > found->valid_from)) {
            found = row;
        }
    }
    return found;
}

void signal_rules_compile(const struct registry_threshold *rows, size_t count, int64_t now_ns,
                          struct signal_rules *ret_rules)
{
    *ret_rules = (struct signal_rules){ .points = { 0 } };
    for (size_t i = 0; i < SIGNALS; i++) {
        const struct registry_threshold *row = signal_find(rows, count, signal_rows[i].row, now_ns);
        uint64_t points = row == NULL ? 0 : row->value;
        ret_rules->points[i] = points > SIGNAL_SCORE_MAX ? SIGNAL_SCORE_MAX : (uint32_t)points;
    }
    for (size_t i = 0; i < SIGNAL_LIMITS; i++) {
        const struct registry_threshold *row =
            signal_find(rows, count, signal_limit_rows[i], now_ns);
        ret_rules->has_limit[i] = row != NULL;
        uint64_t limit = row == NULL ? 0 : row->value;
        ret_rules->limits[i] = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
    }
}

struct signal_travel signal_rules_travel(const struct signal_rules *rules)
{
    bool known = rules->has_limit[SIGNAL_LIMIT_TRAVEL_KM] &&
                 rules->has_limit[SIGNAL_LIMIT_TRAVEL_KM_PER_HOUR];
    return (struct signal_travel){
        .km = known ? rules->limits[SIGNAL_LIMIT_TRAVEL_KM] : 0,
        .km_per_hour = known ? rules->limits[SIGNAL_LIMIT_TRAVEL_KM_PER_HOUR] : 0,
    };
}

int64_t signal_rules_quiet_ns(const struct signal_rules *rules)
{
    uint32_t days = rules->limits[SIGNAL_LIMIT_QUIET_DAYS]; /* 0 without a row */
    return (days > SIGNAL_DAYS_MAX ? SIGNAL_DAYS_MAX : days) * SIGNAL_DAY_NS;
}

/* ---- points -------------------------------------------------------------------------------- */

struct signal_scoring {
    const struct signal_rules *rules;
    const struct signal_measure *measure;
    const struct signal_facts *facts;
    struct signal_score *score;
};

/* A signal that lacks its points, or has none today, is not even named. */
static void signal_hit(struct signal_scoring *scoring, enum signal which, uint32_t value,
                       uint32_t limit)
{
    struct signal_score *score = scoring->score;
    uint32_t points = scoring->rules->points[which];
    if (points == 0) {
        return;
    }
    ASSERT(score->count < SIGNALS);
    score->hits[score->count++] = (struct signal_hit){ which, value, limit, points };
    score->signals |= UINT32_C(1) << which;
    score->score += points; /* 16 times 100 at most */
}

static void signal_above(struct signal_scoring *scoring, enum signal which, uint32_t value,
                         enum signal_limit limit)
{
    const struct signal_rules *rules = scoring->rules;
    if (rules->has_limit[limit] && value > rules->limits[limit]) {
        signal_hit(scoring, which, value, rules->limits[limit]);
    }
}

/* At least so many thousandths of `all`; none of none is no share. */
static void signal_share_of(struct signal_scoring *scoring, enum signal which, uint64_t part,
                            uint64_t all, enum signal_limit limit)
{
    const struct signal_rules *rules = scoring->rules;
    if (rules->has_limit[limit] && part > 0 && part * 1000 >= all * rules->limits[limit]) {
        signal_hit(scoring, which, (uint32_t)(part * 1000 / all), rules->limits[limit]);
    }
}

static void signal_fact(struct signal_scoring *scoring, enum signal which, bool holds)
{
    if (holds) {
        signal_hit(scoring, which, 1, 0);
    }
}

static void signal_score_users(struct signal_scoring *scoring)
{
    const struct signal_rules *rules = scoring->rules;
    const struct signal_measure *measure = scoring->measure;
    uint64_t usual = measure->users_usual;
    if (rules->has_limit[SIGNAL_LIMIT_USERS_TIMES] && rules->has_limit[SIGNAL_LIMIT_USERS_LEAST] &&
        usual > 0 && measure->users_day >= rules->limits[SIGNAL_LIMIT_USERS_LEAST] &&
        measure->users_day > usual * rules->limits[SIGNAL_LIMIT_USERS_TIMES]) {
        signal_hit(scoring, SIGNAL_USERS, measure->users_day, measure->users_usual);
    }
}

static void signal_score_flat(struct signal_scoring *scoring)
{
    const struct signal_rules *rules = scoring->rules;
    const struct signal_measure *measure = scoring->measure;
    uint32_t permille = rules->limits[SIGNAL_LIMIT_FLAT_PERMILLE];
    if (rules->has_limit[SIGNAL_LIMIT_FLAT_PERMILLE] && rules->has_limit[SIGNAL_LIMIT_FLAT_CALLS] &&
        measure->week_whole && measure->calls_week >= rules->limits[SIGNAL_LIMIT_FLAT_CALLS] &&
        fixed_is_even(measure->hours, EP_ARRAY_LEN(measure->hours), permille)) {
        signal_hit(scoring, SIGNAL_FLAT, measure->calls_week, permille);
    }
}

static void signal_score_resale(struct signal_scoring *scoring)
{
    const struct signal_rules *rules = scoring->rules;
    const struct signal_measure *measure = scoring->measure;
    if (scoring->facts->may_resell) {
        return;
    }
    signal_above(scoring, SIGNAL_NETWORKS, measure->networks_hour, SIGNAL_LIMIT_NETWORKS);
    signal_above(scoring, SIGNAL_ASNS, measure->asns_day, SIGNAL_LIMIT_ASNS);
    signal_above(scoring, SIGNAL_COUNTRIES, measure->countries_day, SIGNAL_LIMIT_COUNTRIES);
    signal_above(scoring, SIGNAL_SOFTWARE, measure->families_day, SIGNAL_LIMIT_SOFTWARE);
    signal_score_users(scoring);
    signal_fact(scoring, SIGNAL_CONCURRENCY, measure->over_contract);
    signal_score_flat(scoring);
    uint32_t travels = rules->limits[SIGNAL_LIMIT_TRAVELS];
    if (rules->has_limit[SIGNAL_LIMIT_TRAVELS] && measure->travels_day > 0 &&
        measure->travels_day >= travels) {
        signal_hit(scoring, SIGNAL_TRAVEL, measure->travels_day, travels);
    }
}

static void signal_score_clock(struct signal_scoring *scoring)
{
    const struct signal_measure *measure = scoring->measure;
    uint64_t all = 0;
    uint64_t awake = 0;
    for (uint32_t i = 0; i < EP_ARRAY_LEN(measure->hours); i++) {
        bool day = i >= SIGNAL_BEIJING_FROM && i < SIGNAL_BEIJING_TO;
        all += measure->hours[i];
        awake += day ? measure->hours[i] : 0;
    }
    if (scoring->facts->clock_china) {
        signal_share_of(scoring, SIGNAL_CLOCK, awake, all, SIGNAL_LIMIT_BEIJING_PERMILLE);
    }
}

/* Registered at a time that is not known, or in the future, says nothing. */
static void signal_score_shell(struct signal_scoring *scoring, int64_t now_ns)
{
    const struct signal_rules *rules = scoring->rules;
    const struct signal_facts *facts = scoring->facts;
    uint32_t limit = rules->limits[SIGNAL_LIMIT_SHELL_DAYS];
    bool known = facts->registered_ns > 0 && facts->registered_ns <= now_ns;
    int64_t days = known ? (now_ns - facts->registered_ns) / SIGNAL_DAY_NS : 0;
    if (known && rules->has_limit[SIGNAL_LIMIT_SHELL_DAYS] && days < limit) {
        signal_hit(scoring, SIGNAL_SHELL, (uint32_t)days, limit);
    } else {
        signal_fact(scoring, SIGNAL_SHELL, facts->mass_address);
    }
}

static void signal_score_origin(struct signal_scoring *scoring, int64_t now_ns)
{
    const struct signal_facts *facts = scoring->facts;
    const struct signal_share *half = &scoring->measure->half;
    signal_share_of(scoring, SIGNAL_ONE_DATABASE_CN, half->one_database_cn, half->calls,
                    SIGNAL_LIMIT_ONE_DATABASE_PERMILLE);
    if (facts->consumer_plan) {
        signal_share_of(scoring, SIGNAL_HOSTING, half->hosting, half->with_hosting,
                        SIGNAL_LIMIT_HOSTING_PERMILLE);
    }
    signal_share_of(scoring, SIGNAL_LANGUAGE, half->zh_cn, half->with_language,
                    SIGNAL_LIMIT_LANGUAGE_PERMILLE);
    signal_score_clock(scoring);
    signal_fact(scoring, SIGNAL_PHONE_CN, facts->phone_cn);
    signal_fact(scoring, SIGNAL_CARD_CN, facts->card_cn);
    signal_score_shell(scoring, now_ns);
    signal_fact(scoring, SIGNAL_BATCH, facts->batch);
}

void signal_score(const struct signal_rules *rules, enum signal_kind kind,
                  const struct signal_measure *measure, const struct signal_facts *facts,
                  int64_t now_ns, struct signal_score *ret_score)
{
    ASSERT((unsigned)kind < SIGNAL_KINDS);
    *ret_score = (struct signal_score){ .score = 0 };
    struct signal_scoring scoring = { rules, measure, facts, ret_score };
    if (kind == SIGNAL_RESALE) {
        signal_score_resale(&scoring);
    } else {
        signal_score_origin(&scoring, now_ns);
    }
    for (size_t i = 0; i < ret_score->count; i++) {
        ASSERT(signal_rows[ret_score->hits[i].which].kind == kind);
    }
    bool beyond = ret_score->score > SIGNAL_SCORE_MAX;
    ret_score->score = beyond ? SIGNAL_SCORE_MAX : ret_score->score;
}

enum signal_hold signal_hold(const struct signal_rules *rules, enum signal_kind kind,
                             uint32_t score)
{
    bool resale = kind == SIGNAL_RESALE;
    uint32_t purchases =
        rules->limits[resale ? SIGNAL_LIMIT_RESALE_PURCHASES : SIGNAL_LIMIT_ORIGIN_PURCHASES];
    uint32_t traffic =
        rules->limits[resale ? SIGNAL_LIMIT_RESALE_TRAFFIC : SIGNAL_LIMIT_ORIGIN_TRAFFIC];
    if (score == 0) {
        return SIGNAL_HOLD_NONE;
    }
    /* Without a row both are 0. */
    return score >= traffic     ? SIGNAL_HOLD_TRAFFIC
           : score >= purchases ? SIGNAL_HOLD_PURCHASES
                                : SIGNAL_HOLD_NONE;
}
