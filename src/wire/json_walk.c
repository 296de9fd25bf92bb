/* JSON that was checked, looked at in place. */
#include <string.h>

#include "wire/json_internal.h"
#include "wire/utf8.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

/* How much white space stands in front. */
static size_t json_space(struct str text)
{
    size_t at = 0;
    while (at < text.len && json_is_space(text.ptr[at])) {
        at++;
    }
    return at;
}

enum json_kind json_kind(struct str value)
{
    switch (value.len > 0 ? value.ptr[0] : 'n') {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

struct str json_trim(struct str text)
{
    size_t from = json_space(text);
    size_t to = text.len;
    while (to > from && json_is_space(text.ptr[to - 1])) {
        to--;
    }
    return str_slice(text, from, to);
}

struct str json_inside(struct str value)
{
    ASSERT(value.len >= 2);
    return str_slice(value, 1, value.len - 1);
}

/* Whether the quotation mark of a string that begins at `from` stands behind an escape. */
static bool json_is_escaped(const char *from, const char *quote)
{
    bool escaped = false;
    for (; quote > from && quote[-1] == '\\'; quote--) {
        escaped = !escaped;
    }
    return escaped;
}

#ifdef __SSE2__
#    define JSON_STRIDE 64 /* a bit each in a word */

static uint64_t json_quotes_of_16(const char *at)
{
    __m128i word;
    memcpy(&word, at, sizeof(word));
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(word, _mm_set1_epi8('"')));
}

/* Where quotation marks are among the next bytes. */
static uint64_t json_quotes(const char *at)
{
    return json_quotes_of_16(at) | json_quotes_of_16(at + 16) << 16 |
           json_quotes_of_16(at + 32) << 32 | json_quotes_of_16(at + 48) << 48;
}
#endif

/* Behind the quote that ends a string, from within it. Looks for quotes alone, since other escapes
 * end nothing: a request is walked over several times, and an agent's has one each 30 bytes. */
static const char *json_text_end(const char *at, const char *end)
{
    const char *from = at;
#ifdef __SSE2__
    if (end - at >= 16) { /* most strings are keys and words */
        uint64_t quotes = json_quotes_of_16(at);
        const char *quote = at + (quotes == 0 ? 0 : __builtin_ctzll(quotes));
        if (quotes != 0 && !json_is_escaped(from, quote)) {
            return quote + 1;
        }
    }
    for (; end - at >= JSON_STRIDE; at += JSON_STRIDE) {
        for (uint64_t quotes = json_quotes(at); quotes != 0; quotes &= quotes - 1) {
            const char *quote = at + __builtin_ctzll(quotes);
            if (!json_is_escaped(from, quote)) {
                return quote + 1;
            }
        }
    }
#endif
    for (;;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        ASSERT(quote != NULL); /* the text was checked */
        if (!json_is_escaped(from, quote)) {
            return quote + 1;
        }
        at = quote + 1;
    }
}

/* Behind the value at the front. What was checked needs no second look: brackets and strings tell
 * where it ends. */
static const char *json_value_end(const char *at, const char *end)
{
    unsigned depth = 0;
    while (at < end) {
        char byte = *at++;
        if (byte == '"') {
            at = json_text_end(at, end);
        } else if ((byte | 0x20) == '{') { /* or '[' */
            depth++;
        } else if ((byte | 0x20) == '}') { /* or ']' */
            depth--;
        } else if (depth == 0) { /* a number, or a word */
            while (at < end && *at != ',' && *at != '}' && *at != ']' && !json_is_space(*at)) {
                at++;
            }
        }
        if (depth == 0) {
            break;
        }
    }
    ASSERT(depth == 0);
    return at;
}

/* Takes white space and a comma off the front. False: nothing is left. */
static bool json_step(struct str *rest)
{
    *rest = str_from_at(*rest, json_space(*rest));
    if (rest->len > 0 && rest->ptr[0] == ',') {
        *rest = str_from_at(*rest, 1);
        *rest = str_from_at(*rest, json_space(*rest));
    }
    return rest->len > 0;
}

struct str json_take(struct str *rest)
{
    size_t len = (size_t)(json_value_end(rest->ptr, rest->ptr + rest->len) - rest->ptr);
    struct str value = str_slice(*rest, 0, len);
    *rest = str_from_at(*rest, len);
    return value;
}

struct str json_take_key(struct str *rest)
{
    ASSERT(rest->len > 0);
    ASSERT(rest->ptr[0] == '"');
    struct str quoted = json_take(rest);
    *rest = str_from_at(*rest, json_space(*rest));
    ASSERT(rest->len > 0);
    ASSERT(rest->ptr[0] == ':');
    *rest = str_from_at(*rest, 1);
    *rest = str_from_at(*rest, json_space(*rest));
    return json_inside(quoted);
}

void json_enter(struct str *rest)
{
    ASSERT(rest->len > 1);
    ASSERT((rest->ptr[0] | 0x20) == '{'); /* or '[' */
    *rest = str_from_at(*rest, 1);
}

bool json_more(struct str *rest)
{
    bool any = json_step(rest);
    ASSERT(any);                              /* at the least the bracket that closes it */
    bool over = (rest->ptr[0] | 0x20) == '}'; /* or ']' */
    if (over) {
        *rest = str_from_at(*rest, 1);
    }
    return !over;
}

bool json_next_member(struct str *rest, struct json_member *ret_member)
{
    if (!json_step(rest)) {
        return false;
    }
    ret_member->key = json_take_key(rest);
    ret_member->value = json_take(rest);
    return true;
}

bool json_next_item(struct str *rest, struct str *ret_item)
{
    if (!json_step(rest)) {
        return false;
    }
    *ret_item = json_take(rest);
    return true;
}

struct str json_get(struct str object, struct str name)
{
    object = json_trim(object); /* whole documents end with a line's end */
    if (json_kind(object) != JSON_OBJECT) {
        return STR_EMPTY;
    }
    struct str rest = json_inside(object);
    struct json_member member;
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, name)) {
            return member.value;
        }
    }
    return STR_EMPTY;
}

