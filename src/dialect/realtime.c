#include "dialect/realtime.h"

#include "dialect/ask.h"
#include "wire/json.h"
#include "wire/jsonw.h"

/* ---- the client's events ------------------------------------------------------------------- */

struct ask_row {
    struct str type;
    enum realtime_ask_kind kind;
};

static const struct ask_row ask_rows[] = {
    { STR_INIT("input_audio_buffer.append"), REALTIME_ASK_AUDIO }, /* nearly all of them */
    { STR_INIT("input_audio_buffer.commit"), REALTIME_ASK_OTHER },
    { STR_INIT("input_audio_buffer.clear"), REALTIME_ASK_OTHER },
    { STR_INIT("output_audio_buffer.clear"), REALTIME_ASK_OTHER },
    { STR_INIT("conversation.item.create"), REALTIME_ASK_ITEM },
    { STR_INIT("conversation.item.retrieve"), REALTIME_ASK_OTHER },
    { STR_INIT("conversation.item.delete"), REALTIME_ASK_OTHER },
    { STR_INIT("conversation.item.truncate"), REALTIME_ASK_OTHER },
    { STR_INIT("response.create"), REALTIME_ASK_RESPONSE },
    { STR_INIT("response.cancel"), REALTIME_ASK_CANCEL },
    { STR_INIT("session.update"), REALTIME_ASK_SESSION },
};

/* Bytes that a string of base64 stands for. */
static int64_t sound_len(struct str value)
{
    if (value.len <= 2 || json_kind(value) != JSON_STRING) {
        return 0;
    }
    struct str text = str_slice(value, 1, value.len - 1);
    while (text.len > 0 && text.ptr[text.len - 1] == '=') {
        text.len--;
    }
    return (int64_t)(text.len / 4 * 3 + text.len % 4 * 3 / 4);
}

static struct str string_of(struct str value)
{
    return value.len > 0 && json_kind(value) == JSON_STRING ? value : STR_EMPTY;
}

static int64_t text_len(struct str value)
{
    return value.len > 2 && json_kind(value) == JSON_STRING ? (int64_t)(value.len - 2) : 0;
}

static bool names_narrow(struct str text)
{
    static const struct str names[] = { STR_INIT("pcmu"), STR_INIT("pcma"), STR_INIT("g711_") };
    bool narrow = false;
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        narrow |= str_search(text, names[i]) < text.len;
    }
    return narrow;
}

/* Of today, {"audio":{"input":{"format":{"type":"audio/pcmu"}}}}; of the beta, a name. */
static struct str format_of(struct str session, struct str side, struct str older)
{
    struct str format = json_get(json_get(json_get(session, STR("audio")), side), STR("format"));
    return format.len > 0 ? format : json_get(session, older);
}

static struct str format_heard(struct str session)
{
    return format_of(session, STR("input"), STR("input_audio_format"));
}

/* ---- what must not stand there twice -------------------------------------------------------- */

/* What is held for, and forbidden, by: of two a source may take the other one. */
static const struct str once_event[] = { STR_INIT("type"), STR_INIT("event_id"),
                                         STR_INIT("response"), STR_INIT("session"),
                                         STR_INIT("audio") };
static const struct str once_response[] = {
    STR_INIT("conversation"),
    STR_INIT("input"),
    STR_INIT("audio"),
    STR_INIT("output_audio_format"),
    STR_INIT("max_output_tokens"),
    STR_INIT("max_response_output_tokens"),
};
static const struct str once_session[] = {
    STR_INIT("type"),
    STR_INIT("model"),
    STR_INIT("audio"),
    STR_INIT("input_audio_format"),
    STR_INIT("max_output_tokens"),
    STR_INIT("max_response_output_tokens"),
};

