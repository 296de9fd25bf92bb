/*
 * The files of a registry, in memory: the YAML texts, and the documents by their sums. What is
 * checked, hashed, signed, stored and put in force is one reading of them, so that a file that is
 * edited meanwhile changes nothing.
 *
 * Not thread-safe.
 */
#pragma once

#include "crypto/digest.h"
#include "registry/registry_load.h"

#define REGISTRY_DOCUMENTS      "documents"
#define REGISTRY_TEXT_BYTES     ((size_t)64 << 20) /* as many as YAML may have */
#define REGISTRY_TEXTS_MAX      64                 /* YAML files; the room knows some 20 */
#define REGISTRY_FILES_NAME_MAX 255

struct registry_files_item {
    struct str name;   /* "models.yaml", "documents/letter.txt" */
    struct str text;   /* of a YAML file */
    struct digest sum; /* SHA-256 of the bytes */
    bool document;
};

struct registry_files {
    struct registry_files_item *items; /* by name */
    size_t count;
    size_t cap;
    struct str signatures; /* the text of signatures.yaml; empty: there is none */
};

void registry_files_init(struct registry_files *files);
void registry_files_fini(struct registry_files *files);
/* Reads a folder; what cannot be read is a fault of the report. ERR_REGISTRY_INVALID,
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err registry_files_read(struct registry_files *files, const char *path,
                                           struct registry_report *report);
/* Adds a copy; for what is read from the store. */
EP_MUST_CHECK enum err registry_files_add(struct registry_files *files,
                                          const struct registry_files_item *item);
void registry_files_sort(struct registry_files *files);
/* As registry_parse(). */
EP_MUST_CHECK enum err registry_files_parse(const struct registry_files *files,
                                            struct registry **ret_registry,
                                            struct registry_report *report);
/* Whether all of `of` are among `files`, byte by byte, and no other YAML file is. */
bool registry_files_same(const struct registry_files *files, const struct registry_files *of);
