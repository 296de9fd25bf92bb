/*
 * The templates of Alibaba, DeepSeek, Zhipu, Moonshot and MiniMax. A line is a step: the facts it
 * needs, the facts that exclude it, what it writes.
 */
#include "meter/template_internal.h"

#define F(name) FACT(name)

/* ---- Qwen2.5 and Qwen3 ------------------------------------------------------------------- */

static const struct template_step qwen_tool[] = {
    TEXT(0, 0, "\n"),
    SLOT(0, 0, TOOL, TOJSON_SPACED),
    DONE,
};

/* What stands before and behind the list of tools, in both. */
#define QWEN_TOOLS                                                                               \
    TEXT(F(TOOLS), 0,                                                                            \
         "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou "  \
         "are provided with function signatures within <tools></tools> XML tags:\n<tools>"),     \
        EACH(F(TOOLS), 0, TOOLS, qwen_tool),                                                     \
        TEXT(F(TOOLS), 0,                                                                        \
             "\n</tools>\n\nFor each function call, return a json object with function name "    \
             "and arguments within "),                                                           \
        MARK(F(TOOLS), 0, "<tool_call>"), MARK(F(TOOLS), 0, "</tool_call>"),                     \
        TEXT(F(TOOLS), 0, " XML tags:\n"), MARK(F(TOOLS), 0, "<tool_call>"),                     \
        TEXT(F(TOOLS), 0, "\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"), \
        MARK(F(TOOLS), 0, "</tool_call>"), CONTROL(F(TOOLS), 0, "<|im_end|>"),                   \
        TEXT(F(TOOLS), 0, "\n")

/* A tool's results, together in one turn of the user's. */
#define QWEN_RESULT                                                                          \
    CONTROL(F(TOOL), F(PREV_TOOL), "<|im_start|>"), TEXT(F(TOOL), F(PREV_TOOL), "user"),     \
        TEXT(F(TOOL), 0, "\n"), MARK(F(TOOL), 0, "<tool_response>"), TEXT(F(TOOL), 0, "\n"), \
        SLOT(F(TOOL), 0, CONTENT, SPAN_KEEP), TEXT(F(TOOL), 0, "\n"),                        \
        MARK(F(TOOL), 0, "</tool_response>"), CONTROL(F(TOOL), F(NEXT_TOOL), "<|im_end|>"),  \
        TEXT(F(TOOL), F(NEXT_TOOL), "\n")

/* A turn of the user's or of a system message that is not the first. */
#define QWEN_TURN                                                                            \
    CONTROL(F(USER), 0, "<|im_start|>"), CONTROL(F(SYSTEM), F(FIRST), "<|im_start|>"),       \
        TEXT(F(USER), 0, "user\n"), TEXT(F(SYSTEM), F(FIRST), "system\n"),                   \
        SLOT(F(USER), 0, CONTENT, SPAN_KEEP), SLOT(F(SYSTEM), F(FIRST), CONTENT, SPAN_KEEP), \
        CONTROL(F(USER), 0, "<|im_end|>"), CONTROL(F(SYSTEM), F(FIRST), "<|im_end|>"),       \
        TEXT(F(USER), 0, "\n"), TEXT(F(SYSTEM), F(FIRST), "\n")

#define QWEN_CALL                                                                       \
    MARK(0, 0, "<tool_call>"), TEXT(0, 0, "\n{\"name\": \""), SLOT(0, 0, CALL_NAME, 0), \
        TEXT(0, 0, "\", \"arguments\": "), SLOT(0, 0, CALL_ARGS, TOJSON_SPACED),        \
        TEXT(0, 0, "}\n"), MARK(0, 0, "</tool_call>")

static const struct template_step qwen2_5_call[] = {
    TEXT(0, 0, "\n"),
    QWEN_CALL,
    DONE,
};

