#include "dialect/audio.h"

#include "dialect/told.h"
#include "wire/json.h"

/* ---- numbers ------------------------------------------------------------------------------ */

#define AUDIO_MS_MAX (INT64_C(168) * 3600 * 1000)

/* A number without a sign or an exponent, in units of 10^-places, rounded up. */
static bool audio_read_decimal(struct str text, int places, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;
    bool more = false;
    bool point = false;
    bool digits = false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '.' && !point) {
            point = true;
            continue;
        }
        if (byte < '0' || byte > '9' || number > max) {
            return false;
        }
        digits = true;
        if (point && places == 0) {
            more |= byte > '0';
            continue;
        }
        number = number * 10 + (byte - '0');
        places -= point ? 1 : 0;
    }
    for (; places > 0 && number <= max; places--) {
        number *= 10;
    }
    *ret_number = number + (more ? 1 : 0);
    return digits && *ret_number <= max;
}

bool audio_read_seconds(struct str value, int64_t *ret_ms)
{
    value = json_trim(value);
    if (value.len >= 2 && json_kind(value) == JSON_STRING) {
        value = str_slice(value, 1, value.len - 1);
    }
    return audio_read_decimal(value, 3, AUDIO_MS_MAX, ret_ms);
}

/* ---- speech ------------------------------------------------------------------------------- */

enum speech_member {
    MEMBER_INPUT,
    MEMBER_VOICE,
    MEMBER_FORMAT,
    MEMBER_SPEED,
    MEMBER_STREAM,
    MEMBER_COUNT
};

static const struct str member_names[MEMBER_COUNT] = {
    [MEMBER_INPUT] = STR_INIT("input"),
    [MEMBER_VOICE] = STR_INIT("voice"),
    [MEMBER_FORMAT] = STR_INIT("response_format"),
    [MEMBER_SPEED] = STR_INIT("speed"),
    [MEMBER_STREAM] = STR_INIT("stream_format"),
};

static const struct str format_names[SPEECH_FORMATS] = {
    [SPEECH_MP3] = STR_INIT("mp3"), [SPEECH_OPUS] = STR_INIT("opus"),
    [SPEECH_AAC] = STR_INIT("aac"), [SPEECH_FLAC] = STR_INIT("flac"),
    [SPEECH_WAV] = STR_INIT("wav"), [SPEECH_PCM] = STR_INIT("pcm"),
};

static int64_t speech_chars(struct str input)
{
    struct str rest = str_slice(input, 1, input.len - 1);
    int64_t chars = 0;
    while (rest.len > 0) {
        char one[4];
        (void)json_take_char(&rest, one);
        chars++;
    }
    return chars;
}

static bool speech_read_format(struct str value, enum speech_format *ret_format)
{
    for (size_t i = 0; i < SPEECH_FORMATS; i++) {
        if (json_string_is(value, format_names[i])) {
            *ret_format = (enum speech_format)i;
            return true;
        }
    }
    return value.len == 0; /* absent: it stays */
}

static enum err speech_read_voice(struct ask *ask, struct str voice, struct fail *fail)
{
    if (voice.len == 0) {
        return ask_own_fail(ask, ERR_ASK_MISSING, "voice", "is missing", fail);
    }
    struct str id = json_kind(voice) == JSON_OBJECT ? json_get(voice, STR("id")) : voice;
    bool named = id.len > 2 && json_kind(id) == JSON_STRING;
    return named ? ERR_OK
                 : ask_own_fail(ask, ERR_ASK_INVALID, "voice",
                                "must be a voice's name, or an object with its id", fail);
}

