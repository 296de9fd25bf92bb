#include "ident/review.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "harness.h"
#include "ident/ident.h"
#include "ident/standing.h"

#define NOW    INT64_C(1793620800000000000)
#define DAY_NS (INT64_C(86400) * 1000000000)

/* ---- a house: folder, store, ident, review ------------------------------------------------ */

struct house {
    char folder[40];
    struct store *store;
    struct ident *ident;
    struct review *review;
    const struct client *client;
};

static void house_open(struct house *house)
{
    char url[64];
    struct store_migration migrations[] = { ident_migrations[0], standing_migration,
                                            fleet_migration, fleet_voice_migration,
                                            review_migration };
    for (size_t i = 0; i < EP_ARRAY_LEN(migrations); i++) {
        migrations[i].number = (int64_t)i + 1; /* those of other rooms are not needed here */
    }
    (void)snprintf(url, sizeof(url), "sqlite:%s/db", house->folder);
    const struct store_options options = {
        .url = str_from(url),
        .migrations = migrations,
        .migrations_count = EP_ARRAY_LEN(migrations),
    };
    CHECK_EQ(store_open(&options, &house->store, NULL), ERR_OK);
    CHECK_EQ(ident_open(house->store, STR("a pepper of the tests"), &house->ident, NULL), ERR_OK);
    CHECK_EQ(review_open(house->store, &house->review, NULL), ERR_OK);
}

static void house_close(struct house *house)
{
    review_close(house->review);
    ident_close(house->ident);
    store_close(house->store);
}

static void house_again(struct house *house)
{
    struct id id = house->client->id;
    house_close(house);
    house_open(house);
    house->client = client_find(house->ident, id);
    CHECK(house->client != NULL);
}

static const struct client *add_client(struct house *house)
{
    const struct client *client = NULL;
    const struct id account = { { 1 } };
    CHECK_EQ(client_add(house->ident, STR("Acme"), account, NOW, &client, NULL), ERR_OK);
    return client;
}

static struct house house_build(void)
{
    struct house house = { .folder = "/tmp/test_review.XXXXXX" };
    CHECK_EQ(crypto_start(NULL), ERR_OK);
    CHECK(test_folder(house.folder) != NULL);
    house_open(&house);
    house.client = add_client(&house);
    return house;
}

static void house_raze(struct house *house)
{
    static const char *const files[] = { "db", "db-wal", "db-shm", "db.lock" };
    house_close(house);
    for (size_t i = 0; i < EP_ARRAY_LEN(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", house->folder, files[i]);
        (void)unlink(path); /* most are there, some not */
    }
    CHECK_EQ(rmdir(house->folder), 0);
}

static const struct review_evidence evidence[] = {
    { STR_INIT("asns"), 11, 8, 25 },
    { STR_INIT("countries"), 5, 3, 25 },
};

static struct review_finding finding_of(const struct house *house, enum review_kind kind,
                                        int64_t score, int64_t now_ns)
{
    return (struct review_finding){
        .client = house->client->id,
        .key = { { 7 } },
        .kind = kind,
        .score = score,
        .signals = 6,
        .hold = score >= 70 ? REVIEW_HOLD_TRAFFIC : REVIEW_HOLD_PURCHASES,
        .evidence = evidence,
        .evidence_count = EP_ARRAY_LEN(evidence),
        .quiet_ns = 30 * DAY_NS,
        .now_ns = now_ns,
    };
}

static enum review_outcome find(struct house *house, const struct review_finding *finding)
{
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    CHECK_EQ(review_find(house->review, finding, &outcome, &number, NULL), ERR_OK);
    return outcome;
}

static enum err decide(struct house *house, int64_t number, enum review_state state, int64_t now_ns)
{
    const struct review_decision decision = {
        .number = number,
        .state = state,
        .person = STR("Ana"),
        .why = STR("called the client"),
        .now_ns = now_ns,
    };
    return review_decide(house->review, &decision, NULL);
}

static enum review_hold held(const struct house *house)
{
    return review_hold(house->review, house->client->id, NULL);
}

static enum err on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err read_signals(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "SELECT count(*) FROM review_signal" };
    return store_query(txn, &sql, NULL, 0, on_number, context, fail);
}

static int64_t signal_rows(struct house *house)
{
    int64_t count = -1;
    CHECK_EQ(store_read(house->store, read_signals, &count, NULL), ERR_OK);
    return count;
}

