#include "wire/websocket.h"

#include <string.h>
#include <wslay/wslay.h>

#include "wire/utf8.h"

#define SEC INT64_C(1000000000)

void websocket_init(struct websocket *ws, const struct websocket_limits *limits,
                    websocket_mask_fn *mask)
{
    ASSERT(limits->message_bytes_max >= WEBSOCKET_CONTROL_MAX);
    ASSERT(limits->fragments_max > 0 && limits->controls_max_s > 0);
    *ws = (struct websocket){ .limits = *limits, .mask = mask, .second_ns = INT64_MIN };
    buf_init(&ws->message, limits->message_bytes_max);
}

static void frames_end(struct websocket *ws)
{
    if (ws->frames != NULL) {
        wslay_frame_context_free(ws->frames);
        ws->frames = NULL;
    }
}

void websocket_fini(struct websocket *ws)
{
    frames_end(ws);
    buf_fini(&ws->message);
    ws->over = true;
}

/* ---- wslay -------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The head first, which was looked at already, then the payload and never a byte behind it. */
static ssize_t on_recv(uint8_t *bytes, size_t size, int flags, void *user)
{
    struct websocket *ws = user;
    (void)flags;
    if (ws->head_given < ws->head_len) {
        size_t len = least(size, (size_t)(ws->head_len - ws->head_given));
        memcpy(bytes, ws->head + ws->head_given, len);
        ws->head_given = (uint8_t)(ws->head_given + len);
        return (ssize_t)len;
    }
    size_t len = least(size, ws->source->len);
    len = ws->left < len ? (size_t)ws->left : len;
    if (len == 0) {
        return -1;
    }
    memcpy(bytes, ws->source->ptr, len);
    *ws->source = str_from_at(*ws->source, len);
    ws->left -= len;
    return (ssize_t)len;
}

static ssize_t on_send(const uint8_t *bytes, size_t len, int flags, void *user)
{
    const struct websocket *ws = user;
    (void)flags;
    enum err err = buf_append(ws->sink, (struct str){ (const char *)bytes, len });
    ASSERT(err == ERR_OK); /* there is room for the whole frame */
    return (ssize_t)len;
}

static int on_mask(uint8_t *bytes, size_t len, void *user)
{
    const struct websocket *ws = user;
    ws->mask(bytes, len);
    return 0;
}

static bool frames_begin(struct websocket *ws)
{
    static const struct wslay_frame_callbacks callbacks = {
        .send_callback = on_send,
        .recv_callback = on_recv,
        .genmask_callback = on_mask,
    };
    return ws->frames != NULL || wslay_frame_context_init(&ws->frames, &callbacks, ws) == 0;
}

/* ---- heads -------------------------------------------------------------------------------- */

static enum websocket_got bad(struct websocket *ws, enum websocket_code code, const char *why,
                              struct websocket_event *ret_event)
{
    ws->over = true;
    frames_end(ws);
    buf_fini(&ws->message);
    *ret_event = (struct websocket_event){ .code = (uint16_t)code, .why = why };
    return WEBSOCKET_BAD;
}

static size_t head_wanted(const struct websocket *ws)
{
    if (ws->head_len < 2) {
        return 2;
    }
    uint8_t len7 = ws->head[1] & 127;
    return (size_t)2 + (len7 == 126 ? 2 : len7 == 127 ? 8 : 0) + (ws->head[1] >= 128 ? 4 : 0);
}

/* Takes what there is of a head; true when it is whole. */
static bool head_gather(struct websocket *ws, struct str *bytes)
{
    for (size_t wanted = head_wanted(ws); ws->head_len < wanted; wanted = head_wanted(ws)) {
        size_t len = least(wanted - ws->head_len, bytes->len);
        if (len == 0) {
            return false;
        }
        memcpy(ws->head + ws->head_len, bytes->ptr, len);
        ws->head_len = (uint8_t)(ws->head_len + len);
        *bytes = str_from_at(*bytes, len);
    }
    return true;
}

