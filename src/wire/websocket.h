/*
 * WebSocket (RFC 6455) without I/O: bytes to messages and back, one side of one connection. Frames
 * are read and masked by wslay; what may follow what, what is whole, and how much there may be is
 * decided here. The handshake is websocket_hello.h's.
 *
 * Reading: websocket_read() takes bytes as they come, in pieces of any size, and gives one event at
 * a time. Fragments are joined, masks are checked (a client must, a server must not), text is
 * UTF-8, and control frames are given between the fragments of a message. No extension is spoken.
 *
 * Bounds: a message's bytes (told from its frames' heads, before their bytes come), its fragments,
 * and control frames a second. Between frames nothing is kept but this struct; inside of one, what
 * has come of the message and wslay's 4 KiB (from the system's heap, not mem.h's).
 *
 * Threads: none of its own. Neither end is told of anything here: an event of WEBSOCKET_PING is
 * its owner's to answer, as WEBSOCKET_CLOSE and WEBSOCKET_BAD are.
 */
#pragma once

#include "base/buf.h"

#define WEBSOCKET_HEAD_MAX    14  /* of a frame: two bytes, a length of eight, a mask */
#define WEBSOCKET_CONTROL_MAX 125 /* RFC 6455 5.5 */
#define WEBSOCKET_REASON_MAX  123 /* a code of two bytes stands before it */

struct wslay_frame_context;

/* RFC 6455 7.4.1; others are 3000 to 4999. */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_CODE = 1005,  /* never sent: the close frame had none */
    WEBSOCKET_ABNORMAL = 1006, /* never sent: there was no close frame */
    WEBSOCKET_NOT_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_FAULT = 1011,
    WEBSOCKET_TRY_LATER = 1013
};

enum websocket_op {
    WEBSOCKET_CONTINUED = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_OP_CLOSE = 8,
    WEBSOCKET_OP_PING = 9,
    WEBSOCKET_OP_PONG = 10
};

struct websocket_limits {
    size_t message_bytes_max;
    uint32_t fragments_max;  /* of a message */
    uint32_t controls_max_s; /* control frames a second */
};

/* Four bytes that nobody can foresee: RFC 6455 10.3. */
typedef void websocket_mask_fn(unsigned char *bytes, size_t len);

enum websocket_got {
    WEBSOCKET_MORE,    /* all that was given is taken */
    WEBSOCKET_MESSAGE, /* `data`, whole; `text`: it is UTF-8 */
    WEBSOCKET_PING,    /* `data` is to be sent back */
    WEBSOCKET_PONG,    /* `data` */
    WEBSOCKET_CLOSE,   /* `code`, and the reason in `data`; whatever follows is passed over */
    WEBSOCKET_BAD      /* `code` to close with, `why` in words; whatever follows is passed over */
};

struct websocket_event {
    struct str data; /* valid until the next websocket_read() or websocket_fini() */
    const char *why; /* static */
    uint16_t code;
    bool text;
};

/* All of it is websocket.c's. */
struct websocket {
    struct wslay_frame_context *frames; /* NULL: no frame has begun */
    websocket_mask_fn *mask;            /* NULL: it is a server's side */
    struct websocket_limits limits;
    struct str *source; /* while it is read from */
    struct buf *sink;   /* while it is written to */

    /* the frame that comes in */
    unsigned char head[WEBSOCKET_HEAD_MAX];
    uint8_t head_len;
    uint8_t head_given; /* of `head`: wslay has it */
    uint8_t op;
    bool fin;
    bool in_frame; /* its head is whole */
    uint64_t left; /* of its payload: wslay has it not */
    uint64_t size; /* of its payload */
    uint64_t got;  /* of its payload: unmasked */
    char control[WEBSOCKET_CONTROL_MAX];

    /* the message that comes in */
    struct buf message;
    size_t utf8_at;     /* up to where it is UTF-8 */
    uint32_t fragments; /* so far; 0: none has begun */
    uint8_t message_op;
    bool told; /* the message was an event: it is freed with the next read */

    uint32_t controls; /* of the second that began at */
    int64_t second_ns;
    bool over;       /* nothing is read any more */
    bool close_sent; /* nothing is written any more */
};

/* `mask`: for a client's side; NULL makes a server's. No memory is taken. */
void websocket_init(struct websocket *ws, const struct websocket_limits *limits,
                    websocket_mask_fn *mask);
void websocket_fini(struct websocket *ws);

/* Takes some of *bytes and gives the next event; call again until WEBSOCKET_MORE. `now_ns`: any
 * clock that only goes forward. */
EP_MUST_CHECK enum websocket_got websocket_read(struct websocket *ws, struct str *bytes,
                                                int64_t now_ns, struct websocket_event *ret_event);
/* Whether a message has begun and not ended. */
bool websocket_is_within(const struct websocket *ws);

/* Appends a frame, whole or not at all: ERR_LIMIT or ERR_NO_MEMORY is of `out`, ERR_NET_CLOSED: the
 * close frame is written. WEBSOCKET_TEXT is UTF-8 by the caller's word. */
EP_MUST_CHECK enum err websocket_write(struct websocket *ws, enum websocket_op op, struct str data,
                                       struct buf *out);
/* Appends the close frame, once; more are not written, and ERR_OK. `code` 0: none is told. `reason`
 * is cut to WEBSOCKET_REASON_MAX at a character. */
EP_MUST_CHECK enum err websocket_write_close(struct websocket *ws, uint16_t code, struct str reason,
                                             struct buf *out);
/* Whether a close frame may carry it. */
bool websocket_code_is_valid(uint16_t code);
