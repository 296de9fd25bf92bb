#include "dispatch/line.h"

#include <string.h>

#include "harness.h"

#define SPOTS   64
#define CLIENTS 5
#define GOALS   4

static struct id client_of(unsigned number)
{
    struct id id = { { 0 } };
    id.bytes[0] = (unsigned char)number;
    return id;
}

struct street {
    struct line line;
    struct line_goal goals[GOALS];
    struct line_goal *wanted[SPOTS][GOALS];
    struct line_spot spots[SPOTS];
};

static void street_init(struct street *street)
{
    memset(street, 0, sizeof(*street));
    line_init(&street->line);
}

/* `mask`: a bit each goal. */
static void come(struct street *street, size_t at, unsigned client, bool yields, unsigned mask)
{
    struct line_spot *spot = &street->spots[at];
    *spot = (struct line_spot){ .client = client_of(client),
                                .yields = yields,
                                .tokens = 10 + (int64_t)at,
                                .goals = street->wanted[at] };
    for (unsigned i = 0; i < GOALS; i++) {
        if ((mask >> i & 1) != 0) {
            street->wanted[at][spot->goal_count++] = &street->goals[i];
        }
    }
    line_join(&street->line, spot);
}

/* Where each stands, the first first, as letters from 'a'. */
static void check_order(const struct street *street, const char *order)
{
    char seen[SPOTS + 1] = { 0 };
    size_t count = 0;
    LIST_EACH(node, &street->line.spots) {
        const struct line_spot *spot = EP_CONTAINER(node, struct line_spot, node);
        seen[count++] = (char)('a' + (spot - street->spots));
    }
    CHECK_STR(str_from(seen), str_from(order));
    CHECK_EQ(street->line.count, count);
}

TEST(clients_take_turns)
{
    struct street street;
    street_init(&street);
    for (size_t i = 0; i < 4; i++) {
        come(&street, i, 1, false, 1); /* a b c d */
    }
    come(&street, 4, 2, false, 1); /* e */
    come(&street, 5, 2, false, 1); /* f */
    come(&street, 6, 3, false, 1); /* g */
    check_order(&street, "aegbfcd");
    line_leave(&street.line, &street.spots[0]);
    check_order(&street, "egbfcd"); /* b is the first of its client now, behind those that were */
    line_leave(&street.line, &street.spots[4]);
    check_order(&street, "gbfcd");
    come(&street, 7, 4, false, 1); /* h */
    check_order(&street, "gbfhcd");
    line_leave(&street.line, &street.spots[2]); /* from the middle: who hangs up */
    check_order(&street, "gbfhd");
    line_leave(&street.line, &street.spots[3]);
    line_leave(&street.line, &street.spots[5]);
    line_leave(&street.line, &street.spots[6]);
    line_leave(&street.line, &street.spots[1]);
    line_leave(&street.line, &street.spots[7]);
    check_order(&street, "");
}

TEST(what_yields_stands_behind_all_others)
{
    struct street street;
    street_init(&street);
    come(&street, 0, 1, true, 1);
    come(&street, 1, 1, true, 1);
    come(&street, 2, 2, true, 1);
    come(&street, 3, 3, false, 1);
    come(&street, 4, 3, false, 1);
    come(&street, 5, 1, false, 1); /* its client's flex calls are no turns of it */
    check_order(&street, "dfeacb");
    CHECK_EQ(line_before_new(&street.goals[0], false).calls, 3);
    CHECK_EQ(line_before_new(&street.goals[0], true).calls, 6);
    CHECK_EQ(line_before_new(&street.goals[0], false).tokens, 13 + 14 + 15);
    CHECK_EQ(line_before_new(&street.goals[0], true).tokens, 10 + 11 + 12 + 13 + 14 + 15);
    line_leave(&street.line, &street.spots[0]);
    check_order(&street, "dfecb");
    for (size_t i = 1; i < 6; i++) {
        line_leave(&street.line, &street.spots[i]);
    }
}

TEST(those_before_count_for_what_they_want_alone)
{
    struct street street;
    street_init(&street);
    come(&street, 0, 1, false, 1 | 2);
    come(&street, 1, 2, false, 2);
    come(&street, 2, 3, false, 4);
    come(&street, 3, 4, false, 1 | 2 | 4);
    const struct line_spot *last = &street.spots[3];
    CHECK_EQ(line_before(&street.line, last, &street.goals[0]).calls, 1);
    CHECK_EQ(line_before(&street.line, last, &street.goals[1]).calls, 2);
    CHECK_EQ(line_before(&street.line, last, &street.goals[1]).tokens, 10 + 11);
    CHECK_EQ(line_before(&street.line, last, &street.goals[2]).calls, 1);
    CHECK_EQ(line_before(&street.line, last, &street.goals[3]).calls, 0);
    CHECK_EQ(line_before(&street.line, &street.spots[0], &street.goals[0]).calls, 0);
    struct line_goal *other[] = { &street.goals[3] };
    line_want(&street.spots[0], other, 1);
    CHECK_EQ(line_before(&street.line, last, &street.goals[0]).calls, 0);
    CHECK_EQ(line_before(&street.line, last, &street.goals[3]).calls, 1);
    CHECK_EQ(line_before_new(&street.goals[0], false).calls, 1); /* the last one itself */
    line_want(&street.spots[0], other, 0);
    CHECK_EQ(line_before_new(&street.goals[3], true).calls, 0);
    for (size_t i = 0; i < 4; i++) {
        line_leave(&street.line, &street.spots[i]);
    }
    for (size_t i = 0; i < GOALS; i++) {
        CHECK_EQ(line_before_new(&street.goals[i], true).calls, 0);
        CHECK_EQ(line_before_new(&street.goals[i], true).tokens, 0);
        CHECK_EQ(line_before_new(&street.goals[i], false).calls, 0);
        CHECK_EQ(line_before_new(&street.goals[i], false).tokens, 0);
    }
}

