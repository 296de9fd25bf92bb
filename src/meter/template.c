#include "meter/template_internal.h"

#define PARSED_MAX ((size_t)32 << 10) /* bytes of a result that is parsed to see if it is JSON */

/* ---- pieces ------------------------------------------------------------------------------ */

static bool piece_string(struct template_piece *piece, struct str span, unsigned trim)
{
    piece->kind = TEMPLATE_STRING;
    piece->text = span_trim(span, trim);
    return piece->text.len > 0;
}

static bool piece_text(struct template_piece *piece, struct str text)
{
    piece->kind = TEMPLATE_TEXT;
    piece->text = text;
    return text.len > 0;
}

static bool piece_json(struct template_piece *piece, struct str json, bool embedded, unsigned style)
{
    ASSERT(style <= TOJSON_INDENT);
    piece->kind = TEMPLATE_JSON;
    piece->text = json;
    piece->embedded = embedded;
    piece->style = (enum tojson_style)style;
    return json.len > 0;
}

/* A value where a string is expected. */
static bool piece_value(struct template_piece *piece, struct str value)
{
    if (value.len > 0 && json_kind(value) == JSON_STRING) {
        return piece_string(piece, json_inside(value), SPAN_KEEP);
    }
    return piece_json(piece, value, false, TOJSON_SPACED);
}

/* ---- contents ---------------------------------------------------------------------------- */

static bool slot_content(struct template_run *run, const struct template_message *message,
                         unsigned trim, struct template_piece *piece)
{
    if (!message->list) {
        return piece_string(piece, message->text, trim);
    }
    ASSERT(!run->in_parts);
    run->in_parts = true;
    run->part_due = false;
    run->parts = json_inside(message->content);
    run->part = 0;
    run->texts = message->texts;
    run->part_trim = trim;
    return false;
}

/* A part that is a text: what joins it to the one before, then itself. */
static bool part_text(struct template_run *run, struct str text, struct template_piece *piece)
{
    run->part++;
    unsigned trim = run->program->part_trim;
    if (trim == SPAN_KEEP) {
        trim = run->part_trim & (unsigned)(SPAN_LINES | SPAN_SPACES);
        trim |= run->part == 1 ? run->part_trim & (unsigned)SPAN_LEFT : 0;
        trim |= run->part == run->texts ? run->part_trim & (unsigned)SPAN_RIGHT : 0;
    }
    run->part_text = span_trim(text, trim);
    run->part_due = true;
    return run->part > 1 && piece_text(piece, run->program->join);
}

static bool part_other(struct template_run *run, struct str part, struct template_piece *piece)
{
    struct str type = json_get(part, STR("type"));
    if (json_string_is(type, STR("image_url")) || json_string_is(type, STR("input_image"))) {
        piece->kind = TEMPLATE_IMAGE;
    } else if (json_string_is(type, STR("input_audio"))) {
        piece->kind = TEMPLATE_AUDIO;
    } else {
        run->doubt += part.len / 2 + 8;
        return false;
    }
    piece->text = part;
    return true;
}

/* The next piece of a content that is a list; false: none came of this step. */
static bool template_part(struct template_run *run, struct template_piece *piece)
{
    if (run->part_due) {
        run->part_due = false;
        return piece_string(piece, run->part_text, SPAN_KEEP);
    }
    struct str part;
    if (!json_next_item(&run->parts, &part)) {
        run->in_parts = false;
        return false;
    }
    piece->bytes = part.len;
    struct str text;
    return template_read_text(part, &text) ? part_text(run, text, piece)
                                           : part_other(run, part, piece);
}

/* ---- slots ------------------------------------------------------------------------------- */

static bool slot_arguments(const struct template_run *run, const struct template_step *step,
                           struct template_piece *piece)
{
    struct str value = json_get(run->call_function, STR("arguments"));
    bool string = value.len > 0 && json_kind(value) == JSON_STRING;
    piece->wrap = step->what == SLOT_CALL_WRAP ? run->program->wrap : NULL;
    if (string && value.len > 2) {
        return piece_json(piece, json_inside(value), true, step->how);
    }
    return piece_json(piece, string || value.len == 0 ? STR("{}") : value, false, step->how);
}

