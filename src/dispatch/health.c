#include "dispatch/health.h"

#include "base/money.h" /* its wide integer, for products of times */

/* Means keep their time in 2^26 ns (67 ms), so that 32 bits of it are nine years. */
#define HEALTH_TICK_SHIFT      26
#define HEALTH_HALF_LIFE_TICKS ((uint64_t)HEALTH_HALF_LIFE_NS >> HEALTH_TICK_SHIFT)
#define HEALTH_ONE             UINT64_C(65536)     /* fixed point: 16 bits behind the point */
#define HEALTH_MEAN_PART       (HEALTH_ONE / 8)    /* of a fresh mean that one sample makes up */
#define HEALTH_USUAL_PART      (HEALTH_ONE / 256)  /* what is usual takes hundreds of calls; */
#define HEALTH_LATER_PART      (HEALTH_ONE / 1024) /* what is late now becomes usual in an hour */
#define HEALTH_OUTLIER         8 /* times the mean: more in one sample counts as that much */
#define HEALTH_ERROR_PART      (HEALTH_ONE / 16) /* two chance failures are not yet 20 % */
#define HEALTH_PPM             UINT64_C(1000000)
#define HEALTH_NS_PER_US       1000
#define HEALTH_NS_PER_S        INT64_C(1000000000)
#define HEALTH_MEDIAN          50
#define HEALTH_BEGINS_LATE     2  /* samples beyond a percentile: one may be chance */
#define HEALTH_BACKOFF_MAX     16 /* more doublings pass every maximum, fewer overflow */

#define HEALTH_ERROR_AS_NAME(name, text, breaks) STR_INIT(text),
#define HEALTH_ERROR_AS_BOOL(name, text, breaks) breaks,
static const struct str error_names[] = { HEALTH_ERROR_TABLE(HEALTH_ERROR_AS_NAME) };
static const bool error_breaks[] = { HEALTH_ERROR_TABLE(HEALTH_ERROR_AS_BOOL) };
#undef HEALTH_ERROR_AS_NAME
#undef HEALTH_ERROR_AS_BOOL

struct str health_error_name(enum health_error error)
{
    ASSERT(error < HEALTH_ERROR_COUNT);
    return error_names[error];
}

#define LOAD(field)         atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* ---- means that fade ---------------------------------------------------------------------- */

/* 2^(-age / half-life): 65536 is one. Between whole half-lives a parabola, right to 0.5 %. */
static uint64_t health_faded(uint64_t age_ticks)
{
    uint64_t whole = age_ticks / HEALTH_HALF_LIFE_TICKS;
    if (whole >= 16) {
        return 0;
    }
    uint64_t part = age_ticks % HEALTH_HALF_LIFE_TICKS * HEALTH_ONE / HEALTH_HALF_LIFE_TICKS;
    uint64_t bent = 43267 - (part * 10499 >> 16);
    return (HEALTH_ONE - (part * bent >> 16)) >> whole;
}

static uint32_t health_ticks(int64_t now_ns)
{
    ASSERT(now_ns >= 0);
    return (uint32_t)((uint64_t)now_ns >> HEALTH_TICK_SHIFT);
}

/* Another thread may have learned a moment later than `now`: that is no age. */
static uint64_t health_fade_of(uint64_t word, int64_t now_ns)
{
    uint32_t age = health_ticks(now_ns) - (uint32_t)word;
    return age > UINT32_MAX / 2 ? HEALTH_ONE : health_faded(age);
}

static uint64_t health_clamp(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : value;
}

/* A mean of what is measured: `least` of it is the next sample, and all the more the older it is,
 * if it `fades`. One sample alone cannot drive it off. */
