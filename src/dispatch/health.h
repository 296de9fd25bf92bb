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

#define HEALTH_HALF_LIFE_NS   INT64_C(30000000000)  /* 30 s: as peers look back for outages */
#define HEALTH_FAILURES_MAX   3                     /* in a row: one may be chance */
#define HEALTH_OPEN_NS        INT64_C(5000000000)   /* 5 s: a restart of the upstream */
#define HEALTH_OPEN_MAX_NS    INT64_C(60000000000)  /* nobody waits more after a repair */
#define HEALTH_REST_NS        INT64_C(1000000000)   /* after a 429 that names no time; doubles */
#define HEALTH_REST_MAX_NS    INT64_C(300000000000) /* 5 min: a longer Retry-After is asked again */
#define HEALTH_RETURN_NS      INT64_C(10000000000)  /* the slow start's end at the latest */
#define HEALTH_AILING_PERCENT 20 /* of attempts that fail: asked after the healthy ones */

/* How an attempt failed: name, as it is written, whether the breaker counts it. */
#define HEALTH_ERROR_TABLE(X)                                               \
    X(NONE, "none", false)                                                  \
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
    int64_t reset_ns; /* from now; 0: not told */
};

/* What one attempt taught; all zero: nothing. */
struct health_lesson {
    enum health_error error;
    int64_t first_ns;       /* from the request to the first byte of the answer's text; 0: none */
    int64_t rest_ns;        /* from the first to the last; 0: not streamed */
    int64_t tokens_out;     /* that came in rest_ns */
    int64_t retry_after_ns; /* 0: not told */
    struct health_quota requests;
    struct health_quota tokens;
};

/*
 * A header of an upstream's answer: Retry-After, x-ratelimit-{remaining,reset}-{requests,tokens},
 * anthropic-ratelimit-{requests,tokens}-{remaining,reset}, ratelimit-{remaining,reset}. Others, and
 * values that cannot be read, teach nothing. `wall_ns`: now, for what is told as a date.
 */
void health_read_header(struct health_lesson *lesson, struct str name, struct str value,
                        int64_t wall_ns);
struct str health_error_name(enum health_error error); /* static */
