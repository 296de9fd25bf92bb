/*
 * Our side of the comparison of WebSocket frames with another implementation (tests/e2e/
 * test_websocket_frames.py). Each line of the input is a case: "server|client STEP HEX", the bytes
 * that one side reads in steps of so many; each line of the output is what it understood.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "wire/websocket.h"

static void mask(unsigned char *bytes, size_t len)
{
    memset(bytes, 0, len);
}

static void print_event(const char *what, struct str data)
{
    printf("%s:", what);
    for (size_t i = 0; i < data.len; i++) {
        printf("%02x", (unsigned char)data.ptr[i]);
    }
    printf(" ");
}

static void understand(bool client, size_t step, struct str bytes)
{
    static const struct websocket_limits limits = { .message_bytes_max = 1 << 20,
                                                    .fragments_max = 1000,
                                                    .controls_max_s = 1000 };
    struct websocket ws;
    websocket_init(&ws, &limits, client ? mask : NULL);
    while (bytes.len > 0) {
        struct str piece = str_slice(bytes, 0, step < bytes.len ? step : bytes.len);
        struct websocket_event event;
        enum websocket_got got = WEBSOCKET_MORE;
        bytes = str_from_at(bytes, piece.len);
        while ((got = websocket_read(&ws, &piece, 0, &event)) != WEBSOCKET_MORE) {
            if (got == WEBSOCKET_BAD) {
                printf("bad:%u ", event.code);
            } else if (got == WEBSOCKET_CLOSE) {
                printf("%u-", event.code);
                print_event("close", event.data);
            } else {
                print_event(got == WEBSOCKET_PING   ? "ping"
                            : got == WEBSOCKET_PONG ? "pong"
                            : event.text            ? "text"
                                                    : "binary",
                            event.data);
            }
        }
    }
    printf("\n");
    websocket_fini(&ws);
}

int main(void)
{
    static char line[1 << 20];
    static char bytes[1 << 19];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct str rest = str_from(line);
        rest.len -= rest.len > 0 && rest.ptr[rest.len - 1] == '\n';
        bool client = str_eq(str_cut(&rest, ' '), STR("client"));
        uint64_t step = 0;
        if (!str_to_u64(str_cut(&rest, ' '), &step) || step == 0 ||
            !enc_hex_read(rest, bytes, rest.len / 2)) {
            return 2;
        }
        understand(client, (size_t)step, (struct str){ bytes, rest.len / 2 });
    }
    return 0;
}
