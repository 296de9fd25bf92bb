#include "gate/lookout.h"

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/counter.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "crypto/digest.h"
#include "harness.h"
#include "ident/ident.h"
#include "ident/review.h"
#include "ident/standing.h"

#define NOW     INT64_C(1793620800000000000) /* 2026-11-02T12:00:00Z */
#define HOUR_NS (INT64_C(3600) * STAMP_NS_PER_S)

#define ROW(text, number)                                                                         \
    {                                                                                             \
        .id = STR_INIT(text), .name = STR_INIT(text), .value = (number), .valid_until = INT64_MAX \
    }

static const struct registry_threshold rows[] = {
    ROW("resale.networks", 30),
    ROW("resale.asns", 25),
    ROW("resale.countries", 25),
    ROW("resale.concurrency", 15),
    ROW("resale.travel", 10),
    ROW("origin.card_cn", 60),
    ROW("origin.language", 5),
    ROW("sketch.networks_hour", 20),
    ROW("sketch.asns_day", 8),
    ROW("sketch.countries_day", 3),
    ROW("sketch.travels_day", 2),
    ROW("sketch.travel_km", 1500),
    ROW("sketch.travel_km_per_hour", 900),
    ROW("sketch.language_permille", 500),
    ROW("review.hold_purchases", 50),
    ROW("review.hold_traffic", 70),
    ROW("review.resale_hold_purchases", 50),
    ROW("review.resale_hold_traffic", 90),
    ROW("review.quiet_days", 30),
};

/* ---- a house ------------------------------------------------------------------------------- */

static char folder[64];
static struct store *store;
static struct ident *ident;
static struct review *review;
static struct lookout *lookout;
static const struct client *client;
static const struct api_key *key;
static struct signal_facts known;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void tell_facts(void *context, const struct api_key *about, struct signal_facts *ret_facts)
{
    CHECK(context == &known && about != NULL);
    *ret_facts = known;
}

static const struct api_key *add_key(const struct client *owner)
{
    const struct api_key *added = NULL;
    struct api_key_text text;
    const struct api_key_order order = { .client = owner->id, .product = STR("world") };
    CHECK_EQ(api_key_add(ident, &order, NOW, &added, &text, NULL), ERR_OK);
    return added;
}

static void begin(void)
{
    char url[128];
    struct store_migration migrations[] = { ident_migrations[0], standing_migration,
                                            fleet_migration, fleet_voice_migration,
                                            review_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(migrations); i++) {
        migrations[i].number = (int64_t)i + 1; /* those of other rooms are not needed here */
    }
    (void)snprintf(folder, sizeof(folder), "/tmp/entrepot-lookout-XXXXXX");
    CHECK(test_folder(folder) != NULL);
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    (void)snprintf(url, sizeof(url), "sqlite:%s/books.db", folder);
    const struct store_options options = { .url = str_from(url),
                                           .migrations = migrations,
                                           .migrations_count = EP_ARRAY_LEN(migrations) };
    const struct id account = { { 1 } };
    known = (struct signal_facts){ .may_resell = false };
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
    CHECK_EQ(ident_open(store, STR("a pepper of the tests"), &ident, NULL), ERR_OK);
    CHECK_EQ(client_add(ident, STR("Acme"), account, NOW, &client, NULL), ERR_OK);
    key = add_key(client);
    CHECK_EQ(review_open(store, &review, NULL), ERR_OK);
    const struct lookout_options lookout_options = { review, tell_facts, &known };
    CHECK_EQ(lookout_create(&lookout_options, &lookout, NULL), ERR_OK);
}

static void end(void)
{
    lookout_destroy(lookout);
    review_close(review);
    ident_close(ident);
    store_close(store);
    CHECK(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS), 0);
}

static struct signal_observation call_at(int64_t now_ns, unsigned network)
{
    const unsigned char address[4] = { 10, (unsigned char)(network >> 8), (unsigned char)network };
    return (struct signal_observation){
        .now_ns = now_ns,
        .network = signal_network(address, sizeof(address)),
        .family = AGENT_OTHER,
    };
}

/* 31 /24s, 11 ASNs and 5 countries, as scenario B has them at 15:10. */
static void fan_out(const struct api_key *of)
{
    static const char *const countries[5] = { "SG", "MY", "TH", "VN", "PH" };
    for (unsigned i = 0; i < 31; i++) {
        struct signal_observation call = call_at(NOW + i * STAMP_NS_PER_S, i);
        call.asn = 100 + i % 11;
        call.country = country_from(str_from(countries[i % 5]));
        lookout_observe(lookout, of, &call);
    }
}

