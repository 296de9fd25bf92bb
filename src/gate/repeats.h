/*
 * Requests that SDKs send again by themselves. A client that lost its answer, or stopped waiting
 * for it, asks once more with the same bytes and a header that counts its tries; it has no key that
 * would name the first call. So the calls that may be repeated are remembered here, by who asks and
 * for what, for a window after their end:
 *
 *   RUNNING > LOST > ...      the client has left; a repeat waits for the end, and gets the answer
 *           > KEPT            answered and paid for; a repeat gets the same answer
 *           > UNSOLD          refused or failed, and to be tried again; a repeat is its own call
 *
 * A stream is kept nowhere: what a repeat can be given of it is what has not left yet. One whose
 * client leaves before the first byte stands for a while:
 *
 *   RUNNING > STANDS > ...    a repeat becomes its client, and gets it through a pipe as it comes
 *
 * Many calls may be alike, since who wants several answers to one prompt sends it several times. So
 * a call whose client is still there is nobody's first try, an answer goes to one repeat at a time,
 * and who was told to try again is counted before anybody is given another's answer.
 *
 * In memory alone, and bounded: REPEATS_MAX calls, REPEATS_BYTES of answers; the oldest make room;
 * and of streams that stand REPEATS_STANDS, with what waits in their pipes. A restart forgets them.
 * Threads: any; stripes with a lock each.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "crypto/digest.h"

#define REPEATS_HEADER "x-stainless-retry-count" /* the count of an SDK's own tries */

#define REPEATS_STRIPES 16
#define REPEATS_STRIPE_MAX \
    1024 /* calls: 16,384 in all, of some 200 bytes; 130 a second for two minutes */
#define REPEATS_MAX          (REPEATS_STRIPES * REPEATS_STRIPE_MAX)
#define REPEATS_STRIPE_BYTES ((size_t)2 << 20)
#define REPEATS_BYTES        (REPEATS_STRIPES * REPEATS_STRIPE_BYTES) /* 32 MiB */
#define REPEATS_ANSWER_MAX   ((size_t)64 << 10) /* as of answers that an Idempotency-Key keeps */
/* Streams that stand, of a stripe: 256 in all. Each has up to 192 KiB with its call (128, and one
 * read of its source), as of a client that does not read; and, once a repeat has come, up to 256
 * KiB in its pipe (64, and all of that at once): 112 MiB if all of them are full. */
#define REPEATS_STANDS_STRIPE ((size_t)16)
#define REPEATS_STANDS        (REPEATS_STRIPES * REPEATS_STANDS_STRIPE)
#define REPEATS_PIPE_MAX      ((size_t)64 << 10) /* bytes in a pipe; above it its source waits */
#define REPEATS_POUR_MAX      ((size_t)64 << 20) /* in it at all: as of any client */
/* A larger request is not watched: its sum would take more than a millisecond of the loop's. */
#define REPEATS_BODY_MAX ((size_t)1 << 20)

struct repeats;
struct repeat; /* one call that may be repeated */

EP_MUST_CHECK enum err repeats_create(int64_t window_ns, struct repeats **ret_repeats,
                                      struct fail *fail);
void repeats_destroy(struct repeats *repeats); /* NULL is allowed; no call has one of it */
/* Frees what is older than the window: what is kept does not stay because nobody asks. */
void repeats_sweep(struct repeats *repeats, int64_t now_ns);
int64_t repeats_window_ns(const struct repeats *repeats);

/* ---- a call that may be repeated ----------------------------------------------------------- */

/* `name`: the sum of who asks and for what. The call gives it back by one of the ends below. NULL:
 * there is no room, and nobody will know its repeats. */
struct repeat *repeats_begin(struct repeats *repeats, const struct digest *name, struct id call,
                             int64_t now_ns);
/* Its client has left. */
void repeats_lost(struct repeats *repeats, struct repeat *repeat);
/* Whether a repeat waits for its answer. */
bool repeats_awaited(struct repeats *repeats, const struct repeat *repeat);
/* It has ended, and `answer` (1 to REPEATS_ANSWER_MAX bytes; taken over where there is room) was
 * paid for. */
