/*
 * The shelf: the vocabularies of one folder, opened when a model asks for them and kept mapped as
 * long as the shelf lives, so that whoever holds one need not give it back.
 *
 * A file that is replaced under a running server is seen after a restart.
 *
 * Threads: any; shelf_open() and shelf_names() read the disk, so never on a loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "meter/vocab.h"
#include "registry/registry.h"

#define SHELF_SUFFIX ".etk"
#define SHELF_MAX    256 /* families; some twenty are known */

struct shelf;

/* `folder` need not exist: then no vocabulary does. */
EP_MUST_CHECK enum err shelf_create(struct str folder, struct shelf **ret_shelf);
void shelf_destroy(struct shelf *shelf); /* NULL is allowed; nobody uses a vocabulary of it */
/* The vocabulary of that name. ERR_NOT_FOUND, ERR_IO, ERR_VOCAB, ERR_LIMIT, ERR_NO_MEMORY. */
EP_MUST_CHECK enum err shelf_open(struct shelf *shelf, struct str name,
                                  const struct vocab **ret_vocab, struct fail *fail);
struct str shelf_folder(const struct shelf *shelf); /* as it was given */
/* The names of all files there, in `arena`, in no stated order. */
EP_MUST_CHECK enum err shelf_names(const struct shelf *shelf, struct arena *arena,
                                   struct registry_texts *ret_names, struct fail *fail);
