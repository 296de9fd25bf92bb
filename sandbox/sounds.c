#include "sounds.h"

#include <string.h>

#include "base/enc.h"
#include "lexicon.h"
#include "meter/sound.h"
#include "wire/json.h"
#include "wire/jsonw.h"
#include "wire/multipart.h"

#define SOUNDS_RATE        24000 /* samples a second, of two bytes */
#define SOUNDS_NARROW      8     /* samples of G.711 a millisecond */
#define SOUNDS_CHAR_MS     60
#define SOUNDS_TONE        64 /* samples of a wave: 375 Hz */
#define SOUNDS_LOUD        8000
#define SOUNDS_PIECE       4096 /* bytes of a stream at once */
#define SOUNDS_EVENT_BYTES 2400 /* of sound in an event: 50 ms */
#define SOUNDS_TOKENS      10   /* of a second heard, as OpenAI counts */
#define SOUNDS_TEXT_MAX    ((size_t)1 << 20)
#define SOUNDS_FIELDS_MAX  ((size_t)1 << 18)

static bool sounds_refuse(struct persona_fault *ret_fault, const char *text, const char *param)
{
    *ret_fault = (struct persona_fault){
        .status = 400, .text = text, .type = "invalid_request_error", .param = param
    };
    return false;
}

static bool sounds_full(struct persona_fault *ret_fault)
{
    return sounds_refuse(ret_fault, "The answer is too large for the sandbox.", NULL);
}

/* As the options have it: none, the truth, or more. -1: none is reported. */
static int64_t sounds_told(const struct persona_options *options, int64_t truth)
{
    return options->usage == PERSONA_MISSING    ? -1
           : options->usage == PERSONA_INFLATED ? truth + truth * options->inflate_percent / 100
                                                : truth;
}

static void sounds_tokens(struct jsonw *json, int64_t audio, int64_t text, int64_t output)
{
    jsonw_key(json, "usage");
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", STR("tokens"));
    jsonw_put_int(json, "input_tokens", audio + text);
    jsonw_key(json, "input_token_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "audio_tokens", audio);
    jsonw_put_int(json, "text_tokens", text);
    jsonw_close(json, '}');
    jsonw_put_int(json, "output_tokens", output);
    jsonw_put_int(json, "total_tokens", audio + text + output);
    jsonw_close(json, '}');
}

/* ---- speech ------------------------------------------------------------------------------- */

static enum err sounds_little(struct buf *out, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        TRY(buf_byte(out, (char)(value >> (8 * i) & 0xFF)));
    }
    return ERR_OK;
}

static enum err sounds_head(struct buf *out, uint64_t bytes)
{
    TRY(buf_append(out, STR("RIFF")));
    TRY(sounds_little(out, 36 + bytes, 4));
    TRY(buf_append(out, STR("WAVEfmt \x10\0\0\0\1\0\1\0")));
    TRY(sounds_little(out, SOUNDS_RATE, 4));
    TRY(sounds_little(out, (uint64_t)SOUNDS_RATE * 2, 4));
    TRY(buf_append(out, STR("\2\0\x10\0data")));
    return sounds_little(out, bytes, 4);
}

/* A triangle, up and down. */
static enum err sounds_tone(struct buf *out, uint64_t samples)
{
    for (uint64_t i = 0; i < samples; i++) {
        int64_t at = (int64_t)(i % SOUNDS_TONE);
        int64_t up = at < SOUNDS_TONE / 2 ? at : SOUNDS_TONE - at;
        int64_t height = up * 4 * SOUNDS_LOUD / SOUNDS_TONE - SOUNDS_LOUD;
        TRY(sounds_little(out, (uint64_t)height, 2));
    }
    return ERR_OK;
}

