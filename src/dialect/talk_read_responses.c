/* A talk from OpenAI Responses, whose input is a list of items; those that follow one another and
 * are of one side are one turn. */
#include "dialect/talk_internal.h"

#define COUNT_MAX INT64_C(10000000) /* tokens; ten times the largest output there is */

#define SEND_ALL                                                                 \
    "cannot be carried, because nothing is kept here: send the full input with " \
    "\"store\": false"

/* ---- parts of messages -------------------------------------------------------------------- */

static enum err responses_bad(struct talk_reading *reading, uint32_t at, uint32_t place,
                              const char *what)
{
    return talk_refuse_at(reading->talk, reading->fail, ERR_ASK_UNSUPPORTED, at, place, what);
}

static enum err responses_read_file(struct talk_reading *reading, struct talk_part *part,
                                    struct str value)
{
    struct str url = text_get(value, STR("file_url"));
    part->name = text_get(value, STR("filename"));
    return talk_set_url(reading, part, url.len > 0 ? url : text_get(value, STR("file_data")));
}

static enum err responses_read_image(struct talk_reading *reading, struct talk_part *part,
                                     struct str value)
{
    part->detail = text_get(value, STR("detail"));
    return talk_set_url(reading, part, text_get(value, STR("image_url")));
}

static enum err responses_read_sound(struct talk_reading *reading, struct talk_part *part,
                                     struct str value)
{
    struct str sound = json_get(value, STR("input_audio"));
    bool wav = str_eq(text_get(sound, STR("format")), STR("wav"));
    return talk_set_data(reading, part, wav ? STR("audio/wav") : STR("audio/mpeg"),
                         text_get(sound, STR("data")));
}

static enum err responses_read_part(struct talk_reading *reading, struct talk_turn *turn,
                                    uint32_t at, uint32_t place, struct str value)
{
    static const struct {
        struct str type;
        enum talk_kind kind;
        enum err (*read)(struct talk_reading *reading, struct talk_part *part, struct str value);
    } kinds[] = {
        { STR_INIT("input_image"), TALK_IMAGE, responses_read_image },
        { STR_INIT("input_file"), TALK_FILE, responses_read_file },
        { STR_INIT("input_audio"), TALK_AUDIO, responses_read_sound },
    };
    struct talk_part *part;
    struct str type = json_get(value, STR("type"));
    if (json_string_is(type, STR("input_text")) || json_string_is(type, STR("output_text")) ||
        json_string_is(type, STR("text"))) {
        return talk_add_text(reading, turn, place, text_get(value, STR("text")));
    }
    if (json_string_is(type, STR("refusal"))) {
        TRY(talk_add_part(reading, turn, TALK_REFUSAL, place, &part));
        part->text = text_get(value, STR("refusal"));
        return ERR_OK;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (json_string_is(type, kinds[i].type)) {
            TRY(talk_add_part(reading, turn, kinds[i].kind, place, &part));
            part->turn = at;
            return kinds[i].read(reading, part, value);
        }
    }
    return responses_bad(reading, at, place, "is of a type that is not known here");
}

static enum err responses_read_content(struct talk_reading *reading, struct talk_turn *turn,
                                       uint32_t at, struct str content)
{
    struct str part;
    uint32_t place = 0;
    if (talk_is(content, JSON_STRING)) {
        return talk_add_text(reading, turn, 0, text_of(content));
    }
    if (!talk_is(content, JSON_ARRAY)) {
        return responses_bad(reading, at, TALK_NO_PLACE,
                             "must have a content that is a string or a list");
    }
    struct str rest = json_inside(content);
    while (json_next_item(&rest, &part)) {
        TRY(responses_read_part(reading, turn, at, place++, part));
    }
    return ERR_OK;
}

/* ---- items -------------------------------------------------------------------------------- */

