#include "wire/sse.h"

#include <string.h>

void sse_init(struct sse *sse, size_t event_max)
{
    *sse = (struct sse){ .event_max = event_max };
    buf_init(&sse->tail, event_max);
    buf_init(&sse->data, event_max);
}

void sse_fini(struct sse *sse)
{
    buf_fini(&sse->tail);
    buf_fini(&sse->data);
}

#define SSE_WINDOW 256 /* looked through for an LF before a CR: bounds the cost of lines of CRs */

/* Index of the first CR or LF at or behind `start`, or text.len. */
static size_t sse_find_line_end(struct str text, size_t start)
{
    while (start < text.len) {
        size_t size = text.len - start < SSE_WINDOW ? text.len - start : SSE_WINDOW;
        struct str window = str_slice(text, start, start + size);
        size_t lf = str_find(window, '\n');
        size_t at = str_find((struct str){ window.ptr, lf }, '\r');
        if (at < size) {
            return start + at;
        }
        start += size;
    }
    return text.len;
}

/* Bytes of the line end at `at`; 0: none. */
static size_t sse_end_size(struct str text, size_t at)
{
    if (at == text.len) {
        return 0;
    }
    /* A CR as the last byte ends the line; an LF behind it may still come. */
    bool both = text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n';
    return both ? 2 : 1;
}

/* Bytes of the event at the front, with its blank line; 0: it has not ended. */
static size_t sse_find_end(struct sse *sse, struct str text)
{
    while (sse->line_at < text.len) {
        size_t at = sse_find_line_end(text, sse->seen);
        size_t next = at + sse_end_size(text, at);
        if (at > sse->line_at && (next == at || (next == text.len && text.ptr[at] == '\r'))) {
            sse->seen =
                at; /* a CR last: only the byte behind it tells where the next line begins */
            return 0;
        }
        bool blank = at == sse->line_at;
        sse->line_at = blank ? 0 : next;
        sse->seen = sse->line_at;
        if (blank) {
            return next;
        }
    }
    return 0;
}

static bool sse_field(struct str line, struct str name, struct str *value)
{
    if (!str_starts(line, name)) {
        return false;
    }
    struct str rest = str_from_at(line, name.len);
    if (rest.len > 0 && rest.ptr[0] != ':') {
        return false;
    }
    rest = rest.len > 0 ? str_from_at(rest, 1) : rest;
    *value = rest.len > 0 && rest.ptr[0] == ' ' ? str_from_at(rest, 1) : rest;
    return true;
}

static enum wire_result sse_read(struct sse *sse, struct str raw, struct sse_event *event)
{
    *event = (struct sse_event){ .raw = raw };
    buf_reset(&sse->data);
    struct str rest = raw;
    if (!sse->begun && str_starts(rest, STR("\xEF\xBB\xBF"))) {
        rest = str_from_at(rest, 3);
    }
    sse->begun = true;
    unsigned lines = 0;
    while (rest.len > 0) {
        size_t len = sse_find_line_end(rest, 0);
        struct str line = str_slice(rest, 0, len);
        struct str value;
        rest = str_from_at(rest, len + sse_end_size(rest, len));
        if (sse_field(line, STR("event"), &value)) {
            event->type = value;
        } else if (sse_field(line, STR("data"), &value)) {
            if (lines == 1 && buf_append(&sse->data, event->data) != ERR_OK) {
                return WIRE_BAD;
            }
            if (lines >= 1 &&
                (buf_byte(&sse->data, '\n') != ERR_OK || buf_append(&sse->data, value) != ERR_OK)) {
                return WIRE_BAD;
            }
            event->data = value;
            lines++;
        }
    }
    event->has_data = lines > 0;
    event->joined = lines > 1;
    if (event->joined) {
        event->data = buf_str(&sse->data);
    }
    return WIRE_DONE;
}

/* An LF that completes a CRLF whose CR ended the event before. It is dropped: the event was
 * forwarded with a CR, which ends a line as well. */
static void sse_drop_lf(struct sse *sse, struct str *input)
{
    if (sse->after_cr && input->len > 0) {
        if (input->ptr[0] == '\n') {
            *input = str_from_at(*input, 1);
        }
        sse->after_cr = false;
    }
}

/* The first event lies across reads: it is completed in the tail. */
static enum wire_result sse_next_joined(struct sse *sse, struct str *input, struct sse_event *event)
{
    size_t before = sse->tail.len;
    if (buf_append(&sse->tail, *input) != ERR_OK) {
        /* Only what is needed may still fit: the event's end may be near. */
        size_t room = sse->event_max - before;
        if (room == 0 || room >= input->len ||
            buf_append(&sse->tail, str_slice(*input, 0, room)) != ERR_OK) {
            return WIRE_BAD;
        }
    }
    size_t end = sse_find_end(sse, buf_str(&sse->tail));
    if (end == 0) {
        if (sse->tail.len == sse->event_max) {
            return WIRE_BAD;
        }
        *input = STR_EMPTY;
        return WIRE_MORE;
    }
    ASSERT(end > before); /* or the tail would have held a whole event */
    *input = str_from_at(*input, end - before);
    sse->tail.len = 0; /* its bytes stay until the next append */
    struct str raw = { sse->tail.ptr, end };
    sse->after_cr = raw.ptr[end - 1] == '\r';
    return sse_read(sse, raw, event);
}

enum wire_result sse_next(struct sse *sse, struct str *input, struct sse_event *ret_event)
{
    if (sse->tail.len == 0) {
        sse_drop_lf(sse, input);
    }
    if (input->len == 0) {
        if (sse->tail.len == 0) {
            sse_fini(sse); /* an idle stream keeps no buffer */
        }
        return WIRE_MORE;
    }
    if (sse->tail.len > 0) {
        return sse_next_joined(sse, input, ret_event);
    }
    size_t end = sse_find_end(sse, *input);
    if (end == 0) {
        enum err err = buf_append(&sse->tail, *input);
        *input = STR_EMPTY;
        return err == ERR_OK ? WIRE_MORE : WIRE_BAD;
    }
    if (end > sse->event_max) {
        return WIRE_BAD;
    }
    struct str raw = str_slice(*input, 0, end);
    *input = str_from_at(*input, end);
    sse->after_cr = raw.ptr[end - 1] == '\r';
    return sse_read(sse, raw, ret_event);
}

bool sse_is_between(const struct sse *sse)
{
    return sse->begun && sse->tail.len == 0 && !sse->after_cr;
}

enum wire_result sse_end(struct sse *sse, struct sse_event *ret_event)
{
    if (sse->tail.len == 0) {
        return WIRE_MORE;
    }
    struct str raw = buf_str(&sse->tail);
    sse->tail.len = 0;
    sse->line_at = 0;
    sse->seen = 0;
    return sse_read(sse, raw, ret_event);
}
