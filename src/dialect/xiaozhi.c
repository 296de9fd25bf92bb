#include "dialect/xiaozhi.h"

#include "wire/json.h"
#include "wire/jsonw.h"

#define XIAOZHI_MEMBERS_MAX 32 /* firmware sends 6; of more, the rest is not looked at */

/* ---- reading ----------------------------------------------------------------------------- */

struct xiaozhi_word {
    struct str name;
    int value;
};

static const struct xiaozhi_word xiaozhi_types[] = {
    { STR_INIT("hello"), XIAOZHI_HELLO },
    { STR_INIT("listen"), XIAOZHI_LISTEN },
    { STR_INIT("abort"), XIAOZHI_ABORT },
};
static const struct xiaozhi_word xiaozhi_listens[] = {
    { STR_INIT("start"), XIAOZHI_START },
    { STR_INIT("stop"), XIAOZHI_STOP },
    { STR_INIT("detect"), XIAOZHI_DETECT },
};
static const struct xiaozhi_word xiaozhi_modes[] = {
    { STR_INIT("auto"), XIAOZHI_AUTO },
    { STR_INIT("manual"), XIAOZHI_MANUAL },
    { STR_INIT("realtime"), XIAOZHI_REALTIME },
};

static bool xiaozhi_word(const struct xiaozhi_word *words, size_t count, struct str value,
                         int *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_is(value, words[i].name)) {
            *ret_value = words[i].value;
            return true;
        }
    }
    return false;
}

/* The members of an object that was checked, as far as they are looked at. */
struct xiaozhi_object {
    struct str within; /* the object's name in front of its members', or empty */
    struct json_member members[XIAOZHI_MEMBERS_MAX];
    size_t count;
};

/* ERR_ASK_DUPLICATE: the member stands there twice. Not there: an empty value. */
static enum err xiaozhi_member(const struct xiaozhi_object *object, struct str name,
                               struct str *ret_value, struct fail *fail)
{
    struct str value = STR_EMPTY;
    for (size_t i = 0; i < object->count; i++) {
        if (!json_key_is(object->members[i].key, name)) {
            continue;
        }
        if (value.len > 0) {
            return FAIL(fail, ERR_ASK_DUPLICATE, "\"" STR_FMT STR_FMT "\" stands there twice",
                        STR_ARG(object->within), STR_ARG(name));
        }
        value = object->members[i].value;
    }
    *ret_value = value;
    return ERR_OK;
}

/* An optional number that must be one of a few; `value` keeps what it is where there is none. */
static enum err xiaozhi_number(const struct xiaozhi_object *object, struct str name,
                               const int *allowed, int *value, struct fail *fail)
{
    struct str text;
    int64_t number = 0;
    TRY(xiaozhi_member(object, name, &text, fail));
    if (text.len == 0) {
        return ERR_OK;
    }
    bool is_number = json_kind(text) == JSON_NUMBER && json_i64(text, &number);
    for (size_t i = 0; is_number && allowed[i] != 0; i++) {
        if (number == allowed[i]) {
            *value = allowed[i];
            return ERR_OK;
        }
    }
    char list[64];
    struct buf out = { list, 0, sizeof(list), sizeof(list) };
    for (size_t i = 0; allowed[i] != 0; i++) {
        EP_IGNORE(buf_printf(&out, "%s%d", i == 0 ? "" : ", ", allowed[i])); /* 5 short ones */
    }
    return FAIL(fail, ERR_ASK_UNSUPPORTED, "\"" STR_FMT STR_FMT "\" must be one of " STR_FMT,
                STR_ARG(object->within), STR_ARG(name), STR_ARG(buf_str(&out)));
}

/* An optional text that must be `want`. */
static enum err xiaozhi_must_be(const struct xiaozhi_object *object, struct str name,
                                struct str want, struct fail *fail)
{
    struct str value;
    TRY(xiaozhi_member(object, name, &value, fail));
    if (value.len > 0 && !json_string_is(value, want)) {
        return FAIL(fail, ERR_ASK_UNSUPPORTED, "\"" STR_FMT STR_FMT "\" must be \"" STR_FMT "\"",
                    STR_ARG(object->within), STR_ARG(name), STR_ARG(want));
    }
    return ERR_OK;
}

static void xiaozhi_list(struct str object, struct xiaozhi_object *ret_object)
{
    struct str rest = json_inside(object);
    ret_object->count = 0;
    while (ret_object->count < XIAOZHI_MEMBERS_MAX &&
           json_next_member(&rest, &ret_object->members[ret_object->count])) {
        ret_object->count++;
    }
}

