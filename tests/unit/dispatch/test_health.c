#include "dispatch/health.h"

#include <pthread.h>

#include "harness.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static enum health_state state_at(const struct health *health, int64_t now_ns)
{
    int64_t until;
    return health_state(health, 0, now_ns, &until);
}

static int64_t until_at(const struct health *health, int64_t tokens, int64_t now_ns)
{
    int64_t until;
    (void)health_state(health, tokens, now_ns, &until);
    return until;
}

static struct health_view view_at(const struct health *health, int64_t now_ns)
{
    struct health_view view;
    health_view(health, now_ns, &view);
    return view;
}

static void fail_times(struct health *health, int times, int64_t now_ns)
{
    for (int i = 0; i < times; i++) {
        health_fail(health, false, NULL, now_ns);
    }
}

TEST(nothing_known_speaks_against_nothing)
{
    struct health health = { 0 };
    CHECK_EQ(state_at(&health, 0), HEALTH_READY);
    CHECK_EQ(until_at(&health, 1 << 20, 0), 0);
    CHECK_EQ(health_allowance(&health, 0), UINT64_MAX);
    CHECK_EQ(view_at(&health, 0).first_us, 0);
    CHECK_EQ(view_at(&health, 99 * S).errors_ppm, 0);
}

TEST(a_mean_follows_and_a_stale_one_is_replaced)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 800 * MS, .rest_ns = S, .tokens_out = 50 };
    health_fine(&health, false, &lesson, S);
    CHECK_EQ(view_at(&health, S).first_us, 800001);
    CHECK_EQ(view_at(&health, S).millitokens, 50000);
    lesson.first_ns = 1600 * MS;
    lesson.tokens_out = 100;
    health_fine(&health, false, &lesson, S);
    CHECK_EQ(view_at(&health, S).first_us, 900001); /* an eighth of the way */
    CHECK_EQ(view_at(&health, S).millitokens, 56250);
    /* Nobody asked for eight half-lives: the next sample is nearly all. */
    int64_t late = S + 8 * HEALTH_HALF_LIFE_NS;
    lesson.first_ns = 100 * MS;
    health_fine(&health, false, &lesson, late);
    CHECK(view_at(&health, late).first_us < 105000);
    /* And a time that another thread saw a moment before is no age. */
    health_fine(&health, false, &lesson, late - MS);
    CHECK(view_at(&health, late - MS).first_us < 105000);
}

TEST(what_was_learned_fades_by_half_in_a_half_life)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 1000 * MS, .rest_ns = S, .tokens_out = 40 };
    health_fine(&health, false, &lesson, 0);
    for (int i = 1; i <= 4; i++) {
        struct health_view view = view_at(&health, i * HEALTH_HALF_LIFE_NS);
        CHECK_EQ(view.first_us, 1000001);
        CHECK(view.hoped_us > 990000 >> i && view.hoped_us < 1010000 >> i);
        CHECK(view.hoped_millitokens > 39500 << i && view.hoped_millitokens < 40500 << i);
    }
    CHECK_EQ(view_at(&health, 40 * HEALTH_HALF_LIFE_NS).hoped_us, 0);
    struct health_lesson cut = { .error = HEALTH_ERROR_CUT };
    health_fail(&health, false, &cut, 0);
    CHECK_EQ(health_kind(&health, HEALTH_ERROR_CUT, 0), 1000);
    CHECK_EQ(health_kind(&health, HEALTH_ERROR_TIMEOUT, 0), 0);
    int64_t half = health_kind(&health, HEALTH_ERROR_CUT, HEALTH_HALF_LIFE_NS);
    CHECK(half > 490 && half < 510);
}

TEST(fading_has_no_steps)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 1000 * MS };
    health_fine(&health, false, &lesson, 0);
    int64_t before = view_at(&health, 0).hoped_us;
    for (int64_t now = 0; now < 5 * HEALTH_HALF_LIFE_NS; now += 100 * MS) {
        int64_t after = view_at(&health, now).hoped_us;
        CHECK(after <= before && before - after < 4000); /* 0.4 % in 0.1 s at most */
        before = after;
    }
}

