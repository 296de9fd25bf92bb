#include "app/erasure.h"

#include <unistd.h>

#include "app/erased_list.h"
#include "past.h"

static const struct store_sql sql_salts = {
    "SELECT count(*) FROM receipt WHERE length(client_salt) = 16 AND length(evidence_salt) = 16"
    " AND length(operator_salt) = 16"
};
static const struct store_sql sql_erased = { "SELECT count(*) FROM receipt WHERE client = x''"
                                             " AND evidence = x'' AND operator = x''" };
static const struct store_sql sql_names = {
    "SELECT (SELECT count(*) FROM client WHERE name LIKE '%zyx%')"
    " + (SELECT count(*) FROM api_key WHERE name LIKE '%zyx%')"
    " + (SELECT count(*) FROM purchase_order WHERE payer LIKE '%zyx%' OR payment LIKE '%zyx%')"
    " + (SELECT count(*) FROM lot WHERE payment LIKE '%zyx%')"
};
static const struct store_sql sql_notes = {
    "SELECT count(*) FROM note n JOIN leaf l ON l.id = n.leaf WHERE l.kind = 4 AND n.salt <> x''"
};
static const struct store_sql sql_upstream = {
    "SELECT count(*) FROM attempt WHERE upstream_id <> ''"
};
static const struct store_sql sql_answers = { "SELECT count(*) FROM idem" };
static const struct store_sql sql_leaves = {
    "SELECT count(*) FROM leaf WHERE kind = 3 AND CAST(entry AS TEXT) LIKE '%\"event\":\"erased\"%'"
};

static const struct erasure_ground ground = { STR_INIT("Ana"), STR_INIT("asked for it") };
static const struct client *mine;
static const struct client *other;

/* Three calls of the one and two of the other. */
static void begin(void)
{
    past_begin();
    mine = past_client("zyx");
    other = past_client("abc");
    (void)past_buy(mine, 1, 1000, false);
    (void)past_buy(other, 2, 1000, true);
    (void)past_buy(mine, 3, 1000, true);
    (void)past_buy(other, 4, 1000, false);
    (void)past_buy(mine, 5, 1000, false);
}

static struct erasure start(void)
{
    const struct erasing erasing = world_erasing(house.world);
    struct erasure erasure;
    CHECK_EQ(erasure_begin(&erasing, mine, &ground, stamp_system_ns(), &erasure, NULL), ERR_OK);
    return erasure;
}

static void gone(void)
{
    CHECK_EQ(past_ask(&sql_erased), 3);
    CHECK_EQ(past_ask(&sql_salts), 2);
    CHECK_EQ(past_ask(&sql_names), 0);
    CHECK_EQ(past_ask(&sql_upstream), 2);
    CHECK_EQ(past_ask(&sql_answers), 1);
    CHECK_EQ(past_ask(&sql_notes), 2); /* the first client's key and the other's */
}

TEST(an_erasure_takes_one_client_and_leaves_the_books_and_the_others)
{
    begin();
    CHECK_EQ(past_ask(&sql_names), 4);
    CHECK_EQ(past_ask(&sql_salts), 5);
    const struct erasing erasing = world_erasing(house.world);
    struct erasure erasure = start();
    past_audit(); /* in between */
    CHECK_EQ(erasure_go_on(&erasing, &erasure, 0, NULL), ERR_OK);
    CHECK_EQ(erasure.state, ERASURE_ENDED);
    CHECK_EQ(erasure.receipts, 3);
    CHECK_EQ(erasure.attempts, 3);
    CHECK_EQ(erasure.answers, 1);
    CHECK_EQ(erasure.orders, 1);
    CHECK_EQ(erasure.keys, 1);
    gone();
    CHECK_EQ(past_ask(&sql_leaves), 1);
    past_audit();
    house_end(&house);
}

TEST(what_a_call_under_way_leaves_is_found_before_the_erasure_is_closed)
{
    int64_t open = 7;
    begin();
    const struct erasing erasing = world_erasing(house.world);
    struct erasure erasure = start();
    CHECK_EQ(erasure_go_on(&erasing, &erasure, 0, NULL), ERR_OK);
    (void)past_buy(mine, 6, 1000, true); /* its key was in a hand already */
    CHECK_EQ(past_ask(&sql_salts), 3);
    CHECK_EQ(erasure_work(&erasing, 0, erasure.ended_ns + ERASURE_CLOSE_NS - 1, &open, NULL),
             ERR_OK);
    CHECK_EQ(open, 0);
    CHECK_EQ(past_ask(&sql_salts), 3); /* its time has not come */
    CHECK_EQ(erasure_work(&erasing, 0, erasure.ended_ns + ERASURE_CLOSE_NS, &open, NULL), ERR_OK);
    CHECK_EQ(past_ask(&sql_salts), 2);
    CHECK_EQ(past_ask(&sql_answers), 1);
    CHECK_EQ(past_ask(&sql_leaves), 1);
    CHECK_EQ(house_do(&house, "erase --list --json"), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "state")), STR("closed"));
    CHECK(house_said(&house.out, "\"receipts\":4}"));
    past_audit();
    house_end(&house);
}

