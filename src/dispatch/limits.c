#include "dispatch/limits.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "dispatch/bucket.h"
#include "dispatch/limits_internal.h"

/* Threads that look up different clients seldom meet: a lock each for a part of the meters, held
 * for one look-up. */
#define LIMITS_STRIPES 64
#define LIMITS_KEY_MAX (1 + ID_BYTES + LIMITS_MODEL_MAX)

/* What a meter is of: the first byte of its name, then an id and a model. */
enum limits_tag {
    LIMITS_TAG_SUBJECT,                                 /* and enum limits_of behind it */
    LIMITS_TAG_SHARE = LIMITS_TAG_SUBJECT + LIMITS_OFS, /* of a model, or of a client's limit */
    LIMITS_TAG_PLACES
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

/* ---- what a call takes ------------------------------------------------------------------- */

static struct limits_taken *limits_taken(struct limits_hold *hold)
{
    return hold->many != NULL ? hold->many : hold->few;
}

static const struct limits_taken *limits_seen(const struct limits_hold *hold)
{
    return hold->many != NULL ? hold->many : hold->few;
}

static bool limits_is_share(enum limits_meter meter)
{
    return meter == LIMITS_METER_KEY_MODEL_SHARE || meter == LIMITS_METER_KEY_SHARE ||
           meter == LIMITS_METER_SHARE;
}

/* What a share is of stands behind it. */
static const struct limits_counter *limits_whole(const struct limits_taken *share)
{
    ASSERT(limits_is_share(share->meter) && share[1].meter == share->meter + 1);
    return share[1].counter;
}

static int64_t limits_max_of(const struct limits_counter *counter, bool client,
                             const int64_t *defaults, enum limits_kind kind)
{
    int64_t max = atomic_load_explicit(&counter->max[kind], memory_order_relaxed);
    if (max != LIMITS_DEFAULT) {
        return max;
    }
    return client ? defaults[kind] : LIMITS_NONE;
}

static int64_t limits_max(const struct limits_hold *hold, const struct limits_taken *taken,
                          enum limits_kind kind)
{
    taken += limits_is_share(taken->meter) ? 1 : 0;
    bool client = taken->meter == LIMITS_METER_CLIENT;
    return limits_max_of(taken->counter, client, hold->defaults, kind);
}

/* A rate has refused `count`: until when? */
static void limits_tell_rate(const struct limits_taken *taken, struct limits_refusal *refusal,
                             int64_t level_ns, int64_t room_ns, int64_t now_ns)
{
    int64_t max = refusal->max;
    int64_t cost_ns = max == 0 ? BUCKET_DEBT_NS : bucket_cost(max, refusal->asked);
    refusal->left = bucket_left(max, level_ns, room_ns);
    refusal->wait_ns = level_ns + cost_ns - room_ns;
    if (max == 0 || cost_ns > BUCKET_MINUTE_NS) {
        refusal->wait_ns = -1;
    } else if (limits_is_share(taken->meter)) {
        int64_t free_ns = limits_share_wait(limits_whole(taken), refusal->kind, cost_ns, now_ns);
        bool sooner = free_ns > 0 && free_ns < refusal->wait_ns;
        refusal->wait_ns = sooner ? free_ns : refusal->wait_ns;
    }
}

static bool limits_take_rate(const struct limits_hold *hold, struct limits_taken *taken,
                             enum limits_kind kind, int64_t count, int64_t now_ns,
                             struct limits_refusal *refusal)
{
    int64_t max = limits_max(hold, taken, kind);
    int64_t level = 0;
    taken->fills[kind] = 0;
    if (max == LIMITS_NONE) {
        return true;
    }
    int64_t cost = max == 0 ? BUCKET_DEBT_NS : bucket_cost(max, count);
    int64_t room = limits_is_share(taken->meter)
                       ? limits_share_room(limits_whole(taken), kind, cost, now_ns)
                       : BUCKET_MINUTE_NS;
    if (max > 0 && bucket_take(&taken->counter->full_at[kind], cost, room, now_ns, &level)) {
        ASSERT(level <= 2 * BUCKET_DEBT_NS); /* 20 minutes in units of 16 ns need 37 bits */
        int64_t fills = (level + 15) / 16;
        taken->fills[kind] = fills < UINT32_MAX ? (uint32_t)fills : UINT32_MAX;
        return true;
    }
    *refusal =
        (struct limits_refusal){ .meter = taken->meter, .kind = kind, .max = max, .asked = count };
    limits_tell_rate(taken, refusal, level, room, now_ns);
    return false;
}

/* `used` takes the place of `reserved`; of what comes back, only what has not filled by itself. */
static void limits_move_rate(const struct limits_hold *hold, struct limits_taken *taken,
                             enum limits_kind kind, const int64_t counts[2],
                             const int64_t times_ns[2])
{
    int64_t max = limits_max(hold, taken, kind);
    int64_t fills = (int64_t)taken->fills[kind] * 16;
    taken->fills[kind] = 0;
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
    bucket_move(&taken->counter->full_at[kind], more, now_ns);
}

static bool limits_take_place(const struct limits_hold *hold, struct limits_taken *taken,
                              struct limits_refusal *refusal)
{
    struct limits_counter *counter = taken->counter;
    int64_t max = limits_max(hold, taken, LIMITS_CALLS);
    int64_t most = max == LIMITS_NONE              ? INT64_MAX
                   : limits_is_share(taken->meter) ? limits_share_places(limits_whole(taken), max)
                                                   : max;
    int64_t under_way = atomic_load_explicit(&counter->under_way, memory_order_relaxed);
    while (under_way < most) {
        if (atomic_compare_exchange_weak_explicit(&counter->under_way, &under_way, under_way + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    *refusal = (struct limits_refusal){ .meter = taken->meter,
                                        .kind = LIMITS_CALLS,
                                        .max = most,
                                        .asked = 1,
                                        .wait_ns = max == 0 ? -1 : 0 };
    return false;
}

/* What the meters before `end` have taken of a request goes back. */
static void limits_undo_begin(struct limits_hold *hold, size_t end, bool requests, int64_t now_ns)
{
    const int64_t counts[2] = { 1, 0 };
    const int64_t times_ns[2] = { hold->placed_ns, now_ns };
    struct limits_taken *taken = limits_taken(hold);
    for (size_t i = 0; i < end; i++) {
        limits_give(taken[i].counter);
        if (requests) {
            limits_move_rate(hold, &taken[i], LIMITS_REQUESTS, counts, times_ns);
        }
    }
}

static bool limits_any(const struct limits_counter *counter, bool client, const int64_t *defaults)
{
    bool any = false;
    for (int i = 0; i < LIMITS_KINDS; i++) {
        any = any || limits_max_of(counter, client, defaults, (enum limits_kind)i) != LIMITS_NONE;
    }
    return any;
}

/* A share is counted where there is anything to be shared. */
static enum err limits_share(struct limits *limits, const struct limits_who *who,
                             enum limits_meter meter, int64_t now_ns,
                             struct limits_counter *meters[LIMITS_METERS])
{
    struct limits_counter *whole = meters[meter + 1];
    bool client = meter == LIMITS_METER_KEY_SHARE;
    bool keys = meter != LIMITS_METER_SHARE;
    if (whole == NULL || (keys && !who->several) || !limits_any(whole, client, who->defaults)) {
        return ERR_OK;
    }
    meters[meter] = limits_find(limits, LIMITS_TAG_SHARE, keys ? who->key : who->client,
                                client ? STR_EMPTY : who->model, true);
    if (meters[meter] == NULL) {
        return ERR_NO_MEMORY;
    }
    limits_share_note(whole, meters[meter], now_ns);
    return ERR_OK;
}

static enum err limits_meters(struct limits *limits, const struct limits_who *who, int64_t now_ns,
                              struct limits_counter *meters[LIMITS_METERS])
{
    static const struct id nobody;
    const struct {
        enum limits_meter meter;
        enum limits_of of;
        struct id id;
        struct str model;
    } rows[] = {
        { LIMITS_METER_KEY_MODEL, LIMITS_OF_KEY, who->key, who->model },
        { LIMITS_METER_KEY, LIMITS_OF_KEY, who->key, STR_EMPTY },
        { LIMITS_METER_CLIENT_MODEL, LIMITS_OF_CLIENT, who->client, who->model },
        { LIMITS_METER_CLIENT, LIMITS_OF_CLIENT, who->client, STR_EMPTY },
        { LIMITS_METER_MODEL, LIMITS_OF_MODEL, nobody, who->model },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        enum limits_of of = rows[i].of;
        bool one = rows[i].model.len > 0;
        bool make = rows[i].meter == LIMITS_METER_CLIENT;
        if (make || atomic_load_explicit(&limits->is_set[of][one], memory_order_relaxed)) {
            meters[rows[i].meter] =
                limits_find(limits, LIMITS_TAG_SUBJECT + of, rows[i].id, rows[i].model, make);
        }
    }
    if (meters[LIMITS_METER_CLIENT] == NULL) {
        return ERR_NO_MEMORY;
    }
    TRY(limits_share(limits, who, LIMITS_METER_KEY_MODEL_SHARE, now_ns, meters));
    TRY(limits_share(limits, who, LIMITS_METER_KEY_SHARE, now_ns, meters));
    return limits_share(limits, who, LIMITS_METER_SHARE, now_ns, meters);
}

/* Finds the meters, of which nothing is taken yet. */
static enum err limits_open(struct limits *limits, const struct limits_who *who, int64_t now_ns,
                            struct limits_hold *hold)
{
    struct limits_counter *meters[LIMITS_METERS] = { NULL };
    size_t count = 0;
    TRY(limits_meters(limits, who, now_ns, meters));
    for (int i = 0; i < LIMITS_METERS; i++) {
        count += meters[i] != NULL;
    }
    if (count > LIMITS_FEW) {
        hold->many = mem_alloc(count * sizeof(*hold->many));
        if (hold->many == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    struct limits_taken *taken = limits_taken(hold);
    for (int i = 0; i < LIMITS_METERS; i++) {
        if (meters[i] != NULL) {
            taken[hold->count++] =
                (struct limits_taken){ .counter = meters[i], .meter = (enum limits_meter)i };
        }
    }
    return ERR_OK;
}

enum err limits_begin(struct limits *limits, const struct limits_who *who, int64_t now_ns,
                      struct limits_hold *hold, struct limits_refusal *ret_refusal)
{
    ASSERT(!hold->placed && hold->count == 0);
    hold->defaults = who->defaults;
    hold->placed_ns = now_ns;
    TRY(limits_open(limits, who, now_ns, hold));
    for (size_t i = 0; i < hold->count; i++) {
        struct limits_taken *taken = &limits_taken(hold)[i];
        if (!limits_take_place(hold, taken, ret_refusal)) {
            limits_undo_begin(hold, i, true, now_ns);
            return ERR_LIMIT_CALLS;
        }
        if (!limits_take_rate(hold, taken, LIMITS_REQUESTS, 1, now_ns, ret_refusal)) {
            limits_give(taken->counter);
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
    const struct limits_counter *keys =
        limits_find(limits, LIMITS_TAG_SUBJECT + LIMITS_OF_KEY, key, STR_EMPTY, false);
    const struct limits_counter *clients =
        limits_find(limits, LIMITS_TAG_SUBJECT + LIMITS_OF_CLIENT, client, STR_EMPTY, false);
    for (int i = 0; i < LIMITS_KINDS; i++) {
        enum limits_kind kind = (enum limits_kind)i;
        int64_t of_key = keys == NULL ? LIMITS_NONE : limits_max_of(keys, false, defaults, kind);
        ret_max[i] = clients == NULL ? defaults[i] : limits_max_of(clients, true, defaults, kind);
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
    for (size_t i = 0; i < hold->count; i++) {
        for (size_t k = 0; k < EP_ARRAY_LEN(limits_token_kinds); k++) {
            if (limits_max(hold, &limits_seen(hold)[i], limits_token_kinds[k]) != LIMITS_NONE) {
                return true;
            }
        }
    }
    return false;
}

/* What is left at a meter; INT64_MAX: it has no such limit. */
static int64_t limits_left(const struct limits_hold *hold, const struct limits_taken *taken,
                           enum limits_kind kind, int64_t now_ns)
{
    int64_t max = limits_max(hold, taken, kind);
    if (max == LIMITS_NONE) {
        return INT64_MAX;
    }
    int64_t level = bucket_level(&taken->counter->full_at[kind], now_ns);
    return bucket_left(max, level, BUCKET_MINUTE_NS);
}

int64_t limits_input_left(const struct limits_hold *hold, int64_t now_ns)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < hold->count; i++) {
        const struct limits_taken *taken = &limits_seen(hold)[i];
        if (limits_is_share(taken->meter)) {
            continue;
        }
        int64_t all = limits_left(hold, taken, LIMITS_TOKENS, now_ns);
        int64_t input = limits_left(hold, taken, LIMITS_INPUT, now_ns);
        least = all < least ? all : least;
        least = input < least ? input : least;
    }
    return least;
}

/* A step is a meter and a kind of tokens: the meter's number times the kinds, plus the kind's. */
static size_t limits_steps(const struct limits_hold *hold)
{
    return hold->count * EP_ARRAY_LEN(limits_token_kinds);
}

static void limits_move_tokens(struct limits_hold *hold, size_t steps, const int64_t used[2],
                               int64_t now_ns)
{
    const int64_t times_ns[2] = { hold->at_ns, now_ns };
    for (size_t i = 0; i < steps; i++) {
        enum limits_kind kind = limits_token_kinds[i % EP_ARRAY_LEN(limits_token_kinds)];
        const int64_t counts[2] = { limits_count(kind, hold->input, hold->output),
                                    limits_count(kind, used[0], used[1]) };
        struct limits_taken *taken = &limits_taken(hold)[i / EP_ARRAY_LEN(limits_token_kinds)];
        limits_move_rate(hold, taken, kind, counts, times_ns);
    }
}

enum err limits_reserve(struct limits_hold *hold, int64_t input, int64_t output, int64_t now_ns,
                        struct limits_refusal *ret_refusal)
{
    static const int64_t nothing[2];
    ASSERT(hold->placed && !hold->reserved && input >= 0 && output >= 0);
    hold->at_ns = now_ns;
    hold->input = input;
    hold->output = output;
    for (size_t i = 0; i < limits_steps(hold); i++) {
        struct limits_taken *taken = &limits_taken(hold)[i / EP_ARRAY_LEN(limits_token_kinds)];
        enum limits_kind kind = limits_token_kinds[i % EP_ARRAY_LEN(limits_token_kinds)];
        if (!limits_take_rate(hold, taken, kind, limits_count(kind, input, output), now_ns,
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
        limits_move_tokens(hold, limits_steps(hold), used, now_ns);
    }
    if (hold->placed) {
        limits_undo_begin(hold, hold->count, !served, now_ns);
    }
    hold->reserved = false;
    hold->placed = false;
}

void limits_free(struct limits_hold *hold)
{
    ASSERT(!hold->placed);
    mem_free(hold->many);
    *hold = (struct limits_hold){ .placed = false };
}

/* ---- what is told ------------------------------------------------------------------------ */

static void limits_look_at(const struct limits_hold *hold, enum limits_kind kind, int64_t now_ns,
                           struct limits_view *view)
{
    for (size_t i = 0; i < hold->count; i++) {
        const struct limits_taken *taken = &limits_seen(hold)[i];
        if (limits_is_share(taken->meter)) {
            continue;
        }
        int64_t max = limits_max(hold, taken, kind);
        int64_t left = limits_left(hold, taken, kind, now_ns);
        if (max == LIMITS_NONE || (view->limited && left >= view->left)) {
            continue;
        }
        *view = (struct limits_view){
            .limited = true,
            .max = max,
            .left = left,
            .full_ns = bucket_level(&taken->counter->full_at[kind], now_ns),
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
