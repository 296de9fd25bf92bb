#include "wire/json_internal.h"

#include <string.h>

#include "wire/utf8.h"

#ifdef __SSE2__
#    include <emmintrin.h>
#endif

/* ---- the one pass ------------------------------------------------------------------------ */

struct json_scan {
    const char *start;
    const char *at;
    const char *end;
    const char *reason; /* of a failure, at `at` */
    bool too_deep;
    unsigned outside; /* brackets open around the values that are scanned */
};

static bool json_fail(struct json_scan *scan, const char *reason)
{
    scan->reason = reason;
    return false;
}

static inline void json_skip_space(struct json_scan *scan)
{
    while (scan->at < scan->end && json_is_space(*scan->at)) {
        scan->at++;
    }
}

/* Stops at the first byte that is not plain ASCII text of a string. */
static const char *json_plain(const char *at, const char *end)
{
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
           (unsigned char)*at < 0x80) {
        at++;
    }
    return at;
}

/* Whether an escape may have that one letter. */
static bool json_is_letter(char kind)
{
    switch (kind) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    default:
        return false;
    }
}

static bool json_escape(struct json_scan *scan)
{
    if (scan->end - scan->at < 2) {
        return json_fail(scan, "the text ends inside a string");
    }
    char kind = scan->at[1];
    if (kind != 'u') {
        if (!json_is_letter(kind)) {
            return json_fail(scan, "there is no such escape");
        }
        scan->at += 2;
        return true;
    }
    for (ptrdiff_t i = 2; i < 6; i++) {
        if (scan->end - scan->at <= i || json_hex(scan->at[i]) < 0) {
            return json_fail(scan, "an escape needs four hexadecimal digits");
        }
    }
    scan->at += 6;
    return true;
}

#ifdef __SSE2__
#    define JSON_STRIDE 64 /* a bit each in a word */

static uint64_t json_stops_of_16(const char *at)
{
    __m128i word;
    memcpy(&word, at, sizeof(word));
    __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
    /* Signed comparison: bytes from 0x80 on are below 0x20 too, so they stop here as well. */
    __m128i other = _mm_cmplt_epi8(word, _mm_set1_epi8(0x20));
    __m128i stop = _mm_or_si128(_mm_or_si128(quote, slash), other);
    return (uint64_t)(unsigned)_mm_movemask_epi8(stop);
}

/* Which of the next bytes are not plain ASCII text of a string. */
static uint64_t json_stops(const char *at)
{
    return json_stops_of_16(at) | json_stops_of_16(at + 16) << 16 |
           json_stops_of_16(at + 32) << 32 | json_stops_of_16(at + 48) << 48;
}
#endif

/* Passes over plain text and escapes, up to what is neither. */
static bool json_text(struct json_scan *scan)
{
#ifdef __SSE2__
    if (scan->end - scan->at >= 16) { /* most strings are keys and words */
        uint64_t stops = json_stops_of_16(scan->at);
        const char *stop = scan->at + (stops == 0 ? 0 : __builtin_ctzll(stops));
        if (stops != 0 && *stop != '\\') {
            scan->at = stop;
            return true;
        }
    }
    while (scan->end - scan->at >= JSON_STRIDE) {
        const char *from = scan->at;
        uint64_t stops = json_stops(from);
        while (stops != 0) {
            scan->at = from + __builtin_ctzll(stops);
            if (*scan->at != '\\') {
                return true;
            }
            if (!json_escape(scan)) {
                return false;
            }
            ptrdiff_t done = scan->at - from;
            stops = done < JSON_STRIDE ? stops >> done << done : 0;
        }
        scan->at = scan->at < from + JSON_STRIDE ? from + JSON_STRIDE : scan->at;
    }
#endif
    scan->at = json_plain(scan->at, scan->end);
    return true;
}