static void sweep(int64_t now_ns)
{
    lookout_sweep(lookout, rows, EP_ARRAY_LEN(rows), now_ns);
}

static enum review_hold held(enum review_kind want)
{
    enum review_kind kind = want;
    enum review_hold hold = review_hold(review, client->id, &kind);
    CHECK_EQ(kind, want);
    return hold;
}

/* ---- cases --------------------------------------------------------------------------------- */

TEST(a_key_that_fans_out_becomes_a_case_that_holds_purchases)
{
    begin();
    fan_out(key);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_NONE); /* a call judges nothing */
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_PURCHASES);
    CHECK_EQ(review_open_count(review), 1);
    sweep(NOW + 120 * STAMP_NS_PER_S);
    CHECK_EQ(review_open_count(review), 1);
    lookout_crowded(lookout, key, NOW + 120 * STAMP_NS_PER_S);
    sweep(NOW + 120 * STAMP_NS_PER_S); /* 80 and 15 */
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_TRAFFIC);
    CHECK_EQ(review_open_count(review), 1);
    end();
}

TEST(a_release_is_quiet_though_the_signals_are_still_there)
{
    begin();
    fan_out(key);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    const struct review_decision decision = { .number = 1,
                                              .state = REVIEW_RELEASED,
                                              .person = STR("Ana"),
                                              .why = STR("a travelling team"),
                                              .now_ns = NOW + 90 * STAMP_NS_PER_S };
    CHECK_EQ(review_decide(review, &decision, NULL), ERR_OK);
    sweep(NOW + 120 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_NONE);
    lookout_crowded(lookout, key, NOW + 120 * STAMP_NS_PER_S); /* more than was released */
    sweep(NOW + 180 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_TRAFFIC);
    end();
}

TEST(who_may_resell_is_no_suspect)
{
    begin();
    known.may_resell = true;
    fan_out(key);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(review_open_count(review), 0);
    end();
}

TEST(facts_of_the_client_count_with_any_call)
{
    begin();
    known.card_cn = true;
    sweep(NOW);
    CHECK_EQ(review_open_count(review), 0); /* no call yet: nobody looks */
    struct signal_observation call = call_at(NOW, 1);
    lookout_observe(lookout, key, &call);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_ORIGIN), REVIEW_HOLD_PURCHASES);
    end();
}

TEST(without_rows_there_are_no_cases)
{
    begin();
    known.card_cn = true;
    fan_out(key);
    lookout_sweep(lookout, NULL, 0, NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(review_open_count(review), 0);
    lookout_sweep(lookout, rows, 7, NOW + 60 * STAMP_NS_PER_S); /* points without thresholds */
    CHECK_EQ(held(REVIEW_ORIGIN), REVIEW_HOLD_TRAFFIC);
    end();
}

TEST(a_revoked_key_is_not_judged_any_more)
{
    begin();
    fan_out(key);
    CHECK_EQ(api_key_revoke(ident, key->id, NOW, NULL), ERR_OK);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(review_open_count(review), 0);
    end();
}

/* Journeys are impossible from the first sweep on: before it no row was there. */
TEST(journeys_alone_open_nothing)
{
    begin();
    sweep(NOW);
    for (int i = 0; i < 10; i++) {
        struct signal_observation call = call_at(NOW + i * HOUR_NS, 1);
        call.country = country_from(i % 2 == 0 ? STR("SG") : STR("GB"));
        call.hosting = SIGNAL_HOSTING_NO;
        lookout_observe(lookout, key, &call);
    }
    sweep(NOW + 10 * HOUR_NS);
    CHECK_EQ(review_open_count(review), 0);
    end();
}

/* ---- bounds -------------------------------------------------------------------------------- */

/* Keys as the lookout sees them, without a store behind them. */
static struct api_key many[3 * LOOKOUT_KEYS_PER_STRIPE];

TEST(a_full_stripe_forgets_the_key_that_was_away_longest)
{
    begin();
    int64_t before = counter_get(COUNTER_SIGNAL_KEYS_DROPPED);
    for (size_t i = 0; i < EP_ARRAY_LEN(many); i++) {
        many[i].id.bytes[0] = (unsigned char)(i >> 8);
        many[i].id.bytes[1] = (unsigned char)i;
        many[i].id.bytes[ID_BYTES - 1] = 5; /* all in one stripe */
        many[i].client = client;
        struct signal_observation call = call_at(NOW + (int64_t)i * STAMP_NS_PER_S, 1);
        lookout_observe(lookout, &many[i], &call);
    }
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS), LOOKOUT_KEYS_PER_STRIPE);
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS_DROPPED) - before, 2 * LOOKOUT_KEYS_PER_STRIPE);
    uint64_t requests = mem_requests();
    for (size_t i = 2 * LOOKOUT_KEYS_PER_STRIPE; i < EP_ARRAY_LEN(many); i++) {
        struct signal_observation call = call_at(NOW + HOUR_NS, 2);
        lookout_observe(lookout, &many[i], &call);
    }
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS_DROPPED) - before, 2 * LOOKOUT_KEYS_PER_STRIPE);
    CHECK_EQ(mem_requests(), requests); /* a call of a known key allocates nothing */
    end();
}

