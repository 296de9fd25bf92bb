/* A talk to OpenAI Responses: one list of items, nothing kept there. */
#include "dialect/talk_internal.h"

#define OUTPUT_MIN 16 /* the vendor's own */

static void responses_comma(struct talk_writing *writing)
{
    put_str(&writing->put, writing->more ? STR(",") : STR_EMPTY);
    writing->more = true;
}

/* ---- parts of messages -------------------------------------------------------------------- */

static enum err responses_put_file(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    PUT(put, "{\"type\":\"input_file\",\"filename\":");
    put_text(put, part->name.len > 0 ? part->name : STR("document"));
    put_str(put, part->url.len > 0 ? STR(",\"file_url\":") : STR(",\"file_data\":"));
    TRY(talk_put_url(writing, part));
    PUT(put, "}");
    return ERR_OK;
}

static enum err responses_put_part(struct talk_writing *writing, const struct talk_part *part,
                                   bool model)
{
    struct put *put = &writing->put;
    switch (part->kind) {
    case TALK_TEXT:
        put_str(put, model ? STR("{\"type\":\"output_text\",\"text\":")
                           : STR("{\"type\":\"input_text\",\"text\":"));
        put_text(put, part->text);
        put_str(put, model ? STR(",\"annotations\":[]}") : STR("}"));
        return ERR_OK;
    case TALK_REFUSAL:
        PUT(put, "{\"type\":\"refusal\",\"refusal\":");
        put_text(put, part->text);
        PUT(put, "}");
        return ERR_OK;
    case TALK_IMAGE:
        PUT(put, "{\"type\":\"input_image\",\"detail\":");
        put_text(put, part->detail.len > 0 ? part->detail : STR("auto"));
        PUT(put, ",\"image_url\":");
        TRY(talk_put_url(writing, part));
        PUT(put, "}");
        return ERR_OK;
    case TALK_FILE:
        return responses_put_file(writing, part);
    case TALK_AUDIO:
    case TALK_REASON:
    case TALK_CALL:
    case TALK_CUSTOM_CALL:
    case TALK_RESULT:
        break;
    }
    return talk_cannot(writing, part, "cannot be carried to a route of this dialect");
}

static bool responses_is_said(const struct talk_part *part)
{
    return part->kind == TALK_TEXT || part->kind == TALK_REFUSAL || part->kind == TALK_IMAGE ||
           part->kind == TALK_FILE || part->kind == TALK_AUDIO;
}

/* A message of the parts from *part on that are said; *part is what follows them. */
static enum err responses_put_message(struct talk_writing *writing, enum talk_role role,
                                      const struct talk_part **part)
{
    static const char *const roles[] = {
        [TALK_SYSTEM] = "system", [TALK_USER] = "user", [TALK_MODEL] = "assistant"
    };
    bool more = false;
    responses_comma(writing);
    PUT(&writing->put, "{\"type\":\"message\",\"role\":\"");
    put_str(&writing->put, str_from(roles[role]));
    PUT(&writing->put, "\",\"content\":[");
    for (; *part != NULL && responses_is_said(*part); *part = (*part)->next) {
        put_str(&writing->put, more ? STR(",") : STR_EMPTY);
        TRY(responses_put_part(writing, *part, role == TALK_MODEL));
        if ((*part)->cache.len > 0) {
            lost_add(writing->lost, LOST_BIT_CACHE);
        }
        more = true;
    }
    PUT(&writing->put, "]}");
    return ERR_OK;
}

/* ---- items -------------------------------------------------------------------------------- */

static void responses_put_call(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    bool custom = part->kind == TALK_CUSTOM_CALL;
    responses_comma(writing);
    put_str(put, custom ? STR("{\"type\":\"custom_tool_call\",\"call_id\":")
                        : STR("{\"type\":\"function_call\",\"call_id\":"));
    talk_put_id(writing, part->id);
    PUT(put, ",\"name\":");
    put_text(put, part->name);
    put_str(put, custom ? STR(",\"input\":") : STR(",\"arguments\":"));
    if (custom) {
        put_text(put, part->args);
    } else {
        talk_put_args_text(writing, part);
    }
    PUT(put, "}");
    if (part->signature.len > 0) {
        lost_add(writing->lost, LOST_BIT_SIGNATURE);
    }
}

