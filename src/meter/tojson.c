#include "meter/tojson.h"

#include <string.h>

#include "wire/utf8.h"

#define TOJSON_ROOM 48 /* no single character of the source makes more than a number and a comma */

_Static_assert(TOJSON_OUT >= 2 * TOJSON_ROOM, "a run holds something");
_Static_assert(TOJSON_NUMBER + 8 <= TOJSON_ROOM, "a number goes out at once");

/* ---- in and out -------------------------------------------------------------------------- */

/* The byte at hand, escapes of an outer string decoded; -1: none. */
static int tojson_peek(struct tojson *tojson)
{
    if (tojson->byte_at == tojson->byte_len) {
        if (tojson->rest.len == 0) {
            return -1;
        }
        tojson->byte_at = 0;
        tojson->byte_len = 1;
        if (tojson->embedded) {
            tojson->byte_len = (uint8_t)json_take_char(&tojson->rest, tojson->byte);
        } else {
            tojson->byte[0] = tojson->rest.ptr[0];
            tojson->rest = str_from_at(tojson->rest, 1);
        }
    }
    return (unsigned char)tojson->byte[tojson->byte_at];
}

static int tojson_take(struct tojson *tojson)
{
    int byte = tojson_peek(tojson);
    if (byte >= 0) {
        tojson->byte_at++;
    }
    return byte;
}

static void tojson_put(struct tojson *tojson, struct str text)
{
    ASSERT(text.len <= TOJSON_OUT - tojson->out_len);
    if (text.len > 0) {
        memcpy(tojson->out + tojson->out_len, text.ptr, text.len);
        tojson->out_len += text.len;
    }
}

static void tojson_queue(struct tojson *tojson, bool mark, struct str text)
{
    if (text.len > 0) {
        ASSERT(tojson->queue_len < EP_ARRAY_LEN(tojson->queue));
        tojson->queue[tojson->queue_len] = (struct tojson_run){ mark, text };
        tojson->queue_len++;
    }
}

static void tojson_break(struct tojson *tojson)
{
    tojson->exact = false;
    tojson->broken = true;
}

static void tojson_line(struct tojson *tojson, unsigned depth)
{
    if (tojson->style == TOJSON_INDENT) {
        tojson_put(tojson, STR("\n"));
        tojson->pad = 4 * depth;
    }
}

/* Whether the place at hand is inside the object whose members are wrapped. */
static bool tojson_wrapped(const struct tojson *tojson)
{
    return tojson->wrap != NULL && tojson->depth == 1;
}

/* ---- strings ----------------------------------------------------------------------------- */

static void tojson_put_bytes(struct tojson *tojson, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t product = (uint64_t)(tojson->hash ^ (unsigned char)bytes[i]) * 16777619U;
        tojson->hash = (uint32_t)(product & UINT32_MAX);
    }
    tojson_put(tojson, (struct str){ bytes, len });
}

/* A character of a string, as json.dumps() writes it there. */
static void tojson_put_char(struct tojson *tojson, uint32_t point)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    static const char digits[] = "0123456789abcdef";
    char bytes[6] = "\\u00";
    const char *found = point > 0 && point < 0x80 ? strchr(from, (int)point) : NULL;
    if (tojson->bare || (found == NULL && point >= 0x20)) {
        tojson_put_bytes(tojson, bytes, utf8_put(point, bytes));
    } else if (found != NULL) {
        bytes[1] = to[found - from];
        tojson_put_bytes(tojson, bytes, 2);
    } else {
        bytes[4] = digits[point >> 4];
        bytes[5] = digits[point & 15];
        tojson_put_bytes(tojson, bytes, 6);
    }
}

/* Half a pair that nothing followed. */
static void tojson_end_pair(struct tojson *tojson)
{
    if (tojson->high != 0) {
        tojson->high = 0;
        tojson->exact = false;
        tojson_put_char(tojson, 0xFFFD);
    }
}

static void tojson_unit(struct tojson *tojson, uint32_t unit)
{
    bool low = unit >= 0xDC00 && unit <= 0xDFFF;
    if (low && tojson->high != 0) {
        uint32_t point = 0x10000 + ((tojson->high - 0xD800) << 10) + (unit - 0xDC00);
        tojson->high = 0;
        tojson_put_char(tojson, point);
        return;
    }
    tojson_end_pair(tojson);
    if (low) {
        tojson->exact = false;
        tojson_put_char(tojson, 0xFFFD);
    } else if (unit >= 0xD800 && unit <= 0xDBFF) {
        tojson->high = unit;
    } else {
        tojson_put_char(tojson, unit);
    }
}

