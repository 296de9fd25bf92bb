/* A talk from Anthropic Messages, of either version. */
#include "dialect/talk_internal.h"

#define COUNT_MAX INT64_C(10000000) /* tokens; ten times the largest output there is */

static enum err anthropic_bad(struct talk_reading *reading, const struct talk_turn *turn,
                              uint32_t place, const char *what)
{
    return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, turn->at, place, what);
}

/* ---- blocks ------------------------------------------------------------------------------- */

static struct str anthropic_cache(struct str block)
{
    struct str cache = json_get(block, STR("cache_control"));
    return talk_is(cache, JSON_OBJECT) ? cache : STR_EMPTY;
}

static enum err anthropic_set_source(struct talk_reading *reading, struct talk_part *part,
                                     struct str block)
{
    struct str source = json_get(block, STR("source"));
    struct str type = json_get(source, STR("type"));
    part->cache = anthropic_cache(block);
    if (json_string_is(type, STR("url"))) {
        return talk_set_url(reading, part, text_get(source, STR("url")));
    }
    if (!json_string_is(type, STR("base64"))) {
        return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, part->turn,
                              part->place, "must have a source of base64 or a url");
    }
    return talk_set_data(reading, part, text_get(source, STR("media_type")),
                         text_get(source, STR("data")));
}

static enum err anthropic_read_media(struct talk_reading *reading, struct talk_turn *turn,
                                     uint32_t place, struct str block, enum talk_kind kind)
{
    struct talk_part *part;
    struct str source = json_get(block, STR("source"));
    /* A document of plain text is text. */
    if (kind == TALK_FILE && json_string_is(json_get(source, STR("type")), STR("text"))) {
        return talk_add_text(reading, turn, place, text_get(source, STR("data")));
    }
    TRY(talk_add_part(reading, turn, kind, place, &part));
    part->name = text_get(block, STR("title"));
    return anthropic_set_source(reading, part, block);
}

static enum err anthropic_read_inner(struct talk_reading *reading, struct talk_part *result,
                                     struct str block)
{
    struct talk_part *inner;
    struct str type = json_get(block, STR("type"));
    if (json_string_is(type, STR("text"))) {
        TRY(talk_add_inner(reading, result, TALK_TEXT, &inner));
        inner->text = text_get(block, STR("text"));
        return ERR_OK;
    }
    if (json_string_is(type, STR("image")) || json_string_is(type, STR("document"))) {
        TRY(talk_add_inner(reading, result,
                           json_string_is(type, STR("image")) ? TALK_IMAGE : TALK_FILE, &inner));
        return anthropic_set_source(reading, inner, block);
    }
    return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, result->turn,
                          result->place, "has a block of a type that is not known here");
}

static enum err anthropic_read_result(struct talk_reading *reading, struct talk_turn *turn,
                                      uint32_t place, struct str block)
{
    struct talk_part *result;
    struct str content = json_get(block, STR("content"));
    struct str item;
    TRY(talk_add_part(reading, turn, TALK_RESULT, place, &result));
    TRY(talk_set_id(reading, result, text_get(block, STR("tool_use_id"))));
    result->failed = talk_is(json_get(block, STR("is_error")), JSON_TRUE);
    result->cache = anthropic_cache(block);
    if (talk_is(content, JSON_STRING)) {
        struct talk_part *inner;
        TRY(talk_add_inner(reading, result, TALK_TEXT, &inner));
        inner->text = text_of(content);
        return ERR_OK;
    }
    struct str rest = talk_is(content, JSON_ARRAY) ? json_inside(content) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        TRY(anthropic_read_inner(reading, result, item));
    }
    return ERR_OK;
}

static enum err anthropic_read_call(struct talk_reading *reading, struct talk_turn *turn,
                                    uint32_t place, struct str block)
{
    struct talk_part *part;
    TRY(talk_add_part(reading, turn, TALK_CALL, place, &part));
    part->name = text_get(block, STR("name"));
    part->args_json = json_get(block, STR("input"));
    part->cache = anthropic_cache(block);
    if (part->name.len == 0 || !talk_is(part->args_json, JSON_OBJECT)) {
        return anthropic_bad(reading, turn, place, "must have a name and an input");
    }
    return talk_set_id(reading, part, text_get(block, STR("id")));
}

static enum err anthropic_read_thinking(struct talk_reading *reading, struct talk_turn *turn,
                                        uint32_t place, struct str block)
{
    struct talk_part *part;
    struct str cipher = text_get(block, STR("data"));
    TRY(talk_add_part(reading, turn, TALK_REASON, place, &part));
    part->redacted = cipher.len > 0;
    part->text = text_get(block, STR("thinking"));
    talk_set_signature(reading->talk, part,
                       part->redacted ? cipher : text_get(block, STR("signature")));
    return ERR_OK;
}

