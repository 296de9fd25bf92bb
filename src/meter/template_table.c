/*
 * The templates of OpenAI, Meta, Google and Mistral, and the list of all. A line is a step: the
 * facts it needs, the facts that exclude it, what it writes.
 */
#include "meter/template_internal.h"

#define F(name) FACT(name)

/* ---- OpenAI: the cookbook's arithmetic; each field is a text of its own ------------------- */

static const struct template_step openai_value[] = {
    GAP(0, 0, 3),
    SLOT(0, 0, VALUE, 0),
    DONE,
};

/* A list of values takes back what the parameter's key cost. */
static const struct template_step openai_property[] = {
    GAP(0, F(VALUES), 3),    EACH(F(VALUES), 0, VALUES, openai_value),
    GAP(F(VALUES), 0, 0),    SLOT(0, 0, PROPERTY_NAME, 0),
    TEXT(0, 0, ":"),         SLOT(0, 0, PROPERTY_TYPE, 0),
    TEXT(0, 0, ":"),         SLOT(0, 0, PROPERTY_DESCRIPTION, 0),
    DOUBT(F(NESTED), 0, 64), DONE,
};

static const struct template_step openai_tool[] = {
    GAP(0, 0, 7),
    SLOT(0, 0, TOOL_NAME, 0),
    TEXT(0, 0, ":"),
    SLOT(0, 0, TOOL_DESCRIPTION, 0),
    GAP(F(PARAMETERS), 0, 3),
    EACH(F(PARAMETERS), 0, PROPERTIES, openai_property),
    DOUBT(0, 0, 8),
    DONE,
};

static const struct template_step openai_call[] = {
    GAP(0, 0, 3), SLOT(0, 0, CALL_NAME, 0), GAP(0, 0, 0), SLOT(0, 0, CALL_TEXT, 0), DOUBT(0, 0, 8),
    DONE,
};

static const struct template_step openai_message[] = {
    GAP(0, 0, 3),
    SLOT(0, 0, ROLE, 0),
    GAP(0, 0, 0),
    SLOT(0, 0, CONTENT, SPAN_KEEP),
    GAP(F(NAME), 0, 1),
    SLOT(F(NAME), 0, NAME, 0),
    EACH(F(CALLS), 0, CALLS, openai_call),
    DOUBT(F(TOOL), 0, 8),
    DONE,
};

const struct template_step template_steps_openai[] = {
    EACH(F(TOOLS), 0, TOOLS, openai_tool),
    GAP(F(TOOLS), 0, 12),
    EACH(0, 0, MESSAGES, openai_message),
    GAP(0, 0, 3),
    DONE,
};

/* ---- a family that is not known ---------------------------------------------------------- */

static const struct template_step unknown_tool[] = {
    SLOT(0, 0, TOOL, TOJSON_SPACED),
    TEXT(0, 0, "\n"),
    DONE,
};

static const struct template_step unknown_call[] = {
    GAP(0, 0, 4),     SLOT(0, 0, CALL_NAME, 0),
    TEXT(0, 0, "\n"), SLOT(0, 0, CALL_TEXT, 0),
    DOUBT(0, 0, 8),   DONE,
};

static const struct template_step unknown_message[] = {
    GAP(0, 0, 2),
    SLOT(0, 0, ROLE, 0),
    TEXT(0, 0, "\n"),
    SLOT(0, 0, CONTENT, SPAN_KEEP),
    EACH(F(CALLS), 0, CALLS, unknown_call),
    GAP(0, 0, 1),
    DOUBT(0, 0, 4),
    DONE,
};

const struct template_step template_steps_unknown[] = {
    EACH(F(TOOLS), 0, TOOLS, unknown_tool),
    EACH(0, 0, MESSAGES, unknown_message),
    GAP(0, 0, 4),
    DONE,
};

/* ---- gpt-oss: harmony, as openai-harmony renders it --------------------------------------- */

static const struct template_step harmony_value[] = {
    TEXT(0, 0, "\""), SLOT(0, 0, VALUE, 0), TEXT(0, 0, "\""), TEXT(0, F(ITEM_LAST), " | "), DONE,
};

