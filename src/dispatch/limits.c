#include "dispatch/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "dispatch/bucket.h"

/* Threads that look up different clients seldom meet: a lock each for a part of the meters, held
 * for one look-up. */
#define LIMITS_STRIPES 64
#define LIMITS_KEY_MAX (1 + ID_BYTES + LIMITS_MODEL_MAX)

/* What a meter is of: the first byte of its name, then an id and a model. */
enum limits_tag {
    LIMITS_TAG_SUBJECT, /* and enum limits_of behind it */
    LIMITS_TAG_SHARE = LIMITS_TAG_SUBJECT + LIMITS_OFS,
    LIMITS_TAG_PLACES
};

struct limits_counter {
    _Atomic int64_t under_way;
    _Atomic int64_t full_at[LIMITS_RATES];
    _Atomic int64_t max[LIMITS_KINDS]; /* as they were set; of a share: unused */
    /* Of a model: who asks for it, see limits_note(). Of a share: when it was noted last. */
    _Atomic uint64_t asking;
    size_t name_len;
    char name[]; /* the map's key borrows it */
};

struct limits_stripe {
    pthread_mutex_t lock;
    struct map counters;
};

struct limits {
    atomic_bool is_set[LIMITS_OFS][2]; /* of any subject, for all models or for one */
    struct limits_stripe stripes[LIMITS_STRIPES];
};

/* ---- the meters -------------------------------------------------------------------------- */

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

/* NULL: no memory. */
static struct limits_counter *limits_make(struct limits_stripe *stripe, struct str name)
{
    struct limits_counter *counter = mem_zalloc(sizeof(*counter) + name.len);
    if (counter == NULL) {
        return NULL;
    }
    counter->name_len = name.len;
    memcpy(counter->name, name.ptr, name.len);
    for (int i = 0; i < LIMITS_KINDS; i++) {
        atomic_init(&counter->max[i], LIMITS_DEFAULT);
    }
    if (map_add(&stripe->counters, (struct str){ counter->name, name.len }, counter) != ERR_OK) {
        mem_free(counter);
        return NULL;
    }
    return counter;
}

/* The meter, made when `make`; NULL: there is none, or no memory for it. */
static struct limits_counter *limits_find(struct limits *limits, unsigned tag, struct id id,
                                          struct str model, bool make)
{
    char bytes[LIMITS_KEY_MAX];
    struct buf name = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    if (buf_byte(&name, (char)tag) != ERR_OK || buf_append(&name, id_str(&id)) != ERR_OK ||
        buf_append(&name, model) != ERR_OK) {
        return NULL; /* no registry has so long a name, and no limit was set for one */
    }
    /* The last byte of an id is random; models of one name are told apart by their ends. */
    unsigned mix = id.bytes[ID_BYTES - 1] + (unsigned)bytes[name.len - 1] + (unsigned)name.len;
    struct limits_stripe *stripe = &limits->stripes[mix % LIMITS_STRIPES];
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    struct limits_counter *counter = map_find(&stripe->counters, buf_str(&name));
    if (counter == NULL && make) {
        counter = limits_make(stripe, buf_str(&name));
    }
    failed = pthread_mutex_unlock(&stripe->lock);
    ASSERT(failed == 0);
    return counter;
}

enum err limits_set(struct limits *limits, const struct limits_subject *subject,
                    const int64_t max[LIMITS_KINDS])
{
    struct id id = subject->of == LIMITS_OF_MODEL ? (struct id){ { 0 } } : subject->id;
    ASSERT(subject->model.len <= LIMITS_MODEL_MAX);
    ASSERT(subject->of != LIMITS_OF_MODEL || subject->model.len > 0);
    struct limits_counter *counter =
        limits_find(limits, LIMITS_TAG_SUBJECT + subject->of, id, subject->model, true);
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    for (int i = 0; i < LIMITS_KINDS; i++) {
        ASSERT(max[i] >= LIMITS_DEFAULT && max[i] <= LIMITS_MOST);
        atomic_store_explicit(&counter->max[i], max[i], memory_order_relaxed);
    }
    atomic_store(&limits->is_set[subject->of][subject->model.len > 0], true);
    return ERR_OK;
}

