#include "gate/call_lesson.h"

#include "gate/gate_internal.h"
#include "wire/json.h"

static enum health_error lesson_status(int status, bool retry_after)
{
    switch (status) {
    case 429:
    case 529: /* Anthropic's word for it */
        return HEALTH_ERROR_BUSY;
    case 503:
        return retry_after ? HEALTH_ERROR_BUSY : HEALTH_ERROR_STATUS;
    case 401:
    case 402:
    case 403:
        return HEALTH_ERROR_REFUSED;
    default:
        return HEALTH_ERROR_STATUS;
    }
}

enum health_error lesson_error(enum err err, int status, bool retry_after)
{
    static const struct {
        enum err err;
        enum health_error error;
    } rows[] = {
        { ERR_NET_LOOKUP, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_CONNECT, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_TLS, HEALTH_ERROR_UNREACHABLE },
        { ERR_UPSTREAM_CUT, HEALTH_ERROR_CUT },
        { ERR_NET_CLOSED, HEALTH_ERROR_CUT },
        { ERR_UPSTREAM_SYNTAX, HEALTH_ERROR_SYNTAX },
        { ERR_SSE_LINE, HEALTH_ERROR_SYNTAX },
        { ERR_UPSTREAM_SIZE, HEALTH_ERROR_SYNTAX },
        { ERR_UPSTREAM_MODEL, HEALTH_ERROR_MODEL },
    };
    if (err == ERR_UPSTREAM_SILENT) {
        return status == 0 ? HEALTH_ERROR_TIMEOUT : HEALTH_ERROR_CUT;
    }
    if (err == ERR_UPSTREAM_STATUS) {
        return lesson_status(status, retry_after);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        if (rows[i].err == err) {
            return rows[i].error;
        }
    }
    return HEALTH_ERROR_NONE; /* it was fine, or nothing of its doing */
}

void call_lesson_begin(struct call_lesson *lesson, int64_t now_ns)
{
    *lesson = (struct call_lesson){ .begun_ns = now_ns };
}

void call_lesson_head(struct call_lesson *lesson, const struct http1_head *head, int64_t wall_ns)
{
    for (size_t i = 0; i < head->header_count; i++) {
        health_read_header(&lesson->lesson, head->headers[i].name, head->headers[i].value, wall_ns);
    }
}

/* "34s", in whole seconds: what stands in a header has no unit. */
static void lesson_delay(struct call_lesson *lesson, struct str text, int64_t wall_ns)
{
    text = str_slice(text, 0, text.len > 0 ? text.len - 1 : 0);
    health_read_header(&lesson->lesson, STR("retry-after"), text, wall_ns);
}

void call_lesson_body(struct call_lesson *lesson, struct str body, int64_t wall_ns)
{
    struct json_fault fault;
    struct str item;
    bool told = lesson->lesson.retry_after_ns > 0;
    if (told || json_check(body, &fault) != ERR_OK) {
        return;
    }
    body = json_trim(body);
    struct str rest = json_kind(body) == JSON_ARRAY ? json_inside(body) : STR_EMPTY;
    body = json_next_item(&rest, &item) ? item : body; /* streams fail with a list of one */
    struct str details = json_get(json_get(body, STR("error")), STR("details"));
    rest = details.len > 0 && json_kind(details) == JSON_ARRAY ? json_inside(details) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        struct str delay = json_get(item, STR("retryDelay"));
        if (delay.len > 0 && json_kind(delay) == JSON_STRING) {
            lesson_delay(lesson, json_inside(delay), wall_ns);
        }
    }
}

void call_lesson_answer(struct call *call)
{
    call_attempt_called(&call->attempt, relay_answer_id(&call->relay));
    if (call->upstream_status >= 400 && call->route->dialect == REGISTRY_DIALECT_GEMINI) {
        call_lesson_body(&call->lesson, buf_str(&call->answer), loop_wall_ns(call->gate->loop));
    }
}

void call_lesson_look(struct call *call)
{
    struct call_lesson *lesson = &call->lesson;
    if (call->relay.content_events == 0) {
        return;
    }
    lesson->last_ns = loop_now_ns(call->gate->loop);
    if (lesson->first_ns == 0) {
        lesson->first_ns = lesson->last_ns;
        lesson->lesson.first_ns = lesson->first_ns - lesson->begun_ns;
        if (call->place.route != NULL && call->upstream_err == ERR_OK) {
            dispatch_begin(&call->place, &lesson->lesson, lesson->first_ns);
        }
    }
}

void call_lesson_look_whole(struct call *call, struct str data)
{
    struct call_lesson *lesson = &call->lesson;
    if (lesson->first_ns == 0 && json_trim(data).len > 0) {
        lesson->first_ns = loop_now_ns(call->gate->loop);
        lesson->lesson.whole = true;
    }
}

/* Tokens of a stream as it tells them, or an event each: both are told alike by all routes. */
static int64_t lesson_tokens(const struct relay *relay)
{
    int64_t tokens = relay->usage.tokens[USAGE_OUT] + relay->usage.tokens[USAGE_REASON];
    bool told = relay->has_usage && !relay->usage.quarantined;
    return told && tokens > 0 ? tokens : relay->content_events;
}

int64_t call_lesson_used(const struct call *call)
{
    const struct usage *usage = call->streamed ? &call->relay.usage : &call->reported;
    int64_t tokens = 0;
    if (call->upstream_status != 200) {
        return 0;
    }
    if (!(call->streamed ? call->relay.has_usage : call->has_reported) || usage->quarantined) {
        return -1;
    }
    for (int i = 0; i < USAGE_COUNT; i++) {
        tokens += usage->tokens[i];
    }
    return tokens;
}

const struct health_lesson *call_lesson_end(struct call_lesson *lesson, enum err err, int status,
                                            const struct relay *relay)
{
    bool retry_after = lesson->lesson.retry_after_ns > 0;
    lesson->lesson.error = err == ERR_UPSTREAM_STATUS && relay_is_busy(relay)
                               ? HEALTH_ERROR_BUSY /* it began its answer to say so */
                               : lesson_error(err, status, retry_after);
    if (lesson->first_ns > 0) {
        lesson->lesson.first_ns = lesson->first_ns - lesson->begun_ns;
    }
    if (lesson->first_ns > 0 && !lesson->lesson.whole) {
        lesson->lesson.rest_ns = lesson->last_ns - lesson->first_ns;
        lesson->lesson.tokens_out = lesson_tokens(relay);
    }
    return &lesson->lesson;
}

const struct health_lesson *call_lesson_overtaken(struct call_lesson *lesson, bool whole,
                                                  int64_t now_ns)
{
    lesson->lesson.whole = whole;
    lesson->lesson.first_ns = now_ns - lesson->begun_ns;
    return &lesson->lesson;
}
