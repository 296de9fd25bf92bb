/*
 * Encoders: events told to a client of any dialect, as a stream or as a whole answer. Pure.
 *
 * What a target forces is kept here: roles, dense indices, sequence numbers, items that are opened
 * and closed in pairs, one open block at a time (Anthropic: deltas of others wait, up to
 * `waiting_max` bytes), arguments told whole (Gemini), the answer said again at the end (Responses:
 * it is kept in the arena), usage where it was asked for, the dialect's own end.
 *
 * What a target cannot be told is noted in `lost`. Bytes are appended to `out`, whole SSE events at
 * a time; how fast they leave is the caller's. Which event ends the answer (gate B): nothing of a
 * finish, a usage or an end is written before EVENT_END is taken, but for Chat, where the finish
 * chunk is written at EVENT_FINISH; so what EVENT_FINISH and EVENT_END append is to be held back.
 *
 * Not thread-safe. Failures: ERR_NO_MEMORY (the arena), ERR_UPSTREAM_SIZE (more waits than may),
 * and what `out` returns. After one nothing more may be told.
 */
#pragma once

#include "base/arena.h"
#include "dialect/event.h"
#include "dialect/fold.h"
#include "dialect/lost.h"
#include "dialect/text.h"

#define ENCODE_WAITING_MAX ((size_t)4 << 20) /* arguments of parallel calls; files are written so */

struct encode_options {
    enum dialect dialect;
    struct str call;      /* of letters, digits and "_": unique; ids are made from it */
    struct str model;     /* text: what the client asked for; empty: what the upstream declares */
    int64_t created_s;    /* where the upstream tells no time */
    int64_t input_tokens; /* our count, for what is told before the upstream reports */
    bool include_usage;   /* Chat: the client wants the chunk with usage */
    struct str echo;      /* Responses: members of the request that the answer repeats, JSON
                             with a comma behind each; see talk_echo() */
    size_t waiting_max;   /* > 0, but for Responses; ENCODE_WAITING_MAX where nobody wants less */
};

struct encode_item;
struct encode_choice;

struct encode {
    const struct encode_options *options;
    struct arena *arena;
    struct buf *out;
    struct lost lost;
    struct event_begin begin; /* its texts are copies */
    struct str head;          /* Chat: what each chunk begins with */
    struct encode_item *items;
    struct encode_item *items_end;
    struct encode_item *current; /* the last that was looked for */
    struct encode_item *active;  /* Anthropic: the open block */
    struct encode_choice *choices;
    struct fold fold; /* Responses */
    struct event_tokens tokens;
    struct str stop_text;
    enum event_finish reason; /* of choice 0 */
    size_t waiting;           /* bytes */
    int64_t sequence;         /* Responses: of events */
    uint32_t count;           /* of blocks, output items */
    bool has_usage;
    bool refused; /* a refusal was told */
};

/* `options`, `arena` and `out` outlive the encoder; it owns nothing. */
void encode_init(struct encode *encode, const struct encode_options *options, struct arena *arena,
                 struct buf *out);
/* An event_sink's function; `encode` is a struct encode. */
EP_MUST_CHECK enum err encode_take(void *encode, const struct event *event);

/* A whole answer; `fold` has ended and did not fail. What must be joined lies in its arena. */
EP_MUST_CHECK enum err encode_body(const struct encode_options *options, struct fold *fold,
                                   struct buf *out, struct lost *lost);
