#include "app/erasure.h"
#include "claims.h"

static const struct client *mine;
static const struct client *other;

static void begin(void)
{
    past_begin();
    mine = past_client("zyx");
    other = past_client("abc");
    (void)past_buy(mine, 1, 1000, true);
    (void)past_buy(mine, 2, 1000, false);
    (void)past_buy(other, 3, 1000, false);
}

static struct erasure_look look(const struct client *client)
{
    const struct erasing erasing = world_erasing(house.world);
    struct erasure_look look;
    CHECK_EQ(erasure_look(&erasing, client, &look, NULL), ERR_OK);
    return look;
}

/* What speaks against it; NULL: nothing. */
static const char *against(bool forfeit, const char **ret_remedy)
{
    static struct fail fail;
    struct erasure_look found = look(mine);
    return erasure_allowed(&found, forfeit, &fail, ret_remedy) == ERR_OK ? NULL : fail.text;
}

TEST(what_there_is_of_a_client_is_counted)
{
    begin();
    CHECK_EQ(house_dof(&house, "client kyc %s --level full --evidence passport", past_shown(mine)),
             ACT_OK);
    struct erasure_look found = look(mine);
    CHECK(found.account > 0);
    CHECK_EQ(found.pending, 0);
    CHECK_EQ(found.balance, INT64_C(4990000000));
    CHECK_EQ(found.keys, 1);
    CHECK_EQ(found.orders, 1);
    CHECK_EQ(found.answers, 1);
    CHECK_EQ(found.papers, 1);
    CHECK_EQ(found.attempts, 2);
    CHECK_EQ(found.receipts, 2);
    CHECK_EQ(found.claim, 0);
    CHECK(!found.review && !found.erased);
    CHECK_EQ(look(other).receipts, 1);
    CHECK_EQ(look(client_next(house.world->ident, NULL)).receipts, 0);
    house_end(&house);
}

TEST(credit_that_is_left_speaks_against_it_unless_it_is_forfeited)
{
    const char *remedy = NULL;
    begin();
    CHECK_STR(str_from(against(false, &remedy)),
              STR("the client has 4.99 of credit left in its orders"));
    CHECK(strstr(remedy, "credit refund") != NULL && strstr(remedy, "--forfeit") != NULL);
    CHECK(against(true, &remedy) == NULL);
    house_end(&house);
}

TEST(an_open_case_and_an_open_claim_hold)
{
    const char *remedy = NULL;
    begin();
    claims_add((struct id){ { 1, 3 } }); /* the other's */
    CHECK(against(true, &remedy) == NULL);
    claims_add((struct id){ { 1, 2 } });
    CHECK(strstr(against(true, &remedy), "the open claim 1 against an upstream") != NULL);
    CHECK(strstr(remedy, "claim show") != NULL);
    claims_close(1, 2000);
    CHECK(against(true, &remedy) == NULL);
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale --by Ana --why tip",
                       past_shown(mine)),
             ACT_OK);
    CHECK(strstr(against(true, &remedy), "a review case of the client is open") != NULL);
    CHECK(strstr(remedy, "review list") != NULL);
    house_end(&house);
}

TEST(a_call_under_way_and_an_erasure_before_speak_against_it)
{
    const char *remedy = NULL;
    struct fail fail;
    begin();
    struct erasure_look found = look(mine);
    found.pending = 1;
    CHECK_EQ(erasure_allowed(&found, true, &fail, &remedy), ERR_CONFLICT);
    CHECK_STR(str_from(fail.text), STR("calls of the client are under way"));
    found.erased = true;
    CHECK_EQ(erasure_allowed(&found, true, &fail, &remedy), ERR_CONFLICT);
    CHECK_STR(str_from(fail.text), STR("the client was erased already"));
    house_end(&house);
}

TEST(the_sources_ids_of_a_clients_calls_go_from_claims)
{
    static const struct store_sql sql = {
        "SELECT count(*) FROM upstream_claim_call WHERE upstream_id = 'claimed-id'"
    };
    begin();
    CHECK_EQ(erasure_forget_claims(house.world->store, look(mine).account, NULL), ERR_OK);
    claims_add((struct id){ { 1, 2 } });
    claims_add((struct id){ { 1, 3 } });
    claims_add((struct id){ { 1, 2 } }); /* once more */
    claims_close(1, 2000);
    CHECK_EQ(past_ask(&sql), 3);
    CHECK_EQ(erasure_forget_claims(house.world->store, look(mine).account, NULL), ERR_OK);
    CHECK_EQ(past_ask(&sql), 1);
    house_end(&house);
}

static void look_once(void)
{
    const struct erasing erasing = world_erasing(house.world);
    struct erasure_look look;
    EP_IGNORE(erasure_look(&erasing, mine, &look, NULL)); /* or it has no memory */
}

TEST(running_out_of_memory_while_looking_leaks_nothing)
{
    begin();
    claims_add((struct id){ { 1, 2 } });
    CHECK(test_each_allocation_failing(look_once) > 3);
    house_end(&house);
}