static void health_mix(_Atomic uint64_t *mean, uint64_t sample, uint64_t least, bool fades,
                       int64_t now_ns)
{
    uint64_t word = atomic_load_explicit(mean, memory_order_relaxed);
    uint64_t fresh;
    sample = health_clamp(sample);
    do {
        uint64_t old = word >> 32;
        uint64_t faded = fades ? HEALTH_ONE - health_fade_of(word, now_ns) : 0;
        uint64_t part = faded > least ? faded : least;
        uint64_t kept = sample < old * HEALTH_OUTLIER ? sample : old * HEALTH_OUTLIER;
        uint64_t value = (old * (HEALTH_ONE - part) + kept * part) / HEALTH_ONE;
        value = health_clamp(old == 0 ? sample : value);
        fresh = (value > 0 ? value : 1) << 32 | health_ticks(now_ns); /* 0 is "not known" */
    } while (!atomic_compare_exchange_weak_explicit(mean, &word, fresh, memory_order_relaxed,
                                                    memory_order_relaxed));
}

/* A share or a count, which fades toward 0 and to which each sample adds its part. */
static void health_add(_Atomic uint64_t *mean, uint64_t sample, uint64_t part, uint64_t kept,
                       int64_t now_ns)
{
    uint64_t word = atomic_load_explicit(mean, memory_order_relaxed);
    uint64_t fresh;
    do {
        uint64_t old = (word >> 32) * health_fade_of(word, now_ns) / HEALTH_ONE;
        uint64_t value = (old * kept + sample * part) / HEALTH_ONE;
        fresh = health_clamp(value) << 32 | health_ticks(now_ns);
    } while (!atomic_compare_exchange_weak_explicit(mean, &word, fresh, memory_order_relaxed,
                                                    memory_order_relaxed));
}

/* At least 1: 0 is "not known". */
static uint64_t health_us(int64_t ns)
{
    return health_clamp((uint64_t)(ns / HEALTH_NS_PER_US) + 1);
}

/* ---- the upstream's own limits ------------------------------------------------------------ */

static void health_learn_limit(struct health_limit *limit, const struct health_quota *quota,
                               int64_t now_ns)
{
    if (!quota->known) {
        return;
    }
    int64_t reset = quota->reset_ns > 0 ? quota->reset_ns : HEALTH_REST_NS;
    reset = reset < HEALTH_REST_MAX_NS ? reset : HEALTH_REST_MAX_NS;
    STORE(limit->left, quota->left);
    STORE(limit->limit, quota->limit);
    STORE(limit->told_ns, now_ns);
    STORE(limit->until_ns, now_ns + reset);
}

/* When `need` will be there; 0: it is. */
static int64_t health_limit_until(const struct health_limit *limit, int64_t need, int64_t now_ns)
{
    int64_t until = LOAD(limit->until_ns);
    int64_t left = LOAD(limit->left);
    if (until <= now_ns || left >= need) {
        return 0;
    }
    int64_t whole = LOAD(limit->limit);
    int64_t told = LOAD(limit->told_ns);
    if (whole <= left || told >= until) {
        return until;
    }
    /* It grows steadily; what exceeds all of it waits for all of it. */
    need = need < whole ? need : whole;
    money_wide part = (money_wide)(until - told) * (need - left);
    int64_t at = told + (int64_t)(part / (whole - left));
    return at > now_ns ? at : 0;
}

static void health_spend_of(struct health_limit *limit, int64_t count)
{
    if (LOAD(limit->until_ns) > 0) {
        (void)atomic_fetch_sub_explicit(&limit->left, count, memory_order_relaxed);
    }
}

void health_spend(struct health *health, int64_t tokens)
{
    health_spend_of(&health->requests, 1);
    health_spend_of(&health->tokens, tokens);
}

/* ---- may it be asked? --------------------------------------------------------------------- */

enum health_state health_state(const struct health *health, int64_t tokens, int64_t now_ns,
                               int64_t *ret_until_ns)
{
    int64_t open_until = LOAD(health->open_until_ns);
    int64_t rest_until = LOAD(health->rest_until_ns);
    *ret_until_ns = 0;
    if (open_until > now_ns) {
        *ret_until_ns = open_until;
        return HEALTH_OPEN;
    }
    if (rest_until > now_ns) {
        *ret_until_ns = rest_until;
        return HEALTH_RESTING;
    }
    int64_t requests = health_limit_until(&health->requests, 1, now_ns);
    int64_t spent = health_limit_until(&health->tokens, tokens, now_ns);
    spent = spent > requests ? spent : requests;
    if (spent > 0) {
        *ret_until_ns = spent;
        return HEALTH_SPENT;
    }
    if (open_until == 0) {
        return HEALTH_READY;
    }
    return LOAD(health->probing) ? HEALTH_PROBED : HEALTH_HALF_OPEN;
}

