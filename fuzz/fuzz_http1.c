/* room: wire */
#include "wire/http1.h"

#define HEAD_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A head that is whole reads the same when more follows it, and no prefix of it is whole. */
static void check_request(struct str text, size_t split)
{
    static struct http1_head head;
    size_t used = 0;
    size_t again = 0;
    enum wire_result result = http1_read_request(text, HEAD_MAX, &head, &used);
    if (result == WIRE_DONE) {
        ASSERT(used <= text.len);
        ASSERT(http1_read_request(str_slice(text, 0, used), HEAD_MAX, &head, &again) == WIRE_DONE);
        ASSERT(again == used);
        ASSERT(http1_read_request(str_slice(text, 0, used - 1), HEAD_MAX, &head, &again) ==
               WIRE_MORE);
    }
    enum wire_result part = http1_read_request(str_slice(text, 0, split), HEAD_MAX, &head, &again);
    ASSERT(part == WIRE_MORE || part == result); /* what is decided stays decided */
    ASSERT(part != WIRE_DONE || again == used);
}

static void check_response(struct str text, size_t split, bool to_head)
{
    static struct http1_head head;
    size_t used = 0;
    size_t again = 0;
    enum wire_result result = http1_read_response(text, HEAD_MAX, to_head, &head, &used);
    ASSERT(result != WIRE_DONE || used <= text.len);
    ASSERT(result != WIRE_DONE || !to_head || head.framing == HTTP1_NO_BODY);
    enum wire_result part =
        http1_read_response(str_slice(text, 0, split), HEAD_MAX, to_head, &head, &again);
    ASSERT(part == WIRE_MORE || part == result);
    ASSERT(part != WIRE_DONE || again == used);
}

/* Feeds one piece; the payload goes to `out`. */
static enum wire_result feed(struct http1_body *body, struct str piece, struct buf *out,
                             size_t *total)
{
    enum wire_result result = WIRE_MORE;
    while (piece.len > 0 && result == WIRE_MORE) {
        size_t used = 0;
        struct str payload;
        result = http1_body_read(body, piece, &used, &payload);
        if (result == WIRE_BAD) {
            return WIRE_BAD;
        }
        ASSERT(used > 0 || result == WIRE_DONE);
        ASSERT(used <= piece.len);
        ASSERT(payload.len <= used);
        ASSERT(buf_append(out, payload) == ERR_OK);
        *total += used;
        piece = str_from_at(piece, used);
    }
    return result;
}

/* A body reads the same whole and in two parts, but for what a bad one gave before it was bad. */
static void check_body(struct str text, size_t split, enum http1_framing framing, uint64_t length)
{
    struct http1_body whole;
    struct http1_body parts;
    struct buf whole_out;
    struct buf parts_out;
    size_t whole_used = 0;
    size_t parts_used = 0;
    http1_body_init(&whole, framing, length);
    http1_body_init(&parts, framing, length);
    buf_init(&whole_out, text.len);
    buf_init(&parts_out, text.len);
    enum wire_result result = feed(&whole, text, &whole_out, &whole_used);
    enum wire_result part = feed(&parts, str_slice(text, 0, split), &parts_out, &parts_used);
    if (part == WIRE_MORE) {
        part = feed(&parts, str_from_at(text, split), &parts_out, &parts_used);
    }
    ASSERT(part == result);
    if (result != WIRE_BAD) {
        ASSERT(whole_used == parts_used);
        ASSERT(str_eq(buf_str(&whole_out), buf_str(&parts_out)));
    }
    buf_fini(&whole_out);
    buf_fini(&parts_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > (1 << 16)) {
        return 0;
    }
    struct str text = { (const char *)data, size };
    size_t split = ((size_t)data[size - 1] << 4 | data[size / 2]) % size;
    check_request(text, split);
    check_response(text, split, false);
    check_response(text, split, true);
    check_body(text, split, HTTP1_CHUNKED, 0);
    check_body(text, split, HTTP1_LENGTH, data[0]);
    check_body(text, split, HTTP1_UNTIL_CLOSE, 0);
    return 0;
}