TEST(two_chance_failures_do_not_make_a_route_ail_and_every_third_does)
{
    struct health health = { 0 };
    fail_times(&health, 2, 0);
    CHECK(view_at(&health, 0).errors_ppm < HEALTH_AILING_PERCENT * 10000);
    for (int i = 0; i < 200; i++) {
        health_fine(&health, false, NULL, i * MS);
        health_fine(&health, false, NULL, i * MS);
        health_fail(&health, false, NULL, i * MS);
    }
    CHECK_EQ(state_at(&health, 200 * MS), HEALTH_READY);
    CHECK(view_at(&health, 200 * MS).errors_ppm > HEALTH_AILING_PERCENT * 10000);
    CHECK(view_at(&health, S + HEALTH_HALF_LIFE_NS).errors_ppm < HEALTH_AILING_PERCENT * 10000);
}

TEST(failures_in_a_row_open_the_breaker_and_one_probe_decides)
{
    struct health health = { 0 };
    fail_times(&health, HEALTH_FAILURES_MAX - 1, S);
    health_fine(&health, false, NULL, S); /* the row begins anew */
    fail_times(&health, HEALTH_FAILURES_MAX - 1, S);
    CHECK_EQ(state_at(&health, S), HEALTH_READY);
    CHECK(!health_probe(&health, S)); /* a closed breaker has none */
    fail_times(&health, 1, S);
    int64_t end = S + HEALTH_OPEN_NS;
    CHECK_EQ(state_at(&health, S), HEALTH_OPEN);
    CHECK_EQ(until_at(&health, 0, S), end);
    CHECK_EQ(state_at(&health, end - 1), HEALTH_OPEN);
    CHECK(!health_probe(&health, end - 1));
    CHECK_EQ(state_at(&health, end), HEALTH_HALF_OPEN);
    CHECK(health_probe(&health, end));
    CHECK_EQ(state_at(&health, end), HEALTH_PROBED);
    CHECK(!health_probe(&health, end)); /* one alone */
    health_drop(&health, true);         /* its client left: the next one probes */
    CHECK(health_probe(&health, end));
    health_fine(&health, true, NULL, end);
    CHECK_EQ(state_at(&health, end), HEALTH_READY);
}

TEST(what_ends_late_neither_closes_nor_lengthens_an_open_breaker)
{
    struct health health = { 0 };
    fail_times(&health, HEALTH_FAILURES_MAX, 0);
    health_fine(&health, false, NULL, S);
    CHECK_EQ(until_at(&health, 0, S), HEALTH_OPEN_NS);
    fail_times(&health, 50, 2 * S);
    CHECK_EQ(until_at(&health, 0, 2 * S), HEALTH_OPEN_NS);
    CHECK(health_probe(&health, HEALTH_OPEN_NS));
    fail_times(&health, 50, HEALTH_OPEN_NS);
    CHECK_EQ(state_at(&health, HEALTH_OPEN_NS), HEALTH_PROBED);
    health_fail(&health, true, NULL, HEALTH_OPEN_NS);
    CHECK_EQ(until_at(&health, 0, HEALTH_OPEN_NS), 3 * HEALTH_OPEN_NS); /* twice as long */
}

TEST(open_times_double_up_to_a_minute_and_begin_anew_after_a_whole_return)
{
    static const int64_t seconds[] = { 5, 10, 20, 40, 60, 60, 60 };
    struct health health = { 0 };
    int64_t now = S;
    fail_times(&health, HEALTH_FAILURES_MAX, now);
    for (size_t i = 0; i < EP_ARRAY_LEN(seconds); i++) {
        CHECK_EQ(until_at(&health, 0, now), now + seconds[i] * S);
        now += seconds[i] * S;
        CHECK(health_probe(&health, now));
        health_fail(&health, true, NULL, now);
    }
    now += 60 * S;
    CHECK(health_probe(&health, now));
    health_fine(&health, true, NULL, now);
    fail_times(&health, HEALTH_FAILURES_MAX, now + S); /* it flaps: still a minute */
    CHECK_EQ(until_at(&health, 0, now + S), now + 61 * S);
    now += 61 * S;
    CHECK(health_probe(&health, now));
    health_fine(&health, true, NULL, now);
    now += HEALTH_RETURN_NS;
    fail_times(&health, HEALTH_FAILURES_MAX, now);
    CHECK_EQ(until_at(&health, 0, now), now + HEALTH_OPEN_NS);
}

