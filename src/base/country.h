/*
 * Countries as ISO 3166-1 two-letter codes, and sets of them. Any two capital letters are a code: a
 * code that no country has is in no list either, as lists are written with country_assigned(), so
 * it is never allowed. Sets have a fixed size and are values.
 */
#pragma once

#include "base/str.h"

#define COUNTRY_NONE  0 /* not known */
#define COUNTRY_CODES ((size_t)26 * 26)
#define COUNTRY_WORDS ((COUNTRY_CODES + 63) / 64)

/* 1 + 26 * first + second letter, or COUNTRY_NONE. */
typedef uint16_t country_t;

struct country_set {
    uint64_t words[COUNTRY_WORDS];
};

/* COUNTRY_NONE for anything but two capital letters. */
static inline country_t country_from(struct str text)
{
    if (text.len != 2 || text.ptr[0] < 'A' || text.ptr[0] > 'Z' || text.ptr[1] < 'A' ||
        text.ptr[1] > 'Z') {
        return COUNTRY_NONE;
    }
    return (country_t)(1 + 26 * (text.ptr[0] - 'A') + (text.ptr[1] - 'A'));
}

/* COUNTRY_NONE for codes that no country has, too: who denies "UK" means GB, and denied nobody. */
country_t country_assigned(struct str text);

/* Writes two letters ("--" for COUNTRY_NONE) and a NUL. */
static inline void country_text(country_t country, char ret_text[3])
{
    ret_text[0] = country == COUNTRY_NONE ? '-' : (char)('A' + (country - 1) / 26);
    ret_text[1] = country == COUNTRY_NONE ? '-' : (char)('A' + (country - 1) % 26);
    ret_text[2] = '\0';
}

static inline void country_set_add(struct country_set *set, country_t country)
{
    ASSERT(country != COUNTRY_NONE);
    set->words[(country - 1) / 64] |= UINT64_C(1) << (country - 1) % 64;
}

/* False for COUNTRY_NONE: what is not known is in no set. */
static inline bool country_set_has(const struct country_set *set, country_t country)
{
    return country != COUNTRY_NONE &&
           (set->words[(country - 1) / 64] >> (country - 1) % 64 & 1) != 0;
}

bool country_set_is_empty(const struct country_set *set);
/* Whether all of `inner` is in `outer`. */
bool country_set_within(const struct country_set *inner, const struct country_set *outer);
/* The first that is in `inner` and not in `outer`, or COUNTRY_NONE. */
country_t country_set_first_outside(const struct country_set *inner,
                                    const struct country_set *outer);
void country_set_and(struct country_set *set, const struct country_set *other);
void country_set_or(struct country_set *set, const struct country_set *other);
void country_set_minus(struct country_set *set, const struct country_set *other);
/* All codes but China's mainland: WORLD never means it unless it is written beside. */
void country_set_world(struct country_set *ret_set);
/* The first country at or after `from` (COUNTRY_NONE: any), or COUNTRY_NONE: to walk a set. */
country_t country_set_next(const struct country_set *set, country_t from);
