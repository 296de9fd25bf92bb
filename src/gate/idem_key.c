#include "gate/idem_key.h"

static bool idem_is_visible(char byte)
{
    return byte > ' ' && byte < 0x7F;
}

/* "..." with \" and \\ as its only escapes, and nothing behind it. */
static enum err idem_unquote(struct str value, char room[IDEM_KEY_MAX], struct str *ret_key)
{
    ASSERT(value.len > 0 && value.ptr[0] == '"');
    size_t len = 0;
    size_t at = 1;
    for (; at < value.len && value.ptr[at] != '"'; at++) {
        bool escaped = value.ptr[at] == '\\';
        at += escaped;
        char byte = at < value.len ? value.ptr[at] : '\0';
        if (!idem_is_visible(byte) || len == IDEM_KEY_MAX ||
            (escaped && byte != '"' && byte != '\\')) {
            return ERR_ASK_INVALID;
        }
        room[len++] = byte;
    }
    if (len == 0 || at + 1 != value.len) {
        return ERR_ASK_INVALID;
    }
    *ret_key = (struct str){ room, len };
    return ERR_OK;
}

/* What could be two values, or half a quoted one, is not guessed at. */
static enum err idem_bare(struct str value, struct str *ret_key)
{
    if (value.len == 0 || value.len > IDEM_KEY_MAX) {
        return ERR_ASK_INVALID;
    }
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        if (!idem_is_visible(byte) || byte == '"' || byte == '\\' || byte == ',') {
            return ERR_ASK_INVALID;
        }
    }
    *ret_key = value;
    return ERR_OK;
}

enum err idem_key_read(const struct http1_head *head, char room[IDEM_KEY_MAX], struct str *ret_key)
{
    const struct http1_header *found = NULL;
    ASSERT(head->header_count <= HTTP1_HEADERS_MAX);
    *ret_key = STR_EMPTY;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (!str_eq_nocase(header->name, STR("idempotency-key"))) {
            continue;
        }
        if (found != NULL) {
            return ERR_ASK_INVALID;
        }
        found = header;
    }
    if (found == NULL) {
        return ERR_OK;
    }
    struct str value = found->value;
    return value.len > 0 && value.ptr[0] == '"' ? idem_unquote(value, room, ret_key)
                                                : idem_bare(value, ret_key);
}
