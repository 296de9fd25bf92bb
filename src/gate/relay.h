/*
 * A stream on its way from an upstream to a client: found event by event, understood, and given on
 * as it came, until the event that ends the answer. From there on everything is kept (the tail),
 * to leave when settlement and receipt are durable (Gate B). Whatever the upstream speaks: what is
 * given on is in its dialect still (call_tongue.h translates what leaves).
 *
 * Each event's model is checked before the event is given on, those of the tail too: one that names
 * another ends the stream. Usage that the client did not ask for is taken out. Error text is never
 * given on. The sink is told what is given on, and behind the end (`ended`) what the tail holds.
 * Pure but for memory.
 */
#pragma once

#include "crypto/digest.h"
#include "dialect/chat.h"
#include "dialect/dialect.h"
#include "meter/usage_report.h"
#include "policy/swap.h"
#include "wire/sse.h"

/* Bytes that may leave; valid in the callback only. */
typedef void relay_emit_fn(void *context, struct str bytes);

/*
 * Most events of a stream are one before with another text. Of an event that says one text and no
 * more, the bytes around that are kept: what has the same around a string says that string and no
 * more, and needs no other look.
 */
struct relay_like {
    struct buf around;     /* the event without its text */
    size_t at;             /* where that stood, quotes included */
    struct chat_text said; /* all but its `json` */
};

struct listen;
/* What an event of another service's stream says: `finished` counts what is told whole, `done` ends
 * the answer. Pure; results borrow the text. */
typedef void relay_read_fn(struct str data, struct chat_event *ret_event);

/* Sound of an event that is given on: base64 in quotes, valid in the callback only. */
typedef void relay_heard_fn(void *context, struct str sound);

struct relay {
    struct sse sse;
    struct listen *listen; /* of another dialect than chat; NULL: no event of it was read yet */
    struct relay_like like;
    struct buf tail;
    const struct registry_model *model; /* its declared names */
    struct str upstream_model;          /* the name it was asked by */
    const struct chat_sink *sink;       /* told the text as it is read; NULL: nobody listens */
    enum dialect dialect;
    relay_read_fn *read; /* NULL: events are chat's */
    relay_heard_fn *heard;
    void *heard_context;
    int64_t choices;
    int64_t finished;       /* choices that have a finish reason */
    int64_t content_events; /* events with text, reasoning or arguments that were given on */
    int64_t content_bytes;
    enum swap_state named; /* whether an event named the model, or another one */
    struct str other;      /* of a mismatch: the JSON string; valid until the relay is fed again */
    struct usage_report report; /* what was said of usage so far, by the rule of */
    enum usage_surface surface;
    struct usage usage; /* that, in classes */
    struct digest told; /* SHA-256 of the last report of usage, as it came; */
    bool has_told;      /* if there was one */
    enum tier tier;     /* that served, as far as it was told beside the usage */
    bool include_usage; /* the client wants it */
    bool bytes;         /* it is no stream of events: all of it is given on as it comes */
    bool singly;        /* each event is given on by itself, when it was told */
    bool has_usage;
    bool begun;  /* an event was checked, and may have left */
    bool unread; /* an event said more than is understood: no count of it is exact */
    bool ended;  /* the tail has begun */
    bool done;   /* "[DONE]" was seen */
};

struct relay_options {
    enum dialect dialect; /* the upstream's */
    const struct registry_model *model;
    struct str upstream_model;
    const struct chat_sink *sink;
    relay_read_fn *read;
    relay_heard_fn *heard; /* NULL: nobody listens */
    void *heard_context;
    int64_t choices;
    enum usage_surface surface;
    bool include_usage;
    bool bytes;
    bool singly;
    size_t event_max;
    size_t tail_max;
};

/* Owns no memory before the first event. What the options point at lives as long as the relay. */
void relay_init(struct relay *relay, const struct relay_options *options);
void relay_fini(struct relay *relay);

/*
 * Bytes from the upstream. ERR_UPSTREAM_MODEL (an event names another model),
 * ERR_UPSTREAM_STATUS (an error inside the stream), ERR_UPSTREAM_SYNTAX, ERR_UPSTREAM_SIZE,
 * ERR_NO_MEMORY (of another dialect than chat). What was emitted before a failure has left.
 */
EP_MUST_CHECK enum err relay_feed(struct relay *relay, struct str data, relay_emit_fn *emit,
                                  void *context);
/* The upstream's body has ended. ERR_UPSTREAM_CUT: the answer had not. */
EP_MUST_CHECK enum err relay_finish(struct relay *relay, relay_emit_fn *emit, void *context);

/*
 * A whole answer that was not streamed, which the relay has seen nothing of: what it says is as it
 * would be of a stream. It must live as long as what `sink` is told. Fails as relay_feed().
 */
EP_MUST_CHECK enum err relay_whole(struct relay *relay, struct str body,
                                   const struct chat_sink *sink);

/* Whether an error inside the stream said that the upstream has no room now. */
bool relay_is_busy(const struct relay *relay);
/* What the answer calls itself, in dialects whose headers do not; empty: nothing. */
struct str relay_answer_id(const struct relay *relay);
/* Events of the stream that were read; 0 of chat's, whose events have no numbers. */
int64_t relay_events(const struct relay *relay);
