/*
 * An hour of traffic under one policy, on simulated time: each call is tried up to three times
 * before its first byte, whoever chooses. The traffic and each upstream's part of chance are the
 * same for all policies of a seed.
 */
#pragma once

#include "policy.h"
#include "shape.h"

#define RUN_ATTEMPTS_MAX 3
#define RUN_GOOD_NS      INT64_C(5000000000)  /* a first token later than that is no good */
#define RUN_LOST_NS      INT64_C(30000000000) /* counted for a call without a whole answer */
#define RUN_BIN_STEPS    2                    /* of the shape's steps: 20 s */
#define RUN_BINS         (SHAPE_STEPS / RUN_BIN_STEPS)

struct run_options {
    uint64_t seed;
    int64_t scale; /* calls for one of the recorded traffic */
    int64_t steps; /* of the shape; SHAPE_STEPS: all */
};

struct run_bin {
    int64_t calls;
    int64_t good;
    int64_t p99_ns;
};

struct run_result {
    int64_t calls;
    int64_t whole;
    int64_t cut;  /* its upstream went away in the middle of the answer */
    int64_t good; /* whole, and the first token in time */
    int64_t attempts;
    int64_t p50_ns; /* to the first token, from the call's beginning */
    int64_t p99_ns;
    int64_t cost_nano; /* all that upstreams bill, broken answers too */
    int64_t turns;     /* calls of conversations that went on; */
    int64_t stayed;    /* of them to the upstream that had the last one */
    struct run_bin bins[RUN_BINS];
};

void run_policy(const struct run_options *options, enum policy_kind kind,
                struct run_result *ret_result);
