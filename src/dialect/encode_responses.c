/*
 * OpenAI Responses to a client: each item of ours an output item, told in pairs of added and done,
 * numbered without gaps, and the whole answer once more at its end, because readers take it from
 * there. So what was told is kept (encode->fold).
 */
#include "dialect/encode_responses_internal.h"

/* What the answer repeats of a request that said nothing of it. */
#define ECHO_DEFAULT                                                                              \
    "\"instructions\":null,\"metadata\":{},\"parallel_tool_calls\":true,\"temperature\":null,"    \
    "\"top_p\":null,\"tool_choice\":\"auto\",\"tools\":[],\"previous_response_id\":null,"         \
    "\"reasoning\":{\"effort\":null,\"summary\":null},\"text\":{\"format\":{\"type\":\"text\"}}," \
    "\"truncation\":\"disabled\",\"max_output_tokens\":null,\"store\":false,\"user\":null,"

/* "msg_" and the like, the call, the item: the same whenever it is said. */
void responses_put_id(struct put *put, const struct encode_options *options, enum event_item kind,
                      uint32_t item)
{
    static const struct str prefixes[] = {
        [EVENT_TEXT] = STR_INIT("msg_"),        [EVENT_REFUSAL] = STR_INIT("msg_"),
        [EVENT_REASON] = STR_INIT("rs_"),       [EVENT_TOOL] = STR_INIT("fc_"),
        [EVENT_CUSTOM_TOOL] = STR_INIT("ctc_"), [EVENT_AUDIO] = STR_INIT("msg_"),
        [EVENT_IMAGE] = STR_INIT("ig_"),        [EVENT_HOSTED] = STR_INIT("ht_"),
    };
    PUT(put, "\"");
    put_str(put, prefixes[kind]);
    put_str(put, options->call);
    PUT(put, "_");
    put_int(put, item);
    PUT(put, "\"");
}

/* ---- items -------------------------------------------------------------------------------- */

void responses_put_part(struct encode_whole *whole, const struct fold_item *item)
{
    struct put *put = &whole->put;
    if (item->open.kind == EVENT_REFUSAL) {
        PUT(put, "{\"type\":\"refusal\",\"refusal\":");
        put_text(put, encode_said(whole, item, EVENT_CONTENT));
        PUT(put, "}");
        return;
    }
    bool any = false;
    PUT(put, "{\"type\":\"output_text\",\"text\":");
    put_text(put, encode_said(whole, item, EVENT_CONTENT));
    PUT(put, ",\"annotations\":[");
    for (const struct fold_note *note = item->notes; note != NULL; note = note->next) {
        if (encode_takes_note(whole->fold->begin.source, DIALECT_RESPONSES, note->kind,
                              whole->lost)) {
            put_str(put, any ? STR(",") : STR_EMPTY);
            put_str(put, note->json);
            any = true;
        }
    }
    PUT(put, "],\"logprobs\":[]}");
}

static void responses_put_thoughts(struct encode_whole *whole, const struct fold_item *item,
                                   enum event_channel kind, struct str type)
{
    bool any = false;
    for (struct fold_channel *channel = item->channels; channel != NULL; channel = channel->next) {
        struct str text = STR_EMPTY;
        if (channel->kind != kind) {
            continue;
        }
        if (whole->put.err == ERR_OK) {
            whole->put.err = fold_join(whole->fold, channel, &text);
        }
        put_str(&whole->put, any ? STR(",{\"type\":\"") : STR("{\"type\":\""));
        put_str(&whole->put, type);
        PUT(&whole->put, "\",\"text\":");
        put_text(&whole->put, text);
        PUT(&whole->put, "}");
        any = true;
    }
}

