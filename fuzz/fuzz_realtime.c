/* room: dialect */
/* Realtime events of both sides, as a stranger would write them. */
#include <stdlib.h>
#include <string.h>

#include "dialect/realtime.h"
#include "wire/json.h"

static bool within(struct str part, struct str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.len <= whole.len &&
                             part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct realtime_ask ask;
    struct realtime_event event;
    struct chat_event chunk;
    struct fail fail;
    struct json_fault fault;
    struct buf out;
    bool json = size > 0 && json_check(text, &fault) == ERR_OK;
    enum err err = size > 0 ? realtime_read_ask(text, &ask, &fail) : ERR_JSON_SYNTAX;
    if (size == 0 || (err == ERR_OK && !json)) {
        return 0;
    }
    realtime_read_event(text, &event);
    realtime_read_chunk(text, &chunk);
    if (!within(event.response, text) || !within(event.event_id, text) ||
        event.response.len > REALTIME_ID_MAX || ask.event_id.len > REALTIME_ID_MAX) {
        abort();
    }
    if (!within(ask.model, text) || !within(event.usage, text) || event.sound_bytes < 0 ||
        event.seconds < 0 || (err == ERR_OK && ask.output_cap < 0)) {
        abort();
    }
    buf_init(&out, 4 * size + 2048);
    if (err == ERR_OK && realtime_write_named(&out, text, STR("\"entrepot_1\"")) == ERR_OK &&
        json_check(buf_str(&out), &fault) != ERR_OK) {
        abort();
    }
    buf_reset(&out);
    if (realtime_write_cancel(&out, event.response, STR("\"entrepot_2\"")) == ERR_OK &&
        json_check(buf_str(&out), &fault) != ERR_OK) {
        abort();
    }
    buf_reset(&out);
    if (json && json_kind(json_trim(text)) == JSON_OBJECT &&
        realtime_write_error(&out, json_trim(text), STR_EMPTY, 1) == ERR_OK &&
        json_check(buf_str(&out), &fault) != ERR_OK) {
        abort();
    }
    buf_reset(&out);
    if (json && realtime_write_sse(&out, text) == ERR_OK &&
        memchr(out.ptr, '\n', out.len - 2) != NULL) {
        abort();
    }
    buf_fini(&out);
    return 0;
}