/* Decodes "\uXXXX" at the front. */
static uint32_t json_unit(struct str text)
{
    uint32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        unit = unit << 4 | (uint32_t)json_hex(text.ptr[i]);
    }
    return unit;
}

/* What an escape of one letter stands for. */
static char json_letter(char kind)
{
    switch (kind) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* a quotation mark or a slash, itself: the text was checked */
        return kind;
    }
}

/* The escape at the front as UTF-8; returns its length there and *ret_used here, or 0. */
static size_t json_unescape(struct str text, char out[4], size_t *ret_used)
{
    *ret_used = 2;
    if (text.ptr[1] != 'u') {
        out[0] = json_letter(text.ptr[1]);
        return 1;
    }
    uint32_t unit = json_unit(text);
    *ret_used = 6;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return utf8_put(unit, out);
    }
    struct str next = str_from_at(text, 6);
    if (unit > 0xDBFF || next.len < 6 || next.ptr[0] != '\\' || next.ptr[1] != 'u') {
        return 0;
    }
    uint32_t low = json_unit(next);
    if (low < 0xDC00 || low > 0xDFFF) {
        return 0;
    }
    *ret_used = 12;
    return utf8_put(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
}

static bool json_decode_text(struct str text, struct buf *out)
{
    while (text.len > 0) {
        size_t plain = str_find(text, '\\');
        if (buf_append(out, str_slice(text, 0, plain)) != ERR_OK) {
            return false;
        }
        text = str_from_at(text, plain);
        if (text.len > 0) {
            char bytes[4];
            size_t used = 0;
            size_t len = json_unescape(text, bytes, &used);
            if (len == 0 || buf_append(out, (struct str){ bytes, len }) != ERR_OK) {
                return false;
            }
            text = str_from_at(text, used);
        }
    }
    return true;
}

bool json_decode(struct str value, struct buf *out)
{
    ASSERT(json_kind(value) == JSON_STRING);
    size_t before = out->len;
    bool good = json_decode_text(json_inside(value), out);
    if (!good) {
        out->len = before;
    }
    return good;
}

bool json_key_equals(struct str key, struct str name)
{
    /* An escape is longer than what it stands for, so only a longer key can hold one and match. */
    if (key.len <= name.len || str_find(key, '\\') == key.len) {
        return str_eq(key, name);
    }
    while (key.len > 0 && name.len > 0) {
        char bytes[4] = { key.ptr[0] };
        size_t used = 1;
        size_t len = key.ptr[0] == '\\' ? json_unescape(key, bytes, &used) : 1;
        if (len != 1 || bytes[0] != name.ptr[0]) {
            return false;
        }
        key = str_from_at(key, used);
        name = str_from_at(name, 1);
    }
    return key.len == 0 && name.len == 0;
}

bool json_string_is(struct str value, struct str text)
{
    return json_kind(value) == JSON_STRING && json_key_is(json_inside(value), text);
}

bool json_i64(struct str value, int64_t *ret_number)
{
    return json_kind(value) == JSON_NUMBER && str_to_i64(value, ret_number);
}

size_t json_take_char(struct str *rest, char ret_char[4])
{
    ASSERT(rest->len > 0);
    size_t used = 1;
    size_t len = 1;
    ret_char[0] = rest->ptr[0];
    if (rest->ptr[0] == '\\') {
        len = json_unescape(*rest, ret_char, &used);
        if (len == 0) {
            used = 6;
            len = utf8_put(0xFFFD, ret_char);
        }
    } else if ((unsigned char)rest->ptr[0] >= 0x80) {
        len = utf8_len(rest->ptr, rest->len);
        ASSERT(len > 0); /* the text was checked */
        memcpy(ret_char, rest->ptr, len);
        used = len;
    }
    *rest = str_from_at(*rest, used);
    return len;
}
