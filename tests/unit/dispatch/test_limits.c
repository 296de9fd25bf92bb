#include "dispatch/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "harness.h"

#define S      INT64_C(1000000000)
#define MINUTE (60 * S)
#define NONE   LIMITS_NONE
#define AS_IS  LIMITS_DEFAULT

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

static struct limits_who who(uint64_t key, uint64_t client, const char *model)
{
    return (struct limits_who){ .key = numbered(key),
                                .client = numbered(client),
                                .model = str_from(model),
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

static struct limits_view tokens_view(const struct limits_who *caller, int64_t now_ns)
{
    struct limits_hold hold;
    struct limits_view requests;
    struct limits_view tokens;
    CHECK(enter(caller, &hold, now_ns) == ERR_OK);
    limits_look(&hold, now_ns, &requests, &tokens);
    leave(&hold, 0, 0, false, now_ns);
    return tokens;
}

/* ---- whose limit --------------------------------------------------------------------------- */

TEST(nothing_that_is_not_limited_is_refused_or_shown)
{
    begin();
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    struct limits_view requests;
    struct limits_view tokens;
    for (int i = 0; i < 1000; i++) {
        CHECK(call(&caller, 1000000, 1000000, S) == ERR_OK);
    }
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK(!limits_count_tokens(&hold));
    CHECK_EQ(limits_input_left(&hold, S), INT64_MAX);
    limits_look(&hold, S, &requests, &tokens);
    CHECK(!requests.limited && !tokens.limited);
    limits_end(&hold, 1, 1, true, S);
    leave(&hold, 1, 1, true, S); /* once more is nothing */
    limits_destroy(limits);
    limits_destroy(NULL);
}

TEST(each_subject_limits_its_own_calls_and_no_others)
{
    static const struct {
        enum limits_of of;
        uint64_t id;
        const char *model;
        enum limits_meter meter;
    } rows[] = {
        { LIMITS_OF_KEY, 1, "", LIMITS_METER_KEY },
        { LIMITS_OF_KEY, 1, "m", LIMITS_METER_KEY_MODEL },
        { LIMITS_OF_CLIENT, 2, "", LIMITS_METER_CLIENT },
        { LIMITS_OF_CLIENT, 2, "m", LIMITS_METER_CLIENT_MODEL },
        { LIMITS_OF_MODEL, 0, "m", LIMITS_METER_MODEL },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        begin();
        SET(rows[i].of, rows[i].id, rows[i].model, 2, NONE, NONE, NONE, NONE);
        const struct limits_who caller = who(1, 2, "m");
        CHECK(request(&caller, S) == ERR_OK);
        CHECK(request(&caller, S) == ERR_OK);
        CHECK(request(&caller, S) == ERR_LIMIT_REQUESTS);
        CHECK_EQ(refusal.meter, rows[i].meter);
        CHECK_EQ(refusal.kind, LIMITS_REQUESTS);
        CHECK_EQ(refusal.max, 2);
        CHECK_EQ(refusal.left, 0);
        CHECK_EQ(refusal.wait_ns, 30 * S);
        const struct limits_who key = who(9, 2, "m");
        const struct limits_who client = who(8, 7, "m");
        const struct limits_who model = who(1, 2, "other");
        CHECK_EQ(request(&key, S) == ERR_OK, rows[i].of == LIMITS_OF_KEY);
        CHECK_EQ(request(&client, S) == ERR_OK, rows[i].of != LIMITS_OF_MODEL);
        CHECK_EQ(request(&model, S) == ERR_OK, rows[i].model[0] != '\0');
        CHECK(request(&caller, 200 * S) == ERR_OK);
        limits_destroy(limits);
    }
}

TEST(a_client_has_the_configured_limit_until_it_has_its_own)
{
    static const int64_t defaults[LIMITS_KINDS] = { 1, NONE, NONE, NONE, 5 };
    begin();
    struct limits_who caller = who(1, 2, "m");
    caller.defaults = defaults;
    CHECK(request(&caller, S) == ERR_OK);
    CHECK(request(&caller, S) == ERR_LIMIT_REQUESTS);
    SET(LIMITS_OF_CLIENT, 2, "", NONE, NONE, NONE, NONE, AS_IS);
    CHECK(request(&caller, S) == ERR_OK);
    SET(LIMITS_OF_CLIENT, 2, "", 0, AS_IS, AS_IS, AS_IS, AS_IS);
    CHECK(request(&caller, 1000 * S) == ERR_LIMIT_REQUESTS);
    CHECK_EQ(refusal.wait_ns, -1); /* nothing a minute never comes */
    SET(LIMITS_OF_CLIENT, 2, "", AS_IS, AS_IS, AS_IS, AS_IS, AS_IS);
    CHECK(request(&caller, 1000 * S) == ERR_OK);
    CHECK(request(&caller, 1000 * S) == ERR_LIMIT_REQUESTS);
    limits_destroy(limits);
}

TEST(what_is_told_is_the_least_of_key_and_client)
{
    static const int64_t defaults[LIMITS_KINDS] = { 7, NONE, NONE, 40, 5 };
    int64_t max[LIMITS_KINDS];
    begin();
    limits_tell(limits, numbered(1), numbered(2), defaults, max);
    CHECK(memcmp(max, defaults, sizeof(max)) == 0);
    SET(LIMITS_OF_KEY, 1, "", AS_IS, 100, AS_IS, 50, 3);
    SET(LIMITS_OF_CLIENT, 2, "", NONE, 90, AS_IS, AS_IS, AS_IS);
    limits_tell(limits, numbered(1), numbered(2), defaults, max);
    const int64_t want[LIMITS_KINDS] = { NONE, 90, NONE, 40, 3 };
    CHECK(memcmp(max, want, sizeof(max)) == 0);
    limits_destroy(limits);
}

TEST(a_refusal_further_on_gives_back_what_was_taken_before)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", 10, 1000, NONE, NONE, 3);
    SET(LIMITS_OF_CLIENT, 2, "", 1, 100, NONE, NONE, 3);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    struct limits_view requests;
    struct limits_view tokens;
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK(limits_reserve(&hold, 90, 20, S, &refusal) == ERR_LIMIT_SIZE);
    CHECK_EQ(refusal.meter, LIMITS_METER_CLIENT);
    CHECK_EQ(refusal.asked, 110);
    CHECK_EQ(refusal.left, 100);
    leave(&hold, 0, 0, false, S);
    for (int i = 0; i < 20; i++) { /* more often than the key could pay for */
        CHECK(request(&caller, S) == (i == 0 ? ERR_OK : ERR_LIMIT_REQUESTS));
    }
    const struct limits_who other = who(1, 3, "m");
    CHECK(enter(&other, &hold, S) == ERR_OK);
    limits_look(&hold, S, &requests, &tokens);
    CHECK_EQ(requests.left, 8);
    CHECK_EQ(tokens.left, 1000);
    leave(&hold, 0, 0, true, S);
    limits_destroy(limits);
}

/* ---- calls at once --------------------------------------------------------------------------- */

TEST(places_are_taken_and_come_back)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", NONE, NONE, NONE, NONE, 2);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold holds[3];
    CHECK(enter(&caller, &holds[0], S) == ERR_OK);
    CHECK(enter(&caller, &holds[1], S) == ERR_OK);
    CHECK(enter(&caller, &holds[2], S) == ERR_LIMIT_CALLS);
    CHECK_EQ(refusal.max, 2);
    leave(&holds[2], 0, 0, false, S); /* it has nothing */
    SET(LIMITS_OF_KEY, 1, "", NONE, NONE, NONE, NONE, 1);
    leave(&holds[0], 0, 0, true, S);
    CHECK(enter(&caller, &holds[0], S) == ERR_LIMIT_CALLS); /* lowered, it holds at once */
    leave(&holds[1], 0, 0, true, S);
    CHECK(enter(&caller, &holds[0], S) == ERR_OK);
    leave(&holds[0], 0, 0, true, S);
    limits_destroy(limits);
}