/* A result that is JSON goes in as JSON, any other as a string. */
static bool slot_parsed(struct template_run *run, const struct template_message *message,
                        unsigned style, struct template_piece *piece)
{
    struct tojson scratch;
    struct str content = message->content;
    if (content.len > PARSED_MAX) {
        run->doubt += content.len / 8;
    } else if (content.len > 2 && json_kind(content) == JSON_STRING) {
        piece->bytes += content.len;
        if (tojson_is_json(&scratch, json_inside(content))) {
            return piece_json(piece, json_inside(content), true, style);
        }
    }
    bool silent = (message->facts & FACT(CONTENT)) == 0;
    return piece_json(piece, silent ? STR("{}") : content, false, style);
}

/* The cookbook leaves out a dot at the end of a tool's description. */
static bool slot_undotted(struct str value, struct template_piece *piece)
{
    if (value.len == 0 || json_kind(value) != JSON_STRING) {
        return false;
    }
    struct str span = json_inside(value);
    span.len -= str_ends(span, STR(".")) ? 1 : 0;
    return piece_string(piece, span, SPAN_KEEP);
}

/* The next piece of a comment of several lines; what is last may or may not end its line. */
static bool template_line(struct template_run *run, struct template_piece *piece)
{
    struct str line = run->lines;
    run->line_step = (run->line_step + 1) % 3;
    if (run->line_step == 1) {
        run->in_lines = run->lines.len > 0;
        return run->in_lines && piece_text(piece, STR("// "));
    }
    if (run->line_step == 2) {
        while (run->lines.len > 0) {
            size_t left = run->lines.len;
            char bytes[4];
            if (json_take_char(&run->lines, bytes) == 1 && bytes[0] == '\n') {
                line = str_slice(line, 0, line.len - left);
                run->doubt += span_ends(line, STR("\r")) ? 1 : 0; /* which is cut off too */
                return piece_string(piece, line, SPAN_KEEP);
            }
        }
        return piece_string(piece, line, SPAN_KEEP);
    }
    return piece_text(piece, STR("\n"));
}

static bool slot_comment(struct template_run *run, struct str value)
{
    ASSERT(!run->in_lines && !run->in_parts);
    bool string = value.len > 0 && json_kind(value) == JSON_STRING;
    run->in_lines = string;
    run->lines = string ? json_inside(value) : STR_EMPTY;
    run->line_step = 0;
    return false;
}

/* A plain type, or a list of one. Empty: another. */
static struct str script_type(const struct template_property *property)
{
    static const struct {
        struct str name;
        struct str script;
        struct str list;
    } types[] = {
        { STR_INIT("string"), STR_INIT("string"), STR_INIT("string[]") },
        { STR_INIT("number"), STR_INIT("number"), STR_INIT("number[]") },
        { STR_INIT("integer"), STR_INIT("number"), STR_INIT("number[]") },
        { STR_INIT("boolean"), STR_INIT("boolean"), STR_INIT("boolean[]") },
    };
    struct str type = property->type;
    bool list = type.len > 0 && json_string_is(type, STR("array"));
    if (list) {
        type = json_get(json_get(property->schema, STR("items")), STR("type"));
    }
    for (size_t i = 0; type.len > 0 && i < EP_ARRAY_LEN(types); i++) {
        if (json_string_is(type, types[i].name)) {
            return list ? types[i].list : types[i].script;
        }
    }
    return STR_EMPTY;
}

static bool slot_script(struct template_run *run, struct template_piece *piece)
{
    struct str script = script_type(&run->property);
    if (script.len == 0) {
        /* Lists and objects are written in ways that depend on what is in them. */
        run->doubt += run->property.schema.len / 2 + 4;
        return piece_json(piece, run->property.schema, false, TOJSON_COMPACT);
    }
    return piece_text(piece, script);
}

static bool slot_property(struct template_run *run, const struct template_step *step,
                          struct template_piece *piece)
{
    switch (step->what) {
    case SLOT_PROPERTY_NAME:
        return piece_string(piece, run->property.name, SPAN_KEEP);
    case SLOT_PROPERTY_TYPE:
        return piece_value(piece, run->property.type);
    case SLOT_PROPERTY_SCRIPT:
        return slot_script(run, piece);
    case SLOT_PROPERTY_DESCRIPTION:
        return piece_value(piece, run->property.description);
    case SLOT_PROPERTY_DEFAULT:
        if ((run->facts & FACT(VALUES)) != 0) {
            return piece_value(piece, run->property.standard);
        }
        return piece_json(piece, run->property.standard, false, step->how);
    default:
        ASSERT(step->what == SLOT_VALUE);
        return piece_value(piece, run->item);
    }
}

