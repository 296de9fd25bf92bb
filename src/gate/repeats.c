#include "gate/repeats.h"

#include <pthread.h>

#include "base/list.h"
#include "base/mem.h"

enum repeat_state {
    REPEAT_RUNNING,
    REPEAT_LOST,
    REPEAT_STANDS, /* with a pipe */
    REPEAT_POURED, /* its stream has ended, and its client has still to draw what is in the pipe */
    REPEAT_UNSOLD,
    REPEAT_KEPT,
    REPEAT_TAKEN, /* KEPT, and being sent to a repeat */
    REPEAT_OVER   /* ended without an answer while a repeat waits, which removes it */
};

/* From a stream to the repeat that is its client now. */
struct repeat_pipe {
    int status; /* 0: no head is in it */
    struct buf headers;
    struct buf bytes;
    bool taken; /* the client was told something */
    bool left;  /* and has left */
    bool whole;
};

struct repeat {
    struct node node; /* of the stripe's ended ones: UNSOLD, KEPT, POURED, but for those awaited */
    struct repeat *next; /* in its bucket */
    struct digest name;
    struct id call;
    enum repeat_state state;
    bool awaited;
    int64_t ended_ns;
    int64_t posted_nano;
    struct buf answer;
    struct repeat_pipe *pipe; /* of STANDS and POURED */
};

struct repeats_stripe {
    pthread_mutex_t lock; /* guards all of it */
    struct repeat *buckets[REPEATS_STRIPE_MAX];
    struct node ended; /* the oldest first */
    size_t count;
    size_t bytes; /* of answers */
    size_t stands;
};

struct repeats {
    int64_t window_ns;
    struct repeats_stripe stripes[REPEATS_STRIPES];
};

_Static_assert(REPEATS_STRIPES <= 256, "a byte of the sum tells the stripe");
_Static_assert(REPEATS_STRIPE_MAX <= 65536, "two bytes of the sum tell the bucket");

/* ---- stripes ------------------------------------------------------------------------------ */

static struct repeats_stripe *repeats_lock(struct repeats *repeats, const struct digest *name)
{
    struct repeats_stripe *stripe = &repeats->stripes[name->bytes[0] % REPEATS_STRIPES];
    int failed = pthread_mutex_lock(&stripe->lock);
    ASSERT(failed == 0);
    return stripe;
}

static void repeats_unlock(struct repeats_stripe *stripe)
{
    int failed = pthread_mutex_unlock(&stripe->lock);
    ASSERT(failed == 0);
}

static struct repeat **repeats_bucket(struct repeats_stripe *stripe, const struct digest *name)
{
    size_t at = (size_t)name->bytes[1] | (size_t)name->bytes[2] << 8;
    return &stripe->buckets[at % REPEATS_STRIPE_MAX];
}

static struct repeat *repeats_of(struct node *node)
{
    return EP_CONTAINER(node, struct repeat, node);
}

static void repeats_drop_answer(struct repeats_stripe *stripe, struct repeat *repeat)
{
    ASSERT(stripe->bytes >= repeat->answer.cap);
    stripe->bytes -= repeat->answer.cap;
    buf_fini(&repeat->answer);
}

static void repeats_drop_pipe(struct repeats_stripe *stripe, struct repeat *repeat)
{
    if (repeat->pipe != NULL) {
        buf_fini(&repeat->pipe->headers);
        buf_fini(&repeat->pipe->bytes);
        mem_free(repeat->pipe);
        repeat->pipe = NULL;
        stripe->stands--;
    }
}

static void repeats_remove(struct repeats_stripe *stripe, struct repeat *repeat)
{
    struct repeat **at = repeats_bucket(stripe, &repeat->name);
    while (*at != repeat) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = repeat->next;
    if (node_linked(&repeat->node)) {
        node_unlink(&repeat->node);
    }
    repeats_drop_answer(stripe, repeat);
    repeats_drop_pipe(stripe, repeat);
    stripe->count--;
    mem_free(repeat);
}