/* What is no object has no members. */
static enum err read_once(struct str object, const struct str *names, size_t count,
                          struct realtime_ask *ask, struct fail *fail)
{
    struct json_member member;
    unsigned seen = 0;
    object = json_trim(object);
    struct str rest = json_kind(object) == JSON_OBJECT ? json_inside(object) : STR_EMPTY;
    while (json_next_member(&rest, &member)) {
        for (size_t i = 0; i < count; i++) {
            unsigned bit = 1U << i;
            bool is = json_key_is(member.key, names[i]);
            if (is && (seen & bit) != 0) {
                ask->param = names[i].ptr;
                return FAIL(fail, ERR_ASK_DUPLICATE, "\"%s\" stands there twice.", ask->param);
            }
            seen |= is ? bit : 0;
        }
    }
    return ERR_OK;
}

/* ---- one event of each kind ----------------------------------------------------------------- */

/* "inf" is no cap. */
static enum err read_cap_value(struct str value, struct realtime_ask *ask, struct fail *fail)
{
    int64_t cap = 0;
    ask->caps = value.len > 0;
    if (value.len == 0 || json_kind(value) == JSON_NULL || json_string_is(value, STR("inf"))) {
        return ERR_OK;
    }
    if (!json_i64(value, &cap) || cap < 1 || cap > ASK_OUTPUT_MAX) {
        ask->param = "max_output_tokens";
        return FAIL(fail, ERR_ASK_INVALID,
                    "\"max_output_tokens\" must be a number of tokens from 1, or \"inf\".");
    }
    ask->output_cap = cap;
    return ERR_OK;
}

/* The older name where the newer is missing. */
static struct str cap_of(struct str object)
{
    struct str cap = json_get(object, STR("max_output_tokens"));
    return cap.len > 0 ? cap : json_get(object, STR("max_response_output_tokens"));
}

static enum err read_cap(struct str object, struct realtime_ask *ask, struct fail *fail)
{
    if (json_get(object, STR("max_output_tokens")).len > 0 &&
        json_get(object, STR("max_response_output_tokens")).len > 0) {
        ask->param = "max_response_output_tokens";
        return FAIL(fail, ERR_ASK_DUPLICATE,
                    "\"max_response_output_tokens\" is an older name of \"max_output_tokens\": "
                    "give one of them.");
    }
    return read_cap_value(cap_of(object), ask, fail);
}

static enum err read_response(struct str event, struct realtime_ask *ask, struct fail *fail)
{
    struct str response = json_get(event, STR("response"));
    struct str input = json_get(response, STR("input"));
    TRY(read_once(response, once_response, EP_ARRAY_LEN(once_response), ask, fail));
    ask->beside = json_string_is(json_get(response, STR("conversation")), STR("none"));
    ask->instead = input.len > 0 && json_kind(input) != JSON_NULL;
    ask->sounds = json_get(response, STR("audio")).len > 0 ||
                  json_get(response, STR("output_audio_format")).len > 0;
    return read_cap(response, ask, fail);
}

static enum err read_session(struct str event, struct realtime_ask *ask, struct fail *fail)
{
    struct str session = json_get(event, STR("session"));
    struct str type = json_get(session, STR("type"));
    struct str heard = format_heard(session);
    TRY(read_once(session, once_session, EP_ARRAY_LEN(once_session), ask, fail));
    if (type.len > 0 && json_string_is(type, STR("transcription"))) {
        ask->param = "session.type";
        return FAIL(fail, ERR_ASK_INVALID,
                    "Sessions that only transcribe are not served: use /v1/audio/transcriptions.");
    }
    ask->model = string_of(json_get(session, STR("model")));
    ask->narrow = names_narrow(session) || str_find(heard, '\\') < heard.len; /* "\u0061udio/..." */
    return read_cap(session, ask, fail);
}

static enum err read_kind(struct str type, struct realtime_ask *ask, struct fail *fail)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(ask_rows); i++) {
        if (json_string_is(type, ask_rows[i].type)) {
            ask->kind = ask_rows[i].kind;
            return ERR_OK;
        }
    }
    ask->param = "type";
    return FAIL(fail, ERR_ASK_INVALID, "\"type\" names no event that is served.");
}

