/* What the files of this room share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "crypto/digest.h"
#include "ident/allowance.h"
#include "ident/device.h"
#include "ident/fleet.h"
#include "ident/ident.h"
#include "ident/key_table.h"

/* What is found by threads that may wait; apart, because whoever looks takes the lock. */
struct ident_index {
    pthread_rwlock_t lock;
    struct map by_id;     /* to struct api_key */
    struct map by_serial; /* to struct device */
};

struct ident {
    struct store *store;
    struct secret pepper;
    struct digest mark;    /* tells another pepper; stored with the first key */
    struct key_table keys; /* to struct api_key */
    struct client *_Atomic client_first;
    struct api_key *_Atomic key_first;
    struct fleet *_Atomic fleet_first;
    struct ident_index *index;
    pthread_mutex_t waking; /* guards what counts wake-ups, and the list of those to be written */
    struct device *woken;
    bool wakes_written;       /* wake_begin() was called */
    pthread_mutex_t changing; /* guards what is below and writing to `keys`; orders the changes */
    struct arena arena;       /* clients, keys and their text */
    struct client *client_last;
    struct api_key *key_last;
    struct fleet *fleet_last;
    struct api_key *forgetting; /* client_forget_keys() has come so far */
    bool is_marked;
    ident_changed_fn *changed; /* NULL: nobody is told */
    void *changed_context;
    allowance_fn *allowed; /* likewise */
    void *allowed_context;
};

/* Names go to tables, logs and terminals. */
enum err ident_check_name(struct str name, const char *whose, size_t len_min, struct fail *fail);
/* ERR_NOT_FOUND and the like, of an object by its shown id. */
enum err ident_fail_id(struct fail *fail, enum err err, const char *prefix, struct id id,
                       const char *what);
/* Durable when it returns ERR_OK. Under the lock. */
EP_MUST_CHECK enum err ident_commit(struct ident *ident, const struct store_sql *sql,
                                    const struct store_value *values, size_t count,
                                    struct fail *fail);
/* Under the lock; NULL: there is none. */
struct client *client_to_change(struct ident *ident, struct id id);
struct fleet *fleet_to_change(struct ident *ident, struct id id);
struct api_key *api_key_to_change(const struct ident *ident, struct id id);

/* Inside a job: the pepper's mark, with the first key. */
EP_MUST_CHECK enum err ident_write_mark(const struct ident *ident, struct store_txn *txn,
                                        struct fail *fail);

/* ---- api_key.c --------------------------------------------------------------------------- */

/* A key that is not known yet. */
struct api_key_fresh {
    struct api_key *key;
    struct client *client;
    struct digest hash;
    struct api_key_text text; /* to be wiped */
};

/* Another text of a key: both hashes, and a hint that lives in the arena. */
struct api_key_change {
    struct api_key *key;
    const struct digest *old_hash;
    const struct digest *hash;
    const char *hint;
    int64_t now_ns;
};

/* ERR_ASK_INVALID: a name or the market. */
EP_MUST_CHECK enum err api_key_order_check(const struct api_key_order *order, struct fail *fail);
/* In the arena, with room to make it known; on failure the caller rolls back. Under the lock. */
EP_MUST_CHECK enum err api_key_make(struct ident *ident, const struct api_key_order *order,
                                    int64_t now_ns, struct api_key_fresh *ret_fresh,
                                    struct fail *fail);
/* Under the lock; it is not revoked. */
EP_MUST_CHECK enum err api_key_revoke_in(struct ident *ident, struct api_key *key, int64_t now_ns,
                                         struct fail *fail);

/* Fills in what an order says; `key` is zeroed. False: no memory. Under the lock. */
EP_MUST_CHECK bool api_key_fill(struct ident *ident, struct api_key *key,
                                const struct api_key_order *order, struct str hint);
/* Room for so many more: then api_key_publish() cannot fail. Under the lock. */
EP_MUST_CHECK enum err api_key_reserve(struct ident *ident, size_t more, struct fail *fail);
/* Makes it known: found by its hash and its id. Room was reserved; under the lock. */
void api_key_publish(struct ident *ident, struct client *client, struct api_key *key,
                     const struct digest *hash);
/* A fresh text, its hash, and a hint of it in the arena (NULL: no memory). Under the lock. */
EP_MUST_CHECK const char *api_key_text_make(struct ident *ident, struct api_key_text *text,
                                            struct digest *ret_hash);
/* Inside a job: its row, and who is told. */
EP_MUST_CHECK enum err api_key_write(const struct ident *ident, struct store_txn *txn,
                                     const struct api_key *key, const struct digest *hash,
                                     struct fail *fail);
