#include "spoken.h"

#include "base/enc.h"
#include "sounds.h"

#define SAID_WIDE   2400 /* bytes of sound that are a token: 50 ms */
#define SAID_NARROW 400
#define SAID_MS     50
#define PIECE_MAX   ((size_t)1 << 22) /* the sound of the longest word */

void spoken_init(struct spoken *spoken, const struct persona_options *options)
{
    *spoken = (struct spoken){ .options = options };
    buf_init(&spoken->ask.arguments, PERSONA_ARGUMENTS_MAX);
    buf_init(&spoken->ask.text, PERSONA_TEXT_MAX);
    buf_init(&spoken->said, PERSONA_TEXT_MAX);
    buf_init(&spoken->piece, PIECE_MAX);
    buf_init(&spoken->metadata, SPOKEN_META_MAX);
}

void spoken_fini(struct spoken *spoken)
{
    persona_ask_fini(&spoken->ask);
    buf_fini(&spoken->said);
    buf_fini(&spoken->piece);
    buf_fini(&spoken->metadata);
}

static bool calls(const struct spoken *spoken)
{
    return spoken->ask.tool[0] != '\0';
}

static void put_or_null(struct jsonw *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    if (text[0] == '\0') {
        jsonw_null(json);
    } else {
        jsonw_str(json, str_from(text));
    }
}

/* ---- usage ---------------------------------------------------------------------------------- */