static enum err xiaozhi_read_audio(struct str value, struct xiaozhi_message *message,
                                   struct fail *fail)
{
    static const int rates[] = { 8000, 12000, 16000, 24000, 48000, 0 };
    static const int frames[] = { 10, 20, 40, 60, 0 };
    static const int channels[] = { 1, 0 };
    struct xiaozhi_object audio = { .within = STR("audio_params.") };
    int channel = 1;
    if (json_kind(value) != JSON_OBJECT) {
        return FAIL(fail, ERR_ASK_INVALID, "\"audio_params\" must be an object");
    }
    xiaozhi_list(value, &audio);
    TRY(xiaozhi_must_be(&audio, STR("format"), STR("opus"), fail));
    TRY(xiaozhi_number(&audio, STR("sample_rate"), rates, &message->sample_rate, fail));
    TRY(xiaozhi_number(&audio, STR("channels"), channels, &channel, fail));
    return xiaozhi_number(&audio, STR("frame_duration"), frames, &message->frame_ms, fail);
}

static enum err xiaozhi_read_hello(const struct xiaozhi_object *object,
                                   struct xiaozhi_message *message, struct fail *fail)
{
    static const int versions[] = { 1, 2, 3, 0 };
    struct str audio;
    TRY(xiaozhi_must_be(object, STR("transport"), STR("websocket"), fail));
    TRY(xiaozhi_number(object, STR("version"), versions, &message->version, fail));
    TRY(xiaozhi_member(object, STR("audio_params"), &audio, fail));
    return audio.len > 0 ? xiaozhi_read_audio(audio, message, fail) : ERR_OK;
}

static enum err xiaozhi_read_listen(const struct xiaozhi_object *object,
                                    struct xiaozhi_message *message, struct fail *fail)
{
    struct str value;
    int word = XIAOZHI_AUTO;
    TRY(xiaozhi_member(object, STR("state"), &value, fail));
    if (value.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "\"state\" of a listen message is missing");
    }
    if (!xiaozhi_word(xiaozhi_listens, EP_ARRAY_LEN(xiaozhi_listens), value, &word)) {
        return FAIL(fail, ERR_ASK_INVALID, "\"state\" must be start, stop or detect");
    }
    message->listen = (enum xiaozhi_listen)word;
    TRY(xiaozhi_member(object, STR("mode"), &value, fail));
    word = XIAOZHI_AUTO;
    if (value.len > 0 && !xiaozhi_word(xiaozhi_modes, EP_ARRAY_LEN(xiaozhi_modes), value, &word)) {
        return FAIL(fail, ERR_ASK_INVALID, "\"mode\" must be auto, manual or realtime");
    }
    message->mode = (enum xiaozhi_mode)word;
    return ERR_OK;
}

enum err xiaozhi_read(struct str text, struct xiaozhi_message *ret_message, struct fail *fail)
{
    struct xiaozhi_message message = { .kind = XIAOZHI_OTHER,
                                       .sample_rate = XIAOZHI_RATE_IN,
                                       .frame_ms = XIAOZHI_FRAME_MS };
    struct xiaozhi_object object = { .within = STR_EMPTY };
    struct json_fault fault;
    struct str type;
    int kind = XIAOZHI_OTHER;
    enum err err = json_check(text, &fault);
    if (err != ERR_OK) {
        return FAIL(fail, err, "the message is no JSON: %s at byte %zu", fault.reason,
                    fault.offset);
    }
    text = json_trim(text);
    if (json_kind(text) != JSON_OBJECT) {
        return FAIL(fail, ERR_ASK_INVALID, "the message must be a JSON object");
    }
    xiaozhi_list(text, &object);
    TRY(xiaozhi_member(&object, STR("type"), &type, fail));
    if (type.len == 0) {
        return FAIL(fail, ERR_ASK_MISSING, "\"type\" is missing");
    }
    if (json_kind(type) != JSON_STRING) {
        return FAIL(fail, ERR_ASK_INVALID, "\"type\" must be a string");
    }
    if (xiaozhi_word(xiaozhi_types, EP_ARRAY_LEN(xiaozhi_types), type, &kind)) {
        message.kind = (enum xiaozhi_kind)kind;
    }
    if (message.kind == XIAOZHI_HELLO) {
        TRY(xiaozhi_read_hello(&object, &message, fail));
    } else if (message.kind == XIAOZHI_LISTEN) {
        TRY(xiaozhi_read_listen(&object, &message, fail));
    }
    *ret_message = message;
    return ERR_OK;
}

/* ---- binary messages --------------------------------------------------------------------- */

#define XIAOZHI_HEADER_2 16 /* version u16, type u16, reserved u32, timestamp u32, size u32 */
#define XIAOZHI_HEADER_3 4  /* type u8, reserved u8, size u16 */

static size_t xiaozhi_get(struct str bytes, size_t at, size_t width)
{
    size_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | (unsigned char)bytes.ptr[at + i];
    }
    return value;
}

