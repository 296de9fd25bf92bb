/*
 * The log's folder: what anybody may read, laid out as c2sp.org/tlog-tiles says, so that the server
 * and any other web server can serve it as it stands.
 *
 *   checkpoint                 the last one that was shown
 *   tile/L/N  tile/L/N.p/W     hashes          tile/entries/N  tile/entries/N.p/W   entries
 *   lock                       held by the one who publishes here
 *   new                        what is being written; nothing, or rubbish of a crash
 *
 * A file is there whole or not at all: written as "new", synced, given its name, and the name is
 * durable after tile_folder_sync(); of many at once see tile_folder_begin_bulk(). All of it is
 * derived from rows, and is made again if missing.
 *
 * Threads: one at a time, which may wait.
 */
#pragma once

#include "tlog/tile.h"

struct tile_folder;

/* Makes the folder if it is not there, and takes its lock. ERR_CONFLICT: another process has it. */
EP_MUST_CHECK enum err tile_folder_open(const char *path, struct tile_folder **ret_folder,
                                        struct fail *fail);
void tile_folder_close(struct tile_folder *folder); /* NULL is allowed */
const char *tile_folder_path(const struct tile_folder *folder);

EP_MUST_CHECK enum err tile_folder_put(struct tile_folder *folder, const struct tile *tile,
                                       struct str bytes, struct fail *fail);
/* For many tiles, none of which is shown yet: until tile_folder_sync(), which then writes all that
 * the file system has not, they are not synced one by one (ten times as quick). A power loss before
 * may leave any of them damaged under its name. */
void tile_folder_begin_bulk(struct tile_folder *folder);
/* Makes durable the names of what was put. */
EP_MUST_CHECK enum err tile_folder_sync(struct tile_folder *folder, struct fail *fail);
/* How many bytes the tile's file has; -1: there is none. */
int64_t tile_folder_size(const struct tile_folder *folder, const struct tile *tile);
/* Whether the tile's file holds exactly these bytes. */
bool tile_folder_holds(const struct tile_folder *folder, const struct tile *tile, struct str bytes);
/* Removes the partial tiles of a full one that is durable. What cannot be removed does no harm. */
void tile_folder_drop_partials(const struct tile_folder *folder, const struct tile *full);

/* Appends the file "checkpoint"; nothing if there is none. */
EP_MUST_CHECK enum err tile_folder_checkpoint(const struct tile_folder *folder, struct buf *out,
                                              struct fail *fail);
/* Replaces it, durably. */
EP_MUST_CHECK enum err tile_folder_show(struct tile_folder *folder, struct str note,
                                        struct fail *fail);
