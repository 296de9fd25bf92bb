/*
 * Route choice: among the active routes that are open to the call and meet its preference, that
 * have a free place, are not resting and were not tried yet, the best by what the preference sorts
 * by; the cheapest by contract price where it says nothing. What is known of a route (calls under
 * way, health) is kept by the route's id and so outlives a registry; the places, and the tokens of
 * a minute, are those of its credential, and of its pool if it has one.
 *
 * Who finds no place may wait in one line for all threads, and leaves a place to each that stands
 * before it and wants the same; so does who comes later and has not waited.
 *
 * Threads: any. dispatch_pick(), dispatch_give() and dispatch_explain() take no memory, and no lock
 * but of a call that waits; dispatch_learn() is for whoever swaps registries, before the fresh one
 * is used. Time is an argument, and so is chance: the same numbers, the same choice.
 */
#pragma once

#include "dispatch/health.h"
#include "dispatch/line.h"
#include "dispatch/preference.h"

#define DISPATCH_RANKS_MAX   8                 /* that are told: more than any call has attempts */
#define DISPATCH_ENTRIES_MAX ((size_t)1 << 20) /* ids ever seen by one process */
#define DISPATCH_GOALS_MAX   (2 * REGISTRY_ROUTES_PER_MODEL_MAX) /* a credential and a pool each */

struct dispatch;

enum dispatch_outcome {
    DISPATCH_FINE,     /* the upstream did its part */
    DISPATCH_FAILED,   /* it did not: unreachable, cut off, 429, 5xx */
    DISPATCH_NEUTRAL,  /* says nothing about it: our own failure, or the client's doing */
    DISPATCH_OVERTAKEN /* broken off, for another was sooner: first_ns of the lesson is how long it
                          had had, and it had not begun */
};

struct dispatch_ask {
    const struct registry *registry;
    const struct registry_product *product;
    const struct registry_model *model;
    uint64_t tried;     /* bit i: model->routes[i] */
    uint64_t closed;    /* likewise: those that must not be used, whatever else is free */
    uint64_t uncarried; /* of these, those that cannot carry what is asked */
    int64_t now_ns;     /* on the loop's clock */
    const struct preference *preference; /* NULL: the default */
    /* Expected: a candidate's price is its contract's for these, and a route is passed over that
     * has told that it has fewer left. Both 0: three in for one out, as most calls are. */
    int64_t tokens_in;
    int64_t tokens_out;
    /* Calls with the same key go to the same route among equals, while its load is bounded.
     * 0: none. */
    uint64_t affinity;
    uint64_t chance;          /* any number, another for each call: which two are compared */
    const int64_t *energy_uj; /* of the call at model->routes[i], < 0: not known; NULL: none is */
    int64_t wall_ns;          /* for tariffs; 0: all hours are ordinary */
    int64_t capacity_tokens;  /* that it may take of what credential and pool give in a minute */
    bool yields;              /* to calls that wait, unless they do too */
    const struct dispatch_spot *spot; /* where it waits; NULL: it does not */
    const int64_t *units; /* expected beside tokens, by enum registry_unit_priced; NULL: none */
};

/* Of a call that waits for a place; zeroed at first but for the client, whose calls take turns. */
struct dispatch_spot {
    struct id client;
    bool stands;           /* in the line; for the thread alone whose call it is: */
    struct line_spot spot; /* this is under the line's lock, as others move it up */
    struct line_goal *goals[DISPATCH_GOALS_MAX];
};

/* One attempt's place at a route, until dispatch_give(). */
struct dispatch_place {
    const struct registry_route *route; /* valid as long as the registry */
    uint64_t bit;                       /* to be set in `tried` */
    struct dispatch_entry *route_entry;
    struct dispatch_entry *credential_entry;
    struct dispatch_entry *pool_entry; /* NULL: the route has no pool */
    bool probe;                        /* the one call that a half-open breaker lets through */
    bool begun;                        /* dispatch_begin() was told of its answer */
    int64_t tokens;                    /* taken of the minute's */
    int64_t used_tokens;         /* in truth, to be set before it is given back; -1: unknown */
    int64_t credential_fills_ns; /* when what was taken will have come again; 0: nothing was */
    int64_t pool_fills_ns;
};

EP_MUST_CHECK enum err dispatch_create(struct dispatch **ret_dispatch);
void dispatch_destroy(struct dispatch *dispatch); /* NULL is allowed; all places came back */
/* Makes room for the routes, credentials and pools of a registry. ERR_NO_MEMORY, ERR_LIMIT: not all
 * are known, and routes of those that are not will not be picked. */
EP_MUST_CHECK enum err dispatch_learn(struct dispatch *dispatch, const struct registry *registry);

/* ERR_NO_ROUTE: each is tried, closed, suspended, full, resting or unknown. ERR_PREFERENCE: some
 * would be open to the call, and its preference leaves none of them (preference_blame()). */
EP_MUST_CHECK enum err dispatch_pick(struct dispatch *dispatch, const struct dispatch_ask *ask,
                                     struct dispatch_place *ret_place);
/* At most once for each picked place, when the answer's text begins: a stream may go on for
 * minutes, and what its beginning teaches (first_ns and limits of `lesson`) counts at once. */
void dispatch_begin(struct dispatch_place *place, const struct health_lesson *lesson,
                    int64_t now_ns);
/* Once for each picked place. `lesson`: NULL, nothing beside the outcome. What was used of the
 * minute's tokens takes the place of what was taken. Nothing was where a failed one had not begun,
 * nor where a neutral one had not and nobody tells. */
void dispatch_give(struct dispatch_place *place, enum dispatch_outcome outcome,
                   const struct health_lesson *lesson, int64_t now_ns);

