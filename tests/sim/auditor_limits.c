#include "auditor_limits.h"

#include <string.h>

#include "auditor_internal.h"
#include "life.h"

#define LIMITS_MINUTE_NS (INT64_C(60) * 1000000000)
#define LIMITS_LATELY_NS (INT64_C(10) * 1000000) /* packets take 2 ms */
#define LIMITS_ANY       (-1)

/* Whose calls a limit counts. */
struct meter {
    const char *noun;
    int account; /* LIMITS_ANY: of all */
    int hand;    /* likewise */
    int model;   /* likewise; what served is meant */
    struct play_limit limit;
};

enum {
    METER_KEY,
    METER_CLIENT,
    METER_MODEL,
    METERS
};

static void meters_of(int account, int hand, struct meter ret_meters[METERS])
{
    ret_meters[METER_KEY] =
        (struct meter){ "key", account, hand, LIMITS_ANY, play_key_limits[account][hand] };
    ret_meters[METER_CLIENT] =
        (struct meter){ "client",
                        account,
                        LIMITS_ANY,
                        LIMITS_ANY,
                        { PLAY_MINUTE_REQUESTS, PLAY_MINUTE_TOKENS, PLAY_CALLS_AT_ONCE } };
    ret_meters[METER_MODEL] =
        (struct meter){ "model", LIMITS_ANY, LIMITS_ANY, 0, { .requests = PLAY_MODEL_REQUESTS } };
}

/* The attempt whose text the client saw; NULL: none that is known. */
static const struct attempt *sale_attempt(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    bool known = sale->attempt >= 0 && sale->attempt < first->attempt_count;
    return known ? &first->attempts[sale->attempt] : NULL;
}

static bool meter_counts(struct play *play, const struct meter *meter, const struct sale *sale)
{
    const struct attempt *attempt = sale_attempt(play, sale);
    int model = attempt == NULL ? LIMITS_ANY - 1 : attempt->model;
    return sale->asking == ASK_GOOD &&
           (meter->account == LIMITS_ANY || meter->account == sale->account) &&
           (meter->hand == LIMITS_ANY || meter->hand == sale->hand) &&
           (meter->model == LIMITS_ANY || meter->model == model);
}

/* ---- no more than there is ----------------------------------------------------------------- */

/* What a served call used for certain. */
static int64_t tokens_at_least(struct play *play, const struct sale *sale)
{
    const struct attempt *attempt = sale_attempt(play, sale);
    bool certain = attempt != NULL && attempt->reported && sale->whole && sale->finish_seen &&
                   !sale->error_seen &&
                   (attempt->manner == MANNER_HONEST || attempt->manner == MANNER_SLOW);
    return certain ? attempt->prompt + attempt->completion : 0;
}

/* How long the bucket needs to be full again, if each call that was served took what it used when
 * it was begun: it took no less, and no sooner. */
static int64_t meter_level(struct play *play, const struct meter *meter, bool tokens)
{
    int64_t max = tokens ? meter->limit.tokens : meter->limit.requests;
    int64_t level_ns = 0;
    int64_t at_ns = 0;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        if (sale->life != play->lives || sale->status != 200 || sale->replayed ||
            !meter_counts(play, meter, sale)) {
            continue;
        }
        int64_t used = tokens ? tokens_at_least(play, sale) : 1;
        level_ns -= sale->begun_ns - at_ns;
        level_ns = level_ns > 0 ? level_ns : 0;
        level_ns += used * LIMITS_MINUTE_NS / max;
        at_ns = sale->begun_ns;
    }
    level_ns -= sim_now_ns(play->sim) - at_ns;
    return level_ns > 0 ? level_ns : 0;
}

static void check_rate(struct play *play, const struct meter *meter, const struct sale *sale,
                       bool tokens)
{
    int64_t max = tokens ? meter->limit.tokens : meter->limit.requests;
    if (max > 0 && meter_level(play, meter, tokens) + LIMITS_MINUTE_NS / max > LIMITS_MINUTE_NS) {
        play_fail(play, sale, "its %s has used up its %lld %s a minute, and it is let in",
                  meter->noun, (long long)max, tokens ? "tokens" : "requests");
    }
}

/* Its client reads the answer, and its upstream has not come to the end of it: it has its place. */
static bool sale_is_under_way(struct play *play, const struct sale *sale)
{
    const struct attempt *attempt = sale_attempt(play, sale);
    return sale->status == 200 && sale->stream && sale->ended_ns == 0 && !sale->replayed &&
           !sale->slow && attempt != NULL && !attempt->finished && !attempt->ended &&
           !attempt->gone && attempt->manner != MANNER_CUT && attempt->manner != MANNER_TURN &&
           attempt->manner != MANNER_ERROR_EVENT;
}

static void check_places(struct play *play, const struct meter *meter, const struct sale *sale)
{
    int64_t count = 1; /* itself */
    for (int i = 0; i < play->sale_count && meter->limit.calls > 0; i++) {
        const struct sale *other = &play->sales[i];
        count +=
            other != sale && meter_counts(play, meter, other) && sale_is_under_way(play, other);
    }
    if (meter->limit.calls > 0 && count > meter->limit.calls) {
        play_fail(play, sale, "its %s has %lld calls at once", meter->noun, (long long)count);
    }
}

