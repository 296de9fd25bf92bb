/* A talk to an upstream: what the writers of the four dialects share. */
#include "dialect/talk_internal.h"

#include <stdio.h>

void talk_key(struct talk_writing *writing, const char *name)
{
    put_str(&writing->put, writing->more ? STR(",\"") : STR("\""));
    put_str(&writing->put, str_from(name));
    PUT(&writing->put, "\":");
    writing->more = true;
}

enum err talk_cannot(struct talk_writing *writing, const struct talk_part *part, const char *what)
{
    return talk_refuse_at(writing->talk, writing->fail, ERR_ASK_UNSUPPORTED, part->turn,
                          part->place, what);
}

enum err talk_cannot_field(struct talk_writing *writing, const char *chat, const char *responses,
                           const char *anthropic, const char *gemini)
{
    const char *const names[] = { [DIALECT_CHAT] = chat,
                                  [DIALECT_RESPONSES] = responses,
                                  [DIALECT_ANTHROPIC] = anthropic,
                                  [DIALECT_GEMINI] = gemini };
    struct talk_reading reading = { .talk = writing->talk, .fail = writing->fail, .within = "" };
    return talk_refuse(&reading, ERR_ASK_UNSUPPORTED, str_from(names[writing->talk->dialect]),
                       "cannot be carried to a route of this dialect");
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* A decimal number without exponent in thousandths, or a little above; false: it is another. */
static bool milli_of(struct str number, int64_t *ret_milli)
{
    int64_t whole = 0;
    int64_t part = 0;
    struct str rest = number;
    struct str digits = str_cut(&rest, '.');
    if (!str_to_i64(digits, &whole) || whole < -1000 || whole > 1000) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        char digit = '0';
        if (i < rest.len) {
            digit = rest.ptr[i];
        }
        if (digit < '0' || digit > '9') {
            return false;
        }
        part = part * 10 + (digit - '0');
    }
    for (size_t i = 3; i < rest.len; i++) { /* what is above a bound by less is above it */
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9') {
            return false;
        }
        part += rest.ptr[i] > '0' && part % 2 == 0 ? 1 : 0;
    }
    bool negative = number.len > 0 && number.ptr[0] == '-';
    *ret_milli = whole * 1000 + (negative ? -part : part);
    return true;
}

void talk_put_sampling(struct talk_writing *writing, const char *name, struct str number,
                       enum lost_bit bit, int64_t max_milli)
{
    int64_t milli = 0;
    if (number.len == 0) {
        return;
    }
    bool plain = milli_of(number, &milli);
    if (max_milli == 0 || !plain || milli < 0) { /* what the target does not take at all */
        lost_add(writing->lost, bit);
        return;
    }
    talk_key(writing, name);
    if (milli > max_milli) {
        lost_add(writing->lost, bit);
        put_int(&writing->put, max_milli / 1000);
        return;
    }
    put_str(&writing->put, number);
}

int64_t talk_effort_budget(enum talk_effort effort)
{
    static const int64_t budgets[] = { 0, 0, 1024, 2048, 8192, 16384, 24576, 32768 };
    _Static_assert(EP_ARRAY_LEN(budgets) == TALK_EFFORT_MAX + 1, "a budget each");
    return budgets[effort];
}

enum talk_effort talk_budget_effort(int64_t budget)
{
    enum talk_effort effort = TALK_EFFORT_MINIMAL;
    while (effort < TALK_EFFORT_HIGH && talk_effort_budget(effort) < budget) {
        effort++;
    }
    return effort;
}

enum talk_effort talk_effort_of(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    if (talk->effort != TALK_EFFORT_UNSAID || talk->thinking_budget == 0) {
        return talk->effort;
    }
    lost_add(writing->lost, LOST_BIT_EFFORT);
    return talk_budget_effort(talk->thinking_budget);
}

enum talk_effort talk_effort_openai(struct talk_writing *writing)
{
    enum talk_effort effort = talk_effort_of(writing);
    if (effort == TALK_EFFORT_MAX) {
        lost_add(writing->lost, LOST_BIT_EFFORT);
        effort = TALK_EFFORT_XHIGH;
    }
    return effort;
}

int64_t talk_output_cap(const struct talk *talk, const struct talk_target *target)
{
    return talk->output_cap > 0 ? talk->output_cap : target->output_cap;
}

/* ---- tools -------------------------------------------------------------------------------- */

void talk_put_tool_name(struct put *put, const struct talk_tool *tool)
{
    put_text(put, tool->name);
    if (tool->description.len > 0) {
        PUT(put, ",\"description\":");
        put_text(put, tool->description);
    }
}