/* Behind the backslash. */
static void tojson_escape(struct tojson *tojson)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    int kind = tojson_take(tojson);
    if (kind == 'u') {
        uint32_t unit = 0;
        for (int i = 0; i < 4; i++) {
            int digit = tojson_take(tojson);
            int lower = digit | 0x20;
            bool letter = lower >= 'a' && lower <= 'f';
            if (!letter && (digit < '0' || digit > '9')) {
                tojson_break(tojson);
                return;
            }
            unit = unit << 4 | (uint32_t)(letter ? lower - 'a' + 10 : digit - '0');
        }
        tojson_unit(tojson, unit);
        return;
    }
    const char *found = kind > 0 ? strchr(from, kind) : NULL;
    if (found == NULL) {
        tojson_break(tojson);
        return;
    }
    tojson_end_pair(tojson);
    tojson_put_char(tojson, (unsigned char)to[found - from]);
}

static void tojson_value_done(struct tojson *tojson)
{
    tojson->want = tojson->depth == 0 ? TOJSON_WANT_END : TOJSON_WANT_COMMA;
    if (tojson_wrapped(tojson)) {
        tojson_queue(tojson, true, tojson->wrap->value_close);
        tojson_queue(tojson, false, tojson->wrap->behind);
    }
}

/* Python keeps one member of a name: which of two is not told here. */
static void tojson_key_done(struct tojson *tojson)
{
    tojson->want = TOJSON_WANT_COLON;
    for (uint16_t i = tojson->keys_at[tojson->depth]; i < tojson->key_count; i++) {
        tojson->exact = tojson->exact && tojson->keys[i] != tojson->hash;
    }
    if (tojson->key_count == TOJSON_KEYS_MAX) {
        tojson->exact = false;
        return;
    }
    tojson->keys[tojson->key_count] = tojson->hash;
    tojson->key_count++;
}

static void tojson_string_step(struct tojson *tojson)
{
    int byte = tojson_take(tojson);
    if (byte < 0) {
        tojson_break(tojson);
        return;
    }
    if (byte == '\\') {
        tojson_escape(tojson);
        return;
    }
    tojson_end_pair(tojson);
    if (byte != '"') {
        char raw = (char)byte;
        tojson->exact = tojson->exact && byte >= 0x20;
        tojson_put_bytes(tojson, &raw, 1);
        return;
    }
    tojson->in_string = false;
    if (!tojson->bare) {
        tojson_put(tojson, STR("\""));
    }
    if (tojson->in_key) {
        tojson_key_done(tojson);
    } else {
        tojson_value_done(tojson);
    }
}

static void tojson_string_begin(struct tojson *tojson, bool key)
{
    tojson->in_string = true;
    tojson->in_key = key;
    tojson->bare = tojson_wrapped(tojson);
    tojson->hash = 2166136261U;
    if (!tojson->bare) {
        tojson_put(tojson, STR("\""));
    } else if (key) {
        tojson_queue(tojson, true, tojson->wrap->key_open);
    }
}

/* ---- numbers and words ------------------------------------------------------------------- */

/* Whether repr(float()) of a fraction gives the same digits back. */
static bool tojson_fraction_exact(struct str whole, struct str fraction)
{
    size_t zeros = 0;
    while (zeros < fraction.len && fraction.ptr[zeros] == '0') {
        zeros++;
    }
    if (fraction.len == 0 || (fraction.len > 1 && fraction.ptr[fraction.len - 1] == '0')) {
        return false;
    }
    bool small = str_eq(whole, STR("0")) && fraction.len > 1 && zeros > 3; /* 1e-05 */
    return !small && whole.len + fraction.len <= 15;
}

static bool tojson_number_exact(struct str text)
{
    bool minus = str_starts(text, STR("-"));
    struct str fraction = minus ? str_from_at(text, 1) : text;
    bool whole_only = str_find(fraction, '.') == fraction.len;
    struct str whole = str_cut(&fraction, '.');
    for (size_t i = 0; i < whole.len + fraction.len; i++) {
        char digit = i < whole.len ? whole.ptr[i] : fraction.ptr[i - whole.len];
        if (digit < '0' || digit > '9') {
            return false;
        }
    }
    if (whole.len == 0 || (whole.len > 1 && whole.ptr[0] == '0')) {
        return false;
    }
    return whole_only ? !minus || whole.ptr[0] != '0' : tojson_fraction_exact(whole, fraction);
}

static bool tojson_is_scalar(int byte)
{
    int lower = byte | 0x20;
    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z') || byte == '-' ||
           byte == '+' || byte == '.';
}

