/*
 * HTTP(S) GET for commands: answers read whole, within a limit, over connections that are kept. It
 * turns a loop of its own and returns when what was asked for is there: for threads that may wait.
 *
 * What may pass by itself (no connection, silence, 429 and 5xx) is tried FETCH_TRIES times. An
 * answer that points elsewhere is not followed: whoever named the address is told the other one.
 */
#pragma once

#include "base/buf.h"

#define FETCH_URL_MAX  2048
#define FETCH_PATH_MAX 128 /* below an address that was given: a tile's name */
#define FETCH_SLOTS    32  /* at once: hides 50 ms of way at 600 answers a second */
#define FETCH_TRIES    4

struct fetch;

/* TLS trusts the roots of the PEM bundle `ca_path`, or the system's if it is NULL. Calls
 * crypto_start(). */
EP_MUST_CHECK enum err fetch_create(const char *ca_path, struct fetch **ret_fetch,
                                    struct fail *fail);
void fetch_destroy(struct fetch *fetch); /* NULL is allowed */

/* Whether it looks like an address of ours: "http://..." or "https://...". */
bool fetch_is_url(struct str text);

/* Appends the body of `url`'s answer. ERR_ASK_INVALID: no address. ERR_NOT_FOUND: 404 and 410.
 * ERR_LIMIT: more than `out` takes. ERR_UPSTREAM_STATUS: 429 or 5xx, each time. ERR_IO: another
 * status. Else what the connection met. */
EP_MUST_CHECK enum err fetch_get(struct fetch *fetch, struct str url, struct buf *out,
                                 struct fail *fail);

struct fetch_item {
    char path[FETCH_PATH_MAX]; /* below the walk's base, without a slash in front */
    size_t bytes_max;
    uint64_t tag; /* the owner's */
};

/* Many answers, FETCH_SLOTS under way at a time, told in the order in which they were asked for. */
struct fetch_walk {
    /* The next item; false: no more. */
    bool (*next)(void *context, struct fetch_item *ret_item);
    /* `err` as of fetch_get(). Anything but ERR_OK ends the walk with it. May call fetch_get(). */
    enum err (*got)(void *context, const struct fetch_item *item, enum err err, struct str body,
                    const struct fail *why);
    void *context;
};

EP_MUST_CHECK enum err fetch_walk(struct fetch *fetch, struct str base,
                                  const struct fetch_walk *walk, struct fail *fail);