/* It is back, and not for long: what ends while it is still away says nothing of the return. */
static bool health_returning(const struct health *health, int64_t now_ns)
{
    int64_t returned = LOAD(health->returned_ns);
    return returned != 0 && returned <= now_ns && now_ns - returned < HEALTH_RETURN_NS &&
           LOAD(health->fines) < HEALTH_RETURN_FINES;
}

uint64_t health_allowance(const struct health *health, int64_t now_ns)
{
    return health_returning(health, now_ns) ? 1 + LOAD(health->fines) : UINT64_MAX;
}

bool health_probe(struct health *health, int64_t now_ns)
{
    bool idle = false;
    if (!atomic_compare_exchange_strong_explicit(&health->probing, &idle, true,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    int64_t until = LOAD(health->open_until_ns);
    if (until > 0 && until <= now_ns) {
        return true;
    }
    /* The last probe ended between the look and the step: it is open again, or closed. */
    atomic_store_explicit(&health->probing, false, memory_order_release);
    return false;
}

/* ---- how it went -------------------------------------------------------------------------- */

static int64_t health_doubled(int64_t first_ns, uint64_t times, int64_t max_ns)
{
    int64_t wait = first_ns << (times < HEALTH_BACKOFF_MAX ? times : HEALTH_BACKOFF_MAX);
    return wait < max_ns ? wait : max_ns;
}

static void health_return(struct health *health, int64_t at_ns)
{
    STORE(health->fines, 0);
    STORE(health->returned_ns, at_ns > 0 ? at_ns : 1); /* 0 is "has not been away" */
}

/* Only the first of many failures at once finds it closed; a probe finds it half-open. */
static void health_open(struct health *health, int64_t found, int64_t now_ns)
{
    int64_t returned = LOAD(health->returned_ns);
    if (LOAD(health->open_until_ns) != found) {
        return; /* another failure was first, or it is one from before */
    }
    if (found == 0 && (returned == 0 || now_ns - returned >= HEALTH_RETURN_NS)) {
        STORE(health->openings, 0); /* it had been back for good */
    }
    uint64_t openings = LOAD(health->openings);
    int64_t until = now_ns + health_doubled(HEALTH_OPEN_NS, openings, HEALTH_OPEN_MAX_NS);
    if (atomic_compare_exchange_strong_explicit(&health->open_until_ns, &found, until,
                                                memory_order_relaxed, memory_order_relaxed)) {
        STORE(health->openings, openings + 1);
    }
}

/* What it was before it was away says nothing of now; the slow start bounds the risk. */
static void health_close(struct health *health, const struct health_lesson *lesson, int64_t now_ns)
{
    STORE(health->errors, 0);
    if (lesson != NULL && lesson->first_ns > 0 && !lesson->whole) {
        STORE(health->first, health_us(lesson->first_ns) << 32 | health_ticks(now_ns));
    }
    health_return(health, now_ns);
    STORE(health->open_until_ns, 0);
}

/* The probe is over: what it changed is seen by whoever takes the next. */
static void health_end_probe(struct health *health, bool probe)
{
    if (probe) {
        atomic_store_explicit(&health->probing, false, memory_order_release);
    }
}

/* One 429 of many at once makes the rest longer. */
static void health_rest(struct health *health, int64_t asked_ns, int64_t now_ns)
{
    int64_t old = LOAD(health->rest_until_ns);
    uint64_t rests = old > now_ns
                         ? LOAD(health->rests)
                         : atomic_fetch_add_explicit(&health->rests, 1, memory_order_relaxed);
    rests = old > now_ns && rests > 0 ? rests - 1 : rests;
    int64_t wait =
        asked_ns > 0 ? asked_ns : health_doubled(HEALTH_REST_NS, rests, HEALTH_REST_MAX_NS);
    int64_t until = now_ns + (wait < HEALTH_REST_MAX_NS ? wait : HEALTH_REST_MAX_NS);
    while (old < until) {
        if (atomic_compare_exchange_weak_explicit(&health->rest_until_ns, &old, until,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            health_return(health, until);
            break;
        }
    }
}

bool health_is_slow(int64_t first_us, int64_t usual_us)
{
    return first_us > HEALTH_SLOW_US && first_us > HEALTH_SLOW_TIMES * usual_us;
}

static bool health_slow_now(const struct health *health)
{
    return health_is_slow((int64_t)(LOAD(health->first) >> 32),
                          (int64_t)(LOAD(health->usual) >> 32));
}

/* One quick answer of a slow route may be chance: it returns as others do, with few calls. */
static void health_learn_first(struct health *health, uint64_t us, int64_t now_ns)
{
    bool slow = health_slow_now(health);
    bool late = health_is_slow((int64_t)us, (int64_t)(LOAD(health->usual) >> 32));
    health_mix(&health->first, us, HEALTH_MEAN_PART, true, now_ns);
    health_mix(&health->usual, us, late ? HEALTH_LATER_PART : HEALTH_USUAL_PART, false, now_ns);
    if (slow && !health_slow_now(health)) {
        health_return(health, now_ns);
    }
}

static struct spread *health_spread(struct health *health, bool whole)
{
    return whole ? &health->wholes : &health->streams;
}

/* What stands in an answer's head, and when its text began. */
static void health_learn_begin(struct health *health, const struct health_lesson *lesson,
                               int64_t now_ns)
{
    health_learn_limit(&health->requests, &lesson->requests, now_ns);
    health_learn_limit(&health->tokens, &lesson->tokens, now_ns);
    if (lesson->first_ns > 0 && !lesson->whole) {
        health_learn_first(health, health_us(lesson->first_ns), now_ns);
    }
    if (lesson->first_ns > 0) {
        spread_add(health_spread(health, lesson->whole), (int64_t)health_us(lesson->first_ns));
    }
}

static void health_learn(struct health *health, const struct health_lesson *lesson, int64_t now_ns)
{
    if (lesson == NULL) {
        return;
    }
    if (!lesson->begun) {
        health_learn_begin(health, lesson, now_ns);
    }
    if (lesson->rest_ns > 0 && lesson->tokens_out > 0) {
        money_wide speed = (money_wide)lesson->tokens_out * 1000 * HEALTH_NS_PER_S;
        speed /= lesson->rest_ns;
        health_mix(&health->speed, speed > UINT32_MAX ? UINT32_MAX : (uint64_t)speed,
                   HEALTH_MEAN_PART, true, now_ns);
    }
}

/* This answer, not the mean. */
static bool health_late(const struct health *health, const struct health_lesson *lesson)
{
    return lesson != NULL && lesson->first_ns > 0 && !lesson->whole &&
           health_is_slow((int64_t)health_us(lesson->first_ns),
                          (int64_t)(LOAD(health->usual) >> 32));
}

/* An answer is there or has begun: that closes the breaker, or gives a returning route one more. */
static void health_answered(struct health *health, bool probe, const struct health_lesson *lesson,
                            int64_t now_ns)
{
    if (probe) {
        health_close(health, lesson, now_ns);
    } else if (health_returning(health, now_ns) && !health_late(health, lesson)) {
        (void)atomic_fetch_add_explicit(&health->fines, 1, memory_order_relaxed);
    }
    health_end_probe(health, probe);
}

void health_begin(struct health *health, bool probe, const struct health_lesson *lesson,
                  int64_t now_ns)
{
    health_learn_begin(health, lesson, now_ns);
    health_answered(health, probe, lesson, now_ns);
}

void health_fine(struct health *health, bool probe, const struct health_lesson *lesson,
                 int64_t now_ns)
{
    ASSERT(!probe || lesson == NULL || !lesson->begun);
    health_learn(health, lesson, now_ns);
    health_add(&health->errors, 0, HEALTH_ERROR_PART, HEALTH_ONE - HEALTH_ERROR_PART, now_ns);
    STORE(health->failures, 0);
    STORE(health->rests, 0);
    if (lesson == NULL || !lesson->begun) {
        health_answered(health, probe, lesson, now_ns);
    }
}

void health_fail(struct health *health, bool probe, const struct health_lesson *lesson,
                 int64_t now_ns)
{
    enum health_error error = lesson != NULL ? lesson->error : HEALTH_ERROR_NONE;
    ASSERT(error < HEALTH_ERROR_COUNT);
    health_learn(health, lesson, now_ns);
    health_add(&health->kinds[error], 1000, HEALTH_ONE, HEALTH_ONE, now_ns);
    if (!error_breaks[error]) {
        health_rest(health, lesson->retry_after_ns, now_ns);
        health_end_probe(health, probe);
        return;
    }
    health_add(&health->errors, HEALTH_PPM, HEALTH_ERROR_PART, HEALTH_ONE - HEALTH_ERROR_PART,
               now_ns);
    STORE(health->fines, 0);
    uint64_t failures = atomic_fetch_add_explicit(&health->failures, 1, memory_order_relaxed) + 1;
    if (probe) {
        health_open(health, LOAD(health->open_until_ns), now_ns);
    } else if (failures >= HEALTH_FAILURES_MAX) {
        health_open(health, 0, now_ns);
    }
    health_end_probe(health, probe);
}

void health_drop(struct health *health, bool probe)
{
    health_end_probe(health, probe);
}

/* Without these, a route whose late answers are all overtaken would look quicker and quicker. The
 * time that it would have taken is longer still, and on the same side of each percentile that is
 * hedged after. */
void health_overtaken(struct health *health, bool probe, const struct health_lesson *lesson,
                      int64_t now_ns)
{
    struct spread *spread = health_spread(health, lesson->whole);
    uint64_t us = health_us(lesson->first_ns);
    int64_t usual = spread_at(spread, HEALTH_MEDIAN);
    uint64_t mean = LOAD(health->first) >> 32;
    ASSERT(!lesson->begun);
    health_learn_limit(&health->requests, &lesson->requests, now_ns);
    health_learn_limit(&health->tokens, &lesson->tokens, now_ns);
    if (usual > 0 && us >= (uint64_t)usual) {
        spread_add(spread, (int64_t)us);
    }
    if (!lesson->whole && mean > 0 && us > mean) {
        health_learn_first(health, us, now_ns);
    }
    health_end_probe(health, probe);
}

/* ---- what is known of it ------------------------------------------------------------------ */

void health_view(const struct health *health, int64_t now_ns, struct health_view *ret_view)
{
    uint64_t first = LOAD(health->first);
    uint64_t speed = LOAD(health->speed);
    uint64_t errors = LOAD(health->errors);
    uint64_t first_fade = health_fade_of(first, now_ns);
    uint64_t speed_fade = health_fade_of(speed, now_ns);
    *ret_view = (struct health_view){
        .first_us = (int64_t)(first >> 32),
        .hoped_us = (int64_t)((first >> 32) * first_fade / HEALTH_ONE),
        .usual_us = (int64_t)(LOAD(health->usual) >> 32),
        .millitokens = (int64_t)(speed >> 32),
        .hoped_millitokens = (int64_t)((speed >> 32) * HEALTH_ONE / (speed_fade + 1)),
        .errors_ppm = (int64_t)((errors >> 32) * health_fade_of(errors, now_ns) / HEALTH_ONE),
    };
}

int64_t health_kind(const struct health *health, enum health_error error, int64_t now_ns)
{
    ASSERT(error < HEALTH_ERROR_COUNT);
    uint64_t word = LOAD(health->kinds[error]);
    return (int64_t)((word >> 32) * health_fade_of(word, now_ns) / HEALTH_ONE);
}

int64_t health_begins(const struct health *health, bool whole, int64_t percent)
{
    const struct spread *spread = whole ? &health->wholes : &health->streams;
    int64_t count = spread_count(spread);
    bool told = count >= HEALTH_BEGINS_MIN && count * (100 - percent) >= 100 * HEALTH_BEGINS_LATE;
    return told ? spread_at(spread, percent) : 0;
}
