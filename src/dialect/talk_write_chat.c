/* A talk to OpenAI chat completions, and those who copy it. */
#include "dialect/talk_internal.h"

#define STOPS_MAX 4

/* ---- messages ----------------------------------------------------------------------------- */

static void chat_comma(struct talk_writing *writing)
{
    put_str(&writing->put, writing->more ? STR(",") : STR_EMPTY);
    writing->more = true;
}

static enum err chat_put_part(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    chat_comma(writing);
    switch (part->kind) {
    case TALK_TEXT:
        PUT(put, "{\"type\":\"text\",\"text\":");
        put_text(put, part->text);
        PUT(put, "}");
        return ERR_OK;
    case TALK_IMAGE:
        PUT(put, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
        TRY(talk_put_url(writing, part));
        if (part->detail.len > 0) {
            PUT(put, ",\"detail\":");
            put_text(put, part->detail);
        }
        PUT(put, "}}");
        return ERR_OK;
    case TALK_AUDIO: {
        bool wav = str_eq(part->media, STR("audio/wav")) || str_eq(part->media, STR("audio/x-wav"));
        if (!wav && !str_eq(part->media, STR("audio/mpeg")) &&
            !str_eq(part->media, STR("audio/mp3"))) {
            return talk_cannot(writing, part, "must be sound of the format wav or mp3");
        }
        PUT(put, "{\"type\":\"input_audio\",\"input_audio\":{\"data\":");
        put_text(put, part->data);
        put_str(put, wav ? STR(",\"format\":\"wav\"}}") : STR(",\"format\":\"mp3\"}}"));
        return ERR_OK;
    }
    case TALK_FILE:
        if (part->url.len > 0) {
            return talk_cannot(writing, part, "is a file by its address: send the data");
        }
        PUT(put, "{\"type\":\"file\",\"file\":{\"filename\":");
        put_text(put, part->name.len > 0 ? part->name : STR("document"));
        PUT(put, ",\"file_data\":");
        TRY(talk_put_url(writing, part));
        PUT(put, "}}");
        return ERR_OK;
    case TALK_REFUSAL:
    case TALK_REASON:
    case TALK_CALL:
    case TALK_CUSTOM_CALL:
    case TALK_RESULT:
        break;
    }
    return talk_cannot(writing, part, "cannot stand in a message of this role");
}

static bool chat_is_said(const struct talk_part *part)
{
    return part->kind != TALK_RESULT && part->kind != TALK_CALL && part->kind != TALK_CUSTOM_CALL &&
           part->kind != TALK_REASON && part->kind != TALK_REFUSAL;
}

/* One text is a string, as most upstreams have it best; more are a list. */
static enum err chat_put_content(struct talk_writing *writing, const struct talk_turn *turn)
{
    struct put *put = &writing->put;
    const struct talk_part *only = NULL;
    unsigned count = 0;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        only = chat_is_said(part) ? part : only;
        count += chat_is_said(part) ? 1 : 0;
        if (part->cache.len > 0) {
            lost_add(writing->lost, LOST_BIT_CACHE);
        }
    }
    if (count == 0 || (count == 1 && only->kind == TALK_TEXT)) {
        if (count == 0 && turn->role == TALK_MODEL) {
            PUT(put, "null");
        } else {
            put_text(put, count == 0 ? STR_EMPTY : only->text);
        }
        return ERR_OK;
    }
    PUT(put, "[");
    writing->more = false;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        TRY(chat_is_said(part) ? chat_put_part(writing, part) : ERR_OK);
    }
    PUT(put, "]");
    return ERR_OK;
}

static enum err chat_put_result(struct talk_writing *writing, const struct talk_part *part)
{
    PUT(&writing->put, "{\"role\":\"tool\",\"tool_call_id\":");
    talk_put_id(writing, part->id);
    PUT(&writing->put, ",\"content\":");
    TRY(talk_put_result_text(writing, part));
    PUT(&writing->put, "}");
    return ERR_OK;
}

