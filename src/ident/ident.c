#include "ident/ident.h"

#include <string.h>

#include "base/country.h"
#include "base/enc.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "ident/ident_internal.h"

#define IDENT_ARENA_FIRST 4096
#define IDENT_ARENA_MAX   ((size_t)1 << 30) /* some two million clients with a key each */

_Static_assert(IDENT_HINT_LEN == 8 + 3 + 4, "a hint is start, dots and end");
_Static_assert(IDENT_KEY_TEXT_LEN == sizeof(IDENT_KEY_START) - 1 + 52, "52 digits hold 256 bits");

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

const struct api_key *api_key_find(const struct ident *ident, struct id id)
{
    const struct api_key *api_key = api_key_next(ident, NULL);
    while (api_key != NULL && !id_eq(api_key->id, id)) {
        api_key = api_key_next(ident, api_key);
    }
    return api_key;
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

/* Room was reserved. */
static void ident_publish_key(struct ident *ident, struct client *client, struct api_key *key,
                              const struct digest *hash)
{
    ASSERT(key->client == client);
    (void)atomic_fetch_add_explicit(&client->keys, 1, memory_order_relaxed); /* one changes it */
    key_table_add(&ident->keys, hash, key);
    if (ident->key_last == NULL) {
        atomic_store_explicit(&ident->key_first, key, memory_order_release);
    } else {
        atomic_store_explicit(&ident->key_last->next, key, memory_order_release);
    }
    ident->key_last = key;
}

/* NULL: no memory. */
static struct client *ident_make_client(struct ident *ident, struct str name)
{
    struct client *client = arena_zalloc(&ident->arena, sizeof(*client));
    return client != NULL && arena_copy(&ident->arena, name, &client->name) ? client : NULL;
}

/* Reserves its place in the table too. NULL: no memory. */
static struct api_key *ident_make_key(struct ident *ident, const struct api_key_order *order,
                                      struct str hint)
{
    struct api_key *key = arena_zalloc(&ident->arena, sizeof(*key));
    bool whole = key != NULL && arena_copy(&ident->arena, order->product, &key->product) &&
                 arena_copy(&ident->arena, order->name, &key->name) &&
                 arena_copy(&ident->arena, order->market, &key->market) &&
                 arena_copy(&ident->arena, order->consent, &key->consent) &&
                 arena_copy(&ident->arena, hint, &key->hint);
    return whole && key_table_reserve(&ident->keys) == ERR_OK ? key : NULL;
}

/* ---- reading the store ------------------------------------------------------------------- */

static const struct store_sql sql_mark_read = { "SELECT mark FROM ident_pepper" };
static const struct store_sql sql_clients_read = {
    "SELECT id, name, account, created_ns, suspended_ns FROM client ORDER BY created_ns, id"
};
static const struct store_sql sql_keys_read = {
    "SELECT id, client, product, name, hash, hint, created_ns, revoked_ns, market, consent"
    " FROM api_key"
    " ORDER BY created_ns, id"
};

struct ident_load {
    struct ident *ident;
    struct map clients; /* by id: keys are many */
};

/* The table's own checks hold the lengths. */
static struct id ident_column_id(const struct store_value *value)
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

static enum err ident_on_key(void *context, const struct store_value *row, size_t columns)
{
    struct ident_load *load = context;
    ASSERT(columns == 10);
    const struct api_key_order order = {
        .product = row[2].bytes,
        .name = row[3].bytes,
        .market = row[8].bytes,
        .consent = row[9].bytes,
    };
    struct api_key *key = ident_make_key(load->ident, &order, row[5].bytes);
    if (key == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(row[4].bytes.len == DIGEST_BYTES);
    struct digest hash;
    memcpy(hash.bytes, row[4].bytes.ptr, DIGEST_BYTES);
    key->id = ident_column_id(&row[0]);
    struct client *client = map_find(&load->clients, row[1].bytes);
    key->client = client;
    key->created_ns = row[6].number;
    atomic_init(&key->revoke_ns, row[7].number);
    atomic_init(&key->forgotten, key->hint.len == 0); /* one that is there has a hint */
    ident_publish_key(load->ident, client, key, &hash);
    return ERR_OK;
}

static enum err ident_read(void *context, struct store_txn *txn, struct fail *fail)
{
    TRY(store_query(txn, &sql_mark_read, NULL, 0, ident_on_mark, context, fail));
    TRY(store_query(txn, &sql_clients_read, NULL, 0, ident_on_client, context, fail));
    struct ident_load *load = context;
    TRY(standing_read(load->ident, &load->clients, txn, fail));
    return store_query(txn, &sql_keys_read, NULL, 0, ident_on_key, context, fail);
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
    (void)pthread_mutex_init(&ident->changing, NULL);
    enum err err = secret_from(pepper, &ident->pepper);
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
    arena_fini(&ident->arena);
    secret_fini(&ident->pepper);
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
static const struct store_sql sql_mark_add = {
    "INSERT INTO ident_pepper(one, mark) VALUES (1, ?1)"
};
static const struct store_sql sql_key_add = {
    "INSERT INTO api_key(id, client, product, name, hash, hint, created_ns, revoked_ns, market,"
    " consent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)"
};
static const struct store_sql sql_key_revoke = {
    "UPDATE api_key SET revoked_ns = ?2 WHERE id = ?1"
};

struct ident_change {
    struct store_job job;
    struct ident *ident;
    const struct store_sql *sql;
    const struct store_value *values;
    size_t count;
    bool marks;                         /* the pepper's mark goes with it */
    const struct ident_key_change *key; /* NULL: of a client */
};

static enum err ident_run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct ident_change *change = EP_CONTAINER(job, struct ident_change, job);
    if (change->marks) {
        const struct store_value mark = STORE_B(digest_str(&change->ident->mark));
        TRY(store_exec(txn, &sql_mark_add, &mark, 1, fail));
    }
    TRY(store_exec(txn, change->sql, change->values, change->count, fail));
    const struct ident *ident = change->ident;
    return change->key == NULL || ident->changed == NULL
               ? ERR_OK
               : ident->changed(ident->changed_context, txn, change->key, fail);
}

/* Under the lock. */
enum err ident_commit(struct ident *ident, const struct store_sql *sql,
                      const struct store_value *values, size_t count, struct fail *fail)
{
    struct ident_change change = {
        .job = { .run = ident_run_change },
        .ident = ident,
        .sql = sql,
        .values = values,
        .count = count,
    };
    return store_run(ident->store, &change.job, fail);
}

static enum err ident_commit_key(struct ident *ident, const struct ident_key_change *key,
                                 const struct store_value *values, size_t count, struct fail *fail)
{
    struct ident_change change = {
        .job = { .run = ident_run_change },
        .ident = ident,
        .sql = key->revoked ? &sql_key_revoke : &sql_key_add,
        .values = values,
        .count = count,
        .marks = !key->revoked && !ident->is_marked,
        .key = key,
    };
    TRY(store_run(ident->store, &change.job, fail));
    ident->is_marked = ident->is_marked || change.marks;
    return ERR_OK;
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
static struct client *client_to_change(struct ident *ident, struct id id)
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

/* 256 random bits in base32, behind the start that tells a reader what it is. */
static void api_key_text_make(struct api_key_text *text)
{
    unsigned char bytes[32];
    random_bytes(bytes, sizeof(bytes));
    char *out = text->text + sizeof(IDENT_KEY_START) - 1;
    memcpy(text->text, IDENT_KEY_START, sizeof(IDENT_KEY_START) - 1);
    unsigned bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bits = (bits << 8 | bytes[i]) & 0xfff; /* at most four bits were left */
        count += 8;
        while (count >= 5) {
            count -= 5;
            *out++ = enc_base32_digits[bits >> count & 31];
        }
    }
    ASSERT(count == 1);
    *out++ = enc_base32_digits[(bits & 1) << 4];
    *out = '\0';
    ASSERT(out == text->text + IDENT_KEY_TEXT_LEN);
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(&bits, sizeof(bits));
}

/* Under the lock. */
static enum err api_key_make(struct ident *ident, const struct client *client,
                             const struct api_key_order *order, struct str text,
                             struct api_key **ret_key, struct fail *fail)
{
    char hint[IDENT_HINT_LEN];
    memcpy(hint, text.ptr, 8);
    memcpy(hint + 8, "...", 3);
    memcpy(hint + 11, text.ptr + text.len - 4, 4);
    if (client == NULL) {
        return ident_fail_id(fail, ERR_NOT_FOUND, IDENT_CLIENT_PREFIX, order->client,
                             "is no client");
    }
    struct api_key *key = ident_make_key(ident, order, (struct str){ hint, sizeof(hint) });
    if (key == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a key");
    }
    key->client = client;
    *ret_key = key;
    return ERR_OK;
}

/* Under the lock. */
static enum err api_key_commit(struct ident *ident, const struct api_key *key,
                               const struct digest *hash, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_B(id_str(&key->id)), STORE_B(id_str(&key->client->id)),
        STORE_T(key->product),     STORE_T(key->name),
        STORE_B(digest_str(hash)), STORE_T(key->hint),
        STORE_I(key->created_ns),  STORE_T(key->market),
        STORE_T(key->consent),
    };
    const struct ident_key_change change = { .key = key, .now_ns = key->created_ns };
    return ident_commit_key(ident, &change, values, EP_ARRAY_LEN(values), fail);
}

enum err api_key_add(struct ident *ident, const struct api_key_order *order, int64_t now_ns,
                     const struct api_key **ret_key, struct api_key_text *ret_text,
                     struct fail *fail)
{
    ASSERT(now_ns > 0);
    TRY(ident_check_name(order->product, "product's name", 1, fail));
    TRY(ident_check_name(order->name, "key's name", 0, fail));
    TRY(ident_check_name(order->consent, "reference to a consent", 0, fail));
    if (order->market.len > 0 && country_from(order->market) == COUNTRY_NONE) {
        return FAIL(fail, ERR_ASK_INVALID, "a market is two capital letters, such as SG");
    }
    struct api_key_text text;
    api_key_text_make(&text);
    struct digest hash = digest_hmac_sha256(secret_str(&ident->pepper), str_from(text.text));
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    struct client *client = client_to_change(ident, order->client);
    struct api_key *key = NULL;
    enum err err = api_key_make(ident, client, order, str_from(text.text), &key, fail);
    if (err == ERR_OK) {
        key->id = id_make(now_ns, 0, random_u64());
        key->created_ns = now_ns;
        err = api_key_commit(ident, key, &hash, fail);
    }
    if (err == ERR_OK) {
        ident_publish_key(ident, client, key, &hash);
        *ret_key = key;
        *ret_text = text;
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    secret_wipe(&text, sizeof(text));
    return err;
}

enum err api_key_revoke(struct ident *ident, struct id api_key, int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    (void)pthread_mutex_lock(&ident->changing);
    struct api_key *key = atomic_load_explicit(&ident->key_first, memory_order_relaxed);
    enum err err = ERR_OK;
    while (key != NULL && !id_eq(key->id, api_key)) {
        key = atomic_load_explicit(&key->next, memory_order_relaxed);
    }
    if (key == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_KEY_PREFIX, api_key, "is no API key");
    } else if (api_key_revoked_ns(key) != 0) {
        err = ident_fail_id(fail, ERR_CONFLICT, IDENT_KEY_PREFIX, api_key, "is revoked already");
    } else {
        const struct store_value values[] = { STORE_B(id_str(&key->id)), STORE_I(now_ns) };
        const struct ident_key_change change = { .key = key, .revoked = true, .now_ns = now_ns };
        err = ident_commit_key(ident, &change, values, EP_ARRAY_LEN(values), fail);
    }
    if (err == ERR_OK) {
        atomic_store_explicit(&key->revoke_ns, now_ns, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}
