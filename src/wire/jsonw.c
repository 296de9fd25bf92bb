#include "wire/jsonw.h"

#include "base/enc.h"

void jsonw_init(struct jsonw *json, struct buf *out)
{
    *json = (struct jsonw){ .out = out };
}

static void jsonw_text(struct jsonw *json, struct str text)
{
    if (json->err == ERR_OK) {
        json->err = buf_append(json->out, text);
    }
}

static void jsonw_comma(struct jsonw *json)
{
    if (json->comma) {
        jsonw_text(json, STR(","));
    }
    json->comma = true;
}

void jsonw_open(struct jsonw *json, char bracket)
{
    ASSERT(bracket == '{' || bracket == '[');
    jsonw_comma(json);
    jsonw_text(json, (struct str){ &bracket, 1 });
    json->comma = false;
}

void jsonw_close(struct jsonw *json, char bracket)
{
    ASSERT(bracket == '}' || bracket == ']');
    jsonw_text(json, (struct str){ &bracket, 1 });
    json->comma = true;
}

void jsonw_key(struct jsonw *json, const char *key)
{
    jsonw_str(json, str_from(key));
    jsonw_text(json, STR(":"));
    json->comma = false;
}

static enum err jsonw_escape(struct buf *out, char byte)
{
    static const char digits[] = "0123456789abcdef";
    switch (byte) {
    case '"':
        return buf_append(out, STR("\\\""));
    case '\\':
        return buf_append(out, STR("\\\\"));
    case '\b':
        return buf_append(out, STR("\\b"));
    case '\f':
        return buf_append(out, STR("\\f"));
    case '\n':
        return buf_append(out, STR("\\n"));
    case '\r':
        return buf_append(out, STR("\\r"));
    case '\t':
        return buf_append(out, STR("\\t"));
    default: {
        char escape[] = { '\\', 'u', '0', '0', digits[(byte >> 4) & 15], digits[byte & 15] };
        return buf_append(out, (struct str){ escape, sizeof(escape) });
    }
    }
}

enum err jsonw_quote(struct buf *out, struct str text)
{
    TRY(buf_byte(out, '"'));
    for (;;) {
        size_t plain = enc_json_plain(text);
        TRY(buf_append(out, str_slice(text, 0, plain)));
        if (plain == text.len) {
            return buf_byte(out, '"');
        }
        TRY(jsonw_escape(out, text.ptr[plain]));
        text = str_from_at(text, plain + 1);
    }
}

void jsonw_str(struct jsonw *json, struct str text)
{
    jsonw_comma(json);
    if (json->err == ERR_OK) {
        json->err = jsonw_quote(json->out, text);
    }
}

void jsonw_int(struct jsonw *json, int64_t value)
{
    jsonw_comma(json);
    if (json->err == ERR_OK) {
        json->err = buf_i64(json->out, value);
    }
}

void jsonw_bool(struct jsonw *json, bool value)
{
    jsonw_raw(json, value ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *json)
{
    jsonw_raw(json, STR("null"));
}

void jsonw_raw(struct jsonw *json, struct str value)
{
    jsonw_comma(json);
    jsonw_text(json, value);
}

void jsonw_put_str(struct jsonw *json, const char *key, struct str text)
{
    jsonw_key(json, key);
    jsonw_str(json, text);
}

void jsonw_put_int(struct jsonw *json, const char *key, int64_t value)
{
    jsonw_key(json, key);
    jsonw_int(json, value);
}

enum err jsonw_err(const struct jsonw *json)
{
    return json->err;
}