static const struct template_step qwen2_5_message[] = {
    QWEN_TURN,
    CONTROL(F(ASSISTANT), 0, "<|im_start|>"),
    TEXT(F(ASSISTANT), 0, "assistant"),
    TEXT(F(ASSISTANT), F(CALLS), "\n"),
    TEXT(F(ASSISTANT) | F(CALLS) | F(CONTENT), 0, "\n"),
    SLOT(F(ASSISTANT), 0, CONTENT, SPAN_KEEP),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, qwen2_5_call),
    CONTROL(F(ASSISTANT), 0, "<|im_end|>"),
    TEXT(F(ASSISTANT), 0, "\n"),
    QWEN_RESULT,
    DONE,
};

const struct template_step template_steps_qwen2_5[] = {
    CONTROL(0, 0, "<|im_start|>"),
    TEXT(0, 0, "system\n"),
    SLOT(F(SYSTEM_LEAD), 0, LEAD, SPAN_KEEP),
    TEXT(0, F(SYSTEM_LEAD), "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    TEXT(F(TOOLS), 0, "\n\n"),
    QWEN_TOOLS,
    CONTROL(0, F(TOOLS), "<|im_end|>"),
    TEXT(0, F(TOOLS), "\n"),
    EACH(0, 0, MESSAGES, qwen2_5_message),
    CONTROL(0, 0, "<|im_start|>"),
    TEXT(0, 0, "assistant\n"),
    DONE,
};

static const struct template_step qwen3_call[] = {
    TEXT(F(ITEM_FIRST) | F(CONTENT), 0, "\n"),
    TEXT(0, F(ITEM_FIRST), "\n"),
    QWEN_CALL,
    DONE,
};

/* M1: the answer's thinking is shown. */
static const struct template_step qwen3_message[] = {
    QWEN_TURN,
    CLEAR(0, 0, F(M1)),
    SET(F(ASSISTANT) | F(AFTER_QUERY) | F(LAST), 0, F(M1)),
    SET(F(ASSISTANT) | F(AFTER_QUERY) | F(REASONING), 0, F(M1)),
    CONTROL(F(ASSISTANT), 0, "<|im_start|>"),
    TEXT(F(ASSISTANT), 0, "assistant\n"),
    MARK(F(M1), 0, "<think>"),
    TEXT(F(M1), 0, "\n"),
    SLOT(F(M1), 0, REASONING, SPAN_BOTH | SPAN_LINES),
    TEXT(F(M1), 0, "\n"),
    MARK(F(M1), 0, "</think>"),
    TEXT(F(M1), 0, "\n\n"),
    SLOT(F(M1), 0, CONTENT, SPAN_LEFT | SPAN_LINES),
    SLOT(F(ASSISTANT), F(M1), CONTENT, SPAN_KEEP),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, qwen3_call),
    CONTROL(F(ASSISTANT), 0, "<|im_end|>"),
    TEXT(F(ASSISTANT), 0, "\n"),
    QWEN_RESULT,
    DONE,
};

const struct template_step template_steps_qwen3[] = {
    CONTROL(F(TOOLS), 0, "<|im_start|>"),
    CONTROL(F(SYSTEM_LEAD), F(TOOLS), "<|im_start|>"),
    TEXT(F(TOOLS), 0, "system\n"),
    TEXT(F(SYSTEM_LEAD), F(TOOLS), "system\n"),
    SLOT(F(SYSTEM_LEAD), 0, LEAD, SPAN_KEEP),
    TEXT(F(SYSTEM_LEAD) | F(TOOLS), 0, "\n\n"),
    QWEN_TOOLS,
    CONTROL(F(SYSTEM_LEAD), F(TOOLS), "<|im_end|>"),
    TEXT(F(SYSTEM_LEAD), F(TOOLS), "\n"),
    EACH(0, 0, MESSAGES, qwen3_message),
    CONTROL(0, 0, "<|im_start|>"),
    TEXT(0, 0, "assistant\n"),
    MARK(F(NO_THINK), 0, "<think>"),
    TEXT(F(NO_THINK), 0, "\n\n"),
    MARK(F(NO_THINK), 0, "</think>"),
    TEXT(F(NO_THINK), 0, "\n\n"),
    DONE,
};

/* ---- DeepSeek V3 ------------------------------------------------------------------------- */

