/*
 * Calls of a realtime session: their row of call_service.h, and what a call and whoever keeps its
 * session know of each other.
 *
 * Each call is of a turn: the session's opening, a response, or what was written down of speech.
 * The session's keeper begins it as a request within the process (net/inner.h), whose gate_actor
 * names the turn; its answer is what the keeper gives by net/answerer.h.
 *
 *   on_ask > on_start > call_turn_gave()* > call_turn_let_go()   the keeper ends the answer
 *                                         > on_cancel            the call does
 *
 * A call whose request was cancelled (http_inner_cancel()) before on_start never tells its turn; an
 * attempt that fails may be followed by another on_start. Threads: the loop's own.
 */
#pragma once

#include "gate/call_service.h"

struct call_realtime;
struct gate_snapshot;
struct http_call;
struct realtime_event;

enum turn_kind {
    TURN_OPEN, /* sells nothing: the others' source is chosen */
    TURN_RESPONSE,
    TURN_TRANSCRIPT
};

/* What a turn asks for. Texts are borrowed until on_ask's caller is done. */
struct call_turn_ask {
    enum turn_kind kind;
    struct str model;                   /* at most ASK_MODEL_MAX bytes */
    const struct registry_route *route; /* that the session is at: no other one has its
                                         * conversation; not of an opening */
    bool narrow;                        /* what is said has one byte a sample, else two */
    int64_t input_most;                 /* tokens; of a response alone, as the next */
    int64_t output_most;                /* 0: as many as the model's */
};

/* Where an attempt goes. The keeper takes a reference of the snapshot, if it needs it for longer
 * than the attempt. */
struct call_turn_source {
    struct gate_snapshot *snapshot;
    const struct registry_route *route; /* in it, as is: */
    const struct registry_model *model;
};

struct call_turn;

struct call_turn_events {
    void (*on_ask)(struct call_turn *turn, struct call_turn_ask *ret_ask);
    /* The attempt begins: its answer is to be given to `http` now. */
    void (*on_start)(struct call_turn *turn, struct http_call *http,
                     const struct call_turn_source *source);
    /* The call wants no more of it; `http` must not be touched again. */
    void (*on_cancel)(struct call_turn *turn);
    void (*on_resume)(struct call_turn *turn); /* it takes more */
    /* Whether the client's connection has taken all that it was given. */
    bool (*taken)(struct call_turn *turn);
};

/* Lives in its keeper, for as long as its request is open or its call is answered. */
struct call_turn {
    const struct call_turn_events *events; /* the keeper's to fill in */
    struct call_realtime *call;            /* the gate's own; NULL: none is answered */
};

/* The next event of the answer is given on. `to_client`: and the client is there to get it. */
void call_turn_gave(struct call_turn *turn, const struct realtime_event *event, bool to_client);
/* Before http_answer_end() and http_answer_fail(): no event tells of the call any more. */
void call_turn_let_go(struct call_turn *turn);

extern const struct call_service call_realtime;
