#include "gate/upstream_claim.h"

#include "gate_store.h"

struct writing {
    struct store_job job;
    struct claim_item item;
    struct claim_closing closing;
};

static enum err run_add(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return upstream_claim_add(txn, &EP_CONTAINER(job, struct writing, job)->item, fail);
}

static enum err run_close(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return upstream_claim_close(txn, &EP_CONTAINER(job, struct writing, job)->closing, fail);
}

static void add(struct store *store, const char *route, enum claim_kind kind, int64_t reported)
{
    struct writing writing = { .job = { .run = run_add },
                               .item = { .route = str_from(route),
                                         .party = STR("p"),
                                         .model = STR("m"),
                                         .kind = kind,
                                         .upstream_id = STR("up-1"),
                                         .declared = STR("m-mini"),
                                         .counted = 100,
                                         .reported = reported,
                                         .now_ns = 7 } };
    CHECK_EQ(store_run(store, &writing.job, NULL), ERR_OK);
}

static enum err close_claim(struct store *store, int64_t claim, enum claim_state state)
{
    struct writing writing = { .job = { .run = run_close },
                               .closing = { .claim = claim,
                                            .state = state,
                                            .by = STR("Ada"),
                                            .why = STR("paid"),
                                            .now_ns = 8 } };
    return store_run(store, &writing.job, NULL);
}

static const struct store_sql sql_claims = { "SELECT count(*) FROM upstream_claim" };
static const struct store_sql sql_open = {
    "SELECT count(*) FROM upstream_claim WHERE state = 'open'"
};
static const struct store_sql sql_difference = {
    "SELECT reported - counted FROM upstream_claim WHERE id = 1"
};
static const struct store_sql sql_calls = { "SELECT calls FROM upstream_claim WHERE id = 1" };
static const struct store_sql sql_listed = {
    "SELECT count(*) FROM upstream_claim_call WHERE claim = 1"
};
static const struct store_sql sql_named = {
    "SELECT count(*) FROM upstream_claim_call WHERE upstream_id = 'up-1' AND declared = 'm-mini'"
    " AND number = 1 AND at_ns = 7"
};
static const struct store_sql sql_closed = {
    "SELECT count(*) FROM upstream_claim WHERE state = 'settled' AND closed_by = 'Ada'"
    " AND closed_why = 'paid' AND closed_ns = 8"
};

TEST(what_is_found_later_is_added_to_the_open_claim)
{
    begin();
    struct store *store = open_store();
    add(store, "r-a", CLAIM_SLOPE, 112);
    add(store, "r-a", CLAIM_SLOPE, 113);
    CHECK_EQ(ask(store, &sql_claims), 1);
    CHECK_EQ(ask(store, &sql_calls), 2);
    CHECK_EQ(ask(store, &sql_difference), 25);
    add(store, "r-a", CLAIM_SWAP, 0);
    add(store, "r-b", CLAIM_SLOPE, 120);
    CHECK_EQ(ask(store, &sql_claims), 3);
    CHECK_EQ(ask(store, &sql_named), 3);
    CHECK_EQ(ask(store, &sql_calls), 2);
    store_close(store);
    end();
}

TEST(claims_of_before_the_newest_kind_stay_as_they_were)
{
    begin();
    struct store *store = open_store_of(true);
    add(store, "r-a", CLAIM_OFFSET, 124);
    CHECK_EQ(close_claim(store, 1, CLAIM_SETTLED), ERR_OK);
    add(store, "r-a", CLAIM_OFFSET, 130);
    store_close(store);
    store = open_store();
    CHECK_EQ(ask(store, &sql_claims), 2);
    CHECK_EQ(ask(store, &sql_closed), 1);
    CHECK_EQ(ask(store, &sql_named), 2);
    add(store, "r-a", CLAIM_OFFSET, 130); /* into the one that is open */
    add(store, "r-a", CLAIM_TIER, 130);
    add(store, "r-a", CLAIM_TIER, 131);
    CHECK_EQ(ask(store, &sql_claims), 3);
    CHECK_EQ(ask(store, &sql_open), 2);
    CHECK_EQ(ask(store, &sql_listed), 1);
    CHECK_EQ(close_claim(store, 3, CLAIM_WITHDRAWN), ERR_OK);
    store_close(store);
    end();
}

TEST(a_closed_claim_stays_as_it_is)
{
    begin();
    struct store *store = open_store();
    add(store, "r-a", CLAIM_OFFSET, 124);
    CHECK_EQ(close_claim(store, 2, CLAIM_SETTLED), ERR_NOT_FOUND);
    CHECK_EQ(close_claim(store, 1, CLAIM_SETTLED), ERR_OK);
    CHECK_EQ(close_claim(store, 1, CLAIM_WITHDRAWN), ERR_CONFLICT);
    CHECK_EQ(ask(store, &sql_closed), 1);
    add(store, "r-a", CLAIM_OFFSET, 124);
    CHECK_EQ(ask(store, &sql_claims), 2);
    CHECK_EQ(ask(store, &sql_open), 1);
    CHECK_EQ(ask(store, &sql_calls), 1);
    store_close(store);
    end();
}

