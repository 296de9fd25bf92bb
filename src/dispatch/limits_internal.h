/* The meters of limits, as the room's own files see them. */
#pragma once

#include <stdatomic.h>

#include "dispatch/limits.h"

struct limits_counter {
    _Atomic int64_t under_way;
    _Atomic int64_t full_at[LIMITS_RATES];
    _Atomic int64_t max[LIMITS_KINDS]; /* as they were set; of a share: unused */
    /* Of what is shared: who asks for it (limits_share.c). Of a share: when it was noted last. */
    _Atomic uint64_t asking;
    size_t name_len;
    char name[]; /* the map's key borrows it */
};

/* Whoever has the share asks for what is shared: counted once a minute, for whichever thread is
 * first. */
void limits_share_note(struct limits_counter *whole, struct limits_counter *share, int64_t now_ns);
/* Among how many it is shared: at least one. */
int64_t limits_share_asking(const struct limits_counter *whole);
/* How far a share's bucket may go: without bound of its own while nobody else asks or half of the
 * whole is free; and one call may always pass. */
int64_t limits_share_room(const struct limits_counter *whole, enum limits_kind kind,
                          int64_t cost_ns, int64_t now_ns);
/* How many of `max` places it may have, likewise. */
int64_t limits_share_places(const struct limits_counter *whole, int64_t max);
/* Until half of the whole is free for so much more; not above 0: it is. */
int64_t limits_share_wait(const struct limits_counter *whole, enum limits_kind kind,
                          int64_t cost_ns, int64_t now_ns);
