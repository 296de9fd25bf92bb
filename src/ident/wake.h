/*
 * Wake-ups: how often a device was woken, in a day (UTC) and in all, and caps on both. A wake-up is
 * counted at once, in memory, and written with the store's next commit.
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
/* Waits until all that was counted before is durable: not on a loop's thread. */
EP_MUST_CHECK enum err wake_flush(struct ident *ident, struct fail *fail);
void device_wakes(struct ident *ident, const struct device *device, int64_t now_ns,
                  struct device_wakes *ret_wakes);
