/*
 * Who vouches for a registry: two persons sign the hash of its content, one as who entered it, the
 * other as who reviewed it. Their signatures are rows of a file beside the registry's own, which is
 * no part of the content.
 *
 * Trust comes from outside: the persons are those of the version in force, never of what is
 * signed, but for the very first version. Pure. Threads: any.
 */
#pragma once

#include "crypto/sign.h"
#include "registry/registry_load.h"

#define REGISTRY_SIGNATURES_FILE "signatures.yaml"
#define REGISTRY_SIGNATURES_MAX  10000 /* rows; two a version: a version a day for 13 years */
#define REGISTRY_PERSON_MAX      64    /* bytes of an id */
/* By how much a signer's clock may be ahead of the server's. */
#define REGISTRY_SIGNING_SKEW_NS INT64_C(300000000000)

enum registry_role {
    REGISTRY_ROLE_ENTERED,
    REGISTRY_ROLE_REVIEWED,
    REGISTRY_ROLE_COUNT
};

const char *registry_role_name(enum registry_role role); /* "entered" */
EP_MUST_CHECK bool registry_role_parse(struct str text, enum registry_role *ret_role);

/* What is signed, and whose signatures count. */
struct registry_signing {
    const struct digest *hash; /* of the content */
    const struct registry_person *persons;
    size_t person_count;
    int64_t after_ns; /* since when the version in force is: older signatures had another in view */
    int64_t now_ns;
};

/* A signature that counts. */
struct registry_signer {
    const struct registry_person *person; /* of registry_signing */
    int64_t at_ns;
    unsigned char sig[SIGN_BYTES];
};

/*
 * The two signers, or ERR_REGISTRY_INVALID with the faults added to the report: of the file, or
 * REG_UNSIGNED, REG_SIGNER, FOUR_EYES. `text`: of the file; empty where there is none.
 */
EP_MUST_CHECK enum err registry_signing_check(struct str text,
                                              const struct registry_signing *signing,
                                              struct registry_signer ret_by[REGISTRY_ROLE_COUNT],
                                              struct registry_report *report);

/* Whether there are two persons, with keys of their own, who could sign now: a version without them
 * would be the last one. */
bool registry_signing_possible(const struct registry_person *persons, size_t count, int64_t now_ns);

/* A row to be made. */
struct registry_signing_row {
    const struct digest *hash;
    struct str person;
    enum registry_role role;
    int64_t at_ns;
};

/* Appends the row, a line of the file; with a head where `out` is empty. */
EP_MUST_CHECK enum err registry_signing_write(struct buf *out, const struct sign_key *key,
                                              const struct registry_signing_row *row);
/* What a signature covers: a few lines with the hash, the role and the time. */
EP_MUST_CHECK enum err registry_signing_text(struct buf *out, const struct digest *hash,
                                             enum registry_role role, int64_t at_ns);