/* M1: a call has been written. M2: results stand open. M3: so does the list of results; before
 * that, a system text has been written. */
static const struct template_step deepseek_v3_call[] = {
    CONTROL(0, F(M1), "<｜Assistant｜>"),
    CONTROL(0, F(M1), "<｜tool▁calls▁begin｜>"),
    TEXT(F(M1), 0, "\n"),
    CONTROL(0, 0, "<｜tool▁call▁begin｜>"),
    SLOT(0, 0, CALL_KIND, 0),
    CONTROL(0, 0, "<｜tool▁sep｜>"),
    SLOT(0, 0, CALL_NAME, 0),
    TEXT(0, 0, "\n```json\n"),
    SLOT(0, 0, CALL_TEXT, 0),
    TEXT(0, 0, "\n```"),
    CONTROL(0, 0, "<｜tool▁call▁end｜>"),
    CONTROL(F(M1), 0, "<｜tool▁calls▁end｜>"),
    CONTROL(F(M1), 0, "<｜end▁of▁sentence｜>"),
    SET(0, 0, F(M1)),
    DONE,
};

static const struct template_step deepseek_v3_system[] = {
    TEXT(F(SYSTEM) | F(M3), 0, "\n\n"),
    SLOT(F(SYSTEM), 0, CONTENT, SPAN_KEEP),
    SET(F(SYSTEM), 0, F(M3)),
    DONE,
};

static const struct template_step deepseek_v3_message[] = {
    CLEAR(F(USER), 0, F(M2)),
    CONTROL(F(USER), 0, "<｜User｜>"),
    SLOT(F(USER), 0, CONTENT, SPAN_KEEP),
    CLEAR(F(ASSISTANT) | F(SILENT), 0, F(M2)),
    EACH(F(ASSISTANT) | F(SILENT) | F(CALLS), 0, CALLS, deepseek_v3_call),
    /* Calls beside an answer are not shown. */
    DOUBT(F(ASSISTANT) | F(CALLS), F(SILENT), 64),
    CONTROL(F(ASSISTANT) | F(M2), F(SILENT), "<｜tool▁outputs▁end｜>"),
    CONTROL(F(ASSISTANT), F(SILENT) | F(M2), "<｜Assistant｜>"),
    SLOT(F(ASSISTANT), F(SILENT), CONTENT, SPAN_KEEP),
    CONTROL(F(ASSISTANT), F(SILENT), "<｜end▁of▁sentence｜>"),
    CLEAR(F(ASSISTANT), F(SILENT), F(M2)),
    SET(F(TOOL), 0, F(M2)),
    CONTROL(F(TOOL), F(M3), "<｜tool▁outputs▁begin｜>"),
    TEXT(F(TOOL) | F(M3), 0, "\n"),
    CONTROL(F(TOOL), 0, "<｜tool▁output▁begin｜>"),
    SLOT(F(TOOL), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(TOOL), 0, "<｜tool▁output▁end｜>"),
    SET(F(TOOL), 0, F(M3)),
    DONE,
};

const struct template_step template_steps_deepseek_v3[] = {
    CONTROL(0, 0, "<｜begin▁of▁sentence｜>"),
    EACH(0, 0, MESSAGES, deepseek_v3_system),
    CLEAR(0, 0, F(M3)),
    EACH(0, 0, MESSAGES, deepseek_v3_message),
    CONTROL(F(M2), 0, "<｜tool▁outputs▁end｜>"),
    CONTROL(0, F(M2), "<｜Assistant｜>"),
    DONE,
};

/* ---- GLM-4.5 and 4.6 --------------------------------------------------------------------- */

const struct tojson_wrap template_wrap_glm4 = {
    .key_open = STR_INIT("<arg_key>"),
    .key_close = STR_INIT("</arg_key>"),
    .between = STR_INIT("\n"),
    .value_open = STR_INIT("<arg_value>"),
    .value_close = STR_INIT("</arg_value>"),
    .behind = STR_INIT("\n"),
};

static const struct template_step glm4_tool[] = {
    SLOT(0, 0, TOOL, TOJSON_SPACED),
    TEXT(0, 0, "\n"),
    DONE,
};

