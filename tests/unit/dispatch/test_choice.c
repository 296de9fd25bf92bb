#include "dispatch/choice.h"

#include "harness.h"

#define OPTIONS 5

/* Five alike: score 100, idle, of weight 1. */
static void alike(struct choice_option options[OPTIONS])
{
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i] = (struct choice_option){ .score = 100, .weight = 1, .hash = 7919 * (i + 1) };
    }
}

static size_t best_of(const struct choice_option *options, struct choice_how how)
{
    return choice_best(options, OPTIONS, &how);
}

TEST(none_is_chosen_of_none)
{
    struct choice_option options[OPTIONS];
    alike(options);
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].out = true;
    }
    CHECK_EQ(best_of(options, (struct choice_how){ .affinity = 1 }), CHOICE_NONE);
    CHECK_EQ(choice_affine(options, OPTIONS, &(struct choice_how){ .affinity = 1 }), CHOICE_NONE);
    CHECK_EQ(choice_best(NULL, 0, &(struct choice_how){ 0 }), CHOICE_NONE);
    options[3].out = false;
    options[3].score = CHOICE_SCORE_MAX;
    CHECK_EQ(best_of(options, (struct choice_how){ .near_percent = 1000 }), 3);
}

TEST(order_goes_before_health_and_health_before_score)
{
    struct choice_option options[OPTIONS];
    alike(options);
    options[4].score = 1;
    CHECK_EQ(best_of(options, (struct choice_how){ 0 }), 4);
    options[4].ailing = true;
    options[2].score = 50;
    CHECK_EQ(best_of(options, (struct choice_how){ 0 }), 2);
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].rank = 1;
    }
    options[4].rank = 0;
    CHECK_EQ(best_of(options, (struct choice_how){ 0 }), 4);
}

TEST(near_is_a_share_of_the_best_to_the_last_unit)
{
    struct choice_option options[OPTIONS];
    alike(options);
    options[1].score = 120;
    options[2].score = 121;
    CHECK(choice_is_near(options, 0, 1, 20));
    CHECK(!choice_is_near(options, 0, 2, 20));
    CHECK(!choice_is_near(options, 0, 1, 19));
    options[1].ailing = true;
    CHECK(!choice_is_near(options, 0, 1, 20));
    options[1].ailing = false;
    options[1].out = true;
    CHECK(!choice_is_near(options, 0, 1, 20));
    options[0].score = 0;
    CHECK(!choice_is_near(options, 0, 2, 1000)); /* nothing is near for nothing */
}

TEST(of_two_the_freer_is_taken_by_weight)
{
    struct choice_option options[OPTIONS];
    alike(options);
    options[2].out = options[3].out = options[4].out = true;
    options[0].under_way = 3;
    options[1].under_way = 2;
    for (uint64_t chance = 0; chance < 50; chance++) {
        CHECK_EQ(best_of(options, (struct choice_how){ .chance = chance }), 1);
    }
    options[0].weight = 4; /* 4 of 4 places beside 3 of 1 */
    CHECK_EQ(best_of(options, (struct choice_how){ 0 }), 0);
    options[0].weight = 1;
    options[1].under_way = 3; /* even: the order decides, then the score */
    CHECK_EQ(best_of(options, (struct choice_how){ 0 }), 0);
    options[0].score = 110;
    CHECK_EQ(best_of(options, (struct choice_how){ .near_percent = 20 }), 1);
}

TEST(the_busiest_of_many_is_never_taken_and_chance_names_each_other_one)
{
    struct choice_option options[OPTIONS];
    size_t taken[OPTIONS] = { 0 };
    alike(options);
    options[2].under_way = 9;
    for (uint64_t chance = 0; chance < 1000; chance++) {
        struct choice_how how = { .chance = chance };
        size_t best = choice_best(options, OPTIONS, &how);
        CHECK_EQ(choice_best(options, OPTIONS, &how), best); /* the same numbers, the same choice */
        taken[best]++;
    }
    CHECK_EQ(taken[2], 0);
    for (size_t i = 0; i < OPTIONS; i++) {
        CHECK(i == 2 || taken[i] > 50);
    }
}

