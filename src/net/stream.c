#include "net/stream.h"

#include <unistd.h>

#include "net/stream_internal.h"

/* ---- plain ------------------------------------------------------------------------------- */

static enum err plain_handshake(struct stream *stream, struct fail *fail)
{
    (void)stream;
    (void)fail;
    return ERR_OK;
}

static enum err plain_read(struct stream *stream, void *bytes, size_t size, size_t *ret_len)
{
    return loop_read(stream->loop, stream->watch.fd, bytes, size, ret_len);
}

static enum err plain_write(struct stream *stream, const struct iovec *parts, int count,
                            size_t *ret_len)
{
    return loop_write(stream->loop, stream->watch.fd, parts, count, ret_len);
}

static void plain_end(struct stream *stream)
{
    (void)stream;
}

static struct str plain_name(const struct stream *stream)
{
    (void)stream;
    return STR_EMPTY;
}

static const struct stream_kind plain_kind = {
    .handshake = plain_handshake,
    .read = plain_read,
    .write = plain_write,
    .end = plain_end,
    .close = plain_end,
    .name = plain_name,
    .plain = true,
};

/* ---- streams ----------------------------------------------------------------------------- */

static void stream_on_ready(struct watch *watch, unsigned events)
{
    struct stream *stream = EP_CONTAINER(watch, struct stream, watch);
    ASSERT(stream->kind != NULL);
    stream->ready(stream, events);
}

void stream_init(struct stream *stream, struct loop *loop, stream_ready_fn *ready)
{
    ASSERT(loop != NULL);
    ASSERT(ready != NULL);
    *stream = (struct stream){ .loop = loop, .ready = ready };
    watch_init(&stream->watch, stream_on_ready);
}

enum err stream_open(struct stream *stream, int fd, struct fail *fail)
{
    ASSERT(stream->kind == NULL);
    enum err err = watch_start(stream->loop, &stream->watch, fd, fail);
    if (err != ERR_OK) {
        (void)close(fd); /* nothing was ever written to it */
        return err;
    }
    stream->kind = &plain_kind;
    return ERR_OK;
}

enum err stream_connect(struct stream *stream, const struct address *address, struct fail *fail)
{
    int fd = -1;
    TRY(loop_connect(stream->loop, address, &fd, fail));
    return stream_open(stream, fd, fail);
}

enum err stream_connected(struct stream *stream, struct fail *fail)
{
    ASSERT(stream->kind == &plain_kind);
    return loop_connected(stream->loop, stream->watch.fd, fail);
}

enum err stream_handshake(struct stream *stream, struct fail *fail)
{
    ASSERT(stream->kind != NULL);
    return stream->kind->handshake(stream, fail);
}

enum err stream_read(struct stream *stream, void *bytes, size_t size, size_t *ret_len)
{
    ASSERT(stream->kind != NULL);
    return stream->kind->read(stream, bytes, size, ret_len);
}

bool stream_drained(const struct stream *stream, size_t asked, size_t got)
{
    ASSERT(stream->kind != NULL);
    return stream->kind->plain && watch_drained(stream->loop, &stream->watch, asked, got);
}

enum err stream_write(struct stream *stream, const struct iovec *parts, int count, size_t *ret_len)
{
    ASSERT(stream->kind != NULL);
    return stream->kind->write(stream, parts, count, ret_len);
}

void stream_end(struct stream *stream)
{
    ASSERT(stream->kind != NULL);
    stream->kind->end(stream);
    loop_shutdown(stream->loop, stream->watch.fd);
}

void stream_close(struct stream *stream)
{
    if (stream->kind == NULL) {
        return;
    }
    stream->kind->close(stream);
    stream->kind = NULL;
    watch_close(stream->loop, &stream->watch);
}

bool stream_is_open(const struct stream *stream)
{
    return stream->kind != NULL;
}

bool stream_peer_uid(const struct stream *stream, unsigned *ret_uid)
{
    ASSERT(stream->kind != NULL);
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(stream->watch.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.pid <= 0) {
        return false; /* TCP has no such thing: the kernel answers with no process */
    }
    *ret_uid = peer.uid;
    return true;
}

struct str stream_tls_name(const struct stream *stream)
{
    ASSERT(stream->kind != NULL);
    return stream->kind->name(stream);
}
