#include "ident/review.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/counter.h"
#include "base/mem.h"
#include "ident/key_table.h"

#define REVIEW_KIND_SHIFT 8 /* of the word that readers look at: the hold, and above it the kind */

/* The states are those of enum review_state, the kinds and holds those of their enums. */
const struct store_migration review_migration = {
    .number = 12,
    .name = "review",
    .sql = "CREATE TABLE review_case(id INTEGER PRIMARY KEY,"
           " client BLOB NOT NULL REFERENCES client(id),"
           " key BLOB CHECK(length(key) = 16),"
           " kind INTEGER NOT NULL CHECK(kind IN (0, 1)),"
           " state INTEGER NOT NULL CHECK(state IN (0, 1, 2)),"
           " hold INTEGER NOT NULL CHECK(hold IN (1, 2)),"
           " score INTEGER NOT NULL CHECK(score >= 0 AND score <= 100),"
           " signals INTEGER NOT NULL, opened_ns INTEGER NOT NULL,"
           " raised_ns INTEGER NOT NULL, decided_ns INTEGER NOT NULL) STRICT;"
           "CREATE TABLE review_signal(review INTEGER NOT NULL REFERENCES review_case,"
           " number INTEGER NOT NULL, signal TEXT NOT NULL, value INTEGER NOT NULL,"
           " bound INTEGER NOT NULL, points INTEGER NOT NULL,"
           " PRIMARY KEY(review, number)) STRICT, WITHOUT ROWID;"
           "CREATE TABLE review_decision(review INTEGER NOT NULL REFERENCES review_case,"
           " number INTEGER NOT NULL, state INTEGER NOT NULL CHECK(state IN (0, 1, 2)),"
           " person TEXT NOT NULL, why TEXT NOT NULL, at_ns INTEGER NOT NULL,"
           " PRIMARY KEY(review, number)) STRICT, WITHOUT ROWID;",
};

static const struct store_sql sql_cases = {
    "SELECT id, client, kind, state, hold, score, signals, decided_ns FROM review_case ORDER BY id"
};
static const struct store_sql sql_open = {
    "INSERT INTO review_case(id, client, key, kind, state, hold, score, signals, opened_ns,"
    " raised_ns, decided_ns) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?8, 0)"
};
static const struct store_sql sql_raise = {
    "UPDATE review_case SET key = ?2, hold = ?3, score = ?4, signals = ?5, raised_ns = ?6"
    " WHERE id = ?1"
};
static const struct store_sql sql_signals_drop = { "DELETE FROM review_signal WHERE review = ?1" };
static const struct store_sql sql_signal_add = {
    "INSERT INTO review_signal(review, number, signal, value, bound, points)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
};
static const struct store_sql sql_decide = {
    "UPDATE review_case SET state = ?2, decided_ns = ?3 WHERE id = ?1"
};
static const struct store_sql sql_decision_add = {
    "INSERT INTO review_decision(review, number, state, person, why, at_ns)"
    " SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5 FROM review_decision"
    " WHERE review = ?1"
};

/* The last case of a client of one kind; number 0: there is none. */
struct review_case {
    int64_t number;
    int64_t score;
    int64_t decided_ns;
    uint32_t signals;
    enum review_state state;
    enum review_hold hold; /* while it is open */
};

/* A client that has or had a case; stays until review_close(), as clients do. */
struct review_client {
    struct review_client *next;
    struct id id;
    struct review_case cases[REVIEW_KINDS];
    _Atomic unsigned held; /* what readers look at */
};

struct review {
    struct store *store;
    struct key_table clients; /* to struct review_client */
    _Atomic int64_t open;
    pthread_mutex_t changing; /* guards what is below and in the clients but `held` */
    struct review_client *first;
    int64_t last_number;
};

/* ---- looking ------------------------------------------------------------------------------- */