void talk_put_tools_openai(struct talk_writing *writing,
                           void (*put_tool)(struct talk_writing *, const struct talk_tool *),
                           struct str named, struct str closed)
{
    static const char *const choices[] = { "", "\"auto\"", "\"none\"", "\"required\"" };
    const struct talk *talk = writing->talk;
    struct put *put = &writing->put;
    if (talk->tools == NULL) { /* an empty list is refused there, and so is a choice without one */
        return;
    }
    talk_key(writing, "tools");
    for (const struct talk_tool *tool = talk->tools; tool != NULL; tool = tool->next) {
        put_str(put, tool == talk->tools ? STR("[") : STR(","));
        put_tool(writing, tool);
    }
    PUT(put, "]");
    if (talk->choice == TALK_CHOICE_NAMED) {
        talk_key(writing, "tool_choice");
        put_str(put, named);
        put_text(put, talk->choice_name);
        put_str(put, closed);
    } else if (talk->choice != TALK_CHOICE_UNSAID) {
        talk_key(writing, "tool_choice");
        put_str(put, str_from(choices[talk->choice]));
    }
    if (talk->serial) {
        talk_key(writing, "parallel_tool_calls");
        PUT(put, "false");
    }
}

/* ---- parts -------------------------------------------------------------------------------- */

void talk_put_id(struct talk_writing *writing, struct str id)
{
    PUT(&writing->put, "\"");
    carry_id_write(&writing->put, writing->target->dialect, id);
    PUT(&writing->put, "\"");
}

void talk_put_args_text(struct talk_writing *writing, const struct talk_part *part)
{
    PUT(&writing->put, "\"");
    if (part->args_json.len > 0) {
        put_escaped(&writing->put, part->args_json);
    } else if (part->args.len > 0) {
        put_str(&writing->put, part->args);
    } else {
        PUT(&writing->put, "{}");
    }
    PUT(&writing->put, "\"");
}

enum err talk_put_args_json(struct talk_writing *writing, const struct talk_part *part)
{
    struct json_fault fault;
    struct str json = part->args_json;
    if (json.len == 0) {
        if (!text_decode(part->args, writing->talk->arena, &json)) {
            return ERR_NO_MEMORY;
        }
        json = json_trim(json);
        if (json.len == 0) {
            json = STR("{}"); /* a call without arguments */
        } else if (json_check(json, &fault) != ERR_OK || json_kind(json) != JSON_OBJECT) {
            return talk_cannot(writing, part, "has arguments that are no JSON object");
        }
    }
    put_str(&writing->put, json);
    return ERR_OK;
}

enum err talk_put_url(struct talk_writing *writing, const struct talk_part *part)
{
    struct put *put = &writing->put;
    if (part->url.len > 0) {
        if (!writing->target->takes_urls) {
            return talk_cannot(writing, part,
                               "is an address that this route does not fetch: send the data");
        }
        put_text(put, part->url);
        return ERR_OK;
    }
    PUT(put, "\"data:");
    put_str(put, part->media);
    PUT(put, ";base64,");
    put_str(put, part->data);
    PUT(put, "\"");
    return ERR_OK;
}

enum err talk_put_result_text(struct talk_writing *writing, const struct talk_part *part)
{
    PUT(&writing->put, "\"");
    for (const struct talk_part *inner = part->parts; inner != NULL; inner = inner->next) {
        if (inner->kind != TALK_TEXT) {
            return talk_cannot(writing, part, "may have text alone on a route of this dialect");
        }
        put_str(&writing->put, inner != part->parts ? STR("\\n") : STR_EMPTY);
        put_str(&writing->put, inner->text);
    }
    PUT(&writing->put, "\"");
    return ERR_OK;
}

/* What one vendor has signed or enciphered no other can read; what nobody signed goes nowhere that
 * signs. */
bool talk_keeps_reason(struct talk_writing *writing, const struct talk_part *part)
{
    bool same = part->source == writing->target->dialect;
    bool must_sign = writing->target->dialect != DIALECT_CHAT;
    bool keeps = same && (!must_sign || part->signature.len > 0);
    if (!keeps) {
        lost_add(writing->lost, part->redacted ? LOST_BIT_REDACTED : LOST_BIT_REASONING);
    }
    return keeps;
}

bool talk_is_silent(const struct talk_turn *turn)
{
    for (const struct talk_part *part = turn->parts; part != NULL; part = part->next) {
        if (part->kind != TALK_REASON) {
            return false;
        }
    }
    return true;
}

const struct talk_turn *talk_next_loud(const struct talk_turn *turn)
{
    while (turn != NULL && talk_is_silent(turn)) {
        turn = turn->next;
    }
    return turn;
}

/* The reasoning of turns that are left out. */
static void talk_note_silent(const struct talk *talk, struct lost *lost)
{
    for (const struct talk_turn *turn = talk->turns; turn != NULL; turn = turn->next) {
        if (turn->parts != NULL && talk_is_silent(turn)) {
            lost_add(lost, LOST_BIT_REASONING);
        }
    }
}

void talk_put_stops(struct talk_writing *writing)
{
    const struct talk *talk = writing->talk;
    for (size_t i = 0; i < talk->stops_count; i++) {
        put_str(&writing->put, i > 0 ? STR(",") : STR("["));
        put_text(&writing->put, talk->stops[i]);
    }
    PUT(&writing->put, "]");
}

/* ---- the whole ---------------------------------------------------------------------------- */

