#include "dispatch/limits_internal.h"

#include <pthread.h>

#include "dispatch/bucket.h"
#include "harness.h"

#define S      INT64_C(1000000000)
#define MINUTE (60 * S)
#define NONE   LIMITS_NONE

static const int64_t no_defaults[LIMITS_KINDS] = { NONE, NONE, NONE, NONE, NONE };

static struct limits *limits;
static struct limits_refusal refusal;

static void begin(void)
{
    refusal = (struct limits_refusal){ .wait_ns = 0 };
    CHECK(limits_create(&limits) == ERR_OK);
}

static struct id numbered(uint64_t number)
{
    return id_make(1, 0, number);
}

/* Of a client with several keys. */
static struct limits_who who(uint64_t key, uint64_t client, const char *model)
{
    return (struct limits_who){ .key = numbered(key),
                                .client = numbered(client),
                                .model = str_from(model),
                                .several = true,
                                .defaults = no_defaults };
}

static void set(enum limits_of of, uint64_t id, const char *model, const int64_t max[LIMITS_KINDS])
{
    const struct limits_subject subject = { of, numbered(id), str_from(model) };
    CHECK(limits_set(limits, &subject, max) == ERR_OK);
}

#define SET(of, id, model, ...) set(of, id, model, (const int64_t[LIMITS_KINDS]){ __VA_ARGS__ })

/* Ends, and leaves nothing. */
static void leave(struct limits_hold *hold, int64_t input, int64_t output, bool served,
                  int64_t now_ns)
{
    limits_end(hold, input, output, served, now_ns);
    limits_free(hold);
}

static enum err enter(const struct limits_who *caller, struct limits_hold *hold, int64_t now_ns)
{
    *hold = (struct limits_hold){ .placed = false };
    return limits_begin(limits, caller, now_ns, hold, &refusal);
}

/* A request that ends at once. */
static enum err request(const struct limits_who *caller, int64_t now_ns)
{
    struct limits_hold hold;
    enum err err = enter(caller, &hold, now_ns);
    leave(&hold, 0, 0, true, now_ns);
    return err;
}

/* A call that uses what it has reserved. */
static enum err call(const struct limits_who *caller, int64_t input, int64_t output, int64_t now_ns)
{
    struct limits_hold hold;
    enum err err = enter(caller, &hold, now_ns);
    err = err == ERR_OK ? limits_reserve(&hold, input, output, now_ns, &refusal) : err;
    leave(&hold, input, output, err == ERR_OK, now_ns);
    return err;
}

/* The limits that are shared: all of a model's between clients, a client's between keys. */
static const struct share_row {
    enum limits_of of;
    uint64_t id;
    const char *model;
    uint64_t clients[2]; /* of the greedy and of the modest one */
    enum limits_meter meter;
} share_rows[] = {
    { LIMITS_OF_MODEL, 0, "m", { 2, 4 }, LIMITS_METER_SHARE },
    { LIMITS_OF_CLIENT, 2, "", { 2, 2 }, LIMITS_METER_KEY_SHARE },
    { LIMITS_OF_CLIENT, 2, "m", { 2, 2 }, LIMITS_METER_KEY_MODEL_SHARE },
};

/* ---- one alone ----------------------------------------------------------------------------- */

TEST(who_asks_alone_may_use_all_of_it)
{
    for (size_t row = 0; row < EP_ARRAY_LEN(share_rows); row++) {
        begin();
        SET(share_rows[row].of, share_rows[row].id, share_rows[row].model, 100, NONE, NONE, NONE,
            10);
        const struct limits_who caller = who(1, 2, "m");
        struct limits_hold holds[11];
        for (int i = 0; i < 10; i++) {
            CHECK(enter(&caller, &holds[i], S) == ERR_OK);
        }
        CHECK(enter(&caller, &holds[10], S) == ERR_LIMIT_CALLS);
        limits_free(&holds[10]);
        for (int i = 0; i < 10; i++) {
            leave(&holds[i], 0, 0, true, S);
        }
        for (int i = 10; i < 100; i++) {
            CHECK(request(&caller, S) == ERR_OK);
        }
        CHECK(request(&caller, S) == ERR_LIMIT_REQUESTS);
        limits_destroy(limits);
    }
}

