/* What vendors really send, right and wrong: each case is a stream and the events it is told as. */
#include "dialect/decode.h"

#include <stdio.h>

#include "dialect_sample.h"
#include "harness.h"

static struct buf told;

static void tell(const char *before, uint32_t choice, uint32_t item, const char *what,
                 struct str text)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "%s %u.%u %s " STR_FMT "\n", before, choice, item, what,
                       STR_ARG(text));
    CHECK(buf_append(&told, (struct str){ line, (size_t)len }) == ERR_OK);
}

static enum err take(void *context, const struct event *event)
{
    uint32_t choice = event->choice;
    uint32_t item = event->item;
    CHECK(context == &told);
    switch (event->kind) {
    case EVENT_BEGIN:
        tell("begin", 0, 0, "", event->begin.model);
        return ERR_OK;
    case EVENT_OPEN:
        tell("open", choice, item, event_item_name(event->open.kind),
             event->open.call_id.len > 0 ? event->open.call_id : event->open.name);
        return ERR_OK;
    case EVENT_DELTA:
        if (event->delta.channel != EVENT_BLOB) {
            CHECK_EQ(decode_delta_json(event).len, event->delta.text.len + 2);
        }
        tell("say", choice, item, event_channel_name(event->delta.channel), event->delta.text);
        return ERR_OK;
    case EVENT_NOTE:
        tell("note", choice, item, "", event->note.json);
        return ERR_OK;
    case EVENT_CLOSE:
        tell("close", choice, item, "", STR_EMPTY);
        return ERR_OK;
    case EVENT_FINISH:
        tell("finish", choice, 0, event_finish_name(event->finish.reason), event->finish.stop_text);
        return ERR_OK;
    case EVENT_USAGE:
        tell("usage", (uint32_t)event->usage.tokens.of[TOKENS_IN],
             (uint32_t)event->usage.tokens.of[TOKENS_OUT], "", STR_EMPTY);
        return ERR_OK;
    case EVENT_ERROR:
        tell("error", (uint32_t)event->error.status, 0, "", event->error.message);
        return ERR_OK;
    case EVENT_PING:
    case EVENT_RAW:
        tell(event->kind == EVENT_PING ? "ping" : "raw", 0, 0, "", STR_EMPTY);
        return ERR_OK;
    case EVENT_END:
        tell("end", 0, 0, "", STR_EMPTY);
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

struct stream_case {
    enum dialect dialect;
    const char *stream; /* an event's data a line; or, after "body ", an answer */
    const char *want;
    enum err err;
};

#define C(delta) "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n"
#define C_END(reason) \
    "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n"
#define BEGIN             "begin 0.0  m\n"
#define DONE              "[DONE]\n"
#define STOPPED           "finish 0.0 stop \nend 0.0  \n"
#define TOOL(index, rest) "{\"index\":" index "," rest "}"

static const struct stream_case chat_cases[] = {
    { DIALECT_CHAT,
      C("\"role\":\"assistant\",\"content\":\"\"") C("\"reasoning_content\":\"r\",\"reasoning\":"
                                                     "\"r\"") C("\"content\":\"a\"") C_END("stop")
          DONE,
      BEGIN "open 0.0 reason \nsay 0.0 thought r\nclose 0.0  \nopen 0.1 text \nsay 0.1 text a\n"
            "close 0.1  \n" STOPPED,
      ERR_OK },
    /* fragments without ids, arguments in turns, whole before the next */
    { DIALECT_CHAT,
      C("\"tool_calls\":[" TOOL(
          "0", "\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}") "]")
          C("\"tool_calls\":[" TOOL(
              "1", "\"id\":\"y\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}") "]")
              C("\"tool_calls\":[" TOOL("0", "\"function\":{\"arguments\":\"{}\"}") "," TOOL(
                  "1", "\"function\":{\"arguments\":\"}\"}") "]") C_END("stop"),
      BEGIN "open 0.0 tool x\nopen 0.1 tool y\nsay 0.1 args {\nsay 0.0 args {}\nsay 0.1 args }\n"
            "close 0.0  \nclose 0.1  \nfinish 0.0 tool \nend 0.0  \n",
      ERR_OK },
    { DIALECT_CHAT,
      C("\"tool_calls\":[" TOOL(
          "0", "\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") "]")
          C("\"tool_calls\":[" TOOL(
              "1", "\"id\":\"y\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") "]")
              C("\"content\":\"a\"") C_END("tool_calls") DONE,
      BEGIN "open 0.0 tool x\nsay 0.0 args {}\nclose 0.0  \nopen 0.1 tool y\nsay 0.1 args {}\n"
            "close 0.1  \nopen 0.2 text \nsay 0.2 text a\nclose 0.2  \nfinish 0.0 tool \n"
            "end 0.0  \n",
      ERR_OK },
    /* one index for all calls; no index at all; an object for arguments; the old form */
    { DIALECT_CHAT,
      C("\"tool_calls\":[" TOOL(
          "0", "\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") "]")
          C("\"tool_calls\":[" TOOL(
              "0", "\"id\":\"y\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") "]")
              C_END("stop"),
      BEGIN "open 0.0 tool x\nsay 0.0 args {}\nclose 0.0  \nopen 0.1 tool y\nsay 0.1 args {}\n"
            "close 0.1  \nfinish 0.0 tool \nend 0.0  \n",
      ERR_OK },
    { DIALECT_CHAT,
      C("\"tool_calls\":[{\"id\":\"x\",\"function\":{\"name\":\"f\"}}]")
          C("\"tool_calls\":[{\"function\":{\"arguments\":{\"a\":\"b\"}}}]") C_END("stop"),
      BEGIN "open 0.0 tool x\nsay 0.0 args {\\\"a\\\":\\\"b\\\"}\nclose 0.0  \nfinish 0.0 tool \n"
            "end 0.0  \n",
      ERR_OK },
    { DIALECT_CHAT,
      C("\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}")
          C("\"function_call\":{\"arguments\":\"}\"}") C_END("function_call"),
      BEGIN "open 0.0 tool f\nsay 0.0 args {\nsay 0.0 args }\nclose 0.0  \nfinish 0.0 tool \n"
            "end 0.0  \n",
      ERR_OK },
    { DIALECT_CHAT, C("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]"), BEGIN,
      ERR_UPSTREAM_SYNTAX },
    /* "tool_calls" without a tool */
    { DIALECT_CHAT, C("\"content\":\"a\"") C_END("tool_calls"),
      BEGIN "open 0.0 text \nsay 0.0 text a\nclose 0.0  \n" STOPPED, ERR_OK },
    /* usage on every chunk, in the choice, behind the end of the choice */
    { DIALECT_CHAT,
      "{\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}],"
      "\"usage\":{\"prompt_tokens\":1}}\n"
      "{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\",\"usage\":{\"prompt_tokens\":2}}"
      "]}\n"
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n" DONE,
      BEGIN "open 0.0 text \nsay 0.0 text a\nusage 1.0  \nusage 2.0  \nclose 0.0  \n"
            "finish 0.0 length \nusage 3.4  \nend 0.0  \n",
      ERR_OK },
    /* Mistral's parts, OpenRouter's details, ciphers */
    { DIALECT_CHAT,
      C("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"r\"}]},"
        "{\"type\":\"text\",\"text\":\"a\"}]") C_END("stop"),
      BEGIN "open 0.0 reason \nsay 0.0 thought r\nclose 0.0  \nopen 0.1 text \nsay 0.1 text a\n"
            "close 0.1  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT,
      C("\"reasoning\":\"r\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"r\","
        "\"index\":0}]") C("\"reasoning_details\":[{\"signature\":\"s\",\"index\":0}]")
          C("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"d\","
            "\"index\":1}]") C_END("stop"),
      BEGIN "open 0.0 reason \nsay 0.0 thought r\nsay 0.0 sig s\nclose 0.0  \nopen 0.1 reason \n"
            "say 0.1 blob d\nclose 0.1  \n" STOPPED,
      ERR_OK },
    /* refusals, sound, images, probabilities, sources */
    { DIALECT_CHAT,
      C("\"refusal\":\"no\"") C("\"audio\":{\"id\":\"au\",\"transcript\":\"t\",\"data\":\"ZA==\"}")
          C("\"images\":[{\"image_url\":{\"url\":\"data:image/png;base64,aQ==\"}}]") C_END("stop"),
      BEGIN
      "open 0.0 refusal \nsay 0.0 text no\nclose 0.0  \nopen 0.1 audio \nsay 0.1 transcript t\n"
      "say 0.1 audio ZA==\nclose 0.1  \nopen 0.2 image image/png\nsay 0.2 blob aQ==\n"
      "close 0.2  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT,
      "{\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\",\"annotations\":[{}]},"
      "\"logprobs\":{\"content\":[{}]},\"finish_reason\":\"content_filter\"}]}\n",
      BEGIN "open 0.0 text \nsay 0.0 text a\nnote 0.0  {}\nnote 0.0  [{}]\nclose 0.0  \n"
            "finish 0.0 filter \nend 0.0  \n",
      ERR_OK },
    /* two choices, the index behind the delta; a choice that never ends */
    { DIALECT_CHAT,
      "{\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\","
      "\"index\":1},"
      "{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\",\"index\":0}]}\n" DONE,
      BEGIN "open 1.0 text \nsay 1.0 text a\nclose 1.0  \nfinish 1.0 stop \nopen 0.0 text \n"
            "say 0.0 text b\nclose 0.0  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT, C("\"content\":\"a\"") DONE, BEGIN "open 0.0 text \nsay 0.0 text a\n",
      ERR_UPSTREAM_CUT },
    { DIALECT_CHAT, C("\"content\":\"a\""), BEGIN "open 0.0 text \nsay 0.0 text a\n",
      ERR_UPSTREAM_CUT },
    { DIALECT_CHAT, "", "", ERR_UPSTREAM_CUT },
    { DIALECT_CHAT, C_END("stop") C("\"content\":\"a\""),
      "begin 0.0  \n"
      "finish 0.0 stop \n",
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, "{\"choices\":[{\"index\":128}]}\n", "begin 0.0  \n", ERR_UPSTREAM_SIZE },
    { DIALECT_CHAT, "{\"choices\":[{\"index\":\"0\"}]}\n", "begin 0.0  \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, "{\"choices\":[5]}\n", "begin 0.0  \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, "{\"choices\":5}\n", "begin 0.0  \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, "{\n", "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, "[]\n", "", ERR_UPSTREAM_SYNTAX },
    /* events that are the one before with another text, and those that only begin so */
    { DIALECT_CHAT,
      C("\"content\":\"a\"") C("\"content\":\"b\"") C("\"content\":\"\\n\\\"c\"")
          C("\"content\":\"\"") C("\"content\":\"d\"") C("\"content\":null")
              C("\"content\":\"e\",\"refusal\":\"f\"") C("\"content\":[{\"text\":\"g\"}]")
                  C_END("stop"),
      BEGIN "open 0.0 text \nsay 0.0 text a\nsay 0.0 text b\nsay 0.0 text \\n\\\"c\n"
            "say 0.0 text d\nsay 0.0 text e\nclose 0.0  \nopen 0.1 refusal \nsay 0.1 text f\n"
            "close 0.1  \nopen 0.2 text \nsay 0.2 text g\nclose 0.2  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT,
      C("\"content\":\"a\"") C("\"content\":\"b\"") C("\"reasoning\":\"r\"")
          C("\"reasoning\":\"s\"") C("\"content\":\"c\"") C_END("stop"),
      BEGIN "open 0.0 text \nsay 0.0 text a\nsay 0.0 text b\nclose 0.0  \nopen 0.1 reason \n"
            "say 0.1 thought r\nsay 0.1 thought s\nclose 0.1  \nopen 0.2 text \n"
            "say 0.2 text c\nclose 0.2  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT,
      C("\"reasoning_content\":\"rs\",\"reasoning\":\"r\"")
          C("\"reasoning_content\":\"tu\",\"reasoning\":\"vw\"")
              C("\"reasoning_content\":\"x\",\"reasoning\":\"vw\"") C_END("stop"),
      BEGIN "open 0.0 reason \nsay 0.0 thought rs\nsay 0.0 thought tu\nsay 0.0 thought vw\n"
            "close 0.0  \n" STOPPED,
      ERR_OK },
    { DIALECT_CHAT,
      C("\"tool_calls\":[" TOOL("0", "\"id\":\"x\",\"function\":{\"name\":\"f\"}") "]")
          C("\"tool_calls\":[" TOOL("0", "\"function\":{\"arguments\":\"{\"}") "]")
              C("\"tool_calls\":[" TOOL("0", "\"function\":{\"arguments\":\"}\"}") "]")
                  C("\"tool_calls\":[" TOOL("0", "\"function\":{\"arguments\":{\"a\":1}}") "]")
                      C_END("stop"),
      BEGIN "open 0.0 tool x\nsay 0.0 args {\nsay 0.0 args }\nsay 0.0 args {\\\"a\\\":1}\n"
            "close 0.0  \nfinish 0.0 tool \nend 0.0  \n",
      ERR_OK },
    { DIALECT_CHAT,
      C("\"content\":\"a\"") C("\"content\":\"b\"") C("\"content\":\"c\",\"role\":\"d\"")
          C("\"content\":\"\\x\""),
      BEGIN "open 0.0 text \nsay 0.0 text a\nsay 0.0 text b\nsay 0.0 text c\n",
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_CHAT, C("\"content\":\"a\"") C("\"content\":\"b\"") C("\"content\":\"\xff\""),
      BEGIN "open 0.0 text \nsay 0.0 text a\nsay 0.0 text b\n", ERR_UPSTREAM_SYNTAX },
    /* errors that look like chunks */
    { DIALECT_CHAT,
      C("\"content\":\"a\"") "{\"error\":{\"message\":\"e\",\"code\":503}}\n" DONE C(
          "\"content\":\"b\""),
      BEGIN "open 0.0 text \nsay 0.0 text a\nerror 503.0  e\n", ERR_OK },
    { DIALECT_CHAT, "{\"error\":\"e\"}\n", "error 0.0  e\n", ERR_OK },
    { DIALECT_CHAT, "{\"object\":\"error\",\"message\":\"e\",\"code\":400}\n", "error 0.0  e\n",
      ERR_OK },
    { DIALECT_CHAT,
      "body {\"base_resp\":{\"status_code\":1008,\"status_msg\":\"no money\"},\"choices\":null}",
      "error 0.0  no money\n", ERR_OK },
    { DIALECT_CHAT,
      "body {\"base_resp\":{\"status_code\":0},\"model\":\"m\",\"choices\":[{\"message\":"
      "{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}",
      BEGIN "open 0.0 text \nsay 0.0 text a\nclose 0.0  \n" STOPPED, ERR_OK },
    { DIALECT_CHAT, "body {\"model\":\"m\",\"choices\":[]}", BEGIN, ERR_UPSTREAM_CUT },
};

#define A_START                                                                               \
    "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":5," \
    "\"output_tokens\":1}}}\n"
#define A_BEGIN "begin 0.0  m\nusage 5.1  \n"
#define A_BLOCK(index, block) \
    "{\"type\":\"content_block_start\",\"index\":" index ",\"content_block\":{" block "}}\n"
#define A_DELTA(index, delta) \
    "{\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":{" delta "}}\n"
#define A_STOP(index) "{\"type\":\"content_block_stop\",\"index\":" index "}\n"
#define A_ERROR       "{\"type\":\"error\",\"error\":{\"type\":\"e\",\"message\":\"e\"}}\n"
#define A_END(reason)                                                  \
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason \
    "\"},\"usage\":{\"output_tokens\":7}}\n{\"type\":\"message_stop\"}\n"

static const struct stream_case anthropic_cases[] = {
    { DIALECT_ANTHROPIC,
      A_START A_BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
          A_DELTA("0", "\"type\":\"thinking_delta\",\"thinking\":\"r\"")
              A_DELTA("0", "\"type\":\"signature_delta\",\"signature\":\"s\"") A_STOP(
                  "0") "{\"type\":\"ping\"}\n" A_BLOCK("1", "\"type\":\"text\",\"text\":\"\"")
                  A_DELTA("1", "\"type\":\"text_delta\",\"text\":\"a\"")
                      A_DELTA("1", "\"type\":\"citations_delta\",\"citation\":{}") A_DELTA(
                          "1", "\"type\":\"later_delta\",\"x\":1") A_STOP("1") A_END("end_turn"),
      A_BEGIN "open 0.0 reason \nsay 0.0 thought r\nsay 0.0 sig s\nclose 0.0  \nping 0.0  \n"
              "open 0.1 text \nsay 0.1 text a\nnote 0.1  {}\nclose 0.1  \nusage 5.7  \n" STOPPED,
      ERR_OK },
    /* a stop is missing; input with the block; what the vendor runs; a kind that is new */
    { DIALECT_ANTHROPIC,
      A_START A_BLOCK("0", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}")
          A_BLOCK("1", "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web\",\"input\":{}")
              A_DELTA("1", "\"type\":\"input_json_delta\",\"partial_json\":\"{}\"") A_STOP("1")
                  A_BLOCK("4", "\"type\":\"redacted_thinking\",\"data\":\"d\"") A_STOP("4")
                      A_END("end_turn"),
      A_BEGIN "open 0.0 tool t\nsay 0.0 args {\\\"a\\\":1}\nclose 0.0  \nopen 0.1 hosted \n"
              "say 0.1 args {}\nclose 0.1  \nopen 0.2 reason \nsay 0.2 blob d\nclose 0.2  \n"
              "usage 5.7  \nfinish 0.0 tool \nend 0.0  \n",
      ERR_OK },
    { DIALECT_ANTHROPIC,
      A_START "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\","
              "\"stop_sequence\":\"END\"}}\n{\"type\":\"message_stop\"}\n",
      A_BEGIN "finish 0.0 stop_text END\nend 0.0  \n", ERR_OK },
    { DIALECT_ANTHROPIC, A_START A_ERROR A_END("end_turn"), A_BEGIN "error 0.0  e\n", ERR_OK },
    { DIALECT_ANTHROPIC, A_START "{\"type\":\"message_stop\"}\n", A_BEGIN, ERR_UPSTREAM_CUT },
    { DIALECT_ANTHROPIC, A_START, A_BEGIN, ERR_UPSTREAM_CUT },
    { DIALECT_ANTHROPIC, A_START A_DELTA("0", "\"type\":\"text_delta\",\"text\":\"a\""), A_BEGIN,
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, A_START A_BLOCK("0", "\"type\":\"text\"") A_STOP("0") A_STOP("0"),
      A_BEGIN "open 0.0 text \nclose 0.0  \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, A_BLOCK("0", "\"type\":\"text\""), "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, A_END("end_turn"), "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, "{\"type\":\"message_start\",\"message\":5}\n", "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC,
      "{\"type\":\"ping\"}\n" A_START "{\"type\":\"new\"}\n" A_END("max_tokens") DONE,
      A_BEGIN "raw 0.0  \nusage 5.7  \nfinish 0.0 length \nend 0.0  \n", ERR_OK },
    { DIALECT_ANTHROPIC, "body {\"type\":\"error\",\"error\":{\"message\":\"e\"}}",
      "error 0.0  e\n", ERR_OK },
    { DIALECT_ANTHROPIC, "body {\"base_resp\":{\"status_code\":1,\"status_msg\":\"e\"}}",
      "error 0.0  e\n", ERR_OK },
    { DIALECT_ANTHROPIC, "body {\"model\":\"m\"}", "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_ANTHROPIC, "body {\"model\":\"m\",\"content\":[5],\"stop_reason\":\"end_turn\"}",
      BEGIN, ERR_UPSTREAM_SYNTAX },
};

#define R(type, rest) "{\"type\":\"response." type "\"," rest "}\n"
#define R_START       R("created", "\"response\":{\"model\":\"m\",\"status\":\"in_progress\"}")
#define R_END         R("completed", "\"response\":{\"status\":\"completed\",\"output\":[]}")
#define R_LENGTH                                                                      \
    R("incomplete", "\"response\":{\"status\":\"incomplete\",\"incomplete_details\":" \
                    "{\"reason\":\"max_output_tokens\"}}")
#define R_SEARCH "\"output_index\":1,\"item\":{\"type\":\"web_search_call\"}"
#define AT0      "\"output_index\":0"

static const struct stream_case responses_cases[] = {
    /* nothing is announced, nothing is done */
    { DIALECT_RESPONSES,
      R_START R("in_progress", "\"response\":{}")
          R("output_text.delta", AT0 ",\"content_index\":0,\"delta\":\"a\"") R_END,
      BEGIN "open 0.0 text \nsay 0.0 text a\nclose 0.0  \n" STOPPED, ERR_OK },
    /* nothing is told in pieces */
    { DIALECT_RESPONSES,
      R_START R("output_item.done", AT0
                ",\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","
                "\"text\":\"a\",\"annotations\":[{}]},{\"type\":\"refusal\",\"refusal\":\"no\"}]}")
          R_END,
      BEGIN "open 0.0 text \nsay 0.0 text a\nnote 0.0  {}\nclose 0.0  \nopen 0.1 refusal \n"
            "say 0.1 text no\nclose 0.1  \n" STOPPED,
      ERR_OK },
    { DIALECT_RESPONSES,
      R_START R("completed",
                "\"response\":{\"status\":\"completed\",\"output\":[{\"type\":\"function_call\","
                "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}],"
                "\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}"),
      BEGIN "open 0.0 tool c\nsay 0.0 args {}\nclose 0.0  \nusage 3.4  \nfinish 0.0 tool \n"
            "end 0.0  \n",
      ERR_OK },
    /* two items at a time, each told but once */
    { DIALECT_RESPONSES,
      R_START R("output_item.added",
                AT0 ",\"item\":{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\"}")
          R("output_item.added",
            "\"output_index\":1,\"item\":{\"type\":\"custom_tool_call\",\"call_id\":\"d\","
            "\"name\":\"g\"}") R("function_call_arguments.delta", AT0 ",\"delta\":\"{}\"")
              R("custom_tool_call_input.delta", "\"output_index\":1,\"delta\":\"x\"")
                  R("function_call_arguments.done", AT0 ",\"arguments\":\"{}\"")
                      R("custom_tool_call_input.done", "\"output_index\":1,\"input\":\"x\"")
                          R("output_item.done",
                            AT0 ",\"item\":{\"type\":\"function_call\",\"arguments\":\"{}\"}")
                              R("output_item.done",
                                "\"output_index\":1,\"item\":{\"type\":\"custom_tool_call\","
                                "\"input\":\"x\"}") R_END,
      BEGIN
      "open 0.0 tool c\nopen 0.1 custom_tool d\nsay 0.0 args {}\nsay 0.1 args x\nclose 0.0  \n"
      "close 0.1  \nfinish 0.0 tool \nend 0.0  \n",
      ERR_OK },
    { DIALECT_RESPONSES,
      R_START R("output_item.added", AT0 ",\"item\":{\"type\":\"reasoning\",\"summary\":[]}") R(
          "reasoning_summary_text.delta", AT0 ",\"summary_index\":1,\"delta\":\"s\"")
          R("output_item.done", AT0 ",\"item\":{\"type\":\"reasoning\","
                                    "\"summary\":[{\"text\":\"s\"}],"
                                    "\"encrypted_content\":\"e\"}") R("output_item.added", R_SEARCH)
              R("web_search_call.searching", "\"output_index\":1")
                  R("output_item.done", R_SEARCH) "{\"type\":\"keepalive\"}\n" R_LENGTH,
      BEGIN "open 0.0 reason \nsay 0.0 summary s\nsay 0.0 sig e\nclose 0.0  \nopen 0.1 hosted \n"
            "raw 0.0  \nclose 0.1  \nping 0.0  \nfinish 0.0 length \nend 0.0  \n",
      ERR_OK },
    { DIALECT_RESPONSES,
      R_START R("failed", "\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"e\"}}")
          R_END,
      BEGIN "error 0.0  e\n", ERR_OK },
    { DIALECT_RESPONSES, "{\"type\":\"error\",\"code\":\"c\",\"message\":\"e\"}\n",
      "error 0.0  e\n", ERR_OK },
    { DIALECT_RESPONSES, "{\"type\":\"error\",\"error\":{\"message\":\"e\"}}\n", "error 0.0  e\n",
      ERR_OK },
    { DIALECT_RESPONSES, R_START, BEGIN, ERR_UPSTREAM_CUT },
    { DIALECT_RESPONSES, R("output_text.delta", AT0 ",\"delta\":\"a\""), "", ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, R_START R("output_text.delta", "\"delta\":\"a\""), BEGIN,
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, R_START R("output_text.delta", "\"output_index\":-1,\"delta\":\"a\""),
      BEGIN, ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, R_START R("function_call_arguments.delta", AT0 ",\"delta\":\"a\""), BEGIN,
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES,
      R_START R("reasoning_summary_text.delta", AT0 ",\"summary_index\":9999,\"delta\":\"a\""),
      BEGIN "open 0.0 reason \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, R("completed", "\"response\":{\"status\":\"new\"}"), "",
      ERR_UPSTREAM_SYNTAX },
    { DIALECT_RESPONSES, "body {\"error\":{\"message\":\"e\"}}", "error 0.0  e\n", ERR_OK },
    { DIALECT_RESPONSES, "body {\"status\":\"completed\",\"output\":[5]}", "begin 0.0  \n",
      ERR_UPSTREAM_SYNTAX },
};

#define G(parts) "{\"modelVersion\":\"m\",\"candidates\":[{\"content\":{\"parts\":[" parts "]}}]}\n"
#define G_END(reason)                              \
    "{\"candidates\":[{\"finishReason\":\"" reason \
    "\"}],\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":4}}\n"