/* False: it is not written in the fewest bytes, or has its highest bit set. */
static bool head_size(const struct websocket *ws, uint64_t *ret_size)
{
    uint8_t len7 = ws->head[1] & 127;
    size_t count = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    uint64_t size = count == 0 ? len7 : 0;
    for (size_t i = 0; i < count; i++) {
        size = size << 8 | ws->head[2 + i];
    }
    *ret_size = size;
    return !(count == 2 && size < 126) && !(count == 8 && size <= UINT16_MAX) && size <= INT64_MAX;
}

static bool op_is_control(uint8_t op)
{
    return op >= WEBSOCKET_OP_CLOSE;
}

/* What is wrong with the frame's form by itself; NULL: nothing. */
static const char *head_fault(const struct websocket *ws, bool sized)
{
    bool masked = ws->head[1] >= 128;
    if ((ws->head[0] & 0x70) != 0) {
        return "a frame has reserved bits set, and no extension was agreed";
    }
    if (ws->op > WEBSOCKET_OP_PONG || (ws->op > WEBSOCKET_BINARY && ws->op < WEBSOCKET_OP_CLOSE)) {
        return "a frame has an opcode that does not exist";
    }
    if (masked != (ws->mask == NULL)) {
        return masked ? "a server's frame is masked" : "a client's frame is not masked";
    }
    if (!sized) {
        return "a frame's length is not written in the fewest bytes";
    }
    if (op_is_control(ws->op)) {
        return !ws->fin                           ? "a control frame is fragmented"
               : ws->size > WEBSOCKET_CONTROL_MAX ? "a control frame has more than 125 bytes"
                                                  : NULL;
    }
    if (ws->op == WEBSOCKET_CONTINUED) {
        return ws->fragments == 0 ? "a frame continues a message, and none has begun" : NULL;
    }
    return ws->fragments > 0 ? "a message begins before the one before it has ended" : NULL;
}

/* Whether one more control frame is too many for its second. */
static bool controls_too_many(struct websocket *ws, int64_t now_ns)
{
    if (ws->second_ns == INT64_MIN || now_ns - ws->second_ns >= SEC) {
        ws->second_ns = now_ns;
        ws->controls = 0;
    }
    return ++ws->controls > ws->limits.controls_max_s;
}

/* The head is whole: WEBSOCKET_MORE, or it is refused. */
static enum websocket_got frame_begin(struct websocket *ws, int64_t now_ns,
                                      struct websocket_event *ret_event)
{
    ws->fin = ws->head[0] >= 128;
    ws->op = ws->head[0] & 15;
    bool sized = head_size(ws, &ws->size);
    const char *fault = head_fault(ws, sized);
    if (fault != NULL) {
        return bad(ws, WEBSOCKET_PROTOCOL, fault, ret_event);
    }
    if (op_is_control(ws->op)) {
        if (controls_too_many(ws, now_ns)) {
            return bad(ws, WEBSOCKET_POLICY, "too many control frames in a second", ret_event);
        }
    } else {
        if (ws->size > ws->limits.message_bytes_max - ws->message.len) {
            return bad(ws, WEBSOCKET_TOO_BIG, "a message is larger than is taken here", ret_event);
        }
        if (ws->fragments++ == ws->limits.fragments_max) {
            return bad(ws, WEBSOCKET_POLICY, "a message has too many fragments", ret_event);
        }
        ws->message_op = ws->op == WEBSOCKET_CONTINUED ? ws->message_op : ws->op;
    }
    if (!frames_begin(ws)) {
        return bad(ws, WEBSOCKET_FAULT, "no memory for a frame", ret_event);
    }
    ws->in_frame = true;
    ws->head_given = 0;
    ws->left = ws->size;
    ws->got = 0;
    return WEBSOCKET_MORE;
}

/* ---- payloads ----------------------------------------------------------------------------- */

