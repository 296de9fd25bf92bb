/*
 * A talk to Anthropic Messages: system first and apart, turns that alternate, results in front of
 * what else the user says, blocks that are never empty, a cap always.
 */
#include "dialect/talk_internal.h"

#define BUDGET_MIN 1024 /* the vendor's own */

/* ---- blocks ------------------------------------------------------------------------------- */

static void anthropic_comma(struct talk_writing *writing)
{
    put_str(&writing->put, writing->more ? STR(",") : STR_EMPTY);
    writing->more = true;
}

static void anthropic_put_cache(struct talk_writing *writing, struct str cache)
{
    if (cache.len > 0) {
        PUT(&writing->put, ",\"cache_control\":");
        put_str(&writing->put, cache);
    }
}

static enum err anthropic_put_source(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    if (part->url.len > 0) {
        PUT(put, ",\"source\":{\"type\":\"url\",\"url\":");
        TRY(talk_put_url(writing, part));
        PUT(put, "}");
        return ERR_OK;
    }
    PUT(put, ",\"source\":{\"type\":\"base64\",\"media_type\":");
    put_text(put, part->media);
    PUT(put, ",\"data\":");
    put_text(put, part->data);
    PUT(put, "}");
    return ERR_OK;
}

static void anthropic_put_text(struct talk_writing *writing, const struct talk_part *part,
                               bool system)
{
    PUT(&writing->put, "{\"type\":\"text\",\"text\":\"");
    put_str(&writing->put, system ? STR("<system>") : STR_EMPTY);
    put_str(&writing->put, part->text);
    put_str(&writing->put, system ? STR("</system>\"") : STR("\""));
    anthropic_put_cache(writing, part->cache);
    PUT(&writing->put, "}");
}

static enum err anthropic_put_result(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    PUT(put, "{\"type\":\"tool_result\",\"tool_use_id\":");
    talk_put_id(writing, part->id);
    PUT(put, ",\"content\":[");
    bool more = false;
    for (const struct talk_part *inner = part->parts; inner != NULL; inner = inner->next) {
        if (inner->kind == TALK_TEXT && inner->text.len == 0) {
            continue; /* an empty block is refused there */
        }
        put_str(put, more ? STR(",") : STR_EMPTY);
        more = true;
        if (inner->kind == TALK_TEXT) {
            anthropic_put_text(writing, inner, false);
        } else {
            put_str(put, inner->kind == TALK_IMAGE ? STR("{\"type\":\"image\"")
                                                   : STR("{\"type\":\"document\""));
            TRY(anthropic_put_source(writing, inner));
            PUT(put, "}");
        }
    }
    put_str(put, part->failed ? STR("],\"is_error\":true") : STR("]"));
    anthropic_put_cache(writing, part->cache);
    PUT(put, "}");
    return ERR_OK;
}

static enum err anthropic_put_call(struct talk_writing *writing, const struct talk_part *part)
{
    PUT(&writing->put, "{\"type\":\"tool_use\",\"id\":");
    talk_put_id(writing, part->id);
    PUT(&writing->put, ",\"name\":");
    put_text(&writing->put, part->name);
    PUT(&writing->put, ",\"input\":");
    TRY(talk_put_args_json(writing, part));
    anthropic_put_cache(writing, part->cache);
    PUT(&writing->put, "}");
    if (part->signature.len > 0) {
        lost_add(writing->lost, LOST_BIT_SIGNATURE);
    }
    return ERR_OK;
}

static void anthropic_put_reason(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    if (!talk_keeps_reason(writing, part)) {
        return;
    }
    anthropic_comma(writing);
    if (part->redacted) {
        PUT(put, "{\"type\":\"redacted_thinking\",\"data\":");
    } else {
        PUT(put, "{\"type\":\"thinking\",\"thinking\":");
        put_text(put, part->text);
        PUT(put, ",\"signature\":");
    }
    put_text(put, part->signature);
    PUT(put, "}");
}

