/*
 * The simulated world: time, network, scheduling and workers come from a seed. Loops made in one
 * `struct sim` share its clock and its network; all of it runs in one thread. The same seed and
 * the same calls give the same history, byte by byte.
 *
 * Time moves only when no loop of the world has anything to do. Connections take latencies,
 * reads and writes come in parts, and everything that the kernel may do late is done late.
 * Addresses are names only: whatever has been bound in this world can be reached in it.
 */
#pragma once

#include "loop/worker.h"

struct sim;

struct sim_options {
    uint64_t seed;
    int64_t latency_min_ns; /* of one packet, one way; 0 < min <= max */
    int64_t latency_max_ns;
    size_t window_bytes; /* sent and not yet read, each way; > 0 */
    /* Nothing is left to chance: reads and writes are whole, latencies the largest, and what goes
     * first is always the same. For measurements: a call more or less does not shift the others. */
    bool even;
};

/* 50 us to 2 ms, 64 KiB. */
struct sim_options sim_options_default(uint64_t seed);

EP_MUST_CHECK enum err sim_create(const struct sim_options *options, struct sim **ret_sim,
                                  struct fail *fail);
/* After its loops and pools. Connections still open vanish. NULL is allowed. */
void sim_destroy(struct sim *sim);

/*
 * Ends with loop_destroy(), which closes its descriptors as the end of a process does. A turn that
 * may wait lets the other loops run and time pass; to wait where nothing can ever happen is a
 * broken invariant (a deadlock of the program under test).
 */
EP_MUST_CHECK enum err loop_create_sim(struct sim *sim, struct loop **ret_loop, struct fail *fail);

/* Jobs run one by one in the order the seed picks; at most `queue_max` wait. */
EP_MUST_CHECK enum err worker_pool_create_sim(struct sim *sim, unsigned queue_max,
                                              struct worker_pool **ret_pool, struct fail *fail);

/* One turn of one loop that has something to do, else time moves to the next thing that happens,
 * if that is not after `until_ns`. False: nothing left to do by then. */
bool sim_step(struct sim *sim, int64_t until_ns);
/* Steps until nothing is left to do by `until_ns`; time is `until_ns` then, unless that is
 * INT64_MAX. Not from within a turn. */
void sim_run(struct sim *sim, int64_t until_ns);
int64_t sim_now_ns(const struct sim *sim);
/* The connection of `fd` breaks: its owner at once, its peer a latency later reads ERR_IO. */
void sim_reset(struct sim *sim, int fd);
/* All connections of the loop break so: what its peers see when a process is killed. */
void sim_reset_all(struct sim *sim, struct loop *loop);
/* The wall clock of all loops jumps; the time that passes does not. */
void sim_jump_wall(struct sim *sim, int64_t by_ns);
/* The next number of the seed, for what a test itself leaves to chance. */
uint64_t sim_random(struct sim *sim);
/* A digest of all that has happened: equal histories, equal numbers. */
uint64_t sim_history(const struct sim *sim);
