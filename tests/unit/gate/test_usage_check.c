#include "gate/usage_check.h"

#include "base/counter.h"
#include "gate_store.h"

static const struct registry_route routes[] = {
    { .id = STR_INIT("bad") },
    { .id = STR_INIT("padded") },
    { .id = STR_INIT("good") },
    { .id = STR_INIT("r") },
};
static const struct registry registry = { .routes = routes, .route_count = 4 };
static struct quarantine *quarantine;

static struct usage_check *open_check(struct store *store)
{
    struct usage_check *check = NULL;
    CHECK_EQ(quarantine_open(store, &quarantine, NULL), ERR_OK);
    CHECK_EQ(quarantine_learn(quarantine, &registry), ERR_OK);
    CHECK_EQ(usage_check_open(store, quarantine, &check, NULL), ERR_OK);
    return check;
}

static void close_check(struct store *store, struct usage_check *check)
{
    store_close(store);
    usage_check_close(check);
    quarantine_close(quarantine);
}

static bool stands(struct usage_check *check, struct str route, enum usage_check_side side)
{
    return usage_check_finding(check, route, side) != FIT_FINE;
}

/* `calls` calls of 100, 107, ... tokens, reported with a factor and an offset. */
static void add(struct usage_check *check, const char *route, int64_t calls, int64_t percent,
                int64_t offset)
{
    for (int64_t i = 0; i < calls; i++) {
        struct id call = { { 0 } };
        call.bytes[0] = (unsigned char)i;
        int64_t counted = 100 + 7 * (i % 100);
        usage_check_add(check, &(struct usage_check_sample){
                                   .route = str_from(route),
                                   .model = STR("m"),
                                   .side = USAGE_CHECK_INPUT,
                                   .call = call,
                                   .counted = counted,
                                   .reported = counted * percent / 100 + offset,
                                   .now_ns = 1000 + i,
                               });
    }
}

struct rows {
    int64_t findings;
    int64_t standing;
    int64_t calls;
    int64_t excess; /* of the calls of all findings */
};

static enum err on_rows(void *context, const struct store_value *row, size_t columns)
{
    struct rows *rows = context;
    CHECK_EQ(columns, 4);
    rows->findings = row[0].number;
    rows->standing = row[1].number;
    rows->calls = row[2].number;
    rows->excess = row[3].number;
    return ERR_OK;
}

static enum err read_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT (SELECT count(*) FROM finding),"
        " (SELECT count(*) FROM finding WHERE cleared_ns = 0),"
        " (SELECT count(*) FROM finding_call),"
        " (SELECT coalesce(sum(reported - counted), 0) FROM finding_call)"
    };
    return store_query(txn, &sql, NULL, 0, on_rows, context, fail);
}

/* What is in the rows once all that was submitted is written. */
static struct rows look(struct store *store)
{
    struct rows rows = { 0 };
    struct store_job job = { .run = nothing };
    CHECK(store_run(store, &job, NULL) == ERR_OK);
    CHECK(store_read(store, read_rows, &rows, NULL) == ERR_OK);
    return rows;
}

static const struct store_sql sql_quarantined = {
    "SELECT count(*) FROM route_quarantine WHERE route = 'bad' AND reason = 'slope'"
};
static const struct store_sql sql_claims = { "SELECT count(*) FROM upstream_claim" };
static const struct store_sql sql_offset = {
    "SELECT reported - counted FROM upstream_claim WHERE route = 'padded' AND kind = 'offset'"
};
static const struct store_sql sql_completion = {
    "SELECT reported - counted FROM upstream_claim WHERE route = 'r' AND kind = 'completion'"
};
static const struct store_sql sql_slope_calls = {
    "SELECT calls FROM upstream_claim WHERE route = 'r' AND kind = 'slope'"
};
static const struct store_sql sql_findings = {
    "SELECT 10 * count(*) + coalesce(sum(cleared_ns = 0), 0) FROM finding"
};

struct releasing {
    struct store_job job;
    struct quarantine_release release;
};

static enum err run_release(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    return quarantine_end(quarantine, txn, &EP_CONTAINER(job, struct releasing, job)->release,
                          fail);
}

TEST(a_released_route_is_taken_out_again_by_fresh_calls_alone)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    add(check, "r", 60, 112, 0);
    CHECK(quarantine_stands(quarantine, STR("r")));
    CHECK_EQ(ask(store, &sql_slope_calls), 50);
    struct releasing releasing = { .job = { .run = run_release },
                                   .release = { .route = STR("r"), .now_ns = 5 } };
    CHECK_EQ(store_run(store, &releasing.job, NULL), ERR_OK);
    usage_check_renew(check, STR("r"));
    usage_check_renew(check, STR("never called"));
    CHECK(stands(check, STR("r"), USAGE_CHECK_INPUT)); /* our own count goes on to be billed */
    add(check, "r", 49, 112, 0);
    CHECK(!quarantine_stands(quarantine, STR("r")));
    add(check, "r", 1, 112, 0);
    CHECK(quarantine_stands(quarantine, STR("r")));
    CHECK_EQ(usage_check_finding(check, STR("r"), USAGE_CHECK_INPUT), FIT_SLOPE);
    CHECK_EQ(ask(store, &sql_findings), 21); /* the second stands, the first does not */
    /* calls of a finding that stood are added one by one, with their settlements */
    CHECK_EQ(ask(store, &sql_slope_calls), 50);
    close_check(store, check);
    end();
}