void repeats_keep(struct repeats *repeats, struct repeat *repeat, struct buf *answer,
                  int64_t posted_nano, int64_t now_ns);
/* It has ended without an answer. `again`: its client is expected to try once more. */
void repeats_end(struct repeats *repeats, struct repeat *repeat, bool again, int64_t now_ns);

/* ---- a stream that may be repeated ---------------------------------------------------------- */

enum repeat_client {
    REPEAT_ALONE,   /* it has none: none has come, or it left before it was told anything */
    REPEAT_JOINED,  /* a repeat */
    REPEAT_DESERTED /* it has been told some of it, and has left */
};

/* Its client has left before the first byte: it stands until one of the next three. False: too many
 * do, or there is no memory, and it does not. */
EP_MUST_CHECK bool repeats_stand(struct repeats *repeats, struct repeat *repeat);
/* Nobody has come: it stands no longer. False: somebody has. */
EP_MUST_CHECK bool repeats_forsake(struct repeats *repeats, struct repeat *repeat);
/* It was sold to nobody: what its client has not been told is taken back, and repeats_end() is
 * next. False: it has been told some, and is told the rest, too. */
EP_MUST_CHECK bool repeats_recall(struct repeats *repeats, struct repeat *repeat);
/* All that its client is to get is in the pipe; `whole`: with its proper end. The stream has given
 * it back. */
void repeats_pour_end(struct repeats *repeats, struct repeat *repeat, bool whole);

/* Who its client is, and how much of the pipe it has not taken. */
enum repeat_client repeats_client(struct repeats *repeats, const struct repeat *repeat,
                                  size_t *ret_waiting);
/* What its client is to get. ERR_NO_MEMORY, ERR_LIMIT (REPEATS_POUR_MAX): it has not become part of
 * it, and the pipe is to be ended. */
EP_MUST_CHECK enum err repeats_pour_head(struct repeats *repeats, struct repeat *repeat, int status,
                                         struct str headers);
EP_MUST_CHECK enum err repeats_pour(struct repeats *repeats, struct repeat *repeat,
                                    struct str bytes);

/* ---- a repeat ------------------------------------------------------------------------------ */

enum repeat_found {
    REPEAT_NONE,   /* it is a call of its own */
    REPEAT_WAIT,   /* *ret_repeat ends first: repeats_look(), or repeats_leave() */
    REPEAT_STREAM, /* it is *ret_repeat's client: repeats_draw(), or repeats_leave() */
    REPEAT_ANSWER  /* *ret_repeat has the answer: repeats_give() it back */
};

/* Some of a stream. The caller's to free: repeat_piece_fini(). */
struct repeat_piece {
    struct id call; /* whose stream it is */
    int status;     /* with the head; 0: there is none yet, or it was taken before */
    struct buf headers;
    struct buf bytes;
    bool ended; /* it was the last piece, and the repeat has given it back */
    bool whole; /* of the last one: it is the proper end */
};

void repeat_piece_fini(struct repeat_piece *piece);

EP_MUST_CHECK enum repeat_found repeats_find(struct repeats *repeats, const struct digest *name,
                                             int64_t now_ns, struct repeat **ret_repeat);
/* What has become of it meanwhile; with REPEAT_NONE it is gone. */
EP_MUST_CHECK enum repeat_found repeats_look(struct repeats *repeats, struct repeat *repeat);
/* Takes what is in the pipe of a REPEAT_STREAM. With REPEAT_NONE it is gone: the stream has failed
 * before its first byte, and nothing was sold. */
EP_MUST_CHECK enum repeat_found repeats_draw(struct repeats *repeats, struct repeat *repeat,
                                             struct repeat_piece *ret_piece);
/* Waits no longer. */
void repeats_leave(struct repeats *repeats, struct repeat *repeat, int64_t now_ns);
/* The answer was sent once more; the next repeat may have it. */
void repeats_give(struct repeats *repeats, struct repeat *repeat, int64_t now_ns);

/* Of one with an answer, until it is given back. */
struct repeat_answer {
    struct id call; /* that was answered so */
    int64_t posted_nano;
    struct str text;
};

struct repeat_answer repeats_answer(const struct repeat *repeat);
