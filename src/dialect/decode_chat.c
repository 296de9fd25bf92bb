/*
 * OpenAI chat completions, as OpenAI and those who copy it answer. What they differ in: reasoning
 * as "reasoning_content" or "reasoning" (some send both, the same), or as parts of the content;
 * tool fragments without index or with the same index for all; arguments as an object; usage in
 * the choice; errors inside of answers with status 200.
 */
#include "dialect/decode_internal.h"

#define KEY_OLD_FUNCTION (-2) /* "function_call", older than tools */
#define KEY_NONE         (-1)
#define KEY_DETAIL       (INT64_C(1) << 32) /* beyond what tools have: of "reasoning_details" */

struct reading {
    struct decode *decode;
    struct decode_choice *choice;
    bool whole; /* an answer that was not streamed: each call in it is one of its own */
};

/* A new item is about to open: others are over, but for tools of whose arguments more may come:
 * some vendors tell parallel calls in turns, and a call that has none yet may get them. */
static enum err chat_make_room(const struct reading *reading, bool for_tool)
{
    for (struct decode_item *item = reading->choice->items; item != NULL; item = item->next) {
        bool waits = item->kind == EVENT_CUSTOM_TOOL && for_tool;
        if (item->kind == EVENT_TOOL) {
            waits = !item->scan.ended && (for_tool || item->spoke);
        }
        TRY(waits ? ERR_OK : decode_close(reading->decode, reading->choice, item));
    }
    return ERR_OK;
}

static enum err chat_open(const struct reading *reading, const struct event_open *open, int64_t key,
                          struct decode_item **ret_item)
{
    bool tool = open->kind == EVENT_TOOL || open->kind == EVENT_CUSTOM_TOOL;
    TRY(chat_make_room(reading, tool));
    return decode_open(reading->decode, reading->choice, open, key, ret_item);
}

/* The item of that kind that is being told, or a new one. */
static enum err chat_item(const struct reading *reading, enum event_item kind,
                          struct decode_item **ret_item)
{
    *ret_item = decode_open_item(reading->choice, kind);
    const struct event_open open = { .kind = kind };
    return *ret_item != NULL ? ERR_OK : chat_open(reading, &open, KEY_NONE, ret_item);
}

static enum err chat_say(const struct reading *reading, enum event_item kind,
                         enum event_channel channel, struct str text)
{
    struct decode_item *item;
    if (text.len == 0) {
        return ERR_OK;
    }
    TRY(chat_item(reading, kind, &item));
    return decode_delta(reading->decode, reading->choice, item, channel, text);
}

/* ---- reasoning and text ------------------------------------------------------------------- */

/* A list that a model thought in: parts with a text each. */
static enum err chat_read_thinking(const struct reading *reading, struct str list)
{
    struct str part;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &part)) {
        TRY(chat_say(reading, EVENT_REASON, EVENT_THOUGHT, text_get(part, STR("text"))));
    }
    return ERR_OK;
}

static enum err chat_read_content(const struct reading *reading, struct str content)
{
    if (content.len == 0 || json_kind(content) != JSON_ARRAY) {
        return chat_say(reading, EVENT_TEXT, EVENT_CONTENT, text_of(content));
    }
    struct str part;
    struct str rest = json_inside(content);
    while (json_next_item(&rest, &part)) {
        TRY(chat_read_thinking(reading, json_get(part, STR("thinking"))));
        TRY(chat_say(reading, EVENT_TEXT, EVENT_CONTENT, text_get(part, STR("text"))));
    }
    return ERR_OK;
}

/* The text of a detail; some tell a summary in its place. */
static struct str chat_detail_text(struct str detail)
{
    struct str text = text_get(detail, STR("text"));
    return text.len > 0 ? text : text_get(detail, STR("summary"));
}

static bool chat_details_have_text(struct str list)
{
    struct str detail;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &detail)) {
        if (chat_detail_text(detail).len > 0) {
            return true;
        }
    }
    return false;
}

