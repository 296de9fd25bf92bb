/*
 * Clients and their API keys. A key's text is shown once, when it is made; the store keeps
 * HMAC-SHA256(pepper, text) and a hint. Everything is held in memory: finding a key costs one
 * HMAC and no SQL.
 *
 * Clients and keys are never forgotten, only suspended and revoked, so each lives at one address
 * from its making until ident_close(), is changed by atomic flags, and needs no reclaiming.
 *
 * Three kinds of keys: those that call; those of one device of a fleet, which call as their device
 * may (ident/device.h); and issuing secrets, which call nothing and only issue devices' keys of
 * their fleet (ident/fleet.h).
 *
 * Threads: ident_find() and everything that reads a client or a key: any, beside changes. Changes
 * wait for the store: any thread but a loop's; they are made one at a time. The store stays
 * the caller's, and outlives all changes. Times are nanoseconds since 1970 UTC.
 */
#pragma once

#include <stdatomic.h>

#include "base/id.h"
#include "crypto/secret.h"
#include "store/store.h"

#define IDENT_CLIENT_PREFIX "cli_"
#define IDENT_KEY_PREFIX    "key_"

#define IDENT_KEY_START    "sk-ep-"
#define IDENT_KEY_TEXT_LEN 58  /* the start and 52 base32 digits: 256 random bits */
#define IDENT_HINT_LEN     15  /* "sk-ep-01...wxyz": the first eight and the last four */
#define IDENT_NAME_MAX     128 /* bytes of a client's, key's or product's name */
#define IDENT_PEPPER_MIN   16  /* bytes; below it the pepper could be guessed */

extern const struct store_migration ident_migrations[];
extern const size_t ident_migrations_count;
extern const struct store_migration standing_migration;    /* needs ident's */
extern const struct store_migration fleet_migration;       /* needs standing's */
extern const struct store_migration fleet_voice_migration; /* needs fleet's */

struct device; /* ident/device.h */
struct fleet;  /* ident/fleet.h */
struct ident;
struct standing; /* ident/standing.h */

/* Both are valid until ident_close(). Do not write to them. */
struct client {
    struct id id;
    struct id account; /* as the caller of client_add() gave it */
    struct str name;
    int64_t created_ns;
    struct client *_Atomic next;             /* made after this one; read it by client_next() */
    _Atomic int64_t suspend_ns;              /* 0: active; read it by client_suspended_ns() */
    _Atomic uint32_t keys;                   /* read it by client_keys() */
    atomic_bool forgotten;                   /* read it by client_forgotten() */
    const struct standing *_Atomic standing; /* read it by client_standing() */
};

struct api_key {
    struct id id;
    const struct client *client;
    struct fleet *fleet;   /* it issues its devices' keys, or is one of them; NULL: neither */
    struct device *device; /* that has it; NULL: none */
    struct str product;
    struct str name;    /* what the client calls it; may be empty */
    struct str market;  /* of a device: where it was sold, two letters; empty: not said */
    struct str consent; /* to whose consent its calls refer; empty: none, or device_consent() */
    int64_t created_ns;
    const char *_Atomic hint;     /* read it by api_key_hint() */
    struct api_key *_Atomic next; /* as above */
    _Atomic int64_t revoke_ns;    /* 0: not revoked; read it by api_key_revoked_ns() */
    atomic_bool forgotten;        /* read it by api_key_forgotten() */
};

/* The text of a new key; secret_wipe() it once it was shown. */
struct api_key_text {
    char text[IDENT_KEY_TEXT_LEN + 1]; /* NUL-terminated */
};

/* ---- life -------------------------------------------------------------------------------- */

/* Reads all clients and keys; the pepper is copied. A read-only store will do, if nothing is
 * changed. ERR_CONF_INVALID: the pepper is too short, or is not the one the keys were made with. */
