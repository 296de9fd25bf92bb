/*
 * A past decision once more: what a receipt says of the verdict, judged again by the registry and
 * the facts of then. The law is a pure function, so that the answer must be the same.
 */
#pragma once

#include "policy/policy.h"
#include "tlog/receipt.h"

#define REJUDGE_TEXT_MAX 65536 /* all reasons of a verdict */

/* What the receipt says; texts are in an arena. */
struct rejudge_past {
    struct str registry; /* the hash, in hex */
    struct str rules;
    struct str law;
    struct str facts;   /* empty: the law was not asked, or they did not fit into the receipt */
    struct str reasons; /* JSON */
};

struct arena;

/* Of the sections evidence and operator. ERR_AUDIT_FAILED: they are damaged. */
EP_MUST_CHECK enum err rejudge_read(struct str evidence, struct str operator_section,
                                    struct arena *arena, struct rejudge_past *ret_past,
                                    struct fail *fail);

/* Those of one registry; made once for many decisions. */
struct rejudge {
    const struct registry *registry;
    struct policy *policy;
    struct policy_verdict *verdict; /* of the last decision */
};
EP_MUST_CHECK enum err rejudge_init(struct rejudge *rejudge, const struct registry *registry,
                                    struct fail *fail);
void rejudge_fini(struct rejudge *rejudge);
/* Judges the facts; `law` gets what the receipt would say. ERR_AUDIT_FAILED: the facts are not
 * those of this registry. *ret_agrees: verdict and reasons are the receipt's. */
EP_MUST_CHECK enum err rejudge_run(struct rejudge *rejudge, const struct rejudge_past *past,
                                   struct arena *arena, struct buf *law, bool *ret_agrees,
                                   struct fail *fail);