static enum err responses_read_message(struct talk_reading *reading, uint32_t at, struct str item)
{
    struct talk_turn *turn;
    struct str role = json_get(item, STR("role"));
    bool user = json_string_is(role, STR("user"));
    bool model = json_string_is(role, STR("assistant"));
    bool system = json_string_is(role, STR("system")) || json_string_is(role, STR("developer"));
    if (!user && !model && !system) {
        return responses_bad(reading, at, TALK_NO_PLACE,
                             "must have a role of user, assistant, system or developer");
    }
    if (text_get(item, STR("phase")).len > 0) {
        lost_add(&reading->talk->lost, LOST_BIT_PHASE);
    }
    /* A message is one turn of its own, but what the model says goes with its calls. */
    TRY(talk_add_turn(reading,
                      user    ? TALK_USER
                      : model ? TALK_MODEL
                              : TALK_SYSTEM,
                      at, model, &turn));
    return responses_read_content(reading, turn, at, json_get(item, STR("content")));
}

/* A name with its namespace, as those have it who know none. */
static enum err responses_join(struct talk_reading *reading, struct str space, struct str *name)
{
    enum err err = carry_name_join(space, *name, reading->talk->arena, name);
    return err == ERR_ASK_INVALID
               ? talk_refuse(reading, err, STR("tools"),
                             "must have names of at most 58 bytes, their namespace included, on a "
                             "route of another dialect")
               : err;
}

static enum err responses_read_any_call(struct talk_reading *reading, uint32_t at, struct str item,
                                        bool custom)
{
    struct talk_turn *turn;
    struct talk_part *part;
    TRY(talk_add_turn(reading, TALK_MODEL, at, true, &turn));
    TRY(talk_add_part(reading, turn, custom ? TALK_CUSTOM_CALL : TALK_CALL, TALK_NO_PLACE, &part));
    part->turn = at;
    part->name = text_get(item, STR("name"));
    part->args = text_get(item, custom ? STR("input") : STR("arguments"));
    if (part->name.len == 0) {
        return responses_bad(reading, at, TALK_NO_PLACE, "must have a name");
    }
    struct str space = text_get(item, STR("namespace"));
    if (space.len > 0) {
        TRY(responses_join(reading, space, &part->name));
    }
    return talk_set_id(reading, part, text_get(item, STR("call_id")));
}

static enum err responses_read_call(struct talk_reading *reading, uint32_t at, struct str item)
{
    return responses_read_any_call(reading, at, item, false);
}

static enum err responses_read_custom_call(struct talk_reading *reading, uint32_t at,
                                           struct str item)
{
    return responses_read_any_call(reading, at, item, true);
}

static enum err responses_read_output_part(struct talk_reading *reading, struct talk_part *result,
                                           struct str value)
{
    struct talk_part *inner;
    struct str type = json_get(value, STR("type"));
    bool image = json_string_is(type, STR("input_image"));
    bool file = json_string_is(type, STR("input_file"));
    TRY(talk_add_inner(reading, result, image ? TALK_IMAGE : file ? TALK_FILE : TALK_TEXT, &inner));
    if (image) {
        return responses_read_image(reading, inner, value);
    }
    if (file) {
        return responses_read_file(reading, inner, value);
    }
    inner->text = text_get(value, STR("text"));
    return ERR_OK;
}

static enum err responses_read_output(struct talk_reading *reading, uint32_t at, struct str item)
{
    struct talk_turn *turn;
    struct talk_part *result;
    struct talk_part *inner;
    struct str output = json_get(item, STR("output"));
    struct str part;
    TRY(talk_add_turn(reading, TALK_USER, at, talk_ends_in_result(reading->talk), &turn));
    TRY(talk_add_part(reading, turn, TALK_RESULT, TALK_NO_PLACE, &result));
    result->turn = at;
    TRY(talk_set_id(reading, result, text_get(item, STR("call_id"))));
    if (talk_is(output, JSON_STRING)) {
        TRY(talk_add_inner(reading, result, TALK_TEXT, &inner));
        inner->text = text_of(output);
        return ERR_OK;
    }
    if (!talk_is(output, JSON_ARRAY)) {
        return responses_bad(reading, at, TALK_NO_PLACE,
                             "must have an output that is a string or a list");
    }
    struct str rest = json_inside(output);
    while (json_next_item(&rest, &part)) {
        TRY(responses_read_output_part(reading, result, part));
    }
    return ERR_OK;
}

