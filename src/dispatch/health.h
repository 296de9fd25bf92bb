/*
 * What attempts teach about a route: how soon it begins, how fast it goes on, how it fails and how
 * much it still takes. Everything fades: half of it in HEALTH_HALF_LIFE_NS, so that a route which
 * is not asked is not condemned for ever.
 *
 * A breaker opens after failures in a row, for a time that doubles while they go on; then one call
 * alone is let through (half-open), and its end decides. A route that returns starts slowly. A 429
 * is no failure: the route rests as long as it says.
 *
 * Threads: any, without locks; each number is right by itself, and two of them may be an instant
 * apart. Time is an argument, on one clock that never goes back, from 0 on.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"
#include "dispatch/spread.h"

#define HEALTH_HALF_LIFE_NS   INT64_C(30000000000)  /* 30 s: as peers look back for outages */
#define HEALTH_FAILURES_MAX   3                     /* in a row: one may be chance */
#define HEALTH_OPEN_NS        INT64_C(5000000000)   /* 5 s: a restart of the upstream */
#define HEALTH_OPEN_MAX_NS    INT64_C(60000000000)  /* nobody waits more after a repair */
#define HEALTH_REST_NS        INT64_C(1000000000)   /* after a 429 that names no time; doubles */
#define HEALTH_REST_MAX_NS    INT64_C(300000000000) /* 5 min: a longer Retry-After is asked again */
#define HEALTH_RETURN_NS      INT64_C(60000000000)  /* the slow start's end at the latest, */
#define HEALTH_RETURN_FINES   64      /* or after so many good answers: six doublings */
#define HEALTH_SLOW_TIMES     4       /* as late as usual: it ails, as if it failed; */
#define HEALTH_SLOW_US        1000000 /* but nobody minds what begins within a second */
#define HEALTH_AILING_PERCENT 20      /* of attempts that fail: asked after the healthy ones */
#define HEALTH_BEGINS_MIN     50      /* answers, and two that were later: else no percentile */

/* How an attempt failed: name, as it is written, whether the breaker counts it. */
#define HEALTH_ERROR_TABLE(X)                                               \
    X(NONE, "other", true)              /* of a failure: not told */        \
    X(UNREACHABLE, "unreachable", true) /* name, connection, TLS */         \
    X(TIMEOUT, "timeout", true)         /* no first byte in time */         \
    X(CUT, "cut", true)                 /* broke off, or fell silent */     \
    X(STATUS, "status", true)           /* 5xx */                           \
    X(REFUSED, "refused", true)         /* 401, 402, 403: our credential */ \
    X(SYNTAX, "syntax", true)           /* no answer in its dialect */      \
    X(MODEL, "model", true)             /* another model answered */        \
    X(BUSY, "busy", false)              /* 429, or 503 with Retry-After */

#define HEALTH_ERROR_AS_ENUM(name, text, breaks) HEALTH_ERROR_##name,
enum health_error {
    HEALTH_ERROR_TABLE(HEALTH_ERROR_AS_ENUM) HEALTH_ERROR_COUNT
};
#undef HEALTH_ERROR_AS_ENUM

/* One rate-limit of the upstream's, as its headers tell it. */
struct health_quota {
    bool known;
    int64_t left;     /* requests, or tokens */
    int64_t limit;    /* that `left` grows to by then, steadily; 0: not told, at once */
    int64_t reset_ns; /* from now; 0: not told, HEALTH_REST_NS */
};

/* What one attempt taught; all zero: nothing. */
struct health_lesson {
    enum health_error error;
    bool begun;             /* health_begin() was told of first_ns and the limits already */
    bool whole;             /* the answer comes in one piece, when all of it is written */
    int64_t first_ns;       /* from the request to the first byte of the answer's text; 0: none */
    int64_t rest_ns;        /* from the first to the last; 0: not streamed */
    int64_t tokens_out;     /* that came in rest_ns */
    int64_t retry_after_ns; /* 0: not told */
    struct health_quota requests;
    struct health_quota tokens;
};

/*
 * A header of an upstream's answer: Retry-After, retry-after-ms, and of limits
 * x-ratelimit-{limit,remaining,reset}-{requests,tokens},
 * anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}, [x-]ratelimit-{limit,remaining,
 * reset}. Others, and values that cannot be read, teach nothing. `wall_ns`: now, for what is told
 * as a date.
 */
void health_read_header(struct health_lesson *lesson, struct str name, struct str value,
                        int64_t wall_ns);
