/*
 * What two readings of a registry's files say differently, object by object: which are new, which
 * are gone, and which fields have which other value. Comments, order and layout do not matter.
 * Pure. Threads: any.
 */
#pragma once

#include "app/registry_files.h"

#define REGISTRY_DIFF_VALUE_MAX ((size_t)1024) /* bytes of a value that are shown */

enum registry_diff_kind {
    REGISTRY_DIFF_ADDED,
    REGISTRY_DIFF_REMOVED,
    REGISTRY_DIFF_CHANGED
};

struct registry_diff_line {
    enum registry_diff_kind kind;
    struct str objects; /* "grants", "documents" */
    struct str id;
    struct str field;  /* "regions.allow", "plans[starter].price"; of CHANGED alone */
    struct str before; /* empty: it was not there */
    struct str after;  /* empty: it is not there any more */
};

/* Anything but ERR_OK ends the comparison with it. */
typedef enum err registry_diff_fn(void *context, const struct registry_diff_line *line);

/* ERR_REGISTRY_INVALID: one of the texts is no YAML. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err registry_diff(const struct registry_files *before,
                                     const struct registry_files *after, registry_diff_fn *told,
                                     void *context, struct fail *fail);
