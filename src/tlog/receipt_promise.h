/*
 * A promise: the log's signature, given with a receipt, that a checkpoint covers its leaf by a
 * time. It is a signed note of the log's key with a text that no checkpoint has:
 *
 *   entrepot-receipt/v1 LF origin LF leaf LF base64(leaf hash) LF Unix seconds LF
 *
 * A log that has signed one and shows no such leaf after that time has lied, and this proves it.
 * Pure.
 */
#pragma once

#include "tlog/note.h"
#include "tlog/tree.h"

#define RECEIPT_PROMISE_S     10 /* after its writing a checkpoint covers a leaf */
#define RECEIPT_PROMISE_FIRST "entrepot-receipt/v1"

struct receipt_promise {
    struct str origin; /* borrowed */
    int64_t leaf;
    struct digest leaf_hash;
    int64_t by_s; /* 0 .. 2^62 */
};

/* Appends the signed note. */
EP_MUST_CHECK enum err receipt_promise_sign(const struct receipt_promise *promise,
                                            const struct note_key *key,
                                            const struct sign_key *secret, struct buf *out);
/* Of a note's text: ERR_NOTE_INVALID with what is wrong. */
EP_MUST_CHECK enum err receipt_promise_parse(struct str text, struct receipt_promise *ret_promise,
                                             struct fail *fail);
/* A promise of `key`'s log, under its signature: ERR_NOTE_INVALID (form), ERR_NOTE_FORGED (no
 * signature of `key`, a bad one, another origin). Borrows `bytes`. */
EP_MUST_CHECK enum err receipt_promise_open(struct str bytes, const struct note_key *key,
                                            struct receipt_promise *ret_promise, struct fail *fail);
