#include "ident/ident.h"

#include <string.h>

#include "base/country.h"
#include "base/enc.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "ident/ident_internal.h"

#define IDENT_ARENA_FIRST 4096
#define IDENT_ARENA_MAX   ((size_t)2 << 30) /* some four million clients with a key each */

const struct store_migration ident_migrations[] = {
    { 1, "ident",
      "CREATE TABLE client("
      "id BLOB PRIMARY KEY CHECK(length(id) = 16),"
      "name TEXT NOT NULL,"
      "account BLOB NOT NULL CHECK(length(account) = 16),"
      "created_ns INTEGER NOT NULL CHECK(created_ns > 0),"
      "suspended_ns INTEGER NOT NULL CHECK(suspended_ns >= 0)) STRICT;"
      "CREATE TABLE api_key("
      "id BLOB PRIMARY KEY CHECK(length(id) = 16),"
      "client BLOB NOT NULL REFERENCES client(id),"
      "product TEXT NOT NULL,"
      "name TEXT NOT NULL,"
      "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32),"
      "hint TEXT NOT NULL,"
      "created_ns INTEGER NOT NULL CHECK(created_ns > 0),"
      "revoked_ns INTEGER NOT NULL CHECK(revoked_ns >= 0)) STRICT;"
      "CREATE TABLE ident_pepper("
      "one INTEGER PRIMARY KEY CHECK(one = 1),"
      "mark BLOB NOT NULL CHECK(length(mark) = 32)) STRICT;" },
};
const size_t ident_migrations_count = EP_ARRAY_LEN(ident_migrations);

/* ---- looking ----------------------------------------------------------------------------- */

const struct api_key *ident_find(const struct ident *ident, struct str text)
{
    if (text.len != IDENT_KEY_TEXT_LEN || !str_starts(text, STR(IDENT_KEY_START))) {
        return NULL;
    }
    struct digest hash = digest_hmac_sha256(secret_str(&ident->pepper), text);
    const struct api_key *api_key = key_table_find(&ident->keys, &hash);
    return api_key != NULL && api_key_revoked_ns(api_key) == 0 ? api_key : NULL;
}

bool client_suspended(const struct client *client)
{
    return client_suspended_ns(client) != 0;
}

int64_t client_suspended_ns(const struct client *client)
{
    return atomic_load_explicit(&client->suspend_ns, memory_order_relaxed);
}

uint32_t client_keys(const struct client *client)
{
    return atomic_load_explicit(&client->keys, memory_order_relaxed);
}

int64_t api_key_revoked_ns(const struct api_key *api_key)
{
    return atomic_load_explicit(&api_key->revoke_ns, memory_order_relaxed);
}

const struct client *client_next(const struct ident *ident, const struct client *client)
{
    return client == NULL ? atomic_load_explicit(&ident->client_first, memory_order_acquire)
                          : atomic_load_explicit(&client->next, memory_order_acquire);
}

const struct api_key *api_key_next(const struct ident *ident, const struct api_key *api_key)
{
    return api_key == NULL ? atomic_load_explicit(&ident->key_first, memory_order_acquire)
                           : atomic_load_explicit(&api_key->next, memory_order_acquire);
}

const struct client *client_find(const struct ident *ident, struct id id)
{
    const struct client *client = client_next(ident, NULL);
    while (client != NULL && !id_eq(client->id, id)) {
        client = client_next(ident, client);
    }
    return client;
}

struct api_key *api_key_to_change(const struct ident *ident, struct id id)
{
    (void)pthread_rwlock_rdlock(&ident->index->lock);
    struct api_key *key = map_find(&ident->index->by_id, id_str(&id));
    (void)pthread_rwlock_unlock(&ident->index->lock);
    return key;
}

const struct api_key *api_key_find(const struct ident *ident, struct id id)
{
    return api_key_to_change(ident, id);
}

struct str api_key_hint(const struct api_key *api_key)
{
    return str_from(atomic_load_explicit(&api_key->hint, memory_order_acquire));
}

bool api_key_issues(const struct api_key *api_key)
{
    return api_key->fleet != NULL && api_key->device == NULL;
}

/* ---- making known ------------------------------------------------------------------------ */

static void ident_publish_client(struct ident *ident, struct client *client)
{
    ASSERT(atomic_load_explicit(&client->next, memory_order_relaxed) == NULL);
    if (ident->client_last == NULL) {
        atomic_store_explicit(&ident->client_first, client, memory_order_release);
    } else {
        atomic_store_explicit(&ident->client_last->next, client, memory_order_release);
    }
    ident->client_last = client;
}