static enum err anthropic_put_part(struct talk_writing *writing, const struct talk_part *part,
                                   bool system)
{
    switch (part->kind) {
    case TALK_TEXT:
    case TALK_REFUSAL:
        anthropic_comma(writing);
        anthropic_put_text(writing, part, system);
        if (part->kind == TALK_REFUSAL) {
            lost_add(writing->lost, LOST_BIT_REFUSAL);
        }
        return ERR_OK;
    case TALK_IMAGE:
    case TALK_FILE:
        anthropic_comma(writing);
        put_str(&writing->put, part->kind == TALK_IMAGE ? STR("{\"type\":\"image\"")
                                                        : STR("{\"type\":\"document\""));
        TRY(anthropic_put_source(writing, part));
        anthropic_put_cache(writing, part->cache);
        PUT(&writing->put, "}");
        if (part->detail.len > 0) {
            lost_add(writing->lost, LOST_BIT_DETAIL);
        }
        return ERR_OK;
    case TALK_REASON:
        anthropic_put_reason(writing, part);
        return ERR_OK;
    case TALK_CALL:
        anthropic_comma(writing);
        return anthropic_put_call(writing, part);
    case TALK_RESULT:
        anthropic_comma(writing);
        return anthropic_put_result(writing, part);
    case TALK_CUSTOM_CALL:
    case TALK_AUDIO:
        break;
    }
    return talk_cannot(writing, part, "cannot be carried to a route of this dialect");
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Parts of the neighbours that become one message: results first, for they are looked for there. */
static enum err anthropic_put_parts(struct talk_writing *writing, const struct talk_turn *from,
                                    const struct talk_turn *to, bool results)
{
    for (const struct talk_turn *turn = from; turn != to; turn = turn->next) {
        const struct talk_part *part = talk_is_silent(turn) ? NULL : turn->parts;
        for (; part != NULL; part = part->next) {
            if ((part->kind == TALK_RESULT) == results) {
                TRY(anthropic_put_part(writing, part, turn->role == TALK_SYSTEM));
            }
        }
    }
    return ERR_OK;
}

static bool anthropic_is_user(const struct talk_turn *turn)
{
    return turn->role !=
           TALK_MODEL; /* a system turn among others is told to the model by the user */
}

static enum err anthropic_put_messages(struct talk_writing *writing, const struct talk_turn *turn)
{
    bool more = false;
    talk_key(writing, "messages");
    PUT(&writing->put, "[");
    turn = talk_next_loud(turn);
    while (turn != NULL) {
        const struct talk_turn *to = turn;
        while (to != NULL &&
               (talk_is_silent(to) || anthropic_is_user(to) == anthropic_is_user(turn))) {
            to = to->next;
        }
        put_str(&writing->put, more ? STR(",") : STR_EMPTY);
        put_str(&writing->put, anthropic_is_user(turn)
                                   ? STR("{\"role\":\"user\",\"content\":[")
                                   : STR("{\"role\":\"assistant\",\"content\":["));
        writing->more = false;
        TRY(anthropic_put_parts(writing, turn, to, true));
        TRY(anthropic_put_parts(writing, turn, to, false));
        PUT(&writing->put, "]}");
        more = true;
        turn = to;
    }
    PUT(&writing->put, "]");
    writing->more = true;
    return ERR_OK;
}

/* The turns of the system that come first; *turn is what follows them. */
static enum err anthropic_put_system(struct talk_writing *writing, const struct talk_turn **turn)
{
    bool any = false;
    for (; *turn != NULL && (*turn)->role == TALK_SYSTEM; *turn = talk_next_loud((*turn)->next)) {
        for (const struct talk_part *part = (*turn)->parts; part != NULL; part = part->next) {
            if (part->kind != TALK_TEXT) {
                return talk_cannot(writing, part, "may be text alone in a system message");
            }
            if (!any) {
                talk_key(writing, "system");
            }
            put_str(&writing->put, any ? STR(",") : STR("["));
            anthropic_put_text(writing, part, false);
            any = true;
        }
    }
    put_str(&writing->put, any ? STR("]") : STR_EMPTY);
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

static enum err anthropic_put_tool(struct talk_writing *writing, const struct talk_tool *tool)
{
    struct put *put = &writing->put;
    if (tool->custom) {
        return talk_cannot_field(writing, "tools", "tools", "tools", "tools");
    }
    PUT(put, "{\"name\":");
    talk_put_tool_name(put, tool);
    PUT(put, ",\"input_schema\":");
    put_str(put,
            tool->schema.len > 0 ? tool->schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    anthropic_put_cache(writing, tool->cache);
    PUT(put, "}");
    if (tool->strict) {
        lost_add(writing->lost, LOST_BIT_STRICT);
    }
    return ERR_OK;
}

static enum err anthropic_put_tools(struct talk_writing *writing)
{
    static const char *const choices[] = { "auto", "auto", "none", "any", "tool" };
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    if (talk->tools == NULL) {
        return ERR_OK;
    }
    talk_key(writing, "tools");
    for (const struct talk_tool *tool = talk->tools; tool != NULL; tool = tool->next) {
        put_str(put, tool == talk->tools ? STR("[") : STR(","));
        TRY(anthropic_put_tool(writing, tool));
    }
    PUT(put, "]");
    bool serial = talk->serial && talk->choice != TALK_CHOICE_NONE;
    if (talk->choice == TALK_CHOICE_UNSAID && !serial) {
        return ERR_OK;
    }
    talk_key(writing, "tool_choice");
    PUT(put, "{\"type\":\"");
    put_str(put, str_from(choices[talk->choice]));
    PUT(put, "\"");
    if (talk->choice == TALK_CHOICE_NAMED) {
        PUT(put, ",\"name\":");
        put_text(put, talk->choice_name);
    }
    put_str(put, serial ? STR(",\"disable_parallel_tool_use\":true}") : STR("}"));
    return ERR_OK;
}

/* ---- thinking ----------------------------------------------------------------------------- */

/* A turn with calls, in the loop that is under way, must begin with what the model thought, signed;
 * where it does not, the model goes on without. */
static bool anthropic_lacks_thoughts(const struct talk *talk)
{
    bool lacks = false;
    bool under_way = false;
    for (const struct talk_turn *turn = talk_next_loud(talk->turns); turn != NULL;
         turn = turn->next) {
        bool calls = false;
        bool signed_ = false;
        bool results = false;
        for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
            calls |= part->kind == TALK_CALL;
            results |= part->kind == TALK_RESULT;
            signed_ |= part->kind == TALK_REASON && part->source == DIALECT_ANTHROPIC &&
                       part->signature.len > 0;
        }
        lacks = turn->role == TALK_MODEL ? calls && !signed_ : lacks;
        under_way = turn->role != TALK_MODEL && (under_way || results);
    }
    return lacks && under_way;
}

/* The budget to think in; 0: none. It must leave room for the answer. */
static int64_t anthropic_budget(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    int64_t cap = talk_output_cap(talk, writing->target);
    int64_t budget =
        talk->thinking_budget > 0 ? talk->thinking_budget : talk_effort_budget(talk->effort);
    bool forced = talk->choice == TALK_CHOICE_ANY || talk->choice == TALK_CHOICE_NAMED;
    if (budget == 0) {
        return 0;
    }
    if (forced || cap <= BUDGET_MIN || anthropic_lacks_thoughts(talk)) {
        lost_add(writing->lost, LOST_BIT_EFFORT);
        return 0;
    }
    budget = budget < BUDGET_MIN ? BUDGET_MIN : budget;
    if (budget >= cap) {
        lost_add(writing->lost, LOST_BIT_EFFORT);
        budget = cap - 1 < BUDGET_MIN ? BUDGET_MIN : cap - 1;
    }
    return budget;
}

static void anthropic_put_effort(struct talk_writing *writing)
{
    static const char *const efforts[] = { "", "", "low", "low", "medium", "high", "xhigh", "max" };
    enum talk_effort effort = talk_effort_of(writing);
    talk_key(writing, "thinking");
    if (effort == TALK_EFFORT_NONE) {
        PUT(&writing->put, "{\"type\":\"disabled\"}");
        return;
    }
    if (effort == TALK_EFFORT_MINIMAL) {
        lost_add(writing->lost, LOST_BIT_EFFORT);
    }
    PUT(&writing->put, "{\"type\":\"adaptive\"}");
    talk_key(writing, "output_config");
    PUT(&writing->put, "{\"effort\":\"");
    put_str(&writing->put, str_from(efforts[effort]));
    PUT(&writing->put, "\"");
}

/* Thinking and the answer's form; *ret_thinks: there is thinking, which forbids a temperature. */
static enum err anthropic_put_output(struct talk_writing *writing, bool *ret_thinks)
{
    const struct talk *talk = writing->talk;
    bool said = talk->effort != TALK_EFFORT_UNSAID || talk->thinking_budget > 0;
    bool config = false;
    *ret_thinks = false;
    if (talk->format == TALK_FORMAT_JSON) {
        return talk_cannot_field(writing, "response_format", "text.format", "output_config.format",
                                 "generationConfig.responseMimeType");
    }
    if (said && writing->target->adaptive) {
        anthropic_put_effort(writing);
        *ret_thinks = talk->effort != TALK_EFFORT_NONE;
        config = *ret_thinks;
    } else if (said) {
        int64_t budget = anthropic_budget(writing);
        *ret_thinks = budget > 0;
        talk_key(writing, "thinking");
        put_str(&writing->put, budget > 0 ? STR("{\"type\":\"enabled\",\"budget_tokens\":")
                                          : STR("{\"type\":\"disabled\"}"));
        if (budget > 0) {
            put_int(&writing->put, budget);
            PUT(&writing->put, "}");
        }
    }
    if (talk->format == TALK_FORMAT_SCHEMA) {
        if (!config) {
            talk_key(writing, "output_config");
        }
        put_str(&writing->put, config ? STR(",\"format\":{\"type\":\"json_schema\",\"schema\":")
                                      : STR("{\"format\":{\"type\":\"json_schema\",\"schema\":"));
        put_str(&writing->put, talk->format_schema);
        PUT(&writing->put, "}");
        config = true;
    }
    put_str(&writing->put, config ? STR("}") : STR_EMPTY);
    return ERR_OK;
}

/* ---- the rest ----------------------------------------------------------------------------- */

static enum err anthropic_put_stops(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    for (size_t i = 0; i < talk->stops_count; i++) {
        struct str text;
        if (!text_decode(talk->stops[i], talk->arena, &text)) {
            return ERR_NO_MEMORY;
        }
        if (json_trim(text).len == 0) { /* white space alone is refused there */
            return talk_cannot_field(writing, "stop", "stop", "stop_sequences",
                                     "generationConfig.stopSequences");
        }
    }
    if (talk->stops_count > 0) {
        talk_key(writing, "stop_sequences");
        talk_put_stops(writing);
    }
    return ERR_OK;
}

static void anthropic_note_lost(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    if (talk->seed.len > 0) {
        lost_add(writing->lost, LOST_BIT_SEED);
    }
    if (talk->frequency_penalty.len + talk->presence_penalty.len > 0) {
        lost_add(writing->lost, LOST_BIT_PENALTY);
    }
    if (talk->verbosity.len > 0) {
        lost_add(writing->lost, LOST_BIT_VERBOSITY);
    }
}

enum err talk_write_anthropic(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    const struct talk_target *target = writing->target;
    const struct talk_turn *turn = talk_next_loud(talk->turns);
    bool thinks = false;
    if (talk->choices > 1) {
        return talk_cannot_field(writing, "n", "n", "n", "generationConfig.candidateCount");
    }
    talk_key(writing, "model");
    put_quoted(&writing->put, target->model);
    talk_key(writing, "max_tokens");
    put_int(&writing->put, talk_output_cap(talk, target));
    TRY(anthropic_put_tools(writing));
    TRY(anthropic_put_system(writing, &turn));
    TRY(anthropic_put_messages(writing, turn));
    TRY(anthropic_put_output(writing, &thinks));
    bool samples = !target->no_sampling && !thinks;
    talk_put_sampling(writing, "temperature", talk->temperature, LOST_BIT_TEMPERATURE,
                      samples ? 1000 : 0);
    talk_put_sampling(writing, "top_p", talk->top_p, LOST_BIT_TOP_P, samples ? 1000 : 0);
    talk_put_sampling(writing, "top_k", talk->top_k, LOST_BIT_TOP_K, samples ? 500000 : 0);
    TRY(anthropic_put_stops(writing));
    if (talk->user.len > 0) {
        talk_key(writing, "metadata");
        PUT(&writing->put, "{\"user_id\":");
        put_text(&writing->put, talk->user);
        PUT(&writing->put, "}");
    }
    anthropic_note_lost(writing);
    if (talk->stream) {
        talk_key(writing, "stream");
        PUT(&writing->put, "true");
    }
    return ERR_OK;
}
