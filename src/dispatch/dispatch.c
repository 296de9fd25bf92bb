#include "dispatch/dispatch.h"

#include <string.h>

#include "base/mem.h"
#include "dispatch/dispatch_internal.h"

/* Eight bytes at a time, for each call asks for two or three entries of each route. Ids come from
 * the operator, nobody else can choose them. */
static uint64_t dispatch_hash(char kind, struct str id)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ (unsigned char)kind ^ id.len << 8;
    for (size_t at = 0; at < id.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t len = id.len - at < sizeof(word) ? id.len - at : sizeof(word);
        memcpy(&word, id.ptr + at, len);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

struct dispatch_entry *dispatch_find(const struct dispatch *dispatch, char kind, struct str id)
{
    uint64_t hash = dispatch_hash(kind, id);
    struct dispatch_entry *entry =
        atomic_load_explicit(&dispatch->buckets[hash % DISPATCH_BUCKETS], memory_order_acquire);
    while (entry != NULL && (entry->hash != hash || entry->kind != kind ||
                             !str_eq((struct str){ entry->id, entry->id_len }, id))) {
        entry = atomic_load_explicit(&entry->next, memory_order_acquire);
    }
    return entry;
}

enum err dispatch_create(struct dispatch **ret_dispatch)
{
    struct dispatch *dispatch = mem_zalloc(sizeof(*dispatch));
    if (dispatch == NULL) {
        return ERR_NO_MEMORY;
    }
    dispatch->shared = dispatch_line_create();
    if (dispatch->shared == NULL) {
        mem_free(dispatch);
        return ERR_NO_MEMORY;
    }
    int failed = pthread_mutex_init(&dispatch->learning, NULL);
    ASSERT(failed == 0); /* a plain mutex needs nothing that can lack */
    *ret_dispatch = dispatch;
    return ERR_OK;
}

void dispatch_destroy(struct dispatch *dispatch)
{
    if (dispatch == NULL) {
        return;
    }
    for (size_t i = 0; i < DISPATCH_BUCKETS; i++) {
        struct dispatch_entry *entry = atomic_load(&dispatch->buckets[i]);
        while (entry != NULL) {
            struct dispatch_entry *next = atomic_load(&entry->next);
            ASSERT(atomic_load(&entry->under_way) == 0);
            mem_free(entry);
            entry = next;
        }
    }
    dispatch_line_destroy(dispatch->shared);
    int failed = pthread_mutex_destroy(&dispatch->learning);
    ASSERT(failed == 0);
    mem_free(dispatch);
}

/* With the lock held. */
static enum err dispatch_learn_one(struct dispatch *dispatch, char kind, struct str id)
{
    if (dispatch_find(dispatch, kind, id) != NULL) {
        return ERR_OK;
    }
    if (dispatch->count == DISPATCH_ENTRIES_MAX) {
        return ERR_LIMIT;
    }
    struct dispatch_entry *entry = mem_zalloc(sizeof(*entry) + id.len + 1);
    if (entry == NULL) {
        return ERR_NO_MEMORY;
    }
    entry->hash = dispatch_hash(kind, id);
    entry->kind = kind;
    entry->id_len = id.len;
    memcpy(entry->id, id.ptr, id.len);
    struct dispatch_entry *_Atomic *bucket = &dispatch->buckets[entry->hash % DISPATCH_BUCKETS];
    atomic_init(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed));
    /* A reader that sees the entry sees it whole. */
    atomic_store_explicit(bucket, entry, memory_order_release);
    dispatch->count++;
    return ERR_OK;
}

enum err dispatch_learn(struct dispatch *dispatch, const struct registry *registry)
{
    int failed = pthread_mutex_lock(&dispatch->learning);
    ASSERT(failed == 0);
    enum err err = ERR_OK;
    for (size_t i = 0; i < registry->route_count && err == ERR_OK; i++) {
        err = dispatch_learn_one(dispatch, 'r', registry->routes[i].id);
    }
    for (size_t i = 0; i < registry->credential_count && err == ERR_OK; i++) {
        err = dispatch_learn_one(dispatch, 'c', registry->credentials[i].id);
    }
    for (size_t i = 0; i < registry->pool_count && err == ERR_OK; i++) {
        err = dispatch_learn_one(dispatch, 'p', registry->pools[i].id);
    }
    failed = pthread_mutex_unlock(&dispatch->learning);
    ASSERT(failed == 0);
    return err;
}