static const struct template_step harmony_property[] = {
    TEXT(F(DESCRIPTION), 0, "// "),
    SLOT(F(DESCRIPTION), 0, PROPERTY_DESCRIPTION, 0),
    TEXT(F(DESCRIPTION), 0, "\n"),
    SLOT(0, 0, PROPERTY_NAME, 0),
    TEXT(0, F(REQUIRED), "?"),
    TEXT(0, 0, ": "),
    EACH(F(VALUES), 0, VALUES, harmony_value),
    SLOT(0, F(VALUES), PROPERTY_SCRIPT, 0),
    TEXT(0, 0, ","),
    TEXT(F(DEFAULT), 0, " // default: "),
    SLOT(F(DEFAULT), 0, PROPERTY_DEFAULT, TOJSON_SPACED),
    TEXT(0, 0, "\n"),
    DONE,
};

static const struct template_step harmony_tool[] = {
    SLOT(F(DESCRIPTION), 0, TOOL_COMMENT, 0),
    TEXT(0, 0, "type "),
    SLOT(0, 0, TOOL_NAME, 0),
    TEXT(F(PARAMETERS), 0, " = (_: {\n"),
    EACH(F(PARAMETERS), 0, PROPERTIES, harmony_property),
    TEXT(F(PARAMETERS), 0, "}) => any;\n\n"),
    TEXT(0, F(PARAMETERS), " = () => any;\n\n"),
    DONE,
};

static const struct template_step harmony_call[] = {
    CONTROL(0, 0, "<|start|>"),
    TEXT(0, 0, "assistant to=functions."),
    SLOT(0, 0, CALL_NAME, 0),
    CONTROL(0, 0, "<|channel|>"),
    TEXT(0, 0, "commentary json"),
    CONTROL(0, 0, "<|message|>"),
    SLOT(0, 0, CALL_TEXT, 0),
    CONTROL(0, 0, "<|call|>"),
    DOUBT(0, F(ITEM_LAST), 4), /* which result is whose is told by ids alone */
    DONE,
};

static const struct template_step harmony_message[] = {
    CONTROL(F(USER), 0, "<|start|>"),
    TEXT(F(USER), 0, "user"),
    CONTROL(F(USER), 0, "<|message|>"),
    SLOT(F(USER), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(USER), 0, "<|end|>"),
    /* Thinking is kept until an answer has followed it. */
    CONTROL(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "<|start|>"),
    TEXT(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "assistant"),
    CONTROL(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "<|channel|>"),
    TEXT(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "analysis"),
    CONTROL(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "<|message|>"),
    SLOT(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), REASONING, SPAN_KEEP),
    CONTROL(F(ASSISTANT) | F(CALLS) | F(REASONING), F(BEFORE_FINAL), "<|end|>"),
    CONTROL(F(ASSISTANT) | F(CONTENT), 0, "<|start|>"),
    TEXT(F(ASSISTANT) | F(CONTENT), 0, "assistant"),
    CONTROL(F(ASSISTANT) | F(CONTENT), 0, "<|channel|>"),
    TEXT(F(ASSISTANT) | F(CONTENT), F(CALLS), "final"),
    TEXT(F(ASSISTANT) | F(CONTENT) | F(CALLS), 0, "commentary"),
    DOUBT(F(ASSISTANT) | F(CONTENT) | F(CALLS), 0, 8),
    CONTROL(F(ASSISTANT) | F(CONTENT), 0, "<|message|>"),
    SLOT(F(ASSISTANT) | F(CONTENT), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(ASSISTANT) | F(CONTENT), 0, "<|end|>"),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, harmony_call),
    CONTROL(F(TOOL), 0, "<|start|>"),
    TEXT(F(TOOL), 0, "functions."),
    SLOT(F(TOOL), 0, CALLED, 0),
    TEXT(F(TOOL), 0, " to=assistant"),
    CONTROL(F(TOOL), 0, "<|channel|>"),
    TEXT(F(TOOL), 0, "commentary"),
    CONTROL(F(TOOL), 0, "<|message|>"),
    SLOT(F(TOOL), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(TOOL), 0, "<|end|>"),
    /* A system message that is not the first. */
    DOUBT(F(SYSTEM), F(FIRST), 8),
    SLOT(F(SYSTEM), F(FIRST), CONTENT, SPAN_KEEP),
    GAP(F(SYSTEM), F(FIRST), 4),
    DONE,
};