static void responses_put_reasoning(struct encode_whole *whole, const struct fold_item *item)
{
    struct put *put = &whole->put;
    struct str cipher = encode_said(whole, item, EVENT_SIGNATURE);
    cipher = item->open.redacted ? encode_said(whole, item, EVENT_BLOB) : cipher;
    PUT(put, ",\"type\":\"reasoning\",\"summary\":[");
    responses_put_thoughts(whole, item, EVENT_SUMMARY, STR("summary_text"));
    PUT(put, "],\"content\":[");
    responses_put_thoughts(whole, item, EVENT_THOUGHT, STR("reasoning_text"));
    PUT(put, "],\"encrypted_content\":");
    if (cipher.len > 0 || carry_must_mark(whole->fold->begin.source, DIALECT_RESPONSES)) {
        PUT(put, "\"");
        put_str(put, carry_sig_mark(whole->fold->begin.source, DIALECT_RESPONSES));
        put_str(put, cipher);
        PUT(put, "\"");
    } else {
        PUT(put, "null");
    }
}

void responses_put_name(struct put *put, const struct event_open *open)
{
    struct str space = STR_EMPTY;
    struct str name = carry_name_split(open->name, &space);
    space = open->space.len > 0 ? open->space : space;
    PUT(put, ",\"name\":");
    put_text(put, name);
    if (space.len > 0) {
        PUT(put, ",\"namespace\":");
        put_text(put, space);
    }
}

static void responses_put_call(struct encode_whole *whole, const struct fold_item *item, bool empty)
{
    struct put *put = &whole->put;
    bool custom = item->open.kind == EVENT_CUSTOM_TOOL;
    put_str(put, custom ? STR(",\"type\":\"custom_tool_call\",\"call_id\":")
                        : STR(",\"type\":\"function_call\",\"call_id\":"));
    encode_call_id(put, whole->options, item->open.call_id, 0, item->item);
    responses_put_name(put, &item->open);
    put_str(put, custom ? STR(",\"input\":") : STR(",\"arguments\":"));
    put_text(put, empty ? STR_EMPTY : encode_said(whole, item, EVENT_ARGS));
}

/* An output item; `empty`: as it is when it is added, nothing said yet. */
void responses_put_item(struct encode_whole *whole, const struct fold_item *item, bool empty)
{
    struct put *put = &whole->put;
    PUT(put, "{\"id\":");
    responses_put_id(put, whole->options, item->open.kind, item->item);
    if (item->open.kind == EVENT_REASON) {
        if (empty) {
            PUT(put, ",\"type\":\"reasoning\",\"summary\":[],\"content\":[],"
                     "\"encrypted_content\":null");
        } else {
            responses_put_reasoning(whole, item);
        }
    } else if (item->open.kind == EVENT_TOOL || item->open.kind == EVENT_CUSTOM_TOOL) {
        responses_put_call(whole, item, empty);
    } else {
        PUT(put, ",\"type\":\"message\",\"role\":\"assistant\",\"content\":[");
        if (!empty) {
            responses_put_part(whole, item);
        }
        PUT(put, "]");
    }
    put_str(put, empty ? STR(",\"status\":\"in_progress\"}") : STR(",\"status\":\"completed\"}"));
}

static void responses_put_output(struct encode_whole *whole)
{
    bool any = false;
    const struct fold *fold = whole->fold;
    for (const struct fold_choice *choice = fold->choices; choice != NULL; choice = choice->next) {
        for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
            if (!encode_drops(DIALECT_RESPONSES, &fold->begin, choice->index, &item->open,
                              whole->lost)) {
                put_str(&whole->put, any ? STR(",") : STR_EMPTY);
                responses_put_item(whole, item, false);
                any = true;
            }
        }
    }
}

/* ---- the response ------------------------------------------------------------------------- */

enum responses_state responses_state_of(enum event_finish reason)
{
    switch (reason) {
    case EVENT_LENGTH:
    case EVENT_CONTEXT:
    case EVENT_FILTER:
        return INCOMPLETE;
    case EVENT_BAD_TOOL:
        return FAILED;
    case EVENT_STOP:
    case EVENT_STOP_TEXT:
    case EVENT_CALLS:
    case EVENT_PAUSE:
    case EVENT_FINISHES:
        break;
    }
    return COMPLETED;
}

