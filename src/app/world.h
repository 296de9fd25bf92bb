/*
 * The composition root: everything that one working folder consists of, opened in order and closed
 * in the opposite one. Nobody but `app` sees it.
 *
 * Threads: one opens and closes it. In between the rooms say who may use them; the registry is
 * taken by world_registry(), because a reload swaps it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "app/log_mark.h"
#include "base/log.h"
#include "conf/conf.h"
#include "front/front.h"
#include "gate/price_shelf.h"
#include "gate/quarantine.h"
#include "gate/usage_check.h"
#include "ident/ident.h"
#include "ident/review.h"
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

/* The registry in force, and what it is called. */
struct world_registry {
    const struct registry *registry; /* with a reference */
    int64_t version;                 /* in `registry history`; 0: it is not in force yet */
    int64_t since_ns;                /* since when it is in force; 0 */
};

/* What has come of `registry apply`. */
struct world_applied {
    int64_t version; /* in force */
    struct digest hash;
    bool changed;    /* it was not in force before */
    int64_t swap_us; /* until all loops had it; 0: no server runs */
};

/* Reads configuration and registry again and swaps them, or neither; what is wrong goes to
 * `errors`. */
typedef enum err world_reload_fn(void *context, struct world_applied *ret_applied,
                                 struct buf *errors);

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
    struct review *review;           /* as above */
    struct quota *quota;             /* as above */
    const struct registry *registry; /* in force; world_registry() when others may swap it */
    int64_t version;      /* its number; 0: a folder that was never in force, read alone */
    int64_t since_ns;     /* since when it is in force; 0 */
    pthread_mutex_t lock; /* of these three */
    const struct dispatch *dispatch; /* of a running server; NULL: none runs */
    char *conf_path;
    struct str folder;           /* of the configuration file: the base of the registry's secrets */
    struct gate_log log;         /* the log's name and key; world_log() */
    struct sign_key *log_secret; /* NULL: who only reads may not have it */
    struct buf mark_path;        /* of the log's high-water mark; as `ledger` */
    pthread_mutex_t mark_lock;   /* of the next two */
    struct log_mark mark;
    bool mark_known;         /* `mark` is what the file says */
    atomic_bool log_stopped; /* leaves are missing: nothing may be sold. Never falls again */
    size_t recovered;        /* holds that were ended at the opening */
    struct buf erased_path;  /* of the list of erased clients; as `ledger` */
    struct buf batches_path; /* of the folder of batches' contents; likewise */
    struct front_batches batches;
    int64_t erased_again;    /* clients that came back with a backup, at the opening */
    pthread_mutex_t erasing; /* one erasure, or one run over what is due, at a time */
    enum world_mode mode;
    world_reload_fn *reload; /* what a running server does for `registry apply`; NULL: none runs */
    void *reload_context;
};

/* All faults of configuration and registry, or the one that stopped the opening, go to `errors`,
 * a line each. Calls crypto_start(). */
EP_MUST_CHECK enum err world_open(const char *conf_path, enum world_mode mode,
                                  struct world **ret_world, struct buf *errors);
void world_close(struct world *world); /* NULL is allowed */

#define WORLD_MIGRATIONS_MAX 26
/* Those of all rooms, in order: how many. */
size_t world_migrations(struct store_migration ret_migrations[WORLD_MIGRATIONS_MAX]);

struct erasing;
/* What erasures of this world are done with; world->erasing is held meanwhile. */
struct erasing world_erasing(const struct world *world);

/* Raises the mark to what is durable now; from a thread that may wait. */
EP_MUST_CHECK enum err world_note_log(struct world *world, struct fail *fail);
/* Somebody knows of `reached` leaves, and the log has `found`, or others: nothing is sold from now
 * on, nor after a restart, until an operator accepts the loss. From a thread that may wait. */
EP_MUST_CHECK enum err world_stop_log(struct world *world, int64_t reached, int64_t found,
                                      struct fail *fail);
/* As receipts and the gate want it; NULL: this world has no key of the log. */
const struct gate_log *world_log(const struct world *world);

/* The registry in force, with a reference of the caller's own: registry_unref() it. */
const struct registry *world_registry(struct world *world);
/* As above, with its number. */
struct world_registry world_in_force(struct world *world);
/* Takes the reference of `fresh`; what was in force before lives on while somebody refers to it. */
void world_swap_registry(struct world *world, const struct world_registry *fresh);

/* The vocabularies against which a registry is checked; NULL: they are not looked at. Commands
 * that only read books count nothing: they work without. */
const struct shelf *world_vocabularies(const struct world *world);

/* A line with the number and the hash of a registry. */
void world_log_registry(enum event event, const struct world_registry *registry);

/* How the registry's folder stands to what is in force. */
enum world_folder {
    WORLD_FOLDER_SAME,    /* it says the same */
    WORLD_FOLDER_DIFFERS, /* it says something else: `registry diff` shows what */
    WORLD_FOLDER_FAULTY   /* it cannot be read, or has faults: `registry check` shows them */
};
enum world_folder world_look_at_folder(struct world *world);

/* The folder part of a path: "" (the working folder), "/" or without the last slash. Borrowed. */
struct str world_folder_of(struct str path);
