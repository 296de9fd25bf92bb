#include "ident/wake.h"

#include "base/stamp.h"
#include "ident/ident_internal.h"

static const struct store_sql sql_wakes_set = {
    "UPDATE device SET wake_day = ?2, wakes_today = ?3, wakes = ?4, wake_seq = ?5, talked_ms = ?6"
    " WHERE key = ?1"
};

#define WAKE_MS_PER_SEC    1000
#define WAKE_NS_PER_MINUTE INT64_C(60000000000)
#define WAKE_MS_PER_DAY    ((uint32_t)86400000)

/* Under the lock. A clock that goes back begins no day anew. */
static void wake_roll(struct device_waking *waking, int64_t now_ns)
{
    int64_t day = stamp_day(now_ns);
    if (day > waking->day) {
        waking->day = day;
        waking->today = 0;
        waking->talked_ms = 0;
    }
}

static bool wake_is_full(int64_t max, int64_t count)
{
    return max != FLEET_CAP_NONE && count >= max;
}

/* Under the lock: its row is written with the next commit. */
static void wake_note(struct ident *ident, struct device *device)
{
    if (!device->waking.woken) {
        device->waking.woken = true;
        device->waking.next_woken = ident->woken;
        ident->woken = device;
    }
}

/* Under the lock. */
static enum err wake_count(struct ident *ident, struct device *device, int64_t seq,
                           bool *ret_counted)
{
    struct device_waking *waking = &device->waking;
    *ret_counted = false;
    if (seq > 0 && seq <= waking->seq) {
        return ERR_OK;
    }
    if (wake_is_full(device->wakes_max[0], waking->today)) {
        return ERR_WAKES_DAY;
    }
    if (wake_is_full(device->wakes_max[1], waking->total)) {
        return ERR_WAKES_TOTAL;
    }
    waking->today++;
    waking->total++;
    waking->seq = seq > 0 ? seq : waking->seq;
    wake_note(ident, device);
    *ret_counted = true;
    return ERR_OK;
}

enum err device_wake(struct ident *ident, const struct device *device, int64_t seq, int64_t now_ns,
                     bool *ret_counted)
{
    struct device *woken = device->key.device; /* what the lock guards of it */
    ASSERT(ident->wakes_written);
    ASSERT(seq >= 0);
    (void)pthread_mutex_lock(&ident->waking);
    wake_roll(&woken->waking, now_ns);
    enum err err = wake_count(ident, woken, seq, ret_counted);
    (void)pthread_mutex_unlock(&ident->waking);
    return err;
}

void device_wakes(struct ident *ident, const struct device *device, int64_t now_ns,
                  struct device_wakes *ret_wakes)
{
    struct device *woken = device->key.device; /* what the lock guards of it */
    (void)pthread_mutex_lock(&ident->waking);
    wake_roll(&woken->waking, now_ns);
    *ret_wakes = (struct device_wakes){
        .today = woken->waking.today,
        .total = woken->waking.total,
        .today_max = device->wakes_max[0],
        .total_max = device->wakes_max[1],
        .seq = woken->waking.seq,
        .resets_ns = stamp_of_day(woken->waking.day + 1),
        .talked_ms = woken->waking.talked_ms,
        .seconds_max = device->seconds_max,
    };
    (void)pthread_mutex_unlock(&ident->waking);
}

/* ---- talk ---------------------------------------------------------------------------------- */

enum err device_may_talk(struct ident *ident, const struct device *device, int64_t now_ns)
{
    struct device_wakes talk;
    device_wakes(ident, device, now_ns, &talk);
    bool full =
        talk.seconds_max != FLEET_CAP_NONE && talk.talked_ms / WAKE_MS_PER_SEC >= talk.seconds_max;
    return full ? ERR_SECONDS_DAY : ERR_OK;
}

/* A bucket as one number, the time at which all its turns are free again. A clock that goes back
 * frees them all: nobody waits for longer than a minute. */
enum err wake_turn(int64_t *full_ns, int64_t per_minute, int64_t now_ns)
{
    ASSERT(per_minute > 0);
    bool past = *full_ns < now_ns || *full_ns > now_ns + WAKE_NS_PER_MINUTE;
    int64_t full = (past ? now_ns : *full_ns) + WAKE_NS_PER_MINUTE / per_minute;
    if (full > now_ns + WAKE_NS_PER_MINUTE) {
        return ERR_TURNS_MINUTE;
    }
    *full_ns = full;
    return ERR_OK;
}

enum err device_turn(struct ident *ident, const struct device *device, int64_t per_minute,
                     int64_t now_ns)
{
    struct device *talking = device->key.device; /* what the lock guards of it */
    (void)pthread_mutex_lock(&ident->waking);
    enum err err = wake_turn(&talking->waking.turns_full_ns, per_minute, now_ns);
    (void)pthread_mutex_unlock(&ident->waking);
    return err;
}

void device_talked(struct ident *ident, const struct device *device, int64_t ms, int64_t now_ns)
{
    struct device *talking = device->key.device; /* what the lock guards of it */
    ASSERT(ident->wakes_written);
    ASSERT(ms >= 0);
    (void)pthread_mutex_lock(&ident->waking);
    wake_roll(&talking->waking, now_ns);
    uint32_t room = WAKE_MS_PER_DAY - talking->waking.talked_ms;
    talking->waking.talked_ms += ms < room ? (uint32_t)ms : room; /* no day is longer */
    wake_note(ident, talking);
    (void)pthread_mutex_unlock(&ident->waking);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The next of those that were counted since the last commit, with its counts. */
static struct device *wake_take(struct ident *ident, struct device_waking *ret_waking)
{
    (void)pthread_mutex_lock(&ident->waking);
    struct device *device = ident->woken;
    if (device != NULL) {
        ident->woken = device->waking.next_woken;
        device->waking.woken = false;
        *ret_waking = device->waking;
    }
    (void)pthread_mutex_unlock(&ident->waking);
    return device;
}

static enum err wake_write(void *context, struct store_txn *txn, struct fail *fail)
{
    struct ident *ident = context;
    struct device_waking waking;
    const struct device *device = wake_take(ident, &waking);
    for (; device != NULL; device = wake_take(ident, &waking)) {
        const struct store_value values[] = {
            STORE_B(id_str(&device->key.id)),
            STORE_I(waking.day),
            STORE_I(waking.today),
            STORE_I(waking.total),
            STORE_I(waking.seq),
            STORE_I(waking.talked_ms),
        };
        TRY(store_exec(txn, &sql_wakes_set, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

void wake_begin(struct ident *ident)
{
    ASSERT(!ident->wakes_written);
    ident->wakes_written = true;
    store_on_flush(ident->store, wake_write, ident);
}

static enum err wake_run_flush(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    (void)job; /* its batch's commit is what is wanted */
    (void)txn;
    (void)fail;
    return ERR_OK;
}

enum err wake_flush(struct ident *ident, struct fail *fail)
{
    struct store_job job = { .run = wake_run_flush };
    return store_run(ident->store, &job, fail);
}

void wake_end(struct ident *ident)
{
    if (ident != NULL && ident->woken != NULL) {
        EP_IGNORE(wake_flush(ident, NULL)); /* a store that has failed takes nothing more */
    }
}
