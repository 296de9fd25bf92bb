/* A talk to Google Gemini: instructions apart, turns that alternate; model and stream go into the
 * path, and are the caller's. */
#include "dialect/talk_internal.h"

#define STOPS_MAX 5

static void gemini_comma(struct talk_writing *writing)
{
    put_str(&writing->put, writing->more ? STR(",") : STR_EMPTY);
    writing->more = true;
}

/* ---- parts -------------------------------------------------------------------------------- */

static void gemini_put_text(struct talk_writing *writing, const struct talk_part *part, bool system)
{
    gemini_comma(writing);
    PUT(&writing->put, "{\"text\":\"");
    put_str(&writing->put, system ? STR("<system>") : STR_EMPTY);
    put_str(&writing->put, part->text);
    put_str(&writing->put, system ? STR("</system>\"}") : STR("\"}"));
    if (part->kind == TALK_REFUSAL) {
        lost_add(writing->lost, LOST_BIT_REFUSAL);
    }
}

static enum err gemini_put_data(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    gemini_comma(writing);
    if (part->detail.len > 0) {
        lost_add(writing->lost, LOST_BIT_DETAIL);
    }
    if (part->url.len > 0) {
        PUT(put, "{\"fileData\":{\"fileUri\":");
        TRY(talk_put_url(writing, part));
        if (part->media.len > 0) {
            PUT(put, ",\"mimeType\":");
            put_text(put, part->media);
        }
        PUT(put, "}}");
        return ERR_OK;
    }
    PUT(put, "{\"inlineData\":{\"mimeType\":");
    put_text(put, part->media);
    PUT(put, ",\"data\":");
    put_text(put, part->data);
    PUT(put, "}}");
    return ERR_OK;
}

/* A call's signature: its own, or what was told in cipher before it (see decode_gemini.c). */
static void gemini_put_signature(struct talk_writing *writing, const struct talk_part *part,
                                 struct str before)
{
    struct str signature = part->source == DIALECT_GEMINI ? part->signature : STR_EMPTY;
    if (part->signature.len > 0 && signature.len == 0) {
        lost_add(writing->lost, LOST_BIT_SIGNATURE);
    }
    signature = signature.len > 0 ? signature : before;
    if (signature.len > 0) {
        PUT(&writing->put, ",\"thoughtSignature\":");
        put_text(&writing->put, signature);
    }
}

static enum err gemini_put_call(struct talk_writing *writing, const struct talk_part *part,
                                struct str before)
{
    gemini_comma(writing);
    PUT(&writing->put, "{\"functionCall\":{\"id\":");
    talk_put_id(writing, part->id);
    PUT(&writing->put, ",\"name\":");
    put_text(&writing->put, part->name);
    PUT(&writing->put, ",\"args\":");
    TRY(talk_put_args_json(writing, part));
    PUT(&writing->put, "}");
    gemini_put_signature(writing, part, before);
    PUT(&writing->put, "}");
    return ERR_OK;
}

static enum err gemini_put_result(struct talk_writing *writing, const struct talk_part *part)
{
    gemini_comma(writing);
    PUT(&writing->put, "{\"functionResponse\":{\"id\":");
    talk_put_id(writing, part->id);
    PUT(&writing->put, ",\"name\":");
    put_text(&writing->put, part->name);
    put_str(&writing->put,
            part->failed ? STR(",\"response\":{\"error\":") : STR(",\"response\":{\"output\":"));
    TRY(talk_put_result_text(writing, part));
    PUT(&writing->put, "}}}");
    return ERR_OK;
}

static void gemini_put_reason(struct talk_writing *writing, const struct talk_part *part)
{
    if (!talk_keeps_reason(writing, part)) {
        return;
    }
    gemini_comma(writing);
    PUT(&writing->put, "{\"text\":");
    put_text(&writing->put, part->text);
    PUT(&writing->put, ",\"thought\":true");
    gemini_put_signature(writing, part, STR_EMPTY);
    PUT(&writing->put, "}");
}

/* Whether it is the signature of the call behind it, if there is one in the turn. */
static bool gemini_is_signature(const struct talk_part *part)
{
    return part != NULL && part->kind == TALK_REASON && part->redacted &&
           part->source == DIALECT_GEMINI && part->text.len == 0;
}

