/*
 * Who was erased, in a small file beside the store: "FOLDER/erased.log", a line each, client's id
 * and time. A backup that is older than an erasure has the client in it, and so has the database
 * that it becomes; by this list it is erased again, at the restore and at each start. It must not
 * be part of what is restored: copy it elsewhere as often as you copy the keys.
 *
 * Ids stand in it as they are. An id is a time and random digits that name nobody once the client
 * is erased; a hash of it would hide from the operator who was meant, and nothing from whoever has
 * the backup.
 *
 * The file is written anew with a line more, synced and put in place, before anything is erased: a
 * crash leaves the old one or the new one, whole. Not thread-safe.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

#define ERASED_LIST_BYTES_MAX ((size_t)16 << 20) /* some 280,000 erasures */

struct erased {
    struct id client;
    int64_t at_ns;
};

struct erased_list {
    struct erased *items; /* in the order of the file */
    size_t count;
    size_t cap;
};

void erased_list_init(struct erased_list *list);
void erased_list_fini(struct erased_list *list);
bool erased_list_has(const struct erased_list *list, struct id client);

/* "FOLDER/erased.log" for the store's "sqlite:FOLDER/..."; 0-terminated. */
EP_MUST_CHECK enum err erased_list_path(struct str store_url, struct buf *out, struct fail *fail);
/* No file: an empty list. ERR_CONF_INVALID: a line cannot be understood, and says which. */
EP_MUST_CHECK enum err erased_list_read(const char *path, struct erased_list *list,
                                        struct fail *fail);
/* Durable when it returns ERR_OK. */
EP_MUST_CHECK enum err erased_list_add(const char *path, const struct erased *erased,
                                       struct fail *fail);
