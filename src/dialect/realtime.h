/*
 * OpenAI's realtime events, both ways: what is decided by, read in place. Pure; results borrow the
 * event. All else of an event is passed on as it is.
 */
#pragma once

#include "base/buf.h"
#include "dialect/chat.h"

/* Names of events begin so, if they are ours and not a client's. */
#define REALTIME_OURS   "\"entrepot_"
#define REALTIME_ID_MAX ((size_t)514) /* of a name as JSON: OpenAI takes 512 characters */

/* What a client's event is to us. */
enum realtime_ask_kind {
    REALTIME_ASK_RESPONSE, /* begins a response */
    REALTIME_ASK_CANCEL,
    REALTIME_ASK_SESSION, /* changes the session */
    REALTIME_ASK_ITEM,    /* adds to the conversation */
    REALTIME_ASK_AUDIO,   /* likewise, by sound */
    REALTIME_ASK_OTHER
};

struct realtime_ask {
    enum realtime_ask_kind kind;
    struct str event_id; /* a JSON string of at most REALTIME_ID_MAX, or empty */
    struct str model;    /* of a session's change: a JSON string, or empty; a part of the event */
    bool caps;           /* `output_cap` is told, be it that there is none */
    bool beside;         /* a response outside of the conversation */
    bool instead;        /* a response whose input stands in its event */
    bool sounds;         /* a response that says itself how its sound is written */
    int64_t output_cap;  /* tokens; 0: none is given */
    int64_t sound_bytes; /* that it adds, decoded */
    bool narrow;         /* names a format of one byte for each of 8,000 samples a second */
    const char *param;   /* with a failure: the field, or NULL; static */
};

/* ERR_JSON_SYNTAX, ERR_JSON_DEPTH, ERR_ASK_MISSING, ERR_ASK_INVALID, ERR_ASK_DUPLICATE: no event of
 * a client's, or one that is not served. `ret_ask` is always written. */
EP_MUST_CHECK enum err realtime_read_ask(struct str event, struct realtime_ask *ret_ask,
                                         struct fail *fail);

/* What a server's event is to us. */
enum realtime_kind {
    REALTIME_SESSION,     /* session.created, session.updated: `model` */
    REALTIME_BEGUN,       /* response.created */
    REALTIME_WITHIN,      /* any other of a response, items of the conversation included */
    REALTIME_DONE,        /* response.done: `usage` */
    REALTIME_TRANSCRIBED, /* what was heard is written down: `usage` */
    REALTIME_ERROR,       /* `error` */
    REALTIME_LIMITS,      /* what is left of the account that the source is asked by */
    REALTIME_OTHER
};

struct realtime_event {
    bool bad;     /* no JSON object with a type */
    bool created; /* session.created */
    bool item;    /* of an item of the conversation, which may be the client's own */
    bool said;    /* that item is the model's */
    enum realtime_kind kind;
    struct str model;    /* a JSON string, or empty */
    struct str usage;    /* an object, or empty */
    struct str error;    /* an object, or empty */
    struct str event_id; /* of the client's event that an error is about: JSON string, or empty */
    struct str response; /* the response's id: a JSON string, or empty; longer ones are not told */
    bool within;         /* of response.created: it is the conversation's for sure */
    int64_t text_bytes;  /* of a delta of text or arguments */
    int64_t sound_bytes; /* of a delta of sound, decoded */
    int64_t seconds;     /* of `usage` by duration, rounded up; 0: it is none */
    int64_t output_cap;  /* of a session, tokens; 0: none is told */
    bool narrow;         /* of a session: what it says has one byte a sample, 8,000 a second */
    bool hears_narrow;   /* likewise, what it hears */
};

void realtime_read_event(struct str event, struct realtime_event *ret_event);
/* The event, named `event_id` (a JSON string), which it has not said itself. */
EP_MUST_CHECK enum err realtime_write_named(struct buf *out, struct str event, struct str event_id);
/* Asks the source to end a response; `response`: its id, a JSON string, or empty. `event_id`: a
 * JSON string, ours. */
EP_MUST_CHECK enum err realtime_write_cancel(struct buf *out, struct str response,
                                             struct str event_id);
/* An error's object as OpenAI has it, without a param. */
EP_MUST_CHECK enum err realtime_write_refusal(struct buf *out, const char *code, struct str text);
/* The same, as a stream's relay wants it: `done` with the end of the response, or with what was
 * written down. */
void realtime_read_chunk(struct str data, struct chat_event *ret_event);
#define REALTIME_TOTAL_MAX INT64_C(1000000000) /* tokens: no model has such a context */
/* All tokens of a usage report; 0: it says none, or nonsense. */
int64_t realtime_total(struct str usage);

/*
 * An error as an event. `error`: an object with our message, type, code and param (as
 * face_error_object() writes it), passed on with the client's event named; `event_id`: of that, a
 * JSON string or empty; `id`: a number for the event's own. ERR_NO_MEMORY, ERR_LIMIT.
 */
EP_MUST_CHECK enum err realtime_write_error(struct buf *out, struct str error, struct str event_id,
                                            uint64_t id);
/* An event on one line: as the data of a server-sent event, which it is written as. */
EP_MUST_CHECK enum err realtime_write_sse(struct buf *out, struct str event);