/* `before`: the signature of a call that came before it in cipher. */
static enum err gemini_put_part(struct talk_writing *writing, const struct talk_part *part,
                                struct str before, bool system)
{
    if (part->cache.len > 0) {
        lost_add(writing->lost, LOST_BIT_CACHE);
    }
    switch (part->kind) {
    case TALK_TEXT:
    case TALK_REFUSAL:
        gemini_put_text(writing, part, system);
        return ERR_OK;
    case TALK_IMAGE:
    case TALK_AUDIO:
    case TALK_FILE:
        return gemini_put_data(writing, part);
    case TALK_REASON:
        gemini_put_reason(writing, part);
        return ERR_OK;
    case TALK_CALL:
        return gemini_put_call(writing, part, before);
    case TALK_RESULT:
        return gemini_put_result(writing, part);
    case TALK_CUSTOM_CALL:
        break;
    }
    return talk_cannot(writing, part, "cannot be carried to a route of this dialect");
}

/* ---- turns -------------------------------------------------------------------------------- */

static enum err gemini_put_parts(struct talk_writing *writing, const struct talk_turn *from,
                                 const struct talk_turn *to, bool results)
{
    for (const struct talk_turn *turn = from; turn != to; turn = turn->next) {
        const struct talk_part *part = talk_is_silent(turn) ? NULL : turn->parts;
        struct str before = STR_EMPTY;
        for (; part != NULL; part = part->next) {
            if (gemini_is_signature(part)) {
                before = part->signature;
            } else if ((part->kind == TALK_RESULT) == results) {
                TRY(gemini_put_part(writing, part, before, turn->role == TALK_SYSTEM));
                before = part->kind == TALK_CALL ? STR_EMPTY : before;
            }
        }
    }
    return ERR_OK;
}

static enum err gemini_put_contents(struct talk_writing *writing, const struct talk_turn *turn)
{
    bool more = false;
    talk_key(writing, "contents");
    PUT(&writing->put, "[");
    turn = talk_next_loud(turn);
    while (turn != NULL) {
        const struct talk_turn *to = turn;
        bool model = turn->role == TALK_MODEL;
        while (to != NULL && (talk_is_silent(to) || (to->role == TALK_MODEL) == model)) {
            to = to->next;
        }
        put_str(&writing->put, more ? STR(",") : STR_EMPTY);
        put_str(&writing->put, model ? STR("{\"role\":\"model\",\"parts\":[")
                                     : STR("{\"role\":\"user\",\"parts\":["));
        writing->more = false;
        TRY(gemini_put_parts(writing, turn, to, true));
        TRY(gemini_put_parts(writing, turn, to, false));
        PUT(&writing->put, "]}");
        more = true;
        turn = to;
    }
    PUT(&writing->put, "]");
    writing->more = true;
    return ERR_OK;
}