static const struct stream_case gemini_cases[] = {
    { DIALECT_GEMINI,
      G("{\"text\":\"r\",\"thought\":true}") G("{\"text\":\"a\"}")
          G("{\"text\":\"b\"},{\"text\":\"\",\"thoughtSignature\":\"s\"}") G_END("STOP"),
      BEGIN
      "open 0.0 reason \nsay 0.0 thought r\nclose 0.0  \nopen 0.1 text \nsay 0.1 text a\n"
      "say 0.1 text b\nsay 0.1 sig s\nclose 0.1  \nfinish 0.0 stop \nusage 3.4  \nend 0.0  \n",
      ERR_OK },
    { DIALECT_GEMINI,
      G("{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":\"\\n\"}},\"thoughtSignature\":\"s\"}"
        ",{\"functionCall\":{\"id\":\"i\",\"name\":\"g\"}}")
          G("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"aQ==\"}},"
            "{\"executableCode\":{}},{}") G_END("STOP"),
      BEGIN "open 0.0 reason \nsay 0.0 blob s\nclose 0.0  \nopen 0.1 tool f\n"
            "say 0.1 args {\\\"a\\\":\\\"\\\\n\\\"}\nclose 0.1  \nopen 0.2 tool i\nclose 0.2  \n"
            "open 0.3 image image/png\nsay 0.3 blob aQ==\nclose 0.3  \nopen 0.4 hosted \n"
            "close 0.4  \nfinish 0.0 tool \nusage 3.4  \nend 0.0  \n",
      ERR_OK },
    { DIALECT_GEMINI, "{\"modelVersion\":\"m\",\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n",
      BEGIN "finish 0.0 filter \nend 0.0  \n", ERR_OK },
    { DIALECT_GEMINI,
      G("{\"text\":\"a\"}") "{\"error\":{\"code\":429,\"message\":\"e\","
                            "\"status\":\"RESOURCE_EXHAUSTED\"}}\n",
      BEGIN "open 0.0 text \nsay 0.0 text a\nerror 429.0  e\n", ERR_OK },
    { DIALECT_GEMINI, G("{\"text\":\"a\"}"), BEGIN "open 0.0 text \nsay 0.0 text a\n",
      ERR_UPSTREAM_CUT },
    { DIALECT_GEMINI, G("{\"functionCall\":{}}"), BEGIN, ERR_UPSTREAM_SYNTAX },
    { DIALECT_GEMINI, G("5"), BEGIN, ERR_UPSTREAM_SYNTAX },
    { DIALECT_GEMINI, "{\"candidates\":[5]}\n", "begin 0.0  \n", ERR_UPSTREAM_SYNTAX },
    { DIALECT_GEMINI,
      G("{\"text\":\"\",\"thoughtSignature\":\"s\"}") G_END("MALFORMED_FUNCTION_CALL") DONE,
      BEGIN "finish 0.0 bad_tool \nusage 3.4  \nend 0.0  \n", ERR_OK },
    { DIALECT_GEMINI, "body " G("{\"text\":\"a\"}"), BEGIN "open 0.0 text \nsay 0.0 text a\n",
      ERR_UPSTREAM_CUT },
};

