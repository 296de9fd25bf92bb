/*
 * A registry's folder on its way to become the version in force: read once, judged for faults, then
 * for its signatures, then kept. Whatever fails on the way changes nothing.
 *
 * Threads: one at a time, from a thread that may wait.
 */
#pragma once

#include "app/registry_versions.h"

struct shelf;

struct registry_candidate {
    struct registry_files files;
    const struct registry *registry; /* with a reference; NULL: not judged yet */
    struct registry_signer by[REGISTRY_ROLE_COUNT];
};

/* What a candidate is held against. */
struct registry_rival {
    const struct registry *registry; /* in force; NULL: there is none, this is the first */
    int64_t version;                 /* its number; 0 */
    int64_t since_ns;                /* since when it is in force; 0 */
};

void registry_candidate_init(struct registry_candidate *candidate);
void registry_candidate_fini(struct registry_candidate *candidate);
/* Reads the folder and judges what it says; faults go to `errors`. ERR_REGISTRY_INVALID.
 * `shelf`: the vocabularies that models may name; NULL: whether they are there is not looked at. */
EP_MUST_CHECK enum err registry_candidate_read(struct registry_candidate *candidate,
                                               const char *path, const struct shelf *shelf,
                                               struct buf *errors);
/* Whether it says what is in force already: by its hash, or, where a newer program hashes
 * otherwise, by its very bytes in the store. */
bool registry_candidate_same(const struct registry_candidate *candidate,
                             const struct registry_rival *rival, struct store *store);
/* Whether two persons of the version in force (of a first one: its own) have signed it. */
EP_MUST_CHECK enum err registry_candidate_signed(struct registry_candidate *candidate,
                                                 const struct registry_rival *rival, int64_t now_ns,
                                                 struct buf *errors);
/* Makes it the version in force from now on, durably; its number. Follows the above. */
EP_MUST_CHECK enum err registry_candidate_keep(struct registry_candidate *candidate,
                                               const struct registry_home *home,
                                               const struct registry_rival *rival, int64_t now_ns,
                                               int64_t *ret_version, struct fail *fail);

/* How files that are in memory are judged. */
struct registry_judging {
    const struct shelf *shelf; /* as above */
    bool kept;                 /* it was in force once: what later rules find refuses nothing */
};

/* The registry of the files; its faults go to `errors`. */
EP_MUST_CHECK enum err registry_candidate_judge(const struct registry_files *files,
                                                const struct registry_judging *judging,
                                                struct registry **ret_registry, struct buf *errors);
/* The same of a folder. */
EP_MUST_CHECK enum err registry_candidate_load(const char *path,
                                               const struct registry_judging *judging,
                                               struct registry **ret_registry, struct buf *errors);
/* The time by which a candidate is judged and kept: in milliseconds, as signatures are, so that one
 * that is made right after comes not before it. */
int64_t registry_candidate_now(void);