static enum err anthropic_read_text(struct talk_reading *reading, struct talk_turn *turn,
                                    uint32_t place, struct str block)
{
    struct talk_part *before = turn->last;
    TRY(talk_add_text(reading, turn, place, text_get(block, STR("text"))));
    if (turn->last != before) {
        turn->last->cache = anthropic_cache(block);
    }
    struct str citations = json_get(block, STR("citations"));
    if (talk_is(citations, JSON_ARRAY) && json_trim(json_inside(citations)).len > 0) {
        lost_add(&reading->talk->lost, LOST_BIT_CITATIONS);
    }
    return ERR_OK;
}

static enum err anthropic_read_block(struct talk_reading *reading, struct talk_turn *turn,
                                     uint32_t place, struct str block)
{
    struct str type = json_get(block, STR("type"));
    if (json_string_is(type, STR("text"))) {
        return anthropic_read_text(reading, turn, place, block);
    }
    if (json_string_is(type, STR("tool_use"))) {
        return anthropic_read_call(reading, turn, place, block);
    }
    if (json_string_is(type, STR("tool_result"))) {
        return anthropic_read_result(reading, turn, place, block);
    }
    if (json_string_is(type, STR("thinking")) || json_string_is(type, STR("redacted_thinking"))) {
        return anthropic_read_thinking(reading, turn, place, block);
    }
    if (json_string_is(type, STR("image"))) {
        return anthropic_read_media(reading, turn, place, block, TALK_IMAGE);
    }
    if (json_string_is(type, STR("document"))) {
        return anthropic_read_media(reading, turn, place, block, TALK_FILE);
    }
    struct str name = text_of(type);
    /* What the vendor's own tools did in earlier turns: the text that came of it stays. */
    if (turn->role == TALK_MODEL &&
        (str_eq(name, STR("server_tool_use")) || str_ends(name, STR("_tool_result")))) {
        lost_add(&reading->talk->lost, LOST_BIT_HOSTED);
        return ERR_OK;
    }
    static const struct str own[] = { STR_INIT("search_result"), STR_INIT("server_tool_use"),
                                      STR_INIT("web_search_tool_result"),
                                      STR_INIT("web_fetch_tool_result"),
                                      STR_INIT("tool_reference") };
    static const char why[] = "is of a type that is not known here";
    return talk_is_among(type, own, EP_ARRAY_LEN(own))
               ? talk_own_at(reading->talk, reading->fail, turn->at, place, why)
               : anthropic_bad(reading, turn, place, why);
}

static enum err anthropic_read_content(struct talk_reading *reading, struct talk_turn *turn,
                                       struct str content)
{
    struct str block;
    uint32_t place = 0;
    if (talk_is(content, JSON_STRING)) {
        return talk_add_text(reading, turn, 0, text_of(content));
    }
    if (!talk_is(content, JSON_ARRAY)) {
        return anthropic_bad(reading, turn, TALK_NO_PLACE,
                             "must have a content that is a string or a list");
    }
    struct str rest = json_inside(content);
    while (json_next_item(&rest, &block)) {
        TRY(anthropic_read_block(reading, turn, place++, block));
    }
    return ERR_OK;
}

static enum err anthropic_on_messages(struct talk_reading *reading, struct str value)
{
    struct str message;
    struct str rest;
    TRY(talk_take_list(reading, STR("messages"), value, &rest));
    for (uint32_t at = 0; json_next_item(&rest, &message); at++) {
        struct str role = json_get(message, STR("role"));
        struct talk_turn *turn;
        bool user = json_string_is(role, STR("user"));
        bool model = json_string_is(role, STR("assistant"));
        if (!user && !model && !json_string_is(role, STR("system"))) {
            return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_INVALID, at, TALK_NO_PLACE,
                                  "must have a role of user, assistant or system");
        }
        TRY(talk_add_turn(reading,
                          user    ? TALK_USER
                          : model ? TALK_MODEL
                                  : TALK_SYSTEM,
                          at, false, &turn));
        TRY(anthropic_read_content(reading, turn, json_get(message, STR("content"))));
    }
    return ERR_OK;
}

/* It may stand behind the messages, and is their beginning all the same. */
static enum err anthropic_on_system(struct talk_reading *reading, struct str value)
{
    return talk_add_system(reading, value, anthropic_read_content);
}

/* ---- tools -------------------------------------------------------------------------------- */

/* Tools that the vendor defines: those that the client runs, and of those that the vendor runs the
 * ones whose use its report tells. Others cost what nobody would know, or keep something there. */
