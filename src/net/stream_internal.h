/* What the kinds of streams are to stream.c. */
#pragma once

#include "net/stream.h"

struct stream_kind {
    enum err (*handshake)(struct stream *stream, struct fail *fail);
    enum err (*read)(struct stream *stream, void *bytes, size_t size, size_t *ret_len);
    enum err (*write)(struct stream *stream, const struct iovec *parts, int count, size_t *ret_len);
    void (*end)(struct stream *stream);
    void (*close)(struct stream *stream); /* what is its own; the descriptor is stream.c's */
    struct str (*name)(const struct stream *stream);
    bool plain; /* what it reads is what the descriptor gave */
};
