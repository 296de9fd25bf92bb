/*
 * Forgetting a client: what says who it is and how its keys are called goes from the rows; its id,
 * its account and the ids of its keys stay, because the books refer to them, and name nobody by
 * themselves. There is no way back.
 *
 * In memory the names stay where they are until ident_close(), marked: a call that is under way may
 * have them in its hand. Who shows names asks client_forgotten() and api_key_forgotten() first.
 *
 * What a job does is bounded, so that it can go on beside calls; a crash between two leaves a
 * client that is forgotten in part, and doing it again does the rest.
 *
 * Threads: a change as in ident.h.
 */
#pragma once

#include "ident/ident.h"

#define IDENT_FORGET_MAX 256 /* keys of one job */

/* Whether client_forget() was done; any thread. */
bool client_forgotten(const struct client *client);
/* Whether client_forget_keys() has come to it; any thread. */
bool api_key_forgotten(const struct api_key *api_key);

/*
 * The client itself: name and standings; it is suspended if it was not, and all its keys are
 * refused from now on. ERR_NOT_FOUND: no such client.
 */
EP_MUST_CHECK enum err client_forget(struct ident *ident, struct id client, int64_t now_ns,
                                     struct fail *fail);
/*
 * Up to IDENT_FORGET_MAX of its keys: revoked, without name, hint, market, consent and hash; of
 * those that devices have, the device's hash and the consents too; of a fleet's secret, the maker.
 * *ret_count: how many; 0: all are forgotten.
 */
EP_MUST_CHECK enum err client_forget_keys(struct ident *ident, struct id client, int64_t now_ns,
                                          size_t *ret_count, struct fail *fail);
