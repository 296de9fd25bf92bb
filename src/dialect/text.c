#include "dialect/text.h"

#include "base/enc.h"
#include "wire/json.h"
#include "wire/jsonw.h"

void put_int(struct put *put, int64_t value)
{
    if (put->err == ERR_OK) {
        put->err = buf_i64(put->out, value);
    }
}

void put_text(struct put *put, struct str text)
{
    PUT(put, "\"");
    put_str(put, text);
    PUT(put, "\"");
}

void put_text_or_null(struct put *put, struct str text)
{
    if (text.len > 0) {
        put_text(put, text);
    } else {
        PUT(put, "null");
    }
}

void put_quoted(struct put *put, struct str bytes)
{
    if (put->err == ERR_OK) {
        put->err = jsonw_quote(put->out, bytes);
    }
}

void put_escaped(struct put *put, struct str bytes)
{
    char text[8];
    while (bytes.len > 0 && put->err == ERR_OK) {
        size_t plain = enc_json_plain(bytes);
        put_str(put, str_slice(bytes, 0, plain));
        bytes = str_from_at(bytes, plain);
        if (bytes.len > 0) { /* one byte that needs an escape, quotes taken off again */
            struct buf one = { text, 0, sizeof(text), sizeof(text) };
            enum err err = jsonw_quote(&one, str_slice(bytes, 0, 1));
            ASSERT(err == ERR_OK);
            put_str(put, str_slice(buf_str(&one), 1, one.len - 1));
            bytes = str_from_at(bytes, 1);
        }
    }
}

struct str text_of(struct str value)
{
    return value.len > 2 && json_kind(value) == JSON_STRING ? json_inside(value) : STR_EMPTY;
}

struct str text_get(struct str object, struct str name)
{
    return text_of(json_get(object, name));
}

bool text_decode(struct str text, struct arena *arena, struct str *ret_bytes)
{
    size_t plain = str_find(text, '\\');
    if (plain == text.len) {
        return arena_copy(arena, text, ret_bytes);
    }
    char *room =
        arena_alloc(arena, text.len + 1); /* no escape is shorter than what it stands for */
    if (room == NULL) {
        return false;
    }
    size_t len = 0;
    while (text.len > 0) {
        memcpy(room + len, text.ptr, plain);
        len += plain;
        text = str_from_at(text, plain);
        if (text.len > 0) {
            char decoded[4];
            size_t size = json_take_char(&text, decoded);
            memcpy(room + len, decoded, size);
            len += size;
        }
        plain = str_find(text, '\\');
    }
    room[len] = '\0';
    *ret_bytes = (struct str){ room, len };
    return true;
}

bool text_encode(struct str bytes, struct arena *arena, struct str *ret_text)
{
    size_t size = bytes.len + 1;
    for (struct str rest = bytes; rest.len > 0;) {
        size_t plain = enc_json_plain(rest);
        bool more = plain < rest.len;
        size += more ? 5 : 0; /* at most \u00xx for a byte */
        rest = str_from_at(rest, plain + (more ? 1 : 0));
    }
    char *room = arena_alloc(arena, size);
    if (room == NULL) {
        return false;
    }
    struct buf out = { room, 0, size, size };
    struct put put = { &out, ERR_OK };
    put_escaped(&put, bytes);
    ASSERT(put.err == ERR_OK);
    *ret_text = buf_str(&out);
    return true;
}

bool text_is_id(struct str text, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!fine) {
            return false;
        }
    }
    return text.len > 0 && text.len <= max;
}

static void text_scan_char(struct text_scan *scan, char byte)
{
    if (scan->in_string) {
        bool was_escaped = scan->escaped;
        scan->escaped = !was_escaped && byte == '\\';
        scan->in_string = was_escaped || byte != '"';
        scan->ended = !scan->in_string && scan->depth == 0;
    } else if (byte == '"') {
        scan->in_string = true;
    } else if (byte == '{' || byte == '[') {
        scan->depth++;
    } else if ((byte == '}' || byte == ']') && scan->depth > 0) {
        scan->depth--;
        scan->ended = scan->depth == 0;
    }
}

void text_scan(struct text_scan *scan, struct str text)
{
    while (text.len > 0 && !scan->ended) {
        if (text.ptr[0] != '\\') {
            text_scan_char(scan, text.ptr[0]);
            text = str_from_at(text, 1);
            continue;
        }
        char decoded[4];
        (void)json_take_char(&text, decoded); /* what is longer than a byte ends nothing */
        text_scan_char(scan, decoded[0]);
    }
}
