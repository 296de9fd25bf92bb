/* Text out of a JSON string while it is unescaped: through a fixed buffer, and in place where no
 * escape stands. */
#include <string.h>

#include "meter/count_internal.h"
#include "wire/json.h"

#define JSON_PLAIN ((size_t)512) /* bytes without an escape that are not worth a copy */
#define JSON_CHAR  4             /* bytes of a character */

struct unescape {
    struct token_counter *counter;
    struct count_stream *stream;
    size_t len; /* bytes in counter->unescaped */
};

static enum err unescape_flush(struct unescape *unescape)
{
    struct str text = { unescape->counter->unescaped, unescape->len };
    unescape->len = 0;
    return count_stream_feed(unescape->counter, unescape->stream, text);
}

/* Text without an escape. */
static enum err unescape_plain(struct unescape *unescape, struct str text)
{
    if (text.len >= JSON_PLAIN) {
        TRY(unescape_flush(unescape));
        return count_stream_feed(unescape->counter, unescape->stream, text);
    }
    if (text.len > COUNT_SCRATCH - unescape->len) {
        TRY(unescape_flush(unescape));
    }
    if (text.len > 0) {
        memcpy(unescape->counter->unescaped + unescape->len, text.ptr, text.len);
        unescape->len += text.len;
    }
    return ERR_OK;
}

/* The escape at the front of `*rest`. */
static enum err unescape_one(struct unescape *unescape, struct str *rest)
{
    if (COUNT_SCRATCH - unescape->len < JSON_CHAR) {
        TRY(unescape_flush(unescape));
    }
    unescape->len += json_take_char(rest, unescape->counter->unescaped + unescape->len);
    ASSERT(unescape->len <= COUNT_SCRATCH);
    return ERR_OK;
}

enum err count_stream_json(struct token_counter *counter, struct count_stream *stream,
                           struct str json, size_t *offset, size_t budget)
{
    ASSERT(*offset <= json.len);
    ASSERT(budget > 0);
    _Static_assert(JSON_PLAIN <= COUNT_SCRATCH, "what is copied has room");
    bool quoted = json.len > 0 && json.ptr[0] == '"';
    ASSERT(!quoted || (json.len > 1 && json.ptr[json.len - 1] == '"'));
    size_t end = quoted ? json.len - 1 : json.len;
    size_t begin = quoted && *offset == 0 ? 1 : *offset;
    struct unescape unescape = { counter, stream, 0 };
    struct str rest = begin < end ? str_slice(json, begin, end) : STR("");
    size_t stop = rest.len > budget ? rest.len - budget : 0; /* bytes that stay for the next time */
    while (rest.len > stop) {
        size_t plain = str_find(str_slice(rest, 0, rest.len - stop), '\\');
        TRY(unescape_plain(&unescape, str_slice(rest, 0, plain)));
        rest = str_from_at(rest, plain);
        if (rest.len > stop) {
            TRY(unescape_one(&unescape, &rest));
        }
    }
    TRY(unescape_flush(&unescape));
    *offset = rest.len > 0 ? end - rest.len : json.len;
    return ERR_OK;
}
