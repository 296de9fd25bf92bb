#include "ident/forget.h"

#include "crypto/random.h"
#include "ident/ident_internal.h"

static const struct store_sql sql_client_forget = {
    "UPDATE client SET name = '', suspended_ns ="
    " CASE WHEN suspended_ns = 0 THEN ?2 ELSE suspended_ns END WHERE id = ?1"
};
static const struct store_sql sql_standing_forget = {
    "UPDATE client_standing SET party = '', country = '', billing_country = '', client_type = '',"
    " agreement = '', agreement_sha256 = '', accepted_ns = 0 WHERE client = ?1"
};
/* The hash is that of no key's text, and each has its own: the table wants it. */
static const struct store_sql sql_key_forget = {
    "UPDATE api_key SET name = '', hint = '', market = '', consent = '', hash = ?3, revoked_ns ="
    " CASE WHEN revoked_ns = 0 THEN ?2 ELSE revoked_ns END WHERE id = ?1"
};

/* So is that of no device's id. What it counted stays: numbers name nobody. */
static const struct store_sql sql_device_forget = {
    "UPDATE device SET serial = ?2 WHERE key = ?1"
};
static const struct store_sql sql_consents_forget = {
    "UPDATE device_consent SET reference = '', given_ns = 0 WHERE key = ?1"
};
static const struct store_sql sql_fleet_forget = {
    "UPDATE fleet SET maker = '', models = '' WHERE issuer = ?1"
};
static const struct store_sql sql_fleet_voice_forget = {
    "UPDATE fleet_voice SET hear = '', think = '', speak = '', voice = '', language = '',"
    " instructions = '' WHERE fleet = (SELECT id FROM fleet WHERE issuer = ?1)"
};

bool client_forgotten(const struct client *client)
{
    return atomic_load_explicit(&client->forgotten, memory_order_acquire);
}

bool api_key_forgotten(const struct api_key *api_key)
{
    return atomic_load_explicit(&api_key->forgotten, memory_order_acquire);
}

/* ---- the client ---------------------------------------------------------------------------- */

struct forget_client {
    struct store_job job;
    struct id id;
    int64_t now_ns;
};

static enum err forget_run_client(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct forget_client *forget = EP_CONTAINER(job, struct forget_client, job);
    const struct store_value values[] = { STORE_B(id_str(&forget->id)), STORE_I(forget->now_ns) };
    TRY(store_exec(txn, &sql_client_forget, values, 2, fail));
    return store_exec(txn, &sql_standing_forget, values, 1, fail);
}

/* Under the lock. A standing that was there stays in memory until ident_close(): a thread that
 * judged a call of it may have it in its hand. */
static void forget_in_memory(struct ident *ident, struct client *client, int64_t now_ns)
{
    int64_t active = 0;
    struct api_key *key = atomic_load_explicit(&ident->key_first, memory_order_relaxed);
    for (; key != NULL; key = atomic_load_explicit(&key->next, memory_order_relaxed)) {
        active = 0;
        if (key->client == client) {
            (void)atomic_compare_exchange_strong(&key->revoke_ns, &active, now_ns);
        }
    }
    active = 0;
    (void)atomic_compare_exchange_strong(&client->suspend_ns, &active, now_ns);
    atomic_store_explicit(&client->standing, NULL, memory_order_release);
    atomic_store_explicit(&client->forgotten, true, memory_order_release);
}