/* What it says openly, as one text, and what only its vendor can read. */
static enum err responses_read_reason(struct talk_reading *reading, uint32_t at, struct str item)
{
    struct talk *talk = reading->talk;
    struct talk_turn *turn;
    struct talk_part *reason;
    struct str part;
    struct buf text;
    bool more = false;
    TRY(talk_add_turn(reading, TALK_MODEL, at, true, &turn));
    TRY(talk_add_part(reading, turn, TALK_REASON, TALK_NO_PLACE, &reason));
    reason->turn = at;
    buf_init(&text, talk->body.len + 64);
    struct put put = { &text, ERR_OK };
    static const struct str lists[] = { STR_INIT("summary"), STR_INIT("content") };
    for (size_t i = 0; i < EP_ARRAY_LEN(lists); i++) {
        struct str list = json_get(item, lists[i]);
        struct str rest = talk_is(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
        while (json_next_item(&rest, &part)) {
            put_str(&put, more ? STR("\\n\\n") : STR_EMPTY);
            put_str(&put, text_get(part, STR("text")));
            more = true;
        }
    }
    bool copied = put.err == ERR_OK && arena_copy(talk->arena, buf_str(&text), &reason->text);
    buf_fini(&text);
    talk_set_signature(talk, reason, text_get(item, STR("encrypted_content")));
    reason->redacted = reason->text.len == 0;
    return copied ? ERR_OK : ERR_NO_MEMORY;
}

static enum err responses_read_reference(struct talk_reading *reading, uint32_t at, struct str item)
{
    (void)item;
    return responses_bad(reading, at, TALK_NO_PLACE,
                         "is an item by reference, and nothing is kept here: send it whole "
                         "(in the Vercel AI SDK: store: false)");
}

static enum err responses_read_item(struct talk_reading *reading, uint32_t at, struct str item)
{
    static const struct {
        struct str type;
        enum err (*read)(struct talk_reading *reading, uint32_t at, struct str item);
    } kinds[] = {
        { STR_INIT("message"), responses_read_message },
        { STR_INIT("function_call"), responses_read_call },
        { STR_INIT("function_call_output"), responses_read_output },
        { STR_INIT("custom_tool_call"), responses_read_custom_call },
        { STR_INIT("custom_tool_call_output"), responses_read_output },
        { STR_INIT("reasoning"), responses_read_reason },
        { STR_INIT("item_reference"), responses_read_reference },
    };
    struct str type = json_get(item, STR("type"));
    if (type.len == 0 && json_get(item, STR("role")).len > 0) {
        return responses_read_message(reading, at, item);
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(kinds); i++) {
        if (json_string_is(type, kinds[i].type)) {
            return kinds[i].read(reading, at, item);
        }
    }
    /* Work that the client does in the vendor's own terms. */
    static const struct str own[] = { STR_INIT("local_shell_call*"), STR_INIT("shell_call*"),
                                      STR_INIT("apply_patch_call*"), STR_INIT("computer_call*"),
                                      STR_INIT("compaction") };
    if (talk_is_among(type, own, EP_ARRAY_LEN(own))) {
        return talk_own_at(reading->talk, reading->fail, at, TALK_NO_PLACE,
                           "is of a type that a route of another dialect does not know");
    }
    if (str_ends(text_of(type), STR("_call"))) { /* what a hosted tool did: its text stays */
        lost_add(&reading->talk->lost, LOST_BIT_HOSTED);
        return ERR_OK;
    }
    return responses_bad(reading, at, TALK_NO_PLACE, "is of a type that is not known here");
}

static enum err responses_on_input(struct talk_reading *reading, struct str value)
{
    struct talk_turn *turn;
    struct str item;
    if (talk_is(value, JSON_STRING)) {
        TRY(talk_add_turn(reading, TALK_USER, 0, false, &turn));
        return talk_add_text(reading, turn, 0, text_of(value));
    }
    if (!talk_is(value, JSON_ARRAY)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("input"), "must be a string or a list");
    }
    struct str rest = json_inside(value);
    for (uint32_t at = 0; json_next_item(&rest, &item); at++) {
        TRY(responses_read_item(reading, at, item));
    }
    return ERR_OK;
}