/* Inside a job: the row has another text; who is told hears that the old one has gone and the new
 * one come. */
EP_MUST_CHECK enum err api_key_write_text(const struct ident *ident, struct store_txn *txn,
                                          const struct api_key_change *change, struct fail *fail);
/* Inside a job. */
EP_MUST_CHECK enum err api_key_write_revoked(const struct ident *ident, struct store_txn *txn,
                                             const struct api_key *key, int64_t now_ns,
                                             struct fail *fail);
/* The text that the row has now takes the place of the old one. Room was reserved; under the
 * lock. */
void api_key_swap_text(struct ident *ident, const struct api_key_change *change);

/* ---- device.c, for issue.c ---------------------------------------------------------------- */

/* A rotation's time in device.tokens_ns: odd (ident/device_token.c). */
#define DEVICE_ROTATED_NS(now_ns) ((now_ns) | 1)

/* HMAC over what it is for (31 bytes at most), whose it is and what it is (DEVICE_ID_MAX). */
struct digest device_mac(const struct ident *ident, const char *use, struct id whose,
                         struct str what);
struct digest device_serial(const struct ident *ident, const struct fleet *fleet, struct str id);
/* ERR_ASK_INVALID with the sentence; *ret_field = field. */
enum err device_refuse(struct fail *fail, const char **ret_field, const char *field,
                       const char *what);
EP_MUST_CHECK enum err device_consent_check(struct str reference, int64_t given_ns, int64_t now_ns,
                                            const char **ret_field, struct fail *fail);
/* In the arena; NULL: no memory. Under the lock. */
struct device *device_make(struct ident *ident, struct fleet *fleet, const char *hint);
struct device_consent *device_consent_make(struct ident *ident, struct str reference,
                                           int64_t given_ns);
/* Room for so many more in the fleet and the index. Under the lock. */
EP_MUST_CHECK enum err devices_reserve(struct ident *ident, struct fleet *fleet, size_t more);
/* Inside a job: it is in force from then on. */
EP_MUST_CHECK enum err device_consent_write(struct store_txn *txn, const struct device *device,
                                            struct str reference, int64_t given_ns, int64_t now_ns,
                                            struct fail *fail);

/* ---- reading, in the transaction of the others ------------------------------------------- */

/* The columns of a key's row, with those of the fleet that it issues and the device that has it. */
enum ident_column {
    IDENT_ID,
    IDENT_CLIENT,
    IDENT_HASH,
    IDENT_HINT,
    IDENT_CREATED,
    IDENT_REVOKED,
    IDENT_PRODUCT,
    IDENT_NAME,
    IDENT_MARKET,
    IDENT_CONSENT,
    IDENT_ISSUED_FLEET,
    IDENT_DEVICE_FLEET,
    IDENT_SERIAL,
    IDENT_ACTIVATED,
    IDENT_EXPIRES,
    IDENT_WAKES_DAY_MAX,
    IDENT_WAKES_MAX,
    IDENT_WAKE_DAY,
    IDENT_WAKES_TODAY,
    IDENT_WAKES,
    IDENT_WAKE_SEQ,
    IDENT_SECONDS_MAX,
    IDENT_TALKED,
    IDENT_TOKENS,
    IDENT_REFERENCE,
    IDENT_GIVEN,
    IDENT_COLUMNS
};

struct id ident_column_id(const struct store_value *value);
/* device.c: all but what every key has; NULL: no memory. */
struct api_key *device_of_row(struct ident *ident, const struct store_value *row);
/* Makes it known to its fleet, behind its key; `hash` of its text. ERR_NO_MEMORY. Under the
 * lock. */
EP_MUST_CHECK enum err device_publish(struct ident *ident, struct device *device,
                                      const struct digest *hash);
/* fleet.c: the fleet's secret is there. */
void fleet_has_issuer(struct ident *ident, struct id fleet, struct api_key *key,
                      const struct digest *hash);
void fleets_close(struct ident *ident);
/* fleet.c: before the keys. */
EP_MUST_CHECK enum err fleets_read(struct ident *ident, const struct map *clients,
                                   struct store_txn *txn, struct fail *fail);
/* fleet_voice.c: after the fleets, in the same transaction. */
EP_MUST_CHECK enum err fleet_voices_read(struct ident *ident, struct store_txn *txn,
                                         struct fail *fail);
/* standing.c: what is known of the clients; `clients` by id. In the reading transaction. */
EP_MUST_CHECK enum err standing_read(struct ident *ident, const struct map *clients,
                                     struct store_txn *txn, struct fail *fail);