/* The half of an id that is random stands first: it is what the table spreads by. */
static struct digest review_digest(struct id client)
{
    struct digest digest = { .bytes = { 0 } };
    memcpy(digest.bytes, client.bytes + ID_BYTES / 2, ID_BYTES / 2);
    memcpy(digest.bytes + ID_BYTES / 2, client.bytes, ID_BYTES / 2);
    return digest;
}

enum review_hold review_hold(const struct review *review, struct id client,
                             enum review_kind *ret_kind)
{
    struct digest digest = review_digest(client);
    const struct review_client *found = key_table_find(&review->clients, &digest);
    unsigned held = found == NULL ? 0 : atomic_load_explicit(&found->held, memory_order_relaxed);
    enum review_hold hold = (enum review_hold)(held & ((1U << REVIEW_KIND_SHIFT) - 1));
    if (hold != REVIEW_HOLD_NONE && ret_kind != NULL) {
        *ret_kind = (enum review_kind)(held >> REVIEW_KIND_SHIFT);
    }
    return hold;
}

int64_t review_open_count(const struct review *review)
{
    return atomic_load_explicit(&review->open, memory_order_relaxed);
}

const char *review_kind_name(enum review_kind kind)
{
    return kind == REVIEW_RESALE ? "resale" : "origin";
}

const char *review_kind_code(enum review_kind kind)
{
    return kind == REVIEW_RESALE ? "CLIENT_RESALE_SUSPECT" : "ORIGIN_REVIEW";
}

const char *review_state_name(enum review_state state)
{
    static const char *const names[] = { "open", "released", "refused" };
    ASSERT((unsigned)state < EP_ARRAY_LEN(names));
    return names[state];
}

const char *review_hold_name(enum review_hold hold)
{
    static const char *const names[] = { "none", "purchases", "traffic", "refused" };
    ASSERT((unsigned)hold < EP_ARRAY_LEN(names));
    return names[hold];
}

/* ---- what is held -------------------------------------------------------------------------- */

static enum review_hold review_case_hold(const struct review_case *last)
{
    if (last->number == 0 || last->state == REVIEW_RELEASED) {
        return REVIEW_HOLD_NONE;
    }
    return last->state == REVIEW_REFUSED ? REVIEW_HOLD_REFUSED : last->hold;
}

/* Under the lock: readers see what the cases say. */
static void review_publish(struct review_client *client)
{
    unsigned kind = REVIEW_RESALE;
    enum review_hold hold = review_case_hold(&client->cases[REVIEW_RESALE]);
    enum review_hold origin = review_case_hold(&client->cases[REVIEW_ORIGIN]);
    if (origin > hold) {
        hold = origin;
        kind = REVIEW_ORIGIN;
    }
    atomic_store_explicit(&client->held, (unsigned)hold | kind << REVIEW_KIND_SHIFT,
                          memory_order_relaxed);
}

static void review_set_open(struct review *review, int64_t change)
{
    int64_t before = atomic_fetch_add_explicit(&review->open, change, memory_order_relaxed);
    ASSERT(before + change >= 0);
    counter_add(COUNTER_REVIEWS_OPEN, change);
}

/* Under the lock. The client's place, made if need be; NULL: no memory. */
static struct review_client *review_client(struct review *review, struct id id)
{
    struct digest digest = review_digest(id);
    struct review_client *client = review->first;
    while (client != NULL && !id_eq(client->id, id)) {
        client = client->next;
    }
    if (client != NULL) {
        return client;
    }
    client = mem_zalloc(sizeof(*client));
    if (client == NULL || key_table_reserve(&review->clients, 1) != ERR_OK) {
        mem_free(client);
        return NULL;
    }
    client->id = id;
    client->next = review->first;
    review->first = client;
    key_table_add(&review->clients, &digest, client);
    return client;
}

/* ---- rows ---------------------------------------------------------------------------------- */

struct review_change {
    struct store_job job;
    const struct review_finding *finding;   /* opens, or raises, a case */
    const struct review_decision *decision; /* or it is decided */
    int64_t number;
    bool opens;
};