static bool slot_tool(struct template_run *run, const struct template_step *step,
                      struct template_piece *piece)
{
    switch (step->what) {
    case SLOT_TOOLS:
        return piece_json(piece, run->tools, false, step->how);
    case SLOT_TOOL:
        return piece_json(piece, run->tool, false, step->how);
    case SLOT_TOOL_FUNCTION:
        return piece_json(piece, run->tool_function, false, step->how);
    case SLOT_TOOL_NAME:
        return piece_value(piece, json_get(run->tool_function, STR("name")));
    case SLOT_TOOL_DESCRIPTION:
        return slot_undotted(json_get(run->tool_function, STR("description")), piece);
    case SLOT_TOOL_COMMENT:
        return slot_comment(run, json_get(run->tool_function, STR("description")));
    case SLOT_CALL_KIND:
        return piece_value(piece, json_get(run->call, STR("type")));
    case SLOT_CALL_NAME:
    case SLOT_CALLED:
        return piece_value(piece, run->called);
    case SLOT_CALL_IDENT:
        return piece_value(piece, json_get(run->call, STR("id")));
    case SLOT_CALL_ARGS:
    case SLOT_CALL_WRAP:
        return slot_arguments(run, step, piece);
    case SLOT_CALL_TEXT:
        return piece_value(piece, json_get(run->call_function, STR("arguments")));
    default:
        return slot_property(run, step, piece);
    }
}

static bool template_slot(struct template_run *run, const struct template_step *step,
                          struct template_piece *piece)
{
    const struct template_message *message = &run->message;
    switch (step->what) {
    case SLOT_LEAD:
        return slot_content(run, &run->lead, step->how, piece);
    case SLOT_CONTENT:
        return slot_content(run, message, step->how, piece);
    case SLOT_CONTENT_JSON:
        return piece_json(piece, message->content.len > 0 ? message->content : STR("\"\""), false,
                          step->how);
    case SLOT_CONTENT_PARSED:
        return slot_parsed(run, message, step->how, piece);
    case SLOT_REASONING:
        return piece_string(piece, message->reasoning, step->how);
    case SLOT_ROLE:
        return piece_value(piece, message->role);
    case SLOT_NAME:
        return piece_value(piece, message->name);
    case SLOT_CALL_ID:
        return piece_value(piece, message->call_id);
    case SLOT_EFFORT:
        return piece_value(piece, run->effort);
    default:
        return slot_tool(run, step, piece);
    }
}

/* ---- items ------------------------------------------------------------------------------- */

static uint64_t message_facts(const struct template_run *run)
{
    const struct template_message *message = &run->message;
    size_t head = (run->facts & FACT(SYSTEM_LEAD)) != 0 ? 1 : 0;
    size_t index = message->index;
    uint64_t role = message->facts & FACTS_ROLE;
    uint64_t facts = message->facts;
    facts |= index == head ? FACT(HEAD) : 0;
    facts |= run->has_next ? 0 : FACT(LAST);
    facts |= run->query != SIZE_MAX && index > run->query ? FACT(AFTER_QUERY) : 0;
    facts |= run->user == SIZE_MAX || index > run->user ? FACT(AFTER_USER) : 0;
    facts |= index == run->user ? FACT(LAST_USER) : 0;
    facts |= run->final != SIZE_MAX && index < run->final ? FACT(BEFORE_FINAL) : 0;
    facts |= (run->previous & FACT(TOOL)) != 0 ? FACT(PREV_TOOL) : 0;
    facts |= run->has_next && (run->next.facts & FACT(TOOL)) != 0 ? FACT(NEXT_TOOL) : 0;
    facts |= (run->previous & FACTS_ROLE) == role ? FACT(REPEAT) : 0;
    return facts;
}

static bool message_read_next(struct template_run *run, struct template_frame *frame, size_t index,
                              struct template_piece *piece)
{
    size_t bytes = template_next_message(run->program, &frame->rest, index, &run->next);
    piece->bytes += bytes;
    return bytes > 0;
}

