/*
 * The eraser of a running server: once a minute a worker goes on with erasures that are open, and
 * once an hour takes away what is older than its period. The main loop's own.
 */
#pragma once

#include "app/server.h"

struct eraser {
    struct server *server;
    struct job job;
    struct timer timer;
    bool runs;       /* a round is under way */
    int64_t last_ns; /* of the loop's clock, when periods were looked at; 0: not yet */
    bool due;        /* the round under way looks at them */
};

/* The loop and the workers are there. */
EP_MUST_CHECK enum err eraser_begin(struct eraser *eraser, struct server *server,
                                    struct fail *fail);
/* No further round; one may be under way. Allowed where nothing was begun. */
void eraser_end(struct eraser *eraser);

/* One round on the calling thread: open erasures, and with `due` all periods. */
void eraser_round(struct world *world, bool due);