/* The reasoning that a detail is a piece of: that of its index, the open one where it has none. */
static enum err chat_detail_item(const struct reading *reading, struct str detail, bool redacted,
                                 struct decode_item **ret_item)
{
    const struct event_open open = { .kind = EVENT_REASON, .redacted = redacted };
    struct decode_item *item = decode_open_item(reading->choice, EVENT_REASON);
    int64_t index = 0;
    bool has_index =
        json_i64(json_get(detail, STR("index")), &index) && index >= 0 && index < EVENT_ITEMS_MAX;
    int64_t key = has_index ? KEY_DETAIL + index : KEY_NONE;
    if (item != NULL && item->key == KEY_NONE && !item->signed_ && !redacted) {
        item->key = key; /* what was told without details, until now */
    }
    if (item != NULL && item->key == key && !(redacted && item->signed_)) {
        *ret_item = item;
        return ERR_OK;
    }
    TRY(item == NULL ? ERR_OK : decode_close(reading->decode, reading->choice, item));
    return chat_open(reading, &open, key, ret_item);
}

/* "reasoning_details": reasoning with what has to come back with it. */
static enum err chat_read_details(const struct reading *reading, struct str list)
{
    struct str detail;
    struct str rest = json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &detail)) {
        struct str cipher = text_get(detail, STR("data"));
        struct str text = chat_detail_text(detail);
        struct str signature = text_get(detail, STR("signature"));
        struct decode_item *item;
        if (cipher.len + text.len + signature.len == 0) {
            continue;
        }
        TRY(chat_detail_item(reading, detail, cipher.len > 0, &item));
        if (cipher.len > 0) { /* all of it, at once */
            TRY(decode_delta(reading->decode, reading->choice, item, EVENT_BLOB, cipher));
            TRY(decode_close(reading->decode, reading->choice, item));
            continue;
        }
        TRY(decode_delta(reading->decode, reading->choice, item, EVENT_THOUGHT, text));
        TRY(decode_delta(reading->decode, reading->choice, item, EVENT_SIGNATURE, signature));
    }
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

/* The newest call that is of that index and, unless ids do not matter, can be of that id. Without
 * an index the id tells, and a fragment with neither is of the newest call. */
static struct decode_item *chat_find_tool(const struct decode_choice *choice, struct str call,
                                          struct str id, bool any_id)
{
    int64_t index = 0;
    bool has_index = json_i64(json_get(call, STR("index")), &index) && index >= 0;
    for (struct decode_item *item = choice->items; item != NULL; item = item->next) {
        bool tool = item->kind == EVENT_TOOL || item->kind == EVENT_CUSTOM_TOOL;
        bool may_be = any_id || id.len == 0 || item->id.len == 0 || str_eq(item->id, id);
        if (tool && may_be && (!has_index || item->key == index)) {
            return item;
        }
    }
    return NULL;
}

/* The call that a fragment belongs to; NULL: a new one. A name begins one, if it has another index
 * or id: some vendors have one index for all calls, and some an id for each fragment. */
static struct decode_item *chat_tool_of(const struct decode_choice *choice, struct str call,
                                        struct str id, bool named)
{
    struct str index = json_get(call, STR("index"));
    if (named && index.len == 0 && id.len == 0) {
        return NULL;
    }
    struct decode_item *item = chat_find_tool(choice, call, id, false);
    return item != NULL || named ? item : chat_find_tool(choice, call, id, true);
}

