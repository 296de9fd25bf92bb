/*
 * Seats of devices in voice sessions: one each, whichever loop it is on. A device whose connection
 * has died comes again before anybody here has noticed, and whoever has copied a device's key takes
 * its place: so the newest session has the seat, and the one before is told that it has lost it.
 *
 * Threads: any. A lock is held for a few instructions, when a session begins or ends.
 */
#pragma once

#include <stdatomic.h>

#include "base/id.h"

struct voice_seats;

/* Lives in its session. */
struct voice_seat {
    struct id who;
    bool taken;
    atomic_bool lost; /* read it by voice_seat_is_lost() */
};

EP_MUST_CHECK enum err voice_seats_create(struct voice_seats **ret_seats);
/* Nobody has a seat any more. NULL is allowed. */
void voice_seats_destroy(struct voice_seats *seats);
/* ERR_NO_MEMORY: `seat` is not taken. */
EP_MUST_CHECK enum err voice_seats_take(struct voice_seats *seats, struct voice_seat *seat,
                                        struct id who);
bool voice_seat_is_lost(const struct voice_seat *seat);
/* Allowed when it is not taken. */
void voice_seats_leave(struct voice_seats *seats, struct voice_seat *seat);