TEST(a_returning_route_takes_few_calls_at_first)
{
    struct health health = { 0 };
    fail_times(&health, HEALTH_FAILURES_MAX, 0);
    int64_t now = HEALTH_OPEN_NS;
    CHECK(health_probe(&health, now));
    health_fine(&health, true, NULL, now);
    CHECK_EQ(health_allowance(&health, now), 1);
    health_fine(&health, false, NULL, now);
    health_fine(&health, false, NULL, now);
    CHECK_EQ(health_allowance(&health, now), 3); /* each good answer adds one */
    struct health_lesson late = { .first_ns = 5 * S };
    health_fine(&health, false, &(struct health_lesson){ .first_ns = 300 * MS }, now);
    health_fine(&health, false, &late, now); /* but no late one */
    CHECK_EQ(health_allowance(&health, now), 4);
    health_fail(&health, false, NULL, now);
    CHECK_EQ(health_allowance(&health, now), 1);
    CHECK_EQ(health_allowance(&health, now + HEALTH_RETURN_NS), UINT64_MAX);
    for (int i = 0; i < HEALTH_RETURN_FINES; i++) {
        health_fine(&health, false, NULL, now);
    }
    CHECK_EQ(health_allowance(&health, now), UINT64_MAX);
}

TEST(what_begins_much_later_than_usual_is_slow_and_returns_as_others_do)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 400 * MS };
    for (int i = 0; i < 50; i++) {
        health_fine(&health, false, &lesson, S);
    }
    lesson.first_ns = 100 * S; /* one alone, however late, is chance */
    health_fine(&health, false, &lesson, S);
    struct health_view view = view_at(&health, S);
    CHECK(!health_is_slow(view.first_us, view.usual_us));
    lesson.first_ns = 4 * S;
    for (int i = 0; i < 5; i++) {
        health_fine(&health, false, &lesson, S);
    }
    view = view_at(&health, S);
    CHECK(health_is_slow(view.first_us, view.usual_us));
    CHECK(view.usual_us < 600000);
    CHECK_EQ(health_allowance(&health, S), UINT64_MAX); /* who asks knows that it is slow */
    int64_t later = S + 2 * HEALTH_HALF_LIFE_NS;
    view = view_at(&health, later);
    CHECK(!health_is_slow(view.hoped_us, view.usual_us));
    lesson.first_ns = 400 * MS;
    health_fine(&health, false, &lesson, later); /* which counts already */
    CHECK_EQ(health_allowance(&health, later), 2);
    CHECK(!health_is_slow(900000, 1)); /* within a second nobody minds */
}

TEST(a_probe_that_is_late_closes_the_breaker_on_a_slow_route)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 400 * MS };
    health_fine(&health, false, &lesson, 0);
    fail_times(&health, HEALTH_FAILURES_MAX, 0);
    lesson.first_ns = 6 * S;
    CHECK(health_probe(&health, HEALTH_OPEN_NS));
    health_fine(&health, true, &lesson, HEALTH_OPEN_NS);
    struct health_view view = view_at(&health, HEALTH_OPEN_NS);
    CHECK_EQ(state_at(&health, HEALTH_OPEN_NS), HEALTH_READY);
    CHECK_EQ(view.errors_ppm, 0);
    CHECK(health_is_slow(view.first_us, view.usual_us));
}

