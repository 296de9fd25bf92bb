#include <string.h>

#include "base/country.h"
#include "base/enc.h"
#include "crypto/random.h"
#include "ident/ident_internal.h"

_Static_assert(IDENT_HINT_LEN == 8 + 3 + 4, "a hint is start, dots and end");
_Static_assert(IDENT_KEY_TEXT_LEN == sizeof(IDENT_KEY_START) - 1 + 52, "52 digits hold 256 bits");

static const struct store_sql sql_mark_add = {
    "INSERT INTO ident_pepper(one, mark) VALUES (1, ?1)"
};
static const struct store_sql sql_key_add = {
    "INSERT INTO api_key(id, client, product, name, hash, hint, created_ns, revoked_ns, market,"
    " consent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)"
};
static const struct store_sql sql_key_text = {
    "UPDATE api_key SET hash = ?2, hint = ?3 WHERE id = ?1"
};
static const struct store_sql sql_key_revoke = {
    "UPDATE api_key SET revoked_ns = ?2 WHERE id = ?1"
};

/* ---- in memory --------------------------------------------------------------------------- */

bool api_key_fill(struct ident *ident, struct api_key *key, const struct api_key_order *order,
                  struct str hint)
{
    struct str kept;
    bool whole = arena_copy(&ident->arena, order->product, &key->product) &&
                 arena_copy(&ident->arena, order->name, &key->name) &&
                 arena_copy(&ident->arena, order->market, &key->market) &&
                 arena_copy(&ident->arena, order->consent, &key->consent) &&
                 arena_copy(&ident->arena, hint, &kept);
    if (whole) {
        atomic_init(&key->hint, kept.ptr); /* the arena puts a NUL behind it */
    }
    return whole;
}

enum err api_key_reserve(struct ident *ident, size_t more, struct fail *fail)
{
    (void)pthread_rwlock_wrlock(&ident->index->lock);
    enum err err = map_reserve(&ident->index->by_id, more);
    (void)pthread_rwlock_unlock(&ident->index->lock);
    err = err == ERR_OK ? key_table_reserve(&ident->keys, more) : err;
    return err == ERR_OK ? ERR_OK : FAIL(fail, err, "no memory for a key");
}

void api_key_publish(struct ident *ident, struct client *client, struct api_key *key,
                     const struct digest *hash)
{
    ASSERT(key->client == client);
    (void)atomic_fetch_add_explicit(&client->keys, 1, memory_order_relaxed); /* one changes it */
    (void)pthread_rwlock_wrlock(&ident->index->lock);
    enum err err = map_add(&ident->index->by_id, id_str(&key->id), key);
    (void)pthread_rwlock_unlock(&ident->index->lock);
    ASSERT(err == ERR_OK); /* room was made, and ids are random */
    key_table_add(&ident->keys, hash, key);
    if (ident->key_last == NULL) {
        atomic_store_explicit(&ident->key_first, key, memory_order_release);
    } else {
        atomic_store_explicit(&ident->key_last->next, key, memory_order_release);
    }
    ident->key_last = key;
}

void api_key_swap_text(struct ident *ident, const struct api_key_change *change)
{
    key_table_add(&ident->keys, change->hash, change->key);
    key_table_remove(&ident->keys, change->old_hash);
    atomic_store_explicit(&change->key->hint, change->hint, memory_order_release);
}

/* ---- texts ------------------------------------------------------------------------------- */

/* 256 random bits in base32, behind the start that tells a reader what it is. */
static void api_key_text_fill(struct api_key_text *text)
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

const char *api_key_text_make(struct ident *ident, struct api_key_text *text,
                              struct digest *ret_hash)
{
    char *hint = arena_zalloc(&ident->arena, IDENT_HINT_LEN + 1);
    if (hint == NULL) {
        return NULL;
    }
    api_key_text_fill(text);
    *ret_hash = digest_hmac_sha256(secret_str(&ident->pepper), str_from(text->text));
    memcpy(hint, text->text, 8);
    memcpy(hint + 8, "...", 3);
    memcpy(hint + 11, text->text + IDENT_KEY_TEXT_LEN - 4, 4);
    return hint;
}

/* ---- inside a job ------------------------------------------------------------------------ */

static enum err api_key_tell(const struct ident *ident, struct store_txn *txn,
                             const struct ident_key_change *change, struct fail *fail)
{
    return ident->changed == NULL ? ERR_OK
                                  : ident->changed(ident->changed_context, txn, change, fail);
}

enum err api_key_write(const struct ident *ident, struct store_txn *txn, const struct api_key *key,
                       const struct digest *hash, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_B(id_str(&key->id)), STORE_B(id_str(&key->client->id)),
        STORE_T(key->product),     STORE_T(key->name),
        STORE_B(digest_str(hash)), STORE_T(api_key_hint(key)),
        STORE_I(key->created_ns),  STORE_T(key->market),
        STORE_T(key->consent),
    };
    const struct ident_key_change change = { .key = key, .now_ns = key->created_ns };
    TRY(store_exec(txn, &sql_key_add, values, EP_ARRAY_LEN(values), fail));
    return api_key_tell(ident, txn, &change, fail);
}

enum err ident_write_mark(const struct ident *ident, struct store_txn *txn, struct fail *fail)
{
    const struct store_value mark = STORE_B(digest_str(&ident->mark));
    return ident->is_marked ? ERR_OK : store_exec(txn, &sql_mark_add, &mark, 1, fail);
}

