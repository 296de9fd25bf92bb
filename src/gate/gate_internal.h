/* The gate of one loop, as its own files see it. */
#pragma once

#include "gate/call.h"

#define GATE_CALLS_MAX ((size_t)1 << 20) /* of one loop; connections are limited far below */

struct gate {
    struct loop *loop;
    struct gate_world world;
    struct gate_snapshot *snapshot;
    struct http_server *server;
    struct lookup *lookup;
    struct upstream_pool *pool;
    struct slab calls;
    struct node open_calls;
    size_t errands;
    size_t drains;
};
