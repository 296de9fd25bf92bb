/*
 * Where a call comes from, as far as the law asks: out of China, out of elsewhere, or nobody can
 * say. Pure: values in, a value out; time is an argument.
 *
 * What each country database says, and what a client has registered with evidence, give
 *
 *   databases                               not registered    registered range
 *   no one knows the address                UNKNOWN           the range's country
 *   all that know it say CN                 CN                CN
 *   some say CN, some another country       UNSURE            the range's country
 *   none says CN, at least one knows it     OVERSEAS          the range's country
 *
 * where "the range's country" is CN for CN and OVERSEAS for any other. So a registration clears up
 * a doubt, and may call CN what the databases do not, but never takes back a CN that they agree
 * upon. OVERSEAS says nothing of which country: US in one database and SG in another is OVERSEAS,
 * and whoever allows countries one by one must allow both. HK, MO and TW are codes of their own and
 * not CN here.
 *
 * UNKNOWN and UNSURE are no permission: a rule that needs OVERSEAS refuses them.
 */
#pragma once

#include "policy/geo.h"

enum origin_state {
    ORIGIN_UNKNOWN, /* also where the address itself is not known */
    ORIGIN_OVERSEAS,
    ORIGIN_CN,
    ORIGIN_UNSURE
};

struct origin_range;

struct origin {
    enum origin_state state;
    struct geo_country country[GEO_MAX]; /* each once, in the order of the databases */
    size_t count;
    struct geo_country agreed;        /* the one country there is; none if there is another */
    bool registered;                  /* the range decided, and `country` is the range's alone */
    const struct origin_range *range; /* that one, or NULL; lives as long as its origin_ranges */
    struct geo_country said[GEO_MAX]; /* what each database says, for the receipt; none: nothing */
    size_t said_count;                /* databases */
};

/* `said`: of `count` databases; `range`: the registered one that holds the address, or NULL. */
void origin_judge(const struct geo_country *said, size_t count, const struct origin_range *range,
                  struct origin *ret_origin);
/* "unknown", "overseas", "cn", "unsure". */
struct str origin_state_name(enum origin_state state);

/* ---- registered egress ranges ------------------------------------------------------------- */

#define ORIGIN_RANGES_MAX     100000 /* ten times what a large operator's clients have */
#define ORIGIN_RANGE_BITS_MIN 8      /* a wider block is no network that one client sends from */

/* Who registers what, as it was checked elsewhere: the evidence is not looked at here. */
struct origin_range {
    struct ip_block block;
    struct geo_country country; /* capitals */
    struct str party;           /* whose calls it is for; empty: everybody's */
    int64_t valid_from_ns;      /* from this instant on */
    int64_t valid_until_ns;     /* up to this one, not including it */
};

struct origin_ranges;

/*
 * Sorts `count` ranges for look-up. They are copied; the parties' texts are borrowed and live as
 * long as the result. ERR_REGISTRY_INVALID, with `*ret_bad` the index of the range: wider than
 * ORIGIN_RANGE_BITS_MIN, no country, an empty window, a 6to4 or NAT64 block (the IPv4 addresses
 * behind it are what is looked up), or a window that overlaps another's of the same block and
 * party. ERR_LIMIT: more than ORIGIN_RANGES_MAX. `ret_bad` and `fail` may be NULL.
 */
EP_MUST_CHECK enum err origin_ranges_create(const struct origin_range *ranges, size_t count,
                                            struct origin_ranges **ret_ranges, size_t *ret_bad,
                                            struct fail *fail);
void origin_ranges_destroy(struct origin_ranges *ranges); /* NULL is allowed */
/* The narrowest range that holds the address, is valid at `now_ns`, and is for `party` or for
 * everybody; of one block's the party's own. NULL: none. Takes no memory and no lock. `ranges` may
 * be NULL. */
const struct origin_range *origin_ranges_find(const struct origin_ranges *ranges,
                                              const struct ip *ip, struct str party,
                                              int64_t now_ns);
