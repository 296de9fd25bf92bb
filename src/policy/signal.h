/*
 * What the calls of one API key look like from outside, over an hour, a day and a week: a sketch of
 * fixed size that each call adds to, and the figures that are read off it. signal_score.h says what
 * they mean. Pure: no clock, no memory of its own, no floating point.
 *
 * Nothing of a prompt or an answer can come in here: an observation is numbers of the connection
 * and of headers. The language and script that people write in are no signal.
 *
 * The sets are exact and hold what was seen last, each with its time, so that every window slides;
 * a set that is full forgets what it has not seen for longest, and its figure stays at its size.
 * The sizes are three times the limits that the rows have today (20 networks an hour, 8 ASNs and 3
 * countries a day). Distinct users are counted by a bit each of their hash.
 *
 * Threads: one at a time a sketch. Times are nanoseconds since 1970 UTC.
 */
#pragma once

#include "base/country.h"
#include "policy/agent.h"

#define SIGNAL_SKETCH_MAX    2048 /* bytes a key: 16,384 keys are 32 MiB */
#define SIGNAL_NETWORKS_MAX  64
#define SIGNAL_ASNS_MAX      32
#define SIGNAL_COUNTRIES_MAX 24
#define SIGNAL_USER_BITS     512 /* a day's users: within 5 % up to 1,000, and then "many" */
#define SIGNAL_USER_DAYS     7
#define SIGNAL_HOURS         168 /* a week */
#define SIGNAL_TRAVELS_MAX   4   /* of a day that are kept: two are what counts */

/* Whether an address belongs to a hoster or a VPN; without a database of ASNs nobody knows. */
enum signal_hosting {
    SIGNAL_HOSTING_UNKNOWN,
    SIGNAL_HOSTING_NO,
    SIGNAL_HOSTING_YES
};

/* One call, in numbers alone. What is not known is 0, and scores nothing. */
struct signal_observation {
    int64_t now_ns;
    uint64_t user;    /* a digest of the request's "user"; 0: none was given */
    uint32_t network; /* signal_network() of the client's address */
    uint32_t asn;
    country_t country;
    bool one_database_cn; /* one database of countries says CN, another does not */
    bool over_contract;   /* more calls at once than the contract has */
    enum signal_hosting hosting;
    enum agent_language language;
    unsigned family; /* agent_family() */
};

/* From which speed on a change of country is an impossible journey; km 0: no row says. */
struct signal_travel {
    uint32_t km;
    uint32_t km_per_hour;
};

struct signal_seen {
    uint32_t what; /* 0: free */
    uint32_t at_s; /* when last */
};

/* Calls of half a day. */
struct signal_share {
    uint32_t calls;
    uint32_t with_language;
    uint32_t zh_cn;
    uint32_t one_database_cn;
    uint32_t with_hosting; /* known */
    uint32_t hosting;
};

/* All zero: nothing was seen. */
struct signal_sketch {
    struct signal_seen networks[SIGNAL_NETWORKS_MAX];
    struct signal_seen asns[SIGNAL_ASNS_MAX];
    struct signal_seen countries[SIGNAL_COUNTRIES_MAX];
    uint32_t families[AGENT_FAMILIES_MAX]; /* when last, seconds */
    uint32_t hours[SIGNAL_HOURS];          /* calls, by the hour's number modulo a week */
    struct signal_share shares[2];         /* by the half day's number modulo 2 */
    uint64_t users[SIGNAL_USER_BITS / 64]; /* of `day` */
    uint16_t user_days[SIGNAL_USER_DAYS];  /* of the days before it, the last first */
    uint32_t travels[SIGNAL_TRAVELS_MAX];  /* when, seconds; a ring */
    uint32_t travel_next;
    uint32_t placed_s; /* when a call last came from `placed`, no hoster's */
    country_t placed;
    bool begun;
    uint32_t day; /* number since 1970, as `hour` and `half` */
    uint32_t hour;
    uint32_t half;
    uint32_t first_s;
    uint32_t last_s;
    uint32_t over_s; /* more calls at once than the contract has: when last */
};

_Static_assert(sizeof(struct signal_sketch) <= SIGNAL_SKETCH_MAX, "a key costs at most 2 KiB");

/* The figures of a sketch at a time. */
struct signal_measure {
    uint32_t networks_hour;
    uint32_t networks_day;
    uint32_t networks_week;
    uint32_t asns_day;
    uint32_t countries_day;
    uint32_t families_day;
    uint32_t users_day; /* today, UTC */
    uint32_t
        users_usual; /* the most of a day of the week before; 0: fewer than three days had any */
    uint32_t travels_day;
    bool over_contract; /* within a day */
    bool week_whole;    /* the first call is a week ago */
    uint32_t calls_week;
    uint32_t hours[24];       /* calls of the week by hour of the day, UTC */
    struct signal_share half; /* of the last 12 to 24 hours */
};

/* The /24 of an IPv4 address (4 bytes, or IPv4-mapped in 16), the /48 of an IPv6 address; 0: it is
 * neither. Not reversible for IPv6; two of a million /48 may be taken for one. */
uint32_t signal_network(const unsigned char *address, size_t len);
/* A number for the "user" of a request, by its length and first 256 bytes; 0 for an empty one. */
uint64_t signal_user(struct str user);

/* Times may go back a little (the sketch keeps its own); by more than a day, and it begins anew. */
void signal_observe(struct signal_sketch *sketch, const struct signal_observation *observation,
                    const struct signal_travel *travel);
/* Only that a call was one too many at once. */
void signal_crowded(struct signal_sketch *sketch, int64_t now_ns);
void signal_measure(const struct signal_sketch *sketch, int64_t now_ns,
                    struct signal_measure *ret_measure);
