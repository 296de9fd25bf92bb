/*
 * Legal holds: what is part of something that is not decided. A call that is listed in an open
 * claim against an upstream, and all calls of a client with an open review case, keep their
 * receipts and their sources' ids past every period, and their client is not erased before it is
 * decided. Kept answers and the names in orders are no part of a case or a claim.
 *
 * What is read is a copy of one moment: a case that is opened later holds what is there then.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "ident/ident.h"
#include "store/store.h"

struct held {
    struct map calls;   /* of open claims, by the call's id */
    struct map clients; /* with open cases, by the client's id */
    struct map keys;    /* of those clients, by the key's id */
    int64_t *accounts;  /* of those clients */
    size_t account_count;
    struct arena arena;
};

/* Reads it over the snapshot. held_fini() in any case. */
EP_MUST_CHECK enum err held_init(struct held *held, struct store_txn *txn,
                                 const struct ident *ident, struct fail *fail);
void held_fini(struct held *held);

bool held_call(const struct held *held, struct id call);
bool held_client(const struct held *held, struct id client);
bool held_account(const struct held *held, int64_t account);
/* Whether the receipt of this section is of a key whose client is held. */
bool held_section(const struct held *held, struct str client_section);

/* Whether a receipt's client section, whatever its bytes are, is of one of these keys (by id). */
bool section_of_key(struct str client_section, const struct map *keys);
/* The keys of a client, by id, into an empty map. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err keys_of_client(const struct ident *ident, struct id client,
                                      struct map *keys);
