/* What the files of this room share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "crypto/digest.h"
#include "ident/allowance.h"
#include "ident/ident.h"
#include "ident/key_table.h"

struct ident {
    struct store *store;
    struct secret pepper;
    struct digest mark;    /* tells another pepper; stored with the first key */
    struct key_table keys; /* to struct api_key */
    struct client *_Atomic client_first;
    struct api_key *_Atomic key_first;
    pthread_mutex_t changing; /* guards what is below and writing to `keys`; orders the changes */
    struct arena arena;       /* clients, keys and their text */
    struct client *client_last;
    struct api_key *key_last;
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
/* standing.c: what is known of the clients; `clients` by id. In the reading transaction. */
EP_MUST_CHECK enum err standing_read(struct ident *ident, const struct map *clients,
                                     struct store_txn *txn, struct fail *fail);