enum err realtime_read_ask(struct str event, struct realtime_ask *ret_ask, struct fail *fail)
{
    struct json_fault fault;
    *ret_ask = (struct realtime_ask){ .kind = REALTIME_ASK_OTHER };
    enum err err = json_check(event, &fault);
    if (err != ERR_OK) {
        return FAIL(fail, err, "The event is no JSON: byte %zu: %s.", fault.offset, fault.reason);
    }
    struct str type = json_get(event, STR("type"));
    struct str event_id = json_get(event, STR("event_id"));
    if (event_id.len > REALTIME_ID_MAX) {
        ret_ask->param = "event_id";
        return FAIL(fail, ERR_ASK_INVALID, "An \"event_id\" has at most 512 characters.");
    }
    if (str_starts(event_id, STR(REALTIME_OURS))) {
        ret_ask->param = "event_id";
        return FAIL(fail, ERR_ASK_INVALID, "An \"event_id\" does not begin with \"entrepot_\".");
    }
    ret_ask->event_id = string_of(event_id);
    TRY(read_once(event, once_event, EP_ARRAY_LEN(once_event), ret_ask, fail));
    if (type.len == 0 || json_kind(type) != JSON_STRING) {
        ret_ask->param = "type";
        return FAIL(fail, ERR_ASK_MISSING, "An event needs a \"type\".");
    }
    TRY(read_kind(type, ret_ask, fail));
    if (ret_ask->kind == REALTIME_ASK_RESPONSE) {
        return read_response(event, ret_ask, fail);
    }
    if (ret_ask->kind == REALTIME_ASK_SESSION) {
        return read_session(event, ret_ask, fail);
    }
    if (ret_ask->kind == REALTIME_ASK_AUDIO) {
        ret_ask->sound_bytes = sound_len(json_get(event, STR("audio")));
    }
    return ERR_OK;
}

/* ---- the server's events ------------------------------------------------------------------- */

enum delta {
    DELTA_NONE,
    DELTA_TEXT,
    DELTA_SOUND
};

struct event_row {
    struct str type;
    enum realtime_kind kind;
    enum delta delta;
};

/* The names of today, and those of the beta. Of what is not here, "response." and "conversation."
 * say what it belongs to. */
static const struct event_row event_rows[] = {
    { STR_INIT("response.output_audio.delta"), REALTIME_WITHIN, DELTA_SOUND },
    { STR_INIT("response.output_audio_transcript.delta"), REALTIME_WITHIN, DELTA_TEXT },
    { STR_INIT("response.output_text.delta"), REALTIME_WITHIN, DELTA_TEXT },
    { STR_INIT("response.function_call_arguments.delta"), REALTIME_WITHIN, DELTA_TEXT },
    { STR_INIT("response.audio.delta"), REALTIME_WITHIN, DELTA_SOUND },
    { STR_INIT("response.audio_transcript.delta"), REALTIME_WITHIN, DELTA_TEXT },
    { STR_INIT("response.text.delta"), REALTIME_WITHIN, DELTA_TEXT },
    { STR_INIT("response.created"), REALTIME_BEGUN, DELTA_NONE },
    { STR_INIT("response.done"), REALTIME_DONE, DELTA_NONE },
    { STR_INIT("session.created"), REALTIME_SESSION, DELTA_NONE },
    { STR_INIT("session.updated"), REALTIME_SESSION, DELTA_NONE },
    { STR_INIT("error"), REALTIME_ERROR, DELTA_NONE },
    { STR_INIT("rate_limits.updated"), REALTIME_LIMITS, DELTA_NONE },
    { STR_INIT("conversation.item.added"), REALTIME_WITHIN, DELTA_NONE },
    { STR_INIT("conversation.item.created"), REALTIME_WITHIN, DELTA_NONE },
    { STR_INIT("conversation.item.done"), REALTIME_WITHIN, DELTA_NONE },
    { STR_INIT("conversation.item.input_audio_transcription.completed"), REALTIME_TRANSCRIBED,
      DELTA_NONE },
};