/* ---- cases --------------------------------------------------------------------------------- */

TEST(a_client_without_a_case_is_not_held)
{
    struct house house = house_build();
    CHECK_EQ(held(&house), REVIEW_HOLD_NONE);
    CHECK_EQ(review_open_count(house.review), 0);
    house_raze(&house);
}

TEST(a_case_holds_by_its_score_until_it_is_released_and_survives_a_restart)
{
    struct house house = house_build();
    enum review_kind kind = REVIEW_ORIGIN;
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(review_hold(house.review, house.client->id, &kind), REVIEW_HOLD_PURCHASES);
    CHECK_EQ(kind, REVIEW_RESALE);
    CHECK_EQ(review_open_count(house.review), 1);
    CHECK_EQ(counter_get(COUNTER_REVIEWS_OPEN), 1);
    house_again(&house);
    CHECK_EQ(held(&house), REVIEW_HOLD_PURCHASES);
    CHECK_EQ(counter_get(COUNTER_REVIEWS_OPEN), 1);
    CHECK_EQ(signal_rows(&house), 2);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW + 5), ERR_OK);
    CHECK_EQ(held(&house), REVIEW_HOLD_NONE);
    house_again(&house);
    CHECK_EQ(held(&house), REVIEW_HOLD_NONE);
    CHECK_EQ(review_open_count(house.review), 0);
    house_raze(&house);
    CHECK_EQ(counter_get(COUNTER_REVIEWS_OPEN), 0);
}

TEST(an_open_case_is_raised_and_never_falls)
{
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_ORIGIN, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    finding = finding_of(&house, REVIEW_ORIGIN, 75, NOW + 1);
    CHECK_EQ(find(&house, &finding), REVIEW_RAISED);
    CHECK_EQ(held(&house), REVIEW_HOLD_TRAFFIC);
    CHECK_EQ(signal_rows(&house), 2);
    finding = finding_of(&house, REVIEW_ORIGIN, 55, NOW + 2);
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    CHECK_EQ(held(&house), REVIEW_HOLD_TRAFFIC);
    finding = finding_of(&house, REVIEW_ORIGIN, 80, NOW + 3);
    finding.hold = REVIEW_HOLD_PURCHASES; /* the rows have become milder */
    CHECK_EQ(find(&house, &finding), REVIEW_RAISED);
    CHECK_EQ(held(&house), REVIEW_HOLD_TRAFFIC);
    house_again(&house);
    CHECK_EQ(held(&house), REVIEW_HOLD_TRAFFIC);
    finding = finding_of(&house, REVIEW_ORIGIN, 80, NOW + 4);
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    house_raze(&house);
}

TEST(a_refused_client_is_held_until_somebody_releases_it_after_all)
{
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_ORIGIN, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 1, REVIEW_REFUSED, NOW + 1), ERR_OK);
    CHECK_EQ(held(&house), REVIEW_HOLD_REFUSED);
    CHECK_EQ(review_open_count(house.review), 0);
    finding.score = 100;
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    house_again(&house);
    CHECK_EQ(held(&house), REVIEW_HOLD_REFUSED);
    CHECK_EQ(decide(&house, 1, REVIEW_REFUSED, NOW + 2), ERR_CONFLICT);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW + 3), ERR_OK);
    CHECK_EQ(held(&house), REVIEW_HOLD_NONE);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW + 4), ERR_CONFLICT);
    CHECK_EQ(decide(&house, 1, REVIEW_REFUSED, NOW + 5), ERR_CONFLICT);
    CHECK_EQ(review_open_count(house.review), 0);
    house_raze(&house);
}

TEST(a_release_is_quiet_for_its_time_unless_more_is_found)
{
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW), ERR_OK);
    finding.now_ns = NOW + 30 * DAY_NS - 1;
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    finding.signals = 2; /* fewer */
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    house_again(&house);
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    finding.kind = REVIEW_ORIGIN; /* of another kind */
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    finding.kind = REVIEW_RESALE;
    finding.score = 51; /* the score rises */
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 3, REVIEW_RELEASED, NOW + 30 * DAY_NS), ERR_OK);
    finding.signals = 1; /* another signal */
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 4, REVIEW_RELEASED, NOW + 30 * DAY_NS), ERR_OK);
    finding.now_ns = NOW + 60 * DAY_NS; /* the time is over */
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 5, REVIEW_RELEASED, finding.now_ns), ERR_OK);
    finding.quiet_ns = 0; /* no row says how long */
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW), ERR_CONFLICT); /* long ago */
    house_raze(&house);
}