static void repeats_expire(const struct repeats *repeats, struct repeats_stripe *stripe,
                           int64_t now_ns)
{
    while (!list_empty(&stripe->ended)) {
        struct repeat *oldest = repeats_of(stripe->ended.next);
        if (now_ns - oldest->ended_ns < repeats->window_ns) {
            return;
        }
        repeats_remove(stripe, oldest);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

enum err repeats_create(int64_t window_ns, struct repeats **ret_repeats, struct fail *fail)
{
    ASSERT(window_ns > 0);
    struct repeats *repeats = mem_zalloc(sizeof(*repeats));
    if (repeats == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the calls that may be repeated");
    }
    repeats->window_ns = window_ns;
    for (size_t i = 0; i < REPEATS_STRIPES; i++) {
        int failed = pthread_mutex_init(&repeats->stripes[i].lock, NULL);
        ASSERT(failed == 0); /* a plain mutex needs nothing that can lack */
        list_init(&repeats->stripes[i].ended);
    }
    *ret_repeats = repeats;
    return ERR_OK;
}

void repeats_destroy(struct repeats *repeats)
{
    if (repeats == NULL) {
        return;
    }
    for (size_t i = 0; i < REPEATS_STRIPES; i++) {
        struct repeats_stripe *stripe = &repeats->stripes[i];
        while (!list_empty(&stripe->ended)) {
            repeats_remove(stripe, repeats_of(stripe->ended.next));
        }
        ASSERT(stripe->count == 0 && stripe->bytes == 0);
        int failed = pthread_mutex_destroy(&stripe->lock);
        ASSERT(failed == 0);
    }
    mem_free(repeats);
}

void repeats_sweep(struct repeats *repeats, int64_t now_ns)
{
    for (size_t i = 0; i < REPEATS_STRIPES; i++) {
        struct digest any = { .bytes = { (unsigned char)i } };
        struct repeats_stripe *stripe = repeats_lock(repeats, &any);
        repeats_expire(repeats, stripe, now_ns);
        repeats_unlock(stripe);
    }
}

int64_t repeats_window_ns(const struct repeats *repeats)
{
    return repeats->window_ns;
}

/* ---- a call that may be repeated ---------------------------------------------------------- */

/* With the lock held. */
static struct repeat *repeats_room(struct repeats_stripe *stripe)
{
    if (stripe->count == REPEATS_STRIPE_MAX && !list_empty(&stripe->ended)) {
        repeats_remove(stripe, repeats_of(stripe->ended.next));
    }
    if (stripe->count == REPEATS_STRIPE_MAX) {
        return NULL;
    }
    struct repeat *repeat = mem_zalloc(sizeof(*repeat));
    stripe->count += repeat != NULL ? 1 : 0;
    return repeat;
}

struct repeat *repeats_begin(struct repeats *repeats, const struct digest *name, struct id call,
                             int64_t now_ns)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, name);
    repeats_expire(repeats, stripe, now_ns);
    struct repeat *repeat = repeats_room(stripe);
    if (repeat != NULL) {
        struct repeat **bucket = repeats_bucket(stripe, name);
        repeat->name = *name;
        repeat->call = call;
        repeat->next = *bucket;
        *bucket = repeat;
    }
    repeats_unlock(stripe);
    return repeat;
}

void repeats_lost(struct repeats *repeats, struct repeat *repeat)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_RUNNING || repeat->state == REPEAT_LOST);
    repeat->state = REPEAT_LOST;
    repeats_unlock(stripe);
}

bool repeats_awaited(struct repeats *repeats, const struct repeat *repeat)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    bool awaited = repeat->awaited;
    repeats_unlock(stripe);
    return awaited;
}

/* With the lock held: it waits for a repeat from now on, or for the end of the window. */
static void repeats_ended(struct repeats_stripe *stripe, struct repeat *repeat,
                          enum repeat_state state, int64_t now_ns)
{
    repeat->state = state;
    repeat->ended_ns = now_ns;
    if (!repeat->awaited) {
        list_push_back(&stripe->ended, &repeat->node);
    }
}

/* With the lock held: the oldest answers make room for `size` bytes. */
static void repeats_make_room(struct repeats_stripe *stripe, size_t size)
{
    LIST_EACH_SAFE(node, after, &stripe->ended) {
        if (stripe->bytes + size <= REPEATS_STRIPE_BYTES) {
            return;
        }
        if (repeats_of(node)->state == REPEAT_KEPT) {
            repeats_remove(stripe, repeats_of(node));
        }
    }
}

void repeats_keep(struct repeats *repeats, struct repeat *repeat, struct buf *answer,
                  int64_t posted_nano, int64_t now_ns)
{
    ASSERT(answer->len > 0 && answer->len <= REPEATS_ANSWER_MAX);
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_RUNNING || repeat->state == REPEAT_LOST);
    repeats_make_room(stripe, answer->cap);
    if (repeat->awaited || stripe->bytes + answer->cap <= REPEATS_STRIPE_BYTES) {
        repeat->posted_nano = posted_nano;
        repeat->answer = *answer;
        stripe->bytes += answer->cap;
        buf_init(answer, answer->max);
        repeats_ended(stripe, repeat, REPEAT_KEPT, now_ns);
    } else {
        repeats_remove(stripe, repeat); /* all that is kept is being sent */
    }
    repeats_unlock(stripe);
}

