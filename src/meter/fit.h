/*
 * The check of an upstream: what it reports against what was counted here, over the last calls of
 * one route. Pure; integers alone.
 *
 *   input   reported = a + b x counted, by least squares over the window. b away from 1: another
 *           tokenizer, or inflation. a above FIT_OFFSET_MAX: text was put in, or padding.
 *   output  the sum of what was reported for visible text against the sum of what was counted.
 *
 * Thresholds: facts of the trade have inflation of a few percent and a fixed +24 tokens a call; the
 * honest relation is exact but for a constant. So a slope is a finding when it is compatible with
 * 3 % or more and certainly above 1 %: both by its own standard error, so that rounding hides
 * nothing and noise raises nothing. Only calls that were counted exactly may be added.
 *
 * Threads: one at a time.
 */
#pragma once

#include "base/id.h"

#define FIT_WINDOW       200 /* calls: a day of a small route, minutes of a large one */
#define FIT_CALLS_MIN    50  /* fewer say nothing */
#define FIT_TOKENS_MAX   INT64_C(10000000) /* larger counts are not added: sums stay exact */
#define FIT_SLOPE_PPM    INT64_C(29500)    /* 3 % as rounding shows it: another family, inflation */
#define FIT_CERTAIN_PPM  INT64_C(10000)    /* 1 %: what it must be above for certain */
#define FIT_ERROR_PPM    INT64_C(10000)    /* a slope less certain than this is not judged */
#define FIT_OFFSET_MILLI INT64_C(8000)     /* 8 tokens beyond the template's own */
#define FIT_SPREAD       INT64_C(8)        /* tokens: with less, calls are too alike for a slope */
#define FIT_OUTPUT_PPM   INT64_C(50000)    /* 5 % over all calls of the window */

enum fit_code {
    FIT_FINE,
    FIT_SLOPE,  /* b is not 1 */
    FIT_OFFSET, /* a is too large */
    FIT_OUTPUT  /* more output reported than there is text for */
};

struct fit_sample {
    struct id call;
    int64_t counted;
    int64_t reported;
};

struct fit {
    struct fit_sample samples[FIT_WINDOW]; /* a ring */
    size_t count;
    size_t next;
};

struct fit_result {
    enum fit_code code;
    size_t calls;
    int64_t slope_ppm;       /* b - 1, in millionths */
    int64_t slope_error_ppm; /* its standard error */
    int64_t offset_milli;    /* a, in thousandths of a token */
    int64_t offset_error_milli;
    bool slope_known; /* false: the calls are too alike; a is then the mean difference */
};

void fit_init(struct fit *fit);
/* One call; the oldest beyond the window goes. False: a count is below zero or beyond
 * FIT_TOKENS_MAX, and nothing was added. */
bool fit_add(struct fit *fit, struct id call, int64_t counted, int64_t reported);
/*
 * The last `calls` of the window as input counts: all of them know most, the last FIT_CALLS_MIN
 * know first of a change. Below FIT_CALLS_MIN calls: FIT_FINE.
 */
void fit_judge_input(const struct fit *fit, size_t calls, struct fit_result *ret_result);
/* The same as counts of visible output. Whoever adds takes off what servers differ on: the stop
 * tokens. */
void fit_judge_output(const struct fit *fit, size_t calls, struct fit_result *ret_result);
/* The i-th of the window's calls, the oldest first; i < fit->count. */
const struct fit_sample *fit_sample(const struct fit *fit, size_t i);
/* "slope", ... */
const char *fit_code_name(enum fit_code code);