/* In front of all else, wherever it stands in the request. */
static enum err responses_on_instructions(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    struct talk_turn *turns = talk->turns;
    struct talk_turn *last = talk->last_turn;
    struct talk_turn *turn;
    struct str text;
    TRY(talk_take_text(reading, STR("instructions"), value, &text));
    if (text.len == 0) {
        return ERR_OK;
    }
    talk->turns = NULL;
    talk->last_turn = NULL;
    TRY(talk_add_turn(reading, TALK_SYSTEM, 0, false, &turn));
    TRY(talk_add_text(reading, turn, TALK_NO_PLACE, text));
    turn->next = turns;
    talk->last_turn = last != NULL ? last : turn;
    return ERR_OK;
}

/* ---- tools -------------------------------------------------------------------------------- */

/* Tools that the vendor defines: those that the client runs, and its search, whose uses the answer
 * tells. Others cost what no report tells, keep something there, or send content elsewhere. */
static enum err responses_read_hosted(struct talk_reading *reading, struct str tool,
                                      struct str type)
{
    static const struct str clients[] = { STR_INIT("local_shell"), STR_INIT("shell"),
                                          STR_INIT("apply_patch"), STR_INIT("computer*") };
    static const struct str vendors[] = { STR_INIT("web_search*") };
    bool searches = talk_is_among(type, vendors, EP_ARRAY_LEN(vendors));
    reading->talk->searches |= searches;
    if (searches && talk_is(json_get(tool, STR("external_web_access")), JSON_FALSE)) {
        lost_add(&reading->talk->lost, LOST_BIT_HOSTED); /* of what the vendor keeps: Codex's */
        return ERR_OK;
    }
    if (searches || talk_is_among(type, clients, EP_ARRAY_LEN(clients))) {
        return talk_own(reading, STR("tools"),
                        "may be functions, custom tools and namespaces of them alone on a route of "
                        "another dialect");
    }
    return talk_refuse(reading, ERR_ASK_UNSUPPORTED, STR("tools"),
                       "may not be the vendor's own but for its search and what the client runs");
}

/* `space`: of the tools of a namespace; else empty. */
static enum err responses_read_tool(struct talk_reading *reading, struct str item, struct str space)
{
    static const struct str names[] = { STR_INIT("type"),        STR_INIT("name"),
                                        STR_INIT("description"), STR_INIT("parameters"),
                                        STR_INIT("strict"),      STR_INIT("format") };
    struct talk_tool *tool;
    struct str type = json_get(item, STR("type"));
    struct str name = text_get(item, STR("name"));
    bool custom = json_string_is(type, STR("custom"));
    if (!custom && !json_string_is(type, STR("function"))) {
        return responses_read_hosted(reading, item, type);
    }
    TRY(talk_check_tool(reading, item, names, EP_ARRAY_LEN(names)));
    if (space.len > 0 && name.len > 0) {
        TRY(responses_join(reading, space, &name));
    }
    TRY(talk_add_tool(reading, name, &tool));
    struct str schema = json_get(item, STR("parameters"));
    tool->custom = custom;
    tool->description = text_get(item, STR("description"));
    tool->schema = talk_is(schema, JSON_OBJECT) ? schema : STR_EMPTY;
    tool->format = custom ? json_get(item, STR("format")) : STR_EMPTY;
    tool->strict = talk_is(json_get(item, STR("strict")), JSON_TRUE);
    return ERR_OK;
}

static enum err responses_read_space(struct talk_reading *reading, struct str item)
{
    static const struct str names[] = { STR_INIT("type"), STR_INIT("name"), STR_INIT("description"),
                                        STR_INIT("tools") };
    struct str tool;
    struct str list = json_get(item, STR("tools"));
    struct str space = text_get(item, STR("name"));
    struct str rest = talk_is(list, JSON_ARRAY) ? json_inside(list) : STR_EMPTY;
    TRY(talk_check_tool(reading, item, names, EP_ARRAY_LEN(names)));
    if (space.len == 0) {
        return talk_refuse(reading, ERR_ASK_MISSING, STR("tools"), "must each have a name");
    }
    while (json_next_item(&rest, &tool)) {
        TRY(responses_read_tool(reading, tool, space));
    }
    return ERR_OK;
}