EP_MUST_CHECK enum err ident_open(struct store *store, struct str pepper, struct ident **ret_ident,
                                  struct fail *fail);
/* Nobody may look anything up any more. NULL is allowed. */
void ident_close(struct ident *ident);

/* ---- finding ----------------------------------------------------------------------------- */

/* The key whose text was presented, or NULL: unknown or revoked. The client may be suspended. */
const struct api_key *ident_find(const struct ident *ident, struct str text);
bool client_suspended(const struct client *client);
int64_t client_suspended_ns(const struct client *client);  /* 0: active */
uint32_t client_keys(const struct client *client);         /* that it was ever given */
int64_t api_key_revoked_ns(const struct api_key *api_key); /* 0: not revoked */
struct str api_key_hint(const struct api_key *api_key);
bool api_key_issues(const struct api_key *api_key); /* and calls nothing */
/*
 * Whether it may be used at this instant, whatever for: ERR_KEY_UNKNOWN (revoked),
 * ERR_CLIENT_SUSPENDED, ERR_FLEET_SUSPENDED, ERR_DEVICE_INACTIVE, ERR_DEVICE_EXPIRED. A few loads:
 * asked before each call and each part of a long one, so that a revocation is in force at once.
 */
EP_MUST_CHECK enum err api_key_usable(const struct api_key *api_key, int64_t now_ns);

/* By id; NULL: there is none. Clients are walked, keys looked up under a lock: not for calls. */
const struct client *client_find(const struct ident *ident, struct id id);
const struct api_key *api_key_find(const struct ident *ident, struct id id);
/* Oldest first: NULL gives the first, the last gives NULL. */
const struct client *client_next(const struct ident *ident, const struct client *client);
const struct api_key *api_key_next(const struct ident *ident, const struct api_key *api_key);

/* ---- changes ----------------------------------------------------------------------------- */

/*
 * Durable when they return ERR_OK, and in force for whoever looks afterwards. On failure nothing
 * has changed; but after ERR_STORE_FAILED only a restart tells. `now_ns` > 0.
 */

/* ERR_ASK_INVALID: the name is empty, too long or holds control characters. */
EP_MUST_CHECK enum err client_add(struct ident *ident, struct str name, struct id account,
                                  int64_t now_ns, const struct client **ret_client,
                                  struct fail *fail);
/* ERR_NOT_FOUND; ERR_CONFLICT: it is suspended (active) already. */
EP_MUST_CHECK enum err client_suspend(struct ident *ident, struct id client, int64_t now_ns,
                                      struct fail *fail);
EP_MUST_CHECK enum err client_resume(struct ident *ident, struct id client, struct fail *fail);

/* A key that has come or gone. */
struct ident_key_change {
    const struct api_key *key;
    bool revoked;
    int64_t now_ns;
};
/* In the transaction of the change, behind its own rows; what it returns is the change's. */
typedef enum err ident_changed_fn(void *context, struct store_txn *txn,
                                  const struct ident_key_change *change, struct fail *fail);
/* Who is told of each from now on; before the first change. Nobody at first. */
void ident_on_key_change(struct ident *ident, ident_changed_fn *changed, void *context);

struct api_key_order {
    struct id client;
    struct str product; /* not checked here: the registry knows the products */
    struct str name;
    struct str market;  /* as above; may be empty */
    struct str consent; /* likewise */
};

/* ERR_NOT_FOUND: no such client. ERR_ASK_INVALID: a name. A suspended client may get keys. */
EP_MUST_CHECK enum err api_key_add(struct ident *ident, const struct api_key_order *order,
                                   int64_t now_ns, const struct api_key **ret_key,
                                   struct api_key_text *ret_text, struct fail *fail);
/* ERR_NOT_FOUND; ERR_CONFLICT: it is revoked already. */
EP_MUST_CHECK enum err api_key_revoke(struct ident *ident, struct id api_key, int64_t now_ns,
                                      struct fail *fail);
