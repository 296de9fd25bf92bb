/* What the files of the runner know of each other: batch_run.c has its batches, batch_run_line.c
 * their lines. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "batch/batch_finish.h"
#include "batch/batch_index.h"
#include "batch/batch_line.h"
#include "front/batch_run.h"
#include "gate/gate.h"
#include "loop/worker.h"
#include "net/inner.h"

#define RUN_BATCHES_MAX   64 /* worked off at a time; others wait, the oldest come first */
#define RUN_CLIENT_MAX    8  /* of these a client's: narrow limits of one keep no other waiting */
#define RUN_AGAIN_NS      INT64_C(10000000000) /* all are looked for, and what failed tried again */
#define RUN_AHEAD         64 /* lines that the row says may be begun, beyond those that are */
#define RUN_TRIES_MAX     8 /* of a line that a source fails; what is full is asked until the end */
#define RUN_WAIT_FIRST_NS INT64_C(1000000000)
#define RUN_WAIT_MAX_NS   INT64_C(60000000000)
/* What was begun is ended, whatever the options say by then: these are beyond what they may say. */
#define RUN_LINE_MAX   ((size_t)UINT32_MAX) /* of the input: what an entry has room for */
#define RUN_ANSWER_MAX ((size_t)3 << 30)    /* of a line, translated; its call bounds it */
#define RUN_RECORD_MAX (RUN_ANSWER_MAX + ((size_t)1 << 20)) /* of the journal */

enum run_phase {
    RUN_LOADING,
    RUN_STARTING,
    RUN_RUNNING,
    RUN_FINISHING,
    RUN_ENDING,
    RUN_OVER
};

struct batch_runner {
    struct front *front;
    struct front_batches *shared;
    struct timer timer;
    struct job look; /* reads the rows of those that have not ended */
    struct arena found_arena;
    struct batch *found;
    size_t found_count;
    enum err look_err;
    bool looking;
    bool draining;
    unsigned seen; /* of shared->changes */
    int64_t looked_ns;
    struct node runs;  /* oldest first */
    struct node *turn; /* whose line was begun last */
    size_t run_count;
    size_t calls; /* lines that are asked */
    size_t jobs;  /* of workers and of the store, under way */
};

struct batch_run {
    struct batch_runner *runner;
    struct node node;
    struct id id;       /* the batch's: `batch` may be a worker's just now */
    struct arena arena; /* texts of `batch` */
    struct batch batch;
    struct batch_limits limits; /* of its input, by the options of when it was loaded */
    struct gate_actor actor;
    enum run_phase phase;
    struct job job;       /* one at a time */
    struct store_job row; /* likewise */
    bool job_runs;
    bool row_runs;
    bool seen; /* by the look that is being told */
    enum err job_err;
    struct fail fail;
    int input; /* -1: closed */
    int journal;
    struct batch_index index;
    size_t next;        /* lines below are begun, or over */
    size_t open;        /* lines that are asked */
    int64_t begun;      /* lines that the row on disk says may have been begun */
    struct buf pending; /* for the journal */
    struct buf flushing;
    struct batch_finish finish;
    struct batch marking;  /* what a mark writes */
    int64_t wait_until_ns; /* on the loop's clock: a place was full, or a source failed */
    int64_t wait_ns;       /* for the next time */
    int64_t retry_at_ns;   /* of a job or a row that failed */
    bool forgotten;        /* the books have forgotten what was begun before this server's start */
    bool finds_done;       /* no line is left to be begun */
    bool cancelled;
    bool gone;    /* its row is there no more: its client was erased */
    bool stopped; /* the key was revoked, or its client suspended */
    bool counts_changed;
    int64_t marked_ns;
};

/* Whether nothing of the run may be begun any more: it is cancelled, stopped, or its time over. */
bool run_is_closing(const struct batch_run *run);
#define RUN_KEY_MAX   64 /* an id, a line's number, a turn */
#define RUN_TURNS_MAX 7U /* crashes while the same line was asked; then its last call decides */

/* The Idempotency-Key of the line's next call. */
void run_key(const struct batch_run *run, int64_t line, struct buf *out);
/* A line is over: its result waits for the journal. */
void run_note_end(struct batch_run *run, int64_t line, enum content_end end, struct str json);
/* Looks what can be done. */
void run_step(struct batch_run *run);
void runner_step(struct batch_runner *runner);

/* batch_run_job.c: one job and one row of a run are under way at a time. */
void run_start_job(struct batch_run *run, job_run_fn *work, mail_open_fn *over);
struct batch_run *run_job_over(struct mail *mail);
void run_start_row(struct batch_run *run, store_run_fn *write, store_done_fn *done);
struct batch_run *run_row_over(struct store_job *job);
void run_close_files(struct batch_run *run);
void run_free(struct batch_run *run); /* nothing of it is under way */
/* Why it fails as a whole. */
void run_set_fault(struct batch_run *run, const char *code, const char *param, const char *message);
void run_log(enum event event, const struct batch_run *run);
EP_MUST_CHECK bool run_copy_batch(struct arena *arena, const struct batch *from, struct batch *to);
/* batch_run_load.c: LOADING, on the worker's thread and after it. */
void run_load(struct batch_run *run);
/* batch_run_end.c: what follows RUNNING; and away with the journal. */
void run_finish(struct batch_run *run);
void run_end(struct batch_run *run);
void run_tidy(struct batch_run *run);
/* batch_run_line.c: begins the line after `run->next`, if there is one: it reads it, asks it, and
 * notes its end. ERR_NOT_FOUND: none is left to begin; ERR_BUSY, ERR_NO_MEMORY: later. */
EP_MUST_CHECK enum err run_begin_line(struct batch_run *run);
