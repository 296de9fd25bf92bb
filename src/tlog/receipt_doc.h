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
 * Pure.
 */
#pragma once

#include "tlog/proof.h"
#include "tlog/quorum.h"
#include "tlog/receipt.h"
#include "tlog/receipt_promise.h"

#define RECEIPT_DOC_MAX 262144 /* three sections, and a proof with some witnesses */

enum receipt_test {
    RECEIPT_TEST_FORM,      /* the document can be read */
    RECEIPT_TEST_CLIENT,    /* the section and its salt give the digest in the entry */
    RECEIPT_TEST_EVIDENCE,  /* as above */
    RECEIPT_TEST_OPERATOR,  /* as above */
    RECEIPT_TEST_ONE_CALL,  /* the sections shown are of the same call */
    RECEIPT_TEST_PROMISE,   /* the log's signature over this entry at this index */
    RECEIPT_TEST_INCLUDED,  /* the path leads from the entry to the checkpoint's root */
    RECEIPT_TEST_SIGNED,    /* the checkpoint is under the log's signature */
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
    int64_t leaf;                   /* these two: unless the form fails */
    struct digest leaf_hash;
    int64_t promised_s; /* of the promise, if it holds */
    int64_t size;       /* of the checkpoint, if it is signed; 0: none */
    struct digest root; /* as above */
    size_t witnesses;   /* whose cosignatures hold */
};

const char *receipt_test_name(enum receipt_test test); /* "client section", ... */

/*
 * Runs every test that can be run; true if none fails, and the promise, or the path and the
 * checkpoint, hold. A receipt whose sections are all erased passes: it says nothing of a call any
 * more. `quorum` NULL: witnesses are not asked about.
 *
 * The document may also be a tlog-proof alone: it carries the entry, and shows no section.
 */
bool receipt_doc_check(struct str document, const struct note_key *key, const struct quorum *quorum,
                       struct receipt_report *ret_report);
/* As above, with a tlog-proof that was fetched apart in the place of the document's own. */
bool receipt_doc_check_with(struct str document, struct str proof, const struct note_key *key,
                            const struct quorum *quorum, struct receipt_report *ret_report);

/* What a document says of its log, for who has no key yet: nobody's word, so never a key to check
 * by. False: it says nothing that can be read. Appends the vkey, which may be anything. */
EP_MUST_CHECK bool receipt_doc_says_key(struct str document, struct buf *vkey);
