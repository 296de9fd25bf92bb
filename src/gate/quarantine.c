#include "gate/quarantine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stamp.h"

#define QUARANTINE_BUCKETS 4096 /* a thousand routes: chains of one */

/* released_ns is 0 while a quarantine stands, of which a route has one at most; a claim is one for
 * each route and kind while it is open. */
const struct store_migration quarantine_migration = {
    .number = 11,
    .name = "quarantine",
    .sql = "CREATE TABLE route_quarantine(id INTEGER PRIMARY KEY, route TEXT NOT NULL,"
           " model TEXT NOT NULL, since_ns INTEGER NOT NULL, reason TEXT NOT NULL,"
           " evidence TEXT NOT NULL, quarantined_by TEXT NOT NULL, released_ns INTEGER NOT NULL,"
           " released_by TEXT NOT NULL, released_why TEXT NOT NULL) STRICT;"
           "CREATE UNIQUE INDEX route_quarantine_standing ON route_quarantine(route)"
           " WHERE released_ns = 0;"
           "CREATE TABLE upstream_claim(id INTEGER PRIMARY KEY, route TEXT NOT NULL,"
           " party TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('swap',"
           " 'slope', 'offset', 'completion', 'unknown_model')), state TEXT NOT NULL"
           " CHECK(state IN ('open', 'settled', 'withdrawn')), opened_ns INTEGER NOT NULL,"
           " last_ns INTEGER NOT NULL, calls INTEGER NOT NULL, counted INTEGER NOT NULL,"
           " reported INTEGER NOT NULL, closed_ns INTEGER NOT NULL, closed_by TEXT NOT NULL,"
           " closed_why TEXT NOT NULL) STRICT;"
           "CREATE UNIQUE INDEX upstream_claim_open ON upstream_claim(route, kind)"
           " WHERE state = 'open';"
           "CREATE TABLE upstream_claim_call(claim INTEGER NOT NULL REFERENCES upstream_claim,"
           " number INTEGER NOT NULL, call BLOB NOT NULL CHECK(length(call) = 16),"
           " at_ns INTEGER NOT NULL, upstream_id TEXT NOT NULL, declared TEXT NOT NULL,"
           " counted INTEGER NOT NULL, reported INTEGER NOT NULL,"
           " PRIMARY KEY(claim, number)) STRICT, WITHOUT ROWID;",
};

static const struct store_sql sql_begin = {
    "INSERT INTO route_quarantine(id, route, model, since_ns, reason, evidence, quarantined_by,"
    " released_ns, released_by, released_why)"
    " SELECT (SELECT coalesce(max(id), 0) + 1 FROM route_quarantine), ?1, ?2, ?3, ?4, ?5, ?6, 0,"
    " '', '' WHERE NOT EXISTS"
    " (SELECT 1 FROM route_quarantine WHERE route = ?1 AND released_ns = 0)"
};
static const struct store_sql sql_end = {
    "UPDATE route_quarantine SET released_ns = ?2, released_by = ?3, released_why = ?4"
    " WHERE route = ?1 AND released_ns = 0"
};
static const struct store_sql sql_standing = {
    "SELECT route FROM route_quarantine WHERE released_ns = 0"
};
static const struct store_sql sql_stands = {
    "SELECT 1 FROM route_quarantine WHERE route = ?1 AND released_ns = 0"
};

/* One route; found without a lock, changed under it but for the flag. */
struct quarantine_entry {
    struct quarantine_entry *_Atomic next;
    uint64_t hash;
    atomic_bool stands;
    int64_t day; /* of the counts; under the lock, as they are */
    int64_t calls;
    int64_t unnamed;
    bool told; /* of this day */
    size_t route_len;
    char route[];
};

struct quarantine {
    pthread_mutex_t lock;
    _Atomic int64_t standing; /* 0: nobody looks any further */
    struct quarantine_entry *_Atomic buckets[QUARANTINE_BUCKETS];
};

/* ---- entries ------------------------------------------------------------------------------ */