const struct template_step template_steps_harmony[] = {
    CONTROL(0, 0, "<|start|>"),
    TEXT(0, 0, "system"),
    CONTROL(0, 0, "<|message|>"),
    TEXT(0, 0,
         "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06\n"
         "Current date: 2025-06-28\n\nReasoning: "),
    TEXT(0, F(EFFORT), "medium"),
    SLOT(F(EFFORT), 0, EFFORT, 0),
    TEXT(0, 0,
         "\n\n# Valid channels: analysis, commentary, final. Channel must be included for every "
         "message."),
    TEXT(F(TOOLS), 0, "\nCalls to these tools must go to the commentary channel: 'functions'."),
    CONTROL(0, 0, "<|end|>"),
    CONTROL(F(LEAD_TEXT), 0, "<|start|>"),
    TEXT(F(LEAD_TEXT), 0, "developer"),
    CONTROL(F(LEAD_TEXT), 0, "<|message|>"),
    TEXT(F(LEAD_TEXT), 0, "# Instructions\n\n"),
    SLOT(F(LEAD_TEXT), 0, LEAD, SPAN_KEEP),
    TEXT(F(LEAD_TEXT) | F(TOOLS), 0, "\n\n"),
    CONTROL(F(LEAD_TEXT), F(TOOLS), "<|end|>"),
    CONTROL(F(TOOLS), F(LEAD_TEXT), "<|start|>"),
    TEXT(F(TOOLS), F(LEAD_TEXT), "developer"),
    CONTROL(F(TOOLS), F(LEAD_TEXT), "<|message|>"),
    TEXT(F(TOOLS), 0, "# Tools\n\n## functions\n\nnamespace functions {\n\n"),
    EACH(F(TOOLS), 0, TOOLS, harmony_tool),
    TEXT(F(TOOLS), 0, "} // namespace functions"),
    CONTROL(F(TOOLS), 0, "<|end|>"),
    EACH(0, 0, MESSAGES, harmony_message),
    CONTROL(0, 0, "<|start|>"),
    TEXT(0, 0, "assistant"),
    DONE,
};

/* ---- Llama 3 and 3.1 --------------------------------------------------------------------- */

static const struct template_step llama3_message[] = {
    CONTROL(0, 0, "<|start_header_id|>"),
    SLOT(0, 0, ROLE, 0),
    CONTROL(0, 0, "<|end_header_id|>"),
    TEXT(0, 0, "\n\n"),
    SLOT(0, 0, CONTENT, SPAN_BOTH),
    CONTROL(0, 0, "<|eot_id|>"),
    DOUBT(F(CALLS), 0, 64), /* which this template does not show */
    DOUBT(F(TOOL), 0, 8),
    DONE,
};

const struct template_step template_steps_llama3[] = {
    CONTROL(0, 0, "<|begin_of_text|>"),
    EACH(0, 0, MESSAGES, llama3_message),
    CONTROL(0, 0, "<|start_header_id|>"),
    TEXT(0, 0, "assistant"),
    CONTROL(0, 0, "<|end_header_id|>"),
    TEXT(0, 0, "\n\n"),
    DONE,
};

static const struct template_step llama3_1_tool[] = {
    SLOT(0, 0, TOOL, TOJSON_INDENT),
    TEXT(0, 0, "\n\n"),
    DONE,
};

static const struct template_step llama3_1_call[] = {
    DOUBT(0, F(ITEM_FIRST), 16), /* the template takes one call alone */
    TEXT(0, 0, "{\"name\": \""),
    SLOT(0, 0, CALL_NAME, 0),
    TEXT(0, 0, "\", \"parameters\": "),
    SLOT(0, 0, CALL_ARGS, TOJSON_SPACED),
    TEXT(0, 0, "}"),
    DONE,
};

/* M1: this message is one that is written. M2: tools are still to be put before the next. */
static const struct template_step llama3_1_message[] = {
    SET(0, 0, F(M1)),
    CLEAR(F(FIRST) | F(SYSTEM), 0, F(M1)),
    DOUBT(F(HEAD) | F(TOOLS), F(USER), 8),
    CONTROL(F(M1), 0, "<|start_header_id|>"),
    SLOT(F(M1), F(TOOL), ROLE, 0),
    TEXT(F(M1) | F(TOOL), 0, "ipython"),
    CONTROL(F(M1), 0, "<|end_header_id|>"),
    TEXT(F(M1), 0, "\n\n"),
    TEXT(F(M1) | F(HEAD) | F(TOOLS), 0,
         "Given the following functions, please respond with a JSON for a function call with its "
         "proper arguments that best answers the given prompt.\n\nRespond in the format "
         "{\"name\": function name, \"parameters\": dictionary of argument name and its value}."
         "Do not use variables.\n\n"),
    EACH(F(M1) | F(HEAD) | F(TOOLS), 0, TOOLS, llama3_1_tool),
    SLOT(F(M1), F(TOOL) | F(CALLS), CONTENT, SPAN_BOTH),
    SLOT(F(M1) | F(TOOL), 0, CONTENT_JSON, TOJSON_SPACED),
    EACH(F(M1) | F(CALLS), F(TOOL), CALLS, llama3_1_call),
    CONTROL(F(M1), 0, "<|eot_id|>"),
    DONE,
};

