#include "dialect/listen.h"

#include <string.h>

#include "wire/json.h"

#define LISTEN_FIRST 512 /* of a short answer's items */

void listen_init(struct listen *listen, enum dialect dialect, size_t items_max)
{
    ASSERT(dialect != DIALECT_CHAT);
    *listen = (struct listen){ .sink = NULL };
    arena_init(&listen->arena, LISTEN_FIRST, items_max);
    decode_init(&listen->decode, dialect, (struct event_sink){ NULL, NULL }, &listen->arena);
}

void listen_fini(struct listen *listen)
{
    decode_fini(&listen->decode);
    arena_fini(&listen->arena);
}

bool listen_is_busy(struct str type)
{
    static const struct str names[] = {
        STR_INIT("overloaded_error"),    STR_INIT("rate_limit_error"),
        STR_INIT("rate_limit_exceeded"), STR_INIT("server_overloaded"),
        STR_INIT("RESOURCE_EXHAUSTED"),  STR_INIT("UNAVAILABLE"),
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (str_eq(type, names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- what events say ---------------------------------------------------------------------- */

/* A text with its quotes, which stand around it wherever it was read from. */
static struct str listen_quoted(struct str text)
{
    return text.len == 0 ? STR_EMPTY : (struct str){ text.ptr - 1, text.len + 2 };
}

static void listen_begin(struct listen *listen, const struct event_begin *begin)
{
    size_t len = begin->id.len < LISTEN_ID_MAX ? begin->id.len : LISTEN_ID_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = begin->id.ptr[i];
        if (c <= ' ' || c > '~' || c == '\\') {
            return; /* no id that anybody could look up */
        }
    }
    if (len > 0) {
        memcpy(listen->id, begin->id.ptr, len);
    }
    listen->id_len = (unsigned char)len;
}

static void listen_tell(const struct listen *listen, const struct event *event, enum chat_part part,
                        int64_t *bytes, struct str json)
{
    if (json.len <= 2) {
        return;
    }
    *bytes += (int64_t)json.len - 2;
    if (listen->sink != NULL) {
        const struct chat_text text = {
            .part = part,
            .choice = event->choice,
            .tool = part >= CHAT_TOOL_NAME ? event->item : 0,
            .json = json,
        };
        listen->sink->text(listen->sink->context, &text);
    }
}

static void listen_delta(const struct listen *listen, const struct event *event)
{
    struct chat_event *said = listen->event;
    switch (event->delta.channel) {
    case EVENT_CONTENT:
        listen_tell(listen, event, CHAT_CONTENT, &said->content_bytes, decode_delta_json(event));
        return;
    case EVENT_ARGS:
        listen_tell(listen, event, CHAT_TOOL_ARGUMENTS, &said->tool_bytes,
                    decode_delta_json(event));
        return;
    case EVENT_SUMMARY: /* of what is billed the client sees a part */
        said->unread = true;
        listen_tell(listen, event, CHAT_REASONING, &said->reasoning_bytes,
                    decode_delta_json(event));
        return;
    case EVENT_THOUGHT:
        listen_tell(listen, event, CHAT_REASONING, &said->reasoning_bytes,
                    decode_delta_json(event));
        return;
    case EVENT_SIGNATURE: /* no token */
        return;
    case EVENT_SOUND:
    case EVENT_TRANSCRIPT:
    case EVENT_BLOB:
        said->unread = true;
        return;
    }
}

static void listen_open(struct listen *listen, const struct event *event)
{
    const struct event_open *open = &event->open;
    bool call = open->kind == EVENT_TOOL || open->kind == EVENT_CUSTOM_TOOL;
    listen->event->unread |= open->kind == EVENT_HOSTED || open->kind == EVENT_IMAGE;
    listen->searches += open->kind == EVENT_HOSTED &&
                        json_string_is(json_get(open->json, STR("type")), STR("web_search_call"));
    if (call) {
        listen_tell(listen, event, CHAT_TOOL_NAME, &listen->event->tool_bytes,
                    listen_quoted(open->name));
    }
}

static enum err listen_take(void *context, const struct event *event)
{
    struct listen *listen = context;
    listen->event->model = listen_quoted(listen->decode.named);
    listen->event->twofold |= event->kind != EVENT_DELTA;
    switch (event->kind) {
    case EVENT_BEGIN:
        listen_begin(listen, &event->begin);
        break;
    case EVENT_OPEN:
        listen_open(listen, event);
        break;
    case EVENT_DELTA:
        listen_delta(listen, event);
        break;
    case EVENT_FINISH:
        listen->event->finished++;
        break;
    case EVENT_USAGE:
        listen->event->usage = event->usage.raw;
        break;
    case EVENT_ERROR:
        listen->event->error = true;
        listen->busy = listen_is_busy(event->error.type) || listen_is_busy(event->error.code);
        break;
    case EVENT_END:
        listen->event->done = true;
        break;
    case EVENT_RAW: /* what the vendor's own tools do on the way */
        listen->event->unread = true;
        break;
    case EVENT_NOTE:
    case EVENT_CLOSE:
    case EVENT_PING:
        break;
    }
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The listener may have been moved since it was made. */
static void listen_begin_reading(struct listen *listen, const struct chat_sink *sink,
                                 struct chat_event *ret_event)
{
    *ret_event = (struct chat_event){ 0 };
    listen->sink = sink;
    listen->event = ret_event;
    listen->decode.arena = &listen->arena;
    listen->decode.sink = (struct event_sink){ listen_take, listen };
}

enum err listen_event(struct listen *listen, struct str type, struct str data,
                      const struct chat_sink *sink, struct chat_event *ret_event)
{
    listen_begin_reading(listen, sink, ret_event);
    listen->events++;
    enum err err = decode_event(&listen->decode, type, data);
    ret_event->model = listen_quoted(listen->decode.named);
    ret_event->tier = tier_of_json(listen_quoted(listen->decode.tier));
    return err;
}

enum err listen_end(struct listen *listen)
{
    struct chat_event event;
    listen_begin_reading(listen, NULL, &event);
    return decode_end(&listen->decode);
}

enum err listen_body(struct listen *listen, struct str body, const struct chat_sink *sink,
                     struct chat_event *ret_event)
{
    listen_begin_reading(listen, sink, ret_event);
    enum err err = decode_body(&listen->decode, body);
    ret_event->model = listen_quoted(listen->decode.named);
    ret_event->tier = tier_of_json(listen_quoted(listen->decode.tier));
    return err;
}