enum err speech_read(struct str body, struct ask *ret_ask, struct speech_ask *ret_speech,
                     struct fail *fail)
{
    struct str values[MEMBER_COUNT] = { STR_EMPTY };
    TRY(ask_read_own(body, member_names, values, MEMBER_COUNT, ret_ask, fail));
    *ret_speech = (struct speech_ask){ .input = values[MEMBER_INPUT], .speed = 100 };
    struct str speed = values[MEMBER_SPEED];
    struct str stream = values[MEMBER_STREAM];
    if (values[MEMBER_INPUT].len == 0) {
        return ask_own_fail(ret_ask, ERR_ASK_MISSING, "input", "is missing", fail);
    }
    if (json_kind(values[MEMBER_INPUT]) != JSON_STRING || values[MEMBER_INPUT].len == 2) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "input", "must be a text, not empty", fail);
    }
    TRY(speech_read_voice(ret_ask, values[MEMBER_VOICE], fail));
    if (!speech_read_format(values[MEMBER_FORMAT], &ret_speech->format)) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "response_format",
                            "must be mp3, opus, aac, flac, wav or pcm", fail);
    }
    bool numeric =
        speed.len == 0 || (json_kind(speed) == JSON_NUMBER &&
                           audio_read_decimal(speed, 2, SPEECH_SPEED_MAX, &ret_speech->speed));
    if (!numeric || ret_speech->speed < SPEECH_SPEED_MIN) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "speed", "must be a number from 0.25 to 4",
                            fail);
    }
    ret_speech->events = json_string_is(stream, STR("sse"));
    if (stream.len > 0 && !ret_speech->events && !json_string_is(stream, STR("audio"))) {
        return ask_own_fail(ret_ask, ERR_ASK_INVALID, "stream_format", "must be audio or sse",
                            fail);
    }
    ret_speech->chars = speech_chars(ret_speech->input);
    ret_ask->stream = true; /* the answer goes on as it comes, whatever form it has */
    return ERR_OK;
}

/* ---- answers ------------------------------------------------------------------------------ */

/* {"type":"tokens", ...}, or without a type; else empty. */
static struct str audio_tokens(struct str usage)
{
    bool object = usage.len > 0 && json_kind(usage) == JSON_OBJECT;
    struct str type = object ? json_get(usage, STR("type")) : STR_EMPTY;
    return object && (type.len == 0 || json_string_is(type, STR("tokens"))) ? usage : STR_EMPTY;
}

static void audio_event_read(struct str data, struct str delta, struct str done,
                             struct chat_event *ret_event)
{
    struct json_fault fault;
    *ret_event = (struct chat_event){ .bad = false };
    if (json_check(data, &fault) != ERR_OK || json_kind(json_trim(data)) != JSON_OBJECT) {
        ret_event->bad = true;
        return;
    }
    struct str type = json_get(data, STR("type"));
    ret_event->error = told_error(data) || json_string_is(type, STR("error"));
    ret_event->done = json_string_is(type, done);
    ret_event->finished = ret_event->done ? 1 : 0;
    ret_event->usage = audio_tokens(json_get(data, STR("usage")));
    ret_event->told = told_object(data, STR("usage"));
    ret_event->content_bytes = json_string_is(type, delta) ? (int64_t)data.len : 0;
}

void speech_event_read(struct str data, struct chat_event *ret_event)
{
    audio_event_read(data, STR("speech.audio.delta"), STR("speech.audio.done"), ret_event);
    struct str sound = ret_event->content_bytes > 0 ? json_get(data, STR("audio")) : STR_EMPTY;
    bool text = sound.len > 0 && json_kind(sound) == JSON_STRING;
    ret_event->sound = text ? sound : STR_EMPTY;
}

void transcription_event_read(struct str data, struct chat_event *ret_event)
{
    audio_event_read(data, STR("transcript.text.delta"), STR("transcript.text.done"), ret_event);
}

bool transcription_answer_read(struct str body, struct transcription_answer *ret_answer)
{
    *ret_answer = (struct transcription_answer){ .ms = -1 };
    if (!told_open(&body)) {
        return false;
    }
    struct str text = json_get(body, STR("text"));
    struct str usage = json_get(body, STR("usage"));
    struct str seconds = json_get(told_object(body, STR("usage")), STR("seconds"));
    seconds = seconds.len > 0 ? seconds : json_get(body, STR("duration"));
    ret_answer->error = told_error(body);
    ret_answer->usage = audio_tokens(usage);
    ret_answer->told = told_object(body, STR("usage"));
    if (seconds.len == 0 || !audio_read_seconds(seconds, &ret_answer->ms)) {
        ret_answer->ms = -1;
    }
    return ret_answer->error || (text.len > 0 && json_kind(text) == JSON_STRING);
}