enum err api_key_write_text(const struct ident *ident, struct store_txn *txn,
                            const struct api_key_change *change, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&change->key->id)),
                                          STORE_B(digest_str(change->hash)),
                                          STORE_T(str_from(change->hint)) };
    struct ident_key_change told = { .key = change->key,
                                     .revoked = true,
                                     .now_ns = change->now_ns };
    TRY(store_exec(txn, &sql_key_text, values, EP_ARRAY_LEN(values), fail));
    TRY(api_key_tell(ident, txn, &told, fail));
    told.revoked = false;
    return api_key_tell(ident, txn, &told, fail);
}

enum err api_key_write_revoked(const struct ident *ident, struct store_txn *txn,
                               const struct api_key *key, int64_t now_ns, struct fail *fail)
{
    const struct store_value values[] = { STORE_B(id_str(&key->id)), STORE_I(now_ns) };
    const struct ident_key_change change = { .key = key, .revoked = true, .now_ns = now_ns };
    TRY(store_exec(txn, &sql_key_revoke, values, EP_ARRAY_LEN(values), fail));
    return api_key_tell(ident, txn, &change, fail);
}

/* ---- changes ----------------------------------------------------------------------------- */

struct api_key_job {
    struct store_job job;
    struct ident *ident;
    const struct api_key *key;
    const struct digest *hash; /* of one that is made */
    int64_t now_ns;            /* of one that is revoked */
};

static enum err api_key_run_add(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct api_key_job *add = EP_CONTAINER(job, struct api_key_job, job);
    TRY(ident_write_mark(add->ident, txn, fail));
    return api_key_write(add->ident, txn, add->key, add->hash, fail);
}

static enum err api_key_run_revoke(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct api_key_job *revoke = EP_CONTAINER(job, struct api_key_job, job);
    return api_key_write_revoked(revoke->ident, txn, revoke->key, revoke->now_ns, fail);
}

enum err api_key_order_check(const struct api_key_order *order, struct fail *fail)
{
    TRY(ident_check_name(order->product, "product's name", 1, fail));
    TRY(ident_check_name(order->name, "key's name", 0, fail));
    TRY(ident_check_name(order->consent, "reference to a consent", 0, fail));
    if (order->market.len > 0 && country_from(order->market) == COUNTRY_NONE) {
        return FAIL(fail, ERR_ASK_INVALID, "a market is two capital letters, such as SG");
    }
    return ERR_OK;
}

enum err api_key_make(struct ident *ident, const struct api_key_order *order, int64_t now_ns,
                      struct api_key_fresh *ret_fresh, struct fail *fail)
{
    struct client *client = client_to_change(ident, order->client);
    if (client == NULL) {
        return ident_fail_id(fail, ERR_NOT_FOUND, IDENT_CLIENT_PREFIX, order->client,
                             "is no client");
    }
    struct api_key *key = arena_zalloc(&ident->arena, sizeof(*key));
    const char *hint =
        key == NULL ? NULL : api_key_text_make(ident, &ret_fresh->text, &ret_fresh->hash);
    if (hint == NULL || !api_key_fill(ident, key, order, str_from(hint))) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for a key");
    }
    key->client = client;
    key->id = id_make(now_ns, 0, random_u64());
    key->created_ns = now_ns;
    ret_fresh->key = key;
    ret_fresh->client = client;
    return api_key_reserve(ident, 1, fail);
}

enum err api_key_add(struct ident *ident, const struct api_key_order *order, int64_t now_ns,
                     const struct api_key **ret_key, struct api_key_text *ret_text,
                     struct fail *fail)
{
    ASSERT(now_ns > 0);
    TRY(api_key_order_check(order, fail));
    struct api_key_fresh fresh = { .key = NULL };
    (void)pthread_mutex_lock(&ident->changing);
    struct arena_mark mark = arena_mark(&ident->arena);
    enum err err = api_key_make(ident, order, now_ns, &fresh, fail);
    if (err == ERR_OK) {
        struct api_key_job add = {
            .job = { .run = api_key_run_add }, .ident = ident, .key = fresh.key, .hash = &fresh.hash
        };
        err = store_run(ident->store, &add.job, fail);
    }
    if (err == ERR_OK) {
        ident->is_marked = true;
        api_key_publish(ident, fresh.client, fresh.key, &fresh.hash);
        *ret_key = fresh.key;
        *ret_text = fresh.text;
    } else {
        arena_rollback(&ident->arena, mark);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    secret_wipe(&fresh.text, sizeof(fresh.text));
    return err;
}

enum err api_key_revoke_in(struct ident *ident, struct api_key *key, int64_t now_ns,
                           struct fail *fail)
{
    struct api_key_job revoke = {
        .job = { .run = api_key_run_revoke }, .ident = ident, .key = key, .now_ns = now_ns
    };
    TRY(store_run(ident->store, &revoke.job, fail));
    atomic_store_explicit(&key->revoke_ns, now_ns, memory_order_relaxed);
    return ERR_OK;
}

enum err api_key_revoke(struct ident *ident, struct id id, int64_t now_ns, struct fail *fail)
{
    ASSERT(now_ns > 0);
    (void)pthread_mutex_lock(&ident->changing);
    struct api_key *key = api_key_to_change(ident, id);
    enum err err = ERR_OK;
    if (key == NULL) {
        err = ident_fail_id(fail, ERR_NOT_FOUND, IDENT_KEY_PREFIX, id, "is no API key");
    } else if (api_key_revoked_ns(key) != 0) {
        err = ident_fail_id(fail, ERR_CONFLICT, IDENT_KEY_PREFIX, id, "is revoked already");
    } else {
        err = api_key_revoke_in(ident, key, now_ns, fail);
    }
    (void)pthread_mutex_unlock(&ident->changing);
    return err;
}