/* NULL: no memory. */
static struct client *ident_make_client(struct ident *ident, struct str name)
{
    struct client *client = arena_zalloc(&ident->arena, sizeof(*client));
    return client != NULL && arena_copy(&ident->arena, name, &client->name) ? client : NULL;
}

/* ---- reading the store ------------------------------------------------------------------- */

static const struct store_sql sql_mark_read = { "SELECT mark FROM ident_pepper" };
static const struct store_sql sql_clients_read = {
    "SELECT id, name, account, created_ns, suspended_ns FROM client ORDER BY created_ns, id"
};
static const struct store_sql sql_keys_count = { "SELECT count(*) FROM api_key" };
static const struct store_sql sql_keys_read = {
    "SELECT k.id, k.client, k.hash, k.hint, k.created_ns, k.revoked_ns, k.product, k.name,"
    " k.market, k.consent, f.id, d.fleet, d.serial, d.activated_ns, d.expires_ns,"
    " d.wakes_day_max, d.wakes_max, d.wake_day, d.wakes_today, d.wakes, d.wake_seq,"
    " d.seconds_day_max, d.talked_ms, d.tokens_ns, c.reference, c.given_ns"
    " FROM api_key k LEFT JOIN fleet f ON f.issuer = k.id"
    " LEFT JOIN device d ON d.key = k.id LEFT JOIN device_consent c ON c.id = d.consent"
    " ORDER BY k.created_ns, k.id"
};

struct ident_load {
    struct ident *ident;
    struct map clients; /* by id: keys are many */
};

/* The table's own checks hold the lengths. */
struct id ident_column_id(const struct store_value *value)
{
    struct id id;
    ASSERT(value->kind == STORE_BLOB && value->bytes.len == ID_BYTES);
    memcpy(id.bytes, value->bytes.ptr, ID_BYTES);
    return id;
}

static enum err ident_on_mark(void *context, const struct store_value *row, size_t columns)
{
    struct ident_load *load = context;
    ASSERT(columns == 1);
    load->ident->is_marked = true;
    /* The caller says so in words: a row has no sentence of its own. */
    return crypto_equal(row[0].bytes, digest_str(&load->ident->mark)) ? ERR_OK : ERR_CONF_INVALID;
}

static enum err ident_on_client(void *context, const struct store_value *row, size_t columns)
{
    struct ident_load *load = context;
    ASSERT(columns == 5);
    struct client *client = ident_make_client(load->ident, row[1].bytes);
    if (client == NULL) {
        return ERR_NO_MEMORY;
    }
    client->id = ident_column_id(&row[0]);
    client->account = ident_column_id(&row[2]);
    client->created_ns = row[3].number;
    atomic_init(&client->suspend_ns, row[4].number);
    atomic_init(&client->forgotten, client->name.len == 0); /* one that is there has a name */
    TRY(map_add(&load->clients, id_str(&client->id), client));
    ident_publish_client(load->ident, client);
    return ERR_OK;
}

static enum err ident_on_count(void *context, const struct store_value *row, size_t columns)
{
    struct ident_load *load = context;
    ASSERT(columns == 1);
    return api_key_reserve(load->ident, (size_t)row[0].number + 1, NULL);
}

/* A key that no device has. NULL: no memory. */
static struct api_key *ident_key_of_row(struct ident *ident, const struct store_value *row)
{
    const struct api_key_order order = {
        .product = row[IDENT_PRODUCT].bytes,
        .name = row[IDENT_NAME].bytes,
        .market = row[IDENT_MARKET].bytes,
        .consent = row[IDENT_CONSENT].bytes,
    };
    struct api_key *key = arena_zalloc(&ident->arena, sizeof(*key));
    return key != NULL && api_key_fill(ident, key, &order, row[IDENT_HINT].bytes) ? key : NULL;
}

