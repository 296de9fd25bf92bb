#include "meter/span.h"

#include <string.h>

#include "wire/json.h"

/* Python's str.isspace(), of a character in UTF-8. */
static bool span_is_space(const char *at, size_t len)
{
    static const char *const wide[] = {
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
    };
    if (len == 1) {
        return *at == ' ' || (*at >= '\t' && *at <= '\r') || (*at >= 0x1C && *at <= 0x1F);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(wide); i++) {
        if (str_eq(str_from(wide[i]), (struct str){ at, len })) {
            return true;
        }
    }
    return len == 3 && memcmp(at, "\xE2\x80", 2) == 0 && (unsigned char)at[2] >= 0x80 &&
           (unsigned char)at[2] <= 0x8A;
}

static bool span_is_cut(const char *at, size_t len, unsigned trim)
{
    if ((trim & (SPAN_LINES | SPAN_SPACES)) != 0) {
        return len == 1 && *at == ((trim & SPAN_LINES) != 0 ? '\n' : ' ');
    }
    return span_is_space(at, len);
}

/* Whether the byte at `at` is a backslash that begins an escape: an even number stand before it. */
static bool span_is_escape(struct str span, size_t at)
{
    if (span.ptr[at] != '\\') {
        return false;
    }
    size_t first = at;
    while (first > 0 && span.ptr[first - 1] == '\\') {
        first--;
    }
    return (at - first) % 2 == 0;
}

/* Where the last character begins; span.len > 0. */
static size_t span_last(struct str span)
{
    ASSERT(span.len > 0);
    if (span.len >= 2 && span_is_escape(span, span.len - 2)) {
        return span.len - 2;
    }
    if (span.len >= 6 && span.ptr[span.len - 5] == 'u' && span_is_escape(span, span.len - 6)) {
        return span.len - 6;
    }
    size_t at = span.len - 1;
    while (at > 0 && ((unsigned char)span.ptr[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

struct str span_trim(struct str span, unsigned trim)
{
    ASSERT(trim < 16);
    char bytes[4];
    while ((trim & SPAN_LEFT) != 0 && span.len > 0) {
        struct str rest = span;
        size_t len = json_take_char(&rest, bytes);
        if (!span_is_cut(bytes, len, trim)) {
            break;
        }
        span = rest;
    }
    while ((trim & SPAN_RIGHT) != 0 && span.len > 0) {
        size_t at = span_last(span);
        struct str last = str_from_at(span, at);
        size_t len = json_take_char(&last, bytes);
        if (!span_is_cut(bytes, len, trim)) {
            break;
        }
        span.len = at;
    }
    return span;
}

/* Whether `text` stands at the front; *ret_behind is what follows it. */
static bool span_take(struct str span, struct str text, struct str *ret_behind)
{
    while (text.len > 0) {
        char bytes[4];
        if (span.len == 0 || json_take_char(&span, bytes) != 1 || bytes[0] != text.ptr[0]) {
            return false;
        }
        text = str_from_at(text, 1);
    }
    *ret_behind = span;
    return true;
}

bool span_starts(struct str span, struct str text)
{
    struct str behind;
    return span_take(span, text, &behind);
}

bool span_ends(struct str span, struct str text)
{
    for (size_t left = text.len; left > 0; left--) {
        if (span.len == 0) {
            return false;
        }
        size_t at = span_last(span);
        struct str last = str_from_at(span, at);
        char bytes[4];
        if (json_take_char(&last, bytes) != 1 || bytes[0] != text.ptr[left - 1]) {
            return false;
        }
        span.len = at;
    }
    return true;
}

/* The next byte that may begin `first`: itself or an escape. */
static size_t span_next(struct str span, char first)
{
    size_t at = 0;
    while (at < span.len && span.ptr[at] != first && span.ptr[at] != '\\') {
        at++;
    }
    return at;
}

bool span_split(struct str span, struct str text, struct str *ret_before, struct str *ret_behind)
{
    ASSERT(text.len > 1 && text.ptr[0] != '\\');
    ASSERT(memchr(text.ptr + 1, text.ptr[0], text.len - 1) == NULL);
    struct str rest = span;
    for (;;) {
        rest = str_from_at(rest, span_next(rest, text.ptr[0]));
        if (rest.len == 0) {
            return false;
        }
        struct str behind;
        if (span_take(rest, text, &behind)) {
            *ret_before = str_slice(span, 0, span.len - rest.len);
            *ret_behind = behind;
            return true;
        }
        char bytes[4];
        EP_IGNORE(json_take_char(&rest, bytes)); /* step over one character */
    }
}

bool span_split_last(struct str span, struct str text, struct str *ret_before,
                     struct str *ret_behind)
{
    struct str before;
    struct str behind;
    if (!span_split(span, text, &before, &behind)) {
        return false;
    }
    struct str next;
    while (span_split(behind, text, &next, ret_behind)) {
        before = str_slice(span, 0, span.len - behind.len + next.len);
        behind = *ret_behind;
    }
    *ret_before = before;
    *ret_behind = behind;
    return true;
}