static enum err review_write_decision(struct store_txn *txn, int64_t number,
                                      const struct review_decision *decision, struct fail *fail)
{
    const struct store_value values[] = { STORE_I(number), STORE_I(decision->state),
                                          STORE_T(decision->person), STORE_T(decision->why),
                                          STORE_I(decision->now_ns) };
    return store_exec(txn, &sql_decision_add, values, EP_ARRAY_LEN(values), fail);
}

static enum err review_write_signals(const struct review_change *change, struct store_txn *txn,
                                     struct fail *fail)
{
    const struct review_finding *finding = change->finding;
    const struct store_value number = STORE_I(change->number);
    TRY(store_exec(txn, &sql_signals_drop, &number, 1, fail));
    for (size_t i = 0; i < finding->evidence_count; i++) {
        const struct review_evidence *evidence = &finding->evidence[i];
        const struct store_value values[] = { number,
                                              STORE_I((int64_t)i),
                                              STORE_T(evidence->signal),
                                              STORE_I(evidence->value),
                                              STORE_I(evidence->limit),
                                              STORE_I(evidence->points) };
        TRY(store_exec(txn, &sql_signal_add, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

static enum err review_write_case(const struct review_change *change, struct store_txn *txn,
                                  struct fail *fail)
{
    static const struct id none;
    const struct review_finding *finding = change->finding;
    struct store_value key =
        id_eq(finding->key, none) ? STORE_NULL_VALUE : STORE_B(id_str(&finding->key));
    if (!change->opens) {
        const struct store_value values[] = { STORE_I(change->number),   key,
                                              STORE_I(finding->hold),    STORE_I(finding->score),
                                              STORE_I(finding->signals), STORE_I(finding->now_ns) };
        return store_exec(txn, &sql_raise, values, EP_ARRAY_LEN(values), fail);
    }
    const struct store_value values[] = {
        STORE_I(change->number),
        STORE_B(id_str(&finding->client)),
        key,
        STORE_I(finding->kind),
        STORE_I(finding->hold),
        STORE_I(finding->score),
        STORE_I(finding->signals),
        STORE_I(finding->now_ns),
    };
    return store_exec(txn, &sql_open, values, EP_ARRAY_LEN(values), fail);
}

/* On the writer's thread. */
static enum err review_write(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct review_change *change = EP_CONTAINER(job, struct review_change, job);
    const struct review_finding *finding = change->finding;
    if (change->decision != NULL) {
        const struct review_decision *decision = change->decision;
        const struct store_value values[] = { STORE_I(change->number), STORE_I(decision->state),
                                              STORE_I(decision->now_ns) };
        TRY(store_exec(txn, &sql_decide, values, EP_ARRAY_LEN(values), fail));
        return review_write_decision(txn, change->number, decision, fail);
    }
    TRY(review_write_case(change, txn, fail));
    TRY(review_write_signals(change, txn, fail));
    if (finding->person.len == 0) {
        return ERR_OK;
    }
    const struct review_decision opened = { .state = REVIEW_OPEN,
                                            .person = finding->person,
                                            .why = finding->why,
                                            .now_ns = finding->now_ns };
    return review_write_decision(txn, change->number, &opened, fail);
}

/* ---- changes ------------------------------------------------------------------------------- */

/* Goes to tables, logs and terminals. */
static enum err review_check_text(struct str text, size_t max, const char *what, struct fail *fail)
{
    bool fits = text.len > 0 && text.len <= max;
    for (size_t i = 0; fits && i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        fits = byte >= 0x20 && byte != 0x7f;
    }
    return fits ? ERR_OK
                : FAIL(fail, ERR_ASK_INVALID, "%s has 1 to %zu bytes and no control characters",
                       what, max);
}

static enum err review_check_person(struct str person, struct str why, struct fail *fail)
{
    TRY(review_check_text(person, REVIEW_PERSON_MAX, "the name of who decides", fail));
    return review_check_text(why, REVIEW_WHY_MAX, "the reason", fail);
}

/* Whether a release stands against what was found now. */
static bool review_is_quiet(const struct review_case *last, const struct review_finding *finding)
{
    int64_t until_ns = 0;
    bool ends = !__builtin_add_overflow(last->decided_ns, finding->quiet_ns, &until_ns);
    return finding->person.len == 0 && last->number != 0 && last->state == REVIEW_RELEASED &&
           (!ends || finding->now_ns < until_ns) && finding->score <= last->score &&
           (finding->signals & ~last->signals) == 0;
}

/* Under the lock. */
static enum err review_commit(struct review *review, struct review_client *client,
                              const struct review_finding *found, bool opens, struct fail *fail)
{
    struct review_case *last = &client->cases[found->kind];
    struct review_finding finding = *found;
    if (!opens) { /* neither falls */
        finding.score = finding.score > last->score ? finding.score : last->score;
        finding.hold = finding.hold > last->hold ? finding.hold : last->hold;
    }
    struct review_change change = {
        .job = { .run = review_write },
        .finding = &finding,
        .number = opens ? review->last_number + 1 : last->number,
        .opens = opens,
    };
    TRY(store_run(review->store, &change.job, fail));
    *last = (struct review_case){
        .number = change.number,
        .score = finding.score,
        .signals = finding.signals,
        .state = REVIEW_OPEN,
        .hold = finding.hold,
    };
    if (opens) {
        review->last_number++;
        review_set_open(review, 1);
        counter_add(COUNTER_REVIEWS, 1);
    }
    review_publish(client);
    return ERR_OK;
}

enum err review_find(struct review *review, const struct review_finding *finding,
                     enum review_outcome *ret_outcome, int64_t *ret_number, struct fail *fail)
{
    ASSERT((unsigned)finding->kind < REVIEW_KINDS);
    ASSERT(finding->score >= 0 && finding->score <= REVIEW_SCORE_MAX);
    ASSERT(finding->hold == REVIEW_HOLD_PURCHASES || finding->hold == REVIEW_HOLD_TRAFFIC);
    ASSERT(finding->evidence_count <= REVIEW_EVIDENCE_MAX);
    if (finding->person.len > 0 || finding->why.len > 0) {
        TRY(review_check_person(finding->person, finding->why, fail));
    }
    (void)pthread_mutex_lock(&review->changing);
    struct review_client *client = review_client(review, finding->client);
    enum err err = client == NULL ? FAIL(fail, ERR_NO_MEMORY, "no memory for a case") : ERR_OK;
    enum review_outcome outcome = REVIEW_KEPT;
    int64_t number = 0;
    if (err == ERR_OK) {
        const struct review_case *last = &client->cases[finding->kind];
        bool is_open = last->number != 0 && last->state == REVIEW_OPEN;
        bool is_refused = last->number != 0 && last->state == REVIEW_REFUSED;
        if (is_open && (finding->score > last->score || finding->hold > last->hold)) {
            outcome = REVIEW_RAISED;
        } else if (!is_open && !is_refused && !review_is_quiet(last, finding)) {
            outcome = REVIEW_OPENED;
        }
        if (outcome != REVIEW_KEPT) {
            err = review_commit(review, client, finding, outcome == REVIEW_OPENED, fail);
        }
        number = last->state == REVIEW_RELEASED ? 0 : last->number;
    }
    (void)pthread_mutex_unlock(&review->changing);
    if (err == ERR_OK) {
        *ret_outcome = outcome;
        *ret_number = number;
    }
    return err;
}

/* Under the lock. The last case of its client and kind that has the number; NULL: none. */
static struct review_case *review_case_of(struct review *review, int64_t number,
                                          struct review_client **ret_client)
{
    for (struct review_client *client = review->first; client != NULL; client = client->next) {
        for (size_t kind = 0; kind < REVIEW_KINDS; kind++) {
            if (client->cases[kind].number == number) {
                *ret_client = client;
                return &client->cases[kind];
            }
        }
    }
    return NULL;
}

static enum err review_may_decide(const struct review *review, const struct review_case *found,
                                  const struct review_decision *decision, struct fail *fail)
{
    if (found == NULL && (decision->number <= 0 || decision->number > review->last_number)) {
        return FAIL(fail, ERR_NOT_FOUND, "there is no case %lld", (long long)decision->number);
    }
    /* What is no client's last case any more was released: else there were no later one. */
    enum review_state state = found == NULL ? REVIEW_RELEASED : found->state;
    if (state == REVIEW_RELEASED || state == decision->state) {
        return FAIL(fail, ERR_CONFLICT, "the case %lld is %s already", (long long)decision->number,
                    review_state_name(state));
    }
    return ERR_OK;
}

enum err review_decide(struct review *review, const struct review_decision *decision,
                       struct fail *fail)
{
    ASSERT(decision->state == REVIEW_RELEASED || decision->state == REVIEW_REFUSED);
    TRY(review_check_person(decision->person, decision->why, fail));
    (void)pthread_mutex_lock(&review->changing);
    struct review_client *client = NULL;
    struct review_case *found =
        decision->number <= 0 ? NULL : review_case_of(review, decision->number, &client);
    enum err err = review_may_decide(review, found, decision, fail);
    if (err == ERR_OK) {
        struct review_change change = { .job = { .run = review_write },
                                        .decision = decision,
                                        .number = decision->number };
        err = store_run(review->store, &change.job, fail);
    }
    if (err == ERR_OK) {
        review_set_open(review, found->state == REVIEW_OPEN ? -1 : 0);
        found->state = decision->state;
        found->decided_ns = decision->now_ns;
        review_publish(client);
    }
    (void)pthread_mutex_unlock(&review->changing);
    return err;
}

/* ---- life ---------------------------------------------------------------------------------- */

/* The table's own checks hold lengths and ranges. */
static enum err review_on_case(void *context, const struct store_value *row, size_t columns)
{
    struct review *review = context;
    struct id id;
    ASSERT(columns == 8);
    ASSERT(row[1].bytes.len == ID_BYTES);
    memcpy(id.bytes, row[1].bytes.ptr, ID_BYTES);
    struct review_client *client = review_client(review, id);
    if (client == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(row[2].number >= 0 && row[2].number < REVIEW_KINDS);
    struct review_case *last = &client->cases[row[2].number];
    review_set_open(review, last->number != 0 && last->state == REVIEW_OPEN ? -1 : 0);
    *last = (struct review_case){
        .number = row[0].number,
        .state = (enum review_state)row[3].number,
        .hold = (enum review_hold)row[4].number,
        .score = row[5].number,
        .signals = (uint32_t)row[6].number,
        .decided_ns = row[7].number,
    };
    review_set_open(review, last->state == REVIEW_OPEN ? 1 : 0);
    review->last_number = last->number;
    review_publish(client);
    return ERR_OK;
}

static enum err review_load(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_cases, NULL, 0, review_on_case, context, fail);
}

enum err review_open(struct store *store, struct review **ret_review, struct fail *fail)
{
    struct review *review = mem_zalloc(sizeof(*review));
    if (review == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the cases");
    }
    review->store = store;
    (void)pthread_mutex_init(&review->changing, NULL); /* cannot fail with default attributes */
    enum err err = key_table_init(&review->clients);
    err = err == ERR_OK ? store_read(store, review_load, review, fail) : err;
    if (err != ERR_OK) {
        review_close(review);
        return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the cases") : err;
    }
    *ret_review = review;
    return ERR_OK;
}

void review_close(struct review *review)
{
    if (review == NULL) {
        return;
    }
    counter_add(COUNTER_REVIEWS_OPEN, -review_open_count(review));
    struct review_client *client = review->first;
    while (client != NULL) {
        struct review_client *next = client->next;
        mem_free(client);
        client = next;
    }
    key_table_fini(&review->clients);
    (void)pthread_mutex_destroy(&review->changing);
    mem_free(review);
}