static enum err ident_on_key(void *context, const struct store_value *row, size_t columns)
{
    struct ident_load *load = context;
    ASSERT(columns == IDENT_COLUMNS);
    struct ident *ident = load->ident;
    bool device = row[IDENT_DEVICE_FLEET].kind == STORE_BLOB;
    struct api_key *key = device ? device_of_row(ident, row) : ident_key_of_row(ident, row);
    if (key == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(row[IDENT_HASH].bytes.len == DIGEST_BYTES);
    struct digest hash;
    memcpy(hash.bytes, row[IDENT_HASH].bytes.ptr, DIGEST_BYTES);
    key->id = ident_column_id(&row[IDENT_ID]);
    struct client *client = map_find(&load->clients, row[IDENT_CLIENT].bytes);
    key->client = client;
    key->created_ns = row[IDENT_CREATED].number;
    atomic_init(&key->revoke_ns, row[IDENT_REVOKED].number);
    atomic_init(&key->forgotten, api_key_hint(key).len == 0); /* one that is there has a hint */
    if (row[IDENT_ISSUED_FLEET].kind == STORE_BLOB) {
        fleet_has_issuer(ident, ident_column_id(&row[IDENT_ISSUED_FLEET]), key, &hash);
    }
    api_key_publish(ident, client, key, &hash);
    return device ? device_publish(ident, key->device, &hash) : ERR_OK;
}

static enum err ident_read(void *context, struct store_txn *txn, struct fail *fail)
{
    TRY(store_query(txn, &sql_mark_read, NULL, 0, ident_on_mark, context, fail));
    TRY(store_query(txn, &sql_clients_read, NULL, 0, ident_on_client, context, fail));
    struct ident_load *load = context;
    TRY(standing_read(load->ident, &load->clients, txn, fail));
    TRY(fleets_read(load->ident, &load->clients, txn, fail));
    TRY(store_query(txn, &sql_keys_count, NULL, 0, ident_on_count, context, fail));
    return store_query(txn, &sql_keys_read, NULL, 0, ident_on_key, context, fail);
}

/* NULL: no memory. */
static struct ident_index *ident_index_create(void)
{
    struct ident_index *index = mem_alloc(sizeof(*index));
    if (index != NULL) {
        pthread_rwlockattr_t attributes; /* none of this fails for known values */
        (void)pthread_rwlockattr_init(&attributes);
        /* Who issues devices waits for those who look, and not for those who come behind it. */
        (void)pthread_rwlockattr_setkind_np(&attributes,
                                            PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        (void)pthread_rwlock_init(&index->lock, &attributes);
        (void)pthread_rwlockattr_destroy(&attributes);
        map_init(&index->by_id);
        map_init(&index->by_serial);
    }
    return index;
}

static void ident_index_destroy(struct ident_index *index)
{
    if (index != NULL) {
        map_fini(&index->by_id);
        map_fini(&index->by_serial);
        (void)pthread_rwlock_destroy(&index->lock);
        mem_free(index);
    }
}

static enum err ident_load(struct ident *ident, struct fail *fail)
{
    struct ident_load load = { .ident = ident };
    map_init(&load.clients);
    enum err err = key_table_init(&ident->keys);
    err = err == ERR_OK ? store_read(ident->store, ident_read, &load, fail) : err;
    map_fini(&load.clients);
    if (err == ERR_CONF_INVALID) {
        return FAIL(fail, err, "the pepper is not the one that the API keys were made with");
    }
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for clients and keys") : err;
}

/* ---- life -------------------------------------------------------------------------------- */

enum err ident_open(struct store *store, struct str pepper, struct ident **ret_ident,
                    struct fail *fail)
{
    if (pepper.len < IDENT_PEPPER_MIN) {
        return FAIL(fail, ERR_CONF_INVALID, "the pepper has %zu bytes, it needs %d", pepper.len,
                    IDENT_PEPPER_MIN);
    }
    struct ident *ident = mem_zalloc(sizeof(*ident));
    if (ident == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for clients and keys");
    }
    ident->store = store;
    ident->mark = digest_hmac_sha256(pepper, STR("entrepot: mark of the pepper"));
    arena_init(&ident->arena, IDENT_ARENA_FIRST, IDENT_ARENA_MAX);
    (void)pthread_mutex_init(&ident->waking, NULL); /* none fails with default attributes */
    (void)pthread_mutex_init(&ident->changing, NULL);
    ident->index = ident_index_create();
    enum err err = ident->index == NULL ? ERR_NO_MEMORY : secret_from(pepper, &ident->pepper);
    err =
        err == ERR_OK ? ident_load(ident, fail) : FAIL(fail, err, "no memory for clients and keys");
    if (err != ERR_OK) {
        ident_close(ident);
        return err;
    }
    *ret_ident = ident;
    return ERR_OK;
}

void ident_close(struct ident *ident)
{
    if (ident == NULL) {
        return;
    }
    key_table_fini(&ident->keys);
    fleets_close(ident);
    arena_fini(&ident->arena);
    secret_fini(&ident->pepper);
    ident_index_destroy(ident->index);
    (void)pthread_mutex_destroy(&ident->waking);
    (void)pthread_mutex_destroy(&ident->changing);
    mem_free(ident);
}

/* ---- changes ----------------------------------------------------------------------------- */

static const struct store_sql sql_client_add = {
    "INSERT INTO client(id, name, account, created_ns, suspended_ns) VALUES (?1, ?2, ?3, ?4, 0)"
};
static const struct store_sql sql_client_suspend = {
    "UPDATE client SET suspended_ns = ?2 WHERE id = ?1"
};
struct ident_change {
    struct store_job job;
    const struct store_sql *sql;
    const struct store_value *values;
    size_t count;
};

static enum err ident_run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct ident_change *change = EP_CONTAINER(job, struct ident_change, job);
    return store_exec(txn, change->sql, change->values, change->count, fail);
}

/* Under the lock. */
enum err ident_commit(struct ident *ident, const struct store_sql *sql,
                      const struct store_value *values, size_t count, struct fail *fail)
{
    struct ident_change change = {
        .job = { .run = ident_run_change },
        .sql = sql,
        .values = values,
        .count = count,
    };
    return store_run(ident->store, &change.job, fail);
}

void ident_on_key_change(struct ident *ident, ident_changed_fn *changed, void *context)
{
    ident->changed = changed;
    ident->changed_context = context;
}

enum err ident_fail_id(struct fail *fail, enum err err, const char *prefix, struct id id,
                       const char *what)
{
    char shown[ID_SHOWN_MAX];
    struct buf buf = { .ptr = shown, .cap = sizeof(shown), .max = sizeof(shown) };
    EP_IGNORE(id_print(&buf, str_from(prefix), id)); /* fits: our prefixes are short enough */
    return FAIL(fail, err, "\"" STR_FMT "\" %s", STR_ARG(buf_str(&buf)), what);
}

/* Names go to tables, logs and terminals. */
enum err ident_check_name(struct str name, const char *whose, size_t len_min, struct fail *fail)
{
    if (name.len < len_min || name.len > IDENT_NAME_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "the %s has %zu bytes, it must have %zu to %d", whose,
                    name.len, len_min, IDENT_NAME_MAX);
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        if (byte < 0x20 || byte == 0x7f) {
            return FAIL(fail, ERR_ASK_INVALID, "the %s holds a control character", whose);
        }
    }
    return ERR_OK;
}

