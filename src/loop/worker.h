/*
 * Worker threads for slow work (name look-ups, reports): a job is handed over whole, runs on a
 * worker, and its mail brings the result to the loop that asked. Workers never touch a loop's
 * objects. In the simulated world a job runs in the loop's own thread, at a time the seed picks.
 */
#pragma once

#include "loop/loop.h"

struct worker_pool;

struct job;
typedef void job_run_fn(struct job *job);

/* Lives in its owner, who must not touch it from job_submit() until `mail.open`. */
struct job {
    struct mail mail; /* opened on `home` when the job has run */
    struct job *next;
    job_run_fn *run; /* on a worker thread */
    struct loop *home;
};

/* 1 <= threads <= 64; `queue_max` jobs may wait. Not for simulated loops: see sim.h. */
EP_MUST_CHECK enum err worker_pool_create(unsigned threads, unsigned queue_max,
                                          struct worker_pool **ret_pool, struct fail *fail);
/* Waits for jobs that run; those that wait are dropped without their mail. NULL is allowed. */
void worker_pool_destroy(struct worker_pool *pool);
/* ERR_BUSY: the queue is full, nothing was taken. */
EP_MUST_CHECK enum err job_submit(struct worker_pool *pool, struct job *job);
