#include "ledger/quota.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

const struct store_migration quota_migration = {
    14, "quota",
    "CREATE TABLE quota(name TEXT NOT NULL, period INTEGER NOT NULL,"
    " used INTEGER NOT NULL CHECK(used >= 0), PRIMARY KEY(name, period)) STRICT, WITHOUT ROWID;"
};

struct quota_counter {
    _Atomic uint64_t used;
    _Atomic uint64_t reserved;
    int64_t period;
    size_t name_len;
    struct quota_counter *next;
    char key[sizeof(int64_t) + QUOTA_NAME_MAX]; /* the period, then the name */
};

struct quota {
    pthread_mutex_t lock; /* of the map and the list */
    struct map counters;
    struct quota_counter *first;
};

static struct str quota_name(const struct quota_counter *counter)
{
    return (struct str){ counter->key + sizeof(int64_t), counter->name_len };
}

static struct str quota_key(const struct quota_counter *counter)
{
    return (struct str){ counter->key, sizeof(int64_t) + counter->name_len };
}

/* Under the lock. */
static struct quota_counter *quota_make(struct quota *quota, struct str name, int64_t period)
{
    struct quota_counter *counter = mem_zalloc(sizeof(*counter));
    if (counter == NULL) {
        return NULL;
    }
    counter->period = period;
    counter->name_len = name.len;
    memcpy(counter->key, &period, sizeof(period));
    memcpy(counter->key + sizeof(period), name.ptr, name.len);
    if (map_add(&quota->counters, quota_key(counter), counter) != ERR_OK) {
        mem_free(counter);
        return NULL;
    }
    counter->next = quota->first;
    quota->first = counter;
    return counter;
}

struct quota_counter *quota_find(struct quota *quota, struct str name, int64_t period)
{
    char key[sizeof(int64_t) + QUOTA_NAME_MAX];
    if (name.len == 0 || name.len > QUOTA_NAME_MAX) {
        return NULL;
    }
    memcpy(key, &period, sizeof(period));
    memcpy(key + sizeof(period), name.ptr, name.len);
    (void)pthread_mutex_lock(&quota->lock);
    struct quota_counter *counter =
        map_find(&quota->counters, (struct str){ key, sizeof(period) + name.len });
    counter = counter == NULL ? quota_make(quota, name, period) : counter;
    (void)pthread_mutex_unlock(&quota->lock);
    return counter;
}

uint64_t quota_read(const struct quota_counter *counter)
{
    return atomic_load_explicit(&counter->used, memory_order_relaxed) +
           atomic_load_explicit(&counter->reserved, memory_order_relaxed);
}

void quota_reserve(struct quota_counter *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(&counter->reserved, amount, memory_order_relaxed);
}

void quota_settle(struct quota_counter *counter, uint64_t reserved, uint64_t used)
{
    /* Used first: a reader in between sees too much rather than too little. */
    atomic_fetch_add_explicit(&counter->used, used, memory_order_relaxed);
    uint64_t before = atomic_fetch_sub_explicit(&counter->reserved, reserved, memory_order_relaxed);
    ASSERT(before >= reserved);
}

static const struct store_sql sql_add = {
    "INSERT INTO quota(name, period, used) VALUES (?1, ?2, ?3)"
    " ON CONFLICT(name, period) DO UPDATE SET used = quota.used + excluded.used"
};

enum err quota_write(const struct quota_counter *counter, struct store_txn *txn, uint64_t used,
                     struct fail *fail)
{
    ASSERT(used <= INT64_MAX);
    if (used == 0) {
        return ERR_OK;
    }
    const struct store_value values[] = { STORE_T(quota_name(counter)), STORE_I(counter->period),
                                          STORE_I((int64_t)used) };
    return store_exec(txn, &sql_add, values, EP_ARRAY_LEN(values), fail);
}

/* ---- life ---------------------------------------------------------------------------------- */

static const struct store_sql sql_read = { "SELECT name, period, used FROM quota" };

static enum err quota_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct quota *quota = context;
    ASSERT(columns == 3);
    struct quota_counter *counter = quota_find(quota, row[0].bytes, row[1].number);
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    atomic_init(&counter->used, (uint64_t)row[2].number);
    return ERR_OK;
}

static enum err quota_read_all(void *context, struct store_txn *txn, struct fail *fail)
{
    return store_query(txn, &sql_read, NULL, 0, quota_on_row, context, fail);
}

enum err quota_open(struct store *store, struct quota **ret_quota, struct fail *fail)
{
    struct quota *quota = mem_zalloc(sizeof(*quota));
    if (quota == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the quotas' counters");
    }
    (void)pthread_mutex_init(&quota->lock, NULL);
    map_init(&quota->counters);
    enum err err = store_read(store, quota_read_all, quota, fail);
    if (err != ERR_OK) {
        quota_close(quota);
        return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the quotas' counters") : err;
    }
    *ret_quota = quota;
    return ERR_OK;
}

void quota_close(struct quota *quota)
{
    if (quota == NULL) {
        return;
    }
    for (struct quota_counter *counter = quota->first; counter != NULL;) {
        struct quota_counter *next = counter->next;
        mem_free(counter);
        counter = next;
    }
    map_fini(&quota->counters);
    (void)pthread_mutex_destroy(&quota->lock);
    mem_free(quota);
}