static enum err anthropic_read_hosted(struct talk_reading *reading, struct str type)
{
    static const struct str clients[] = { STR_INIT("bash_*"), STR_INIT("text_editor_*"),
                                          STR_INIT("computer_*"), STR_INIT("memory_*"),
                                          STR_INIT("tool_search_tool_*") };
    static const struct str vendors[] = { STR_INIT("web_search_*"), STR_INIT("web_fetch_*") };
    bool searches = talk_is_among(type, vendors, EP_ARRAY_LEN(vendors));
    reading->talk->searches |= searches;
    if (searches || talk_is_among(type, clients, EP_ARRAY_LEN(clients))) {
        return talk_own(reading, STR("tools"),
                        "may not be the vendor's own on a route of another dialect");
    }
    return talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("tools"),
                       "may not be the vendor's own but for its searches and what the client runs");
}

static enum err anthropic_read_tool(struct talk_reading *reading, struct str value)
{
    struct talk_tool *tool;
    struct str type = json_get(value, STR("type"));
    if (type.len > 0 && !json_string_is(type, STR("custom")) && json_kind(type) != JSON_NULL) {
        return anthropic_read_hosted(reading, type);
    }
    static const struct str names[] = {
        STR_INIT("type"),
        STR_INIT("name"),
        STR_INIT("description"),
        STR_INIT("input_schema"),
        STR_INIT("cache_control"),
        STR_INIT("strict"),
        STR_INIT("eager_input_streaming") /* how, not what */
    };
    TRY(talk_check_tool(reading, value, names, EP_ARRAY_LEN(names)));
    TRY(talk_add_tool(reading, text_get(value, STR("name")), &tool));
    tool->description = text_get(value, STR("description"));
    tool->schema = json_get(value, STR("input_schema"));
    tool->cache = anthropic_cache(value);
    tool->strict = talk_is(json_get(value, STR("strict")), JSON_TRUE);
    return talk_is(tool->schema, JSON_OBJECT) ? ERR_OK
                                              : talk_refuse(reading, ERR_ASK_INVALID, STR("tools"),
                                                            "must each have an input_schema");
}

static enum err anthropic_on_tools(struct talk_reading *reading, struct str value)
{
    struct str tool;
    struct str rest;
    TRY(talk_take_list(reading, STR("tools"), value, &rest));
    while (json_next_item(&rest, &tool)) {
        TRY(anthropic_read_tool(reading, tool));
    }
    return ERR_OK;
}

static enum err anthropic_on_tool_choice(struct talk_reading *reading, struct str value)
{
    static const struct {
        struct str name;
        enum talk_choice choice;
    } names[] = { { STR_INIT("auto"), TALK_CHOICE_AUTO },
                  { STR_INIT("none"), TALK_CHOICE_NONE },
                  { STR_INIT("any"), TALK_CHOICE_ANY },
                  { STR_INIT("tool"), TALK_CHOICE_NAMED } };
    struct talk *talk = reading->talk;
    struct str type = json_get(value, STR("type"));
    for (size_t i = 0; i < EP_ARRAY_LEN(names); i++) {
        if (json_string_is(type, names[i].name)) {
            talk->choice = names[i].choice;
        }
    }
    talk->serial = talk_is(json_get(value, STR("disable_parallel_tool_use")), JSON_TRUE);
    talk->choice_name = text_get(value, STR("name"));
    bool fine = talk->choice != TALK_CHOICE_UNSAID &&
                (talk->choice != TALK_CHOICE_NAMED || talk->choice_name.len > 0);
    return fine ? ERR_OK
                : talk_refuse(reading, ERR_ASK_INVALID, STR("tool_choice"),
                              "must be auto, any, none, or a tool with its name");
}

/* ---- the rest ----------------------------------------------------------------------------- */

static enum err anthropic_on_max_tokens(struct talk_reading *reading, struct str value)
{
    return talk_take_count(reading, STR("max_tokens"), value, COUNT_MAX,
                           &reading->talk->output_cap);
}

static enum err anthropic_on_stops(struct talk_reading *reading, struct str value)
{
    return talk_is(value, JSON_ARRAY)
               ? talk_take_stops(reading, STR("stop_sequences"), value)
               : talk_refuse(reading, ERR_ASK_INVALID, STR("stop_sequences"), "must be a list");
}

