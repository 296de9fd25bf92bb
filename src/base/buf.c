#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BUF_FIRST  256 /* most messages that are built are smaller than a few lines */
#define BUF_LITTLE 64

void buf_init(struct buf *buf, size_t max)
{
    ASSERT(max > 0);
    *buf = (struct buf){ .max = max };
}

void buf_fini(struct buf *buf)
{
    mem_free(buf->ptr);
    *buf = (struct buf){ .max = buf->max };
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
}

static enum err buf_grow(struct buf *buf, size_t cap)
{
    cap = cap < buf->max ? cap : buf->max;
    char *grown = mem_realloc(buf->ptr, cap);
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    buf->ptr = grown;
    buf->cap = cap;
    return ERR_OK;
}

/* *ret_need: more than there is room for, or 0. */
static enum err buf_need(const struct buf *buf, size_t size, size_t *ret_need)
{
    ASSERT(buf->len <= buf->cap);
    ASSERT(buf->max > 0);
    *ret_need = 0;
    if (size <= buf->cap - buf->len) {
        return ERR_OK;
    }
    bool fits = !__builtin_add_overflow(buf->len, size, ret_need) && *ret_need <= buf->max;
    return fits ? ERR_OK : ERR_LIMIT;
}

enum err buf_reserve(struct buf *buf, size_t size)
{
    size_t need = 0;
    TRY(buf_need(buf, size, &need));
    size_t cap = buf->cap < BUF_FIRST ? BUF_FIRST : buf->cap;
    while (cap < need) {
        cap *= 2;
    }
    return need == 0 ? ERR_OK : buf_grow(buf, cap);
}

enum err buf_reserve_little(struct buf *buf, size_t size)
{
    size_t need = 0;
    TRY(buf_need(buf, size, &need));
    if (need > BUF_FIRST) {
        return buf_reserve(buf, size); /* it is little no more */
    }
    return need == 0 ? ERR_OK : buf_grow(buf, (need + BUF_LITTLE - 1) / BUF_LITTLE * BUF_LITTLE);
}

void buf_added(struct buf *buf, size_t size)
{
    ASSERT(size <= buf->cap - buf->len);
    buf->len += size;
}

enum err buf_append_slowly(struct buf *buf, struct str text)
{
    TRY(buf_reserve(buf, text.len));
    return buf_append(buf, text);
}

enum err buf_append_all(struct buf *buf, const struct str *parts, size_t count)
{
    size_t before = buf->len;
    for (size_t i = 0; i < count; i++) {
        enum err err = buf_append(buf, parts[i]);
        if (err != ERR_OK) {
            buf->len = before;
            return err;
        }
    }
    return ERR_OK;
}

enum err buf_byte(struct buf *buf, char byte)
{
    return buf_append(buf, (struct str){ &byte, 1 });
}

enum err buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = buf->cap - buf->len; /* mostly enough: then it is printed once */
    int len = vsnprintf(room == 0 ? NULL : buf->ptr + buf->len, room, format, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len < room) {
        buf->len += (size_t)len;
        return ERR_OK;
    }

    TRY(buf_reserve(buf, (size_t)len + 1)); /* vsnprintf also writes a NUL */
    va_start(args, format);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return ERR_OK;
}

#define BUF_DIGITS_MAX 20 /* 2^64 has 20 decimal digits */

enum err buf_u64(struct buf *buf, uint64_t value)
{
    char digits[BUF_DIGITS_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return buf_append(buf, (struct str){ digits + at, sizeof(digits) - at });
}

enum err buf_i64(struct buf *buf, int64_t value)
{
    size_t before = buf->len;
    if (value >= 0) {
        return buf_u64(buf, (uint64_t)value);
    }
    TRY(buf_byte(buf, '-'));
    enum err err = buf_u64(buf, UINT64_C(0) - (uint64_t)value);
    if (err != ERR_OK) {
        buf->len = before;
    }
    return err;
}

void buf_drop(struct buf *buf, size_t size)
{
    ASSERT(size <= buf->len);
    buf->len -= size;
    if (buf->len > 0 && size > 0) {
        memmove(buf->ptr, buf->ptr + size, buf->len);
    }
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->ptr, buf->len };
}

char *buf_give_text(struct buf *buf)
{
    char *text = mem_realloc(buf->ptr, buf->len + 1);
    if (text == NULL) {
        return NULL;
    }
    text[buf->len] = '\0';
    *buf = (struct buf){ .max = buf->max };
    return text;
}
