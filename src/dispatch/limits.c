#include "dispatch/limits.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"

/* Threads that look up different clients seldom meet: a lock each for a part of the clients, held
 * for one look-up. */
#define LIMITS_STRIPES 64

struct limits_counter {
    struct id client; /* the map's key borrows it */
    _Atomic uint64_t under_way;
};

struct limits_stripe {
    pthread_mutex_t lock;
    struct map counters;
};

struct limits {
    struct limits_stripe stripes[LIMITS_STRIPES];
};

enum err limits_create(struct limits **ret_limits)
{
    struct limits *limits = mem_zalloc(sizeof(*limits));
    if (limits == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < LIMITS_STRIPES; i++) {
        int failed = pthread_mutex_init(&limits->stripes[i].lock, NULL);
        ASSERT(failed == 0); /* a plain mutex needs nothing that can lack */
        map_init(&limits->stripes[i].counters);
    }
    *ret_limits = limits;
    return ERR_OK;
}

void limits_destroy(struct limits *limits)
{
    if (limits == NULL) {
        return;
    }
    for (size_t i = 0; i < LIMITS_STRIPES; i++) {
        struct limits_stripe *stripe = &limits->stripes[i];
        size_t at = 0;
        for (const struct map_slot *slot = map_next(&stripe->counters, &at); slot != NULL;
             slot = map_next(&stripe->counters, &at)) {
            struct limits_counter *counter = slot->value;
            ASSERT(atomic_load(&counter->under_way) == 0);
            mem_free(counter);
        }
        map_fini(&stripe->counters);
        int failed = pthread_mutex_destroy(&stripe->lock);
        ASSERT(failed == 0);
    }
    mem_free(limits);
}

/* The client's counter, made when `make`; NULL: there is none, or no memory for it. */
static struct limits_counter *limits_find(struct limits *limits, struct id client, bool make)
{
    /* The last byte of an id is random. */
    struct limits_stripe *stripe = &limits->stripes[client.bytes[ID_BYTES - 1] % LIMITS_STRIPES];
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    struct limits_counter *counter = map_find(&stripe->counters, id_str(&client));
    if (counter == NULL && make) {
        counter = mem_zalloc(sizeof(*counter));
        if (counter != NULL) {
            counter->client = client;
            if (map_add(&stripe->counters, id_str(&counter->client), counter) != ERR_OK) {
                mem_free(counter);
                counter = NULL;
            }
        }
    }
    failed = pthread_mutex_unlock(&stripe->lock);
    ASSERT(failed == 0);
    return counter;
}

enum err limits_take(struct limits *limits, struct id client, uint64_t max,
                     struct limits_counter **ret_counter)
{
    struct limits_counter *counter = limits_find(limits, client, true);
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    uint64_t under_way = atomic_load_explicit(&counter->under_way, memory_order_relaxed);
    while (under_way < max) {
        if (atomic_compare_exchange_weak_explicit(&counter->under_way, &under_way, under_way + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            *ret_counter = counter;
            return ERR_OK;
        }
    }
    return ERR_LIMIT_CALLS;
}

void limits_give(struct limits_counter *counter)
{
    uint64_t before = atomic_fetch_sub_explicit(&counter->under_way, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

uint64_t limits_under_way(struct limits *limits, struct id client)
{
    const struct limits_counter *counter = limits_find(limits, client, false);
    return counter == NULL ? 0 : atomic_load_explicit(&counter->under_way, memory_order_relaxed);
}
