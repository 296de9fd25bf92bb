#include "policy/signal.h"

#include <string.h>

#include "base/stamp.h"
#include "policy/centroid.h"
#include "policy/fixed.h"

#define SIGNAL_HOUR_S UINT32_C(3600)
#define SIGNAL_DAY_S  (24 * SIGNAL_HOUR_S)
#define SIGNAL_WEEK_S (7 * SIGNAL_DAY_S)
#define SIGNAL_HALF_S (12 * SIGNAL_HOUR_S)

#define SIGNAL_USER_MAX 256 /* bytes that are read: APIs take 64, and a call must not be long */

#define SIGNAL_USUAL_DAYS 3 /* with users, before a day can stand out */

/* ---- numbers of what comes in -------------------------------------------------------------- */

/* Every bit of the result depends on every bit of the number. */
static uint64_t signal_mix(uint64_t number)
{
    number ^= number >> 33;
    number *= UINT64_C(0xff51afd7ed558ccd);
    number ^= number >> 33;
    number *= UINT64_C(0xc4ceb9fe1a85ec53);
    return number ^ number >> 33;
}

uint32_t signal_network(const unsigned char *address, size_t len)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (len == 16 && memcmp(address, mapped, sizeof(mapped)) == 0) {
        address += sizeof(mapped);
        len = 4;
    }
    if (len == 4) {
        return UINT32_C(0x01000000) | (uint32_t)address[0] << 16 | (uint32_t)address[1] << 8 |
               address[2];
    }
    if (len != 16) {
        return 0;
    }
    uint64_t prefix = 0;
    for (size_t i = 0; i < 6; i++) {
        prefix = prefix << 8 | address[i];
    }
    return UINT32_C(0x80000000) | (uint32_t)(signal_mix(prefix + 1) >> 33);
}

uint64_t signal_user(struct str user)
{
    uint64_t number = UINT64_C(0xcbf29ce484222325) ^ user.len;
    size_t len = user.len < SIGNAL_USER_MAX ? user.len : SIGNAL_USER_MAX;
    for (size_t i = 0; i < len; i++) {
        number = (number ^ (unsigned char)user.ptr[i]) * UINT64_C(0x100000001b3);
    }
    number = signal_mix(number);
    return user.len == 0 ? 0 : number == 0 ? 1 : number;
}

static uint32_t signal_seconds(int64_t now_ns)
{
    int64_t now_s = now_ns / STAMP_NS_PER_S;
    return now_s <= 0 ? 1 : now_s > UINT32_MAX ? UINT32_MAX : (uint32_t)now_s;
}

static void signal_count(uint32_t *counter, bool counts)
{
    *counter += counts && *counter < UINT32_MAX;
}

/* ---- what a call adds ---------------------------------------------------------------------- */

/* In place of itself, of nothing, or of what was not seen for longest. */
static void signal_note(struct signal_seen *set, size_t size, uint32_t what, uint32_t now_s)
{
    size_t oldest = 0;
    if (what == 0) {
        return; /* not known */
    }
    for (size_t i = 0; i < size; i++) {
        if (set[i].what == what) {
            set[i].at_s = now_s;
            return;
        }
        oldest = set[i].at_s < set[oldest].at_s ? i : oldest;
    }
    set[oldest] = (struct signal_seen){ what, now_s };
}

static uint16_t signal_users(const struct signal_sketch *sketch)
{
    uint32_t ones = 0;
    for (size_t i = 0; i < EP_ARRAY_LEN(sketch->users); i++) {
        ones += (uint32_t)__builtin_popcountll(sketch->users[i]);
    }
    return (uint16_t)fixed_distinct(SIGNAL_USER_BITS, SIGNAL_USER_BITS - ones);
}

/* The days between are days without users. */
static void signal_turn_day(struct signal_sketch *sketch, uint32_t day)
{
    uint16_t users = signal_users(sketch);
    for (uint32_t i = 0; sketch->day < day && i <= SIGNAL_USER_DAYS; i++) {
        memmove(&sketch->user_days[1], &sketch->user_days[0],
                (SIGNAL_USER_DAYS - 1) * sizeof(sketch->user_days[0]));
        sketch->user_days[0] = users;
        users = 0;
        sketch->day++;
    }
    memset(sketch->users, 0, sizeof(sketch->users));
    sketch->day = day;
}

