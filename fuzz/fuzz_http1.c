/* room: wire */
#include "wire/http1.h"

/* A head that is whole reads the same when more follows it, and no prefix of it is whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head;
    struct str text = { (const char *)data, size };
    size_t used = 0;
    if (http1_read_request(text, 8192, &head, &used) == WIRE_DONE) {
        size_t again = 0;
        ASSERT(used <= size);
        ASSERT(http1_read_request(str_slice(text, 0, used), 8192, &head, &again) == WIRE_DONE);
        ASSERT(again == used);
        ASSERT(http1_read_request(str_slice(text, 0, used - 1), 8192, &head, &again) == WIRE_MORE);
    }
    if (http1_read_response(text, 8192, false, &head, &used) == WIRE_DONE) {
        ASSERT(used <= size);
    }
    struct http1_body body;
    http1_body_init(&body, HTTP1_CHUNKED, 0);
    enum wire_result result = WIRE_MORE;
    while (text.len > 0 && result == WIRE_MORE) {
        struct str payload;
        result = http1_body_read(&body, text, &used, &payload);
        if (result != WIRE_BAD) {
            ASSERT(used <= text.len);
            ASSERT(payload.len <= used);
            ASSERT(used > 0);
            text = str_from_at(text, used);
        }
    }
    return 0;
}