static enum err anthropic_on_thinking(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    struct str type = json_get(value, STR("type"));
    struct str budget = json_get(value, STR("budget_tokens"));
    bool off = json_string_is(type, STR("disabled"));
    if (talk_is(budget, JSON_NUMBER)) {
        TRY(talk_take_count(reading, STR("thinking.budget_tokens"), budget, COUNT_MAX,
                            &talk->thinking_budget));
    }
    talk->thoughts = !off && !json_string_is(json_get(value, STR("display")), STR("omitted"));
    if (off) {
        talk->effort = TALK_EFFORT_NONE;
    } else if (talk->thinking_budget == 0 && talk->effort == TALK_EFFORT_UNSAID) {
        talk->effort = TALK_EFFORT_MEDIUM; /* as much as the model finds right */
    }
    bool known = off || json_string_is(type, STR("enabled")) ||
                 json_string_is(type, STR("adaptive")) ||
                 json_string_is(type, STR("between_tools"));
    return known ? ERR_OK
                 : talk_refuse(reading, ERR_ASK_INVALID, STR("thinking"),
                               "must be enabled, adaptive, between_tools or disabled");
}

static enum err anthropic_on_effort(struct talk_reading *reading, struct str value)
{
    return talk_take_effort(reading, STR("effort"), value);
}

static enum err anthropic_on_format(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    talk->format = TALK_FORMAT_SCHEMA;
    talk->format_schema = json_get(value, STR("schema"));
    talk->format_strict = true;
    bool fine = json_string_is(json_get(value, STR("type")), STR("json_schema")) &&
                talk_is(talk->format_schema, JSON_OBJECT);
    return fine ? ERR_OK
                : talk_refuse(reading, ERR_ASK_INVALID, STR("format"),
                              "must be json_schema with a schema");
}

static enum err anthropic_on_output_config(struct talk_reading *reading, struct str value)
{
    static const struct talk_member members[] = {
        { STR_INIT("effort"), anthropic_on_effort, 0 },
        { STR_INIT("format"), anthropic_on_format, 0 },
    };
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("output_config"), "must be an object");
    }
    reading->within = "output_config.";
    TRY(talk_read_object(reading, value, members, EP_ARRAY_LEN(members)));
    reading->within = "";
    return ERR_OK;
}

static enum err anthropic_on_metadata(struct talk_reading *reading, struct str value)
{
    reading->talk->user = text_get(value, STR("user_id"));
    return ERR_OK;
}

static enum err anthropic_on_speed(struct talk_reading *reading, struct str value)
{
    reading->talk->speed = tier_of_json(value);
    lost_add(&reading->talk->lost, LOST_BIT_TIER);
    return ERR_OK;
}

static const struct talk_member anthropic_members[] = {
    { STR_INIT("model"), talk_on_model, 0 },
    { STR_INIT("messages"), anthropic_on_messages, 0 },
    { STR_INIT("system"), anthropic_on_system, 0 },
    { STR_INIT("max_tokens"), anthropic_on_max_tokens, 0 },
    { STR_INIT("stream"), talk_on_stream, 0 },
    { STR_INIT("temperature"), talk_on_temperature, 0 },
    { STR_INIT("top_p"), talk_on_top_p, 0 },
    { STR_INIT("top_k"), talk_on_top_k, 0 },
    { STR_INIT("stop_sequences"), anthropic_on_stops, 0 },
    { STR_INIT("tools"), anthropic_on_tools, 0 },
    { STR_INIT("tool_choice"), anthropic_on_tool_choice, 0 },
    { STR_INIT("thinking"), anthropic_on_thinking, 0 },
    { STR_INIT("output_config"), anthropic_on_output_config, 0 },
    { STR_INIT("metadata"), anthropic_on_metadata, 0 },
    { STR_INIT("service_tier"), talk_on_tier, 0 },
    { STR_INIT("speed"), anthropic_on_speed, 0 },
    { STR_INIT("cache_control"), NULL, LOST_BIT_CACHE },
    { STR_INIT("context_management"), NULL, LOST_BIT_CONTEXT_MANAGEMENT },
    { STR_INIT("diagnostics"), NULL, LOST_BIT_METADATA },
    { STR_INIT("user_profile_id"), NULL, LOST_BIT_USER },
    { STR_INIT("workspace_id"), NULL, LOST_BIT_USER },
    { STR_INIT("container"), NULL, TALK_NEVER },
    { STR_INIT("mcp_servers"), NULL, TALK_NEVER },
    { STR_INIT("inference_geo"), NULL, TALK_NEVER }, /* where content may go is no hint */
};

enum err talk_read_anthropic(struct talk_reading *reading)
{
    struct talk *talk = reading->talk;
    TRY(talk_read_object(reading, talk->body, anthropic_members, EP_ARRAY_LEN(anthropic_members)));
    return talk->output_cap > 0 || talk->counts
               ? ERR_OK
               : talk_refuse(reading, ERR_ASK_MISSING, STR("max_tokens"), "is missing");
}