TEST(calls_that_come_one_by_one_are_spread_nearly_evenly)
{
    struct choice_option options[OPTIONS];
    alike(options);
    for (uint64_t chance = 0; chance < 5000; chance++) {
        options[best_of(options, (struct choice_how){ .chance = chance })].under_way++;
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        CHECK(options[i].under_way > 990 && options[i].under_way < 1010);
    }
}

TEST(weights_are_drawn_in_proportion)
{
    static const uint64_t weights[OPTIONS] = { 1, 2, 3, 4, 0 };
    struct choice_option options[OPTIONS];
    size_t taken[OPTIONS] = { 0 };
    alike(options);
    options[4].out = true;
    for (size_t i = 0; i < 4; i++) {
        options[i].weight = weights[i];
        options[i].under_way = 100 * i; /* of no account */
    }
    for (uint64_t chance = 0; chance < 20000; chance++) {
        taken[best_of(options, (struct choice_how){ .chance = chance, .drawn = true })]++;
    }
    for (size_t i = 0; i < 4; i++) { /* within 15 % of each share of 20,000 */
        CHECK(taken[i] > 1700 * weights[i] && taken[i] < 2300 * weights[i]);
    }
    CHECK_EQ(taken[4], 0);
}

TEST(a_key_keeps_its_route_and_only_the_keys_of_a_lost_one_move)
{
    struct choice_option options[OPTIONS];
    size_t before[1000];
    size_t keys[OPTIONS] = { 0 };
    alike(options);
    for (uint64_t key = 1; key <= 1000; key++) {
        struct choice_how how = { .affinity = key, .chance = key };
        before[key - 1] = best_of(options, how);
        keys[before[key - 1]]++;
        how.chance = 99;
        CHECK_EQ(best_of(options, how), before[key - 1]);
        CHECK_EQ(choice_affine(options, OPTIONS, &how), before[key - 1]);
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        CHECK(keys[i] > 150 && keys[i] < 250);
    }
    options[1].out = true;
    for (uint64_t key = 1; key <= 1000; key++) {
        size_t after = best_of(options, (struct choice_how){ .affinity = key });
        CHECK(after != 1 && (before[key - 1] == 1 || after == before[key - 1]));
    }
    CHECK_EQ(choice_affine(options, OPTIONS, &(struct choice_how){ 0 }), CHOICE_NONE);
}

TEST(a_route_bears_a_quarter_more_than_its_share_for_its_keys)
{
    struct choice_option options[OPTIONS];
    alike(options);
    for (int i = 0; i < 1000; i++) { /* all of one key */
        options[best_of(options, (struct choice_how){ .affinity = 42 })].under_way++;
    }
    size_t own = choice_affine(options, OPTIONS, &(struct choice_how){ .affinity = 42 });
    CHECK(options[own].under_way >= 245 && options[own].under_way <= 250);
    alike(options);
    for (int i = 0; i < CHOICE_SHARE_CALLS; i++) { /* a few do not scatter */
        CHECK_EQ(best_of(options, (struct choice_how){ .affinity = 42 }), own);
        options[own].under_way++;
    }
    CHECK(best_of(options, (struct choice_how){ .affinity = 42 }) != own);
}

TEST(the_key_of_a_route_that_is_no_longer_near_goes_to_one_that_is)
{
    struct choice_option options[OPTIONS];
    alike(options);
    struct choice_how how = { .affinity = 42, .near_percent = 10 };
    size_t own = choice_best(options, OPTIONS, &how);
    options[own].score = 110;
    CHECK_EQ(choice_best(options, OPTIONS, &how), own);
    options[own].score = 111;
    CHECK(choice_best(options, OPTIONS, &how) != own);
}
