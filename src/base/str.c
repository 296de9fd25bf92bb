#include "base/str.h"

#include <string.h>
#include <strings.h>

struct str str_from(const char *text)
{
    return text == NULL ? STR_EMPTY : (struct str){ text, strlen(text) };
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char str_lower(char byte)
{
    unsigned char c = (unsigned char)byte;
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        char byte = b.ptr[i];
        if (a.ptr[i] != byte && str_lower(a.ptr[i]) != str_lower(byte)) {
            return false;
        }
    }
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_eq((struct str){ text.ptr, prefix.len }, prefix);
}

bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len && str_eq(str_from_at(text, text.len - suffix.len), suffix);
}

bool str_starts_nocase(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_eq_nocase((struct str){ text.ptr, prefix.len }, prefix);
}

size_t str_find(struct str text, char byte)
{
    const char *at = text.len == 0 ? NULL : memchr(text.ptr, byte, text.len);
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

size_t str_search(struct str text, struct str part)
{
    if (part.len == 0) {
        return 0;
    }
    const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, part.ptr, part.len);
    return at == NULL ? text.len : (size_t)(at - text.ptr);
}

struct str str_from_at(struct str text, size_t start)
{
    ASSERT(start <= text.len);
    return start == 0 ? text : (struct str){ text.ptr + start, text.len - start };
}

struct str str_slice(struct str text, size_t start, size_t end)
{
    ASSERT(start <= end);
    ASSERT(end <= text.len);
    return start == end ? STR_EMPTY : (struct str){ text.ptr + start, end - start };
}

struct str str_cut(struct str *rest, char byte)
{
    size_t at = str_find(*rest, byte);
    struct str head = { rest->ptr, at };
    *rest = at == rest->len ? STR_EMPTY : str_from_at(*rest, at + 1);
    return head;
}

struct str str_trim(struct str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = str_from_at(text, 1);
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

bool str_to_u64(struct str text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

bool str_to_i64(struct str text, int64_t *ret_value)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t size = 0;
    if (!str_to_u64(negative ? str_from_at(text, 1) : text, &size)) {
        return false;
    }
    if (size > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *ret_value = negative ? (int64_t)(UINT64_C(0) - size) : (int64_t)size;
    return true;
}
