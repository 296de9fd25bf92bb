#include "gate/upstream_claim.h"
#include "house.h"

static struct house house;

struct adding {
    struct store_job job;
    struct claim_item item;
};

static enum err run_add(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return upstream_claim_add(txn, &EP_CONTAINER(job, struct adding, job)->item, fail);
}

static void add(enum claim_kind kind, const char *upstream_id, int64_t counted, int64_t reported)
{
    struct adding adding = { .job = { .run = run_add },
                             .item = { .route = STR("aurora-large-us"),
                                       .party = STR("aurora"),
                                       .model = STR("aurora-large"),
                                       .kind = kind,
                                       .call = { { 1, 2, 3 } },
                                       .upstream_id = str_from(upstream_id),
                                       .declared = kind == CLAIM_SWAP ? STR("mini") : STR_EMPTY,
                                       .counted = counted,
                                       .reported = reported,
                                       .now_ns = 1000 } };
    CHECK_EQ(store_run(house.world->store, &adding.job, NULL), ERR_OK);
}

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

TEST(claims_are_listed_and_shown_with_their_calls)
{
    begin();
    CHECK_EQ(house_do(&house, "claim list"), ACT_OK);
    CHECK(house_said(&house.out, "no claims"));
    CHECK_EQ(house_do(&house, "claim list --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    add(CLAIM_SWAP, "up-7", 0, 0);
    add(CLAIM_SLOPE, "", 100, 112);
    CHECK_EQ(house_do(&house, "claim list --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"kind\":\"swap\",\"state\":\"open\""));
    CHECK(house_said(&house.out, "\"counted\":100,\"reported\":112,\"difference\":12"));
    CHECK_EQ(house_do(&house, "claim list --route borealis-chat-sg --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    CHECK_EQ(house_do(&house, "claim show 1 --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"upstream_id\":\"up-7\",\"declared\":\"mini\""));
    CHECK(house_said(&house.out, "{\"claim\":{\"claim\":1,"));
    CHECK_EQ(house_do(&house, "claim show 1"), ACT_OK);
    CHECK(house_said(&house.out, "up-7"));
    CHECK_EQ(house_do(&house, "claim show 2"), ACT_OK);
    CHECK(house_said(&house.out, "aurora"));
    house_end(&house);
}

TEST(a_claim_is_closed_once_by_name)
{
    begin();
    add(CLAIM_SWAP, "up-7", 0, 0);
    CHECK_EQ(house_do(&house, "claim close 1 --why paid --by Ada"), ACT_OK);
    CHECK(house_said(&house.out, "settled"));
    CHECK_EQ(house_do(&house, "claim close 1 --why paid --by Ada"), ACT_FAILED);
    CHECK(house_said(&house.errors, "closed"));
    add(CLAIM_SWAP, "up-8", 0, 0);
    CHECK_EQ(house_do(&house, "claim close 2 --as withdrawn --why ours --by Ben"), ACT_OK);
    CHECK_EQ(house_do(&house, "claim list --state withdrawn --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"closed_by\":\"Ben\",\"why\":\"ours\""));
    CHECK(!house_said(&house.out, "Ada"));
    CHECK_EQ(house_do(&house, "claim list --state open --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}

TEST(what_is_no_claim_is_refused)
{
    begin();
    add(CLAIM_SWAP, "up-7", 0, 0);
    CHECK_EQ(house_do(&house, "claim show"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim show x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim show 0"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim show 7"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "claim list --state shut"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim close 7 --why x --by y"), ACT_FAILED);
    CHECK_EQ(house_do(&house, "claim close 1 --why x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim close 1 --by x"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim close 1 --as open --why x --by y"), ACT_USAGE);
    CHECK_EQ(house_do(&house, "claim list --state open --json"), ACT_OK);
    CHECK(house_said(&house.out, "\"claim\":1"));
    house_end(&house);
}