static const struct template_step glm4_call[] = {
    TEXT(0, 0, "\n"),
    MARK(0, 0, "<tool_call>"),
    SLOT(0, 0, CALL_NAME, 0),
    TEXT(0, 0, "\n"),
    SLOT(0, 0, CALL_WRAP, TOJSON_SPACED),
    MARK(0, 0, "</tool_call>"),
    DONE,
};

/* M1: the answer's thinking is shown. */
static const struct template_step glm4_message[] = {
    CONTROL(F(USER), 0, "<|user|>"),
    CONTROL(F(SYSTEM), 0, "<|system|>"),
    TEXT(F(USER), 0, "\n"),
    TEXT(F(SYSTEM), 0, "\n"),
    SLOT(F(USER), 0, CONTENT, SPAN_KEEP),
    SLOT(F(SYSTEM), 0, CONTENT, SPAN_KEEP),
    MARK(F(USER) | F(NO_THINK), 0, "/nothink"),
    CLEAR(0, 0, F(M1)),
    SET(F(ASSISTANT) | F(AFTER_USER) | F(REASONING), 0, F(M1)),
    CONTROL(F(ASSISTANT), 0, "<|assistant|>"),
    TEXT(F(ASSISTANT), 0, "\n"),
    MARK(F(ASSISTANT), 0, "<think>"),
    SLOT(F(M1), 0, REASONING, SPAN_BOTH),
    MARK(F(ASSISTANT), 0, "</think>"),
    TEXT(F(ASSISTANT), F(BLANK), "\n"),
    SLOT(F(ASSISTANT), F(BLANK), CONTENT, SPAN_BOTH),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, glm4_call),
    CONTROL(F(TOOL), F(PREV_TOOL), "<|observation|>"),
    TEXT(F(TOOL), 0, "\n"),
    MARK(F(TOOL), 0, "<tool_response>"),
    TEXT(F(TOOL), 0, "\n"),
    SLOT(F(TOOL), 0, CONTENT, SPAN_KEEP),
    TEXT(F(TOOL), 0, "\n"),
    MARK(F(TOOL), 0, "</tool_response>"),
    DONE,
};

const struct template_step template_steps_glm4[] = {
    CONTROL(0, 0, "[gMASK]"),
    CONTROL(0, 0, "<sop>"),
    CONTROL(F(TOOLS), 0, "<|system|>"),
    TEXT(F(TOOLS), 0,
         "\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou "
         "are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"),
    EACH(F(TOOLS), 0, TOOLS, glm4_tool),
    TEXT(F(TOOLS), 0,
         "</tools>\n\nFor each function call, output the function name and arguments within the "
         "following XML format:\n"),
    MARK(F(TOOLS), 0, "<tool_call>"),
    TEXT(F(TOOLS), 0, "{function-name}\n"),
    MARK(F(TOOLS), 0, "<arg_key>"),
    TEXT(F(TOOLS), 0, "{arg-key-1}"),
    MARK(F(TOOLS), 0, "</arg_key>"),
    TEXT(F(TOOLS), 0, "\n"),
    MARK(F(TOOLS), 0, "<arg_value>"),
    TEXT(F(TOOLS), 0, "{arg-value-1}"),
    MARK(F(TOOLS), 0, "</arg_value>"),
    TEXT(F(TOOLS), 0, "\n"),
    MARK(F(TOOLS), 0, "<arg_key>"),
    TEXT(F(TOOLS), 0, "{arg-key-2}"),
    MARK(F(TOOLS), 0, "</arg_key>"),
    TEXT(F(TOOLS), 0, "\n"),
    MARK(F(TOOLS), 0, "<arg_value>"),
    TEXT(F(TOOLS), 0, "{arg-value-2}"),
    MARK(F(TOOLS), 0, "</arg_value>"),
    TEXT(F(TOOLS), 0, "\n...\n"),
    MARK(F(TOOLS), 0, "</tool_call>"),
    EACH(0, 0, MESSAGES, glm4_message),
    CONTROL(0, 0, "<|assistant|>"),
    TEXT(F(NO_THINK), 0, "\n"),
    MARK(F(NO_THINK), 0, "<think>"),
    MARK(F(NO_THINK), 0, "</think>"),
    DONE,
};