struct str responses_state_name(enum responses_state state)
{
    static const struct str names[] = { [IN_PROGRESS] = STR_INIT("in_progress"),
                                        [COMPLETED] = STR_INIT("completed"),
                                        [INCOMPLETE] = STR_INIT("incomplete"),
                                        [FAILED] = STR_INIT("failed") };
    return names[state];
}

static void responses_put_error(struct put *put, const struct refusal *refusal)
{
    PUT(put, "{\"code\":");
    put_text(put, refusal->code.len > 0 ? refusal->code : STR("server_error"));
    PUT(put, ",\"message\":");
    put_text(put, refusal->message);
    PUT(put, "}");
}

const struct refusal responses_bad_tool = {
    .code = STR_INIT("server_error"),
    .message = STR_INIT("The model wrote a tool call that cannot be read.")
};

/* `failure`: of a response that failed; NULL: of none. */
void responses_put_response(struct encode_whole *whole, enum responses_state state,
                            enum event_finish reason, const struct refusal *failure)
{
    struct put *put = &whole->put;
    const struct event_begin *begin = &whole->fold->begin;
    int64_t created = encode_created(whole->options, begin);
    PUT(put, "{\"id\":");
    encode_answer_id(put, whole->options, "resp_", begin->id);
    PUT(put, ",\"object\":\"response\",\"created_at\":");
    put_int(put, created);
    PUT(put, ",\"completed_at\":");
    if (state == COMPLETED) {
        put_int(put, created);
    } else {
        PUT(put, "null");
    }
    PUT(put, ",\"status\":\"");
    put_str(put, responses_state_name(state));
    PUT(put, "\",\"error\":");
    if (failure != NULL) {
        responses_put_error(put, failure);
    } else {
        PUT(put, "null");
    }
    PUT(put, ",\"incomplete_details\":");
    put_str(put, state != INCOMPLETE      ? STR("null")
                 : reason == EVENT_FILTER ? STR("{\"reason\":\"content_filter\"}")
                                          : STR("{\"reason\":\"max_output_tokens\"}"));
    PUT(put, ",\"model\":");
    put_text(put, encode_model(whole->options, begin));
    PUT(put, ",\"output\":[");
    if (state != IN_PROGRESS) {
        responses_put_output(whole);
    }
    PUT(put, "],");
    put_str(put, whole->options->echo.len > 0 ? whole->options->echo : STR(ECHO_DEFAULT));
    PUT(put, "\"service_tier\":");
    put_text_or_null(put, begin->source == DIALECT_RESPONSES ? begin->tier : STR_EMPTY);
    PUT(put, ",\"usage\":");
    if (state == IN_PROGRESS || !whole->fold->has_usage) {
        PUT(put, "null}");
    } else {
        tokens_write(put, DIALECT_RESPONSES, &whole->fold->tokens);
        PUT(put, "}");
    }
}

void responses_note_finish(struct lost *lost, enum event_finish reason, struct str stop_text)
{
    if (reason == EVENT_PAUSE) {
        lost_add(lost, LOST_BIT_PAUSE);
    }
    if (stop_text.len > 0) {
        lost_add(lost, LOST_BIT_STOP_TEXT);
    }
}

void encode_responses_body(struct encode_whole *whole)
{
    const struct fold_choice *choice = whole->fold->choices;
    ASSERT(choice != NULL);
    enum responses_state state = responses_state_of(choice->reason);
    for (const struct fold_item *item = choice->items; item != NULL; item = item->next) {
        if (item->open.kind != EVENT_REASON && encode_said(whole, item, EVENT_SIGNATURE).len > 0) {
            lost_add(whole->lost, LOST_BIT_SIGNATURE);
        }
    }
    responses_note_finish(whole->lost, choice->reason, choice->stop_text);
    responses_put_response(whole, state, choice->reason,
                           state == FAILED ? &responses_bad_tool : NULL);
}