static enum err feed_lines(struct decode *decode, struct str lines)
{
    while (lines.len > 0) {
        struct str line = test_at_page_end(str_cut(&lines, '\n'));
        TRY(decode_event(decode, STR_EMPTY, line));
    }
    return decode_end(decode);
}

static void check_case(const struct stream_case *test)
{
    struct arena arena;
    struct decode decode;
    struct str text = str_from(test->stream);
    arena_init(&arena, 256, 65536);
    buf_init(&told, 65536);
    decode_init(&decode, test->dialect, (struct event_sink){ take, &told }, &arena);
    enum err err = str_starts(text, STR("body ")) ? decode_body(&decode, str_from_at(text, 5))
                                                  : feed_lines(&decode, text);
    if (err != test->err || !str_eq(buf_str(&told), str_from(test->want))) {
        test_failed(EP_SITE, "%s:\n" STR_FMT "instead of\n%sin\n%s", err_info(err)->name,
                    STR_ARG(buf_str(&told)), test->want, test->stream);
    }
    decode_fini(&decode);
    buf_fini(&told);
    arena_fini(&arena);
}

TEST(chat_as_vendors_send_it)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(chat_cases); i++) {
        check_case(&chat_cases[i]);
    }
}

TEST(anthropic_as_vendors_send_it)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(anthropic_cases); i++) {
        check_case(&anthropic_cases[i]);
    }
}