static void put_input(struct jsonw *json, int64_t text, int64_t audio, int64_t cached)
{
    jsonw_key(json, "input_token_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "text_tokens", text);
    jsonw_put_int(json, "audio_tokens", audio);
    jsonw_put_int(json, "image_tokens", 0);
    jsonw_put_int(json, "cached_tokens", cached);
    jsonw_key(json, "cached_tokens_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "text_tokens", cached);
    jsonw_put_int(json, "audio_tokens", 0);
    jsonw_put_int(json, "image_tokens", 0);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

static int64_t sound_tokens(const struct spoken *spoken)
{
    return spoken->sound / (spoken->narrow ? SAID_NARROW : SAID_WIDE);
}

static void put_usage(const struct spoken *spoken, struct jsonw *json, bool whole)
{
    const struct persona_options *options = spoken->options;
    int64_t said = whole && !spoken->capped ? spoken->ask.said_tokens : spoken->at;
    int64_t in = persona_told(options, spoken->ask.prompt_tokens);
    int64_t heard = spoken->heard_ms * ITEM_SECOND_TOK / 1000;
    int64_t out = persona_told(options, said);
    int64_t sound = sound_tokens(spoken);
    int64_t odd = options->usage == PERSONA_ODD ? 1 : 0;
    if (options->report.len > 0 || options->usage == PERSONA_MISSING) {
        jsonw_raw(json, options->report.len > 0 ? options->report : STR("null"));
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_int(json, "total_tokens", in + heard + out + sound + odd);
    jsonw_put_int(json, "input_tokens", in + heard);
    jsonw_put_int(json, "output_tokens", out + sound);
    put_input(json, in, heard, options->cached < in ? options->cached : in);
    jsonw_key(json, "output_token_details");
    jsonw_open(json, '{');
    jsonw_put_int(json, "text_tokens", out);
    jsonw_put_int(json, "audio_tokens", sound);
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

/* ---- objects -------------------------------------------------------------------------------- */

static void put_part(const struct spoken *spoken, struct jsonw *json, const char *text_type,
                     const char *sound_type)
{
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", str_from(spoken->aloud ? sound_type : text_type));
    jsonw_put_str(json, spoken->aloud ? "transcript" : "text", buf_str(&spoken->said));
    jsonw_close(json, '}');
}

void spoken_put_item(const struct spoken *spoken, struct jsonw *json, const char *status)
{
    bool begun = spoken->said.len > 0;
    jsonw_open(json, '{');
    jsonw_put_str(json, "id", str_from(spoken->item));
    jsonw_put_str(json, "object", STR("realtime.item"));
    jsonw_put_str(json, "type", calls(spoken) ? STR("function_call") : STR("message"));
    jsonw_put_str(json, "status", str_from(status));
    if (calls(spoken)) {
        jsonw_put_str(json, "name", str_from(spoken->ask.tool));
        jsonw_put_str(json, "call_id", str_from(spoken->call));
        jsonw_put_str(json, "arguments", buf_str(&spoken->said));
    } else {
        jsonw_put_str(json, "role", STR("assistant"));
        jsonw_key(json, "content");
        jsonw_open(json, '[');
        if (begun) {
            put_part(spoken, json, "output_text", "output_audio");
        }
        jsonw_close(json, ']');
    }
    jsonw_close(json, '}');
}

/* NULL: nothing is to be said of how it stands. */
static void put_details(struct jsonw *json, const char *status, const char *reason)
{
    jsonw_key(json, "status_details");
    if (reason == NULL) {
        jsonw_null(json);
        return;
    }
    jsonw_open(json, '{');
    jsonw_put_str(json, "type", str_from(status));
    jsonw_put_str(json, "reason", str_from(reason));
    jsonw_close(json, '}');
}

/* An open object's member "response": all but what came of it. */
static void open_response(const struct spoken *spoken, struct jsonw *json, const char *status,
                          const char *reason)
{
    jsonw_key(json, "response");
    jsonw_open(json, '{');
    jsonw_put_str(json, "object", STR("realtime.response"));
    jsonw_put_str(json, "id", str_from(spoken->id));
    jsonw_put_str(json, "status", str_from(status));
    put_details(json, status, reason);
    put_or_null(json, "conversation_id", spoken->conversation);
    jsonw_key(json, "output_modalities");
    jsonw_open(json, '[');
    jsonw_str(json, spoken->aloud ? STR("audio") : STR("text"));
    jsonw_close(json, ']');
    jsonw_key(json, "metadata");
    jsonw_raw(json, spoken->metadata.len > 0 ? buf_str(&spoken->metadata) : STR("null"));
}

/* An event about a part of it. */
static struct jsonw *open_event(const struct spoken *spoken, struct speaker *speaker,
                                const char *type)
{
    struct jsonw *json = speaker_open(speaker, type);
    jsonw_put_str(json, "response_id", str_from(spoken->id));
    jsonw_put_int(json, "output_index", 0);
    return json;
}

static struct jsonw *open_part(const struct spoken *spoken, struct speaker *speaker,
                               const char *type)
{
    struct jsonw *json = open_event(spoken, speaker, type);
    jsonw_put_str(json, "item_id", str_from(spoken->item));
    if (calls(spoken)) {
        jsonw_put_str(json, "call_id", str_from(spoken->call));
    } else {
        jsonw_put_int(json, "content_index", 0);
    }
    return json;
}

static void say_item(const struct spoken *spoken, struct speaker *speaker, const char *type,
                     const char *status)
{
    struct jsonw *json = open_event(spoken, speaker, type);
    jsonw_key(json, "item");
    spoken_put_item(spoken, json, status);
    speaker_close(speaker);
}

/* To the conversation, if it is of one. */
static void say_conversation(const struct spoken *spoken, struct speaker *speaker, const char *type,
                             const char *status)
{
    if (spoken->conversation[0] == '\0') {
        return;
    }
    struct jsonw *json = speaker_open(speaker, type);
    put_or_null(json, "previous_item_id", spoken->previous);
    jsonw_key(json, "item");
    spoken_put_item(spoken, json, status);
    speaker_close(speaker);
}

/* ---- its life ------------------------------------------------------------------------------- */

void spoken_begin(const struct spoken *spoken, struct speaker *speaker)
{
    struct jsonw *json = speaker_open(speaker, "response.created");
    open_response(spoken, json, "in_progress", NULL);
    jsonw_key(json, "output");
    jsonw_raw(json, STR("[]"));
    jsonw_key(json, "usage");
    jsonw_null(json);
    jsonw_close(json, '}');
    speaker_close(speaker);
    say_item(spoken, speaker, "response.output_item.added", "in_progress");
    say_conversation(spoken, speaker, "conversation.item.added", "in_progress");
    if (!calls(spoken)) {
        json = open_part(spoken, speaker, "response.content_part.added");
        jsonw_key(json, "part");
        put_part(spoken, json, "text", "audio");
        speaker_close(speaker);
    }
}

static bool say_sound(struct spoken *spoken, struct speaker *speaker, struct str word)
{
    struct buf text;
    buf_reset(&spoken->piece);
    buf_init(&text, 2 * PIECE_MAX);
    bool fine = sounds_word(word, spoken->narrow, &spoken->piece) == ERR_OK &&
                enc_base64(&text, spoken->piece.ptr, spoken->piece.len) == ERR_OK;
    if (fine) {
        struct jsonw *json = open_part(spoken, speaker, "response.output_audio.delta");
        jsonw_put_str(json, "delta", buf_str(&text));
        speaker_close(speaker);
        spoken->sound += (int64_t)spoken->piece.len;
    }
    buf_fini(&text);
    return fine;
}

/* Whether the next word, said aloud, is within the cap: its text is a token, and each 50 ms of its
 * sound. */
static bool fits_cap(struct spoken *spoken)
{
    struct persona_ask *ask = &spoken->ask;
    buf_reset(&spoken->piece);
    if (spoken->cap == 0 || !spoken->aloud || calls(spoken) || spoken->at >= ask->output_tokens ||
        persona_word(ask, 0, spoken->at, &spoken->piece) != ERR_OK) {
        return true;
    }
    int64_t more = 1 + (sounds_ms(buf_str(&spoken->piece)) + SAID_MS - 1) / SAID_MS;
    spoken->capped = spoken->at + sound_tokens(spoken) + more > spoken->cap;
    ask->cut_short |= spoken->capped;
    return !spoken->capped;
}

bool spoken_step(struct spoken *spoken, struct speaker *speaker)
{
    size_t before = spoken->said.len;
    bool call = calls(spoken);
    int64_t steps = call ? persona_fragments(&spoken->ask) : spoken->ask.output_tokens;
    if (spoken->at >= steps || !fits_cap(spoken)) {
        return false;
    }
    enum err err = call ? buf_append(&spoken->said, persona_fragment(&spoken->ask, spoken->at))
                        : persona_word(&spoken->ask, 0, spoken->at, &spoken->said);
    struct str word = str_from_at(buf_str(&spoken->said), before);
    spoken->at++;
    struct jsonw *json = open_part(spoken, speaker,
                                   call            ? "response.function_call_arguments.delta"
                                   : spoken->aloud ? "response.output_audio_transcript.delta"
                                                   : "response.output_text.delta");
    jsonw_put_str(json, "delta", word);
    speaker_close(speaker);
    bool fine = err == ERR_OK && (call || !spoken->aloud || say_sound(spoken, speaker, word));
    speaker->broken |= !fine;
    return fine;
}

static void say_done(const struct spoken *spoken, struct speaker *speaker)
{
    struct jsonw *json;
    if (calls(spoken)) {
        json = open_part(spoken, speaker, "response.function_call_arguments.done");
        jsonw_put_str(json, "name", str_from(spoken->ask.tool));
        jsonw_put_str(json, "arguments", buf_str(&spoken->said));
        speaker_close(speaker);
        return;
    }
    if (spoken->aloud) {
        (void)open_part(spoken, speaker, "response.output_audio.done");
        speaker_close(speaker);
    }
    json = open_part(spoken, speaker,
                     spoken->aloud ? "response.output_audio_transcript.done"
                                   : "response.output_text.done");
    jsonw_put_str(json, spoken->aloud ? "transcript" : "text", buf_str(&spoken->said));
    speaker_close(speaker);
    json = open_part(spoken, speaker, "response.content_part.done");
    jsonw_key(json, "part");
    put_part(spoken, json, "text", "audio");
    speaker_close(speaker);
}

void spoken_finish(struct spoken *spoken, struct speaker *speaker, enum spoken_end how)
{
    bool whole = how == SPOKEN_WHOLE;
    bool short_of = spoken->ask.cut_short;
    const char *of_item = whole && !short_of ? "completed" : "incomplete";
    const char *status = !whole ? "cancelled" : of_item;
    const char *reason = how == SPOKEN_CANCELLED     ? "client_cancelled"
                         : how == SPOKEN_INTERRUPTED ? "turn_detected"
                         : short_of                  ? "max_output_tokens"
                                                     : NULL;
    say_done(spoken, speaker);
    say_conversation(spoken, speaker, "conversation.item.done", of_item);
    say_item(spoken, speaker, "response.output_item.done", of_item);
    struct jsonw *json = speaker_open(speaker, "response.done");
    open_response(spoken, json, status, reason);
    jsonw_key(json, "output");
    jsonw_open(json, '[');
    spoken_put_item(spoken, json, of_item);
    jsonw_close(json, ']');
    jsonw_key(json, "usage");
    put_usage(spoken, json, whole);
    jsonw_close(json, '}');
    speaker_close(speaker);
}
