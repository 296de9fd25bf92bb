/*
 * The auditor: what must be true of every reply and of the books, told from the specification (Gate
 * A, Gate B, what each failure leaves on the disk and who pays) and from what clients and upstreams
 * saw. It shares no code with the server but its readers of rows.
 */
#pragma once

#include "play.h"

/* The head of an answer has come. */
void auditor_on_head(struct play *play, const struct sale *sale);
/* A call is over for its client. */
void auditor_on_reply(struct play *play, const struct sale *sale);
/* An upstream is asked for it, as that model. */
void auditor_on_asked(struct play *play, const struct sale *first, int upstream, int model);

struct errand_seen {
    int account;
    uint64_t life;           /* in which it was begun */
    struct sale *receipt_of; /* NULL: the credit was asked for */
    int64_t purchased;       /* by the account, when it was begun */
    int64_t expired;
    int status; /* 0: no answer */
    struct str text;
};

void auditor_on_errand(struct play *play, const struct errand_seen *seen);
/* The books at the start of a life, when no call is under way. */
void auditor_look(struct play *play);
/* The credit that the server keeps in memory, when no call is under way any more. */
void auditor_at_rest(struct play *play);
/* Of the log, when it was last looked at. */
int64_t auditor_leaves(const struct play *play);
void auditor_begin(void);
void auditor_end(void);
/* What the auditor has checked, for the digest and the proud. */
int64_t auditor_checks(void);
