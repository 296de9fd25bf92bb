#include "tlog/canon.h"

#include <string.h>

#include "base/enc.h"

void canon_init(struct canon *canon, struct buf *out)
{
    *canon = (struct canon){ .out = out };
}

static void canon_text(struct canon *canon, struct str text)
{
    if (canon->err == ERR_OK) {
        canon->err = buf_append(canon->out, text);
    }
}

static void canon_comma(struct canon *canon)
{
    if (canon->comma) {
        canon_text(canon, STR(","));
    }
    canon->comma = true;
}

void canon_open(struct canon *canon, char bracket)
{
    ASSERT(canon->depth < CANON_DEPTH_MAX);
    canon_comma(canon);
    canon_text(canon, (struct str){ &bracket, 1 });
    canon->last_key[canon->depth++] = STR_EMPTY;
    canon->comma = false;
}

void canon_close(struct canon *canon, char bracket)
{
    ASSERT(canon->depth > 0);
    canon->depth--;
    canon_text(canon, (struct str){ &bracket, 1 });
    canon->comma = true;
}

/* RFC 8785 section 3.2.2.2: short escapes where JSON has them, \u00xx for other controls. */
static void canon_escape(struct canon *canon, char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(from) - 1; i++) {
        if (from[i] == byte) {
            char escape[] = { '\\', to[i] };
            canon_text(canon, (struct str){ escape, sizeof(escape) });
            return;
        }
    }
    char escape[] = { '\\', 'u', '0', '0', digits[(byte >> 4) & 15], digits[byte & 15] };
    canon_text(canon, (struct str){ escape, sizeof(escape) });
}

static void canon_quote(struct canon *canon, struct str text)
{
    canon_text(canon, STR("\""));
    for (;;) {
        size_t plain = enc_json_plain(text);
        canon_text(canon, str_slice(text, 0, plain));
        if (plain == text.len) {
            break;
        }
        canon_escape(canon, text.ptr[plain]);
        text = str_from_at(text, plain + 1);
    }
    canon_text(canon, STR("\""));
}

static struct str canon_next_key(struct canon *canon, const char *key)
{
    ASSERT(canon->depth > 0);
    struct str *last = &canon->last_key[canon->depth - 1];
    const struct str next = str_from(key);
    ASSERT(str_cmp(*last, next) < 0);
    *last = next;
    return next;
}

static void canon_name(struct canon *canon, struct str name)
{
    canon_comma(canon);
    canon_text(canon, STR("\""));
    canon_text(canon, name);
    canon_text(canon, STR("\":"));
    canon->comma = false;
}

static char *canon_copy(char *at, struct str text)
{
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    return at + text.len;
}

/* A member in one piece, if its value needs no escape and the buffer has room: nearly always. */
static bool canon_put_plain(struct canon *canon, struct str name, struct str text)
{
    struct buf *out = canon->out;
    size_t most = name.len + text.len + sizeof(",\"\":\"\"");
    if (canon->err != ERR_OK || out->cap - out->len < most || enc_json_plain(text) < text.len) {
        return false;
    }
    char *at = out->ptr + out->len;
    at = canon_copy(at, canon->comma ? STR(",\"") : STR("\""));
    at = canon_copy(at, name);
    at = canon_copy(at, STR("\":\""));
    at = canon_copy(at, text);
    at = canon_copy(at, STR("\""));
    out->len = (size_t)(at - out->ptr);
    canon->comma = true;
    return true;
}

void canon_key(struct canon *canon, const char *key)
{
    canon_name(canon, canon_next_key(canon, key));
}

void canon_str(struct canon *canon, struct str text)
{
    canon_comma(canon);
    canon_quote(canon, text);
}

void canon_put_str(struct canon *canon, const char *key, struct str text)
{
    struct str name = canon_next_key(canon, key);
    if (!canon_put_plain(canon, name, text)) {
        canon_name(canon, name);
        canon_str(canon, text);
    }
}

void canon_put_int(struct canon *canon, const char *key, int64_t value)
{
    char digits[24];
    struct buf number = { digits, 0, sizeof(digits), sizeof(digits) };
    EP_IGNORE(buf_i64(&number, value)); /* fits */
    canon_put_str(canon, key, buf_str(&number));
}

enum err canon_err(const struct canon *canon)
{
    return canon->err;
}
