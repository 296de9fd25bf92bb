#include "gate/quarantine.h"

#include "base/counter.h"
#include "base/mem.h"
#include "gate_store.h"

#define DAY_NS INT64_C(86400000000000)

static const struct registry_route routes[] = {
    { .id = STR_INIT("r-a") },
    { .id = STR_INIT("r-b"), .declares_model = REGISTRY_DECLARES_ALWAYS },
    { .id = STR_INIT("r-c") },
};
static const struct registry_route *of_model[] = { &routes[0], &routes[1], &routes[2] };
static const struct registry_model model = { .routes = of_model, .route_count = 3 };
static const struct registry registry = { .routes = routes, .route_count = 3 };

struct writing {
    struct store_job job;
    struct quarantine *quarantine;
    struct quarantine_row row;
    struct quarantine_release release;
};

static enum err run_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct writing *writing = EP_CONTAINER(job, struct writing, job);
    return quarantine_write(writing->quarantine, txn, &writing->row, fail);
}

static enum err run_end(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct writing *writing = EP_CONTAINER(job, struct writing, job);
    return quarantine_end(writing->quarantine, txn, &writing->release, fail);
}

static void shut(struct store *store, struct quarantine *quarantine, const char *route)
{
    struct writing writing = { .job = { .run = run_write },
                               .quarantine = quarantine,
                               .row = { .route = str_from(route),
                                        .model = STR("m"),
                                        .reason = STR("swap"),
                                        .evidence = STR("it said so"),
                                        .now_ns = 5 } };
    CHECK_EQ(store_run(store, &writing.job, NULL), ERR_OK);
}

static enum err release(struct store *store, struct quarantine *quarantine, const char *route)
{
    struct writing writing = {
        .job = { .run = run_end },
        .quarantine = quarantine,
        .release = { .route = str_from(route), .by = STR("Ada"), .why = STR("mended"), .now_ns = 9 }
    };
    return store_run(store, &writing.job, NULL);
}

static struct quarantine *open_quarantine(struct store *store)
{
    struct quarantine *quarantine = NULL;
    CHECK_EQ(quarantine_open(store, &quarantine, NULL), ERR_OK);
    CHECK_EQ(quarantine_learn(quarantine, &registry), ERR_OK);
    return quarantine;
}

static const struct store_sql sql_standing = {
    "SELECT count(*) FROM route_quarantine WHERE released_ns = 0"
};
static const struct store_sql sql_all = { "SELECT count(*) FROM route_quarantine" };
static const struct store_sql sql_signed = {
    "SELECT count(*) FROM route_quarantine WHERE released_by = 'Ada' AND released_why = 'mended'"
    " AND released_ns = 9 AND since_ns = 5"
};

TEST(a_route_is_out_at_once_and_until_it_is_released)
{
    begin();
    struct store *store = open_store();
    struct quarantine *quarantine = open_quarantine(store);
    CHECK_EQ(quarantine_bits(quarantine, &model), 0);
    quarantine_begin(quarantine, STR("r-b"), STR("swap"));
    quarantine_begin(quarantine, STR("r-b"), STR("swap"));
    CHECK(quarantine_stands(quarantine, STR("r-b")));
    CHECK(!quarantine_stands(quarantine, STR("r-a")));
    CHECK_EQ(quarantine_bits(quarantine, &model), 2);
    CHECK_EQ(counter_get(COUNTER_ROUTES_QUARANTINED), 1);
    CHECK_EQ(ask(store, &sql_all), 0);
    CHECK_EQ(release(store, quarantine, "r-b"), ERR_NOT_FOUND); /* its row is on its way */
    CHECK(quarantine_stands(quarantine, STR("r-b")));
    shut(store, quarantine, "r-b");
    shut(store, quarantine, "r-b"); /* another call found the same */
    shut(store, quarantine, "r-c");
    CHECK_EQ(ask(store, &sql_standing), 2);
    CHECK_EQ(quarantine_bits(quarantine, &model), 6);
    CHECK_EQ(release(store, quarantine, "r-b"), ERR_OK);
    CHECK_EQ(release(store, quarantine, "r-b"), ERR_NOT_FOUND);
    CHECK_EQ(release(store, quarantine, "nobody's"), ERR_NOT_FOUND);
    CHECK_EQ(quarantine_bits(quarantine, &model), 4);
    CHECK_EQ(ask(store, &sql_signed), 1);
    shut(store, quarantine, "r-b"); /* and again: a row of its own */
    CHECK_EQ(ask(store, &sql_all), 3);
    CHECK_EQ(quarantine_bits(quarantine, &model), 6);
    store_close(store);
    quarantine_close(quarantine);
    CHECK_EQ(counter_get(COUNTER_ROUTES_QUARANTINED), 0);
    end();
}

