/*
 * Decoders: what an upstream of any dialect sends, told as events (dialect/event.h). Pure.
 *
 * A stream is fed event by event, as wire/sse.h finds them; a whole answer goes through the same
 * code. Tolerant of what vendors really send (reasoning under three names, tool fragments without
 * ids, usage on every chunk, unnamed events, parts that were never announced), strict about what
 * an answer hangs on: JSON, ends of choices, fragments that belong to nothing.
 *
 * Of what is told to the sink, ids and names are as the upstream gave them and may be empty. Items
 * that are still open at a finish are closed before it. After an error or an end nothing is told.
 * What is kept per item lies in the caller's arena, nothing is kept per event.
 *
 * Not thread-safe. Failures: ERR_UPSTREAM_SYNTAX (no JSON, or a stream that contradicts itself),
 * ERR_UPSTREAM_SIZE (more choices or items than there can be), ERR_UPSTREAM_CUT, ERR_NO_MEMORY, and
 * what the sink returns. After one the decoder may only be ended with decode_fini().
 */
#pragma once

#include "base/arena.h"
#include "dialect/event.h"
#include "dialect/text.h"
#include "dialect/tokens.h"

struct decode_choice;
struct decode_item;

/*
 * Most events of a stream are the one before with another text. Of an event of chat that told one
 * delta and no more, the bytes around its text are kept: what has the same around a string tells
 * that string in the same place, and needs no other look.
 */
struct decode_like {
    char *around; /* of DECODE_LIKE_MAX bytes in the arena; NULL: none was kept yet */
    size_t len;   /* 0: the event before is not one to compare with */
    size_t at;    /* where the text stood, quotes included */
    const struct decode_choice *choice;
    struct decode_item *item;
    enum event_channel channel;
    struct str text; /* the delta that was told last, of the event at hand */
    size_t told;     /* what the event at hand tells */
};

struct decode {
    enum dialect dialect;
    struct event_sink sink;
    struct arena *arena;
    struct decode_choice *choices;
    struct tokens_so_far so_far; /* Anthropic */
    struct event_tokens tokens;  /* last told */
    struct decode_like like;     /* Chat */
    struct str named;            /* text: the model as the event at hand has it; or empty. Not of
                                    chat's events that are like the one before */
    struct str tier;             /* likewise, in which it is served */
    struct buf scratch;          /* what must be escaped to be text: Gemini's arguments */
    bool begun;
    bool stopped; /* an end or error was told */
};

#define DECODE_LIKE_MAX 512 /* chunks have some 250 */
#define DECODE_SCRATCH_MAX \
    ((size_t)8 << 20) /* a tool's arguments in one piece; files are written so */

/* `arena` holds some 100 bytes an item, and what they are called; it outlives the decoder. */
void decode_init(struct decode *decode, enum dialect dialect, struct event_sink sink,
                 struct arena *arena);
void decode_fini(struct decode *decode);
/* One event of the stream: its "event:" (may be empty) and its data. */
EP_MUST_CHECK enum err decode_event(struct decode *decode, struct str type, struct str data);
/* The stream has ended. ERR_UPSTREAM_CUT: before the answer did. */
EP_MUST_CHECK enum err decode_end(struct decode *decode);
/* The stream is left here, as if the model had met its cap: what is open is closed, choices that
 * have not ended end by their length, and the answer with them. Nothing after an end. */
EP_MUST_CHECK enum err decode_cut(struct decode *decode);
/* A whole answer that was not streamed, from begin to end. */
EP_MUST_CHECK enum err decode_body(struct decode *decode, struct str body);
/* The body of an answer whose status is an error: one error event, whatever stands in it. */
EP_MUST_CHECK enum err decode_failure(struct decode *decode, int status, struct str body);
/* The text of a delta that a decoder tells as the JSON string that it is, quotes included: for who
 * counts its tokens (as chat_sink does). Not of blobs, and not of events that others make. */
struct str decode_delta_json(const struct event *event);