static bool responses_is_text(const struct talk_part *result)
{
    for (const struct talk_part *inner = result->parts; inner != NULL; inner = inner->next) {
        if (inner->kind != TALK_TEXT) {
            return false;
        }
    }
    return true;
}

static enum err responses_put_result(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    responses_comma(writing);
    put_str(put, part->custom ? STR("{\"type\":\"custom_tool_call_output\",\"call_id\":")
                              : STR("{\"type\":\"function_call_output\",\"call_id\":"));
    talk_put_id(writing, part->id);
    PUT(put, ",\"output\":");
    if (responses_is_text(part)) {
        TRY(talk_put_result_text(writing, part));
    } else {
        PUT(put, "[");
        for (const struct talk_part *inner = part->parts; inner != NULL; inner = inner->next) {
            put_str(put, inner != part->parts ? STR(",") : STR_EMPTY);
            TRY(responses_put_part(writing, inner, false));
        }
        PUT(put, "]");
    }
    PUT(put, "}");
    return ERR_OK;
}

static void responses_put_reason(struct talk_writing *writing, const struct talk_part *part)
{
    if (!talk_keeps_reason(writing, part)) {
        return;
    }
    responses_comma(writing);
    PUT(&writing->put, "{\"type\":\"reasoning\",\"summary\":[");
    if (part->text.len > 0) {
        PUT(&writing->put, "{\"type\":\"summary_text\",\"text\":");
        put_text(&writing->put, part->text);
        PUT(&writing->put, "}");
    }
    PUT(&writing->put, "],\"encrypted_content\":");
    put_text(&writing->put, part->signature);
    PUT(&writing->put, "}");
}

static enum err responses_put_turn(struct talk_writing *writing, const struct talk_turn *turn)
{
    const struct talk_part *part = NULL;
    for (part = turn->parts; part != NULL; part = part->next) {
        TRY(part->kind == TALK_RESULT ? responses_put_result(writing, part) : ERR_OK);
    }
    part = turn->parts;
    while (part != NULL) {
        if (responses_is_said(part)) {
            TRY(responses_put_message(writing, turn->role, &part));
            continue;
        }
        if (part->kind == TALK_REASON) {
            responses_put_reason(writing, part);
        } else if (part->kind != TALK_RESULT) {
            responses_put_call(writing, part);
        }
        part = part->next;
    }
    return ERR_OK;
}

