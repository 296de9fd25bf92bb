/*
 * What a pack says of itself: whose it is, of which time, and how much of the log it is about. Its
 * file "pack.json". All that the other files are made from, beside receipts, registry and findings.
 *
 *   {"client":{"country":"SG","id":"cli_...","keys":[{"id":"key_...","made":"...","name":"...",
 *    "product":"...","revoked":""}],"name":"...","party":""},"from":"...","log":{"key":"<vkey>",
 *    "leaves":"12","origin":"..."},"over":"yes","program":"0.1.0","uncovered":"0",
 *    "until":"...","version":"1"}
 *
 * Texts are in an arena. Not thread-safe.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

/* The files of a pack, beside receipts/NNNNNN.jsonl and registry/. */
#define EVIDENCE_FILE_HEAD       "pack.json"
#define EVIDENCE_FILE_CHECKPOINT "checkpoint"
#define EVIDENCE_FILE_REST       "receipts/rest.json"
#define EVIDENCE_FILE_FINDINGS   "findings.json"
#define EVIDENCE_FOLDER_RECEIPTS "receipts/"
#define EVIDENCE_FOLDER_REGISTRY "registry/"

#define EVIDENCE_KEYS_MAX   100000
#define EVIDENCE_HEAD_BYTES ((size_t)32 << 20)

/* An API key of the client. */
struct evidence_key {
    struct str id;
    struct str product;
    struct str name;
    struct str made;
    struct str revoked; /* empty: it is not */
};

struct evidence_head {
    struct str client;  /* its id */
    struct str name;    /* as the operator calls it */
    struct str party;   /* of the registry; empty: none */
    struct str country; /* empty: not known */
    struct str from;    /* [from, until): of the ends of calls */
    struct str until;
    struct str origin;
    struct str vkey;
    struct str program; /* the version of the program that made it */
    int64_t leaves;     /* of the checkpoint */
    int64_t uncovered;  /* receipts of the period that no checkpoint covers yet: not in the pack */
    bool over;          /* the period was, when the pack was made */
    struct evidence_key *keys;
    size_t key_count;
    size_t key_cap;
    struct map by_id; /* > the key */
    struct arena arena;
};

void evidence_head_init(struct evidence_head *head);
void evidence_head_fini(struct evidence_head *head);
/* Adds a copy. ERR_LIMIT, ERR_NO_MEMORY; ERR_CONFLICT: it is there. */
EP_MUST_CHECK enum err evidence_head_add(struct evidence_head *head,
                                         const struct evidence_key *key);
EP_MUST_CHECK enum err evidence_head_print(const struct evidence_head *head, struct buf *out);
/* Into a head that is initialised. ERR_PACK_INVALID: not in this form. */
EP_MUST_CHECK enum err evidence_head_read(struct str text, struct evidence_head *ret_head,
                                          struct fail *fail);
/* Whether the client has an API key of that id. */
bool evidence_head_knows(const struct evidence_head *head, struct str key);
/* Whether a receipt's time is of the period: both as receipts print them. */
bool evidence_head_covers(const struct evidence_head *head, struct str ended);
