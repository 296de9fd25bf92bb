/*
 * The files of a pack that follow from its receipts, its registry versions, what it says of itself
 * and its findings: whoever makes a pack and whoever checks one make them alike, byte by byte.
 *
 * What programs read keeps its form over the versions of this program, as its member "version"
 * says; what people read may look otherwise in each.
 *
 *   README.txt       what is what, and how to check it
 *   figures.json     every sum of the report
 *   usage.json       what was used, by month, key and model, in all classes of tokens
 *   refusals.json    refusals by rule and code, with all reasons, and the first thousand calls
 *   grants.json      evidence_chain.h
 *   data_terms.json  evidence_chain.h
 *   report.html      for people; evidence_report.h
 */
#pragma once

#include "settle/evidence_fold.h"
#include "settle/evidence_head.h"

struct evidence_basis {
    const struct evidence_head *head;
    struct evidence_fold *fold; /* ended */
    struct str findings;        /* of that file: an object that was checked */
    struct digest root;         /* of the log, as the checkpoint has it */
};

typedef enum err evidence_put_fn(void *context, struct str name, struct str bytes,
                                 struct fail *fail);
/* `put` for each file, in a fixed order. */
EP_MUST_CHECK enum err evidence_derive(const struct evidence_basis *basis, evidence_put_fn *put,
                                       void *context, struct fail *fail);

/* Whether a file of that name is for people. */
bool evidence_is_prose(struct str name);

/* How a lifeline stands: "shown", "gaps", or "open". */
enum evidence_lifeline {
    EVIDENCE_MODEL_SOURCE,
    EVIDENCE_DATA_OUTBOUND,
    EVIDENCE_TARGET_MARKET,
    EVIDENCE_FUNDS_RETURN,
    EVIDENCE_LIFELINES
};
const char *evidence_lifeline_name(enum evidence_lifeline lifeline); /* "model_source" */
const char *evidence_lifeline_state(enum evidence_lifeline lifeline,
                                    const struct evidence_fold *fold);
