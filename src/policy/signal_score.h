/*
 * What the figures of a key and the facts of its client are worth in points: R9 (a client that
 * fans out like a reseller) and R10 (domestic signs behind an address abroad). Every number is a
 * row of the registry, dated and with its source:
 *
 *   resale.NAME, origin.NAME    points of a signal, 0 to 100
 *   sketch.NAME                 what a figure is compared with
 *   review.NAME                 from which score on a case holds what; how long a release is quiet
 *
 * A signal that lacks a row scores nothing. A hold that lacks its row takes effect at any score
 * above zero: what nobody has decided is not allowed. Without any row nothing scores, and nothing
 * is held.
 *
 * Pure. Threads: any.
 */
#pragma once

#include "policy/signal.h"
#include "registry/registry_zone.h"

#define SIGNAL_SCORE_MAX 100

enum signal_kind {
    SIGNAL_RESALE, /* R9, CLIENT_RESALE_SUSPECT */
    SIGNAL_ORIGIN, /* R10, ORIGIN_REVIEW */
    SIGNAL_KINDS
};

/* name, kind, the row of its points */
#define SIGNAL_TABLE(X)                                                                         \
    X(NETWORKS, RESALE, "resale.networks")       /* more /24 or /48 in an hour */               \
    X(ASNS, RESALE, "resale.asns")               /* more in a day */                            \
    X(COUNTRIES, RESALE, "resale.countries")     /* more in a day */                            \
    X(SOFTWARE, RESALE, "resale.software")       /* more families in a day */                   \
    X(USERS, RESALE, "resale.users")             /* many times the users of other days */       \
    X(CONCURRENCY, RESALE, "resale.concurrency") /* more at once than the contract has */       \
    X(FLAT, RESALE, "resale.flat")               /* as busy at every hour of a week */          \
    X(TRAVEL, RESALE, "resale.travel")           /* journeys that nobody makes: only points */  \
    X(ONE_DATABASE_CN, ORIGIN, "origin.one_database_cn")                                        \
    X(HOSTING, ORIGIN, "origin.hosting_consumer") /* a hoster's address, a consumer's plan */   \
    X(LANGUAGE, ORIGIN, "origin.language")        /* of the software, not of what is written */ \
    X(CLOCK, ORIGIN, "origin.clock")              /* +8, and busy from 9 to 23 in Beijing */    \
    X(PHONE_CN, ORIGIN, "origin.phone_cn")                                                      \
    X(CARD_CN, ORIGIN, "origin.card_cn")                                                        \
    X(SHELL, ORIGIN, "origin.shell") /* young, or at an address of many */                      \
    X(BATCH, ORIGIN, "origin.batch") /* bought along with others */

#define SIGNAL_AS_ENUM(name, kind, row) SIGNAL_##name,
enum signal {
    SIGNAL_TABLE(SIGNAL_AS_ENUM) SIGNALS
};
#undef SIGNAL_AS_ENUM

/* name, the row: what figures are compared with */
#define SIGNAL_LIMIT_TABLE(X)                                                            \
    X(NETWORKS, "sketch.networks_hour")                                                  \
    X(ASNS, "sketch.asns_day")                                                           \
    X(COUNTRIES, "sketch.countries_day")                                                 \
    X(SOFTWARE, "sketch.software_day")                                                   \
    X(USERS_TIMES, "sketch.users_times")                                                 \
    X(USERS_LEAST, "sketch.users_least")     /* fewer users say nothing */               \
    X(FLAT_PERMILLE, "sketch.flat_permille") /* of the entropy of 24 equal hours */      \
    X(FLAT_CALLS, "sketch.flat_calls")       /* fewer calls in a week say nothing */     \
    X(TRAVEL_KM, "sketch.travel_km")                                                     \
    X(TRAVEL_KM_PER_HOUR, "sketch.travel_km_per_hour")                                   \
    X(TRAVELS, "sketch.travels_day")                                                     \
    X(ONE_DATABASE_PERMILLE, "sketch.one_database_permille") /* of the calls */          \
    X(HOSTING_PERMILLE, "sketch.hosting_permille")                                       \
    X(LANGUAGE_PERMILLE, "sketch.language_permille") /* of those that name a language */ \
    X(BEIJING_PERMILLE, "sketch.beijing_permille")                                       \
    X(SHELL_DAYS, "sketch.shell_days")                                                   \
    X(ORIGIN_PURCHASES, "review.hold_purchases")                                         \
    X(ORIGIN_TRAFFIC, "review.hold_traffic")                                             \
    X(RESALE_PURCHASES, "review.resale_hold_purchases")                                  \
    X(RESALE_TRAFFIC, "review.resale_hold_traffic")                                      \
    X(QUIET_DAYS, "review.quiet_days")

#define SIGNAL_LIMIT_AS_ENUM(name, row) SIGNAL_LIMIT_##name,
enum signal_limit {
    SIGNAL_LIMIT_TABLE(SIGNAL_LIMIT_AS_ENUM) SIGNAL_LIMITS
};
#undef SIGNAL_LIMIT_AS_ENUM

/* The rows that are in force at one time. */
struct signal_rules {
    uint32_t points[SIGNALS]; /* 0: the signal scores nothing */
    uint32_t limits[SIGNAL_LIMITS];
    bool has_limit[SIGNAL_LIMITS];
};

/* What is known of the client from elsewhere; false and 0: not known, and scores nothing. */
struct signal_facts {
    bool may_resell;       /* its agreement grants `resell`: R9 does not ask */
    bool consumer_plan;    /* no company's contract */
    bool clock_china;      /* its clock or time zone is UTC+8 */
    bool phone_cn;         /* at sign-up */
    bool card_cn;          /* issued in CN */
    bool mass_address;     /* a registration address of many companies */
    bool batch;            /* the same card range, the same device as other accounts */
    int64_t registered_ns; /* when the company was */
};

struct signal_hit {
    enum signal which;
    uint32_t value; /* what was found; 1 where it is a fact */
    uint32_t limit; /* what it was compared with; 0 where it is a fact */
    uint32_t points;
};

struct signal_score {
    uint32_t score;   /* 0 to SIGNAL_SCORE_MAX */
    uint32_t signals; /* bit 1 << enum signal of each hit */
    struct signal_hit hits[SIGNALS];
    size_t count;
};

enum signal_hold {
    SIGNAL_HOLD_NONE,
    SIGNAL_HOLD_PURCHASES,
    SIGNAL_HOLD_TRAFFIC /* and purchases */
};

/* Rows of other names are left alone; of two of one name that are in force the younger counts. */
void signal_rules_compile(const struct registry_threshold *rows, size_t count, int64_t now_ns,
                          struct signal_rules *ret_rules);
/* What sketches need of them. */
struct signal_travel signal_rules_travel(const struct signal_rules *rules);
/* The rows' own end of quiet behind a release; none: no quiet at all. */
int64_t signal_rules_quiet_ns(const struct signal_rules *rules);

void signal_score(const struct signal_rules *rules, enum signal_kind kind,
                  const struct signal_measure *measure, const struct signal_facts *facts,
                  int64_t now_ns, struct signal_score *ret_score);
enum signal_hold signal_hold(const struct signal_rules *rules, enum signal_kind kind,
                             uint32_t score);
/* "networks", as it stands behind the dot of its row. */
const char *signal_name(enum signal which);
