#include "app/held.h"

#include "base/mem.h"
#include "gate/upstream_claim.h"
#include "ident/review_erase.h"
#include "ledger/forget.h"
#include "wire/json.h"

#define HELD_ARENA_FIRST 4096
#define HELD_ARENA_MAX   ((size_t)64 << 20) /* two million calls: a thousand a claim are listed */

static char held_mark; /* what the maps point to: they are sets */

/* Adds an id to a set; one that is there already stays. */
static enum err held_add(struct held *held, struct map *set, struct id id)
{
    struct str bytes;
    if (map_find(set, id_str(&id)) != NULL) {
        return ERR_OK;
    }
    return arena_copy(&held->arena, id_str(&id), &bytes) ? map_add(set, bytes, &held_mark)
                                                         : ERR_NO_MEMORY;
}

static enum err held_on_call(void *context, const struct claim_call *call)
{
    struct held *held = context;
    return call->open ? held_add(held, &held->calls, call->call) : ERR_OK;
}

static enum err held_on_client(void *context, struct id client)
{
    struct held *held = context;
    return held_add(held, &held->clients, client);
}

struct held_reading {
    struct held *held;
    struct store_txn *txn;
    struct fail *fail;
};

static enum err held_add_account(const struct held_reading *reading, const struct client *client)
{
    struct held *held = reading->held;
    struct ledger_forget_look books;
    TRY(ledger_forget_look(reading->txn, client->account, &books, reading->fail));
    int64_t *accounts = mem_realloc(held->accounts, (held->account_count + 1) * sizeof(*accounts));
    if (accounts == NULL) {
        return ERR_NO_MEMORY;
    }
    held->accounts = accounts;
    held->accounts[held->account_count++] = books.row;
    return ERR_OK;
}

static enum err held_add_accounts(const struct held_reading *reading, const struct ident *ident)
{
    const struct client *client = client_next(ident, NULL);
    for (; client != NULL && reading->held->clients.count > 0;
         client = client_next(ident, client)) {
        if (held_client(reading->held, client->id)) {
            TRY(held_add_account(reading, client));
        }
    }
    return ERR_OK;
}

static enum err held_add_keys(struct held *held, const struct ident *ident)
{
    const struct api_key *key = api_key_next(ident, NULL);
    for (; key != NULL && held->clients.count > 0; key = api_key_next(ident, key)) {
        if (held_client(held, key->client->id)) {
            TRY(map_add(&held->keys, id_str(&key->id), &held_mark));
        }
    }
    return ERR_OK;
}

enum err held_init(struct held *held, struct store_txn *txn, const struct ident *ident,
                   struct fail *fail)
{
    map_init(&held->calls);
    map_init(&held->clients);
    map_init(&held->keys);
    held->accounts = NULL;
    held->account_count = 0;
    arena_init(&held->arena, HELD_ARENA_FIRST, HELD_ARENA_MAX);
    enum err err = upstream_claim_calls(txn, held_on_call, held, fail);
    err = err == ERR_OK ? review_held(txn, held_on_client, held, fail) : err;
    err = err == ERR_OK ? held_add_keys(held, ident) : err;
    const struct held_reading reading = { held, txn, fail };
    err = err == ERR_OK ? held_add_accounts(&reading, ident) : err;
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the legal holds") : err;
}

void held_fini(struct held *held)
{
    map_fini(&held->calls);
    map_fini(&held->clients);
    map_fini(&held->keys);
    mem_free(held->accounts);
    arena_fini(&held->arena);
}

bool held_call(const struct held *held, struct id call)
{
    return map_find(&held->calls, id_str(&call)) != NULL;
}

bool held_client(const struct held *held, struct id client)
{
    return map_find(&held->clients, id_str(&client)) != NULL;
}

bool held_account(const struct held *held, int64_t account)
{
    for (size_t i = 0; i < held->account_count; i++) {
        if (held->accounts[i] == account) {
            return true;
        }
    }
    return false;
}

bool held_section(const struct held *held, struct str client_section)
{
    return held->keys.count > 0 && section_of_key(client_section, &held->keys);
}

bool section_of_key(struct str client_section, const struct map *keys)
{
    struct json_fault fault;
    struct id id;
    /* Rows are not believed blindly: what is damaged is the audit's to find. */
    if (client_section.len == 0 || json_check(client_section, &fault) != ERR_OK) {
        return false;
    }
    struct str shown = json_get(client_section, STR("key"));
    return json_kind(shown) == JSON_STRING &&
           id_parse(json_inside(shown), STR(IDENT_KEY_PREFIX), &id) &&
           map_find(keys, id_str(&id)) != NULL;
}

enum err keys_of_client(const struct ident *ident, struct id client, struct map *keys)
{
    const struct api_key *key = api_key_next(ident, NULL);
    for (; key != NULL; key = api_key_next(ident, key)) {
        if (id_eq(key->client->id, client)) {
            TRY(map_add(keys, id_str(&key->id), &held_mark));
        }
    }
    return ERR_OK;
}
