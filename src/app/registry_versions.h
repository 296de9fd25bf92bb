/*
 * The registry's versions: what was in force is kept for ever, as the very texts that were signed,
 * with who signed them and when. The one with the highest number is in force. Rows are only added.
 *
 * A text is kept once, by its sum: a new price does not copy ten thousand grants. Documents are
 * kept by their sums alone: what they were found to be when the version was applied.
 *
 * Threads: any that may wait.
 */
#pragma once

#include "app/registry_files.h"
#include "ledger/audit.h"
#include "registry/registry_signing.h"
#include "store/store.h"

struct tlog;

extern const struct store_migration registry_versions_migration;

struct registry_version {
    int64_t seq; /* from 1, without a gap */
    struct digest hash;
    int64_t at_ns; /* since when it is in force */
    bool first;    /* signed by persons of its own: nobody was there before */
    int64_t grants;
    int64_t routes;
    char person[REGISTRY_ROLE_COUNT][REGISTRY_PERSON_MAX + 1]; /* who signed */
    int64_t signed_ns[REGISTRY_ROLE_COUNT];
};

/* What becomes a version. */
struct registry_versions_entry {
    const struct registry_files *files;
    const struct registry *registry;  /* of those files */
    const struct registry_signer *by; /* REGISTRY_ROLE_COUNT of them */
    int64_t after; /* the version in force that it was checked against; 0: there is none */
    int64_t now_ns;
};

/* Where versions are kept, and the log in which each is a leaf. */
struct registry_home {
    struct store *store;
    struct tlog *tlog;
};

/* The number that it got. ERR_CONFLICT: another version is in force than `after` says. */
EP_MUST_CHECK enum err registry_versions_add(const struct registry_home *home,
                                             const struct registry_versions_entry *entry,
                                             int64_t *ret_seq, struct fail *fail);
/* The version of that number, or the one in force (0). ERR_NOT_FOUND. */
EP_MUST_CHECK enum err registry_versions_find(struct store *store, int64_t seq,
                                              struct registry_version *ret_version,
                                              struct fail *fail);
/* The newest version of that content. ERR_NOT_FOUND. */
EP_MUST_CHECK enum err registry_versions_find_hash(struct store *store, const struct digest *hash,
                                                   struct registry_version *ret_version,
                                                   struct fail *fail);
/* All of them, the oldest first. */
typedef void registry_version_fn(void *context, const struct registry_version *version);
EP_MUST_CHECK enum err registry_versions_list(struct store *store, registry_version_fn *told,
                                              void *context, struct fail *fail);
/* Its files, `files` being empty. ERR_NOT_FOUND, ERR_STORE_DAMAGED (a text has another sum). */
EP_MUST_CHECK enum err registry_versions_files(struct store *store, int64_t seq,
                                               struct registry_files *files, struct fail *fail);
/* Whether a version was made of these very files. */
bool registry_versions_are(struct store *store, int64_t seq, const struct registry_files *files);
/*
 * The registry as it was in force, with one reference: rules that came later warn, and refuse
 * nothing. Its hash is the one it was signed with, whatever this program would make of it.
 */
EP_MUST_CHECK enum err registry_version_load(struct store *store, int64_t seq,
                                             struct registry **ret_registry, struct fail *fail);
/* That each text is what was signed. */
EP_MUST_CHECK enum err registry_versions_audit(struct store_txn *txn, audit_line_fn *told,
                                               void *context, struct fail *fail);