static bool message_advance(struct template_run *run, struct template_frame *frame,
                            struct template_piece *piece)
{
    if (!run->has_next) {
        return false;
    }
    run->previous = run->message.facts;
    run->message = run->next;
    run->has_next = message_read_next(run, frame, run->message.index + 1, piece);
    run->facts = (run->facts & ~FACTS_MESSAGE) | message_facts(run);
    return true;
}

static bool rest_is_empty(struct str rest)
{
    size_t at = 0;
    while (at < rest.len && (rest.ptr[at] == ' ' || rest.ptr[at] == '\n' || rest.ptr[at] == '\r' ||
                             rest.ptr[at] == '\t')) {
        at++;
    }
    return at == rest.len;
}

/* The next item of a list that is no list of messages. */
static bool item_advance(struct template_run *run, struct template_frame *frame,
                         struct template_piece *piece)
{
    struct json_member member = { STR_EMPTY, STR_EMPTY };
    struct str item = STR_EMPTY;
    bool named = frame->over == TEMPLATE_OVER_PROPERTIES;
    if (named ? !json_next_member(&frame->rest, &member) : !json_next_item(&frame->rest, &item)) {
        return false;
    }
    piece->bytes += item.len + member.value.len;
    switch ((enum template_over)frame->over) {
    case TEMPLATE_OVER_TOOLS:
        template_read_tool(run, item);
        break;
    case TEMPLATE_OVER_CALLS:
        template_read_call(run, item);
        break;
    case TEMPLATE_OVER_PROPERTIES:
        piece->bytes += run->required.len;
        template_read_property(run, &member);
        break;
    case TEMPLATE_OVER_NOTHING:
    case TEMPLATE_OVER_MESSAGES:
    case TEMPLATE_OVER_VALUES:
        run->item = item;
    }
    run->facts = (run->facts & ~FACT(ITEM_FIRST)) | (frame->step == NULL ? FACT(ITEM_FIRST) : 0);
    run->facts &= ~FACT(ITEM_LAST);
    run->facts |= rest_is_empty(frame->rest) ? FACT(ITEM_LAST) : 0;
    return true;
}

static struct str each_of(const struct template_run *run, enum template_over over)
{
    struct str parameters;
    struct str list = STR_EMPTY;
    switch (over) {
    case TEMPLATE_OVER_NOTHING:
    case TEMPLATE_OVER_MESSAGES:
        return run->messages;
    case TEMPLATE_OVER_TOOLS:
        list = run->tools;
        break;
    case TEMPLATE_OVER_CALLS:
        list = run->message.calls;
        break;
    case TEMPLATE_OVER_PROPERTIES:
        parameters = json_get(run->tool_function, STR("parameters"));
        list = json_get(parameters, STR("properties"));
        break;
    case TEMPLATE_OVER_VALUES:
        list = run->property.values;
    }
    return list.len > 0 ? json_inside(list) : STR_EMPTY;
}

static void template_push(struct template_run *run, const struct template_step *step,
                          struct template_piece *piece)
{
    ASSERT(run->depth < TEMPLATE_DEPTH);
    struct template_frame *frame = &run->frames[run->depth];
    enum template_over over = (enum template_over)step->what;
    *frame =
        (struct template_frame){ .body = step->body, .over = over, .rest = each_of(run, over) };
    run->depth++;
    if (over == TEMPLATE_OVER_MESSAGES) {
        run->message = (struct template_message){ .facts = 0 };
        run->has_next = message_read_next(run, frame, 0, piece);
    }
}

/* At the end of a repeated list of steps, or before its first: on to the next item. */
static void template_repeat(struct template_run *run, struct template_piece *piece)
{
    struct template_frame *frame = &run->frames[run->depth - 1];
    ASSERT(frame->body != NULL);
    bool more = frame->over == TEMPLATE_OVER_MESSAGES ? message_advance(run, frame, piece)
                                                      : item_advance(run, frame, piece);
    if (more) {
        frame->step = frame->body;
        return;
    }
    run->depth--;
    uint64_t gone = frame->over == TEMPLATE_OVER_MESSAGES ? FACTS_MESSAGE : FACTS_ITEM;
    run->facts &= ~gone;
}

/* ---- the run ----------------------------------------------------------------------------- */

