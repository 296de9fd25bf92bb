/*
 * Listening to an upstream that speaks another dialect than chat: what its events and whole answers
 * say, in the terms of dialect/chat.h, so that whoever checks, counts and gives an answer on knows
 * of one kind of event alone. The bytes stay as they came. Pure but for memory.
 *
 * Beyond what a chat event says: `finished` is told by the event that ends a choice, whatever it is
 * called there; `done` by the dialect's own end; an error in any of its forms is `error`, and
 * `busy` where it says that the upstream has no room now; what is told in cipher, as a summary or
 * by the vendor's own tools is `unread`, for no count of it is exact; `twofold` are all events but
 * those that say one piece of a text and no more.
 *
 * A text may lie in the listener's memory (arguments that come as an object): it is valid in the
 * sink alone.
 */
#pragma once

#include "base/arena.h"
#include "dialect/chat.h"
#include "dialect/decode.h"

#define LISTEN_ID_MAX 48 /* bytes of an answer's id that are kept; longer ones are cut */

struct listen {
    struct decode decode;
    struct arena arena; /* of the decoder: some 100 bytes an item */
    const struct chat_sink *sink;
    struct chat_event *event; /* being read */
    int64_t events;           /* of the stream, so far */
    int64_t searches;         /* of the web, by the vendor (Responses), which no report tells */
    bool busy;                /* an error said so */
    unsigned char id_len;
    char id[LISTEN_ID_MAX]; /* as the answer calls itself; empty: it does not, or not in ASCII */
};

/* `items_max`: bytes that items may take. Owns no memory before the first event. */
void listen_init(struct listen *listen, enum dialect dialect, size_t items_max);
void listen_fini(struct listen *listen);

/*
 * One event's type and data. `sink` may be NULL. ERR_UPSTREAM_SYNTAX (also of a stream that
 * contradicts itself), ERR_UPSTREAM_SIZE, ERR_NO_MEMORY; behind one nothing more may be read.
 */
EP_MUST_CHECK enum err listen_event(struct listen *listen, struct str type, struct str data,
                                    const struct chat_sink *sink, struct chat_event *ret_event);
/* The stream has ended. ERR_UPSTREAM_CUT: the answer had not. */
EP_MUST_CHECK enum err listen_end(struct listen *listen);
/* A whole answer that was not streamed, as listen_event(); and ERR_UPSTREAM_CUT. */
EP_MUST_CHECK enum err listen_body(struct listen *listen, struct str body,
                                   const struct chat_sink *sink, struct chat_event *ret_event);
/* Whether an error of that name says that there is no room now: another source may have some. */
bool listen_is_busy(struct str type);
/* Whether the answer has begun: what comes before keeps the line alive and says nothing. */
static inline bool listen_has_begun(const struct listen *listen)
{
    return listen->decode.begun;
}