static struct event_row event_row(struct str type)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(event_rows); i++) {
        if (json_string_is(type, event_rows[i].type)) {
            return event_rows[i];
        }
    }
    bool within = str_starts(type, STR("\"response."));
    return (struct event_row){ .kind = within ? REALTIME_WITHIN : REALTIME_OTHER };
}

static struct str object_of(struct str object, struct str name)
{
    struct str value = json_get(object, name);
    return value.len > 0 && json_kind(value) == JSON_OBJECT ? value : STR_EMPTY;
}

/* "2.35" is 3; what is no such number, 0. A meter of seconds, not of money: the sign and the
 * exponent of other numbers are not looked at. */
static int64_t seconds_of(struct str usage)
{
    struct str value = json_get(usage, STR("seconds"));
    struct str whole = str_cut(&value, '.');
    uint64_t seconds = 0;
    if (usage.len == 0 || !str_to_u64(whole, &seconds) || seconds > INT32_MAX) {
        return 0;
    }
    uint64_t rest = 0;
    bool more = str_to_u64(value, &rest) && rest > 0;
    return (int64_t)seconds + (more ? 1 : 0);
}

static int64_t told_cap(struct str value)
{
    int64_t cap = 0;
    return value.len > 0 && json_i64(value, &cap) && cap > 0 && cap <= ASK_OUTPUT_MAX ? cap : 0;
}

static bool is_said(struct str item)
{
    struct str role = string_of(json_get(item, STR("role")));
    struct str type = string_of(json_get(item, STR("type")));
    return (role.len > 0 && json_string_is(role, STR("assistant"))) ||
           (type.len > 0 && json_string_is(type, STR("function_call")));
}

/* A response is named in its own object, or by what belongs to it. */
static void read_response_id(struct str event, const struct event_row *row,
                             struct realtime_event *ret_event)
{
    bool whole = row->kind == REALTIME_BEGUN || row->kind == REALTIME_DONE;
    struct str response = object_of(event, STR("response"));
    struct str id =
        string_of(whole ? json_get(response, STR("id")) : json_get(event, STR("response_id")));
    ret_event->response = id.len <= REALTIME_ID_MAX ? id : STR_EMPTY;
    if (row->kind == REALTIME_DONE) {
        ret_event->usage = object_of(response, STR("usage"));
    } else if (row->kind == REALTIME_BEGUN) {
        ret_event->within = string_of(json_get(response, STR("conversation_id"))).len > 0;
    }
}

void realtime_read_event(struct str event, struct realtime_event *ret_event)
{
    struct json_fault fault;
    *ret_event = (struct realtime_event){ .kind = REALTIME_OTHER };
    if (json_check(event, &fault) != ERR_OK) {
        ret_event->bad = true;
        return;
    }
    struct str type = json_get(event, STR("type"));
    if (type.len == 0 || json_kind(type) != JSON_STRING) {
        ret_event->bad = true;
        return;
    }
    struct event_row row = event_row(type);
    ret_event->kind = row.kind;
    ret_event->item = str_starts(type, STR("\"conversation.item."));
    ret_event->said = ret_event->item && is_said(json_get(event, STR("item")));
    if (row.kind == REALTIME_BEGUN || row.kind == REALTIME_WITHIN || row.kind == REALTIME_DONE) {
        read_response_id(event, &row, ret_event);
    }
    if (row.delta == DELTA_TEXT) {
        ret_event->text_bytes = text_len(json_get(event, STR("delta")));
    } else if (row.delta == DELTA_SOUND) {
        ret_event->sound_bytes = sound_len(json_get(event, STR("delta")));
    } else if (row.kind == REALTIME_TRANSCRIBED) {
        ret_event->usage = object_of(event, STR("usage"));
        ret_event->seconds = seconds_of(ret_event->usage);
    } else if (row.kind == REALTIME_ERROR) {
        ret_event->error = object_of(event, STR("error"));
        ret_event->event_id = string_of(json_get(ret_event->error, STR("event_id")));
    } else if (row.kind == REALTIME_SESSION) {
        struct str session = json_get(event, STR("session"));
        ret_event->model = string_of(json_get(session, STR("model")));
        ret_event->output_cap = told_cap(cap_of(session));
        ret_event->narrow =
            names_narrow(format_of(session, STR("output"), STR("output_audio_format")));
        ret_event->hears_narrow = names_narrow(format_heard(session));
        ret_event->created = json_string_is(type, STR("session.created"));
    }
}

