/*
 * Hashes, MACs and comparison in constant time. Threads: any. The only failure is the library's
 * refusal, which start-up rules out by crypto_start(); afterwards these cannot fail.
 */
#pragma once

#include "base/str.h"

#define DIGEST_BYTES 32 /* SHA-256 */

struct digest {
    unsigned char bytes[DIGEST_BYTES];
};

/* Once a process, before anything else here: fetches algorithms, checks them by known answers. */
EP_MUST_CHECK enum err crypto_start(struct fail *fail);

struct digest digest_sha256(struct str text);
/* SHA-256 over the parts one after the other; count <= 8. */
struct digest digest_sha256_parts(const struct str *parts, size_t count);
/* For the handshake of WebSocket, which asks for it (RFC 6455 4.2.2), and proves nothing by it: for
 * nothing else. Zeros where the library has no SHA-1, so that no peer takes the answer. */
#define DIGEST_SHA1_BYTES 20
void digest_sha1(struct str text, unsigned char ret_bytes[DIGEST_SHA1_BYTES]);

/* SHA-256 of what comes in pieces. */
struct digest_stream {
    void *context; /* the library's; NULL: not begun, or over */
};

/* False: no memory. */
EP_MUST_CHECK bool digest_stream_begin(struct digest_stream *stream);
void digest_stream_add(struct digest_stream *stream, struct str text);
/* Of all that was added; the stream is over. */
struct digest digest_stream_end(struct digest_stream *stream);
/* Over without a digest; allowed when it is. */
void digest_stream_fini(struct digest_stream *stream);

struct digest digest_hmac_sha256(struct str key, struct str text);
bool digest_eq(const struct digest *a, const struct digest *b); /* constant time */
struct str digest_str(const struct digest *digest);             /* valid as long as it */
/* Equal bytes, in time that depends on the lengths alone. */
bool crypto_equal(struct str a, struct str b);
