/*
 * Who hands a batch in, noted from the connection, as the law asks of each of its lines hours
 * later: market, link and address. Inside the front only.
 */
#pragma once

#include "base/ip.h"
#include "batch/batch.h"
#include "net/inner.h"

#define BATCH_LINK_MAX 128 /* bytes of a label of a listener */

struct api_key;
struct errand_batch;

struct batch_asker {
    char market[3]; /* NUL-terminated, as the others; empty: none was said */
    char link[BATCH_LINK_MAX];
    char address[IP_TEXT_MAX]; /* empty: nobody knows */
};

/* Not after http_exchange_drop_head(). False: the market is none. */
EP_MUST_CHECK bool batch_asker_note(struct batch_asker *asker, struct http_exchange *x,
                                    const struct api_key *key);
/* What was noted, for an exchange of this server. A link that no listener has any more is none. */
struct http_from batch_asker_from(const struct http_server *server, const struct batch *batch);

/* All of a new batch but what its maker was asked for. The asker lives as long as the batch. */
void errand_batch_fill(const struct errand_batch *errand, const struct batch_asker *asker,
                       struct batch *batch);
