#include "app/held.h"

#include "gate/upstream_claim.h"
#include "ident/review_erase.h"
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
    arena_init(&held->arena, HELD_ARENA_FIRST, HELD_ARENA_MAX);
    enum err err = upstream_claim_calls(txn, held_on_call, held, fail);
    err = err == ERR_OK ? review_held(txn, held_on_client, held, fail) : err;
    err = err == ERR_OK ? held_add_keys(held, ident) : err;
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the legal holds") : err;
}

void held_fini(struct held *held)
{
    map_fini(&held->calls);
    map_fini(&held->clients);
    map_fini(&held->keys);
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
