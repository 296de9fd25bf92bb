#include "ident/fleet.h"

#include <string.h>

#include "base/country.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "ident/ident_internal.h"

const struct store_migration fleet_migration = {
    21, "fleet",
    "CREATE TABLE fleet("
    "id BLOB PRIMARY KEY CHECK(length(id) = 16),"
    "client BLOB NOT NULL REFERENCES client(id),"
    "issuer BLOB NOT NULL UNIQUE REFERENCES api_key(id),"
    "maker TEXT NOT NULL,"
    "models TEXT NOT NULL,"
    "money_day INTEGER NOT NULL, money_total INTEGER NOT NULL,"
    "calls_day INTEGER NOT NULL, calls_total INTEGER NOT NULL,"
    "wakes_day INTEGER NOT NULL, wakes_total INTEGER NOT NULL,"
    "consent_required INTEGER NOT NULL CHECK(consent_required IN (0, 1)),"
    "created_ns INTEGER NOT NULL CHECK(created_ns > 0),"
    "suspended_ns INTEGER NOT NULL CHECK(suspended_ns >= 0)) STRICT;"
    "CREATE TABLE device("
    "key BLOB PRIMARY KEY REFERENCES api_key(id),"
    "fleet BLOB NOT NULL REFERENCES fleet(id),"
    "serial BLOB NOT NULL UNIQUE CHECK(length(serial) = 32),"
    "activated_ns INTEGER NOT NULL CHECK(activated_ns >= 0),"
    "expires_ns INTEGER NOT NULL CHECK(expires_ns >= 0),"
    "consent INTEGER NOT NULL," /* the row that is in force; 0: none */
    "wakes_day_max INTEGER NOT NULL, wakes_max INTEGER NOT NULL,"
    "wake_day INTEGER NOT NULL, wakes_today INTEGER NOT NULL, wakes INTEGER NOT NULL,"
    "wake_seq INTEGER NOT NULL) STRICT;"
    /* Given, or with an empty reference withdrawn. */
    "CREATE TABLE device_consent("
    "id INTEGER PRIMARY KEY,"
    "key BLOB NOT NULL REFERENCES device(key),"
    "reference TEXT NOT NULL,"
    "given_ns INTEGER NOT NULL,"
    "set_ns INTEGER NOT NULL) STRICT;"
    "CREATE INDEX consent_of_device ON device_consent(key);"
};

static const char *const fleet_cap_names[FLEET_CAPS] = {
    [FLEET_MONEY_DAY] = "money_day",     [FLEET_MONEY_TOTAL] = "money_total",
    [FLEET_CALLS_DAY] = "calls_day",     [FLEET_CALLS_TOTAL] = "calls_total",
    [FLEET_WAKES_DAY] = "wakes_day",     [FLEET_WAKES_TOTAL] = "wakes_total",
    [FLEET_SECONDS_DAY] = "seconds_day",
};

/* ---- finding ------------------------------------------------------------------------------- */

const struct fleet *fleet_next(const struct ident *ident, const struct fleet *fleet)
{
    return fleet == NULL ? atomic_load_explicit(&ident->fleet_first, memory_order_acquire)
                         : atomic_load_explicit(&fleet->next, memory_order_acquire);
}

const struct fleet *fleet_find(const struct ident *ident, struct id id)
{
    const struct fleet *fleet = fleet_next(ident, NULL);
    while (fleet != NULL && !id_eq(fleet->id, id)) {
        fleet = fleet_next(ident, fleet);
    }
    return fleet;
}

int64_t fleet_suspended_ns(const struct fleet *fleet)
{
    return atomic_load_explicit(&fleet->suspend_ns, memory_order_relaxed);
}

int64_t fleet_devices(const struct fleet *fleet)
{
    return atomic_load_explicit(&fleet->device_count, memory_order_acquire);
}

bool fleet_has_model(const struct fleet *fleet, struct str model)
{
    struct str rest = fleet->models;
    bool has = rest.len == 0;
    while (!has && rest.len > 0) {
        has = str_eq(str_cut(&rest, ' '), model);
    }
    return has;
}

