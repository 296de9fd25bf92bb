/*
 * What the two files of the simulated world know of each other: sim.c has time, loops and jobs,
 * sim_net.c has sockets and what flies between them.
 */
#pragma once

#include "loop/loop_internal.h"
#include "loop/sim.h"

#define SIM_PORT_FIRST 20000 /* given to port 0; below are the ports that tests name */

struct sim {
    struct sim_options options;
    uint64_t random;
    uint64_t history;
    int64_t wall_ns; /* at the time 0 of its clock */
    /* Its clock is the world's, its heap the things to come; it has no world and makes no turns. */
    struct loop queue;
    struct node loops;
    struct sim_socket **sockets; /* by descriptor; NULL: free */
    size_t socket_cap;
    uint16_t port_next;
};

struct sim_loop {
    struct loop loop;
    struct sim *sim;
    struct node node;
    struct node ready;   /* sockets with an edge to tell */
    struct node telling; /* those of the turn under way */
};

enum sim_mark {
    SIM_MARK_TURN,
    SIM_MARK_JOB,
    SIM_MARK_PACKET,
    SIM_MARK_READ,
    SIM_MARK_WRITE
};

static inline struct sim_loop *sim_loop_of(struct loop *loop)
{
    return EP_CONTAINER(loop, struct sim_loop, loop);
}

/* Adds to the history. */
void sim_mark(struct sim *sim, enum sim_mark mark, uint64_t what);
/* Between `least` and `most`, both included. */
uint64_t sim_between(struct sim *sim, uint64_t least, uint64_t most);
/* Fires `timer` at that time. Memory for it is not part of what is simulated: asserted. */
void sim_schedule(struct sim *sim, struct timer *timer, int64_t at_ns);

/* sim_net.c: what the table of the world points at. */
void sim_net_deliver(struct loop *loop);
enum err sim_net_watch(struct loop *loop, struct watch *watch, struct fail *fail);
void sim_net_unwatch(struct loop *loop, struct watch *watch);
enum err sim_net_listen(struct loop *loop, const struct address *address, int backlog, int *ret_fd,
                        struct address *ret_address, struct fail *fail);
enum err sim_net_accept(struct loop *loop, int listener, int *ret_fd, struct address *ret_peer);
enum err sim_net_connect(struct loop *loop, const struct address *address, int *ret_fd,
                         struct fail *fail);
enum err sim_net_connected(struct loop *loop, int fd, struct fail *fail);
enum err sim_net_read(struct loop *loop, int fd, void *bytes, size_t size, size_t *ret_len);
enum err sim_net_write(struct loop *loop, int fd, const struct iovec *parts, int count,
                       size_t *ret_len);
void sim_net_shutdown(struct loop *loop, int fd);
/* Closes what `loop` has open. */
void sim_net_close_all(struct sim_loop *loop);
