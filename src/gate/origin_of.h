/*
 * Where an exchange comes from: its client's address (net/server.h), what the country databases of
 * the snapshot say of it, and the range that is registered for it, judged by policy/origin.h.
 * Inside the gate only.
 *
 * An address that nobody knows has an unknown origin, whatever is registered. What the databases
 * said is kept with the connection, so that the next exchange of the same client asks none of them.
 */
#pragma once

#include "policy/origin.h"

struct gate_snapshot;
struct http_exchange;

/* For whom registered ranges are looked up. */
struct origin_asker {
    const struct origin_ranges *ranges; /* NULL: none are registered */
    struct str party;                   /* the client's; empty: only what is for everybody */
    int64_t now_ns;
};

/* Not after http_exchange_drop_head(): behind a proxy the client's address is in the head.
 * `ret_origin->range` lives as long as the asker's ranges. */
void origin_of(struct http_exchange *x, const struct gate_snapshot *snapshot,
               const struct origin_asker *asker, struct origin *ret_origin);
