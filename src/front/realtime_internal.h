/*
 * What the files of realtime know of each other: realtime_open.c has how a session begins,
 * realtime.c its life and its client, realtime_source.c what comes from the source, realtime_turn.c
 * the calls; gate/call_realtime.h has how these differ from others.
 */
#pragma once

#include "dialect/realtime.h"
#include "front/front_internal.h"
#include "front/realtime.h"
#include "gate/call_realtime.h"
#include "net/answerer.h"
#include "net/channel.h"
#include "net/inner.h"
#include "wire/sse.h"

#define REALTIME_MAGIC 0x5245414CU /* "REAL" */
/* Above it what comes from one side waits until the other has taken what it was sent. */
#define REALTIME_PENDING_MAX ((size_t)256 * 1024)
#define REALTIME_TRANSCRIPTS 8 /* calls at once: a client speaks one thing after the other */
/* Responses at once, of which the conversation has one: each holds credit, and a source's place. */
#define REALTIME_RESPONSES 8

/* A name as the source or the client gave it: a JSON string. */
struct realtime_id {
    size_t len; /* 0: none */
    char text[REALTIME_ID_MAX];
};

/*
 * A call of the session. Its request's side is `inner`, its answer's `call`; either may end first.
 */
struct turn {
    struct session *session;
    struct node node;
    enum turn_kind kind;
    struct http_inner inner;
    struct gate_actor actor;     /* the session's, and of it this turn */
    struct call_turn seat;       /* by which its call knows it */
    struct http_call *call;      /* that is answered; NULL: not yet, or no more */
    struct buf event;            /* that begins it */
    struct buf event_id;         /* of the client's event: a JSON string, or empty */
    struct realtime_id response; /* as the source names it; none: it has not, or not yet */
    struct sse sse;              /* of the call's answer */
    struct buf body;             /* of one that is not streamed */
    struct buf headers;          /* of the opening's */
    char id[ID_SHOWN_MAX];       /* of the call, as clients see it; empty: not known yet */
    size_t id_len;
    int status;     /* of the call's answer; 0: none yet */
    unsigned held;  /* by who uses it yet */
    bool by_source; /* the source began it by itself */
    bool beside;    /* outside of the conversation */
    bool instead;   /* of the conversation its input is what stands in its event */
    bool asked;     /* the source works at it */
    int64_t bytes;  /* of the session's, when the source began to read it */
    int64_t sound;  /* likewise */
    bool begun;     /* its answer's head was given */
    bool over;      /* the source's part has ended */
};

enum session_state {
    SESSION_OPENING, /* the opening's call is under way; `x` waits */
    SESSION_OPEN,    /* both channels are */
    SESSION_ENDING   /* no new turn begins; it is freed when all is over */
};

struct session {
    uint32_t magic;
    enum session_state state;
    struct front *front;
    struct node node; /* of the front's sessions */
    struct task task; /* looks whether all is over; later its grave */
    struct timer timer;
    int64_t begun_ns;
    int64_t used_ns; /* the client, or a response, was last heard */

    struct http_exchange *x; /* NULL: it has its answer, or has gone */
    struct http_from from;
    struct gate_actor actor; /* whose calls they are */
    struct buf headers;      /* of its calls */
    struct buf model;        /* its name */
    struct buf found;        /* session.created */
    char key[WEBSOCKET_KEY_LEN];
    bool offered;                 /* the subprotocol "realtime" */
    bool created;                 /* the source's session.created has come */
    struct limits_counter *place; /* among the sessions of its key; NULL: none taken */

    struct channel client;
    struct channel source;
    struct gate_snapshot *snapshot; /* that names the source; NULL: none was chosen */
    const struct registry_route *route;
    const struct registry_model *sold;
    struct buf target;
    struct buf source_headers; /* holds our secret, is wiped */