/* Whether some character begins with `tail`, which is no character, of 1 to 3 bytes. */
static bool utf8_may_begin(struct str tail)
{
    /* The second byte decides; these are the ends of the ranges it can have. */
    static const unsigned char seconds[] = { 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF };
    char text[4] = { 0, 0, (char)0x80, (char)0x80 };
    if (tail.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, tail.ptr, tail.len);
    for (size_t i = 0; i < EP_ARRAY_LEN(seconds); i++) {
        if (tail.len == 1) {
            text[1] = (char)seconds[i];
        }
        if (utf8_len(text, sizeof(text)) > tail.len) {
            return true;
        }
    }
    return false;
}

/* The text so far; `end`: it is whole. */
static bool message_is_text(struct websocket *ws, bool end)
{
    struct str fresh = str_from_at(buf_str(&ws->message), ws->utf8_at);
    size_t valid = utf8_valid(fresh);
    ws->utf8_at += valid;
    struct str tail = str_from_at(fresh, valid);
    return tail.len == 0 || (!end && utf8_may_begin(tail));
}

/* `data` is what came of the frame's payload, its mask taken off. */
static enum websocket_got frame_add(struct websocket *ws, struct str data,
                                    struct websocket_event *ret_event)
{
    size_t at = (size_t)ws->got;
    ws->got += data.len;
    if (op_is_control(ws->op)) {
        ASSERT(at + data.len <= sizeof(ws->control));
        memcpy(ws->control + at, data.ptr, data.len);
        return WEBSOCKET_MORE;
    }
    if (buf_append(&ws->message, data) != ERR_OK) {
        return bad(ws, WEBSOCKET_FAULT, "no memory for a message", ret_event);
    }
    bool end = ws->fin && ws->got == ws->size;
    if (ws->message_op == WEBSOCKET_TEXT && !message_is_text(ws, end)) {
        return bad(ws, WEBSOCKET_NOT_UTF8, "a text is not UTF-8", ret_event);
    }
    return WEBSOCKET_MORE;
}