static void xiaozhi_put(char *at, size_t width, size_t value)
{
    for (size_t i = 0; i < width; i++) {
        at[i] = (char)(value >> (8 * (width - 1 - i)) & 0xff);
    }
}

enum err xiaozhi_unpack(int version, struct str bytes, struct xiaozhi_packet *ret_packet,
                        struct fail *fail)
{
    ASSERT(version >= 1 && version <= 3);
    size_t header = version == 1 ? 0 : version == 2 ? XIAOZHI_HEADER_2 : XIAOZHI_HEADER_3;
    size_t type = 0;
    if (bytes.len < header) {
        return FAIL(fail, ERR_ASK_INVALID, "a binary message of version %d has %zu bytes at least",
                    version, header);
    }
    size_t size = bytes.len - header;
    if (version == 2) {
        if (xiaozhi_get(bytes, 0, 2) != 2) {
            return FAIL(fail, ERR_ASK_INVALID, "\"version\" of a binary message must be 2");
        }
        type = xiaozhi_get(bytes, 2, 2);
        size = xiaozhi_get(bytes, 12, 4);
    } else if (version == 3) {
        type = xiaozhi_get(bytes, 0, 1);
        size = xiaozhi_get(bytes, 2, 2);
    }
    if (type > 1) {
        return FAIL(fail, ERR_ASK_INVALID, "\"type\" of a binary message must be 0 or 1");
    }
    if (size != bytes.len - header) {
        return FAIL(fail, ERR_ASK_INVALID,
                    "\"payload_size\" of a binary message must be what follows the header");
    }
    if (type == 0 && size > XIAOZHI_PACKET_MAX) {
        return FAIL(fail, ERR_ASK_INVALID, "a packet of Opus has %zu bytes at most",
                    XIAOZHI_PACKET_MAX);
    }
    *ret_packet =
        (struct xiaozhi_packet){ .json = type == 1, .payload = str_from_at(bytes, header) };
    return ERR_OK;
}

size_t xiaozhi_header(int version, size_t size, char ret_header[XIAOZHI_HEADER_MAX])
{
    ASSERT(version >= 1 && version <= 3);
    ASSERT(size <= XIAOZHI_PACKET_MAX);
    if (version == 2) {
        memset(ret_header, 0, XIAOZHI_HEADER_2);
        xiaozhi_put(ret_header, 2, 2);
        xiaozhi_put(ret_header + 12, 4, size);
        return XIAOZHI_HEADER_2;
    }
    if (version == 3) {
        memset(ret_header, 0, XIAOZHI_HEADER_3);
        xiaozhi_put(ret_header + 2, 2, size);
        return XIAOZHI_HEADER_3;
    }
    return 0;
}

/* ---- a session --------------------------------------------------------------------------- */

bool xiaozhi_session_init(struct xiaozhi_session *session, int version)
{
    *session = (struct xiaozhi_session){ .state = XIAOZHI_OPENING,
                                         .version = version,
                                         .sample_rate = XIAOZHI_RATE_IN,
                                         .frame_ms = XIAOZHI_FRAME_MS };
    return version >= 0 && version <= 3;
}

static enum err xiaozhi_session_hello(struct xiaozhi_session *session,
                                      const struct xiaozhi_message *message, struct fail *fail)
{
    bool says = message->version != 0;
    if (session->state != XIAOZHI_OPENING) {
        return FAIL(fail, ERR_ASK_INVALID, "\"type\" hello stands at the beginning alone");
    }
    if (says && session->version != 0 && message->version != session->version) {
        return FAIL(fail, ERR_ASK_INVALID, "\"version\" is %d here and %d in Protocol-Version",
                    message->version, session->version);
    }
    session->version = says ? message->version : session->version != 0 ? session->version : 1;
    session->sample_rate = message->sample_rate;
    session->frame_ms = message->frame_ms;
    session->state = XIAOZHI_IDLE;
    return ERR_OK;
}

static enum xiaozhi_act xiaozhi_session_start(struct xiaozhi_session *session,
                                              enum xiaozhi_mode mode)
{
    bool answering = session->state == XIAOZHI_ANSWERING;
    session->mode = mode;
    session->state = XIAOZHI_LISTENING;
    return answering ? XIAOZHI_BARGE : XIAOZHI_BEGIN;
}

static enum xiaozhi_act xiaozhi_session_abort(struct xiaozhi_session *session)
{
    if (session->state == XIAOZHI_LISTENING) {
        session->state = XIAOZHI_IDLE;
        return XIAOZHI_DROP;
    }
    if (session->state == XIAOZHI_ANSWERING) {
        return xiaozhi_session_answered(session) ? XIAOZHI_BARGE : XIAOZHI_INTERRUPT;
    }
    return XIAOZHI_NOTHING; /* nobody speaks: a press that came too late */
}