/* ---- tokens ------------------------------------------------------------------------------ */

TEST(tokens_are_reserved_and_put_right_at_the_end)
{
    begin();
    SET(LIMITS_OF_CLIENT, 2, "", NONE, 1000, NONE, NONE, NONE);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK(limits_count_tokens(&hold));
    CHECK_EQ(limits_input_left(&hold, S), 1000);
    CHECK(limits_reserve(&hold, 100, 800, S, &refusal) == ERR_OK);
    CHECK_EQ(tokens_view(&caller, S).left, 100);
    CHECK(call(&caller, 100, 1, S) == ERR_LIMIT_TOKENS);
    CHECK_EQ(refusal.left, 100);
    CHECK_EQ(refusal.wait_ns, 60 * S / 1000);
    leave(&hold, 100, 50, true, S);
    CHECK_EQ(tokens_view(&caller, S).left, 850);
    CHECK_EQ(tokens_view(&caller, S).full_ns, 9 * S);
    CHECK_EQ(tokens_view(&caller, 10 * S).left, 1000);
    limits_destroy(limits);
}

TEST(input_and_output_have_limits_of_their_own)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "m", NONE, NONE, 100, 10, NONE);
    const struct limits_who caller = who(1, 2, "m");
    CHECK(call(&caller, 100, 5, S) == ERR_OK);
    CHECK(call(&caller, 1, 1, S) == ERR_LIMIT_TOKENS);
    CHECK_EQ(refusal.kind, LIMITS_INPUT);
    CHECK(call(&caller, 0, 6, S) == ERR_LIMIT_TOKENS);
    CHECK_EQ(refusal.kind, LIMITS_OUTPUT);
    CHECK(call(&caller, 101, 0, 1000 * S) == ERR_LIMIT_SIZE);
    CHECK_EQ(refusal.wait_ns, -1);
    CHECK(call(&caller, INT64_MAX, INT64_MAX, 1000 * S) == ERR_LIMIT_SIZE);
    CHECK_EQ(tokens_view(&caller, 1000 * S).left, 10); /* the tightest is shown */
    limits_destroy(limits);
}