/* Clears what the new hour, half day and day take the place of. */
static void signal_turn(struct signal_sketch *sketch, uint32_t now_s)
{
    uint32_t hour = now_s / SIGNAL_HOUR_S;
    uint32_t half = now_s / SIGNAL_HALF_S;
    uint32_t day = now_s / SIGNAL_DAY_S;
    for (uint32_t i = 0; sketch->hour < hour && i < SIGNAL_HOURS; i++) {
        sketch->hour++;
        sketch->hours[sketch->hour % SIGNAL_HOURS] = 0;
    }
    sketch->hour = hour;
    for (uint32_t i = 0; sketch->half < half && i < EP_ARRAY_LEN(sketch->shares); i++) {
        sketch->half++;
        sketch->shares[sketch->half % 2] = (struct signal_share){ 0 };
    }
    sketch->half = half;
    if (sketch->day < day) {
        signal_turn_day(sketch, day);
    }
}

/* The time as the sketch takes it: never back by a little, and by much never wrong for long. */
static uint32_t signal_begin(struct signal_sketch *sketch, int64_t now_ns)
{
    uint32_t now_s = signal_seconds(now_ns);
    if (sketch->begun && now_s < sketch->last_s && sketch->last_s - now_s > SIGNAL_DAY_S) {
        *sketch = (struct signal_sketch){ .begun = false }; /* the clock was wrong before */
    }
    if (!sketch->begun) {
        sketch->begun = true;
        sketch->first_s = now_s;
        sketch->hour = now_s / SIGNAL_HOUR_S;
        sketch->half = now_s / SIGNAL_HALF_S;
        sketch->day = now_s / SIGNAL_DAY_S;
    }
    now_s = now_s < sketch->last_s ? sketch->last_s : now_s;
    sketch->last_s = now_s;
    signal_turn(sketch, now_s);
    return now_s;
}

/* A hoster's address says where a machine stands, and an unknown one may be a hoster's. */
static void signal_place(struct signal_sketch *sketch, const struct signal_observation *observation,
                         const struct signal_travel *travel, uint32_t now_s)
{
    if (observation->country == COUNTRY_NONE || observation->hosting != SIGNAL_HOSTING_NO) {
        return;
    }
    if (sketch->placed != COUNTRY_NONE && sketch->placed != observation->country &&
        travel->km > 0) {
        uint32_t km = centroid_km(sketch->placed, observation->country);
        uint64_t reach = (uint64_t)travel->km_per_hour * (now_s - sketch->placed_s);
        if (km >= travel->km && (uint64_t)km * SIGNAL_HOUR_S > reach) {
            sketch->travels[sketch->travel_next++ % SIGNAL_TRAVELS_MAX] = now_s;
        }
    }
    sketch->placed = observation->country;
    sketch->placed_s = now_s;
}

void signal_observe(struct signal_sketch *sketch, const struct signal_observation *observation,
                    const struct signal_travel *travel)
{
    ASSERT(observation->family < AGENT_FAMILIES_MAX);
    uint32_t now_s = signal_begin(sketch, observation->now_ns);
    signal_note(sketch->networks, SIGNAL_NETWORKS_MAX, observation->network, now_s);
    signal_note(sketch->asns, SIGNAL_ASNS_MAX, observation->asn, now_s);
    signal_note(sketch->countries, SIGNAL_COUNTRIES_MAX, observation->country, now_s);
    sketch->families[observation->family] = now_s;
    signal_count(&sketch->hours[sketch->hour % SIGNAL_HOURS], true);
    struct signal_share *share = &sketch->shares[sketch->half % 2];
    signal_count(&share->calls, true);
    signal_count(&share->with_language, observation->language != AGENT_LANGUAGE_NONE);
    signal_count(&share->zh_cn, observation->language == AGENT_LANGUAGE_ZH_CN);
    signal_count(&share->one_database_cn, observation->one_database_cn);
    signal_count(&share->with_hosting, observation->hosting != SIGNAL_HOSTING_UNKNOWN);
    signal_count(&share->hosting, observation->hosting == SIGNAL_HOSTING_YES);
    if (observation->user != 0) {
        uint64_t bit = signal_mix(observation->user) % SIGNAL_USER_BITS;
        sketch->users[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    sketch->over_s = observation->over_contract ? now_s : sketch->over_s;
    signal_place(sketch, observation, travel, now_s);
}

void signal_crowded(struct signal_sketch *sketch, int64_t now_ns)
{
    sketch->over_s = signal_begin(sketch, now_ns);
}

/* ---- what is read off ---------------------------------------------------------------------- */

/* `at_s` 0: never. Windows are half-open: what is a whole window old is out. */
static bool signal_within(uint32_t at_s, uint32_t now_s, uint32_t window_s)
{
    return at_s != 0 && (at_s > now_s || now_s - at_s < window_s);
}

static uint32_t signal_seen(const struct signal_seen *set, size_t size, uint32_t now_s,
                            uint32_t window_s)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += set[i].what != 0 && signal_within(set[i].at_s, now_s, window_s);
    }
    return count;
}

