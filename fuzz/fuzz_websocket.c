/* room: wire */
/*
 * Frames from a stranger. The first byte says which side reads and in which steps; whatever the
 * steps are, the same must be understood as of all bytes at once.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/utf8.h"
#include "wire/websocket.h"

static const struct websocket_limits limits = { .message_bytes_max = 4096,
                                                .fragments_max = 16,
                                                .controls_max_s = 64 };

static void mask(unsigned char *bytes, size_t len)
{
    memset(bytes, 0x5A, len);
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001B3);
}

/* A number for all that was understood. */
static uint64_t understand(struct str bytes, size_t step, websocket_mask_fn *as)
{
    struct websocket ws;
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    websocket_init(&ws, &limits, as);
    while (bytes.len > 0) {
        struct str piece = str_slice(bytes, 0, step < bytes.len ? step : bytes.len);
        struct websocket_event event;
        enum websocket_got got = WEBSOCKET_MORE;
        bytes = str_from_at(bytes, piece.len);
        while ((got = websocket_read(&ws, &piece, 0, &event)) != WEBSOCKET_MORE) {
            if (event.data.len > limits.message_bytes_max ||
                (event.text && utf8_valid(event.data) != event.data.len)) {
                abort();
            }
            hash = mixed(mixed(hash, (uint64_t)got), event.code);
            for (size_t i = 0; i < event.data.len; i++) {
                hash = mixed(hash, (unsigned char)event.data.ptr[i]);
            }
        }
        if (piece.len > 0) {
            abort();
        }
    }
    hash = mixed(hash, websocket_is_within(&ws));
    websocket_fini(&ws);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct str bytes = { (const char *)data + 1, size - 1 };
    websocket_mask_fn *as = data[0] % 2 == 0 ? NULL : mask;
    size_t step = 1 + (size_t)data[0] / 2;
    if (understand(bytes, step, as) != understand(bytes, bytes.len, as)) {
        abort();
    }
    return 0;
}
