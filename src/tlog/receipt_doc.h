/*
 * A receipt as a document: what a client is handed, and anybody can check.
 *
 *   {"client": {...}, "evidence": {...},          the sections that are shown
 *    "salts": {"client": "<base64>", ...},
 *    "entry": {...},                              the log's entry, canonical
 *    "leaf": 12,
 *    "promise": "<signed note>",                  by when the log's checkpoints cover it
 *    "proof": "<tlog-proof>",                     null: not covered yet
 *    "log": {"origin": "...", "key": "<vkey>"}}   what it says of itself: nobody's proof
 *
 * Sections and entry are objects for people to read; what is hashed are their canonical bytes (RFC
 * 8785), which are made again from whatever white space or order somebody has put in between.
 *
 * The promise is a note of the log's key with a text that no checkpoint has:
 *
 *   entrepot-receipt/v1 LF origin LF leaf LF base64(leaf hash) LF Unix seconds LF
 *
 * Pure.
 */
#pragma once

#include "tlog/proof.h"
#include "tlog/quorum.h"
#include "tlog/receipt.h"

#define RECEIPT_DOC_MAX       262144
#define RECEIPT_PROMISE_S     10 /* after its writing a checkpoint covers a leaf */
#define RECEIPT_PROMISE_FIRST "entrepot-receipt/v1"

struct receipt_promise {
    struct str origin;
    int64_t leaf;
    struct digest leaf_hash;
    int64_t by_s;
};
EP_MUST_CHECK enum err receipt_promise_sign(const struct receipt_promise *promise,
                                            const struct note_key *key,
                                            const struct sign_key *secret, struct buf *out);

enum receipt_test {
    RECEIPT_TEST_FORM,     /* the document can be read */
    RECEIPT_TEST_CLIENT,   /* the section and its salt give the digest in the entry */
    RECEIPT_TEST_EVIDENCE, /* as above */
    RECEIPT_TEST_OPERATOR, /* as above */
    RECEIPT_TEST_ONE_CALL, /* the sections shown are of the same call */
    RECEIPT_TEST_PROMISE,  /* the log's signature over this entry at this index */
    RECEIPT_TEST_INCLUDED, /* the path leads from the entry to the checkpoint's root */
    RECEIPT_TEST_SIGNED,   /* the checkpoint is under the log's signature */
    RECEIPT_TEST_WITNESSED, /* cosignatures that hold reach the quorum */
    RECEIPT_TESTS
};

enum receipt_outcome {
    RECEIPT_NOT_SHOWN, /* nothing to test: not handed over, erased, not covered yet, no policy */
    RECEIPT_HOLDS,
    RECEIPT_FAILS
};

struct receipt_report {
    enum receipt_outcome outcomes[RECEIPT_TESTS];
    struct fail why[RECEIPT_TESTS]; /* of those that fail, and why something is not shown */
    int64_t leaf;
    int64_t size; /* of the checkpoint; 0: none */
    size_t witnesses; /* whose cosignatures hold */
};

const char *receipt_test_name(enum receipt_test test); /* "client section", ... */
/* Runs every test that can be run; true if none fails, and at least one section, and the promise or
 * the checkpoint, hold. `quorum` NULL: witnesses are not asked about. */
bool receipt_doc_check(struct str document, const struct note_key *key,
                       const struct quorum *quorum, struct receipt_report *ret_report);
