#include "front/voice_seats.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

struct voice_seats {
    pthread_mutex_t lock;
    struct map seats; /* by the id in the seat */
};

enum err voice_seats_create(struct voice_seats **ret_seats)
{
    struct voice_seats *seats = mem_zalloc(sizeof(*seats));
    if (seats == NULL) {
        return ERR_NO_MEMORY;
    }
    int error = pthread_mutex_init(&seats->lock, NULL);
    ASSERT(error == 0); /* a plain one takes nothing that could be missing */
    map_init(&seats->seats);
    *ret_seats = seats;
    return ERR_OK;
}

void voice_seats_destroy(struct voice_seats *seats)
{
    if (seats == NULL) {
        return;
    }
    ASSERT(seats->seats.count == 0);
    map_fini(&seats->seats);
    (void)pthread_mutex_destroy(&seats->lock);
    mem_free(seats);
}

static void voice_seats_lock(struct voice_seats *seats)
{
    int error = pthread_mutex_lock(&seats->lock);
    ASSERT(error == 0);
}

static void voice_seats_unlock(struct voice_seats *seats)
{
    int error = pthread_mutex_unlock(&seats->lock);
    ASSERT(error == 0);
}

enum err voice_seats_take(struct voice_seats *seats, struct voice_seat *seat, struct id who)
{
    ASSERT(!seat->taken);
    seat->who = who;
    atomic_store(&seat->lost, false);
    voice_seats_lock(seats);
    struct voice_seat *before = map_remove(&seats->seats, id_str(&seat->who));
    if (before != NULL) {
        atomic_store(&before->lost, true);
    }
    enum err err = map_add(&seats->seats, id_str(&seat->who), seat);
    voice_seats_unlock(seats);
    seat->taken = err == ERR_OK;
    return err;
}

bool voice_seat_is_lost(const struct voice_seat *seat)
{
    return atomic_load_explicit(&seat->lost, memory_order_relaxed);
}

void voice_seats_leave(struct voice_seats *seats, struct voice_seat *seat)
{
    if (!seat->taken) {
        return;
    }
    voice_seats_lock(seats);
    if (!atomic_load(&seat->lost)) {
        void *left = map_remove(&seats->seats, id_str(&seat->who));
        ASSERT(left == seat);
    }
    voice_seats_unlock(seats);
    seat->taken = false;
}
