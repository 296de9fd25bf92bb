/*
 * What the shared part of a loop (loop.c) and its two worlds (loop_real.c, sim.c) know of each
 * other. A world is the place of descriptors and clocks; everything else is shared.
 */
#pragma once

#include <stdatomic.h>

#include "loop/worker.h"

struct loop_world {
    /* Waits until `until_ns` at most (INT64_MAX: for ever; 0: not at all), takes in what has
     * happened to descriptors and sets now_ns and wall_ns. False: nothing happened. */
    bool (*poll)(struct loop *loop, int64_t until_ns);
    /* Tells the watches what poll() took in, but those closed since. */
    void (*deliver)(struct loop *loop);
    void (*wake)(struct loop *loop); /* any thread */
    enum err (*watch)(struct loop *loop, struct watch *watch, struct fail *fail);
    void (*unwatch)(struct loop *loop, struct watch *watch); /* and closes */
    enum err (*listen)(struct loop *loop, const struct address *address, int backlog, int *ret_fd,
                       struct address *ret_address, struct fail *fail);
    enum err (*accept)(struct loop *loop, int listener, int *ret_fd, struct address *ret_peer);
    enum err (*connect)(struct loop *loop, const struct address *address, int *ret_fd,
                        struct fail *fail);
    enum err (*connected)(struct loop *loop, int fd, struct fail *fail);
    enum err (*read)(struct loop *loop, int fd, void *bytes, size_t size, size_t *ret_len);
    enum err (*write)(struct loop *loop, int fd, const struct iovec *parts, int count,
                      size_t *ret_len);
    void (*shutdown)(struct loop *loop, int fd);
    void (*destroy)(struct loop *loop); /* frees the loop too */
    /* epoll(7): a stream socket that gave less than was asked for has nothing more just now. */
    bool short_read_drains;
};

struct loop {
    const struct loop_world *world;
    int64_t now_ns;
    int64_t wall_ns;
    struct timer **heap; /* 4-ary, heap[1] is the first to fire */
    size_t heap_count;
    size_t heap_cap;
    struct node tasks;
    struct node later; /* tasks of the next turn */
    struct node graves;
    _Atomic(struct mail *) mailbox; /* newest first */
    atomic_bool asleep;             /* a sender must wake the loop */
    atomic_bool stopping;
    bool firing; /* in the phase of the timers */
    char *scratch;
};

EP_MUST_CHECK enum err loop_init(struct loop *loop, const struct loop_world *world,
                                 struct fail *fail);
void loop_fini(struct loop *loop);

/* The face of a pool: threads (worker.c) or a schedule (sim.c) stand behind it. */
struct worker_pool {
    enum err (*submit)(struct worker_pool *pool, struct job *job);
    void (*destroy)(struct worker_pool *pool);
};