static bool json_string(struct json_scan *scan)
{
    scan->at++; /* the quote */
    for (;;) {
        if (!json_text(scan)) {
            return false;
        }
        if (scan->at == scan->end) {
            return json_fail(scan, "the text ends inside a string");
        }
        unsigned char byte = (unsigned char)*scan->at;
        if (byte == '"') {
            scan->at++;
            return true;
        }
        if (byte == '\\') {
            if (!json_escape(scan)) {
                return false;
            }
        } else if (byte < 0x20) {
            return json_fail(scan, "a control character must be escaped");
        } else {
            const char *next = utf8_run(scan->at, scan->end);
            if (next == scan->at) {
                return json_fail(scan, "this is not UTF-8");
            }
            scan->at = next;
        }
    }
}

static bool json_digits(struct json_scan *scan)
{
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
    }
    return scan->at > first || json_fail(scan, "a digit is missing");
}

static bool json_number(struct json_scan *scan)
{
    if (*scan->at == '-') {
        scan->at++;
    }
    if (scan->at < scan->end && *scan->at == '0') {
        scan->at++;
    } else if (!json_digits(scan)) {
        return false;
    }
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!json_digits(scan)) {
            return false;
        }
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-')) {
            scan->at++;
        }
        return json_digits(scan);
    }
    return true;
}

static bool json_word(struct json_scan *scan, struct str word)
{
    struct str rest = { scan->at, (size_t)(scan->end - scan->at) };
    if (!str_starts(rest, word)) {
        return json_fail(scan, "a value cannot begin like this");
    }
    scan->at += word.len;
    return true;
}

static bool json_scalar(struct json_scan *scan)
{
    switch (*scan->at) {
    case '"':
        return json_string(scan);
    case 't':
        return json_word(scan, STR("true"));
    case 'f':
        return json_word(scan, STR("false"));
    case 'n':
        return json_word(scan, STR("null"));
    default:
        if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9')) {
            return json_number(scan);
        }
        return json_fail(scan, "a value cannot begin like this");
    }
}

/* The brackets open around the place at hand: a bit each, 1 for an object. */
struct json_nest {
    uint64_t bits[JSON_DEPTH_MAX / 64];
    unsigned depth;
};

static bool json_open(struct json_scan *scan, struct json_nest *nest)
{
    if (nest->depth + scan->outside == JSON_DEPTH_MAX) {
        scan->too_deep = true;
        return json_fail(scan, "nested deeper than 128");
    }
    uint64_t bit = UINT64_C(1) << nest->depth % 64;
    uint64_t *word = &nest->bits[nest->depth / 64];
    *word = *scan->at == '{' ? *word | bit : *word & ~bit;
    nest->depth++;
    scan->at++;
    return true;
}

static bool json_in_object(const struct json_nest *nest)
{
    unsigned at = nest->depth - 1;
    return (nest->bits[at / 64] >> at % 64 & 1) != 0;
}

static bool json_key(struct json_scan *scan)
{
    json_skip_space(scan);
    if (scan->at == scan->end || *scan->at != '"') {
        return json_fail(scan, "a key in quotes is missing");
    }
    if (!json_string(scan)) {
        return false;
    }
    json_skip_space(scan);
    if (scan->at == scan->end || *scan->at != ':') {
        return json_fail(scan, "a colon is missing");
    }
    scan->at++;
    return true;
}

/* Behind a value: closes brackets, steps over commas. *ret_end: the outermost value has ended. */
static bool json_behind(struct json_scan *scan, struct json_nest *nest, bool *ret_end)
{
    *ret_end = false;
    while (nest->depth > 0) {
        json_skip_space(scan);
        if (scan->at == scan->end) {
            return json_fail(scan, "the text ends inside a value");
        }
        bool object = json_in_object(nest);
        if (*scan->at == ',') {
            scan->at++;
            return !object || json_key(scan);
        }
        if (*scan->at != (object ? '}' : ']')) {
            return json_fail(scan, "a comma or a closing bracket is missing");
        }
        scan->at++;
        nest->depth--;
    }
    *ret_end = true;
    return true;
}