void repeats_end(struct repeats *repeats, struct repeat *repeat, bool again, int64_t now_ns)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_RUNNING || repeat->state == REPEAT_LOST ||
           repeat->state == REPEAT_STANDS);
    repeats_drop_pipe(stripe, repeat);
    if (repeat->awaited) {
        repeat->state = REPEAT_OVER; /* whoever waits is the one that tries again */
    } else if (again) {
        repeats_ended(stripe, repeat, REPEAT_UNSOLD, now_ns);
    } else {
        repeats_remove(stripe, repeat);
    }
    repeats_unlock(stripe);
}

/* ---- a stream that may be repeated -------------------------------------------------------- */

/* Nothing is in it; its source sees to how much waits. */
static void repeats_pipe_init(struct repeat_pipe *pipe)
{
    pipe->status = 0;
    buf_init(&pipe->headers, REPEATS_POUR_MAX);
    buf_init(&pipe->bytes, REPEATS_POUR_MAX);
}

/* With the lock held. */
static struct repeat_pipe *repeats_pipe(struct repeats_stripe *stripe)
{
    bool room = stripe->stands < REPEATS_STANDS_STRIPE;
    struct repeat_pipe *pipe = room ? mem_zalloc(sizeof(*pipe)) : NULL;
    if (pipe != NULL) {
        repeats_pipe_init(pipe);
        stripe->stands++;
    }
    return pipe;
}

bool repeats_stand(struct repeats *repeats, struct repeat *repeat)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_RUNNING);
    repeat->pipe = repeats_pipe(stripe);
    bool stands = repeat->pipe != NULL;
    repeat->state = stands ? REPEAT_STANDS : REPEAT_RUNNING;
    repeats_unlock(stripe);
    return stands;
}

bool repeats_forsake(struct repeats *repeats, struct repeat *repeat)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS);
    bool alone = !repeat->awaited;
    if (alone) {
        repeats_drop_pipe(stripe, repeat);
        repeat->state = REPEAT_RUNNING;
    }
    repeats_unlock(stripe);
    return alone;
}

bool repeats_recall(struct repeats *repeats, struct repeat *repeat)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS);
    bool untold = !repeat->pipe->taken;
    if (untold) {
        buf_fini(&repeat->pipe->headers);
        buf_fini(&repeat->pipe->bytes);
        repeats_pipe_init(repeat->pipe);
    }
    repeats_unlock(stripe);
    return untold;
}

void repeats_pour_end(struct repeats *repeats, struct repeat *repeat, bool whole)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS);
    if (repeat->awaited) {
        repeat->state = REPEAT_POURED;
        repeat->pipe->whole = whole;
    } else {
        repeats_remove(stripe, repeat); /* its last client has just left */
    }
    repeats_unlock(stripe);
}

enum repeat_client repeats_client(struct repeats *repeats, const struct repeat *repeat,
                                  size_t *ret_waiting)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS);
    enum repeat_client client = repeat->awaited      ? REPEAT_JOINED
                                : repeat->pipe->left ? REPEAT_DESERTED
                                                     : REPEAT_ALONE;
    *ret_waiting = repeat->pipe->bytes.len;
    repeats_unlock(stripe);
    return client;
}

enum err repeats_pour_head(struct repeats *repeats, struct repeat *repeat, int status,
                           struct str headers)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS && repeat->pipe->status == 0);
    enum err err = buf_append(&repeat->pipe->headers, headers);
    repeat->pipe->status = err == ERR_OK ? status : 0;
    repeats_unlock(stripe);
    return err;
}

enum err repeats_pour(struct repeats *repeats, struct repeat *repeat, struct str bytes)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_STANDS);
    enum err err = buf_append(&repeat->pipe->bytes, bytes);
    repeats_unlock(stripe);
    return err;
}

/* ---- a repeat ----------------------------------------------------------------------------- */

/* With the lock held: one of that name and state that nobody waits for; the oldest, as buckets have
 * the newest first. */
static struct repeat *repeats_pick(struct repeats_stripe *stripe, const struct digest *name,
                                   enum repeat_state state)
{
    struct repeat *found = NULL;
    for (struct repeat *at = *repeats_bucket(stripe, name); at != NULL; at = at->next) {
        bool left = at->pipe != NULL && at->pipe->left;
        if (at->state == state && !at->awaited && !left && digest_eq(&at->name, name)) {
            found = at;
        }
    }
    return found;
}

