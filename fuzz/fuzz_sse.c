/* room: wire */
#include "wire/sse.h"

#define EVENT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct buf *out, struct str text)
{
    ASSERT(buf_append(out, text) == ERR_OK);
    ASSERT(buf_byte(out, '|') == ERR_OK);
}

/* The bytes with every line end as LF: a CRLF between two reads is forwarded as its CR alone. */
static void put_raw(struct buf *raw, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' && i > 0 && text.ptr[i - 1] == '\r') {
            continue;
        }
        ASSERT(buf_byte(raw, text.ptr[i] == '\r' ? '\n' : text.ptr[i]) == ERR_OK);
    }
}

static void put_event(const struct sse_event *event, struct buf *out, struct buf *raw)
{
    put_raw(raw, event->raw);
    put(out, event->type);
    put(out, event->has_data ? event->data : STR("none"));
}

/* What all events say, one after the other, when fed in pieces of `step`. */
static void feed(struct str text, size_t step, struct buf *out, struct buf *raw)
{
    struct sse sse;
    struct sse_event event;
    sse_init(&sse, EVENT_MAX);
    while (text.len > 0) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        enum wire_result result = WIRE_DONE;
        while (result == WIRE_DONE) {
            result = sse_next(&sse, &piece, &event);
            if (result == WIRE_DONE) {
                put_event(&event, out, raw);
            }
        }
        ASSERT(result == WIRE_MORE);
        ASSERT(piece.len == 0);
    }
    if (sse_end(&sse, &event) == WIRE_DONE) {
        put_event(&event, out, raw);
    }
    ASSERT(sse_end(&sse, &event) == WIRE_MORE);
    sse_fini(&sse);
}

/* Fed whole and fed in pieces, a stream says the same, and nothing of it is lost. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > EVENT_MAX) {
        return 0;
    }
    struct str text = { (const char *)data + 1, size - 1 };
    struct buf outs[2];
    struct buf raws[3];
    for (size_t i = 0; i < 3; i++) {
        buf_init(&raws[i], 65536);
    }
    buf_init(&outs[0], 65536);
    buf_init(&outs[1], 65536);
    feed(text, text.len, &outs[0], &raws[0]);
    feed(text, (size_t)data[0] % 16 + 1, &outs[1], &raws[1]);
    put_raw(&raws[2], text);
    ASSERT(str_eq(buf_str(&outs[0]), buf_str(&outs[1])));
    ASSERT(str_eq(buf_str(&raws[0]), buf_str(&raws[2])));
    ASSERT(str_eq(buf_str(&raws[1]), buf_str(&raws[2])));
    for (size_t i = 0; i < 3; i++) {
        buf_fini(&raws[i]);
    }
    buf_fini(&outs[0]);
    buf_fini(&outs[1]);
    return 0;
}