static void tojson_scalar_step(struct tojson *tojson)
{
    struct str text = { tojson->number, tojson->number_len };
    if (tojson_is_scalar(tojson_peek(tojson))) {
        if (text.len == TOJSON_NUMBER) {
            tojson_put(tojson, text);
            tojson->number_len = 0;
            tojson_break(tojson);
            return;
        }
        tojson->number[tojson->number_len] = (char)tojson_take(tojson);
        tojson->number_len++;
        return;
    }
    struct json_fault fault;
    if (json_check(text, &fault) != ERR_OK) {
        tojson_put(tojson, text);
        tojson->number_len = 0;
        tojson_break(tojson);
        return;
    }
    bool word =
        str_eq(text, STR("true")) || str_eq(text, STR("false")) || str_eq(text, STR("null"));
    tojson->exact = tojson->exact && (word || tojson_number_exact(text));
    tojson_put(tojson, text);
    tojson->number_len = 0;
    tojson_value_done(tojson);
}

/* ---- brackets, commas, colons ------------------------------------------------------------ */

static bool tojson_in_object(const struct tojson *tojson)
{
    return (tojson->objects[tojson->depth / 64] >> tojson->depth % 64 & 1) != 0;
}

static void tojson_open(struct tojson *tojson, bool object)
{
    if (tojson->depth == JSON_DEPTH_MAX ||
        (tojson->wrap != NULL && tojson->depth == 0 && !object)) {
        tojson_break(tojson);
        return;
    }
    if (tojson->wrap == NULL || tojson->depth > 0) {
        tojson_put(tojson, object ? STR("{") : STR("["));
    }
    tojson->depth++;
    uint64_t bit = UINT64_C(1) << tojson->depth % 64;
    uint64_t *word = &tojson->objects[tojson->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    tojson->keys_at[tojson->depth] = tojson->key_count;
    tojson->want = object ? TOJSON_WANT_FIRST_KEY : TOJSON_WANT_FIRST;
}

static void tojson_close(struct tojson *tojson, bool object)
{
    bool empty = tojson->want == TOJSON_WANT_FIRST || tojson->want == TOJSON_WANT_FIRST_KEY;
    if (tojson->depth == 0 || tojson_in_object(tojson) != object ||
        (!empty && tojson->want != TOJSON_WANT_COMMA)) {
        tojson_break(tojson);
        return;
    }
    tojson->key_count = tojson->keys_at[tojson->depth];
    tojson->depth--;
    if (tojson->wrap == NULL || tojson->depth > 0) {
        if (!empty) {
            tojson_line(tojson, tojson->depth);
        }
        /* The bracket goes through the queue: the spaces before it may not fit this run. */
        tojson_queue(tojson, false, object ? STR("}") : STR("]"));
    }
    tojson_value_done(tojson);
}

static void tojson_comma(struct tojson *tojson)
{
    if (tojson->want != TOJSON_WANT_COMMA) {
        tojson_break(tojson);
        return;
    }
    tojson->want = tojson_in_object(tojson) ? TOJSON_WANT_KEY : TOJSON_WANT_VALUE;
    if (!tojson_wrapped(tojson)) {
        tojson_put(tojson, tojson->style == TOJSON_SPACED ? STR(", ") : STR(","));
        tojson_line(tojson, tojson->depth);
    }
}

static void tojson_colon(struct tojson *tojson)
{
    if (tojson->want != TOJSON_WANT_COLON) {
        tojson_break(tojson);
        return;
    }
    tojson->want = TOJSON_WANT_VALUE;
    if (tojson_wrapped(tojson)) {
        tojson_queue(tojson, true, tojson->wrap->key_close);
        tojson_queue(tojson, false, tojson->wrap->between);
        tojson_queue(tojson, true, tojson->wrap->value_open);
    } else {
        tojson_put(tojson, tojson->style == TOJSON_COMPACT ? STR(":") : STR(": "));
    }
}

/* A key or value begins with this byte. */
static void tojson_begin_item(struct tojson *tojson, int byte)
{
    bool key = tojson->want == TOJSON_WANT_KEY || tojson->want == TOJSON_WANT_FIRST_KEY;
    bool first = tojson->want == TOJSON_WANT_FIRST || tojson->want == TOJSON_WANT_FIRST_KEY;
    bool value = tojson->want == TOJSON_WANT_VALUE || tojson->want == TOJSON_WANT_FIRST;
    if ((!key && !value) || (key && byte != '"') ||
        (tojson->wrap != NULL && tojson->depth == 0 && byte != '{')) {
        tojson_break(tojson);
        return;
    }
    if (first && !tojson_wrapped(tojson)) {
        tojson_line(tojson, tojson->depth);
    }
    if (tojson->pad > 0) {
        tojson->want = key ? TOJSON_WANT_KEY : TOJSON_WANT_VALUE;
        return; /* spaces first; then this byte again */
    }
    int taken = tojson_take(tojson);
    ASSERT(taken == byte);
    if (byte == '"') {
        tojson_string_begin(tojson, key);
    } else if (byte == '{' || byte == '[') {
        tojson_open(tojson, byte == '{');
    } else {
        tojson->number[0] = (char)byte;
        tojson->number_len = 1;
    }
}

static void tojson_structure_step(struct tojson *tojson, int byte)
{
    switch (byte) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        tojson->byte_at++;
        break;
    case ',':
        tojson->byte_at++;
        tojson_comma(tojson);
        break;
    case ':':
        tojson->byte_at++;
        tojson_colon(tojson);
        break;
    case '}':
    case ']':
        tojson->byte_at++;
        tojson_close(tojson, byte == '}');
        break;
    default:
        if (byte == '"' || byte == '{' || byte == '[' || tojson_is_scalar(byte)) {
            tojson_begin_item(tojson, byte);
        } else {
            tojson_break(tojson);
        }
    }
}