static enum err chat_open_tool(const struct reading *reading, struct str call, struct str id,
                               struct str name, bool custom, struct decode_item **ret_item)
{
    int64_t key = reading->choice->calls;
    int64_t index = 0;
    if (json_i64(json_get(call, STR("index")), &index)) {
        if (index < 0 || index >= EVENT_ITEMS_MAX) {
            return ERR_UPSTREAM_SYNTAX;
        }
        key = index;
    }
    if (name.len == 0) {
        return ERR_UPSTREAM_SYNTAX; /* a fragment of a call that never began */
    }
    const struct event_open open = { .kind = custom ? EVENT_CUSTOM_TOOL : EVENT_TOOL,
                                     .call_id = id,
                                     .name = name };
    TRY(chat_open(reading, &open, key, ret_item));
    return arena_copy(reading->decode->arena, id, &(*ret_item)->id) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err chat_read_arguments(const struct reading *reading, struct decode_item *item,
                                    struct str arguments)
{
    struct str text = text_of(arguments);
    if (arguments.len > 0 && json_kind(arguments) == JSON_OBJECT) {
        TRY(decode_as_text(reading->decode, arguments, &text));
    }
    return decode_delta(reading->decode, reading->choice, item, EVENT_ARGS, text);
}

static enum err chat_read_call(const struct reading *reading, struct str call)
{
    struct str custom = json_get(call, STR("custom"));
    bool is_custom = custom.len > 0 && json_kind(custom) == JSON_OBJECT;
    struct str inner = is_custom ? custom : json_get(call, STR("function"));
    struct str id = text_get(call, STR("id"));
    struct str name = text_get(inner, STR("name"));
    struct decode_item *item =
        reading->whole ? NULL : chat_tool_of(reading->choice, call, id, name.len > 0);
    if (item == NULL) {
        TRY(chat_open_tool(reading, call, id, name, is_custom, &item));
    }
    return chat_read_arguments(reading, item,
                               json_get(inner, is_custom ? STR("input") : STR("arguments")));
}

static enum err chat_read_calls(const struct reading *reading, struct str list)
{
    struct str call;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &call)) {
        TRY(chat_read_call(reading, call));
    }
    return ERR_OK;
}

static enum err chat_read_old_function(const struct reading *reading, struct str function)
{
    if (function.len == 0 || json_kind(function) != JSON_OBJECT) {
        return ERR_OK;
    }
    struct decode_item *item = decode_item_at(reading->choice, KEY_OLD_FUNCTION);
    if (item == NULL) {
        const struct event_open open = { .kind = EVENT_TOOL,
                                         .name = text_get(function, STR("name")) };
        TRY(open.name.len > 0 ? ERR_OK : ERR_UPSTREAM_SYNTAX);
        TRY(chat_open(reading, &open, KEY_OLD_FUNCTION, &item));
    }
    return chat_read_arguments(reading, item, json_get(function, STR("arguments")));
}

/* ---- sound and images --------------------------------------------------------------------- */

static enum err chat_read_audio(const struct reading *reading, struct str audio)
{
    if (audio.len == 0 || json_kind(audio) != JSON_OBJECT) {
        return ERR_OK;
    }
    struct decode_item *item = decode_open_item(reading->choice, EVENT_AUDIO);
    if (item == NULL) {
        const struct event_open open = { .kind = EVENT_AUDIO, .id = text_get(audio, STR("id")) };
        TRY(chat_open(reading, &open, KEY_NONE, &item));
    }
    TRY(decode_delta(reading->decode, reading->choice, item, EVENT_TRANSCRIPT,
                     text_get(audio, STR("transcript"))));
    return decode_delta(reading->decode, reading->choice, item, EVENT_SOUND,
                        text_get(audio, STR("data")));
}

static enum err chat_read_images(const struct reading *reading, struct str list)
{
    struct str image;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &image)) {
        struct str url = text_get(json_get(image, STR("image_url")), STR("url"));
        struct event_open open = { .kind = EVENT_IMAGE };
        size_t at = str_search(url, STR(";base64,"));
        if (str_starts(url, STR("data:")) && at < url.len) {
            open.name = str_slice(url, 5, at);
            url = str_from_at(url, at + 8);
        }
        struct decode_item *item;
        TRY(chat_open(reading, &open, KEY_NONE, &item));
        TRY(decode_delta(reading->decode, reading->choice, item, EVENT_BLOB, url));
        TRY(decode_close(reading->decode, reading->choice, item));
    }
    return ERR_OK;
}

