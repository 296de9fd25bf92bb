/*
 * What the files of publishing share: publishing.c opens and ends it, publishing_rounds.c decides
 * what is done when, publishing_witness.c understands what witnesses answer (all three: the main
 * loop's), publishing_work.c does what waits for the disk (a worker's).
 */
#pragma once

#include "app/publishing.h"
#include "app/witness_call.h"
#include "base/stamp.h"
#include "tlog/publish.h"
#include "tlog/quorum.h"

struct publishing_witness {
    struct publishing *all;
    const struct quorum_party *party;
    char vkey_text[NOTE_VKEY_MAX];
    struct str vkey; /* by which its cosignatures are kept */
    struct witness_call call;
    /* The worker's while work runs and the call is not open. */
    bool asks;                  /* a question is to be made for it */
    bool made;                  /* ... and was */
    bool keeps;                 /* `line` is to be kept */
    int64_t size;               /* that it has cosigned, as far as is known */
    struct publish_round asked; /* what it is asked to cosign */
    struct buf question;
    struct buf line; /* its cosignature of that */
    /* The loop's. */
    bool wanted;     /* it is to be asked by the next work */
    bool collected;  /* there is a line that nobody keeps yet */
    bool has_signed; /* the checkpoint of this round */
    bool corrected;  /* in this round it has told its size once */
    bool failing;
    int64_t failures;
    int64_t again_ns; /* after a failure: when it is asked again, on the loop's clock */
};

/* One piece for a worker. */
struct publishing_work {
    struct job job;
    /* What is to be done, in this order. */
    bool stop;
    bool probe;
    bool sign;
    bool finish;
    int64_t reached; /* of a stop */
    bool calm; /* a round was over within the time that receipts promise: there can be no gap */
    /* What came of it. */
    enum err err;
    struct fail fail;
    bool fresh;        /* `current` is another round's */
    int64_t leaves;    /* the log has */
    int64_t covered;   /* of these by the checkpoint of before */
    int64_t oldest_ns; /* when the first receipt that it does not cover was written; 0: all are */
    int64_t shown;     /* leaves that the checkpoint covers which is shown now; 0: as before */
    int64_t mended;    /* files of the log that were made again */
    int64_t late_s;    /* > 0: they were covered later than receipts promise, and a leaf says so */
};

enum publishing_phase {
    PUBLISHING_PROBING, /* witnesses are asked about the checkpoint of before */
    PUBLISHING_IDLE,
    PUBLISHING_SIGNING,
    PUBLISHING_ASKING, /* witnesses are asked about a fresh one */
    PUBLISHING_FINISHING,
    PUBLISHING_STOPPED /* for good */
};

struct publishing {
    struct server *server;
    struct publisher *publisher; /* the worker's while work runs; NULL: the log was stopped */
    struct quorum *quorum;       /* NULL: nobody is asked */
    struct buf policy;           /* its text */
    struct publishing_witness *witnesses;
    size_t witness_count;
    struct lookup *lookup;
    struct upstream_pool *pool;
    enum publishing_phase phase;
    struct publishing_work work;
    bool work_runs;
    bool want_stop;
    bool want_probe;
    bool want_sign;
    bool want_finish;
    int64_t reached;
    struct publish_round current; /* the worker's while work runs */
    int64_t current_size;
    int64_t published_size;
    const char *trouble; /* STOPPED: what an operator should do */
    struct timer tick;
    struct timer wait;
    int64_t over_ns;     /* when a round was over last, on the loop's clock; 0: none was */
    bool due;            /* a second passed while a round was under way */
    bool failing;        /* rounds fail */
    bool quorum_missing; /* the last round's */
};

/* What an operator is told on /readyz. */
#define PUBLISHING_BEHIND                                                                     \
    "the log is shorter than it was, or than others know it; restore a later backup, or say " \
    "\"entrepot restore --accept-loss\" (docs/log.md)"

#define PUBLISHING_NS STAMP_NS_PER_S /* a checkpoint a second: so fresh are proofs */

static inline struct loop *publishing_loop(const struct publishing *publishing)
{
    return publishing->server->loop;
}

static inline int64_t publishing_now(const struct publishing *publishing)
{
    return loop_now_ns(publishing_loop(publishing));
}

/* publishing_rounds.c */
void publishing_wait(struct publishing *publishing); /* starts the time that witnesses have */
void publishing_sign(struct publishing *publishing); /* a round, as soon as none is under way */
/* Nothing is signed or sold from now on; `trouble` is what an operator should do. */
void publishing_end_rounds(struct publishing *publishing, const char *trouble);
/* As above, over restarts: `who` knows of `reached` leaves, and the log has fewer, or others. */
void publishing_stop(struct publishing *publishing, struct str who, const char *why,
                     int64_t reached);
void publishing_look(struct publishing *publishing); /* goes on if nobody is left to wait for */
void publishing_pump(struct publishing *publishing); /* hands over what is to be done */
void publishing_work_over(struct mail *mail);
void publishing_on_tick(struct timer *timer);
void publishing_on_wait(struct timer *timer);

/* publishing_witness.c */
void publishing_witness_failed(struct publishing_witness *witness, const char *why, int status);
void publishing_witness_on_answer(struct witness_call *call, const struct witness_answer *answer);

/* publishing_work.c: what the worker does. */
void publishing_work_run(struct job *job);
