/*
 * What the law is asked about a call and what it said. The facts are kept, not the verdict: the
 * judge is a pure function, so whoever needs more of the verdict later (a receipt, a refusal) asks
 * again and gets the same. What may be asked without a call is in law.h.
 */
#pragma once

#include "policy/detect.h"
#include "policy/policy.h"
#include "tlog/receipt.h"

struct call;
struct jsonw;
struct standing;

struct call_law {
    const struct standing *standing; /* the client's, when it was judged */
    struct policy_origin origin;
    struct policy_content content;
    struct str ingress;
    struct str consent;   /* to which the key's calls refer; empty: none */
    uint64_t quarantined; /* bits of the model's routes */
    uint64_t routes;      /* likewise: those that are admissible */
    int64_t now;
    int64_t until;               /* the earliest end among what admits it */
    struct detect_result *found; /* in the content; NULL: nothing */
    enum policy_code code;
    enum policy_review review;
    unsigned char closures[POLICY_CLOSURES]; /* enum policy_state */
    country_t market;
    bool judged;
};

/* Notes the facts and judges. The verdict is the gate's and valid until the next judgement.
 * ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_law_judge(struct call *call, const struct policy_verdict **ret_verdict);
/* Another model, for the client and from the place that were noted. ERR_NO_MEMORY. */
EP_MUST_CHECK enum err call_law_judge_model(struct call *call,
                                            const struct policy_verdict **ret_verdict);
/* The same facts at another time: an end may have passed since. */
const struct policy_verdict *call_law_judge_again(struct call *call, int64_t now);
/* Once more, with everything as it was. */
const struct policy_verdict *call_law_verdict(const struct call *call);
/* The facts of a call that was judged, as replays need them. */
void call_law_facts(const struct call *call, struct policy_online *online,
                    struct policy_facts *ret_facts);

/* What the client is told beside the error: retry, remedy, closures, time; members of an object
 * that is open. False: the law has nothing to do with it. */
bool call_law_tell(const struct call *call, struct jsonw *json);

#define CALL_LAW_FACTS_MAX 12288 /* 3 KiB, and 64 limits or quarantined routes: call_fit.h */

/* What a receipt says of it; texts are in `room`. */
struct call_law_room {
    char origin[3 * POLICY_ORIGINS_MAX];
    char market[3];
    char chain[2 * DIGEST_BYTES];
    char detected[512];
    char law[2048];
    char facts[CALL_LAW_FACTS_MAX];
    char reasons[RECEIPT_REASONS_MAX][RECEIPT_REASON_MAX];
};
void call_law_receipt(const struct call *call, int64_t ended_ns, struct call_law_room *room,
                      struct receipt_facts *facts);
