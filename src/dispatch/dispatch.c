#include "dispatch/dispatch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"

#define DISPATCH_BUCKETS 1024 /* a few hundred routes: chains of one */

/*
 * What is known of a route, a credential or a pool. Entries are only ever added, each under a lock,
 * and live until dispatch_destroy(): so readers walk the chains without one.
 */
struct dispatch_entry {
    struct dispatch_entry *_Atomic next;
    _Atomic uint64_t under_way;
    _Atomic uint64_t failures; /* in a row */
    _Atomic int64_t cool_until_ns;
    uint64_t hash;
    char kind; /* 'r', 'c' or 'p': a route, a credential and a pool may share an id */
    size_t id_len;
    char id[];
};

struct dispatch {
    struct dispatch_entry *_Atomic buckets[DISPATCH_BUCKETS];
    pthread_mutex_t learning;
    size_t count; /* under `learning` */
};

/* FNV-1a: ids come from the operator, nobody else can choose them. */
static uint64_t dispatch_hash(char kind, struct str id)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (unsigned char)kind;
    for (size_t i = 0; i < id.len; i++) {
        hash = (hash ^ (unsigned char)id.ptr[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static struct dispatch_entry *dispatch_find(const struct dispatch *dispatch, char kind,
                                            struct str id)
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

/* Most calls read more than they write: three tokens in for one out. */
static money_wide dispatch_cost(const struct registry_route *route)
{
    const struct registry_price *price = route->contract;
    return (money_wide)3 * price->pico[REGISTRY_CLASS_IN] + price->pico[REGISTRY_CLASS_OUT];
}

static bool dispatch_cooling(const struct dispatch_entry *entry, int64_t now_ns)
{
    return atomic_load_explicit(&entry->cool_until_ns, memory_order_relaxed) > now_ns;
}

/* One of the places, or none. */
static bool dispatch_take_one(struct dispatch_entry *entry, uint64_t max)
{
    uint64_t under_way = atomic_load_explicit(&entry->under_way, memory_order_relaxed);
    while (under_way < max) {
        if (atomic_compare_exchange_weak_explicit(&entry->under_way, &under_way, under_way + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void dispatch_give_one(struct dispatch_entry *entry)
{
    uint64_t before = atomic_fetch_sub_explicit(&entry->under_way, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

/* One of the credential's places and one of the pool's, or neither. */
static bool dispatch_take(const struct dispatch_place *place)
{
    const struct registry_route *route = place->route;
    if (!dispatch_take_one(place->credential_entry, route->credential->max_concurrent)) {
        return false;
    }
    if (place->pool_entry != NULL &&
        !dispatch_take_one(place->pool_entry, route->pool->max_concurrent)) {
        dispatch_give_one(place->credential_entry);
        return false;
    }
    return true;
}

/* The cheapest that is neither in `skip` nor cooling down; ties go to the smaller id, which comes
 * first. */
static const struct registry_route *dispatch_best(const struct dispatch *dispatch,
                                                  const struct dispatch_ask *ask, uint64_t skip,
                                                  struct dispatch_place *place)
{
    const struct registry_route *best = NULL;
    for (size_t i = 0; i < ask->model->route_count; i++) {
        const struct registry_route *route = ask->model->routes[i];
        uint64_t bit = UINT64_C(1) << i;
        if ((skip & bit) != 0 || route->state != REGISTRY_ROUTE_ACTIVE ||
            (best != NULL && dispatch_cost(route) >= dispatch_cost(best))) {
            continue;
        }
        struct dispatch_entry *entry = dispatch_find(dispatch, 'r', route->id);
        struct dispatch_entry *credential = dispatch_find(dispatch, 'c', route->credential->id);
        struct dispatch_entry *pool =
            route->pool == NULL ? NULL : dispatch_find(dispatch, 'p', route->pool->id);
        if (entry == NULL || credential == NULL || (pool == NULL && route->pool != NULL) ||
            dispatch_cooling(entry, ask->now_ns)) {
            continue;
        }
        best = route;
        *place = (struct dispatch_place){ .route = route,
                                          .bit = bit,
                                          .route_entry = entry,
                                          .credential_entry = credential,
                                          .pool_entry = pool };
    }
    return best;
}

enum err dispatch_pick(struct dispatch *dispatch, const struct dispatch_ask *ask,
                       struct dispatch_place *ret_place)
{
    ASSERT(ask->model->route_count <= REGISTRY_ROUTES_PER_MODEL_MAX);
    ASSERT(registry_product_model(ask->product, ask->model->id) == ask->model);
    uint64_t skip = ask->tried | ask->closed;
    struct dispatch_place place;
    while (dispatch_best(dispatch, ask, skip, &place) != NULL) {
        if (dispatch_take(&place)) {
            atomic_fetch_add_explicit(&place.route_entry->under_way, 1, memory_order_relaxed);
            *ret_place = place;
            return ERR_OK;
        }
        skip |= place.bit; /* full: the next one, at most once through all of them */
    }
    return ERR_NO_ROUTE;
}

void dispatch_give(struct dispatch_place *place, enum dispatch_outcome outcome,
                   const struct health_lesson *lesson, int64_t now_ns)
{
    (void)lesson;
    struct dispatch_entry *route = place->route_entry;
    ASSERT(route != NULL);
    dispatch_give_one(route);
    dispatch_give_one(place->credential_entry);
    if (place->pool_entry != NULL) {
        dispatch_give_one(place->pool_entry);
    }
    if (outcome == DISPATCH_FINE) {
        atomic_store_explicit(&route->failures, 0, memory_order_relaxed);
        atomic_store_explicit(&route->cool_until_ns, 0, memory_order_relaxed);
    } else if (outcome == DISPATCH_FAILED) {
        uint64_t failures =
            atomic_fetch_add_explicit(&route->failures, 1, memory_order_relaxed) + 1;
        if (failures >= HEALTH_FAILURES_MAX) {
            atomic_store_explicit(&route->cool_until_ns, now_ns + HEALTH_OPEN_NS,
                                  memory_order_relaxed);
        }
    }
    *place = (struct dispatch_place){ 0 };
}

bool dispatch_health(const struct dispatch *dispatch, struct str route,
                     struct dispatch_health *ret_health)
{
    const struct dispatch_entry *entry = dispatch_find(dispatch, 'r', route);
    if (entry == NULL) {
        return false;
    }
    *ret_health = (struct dispatch_health){
        .under_way = atomic_load_explicit(&entry->under_way, memory_order_relaxed),
        .failures = atomic_load_explicit(&entry->failures, memory_order_relaxed),
        .cool_until_ns = atomic_load_explicit(&entry->cool_until_ns, memory_order_relaxed),
    };
    return true;
}