/* What it took of the upstream, as far as that is known. */
static struct dispatch_use dispatch_used(const struct dispatch_place *place,
                                         enum dispatch_outcome outcome)
{
    bool known = place->used_tokens >= 0;
    bool served = place->begun || outcome == DISPATCH_FINE || outcome == DISPATCH_OVERTAKEN ||
                  (outcome == DISPATCH_NEUTRAL && known);
    int64_t used = known ? place->used_tokens : place->tokens;
    return (struct dispatch_use){ .taken = place->tokens, .used = served ? used : 0 };
}

static void dispatch_give_places(const struct dispatch_place *place, enum dispatch_outcome outcome,
                                 int64_t now_ns)
{
    const struct registry_credential *credential = place->route->credential;
    const struct registry_pool *pool = place->route->pool;
    struct dispatch_use use = dispatch_used(place, outcome);
    uint64_t before =
        atomic_fetch_sub_explicit(&place->route_entry->under_way, 1, memory_order_relaxed);
    ASSERT(before > 0);
    struct dispatch_room room =
        dispatch_room_of(credential->max_concurrent, credential->tokens_per_minute);
    dispatch_room_give(place->credential_entry, &room, &use, place->credential_fills_ns, now_ns);
    if (place->pool_entry != NULL) {
        room = dispatch_room_of(pool->max_concurrent, pool->tokens_per_minute);
        dispatch_room_give(place->pool_entry, &room, &use, place->pool_fills_ns, now_ns);
    }
}

void dispatch_begin(struct dispatch_place *place, const struct health_lesson *lesson,
                    int64_t now_ns)
{
    ASSERT(place->route_entry != NULL);
    ASSERT(!place->begun);
    health_begin(&place->route_entry->health, place->probe, lesson, now_ns);
    place->probe = false;
    place->begun = true;
}

void dispatch_give(struct dispatch_place *place, enum dispatch_outcome outcome,
                   const struct health_lesson *lesson, int64_t now_ns)
{
    struct dispatch_entry *route = place->route_entry;
    ASSERT(route != NULL);
    dispatch_give_places(place, outcome, now_ns);
    struct health_lesson rest;
    if (place->begun) {
        rest = lesson != NULL ? *lesson : (struct health_lesson){ 0 };
        rest.begun = true;
        lesson = &rest;
    }
    if (outcome == DISPATCH_FINE) {
        health_fine(&route->health, place->probe, lesson, now_ns);
    } else if (outcome == DISPATCH_FAILED) {
        health_fail(&route->health, place->probe, lesson, now_ns);
    } else if (outcome == DISPATCH_OVERTAKEN) {
        ASSERT(lesson != NULL);
        health_overtaken(&route->health, place->probe, lesson, now_ns);
    } else {
        health_drop(&route->health, place->probe);
    }
    *place = (struct dispatch_place){ 0 };
}

#define DISPATCH_NS_PER_US 1000

int64_t dispatch_begins(const struct dispatch_place *place, bool whole, int64_t percent)
{
    ASSERT(place->route_entry != NULL);
    return health_begins(&place->route_entry->health, whole, percent) * DISPATCH_NS_PER_US;
}

int64_t dispatch_route_begins(const struct dispatch *dispatch, struct str route, bool whole,
                              int64_t percent)
{
    const struct dispatch_entry *entry = dispatch_find(dispatch, 'r', route);
    return entry == NULL ? 0 : health_begins(&entry->health, whole, percent) * DISPATCH_NS_PER_US;
}

#define DISPATCH_LATE_PERCENT 95 /* what is shown as late */

bool dispatch_health(const struct dispatch *dispatch, struct str route,
                     struct dispatch_health *ret_health)
{
    const struct dispatch_entry *entry = dispatch_find(dispatch, 'r', route);
    if (entry == NULL) {
        return false;
    }
    const struct health *health = &entry->health;
    int64_t now_ns = atomic_load_explicit(&dispatch->seen_ns, memory_order_relaxed);
    int64_t open = atomic_load_explicit(&health->open_until_ns, memory_order_relaxed);
    int64_t rest = atomic_load_explicit(&health->rest_until_ns, memory_order_relaxed);
    struct health_view view;
    health_view(health, now_ns, &view);
    *ret_health = (struct dispatch_health){
        .under_way = atomic_load_explicit(&entry->under_way, memory_order_relaxed),
        .failures = atomic_load_explicit(&health->failures, memory_order_relaxed),
        .cool_until_ns = open > rest     ? open
                         : rest > now_ns ? rest
                                         : 0,
        .first_us = view.first_us,
        .first_late_us = health_begins(health, false, DISPATCH_LATE_PERCENT),
        .millitokens = view.millitokens,
        .errors_ppm = view.errors_ppm,
    };
    for (size_t i = 0; i < HEALTH_ERROR_COUNT; i++) {
        ret_health->errors[i] = health_kind(health, (enum health_error)i, now_ns);
    }
    return true;
}