static uint32_t signal_times(const uint32_t *times, size_t size, uint32_t now_s)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += signal_within(times[i], now_s, SIGNAL_DAY_S);
    }
    return count;
}

static uint32_t signal_usual(const struct signal_sketch *sketch)
{
    uint32_t most = 0;
    size_t days = 0;
    for (size_t i = 0; i < SIGNAL_USER_DAYS; i++) {
        days += sketch->user_days[i] > 0;
        most = sketch->user_days[i] > most ? sketch->user_days[i] : most;
    }
    return days >= SIGNAL_USUAL_DAYS ? most : 0;
}

static uint32_t signal_sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void signal_measure_week(const struct signal_sketch *sketch, uint32_t now_s,
                                struct signal_measure *measure)
{
    for (uint32_t i = 0; i < SIGNAL_HOURS; i++) {
        uint32_t calls = sketch->hours[(sketch->hour + 1 + i) % SIGNAL_HOURS];
        uint32_t *hour = &measure->hours[(sketch->hour + 1 + i) % 24];
        *hour = signal_sum(*hour, calls);
        measure->calls_week = signal_sum(measure->calls_week, calls);
    }
    measure->week_whole = now_s - sketch->first_s >= SIGNAL_WEEK_S;
}

static struct signal_share signal_both(const struct signal_share *a, const struct signal_share *b)
{
    return (struct signal_share){
        .calls = signal_sum(a->calls, b->calls),
        .with_language = signal_sum(a->with_language, b->with_language),
        .zh_cn = signal_sum(a->zh_cn, b->zh_cn),
        .one_database_cn = signal_sum(a->one_database_cn, b->one_database_cn),
        .with_hosting = signal_sum(a->with_hosting, b->with_hosting),
        .hosting = signal_sum(a->hosting, b->hosting),
    };
}

void signal_measure(const struct signal_sketch *sketch, int64_t now_ns,
                    struct signal_measure *ret_measure)
{
    struct signal_measure measure = { .calls_week = 0 };
    if (!sketch->begun) {
        *ret_measure = measure;
        return;
    }
    struct signal_sketch now = *sketch; /* its windows as they are then */
    uint32_t now_s = signal_begin(&now, now_ns);
    measure.networks_hour = signal_seen(now.networks, SIGNAL_NETWORKS_MAX, now_s, SIGNAL_HOUR_S);
    measure.networks_day = signal_seen(now.networks, SIGNAL_NETWORKS_MAX, now_s, SIGNAL_DAY_S);
    measure.networks_week = signal_seen(now.networks, SIGNAL_NETWORKS_MAX, now_s, SIGNAL_WEEK_S);
    measure.asns_day = signal_seen(now.asns, SIGNAL_ASNS_MAX, now_s, SIGNAL_DAY_S);
    measure.countries_day = signal_seen(now.countries, SIGNAL_COUNTRIES_MAX, now_s, SIGNAL_DAY_S);
    measure.families_day = signal_times(now.families, AGENT_FAMILIES_MAX, now_s);
    measure.travels_day = signal_times(now.travels, SIGNAL_TRAVELS_MAX, now_s);
    measure.over_contract = signal_within(now.over_s, now_s, SIGNAL_DAY_S);
    measure.users_day = signal_users(&now);
    measure.users_usual = signal_usual(&now);
    measure.half = signal_both(&now.shares[0], &now.shares[1]);
    signal_measure_week(&now, now_s, &measure);
    *ret_measure = measure;
}