/* ---- a choice ----------------------------------------------------------------------------- */

/* A delta's or a message's members, told in an order that does not hang on theirs. */
struct delta {
    struct str reasoning;
    struct str details;
    struct str content;
    struct str refusal;
    struct str images;
    struct str audio;
    struct str calls;
    struct str function;
    struct str annotations;
    bool twofold; /* which reasoning is told hangs on both that are there */
};

static struct delta chat_members(struct str object)
{
    struct delta delta = { 0 };
    const struct decode_member members[] = {
        { STR("content"), &delta.content },        { STR("refusal"), &delta.refusal },
        { STR("tool_calls"), &delta.calls },       { STR("reasoning_details"), &delta.details },
        { STR("images"), &delta.images },          { STR("audio"), &delta.audio },
        { STR("function_call"), &delta.function }, { STR("annotations"), &delta.annotations },
    };
    struct json_member member;
    struct str rest = json_inside(object);
    while (json_next_member(&rest, &member)) {
        if (json_key_is(member.key, STR("reasoning_content")) ||
            json_key_is(member.key, STR("reasoning"))) {
            struct str text = text_of(member.value);
            delta.twofold |= delta.reasoning.len > 0 && text.len > 0;
            delta.reasoning = text.len > delta.reasoning.len ? text : delta.reasoning;
            continue;
        }
        decode_member_take(members, EP_ARRAY_LEN(members), &member);
    }
    return delta;
}

static enum err chat_read_annotations(const struct reading *reading, struct str list)
{
    struct str note;
    struct str rest = list.len > 0 && json_kind(list) == JSON_ARRAY ? json_inside(list) : STR_EMPTY;
    while (json_next_item(&rest, &note)) {
        struct decode_item *item;
        TRY(chat_item(reading, EVENT_TEXT, &item));
        TRY(decode_note(reading->decode, reading->choice, item, EVENT_ANNOTATION, note));
    }
    return ERR_OK;
}

static enum err chat_read_delta(const struct reading *reading, struct str object)
{
    if (object.len == 0 || json_kind(object) != JSON_OBJECT) {
        return ERR_OK;
    }
    const struct delta delta = chat_members(object);
    reading->decode->like.told += delta.twofold ? 1 : 0; /* no event is like it */
    /* Details that have the text have it in its pieces; else it is told once, elsewhere. */
    if (!chat_details_have_text(delta.details)) {
        TRY(chat_say(reading, EVENT_REASON, EVENT_THOUGHT, delta.reasoning));
    }
    TRY(chat_read_details(reading, delta.details));
    TRY(chat_read_content(reading, delta.content));
    TRY(chat_say(reading, EVENT_REFUSAL, EVENT_CONTENT, text_of(delta.refusal)));
    TRY(chat_read_annotations(reading, delta.annotations));
    TRY(chat_read_images(reading, delta.images));
    TRY(chat_read_audio(reading, delta.audio));
    TRY(chat_read_calls(reading, delta.calls));
    return chat_read_old_function(reading, delta.function);
}

static enum event_finish chat_finish_of(struct str reason)
{
    static const struct {
        struct str name;
        enum event_finish finish;
    } names[] = {
        { STR_INIT("stop"), EVENT_STOP },
        { STR_INIT("length"), EVENT_LENGTH },
        { STR_INIT("tool_calls"), EVENT_CALLS },
        { STR_INIT("function_call"), EVENT_CALLS },
        { STR_INIT("content_filter"), EVENT_FILTER },
        { STR_INIT("sensitive"), EVENT_FILTER }, /* Zhipu */
        { STR_INIT("model_context_window_exceeded"), EVENT_CONTEXT },
        { STR_INIT("insufficient_system_resource"), EVENT_LENGTH }, /* DeepSeek: broken off */
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_string_is(reason, names[i].name)) {
            return names[i].finish;
        }
    }
    return EVENT_STOP;
}