TEST(responses_as_vendors_send_it)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(responses_cases); i++) {
        check_case(&responses_cases[i]);
    }
}

TEST(gemini_as_vendors_send_it)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(gemini_cases); i++) {
        check_case(&gemini_cases[i]);
    }
}

TEST(a_failed_answer_is_one_error_whatever_its_body)
{
    static const char *const bodies[][2] = {
        { "{\"error\":{\"message\":\"m\",\"type\":\"t\"}}", "error 503.0  m\n" },
        { "{\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"m\"}}", "error 503.0  m\n" },
        { "[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"S\"}}]", "error 503.0  m\n" },
        { "{\"message\":\"m\"}", "error 503.0  m\n" },
        { "{\"error\":\"m\"}", "error 503.0  m\n" },
        { "<html>", "error 503.0  \n" },
        { "", "error 503.0  \n" },
        { "5", "error 503.0  \n" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bodies); i++) {
        struct arena arena;
        struct decode decode;
        arena_init(&arena, 256, 4096);
        buf_init(&told, 4096);
        decode_init(&decode, DIALECT_CHAT, (struct event_sink){ take, &told }, &arena);
        CHECK(decode_failure(&decode, 503, str_from(bodies[i][0])) == ERR_OK);
        CHECK_STR(buf_str(&told), str_from(bodies[i][1]));
        decode_fini(&decode);
        buf_fini(&told);
        arena_fini(&arena);
    }
}