void template_begin(struct template_run *run, const struct template_program *program,
                    struct str body)
{
    *run = (struct template_run){
        .program = program,
        .doubt = program->doubt,
        .query = SIZE_MAX,
        .user = SIZE_MAX,
        .final = SIZE_MAX,
        .depth = 1,
    };
    run->frames[0].step = program->steps;
    template_read_request(run, body);
    run->scan = run->messages;
    ASSERT(run->depth == 1 && run->frames[0].body == NULL);
}

/* Looks at one more message in advance. false: all have been looked at. */
static bool template_scan(struct template_run *run, struct template_piece *piece)
{
    struct template_message message;
    size_t bytes = template_next_message(run->program, &run->scan, run->scanned, &message);
    if (bytes == 0) {
        return false;
    }
    run->doubt += message.doubt;
    if (run->scanned == 0 && (message.facts & FACT(SYSTEM)) != 0) {
        run->lead = message;
        run->facts |= FACT(SYSTEM_LEAD);
        run->facts |= (message.facts & FACT(CONTENT)) != 0 ? FACT(LEAD_TEXT) : 0;
    }
    if ((message.facts & FACT(USER)) != 0) {
        run->user = run->scanned;
        bool result = span_starts(message.text, STR("<tool_response>")) &&
                      span_ends(message.text, STR("</tool_response>"));
        run->query = result ? run->query : run->scanned;
    }
    if ((message.facts & (FACT(ASSISTANT) | FACT(CALLS))) == FACT(ASSISTANT)) {
        run->final = run->scanned;
    }
    run->scanned++;
    piece->kind = TEMPLATE_WAIT;
    piece->bytes = bytes;
    return true;
}

/* One step of the program. false: it wrote nothing. */
static bool template_step(struct template_run *run, const struct template_step *step,
                          struct template_piece *piece)
{
    piece->text = step->text;
    piece->tokens = step->tokens;
    switch (step->op) {
    case TEMPLATE_OP_CONTROL:
        piece->kind = TEMPLATE_CONTROL;
        return true;
    case TEMPLATE_OP_MARK:
        piece->kind = TEMPLATE_MARK;
        return true;
    case TEMPLATE_OP_TEXT:
        piece->kind = TEMPLATE_TEXT;
        return true;
    case TEMPLATE_OP_GAP:
        piece->kind = TEMPLATE_GAP;
        return true;
    case TEMPLATE_OP_DOUBT:
        run->doubt += step->tokens;
        return false;
    case TEMPLATE_OP_SET:
        run->facts |= step->facts;
        return false;
    case TEMPLATE_OP_CLEAR:
        run->facts &= ~step->facts;
        return false;
    case TEMPLATE_OP_EACH:
        template_push(run, step, piece);
        return false;
    case TEMPLATE_OP_END:
    case TEMPLATE_OP_SLOT:
        break;
    }
    ASSERT(step->op == TEMPLATE_OP_SLOT);
    return template_slot(run, step, piece);
}

/* The next step of the innermost list, or on to its next item. false: it wrote nothing. */
static bool template_walk(struct template_run *run, struct template_piece *piece)
{
    struct template_frame *frame = &run->frames[run->depth - 1];
    if (frame->body != NULL && (frame->step == NULL || frame->step->op == TEMPLATE_OP_END)) {
        template_repeat(run, piece);
        piece->kind = TEMPLATE_WAIT;
        return true;
    }
    const struct template_step *step = frame->step;
    if (step->op == TEMPLATE_OP_END) {
        run->depth = 0;
        return false;
    }
    frame->step++;
    bool taken = (run->facts & step->need) == step->need && (run->facts & step->none) == 0;
    return taken && template_step(run, step, piece);
}

void template_next(struct template_run *run, struct template_piece *ret_piece)
{
    *ret_piece = (struct template_piece){ .kind = TEMPLATE_WAIT };
    if (template_scan(run, ret_piece)) {
        return;
    }
    bool wrote = false;
    while (!wrote) {
        if (run->doubt > 0) {
            ret_piece->kind = TEMPLATE_DOUBT;
            ret_piece->tokens = run->doubt;
            run->doubt = 0;
            wrote = true;
        } else if (run->in_parts) {
            wrote = template_part(run, ret_piece);
        } else if (run->in_lines) {
            wrote = template_line(run, ret_piece);
        } else if (run->depth == 0) {
            ret_piece->kind = TEMPLATE_END;
            wrote = true;
        } else {
            wrote = template_walk(run, ret_piece);
        }
    }
}
