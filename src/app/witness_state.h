/*
 * What a witness remembers: of each log the latest checkpoint that it has cosigned. One small
 * database of its own, that one process at a time may have open.
 *
 * A size never falls, and no cosignature leaves the house before its row is durable. Whoever puts
 * an old copy of the database back breaks both promises: a witness that has lost its memory begins
 * anew, under another key.
 *
 * Threads: as the store's.
 */
#pragma once

#include "store/store.h"
#include "tlog/witness.h"

/* Who cosigns, and for whom. Lives as long as anything that points to it. */
struct witness_self {
    const struct witness_logs *logs;
    const struct note_key *key;
    const struct sign_key *secret;
};

/* One opened request on its way through the store. */
struct witness_turn {
    const struct witness_self *self;
    const struct witness_request *request;
    int64_t time_s; /* of the cosignature, if it comes to one */
    /* out */
    enum witness_status status;
    int64_t known; /* the size that was remembered before, and its root */
    struct digest known_root;
    struct buf line;
    struct buf note;     /* for monitors */
    struct fail refusal; /* unless it was cosigned: why */
};
void witness_turn_init(struct witness_turn *turn);
void witness_turn_fini(struct witness_turn *turn);

/* A new memory, of the witness with this key. ERR_CONFLICT: there is one. */
EP_MUST_CHECK enum err witness_state_create(const char *path, struct str vkey, struct fail *fail);
/* ERR_NOT_FOUND: there is none; ERR_STORE_LOCKED: another process has it open; ERR_CONF_INVALID: it
 * is the memory of another key than `vkey`. */
EP_MUST_CHECK enum err witness_state_open(const char *path, struct str vkey,
                                          struct store **ret_store, struct fail *fail);
/* Inside one transaction, which is what makes two requests at once safe: reads, judges, cosigns and
 * writes. A refusal is ERR_OK with its status. */
EP_MUST_CHECK enum err witness_state_judge(struct store_txn *txn, struct witness_turn *turn,
                                           struct fail *fail);
/* Appends the note that monitors are shown of a log; nothing, if nothing was cosigned of it. */
EP_MUST_CHECK enum err witness_state_note(struct store_txn *txn, struct str origin, struct buf *out,
                                          struct fail *fail);