TEST(the_list_of_calls_is_bounded_and_the_sums_are_not)
{
    begin();
    struct store *store = open_store();
    for (int i = 0; i < CLAIM_CALLS_MAX + 5; i++) {
        add(store, "r-a", CLAIM_OFFSET, 101);
    }
    CHECK_EQ(ask(store, &sql_listed), CLAIM_CALLS_MAX);
    CHECK_EQ(ask(store, &sql_calls), CLAIM_CALLS_MAX + 5);
    CHECK_EQ(ask(store, &sql_difference), CLAIM_CALLS_MAX + 5);
    store_close(store);
    end();
}

TEST(kinds_and_states_have_the_names_of_the_table)
{
    CHECK_STR(str_from(claim_kind_name(CLAIM_SWAP)), STR("swap"));
    CHECK_STR(str_from(claim_kind_name(CLAIM_COMPLETION)), STR("completion"));
    CHECK_STR(str_from(claim_kind_name(CLAIM_UNKNOWN_MODEL)), STR("unknown_model"));
    CHECK_STR(str_from(claim_kind_name(CLAIM_USAGE)), STR("usage"));
    CHECK_STR(str_from(claim_kind_name(CLAIM_TIER)), STR("tier"));
    CHECK_STR(str_from(claim_state_name(CLAIM_WITHDRAWN)), STR("withdrawn"));
}

/* ---- what can go --------------------------------------------------------------------------- */

struct going {
    struct store_job job;
    int64_t claim; /* 0: by age */
    int64_t number;
    int64_t before_ns;
    int64_t count;
};

static enum err run_go(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct going *going = EP_CONTAINER(job, struct going, job);
    return going->claim == 0 ? upstream_claim_expire(txn, going->before_ns, &going->count, fail)
                             : upstream_claim_forget(txn, going->claim, going->number, fail);
}

static int64_t expire(struct store *store, int64_t before_ns)
{
    struct going going = { .job = { .run = run_go }, .before_ns = before_ns };
    CHECK_EQ(store_run(store, &going.job, NULL), ERR_OK);
    return going.count;
}

struct told {
    int64_t open;
    int64_t named;
    int64_t rows;
    int64_t old; /* closed before 9 */
    int64_t oldest_ns;
};

static enum err on_claim_call(void *context, const struct claim_call *call)
{
    struct told *told = context;
    told->open += call->open;
    told->named += call->named;
    told->rows++;
    return ERR_OK;
}

static enum err run_tell(void *context, struct store_txn *txn, struct fail *fail)
{
    struct told *told = context;
    TRY(upstream_claim_old(txn, 9, &told->old, &told->oldest_ns, fail));
    return upstream_claim_calls(txn, on_claim_call, told, fail);
}

static struct told tell(struct store *store)
{
    struct told told = { .rows = 0 };
    CHECK_EQ(store_read(store, run_tell, &told, NULL), ERR_OK);
    return told;
}

TEST(a_closed_claim_loses_the_sources_ids_and_an_open_one_holds_them)
{
    begin();
    struct store *store = open_store();
    add(store, "a", CLAIM_SLOPE, 110); /* two calls of claim 1, one of claim 2 */
    add(store, "a", CLAIM_SLOPE, 120);
    add(store, "b", CLAIM_SLOPE, 110);
    CHECK_EQ(tell(store).open, 3);
    CHECK_EQ(expire(store, 100), 0);
    CHECK_EQ(close_claim(store, 1, CLAIM_SETTLED), ERR_OK); /* at 8 */
    struct told told = tell(store);
    CHECK_EQ(told.open, 1);
    CHECK_EQ(told.named, 3);
    CHECK_EQ(told.old, 2);
    CHECK_EQ(told.oldest_ns, 8);
    struct going going = { .job = { .run = run_go }, .claim = 1, .number = 2 };
    CHECK_EQ(store_run(store, &going.job, NULL), ERR_OK);
    CHECK_EQ(tell(store).named, 2);
    CHECK_EQ(expire(store, 8), 0); /* not before its time */
    CHECK_EQ(expire(store, 9), 1);
    CHECK_EQ(expire(store, 9), 0);
    told = tell(store);
    CHECK_EQ(told.rows, 1);
    CHECK_EQ(told.open, 1);
    CHECK_EQ(told.old, 0);
    CHECK_EQ(ask(store, &sql_listed), 2); /* that they were there stays */
    store_close(store);
    end();
}
