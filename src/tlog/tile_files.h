/*
 * The folder's files made from the store's rows. Over one snapshot no more than some hundred files
 * are written, so that the store's journal does not grow while a whole folder is made.
 *
 * Threads: as the folder's.
 */
#pragma once

#include "tlog/tile_folder.h"
#include "tlog/tile_rows.h"

struct tile_files {
    struct store *store;
    struct tile_folder *folder;
    int64_t bulk; /* leaves from which on all files are synced together; 0: as many as pay */
};

enum tile_files_manner {
    TILE_FILES_ALL,     /* none of which is shown yet */
    TILE_FILES_MISSING, /* or of a length that they cannot have */
    TILE_FILES_OTHER    /* than the rows say, byte for byte */
};

/* What a tree of `to` leaves has more than one of `from`; durable. *written counts on. */
EP_MUST_CHECK enum err tile_files_make(const struct tile_files *files, int64_t from, int64_t to,
                                       enum tile_files_manner manner, int64_t *written,
                                       struct fail *fail);
/* Removes the partial tiles that are full in a tree of `to` leaves and were not with `from`. */
void tile_files_drop_partials(const struct tile_files *files, int64_t from, int64_t to);
/* Compares a few files of a tree of `size` leaves with the rows and makes anew what differs: those
 * of the tile *at of level 0 and its next ones, and of the tiles above that begin with them; *at
 * is where to go on. */
EP_MUST_CHECK enum err tile_files_look(const struct tile_files *files, int64_t size, int64_t *at,
                                       int64_t *written, struct fail *fail);