static enum err responses_on_tools(struct talk_reading *reading, struct str value)
{
    struct str item;
    struct str rest;
    TRY(talk_take_list(reading, STR("tools"), value, &rest));
    while (json_next_item(&rest, &item)) {
        bool space = json_string_is(json_get(item, STR("type")), STR("namespace"));
        TRY(space ? responses_read_space(reading, item)
                  : responses_read_tool(reading, item, STR_EMPTY));
    }
    return ERR_OK;
}

static enum err responses_on_tool_choice(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    if (talk_take_choice(talk, value)) {
        return ERR_OK;
    }
    struct str type = json_get(value, STR("type"));
    talk->choice = TALK_CHOICE_NAMED;
    talk->choice_name = text_get(value, STR("name"));
    bool known = json_string_is(type, STR("function")) || json_string_is(type, STR("custom"));
    return known && talk->choice_name.len > 0
               ? ERR_OK
               : talk_own(reading, STR("tool_choice"),
                          "must be none, auto, required or one function on a route of another "
                          "dialect");
}

/* ---- the rest ----------------------------------------------------------------------------- */

static enum err responses_on_cap(struct talk_reading *reading, struct str value)
{
    return talk_take_count(reading, STR("max_output_tokens"), value, COUNT_MAX,
                           &reading->talk->output_cap);
}

static enum err responses_on_effort(struct talk_reading *reading, struct str value)
{
    return talk_take_effort(reading, STR("effort"), value);
}

static enum err responses_on_summary(struct talk_reading *reading, struct str value)
{
    (void)value;
    reading->talk->thoughts = true;
    return ERR_OK;
}

static enum err responses_on_reasoning(struct talk_reading *reading, struct str value)
{
    static const struct talk_member members[] = {
        { STR_INIT("effort"), responses_on_effort, 0 },
        { STR_INIT("summary"), responses_on_summary, 0 },
        { STR_INIT("generate_summary"), responses_on_summary, 0 },
    };
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("reasoning"), "must be an object");
    }
    reading->within = "reasoning.";
    TRY(talk_read_object(reading, value, members, EP_ARRAY_LEN(members)));
    reading->within = "";
    return ERR_OK;
}

static enum err responses_on_format(struct talk_reading *reading, struct str value)
{
    struct talk *talk = reading->talk;
    struct str type = json_get(value, STR("type"));
    if (json_string_is(type, STR("text"))) {
        return ERR_OK;
    }
    if (json_string_is(type, STR("json_object"))) {
        talk->format = TALK_FORMAT_JSON;
        return ERR_OK;
    }
    talk->format = TALK_FORMAT_SCHEMA;
    talk->format_name = text_get(value, STR("name"));
    talk->format_schema = json_get(value, STR("schema"));
    talk->format_strict = talk_is(json_get(value, STR("strict")), JSON_TRUE);
    bool fine = json_string_is(type, STR("json_schema")) && talk->format_name.len > 0 &&
                talk_is(talk->format_schema, JSON_OBJECT);
    return fine ? ERR_OK
                : talk_refuse(reading, ERR_ASK_INVALID, STR("format"),
                              "must be text, json_object, or json_schema with a name and a schema");
}

static enum err responses_on_verbosity(struct talk_reading *reading, struct str value)
{
    return talk_take_text(reading, STR("verbosity"), value, &reading->talk->verbosity);
}

static enum err responses_on_text(struct talk_reading *reading, struct str value)
{
    static const struct talk_member members[] = {
        { STR_INIT("format"), responses_on_format, 0 },
        { STR_INIT("verbosity"), responses_on_verbosity, 0 },
    };
    if (!talk_is(value, JSON_OBJECT)) {
        return talk_refuse(reading, ERR_ASK_INVALID, STR("text"), "must be an object");
    }
    reading->within = "text.";
    TRY(talk_read_object(reading, value, members, EP_ARRAY_LEN(members)));
    reading->within = "";
    return ERR_OK;
}