enum repeat_found repeats_find(struct repeats *repeats, const struct digest *name, int64_t now_ns,
                               struct repeat **ret_repeat)
{
    enum repeat_found found = REPEAT_NONE;
    struct repeats_stripe *stripe = repeats_lock(repeats, name);
    repeats_expire(repeats, stripe, now_ns);
    struct repeat *unsold = repeats_pick(stripe, name, REPEAT_UNSOLD);
    struct repeat *lost = repeats_pick(stripe, name, REPEAT_LOST);
    struct repeat *stands = repeats_pick(stripe, name, REPEAT_STANDS);
    struct repeat *poured = repeats_pick(stripe, name, REPEAT_POURED);
    struct repeat *kept = repeats_pick(stripe, name, REPEAT_KEPT);
    if (unsold != NULL) {
        repeats_remove(stripe, unsold);
    } else if (lost != NULL) {
        lost->awaited = true;
        *ret_repeat = lost;
        found = REPEAT_WAIT;
    } else if (stands != NULL) {
        stands->awaited = true;
        *ret_repeat = stands;
        found = REPEAT_STREAM;
    } else if (poured != NULL) {
        node_unlink(&poured->node);
        poured->awaited = true;
        *ret_repeat = poured;
        found = REPEAT_STREAM;
    } else if (kept != NULL) {
        node_unlink(&kept->node);
        kept->state = REPEAT_TAKEN;
        *ret_repeat = kept;
        found = REPEAT_ANSWER;
    }
    repeats_unlock(stripe);
    return found;
}

enum repeat_found repeats_look(struct repeats *repeats, struct repeat *repeat)
{
    enum repeat_found found = REPEAT_WAIT;
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->awaited);
    if (repeat->state == REPEAT_OVER) {
        repeats_remove(stripe, repeat);
        found = REPEAT_NONE;
    } else if (repeat->state == REPEAT_KEPT) {
        repeat->awaited = false;
        repeat->state = REPEAT_TAKEN;
        found = REPEAT_ANSWER;
    }
    repeats_unlock(stripe);
    return found;
}

/* With the lock held: all that is in the pipe, and whether it was the last. */
static void repeats_empty(struct repeats_stripe *stripe, struct repeat *repeat,
                          struct repeat_piece *ret_piece)
{
    struct repeat_pipe *pipe = repeat->pipe;
    ret_piece->status = pipe->status;
    ret_piece->headers = pipe->headers;
    ret_piece->bytes = pipe->bytes;
    pipe->taken |= pipe->status != 0;
    repeats_pipe_init(pipe);
    if (repeat->state == REPEAT_POURED) {
        ret_piece->ended = true;
        ret_piece->whole = pipe->whole;
        repeats_remove(stripe, repeat);
    }
}

enum repeat_found repeats_draw(struct repeats *repeats, struct repeat *repeat,
                               struct repeat_piece *ret_piece)
{
    enum repeat_found found = REPEAT_STREAM;
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->awaited);
    *ret_piece = (struct repeat_piece){ .call = repeat->call };
    if (repeat->state == REPEAT_OVER) {
        repeats_remove(stripe, repeat);
        found = REPEAT_NONE;
    } else {
        repeats_empty(stripe, repeat, ret_piece);
    }
    repeats_unlock(stripe);
    return found;
}

void repeat_piece_fini(struct repeat_piece *piece)
{
    buf_fini(&piece->headers);
    buf_fini(&piece->bytes);
}

void repeats_leave(struct repeats *repeats, struct repeat *repeat, int64_t now_ns)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->awaited);
    repeat->awaited = false;
    if (repeat->state == REPEAT_POURED && repeat->pipe->taken) {
        repeats_remove(stripe, repeat);
    } else if (repeat->state == REPEAT_POURED) {
        repeats_ended(stripe, repeat, REPEAT_POURED, now_ns); /* the next try may have all of it */
    } else if (repeat->state == REPEAT_STANDS) {
        repeat->pipe->left = repeat->pipe->taken;
    } else if (repeat->state == REPEAT_KEPT) {
        repeats_ended(stripe, repeat, REPEAT_KEPT, now_ns);
    } else if (repeat->state == REPEAT_OVER) {
        repeats_ended(stripe, repeat, REPEAT_UNSOLD, now_ns); /* its client tries again, too */
    }
    repeats_unlock(stripe);
}

void repeats_give(struct repeats *repeats, struct repeat *repeat, int64_t now_ns)
{
    struct repeats_stripe *stripe = repeats_lock(repeats, &repeat->name);
    ASSERT(repeat->state == REPEAT_TAKEN && !repeat->awaited);
    repeats_ended(stripe, repeat, REPEAT_KEPT, now_ns);
    repeats_unlock(stripe);
}

struct repeat_answer repeats_answer(const struct repeat *repeat)
{
    ASSERT(repeat->state == REPEAT_TAKEN); /* this call's alone: no lock */
    return (struct repeat_answer){ repeat->call, repeat->posted_nano, buf_str(&repeat->answer) };
}
