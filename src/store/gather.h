/*
 * The writer's journal, gathered: a layer under the engine, over the system's, that keeps what is
 * written to the journal in memory until it is synced, and then writes it in few pieces. The engine
 * writes a page in two pieces, and a commit of fifty pages is a hundred writes; and at a checkpoint
 * it reads all of them back, which is answered from the same memory.
 *
 * Nothing is shown before it is written: the engine tells other connections of a page of the
 * journal only behind the sync that ends a commit (synchronous=FULL), and until then nobody but the
 * writer asks for it. So it is for the writer's connection alone, and for its journal alone: the
 * pages of a checkpoint are shown without a sync where a reader stands in the way.
 *
 * A process that ends loses what was not synced, as with a power loss, which is nothing that
 * anybody has been told of. What cannot be written is told at the sync (or at the read, the next
 * write, or the end, whichever comes first), and is then forgotten: nothing is tried twice.
 *
 * Memory: GATHER_BYTES of addresses, of which as much is used as the journal is long. A longer
 * journal (readers stand in the way for long) is written as it comes, from there on.
 *
 * Threads: as the engine's connection. Room only.
 */
#pragma once

#include "base/err.h"

#define GATHER_NAME  "entrepot"        /* of the layer, for sqlite3_open_v2() */
#define GATHER_BYTES ((size_t)8 << 20) /* twice the length at which a journal is emptied */

/* Makes the layer known, over what is the engine's default by then. Once, before it is used; a
 * failure is told by whoever opens by that name. */
void gather_register(void);