static enum err responses_put_input(struct talk_writing *writing)
{
    talk_key(writing, "input");
    PUT(&writing->put, "[");
    writing->more = false;
    for (const struct talk_turn *turn = talk_next_loud(writing->talk->turns); turn != NULL;
         turn = talk_next_loud(turn->next)) {
        TRY(responses_put_turn(writing, turn));
    }
    PUT(&writing->put, "]");
    writing->more = true;
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

static void responses_put_tool(struct talk_writing *writing, const struct talk_tool *tool)
{
    struct put *put = &writing->put;
    put_str(put, tool->custom ? STR("{\"type\":\"custom\",\"name\":")
                              : STR("{\"type\":\"function\",\"name\":"));
    talk_put_tool_name(put, tool);
    if (tool->custom) {
        if (tool->format.len > 0) {
            PUT(put, ",\"format\":");
            put_str(put, tool->format);
        }
    } else {
        PUT(put, ",\"parameters\":");
        put_str(put, tool->schema.len > 0 ? tool->schema
                                          : STR("{\"type\":\"object\",\"properties\":{}}"));
        /* Unsaid it would be true there. */
        put_str(put, tool->strict ? STR(",\"strict\":true") : STR(",\"strict\":false"));
    }
    PUT(put, "}");
    if (tool->cache.len > 0) {
        lost_add(writing->lost, LOST_BIT_CACHE);
    }
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void responses_put_reasoning(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    enum talk_effort effort = talk_effort_openai(writing);
    if (effort != TALK_EFFORT_UNSAID) {
        bool shown = talk->thoughts && effort != TALK_EFFORT_NONE;
        talk_key(writing, "reasoning");
        PUT(&writing->put, "{\"effort\":");
        put_text(&writing->put, str_from(talk_effort_name(effort)));
        put_str(&writing->put, shown ? STR(",\"summary\":\"auto\"}") : STR("}"));
    }
}

static void responses_put_text(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    bool formed = talk->format != TALK_FORMAT_TEXT;
    if (!formed && talk->verbosity.len == 0) {
        return;
    }
    talk_key(writing, "text");
    PUT(put, "{");
    if (talk->format == TALK_FORMAT_JSON) {
        PUT(put, "\"format\":{\"type\":\"json_object\"}");
    } else if (formed) {
        PUT(put, "\"format\":{\"type\":\"json_schema\",\"name\":");
        put_text(put, talk->format_name.len > 0 ? talk->format_name : STR("answer"));
        PUT(put, ",\"schema\":");
        put_str(put, talk->format_schema);
        put_str(put, talk->format_strict ? STR(",\"strict\":true}") : STR(",\"strict\":false}"));
    }
    if (talk->verbosity.len > 0) {
        put_str(put, formed ? STR(",\"verbosity\":") : STR("\"verbosity\":"));
        put_text(put, talk->verbosity);
    }
    PUT(put, "}");
}

static enum err responses_check(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    if (talk->choices > 1) {
        return talk_cannot_field(writing, "n", "n", "n", "generationConfig.candidateCount");
    }
    if (talk->stops_count > 0) {
        return talk_cannot_field(writing, "stop", "stop", "stop_sequences",
                                 "generationConfig.stopSequences");
    }
    if (talk_output_cap(talk, writing->target) < OUTPUT_MIN) {
        return talk_cannot_field(writing, "max_completion_tokens", "max_output_tokens",
                                 "max_tokens", "generationConfig.maxOutputTokens");
    }
    return ERR_OK;
}

static void responses_note_lost(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    if (talk->seed.len > 0) {
        lost_add(writing->lost, LOST_BIT_SEED);
    }
    if (talk->frequency_penalty.len + talk->presence_penalty.len > 0) {
        lost_add(writing->lost, LOST_BIT_PENALTY);
    }
}

enum err talk_write_responses(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    const struct talk_target *target = writing->target;
    int64_t max = target->no_sampling ? 0 : 2000;
    TRY(responses_check(writing));
    talk_key(writing, "model");
    put_quoted(&writing->put, target->model);
    TRY(responses_put_input(writing));
    talk_put_tools_openai(writing, responses_put_tool, STR("{\"type\":\"function\",\"name\":"),
                          STR("}"));
    talk_key(writing, "max_output_tokens");
    put_int(&writing->put, talk_output_cap(talk, target));
    talk_put_sampling(writing, "temperature", talk->temperature, LOST_BIT_TEMPERATURE, max);
    talk_put_sampling(writing, "top_p", talk->top_p, LOST_BIT_TOP_P, max > 0 ? 1000 : 0);
    talk_put_sampling(writing, "top_k", talk->top_k, LOST_BIT_TOP_K, 0);
    responses_put_reasoning(writing);
    responses_put_text(writing);
    responses_note_lost(writing);
    if (talk->user.len > 0) {
        talk_key(writing, "user");
        put_text(&writing->put, talk->user);
    }
    if (talk->metadata.len > 0) {
        talk_key(writing, "metadata");
        put_str(&writing->put, talk->metadata);
    }
    PUT(&writing->put, ",\"store\":false,\"include\":[\"reasoning.encrypted_content\"]");
    if (talk->stream) {
        talk_key(writing, "stream");
        PUT(&writing->put, "true");
    }
    return ERR_OK;
}
