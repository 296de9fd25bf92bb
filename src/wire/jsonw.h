/*
 * Writing JSON into a buffer: commas and escapes are the writer's business, a failure sticks and is
 * asked for once, at the end. Not thread-safe.
 */
#pragma once

#include "base/buf.h"

struct jsonw {
    struct buf *out;
    enum err err;
    bool comma; /* the next value or key needs one in front */
};

void jsonw_init(struct jsonw *json, struct buf *out);
void jsonw_open(struct jsonw *json, char bracket);  /* '{' or '[' */
void jsonw_close(struct jsonw *json, char bracket); /* '}' or ']' */
void jsonw_key(struct jsonw *json, const char *key);
void jsonw_str(struct jsonw *json, struct str text); /* escaped; UTF-8 as it is */
void jsonw_int(struct jsonw *json, int64_t value);
void jsonw_bool(struct jsonw *json, bool value);
void jsonw_null(struct jsonw *json);
void jsonw_raw(struct jsonw *json, struct str value); /* one value, already JSON */
/* jsonw_key() and the value in one. */
void jsonw_put_str(struct jsonw *json, const char *key, struct str text);
void jsonw_put_int(struct jsonw *json, const char *key, int64_t value);
/* The sticky failure. */
EP_MUST_CHECK enum err jsonw_err(const struct jsonw *json);

/* `text` in quotes with RFC 8785's escapes: short ones where they exist, \u00xx for the rest. */
EP_MUST_CHECK enum err jsonw_quote(struct buf *out, struct str text);
