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
    struct health health; /* of a route */
    uint64_t hash;
    char kind; /* 'r', 'c' or 'p': a route, a credential and a pool may share an id */
    size_t id_len;
    char id[];
};

struct dispatch {
    struct dispatch_entry *_Atomic buckets[DISPATCH_BUCKETS];
    _Atomic int64_t seen_ns; /* the time of a late call, for who has no clock of his own */
    pthread_mutex_t learning;
    size_t count; /* under `learning` */
};

/* NULL: it was not learned. */
struct dispatch_entry *dispatch_find(const struct dispatch *dispatch, char kind, struct str id);