/* One value at the front. */
static bool json_value(struct json_scan *scan)
{
    struct json_nest nest = { .depth = 0 };
    for (;;) {
        json_skip_space(scan);
        if (scan->at == scan->end) {
            return json_fail(scan, "a value is missing");
        }
        if (*scan->at == '{' || *scan->at == '[') {
            char close = *scan->at == '{' ? '}' : ']';
            if (!json_open(scan, &nest)) {
                return false;
            }
            json_skip_space(scan);
            if (scan->at == scan->end || *scan->at != close) {
                if (close == '}' && !json_key(scan)) {
                    return false;
                }
                continue;
            }
        } else if (!json_scalar(scan)) {
            return false;
        }
        bool ended = false;
        if (!json_behind(scan, &nest, &ended)) {
            return false;
        }
        if (ended) {
            return true;
        }
    }
}

static enum err json_finish(struct json_scan *scan, bool good, struct json_fault *ret_fault)
{
    if (good) {
        json_skip_space(scan);
        good = scan->at == scan->end || json_fail(scan, "something stands behind the value");
    }
    if (good) {
        return ERR_OK;
    }
    *ret_fault = (struct json_fault){ (size_t)(scan->at - scan->start), scan->reason };
    return scan->too_deep ? ERR_JSON_DEPTH : ERR_JSON_SYNTAX;
}

static struct json_scan json_scan_of(struct str text)
{
    const char *start = text.len > 0 ? text.ptr : "";
    return (struct json_scan){ .start = start, .at = start, .end = start + text.len };
}

enum err json_check(struct str text, struct json_fault *ret_fault)
{
    struct json_scan scan = json_scan_of(text);
    return json_finish(&scan, json_value(&scan), ret_fault);
}

size_t json_string_len(struct str text)
{
    struct json_scan scan = json_scan_of(text);
    bool good = text.len > 0 && text.ptr[0] == '"' && json_string(&scan);
    return good ? (size_t)(scan.at - scan.start) : 0;
}

/* A member of the outermost object: its key, then its value. */
static bool json_index_member(struct json_scan *scan, struct json_member *member)
{
    json_skip_space(scan);
    const char *quote = scan->at;
    if (!json_key(scan)) {
        return false;
    }
    const char *key_end = scan->at - 1;
    while (*key_end != '"') {
        key_end--; /* back over the colon and white space */
    }
    member->key = (struct str){ quote + 1, (size_t)(key_end - quote - 1) };
    json_skip_space(scan);
    const char *value = scan->at;
    if (!json_value(scan)) {
        return false;
    }
    member->value = (struct str){ value, (size_t)(scan->at - value) };
    return true;
}

static bool json_index_object(struct json_scan *scan, struct json_member *members, size_t max,
                              size_t *count)
{
    json_skip_space(scan);
    if (scan->at == scan->end || *scan->at != '{') {
        return json_fail(scan, "an object must stand here");
    }
    scan->at++;
    scan->outside = 1;
    json_skip_space(scan);
    if (scan->at < scan->end && *scan->at == '}') {
        scan->at++;
        return true;
    }
    for (;;) {
        struct json_member member;
        if (!json_index_member(scan, &member)) {
            return false;
        }
        if (*count < max) {
            members[*count] = member;
        }
        (*count)++;
        json_skip_space(scan);
        if (scan->at < scan->end && *scan->at == ',') {
            scan->at++;
            continue;
        }
        if (scan->at < scan->end && *scan->at == '}') {
            scan->at++;
            return true;
        }
        return json_fail(scan, "a comma or a closing bracket is missing");
    }
}

enum err json_index(struct str text, struct json_member *members, size_t max, size_t *ret_count,
                    struct json_fault *ret_fault)
{
    struct json_scan scan = json_scan_of(text);
    *ret_count = 0;
    return json_finish(&scan, json_index_object(&scan, members, max, ret_count), ret_fault);
}