TEST(the_only_key_of_a_client_has_no_share)
{
    begin();
    SET(LIMITS_OF_CLIENT, 2, "", 100, NONE, NONE, NONE, 10);
    SET(LIMITS_OF_CLIENT, 2, "m", 100, NONE, NONE, NONE, 10);
    struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK_EQ(hold.count, 4);
    leave(&hold, 0, 0, true, S);
    caller.several = false;
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK_EQ(hold.count, 2);
    leave(&hold, 0, 0, true, S);
    const struct limits_who unlimited = who(1, 3, "m");
    CHECK(enter(&unlimited, &hold, S) == ERR_OK);
    CHECK_EQ(hold.count, 1); /* there is nothing to be shared */
    leave(&hold, 0, 0, true, S);
    limits_destroy(limits);
}

/* ---- two ----------------------------------------------------------------------------------- */

static void hammer(const struct share_row *row)
{
    const struct limits_who greedy = who(1, row->clients[0], "m");
    const struct limits_who modest = who(3, row->clients[1], "m");
    CHECK(request(&modest, S) == ERR_OK); /* it is known to ask */
    int got = 0;
    for (int i = 0; i < 200; i++) {
        got += request(&greedy, S) == ERR_OK;
    }
    CHECK_EQ(refusal.meter, row->meter);
    CHECK(refusal.wait_ns > 0 && refusal.wait_ns <= MINUTE);
    CHECK(got >= 49 && got <= 50);
    for (int i = 0; i < 49; i++) {
        CHECK(request(&modest, S) == ERR_OK);
    }
    CHECK(request(&modest, S) == ERR_LIMIT_REQUESTS);
}

static void hammer_places(const struct share_row *row)
{
    const struct limits_who greedy = who(1, row->clients[0], "m");
    const struct limits_who modest = who(3, row->clients[1], "m");
    struct limits_hold holds[10];
    int places = 0;
    for (int i = 0; i < 10; i++) {
        places += enter(&greedy, &holds[i], 100 * S) == ERR_OK;
    }
    CHECK_EQ(places, 5);
    CHECK_EQ(refusal.meter, row->meter);
    struct limits_hold others[6];
    for (int i = 0; i < 5; i++) {
        CHECK(enter(&modest, &others[i], 100 * S) == ERR_OK);
    }
    CHECK(enter(&modest, &others[5], 100 * S) == ERR_LIMIT_CALLS);
    for (int i = 0; i < 6; i++) {
        leave(&others[i], 0, 0, true, 100 * S);
    }
    for (int i = 0; i < 10; i++) {
        leave(&holds[i], 0, 0, true, 100 * S);
    }
}

TEST(who_hammers_leaves_the_others_their_share)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(share_rows); i++) {
        begin();
        SET(share_rows[i].of, share_rows[i].id, share_rows[i].model, 100, NONE, NONE, NONE, 10);
        hammer(&share_rows[i]);
        hammer_places(&share_rows[i]);
        limits_destroy(limits);
    }
}

/* An hour of one who asks ten times a second, beside one who asks for a third of the limit: the
 * latter has all that it asks for, the former the rest, and nothing is left unused. */
TEST(over_an_hour_the_modest_get_all_they_ask_for_and_nothing_lies_idle)
{
    for (size_t row = 0; row < EP_ARRAY_LEN(share_rows); row++) {
        begin();
        SET(share_rows[row].of, share_rows[row].id, share_rows[row].model, 60, NONE, NONE, NONE,
            NONE);
        const struct limits_who greedy = who(1, share_rows[row].clients[0], "m");
        const struct limits_who modest = who(3, share_rows[row].clients[1], "m");
        int got = 0;
        int refused = 0;
        for (int tick = 0; tick < 36000; tick++) {
            int64_t now_ns = S + tick * (S / 10);
            if (tick % 30 == 0) { /* 20 a minute */
                refused += request(&modest, now_ns) != ERR_OK;
            }
            got += request(&greedy, now_ns) == ERR_OK;
        }
        CHECK_EQ(refused, 0);
        CHECK(got > 2350 && got <= 2460); /* 40 a minute, and what a full bucket held at first */
        limits_destroy(limits);
    }
}

TEST(keys_share_what_their_client_has_left_of_a_model)
{
    begin();
    SET(LIMITS_OF_MODEL, 0, "m", 100, NONE, NONE, NONE, NONE);
    SET(LIMITS_OF_CLIENT, 2, "", 80, NONE, NONE, NONE, NONE);
    const struct limits_who other = who(9, 8, "m");
    const struct limits_who keys[2] = { who(1, 2, "m"), who(3, 2, "m") };
    CHECK(request(&other, S) == ERR_OK);
    CHECK(request(&keys[1], S) == ERR_OK);
    int got[2] = { 0, 1 };
    for (int i = 0; i < 100; i++) {
        got[0] += request(&keys[0], S) == ERR_OK;
    }
    CHECK_EQ(refusal.meter, LIMITS_METER_KEY_SHARE);
    for (int i = 0; i < 100; i++) {
        got[1] += request(&keys[1], S) == ERR_OK;
    }
    CHECK_EQ(refusal.meter, LIMITS_METER_SHARE);
    CHECK(got[0] == 40 || got[0] == 39);
    CHECK_EQ(got[0] + got[1], 50); /* the half of the model that is its client's */
    for (int i = 0; i < 49; i++) {
        CHECK(request(&other, S) == ERR_OK);
    }
    limits_destroy(limits);
}