TEST(more_items_than_there_can_be_are_refused)
{
    struct arena arena;
    struct decode decode;
    enum err err = ERR_OK;
    unsigned told_items = 0;
    arena_init(&arena, 256, 1 << 20);
    buf_init(&told, 1 << 20);
    decode_init(&decode, DIALECT_CHAT, (struct event_sink){ take, &told }, &arena);
    for (; err == ERR_OK; told_items++) {
        err = decode_event(&decode, STR_EMPTY,
                           told_items % 2 == 0
                               ? STR("{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}")
                               : STR("{\"choices\":[{\"delta\":{\"reasoning\":\"a\"}}]}"));
    }
    CHECK(err == ERR_UPSTREAM_SIZE);
    CHECK_EQ(told_items, EVENT_ITEMS_MAX + 1);
    decode_fini(&decode);
    buf_fini(&told);
    arena_fini(&arena);
}

static enum err ignore(void *context, const struct event *event)
{
    (void)context;
    (void)event;
    return ERR_OK;
}

static void decode_all(void)
{
    const struct stream_case *const cases[] = { &chat_cases[1], &chat_cases[4], &anthropic_cases[1],
                                                &responses_cases[3], &gemini_cases[1] };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct arena arena;
        struct decode decode;
        arena_init(&arena, 64, 65536);
        decode_init(&decode, cases[i]->dialect, (struct event_sink){ ignore, NULL }, &arena);
        struct str lines = str_from(cases[i]->stream);
        enum err err = ERR_OK;
        while (lines.len > 0 && err == ERR_OK) {
            err = decode_event(&decode, STR_EMPTY, str_cut(&lines, '\n'));
        }
        CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
        decode_fini(&decode);
        arena_fini(&arena);
    }
}

TEST(running_out_of_memory_is_an_error_of_its_own)
{
    CHECK(test_each_allocation_failing(decode_all) > 5);
}