struct str health_error_name(enum health_error error); /* static */

/* ---- of one route ------------------------------------------------------------------------- */

struct health_limit {
    _Atomic int64_t left; /* as told, less what was taken since; may be below 0 */
    _Atomic int64_t limit;
    _Atomic int64_t told_ns;
    _Atomic int64_t until_ns; /* it is whole again; 0: none was told */
};

/* All zero: nothing is known, and nothing speaks against it. A mean is the number in the upper half
 * of its word and when it was learned in the lower. */
struct health {
    _Atomic uint64_t first;  /* microseconds to the first token */
    _Atomic uint64_t usual;  /* the same over the last few hundred calls, however old */
    _Atomic uint64_t speed;  /* thousandths of a token a second */
    _Atomic uint64_t errors; /* millionths of attempts */
    _Atomic uint64_t kinds[HEALTH_ERROR_COUNT]; /* thousandths of one */
    _Atomic uint64_t failures;                  /* in a row */
    _Atomic int64_t open_until_ns;              /* 0: closed; later than now: open; else half */
    _Atomic uint64_t openings;                  /* without a whole return between */
    _Atomic bool probing;                       /* the half-open breaker's call is under way */
    _Atomic int64_t rest_until_ns;
    _Atomic uint64_t rests; /* in a row */
    _Atomic int64_t returned_ns;
    _Atomic uint64_t fines; /* since it returned; only counted until it is back */
    struct health_limit requests;
    struct health_limit tokens;
    struct spread streams; /* how soon they begin */
    struct spread wholes;  /* likewise, of answers in one piece */
};

enum health_state {
    HEALTH_READY,
    HEALTH_HALF_OPEN, /* takes one call: health_probe() */
    HEALTH_OPEN,      /* until ret_until_ns */
    HEALTH_PROBED,    /* half-open, and the call is under way */
    HEALTH_RESTING,   /* 429, until ret_until_ns */
    HEALTH_SPENT      /* its limits have less than the call needs, until ret_until_ns */
};
enum health_state health_state(const struct health *health, int64_t tokens, int64_t now_ns,
                               int64_t *ret_until_ns);
/* How many calls may be under way at once: one on return, one more for each good answer that is not
 * late (so twice as many in a call's time), then any number. */
uint64_t health_allowance(const struct health *health, int64_t now_ns);
/* True: the caller's call is the probe, and must end by health_fine(), _fail() or _drop(). */
EP_MUST_CHECK bool health_probe(struct health *health, int64_t now_ns);
/* So late, measured by what is usual there, that it ails. */
bool health_is_slow(int64_t first_us, int64_t usual_us);
/* A call of so many tokens begins: counted against the upstream's limits until it tells anew. */
void health_spend(struct health *health, int64_t tokens);

/* The first byte of an answer's text is there: what it teaches counts now, and a probe has done
 * its work. Of `lesson` first_ns and the limits are read. What ends it gets one that is `begun`. */
void health_begin(struct health *health, bool probe, const struct health_lesson *lesson,
                  int64_t now_ns);
/* How an attempt ended. `lesson` may be NULL. */
void health_fine(struct health *health, bool probe, const struct health_lesson *lesson,
                 int64_t now_ns);
void health_fail(struct health *health, bool probe, const struct health_lesson *lesson,
                 int64_t now_ns);
/* It says nothing about the route. */
void health_drop(struct health *health, bool probe);
/* It was broken off by its caller, for another's answer was sooner: first_ns is how long it had
 * had, and was not enough. That counts as its time where it is no less than usual; no failure. */
void health_overtaken(struct health *health, bool probe, const struct health_lesson *lesson,
                      int64_t now_ns);

struct health_view {
    int64_t first_us;
    int64_t hoped_us; /* first_us, faded toward 0: what may be hoped of a route nobody asked */
    int64_t usual_us; /* over a longer time: what it is compared with */
    int64_t millitokens;
    int64_t hoped_millitokens; /* likewise, faded upward */
    int64_t errors_ppm;
};
void health_view(const struct health *health, int64_t now_ns, struct health_view *ret_view);
int64_t health_kind(const struct health *health, enum health_error error, int64_t now_ns);
/* The time in us within which so many of 100 answers begin, of streams or of whole ones; 0: too few
 * are known to tell (HEALTH_BEGINS_MIN). */
int64_t health_begins(const struct health *health, bool whole, int64_t percent);
