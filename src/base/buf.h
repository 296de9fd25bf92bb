/*
 * Owned, growable bytes with a limit that is given at the start.
 *
 * Appending either succeeds or leaves the buffer as it was, with ERR_LIMIT (the limit would be
 * passed) or ERR_NO_MEMORY. An empty buffer owns no memory. Not thread-safe.
 */
#pragma once

#include <string.h>

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);  /* frees; the buffer is empty and usable again */
void buf_reset(struct buf *buf); /* empties, keeps the memory */

/* Where the room has to be made first; buf_append() is for everybody. */
EP_MUST_CHECK enum err buf_append_slowly(struct buf *buf, struct str text);

EP_MUST_CHECK static inline enum err buf_append(struct buf *buf, struct str text)
{
    if (text.len > buf->cap - buf->len) {
        return buf_append_slowly(buf, text);
    }
    if (text.len > 0) {
        memcpy(buf->ptr + buf->len, text.ptr, text.len);
        buf->len += text.len;
    }
    return ERR_OK;
}
/* All of the parts, or none of them. */
EP_MUST_CHECK enum err buf_append_all(struct buf *buf, const struct str *parts, size_t count);
EP_MUST_CHECK enum err buf_byte(struct buf *buf, char byte);
EP_MUST_CHECK enum err buf_printf(struct buf *buf, const char *format, ...) EP_PRINTF(2, 3);
EP_MUST_CHECK enum err buf_u64(struct buf *buf, uint64_t value); /* decimal */
EP_MUST_CHECK enum err buf_i64(struct buf *buf, int64_t value);
/* Room for `size` more bytes at buf->ptr + buf->len; follow with buf_added(). */
EP_MUST_CHECK enum err buf_reserve(struct buf *buf, size_t size);
/* Likewise, in steps of 64 bytes: for little that many keep for long. */
EP_MUST_CHECK enum err buf_reserve_little(struct buf *buf, size_t size);
void buf_added(struct buf *buf, size_t size);
/* Drops `size` bytes at the front. */
void buf_drop(struct buf *buf, size_t size);
/* What is in it; valid until the buffer changes. */
struct str buf_str(const struct buf *buf);
/* The content as C text, the caller's to mem_free(); the buffer is empty then. NULL: no memory. */
EP_MUST_CHECK char *buf_give_text(struct buf *buf);