static enum xiaozhi_act xiaozhi_session_listen(struct xiaozhi_session *session,
                                               const struct xiaozhi_message *message)
{
    switch (message->listen) {
    case XIAOZHI_START:
        return xiaozhi_session_start(session, message->mode);
    case XIAOZHI_DETECT:
        return XIAOZHI_WAKE;
    case XIAOZHI_STOP:
        break;
    }
    if (session->state != XIAOZHI_LISTENING) {
        return XIAOZHI_NOTHING; /* the server has ended the segment just before */
    }
    xiaozhi_session_heard(session);
    return XIAOZHI_HEARD;
}

enum err xiaozhi_session_take(struct xiaozhi_session *session,
                              const struct xiaozhi_message *message, enum xiaozhi_act *ret_act,
                              struct fail *fail)
{
    if (message->kind == XIAOZHI_HELLO) {
        TRY(xiaozhi_session_hello(session, message, fail));
        *ret_act = XIAOZHI_GREET;
        return ERR_OK;
    }
    if (session->state == XIAOZHI_OPENING) {
        return FAIL(fail, ERR_ASK_INVALID, "\"type\" of the first message must be hello");
    }
    *ret_act = XIAOZHI_NOTHING;
    if (message->kind == XIAOZHI_LISTEN) {
        *ret_act = xiaozhi_session_listen(session, message);
    } else if (message->kind == XIAOZHI_ABORT) {
        *ret_act = xiaozhi_session_abort(session);
    }
    return ERR_OK;
}

enum err xiaozhi_session_hears(const struct xiaozhi_session *session, bool *ret_hears,
                               struct fail *fail)
{
    if (session->state == XIAOZHI_OPENING) {
        return FAIL(fail, ERR_ASK_INVALID, "audio must not come before \"type\" hello");
    }
    *ret_hears = session->state == XIAOZHI_LISTENING;
    return ERR_OK;
}

void xiaozhi_session_heard(struct xiaozhi_session *session)
{
    ASSERT(session->state == XIAOZHI_LISTENING);
    session->state = XIAOZHI_ANSWERING;
}

bool xiaozhi_session_answered(struct xiaozhi_session *session)
{
    ASSERT(session->state == XIAOZHI_LISTENING || session->state == XIAOZHI_ANSWERING);
    session->state = session->mode == XIAOZHI_REALTIME ? XIAOZHI_LISTENING : XIAOZHI_IDLE;
    return session->state == XIAOZHI_LISTENING;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void xiaozhi_begin(struct jsonw *json, struct buf *out, struct str session, struct str type)
{
    jsonw_init(json, out);
    jsonw_open(json, '{');
    jsonw_put_str(json, "session_id", session);
    jsonw_put_str(json, "type", type);
}

static enum err xiaozhi_end(struct jsonw *json)
{
    jsonw_close(json, '}');
    return jsonw_err(json);
}

enum err xiaozhi_write_hello(struct buf *out, struct str session, int frame_ms)
{
    struct jsonw json;
    xiaozhi_begin(&json, out, session, STR("hello"));
    jsonw_put_str(&json, "transport", STR("websocket"));
    jsonw_key(&json, "audio_params");
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "format", STR("opus"));
    jsonw_put_int(&json, "sample_rate", XIAOZHI_RATE_OUT);
    jsonw_put_int(&json, "channels", 1);
    jsonw_put_int(&json, "frame_duration", frame_ms);
    jsonw_close(&json, '}');
    return xiaozhi_end(&json);
}

enum err xiaozhi_write_stt(struct buf *out, struct str session, struct str text)
{
    struct jsonw json;
    xiaozhi_begin(&json, out, session, STR("stt"));
    jsonw_put_str(&json, "text", text);
    return xiaozhi_end(&json);
}

enum err xiaozhi_write_llm(struct buf *out, struct str session, struct str emotion, struct str text)
{
    struct jsonw json;
    xiaozhi_begin(&json, out, session, STR("llm"));
    jsonw_put_str(&json, "emotion", emotion);
    jsonw_put_str(&json, "text", text);
    return xiaozhi_end(&json);
}

enum err xiaozhi_write_tts(struct buf *out, struct str session, struct str state, struct str text)
{
    struct jsonw json;
    xiaozhi_begin(&json, out, session, STR("tts"));
    jsonw_put_str(&json, "state", state);
    if (text.len > 0) {
        jsonw_put_str(&json, "text", text);
    }
    return xiaozhi_end(&json);
}

enum err xiaozhi_write_alert(struct buf *out, struct str session, struct str message)
{
    struct jsonw json;
    xiaozhi_begin(&json, out, session, STR("alert"));
    jsonw_put_str(&json, "status", STR("Error"));
    jsonw_put_str(&json, "message", message);
    jsonw_put_str(&json, "emotion", STR("sad"));
    return xiaozhi_end(&json);
}