TEST(a_429_is_rest_and_no_failure)
{
    struct health health = { 0 };
    struct health_lesson busy = { .error = HEALTH_ERROR_BUSY, .retry_after_ns = 7 * S };
    for (int i = 0; i < 10; i++) {
        health_fail(&health, false, &busy, S);
    }
    CHECK_EQ(state_at(&health, S), HEALTH_RESTING);
    CHECK_EQ(until_at(&health, 0, S), 8 * S);
    CHECK_EQ(view_at(&health, S).errors_ppm, 0);
    CHECK_EQ(health_kind(&health, HEALTH_ERROR_BUSY, S), 10000);
    health_fine(&health, false, NULL, 2 * S); /* one from before */
    CHECK_EQ(state_at(&health, 8 * S - 1), HEALTH_RESTING);
    CHECK_EQ(state_at(&health, 8 * S), HEALTH_READY);
    CHECK_EQ(health_allowance(&health, 8 * S), 1); /* slowly */
    busy.retry_after_ns = S;                       /* the shorter one does not shorten */
    health_fail(&health, false, &busy, 8 * S);
    busy.retry_after_ns = 4 * S;
    health_fail(&health, false, &busy, 8 * S);
    busy.retry_after_ns = S;
    health_fail(&health, false, &busy, 8 * S);
    CHECK_EQ(until_at(&health, 0, 8 * S), 12 * S);
    busy.retry_after_ns = 365 * 86400 * S; /* a year is asked again in five minutes */
    health_fail(&health, false, &busy, 12 * S);
    CHECK_EQ(until_at(&health, 0, 12 * S), 12 * S + HEALTH_REST_MAX_NS);
}

TEST(rests_that_are_not_told_double)
{
    static const int64_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
    struct health health = { 0 };
    struct health_lesson busy = { .error = HEALTH_ERROR_BUSY };
    int64_t now = S;
    for (size_t i = 0; i < EP_ARRAY_LEN(seconds); i++) {
        for (int calls = 0; calls < 20; calls++) { /* many at once are one */
            health_fail(&health, false, &busy, now);
        }
        CHECK_EQ(until_at(&health, 0, now), now + seconds[i] * S);
        now += seconds[i] * S;
    }
    health_fine(&health, false, NULL, now);
    health_fail(&health, false, &busy, now);
    CHECK_EQ(until_at(&health, 0, now), now + S);
}

TEST(limits_that_were_told_are_kept_to)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .requests = { true, 2, 0, 10 * S },
                                    .tokens = { true, 1000, 5000, 40 * S } };
    health_fine(&health, false, &lesson, S);
    CHECK_EQ(until_at(&health, 1000, S), 0);
    CHECK_EQ(until_at(&health, 2000, S), 11 * S); /* 1000 more of 4000 in 40 s */
    CHECK_EQ(until_at(&health, 9000, S), 41 * S); /* more than there ever are: all of them */
    CHECK_EQ(until_at(&health, 2000, 11 * S), 0);
    health_spend(&health, 400);
    CHECK_EQ(until_at(&health, 600, S), 0);
    CHECK(until_at(&health, 700, S) > S);
    health_spend(&health, 0);
    CHECK_EQ(until_at(&health, 0, S), 11 * S); /* two requests were left */
    CHECK_EQ(state_at(&health, S), HEALTH_SPENT);
    CHECK_EQ(state_at(&health, 11 * S), HEALTH_READY);
    struct health_lesson none = { .requests = { .known = true } }; /* no time told */
    health_fine(&health, false, &none, 50 * S);
    CHECK_EQ(until_at(&health, 0, 50 * S), 50 * S + HEALTH_REST_NS);
}

TEST(so_many_of_a_hundred_are_later_than_their_percentile)
{
    static const int64_t percents[] = { 50, 90, 95, 99 };
    for (size_t p = 0; p < EP_ARRAY_LEN(percents); p++) {
        struct health health = { 0 };
        uint64_t random = 1;
        int64_t later = 0;
        for (int i = 0; i < 21000; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            int64_t us = 102400000 / (1 + (int64_t)(random >> 54)); /* 1 of 100 beyond 10 s */
            struct health_lesson lesson = { .first_ns = us * 1000 };
            if (i >= 1000) {
                later += us > health_begins(&health, false, percents[p]);
            }
            health_fine(&health, false, &lesson, 0);
        }
        int64_t want = 20000 * (100 - percents[p]) / 100;
        CHECK(later > want * 6 / 10 && later < want * 15 / 10);
        CHECK_EQ(health_begins(&health, true, percents[p]), 0);
    }
}