/* The tokens' probabilities belong to the text that is being told, where there is one. */
static enum err chat_read_logprobs(const struct reading *reading, struct str logprobs)
{
    struct str list = json_get(logprobs, STR("content"));
    struct decode_item *item = decode_open_item(reading->choice, EVENT_TEXT);
    if (list.len <= 2 || json_kind(list) != JSON_ARRAY || item == NULL) {
        return ERR_OK;
    }
    return decode_note(reading->decode, reading->choice, item, EVENT_LOGPROBS, list);
}

static enum err chat_read_usage(struct decode *decode, struct str usage)
{
    if (usage.len == 0 || json_kind(usage) != JSON_OBJECT) {
        return ERR_OK;
    }
    struct event_tokens tokens;
    tokens_read_chat(usage, &tokens);
    return decode_usage(decode, &tokens, usage);
}

/* A choice's members; its index may stand behind its delta. */
struct choice_members {
    struct str index;
    struct str delta;
    struct str message;
    struct str logprobs;
    struct str usage;
    struct str reason;
};

static struct choice_members chat_choice_members(struct str object)
{
    struct choice_members found = { 0 };
    const struct decode_member members[] = {
        { STR("delta"), &found.delta },       { STR("index"), &found.index },
        { STR("message"), &found.message },   { STR("finish_reason"), &found.reason },
        { STR("logprobs"), &found.logprobs }, { STR("usage"), &found.usage },
    };
    struct json_member member;
    struct str rest = json_inside(object);
    while (json_next_member(&rest, &member)) {
        decode_member_take(members, EP_ARRAY_LEN(members), &member);
    }
    return found;
}

static enum err chat_read_choice(struct decode *decode, struct str object, int64_t place)
{
    struct reading reading = { .decode = decode };
    int64_t index = place;
    if (json_kind(object) != JSON_OBJECT) {
        return ERR_UPSTREAM_SYNTAX;
    }
    const struct choice_members found = chat_choice_members(object);
    if (found.index.len > 0 && !json_i64(found.index, &index)) {
        return ERR_UPSTREAM_SYNTAX;
    }
    TRY(decode_choice_at(decode, index, &reading.choice));
    bool streamed = found.delta.len > 0 && json_kind(found.delta) == JSON_OBJECT;
    reading.whole = !streamed;
    TRY(chat_read_delta(&reading, streamed ? found.delta : found.message));
    TRY(chat_read_logprobs(&reading, found.logprobs));
    TRY(chat_read_usage(decode, found.usage)); /* Moonshot */
    if (found.reason.len <= 2 || json_kind(found.reason) != JSON_STRING) {
        return ERR_OK;
    }
    return decode_finish(decode, reading.choice, chat_finish_of(found.reason), STR_EMPTY);
}

/* ---- chunks and answers ------------------------------------------------------------------- */

/* The members of a chunk or an answer that are read. */
struct chunk {
    struct str error;
    struct str object;
    struct str message;
    struct str base_resp;
    struct str id;
    struct str model;
    struct str created;
    struct str fingerprint;
    struct str tier;
    struct str choices;
    struct str usage;
};

