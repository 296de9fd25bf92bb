/*
 * A call's attempts: one try at one upstream each, apart from the call, because each may be on the
 * upstream's invoice. Inside the gate only, on the call's loop; rows are written in the
 * settlement's job.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "ledger/attempt.h"

struct call;
struct dispatch_place;
struct http1_head;
struct receipt_try;
struct registry_route;
struct store_txn;

#define CALL_UPSTREAM_ID_MAX 48 /* upstreams give ids of up to 40; longer ones are cut */
#define CALL_DECLARED_MAX    64 /* of another model's name, as evidence */

struct call_attempt {
    struct call_attempt *next; /* another that has ended; NULL: there are no more */
    const struct registry_route *route;
    int32_t n;      /* 0: none has begun; at most LEDGER_ATTEMPTS_MAX */
    enum err err;   /* how it ended */
    bool sent;      /* the request, whole, and it will not be sent again */
    bool hedge;     /* begun beside another one that was late */
    bool overtaken; /* broken off, for the other one of the two was sooner, or nobody waited */
    unsigned char id_len;
    char id[CALL_UPSTREAM_ID_MAX];
    unsigned char declared_len;
    char declared[CALL_DECLARED_MAX]; /* the other model that it named (ERR_UPSTREAM_MODEL) */
};

/* Another try begins; what is known of the last one is kept. ERR_NO_MEMORY: it must not begin. */
EP_MUST_CHECK enum err call_attempt_begin(struct call *call, const struct registry_route *route);
/* The upstream has named it. */
void call_attempt_named(struct call_attempt *attempt, const struct http1_head *head);
/* Likewise, in its answer; a name of its headers goes before. */
void call_attempt_called(struct call_attempt *attempt, struct str id);
/* It has answered as another model: a JSON string, of which printable ASCII is kept. */
void call_attempt_declared(struct call_attempt *attempt, struct str name);
/* One that was not the last has ended: `room` is taken over, and holds a copy. */
void call_attempt_keep(struct call *call, const struct call_attempt *attempt,
                       struct call_attempt *room);
/* Of the tokens that were taken for one that is broken off before its answer, those that its
 * upstream uses: what it was sent, and where it goes on alone, or may, what it would write. */
int64_t call_attempt_took(const struct call *call, const struct call_attempt *attempt,
                          const struct dispatch_place *place);
/* Their rows, the first first; nothing where no upstream was asked. */
EP_MUST_CHECK enum err call_attempts_write(const struct call *call, struct store_txn *txn,
                                           struct fail *fail);
/* For the receipt, likewise, at most LEDGER_ATTEMPTS_MAX: how many, with what those cost that were
 * overtaken. Valid while the call is. */
size_t call_attempts_tell(const struct call *call, struct receipt_try *ret_tries);
void call_attempts_free(struct call *call);