/* Results are messages of their own, in front of what else the user says. */
static enum err chat_put_user(struct talk_writing *writing, const struct talk_turn *turn,
                              struct str role)
{
    bool says = false;
    bool results = false;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_RESULT) {
            chat_comma(writing);
            TRY(chat_put_result(writing, part));
            results = true;
        }
        says |= chat_is_said(part);
    }
    if (results && !says) {
        return ERR_OK;
    }
    chat_comma(writing);
    PUT(&writing->put, "{\"role\":\"");
    put_str(&writing->put, role);
    PUT(&writing->put, "\",\"content\":");
    TRY(chat_put_content(writing, turn));
    PUT(&writing->put, "}");
    writing->more = true;
    return ERR_OK;
}

static void chat_put_call(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    bool custom = part->kind == TALK_CUSTOM_CALL;
    PUT(put, "{\"id\":");
    talk_put_id(writing, part->id);
    put_str(put, custom ? STR(",\"type\":\"custom\",\"custom\":{\"name\":")
                        : STR(",\"type\":\"function\",\"function\":{\"name\":"));
    put_text(put, part->name);
    put_str(put, custom ? STR(",\"input\":") : STR(",\"arguments\":"));
    if (custom) {
        put_text(put, part->args);
    } else {
        talk_put_args_text(writing, part);
    }
    PUT(put, "}}");
    if (part->signature.len > 0) {
        lost_add(writing->lost, LOST_BIT_SIGNATURE);
    }
}

static void chat_put_calls(struct talk_writing *writing, const struct talk_turn *turn)
{
    bool any = false;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_CALL || part->kind == TALK_CUSTOM_CALL) {
            put_str(&writing->put, any ? STR(",") : STR(",\"tool_calls\":["));
            chat_put_call(writing, part);
            any = true;
        }
    }
    put_str(&writing->put, any ? STR("]") : STR_EMPTY);
}

/* What a model of this dialect thought comes back to it: some want it on turns with calls. */
static void chat_put_reasoning(struct talk_writing *writing, const struct talk_turn *turn)
{
    bool any = false;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind != TALK_REASON || !talk_keeps_reason(writing, part) || part->redacted) {
            continue;
        }
        put_str(&writing->put, any ? STR_EMPTY : STR(",\"reasoning_content\":\""));
        put_str(&writing->put, part->text);
        any = true;
    }
    put_str(&writing->put, any ? STR("\"") : STR_EMPTY);
}

static enum err chat_put_model(struct talk_writing *writing, const struct talk_turn *turn)
{
    chat_comma(writing);
    PUT(&writing->put, "{\"role\":\"assistant\",\"content\":");
    TRY(chat_put_content(writing, turn));
    writing->more = true;
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind == TALK_REFUSAL) {
            PUT(&writing->put, ",\"refusal\":");
            put_text(&writing->put, part->text);
            break;
        }
    }
    chat_put_reasoning(writing, turn);
    chat_put_calls(writing, turn);
    PUT(&writing->put, "}");
    return ERR_OK;
}