enum err client_forget(struct ident *ident, struct id id, int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    struct forget_client forget = { .job = { .run = forget_run_client },
                                    .id = id,
                                    .now_ns = now_ns };
    (void)pthread_mutex_lock(&ident->changing);
    struct client *client = atomic_load_explicit(&ident->client_first, memory_order_relaxed);
    while (client != NULL && !id_eq(client->id, id)) {
        client = atomic_load_explicit(&client->next, memory_order_relaxed);
    }
    enum err err = client == NULL
                       ? ident_fail_id(fail, ERR_NOT_FOUND, IDENT_CLIENT_PREFIX, id, "is no client")
                       : store_run(ident->store, &forget.job, fail);
    if (err == ERR_OK) {
        forget_in_memory(ident, client, now_ns);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}

/* ---- its keys ------------------------------------------------------------------------------ */

struct forget_keys {
    struct store_job job;
    int64_t now_ns;
    size_t count;
    struct api_key *keys[IDENT_FORGET_MAX];
};

static enum err forget_device(struct store_txn *txn, const struct api_key *key, struct fail *fail)
{
    struct digest serial;
    random_bytes(serial.bytes, DIGEST_BYTES);
    const struct store_value values[] = { STORE_B(id_str(&key->id)), STORE_B(digest_str(&serial)) };
    if (key->fleet == NULL) {
        return ERR_OK;
    }
    if (key->device == NULL) {
        TRY(store_exec(txn, &sql_fleet_voice_forget, values, 1, fail));
        return store_exec(txn, &sql_fleet_forget, values, 1, fail);
    }
    TRY(store_exec(txn, &sql_device_forget, values, 2, fail));
    return store_exec(txn, &sql_consents_forget, values, 1, fail);
}

static enum err forget_run_keys(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct forget_keys *forget = EP_CONTAINER(job, struct forget_keys, job);
    for (size_t i = 0; i < forget->count; i++) {
        struct digest hash;
        random_bytes(hash.bytes, DIGEST_BYTES);
        const struct store_value values[] = { STORE_B(id_str(&forget->keys[i]->id)),
                                              STORE_I(forget->now_ns), STORE_B(digest_str(&hash)) };
        TRY(store_exec(txn, &sql_key_forget, values, EP_ARRAY_LEN(values), fail));
        TRY(forget_device(txn, forget->keys[i], fail));
    }
    return ERR_OK;
}

/* Under the lock. From where the last job for the same client ended: a fleet has many keys, and
 * each is looked at once. Who comes to the end begins anew, so that nothing made meanwhile is
 * missed. */
static void forget_find_keys(struct ident *ident, struct id client, struct forget_keys *forget)
{
    struct api_key *first = atomic_load_explicit(&ident->key_first, memory_order_relaxed);
    bool goes_on = ident->forgetting != NULL && id_eq(ident->forgetting->client->id, client);
    struct api_key *key = goes_on ? ident->forgetting : first;
    do {
        for (; key != NULL && forget->count < IDENT_FORGET_MAX;
             key = atomic_load_explicit(&key->next, memory_order_relaxed)) {
            if (id_eq(key->client->id, client) && !api_key_forgotten(key)) {
                forget->keys[forget->count++] = key;
            }
        }
        key = goes_on && forget->count == 0 ? first : NULL;
        goes_on = false;
    } while (key != NULL);
    ident->forgetting = forget->count == 0 ? NULL : forget->keys[forget->count - 1];
}

enum err client_forget_keys(struct ident *ident, struct id client, int64_t now_ns,
                            size_t *ret_count, struct fail *fail)
{
    ASSERT(now_ns > 0);
    struct forget_keys forget = { .job = { .run = forget_run_keys }, .now_ns = now_ns };
    (void)pthread_mutex_lock(&ident->changing);
    forget_find_keys(ident, client, &forget);
    enum err err = forget.count == 0 ? ERR_OK : store_run(ident->store, &forget.job, fail);
    for (size_t i = 0; err == ERR_OK && i < forget.count; i++) {
        struct api_key *key = forget.keys[i];
        int64_t active = 0;
        (void)atomic_compare_exchange_strong(&key->revoke_ns, &active, now_ns);
        atomic_store_explicit(&key->forgotten, true, memory_order_release);
        if (key->device != NULL) {
            atomic_store_explicit(&key->device->consent, NULL, memory_order_release);
        } else if (key->fleet != NULL) {
            atomic_store_explicit(&key->fleet->voice, NULL, memory_order_release);
        }
    }
    (void)pthread_mutex_unlock(&ident->changing);
    if (err == ERR_OK) {
        *ret_count = forget.count;
    }
    return err;
}
