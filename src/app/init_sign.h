/*
 * The example's signatures: its vendors, clients and persons are made up, so that `init` has all
 * their keys made, and lets all of them sign.
 */
#pragma once

#include "base/buf.h"

/*
 * Makes a key in FOLDER/keys for each person and each key of a party in FOLDER/registry, writes the
 * public halves there, signs every grant and agreement that has a place for a signature, and then
 * the registry, as two persons.
 */
EP_MUST_CHECK enum err init_sign(struct str folder, struct buf *errors, struct fail *fail);