TEST(a_percentile_takes_answers_and_some_that_are_later)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 100 * MS, .whole = true };
    for (int i = 1; i <= 200; i++) {
        health_fine(&health, false, &lesson, S);
        CHECK_EQ(health_begins(&health, true, 50) > 0, i >= HEALTH_BEGINS_MIN);
        CHECK_EQ(health_begins(&health, true, 95) > 0, i >= HEALTH_BEGINS_MIN);
        CHECK_EQ(health_begins(&health, true, 97) > 0, i >= 67);
        CHECK_EQ(health_begins(&health, true, 99) > 0, i >= 200);
    }
    CHECK_EQ(health_begins(&health, false, 50), 0);
    CHECK_EQ(view_at(&health, S).first_us, 0); /* of streams alone */
}

TEST(what_is_overtaken_is_late_and_no_failure)
{
    struct health health = { 0 };
    struct health_lesson lesson = { .first_ns = 100 * MS };
    struct health_lesson early = { .first_ns = 20 * MS };
    struct health_lesson late = { .first_ns = 300 * MS };
    health_overtaken(&health, false, &late, S); /* nothing is known to compare it with */
    CHECK_EQ(view_at(&health, S).first_us, 0);
    for (int i = 0; i < 100; i++) {
        health_fine(&health, false, &lesson, S);
    }
    int64_t before = health_begins(&health, false, 95);
    health_overtaken(&health, false, &early, S);
    CHECK_EQ(health_begins(&health, false, 95), before); /* it might have been as quick as ever */
    CHECK_EQ(view_at(&health, S).first_us, 100001);
    for (int i = 0; i < 10; i++) {
        health_overtaken(&health, false, &late, S);
    }
    CHECK(health_begins(&health, false, 95) > 250000);
    CHECK(health_begins(&health, false, 50) < 130000);
    CHECK(view_at(&health, S).first_us > 150000);
    CHECK_EQ(view_at(&health, S).errors_ppm, 0);
    CHECK_EQ(state_at(&health, S), HEALTH_READY);
}

TEST(a_probe_that_is_overtaken_leaves_its_place_to_the_next)
{
    struct health health = { 0 };
    struct health_lesson late = { .first_ns = 300 * MS };
    for (int i = 0; i < HEALTH_FAILURES_MAX; i++) {
        health_fail(&health, false, NULL, S);
    }
    int64_t now = S + HEALTH_OPEN_NS;
    CHECK(health_probe(&health, now));
    CHECK_EQ(state_at(&health, now), HEALTH_PROBED);
    health_overtaken(&health, true, &late, now);
    CHECK_EQ(state_at(&health, now), HEALTH_HALF_OPEN);
}

#define THREADS 4
#define ROUNDS  20000

struct crowd {
    struct health health;
    _Atomic int64_t now_ns;
    _Atomic int probing;
    _Atomic int probes;
};

static void *crowd_run(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t now = atomic_fetch_add(&crowd->now_ns, MS) + MS;
        struct health_lesson lesson = { .first_ns = MS, .requests = { true, i, 0, S } };
        if (health_probe(&crowd->health, now)) {
            CHECK_EQ(atomic_fetch_add(&crowd->probing, 1), 0);
            atomic_fetch_add(&crowd->probes, 1);
            atomic_fetch_sub(&crowd->probing, 1);
            if (i % 2 == 0) {
                health_fine(&crowd->health, true, &lesson, now);
            } else {
                health_fail(&crowd->health, true, &lesson, now);
            }
        } else {
            health_fail(&crowd->health, false, &lesson, now);
        }
        health_spend(&crowd->health, i);
        int64_t until;
        (void)health_state(&crowd->health, i, now, &until);
    }
    return NULL;
}

TEST(of_many_threads_one_probes)
{
    struct crowd crowd = { 0 };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, crowd_run, &crowd) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(atomic_load(&crowd.probes) > 0);
}
