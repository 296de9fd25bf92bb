#include "app/retention.h"

#include "app/eraser.h"
#include "claims.h"

static const struct store_sql sql_sections = {
    "SELECT sum((client <> x'') + 10 * (evidence <> x'') + 100 * (operator <> x'')) FROM receipt"
};
static const struct store_sql sql_upstream = {
    "SELECT count(*) FROM attempt WHERE upstream_id <> ''"
};
static const struct store_sql sql_answers = { "SELECT count(result) FROM idem" };
static const struct store_sql sql_payers = {
    "SELECT count(*) FROM purchase_order WHERE payer <> ''"
};
static const struct store_sql sql_usage = { "SELECT sum(calls) FROM usage_month" };
static const struct store_sql sql_leaves = {
    "SELECT count(*) FROM leaf WHERE kind = 3"
    " AND CAST(entry AS TEXT) LIKE '%\"event\":\"erased\"%'"
};
static const struct store_sql sql_kept = { "SELECT count(*) FROM retention_kept" };

static const struct client *mine;
static int64_t now_ns;

/* Calls of 12, of 4 and of 1 years ago, of last month and of just now; the last two are kept. */
static void begin(void)
{
    past_begin();
    mine = past_client("zyx");
    now_ns = stamp_system_ns();
    (void)past_buy(mine, 1, now_ns - 12 * 366 * PAST_DAY_NS, false);
    (void)past_buy(mine, 2, now_ns - 4 * 366 * PAST_DAY_NS, false);
    (void)past_buy(mine, 3, now_ns - 366 * PAST_DAY_NS, false);
    (void)past_buy(mine, 4, now_ns - 30 * PAST_DAY_NS, true);
    (void)past_buy(mine, 5, now_ns, true);
}

static struct retention_figures run(int64_t until_ns)
{
    const struct erasing erasing = world_erasing(house.world);
    const struct retention_periods periods = retention_periods(house.world->conf);
    struct retention_figures figures;
    CHECK_EQ(retention_run(&erasing, &periods, until_ns, now_ns, &figures, NULL), ERR_OK);
    return figures;
}

static struct retention_figures look(void)
{
    const struct erasing erasing = world_erasing(house.world);
    const struct retention_periods periods = retention_periods(house.world->conf);
    struct retention_figures figures;
    CHECK_EQ(retention_look(&erasing, &periods, now_ns, &figures, NULL), ERR_OK);
    return figures;
}

static void check_rows(const struct retention_figures *figures, int64_t answers, int64_t supply,
                       int64_t evidence, int64_t books)
{
    CHECK_EQ(figures->classes[RETENTION_ANSWERS].rows, answers);
    CHECK_EQ(figures->classes[RETENTION_SUPPLY].rows, supply);
    CHECK_EQ(figures->classes[RETENTION_EVIDENCE].rows, evidence);
    CHECK_EQ(figures->classes[RETENTION_BOOKS].rows, books);
}

TEST(the_periods_are_those_of_the_configuration)
{
    past_begin();
    const struct retention_periods periods = retention_periods(house.world->conf);
    CHECK_EQ(periods.ns[RETENTION_ANSWERS], PAST_DAY_NS);
    CHECK_EQ(periods.ns[RETENTION_SUPPLY], 183 * PAST_DAY_NS);
    CHECK_EQ(periods.ns[RETENTION_EVIDENCE], 1096 * PAST_DAY_NS);
    CHECK_EQ(periods.ns[RETENTION_BOOKS], 3653 * PAST_DAY_NS);
    for (size_t i = 0; i < RETENTION_CLASSES; i++) {
        CHECK(retention_infos[i].what[0] != '\0' && retention_infos[i].why[0] != '\0');
    }
    house_end(&house);
}

TEST(each_class_goes_when_its_period_is_over_and_the_books_add_up)
{
    begin();
    CHECK_EQ(past_ask(&sql_sections), 555);
    struct retention_figures due = look();
    check_rows(&due, 1, 3, 2, 1);
    CHECK_EQ(due.classes[RETENTION_ANSWERS].oldest_ns, now_ns - 30 * PAST_DAY_NS);
    CHECK_EQ(due.classes[RETENTION_SUPPLY].oldest_ns, now_ns - 12 * 366 * PAST_DAY_NS);
    CHECK_EQ(due.classes[RETENTION_BOOKS].oldest_ns, now_ns - 12 * 366 * PAST_DAY_NS);
    int64_t usage = past_ask(&sql_usage);
    struct retention_figures gone = run(0);
    check_rows(&gone, 1, 3, 2, 1);
    CHECK_EQ(past_ask(&sql_sections), 344); /* of the oldest all, of the next the operator's */
    CHECK_EQ(past_ask(&sql_upstream), 2);
    CHECK_EQ(past_ask(&sql_answers), 1);
    CHECK_EQ(past_ask(&sql_payers), 2); /* the orders are of today */
    CHECK_EQ(past_ask(&sql_usage), usage);
    CHECK_EQ(past_ask(&sql_leaves), 2); /* evidence and books */
    past_audit();
    due = look();
    check_rows(&due, 0, 0, 0, 0);
    CHECK_EQ(due.classes[RETENTION_EVIDENCE].oldest_ns, now_ns - 366 * PAST_DAY_NS);
    gone = run(0);
    check_rows(&gone, 0, 0, 0, 0);
    CHECK_EQ(past_ask(&sql_leaves), 2);
    house_end(&house);
}

