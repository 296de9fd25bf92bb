/*
 * What the registry and a client's standing say of it that its signals are judged with
 * (policy/signal_score.h). What neither says stays unknown, and scores nothing. Pure. Threads: any
 * that may read both.
 */
#pragma once

#include "ident/ident.h"
#include "policy/signal_score.h"
#include "registry/registry.h"

void client_facts(const struct registry *registry, const struct client *client, int64_t now_ns,
                  struct signal_facts *ret_facts);
