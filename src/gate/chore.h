/*
 * A piece of work that may have to wait for a disk, done on a worker's thread for something that
 * lives on the gate's loop and goes on when it is over. For the gate, and for whoever routes its
 * requests.
 *
 *   chore_start > run (a worker's thread) > over (the loop's)
 *
 * While it is under way what it works on is the worker's alone, and must not be freed: who wants to
 * end meanwhile does so in `over`. The gate is not done (gate_busy()) before that was called.
 */
#pragma once

#include "loop/worker.h"

struct gate;
struct chore;
typedef void chore_fn(struct chore *chore);

/* Lives in its owner; zero but for `gate` at first. */
struct chore {
    struct gate *gate;
    struct job job;
    chore_fn *run;
    chore_fn *over; /* may free the chore, or start it again */
    bool busy;
};

/* Not while it is busy. ERR_BUSY: too much waits for a thread; nothing was begun. */
EP_MUST_CHECK enum err chore_start(struct chore *chore, chore_fn *run, chore_fn *over);