TEST(what_stands_stands_over_a_restart_and_over_registries)
{
    static const struct registry none = { .route_count = 0 };
    begin();
    struct store *store = open_store();
    struct quarantine *quarantine = open_quarantine(store);
    shut(store, quarantine, "r-a");
    shut(store, quarantine, "r-c");
    CHECK_EQ(release(store, quarantine, "r-c"), ERR_OK);
    store_close(store);
    quarantine_close(quarantine);

    store = open_store();
    CHECK_EQ(quarantine_open(store, &quarantine, NULL), ERR_OK);
    CHECK_EQ(quarantine_learn(quarantine, &none), ERR_OK);
    CHECK_EQ(quarantine_learn(quarantine, &registry), ERR_OK); /* the route comes back */
    CHECK_EQ(quarantine_bits(quarantine, &model), 1);
    store_close(store);
    quarantine_close(quarantine);
    end();
}

TEST(too_many_answers_without_a_name_are_an_incident_of_the_day)
{
    begin();
    struct store *store = open_store();
    struct quarantine *quarantine = open_quarantine(store);
    const struct registry_route *route = &routes[1];
    int64_t before = counter_get(COUNTER_MODEL_UNDECLARED);
    for (int i = 0; i < 98; i++) {
        CHECK(!quarantine_note_model(quarantine, route, true, DAY_NS));
    }
    CHECK(!quarantine_note_model(quarantine, route, false, DAY_NS)); /* of 99 */
    CHECK(!quarantine_note_model(quarantine, route, true, DAY_NS));
    CHECK_EQ(counter_get(COUNTER_MODEL_UNDECLARED), before); /* 1 of 100 is 1 % */
    CHECK(quarantine_note_model(quarantine, route, false, DAY_NS));
    CHECK(quarantine_note_model(quarantine, route, false, DAY_NS));
    CHECK(!quarantine_note_model(quarantine, route, true, DAY_NS));
    CHECK_EQ(counter_get(COUNTER_MODEL_UNDECLARED), before + 1); /* told once */
    CHECK(!quarantine_note_model(quarantine, route, false, 2 * DAY_NS));
    for (int i = 0; i < 300; i++) { /* a route that need not say it */
        CHECK(!quarantine_note_model(quarantine, &routes[0], false, DAY_NS));
    }
    CHECK_EQ(quarantine_bits(quarantine, &model), 0);
    store_close(store);
    quarantine_close(quarantine);
    end();
}

TEST(without_memory_nothing_is_half_known)
{
    begin();
    struct store *store = open_store();
    struct quarantine *quarantine = NULL;
    struct fail fail;
    mem_fail_nth(1);
    CHECK_EQ(quarantine_open(store, &quarantine, &fail), ERR_NO_MEMORY);
    mem_fail_nth(0);
    CHECK_EQ(quarantine_open(store, &quarantine, NULL), ERR_OK);
    mem_fail_nth(2);
    CHECK_EQ(quarantine_learn(quarantine, &registry), ERR_NO_MEMORY);
    mem_fail_nth(0);
    CHECK_EQ(quarantine_learn(quarantine, &registry), ERR_OK);
    quarantine_begin(quarantine, STR("r-c"), STR("swap"));
    CHECK_EQ(quarantine_bits(quarantine, &model), 4);
    store_close(store);
    quarantine_close(quarantine);
    end();
}