TEST(a_limit_of_zero_lets_nothing_pass_however_it_is_shared)
{
    begin();
    SET(LIMITS_OF_CLIENT, 2, "", 0, NONE, NONE, NONE, NONE);
    SET(LIMITS_OF_CLIENT, 3, "", NONE, NONE, NONE, NONE, 0);
    const struct limits_who rate = who(1, 2, "m");
    const struct limits_who place = who(1, 3, "m");
    CHECK(request(&rate, S) == ERR_LIMIT_REQUESTS);
    CHECK_EQ(refusal.wait_ns, -1);
    CHECK(request(&place, S) == ERR_LIMIT_CALLS);
    CHECK_EQ(refusal.wait_ns, -1);
    CHECK_EQ(refusal.max, 0);
    limits_destroy(limits);
}

TEST(more_shares_than_places_leave_one_to_each)
{
    begin();
    SET(LIMITS_OF_CLIENT, 2, "", NONE, NONE, NONE, NONE, 4);
    struct limits_hold holds[4];
    struct limits_hold more;
    for (uint64_t i = 0; i < 8; i++) {
        const struct limits_who key = who(10 + i, 2, "m");
        CHECK(request(&key, S) == ERR_OK);
    }
    for (uint64_t i = 0; i < 4; i++) {
        const struct limits_who key = who(10 + i, 2, "m");
        CHECK(enter(&key, &holds[i], S) == ERR_OK);
    }
    const struct limits_who first = who(10, 2, "m");
    CHECK(enter(&first, &more, S) == ERR_LIMIT_CALLS);
    limits_free(&more);
    CHECK_EQ(refusal.meter, LIMITS_METER_KEY_SHARE);
    for (size_t i = 0; i < 4; i++) {
        leave(&holds[i], 0, 0, true, S);
    }
    limits_destroy(limits);
}

TEST(what_is_larger_than_its_share_passes_when_who_asks_has_rested)
{
    for (size_t row = 0; row < EP_ARRAY_LEN(share_rows); row++) {
        begin();
        SET(share_rows[row].of, share_rows[row].id, share_rows[row].model, NONE, 100, NONE, NONE,
            NONE);
        for (uint64_t i = 0; i < 10; i++) {
            const struct limits_who other = who(10 + i, share_rows[row].clients[1], "m");
            CHECK(call(&other, 1, 0, S) == ERR_OK);
        }
        const struct limits_who large = who(1, share_rows[row].clients[0], "m");
        CHECK(call(&large, 80, 0, S) == ERR_OK);
        CHECK(call(&large, 9, 0, S) == ERR_LIMIT_TOKENS);
        CHECK(refusal.wait_ns > 0 && refusal.wait_ns < MINUTE);
        limits_destroy(limits);
    }
}

TEST(who_has_stopped_asking_gives_up_its_share)
{
    for (size_t row = 0; row < EP_ARRAY_LEN(share_rows); row++) {
        begin();
        SET(share_rows[row].of, share_rows[row].id, share_rows[row].model, 100, NONE, NONE, NONE,
            NONE);
        const struct limits_who one = who(1, share_rows[row].clients[0], "m");
        const struct limits_who other = who(3, share_rows[row].clients[1], "m");
        CHECK(request(&other, S) == ERR_OK);
        CHECK(request(&one, 10 * MINUTE) == ERR_OK);
        for (int i = 1; i < 100; i++) {
            CHECK(request(&one, 10 * MINUTE) == ERR_OK);
        }
        limits_destroy(limits);
    }
}

/* ---- who asks ------------------------------------------------------------------------------ */

