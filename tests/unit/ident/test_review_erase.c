#include "ident/review_erase.h"

#include "house.h"
#include "ident/review.h"
#include "ident/standing.h"

/* The rows are what this is about: they are written as review.c writes them. */
static struct house house;
static struct store *store;
static const struct client *clients[2];

static void open_store(void)
{
    char url[64];
    struct store_migration own[] = { ident_migrations[0], standing_migration, fleet_migration,
                                     fleet_voice_migration, review_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(own); i++) {
        own[i].number = (int64_t)i + 1;
    }
    (void)snprintf(url, sizeof(url), "sqlite:%s/db", house.folder);
    const struct store_options options = { .url = str_from(url),
                                           .migrations = own,
                                           .migrations_count = EP_ARRAY_LEN(own) };
    CHECK_EQ(store_open(&options, &store, NULL), ERR_OK);
}

static int64_t add_case(struct review *review, const struct client *client, int64_t now_ns)
{
    static const struct review_evidence evidence[] = { { STR_INIT("asns"), 11, 8, 25 },
                                                       { STR_INIT("countries"), 5, 3, 25 } };
    const struct review_finding finding = {
        .client = client->id,
        .kind = REVIEW_RESALE,
        .score = 65,
        .signals = 7,
        .hold = REVIEW_HOLD_PURCHASES,
        .evidence = evidence,
        .evidence_count = EP_ARRAY_LEN(evidence),
        .quiet_ns = 1,
        .now_ns = now_ns,
    };
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    CHECK_EQ(review_find(review, &finding, &outcome, &number, NULL), ERR_OK);
    return number;
}

static void decide(struct review *review, int64_t number, enum review_state state, int64_t now_ns)
{
    const struct review_decision decision = { .number = number,
                                              .state = state,
                                              .person = STR("Ana"),
                                              .why = STR("a note on somebody"),
                                              .now_ns = now_ns };
    CHECK_EQ(review_decide(review, &decision, NULL), ERR_OK);
}

/* Cases 1 (client 0, released at 100), 2 (client 1, refused at 200), 3 (client 0, open). */
static void begin(void)
{
    struct review *review = NULL;
    house = (struct house){ .folder = "/tmp/test_ident.XXXXXX" };
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    CHECK(test_folder(house.folder) != NULL);
    open_store();
    CHECK_EQ(ident_open(store, STR(PEPPER), &house.ident, NULL), ERR_OK);
    CHECK_EQ(client_add(house.ident, STR("A"), account_of(1), NOW, &clients[0], NULL), ERR_OK);
    CHECK_EQ(client_add(house.ident, STR("B"), account_of(2), NOW, &clients[1], NULL), ERR_OK);
    CHECK_EQ(review_open(store, &review, NULL), ERR_OK);
    CHECK_EQ(add_case(review, clients[0], 50), 1);
    decide(review, 1, REVIEW_RELEASED, 100);
    CHECK_EQ(add_case(review, clients[1], 150), 2);
    decide(review, 2, REVIEW_REFUSED, 200);
    CHECK_EQ(add_case(review, clients[0], 300), 3);
    review_close(review);
    house.store = store;
}

static int64_t held_count;

static enum err on_held(void *context, struct id client)
{
    CHECK(context == NULL);
    CHECK(id_eq(client, clients[0]->id));
    held_count++;
    return ERR_OK;
}

struct look {
    int64_t oldest_ns;
    int64_t old; /* before 201 */
    int64_t signals;
    int64_t notes;
};

static enum err on_numbers(void *context, const struct store_value *row, size_t columns)
{
    struct look *look = context;
    CHECK_EQ(columns, 2);
    look->signals = row[0].number;
    look->notes = row[1].number;
    return ERR_OK;
}

static enum err run_look(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = {
        "SELECT (SELECT count(*) FROM review_signal),"
        " (SELECT count(*) FROM review_decision WHERE why <> '')"
    };
    struct look *look = context;
    held_count = 0;
    TRY(review_held(txn, on_held, NULL, fail));
    TRY(review_oldest(txn, &look->oldest_ns, fail));
    TRY(review_count_old(txn, 201, &look->old, fail));
    return store_query(txn, &sql, NULL, 0, on_numbers, look, fail);
}

static struct look look(void)
{
    struct look look = { .oldest_ns = -1 };
    CHECK_EQ(store_read(store, run_look, &look, NULL), ERR_OK);
    return look;
}

struct erasing {
    struct store_job job;
    int64_t before_ns; /* 0: all of a client */
    struct id client;
    int64_t count;
};

static enum err run_erase(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct erasing *erasing = EP_CONTAINER(job, struct erasing, job);
    return erasing->before_ns == 0 ? review_forget(txn, erasing->client, fail)
                                   : review_expire(txn, erasing->before_ns, &erasing->count, fail);
}

static int64_t expire(int64_t before_ns)
{
    struct erasing erasing = { .job = { .run = run_erase }, .before_ns = before_ns };
    CHECK_EQ(store_run(store, &erasing.job, NULL), ERR_OK);
    return erasing.count;
}

TEST(a_released_case_loses_its_notes_a_refused_and_an_open_one_keep_them)
{
    begin();
    struct look before = look();
    CHECK_EQ(held_count, 1);
    CHECK_EQ(before.oldest_ns, 100);
    CHECK_EQ(before.old, 1);
    CHECK_EQ(before.signals, 6);
    CHECK_EQ(before.notes, 2);
    CHECK_EQ(expire(100), 0); /* not yet */
    CHECK_EQ(expire(101), 1);
    CHECK_EQ(expire(1000), 0);
    struct look after = look();
    CHECK_EQ(after.oldest_ns, 0);
    CHECK_EQ(after.old, 0);
    CHECK_EQ(after.signals, 4);
    CHECK_EQ(after.notes, 1);
    house_raze(&house);
}

TEST(all_cases_of_a_client_are_forgotten_and_nobody_elses)
{
    begin();
    struct erasing erasing = { .job = { .run = run_erase }, .client = clients[0]->id };
    CHECK_EQ(store_run(store, &erasing.job, NULL), ERR_OK);
    CHECK_EQ(look().signals, 2);
    CHECK_EQ(look().notes, 1);
    struct review *review = NULL;
    CHECK_EQ(review_open(store, &review, NULL), ERR_OK); /* the rows are still cases */
    CHECK_EQ(review_open_count(review), 1);
    review_close(review);
    house_raze(&house);
}
