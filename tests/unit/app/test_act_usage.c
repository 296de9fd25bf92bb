#include "gate/usage_check.h"
#include "house.h"

static struct house house;

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

/* Calls of many lengths of one route, reported with `offset` tokens more. */
static void add_calls(int64_t count, int64_t offset)
{
    for (int64_t i = 0; i < count; i++) {
        struct id call = { { 0 } };
        call.bytes[15] = (unsigned char)(i + 1);
        usage_check_add(house.world->usage_check, &(struct usage_check_sample){
                                                      .route = STR("borealis-chat-sg"),
                                                      .model = STR("m"),
                                                      .side = USAGE_CHECK_INPUT,
                                                      .call = call,
                                                      .counted = 50 + 9 * i,
                                                      .reported = 50 + 9 * i + offset,
                                                      .now_ns = 1000,
                                                  });
    }
    /* The rows are written before the next command reads: the writer takes jobs in their order. */
    CHECK_EQ(house_do(&house, "client add --name Barrier"), ACT_OK);
}

TEST(nothing_found_is_said_and_is_no_failure)
{
    begin();
    add_calls(60, 3);
    CHECK_EQ(house_do(&house, "usage check"), ACT_OK);
    CHECK(house_said(&house.out, "no findings"));
    CHECK_EQ(house_do(&house, "usage check --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}

TEST(a_finding_is_shown_with_the_calls_that_prove_it)
{
    begin();
    add_calls(60, 24);
    CHECK_EQ(house_do(&house, "usage check --json"), ACT_FAILED);
    CHECK(house_said(&house.out, "\"route\":\"borealis-chat-sg\""));
    CHECK(house_said(&house.out, "\"kind\":\"offset\""));
    CHECK(house_said(&house.out, "\"offset\":\"+24.000\""));
    CHECK(house_said(&house.out, "\"slope\":\"+0.000000\""));
    CHECK(house_said(&house.errors, "1 findings stand"));
    CHECK_EQ(house_do(&house, "usage check --route aurora-small-us"), ACT_OK);
    CHECK_EQ(house_do(&house, "usage check --route borealis-chat-sg"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "usage check --route near"), ACT_FAILED);
    CHECK(house_said(&house.errors, "no route \"near\""));
    CHECK_EQ(house_do(&house, "usage check --finding 1"), ACT_OK);
    CHECK(house_said(&house.out, "call_"));
    CHECK(house_said(&house.out, "24"));
    house_end(&house);
}

TEST(a_finding_that_is_not_there_is_refused)
{
    begin();
    CHECK_EQ(house_do(&house, "usage check --finding 7"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "usage check --finding x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "usage check --finding -1"), ACT_USAGE);
    house_end(&house);
}
