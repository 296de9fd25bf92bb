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
 * Many calls may be alike, since who wants several answers to one prompt sends it several times. So
 * a call whose client is still there is nobody's first try, an answer goes to one repeat at a time,
 * and who was told to try again is counted before anybody is given another's answer.
 *
 * In memory alone, and bounded: REPEATS_MAX calls, REPEATS_BYTES of answers; the oldest make room.
 * A restart forgets them. Threads: any; stripes with a lock each.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "crypto/digest.h"

#define REPEATS_STRIPES 16
#define REPEATS_STRIPE_MAX \
    1024 /* calls: 16,384 in all, of some 200 bytes; 130 a second for two minutes */
#define REPEATS_MAX          (REPEATS_STRIPES * REPEATS_STRIPE_MAX)
#define REPEATS_STRIPE_BYTES ((size_t)2 << 20)
#define REPEATS_BYTES        (REPEATS_STRIPES * REPEATS_STRIPE_BYTES) /* 32 MiB */
#define REPEATS_ANSWER_MAX   ((size_t)64 << 10) /* as of answers that an Idempotency-Key keeps */
/* A larger request is not watched: its sum would take more than a millisecond of the loop's. */
#define REPEATS_BODY_MAX ((size_t)1 << 20)

struct repeats;
struct repeat; /* one call that may be repeated */

EP_MUST_CHECK enum err repeats_create(int64_t window_ns, struct repeats **ret_repeats,
                                      struct fail *fail);
void repeats_destroy(struct repeats *repeats); /* NULL is allowed; no call has one of it */
/* Frees what is older than the window: what is kept does not stay because nobody asks. */
void repeats_sweep(struct repeats *repeats, int64_t now_ns);

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

/* ---- a repeat ------------------------------------------------------------------------------ */

enum repeat_found {
    REPEAT_NONE,  /* it is a call of its own */
    REPEAT_WAIT,  /* *ret_repeat ends first: repeats_look(), or repeats_leave() */
    REPEAT_ANSWER /* *ret_repeat has the answer: repeats_give() it back */
};

EP_MUST_CHECK enum repeat_found repeats_find(struct repeats *repeats, const struct digest *name,
                                             int64_t now_ns, struct repeat **ret_repeat);
/* What has become of it meanwhile; with REPEAT_NONE it is gone. */
EP_MUST_CHECK enum repeat_found repeats_look(struct repeats *repeats, struct repeat *repeat);
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