void realtime_read_chunk(struct str data, struct chat_event *ret_event)
{
    struct realtime_event event;
    realtime_read_event(data, &event);
    *ret_event = (struct chat_event){
        .bad = event.bad,
        .done = event.kind == REALTIME_DONE || event.kind == REALTIME_TRANSCRIBED,
        .usage = event.seconds > 0 ? STR_EMPTY : event.usage,
        .told = event.usage,
        .content_bytes = event.text_bytes + event.sound_bytes,
    };
}

int64_t realtime_total(struct str usage)
{
    int64_t total = 0;
    struct str value = json_get(usage, STR("total_tokens"));
    bool said = usage.len > 0 && json_i64(value, &total);
    return said && total > 0 && total <= REALTIME_TOTAL_MAX ? total : 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* A member of the error, but the one that is ours to say. */
static enum err write_member(struct buf *out, const struct json_member *member)
{
    const struct str parts[] = { STR("\""), member->key, STR("\":"), member->value, STR(",") };
    bool ours = json_key_is(member->key, STR("event_id"));
    return ours ? ERR_OK : buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}

enum err realtime_write_error(struct buf *out, struct str error, struct str event_id, uint64_t id)
{
    struct jsonw json;
    struct str rest = json_inside(error);
    struct json_member member;
    TRY(buf_append(out, STR("{\"type\":\"error\",\"event_id\":\"event_")));
    TRY(buf_u64(out, id));
    TRY(buf_append(out, STR("\",\"error\":{")));
    while (json_next_member(&rest, &member)) {
        TRY(write_member(out, &member));
    }
    jsonw_init(&json, out);
    jsonw_key(&json, "event_id");
    if (event_id.len > 0) {
        jsonw_raw(&json, event_id);
    } else {
        jsonw_null(&json);
    }
    TRY(jsonw_err(&json));
    return buf_append(out, STR("}}"));
}

enum err realtime_write_named(struct buf *out, struct str event, struct str event_id)
{
    struct str rest = str_from_at(json_trim(event), 1); /* it has members: a type at least */
    const struct str parts[] = { STR("{\"event_id\":"), event_id, STR(","), rest };
    return buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}

enum err realtime_write_cancel(struct buf *out, struct str response, struct str event_id)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", STR("response.cancel"));
    jsonw_key(&json, "event_id");
    jsonw_raw(&json, event_id);
    if (response.len > 0) {
        jsonw_key(&json, "response_id");
        jsonw_raw(&json, response);
    }
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err realtime_write_refusal(struct buf *out, const char *code, struct str text)
{
    struct jsonw json;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", STR("invalid_request_error"));
    jsonw_put_str(&json, "code", str_from(code));
    jsonw_put_str(&json, "message", text);
    jsonw_key(&json, "param");
    jsonw_null(&json);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

enum err realtime_write_sse(struct buf *out, struct str event)
{
    TRY(buf_append(out, STR("data: ")));
    size_t at = out->len;
    TRY(buf_append(out, event));
    for (size_t i = at; i < out->len; i++) {
        /* Line ends are white space in JSON, for in a string they are escaped. */
        out->ptr[i] = out->ptr[i] == '\n' || out->ptr[i] == '\r' ? ' ' : out->ptr[i];
    }
    return buf_append(out, STR("\n\n"));
}