/* One pass that checks it and finds what is read. */
static enum err chat_chunk_of(struct str text, struct chunk *ret_chunk)
{
    struct json_member members[DECODE_MEMBERS_MAX];
    struct json_fault fault;
    size_t count = 0;
    *ret_chunk = (struct chunk){ 0 };
    const struct decode_member wanted[] = {
        { STR("choices"), &ret_chunk->choices },
        { STR("id"), &ret_chunk->id },
        { STR("object"), &ret_chunk->object },
        { STR("created"), &ret_chunk->created },
        { STR("model"), &ret_chunk->model },
        { STR("usage"), &ret_chunk->usage },
        { STR("system_fingerprint"), &ret_chunk->fingerprint },
        { STR("service_tier"), &ret_chunk->tier },
        { STR("error"), &ret_chunk->error },
        { STR("base_resp"), &ret_chunk->base_resp },
        { STR("message"), &ret_chunk->message },
    };
    if (json_index(text, members, DECODE_MEMBERS_MAX, &count, &fault) != ERR_OK ||
        count > DECODE_MEMBERS_MAX) {
        return ERR_UPSTREAM_SYNTAX;
    }
    for (size_t i = 0; i < count; i++) {
        decode_member_take(wanted, EP_ARRAY_LEN(wanted), &members[i]);
    }
    return ERR_OK;
}

/* An error in an answer that looks like any other. *ret_error: it was one, and is told. */
static enum err chat_read_error(struct decode *decode, const struct chunk *chunk, bool *ret_error)
{
    struct event_error error = { 0 };
    struct str code = json_get(chunk->base_resp, STR("status_code")); /* MiniMax */
    *ret_error = true;
    if (decode_is_truthy(chunk->error)) {
        error = decode_error_of(chunk->error);
    } else if (json_string_is(chunk->object, STR("error"))) { /* vLLM */
        error.message = text_of(chunk->message);
    } else if (decode_is_truthy(code)) {
        error.code = json_kind(code) == JSON_NUMBER ? code : text_of(code);
        error.message = text_get(chunk->base_resp, STR("status_msg"));
    } else {
        *ret_error = false;
        return ERR_OK;
    }
    return decode_error(decode, &error);
}

static enum err chat_read_begin(struct decode *decode, const struct chunk *chunk)
{
    struct event_begin begin = { .id = text_of(chunk->id),
                                 .model = text_of(chunk->model),
                                 .fingerprint = text_of(chunk->fingerprint),
                                 .tier = text_of(chunk->tier) };
    if (decode->begun) {
        return ERR_OK;
    }
    EP_IGNORE(json_i64(chunk->created, &begin.created_s));
    return decode_begin(decode, &begin);
}

static enum err chat_read_choices(struct decode *decode, struct str choices)
{
    if (choices.len == 0 || json_kind(choices) == JSON_NULL) {
        return ERR_OK;
    }
    if (json_kind(choices) != JSON_ARRAY) {
        return ERR_UPSTREAM_SYNTAX;
    }
    struct str rest = json_inside(choices);
    struct str choice;
    int64_t place = 0;
    while (json_next_item(&rest, &choice)) {
        TRY(chat_read_choice(decode, choice, place++));
    }
    return ERR_OK;
}

static enum err chat_read(struct decode *decode, struct str text)
{
    struct chunk chunk;
    bool is_error = false;
    TRY(chat_chunk_of(text, &chunk));
    TRY(chat_read_error(decode, &chunk, &is_error));
    if (is_error) {
        return ERR_OK;
    }
    TRY(chat_read_begin(decode, &chunk));
    TRY(chat_read_choices(decode, chunk.choices));
    return chat_read_usage(decode, chunk.usage);
}

enum err decode_chat_event(struct decode *decode, struct str data)
{
    if (str_eq(str_trim(data), STR("[DONE]"))) {
        return decode_stop(decode);
    }
    if (data.len == 0) {
        return decode_ping(decode);
    }
    struct str text;
    if (decode_like_find(decode, data, &text)) {
        return decode_like_tell(decode, text);
    }
    decode_like_begin(decode);
    TRY(chat_read(decode, data));
    decode_like_keep(decode, data);
    return ERR_OK;
}

enum err decode_chat_body(struct decode *decode, struct str body)
{
    TRY(chat_read(decode, body));
    return decode->stopped ? ERR_OK : decode_stop(decode);
}
