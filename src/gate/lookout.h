/*
 * The lookout over keys: each call adds what can be seen of its connection to its key's sketch
 * (policy/signal.h); once a minute a worker reads the figures off, adds up their points and lets
 * what is enough become a case (ident/review.h). On the call's path nothing is judged, waited for
 * or allocated, but for a key's first call.
 *
 * LOOKOUT_KEYS_MAX keys are watched, with 2 KiB each: 32 MiB. Beyond it the key whose last call is
 * longest ago makes room. Nothing is kept over a restart: an hour later the sharpest windows are
 * full again, a week later all of them; cases are rows and stay.
 *
 * Threads: lookout_observe() and lookout_crowded(): any; a lock for a part of the keys is held for
 * some hundred nanoseconds. lookout_sweep(): one at a time, from a thread that may wait.
 */
#pragma once

#include "policy/signal_score.h"

#define LOOKOUT_STRIPES         64 /* threads that watch different keys seldom meet */
#define LOOKOUT_KEYS_PER_STRIPE 256
#define LOOKOUT_KEYS_MAX        (LOOKOUT_STRIPES * LOOKOUT_KEYS_PER_STRIPE)

struct api_key;
struct review;
struct lookout;

/* What is known of the key's client from elsewhere (KYC, payments, agreements); *ret_facts is all
 * zero: what is not known stays so. On the sweeping thread. */
typedef void lookout_facts_fn(void *context, const struct api_key *key,
                              struct signal_facts *ret_facts);

struct lookout_options {
    struct review *review;   /* the caller's; must outlive the lookout */
    lookout_facts_fn *facts; /* NULL: nothing is known of anybody */
    void *context;
};

EP_MUST_CHECK enum err lookout_create(const struct lookout_options *options,
                                      struct lookout **ret_lookout, struct fail *fail);
void lookout_destroy(struct lookout *lookout); /* NULL is allowed */

/* A call of `key`, which lives as long as the lookout. Without memory it is left out. */
void lookout_observe(struct lookout *lookout, const struct api_key *key,
                     const struct signal_observation *observation);
/* One more call at once than the key's client may have. */
void lookout_crowded(struct lookout *lookout, const struct api_key *key, int64_t now_ns);
/* Judges all keys by the rows that are in force; they are read during the call alone. */
void lookout_sweep(struct lookout *lookout, const struct registry_threshold *rows, size_t count,
                   int64_t now_ns);