TEST(one_that_was_only_begun_is_finished_by_the_next_start)
{
    begin();
    (void)start();
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    gone();
    past_audit();
    CHECK_EQ(house.world->erased_again, 0);
    house_end(&house);
}

/* With no time left it does a piece, and says that it is not ended. */
TEST(an_erasure_that_is_out_of_time_goes_on_where_it_was)
{
    begin();
    const struct erasing erasing = world_erasing(house.world);
    struct erasure erasure = start();
    CHECK_EQ(erasure_go_on(&erasing, &erasure, 1, NULL), ERR_OK);
    CHECK_EQ(erasure.state, ERASURE_OPEN);
    CHECK_EQ(past_ask(&sql_names), 0); /* who it was goes first */
    CHECK_EQ(past_ask(&sql_leaves), 0);
    int64_t open = 0;
    CHECK_EQ(erasure_work(&erasing, 0, 1, &open, NULL), ERR_OK);
    CHECK_EQ(open, 0);
    gone();
    CHECK_EQ(past_ask(&sql_leaves), 1);
    house_end(&house);
}

TEST(a_client_is_erased_once)
{
    struct fail fail = { .text = "" };
    begin();
    const struct erasing erasing = world_erasing(house.world);
    struct erasure erasure = start();
    CHECK_EQ(erasure_begin(&erasing, mine, &ground, 5, &erasure, &fail), ERR_CONFLICT);
    CHECK_STR(str_from(fail.text), STR("the client was erased already"));
    house_end(&house);
}

static struct erased_list read_list(void)
{
    struct erased_list list;
    erased_list_init(&list);
    CHECK_EQ(erased_list_read(house.world->erased_path.ptr, &list, NULL), ERR_OK);
    return list;
}

TEST(a_list_that_was_lost_is_written_again_and_one_that_knows_more_erases)
{
    begin();
    (void)start();
    CHECK_EQ(unlink(house.world->erased_path.ptr), 0);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    struct erased_list list = read_list();
    CHECK_EQ(list.count, 1);
    other = client_next(house.world->ident, NULL);
    while (!str_eq(other->name, STR("abc"))) {
        other = client_next(house.world->ident, other);
    }
    const struct erased lines[] = { { other->id, 5000000 }, { { { 9 } }, 6000000 } };
    for (size_t i = 0; i < EP_ARRAY_LEN(lines); i++) { /* the second is of another folder */
        CHECK_EQ(erased_list_add(house.world->erased_path.ptr, &lines[i], NULL), ERR_OK);
    }
    erased_list_fini(&list);
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->erased_again, 1);
    CHECK_EQ(past_ask(&sql_erased), 5);
    past_audit();
    house_close(&house);
    house_open(&house, WORLD_READ_WRITE);
    CHECK_EQ(house.world->erased_again, 0);
    house_end(&house);
}

TEST(a_list_that_cannot_be_written_begins_nothing)
{
    struct fail fail = { .text = "" };
    struct erasure erasure;
    begin();
    const struct erasing erasing = { house.world->store, house.world->ident, house.world->tlog,
                                     "/no/such/folder/erased.log", NULL };
    CHECK_EQ(erasure_begin(&erasing, mine, &ground, 5, &erasure, &fail), ERR_IO);
    CHECK_EQ(past_ask(&sql_names), 4);
    CHECK_EQ(house_do(&house, "erase --list --json"), ACT_OK);
    CHECK_STR(buf_str(&house.out), STR("[]\n"));
    house_end(&house);
}

/* Each run goes on where the one before ran out of memory. */
static struct erasure going;

static void go_on_once(void)
{
    const struct erasing erasing = world_erasing(house.world);
    if (going.state == ERASURE_OPEN) {
        EP_IGNORE(erasure_go_on(&erasing, &going, 0, NULL)); /* or it has no memory */
    }
}

TEST(an_erasure_that_runs_out_of_memory_anywhere_is_finished_by_the_next_try)
{
    begin();
    going = start();
    CHECK(test_each_allocation_failing(go_on_once) > 5);
    CHECK(!store_failed(house.world->store));
    CHECK_EQ(going.state, ERASURE_ENDED);
    gone();
    CHECK_EQ(past_ask(&sql_leaves), 1);
    past_audit();
    house_end(&house);
}

static void start_once(void)
{
    const struct erasing erasing = world_erasing(house.world);
    int64_t again = 0;
    EP_IGNORE(erasure_at_start(&erasing, stamp_system_ns(), &again, NULL)); /* as above */
}

TEST(a_start_that_runs_out_of_memory_is_finished_by_the_next)
{
    begin();
    const struct erased line = { mine->id, 5000000 };
    CHECK_EQ(erased_list_add(house.world->erased_path.ptr, &line, NULL), ERR_OK);
    CHECK(test_each_allocation_failing(start_once) > 5);
    gone();
    CHECK_EQ(past_ask(&sql_leaves), 1);
    past_audit();
    house_end(&house);
}