TEST(without_memory_a_call_is_left_out_and_the_next_is_not)
{
    begin();
    int64_t blocks = mem_blocks_open();
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct signal_observation call = call_at(NOW, 1);
        mem_fail_nth(nth);
        lookout_observe(lookout, key, &call);
        mem_fail_nth(0);
    }
    CHECK(counter_get(COUNTER_SIGNAL_KEYS) <= 1);
    fan_out(key);
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS), 1);
    CHECK(mem_blocks_open() > blocks);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_PURCHASES);
    mem_fail_nth(1);
    struct lookout *none = NULL;
    const struct lookout_options options = { .review = review };
    CHECK_EQ(lookout_create(&options, &none, NULL), ERR_NO_MEMORY);
    mem_fail_nth(0);
    end();
}

/* A case that could not be written for lack of memory is found again by the next sweep. */
TEST(a_sweep_that_fails_is_made_up_for_by_the_next)
{
    begin();
    fan_out(key);
    mem_fail_from(1);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    mem_fail_nth(0);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_NONE);
    sweep(NOW + 120 * STAMP_NS_PER_S);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_PURCHASES);
    end();
}

/* ---- threads ------------------------------------------------------------------------------- */

enum {
    THREADS = 4,
    CALLS = 20000,
    KEYS = 40
};

static const struct api_key *keys[KEYS];
static atomic_bool over;

static void *observe(void *context)
{
    unsigned thread = *(const unsigned *)context;
    for (unsigned i = 0; i < CALLS; i++) {
        struct signal_observation call = call_at(NOW + i * STAMP_NS_PER_MS, i % 31);
        call.asn = 1 + i % 11;
        call.user = 1 + i;
        call.country = (country_t)(1 + i / 7 % 5);
        if (i % 64 == 0) {
            lookout_crowded(lookout, keys[(i + thread) % KEYS], call.now_ns);
        }
        lookout_observe(lookout, keys[i % KEYS], &call);
    }
    return NULL;
}

static void *keep_sweeping(void *context)
{
    (void)context;
    while (!atomic_load(&over)) {
        sweep(NOW + 60 * STAMP_NS_PER_S);
    }
    return NULL;
}

TEST(loops_observe_the_same_keys_beside_a_sweep)
{
    pthread_t threads[THREADS];
    pthread_t sweeper;
    unsigned numbers[THREADS];
    begin();
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = i == 0 ? key : add_key(client);
    }
    atomic_store(&over, false);
    CHECK_EQ(pthread_create(&sweeper, NULL, keep_sweeping, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_EQ(pthread_create(&threads[i], NULL, observe, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&over, true);
    CHECK_EQ(pthread_join(sweeper, NULL), 0);
    sweep(NOW + 60 * STAMP_NS_PER_S);
    CHECK_EQ(counter_get(COUNTER_SIGNAL_KEYS), KEYS);
    CHECK_EQ(held(REVIEW_RESALE), REVIEW_HOLD_TRAFFIC);
    CHECK_EQ(review_open_count(review), 1); /* one client, one case */
    end();
}

/* Printed, with room for slow machines and sanitizers in what is asked. */
TEST(an_observation_costs_some_hundred_nanoseconds)
{
    enum {
        ROUNDS = 100000
    };
    struct timespec from;
    struct timespec to;
    begin();
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct signal_observation call = call_at(NOW + i * STAMP_NS_PER_MS, i % 40);
        call.asn = 1 + i % 11;
        call.country = (country_t)(1 + i % 5);
        call.user = 1 + i % 100;
        lookout_observe(lookout, key, &call);
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    int64_t ns = (to.tv_sec - from.tv_sec) * STAMP_NS_PER_S + to.tv_nsec - from.tv_nsec;
    printf("%lld ns an observation, its lock included\n", (long long)(ns / ROUNDS));
    CHECK(ns / ROUNDS < 20000);
    end();
}