/* ---- Kimi K2 ----------------------------------------------------------------------------- */

static const struct template_step kimi_k2_call[] = {
    CONTROL(0, 0, "<|tool_call_begin|>"),
    SLOT(0, 0, CALL_IDENT, 0),
    CONTROL(0, 0, "<|tool_call_argument_begin|>"),
    SLOT(0, 0, CALL_ARGS, TOJSON_SPACED),
    CONTROL(0, 0, "<|tool_call_end|>"),
    DONE,
};

static const struct template_step kimi_k2_message[] = {
    CONTROL(F(USER), 0, "<|im_user|>"),
    CONTROL(F(ASSISTANT), 0, "<|im_assistant|>"),
    CONTROL(0, F(USER) | F(ASSISTANT), "<|im_system|>"),
    SLOT(F(NAME), 0, NAME, 0),
    SLOT(0, F(NAME), ROLE, 0),
    CONTROL(0, 0, "<|im_middle|>"),
    TEXT(F(TOOL), 0, "## Return of "),
    SLOT(F(TOOL), 0, CALL_ID, 0),
    TEXT(F(TOOL), 0, "\n"),
    SLOT(0, 0, CONTENT, SPAN_KEEP),
    CONTROL(F(ASSISTANT) | F(CALLS), 0, "<|tool_calls_section_begin|>"),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, kimi_k2_call),
    CONTROL(F(ASSISTANT) | F(CALLS), 0, "<|tool_calls_section_end|>"),
    CONTROL(0, 0, "<|im_end|>"),
    DONE,
};

const struct template_step template_steps_kimi_k2[] = {
    CONTROL(F(TOOLS), 0, "<|im_system|>"),
    TEXT(F(TOOLS), 0, "tool_declare"),
    CONTROL(F(TOOLS), 0, "<|im_middle|>"),
    SLOT(F(TOOLS), 0, TOOLS, TOJSON_COMPACT),
    CONTROL(F(TOOLS), 0, "<|im_end|>"),
    CONTROL(0, F(SYSTEM_LEAD), "<|im_system|>"),
    TEXT(0, F(SYSTEM_LEAD), "system"),
    CONTROL(0, F(SYSTEM_LEAD), "<|im_middle|>"),
    TEXT(0, F(SYSTEM_LEAD), "You are Kimi, an AI assistant created by Moonshot AI."),
    CONTROL(0, F(SYSTEM_LEAD), "<|im_end|>"),
    DOUBT(0, F(SYSTEM_LEAD), 1), /* some of the published versions have a line feed here */
    DOUBT(F(TOOLS), 0, 8),       /* some sort the keys */
    EACH(0, 0, MESSAGES, kimi_k2_message),
    CONTROL(0, 0, "<|im_assistant|>"),
    TEXT(0, 0, "assistant"),
    CONTROL(0, 0, "<|im_middle|>"),
    DONE,
};

/* ---- MiniMax M2 -------------------------------------------------------------------------- */

const struct tojson_wrap template_wrap_minimax_m2 = {
    .key_open = STR_INIT("<parameter name=\""),
    .key_close = STR_INIT("\">"),
    .value_close = STR_INIT("</parameter>"),
    .behind = STR_INIT("\n"),
};

static const struct template_step minimax_m2_tool[] = {
    TEXT(0, 0, "<tool>"),
    SLOT(0, 0, TOOL_FUNCTION, TOJSON_SPACED),
    TEXT(0, 0, "</tool>\n"),
    DONE,
};

static const struct template_step minimax_m2_call[] = {
    TEXT(0, 0, "<invoke name=\""),        SLOT(0, 0, CALL_NAME, 0),  TEXT(0, 0, "\">\n"),
    SLOT(0, 0, CALL_WRAP, TOJSON_SPACED), TEXT(0, 0, "</invoke>\n"), DONE,
};