/* One byte of the source, more or less. false: there is none left. */
static bool tojson_step(struct tojson *tojson)
{
    int byte = tojson_peek(tojson);
    if (tojson->number_len > 0) {
        tojson_scalar_step(tojson);
        return true;
    }
    if (byte < 0) {
        tojson->exact = tojson->exact && tojson->want == TOJSON_WANT_END;
        return false;
    }
    if (tojson->broken) {
        char raw = (char)tojson_take(tojson);
        tojson_put(tojson, (struct str){ &raw, 1 });
    } else if (tojson->in_string) {
        tojson_string_step(tojson);
    } else {
        tojson_structure_step(tojson, byte);
    }
    return true;
}

/* ---- the whole --------------------------------------------------------------------------- */

void tojson_begin(struct tojson *tojson, struct str json, bool embedded, enum tojson_style style,
                  const struct tojson_wrap *wrap)
{
    ASSERT(wrap == NULL || style != TOJSON_INDENT);
    tojson->rest = json;
    tojson->wrap = wrap;
    tojson->style = style;
    tojson->want = TOJSON_WANT_VALUE;
    tojson->embedded = embedded;
    tojson->exact = true;
    tojson->broken = false;
    tojson->in_string = false;
    tojson->in_key = false;
    tojson->bare = false;
    tojson->high = 0;
    tojson->hash = 0;
    tojson->depth = 0;
    memset(tojson->objects, 0, sizeof(tojson->objects));
    tojson->key_count = 0;
    tojson->byte_at = 0;
    tojson->byte_len = 0;
    tojson->number_len = 0;
    tojson->queue_at = 0;
    tojson->queue_len = 0;
    tojson->pad = 0;
    tojson->out_len = 0;
}

/* Spaces that are due, as far as there is room. */
static void tojson_pad(struct tojson *tojson)
{
    while (tojson->pad > 0 && tojson->out_len < TOJSON_OUT) {
        tojson->out[tojson->out_len] = ' ';
        tojson->out_len++;
        tojson->pad--;
    }
}

bool tojson_next(struct tojson *tojson, struct tojson_run *ret_run)
{
    tojson->out_len = 0;
    bool more = true;
    while (more && TOJSON_OUT - tojson->out_len >= TOJSON_ROOM) {
        if (tojson->pad > 0) {
            tojson_pad(tojson);
        } else if (tojson->queue_at < tojson->queue_len) {
            if (tojson->out_len > 0) {
                break;
            }
            *ret_run = tojson->queue[tojson->queue_at];
            tojson->queue_at++;
            return true;
        } else {
            tojson->queue_at = 0;
            tojson->queue_len = 0;
            more = tojson_step(tojson);
        }
    }
    *ret_run = (struct tojson_run){ false, { tojson->out, tojson->out_len } };
    return tojson->out_len > 0;
}

bool tojson_is_json(struct tojson *tojson, struct str span)
{
    struct tojson_run run;
    tojson_begin(tojson, span, true, TOJSON_COMPACT, NULL);
    while (!tojson->broken && tojson_next(tojson, &run)) {
        ASSERT(!run.mark);
    }
    return !tojson->broken && tojson->want == TOJSON_WANT_END;
}