TEST(the_case_that_holds_most_is_told)
{
    struct house house = house_build();
    enum review_kind kind = REVIEW_KINDS;
    struct review_finding finding = finding_of(&house, REVIEW_ORIGIN, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(review_hold(house.review, house.client->id, &kind), REVIEW_HOLD_PURCHASES);
    CHECK_EQ(kind, REVIEW_RESALE);
    finding = finding_of(&house, REVIEW_ORIGIN, 70, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_RAISED);
    CHECK_EQ(review_hold(house.review, house.client->id, &kind), REVIEW_HOLD_TRAFFIC);
    CHECK_EQ(kind, REVIEW_ORIGIN);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW), ERR_OK);
    CHECK_EQ(review_hold(house.review, house.client->id, &kind), REVIEW_HOLD_PURCHASES);
    CHECK_EQ(kind, REVIEW_RESALE);
    CHECK_STR(str_from(review_kind_code(kind)), STR("CLIENT_RESALE_SUSPECT"));
    CHECK_STR(str_from(review_kind_code(REVIEW_ORIGIN)), STR("ORIGIN_REVIEW"));
    CHECK_STR(str_from(review_hold_name(REVIEW_HOLD_REFUSED)), STR("refused"));
    house_raze(&house);
}

TEST(a_person_opens_a_case_in_spite_of_a_release_and_says_why)
{
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 1, REVIEW_RELEASED, NOW), ERR_OK);
    CHECK_EQ(find(&house, &finding), REVIEW_KEPT);
    finding.person = STR("Ben");
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    struct fail fail;
    CHECK_EQ(review_find(house.review, &finding, &outcome, &number, &fail), ERR_ASK_INVALID);
    finding.why = STR("sells our keys in a shop");
    CHECK_EQ(review_find(house.review, &finding, &outcome, &number, &fail), ERR_OK);
    CHECK_EQ(outcome, REVIEW_OPENED);
    CHECK_EQ(number, 2);
    house_raze(&house);
}

TEST(decisions_need_a_case_a_name_and_a_reason)
{
    struct house house = house_build();
    static char long_text[REVIEW_WHY_MAX + 2];
    struct fail fail;
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
    CHECK_EQ(decide(&house, 2, REVIEW_RELEASED, NOW), ERR_NOT_FOUND);
    CHECK_EQ(decide(&house, 0, REVIEW_RELEASED, NOW), ERR_NOT_FOUND);
    CHECK_EQ(decide(&house, -1, REVIEW_RELEASED, NOW), ERR_NOT_FOUND);
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct review_decision decision = { .number = 1, .state = REVIEW_RELEASED, .now_ns = NOW };
    const struct str texts[] = { STR_EMPTY, STR("a\nb"), STR("\x7f"), str_from(long_text) };
    for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
        decision.person = texts[i];
        decision.why = STR("fine");
        CHECK_EQ(review_decide(house.review, &decision, &fail), ERR_ASK_INVALID);
        decision.person = STR("Ana");
        decision.why = texts[i];
        CHECK_EQ(review_decide(house.review, &decision, &fail), ERR_ASK_INVALID);
    }
    CHECK_EQ(held(&house), REVIEW_HOLD_PURCHASES);
    house_raze(&house);
}

TEST(many_clients_have_cases_of_their_own)
{
    enum {
        MANY = 300
    };
    static const struct client *clients[MANY];
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    for (int i = 0; i < MANY; i++) {
        clients[i] = add_client(&house);
        finding.client = clients[i]->id;
        if (i % 3 != 0) {
            CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
        }
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(review_hold(house.review, clients[i]->id, NULL),
                 i % 3 != 0 ? REVIEW_HOLD_PURCHASES : REVIEW_HOLD_NONE);
    }
    CHECK_EQ(review_open_count(house.review), 200);
    house_again(&house);
    CHECK_EQ(review_open_count(house.review), 200);
    house_raze(&house);
}

/* ---- threads ------------------------------------------------------------------------------- */

static struct house shared;
static atomic_bool over;

static void *look(void *context)
{
    (void)context;
    enum review_hold before = REVIEW_HOLD_NONE;
    while (!atomic_load(&over)) {
        enum review_kind kind = REVIEW_KINDS;
        enum review_hold now = review_hold(shared.review, shared.client->id, &kind);
        if (now < before || (now != REVIEW_HOLD_NONE && kind != REVIEW_ORIGIN)) {
            return &shared; /* holds only rise in this test */
        }
        before = now;
    }
    return NULL;
}