TEST(what_was_used_beyond_the_reservation_is_owed)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", NONE, 60, NONE, NONE, NONE);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    CHECK(enter(&caller, &hold, S) == ERR_OK);
    CHECK(limits_reserve(&hold, 10, 10, S, &refusal) == ERR_OK);
    leave(&hold, 10, 110, true, S);
    CHECK(call(&caller, 1, 0, S) == ERR_LIMIT_TOKENS);
    CHECK_EQ(refusal.wait_ns, 61 * S);
    CHECK_EQ(refusal.left, 0);
    CHECK(call(&caller, 1, 0, S + 61 * S) == ERR_OK);
    limits_destroy(limits);
}

TEST(what_has_filled_up_meanwhile_is_not_given_back_once_more)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", NONE, 60, NONE, NONE, NONE);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold slow;
    CHECK(enter(&caller, &slow, S) == ERR_OK);
    CHECK(limits_reserve(&slow, 30, 30, S, &refusal) == ERR_OK);
    CHECK(call(&caller, 60, 0, 61 * S) == ERR_OK);
    leave(&slow, 0, 0, true, 61 * S); /* it used nothing, long after its tokens are back */
    CHECK(call(&caller, 1, 0, 61 * S) == ERR_LIMIT_TOKENS);
    CHECK(call(&caller, 60, 0, 121 * S) == ERR_OK);
    limits_destroy(limits);
}

TEST(a_request_that_is_not_served_counts_as_not_made)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", 1, NONE, NONE, NONE, NONE);
    const struct limits_who caller = who(1, 2, "m");
    struct limits_hold hold;
    for (int i = 0; i < 10; i++) {
        CHECK(enter(&caller, &hold, S) == ERR_OK);
        leave(&hold, 0, 0, false, S);
    }
    CHECK(request(&caller, S) == ERR_OK);
    CHECK(request(&caller, S) == ERR_LIMIT_REQUESTS);
    limits_destroy(limits);
}

TEST(limits_that_change_under_a_call_do_no_harm)
{
    static const int64_t maxima[] = { NONE, 0, 1, 1000, LIMITS_MOST, AS_IS };
    for (size_t i = 0; i < EP_ARRAY_LEN(maxima); i++) {
        for (size_t j = 0; j < EP_ARRAY_LEN(maxima); j++) {
            begin();
            const struct limits_who caller = who(1, 2, "m");
            struct limits_hold hold;
            SET(LIMITS_OF_KEY, 1, "", NONE, maxima[i], maxima[i], NONE, NONE);
            CHECK(enter(&caller, &hold, S) == ERR_OK);
            bool in = limits_reserve(&hold, 1, 0, S, &refusal) == ERR_OK;
            CHECK_EQ(in, maxima[i] != 0);
            SET(LIMITS_OF_KEY, 1, "", NONE, maxima[j], maxima[j], NONE, NONE);
            leave(&hold, 1, 0, in, S);
            SET(LIMITS_OF_KEY, 1, "", NONE, 10, 10, NONE, NONE);
            CHECK(call(&caller, 10, 0, S + 11 * MINUTE) == ERR_OK);
            limits_destroy(limits);
        }
    }
}

/* ---- places without a rate ----------------------------------------------------------------- */