/* The turns of the system that come first; *turn is what follows them. */
static enum err gemini_put_system(struct talk_writing *writing, const struct talk_turn **turn)
{
    if ((*turn)->role != TALK_SYSTEM) {
        return ERR_OK;
    }
    talk_key(writing, "systemInstruction");
    PUT(&writing->put, "{\"parts\":[");
    writing->more = false;
    for (; *turn != NULL && (*turn)->role == TALK_SYSTEM; *turn = talk_next_loud((*turn)->next)) {
        for (const struct talk_part *part = (*turn)->parts; part != NULL; part = part->next) {
            if (part->kind != TALK_TEXT) {
                return talk_cannot(writing, part, "may be text alone in a system message");
            }
            TRY(gemini_put_part(writing, part, STR_EMPTY, false));
        }
    }
    PUT(&writing->put, "]}");
    writing->more = true;
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

static enum err gemini_put_tool(struct talk_writing *writing, const struct talk_tool *tool)
{
    struct put *put = &writing->put;
    if (tool->custom) {
        return talk_cannot_field(writing, "tools", "tools", "tools", "tools");
    }
    PUT(put, "{\"name\":");
    talk_put_tool_name(put, tool);
    if (tool->schema.len > 0) {
        PUT(put, ",\"parametersJsonSchema\":");
        put_str(put, tool->schema);
    }
    PUT(put, "}");
    if (tool->strict) {
        lost_add(writing->lost, LOST_BIT_STRICT);
    }
    if (tool->cache.len > 0) {
        lost_add(writing->lost, LOST_BIT_CACHE);
    }
    return ERR_OK;
}

static enum err gemini_put_tools(struct talk_writing *writing)
{
    static const char *const modes[] = { "AUTO", "AUTO", "NONE", "ANY", "ANY" };
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    if (talk->tools == NULL) {
        return ERR_OK;
    }
    talk_key(writing, "tools");
    PUT(put, "[{\"functionDeclarations\":[");
    for (const struct talk_tool *tool = talk->tools; tool != NULL; tool = tool->next) {
        put_str(put, tool != talk->tools ? STR(",") : STR_EMPTY);
        TRY(gemini_put_tool(writing, tool));
    }
    PUT(put, "]}]");
    if (talk->serial) {
        lost_add(writing->lost, LOST_BIT_PARALLEL);
    }
    if (talk->choice == TALK_CHOICE_UNSAID) {
        return ERR_OK;
    }
    talk_key(writing, "toolConfig");
    PUT(put, "{\"functionCallingConfig\":{\"mode\":\"");
    put_str(put, str_from(modes[talk->choice]));
    PUT(put, "\"");
    if (talk->choice == TALK_CHOICE_NAMED) {
        PUT(put, ",\"allowedFunctionNames\":[");
        put_text(put, talk->choice_name);
        PUT(put, "]");
    }
    PUT(put, "}}");
    return ERR_OK;
}

/* ---- generationConfig --------------------------------------------------------------------- */

static void gemini_put_thinking(struct talk_writing *writing)
{
    static const char *const levels[] = { "",       "minimal", "minimal", "low",
                                          "medium", "high",    "high",    "high" };
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    if (talk->effort == TALK_EFFORT_UNSAID && talk->thinking_budget == 0) {
        return;
    }
    if (writing->target->adaptive) {
        enum talk_effort effort = talk_effort_of(writing);
        if (effort > TALK_EFFORT_HIGH || effort == TALK_EFFORT_NONE) {
            lost_add(writing->lost, LOST_BIT_EFFORT);
        }
        talk_key(writing, "thinkingConfig");
        PUT(put, "{\"thinkingLevel\":\"");
        put_str(put, str_from(levels[effort]));
        PUT(put, "\"");
    } else {
        talk_key(writing, "thinkingConfig");
        PUT(put, "{\"thinkingBudget\":");
        put_int(put, talk->thinking_budget > 0 ? talk->thinking_budget
                                               : talk_effort_budget(talk->effort));
    }
    put_str(put, talk->thoughts && talk->effort != TALK_EFFORT_NONE
                     ? STR(",\"includeThoughts\":true}")
                     : STR("}"));
}

static void gemini_put_number(struct talk_writing *writing, const char *name, struct str number)
{
    if (number.len > 0) {
        talk_key(writing, name);
        put_str(&writing->put, number);
    }
}

static void gemini_put_config(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    int64_t max = writing->target->no_sampling ? 0 : 2000;
    talk_key(writing, "generationConfig");
    PUT(&writing->put, "{");
    writing->more = false;
    talk_key(writing, "maxOutputTokens");
    put_int(&writing->put, talk_output_cap(talk, writing->target));
    talk_put_sampling(writing, "temperature", talk->temperature, LOST_BIT_TEMPERATURE, max);
    talk_put_sampling(writing, "topP", talk->top_p, LOST_BIT_TOP_P, max > 0 ? 1000 : 0);
    talk_put_sampling(writing, "topK", talk->top_k, LOST_BIT_TOP_K, max > 0 ? 500000 : 0);
    gemini_put_number(writing, "seed", talk->seed);
    gemini_put_number(writing, "frequencyPenalty", talk->frequency_penalty);
    gemini_put_number(writing, "presencePenalty", talk->presence_penalty);
    if (talk->stops_count > 0) {
        talk_key(writing, "stopSequences");
        talk_put_stops(writing);
    }
    if (talk->choices > 1) {
        talk_key(writing, "candidateCount");
        put_int(&writing->put, talk->choices);
    }
    if (talk->format != TALK_FORMAT_TEXT) {
        talk_key(writing, "responseMimeType");
        PUT(&writing->put, "\"application/json\"");
    }
    if (talk->format == TALK_FORMAT_SCHEMA) {
        talk_key(writing, "responseJsonSchema");
        put_str(&writing->put, talk->format_schema);
    }
    gemini_put_thinking(writing);
    PUT(&writing->put, "}");
    writing->more = true;
}

enum err talk_write_gemini(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    const struct talk_turn *turn = talk_next_loud(talk->turns);
    if (talk->stops_count > STOPS_MAX) {
        return talk_cannot_field(writing, "stop", "stop", "stop_sequences",
                                 "generationConfig.stopSequences");
    }
    TRY(gemini_put_tools(writing));
    TRY(gemini_put_system(writing, &turn));
    TRY(gemini_put_contents(writing, turn));
    gemini_put_config(writing);
    if (talk->user.len > 0) {
        lost_add(writing->lost, LOST_BIT_USER);
    }
    if (talk->verbosity.len > 0) {
        lost_add(writing->lost, LOST_BIT_VERBOSITY);
    }
    return ERR_OK;
}