static uint64_t sounds_chars(struct str text)
{
    uint64_t chars = 0;
    for (size_t i = 0; i < text.len; i++) {
        chars += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return chars;
}

int64_t sounds_ms(struct str text)
{
    return (int64_t)(sounds_chars(text) * SOUNDS_CHAR_MS);
}

enum err sounds_word(struct str text, bool narrow, struct buf *out)
{
    uint64_t ms = (uint64_t)sounds_ms(text);
    if (!narrow) {
        return sounds_tone(out, ms * SOUNDS_RATE / 1000);
    }
    for (uint64_t i = 0; i < ms * SOUNDS_NARROW; i++) { /* up and down, 364 times a second */
        TRY(buf_byte(out, i / 11 % 2 == 0 ? '\x20' : '\xA0'));
    }
    return ERR_OK;
}

/* The sound, as events, and what it took. */
static enum err sounds_events(struct str sound, int64_t text, const struct persona_options *options,
                              struct buf *out)
{
    struct jsonw json;
    for (size_t at = 0; at < sound.len; at += SOUNDS_EVENT_BYTES) {
        size_t end = at + SOUNDS_EVENT_BYTES < sound.len ? at + SOUNDS_EVENT_BYTES : sound.len;
        TRY(buf_append(out, STR("data: {\"type\":\"speech.audio.delta\",\"audio\":\"")));
        TRY(enc_base64(out, sound.ptr + at, end - at));
        TRY(buf_append(out, STR("\"}\n\n")));
    }
    TRY(buf_append(out, STR("data: ")));
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", STR("speech.audio.done"));
    int64_t told = sounds_told(options, text);
    if (told >= 0) {
        int64_t output = (int64_t)(sound.len / 2 / (SOUNDS_RATE / 20)); /* 20 a second */
        jsonw_key(&json, "usage");
        jsonw_open(&json, '{');
        jsonw_put_int(&json, "input_tokens", told);
        jsonw_put_int(&json, "output_tokens", output);
        jsonw_put_int(&json, "total_tokens", told + output);
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_append(out, STR("\n\n"));
}

static enum err sounds_speak(struct str text, bool pcm, bool events,
                             const struct persona_options *options, struct buf *out)
{
    struct buf sound;
    uint64_t samples = sounds_chars(text) * SOUNDS_CHAR_MS * SOUNDS_RATE / 1000;
    buf_init(&sound, out->max);
    enum err err = pcm ? ERR_OK : sounds_head(&sound, samples * 2);
    err = err == ERR_OK ? sounds_tone(&sound, samples) : err;
    if (err == ERR_OK) {
        err = events ? sounds_events(buf_str(&sound), lexicon_count(text), options, out)
                     : buf_append(out, buf_str(&sound));
    }
    buf_fini(&sound);
    return err;
}

bool sounds_say(struct str body, const struct persona_options *options, struct buf *out,
                struct sounds_made *ret_made, struct persona_fault *ret_fault)
{
    struct json_fault where;
    struct buf text;
    body = json_trim(body);
    if (json_check(body, &where) != ERR_OK || json_kind(body) != JSON_OBJECT) {
        return sounds_refuse(ret_fault, "We could not parse the JSON body of your request.", NULL);
    }
    struct str input = json_get(body, STR("input"));
    if (input.len < 3 || json_kind(input) != JSON_STRING) {
        return sounds_refuse(ret_fault, "input: a text is required", "input");
    }
    bool pcm = json_string_is(json_get(body, STR("response_format")), STR("pcm"));
    bool events = json_string_is(json_get(body, STR("stream_format")), STR("sse"));
    buf_init(&text, SOUNDS_TEXT_MAX);
    bool made = json_decode(input, &text) &&
                sounds_speak(buf_str(&text), pcm, events, options, out) == ERR_OK;
    buf_fini(&text);
    *ret_made = (struct sounds_made){
        .type = events ? "text/event-stream"
                : pcm  ? "audio/pcm"
                       : "audio/wav",
        .stream = true,
        .piece = events ? 0 : SOUNDS_PIECE,
    };
    return made || sounds_full(ret_fault);
}

/* ---- transcriptions ----------------------------------------------------------------------- */

/* What a form says. */
struct sounds_form {
    char model[PERSONA_MODEL_MAX + 1];
    char format[32];
    bool stream;
    bool translate;
    bool has_file;
    uint64_t bytes;
    int64_t prompt_tokens;
    struct sound sound;
    struct buf fields; /* ["name","value"],... */
    int64_t ms;
};

static void sounds_keep(char *place, size_t room, struct str value)
{
    size_t len = value.len < room ? value.len : room - 1;
    memcpy(place, value.ptr, len);
    place[len] = '\0';
}

static enum err sounds_note(struct sounds_form *form, struct str name, struct str value)
{
    struct jsonw json;
    TRY(form->fields.len == 0 ? ERR_OK : buf_byte(&form->fields, ','));
    jsonw_init(&json, &form->fields);
    jsonw_open(&json, '[');
    jsonw_str(&json, name);
    jsonw_str(&json, value);
    jsonw_close(&json, ']');
    return jsonw_err(&json);
}

static enum err sounds_field(struct sounds_form *form, struct str name, struct str value)
{
    if (str_eq(name, STR("model"))) {
        sounds_keep(form->model, sizeof(form->model), value);
    } else if (str_eq(name, STR("response_format"))) {
        sounds_keep(form->format, sizeof(form->format), value);
    } else if (str_eq(name, STR("stream"))) {
        form->stream = str_eq(value, STR("true"));
    } else if (str_eq(name, STR("prompt"))) {
        form->prompt_tokens = lexicon_count(value);
    }
    return sounds_note(form, name, value);
}

static enum err sounds_item(struct sounds_form *form, const struct multipart_item *item)
{
    switch (item->kind) {
    case MULTIPART_FIELD:
        return sounds_field(form, item->name, item->value);
    case MULTIPART_FILE:
        form->has_file = true;
        return sounds_note(form, item->name, item->file_name);
    case MULTIPART_DATA:
        form->bytes += item->value.len;
        sound_feed(&form->sound, item->value);
        break;
    case MULTIPART_FILE_END:
    case MULTIPART_END:
        break;
    }
    return ERR_OK;
}

static bool sounds_read(struct sounds_form *form, struct str type, struct str body,
                        struct persona_fault *ret_fault)
{
    struct multipart reader;
    struct multipart_item item;
    enum err err = ERR_OK;
    if (!multipart_init(&reader, type, STR("file"))) {
        return sounds_refuse(ret_fault, multipart_why(reader.bad), NULL);
    }
    while (err == ERR_OK && multipart_next(&reader, &body, &item) == WIRE_DONE) {
        err = sounds_item(form, &item);
    }
    bool whole = multipart_done(&reader);
    multipart_fini(&reader);
    if (err != ERR_OK || !whole) {
        return sounds_refuse(ret_fault, "The form cannot be read.", NULL);
    }
    if (!form->has_file || form->model[0] == '\0') {
        return sounds_refuse(ret_fault, "file and model are required", "file");
    }
    return sound_length(&form->sound, &form->ms) ||
           sounds_refuse(ret_fault,
                         "The audio file could not be decoded or its format is not "
                         "supported.",
                         "file");
}

/* "00:00:01,234", or with a point. */
static enum err sounds_time(struct buf *out, int64_t ms, char point)
{
    return buf_printf(out, "%02lld:%02lld:%02lld%c%03lld", (long long)(ms / 3600000),
                      (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), point,
                      (long long)(ms % 1000));
}

static enum err sounds_titles(struct buf *out, bool vtt, int64_t ms, struct str text)
{
    TRY(buf_append(out, vtt ? STR("WEBVTT\n\n") : STR("1\n")));
    TRY(sounds_time(out, 0, vtt ? '.' : ','));
    TRY(buf_append(out, STR(" --> ")));
    TRY(sounds_time(out, ms, vtt ? '.' : ','));
    const struct str parts[] = { STR("\n"), text, STR("\n\n") };
    return buf_append_all(out, parts, EP_ARRAY_LEN(parts));
}

/* Models of Whisper's name are paid by duration, others by tokens. */
static void sounds_usage(const struct sounds_form *form, const struct persona_options *options,
                         struct str text, bool by_duration, struct jsonw *json)
{
    int64_t ms = sounds_told(options, form->ms);
    if (ms < 0) {
        return;
    }
    if (!by_duration) {
        sounds_tokens(json, ms * SOUNDS_TOKENS / 1000, form->prompt_tokens, lexicon_count(text));
        return;
    }
    jsonw_key(json, "usage");
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", STR("duration"));
    jsonw_put_int(json, "seconds", (ms + 999) / 1000);
    jsonw_close(json, '}');
}

static enum err sounds_json(const struct sounds_form *form, const struct persona_options *options,
                            struct str text, struct buf *out)
{
    struct jsonw json;
    bool verbose = strcmp(form->format, "verbose_json") == 0;
    bool by_duration = verbose || strstr(form->model, "whisper") != NULL;
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "text", text);
    if (verbose) {
        jsonw_put_str(&json, "task", form->translate ? STR("translate") : STR("transcribe"));
        jsonw_put_str(&json, "language", STR("english"));
        jsonw_put_int(&json, "duration", (form->ms + 999) / 1000);
        jsonw_key(&json, "segments");
        jsonw_raw(&json, STR("[]"));
        jsonw_key(&json, "sandbox"); /* what came */
        jsonw_open(&json, '{');
        jsonw_put_int(&json, "bytes", (int64_t)form->bytes);
        jsonw_put_str(&json, "kind", str_from(sound_kind_name(form->sound.kind)));
        jsonw_key(&json, "fields");
        jsonw_open(&json, '[');
        jsonw_raw(&json, buf_str(&form->fields));
        jsonw_close(&json, ']');
        jsonw_close(&json, '}');
    }
    sounds_usage(form, options, text, by_duration, &json);
    jsonw_close(&json, '}');
    return jsonw_err(&json);
}

static enum err sounds_delta(struct buf *out, struct str word)
{
    struct jsonw json;
    TRY(buf_append(out, STR("data: ")));
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", STR("transcript.text.delta"));
    jsonw_put_str(&json, "delta", word);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_append(out, STR("\n\n"));
}

static enum err sounds_stream(const struct sounds_form *form, const struct persona_options *options,
                              struct str text, struct buf *out)
{
    struct jsonw json;
    struct str rest = text;
    while (rest.len > 0) {
        size_t end = str_find(rest, ' ');
        size_t len = end < rest.len ? end + 1 : end;
        TRY(sounds_delta(out, str_slice(rest, 0, len)));
        rest = str_from_at(rest, len);
    }
    TRY(buf_append(out, STR("data: ")));
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "type", STR("transcript.text.done"));
    jsonw_put_str(&json, "text", text);
    sounds_usage(form, options, text, false, &json);
    jsonw_close(&json, '}');
    TRY(jsonw_err(&json));
    return buf_append(out, STR("\n\n"));
}

