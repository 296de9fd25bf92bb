/*
 * Answers made from a seed, as events, and what any dialect can say of one, as lines of text: the
 * laws of dialect/event.h are that these lines are the same whichever way an answer has gone.
 */
#pragma once

#include "dialect/encode.h"

#define SAMPLE_EVENTS_MAX 2048

struct sample {
    struct event events[SAMPLE_EVENTS_MAX];
    size_t count;
    struct arena arena;
    uint64_t state; /* of the generator */
};

/* How the pieces of the same answer are told. */
enum sample_way {
    SAMPLE_PLAIN,  /* item after item */
    SAMPLE_TURNS,  /* tools that stand together in turns */
    SAMPLE_CUT,    /* each piece in two */
    SAMPLE_PINGED, /* with pings between */
    SAMPLE_WAYS
};

/* An answer as `source` could have given it. The same seed and source: the same answer. */
void sample_make(struct sample *sample, uint64_t seed, enum dialect source, enum sample_way way);
void sample_fini(struct sample *sample);

/* The options that samples are encoded with. */
extern const struct encode_options sample_options[DIALECT_COUNT];

/* What `target` can say of an answer, or, where it has arrived, has said. The lines of what arrived
 * are those of what was sent. */
void sample_print(struct fold *fold, enum dialect target, bool arrived, struct buf *out);

/* Tells a stream's bytes to a decoder, cut into pieces of `step` bytes. */
EP_MUST_CHECK enum err sample_feed(struct str stream, size_t step, enum dialect dialect,
                                   struct event_sink sink, struct arena *arena);
