/*
 * The example's sandbox upstreams, started along with the server by `serve --sandbox`: one process
 * for each endpoint on this machine that the registry names. They end with the server.
 */
#pragma once

#include "registry/registry.h"

#define HELPERS_MAX 16 /* the example has two */

struct helpers {
    int pids[HELPERS_MAX];
    size_t count;
};

/* Runs "entrepot-sandbox" from the folder of this program. The models' tokens are counted there by
 * the same vocabularies, of the folder `vocabularies`. */
EP_MUST_CHECK enum err helpers_start(struct helpers *helpers, const struct registry *registry,
                                     struct str vocabularies, struct fail *fail);
void helpers_stop(struct helpers *helpers);