enum err client_add(struct ident *ident, struct str name, struct id account, int64_t now_ns,
                    const struct client **ret_client, struct fail *fail)
{
    ASSERT(now_ns > 0);
    TRY(ident_check_name(name, "client's name", 1, fail));
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    struct client *client = ident_make_client(ident, name);
    enum err err = client == NULL ? FAIL(fail, ERR_NO_MEMORY, "no memory for a client") : ERR_OK;
    if (err == ERR_OK) {
        client->id = id_make(now_ns, 0, random_u64());
        client->account = account;
        client->created_ns = now_ns;
        const struct store_value values[] = { STORE_B(id_str(&client->id)), STORE_T(client->name),
                                              STORE_B(id_str(&client->account)), STORE_I(now_ns) };
        err = ident_commit(ident, &sql_client_add, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK) {
        ident_publish_client(ident, client);
        *ret_client = client;
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

/* Under the lock. NULL: there is none. */
struct client *client_to_change(struct ident *ident, struct id id)
{
    struct client *client = atomic_load_explicit(&ident->client_first, memory_order_relaxed);
    while (client != NULL && !id_eq(client->id, id)) {
        client = atomic_load_explicit(&client->next, memory_order_relaxed);
    }
    return client;
}

/* `suspend_ns` 0: resumes. */
static enum err client_set(struct ident *ident, struct id id, int64_t suspend_ns, struct fail *fail)
{
    (void)pthread_mutex_lock(&ident->changing);
    struct client *client = client_to_change(ident, id);
    enum err err = ERR_OK;
    if (client == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_CLIENT_PREFIX, id, "is no client");
    } else if (client_suspended(client) == (suspend_ns != 0)) {
        err = ident_fail_id(fail, ERR_CONFLICT, IDENT_CLIENT_PREFIX, id,
                            suspend_ns != 0 ? "is suspended already" : "is not suspended");
    } else {
        const struct store_value values[] = { STORE_B(id_str(&client->id)), STORE_I(suspend_ns) };
        err = ident_commit(ident, &sql_client_suspend, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK) {
        atomic_store_explicit(&client->suspend_ns, suspend_ns, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

enum err client_suspend(struct ident *ident, struct id client, int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    return client_set(ident, client, now_ns, fail);
}

enum err client_resume(struct ident *ident, struct id client, struct fail *fail)
{
    return client_set(ident, client, 0, fail);
}
