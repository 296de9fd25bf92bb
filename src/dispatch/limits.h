/*
 * Limits: how many requests and tokens a minute, and how many calls at once, a key, a client or a
 * model may have; the first two also for one model alone. What a call will need is reserved when it
 * is admitted and put right when it ends.
 *
 * A rate is a bucket that holds one minute's worth and fills evenly (GCRA): one number says when it
 * will be full again, so that a reservation is one exchange of it and nothing runs on a timer.
 * Everything lives in memory: after a restart all buckets are full.
 *
 * A model's limit is shared between clients, and a client's between its keys: half of it is for
 * whoever comes first; beyond it nobody gets more than the even share among those who asked within
 * this minute or the last, so that one who hammers does not shut out the others.
 *
 * Meters are made for whom a limit is set and at a client's first call, and live until
 * limits_destroy(): clients are authenticated, so nobody outside can make them grow. Threads: any.
 * Times are a monotonic clock's; threads may read it a little apart.
 */
#pragma once

#include "base/id.h"

/* Of a minute each, but the last: how many are under way at once. */
enum limits_kind {
    LIMITS_REQUESTS,
    LIMITS_TOKENS, /* of input and output together */
    LIMITS_INPUT,
    LIMITS_OUTPUT,
    LIMITS_CALLS,
    LIMITS_KINDS
};
#define LIMITS_RATES LIMITS_CALLS /* the kinds before it are rates */

#define LIMITS_NONE    INT64_C(-1)            /* no limit */
#define LIMITS_DEFAULT INT64_C(-2)            /* what the configuration says, else none */
#define LIMITS_MOST    INT64_C(1000000000000) /* far above what any machine counts in a minute */

#define LIMITS_MODEL_MAX 256 /* bytes of a model's name */

enum limits_of {
    LIMITS_OF_KEY,
    LIMITS_OF_CLIENT,
    LIMITS_OF_MODEL, /* of all clients together */
    LIMITS_OFS
};

struct limits_subject {
    enum limits_of of;
    struct id id;     /* of the key or client; unused of a model */
    struct str model; /* empty: all models together, which a model's own limit cannot be */
};

struct limits;
struct limits_counter;

EP_MUST_CHECK enum err limits_create(struct limits **ret_limits);
void limits_destroy(struct limits *limits); /* NULL is allowed; everything taken came back */

/* From now on; calls under way keep what they have. Each of `max` is 0 to LIMITS_MOST, LIMITS_NONE
 * or LIMITS_DEFAULT. ERR_NO_MEMORY: nothing has changed. */
EP_MUST_CHECK enum err limits_set(struct limits *limits, const struct limits_subject *subject,
                                  const int64_t max[LIMITS_KINDS]);

/* What a key or a client may have, whatever the model: of each kind the least of what is set for it
 * and, of a client, of `defaults`; LIMITS_NONE: no such limit. */
void limits_tell(struct limits *limits, struct id key, struct id client,
                 const int64_t defaults[LIMITS_KINDS], int64_t ret_max[LIMITS_KINDS]);

/* ---- a call ------------------------------------------------------------------------------ */

/* The meters that a call may have, in the order in which it takes from them: what is shared by more
 * comes later, so that a refusal by one's own limit never disturbs others. */
enum limits_meter {
    LIMITS_METER_KEY_MODEL,
    LIMITS_METER_KEY,
    LIMITS_METER_KEY_MODEL_SHARE, /* the key's part of what the next counts */
    LIMITS_METER_CLIENT_MODEL,
    LIMITS_METER_KEY_SHARE, /* likewise */
    LIMITS_METER_CLIENT,
    LIMITS_METER_SHARE, /* the client's part of what the next counts */
    LIMITS_METER_MODEL,
    LIMITS_METERS
};

struct limits_who {
    struct id key;
    struct id client;
    struct str model;
    bool several;            /* the client has other keys, too */
    const int64_t *defaults; /* [LIMITS_KINDS] of a client; kept until limits_free() */
};

/* What was taken of one meter. */
struct limits_taken {
    struct limits_counter *counter;
    /* When each bucket will have filled up over what was taken, in units of 16 ns from the taking:
     * what has filled up by itself is not given back once more. 0: nothing was taken. */
    uint32_t fills[LIMITS_RATES];
    enum limits_meter meter;
};

#define LIMITS_FEW 2 /* meters of most calls: the client's, and the key's part of it */

/* What a call has taken; zeroed at first. */
struct limits_hold {
    struct limits_taken few[LIMITS_FEW]; /* in the order of the meters, those that there are */
    struct limits_taken *many;           /* all of them, where there are more */
    const int64_t *defaults;
    int64_t placed_ns; /* when the request was taken */
    int64_t at_ns;     /* when tokens were */
    int64_t input;     /* tokens reserved */
    int64_t output;    /* likewise */
    unsigned char count;
    bool placed;   /* a place and a request are taken */
    bool reserved; /* tokens are */
};

/* Which limit refused a call, and until when. */
struct limits_refusal {
    enum limits_meter meter;
    enum limits_kind kind;
    int64_t max;
    int64_t left;
    int64_t asked;
    int64_t wait_ns; /* until it would pass if nobody else asked; -1: never */
};

/*
 * A place and a request. ERR_LIMIT_CALLS, ERR_LIMIT_REQUESTS: nothing was taken, *ret_refusal says
 * which; the meters stay in `hold` to be looked at. ERR_NO_MEMORY: it has none.
 */
EP_MUST_CHECK enum err limits_begin(struct limits *limits, const struct limits_who *who,
                                    int64_t now_ns, struct limits_hold *hold,
                                    struct limits_refusal *ret_refusal);
/* Whether any limit counts tokens; if so, `input` is to be known well. */
bool limits_count_tokens(const struct limits_hold *hold);
/* Tokens that are left of the tightest limit of input, or of all, now. INT64_MAX: none. */
int64_t limits_input_left(const struct limits_hold *hold, int64_t now_ns);
/* Once. ERR_LIMIT_TOKENS: no token was taken. ERR_LIMIT_SIZE: that can never pass. */
EP_MUST_CHECK enum err limits_reserve(struct limits_hold *hold, int64_t input, int64_t output,
                                      int64_t now_ns, struct limits_refusal *ret_refusal);
/* What the call has used takes the place of what was reserved; it may be more. Not `served`: the
 * request counts as not made. May be called whatever was taken, and again. */
void limits_end(struct limits_hold *hold, int64_t input, int64_t output, bool served,
                int64_t now_ns);
/* After limits_end(): nothing is left to be looked at, and it may begin again. */
void limits_free(struct limits_hold *hold);

/* What a client is told of its tightest limit. */
struct limits_view {
    bool limited;
    int64_t max;
    int64_t left;
    int64_t full_ns; /* until all of it may be had again */
};
/* Of requests, and of the three kinds of tokens together. */
void limits_look(const struct limits_hold *hold, int64_t now_ns, struct limits_view *ret_requests,
                 struct limits_view *ret_tokens);

/* ---- places without a rate --------------------------------------------------------------- */

/* One more of `id`, of which `max` may be under way; such ids are no client's. ERR_LIMIT_CALLS,
 * ERR_NO_MEMORY: nothing was taken. */
EP_MUST_CHECK enum err limits_take(struct limits *limits, struct id id, uint64_t max,
                                   struct limits_counter **ret_counter);
/* Once for each taken. */
void limits_give(struct limits_counter *counter);
uint64_t limits_under_way(struct limits *limits, struct id id);