/* Ids come from the operator's files: no clever enemy chooses them. */
static uint64_t quarantine_hash(struct str route)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < route.len; i++) {
        hash = (hash ^ (unsigned char)route.ptr[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static struct quarantine_entry *quarantine_find(const struct quarantine *quarantine,
                                                struct str route)
{
    uint64_t hash = quarantine_hash(route);
    struct quarantine_entry *entry =
        atomic_load_explicit(&quarantine->buckets[hash % QUARANTINE_BUCKETS], memory_order_acquire);
    while (entry != NULL && (entry->hash != hash ||
                             !str_eq((struct str){ entry->route, entry->route_len }, route))) {
        entry = atomic_load_explicit(&entry->next, memory_order_acquire);
    }
    return entry;
}

/* With the lock held. */
static enum err quarantine_learn_one(struct quarantine *quarantine, struct str route)
{
    if (quarantine_find(quarantine, route) != NULL) {
        return ERR_OK;
    }
    struct quarantine_entry *entry = mem_zalloc(sizeof(*entry) + route.len + 1);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    entry->hash = quarantine_hash(route);
    entry->route_len = route.len;
    memcpy(entry->route, route.ptr, route.len);
    struct quarantine_entry *_Atomic *bucket =
        &quarantine->buckets[entry->hash % QUARANTINE_BUCKETS];
    atomic_init(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed));
    /* A reader that sees the entry sees it whole. */
    atomic_store_explicit(bucket, entry, memory_order_release);
    return ERR_OK;
}

enum err quarantine_learn(struct quarantine *quarantine, const struct registry *registry)
{
    enum err err = ERR_OK;
    (void)pthread_mutex_lock(&quarantine->lock);
    for (size_t i = 0; i < registry->route_count && err == ERR_OK; i++) {
        err = quarantine_learn_one(quarantine, registry->routes[i].id);
    }
    (void)pthread_mutex_unlock(&quarantine->lock);
    return err;
}

/* Whether it has changed. */
static bool quarantine_set(struct quarantine *quarantine, struct str route, bool stands)
{
    struct quarantine_entry *entry = quarantine_find(quarantine, route);
    if (entry == NULL || atomic_exchange(&entry->stands, stands) == stands) {
        return false;
    }
    atomic_fetch_add(&quarantine->standing, stands ? 1 : -1);
    counter_add(COUNTER_ROUTES_QUARANTINED, stands ? 1 : -1);
    return true;
}

bool quarantine_stands(const struct quarantine *quarantine, struct str route)
{
    if (atomic_load_explicit(&quarantine->standing, memory_order_acquire) == 0) {
        return false;
    }
    const struct quarantine_entry *entry = quarantine_find(quarantine, route);
    return entry != NULL && atomic_load_explicit(&entry->stands, memory_order_acquire);
}

uint64_t quarantine_bits(const struct quarantine *quarantine, const struct registry_model *model)
{
    uint64_t bits = 0;
    ASSERT(model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    for (size_t i = 0; i < model->route_count; i++) {
        bits |= quarantine_stands(quarantine, model->routes[i]->id) ? UINT64_C(1) << i : 0;
    }
    return bits;
}

/* ---- what happens ------------------------------------------------------------------------- */

static void quarantine_log(enum event event, struct str route, const char *name, struct str value)
{
    struct log_line line;
    log_begin(&line, event);
    log_str(&line, "route", route);
    log_str(&line, name, value);
    log_end(&line);
}

void quarantine_begin(struct quarantine *quarantine, struct str route, struct str reason)
{
    if (quarantine_set(quarantine, route, true)) {
        quarantine_log(EVENT_ROUTE_QUARANTINED, route, "reason", reason);
    }
}

enum err quarantine_write(struct quarantine *quarantine, struct store_txn *txn,
                          const struct quarantine_row *row, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_T(row->route),  STORE_T(row->model),    STORE_I(row->now_ns),
        STORE_T(row->reason), STORE_T(row->evidence), STORE_T(row->by),
    };
    TRY(store_exec(txn, &sql_begin, values, EP_ARRAY_LEN(values), fail));
    quarantine_begin(quarantine, row->route, row->reason);
    return ERR_OK;
}

static enum err quarantine_on_found(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(bool *)context = row[0].number == 1;
    return ERR_OK;
}

enum err quarantine_end(struct quarantine *quarantine, struct store_txn *txn,
                        const struct quarantine_release *release, struct fail *fail)
{
    bool found = false;
    const struct store_value values[] = { STORE_T(release->route), STORE_I(release->now_ns),
                                          STORE_T(release->by), STORE_T(release->why) };
    TRY(store_query(txn, &sql_stands, values, 1, quarantine_on_found, &found, fail));
    if (!found) {
        return FAIL(fail, ERR_NOT_FOUND, "the route \"" STR_FMT "\" is not quarantined",
                    STR_ARG(release->route));
    }
    TRY(store_exec(txn, &sql_end, values, EP_ARRAY_LEN(values), fail));
    if (quarantine_set(quarantine, release->route, false)) {
        quarantine_log(EVENT_ROUTE_RELEASED, release->route, "by", release->by);
    }
    return ERR_OK;
}

/* ---- answers without a name ---------------------------------------------------------------- */

/* With the lock held. Whether too many are unnamed. */
static bool quarantine_count(struct quarantine_entry *entry, bool named, int64_t day)
{
    if (entry->day != day) {
        entry->day = day;
        entry->calls = 0;
        entry->unnamed = 0;
        entry->told = false;
    }
    entry->calls++;
    entry->unnamed += named ? 0 : 1;
    return !named && entry->calls >= QUARANTINE_UNKNOWN_CALLS &&
           entry->unnamed * 100 > entry->calls * QUARANTINE_UNKNOWN_PERCENT;
}

bool quarantine_note_model(struct quarantine *quarantine, const struct registry_route *route,
                           bool named, int64_t now_ns)
{
    counter_add(COUNTER_MODEL_UNKNOWN, named ? 0 : 1);
    struct quarantine_entry *entry = NULL;
    if (route->declares_model == REGISTRY_DECLARES_ALWAYS) {
        entry = quarantine_find(quarantine, route->id);
    }
    if (entry == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&quarantine->lock);
    bool many = quarantine_count(entry, named, stamp_day(now_ns));
    bool tell = many && !entry->told;
    int64_t calls = entry->calls;
    int64_t unnamed = entry->unnamed;
    entry->told |= many;
    (void)pthread_mutex_unlock(&quarantine->lock);
    if (tell) {
        struct log_line line;
        counter_add(COUNTER_MODEL_UNDECLARED, 1);
        log_begin(&line, EVENT_MODEL_UNDECLARED);
        log_str(&line, "route", route->id);
        log_int(&line, "calls", calls);
        log_int(&line, "unnamed", unnamed);
        log_end(&line);
    }
    return many;
}

/* ---- life --------------------------------------------------------------------------------- */

struct quarantine_load {
    struct store_job job;
    struct quarantine *quarantine;
};

static enum err quarantine_on_standing(void *context, const struct store_value *row, size_t columns)
{
    struct quarantine *quarantine = context;
    ASSERT(columns == 1);
    TRY(quarantine_learn_one(quarantine, row[0].bytes));
    (void)quarantine_set(quarantine, row[0].bytes, true); /* told when it began */
    return ERR_OK;
}

static enum err quarantine_load(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct quarantine *quarantine = EP_CONTAINER(job, struct quarantine_load, job)->quarantine;
    return store_query(txn, &sql_standing, NULL, 0, quarantine_on_standing, quarantine, fail);
}

enum err quarantine_open(struct store *store, struct quarantine **ret_quarantine, struct fail *fail)
{
    struct quarantine *quarantine = mem_zalloc(sizeof(*quarantine));
    if (quarantine == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the routes that are quarantined");
    }
    (void)pthread_mutex_init(&quarantine->lock, NULL); /* cannot fail with default attributes */
    struct quarantine_load load = { .job = { .run = quarantine_load }, .quarantine = quarantine };
    enum err err = store_run(store, &load.job, fail);
    if (err != ERR_OK) {
        quarantine_close(quarantine);
        return err;
    }
    *ret_quarantine = quarantine;
    return ERR_OK;
}

void quarantine_close(struct quarantine *quarantine)
{
    if (quarantine == NULL) {
        return;
    }
    counter_add(COUNTER_ROUTES_QUARANTINED, -atomic_load(&quarantine->standing));
    for (size_t i = 0; i < QUARANTINE_BUCKETS; i++) {
        struct quarantine_entry *entry = atomic_load(&quarantine->buckets[i]);
        while (entry != NULL) {
            struct quarantine_entry *next = atomic_load(&entry->next);
            mem_free(entry);
            entry = next;
        }
    }
    (void)pthread_mutex_destroy(&quarantine->lock);
    mem_free(quarantine);
}
