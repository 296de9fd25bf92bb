#include "wire/websocket_hello.h"

#include "base/enc.h"

/* ---- lists in headers --------------------------------------------------------------------- */

/* The `nth` element of all headers of that name, which may be lists (RFC 9110 5.6.1). It looks at
 * all before it: for a few. */
static bool list_at(const struct http1_head *head, struct str name, size_t nth, struct str *ret)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (!str_eq_nocase(head->headers[i].name, name)) {
            continue;
        }
        struct str rest = head->headers[i].value;
        while (rest.len > 0) {
            struct str part = str_trim(str_cut(&rest, ','));
            if (part.len > 0 && nth-- == 0) {
                *ret = part;
                return true;
            }
        }
    }
    return false;
}

/* Looks at each element once: a head has room for 30,000 of them. */
static bool list_has(const struct http1_head *head, struct str name, struct str token)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct str rest =
            str_eq_nocase(head->headers[i].name, name) ? head->headers[i].value : STR_EMPTY;
        while (rest.len > 0) {
            if (str_eq_nocase(str_trim(str_cut(&rest, ',')), token)) {
                return true;
            }
        }
    }
    return false;
}

static size_t header_count(const struct http1_head *head, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        count += str_eq_nocase(head->headers[i].name, name);
    }
    return count;
}

/* ---- a server's side ---------------------------------------------------------------------- */

static bool key_is_valid(struct str key)
{
    char bytes[WEBSOCKET_KEY_LEN];
    struct buf out = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    return key.len == WEBSOCKET_KEY_LEN && enc_base64_read(&out, key) &&
           out.len == WEBSOCKET_KEY_BYTES;
}

enum websocket_asked websocket_asked(const struct http1_head *head, struct str *ret_key)
{
    struct str name = STR("sec-websocket-key");
    struct str key = http1_header(head, name);
    if (!list_has(head, STR("upgrade"), STR("websocket"))) {
        return WEBSOCKET_NOT_ASKED;
    }
    if (head->method != HTTP1_GET || !head->version_11 || head->framing != HTTP1_NO_BODY ||
        !list_has(head, STR("connection"), STR("upgrade"))) {
        return WEBSOCKET_ASKED_BADLY;
    }
    if (!str_eq(http1_header(head, STR("sec-websocket-version")), STR(WEBSOCKET_VERSION))) {
        return WEBSOCKET_ASKED_OLD;
    }
    if (header_count(head, name) != 1 || !key_is_valid(key)) {
        return WEBSOCKET_ASKED_BADLY;
    }
    *ret_key = key;
    return WEBSOCKET_ASKED;
}

bool websocket_offered(const struct http1_head *head, size_t nth, struct str *ret_protocol)
{
    return nth < WEBSOCKET_PROTOCOLS &&
           list_at(head, STR("sec-websocket-protocol"), nth, ret_protocol);
}

void websocket_accept_text(struct str key, websocket_sha1_fn *sha1,
                           char ret_text[WEBSOCKET_ACCEPT_LEN])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */
    char text[WEBSOCKET_KEY_LEN + sizeof(guid)];
    struct buf both = { text, 0, sizeof(text), sizeof(text) };
    struct buf out = { ret_text, 0, WEBSOCKET_ACCEPT_LEN, WEBSOCKET_ACCEPT_LEN };
    unsigned char sum[WEBSOCKET_SHA1_BYTES];
    ASSERT(key.len == WEBSOCKET_KEY_LEN);
    const struct str parts[] = { key, str_from(guid) };
    EP_IGNORE(buf_append_all(&both, parts, EP_ARRAY_LEN(parts))); /* it has the room */
    sha1(buf_str(&both), sum);
    enum err err = enc_base64(&out, sum, sizeof(sum));
    ASSERT(err == ERR_OK && out.len == WEBSOCKET_ACCEPT_LEN);
}

enum err websocket_write_accept(struct buf *out, struct str key, struct str protocol,
                                websocket_sha1_fn *sha1)
{
    char text[WEBSOCKET_ACCEPT_LEN];
    websocket_accept_text(key, sha1, text);
    TRY(buf_append(out, STR("upgrade: websocket\r\nconnection: upgrade\r\n")));
    TRY(http1_write_header(out, STR("sec-websocket-accept"), (struct str){ text, sizeof(text) }));
    if (protocol.len == 0) {
        return ERR_OK;
    }
    return http1_write_header(out, STR("sec-websocket-protocol"), protocol);
}

/* ---- a client's side ---------------------------------------------------------------------- */

enum err websocket_write_ask(struct buf *out, const struct websocket_ask *ask)
{
    TRY(http1_request_line(out, STR("GET"), ask->target));
    TRY(http1_write_header(out, STR("host"), ask->host));
    TRY(buf_append(out, STR("upgrade: websocket\r\nconnection: upgrade\r\n"
                            "sec-websocket-version: " WEBSOCKET_VERSION "\r\n")));
    TRY(http1_write_header(out, STR("sec-websocket-key"), ask->key));
    if (ask->protocols.len > 0) {
        TRY(http1_write_header(out, STR("sec-websocket-protocol"), ask->protocols));
    }
    const struct str parts[] = { ask->headers, STR("\r\n") };
    return buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}

static bool protocol_was_offered(struct str protocols, struct str chosen)
{
    while (protocols.len > 0) {
        if (str_eq(str_trim(str_cut(&protocols, ',')), chosen)) {
            return true;
        }
    }
    return false;
}

const char *websocket_answer_fault(const struct http1_head *head, const struct websocket_ask *ask,
                                   websocket_sha1_fn *sha1, struct str *ret_protocol)
{
    char text[WEBSOCKET_ACCEPT_LEN];
    struct str protocol = http1_header(head, STR("sec-websocket-protocol"));
    if (head->status != 101 || !list_has(head, STR("upgrade"), STR("websocket")) ||
        !list_has(head, STR("connection"), STR("upgrade"))) {
        return "does not speak WebSocket there";
    }
    websocket_accept_text(ask->key, sha1, text);
    if (!str_eq(http1_header(head, STR("sec-websocket-accept")),
                (struct str){ text, sizeof(text) })) {
        return "accepted another handshake of WebSocket than ours";
    }
    if (header_count(head, STR("sec-websocket-extensions")) > 0) {
        return "wants an extension of WebSocket that was not offered";
    }
    if (protocol.len > 0 && !protocol_was_offered(ask->protocols, protocol)) {
        return "chose a subprotocol of WebSocket that was not offered";
    }
    *ret_protocol = protocol;
    return NULL;
}
