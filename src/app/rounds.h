/*
 * The rounds of a running server: once a minute a worker judges what the calls of each key look
 * like (gate/lookout.h). The main loop's own.
 */
#pragma once

#include "app/server.h"

struct rounds {
    struct server *server;
    struct job job;
    struct timer timer;
    bool runs; /* a round is under way */
    /* of the round under way, on its worker's thread */
    const struct registry *registry;
    int64_t now_ns;
};

/* Makes server->lookout; the loop and the workers are there. */
EP_MUST_CHECK enum err rounds_open(struct rounds *rounds, struct server *server, struct fail *fail);
EP_MUST_CHECK enum err rounds_begin(struct rounds *rounds, struct fail *fail);
void rounds_end(struct rounds *rounds); /* no further round; one may be under way */
/* Neither calls nor a round are under way. Allowed where nothing was opened. */
void rounds_close(struct rounds *rounds);
