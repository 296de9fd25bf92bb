/*
 * Cases of clients that look like resellers (R9) or like domestic ones behind an address abroad
 * (R10): opened by what the calls' signals add up to, or by a person, decided by a person. While a
 * case is open it holds the client's purchases, or its calls too; a refusal holds them until
 * somebody releases the case after all.
 *
 *   open --release--> released            quiet for a while: see review_find()
 *   open --refuse---> refused --release--> released
 *
 * A client has at most one case of a kind that is not released. What a case was opened for are
 * figures and counts: no address, no text of a call.
 *
 * Threads: review_hold(): any, beside changes, without a lock. Changes wait for the store: any
 * thread but a loop's. The store stays the caller's and must outlive the review. Times are
 * nanoseconds since 1970 UTC.
 */
#pragma once

#include "base/id.h"
#include "store/store.h"

#define REVIEW_PERSON_MAX   128 /* bytes of a name */
#define REVIEW_WHY_MAX      1024
#define REVIEW_EVIDENCE_MAX 32 /* signals of a case: a mask has a bit each */
#define REVIEW_SCORE_MAX    100

extern const struct store_migration review_migration;

struct review;

enum review_kind {
    REVIEW_RESALE, /* CLIENT_RESALE_SUSPECT */
    REVIEW_ORIGIN, /* ORIGIN_REVIEW */
    REVIEW_KINDS
};

enum review_state {
    REVIEW_OPEN,
    REVIEW_RELEASED,
    REVIEW_REFUSED
};

/* In the order of how much it holds. */
enum review_hold {
    REVIEW_HOLD_NONE,
    REVIEW_HOLD_PURCHASES,
    REVIEW_HOLD_TRAFFIC, /* and purchases */
    REVIEW_HOLD_REFUSED  /* both, by a person's decision */
};

/* ---- life -------------------------------------------------------------------------------- */

/* Reads all cases. */
EP_MUST_CHECK enum err review_open(struct store *store, struct review **ret_review,
                                   struct fail *fail);
/* Nobody may look any more. NULL is allowed. */
void review_close(struct review *review);

/* ---- looking ----------------------------------------------------------------------------- */

/* What is held of the client, by the case that holds most; *ret_kind (may be NULL) is written with
 * a hold alone. */
enum review_hold review_hold(const struct review *review, struct id client,
                             enum review_kind *ret_kind);
/* Cases that are open; any thread. */
int64_t review_open_count(const struct review *review);
const char *review_kind_name(enum review_kind kind);    /* "resale", "origin" */
const char *review_kind_code(enum review_kind kind);    /* "CLIENT_RESALE_SUSPECT", ... */
const char *review_state_name(enum review_state state); /* "open", ... */
const char *review_hold_name(enum review_hold hold);    /* "none", "purchases", ... */

/* ---- changes ----------------------------------------------------------------------------- */

struct review_evidence {
    struct str signal;
    int64_t value;
    int64_t limit; /* 0: what was found is a fact */
    int64_t points;
};

struct review_finding {
    struct id client;
    struct id key; /* all zero: of none alone */
    enum review_kind kind;
    int64_t score;         /* 0 to REVIEW_SCORE_MAX */
    uint32_t signals;      /* a bit each */
    enum review_hold hold; /* PURCHASES or TRAFFIC */
    const struct review_evidence *evidence;
    size_t evidence_count;
    int64_t quiet_ns;  /* how long a release stands against the same signals */
    struct str person; /* who found it; empty: the signals did */
    struct str why;    /* with a person */
    int64_t now_ns;
};

enum review_outcome {
    REVIEW_KEPT,   /* all is as it was */
    REVIEW_OPENED, /* a new case */
    REVIEW_RAISED  /* the open one holds more, or its score has risen */
};

/*
 * What was found becomes a case, or raises the open one; its score and hold never fall. A refused
 * client stays refused. Behind a release the same or fewer signals with no higher score open
 * nothing for `quiet_ns`. *ret_number: the case that there is then (0: none, it was quiet).
 * ERR_ASK_INVALID: a name or a reason of a person; ERR_NO_MEMORY, ERR_STORE_FAILED. On failure
 * nothing has changed; but after ERR_STORE_FAILED only a restart tells.
 */
EP_MUST_CHECK enum err review_find(struct review *review, const struct review_finding *finding,
                                   enum review_outcome *ret_outcome, int64_t *ret_number,
                                   struct fail *fail);

struct review_decision {
    int64_t number; /* of the case */
    enum review_state state;
    struct str person;
    struct str why;
    int64_t now_ns;
};

/* Releases or refuses. ERR_NOT_FOUND; ERR_CONFLICT: the case is not in a state that allows it;
 * ERR_ASK_INVALID: a name or a reason is empty, too long or holds control characters. */
EP_MUST_CHECK enum err review_decide(struct review *review, const struct review_decision *decision,
                                     struct fail *fail);
