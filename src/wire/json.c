#include "wire/json.h"

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

/* Most bytes that are asked about are beyond all four. */
static inline bool json_is_space(char byte)
{
    return (unsigned char)byte <= ' ' &&
           (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
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
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - at >= 16) {
        __m128i word;
        memcpy(&word, at, sizeof(word));
        /* Signed comparison: bytes from 0x80 on are below 0x20 too, so they stop here as well. */
        __m128i stop =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(word, quote), _mm_cmpeq_epi8(word, slash)),
                         _mm_cmplt_epi8(word, space));
        int mask = _mm_movemask_epi8(stop);
        if (mask != 0) {
            return at + __builtin_ctz((unsigned)mask);
        }
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
           (unsigned char)*at < 0x80) {
        at++;
    }
    return at;
}

static int json_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool json_escape(struct json_scan *scan)
{
    if (scan->end - scan->at < 2) {
        return json_fail(scan, "the text ends inside a string");
    }
    char kind = scan->at[1];
    if (kind != 'u') {
        if (kind == '\0' || strchr("\"\\/bfnrt", kind) == NULL) {
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

static bool json_string(struct json_scan *scan)
{
    scan->at++; /* the quote */
    for (;;) {
        scan->at = json_plain(scan->at, scan->end);
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

/* ---- looking at what was checked --------------------------------------------------------- */

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
    struct json_scan scan = json_scan_of(text);
    json_skip_space(&scan);
    while (scan.end > scan.at && json_is_space(scan.end[-1])) {
        scan.end--;
    }
    return (struct str){ scan.at, (size_t)(scan.end - scan.at) };
}

struct str json_inside(struct str value)
{
    ASSERT(value.len >= 2);
    return str_slice(value, 1, value.len - 1);
}

/* Behind the quote that ends a string, from within it. */
static const char *json_text_end(const char *at, const char *end)
{
    for (;;) {
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"');
        const __m128i slash = _mm_set1_epi8('\\');
        int mask = 0;
        while (mask == 0 && end - at >= 16) {
            __m128i word;
            memcpy(&word, at, sizeof(word));
            mask = _mm_movemask_epi8(
                _mm_or_si128(_mm_cmpeq_epi8(word, quote), _mm_cmpeq_epi8(word, slash)));
            at += mask == 0 ? 16 : __builtin_ctz((unsigned)mask);
        }
#endif
        while (at < end && *at != '"' && *at != '\\') {
            at++;
        }
        ASSERT(at < end); /* the text was checked */
        if (*at == '"') {
            return at + 1;
        }
        at += 2;
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

/* Takes a comma in front, if there is one. False: nothing is left. */
static bool json_step(struct json_scan *scan)
{
    json_skip_space(scan);
    if (scan->at < scan->end && *scan->at == ',') {
        scan->at++;
        json_skip_space(scan);
    }
    return scan->at < scan->end;
}

/* The value at the front, and the rest behind it. */
static struct str json_take_value(struct json_scan *scan, struct str *ret_rest)
{
    const char *start = scan->at;
    scan->at = json_value_end(start, scan->end);
    *ret_rest = (struct str){ scan->at, (size_t)(scan->end - scan->at) };
    return (struct str){ start, (size_t)(scan->at - start) };
}

bool json_next_member(struct str *rest, struct json_member *ret_member)
{
    struct json_scan scan = json_scan_of(*rest);
    if (!json_step(&scan)) {
        return false;
    }
    ASSERT(*scan.at == '"');
    const char *key = scan.at + 1;
    scan.at = json_text_end(key, scan.end);
    ret_member->key = (struct str){ key, (size_t)(scan.at - 1 - key) };
    json_skip_space(&scan);
    ASSERT(scan.at < scan.end);
    ASSERT(*scan.at == ':');
    scan.at++;
    json_skip_space(&scan);
    ret_member->value = json_take_value(&scan, rest);
    return true;
}

bool json_next_item(struct str *rest, struct str *ret_item)
{
    struct json_scan scan = json_scan_of(*rest);
    if (!json_step(&scan)) {
        return false;
    }
    *ret_item = json_take_value(&scan, rest);
    return true;
}

struct str json_get(struct str object, struct str name)
{
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

/* The escape at the front as UTF-8; returns its length there and *ret_used here, or 0. */
static size_t json_unescape(struct str text, char out[4], size_t *ret_used)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    *ret_used = 2;
    if (text.ptr[1] != 'u') {
        const char *found = strchr(from, text.ptr[1]);
        ASSERT(found != NULL);
        out[0] = to[found - from];
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
