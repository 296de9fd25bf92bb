/*
 * Server-sent events (WHATWG HTML 9.2) from an untrusted upstream, found in the raw bytes: each
 * event is given as it came, to be forwarded, and with its data joined, to be understood.
 *
 * Takes LF, CR and CRLF, comments, a missing space after the colon, a byte order mark, a last event
 * without its blank line. An idle parser owns no memory. Not thread-safe.
 */
#pragma once

#include "wire/http1.h"

struct sse {
    struct buf tail; /* an event that has begun and not ended */
    struct buf data; /* the joined lines of an event that has several */
    size_t event_max;
    size_t line_at; /* in the tail: where its first line without an end begins, */
    size_t seen;    /* and up to where no end was found: a slow stream is not read over again */
    bool after_cr;  /* the last event ended with a CR: an LF behind it belongs to it */
    bool begun;     /* past a byte order mark */
};

struct sse_event {
    struct str raw;  /* all of it, its blank line included */
    struct str data; /* valid until the next call */
    struct str type; /* of "event:", or empty */
    bool has_data;
    bool joined; /* of several lines: the data is no part of `raw` */
};

void sse_init(struct sse *sse, size_t event_max);
void sse_fini(struct sse *sse);
/*
 * Takes the next event off the front of `input`. WIRE_DONE: `ret_event` borrows `input` or the
 * parser, until the next call. WIRE_MORE: all of `input` was taken. WIRE_BAD: an event is larger
 * than event_max, or memory is out.
 */
EP_MUST_CHECK enum wire_result sse_next(struct sse *sse, struct str *input,
                                        struct sse_event *ret_event);
/* Whether the next byte begins an event, whatever it is. */
bool sse_is_between(const struct sse *sse);
/* The stream has ended: gives what began and did not end, once. WIRE_MORE: there is none. */
EP_MUST_CHECK enum wire_result sse_end(struct sse *sse, struct sse_event *ret_event);