TEST(padding_that_turns_into_a_slope_takes_the_route_out)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    add(check, "r", 60, 100, 24);
    CHECK_EQ(usage_check_finding(check, STR("r"), USAGE_CHECK_INPUT), FIT_OFFSET);
    CHECK(!quarantine_stands(quarantine, STR("r")));
    add(check, "r", 60, 112, 0);
    CHECK_EQ(usage_check_finding(check, STR("r"), USAGE_CHECK_INPUT), FIT_SLOPE);
    CHECK(quarantine_stands(quarantine, STR("r")));
    CHECK_EQ(ask(store, &sql_claims), 2);
    close_check(store, check);

    store = open_store();
    check = open_check(store);
    CHECK_EQ(usage_check_finding(check, STR("r"), USAGE_CHECK_INPUT), FIT_SLOPE);
    CHECK(quarantine_stands(quarantine, STR("r")));
    close_check(store, check);
    end();
}

TEST(a_route_that_inflates_is_found_with_the_calls_that_prove_it)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    add(check, "bad", 60, 103, 0);
    add(check, "padded", 60, 100, 24);
    add(check, "good", 1000, 100, 3);
    CHECK(stands(check, STR("bad"), USAGE_CHECK_INPUT));
    CHECK(stands(check, STR("padded"), USAGE_CHECK_INPUT));
    CHECK(!stands(check, STR("good"), USAGE_CHECK_INPUT));
    CHECK(!stands(check, STR("bad"), USAGE_CHECK_OUTPUT));
    CHECK(!stands(check, STR("never called"), USAGE_CHECK_INPUT));
    struct rows rows = look(store);
    CHECK_EQ(rows.findings, 2);
    CHECK_EQ(rows.standing, 2);
    CHECK_EQ(rows.calls, 100); /* fifty each */
    CHECK(rows.excess > 50 * 24);
    CHECK(quarantine_stands(quarantine, STR("bad")));
    CHECK(!quarantine_stands(quarantine, STR("padded"))); /* padding is a claim alone */
    CHECK(!quarantine_stands(quarantine, STR("good")));
    CHECK_EQ(ask(store, &sql_quarantined), 1);
    CHECK_EQ(ask(store, &sql_claims), 2);
    CHECK_EQ(ask(store, &sql_offset), 50 * 24);
    close_check(store, check);
    end();
}

TEST(a_finding_stands_over_a_restart_until_a_whole_window_is_fine)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    add(check, "r", 50, 110, 0);
    close_check(store, check);

    store = open_store();
    check = open_check(store);
    CHECK(stands(check, STR("r"), USAGE_CHECK_INPUT));
    add(check, "r", FIT_WINDOW - 10, 100, 0);
    CHECK(stands(check, STR("r"), USAGE_CHECK_INPUT));
    add(check, "r", 10, 100, 0);
    CHECK(!stands(check, STR("r"), USAGE_CHECK_INPUT));
    struct rows rows = look(store);
    CHECK_EQ(rows.findings, 1);
    CHECK_EQ(rows.standing, 0);
    close_check(store, check);
    end();
}

TEST(output_without_text_is_found)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    for (int64_t i = 0; i < FIT_CALLS_MIN; i++) {
        usage_check_add(check, &(struct usage_check_sample){ .route = STR("r"),
                                                             .model = STR("m"),
                                                             .side = USAGE_CHECK_OUTPUT,
                                                             .counted = 100,
                                                             .reported = 110,
                                                             .now_ns = 1 });
    }
    CHECK(stands(check, STR("r"), USAGE_CHECK_OUTPUT));
    CHECK_EQ(ask(store, &sql_completion), 500);
    CHECK(!quarantine_stands(quarantine, STR("r"))); /* too much output is a claim alone */
    CHECK(!stands(check, STR("r"), USAGE_CHECK_INPUT));
    close_check(store, check);
    end();
}

static int64_t missing_after(struct usage_check *check, int64_t steady, bool cached, bool reason)
{
    static const bool both[USAGE_DETAILS] = { true, true };
    const bool last[USAGE_DETAILS] = { cached, reason };
    int64_t before = counter_get(COUNTER_USAGE_DETAILS_MISSING);
    for (int64_t i = 0; i < steady; i++) {
        usage_check_tell(check, STR("r"), both);
    }
    usage_check_tell(check, STR("r"), last);
    usage_check_tell(check, STR("r"), last);
    return counter_get(COUNTER_USAGE_DETAILS_MISSING) - before;
}

TEST(a_detail_that_a_route_always_told_and_leaves_out_is_said_once)
{
    begin();
    struct store *store = open_store();
    struct usage_check *check = open_check(store);
    CHECK_EQ(missing_after(check, USAGE_CHECK_STEADY - 1, false, false), 0);
    CHECK_EQ(missing_after(check, USAGE_CHECK_STEADY, false, false), 2);
    CHECK_EQ(missing_after(check, USAGE_CHECK_STEADY, true, false), 1);
    CHECK_EQ(missing_after(check, USAGE_CHECK_STEADY, true, true), 0);
    close_check(store, check);
    end();
}
