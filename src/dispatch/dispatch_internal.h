/* What the files of the dispatch share of its state. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "dispatch/dispatch.h"

#define DISPATCH_BUCKETS 1024 /* a few hundred routes: chains of one */

/*
 * What is known of a route, a credential or a pool. Entries are only ever added, each under a lock,
 * and live until dispatch_destroy(): so readers walk the chains without one.
 */
struct dispatch_entry {
    struct dispatch_entry *_Atomic next;
    _Atomic uint64_t under_way;
    _Atomic int64_t tokens_full_at; /* a bucket.h, of a credential or pool with tokens a minute */
    struct line_goal goal;          /* likewise: who waits for a place of it */
    struct health health;           /* of a route */
    uint64_t hash;
    char kind; /* 'r', 'c' or 'p': a route, a credential and a pool may share an id */
    size_t id_len;
    char id[];
};

struct dispatch_line {
    pthread_mutex_t lock; /* held for a walk along the line: some microseconds */
    struct line line;
};

struct dispatch {
    struct dispatch_entry *_Atomic buckets[DISPATCH_BUCKETS];
    _Atomic int64_t seen_ns; /* the time of a late call, for who has no clock of his own */
    pthread_mutex_t learning;
    size_t count;                 /* under `learning` */
    struct dispatch_line *shared; /* by itself: who merely looks walks along it too */
};

/* NULL: no memory. */
struct dispatch_line *dispatch_line_create(void);
void dispatch_line_destroy(struct dispatch_line *shared); /* nobody waits */
/* What of the entry is wanted by calls that stand before this one. */
struct line_sum dispatch_before(const struct dispatch *dispatch, const struct dispatch_ask *ask,
                                const struct dispatch_entry *entry);

/* ---- dispatch_room.c: what a credential or a pool has room for ----------------------------- */

struct dispatch_room {
    uint64_t calls_max;
    int64_t tokens_max; /* a minute; 0: any number */
};

static inline struct dispatch_room dispatch_room_of(uint64_t calls_max, uint64_t tokens_max)
{
    return (struct dispatch_room){ calls_max, (int64_t)tokens_max };
}

enum dispatch_lack {
    DISPATCH_LACK_NOTHING,
    DISPATCH_LACK_PLACE,
    DISPATCH_LACK_TOKENS /* until *ret_until_ns, if nobody takes any */
};
enum dispatch_lack dispatch_room_look(const struct dispatch *dispatch,
                                      const struct dispatch_ask *ask,
                                      const struct dispatch_entry *entry,
                                      const struct dispatch_room *room, int64_t *ret_until_ns);
/* A place and the tokens, or nothing. *ret_fills_ns is for dispatch_room_give(). */
EP_MUST_CHECK bool dispatch_room_take(const struct dispatch *dispatch,
                                      const struct dispatch_ask *ask, struct dispatch_entry *entry,
                                      const struct dispatch_room *room, int64_t *ret_fills_ns);

struct dispatch_use {
    int64_t taken;
    int64_t used;
};
void dispatch_room_give(struct dispatch_entry *entry, const struct dispatch_room *room,
                        const struct dispatch_use *use, int64_t fills_ns, int64_t now_ns);

/* NULL: it was not learned. */
struct dispatch_entry *dispatch_find(const struct dispatch *dispatch, char kind, struct str id);
