/*
 * Batches: in some seeds a client hands in files of requests, too, and has them worked off as
 * batches, over as many lives of the server as it takes. Each line is a call like any other
 * (struct sale, with the number of its batch), whose reply is a line of a file of results.
 */
#pragma once

#include "base/buf.h"
#include "net/client.h"
#include "play.h"

enum {
    BULK_BATCHES = 3, /* of a history */
    BULK_LINES = 12,  /* of one, at most */
    BULK_NAME_MAX = 64
};

#define BULK_PERCENT INT64_C(37) /* of the price book */

/* What the client does now. */
enum bulk_step {
    BULK_UPLOAD,
    BULK_CREATE,
    BULK_FIND, /* whether a batch was made that nobody has told it of */
    BULK_POLL,
    BULK_CANCEL,
    BULK_INPUT, /* what it has handed in, and what came of it: each must stay as it is */
    BULK_OUTPUT,
    BULK_ERRORS,
    BULK_DONE
};

struct bulk_batch {
    int number; /* from 1 */
    int account;
    int first; /* place of its first line among all calls */
    int lines;
    bool bad_line; /* one more stands in the file that is none */
    struct buf content;
    char file[BULK_NAME_MAX];
    char batch[BULK_NAME_MAX];  /* empty: nobody has told */
    char output[BULK_NAME_MAX]; /* empty: there is none */
    char errors[BULK_NAME_MAX];
    bool unsure; /* it may have been made: the answer was lost */
    uint64_t unsure_life;
    bool cancelled; /* it may have been */
    bool ended;
    int64_t completed; /* as it was told then */
    int64_t failed;
    struct buf results; /* as they were read first */
    struct buf faults;
    bool read; /* both were */
};

struct bulk {
    struct play *play;
    struct upstream_pool *pool;
    struct bulk_batch batches[BULK_BATCHES];
    int begun; /* of them */
    enum bulk_step step;
    int rounds; /* how often its files are to be read again */
    struct http_call call;
    struct timer timer;
    struct buf head;
    struct buf body;
    struct str body_part;
    struct buf got;
    int status;
    uint64_t life; /* in which the request was begun */
    bool stopped;  /* it begins no further batch */
};

void bulk_open(struct bulk *bulk, struct play *play, struct upstream_pool *pool);
void bulk_stop(struct bulk *bulk);
/* Nothing of it is under way, or will be. */
bool bulk_idle(const struct bulk *bulk);
void bulk_close(struct bulk *bulk);
