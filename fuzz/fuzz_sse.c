/* room: wire */
#include "wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The data of all events, one after the other, when fed in pieces of `step`. */
static enum wire_result sse_feed(struct str text, size_t step, struct buf *out)
{
    struct sse sse;
    struct sse_event event;
    sse_init(&sse, 4096);
    enum wire_result result = WIRE_MORE;
    while (text.len > 0 && result != WIRE_BAD) {
        struct str piece = str_slice(text, 0, text.len < step ? text.len : step);
        text = str_from_at(text, piece.len);
        do {
            result = sse_next(&sse, &piece, &event);
            if (result == WIRE_DONE && event.has_data) {
                ASSERT(buf_append(out, event.data) == ERR_OK);
                ASSERT(buf_byte(out, '\n') == ERR_OK);
            }
        } while (result == WIRE_DONE);
    }
    sse_fini(&sse);
    return result;
}

/* Fed whole and fed in pieces, a stream says the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4000) {
        return 0;
    }
    struct str text = { (const char *)data + 1, size - 1 };
    struct buf whole;
    struct buf pieces;
    buf_init(&whole, 65536);
    buf_init(&pieces, 65536);
    ASSERT(sse_feed(text, text.len, &whole) != WIRE_BAD);
    ASSERT(sse_feed(text, (size_t)data[0] % 16 + 1, &pieces) != WIRE_BAD);
    ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