TEST(readers_see_holds_rise_beside_changes)
{
    pthread_t threads[3];
    shared = house_build();
    atomic_store(&over, false);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, look, NULL), 0);
    }
    for (int64_t score = 50; score <= 100; score++) {
        struct review_finding finding = finding_of(&shared, REVIEW_ORIGIN, score, NOW);
        CHECK(find(&shared, &finding) != REVIEW_KEPT);
        finding.client = add_client(&shared)->id; /* the table grows under the readers */
        CHECK_EQ(find(&shared, &finding), REVIEW_OPENED);
    }
    CHECK_EQ(decide(&shared, 1, REVIEW_REFUSED, NOW), ERR_OK);
    atomic_store(&over, true);
    for (size_t i = 0; i < EP_ARRAY_LEN(threads); i++) {
        void *wrong = NULL;
        CHECK_EQ(pthread_join(threads[i], &wrong), 0);
        CHECK(wrong == NULL);
    }
    house_raze(&shared);
}

/* ---- faults -------------------------------------------------------------------------------- */

TEST(without_memory_nothing_changes)
{
    struct house house = house_build();
    struct review_finding finding = finding_of(&house, REVIEW_RESALE, 50, NOW);
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    struct fail fail;
    uint64_t nth = 1;
    for (;; nth++) {
        mem_fail_nth(nth);
        enum err err = review_find(house.review, &finding, &outcome, &number, &fail);
        bool reached = mem_requests() >= nth;
        mem_fail_nth(0);
        if (err == ERR_OK) {
            CHECK(!reached);
            break;
        }
        CHECK_EQ(err, ERR_NO_MEMORY);
        CHECK_EQ(held(&house), REVIEW_HOLD_NONE);
    }
    CHECK(nth > 1);
    CHECK_EQ(held(&house), REVIEW_HOLD_PURCHASES);
    struct review *other = NULL;
    for (nth = 1;; nth++) {
        mem_fail_nth(nth);
        enum err err = review_open(house.store, &other, &fail);
        mem_fail_nth(0);
        if (err == ERR_OK) {
            break;
        }
        CHECK(err == ERR_NO_MEMORY);
    }
    CHECK_EQ(review_hold(other, house.client->id, NULL), REVIEW_HOLD_PURCHASES);
    review_close(other);
    house_raze(&house);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk is full at each place of the journal: what was not acknowledged holds nobody, neither
 * then nor behind a restart; what was, does. */
TEST(a_disk_that_is_full_leaves_the_queue_as_it_was)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    bool fits = false;
    int failed = 0;
    for (rlim_t room = 0; !fits; room += 2048) {
        struct house house = house_build();
        struct review_finding finding = finding_of(&house, REVIEW_ORIGIN, 60, NOW);
        CHECK_EQ(find(&house, &finding), REVIEW_OPENED);
        char path[64];
        struct stat info;
        (void)snprintf(path, sizeof(path), "%s/db-wal", house.folder);
        CHECK_EQ(stat(path, &info), 0);
        limit_files((rlim_t)info.st_size + room);
        finding.score = 90;
        finding.hold = REVIEW_HOLD_TRAFFIC;
        enum review_outcome outcome = REVIEW_KEPT;
        int64_t number = 0;
        enum err err = review_find(house.review, &finding, &outcome, &number, NULL);
        enum err decided = decide(&house, 1, REVIEW_RELEASED, NOW);
        limit_files(RLIM_INFINITY);
        fits = err == ERR_OK && decided == ERR_OK;
        failed += !fits;
        enum review_hold want = decided == ERR_OK ? REVIEW_HOLD_NONE
                                : err == ERR_OK   ? REVIEW_HOLD_TRAFFIC
                                                  : REVIEW_HOLD_PURCHASES;
        CHECK(err == ERR_OK || err == ERR_STORE_FAILED);
        CHECK(decided == ERR_OK || decided == ERR_STORE_FAILED);
        CHECK_EQ(held(&house), want);
        house_again(&house);
        CHECK_EQ(held(&house), want);
        CHECK_EQ(review_open_count(house.review), want == REVIEW_HOLD_NONE ? 0 : 1);
        house_raze(&house);
    }
    CHECK(failed >= 2); /* within the first change, and within the second */
}