/* M1: the answer's thinking is shown. */
static const struct template_step minimax_m2_message[] = {
    CONTROL(F(USER), 0, "]~b]"),
    TEXT(F(USER), 0, "user\n"),
    SLOT(F(USER), 0, CONTENT, SPAN_KEEP),
    CONTROL(F(USER), 0, "[e~["),
    TEXT(F(USER), 0, "\n"),
    CLEAR(0, 0, F(M1)),
    SET(F(ASSISTANT) | F(AFTER_USER) | F(REASONING), 0, F(M1)),
    CONTROL(F(ASSISTANT), 0, "]~b]"),
    TEXT(F(ASSISTANT), 0, "ai\n"),
    MARK(F(M1), 0, "<think>"),
    TEXT(F(M1), 0, "\n"),
    SLOT(F(M1), 0, REASONING, SPAN_KEEP),
    TEXT(F(M1), 0, "\n"),
    MARK(F(M1), 0, "</think>"),
    TEXT(F(M1), 0, "\n\n"),
    SLOT(F(ASSISTANT), 0, CONTENT, SPAN_KEEP),
    TEXT(F(ASSISTANT) | F(CALLS), 0, "\n"),
    MARK(F(ASSISTANT) | F(CALLS), 0, "<minimax:tool_call>"),
    TEXT(F(ASSISTANT) | F(CALLS), 0, "\n"),
    EACH(F(ASSISTANT) | F(CALLS), 0, CALLS, minimax_m2_call),
    MARK(F(ASSISTANT) | F(CALLS), 0, "</minimax:tool_call>"),
    CONTROL(F(ASSISTANT), 0, "[e~["),
    TEXT(F(ASSISTANT), 0, "\n"),
    CONTROL(F(TOOL), F(PREV_TOOL), "]~b]"),
    TEXT(F(TOOL), F(PREV_TOOL), "tool"),
    TEXT(F(TOOL), 0, "\n<response>"),
    SLOT(F(TOOL), 0, CONTENT, SPAN_KEEP),
    TEXT(F(TOOL), 0, "</response>"),
    CONTROL(F(TOOL), F(NEXT_TOOL), "[e~["),
    TEXT(F(TOOL), F(NEXT_TOOL), "\n"),
    DOUBT(F(SYSTEM), F(FIRST), 8), /* is not shown */
    DONE,
};

const struct template_step template_steps_minimax_m2[] = {
    CONTROL(0, 0, "]~!b["),
    CONTROL(0, 0, "]~b]"),
    TEXT(0, 0, "system\n"),
    SLOT(F(LEAD_TEXT), 0, LEAD, SPAN_KEEP),
    TEXT(0, F(LEAD_TEXT),
         "You are MiniMax-M2, a helpful AI assistant built by MiniMax. Knowledge cutoff: 2025-06."),
    TEXT(F(TOOLS), 0,
         "\n\n# Tools\nYou may call one or more tools to assist with the user query.\nHere are the "
         "tools available in JSONSchema format:\n\n<tools>\n"),
    EACH(F(TOOLS), 0, TOOLS, minimax_m2_tool),
    TEXT(F(TOOLS), 0,
         "</tools>\n\nWhen making tool calls, use XML format to invoke tools and pass parameters:"
         "\n\n"),
    MARK(F(TOOLS), 0, "<minimax:tool_call>"),
    TEXT(F(TOOLS), 0,
         "\n<invoke name=\"tool-name-1\">\n<parameter name=\"param-key-1\">param-value-1"
         "</parameter>\n<parameter name=\"param-key-2\">param-value-2</parameter>\n...\n</invoke>"
         "\n"),
    MARK(F(TOOLS), 0, "</minimax:tool_call>"),
    CONTROL(0, 0, "[e~["),
    TEXT(0, 0, "\n"),
    EACH(0, 0, MESSAGES, minimax_m2_message),
    CONTROL(0, 0, "]~b]"),
    TEXT(0, 0, "ai\n"),
    MARK(0, 0, "<think>"),
    TEXT(0, 0, "\n"),
    DONE,
};
