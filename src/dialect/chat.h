/*
 * OpenAI chat completions, the upstream's side: what an event of a stream and a whole answer say.
 * Pure; results borrow the text.
 */
#pragma once

#include "base/buf.h"
#include "base/tier.h"

/* What a piece of an answer's text is. */
enum chat_part {
    CHAT_CONTENT, /* refusals too: they are said to the client */
    CHAT_REASONING,
    CHAT_TOOL_NAME,
    CHAT_TOOL_ARGUMENTS
};

struct chat_text {
    enum chat_part part;
    int64_t choice;  /* its index in the answer */
    int64_t tool;    /* its index in the choice's tool calls; 0 of other parts */
    struct str json; /* a string that is not empty, quotes included */
};

/* Told each piece of text as it is read, in its order. NULL where nobody wants it. */
struct chat_sink {
    void (*text)(void *context, const struct chat_text *text);
    void *context;
};

struct chat_event {
    bool done;         /* "[DONE]" */
    bool bad;          /* no JSON object */
    bool error;        /* a truthy "error", or "base_resp" with a status_code that is none of 0 */
    bool empty;        /* "choices" is an empty list */
    bool unread;       /* a delta says something that is neither known nor empty */
    bool twofold;      /* reasoning under both of its names, of which one counts */
    unsigned finished; /* choices with a finish reason here */
    struct str model;  /* the value, in quotes; empty: absent */
    struct str usage;  /* an object, or empty */
    struct str told;   /* likewise, where what was used is told otherwise than in tokens */
    struct str sound;  /* that it carries, of speech: base64 in quotes; empty: none */
    enum tier tier;    /* that served, as far as the event says it beside the usage */
    int64_t content_bytes; /* of deltas, as they stand in the JSON */
    int64_t reasoning_bytes;
    int64_t tool_bytes;
};

/* One event's data. `sink` may be NULL. */
void chat_event_read(struct str data, const struct chat_sink *sink, struct chat_event *ret_event);

struct chat_answer {
    bool bad;
    bool error;
    bool unread;
    struct str model;
    struct str usage;
    enum tier tier;
    unsigned finished;
    int64_t content_bytes;
    int64_t reasoning_bytes;
    int64_t tool_bytes;
};

/* A whole answer that was not streamed. `sink` may be NULL. */
void chat_answer_read(struct str body, const struct chat_sink *sink,
                      struct chat_answer *ret_answer);