static enum err responses_on_include(struct talk_reading *reading, struct str value)
{
    struct str item;
    struct str rest = talk_is(value, JSON_ARRAY) ? json_inside(value) : STR_EMPTY;
    while (json_next_item(&rest, &item)) {
        if (!json_string_is(item, STR("reasoning.encrypted_content"))) {
            return talk_own(reading, STR("include"),
                            "may be reasoning.encrypted_content alone on a route of another "
                            "dialect");
        }
    }
    return ERR_OK;
}

static enum err responses_on_truncation(struct talk_reading *reading, struct str value)
{
    if (!json_string_is(value, STR("disabled"))) {
        lost_add(&reading->talk->lost, LOST_BIT_TRUNCATION);
    }
    return ERR_OK;
}

static enum err responses_on_state(struct talk_reading *reading, struct str value, struct str name)
{
    return json_kind(value) == JSON_FALSE
               ? ERR_OK
               : talk_refuse(reading, ERR_ASK_UNSUPPORTED, name, SEND_ALL);
}

static enum err responses_on_previous(struct talk_reading *reading, struct str value)
{
    return responses_on_state(reading, value, STR("previous_response_id"));
}

static enum err responses_on_conversation(struct talk_reading *reading, struct str value)
{
    return responses_on_state(reading, value, STR("conversation"));
}

static enum err responses_on_prompt(struct talk_reading *reading, struct str value)
{
    return responses_on_state(reading, value, STR("prompt"));
}

static enum err responses_on_background(struct talk_reading *reading, struct str value)
{
    return responses_on_state(reading, value, STR("background"));
}

static const struct talk_member responses_members[] = {
    { STR_INIT("model"), talk_on_model, 0 },
    { STR_INIT("input"), responses_on_input, 0 },
    { STR_INIT("instructions"), responses_on_instructions, 0 },
    { STR_INIT("stream"), talk_on_stream, 0 },
    { STR_INIT("stream_options"), NULL, TALK_IGNORED },
    { STR_INIT("max_output_tokens"), responses_on_cap, 0 },
    { STR_INIT("temperature"), talk_on_temperature, 0 },
    { STR_INIT("top_p"), talk_on_top_p, 0 },
    { STR_INIT("top_logprobs"), NULL, TALK_REFUSED },
    { STR_INIT("max_tool_calls"), NULL, TALK_REFUSED },
    { STR_INIT("tools"), responses_on_tools, 0 },
    { STR_INIT("tool_choice"), responses_on_tool_choice, 0 },
    { STR_INIT("parallel_tool_calls"), talk_on_parallel, 0 },
    { STR_INIT("reasoning"), responses_on_reasoning, 0 },
    { STR_INIT("text"), responses_on_text, 0 },
    { STR_INIT("include"), responses_on_include, 0 },
    { STR_INIT("truncation"), responses_on_truncation, 0 },
    { STR_INIT("store"), talk_on_store, 0 },
    { STR_INIT("previous_response_id"), responses_on_previous, 0 },
    { STR_INIT("conversation"), responses_on_conversation, 0 },
    { STR_INIT("prompt"), responses_on_prompt, 0 },
    { STR_INIT("background"), responses_on_background, 0 },
    { STR_INIT("user"), talk_on_user, 0 },
    { STR_INIT("safety_identifier"), NULL, LOST_BIT_USER },
    { STR_INIT("metadata"), talk_on_metadata, 0 },
    { STR_INIT("client_metadata"), NULL, LOST_BIT_METADATA },
    { STR_INIT("service_tier"), talk_on_tier, 0 },
    { STR_INIT("prompt_cache_key"), NULL, LOST_BIT_CACHE },
    { STR_INIT("prompt_cache_retention"), NULL, LOST_BIT_CACHE },
    { STR_INIT("context_management"), NULL, LOST_BIT_CONTEXT_MANAGEMENT },
    { STR_INIT("provider"), NULL, TALK_IGNORED }, /* ours */
    { STR_INIT("models"), NULL, TALK_IGNORED },
};

enum err talk_read_responses(struct talk_reading *reading)
{
    return talk_read_object(reading, reading->talk->body, responses_members,
                            EP_ARRAY_LEN(responses_members));
}