/* ---- by chance ---------------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = (*state ^ *state >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return mixed ^ mixed >> 27;
}

/* What is true of any line. */
static void check_line(const struct street *street)
{
    const struct line_spot *before = NULL;
    struct line_sum all[GOALS] = { 0 };
    struct line_sum firm[GOALS] = { 0 };
    size_t turns[2][CLIENTS] = { { 0 } };
    LIST_EACH(node, &street->line.spots) {
        const struct line_spot *spot = EP_CONTAINER(node, struct line_spot, node);
        CHECK_EQ(spot->turn, turns[spot->yields][spot->client.bytes[0]]++);
        CHECK(before == NULL || before->yields < spot->yields ||
              (before->yields == spot->yields && before->turn <= spot->turn));
        for (size_t i = 0; i < GOALS; i++) {
            struct line_sum seen = line_before(&street->line, spot, &street->goals[i]);
            CHECK_EQ(seen.calls, all[i].calls);
            CHECK_EQ(seen.tokens, all[i].tokens);
        }
        for (size_t i = 0; i < spot->goal_count; i++) {
            size_t goal = (size_t)(spot->goals[i] - street->goals);
            all[goal].calls++;
            all[goal].tokens += spot->tokens;
            firm[goal].calls += spot->yields ? 0 : 1;
            firm[goal].tokens += spot->yields ? 0 : spot->tokens;
        }
        before = spot;
    }
    for (size_t i = 0; i < GOALS; i++) {
        struct line_sum sum = line_before_new(&street->goals[i], true);
        CHECK(sum.calls == all[i].calls && sum.tokens == all[i].tokens);
        sum = line_before_new(&street->goals[i], false);
        CHECK(sum.calls == firm[i].calls && sum.tokens == firm[i].tokens);
    }
}

TEST(whoever_comes_and_goes_the_line_is_in_order)
{
    static struct street street;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t state = seed;
        street_init(&street);
        for (int step = 0; step < 400; step++) {
            size_t at = random_next(&state) % SPOTS;
            struct line_spot *spot = &street.spots[at];
            uint64_t chance = random_next(&state);
            if (!node_linked(&spot->node)) {
                come(&street, at, (unsigned)(chance % CLIENTS), (chance >> 8 & 1) != 0,
                     (unsigned)(chance >> 16 & 15));
            } else if ((chance & 3) == 0) {
                line_want(spot, spot->goals, spot->goal_count / 2);
            } else {
                line_leave(&street.line, spot);
            }
            check_line(&street);
        }
    }
}

/* Clients that stand in the line; for one that has calls there already, any number. */
static size_t others(const struct street *street, unsigned client)
{
    bool stands[CLIENTS] = { false };
    size_t count = 0;
    LIST_EACH(node, &street->line.spots) {
        stands[EP_CONTAINER(node, struct line_spot, node)->client.bytes[0]] = true;
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        count += stands[i] ? 1 : 0;
    }
    return stands[client] ? SIZE_MAX : count;
}

/* One place, which the first of the line gets again and again, while others come in any number: a
 * client that had no call there waits for at most one of each client that had. */
TEST(nobody_waits_for_more_than_one_call_of_each_other)
{
    static struct street street;
    size_t waited[SPOTS];
    size_t bound[SPOTS];
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t state = seed;
        street_init(&street);
        for (int step = 0; step < 2000; step++) {
            uint64_t chance = random_next(&state);
            size_t at = (chance >> 32) % SPOTS;
            /* The first client sends more than half of all. */
            unsigned client = (chance & 1) != 0 ? 0 : (unsigned)(chance >> 8) % CLIENTS;
            if (!node_linked(&street.spots[at].node)) {
                bound[at] = others(&street, client);
                waited[at] = 0;
                come(&street, at, client, false, 1);
            }
            if ((chance >> 16 & 1) != 0) {
                struct line_spot *first =
                    EP_CONTAINER(street.line.spots.next, struct line_spot, node);
                size_t served = (size_t)(first - street.spots);
                CHECK(waited[served] <= bound[served]);
                line_leave(&street.line, first);
                LIST_EACH(node, &street.line.spots) {
                    waited[EP_CONTAINER(node, struct line_spot, node) - street.spots]++;
                }
            }
        }
    }
}