/* The time in ns within which so many of 100 answers begin at the place's route, of streams or of
 * whole ones; 0: too few are known to tell. */
int64_t dispatch_begins(const struct dispatch_place *place, bool whole, int64_t percent);

/* ---- waiting ------------------------------------------------------------------------------ */

/* Whether a route that the call may use is merely full. Takes no place. */
bool dispatch_is_full(const struct dispatch *dispatch, const struct dispatch_ask *ask);
/* No place was to be had: into the line, or what it waits for there has changed. False: nothing
 * that it may use is merely full, and it does not stand there (any more). */
EP_MUST_CHECK bool dispatch_wait(struct dispatch *dispatch, const struct dispatch_ask *ask,
                                 struct dispatch_spot *spot);
/* Whether it stands there or not. */
void dispatch_leave(struct dispatch *dispatch, struct dispatch_spot *spot);
/*
 * The first instant of those from ask->wall_ns to `until_ns` at which the call costs least in power
 * where it may go: ask->wall_ns where no later one is cheaper, or nothing is sorted by energy.
 * Health and places are not asked: they change sooner than tariffs.
 */
int64_t dispatch_cheapest_at(const struct dispatch_ask *ask, int64_t until_ns);

/* ---- what is told of it ------------------------------------------------------------------- */

/* Why a route was not the choice: name, in an explanation. */
#define DISPATCH_WHY_TABLE(X)                                              \
    X(CHOSEN, "chosen")                                                    \
    X(WORSE, "worse")            /* could be taken; its rank says when */  \
    X(OVERTAKEN, "overtaken")    /* was asked too; another began sooner */ \
    X(CLOSED, "closed")          /* by the law, or quarantined */          \
    X(UNCARRIED, "cannot_carry") /* what is asked */                       \
    X(SUSPENDED, "suspended")    /* in the registry */                     \
    X(TRIED, "tried")            /* by this call */                        \
    X(EXCLUDED, "excluded")      /* by the preference in `rule` */         \
    X(UNKNOWN, "unknown")        /* not learned: no memory for it */       \
    X(OPEN, "breaker_open")      /* until `until_ns` */                    \
    X(PROBED, "half_open")       /* its one call is under way */           \
    X(RESTING, "resting")        /* 429, until `until_ns` */               \
    X(SPENT, "limit_spent")      /* the upstream's, until `until_ns` */    \
    X(RETURNING, "slow_start")   /* has its calls yet: after others */     \
    X(FULL, "credential_full")   /* max_concurrent, those that wait too */ \
    X(POOL_FULL, "pool_full")                                              \
    X(TOKENS, "credential_tokens") /* of a minute, until `until_ns` */     \
    X(POOL_TOKENS, "pool_tokens")  /* likewise */

#define DISPATCH_WHY_AS_ENUM(name, text) DISPATCH_WHY_##name,
enum dispatch_why {
    DISPATCH_WHY_TABLE(DISPATCH_WHY_AS_ENUM) DISPATCH_WHY_COUNT
};
#undef DISPATCH_WHY_AS_ENUM
struct str dispatch_why_name(enum dispatch_why why); /* static */

/* Of a route. Unknown numbers are 0, of energy < 0. */
struct dispatch_candidate {
    const struct registry_route *route;
    enum dispatch_why why;
    enum preference_rule rule; /* of EXCLUDED */
    int64_t until_ns;
    size_t rank;          /* 1: the choice, 2: taken when that fails; 0: not to be taken, or late */
    money_wide cost_pico; /* contract x expected tokens (x tariff, where that scales it) */
    int64_t first_us;     /* to the first token */
    int64_t millitokens;  /* thousandths of a token a second */
    int64_t errors_ppm;   /* of attempts, lately */
    int64_t energy_uj;
    uint64_t tariff_percent; /* of the pool, now; 100: ordinary */
    uint64_t under_way;
    uint64_t weight;
    bool ailing; /* fails often, slow as never, or returning: after the healthy ones */
    bool near;   /* equal to the best: load or affinity decided */
    bool affine; /* the affinity key's own */
};

/* Joules weighed by the tariff, by which `energy` ranks; < 0: not known. */
int64_t dispatch_candidate_energy(const struct dispatch_candidate *candidate);

struct dispatch_explanation {
    enum err err;              /* as dispatch_pick() would return */
    enum preference_sort sort; /* by which they are ranked: the price where no energy is known */
    size_t count;              /* model->routes, in that order */
    struct dispatch_candidate candidates[REGISTRY_ROUTES_PER_MODEL_MAX];
};

/* What dispatch_pick() does with this ask at this instant; nothing is taken. */
void dispatch_explain(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                      struct dispatch_explanation *ret_explanation);

/* A route by itself, as of the latest call that any thread picked. False: not known. */
struct dispatch_health {
    uint64_t under_way;
    uint64_t failures;     /* in a row */
    int64_t cool_until_ns; /* breaker or rest; 0: neither */
    int64_t first_us;      /* to the first token, decayed mean; 0: not known */
    int64_t first_late_us; /* 95 of 100 streams begin sooner; 0: too few to tell */
    int64_t millitokens;   /* thousandths of a token a second; 0: not known */
    int64_t errors_ppm;
    int64_t errors[HEALTH_ERROR_COUNT]; /* by kind: thousandths, each fades by half in 30 s */
};
bool dispatch_health(const struct dispatch *dispatch, struct str route,
                     struct dispatch_health *ret_health);
/* As dispatch_begins(), of any route; 0 too where it is not known. */
int64_t dispatch_route_begins(const struct dispatch *dispatch, struct str route, bool whole,
                              int64_t percent);
