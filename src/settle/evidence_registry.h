/*
 * The registry's versions in a pack: for each a file that says when it was in force, who signed it
 * and of which files it consists, and each text once, by its sum. Documents stay with the operator:
 * their sums are here.
 *
 *   registry/version-000002.json
 *     {"files":[{"document":"no","name":"models.yaml","sha256":"..."},...],"from":"...",
 *      "hash":"...","number":"2","signed":[{"at_ns":"...","key":"<hex>","person":"ann",
 *      "role":"entered","signature":"<hex>"},...],"until":"","version":"1"}
 *   registry/text-<sha256>.yaml
 *
 * Not thread-safe.
 */
#pragma once

#include "settle/evidence_law.h"
#include "settle/pack.h"

#define EVIDENCE_VERSION_BYTES ((size_t)16 << 20) /* 16,384 documents and the texts */

/* A file of a version; the text of a document is empty. */
struct evidence_file {
    struct str name;
    struct str text;
    struct digest sum;
    bool document;
};

/* "registry/version-000002.json", "registry/text-<sum>.yaml": into a buffer with PACK_NAME_MAX. */
EP_MUST_CHECK enum err evidence_version_name(int64_t seq, struct buf *out);
EP_MUST_CHECK enum err evidence_text_name(const struct digest *sum, struct buf *out);
/* Whether a file's name is that of a version. */
bool evidence_is_version(struct str name);

EP_MUST_CHECK enum err evidence_version_print(const struct evidence_version *version,
                                              const struct evidence_file *files, size_t count,
                                              struct buf *out);
/* `told` for each file, whose texts are empty. ERR_PACK_INVALID: not in this form. */
typedef enum err evidence_file_fn(void *context, const struct evidence_file *file);
EP_MUST_CHECK enum err evidence_version_read(struct str text, struct evidence_version *ret_version,
                                             evidence_file_fn *told, void *context,
                                             struct fail *fail);
/* The registry of a version of a pack, as it was signed. ERR_PACK_INVALID: a text is missing or is
 * another, or what they say has another hash. */
EP_MUST_CHECK enum err evidence_registry_read(const struct pack *pack,
                                              const struct evidence_version *version,
                                              struct registry **ret_registry, struct fail *fail);
