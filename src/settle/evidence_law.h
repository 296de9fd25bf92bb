/*
 * The registry's versions that a pack's calls were judged by: found by their hashes, as receipts
 * name them, and read when a call needs them; the last few stay in memory.
 *
 * Not thread-safe.
 */
#pragma once

#include "settle/rejudge.h"

#define EVIDENCE_VERSIONS_MAX 4096 /* eleven a day for a year */
#define EVIDENCE_OPEN_MAX     8    /* registries in memory: 10,000 grants are 20 MiB */
#define EVIDENCE_PERSON_MAX   64

struct evidence_signer {
    char person[EVIDENCE_PERSON_MAX + 1];
    int64_t at_ns;
    unsigned char key[32];
    unsigned char sig[64];
};

struct evidence_version {
    int64_t seq;
    struct digest hash;
    int64_t from_ns;                   /* in force from then */
    int64_t until_ns;                  /* INT64_MAX: still */
    struct evidence_signer signers[2]; /* who entered it, who reviewed it */
    bool wanted;                       /* it goes into the pack */
    uint64_t used;                     /* when, of all versions */
    struct rejudge rejudge; /* its registry is NULL unless it is open; with a reference */
};

struct evidence_law {
    struct evidence_version *versions; /* by seq */
    size_t count;
    size_t cap;
    size_t open;    /* that are in memory */
    uint64_t clock; /* of their uses */
    enum err (*load)(void *context, const struct evidence_version *version,
                     struct registry **ret_registry, struct fail *fail);
    void *context;
};

void evidence_law_init(struct evidence_law *law);
void evidence_law_fini(struct evidence_law *law);
/* Adds a copy, seq rising; the one before is in force until this one is. ERR_LIMIT. */
EP_MUST_CHECK enum err evidence_law_add(struct evidence_law *law,
                                        const struct evidence_version *version);
/* The newest version of that content, open, and from now on wanted; NULL: there is none. */
EP_MUST_CHECK enum err evidence_law_find(struct evidence_law *law, struct str hash_hex,
                                         struct evidence_version **ret_version, struct fail *fail);
/* Reads and compiles it, if it is not open; of those that are, the one that was not used for
 * longest is closed, so that what is borrowed of a version is good until the next call here. */
EP_MUST_CHECK enum err evidence_law_open(struct evidence_law *law, struct evidence_version *version,
                                         struct fail *fail);
/* Whether both signatures hold under the keys that stand beside them. */
bool evidence_version_signed(const struct evidence_version *version);