bool websocket_code_is_valid(uint16_t code)
{
    /* 1004 means nothing, 1005, 1006 and 1015 are never sent. */
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum websocket_got close_end(struct websocket *ws, struct websocket_event *ret_event)
{
    struct str data = { ws->control, (size_t)ws->size };
    struct websocket_event event = { .code = WEBSOCKET_NO_CODE };
    if (data.len == 1) {
        return bad(ws, WEBSOCKET_PROTOCOL, "a close frame has half a code", ret_event);
    }
    if (data.len >= 2) {
        event.code = (uint16_t)((uint8_t)data.ptr[0] << 8 | (uint8_t)data.ptr[1]);
        event.data = str_from_at(data, 2);
        if (!websocket_code_is_valid(event.code)) {
            return bad(ws, WEBSOCKET_PROTOCOL, "a close frame has a code that may not be sent",
                       ret_event);
        }
    }
    if (utf8_valid(event.data) != event.data.len) {
        return bad(ws, WEBSOCKET_NOT_UTF8, "the reason of a close frame is not UTF-8", ret_event);
    }
    ws->over = true;
    frames_end(ws);
    buf_fini(&ws->message);
    *ret_event = event;
    return WEBSOCKET_CLOSE;
}

/* The frame is whole. */
static enum websocket_got frame_end(struct websocket *ws, struct websocket_event *ret_event)
{
    ws->in_frame = false;
    ws->head_len = 0;
    frames_end(ws);
    if (ws->op == WEBSOCKET_OP_CLOSE) {
        return close_end(ws, ret_event);
    }
    if (op_is_control(ws->op)) {
        struct str data = { ws->control, (size_t)ws->size };
        *ret_event = (struct websocket_event){ .data = data };
        return ws->op == WEBSOCKET_OP_PING ? WEBSOCKET_PING : WEBSOCKET_PONG;
    }
    if (!ws->fin) {
        return WEBSOCKET_MORE;
    }
    ws->fragments = 0;
    ws->utf8_at = 0;
    ws->told = true;
    *ret_event = (struct websocket_event){ .data = buf_str(&ws->message),
                                           .text = ws->message_op == WEBSOCKET_TEXT };
    return WEBSOCKET_MESSAGE;
}

/* Goes on with the frame as far as the bytes go. */
static enum websocket_got frame_read(struct websocket *ws, struct str *bytes,
                                     struct websocket_event *ret_event)
{
    do {
        if (ws->left > 0 && bytes->len == 0) {
            return WEBSOCKET_MORE;
        }
        struct wslay_frame_iocb part;
        ws->source = bytes;
        ssize_t len = wslay_frame_recv(ws->frames, &part);
        ws->source = NULL;
        if (len < 0 || part.data_length > ws->size - ws->got) {
            return bad(ws, WEBSOCKET_PROTOCOL, "a frame cannot be read", ret_event);
        }
        struct str data = { (const char *)part.data, part.data_length };
        enum websocket_got got = frame_add(ws, data.len > 0 ? data : STR_EMPTY, ret_event);
        if (got != WEBSOCKET_MORE) {
            return got;
        }
    } while (ws->got < ws->size);
    return frame_end(ws, ret_event);
}

enum websocket_got websocket_read(struct websocket *ws, struct str *bytes, int64_t now_ns,
                                  struct websocket_event *ret_event)
{
    if (ws->told) {
        buf_fini(&ws->message);
        ws->told = false;
    }
    while (!ws->over) {
        enum websocket_got got = WEBSOCKET_MORE;
        if (!ws->in_frame) {
            if (!head_gather(ws, bytes)) {
                return WEBSOCKET_MORE;
            }
            got = frame_begin(ws, now_ns, ret_event);
        }
        if (got == WEBSOCKET_MORE) {
            got = frame_read(ws, bytes, ret_event);
        }
        if (got != WEBSOCKET_MORE || ws->in_frame) {
            return got;
        }
    }
    *bytes = STR_EMPTY;
    return WEBSOCKET_MORE;
}

bool websocket_is_within(const struct websocket *ws)
{
    return ws->in_frame || ws->head_len > 0 || ws->fragments > 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

enum err websocket_write(struct websocket *ws, enum websocket_op op, struct str data,
                         struct buf *out)
{
    ASSERT(op != WEBSOCKET_CONTINUED);
    ASSERT(!op_is_control((uint8_t)op) || data.len <= WEBSOCKET_CONTROL_MAX);
    if (ws->close_sent) {
        return ERR_NET_CLOSED;
    }
    TRY(buf_reserve(out, data.len + WEBSOCKET_HEAD_MAX));
    if (!frames_begin(ws)) {
        return ERR_NO_MEMORY;
    }
    struct wslay_frame_iocb part = {
        .fin = 1,
        .opcode = (uint8_t)op,
        .payload_length = data.len,
        .mask = ws->mask != NULL,
        .data = (const uint8_t *)data.ptr,
        .data_length = data.len,
    };
    ws->sink = out;
    ssize_t len = 0;
    do {
        len = wslay_frame_send(ws->frames, &part);
        ASSERT(len >= 0 && (size_t)len <= part.data_length); /* on_send() takes all */
        part.data = len > 0 ? part.data + len : part.data;
        part.data_length -= (size_t)len;
    } while (part.data_length > 0);
    ws->sink = NULL;
    if (!ws->in_frame) {
        frames_end(ws);
    }
    return ERR_OK;
}

enum err websocket_write_close(struct websocket *ws, uint16_t code, struct str reason,
                               struct buf *out)
{
    char text[WEBSOCKET_CONTROL_MAX];
    size_t len = 0;
    if (ws->close_sent) {
        return ERR_OK;
    }
    if (code != 0) {
        ASSERT(websocket_code_is_valid(code));
        text[len++] = (char)(code >> 8);
        text[len++] = (char)(code & 255);
        reason = str_slice(reason, 0, least(reason.len, WEBSOCKET_REASON_MAX));
        size_t valid = utf8_valid(reason);
        memcpy(text + len, valid > 0 ? reason.ptr : "", valid);
        len += valid;
    }
    TRY(websocket_write(ws, WEBSOCKET_OP_CLOSE, (struct str){ text, len }, out));
    ws->close_sent = true;
    return ERR_OK;
}
