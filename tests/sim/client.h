/*
 * The simulated clients: each makes one request after another, as the seed says: calls of every
 * kind, repeats of an Idempotency-Key and those that an SDK sends by itself, questions for receipts
 * and credit. They read slowly, go away in the middle, and note all that they see (struct sale).
 */
#pragma once

#include "base/buf.h"
#include "net/client.h"
#include "play.h"

struct client_slot {
    struct play *play;
    struct upstream_pool *pool;
    int account;
    int hand; /* which of its API keys it uses now */
    struct http_call call;
    struct timer timer;     /* the next request; or something happens to the one under way */
    struct sale *sale;      /* under way; NULL: an errand */
    struct sale *asked_for; /* the errand's: whose receipt; NULL: the credit */
    struct sale *again;     /* that its SDK sends once more; NULL: none */
    struct sale *last;      /* the last answered sale, whose receipt may be asked for */
    struct buf head;
    struct buf body;
    struct str body_part;
    struct buf got;
    size_t read;       /* of `got`, already understood */
    uint64_t life;     /* in which the request was begun */
    int64_t purchased; /* by the account, then */
    int64_t expired;
    int status;   /* of an errand */
    bool stopped; /* makes no further request */
};

void client_open(struct client_slot *client, struct play *play, struct upstream_pool *pool,
                 int account);
/* Makes requests again. */
void client_go_on(struct client_slot *client);
/* Makes no further request; what is under way ends. */
void client_stop(struct client_slot *client);
bool client_idle(const struct client_slot *client);
void client_close(struct client_slot *client);
