/* Text out of JSON: into the window, where escapes are undone on the way. */
#include <string.h>

#include "policy/detect_internal.h"
#include "wire/json.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

#define JSON_CHAR 4 /* bytes of a character */

static bool json_is_hex(char digit)
{
    char lower = (char)(digit | 0x20);
    return (digit >= '0' && digit <= '9') || (lower >= 'a' && lower <= 'f');
}

/* Copies up to the first backslash; how much. Both sides have `len` bytes. */
static size_t json_copy(char *to, const char *from, size_t len)
{
    size_t at = 0;
#ifdef __SSE2__
    const __m128i slash = _mm_set1_epi8('\\');
    for (; len - at >= 16; at += 16) {
        __m128i word;
        memcpy(&word, from + at, sizeof(word));
        /* No memcpy(): where its bounds are checked it is a call. */
        _mm_storeu_si128((__m128i *)(void *)(to + at), word);
        int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(word, slash));
        if (mask != 0) {
            return at + (unsigned)__builtin_ctz((unsigned)mask);
        }
    }
#endif
    for (; at < len && from[at] != '\\'; at++) {
        to[at] = from[at];
    }
    return at;
}

/*
 * At a backslash, in `text`, that was escaped itself: an escape of JSON within the string? Its
 * length as it stands there, or 0.
 */
static size_t json_nested(struct str text)
{
    static const struct str simple = STR_INIT("nrtbf");
    if (text.len >= 2 && str_find(simple, text.ptr[1]) < simple.len) {
        return 2;
    }
    if (text.len < 6 || text.ptr[1] != 'u') {
        return 0;
    }
    for (size_t i = 2; i < 6; i++) {
        if (!json_is_hex(text.ptr[i])) {
            return 0;
        }
    }
    return 6;
}

/* Takes the escape at the front of `*rest`; the length of what it stands for. */
static size_t json_take_escape(struct str *rest, char ret_char[JSON_CHAR])
{
    ASSERT(rest->len >= 2); /* the text was checked */
    char kind = rest->ptr[1];
    if (kind == 'n' || kind == '"') { /* nearly all */
        ret_char[0] = kind == 'n' ? '\n' : '"';
        *rest = str_from_at(*rest, 2);
        return 1;
    }
    struct str second = str_from_at(*rest, 1);
    size_t nested = kind == '\\' ? json_nested(second) : 0;
    if (nested == 0) {
        return json_take_char(rest, ret_char);
    }
    *rest = str_from_at(second, nested);
    struct str escape = str_slice(second, 0, nested);
    return json_take_char(&escape, ret_char);
}

void detect_json(struct detector *detector, struct str json, size_t *offset, size_t budget)
{
    ASSERT(*offset <= json.len);
    ASSERT(budget > 0);
    struct str rest = str_from_at(json, *offset);
    size_t stop = rest.len > budget ? rest.len - budget : 0; /* bytes that stay for the next time */
    while (rest.len > stop) {
        if (DETECT_WINDOW - detector->len <= JSON_CHAR) {
            detect_slide(detector);
        }
        size_t room = DETECT_WINDOW - JSON_CHAR - detector->len;
        size_t len = rest.len - stop < room ? rest.len - stop : room;
        char *to = detector->window + detector->len;
        size_t plain = json_copy(to, rest.ptr, len);
        rest = str_from_at(rest, plain);
        size_t decoded = plain < len ? json_take_escape(&rest, to + plain) : 0;
        detector->len += (uint32_t)(plain + decoded);
    }
    *offset = json.len - rest.len;
}