static bool sale_was_asked_as(const struct sale *sale, int model)
{
    bool asked = false;
    for (int i = 0; i < sale->attempt_count; i++) {
        asked |= sale->attempts[i].model == model;
    }
    return asked;
}

void auditor_limits_on_asked(struct play *play, const struct sale *sale, int model, bool fresh)
{
    struct meter meters[METERS];
    if (!play_is_limited(play) || sale->key > 0 || sale->repeated) {
        return; /* of several calls that are one, nobody outside knows which is asked for */
    }
    meters_of(sale->account, sale->hand, meters);
    for (size_t i = 0; i < METERS; i++) {
        bool due = meters[i].model == LIMITS_ANY
                       ? fresh
                       : meters[i].model == model && !sale_was_asked_as(sale, model);
        if (due) {
            audit_count();
            check_rate(play, &meters[i], sale, false);
            check_rate(play, &meters[i], sale, true);
            check_places(play, &meters[i], sale);
        }
    }
}

/* ---- what was not used is back --------------------------------------------------------------- */

/* A call that was refused counts as not made; but what its client has just learned may have been
 * otherwise when the head was sent that another one reads now. */
static bool sale_was_refused(const struct play *play, const struct sale *sale)
{
    bool lately = sale->ended_ns > sim_now_ns(play->sim) - LIMITS_LATELY_NS;
    bool refused = sale->whole && (sale->status == 404 || sale->status == 429 ||
                                   sale->status == 409 || sale->status == 422);
    return sale->ended_ns != 0 && !lately && (sale->replayed || refused);
}

/* What any of its attempts can be billed at the most. */
static int64_t tokens_at_most(struct play *play, const struct sale *sale)
{
    const struct sale *first = play_first(play, sale->number);
    int64_t most = 0;
    for (int i = 0; i < first->attempt_count; i++) {
        int64_t used = first->attempts[i].prompt + first->attempts[i].completion;
        most = used > most ? used : most;
    }
    return most;
}

static int64_t used_at_most(struct play *play, const struct meter *meter, bool tokens)
{
    int64_t used = 0;
    struct meter any = *meter;
    any.model = LIMITS_ANY;
    for (int i = 0; i < play->sale_count; i++) {
        const struct sale *sale = &play->sales[i];
        /* What was begun before this life may have come to it. */
        bool here = sale->ended_ns == 0 || sale->life_ended == play->lives;
        if (here && meter_counts(play, &any, sale) && !sale_was_refused(play, sale)) {
            used += tokens ? tokens_at_most(play, sale) : 1;
        }
    }
    return used;
}

/* The least that must be left of the tightest limit. */
static int64_t left_at_least(struct play *play, const struct meter meters[METERS], bool tokens)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < METERS; i++) {
        int64_t max = tokens ? meters[i].limit.tokens : meters[i].limit.requests;
        int64_t rounded = max > 0 && LIMITS_MINUTE_NS % max != 0; /* what is told is whole */
        int64_t left = max - used_at_most(play, &meters[i], tokens) - rounded;
        least = max > 0 && left < least ? left : least;
    }
    return least;
}

void auditor_limits_on_head(struct play *play, const struct sale *sale)
{
    struct meter meters[METERS];
    if (!play_is_limited(play) || !sale->has_left || sale->life != play->lives || sale->slow) {
        return;
    }
    meters_of(sale->account, sale->hand, meters);
    int64_t least = left_at_least(play, meters, false) + (sale->replayed ? 1 : 0); /* not itself */
    audit_count();
    if (sale->left < least) {
        play_fail(play, sale, "%lld requests are said to be left, and at least %lld must be",
                  (long long)sale->left, (long long)least);
    }
}

static void check_rest(struct play *play, int account, int hand)
{
    struct meter meters[METERS];
    struct life_left left = life_left(play->life, &play->accounts[account], hand);
    meters_of(account, hand, meters);
    audit_count();
    int64_t requests = left_at_least(play, meters, false);
    int64_t tokens = left_at_least(play, meters, true);
    if (!left.place) {
        play_fail(play, NULL, "nothing is under way, and key %d of account %d has no place", hand,
                  account);
    }
    if (left.requests < requests || left.tokens < tokens) {
        play_fail(play, NULL,
                  "key %d of account %d at rest: %lld requests and %lld tokens are left, and at "
                  "least %lld and %lld must be",
                  hand, account, (long long)left.requests, (long long)left.tokens,
                  (long long)requests, (long long)tokens);
    }
}

void auditor_limits_at_rest(struct play *play)
{
    for (int i = 0; i < PLAY_ACCOUNTS * PLAY_HANDS_LIMITED && play_is_limited(play); i++) {
        check_rest(play, i / PLAY_HANDS_LIMITED, i % PLAY_HANDS_LIMITED);
    }
}
