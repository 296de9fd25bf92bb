#include "dialect/chat_strict.h"

#include "wire/json.h"

static size_t strict_space(struct str text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t')) {
        at++;
    }
    return at;
}

/* Behind `part` and the spaces in front of it; 0: it does not stand there. */
static size_t strict_take(struct str text, size_t at, struct str part)
{
    at = strict_space(text, at);
    return str_starts(str_from_at(text, at), part) ? at + part.len : 0;
}

/* Bytes of a member that is null, its comma included, at the start of `text`; 0: none is there. */
static size_t strict_null(struct str text)
{
    static const struct str names[] = { STR_INIT("\"usage\""), STR_INIT("\"system_fingerprint\"") };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        size_t at = strict_take(text, 1, names[i]);
        at = at == 0 ? 0 : strict_take(text, at, STR(":"));
        at = at == 0 ? 0 : strict_take(text, at, STR("null"));
        if (at > 0) {
            return at;
        }
    }
    return 0;
}

/* A comma with a bare quote behind it is in no string: there, each quote has a backslash. */
bool chat_strict_next(struct str *rest, struct str *ret_piece)
{
    struct str text = *rest;
    size_t skip = text.len > 0 && text.ptr[0] == ',' ? strict_null(text) : 0;
    while (skip > 0) {
        text = str_from_at(text, skip);
        skip = text.len > 0 && text.ptr[0] == ',' ? strict_null(text) : 0;
    }
    size_t end = 0;
    while (end < text.len) {
        end += str_find(str_from_at(text, end), ',');
        if (end < text.len && strict_null(str_from_at(text, end)) > 0) {
            break;
        }
        end += end < text.len ? 1 : 0;
    }
    *ret_piece = str_slice(text, 0, end);
    *rest = str_from_at(text, end);
    return end > 0;
}

struct str chat_strict_lack(struct str body)
{
    body = json_trim(body); /* many servers end with a line's end */
    bool has = json_get(body, STR("system_fingerprint")).len > 0;
    bool alone = json_trim(json_inside(body)).len == 0;
    return has     ? STR_EMPTY
           : alone ? STR("\"system_fingerprint\":null")
                   : STR("\"system_fingerprint\":null,");
}