    struct node turns;
    size_t transcripts;
    struct turn *response; /* the conversation's own; NULL: none is under way */
    size_t responses;      /* under way, it and those beside it */
    struct {               /* the one that the source has been asked for and has not begun */
        bool open;
        bool beside;
        struct turn *turn;     /* NULL: nobody wants it any more */
        struct realtime_id id; /* of the event that asked */
    } ask;
    struct realtime_id skipped[REALTIME_RESPONSES]; /* nobody's: dropped to their ends */
    size_t skipped_count;
    bool closes;   /* with the end of the responses */
    uint16_t code; /* to close the client with */
    const char *reason;

    /* What the next response's input is at most. */
    int64_t context;    /* tokens, as of the last report */
    int64_t bytes;      /* of text since; each is a token at most */
    int64_t sound;      /* bytes of sound since */
    bool narrow;        /* sound of one byte a sample was agreed on once */
    bool says_narrow;   /* what the source says has one, as it last told */
    int64_t output_cap; /* tokens of a response, as the source last told; 0: there is none */
    int64_t asked_cap;  /* the greatest of those asked for and not told yet; 0: none */
    int64_t changes;    /* of the session, asked for and not told yet */
    uint64_t events;    /* of our own, so far */
};

/* realtime.c */
/* NULL: no memory. */
EP_MUST_CHECK struct session *session_make(struct front *front, struct http_exchange *x);
void session_schedule(struct session *session);               /* its timer */
void session_tell(struct session *session, struct str event); /* to the client */
/* An error of ours. `error`: an object. */
void session_tell_error(struct session *session, struct str error, struct str event_id);
void session_tell_err(struct session *session, enum err err, const char *message, const char *param,
                      struct str event_id);
/* The same, with a code of the API's own. */
void session_tell_code(struct session *session, const char *code, const char *message,
                       struct str event_id);
/* No new turn begins; the client is closed with `code`, at once or after the responses. */
void session_end(struct session *session, uint16_t code, const char *reason, bool at_once);
void session_check_source(struct session *session); /* ends it, if the registry has it no more */
void session_look(struct session *session);         /* something of it is over */
void session_balance(struct session *session);      /* who is read from now */
int64_t session_input_most(const struct session *session, size_t event); /* its bytes */
int64_t session_output_most(const struct session *session); /* tokens; 0: nobody caps it */
/* A response of the source's is done. `turn`: of its call; NULL: it is nobody's. */
void session_learn(struct session *session, const struct turn *turn, struct str usage);

/* realtime_open.c: the opening's call is over */
void session_opened(struct session *session, struct turn *turn);
void session_refused(struct session *session, int status, struct str headers, struct str body);

/* realtime_source.c */
extern const struct channel_events source_events;
/* The opening's attempt begins. */
void source_connect(struct session *session, struct turn *turn);
enum err source_send(struct session *session, struct str event);
/* Asks the source for a response, if it has begun the one before: else when it has. */
void source_ask(struct session *session, struct turn *turn);
/* Nobody wants a response any more: it is cancelled there, and dropped to its end. */
void source_drop(struct session *session, struct turn *turn);
/* All that the source has under way comes to nothing more. */
void source_fail_all(struct session *session, enum err err, const char *what);
void realtime_id_set(struct realtime_id *id, struct str text);
struct str realtime_id_str(const struct realtime_id *id);

/* realtime_turn.c */
/* ERR_NO_MEMORY, ERR_BUSY: there is no such turn. */
EP_MUST_CHECK enum err turn_begin(struct session *session, enum turn_kind kind, struct str event,
                                  struct str event_id, bool by_source, struct turn **ret_turn);
/* NULL: the exchange is no call of a session's. */
struct turn *turn_of(struct http_exchange *x);
/* The next five: `turn` may be gone behind them. Of all but the last two, turn->call is there. */
/* The source's event is the answer's next, or its first. */
void turn_feed(struct turn *turn, struct str event, const struct realtime_event *read);
/* The whole answer, of which nothing was given before. */
void turn_whole(struct turn *turn, int status, struct str body);
void turn_fail(struct turn *turn, enum err err, const char *what);
/* The client has gone. */
void turn_leave(struct turn *turn);
/* Frees it, if both its sides are over. */
void turn_look(struct turn *turn);
