/*
 * The choice among routes that may all be taken: the named order first, then the healthy before the
 * ailing, then the score. Among those that score nearly as well as the best, calls with an affinity
 * key go to the route that the key's hash prefers, unless that has more than its share of the calls
 * (bounded load); others to the less busy of two that chance names, by weight.
 *
 * Pure: the same options, the same numbers, the same choice.
 */
#pragma once

#include "base/money.h"

#define CHOICE_NEAR_PERCENT  40  /* of what is measured: twice the noise between two means */
#define CHOICE_SHARE_PERCENT 125 /* of a fair share: what a key's route may bear */
#define CHOICE_SHARE_CALLS   4   /* and this many anyhow, or few calls would scatter */
#define CHOICE_SCORE_MAX     ((money_wide)1 << 110) /* times a percentage still fits */
#define CHOICE_WEIGHT_MAX    1000000                /* of the registry */
#define CHOICE_NONE          SIZE_MAX

struct choice_option {
    bool out; /* it may not be taken */
    bool ailing;
    size_t rank;        /* in the caller's order; the smaller the sooner */
    money_wide score;   /* the smaller the better; 0..CHOICE_SCORE_MAX */
    uint64_t under_way; /* its calls now */
    uint64_t weight;    /* 1..CHOICE_WEIGHT_MAX */
    uint64_t hash;      /* of its id */
};

struct choice_how {
    uint64_t near_percent;
    uint64_t affinity; /* 0: none */
    uint64_t chance;
    bool drawn; /* among the near by weight alone, not by load */
};

/* The index of the best, or CHOICE_NONE: all are out. */
size_t choice_best(const struct choice_option *options, size_t count, const struct choice_how *how);
/* Is it in the best one's class and near it? */
bool choice_is_near(const struct choice_option *options, size_t best, size_t other,
                    uint64_t near_percent);
/* The one that the key's hash prefers among the near ones, whatever its load. */
size_t choice_affine(const struct choice_option *options, size_t count,
                     const struct choice_how *how);