const char *fleet_cap_name(enum fleet_cap cap)
{
    return fleet_cap_names[cap];
}

/* Under the lock, or while nobody else looks. */
struct fleet *fleet_to_change(struct ident *ident, struct id id)
{
    struct fleet *fleet = atomic_load_explicit(&ident->fleet_first, memory_order_relaxed);
    while (fleet != NULL && !id_eq(fleet->id, id)) {
        fleet = atomic_load_explicit(&fleet->next, memory_order_relaxed);
    }
    return fleet;
}

static void fleet_publish(struct ident *ident, struct fleet *fleet)
{
    if (ident->fleet_last == NULL) {
        atomic_store_explicit(&ident->fleet_first, fleet, memory_order_release);
    } else {
        atomic_store_explicit(&ident->fleet_last->next, fleet, memory_order_release);
    }
    ident->fleet_last = fleet;
}

void fleets_close(struct ident *ident)
{
    struct fleet *fleet = atomic_load_explicit(&ident->fleet_first, memory_order_relaxed);
    for (; fleet != NULL; fleet = atomic_load_explicit(&fleet->next, memory_order_relaxed)) {
        mem_free(fleet->devices); /* the fleet itself is the arena's */
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static const struct store_sql sql_fleets_read = {
    "SELECT f.id, f.client, k.product, k.market, f.maker, f.models, f.money_day, f.money_total,"
    " f.calls_day, f.calls_total, f.wakes_day, f.wakes_total, f.seconds_day, f.consent_required,"
    " f.created_ns, f.suspended_ns FROM fleet f JOIN api_key k ON k.id = f.issuer"
    " ORDER BY f.created_ns, f.id"
};

/* NULL: no memory. */
static struct fleet *fleet_make(struct ident *ident, const struct fleet_order *order)
{
    struct fleet *fleet = arena_zalloc(&ident->arena, sizeof(*fleet));
    bool whole = fleet != NULL && arena_copy(&ident->arena, order->product, &fleet->product) &&
                 arena_copy(&ident->arena, order->market, &fleet->market) &&
                 arena_copy(&ident->arena, order->maker, &fleet->maker) &&
                 arena_copy(&ident->arena, order->models, &fleet->models);
    if (!whole) {
        return NULL;
    }
    memcpy(fleet->caps, order->caps, sizeof(fleet->caps));
    fleet->consent_required = order->consent_required;
    return fleet;
}

struct fleets_reading {
    struct ident *ident;
    const struct map *clients;
};

static enum err fleet_on_row(void *context, const struct store_value *row, size_t columns)
{
    const struct fleets_reading *reading = context;
    struct fleet_order order = {
        .product = row[2].bytes,
        .market = row[3].bytes,
        .maker = row[4].bytes,
        .models = row[5].bytes,
        .consent_required = row[13].number != 0,
    };
    ASSERT(columns == 16);
    for (size_t i = 0; i < FLEET_CAPS; i++) {
        order.caps[i] = row[6 + i].number;
    }
    struct fleet *fleet = fleet_make(reading->ident, &order);
    if (fleet == NULL) {
        return ERR_NO_MEMORY;
    }
    fleet->id = ident_column_id(&row[0]);
    fleet->client = map_find(reading->clients, row[1].bytes);
    fleet->created_ns = row[14].number;
    atomic_init(&fleet->suspend_ns, row[15].number);
    fleet_publish(reading->ident, fleet);
    return ERR_OK;
}

enum err fleets_read(struct ident *ident, const struct map *clients, struct store_txn *txn,
                     struct fail *fail)
{
    struct fleets_reading reading = { ident, clients };
    TRY(store_query(txn, &sql_fleets_read, NULL, 0, fleet_on_row, &reading, fail));
    return fleet_voices_read(ident, txn, fail);
}

void fleet_has_issuer(struct ident *ident, struct id id, struct api_key *key,
                      const struct digest *hash)
{
    struct fleet *fleet = fleet_to_change(ident, id);
    ASSERT(fleet != NULL); /* the row refers to it */
    fleet->issuer = key;
    fleet->secret = *hash;
    key->fleet = fleet;
}

/* ---- adding -------------------------------------------------------------------------------- */

static const struct store_sql sql_fleet_add = {
    "INSERT INTO fleet(id, client, issuer, maker, models, money_day, money_total, calls_day,"
    " calls_total, wakes_day, wakes_total, seconds_day, consent_required, created_ns,"
    " suspended_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0)"
};
static const struct store_sql sql_fleet_suspend = {
    "UPDATE fleet SET suspended_ns = ?2 WHERE id = ?1"
};

struct fleet_job {
    struct store_job job;
    struct ident *ident;
    const struct fleet *fleet;
    const struct api_key_fresh *fresh;
    const struct api_key_change *change;
};

static enum err fleet_run_add(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct fleet_job *add = EP_CONTAINER(job, struct fleet_job, job);
    const struct fleet *fleet = add->fleet;
    const struct store_value values[] = {
        STORE_B(id_str(&fleet->id)),
        STORE_B(id_str(&fleet->client->id)),
        STORE_B(id_str(&add->fresh->key->id)),
        STORE_T(fleet->maker),
        STORE_T(fleet->models),
        STORE_I(fleet->caps[FLEET_MONEY_DAY]),
        STORE_I(fleet->caps[FLEET_MONEY_TOTAL]),
        STORE_I(fleet->caps[FLEET_CALLS_DAY]),
        STORE_I(fleet->caps[FLEET_CALLS_TOTAL]),
        STORE_I(fleet->caps[FLEET_WAKES_DAY]),
        STORE_I(fleet->caps[FLEET_WAKES_TOTAL]),
        STORE_I(fleet->caps[FLEET_SECONDS_DAY]),
        STORE_I(fleet->consent_required),
        STORE_I(fleet->created_ns),
    };
    TRY(ident_write_mark(add->ident, txn, fail));
    TRY(api_key_write(add->ident, txn, add->fresh->key, &add->fresh->hash, fail));
    return store_exec(txn, &sql_fleet_add, values, EP_ARRAY_LEN(values), fail);
}

static enum err fleet_order_check(const struct fleet_order *order, struct fail *fail)
{
    TRY(ident_check_name(order->product, "product's name", 1, fail));
    TRY(ident_check_name(order->maker, "maker's name", 1, fail));
    if (country_from(order->market) == COUNTRY_NONE) {
        return FAIL(fail, ERR_ASK_INVALID, "a market of sale is two capital letters, such as SG");
    }
    if (order->models.len > FLEET_MODELS_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "the models' names have %zu bytes, at most are %d",
                    order->models.len, FLEET_MODELS_MAX);
    }
    for (size_t i = 0; i < FLEET_CAPS; i++) {
        if (order->caps[i] < FLEET_CAP_NONE) {
            return FAIL(fail, ERR_ASK_INVALID, "the cap %s is below zero", fleet_cap_names[i]);
        }
    }
    return ERR_OK;
}

/* Under the lock; on failure the caller rolls back. */
static enum err fleet_add_in(struct ident *ident, const struct fleet_order *order, int64_t now_ns,
                             struct api_key_fresh *fresh, struct fleet **ret_fleet,
                             struct fail *fail)
{
    const struct api_key_order key = {
        .client = order->client,
        .product = order->product,
        .name = order->maker,
        .market = order->market,
    };
    TRY(api_key_make(ident, &key, now_ns, fresh, fail));
    struct fleet *fleet = fleet_make(ident, order);
    if (fleet == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a fleet");
    }
    fleet->id = id_make(now_ns, 0, random_u64());
    fleet->client = fresh->client;
    fleet->issuer = fresh->key;
    fleet->secret = fresh->hash;
    fleet->created_ns = now_ns;
    fresh->key->fleet = fleet;
    struct fleet_job add = {
        .job = { .run = fleet_run_add }, .ident = ident, .fleet = fleet, .fresh = fresh
    };
    *ret_fleet = fleet;
    return store_run(ident->store, &add.job, fail);
}

enum err fleet_add(struct ident *ident, const struct fleet_order *order, int64_t now_ns,
                   const struct fleet **ret_fleet, struct api_key_text *ret_text, struct fail *fail)
{
    ASSERT(now_ns > 0);
    TRY(fleet_order_check(order, fail));
    struct api_key_fresh fresh = { .key = NULL };
    struct fleet *fleet = NULL;
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    enum err err = fleet_add_in(ident, order, now_ns, &fresh, &fleet, fail);
    if (err == ERR_OK) {
        ident->is_marked = true;
        fleet_publish(ident, fleet);
        api_key_publish(ident, fresh.client, fresh.key, &fresh.hash);
        *ret_fleet = fleet;
        *ret_text = fresh.text;
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    secret_wipe(&fresh.text, sizeof(fresh.text));
    return err;
}

/* ---- changes ------------------------------------------------------------------------------- */

/* `suspend_ns` 0: resumes. */
static enum err fleet_set(struct ident *ident, struct id id, int64_t suspend_ns, struct fail *fail)
{
    (void)pthread_mutex_lock(&ident->changing);
    struct fleet *fleet = fleet_to_change(ident, id);
    enum err err = ERR_OK;
    if (fleet == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_FLEET_PREFIX, id, "is no fleet");
    } else if ((fleet_suspended_ns(fleet) != 0) == (suspend_ns != 0)) {
        err = ident_fail_id(fail, ERR_CONFLICT, IDENT_FLEET_PREFIX, id,
                            suspend_ns != 0 ? "is suspended already" : "is not suspended");
    } else {
        const struct store_value values[] = { STORE_B(id_str(&fleet->id)), STORE_I(suspend_ns) };
        err = ident_commit(ident, &sql_fleet_suspend, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK) {
        atomic_store_explicit(&fleet->suspend_ns, suspend_ns, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

enum err fleet_suspend(struct ident *ident, struct id fleet, int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    return fleet_set(ident, fleet, now_ns, fail);
}

enum err fleet_resume(struct ident *ident, struct id fleet, struct fail *fail)
{
    return fleet_set(ident, fleet, 0, fail);
}

static enum err fleet_run_secret(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct fleet_job *secret = EP_CONTAINER(job, struct fleet_job, job);
    return api_key_write_text(secret->ident, txn, secret->change, fail);
}

/* Under the lock. */
static enum err fleet_new_secret_in(struct ident *ident, struct fleet *fleet, int64_t now_ns,
                                    struct api_key_text *text, struct fail *fail)
{
    struct digest hash;
    TRY(api_key_reserve(ident, 1, fail));
    const char *hint = api_key_text_make(ident, text, &hash);
    if (hint == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a key");
    }
    const struct api_key_change change = {
        .key = fleet->issuer,
        .old_hash = &fleet->secret,
        .hash = &hash,
        .hint = hint,
        .now_ns = now_ns,
    };
    struct fleet_job secret = { .job = { .run = fleet_run_secret },
                                .ident = ident,
                                .change = &change };
    TRY(store_run(ident->store, &secret.job, fail));
    api_key_swap_text(ident, &change);
    fleet->secret = hash;
    return ERR_OK;
}

enum err fleet_new_secret(struct ident *ident, struct id id, int64_t now_ns,
                          struct api_key_text *ret_text, struct fail *fail)
{
    ASSERT(now_ns > 0);
    struct api_key_text text = { "" };
    (void)pthread_mutex_lock(&ident->changing);
    struct fleet *fleet = fleet_to_change(ident, id);
    enum err err = ERR_OK;
    if (fleet == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_FLEET_PREFIX, id, "is no fleet");
    } else if (api_key_revoked_ns(fleet->issuer) != 0) {
        err = ident_fail_id(fail, ERR_CONFLICT, IDENT_KEY_PREFIX, fleet->issuer->id,
                            "issued for this fleet and was revoked for good");
    } else {
        err = fleet_new_secret_in(ident, fleet, now_ns, &text, fail);
    }
    if (err == ERR_OK) {
        *ret_text = text;
    }
    (void)pthread_mutex_unlock(&ident->changing);
    secret_wipe(&text, sizeof(text));
    return err;
}
