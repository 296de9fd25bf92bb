/*
 * Upstreams as they are: six that sell one model at different prices and speeds, slow down under
 * load, and one after the other become slow, fail, refuse connections, fall silent, or take less
 * than they promise. Everything is a function of seed, time and load; no clock, no floats.
 */
#pragma once

#include <stdbool.h>

#include "dispatch/health.h"

#define UPSTREAMS           6
#define UPSTREAM_SILENCE_NS INT64_C(10000000000) /* how long a caller waits for a first byte */

enum incident_kind {
    INCIDENT_SLOW,    /* everything takes `strength` percent of the time */
    INCIDENT_FAILING, /* `strength` percent of calls end in 500 after 200 ms */
    INCIDENT_REFUSING,
    INCIDENT_SILENT, /* connections are taken, and nothing comes */
    INCIDENT_BUSY    /* 429 above `strength` calls, without saying for how long */
};

struct incident {
    size_t upstream;
    enum incident_kind kind;
    int64_t from_ns;
    int64_t until_ns;
    int64_t strength;
    const char *text;
};

struct upstream {
    const char *id;
    int64_t pico_in; /* a token */
    int64_t pico_out;
    int64_t first_ns;        /* idle, without the prompt's part */
    int64_t prompt_ns;       /* a token of the prompt */
    int64_t token_ns;        /* a token of the answer, idle */
    int64_t slots;           /* calls that it takes at once, as its contract says */
    int64_t tokens_a_minute; /* 0: no such limit */
};

extern const struct upstream upstreams[UPSTREAMS];
extern const struct incident incidents[];
extern const size_t incident_count;

/* What they have to do just now. */
struct upstream_load {
    int64_t under_way[UPSTREAMS];
    int64_t bucket[UPSTREAMS]; /* tokens left of the minute's */
    int64_t bucket_ns[UPSTREAMS];
};

/* What becomes of an attempt that begins now. */
struct upstream_answer {
    bool whole;
    bool begun;       /* there was a first byte: nothing can be retried any more */
    int64_t first_ns; /* the first byte's time, or that of the failure before it */
    int64_t end_ns;
    int64_t tokens_out;
    struct health_lesson lesson;
};
void upstream_ask(struct upstream_load *load, size_t at, int64_t now_ns, int64_t tokens_in,
                  int64_t tokens_out, uint64_t chance, struct upstream_answer *ret_answer);
uint64_t upstream_mix(uint64_t value);