static enum err sounds_write(const struct sounds_form *form, const struct persona_options *options,
                             struct buf *out, struct sounds_made *ret_made)
{
    char text[128];
    struct buf said = { text, 0, sizeof(text), sizeof(text) };
    TRY(buf_printf(&said, "This recording has %lld ms of sound.", (long long)form->ms));
    struct str words = buf_str(&said);
    bool srt = strcmp(form->format, "srt") == 0;
    bool vtt = strcmp(form->format, "vtt") == 0;
    if (srt || vtt || strcmp(form->format, "text") == 0) {
        *ret_made = (struct sounds_made){ .type = "text/plain; charset=utf-8" };
        TRY(srt || vtt ? sounds_titles(out, vtt, form->ms, words) : buf_append(out, words));
        return srt || vtt ? ERR_OK : buf_byte(out, '\n');
    }
    *ret_made = (struct sounds_made){
        .type = form->stream ? "text/event-stream" : "application/json",
        .stream = form->stream,
    };
    return form->stream ? sounds_stream(form, options, words, out)
                        : sounds_json(form, options, words, out);
}

bool sounds_hear(struct str type, struct str body, bool translate,
                 const struct persona_options *options, struct buf *out,
                 struct sounds_made *ret_made, struct persona_fault *ret_fault)
{
    struct sounds_form form = { .translate = translate };
    sound_init(&form.sound);
    buf_init(&form.fields, SOUNDS_FIELDS_MAX);
    bool made = sounds_read(&form, type, body, ret_fault) &&
                (sounds_write(&form, options, out, ret_made) == ERR_OK || sounds_full(ret_fault));
    buf_fini(&form.fields);
    return made;
}