TEST(later_what_was_young_goes_too)
{
    begin();
    (void)run(0);
    now_ns += 20 * 366 * PAST_DAY_NS;
    struct retention_figures gone = run(0);
    check_rows(&gone, 1, 2, 3, 6); /* four receipts, and who paid for two orders */
    CHECK_EQ(past_ask(&sql_sections), 0);
    CHECK_EQ(past_ask(&sql_payers), 0);
    past_audit();
    house_end(&house);
}

TEST(what_a_case_or_a_claim_holds_is_kept_and_goes_when_it_is_decided)
{
    begin();
    CHECK_EQ(house_dof(&house, "review open --client %s --kind resale --by Ana --why tip",
                       past_shown(mine)),
             ACT_OK);
    struct retention_figures gone = run(0);
    check_rows(&gone, 1, 0, 0, 0); /* answers are not held */
    CHECK_EQ(past_ask(&sql_kept), 3 + 2 + 1);
    struct retention_figures due = look();
    check_rows(&due, 0, 0, 0, 0);
    CHECK_EQ(due.classes[RETENTION_SUPPLY].held, 3);
    CHECK_EQ(due.classes[RETENTION_EVIDENCE].held, 2);
    CHECK_EQ(due.classes[RETENTION_BOOKS].held, 1);
    past_audit();
    CHECK_EQ(house_do(&house, "review release 1 --by Ana --why no"), ACT_OK);
    claims_add((struct id){ { 1, 2 } });
    gone = run(0);
    check_rows(&gone, 0, 2, 1, 1); /* but for the second call */
    CHECK_EQ(past_ask(&sql_kept), 2);
    claims_close(1, now_ns - 184 * PAST_DAY_NS);
    gone = run(0);
    check_rows(&gone, 0, 2, 1, 0); /* it, and its line in the claim */
    CHECK_EQ(past_ask(&sql_kept), 0);
    CHECK_EQ(past_ask(&sql_sections), 344);
    past_audit();
    house_end(&house);
}

TEST(a_client_that_was_erased_leaves_nothing_for_a_period)
{
    begin();
    CHECK_EQ(house_dof(&house, "erase --client %s --forfeit --yes --by Ana --why asked",
                       past_shown(mine)),
             ACT_OK);
    struct retention_figures due = look();
    check_rows(&due, 0, 0, 0, 0);
    struct retention_figures gone = run(0);
    check_rows(&gone, 0, 0, 0, 0);
    past_audit();
    house_end(&house);
}

TEST(a_run_that_is_out_of_time_goes_on_later)
{
    begin();
    (void)run(1);
    CHECK_EQ(past_ask(&sql_sections), 555);
    struct retention_figures gone = run(0);
    check_rows(&gone, 1, 3, 2, 1);
    past_audit();
    house_end(&house);
}

/* What the running server does; it says so in its log, and fails in words. */
TEST(a_round_of_the_server_does_both)
{
    static const struct store_sql open = {
        "INSERT INTO erasure(id, client, account, state, person, reason, leaf_next, keys, orders,"
        " answers, attempts, receipts, begun_ns, ended_ns) SELECT 1, (SELECT id FROM client WHERE"
        " name = 'zyx'), (SELECT max(account) FROM hold), 1, '', '', 0, 0, 0, 0, 0, 0, 1, 0"
    };
    begin();
    past_change(&open);
    eraser_round(house.world, false);
    CHECK_EQ(past_ask(&sql_sections), 0);
    CHECK_EQ(house_do(&house, "erase --list --json"), ACT_OK);
    CHECK_STR(str_from(house_field(&house, "state")), STR("ended"));
    eraser_round(house.world, true);
    past_audit();
    house_end(&house);
}

static void look_once(void)
{
    const struct erasing erasing = world_erasing(house.world);
    const struct retention_periods periods = retention_periods(house.world->conf);
    struct retention_figures figures;
    EP_IGNORE(retention_look(&erasing, &periods, now_ns, &figures, NULL)); /* or it has no memory */
}

TEST(running_out_of_memory_while_looking_leaks_nothing)
{
    begin();
    CHECK(test_each_allocation_failing(look_once) > 1);
    house_end(&house);
}

static void run_once(void)
{
    const struct erasing erasing = world_erasing(house.world);
    const struct retention_periods periods = retention_periods(house.world->conf);
    struct retention_figures figures;
    EP_IGNORE(retention_run(&erasing, &periods, 0, now_ns, &figures, NULL)); /* as above */
}

TEST(a_run_that_runs_out_of_memory_anywhere_is_finished_by_the_next)
{
    begin();
    CHECK(test_each_allocation_failing(run_once) > 5);
    CHECK(!store_failed(house.world->store));
    CHECK_EQ(past_ask(&sql_sections), 344);
    CHECK_EQ(past_ask(&sql_upstream), 2);
    past_audit();
    house_end(&house);
}