/* ---- shares of what all clients have together -------------------------------------------- */

/* `asking` of a model: the minute, how many clients have asked in it, and how many in the one
 * before. Minutes count from 1, so that a share that was never noted has 0. */
#define LIMITS_ASKING(minute, now, before) \
    ((uint64_t)(minute) << 32 | (uint64_t)(now) << 16 | (uint64_t)(before))
#define LIMITS_ASKING_MAX 65535U

static uint64_t limits_minute(int64_t now_ns)
{
    return (uint64_t)(now_ns / BUCKET_MINUTE_NS) + 1; /* 32 bits are 8000 years */
}

/* The client asks for the model: counted once a minute, for whichever thread is first. */
static void limits_note(struct limits_counter *model, struct limits_counter *share, int64_t now_ns)
{
    uint64_t minute = limits_minute(now_ns);
    uint64_t noted = atomic_load_explicit(&share->asking, memory_order_relaxed);
    if (noted >= minute ||
        !atomic_compare_exchange_strong_explicit(&share->asking, &noted, minute,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    uint64_t seen = atomic_load_explicit(&model->asking, memory_order_relaxed);
    uint64_t next = 0;
    do {
        uint64_t counted = seen >> 32;
        unsigned now = (unsigned)(seen >> 16 & LIMITS_ASKING_MAX);
        unsigned before = (unsigned)(seen & LIMITS_ASKING_MAX);
        if (counted >= minute) { /* or another thread's clock is ahead */
            next = LIMITS_ASKING(counted, now < LIMITS_ASKING_MAX ? now + 1 : now, before);
        } else {
            next = LIMITS_ASKING(minute, 1, counted + 1 == minute ? now : 0);
        }
    } while (!atomic_compare_exchange_weak_explicit(&model->asking, &seen, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

/* Among how many clients a model's limit is shared: at least one. */
static int64_t limits_asking(const struct limits_counter *model)
{
    uint64_t seen = atomic_load_explicit(&model->asking, memory_order_relaxed);
    int64_t now = (int64_t)(seen >> 16 & LIMITS_ASKING_MAX);
    int64_t before = (int64_t)(seen & LIMITS_ASKING_MAX);
    now = now > before ? now : before;
    return now > 1 ? now : 1;
}

/* ---- what a call takes ------------------------------------------------------------------- */

static int64_t limits_max(const struct limits_hold *hold, enum limits_meter at,
                          enum limits_kind kind)
{
    const struct limits_counter *counter =
        hold->meters[at == LIMITS_METER_SHARE ? LIMITS_METER_MODEL : at];
    int64_t max = atomic_load_explicit(&counter->max[kind], memory_order_relaxed);
    if (max != LIMITS_DEFAULT) {
        return max;
    }
    return at == LIMITS_METER_CLIENT ? hold->defaults[kind] : LIMITS_NONE;
}

/* How far a bucket may go: a share has no bound of its own while nobody else asks or half of the
 * model's is free, and always lets one call pass. */
static int64_t limits_room(const struct limits_hold *hold, enum limits_meter at,
                           enum limits_kind kind, int64_t cost_ns, int64_t now_ns)
{
    if (at != LIMITS_METER_SHARE) {
        return BUCKET_MINUTE_NS;
    }
    const struct limits_counter *model = hold->meters[LIMITS_METER_MODEL];
    int64_t level = bucket_level(&model->full_at[kind], now_ns);
    int64_t asking = limits_asking(model);
    if (asking == 1 || level + cost_ns <= BUCKET_MINUTE_NS / 2) {
        return 2 * BUCKET_DEBT_NS;
    }
    int64_t share = BUCKET_MINUTE_NS / asking;
    return share > cost_ns ? share : cost_ns;
}

/* A rate has refused `count`: until when? */
static void limits_tell_rate(const struct limits_hold *hold, struct limits_refusal *refusal,
                             int64_t level_ns, int64_t room_ns, int64_t now_ns)
{
    int64_t max = refusal->max;
    int64_t cost_ns = max == 0 ? BUCKET_DEBT_NS : bucket_cost(max, refusal->asked);
    refusal->left = bucket_left(max, level_ns, room_ns);
    refusal->wait_ns = level_ns + cost_ns - room_ns;
    if (max == 0 || cost_ns > BUCKET_MINUTE_NS) {
        refusal->wait_ns = -1;
    } else if (refusal->meter == LIMITS_METER_SHARE) {
        const struct limits_counter *model = hold->meters[LIMITS_METER_MODEL];
        int64_t free_ns = bucket_level(&model->full_at[refusal->kind], now_ns) + cost_ns -
                          BUCKET_MINUTE_NS / 2; /* until half of all is free */
        bool sooner = free_ns > 0 && free_ns < refusal->wait_ns;
        refusal->wait_ns = sooner ? free_ns : refusal->wait_ns;
    }
}

static bool limits_take_rate(struct limits_hold *hold, enum limits_meter at, enum limits_kind kind,
                             int64_t count, int64_t now_ns, struct limits_refusal *refusal)
{
    int64_t max = limits_max(hold, at, kind);
    int64_t level = 0;
    hold->fills[at][kind] = 0;
    if (max == LIMITS_NONE) {
        return true;
    }
    struct limits_counter *counter = hold->meters[at];
    int64_t cost = max == 0 ? BUCKET_DEBT_NS : bucket_cost(max, count);
    int64_t room = limits_room(hold, at, kind, cost, now_ns);
    if (max > 0 && bucket_take(&counter->full_at[kind], cost, room, now_ns, &level)) {
        ASSERT(level <= 2 * BUCKET_DEBT_NS); /* 20 minutes in units of 16 ns need 37 bits */
        int64_t fills = (level + 15) / 16;
        hold->fills[at][kind] = fills < UINT32_MAX ? (uint32_t)fills : UINT32_MAX;
        return true;
    }
    *refusal = (struct limits_refusal){ .meter = at, .kind = kind, .max = max, .asked = count };
    limits_tell_rate(hold, refusal, level, room, now_ns);
    return false;
}

/* `used` takes the place of `reserved`; of what comes back, only what has not filled by itself. */
static void limits_move_rate(struct limits_hold *hold, enum limits_meter at, enum limits_kind kind,
                             const int64_t counts[2], const int64_t times_ns[2])
{
    int64_t max = limits_max(hold, at, kind);
    int64_t fills = (int64_t)hold->fills[at][kind] * 16;
    hold->fills[at][kind] = 0;
    if (fills == 0 || max <= 0) {
        return;
    }
    int64_t now_ns = times_ns[1];
    int64_t more = bucket_cost(max, counts[1]) - bucket_cost(max, counts[0]);
    if (more < 0) {
        int64_t unfilled = times_ns[0] + fills - now_ns;
        unfilled = unfilled > 0 ? unfilled : 0;
        more = -more < unfilled ? more : -unfilled;
    }
    bucket_move(&hold->meters[at]->full_at[kind], more, now_ns);
}

static bool limits_take_place(struct limits_hold *hold, enum limits_meter at,
                              struct limits_refusal *refusal)
{
    struct limits_counter *counter = hold->meters[at];
    int64_t max = limits_max(hold, at, LIMITS_CALLS);
    int64_t most = max == LIMITS_NONE ? INT64_MAX : max;
    if (at == LIMITS_METER_SHARE && max > 0) {
        const struct limits_counter *model = hold->meters[LIMITS_METER_MODEL];
        int64_t asking = limits_asking(model);
        bool free = atomic_load_explicit(&model->under_way, memory_order_relaxed) < max / 2;
        most = asking == 1 || free ? INT64_MAX : max > asking ? max / asking : 1;
    }
    int64_t under_way = atomic_load_explicit(&counter->under_way, memory_order_relaxed);
    while (under_way < most) {
        if (atomic_compare_exchange_weak_explicit(&counter->under_way, &under_way, under_way + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    *refusal = (struct limits_refusal){
        .meter = at, .kind = LIMITS_CALLS, .max = most, .asked = 1, .wait_ns = max == 0 ? -1 : 0
    };
    return false;
}

/* What the meters before `end` have taken of a request goes back. */
static void limits_undo_begin(struct limits_hold *hold, int end, bool requests, int64_t now_ns)
{
    const int64_t counts[2] = { 1, 0 };
    const int64_t times_ns[2] = { hold->placed_ns, now_ns };
    for (int i = 0; i < end; i++) {
        if (hold->meters[i] == NULL) {
            continue;
        }
        limits_give(hold->meters[i]);
        if (requests) {
            limits_move_rate(hold, (enum limits_meter)i, LIMITS_REQUESTS, counts, times_ns);
        }
    }
}

static void limits_meters(struct limits *limits, const struct limits_who *who,
                          struct limits_hold *hold)
{
    static const struct id nobody;
    const struct {
        enum limits_of of;
        struct id id;
        struct str model;
    } subjects[LIMITS_METERS] = {
        [LIMITS_METER_KEY_MODEL] = { LIMITS_OF_KEY, who->key, who->model },
        [LIMITS_METER_KEY] = { LIMITS_OF_KEY, who->key, STR_EMPTY },
        [LIMITS_METER_CLIENT_MODEL] = { LIMITS_OF_CLIENT, who->client, who->model },
        [LIMITS_METER_CLIENT] = { LIMITS_OF_CLIENT, who->client, STR_EMPTY },
        [LIMITS_METER_MODEL] = { LIMITS_OF_MODEL, nobody, who->model },
    };
    for (int i = 0; i < LIMITS_METERS; i++) {
        enum limits_of of = subjects[i].of;
        bool one = subjects[i].model.len > 0;
        bool make = i == LIMITS_METER_CLIENT;
        if (i == LIMITS_METER_SHARE ||
            (!make && !atomic_load_explicit(&limits->is_set[of][one], memory_order_relaxed))) {
            continue;
        }
        hold->meters[i] =
            limits_find(limits, LIMITS_TAG_SUBJECT + of, subjects[i].id, subjects[i].model, make);
    }
}

enum err limits_begin(struct limits *limits, const struct limits_who *who, int64_t now_ns,
                      struct limits_hold *hold, struct limits_refusal *ret_refusal)
{
    ASSERT(!hold->placed);
    hold->defaults = who->defaults;
    hold->placed_ns = now_ns;
    limits_meters(limits, who, hold);
    if (hold->meters[LIMITS_METER_MODEL] != NULL) {
        hold->meters[LIMITS_METER_SHARE] =
            limits_find(limits, LIMITS_TAG_SHARE, who->client, who->model, true);
    }
    struct limits_counter *share = hold->meters[LIMITS_METER_SHARE];
    if (hold->meters[LIMITS_METER_CLIENT] == NULL ||
        (share == NULL && hold->meters[LIMITS_METER_MODEL] != NULL)) {
        memset(hold->meters, 0, sizeof(hold->meters));
        return ERR_NO_MEMORY;
    }
    if (share != NULL) {
        limits_note(hold->meters[LIMITS_METER_MODEL], share, now_ns);
    }
    for (int i = 0; i < LIMITS_METERS; i++) {
        enum limits_meter at = (enum limits_meter)i;
        if (hold->meters[i] == NULL) {
            continue;
        }
        if (!limits_take_place(hold, at, ret_refusal)) {
            limits_undo_begin(hold, i, true, now_ns);
            return ERR_LIMIT_CALLS;
        }
        if (!limits_take_rate(hold, at, LIMITS_REQUESTS, 1, now_ns, ret_refusal)) {
            limits_give(hold->meters[i]);
            limits_undo_begin(hold, i, true, now_ns);
            return ERR_LIMIT_REQUESTS;
        }
    }
    hold->placed = true;
    return ERR_OK;
}

void limits_tell(struct limits *limits, struct id key, struct id client,
                 const int64_t defaults[LIMITS_KINDS], int64_t ret_max[LIMITS_KINDS])
{
    const struct limits_hold hold = {
        .meters = {
            [LIMITS_METER_KEY] = limits_find(limits, LIMITS_TAG_SUBJECT + LIMITS_OF_KEY, key,
                                             STR_EMPTY, false),
            [LIMITS_METER_CLIENT] = limits_find(limits, LIMITS_TAG_SUBJECT + LIMITS_OF_CLIENT,
                                                client, STR_EMPTY, false),
        },
        .defaults = defaults,
    };
    for (int i = 0; i < LIMITS_KINDS; i++) {
        enum limits_kind kind = (enum limits_kind)i;
        int64_t of_key = hold.meters[LIMITS_METER_KEY] == NULL
                             ? LIMITS_NONE
                             : limits_max(&hold, LIMITS_METER_KEY, kind);
        ret_max[i] = hold.meters[LIMITS_METER_CLIENT] == NULL
                         ? defaults[i]
                         : limits_max(&hold, LIMITS_METER_CLIENT, kind);
        if (ret_max[i] == LIMITS_NONE || (of_key != LIMITS_NONE && of_key < ret_max[i])) {
            ret_max[i] = of_key;
        }
    }
}

/* ---- tokens ------------------------------------------------------------------------------ */

static const enum limits_kind limits_token_kinds[] = { LIMITS_TOKENS, LIMITS_INPUT, LIMITS_OUTPUT };

static int64_t limits_count(enum limits_kind kind, int64_t input, int64_t output)
{
    int64_t in = kind == LIMITS_OUTPUT ? 0 : input;
    int64_t out = kind == LIMITS_INPUT ? 0 : output;
    return in > INT64_MAX - out ? INT64_MAX : in + out;
}

bool limits_count_tokens(const struct limits_hold *hold)
{
    for (int i = 0; i < LIMITS_METERS; i++) {
        for (size_t k = 0; hold->meters[i] != NULL && k < EP_ARRAY_LEN(limits_token_kinds); k++) {
            if (limits_max(hold, (enum limits_meter)i, limits_token_kinds[k]) != LIMITS_NONE) {
                return true;
            }
        }
    }
    return false;
}

/* What is left at a meter; INT64_MAX: it has no such limit. */
static int64_t limits_left(const struct limits_hold *hold, enum limits_meter at,
                           enum limits_kind kind, int64_t now_ns)
{
    int64_t max = limits_max(hold, at, kind);
    if (max == LIMITS_NONE) {
        return INT64_MAX;
    }
    int64_t level = bucket_level(&hold->meters[at]->full_at[kind], now_ns);
    return bucket_left(max, level, BUCKET_MINUTE_NS);
}

int64_t limits_input_left(const struct limits_hold *hold, int64_t now_ns)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < LIMITS_METERS; i++) {
        if (hold->meters[i] == NULL || i == LIMITS_METER_SHARE) {
            continue;
        }
        int64_t all = limits_left(hold, (enum limits_meter)i, LIMITS_TOKENS, now_ns);
        int64_t input = limits_left(hold, (enum limits_meter)i, LIMITS_INPUT, now_ns);
        least = all < least ? all : least;
        least = input < least ? input : least;
    }
    return least;
}

/* Those of a step are the meter's number times the kinds, plus the kind's. */
static void limits_move_tokens(struct limits_hold *hold, size_t steps, const int64_t used[2],
                               int64_t now_ns)
{
    const int64_t times_ns[2] = { hold->at_ns, now_ns };
    for (size_t i = 0; i < steps; i++) {
        enum limits_meter at = (enum limits_meter)(i / EP_ARRAY_LEN(limits_token_kinds));
        enum limits_kind kind = limits_token_kinds[i % EP_ARRAY_LEN(limits_token_kinds)];
        if (hold->meters[at] != NULL) {
            const int64_t counts[2] = { limits_count(kind, hold->input, hold->output),
                                        limits_count(kind, used[0], used[1]) };
            limits_move_rate(hold, at, kind, counts, times_ns);
        }
    }
}

#define LIMITS_TOKEN_STEPS (LIMITS_METERS * EP_ARRAY_LEN(limits_token_kinds))

enum err limits_reserve(struct limits_hold *hold, int64_t input, int64_t output, int64_t now_ns,
                        struct limits_refusal *ret_refusal)
{
    static const int64_t nothing[2];
    ASSERT(hold->placed && !hold->reserved && input >= 0 && output >= 0);
    hold->at_ns = now_ns;
    hold->input = input;
    hold->output = output;
    for (size_t i = 0; i < LIMITS_TOKEN_STEPS; i++) {
        enum limits_meter at = (enum limits_meter)(i / EP_ARRAY_LEN(limits_token_kinds));
        enum limits_kind kind = limits_token_kinds[i % EP_ARRAY_LEN(limits_token_kinds)];
        if (hold->meters[at] != NULL &&
            !limits_take_rate(hold, at, kind, limits_count(kind, input, output), now_ns,
                              ret_refusal)) {
            limits_move_tokens(hold, i, nothing, now_ns);
            return ret_refusal->wait_ns < 0 ? ERR_LIMIT_SIZE : ERR_LIMIT_TOKENS;
        }
    }
    hold->reserved = true;
    return ERR_OK;
}

void limits_end(struct limits_hold *hold, int64_t input, int64_t output, bool served,
                int64_t now_ns)
{
    const int64_t used[2] = { input, output };
    if (hold->reserved) {
        limits_move_tokens(hold, LIMITS_TOKEN_STEPS, used, now_ns);
    }
    if (hold->placed) {
        limits_undo_begin(hold, LIMITS_METERS, !served, now_ns);
    }
    hold->reserved = false;
    hold->placed = false;
}

/* ---- what is told ------------------------------------------------------------------------ */

static void limits_look_at(const struct limits_hold *hold, enum limits_kind kind, int64_t now_ns,
                           struct limits_view *view)
{
    for (int i = 0; i < LIMITS_METERS; i++) {
        enum limits_meter at = (enum limits_meter)i;
        if (hold->meters[i] == NULL || at == LIMITS_METER_SHARE) {
            continue;
        }
        int64_t max = limits_max(hold, at, kind);
        int64_t left = limits_left(hold, at, kind, now_ns);
        if (max == LIMITS_NONE || (view->limited && left >= view->left)) {
            continue;
        }
        *view = (struct limits_view){
            .limited = true,
            .max = max,
            .left = left,
            .full_ns = bucket_level(&hold->meters[i]->full_at[kind], now_ns),
        };
    }
}

void limits_look(const struct limits_hold *hold, int64_t now_ns, struct limits_view *ret_requests,
                 struct limits_view *ret_tokens)
{
    *ret_requests = (struct limits_view){ .limited = false };
    *ret_tokens = (struct limits_view){ .limited = false };
    limits_look_at(hold, LIMITS_REQUESTS, now_ns, ret_requests);
    for (size_t k = 0; k < EP_ARRAY_LEN(limits_token_kinds); k++) {
        limits_look_at(hold, limits_token_kinds[k], now_ns, ret_tokens);
    }
}

/* ---- places without a rate --------------------------------------------------------------- */

enum err limits_take(struct limits *limits, struct id id, uint64_t max,
                     struct limits_counter **ret_counter)
{
    struct limits_counter *counter = limits_find(limits, LIMITS_TAG_PLACES, id, STR_EMPTY, true);
    if (counter == NULL) {
        return ERR_NO_MEMORY;
    }
    int64_t most = max < INT64_MAX ? (int64_t)max : INT64_MAX;
    int64_t under_way = atomic_load_explicit(&counter->under_way, memory_order_relaxed);
    while (under_way < most) {
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
    int64_t before = atomic_fetch_sub_explicit(&counter->under_way, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

uint64_t limits_under_way(struct limits *limits, struct id id)
{
    const struct limits_counter *counter =
        limits_find(limits, LIMITS_TAG_PLACES, id, STR_EMPTY, false);
    return counter == NULL
               ? 0
               : (uint64_t)atomic_load_explicit(&counter->under_way, memory_order_relaxed);
}
