/*
 * The composition root: everything that one working folder consists of, opened in order and closed
 * in the opposite one. Nobody but `app` sees it.
 *
 * Threads: one opens and closes it. In between the rooms say who may use them; the registry is
 * taken by world_registry(), because a reload swaps it.
 */
#pragma once

#include <pthread.h>

#include "app/log_mark.h"
#include "conf/conf.h"
#include "gate/price_shelf.h"
#include "gate/quarantine.h"
#include "gate/usage_check.h"
#include "ident/ident.h"
#include "ledger/ledger.h"
#include "meter/shelf.h"
#include "registry/registry_load.h"
#include "store/store.h"
#include "tlog/tlog.h"

struct dispatch;

enum world_mode {
    WORLD_READ_ONLY, /* beside a running server; no ledger and no tlog */
    WORLD_READ_WRITE /* takes the store's lock, migrates, and ends what a crash left open */
};

/* Reads configuration and registry again and swaps them; what is wrong goes to `errors`. */
typedef enum err world_reload_fn(void *context, struct buf *errors);

struct world {
    struct conf *conf;
    struct shelf *shelf; /* of the vocabularies */
    struct store *store;
    struct ident *ident;
    struct ledger *ledger;           /* NULL when it is read alone */
    struct tlog *tlog;               /* as above */
    struct usage_check *usage_check; /* as above */
    struct quarantine *quarantine;   /* as above */
    struct price_shelf *prices;      /* as above */
    const struct dispatch *dispatch; /* of a running server; NULL: none runs */
    const struct registry
        *registry;        /* the one in force; world_registry() when others may swap it */
    pthread_mutex_t lock; /* of `registry` */
    char *conf_path;
    struct str folder;    /* of the configuration file: the base of the registry's secrets */
    struct buf mark_path; /* of the log's high-water mark; as `ledger` */
    struct log_mark mark; /* `behind`, which stays as the opening found it: nothing may be sold */
    bool mark_known;      /* `mark` is what the file says */
    size_t recovered;     /* holds that were ended at the opening */
    enum world_mode mode;
    world_reload_fn *reload; /* what a running server does for `registry apply`; NULL: none runs */
    void *reload_context;
};

/* All faults of configuration and registry, or the one that stopped the opening, go to `errors`,
 * a line each. Calls crypto_start(). */
EP_MUST_CHECK enum err world_open(const char *conf_path, enum world_mode mode,
                                  struct world **ret_world, struct buf *errors);
void world_close(struct world *world); /* NULL is allowed */

#define WORLD_MIGRATIONS_MAX 16
/* Those of all rooms, in order: how many. */
size_t world_migrations(struct store_migration ret_migrations[WORLD_MIGRATIONS_MAX]);

/* Raises the mark to what is durable now; from a thread that may wait, one at a time. */
EP_MUST_CHECK enum err world_note_log(struct world *world, struct fail *fail);

/* The registry of a folder; its faults go to `errors`. `shelf`: the vocabularies that models may
 * name; NULL: whether they are there is not looked at. */
EP_MUST_CHECK enum err world_load_registry(const char *path, const struct shelf *shelf,
                                           struct registry **ret_registry, struct buf *errors);

/* The registry in force, with a reference of the caller's own: registry_unref() it. */
const struct registry *world_registry(struct world *world);
/* Takes the reference of `fresh`; what was in force before lives on while somebody refers to it. */
void world_swap_registry(struct world *world, const struct registry *fresh);

/* The folder part of a path: "" (the working folder), "/" or without the last slash. Borrowed. */
struct str world_folder_of(struct str path);