static enum err talk_write_as(struct talk_writing *writing)
{
    switch (writing->target->dialect) {
    case DIALECT_CHAT:
        return talk_write_chat(writing);
    case DIALECT_RESPONSES:
        return talk_write_responses(writing);
    case DIALECT_ANTHROPIC:
        return talk_write_anthropic(writing);
    case DIALECT_GEMINI:
        return talk_write_gemini(writing);
    case DIALECT_COUNT:
        break;
    }
    return ERR_INTERNAL;
}

enum err talk_write(struct talk *talk, const struct talk_target *target, struct buf *out,
                    struct lost *lost, struct fail *fail)
{
    ASSERT(target->output_cap > 0 || (target->no_cap && target->dialect == DIALECT_CHAT));
    struct talk_writing writing = {
        .talk = talk, .target = target, .put = { out, ERR_OK }, .lost = lost, .fail = fail
    };
    lost->bits |= talk->lost.bits;
    talk_note_silent(talk, lost);
    if (talk->metadata.len > 0 && target->dialect != DIALECT_CHAT &&
        target->dialect != DIALECT_RESPONSES) {
        lost_add(lost, LOST_BIT_METADATA);
    }
    PUT(&writing.put, "{");
    TRY(talk_write_as(&writing));
    PUT(&writing.put, "}");
    return writing.put.err;
}

/* ---- what a Responses answer repeats ------------------------------------------------------ */

static void echo_number(struct put *put, struct str name, struct str number)
{
    put_str(put, name);
    put_str(put, number.len > 0 ? number : STR("null"));
    PUT(put, ",");
}

static void echo_tools(struct put *put, const struct talk *talk)
{
    PUT(put, "\"tools\":[");
    for (const struct talk_tool *tool = talk->tools; tool != NULL; tool = tool->next) {
        put_str(put, tool != talk->tools ? STR(",") : STR_EMPTY);
        put_str(put, tool->custom ? STR("{\"type\":\"custom\",\"name\":")
                                  : STR("{\"type\":\"function\",\"name\":"));
        put_text(put, tool->name);
        PUT(put, ",\"description\":");
        put_text_or_null(put, tool->description);
        if (!tool->custom) {
            PUT(put, ",\"parameters\":");
            put_str(put, tool->schema.len > 0 ? tool->schema : STR("null"));
            put_str(put, tool->strict ? STR(",\"strict\":true") : STR(",\"strict\":false"));
        }
        PUT(put, "}");
    }
    PUT(put, "],");
}

static void echo_choice(struct put *put, const struct talk *talk)
{
    static const char *const names[] = { "\"auto\"", "\"auto\"", "\"none\"", "\"required\"" };
    PUT(put, "\"tool_choice\":");
    if (talk->choice == TALK_CHOICE_NAMED) {
        PUT(put, "{\"type\":\"function\",\"name\":");
        put_text(put, talk->choice_name);
        PUT(put, "}");
    } else {
        put_str(put, str_from(names[talk->choice]));
    }
    PUT(put, ",");
}

static void echo_format(struct put *put, const struct talk *talk)
{
    PUT(put, "\"text\":{\"format\":");
    if (talk->format == TALK_FORMAT_SCHEMA) {
        PUT(put, "{\"type\":\"json_schema\",\"name\":");
        put_text(put, talk->format_name);
        PUT(put, ",\"schema\":");
        put_str(put, talk->format_schema);
        put_str(put, talk->format_strict ? STR(",\"strict\":true}") : STR(",\"strict\":false}"));
    } else {
        put_str(put, talk->format == TALK_FORMAT_JSON ? STR("{\"type\":\"json_object\"}")
                                                      : STR("{\"type\":\"text\"}"));
    }
    PUT(put, "},");
}

enum err talk_echo(const struct talk *talk, struct buf *out)
{
    struct put put = { out, ERR_OK };
    struct str instructions = json_get(talk->body, STR("instructions"));
    PUT(&put, "\"instructions\":");
    put_str(&put, instructions.len > 0 ? instructions : STR("null"));
    PUT(&put, ",\"metadata\":");
    put_str(&put, talk->metadata.len > 0 ? talk->metadata : STR("{}"));
    put_str(&put, talk->serial ? STR(",\"parallel_tool_calls\":false,")
                               : STR(",\"parallel_tool_calls\":true,"));
    echo_number(&put, STR("\"temperature\":"), talk->temperature);
    echo_number(&put, STR("\"top_p\":"), talk->top_p);
    echo_choice(&put, talk);
    echo_tools(&put, talk);
    PUT(&put, "\"previous_response_id\":null,\"reasoning\":{\"effort\":");
    put_text_or_null(&put, str_from(talk_effort_name(talk->effort)));
    PUT(&put, ",\"summary\":null},");
    echo_format(&put, talk);
    PUT(&put, "\"truncation\":\"disabled\",\"max_output_tokens\":");
    if (talk->output_cap > 0) {
        put_int(&put, talk->output_cap);
    } else {
        PUT(&put, "null");
    }
    PUT(&put, ",\"store\":false,\"user\":");
    put_text_or_null(&put, talk->user);
    PUT(&put, ",");
    return put.err;
}
