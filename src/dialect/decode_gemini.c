/*
 * Google Gemini. A chunk holds parts; neighbouring parts of one kind are one item. Arguments of
 * calls come whole. Usage is on every chunk and counts from the answer's beginning.
 */
#include "dialect/decode_internal.h"

struct reading {
    struct decode *decode;
    struct decode_choice *choice;
};

/* The open item of that kind; what else is open is closed before a new one opens. */
static enum err gemini_item(const struct reading *reading, const struct event_open *open,
                            struct decode_item **ret_item)
{
    *ret_item = decode_open_item(reading->choice, open->kind);
    if (*ret_item != NULL && !(*ret_item)->signed_) { /* what is signed is over */
        return ERR_OK;
    }
    TRY(decode_close_all(reading->decode, reading->choice));
    return decode_open(reading->decode, reading->choice, open, 0, ret_item);
}

/* A part that is an item of its own: opened, told, signed, closed. */
static enum err gemini_one(const struct reading *reading, const struct event_open *open,
                           enum event_channel channel, struct str text, struct str signature)
{
    struct decode_item *item;
    TRY(decode_close_all(reading->decode, reading->choice));
    TRY(decode_open(reading->decode, reading->choice, open, 0, &item));
    TRY(decode_delta(reading->decode, reading->choice, item, channel, text));
    TRY(decode_delta(reading->decode, reading->choice, item, EVENT_SIGNATURE, signature));
    return decode_close(reading->decode, reading->choice, item);
}

static enum err gemini_read_text(const struct reading *reading, struct str part, struct str text,
                                 struct str signature)
{
    bool thought = json_kind(json_get(part, STR("thought"))) == JSON_TRUE;
    const struct event_open open = { .kind = thought ? EVENT_REASON : EVENT_TEXT };
    struct decode_item *item = decode_open_item(reading->choice, open.kind);
    bool signs = signature.len > 0 && (thought || (item != NULL && !item->signed_));
    if (text.len == 0 && !signs) {
        return ERR_OK; /* nothing is said, and there is nothing that it would sign */
    }
    TRY(gemini_item(reading, &open, &item));
    TRY(decode_delta(reading->decode, reading->choice, item,
                     thought ? EVENT_THOUGHT : EVENT_CONTENT, text));
    return decode_delta(reading->decode, reading->choice, item, EVENT_SIGNATURE, signature);
}

static enum err gemini_read_call(const struct reading *reading, struct str call,
                                 struct str signature)
{
    const struct event_open open = { .kind = EVENT_TOOL,
                                     .call_id = text_get(call, STR("id")),
                                     .name = text_get(call, STR("name")) };
    struct str args = json_get(call, STR("args"));
    struct str text = STR_EMPTY;
    if (open.name.len == 0) {
        return ERR_UPSTREAM_SYNTAX;
    }
    /* A call is signed for what was thought before it: so it is told, and so it comes back through
     * clients whose calls have no place for it. */
    if (signature.len > 0) {
        const struct event_open thought = { .kind = EVENT_REASON, .redacted = true };
        TRY(gemini_one(reading, &thought, EVENT_BLOB, signature, STR_EMPTY));
    }
    if (json_kind(args) == JSON_OBJECT) {
        TRY(decode_as_text(reading->decode, args, &text));
    }
    return gemini_one(reading, &open, EVENT_ARGS, text, STR_EMPTY);
}

static enum err gemini_read_data(const struct reading *reading, struct str data,
                                 struct str signature)
{
    struct event_open open = { .kind = EVENT_IMAGE, .name = text_get(data, STR("mimeType")) };
    struct str blob = text_get(data, STR("data"));
    if (str_starts(open.name, STR("audio/"))) {
        struct decode_item *item;
        open.kind = EVENT_AUDIO;
        TRY(gemini_item(reading, &open, &item));
        return decode_delta(reading->decode, reading->choice, item, EVENT_SOUND, blob);
    }
    return gemini_one(reading, &open, EVENT_BLOB, blob, signature);
}

static enum err gemini_read_part(const struct reading *reading, struct str part)
{
    if (json_kind(part) != JSON_OBJECT) {
        return ERR_UPSTREAM_SYNTAX;
    }
    struct str text = json_get(part, STR("text"));
    struct str signature = text_get(part, STR("thoughtSignature"));
    if (json_kind(text) == JSON_STRING) {
        return gemini_read_text(reading, part, text_of(text), signature);
    }
    struct str call = json_get(part, STR("functionCall"));
    if (json_kind(call) == JSON_OBJECT) {
        return gemini_read_call(reading, call, signature);
    }
    struct str data = json_get(part, STR("inlineData"));
    if (json_kind(data) == JSON_OBJECT) {
        return gemini_read_data(reading, data, signature);
    }
    if (json_trim(json_inside(part)).len == 0) {
        return ERR_OK;
    }
    const struct event_open open = { .kind = EVENT_HOSTED, .json = part };
    return gemini_one(reading, &open, EVENT_CONTENT, STR_EMPTY, STR_EMPTY);
}

