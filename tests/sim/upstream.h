/*
 * The simulated upstreams: servers that speak OpenAI chat completions, each request treated in a
 * manner of the seed's choosing. What they have said is noted in the call they were asked for
 * (struct attempt), which is how the auditor knows.
 */
#pragma once

#include "net/server.h"
#include "play.h"

struct upstream {
    struct play *play;
    int number;
    struct http_server *server;
    int talks; /* under way */
};

void upstream_set_up(struct upstream *upstream, struct play *play, int number);
/* What is under way is cut. */
void upstream_tear_down(struct upstream *upstream);