static enum err chat_put_messages(struct talk_writing *writing)
{
    talk_key(writing, "messages");
    PUT(&writing->put, "[");
    writing->more = false;
    for (const struct talk_turn *turn = talk_next_loud(writing->talk->turns); turn != NULL;
         turn = talk_next_loud(turn->next)) {
        if (turn->role == TALK_MODEL) {
            TRY(chat_put_model(writing, turn));
        } else {
            TRY(chat_put_user(writing, turn,
                              turn->role == TALK_SYSTEM ? STR("system") : STR("user")));
        }
    }
    PUT(&writing->put, "]");
    writing->more = true;
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

static void chat_put_tool(struct talk_writing *writing, const struct talk_tool *tool)
{
    struct put *put = &writing->put;
    put_str(put, tool->custom ? STR("{\"type\":\"custom\",\"custom\":{\"name\":")
                              : STR("{\"type\":\"function\",\"function\":{\"name\":"));
    talk_put_tool_name(put, tool);
    if (tool->custom && tool->format.len > 0) {
        PUT(put, ",\"format\":");
        put_str(put, tool->format);
    }
    if (tool->schema.len > 0) {
        PUT(put, ",\"parameters\":");
        put_str(put, tool->schema);
    }
    put_str(put, tool->strict && !tool->custom ? STR(",\"strict\":true}}") : STR("}}"));
    if (tool->cache.len > 0) {
        lost_add(writing->lost, LOST_BIT_CACHE);
    }
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void chat_put_format(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    if (talk->format == TALK_FORMAT_TEXT) {
        return;
    }
    talk_key(writing, "response_format");
    if (talk->format == TALK_FORMAT_JSON) {
        PUT(put, "{\"type\":\"json_object\"}");
        return;
    }
    PUT(put, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
    put_text(put, talk->format_name.len > 0 ? talk->format_name : STR("answer"));
    PUT(put, ",\"schema\":");
    put_str(put, talk->format_schema);
    put_str(put, talk->format_strict ? STR(",\"strict\":true}}") : STR("}}"));
}

static void chat_put_sampling(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    int64_t max = writing->target->no_sampling ? 0 : 2000;
    talk_put_sampling(writing, "temperature", talk->temperature, LOST_BIT_TEMPERATURE, max);
    talk_put_sampling(writing, "top_p", talk->top_p, LOST_BIT_TOP_P, max > 0 ? 1000 : 0);
    talk_put_sampling(writing, "top_k", talk->top_k, LOST_BIT_TOP_K, 0);
    if (talk->frequency_penalty.len > 0) {
        talk_key(writing, "frequency_penalty");
        put_str(&writing->put, talk->frequency_penalty);
    }
    if (talk->presence_penalty.len > 0) {
        talk_key(writing, "presence_penalty");
        put_str(&writing->put, talk->presence_penalty);
    }
    if (talk->seed.len > 0) {
        talk_key(writing, "seed");
        put_str(&writing->put, talk->seed);
    }
}

static void chat_put_words(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    enum talk_effort effort = talk_effort_openai(writing);
    if (effort != TALK_EFFORT_UNSAID) {
        talk_key(writing, "reasoning_effort");
        put_text(&writing->put, str_from(talk_effort_name(effort)));
    }
    if (talk->verbosity.len > 0) {
        talk_key(writing, "verbosity");
        put_text(&writing->put, talk->verbosity);
    }
    if (talk->user.len > 0) {
        talk_key(writing, "user");
        put_text(&writing->put, talk->user);
    }
    if (talk->metadata.len > 0) {
        talk_key(writing, "metadata");
        put_str(&writing->put, talk->metadata);
    }
}

enum err talk_write_chat(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    const struct talk_target *target = writing->target;
    if (talk->stops_count > STOPS_MAX) {
        return talk_cannot_field(writing, "stop", "stop", "stop_sequences",
                                 "generationConfig.stopSequences");
    }
    talk_key(writing, "model");
    put_quoted(&writing->put, target->model);
    TRY(chat_put_messages(writing));
    talk_put_tools_openai(writing, chat_put_tool,
                          STR("{\"type\":\"function\",\"function\":{\"name\":"), STR("}}"));
    if (!target->no_cap) {
        talk_key(writing, target->cap_name.len > 0 && str_eq(target->cap_name, STR("max_tokens"))
                              ? "max_tokens"
                              : "max_completion_tokens");
        put_int(&writing->put, talk_output_cap(talk, target));
    }
    if (talk->choices > 1) {
        talk_key(writing, "n");
        put_int(&writing->put, talk->choices);
    }
    chat_put_sampling(writing);
    if (talk->stops_count > 0) {
        talk_key(writing, "stop");
        talk_put_stops(writing);
    }
    chat_put_format(writing);
    chat_put_words(writing);
    if (talk->stream) {
        talk_key(writing, "stream");
        PUT(&writing->put, "true,\"stream_options\":{\"include_usage\":true}");
    }
    return ERR_OK;
}