static enum event_finish gemini_finish_of(struct str reason)
{
    static const struct {
        struct str name;
        enum event_finish finish;
    } names[] = {
        { STR_INIT("STOP"), EVENT_STOP },
        { STR_INIT("MAX_TOKENS"), EVENT_LENGTH },
        { STR_INIT("SAFETY"), EVENT_FILTER },
        { STR_INIT("PROHIBITED_CONTENT"), EVENT_FILTER },
        { STR_INIT("BLOCKLIST"), EVENT_FILTER },
        { STR_INIT("SPII"), EVENT_FILTER },
        { STR_INIT("RECITATION"), EVENT_FILTER },
        { STR_INIT("LANGUAGE"), EVENT_FILTER },
        { STR_INIT("CONTINUATION"), EVENT_PAUSE },
        { STR_INIT("MALFORMED_FUNCTION_CALL"), EVENT_BAD_TOOL },
        { STR_INIT("MALFORMED_RESPONSE"), EVENT_BAD_TOOL },
        { STR_INIT("UNEXPECTED_TOOL_CALL"), EVENT_BAD_TOOL },
        { STR_INIT("TOO_MANY_TOOL_CALLS"), EVENT_BAD_TOOL },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (str_eq(reason, names[i].name)) {
            return names[i].finish;
        }
    }
    bool image = str_starts(reason, STR("IMAGE_")) || str_eq(reason, STR("NO_IMAGE"));
    return image ? EVENT_FILTER : EVENT_STOP;
}

/* What the text rests on stands beside its parts. */
static enum err gemini_read_grounds(const struct reading *reading, struct str candidate)
{
    static const struct str names[] = { STR_INIT("groundingMetadata"),
                                        STR_INIT("citationMetadata") };
    const struct decode_item *item = decode_open_item(reading->choice, EVENT_TEXT);
    for (size_t i = 0; i < EP_ARRAY_LEN(names) && item != NULL; i++) {
        struct str grounds = json_get(candidate, names[i]);
        if (json_kind(grounds) == JSON_OBJECT) {
            TRY(decode_note(reading->decode, reading->choice, item, EVENT_SAFETY, grounds));
        }
    }
    return ERR_OK;
}

static enum err gemini_read_candidate(struct decode *decode, struct str candidate, int64_t place)
{
    struct reading reading = { .decode = decode };
    int64_t index = place;
    struct str part;
    if (json_kind(candidate) != JSON_OBJECT) {
        return ERR_UPSTREAM_SYNTAX;
    }
    EP_IGNORE(json_i64(json_get(candidate, STR("index")), &index));
    TRY(decode_choice_at(decode, index, &reading.choice));
    struct str parts = json_get(json_get(candidate, STR("content")), STR("parts"));
    struct str rest = json_kind(parts) == JSON_ARRAY ? json_inside(parts) : STR_EMPTY;
    while (json_next_item(&rest, &part)) {
        TRY(gemini_read_part(&reading, part));
    }
    TRY(gemini_read_grounds(&reading, candidate));
    struct str reason = text_get(candidate, STR("finishReason"));
    if (reason.len == 0 || str_eq(reason, STR("FINISH_REASON_UNSPECIFIED"))) {
        return ERR_OK;
    }
    return decode_finish(decode, reading.choice, gemini_finish_of(reason), STR_EMPTY);
}

static enum err gemini_read_begin(struct decode *decode, struct str chunk)
{
    const struct event_begin begin = { .id = text_get(chunk, STR("responseId")),
                                       .model = text_get(chunk, STR("modelVersion")) };
    return decode_begin(decode, &begin);
}

/* The prompt was refused: there are no candidates, and that is the answer. */
static enum err gemini_read_feedback(struct decode *decode, struct str chunk)
{
    struct decode_choice *choice;
    struct str reason = text_get(json_get(chunk, STR("promptFeedback")), STR("blockReason"));
    if (reason.len == 0) {
        return ERR_OK;
    }
    TRY(decode_choice_at(decode, 0, &choice));
    return decode_finish(decode, choice, EVENT_FILTER, STR_EMPTY);
}

static enum err gemini_read_usage(struct decode *decode, struct str usage)
{
    struct event_tokens tokens;
    if (json_kind(usage) != JSON_OBJECT) {
        return ERR_OK;
    }
    tokens_read_gemini(usage, &tokens);
    return decode_usage(decode, &tokens, usage);
}

static enum err gemini_read(struct decode *decode, struct str text)
{
    TRY(decode_object(text));
    struct str chunk = json_trim(text);
    struct str failure = json_get(chunk, STR("error"));
    if (decode_is_truthy(failure)) {
        const struct event_error error = decode_error_of(failure);
        return decode_error(decode, &error);
    }
    TRY(gemini_read_begin(decode, chunk));
    struct str list = json_get(chunk, STR("candidates"));
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    struct str candidate;
    int64_t place = 0;
    while (json_next_item(&rest, &candidate)) {
        TRY(gemini_read_candidate(decode, candidate, place++));
    }
    TRY(gemini_read_feedback(decode, chunk));
    return gemini_read_usage(decode, json_get(chunk, STR("usageMetadata")));
}

enum err decode_gemini_event(struct decode *decode, struct str data)
{
    if (data.len == 0 || str_eq(str_trim(data), STR("[DONE]"))) {
        return ERR_OK; /* the stream's own end is the end */
    }
    return gemini_read(decode, data);
}

enum err decode_gemini_body(struct decode *decode, struct str body)
{
    TRY(gemini_read(decode, body));
    return decode->stopped ? ERR_OK : decode_stop(decode);
}