TEST(places_of_a_name_are_counted_by_themselves)
{
    begin();
    struct id one = numbered(1);
    struct limits_counter *taken[3] = { NULL };
    struct limits_counter *none = NULL;
    CHECK(limits_take(limits, one, 2, &taken[0]) == ERR_OK);
    CHECK(limits_take(limits, one, 2, &taken[1]) == ERR_OK);
    CHECK(limits_take(limits, one, 2, &none) == ERR_LIMIT_CALLS);
    CHECK(limits_take(limits, one, 1, &none) == ERR_LIMIT_CALLS);
    CHECK(limits_take(limits, one, 0, &none) == ERR_LIMIT_CALLS);
    CHECK(none == NULL);
    CHECK_EQ(limits_under_way(limits, one), 2);
    CHECK(limits_take(limits, numbered(2), UINT64_MAX, &taken[2]) == ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        limits_give(taken[i]);
    }
    CHECK_EQ(limits_under_way(limits, one), 0);
    CHECK_EQ(limits_under_way(limits, numbered(3)), 0);
    limits_destroy(limits);
}

TEST(a_model_whose_name_is_too_long_to_be_limited_is_not)
{
    static char name[LIMITS_MODEL_MAX + 2];
    memset(name, 'x', LIMITS_MODEL_MAX + 1);
    begin();
    SET(LIMITS_OF_MODEL, 0, "m", 0, NONE, NONE, NONE, NONE);
    const struct limits_who caller = who(1, 2, name);
    CHECK(request(&caller, S) == ERR_OK);
    limits_destroy(limits);
}

static void a_call_of_a_limited_model(void)
{
    struct limits *made = NULL;
    const struct limits_subject model = { LIMITS_OF_MODEL, { { 0 } }, STR("m") };
    const struct limits_subject client = { LIMITS_OF_CLIENT, numbered(2), STR("m") };
    const int64_t max[LIMITS_KINDS] = { 1, 1000, NONE, NONE, 1 };
    if (limits_create(&made) == ERR_OK && limits_set(made, &model, max) == ERR_OK &&
        limits_set(made, &client, max) == ERR_OK) {
        struct limits_hold hold = { .placed = false };
        struct limits_who caller = who(1, 2, "m");
        caller.several = true;
        enum err err = limits_begin(made, &caller, S, &hold, &refusal);
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        if (err == ERR_OK) {
            CHECK(limits_reserve(&hold, 1, 1, S, &refusal) == ERR_OK);
        }
        leave(&hold, 1, 1, true, S);
        struct limits_counter *counter = NULL;
        if (limits_take(made, numbered(9), 1, &counter) == ERR_OK) {
            limits_give(counter);
        }
    }
    limits_destroy(made);
}

TEST(running_out_of_memory_leaks_nothing)
{
    CHECK(test_each_allocation_failing(a_call_of_a_limited_model) >= 10);
}

/* ---- threads ----------------------------------------------------------------------------- */

#define WORKERS 4
#define ROUNDS  20000
#define AT_ONCE 3

static atomic_int inside;
static _Atomic int64_t given;

static void *worker(void *arg)
{
    uint64_t me = *(const uint64_t *)arg;
    const struct limits_who caller = who(1, me, "m");
    for (int i = 0; i < ROUNDS; i++) {
        struct limits_hold hold = { .placed = false };
        struct limits_refusal why;
        int64_t now_ns = S;
        if (limits_begin(limits, &caller, now_ns, &hold, &why) == ERR_OK) {
            ASSERT(atomic_fetch_add(&inside, 1) < AT_ONCE);
            int64_t used = i % 2 == 0 ? 10 : 4;
            bool served = limits_reserve(&hold, 5, 5, now_ns, &why) == ERR_OK;
            atomic_fetch_add(&given, served ? used : 0);
            atomic_fetch_sub(&inside, 1);
            limits_end(&hold, used, 0, served, now_ns);
        }
        limits_free(&hold);
    }
    return NULL;
}

TEST(threads_never_pass_a_limit_together)
{
    begin();
    SET(LIMITS_OF_KEY, 1, "", NONE, 100000, NONE, NONE, AS_IS);
    SET(LIMITS_OF_KEY, 1, "m", NONE, NONE, NONE, NONE, AT_ONCE);
    SET(LIMITS_OF_MODEL, 0, "m", NONE, 300000, NONE, NONE, NONE);
    pthread_t workers[WORKERS];
    uint64_t numbers[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) {
        numbers[i] = 10 + i;
        CHECK(pthread_create(&workers[i], NULL, worker, &numbers[i]) == 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    CHECK(atomic_load(&given) <= 100000);
    CHECK(atomic_load(&given) > 99900); /* and what came back was used by others */
    const struct limits_who caller = who(1, 99, "m");
    CHECK_EQ(tokens_view(&caller, S).left, 100000 - atomic_load(&given));
    limits_destroy(limits);
}