TEST(who_asks_is_counted_once_a_minute_and_for_two)
{
    struct limits_counter whole = { .name_len = 0 };
    struct limits_counter one = { .name_len = 0 };
    struct limits_counter other = { .name_len = 0 };
    struct limits_counter third = { .name_len = 0 };
    struct limits_counter *const shares[] = { &one, &other, &third };
    CHECK_EQ(limits_share_asking(&whole), 1);
    for (int i = 0; i < 9; i++) {
        limits_share_note(&whole, shares[i % 3], S);
    }
    CHECK_EQ(limits_share_asking(&whole), 3);
    limits_share_note(&whole, shares[0], MINUTE);
    CHECK_EQ(limits_share_asking(&whole), 3);
    limits_share_note(&whole, shares[1], MINUTE - 1); /* a clock that is behind */
    CHECK_EQ(limits_share_asking(&whole), 3);
    limits_share_note(&whole, shares[0], 2 * MINUTE);
    CHECK_EQ(limits_share_asking(&whole), 1);
    limits_share_note(&whole, shares[0], 9 * MINUTE);
    CHECK_EQ(limits_share_asking(&whole), 1);
}

TEST(more_than_65535_who_ask_are_counted_as_so_many)
{
    struct limits_counter whole = { .name_len = 0 };
    for (int i = 0; i < 70000; i++) {
        struct limits_counter share = { .name_len = 0 };
        limits_share_note(&whole, &share, S);
    }
    CHECK_EQ(limits_share_asking(&whole), 65535);
    CHECK_EQ(atomic_load(&whole.asking) >> 32, 1); /* nothing ran over into the minute */
}

/* ---- threads ------------------------------------------------------------------------------- */

#define WORKERS 4
#define ROUNDS  5000
#define LEG     50 /* rounds after which they wait for each other: all of them ask at all times */
#define TOKENS  60000

struct worker {
    pthread_t thread;
    uint64_t key;
    int64_t got; /* tokens of calls that were served */
    int most;    /* places that it held at once */
};

static _Atomic int64_t clock_ns;
static atomic_int inside;
static pthread_barrier_t legs;

/* Holds up to three calls at once, on a clock that all of them drive. */
static void *hammering(void *arg)
{
    struct worker *worker = arg;
    const struct limits_who caller = who(worker->key, 2, "m");
    for (int i = 0; i < ROUNDS; i++) {
        struct limits_hold holds[3];
        struct limits_refusal why;
        int64_t now_ns = atomic_fetch_add(&clock_ns, S / 1000);
        int placed = 0;
        if (i % LEG == 0) {
            (void)pthread_barrier_wait(&legs);
        }
        for (int j = 0; j < 3; j++) {
            holds[j] = (struct limits_hold){ .placed = false };
            bool in = limits_begin(limits, &caller, now_ns, &holds[j], &why) == ERR_OK;
            ASSERT(!in || atomic_fetch_add(&inside, 1) < 2 * WORKERS);
            in = in && limits_reserve(&holds[j], 7, 3, now_ns, &why) == ERR_OK;
            worker->got += in ? 10 : 0;
            placed += holds[j].placed;
        }
        worker->most = placed > worker->most ? placed : worker->most;
        for (int j = 0; j < 3; j++) {
            bool served = holds[j].reserved;
            atomic_fetch_sub(&inside, holds[j].placed ? 1 : 0);
            leave(&holds[j], served ? 7 : 0, served ? 3 : 0, served, now_ns);
        }
    }
    return NULL;
}

TEST(keys_of_many_threads_never_pass_their_clients_limit_and_share_it_evenly)
{
    begin();
    SET(LIMITS_OF_CLIENT, 2, "", NONE, TOKENS, NONE, NONE, 2 * WORKERS);
    struct worker workers[WORKERS];
    atomic_store(&clock_ns, S);
    CHECK(pthread_barrier_init(&legs, NULL, WORKERS) == 0);
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .key = 10 + i };
        const struct limits_who key = who(10 + i, 2, "m");
        CHECK(request(&key, S) == ERR_OK); /* all are known to ask */
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&workers[i].thread, NULL, hammering, &workers[i]) == 0);
    }
    int64_t got = 0;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK(workers[i].most >= 2);
        got += workers[i].got;
        least = workers[i].got < least ? workers[i].got : least;
    }
    CHECK(pthread_barrier_destroy(&legs) == 0);
    /* A bucket, and what has filled up in the 20 s that have passed. */
    int64_t passed_ns = atomic_load(&clock_ns) - S;
    CHECK(got <= TOKENS + TOKENS * (passed_ns / S + 1) / 60);
    CHECK(got >= TOKENS - 1000);
    CHECK(least >= TOKENS / WORKERS / 2); /* beyond the half that is for whoever comes first */
    struct limits_hold hold;
    const struct limits_who key = who(10, 2, "m");
    for (int i = 0; i < 2 * WORKERS; i++) { /* every place came back */
        CHECK(enter(&key, &hold, 10 * MINUTE) == ERR_OK);
        leave(&hold, 0, 0, true, 10 * MINUTE);
    }
    limits_destroy(limits);
}
