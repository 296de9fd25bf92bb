/*
 * What a key, a client or a model is allowed in a minute and at once, as the operator has set it:
 * rows alone. What calls take of it is dispatch/limits.h, which is told of each by who reads them.
 *
 * Threads: reading: any but a loop's. allowance_set(): as the changes of ident.h.
 */
#pragma once

#include "ident/ident.h"

enum allowance_kind {
    ALLOWANCE_REQUESTS,
    ALLOWANCE_TOKENS,
    ALLOWANCE_INPUT,
    ALLOWANCE_OUTPUT,
    ALLOWANCE_CALLS,
    ALLOWANCE_KINDS
};

#define ALLOWANCE_NONE    INT64_C(-1) /* no limit */
#define ALLOWANCE_DEFAULT INT64_C(-2) /* what the configuration says */

enum allowance_of {
    ALLOWANCE_OF_KEY,
    ALLOWANCE_OF_CLIENT,
    ALLOWANCE_OF_MODEL, /* of all clients together */
    ALLOWANCE_OFS
};

struct allowance {
    enum allowance_of of;
    struct id id;     /* zero of a model */
    struct str model; /* empty: all models */
    int64_t max[ALLOWANCE_KINDS];
    int64_t set_ns;
};

extern const struct store_migration allowance_migration; /* needs ident's */

/* The model's text is valid inside the callback alone. Anything but ERR_OK ends the walk. */
typedef enum err allowance_fn(void *context, const struct allowance *allowance);

/* All that are set, oldest subjects first. */
EP_MUST_CHECK enum err allowances_each(struct store *store, allowance_fn *told, void *context,
                                       struct fail *fail);
/* Takes the place of what was set for the subject before. Durable when it returns ERR_OK, and whom
 * ident_on_allowance() named has been told; what that returns is returned. */
EP_MUST_CHECK enum err allowance_set(struct ident *ident, const struct allowance *allowance,
                                     struct fail *fail);
/* Who is told of each from now on, once it is durable, one at a time; NULL: nobody. */
void ident_on_allowance(struct ident *ident, allowance_fn *told, void *context);
