/*
 * Wake-ups: how often a device was woken, in a day (UTC) and in all, and caps on both; and its
 * talk, what it said and was answered, in seconds of a day and in turns of a minute. Each is
 * counted at once, in memory, and written with the store's next commit, but for the turns: a
 * minute that a restart forgets is no loss.
 *
 * A device that repeats a report whose answer it has not got gives it the same number of its own:
 * only a higher number than the last counts again. A report without a number always counts.
 *
 * Threads: any; a lock is held for a few instructions. Times are the server's.
 */
#pragma once

#include "ident/device.h"

struct device_wakes {
    int64_t today;
    int64_t total;
    int64_t today_max; /* FLEET_CAP_NONE: no cap */
    int64_t total_max;
    int64_t seq;       /* the last number that the device gave; 0: none */
    int64_t resets_ns; /* when the day ends */
    int64_t talked_ms; /* today */
    int64_t seconds_max;
};

/* From here on wake-ups can be counted; then the store is closed before the ident, as it writes
 * them. At most once. */
void wake_begin(struct ident *ident);
/* Before the store is closed: writes what no commit has followed. NULL, or one that did not
 * begin, is allowed. */
void wake_end(struct ident *ident);
/* Counts one; `seq` 0: it has no number. *ret_counted: false, it was counted before. ERR_WAKES_DAY,
 * ERR_WAKES_TOTAL: it is one too many, and nothing has changed. */
EP_MUST_CHECK enum err device_wake(struct ident *ident, const struct device *device, int64_t seq,
                                   int64_t now_ns, bool *ret_counted);
/* Whether another turn may begin: ERR_SECONDS_DAY. One that has begun goes on to its end, so a day
 * may be longer by a turn. */
EP_MUST_CHECK enum err device_may_talk(struct ident *ident, const struct device *device,
                                       int64_t now_ns);
/* A turn of `per_minute` (> 0) begins: ERR_TURNS_MINUTE, and it is not counted. */
EP_MUST_CHECK enum err device_turn(struct ident *ident, const struct device *device,
                                   int64_t per_minute, int64_t now_ns);
/* The same of who keeps his own minute: *full_ns, 0 at first. */
EP_MUST_CHECK enum err wake_turn(int64_t *full_ns, int64_t per_minute, int64_t now_ns);
/* It has talked for so long (>= 0). */
void device_talked(struct ident *ident, const struct device *device, int64_t ms, int64_t now_ns);
/* Waits until all that was counted before is durable: not on a loop's thread. */
EP_MUST_CHECK enum err wake_flush(struct ident *ident, struct fail *fail);
void device_wakes(struct ident *ident, const struct device *device, int64_t now_ns,
                  struct device_wakes *ret_wakes);