const struct template_step template_steps_llama3_1[] = {
    CONTROL(0, 0, "<|begin_of_text|>"),
    CONTROL(0, 0, "<|start_header_id|>"),
    TEXT(0, 0, "system"),
    CONTROL(0, 0, "<|end_header_id|>"),
    TEXT(0, 0, "\n\n"),
    TEXT(F(TOOLS), 0, "Environment: ipython\n"),
    TEXT(0, 0, "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"),
    SLOT(F(SYSTEM_LEAD), 0, LEAD, SPAN_BOTH),
    CONTROL(0, 0, "<|eot_id|>"),
    EACH(0, 0, MESSAGES, llama3_1_message),
    CONTROL(0, 0, "<|start_header_id|>"),
    TEXT(0, 0, "assistant"),
    CONTROL(0, 0, "<|end_header_id|>"),
    TEXT(0, 0, "\n\n"),
    DONE,
};

/* ---- Gemma 3 ----------------------------------------------------------------------------- */

static const struct template_step gemma3_message[] = {
    SET(0, 0, F(M1)),
    CLEAR(F(FIRST) | F(SYSTEM), 0, F(M1)),
    /* Roles must alternate, a user's first: other requests are refused or put together. */
    DOUBT(F(M1) | F(REPEAT), 0, 8),
    DOUBT(F(M1) | F(HEAD), F(USER), 8),
    DOUBT(F(M1), F(USER) | F(ASSISTANT), 8),
    DOUBT(F(CALLS), 0, 64),
    CONTROL(F(M1), 0, "<start_of_turn>"),
    TEXT(F(M1) | F(ASSISTANT), 0, "model"),
    SLOT(F(M1), F(ASSISTANT), ROLE, 0),
    TEXT(F(M1), 0, "\n"),
    SLOT(F(M1) | F(HEAD) | F(SYSTEM_LEAD), 0, LEAD, SPAN_KEEP),
    TEXT(F(M1) | F(HEAD) | F(SYSTEM_LEAD), 0, "\n\n"),
    SLOT(F(M1), 0, CONTENT, SPAN_BOTH),
    CONTROL(F(M1), 0, "<end_of_turn>"),
    TEXT(F(M1), 0, "\n"),
    DONE,
};

const struct template_step template_steps_gemma3[] = {
    CONTROL(0, 0, "<bos>"),
    EACH(0, 0, MESSAGES, gemma3_message),
    CONTROL(0, 0, "<start_of_turn>"),
    TEXT(0, 0, "model\n"),
    DONE,
};

/* ---- Mistral with the tekken vocabulary -------------------------------------------------- */

static const struct template_step mistral_call[] = {
    TEXT(0, 0, "{\"name\": \""),
    SLOT(0, 0, CALL_NAME, 0),
    TEXT(0, 0, "\", \"arguments\": "),
    SLOT(0, 0, CALL_ARGS, TOJSON_SPACED),
    TEXT(0, 0, ", \"id\": \""),
    SLOT(0, 0, CALL_IDENT, 0),
    TEXT(0, F(ITEM_LAST), "\"}, "),
    TEXT(F(ITEM_LAST), 0, "\"}"),
    DONE,
};

static const struct template_step mistral_message[] = {
    DOUBT(F(REPEAT), F(TOOL), 8),
    DOUBT(F(HEAD), F(USER), 8),
    DOUBT(F(SYSTEM), F(FIRST), 64),
    CONTROL(F(LAST_USER) | F(TOOLS), 0, "[AVAILABLE_TOOLS]"),
    SLOT(F(LAST_USER) | F(TOOLS), 0, TOOLS, TOJSON_SPACED),
    CONTROL(F(LAST_USER) | F(TOOLS), 0, "[/AVAILABLE_TOOLS]"),
    CONTROL(F(USER), 0, "[INST]"),
    SLOT(F(LAST_USER) | F(LEAD_TEXT), 0, LEAD, SPAN_KEEP),
    TEXT(F(LAST_USER) | F(LEAD_TEXT), 0, "\n\n"),
    SLOT(F(USER), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(USER), 0, "[/INST]"),
    SLOT(F(ASSISTANT), F(CALLS), CONTENT, SPAN_RIGHT | SPAN_SPACES),
    DOUBT(F(ASSISTANT) | F(CALLS) | F(CONTENT), 0, 8),
    SLOT(F(ASSISTANT) | F(CALLS) | F(CONTENT), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(ASSISTANT) | F(CALLS), 0, "[TOOL_CALLS]"),
    TEXT(F(ASSISTANT) | F(CALLS), 0, "["),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, mistral_call),
    TEXT(F(ASSISTANT) | F(CALLS), 0, "]"),
    CONTROL(F(ASSISTANT), 0, "</s>"),
    CONTROL(F(TOOL), 0, "[TOOL_RESULTS]"),
    TEXT(F(TOOL), 0, "{\"content\": "),
    SLOT(F(TOOL), 0, CONTENT_PARSED, TOJSON_SPACED),
    TEXT(F(TOOL), 0, ", \"call_id\": \""),
    SLOT(F(TOOL), 0, CALL_ID, 0),
    TEXT(F(TOOL), 0, "\"}"),
    CONTROL(F(TOOL), 0, "[/TOOL_RESULTS]"),
    DONE,
};

