/*
 * A stream of bytes on a loop, plain or TLS; one behaves like the other. An idle stream keeps no
 * buffer of its own (OpenSSL is told to drop its buffers too).
 *
 * `ready` is told whenever something may have changed. Its owner then tries again whatever it
 * waits for, reading or writing, until ERR_BUSY: with TLS a read may wait for writing and the
 * reverse. No function here calls back. A closed stream's memory may be freed in loop_bury().
 */
#pragma once

#include "loop/loop.h"

struct stream;
struct stream_kind;
struct tls_context;

typedef void stream_ready_fn(struct stream *stream, unsigned events); /* WATCH_... */

/* Lives in its owner. */
struct stream {
    const struct stream_kind *kind; /* NULL: closed */
    struct loop *loop;
    stream_ready_fn *ready;
    struct watch watch;
    void *tls; /* of the kind */
};

/* Closed. */
void stream_init(struct stream *stream, struct loop *loop, stream_ready_fn *ready);
/* Takes a connected descriptor, also when it fails; plain. */
EP_MUST_CHECK enum err stream_open(struct stream *stream, int fd, struct fail *fail);
/* Begins to connect, plain; then stream_connected() decides. The stream is closed if it fails. */
EP_MUST_CHECK enum err stream_connect(struct stream *stream, const struct address *address,
                                      struct fail *fail);
/* ERR_OK, ERR_BUSY: not yet; else it failed. */
EP_MUST_CHECK enum err stream_connected(struct stream *stream, struct fail *fail);

/* Makes TLS of a plain, connected stream that has not been used; stream_handshake() follows. */
EP_MUST_CHECK enum err stream_secure_server(struct stream *stream, struct tls_context *tls,
                                            struct fail *fail);
/* `host`: a name (sent as SNI) or a literal address; the peer's certificate must be for it. */
EP_MUST_CHECK enum err stream_secure_client(struct stream *stream, struct tls_context *tls,
                                            struct str host, struct fail *fail);
/* ERR_OK: ready for bytes. ERR_BUSY: not yet. ERR_UPSTREAM_TLS: the peer is not who it should be,
 * ERR_NET_CLOSED, ERR_IO, ERR_TLS: it failed. A plain stream is always ready. */
EP_MUST_CHECK enum err stream_handshake(struct stream *stream, struct fail *fail);

/* As loop_read() and loop_write(). A TLS peer that vanishes without a good-bye is ERR_IO. After
 * ERR_BUSY from writing, the next write must begin with the same bytes. */
EP_MUST_CHECK enum err stream_read(struct stream *stream, void *bytes, size_t size,
                                   size_t *ret_len);
/* Whether that read surely left nothing: ERR_BUSY need not be met before the next edge. */
bool stream_drained(const struct stream *stream, size_t asked, size_t got);
EP_MUST_CHECK enum err stream_write(struct stream *stream, const struct iovec *parts, int count,
                                    size_t *ret_len);
/* Says that no more will be written; reading goes on. Good will only: nothing is waited for. */
void stream_end(struct stream *stream);
/* Closes; allowed when closed. */
void stream_close(struct stream *stream);

bool stream_is_open(const struct stream *stream);
/* The user at the other end of a unix socket. False: there is none to know. */
EP_MUST_CHECK bool stream_peer_uid(const struct stream *stream, unsigned *ret_uid);
/* Whether SHA-256 of the TLS peer's public key (its SubjectPublicKeyInfo) is `pin`, 32 bytes; after
 * the handshake. False for a plain stream. */
bool stream_tls_is_pinned(const struct stream *stream, const unsigned char *pin);
/* The name a TLS client asked for (SNI), empty if none; valid while the stream is open. */
struct str stream_tls_name(const struct stream *stream);
