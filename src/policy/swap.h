/*
 * Is the model that answers the one that was asked? Upstreams say so in each event of a stream and
 * in each whole answer; some say nothing, which proves nothing. Evidence of a swap (R7), not proof
 * of none: an upstream may lie. Pure.
 */
#pragma once

#include "registry/registry.h"

#define SWAP_NAME_MAX 256 /* bytes; the registry's own names are half as long at most */

enum swap_state {
    SWAP_UNKNOWN, /* no name was said */
    SWAP_SAME,
    SWAP_MISMATCH /* another name, or one that cannot be read */
};

/* A name against what an honest upstream may say: a declared name of the model, its id, or the name
 * it was asked by. An empty name is unknown; one of which nothing counts ("/") is a mismatch. */
enum swap_state swap_check(const struct registry_model *model, struct str upstream_model,
                           struct str declared);
/* The same of a JSON string as it stands in checked text; empty: there is none. */
enum swap_state swap_check_json(const struct registry_model *model, struct str upstream_model,
                                struct str value);
/* What is known of an answer when one more part of it was looked at: a mismatch stays, and a name
 * is more than none. */
enum swap_state swap_join(enum swap_state so_far, enum swap_state next);