const struct template_step template_steps_mistral[] = {
    CONTROL(0, 0, "<s>"),
    EACH(0, 0, MESSAGES, mistral_message),
    DONE,
};

/* ---- the programs ------------------------------------------------------------------------ */

#define LINES (SPAN_LEFT | SPAN_LINES)

/* The first is the one for names that are not known. */
static const struct template_program programs[] = {
    { .name = STR_INIT("unknown"),
      .steps = template_steps_unknown,
      .join = STR_INIT("\n"),
      .loose = true,
      .image = STR_INIT("largest"),
      .tools = true,
      .doubt = 32 },
    { .name = STR_INIT("openai"),
      .steps = template_steps_openai,
      .image = STR_INIT("gpt-4o"),
      .audio = STR_INIT("gpt-4o"),
      .tools = true },
    { .name = STR_INIT("harmony"),
      .steps = template_steps_harmony,
      .join = STR_INIT("\n"),
      .loose = true,
      .developer = true,
      .tools = true },
    { .name = STR_INIT("llama3"),
      .steps = template_steps_llama3,
      .join = STR_INIT("\n"),
      .loose = true },
    { .name = STR_INIT("llama3_1"),
      .steps = template_steps_llama3_1,
      .join = STR_INIT("\n"),
      .loose = true,
      .image = STR_INIT("llama3.2"),
      .tools = true },
    { .name = STR_INIT("gemma3"),
      .steps = template_steps_gemma3,
      .part_trim = SPAN_BOTH,
      .image = STR_INIT("gemma3") },
    { .name = STR_INIT("mistral"),
      .steps = template_steps_mistral,
      .join = STR_INIT("\n\n"),
      .image = STR_INIT("pixtral"),
      .tools = true },
    { .name = STR_INIT("qwen2_5"),
      .steps = template_steps_qwen2_5,
      .join = STR_INIT("\n"),
      .loose = true,
      .image = STR_INIT("qwen2.5-vl"),
      .tools = true },
    { .name = STR_INIT("qwen3"),
      .steps = template_steps_qwen3,
      .join = STR_INIT("\n"),
      .loose = true,
      .image = STR_INIT("qwen3-vl"),
      .thinks = true,
      .think_trim = LINES,
      .tools = true },
    { .name = STR_INIT("deepseek_v3"),
      .steps = template_steps_deepseek_v3,
      .join = STR_INIT("\n"),
      .loose = true },
    { .name = STR_INIT("glm4"),
      .steps = template_steps_glm4,
      .thinks = true,
      .think_trim = LINES,
      .wrap = &template_wrap_glm4,
      .tools = true },
    { .name = STR_INIT("kimi_k2"), .steps = template_steps_kimi_k2, .tools = true },
    { .name = STR_INIT("minimax_m2"),
      .steps = template_steps_minimax_m2,
      .thinks = true,
      .think_trim = SPAN_BOTH | SPAN_LINES,
      .wrap = &template_wrap_minimax_m2,
      .tools = true },
};

const struct template_program *template_at(size_t index)
{
    return index < EP_ARRAY_LEN(programs) ? &programs[index] : NULL;
}

const struct template_program *template_find(struct str name)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(programs); i++) {
        if (str_eq(programs[i].name, name)) {
            return &programs[i];
        }
    }
    return &programs[0];
}

struct str template_name(const struct template_program *program)
{
    return program->name;
}

struct str template_image(const struct template_program *program)
{
    return program->image;
}

struct str template_audio(const struct template_program *program)
{
    return program->audio;
}
