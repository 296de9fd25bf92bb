/*
 * The listener of a witness (c2sp.org/tlog-witness):
 *
 *   POST /add-checkpoint            cosigns a checkpoint, or says why not
 *   GET  /SHA256-OF-ORIGIN/checkpoint   the latest that was cosigned, for monitors
 *   GET  /healthz                   is it alive
 *
 * Whatever is remembered is read and written by the store's thread alone; an answer goes out once
 * it is durable. If the store fails, all is refused, and the loop stops: what is on the disk, only
 * a restart knows.
 *
 * Threads: the loop's.
 */
#pragma once

#include "app/witness_folder.h"
#include "loop/loop.h"

struct witness_front;

/* The folder lives as long as the front; it watches nobody yet. `ret_bound`: where it listens. */
EP_MUST_CHECK enum err witness_front_open(struct loop *loop, const struct witness_folder *folder,
                                          const struct address *address, struct address *ret_bound,
                                          struct witness_front **ret_front, struct fail *fail);
/* Takes the list; requests that are under way end by the one that they began with. ERR_NO_MEMORY:
 * it is not taken. */
EP_MUST_CHECK enum err witness_front_watch(struct witness_front *front, struct witness_logs *logs);
/* Takes no more, answers what has come, and ends; the loop is turned here. NULL is allowed. */
void witness_front_close(struct witness_front *front);
