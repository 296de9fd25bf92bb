/* What is refused before anything is held, by field: requests that are wrong, and what a pair of
 * dialects cannot carry. */
#include "dialect/talk.h"

#include "harness.h"

struct refused {
    enum dialect source;
    enum dialect target;
    const char *body;
    enum err err;
    const char *param;
};

#define C DIALECT_CHAT
#define R DIALECT_RESPONSES
#define A DIALECT_ANTHROPIC
#define G DIALECT_GEMINI

#define HI             "{\"role\":\"user\",\"content\":\"hi\"}"
#define CHAT(rest)     "{\"model\":\"m\",\"messages\":[" HI "]," rest "}"
#define MESSAGES(list) "{\"model\":\"m\",\"messages\":[" list "]}"
#define A_REST(rest)   "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" HI "]," rest "}"
#define A_LIST(list)   "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" list "]}"
#define A_USER(blocks) A_LIST("{\"role\":\"user\",\"content\":[" blocks "]}")
#define R_REST(rest)   "{\"model\":\"m\",\"input\":\"hi\"," rest "}"
#define R_LIST(items)  "{\"model\":\"m\",\"input\":[" items "]}"
#define G_REST(rest)   "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]," rest "}"
#define G_LIST(list)   "{\"contents\":[" list "]}"
#define LONG           "a234567890123456789012345678901234567890"
#define CALL(id)       "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\"}}"
#define CALLS(list)    "{\"role\":\"assistant\",\"tool_calls\":[" list "]}"
#define RESULT(id)     "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"x\"}"
#define USER(part)     MESSAGES("{\"role\":\"user\",\"content\":[" part "]}")
#define IMAGE(url)     USER("{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}")
#define TOOL(rest)     "\"tools\":[{\"type\":\"function\",\"function\":{" rest "}}]"

static const struct refused cases[] = {
    /* no request at all */
    { C, A, "{", ERR_JSON_SYNTAX, "" },
    { C, A, "[]", ERR_JSON_SYNTAX, "" },
    { C, A, "{}", ERR_ASK_MISSING, "model" },
    { C, A, "{\"model\":\"m\"}", ERR_ASK_MISSING, "messages" },
    { C, A, "{\"model\":\"\",\"messages\":[" HI "]}", ERR_ASK_INVALID, "model" },
    { C, A, "{\"model\":5}", ERR_ASK_INVALID, "model" },
    { C, A, MESSAGES(""), ERR_ASK_MISSING, "messages" },
    { C, A, MESSAGES("{\"role\":\"system\",\"content\":\"x\"}"), ERR_ASK_MISSING, "messages" },
    { C, A, MESSAGES("{\"role\":\"user\",\"content\":\"\"}"), ERR_ASK_MISSING, "messages" },
    { C, G, MESSAGES("{\"role\":\"assistant\",\"reasoning\":\"x\"}"), ERR_ASK_MISSING, "messages" },
    { A, C, "{\"model\":\"m\",\"messages\":[" HI "]}", ERR_ASK_MISSING, "max_tokens" },
    { G, C, "{}", ERR_ASK_MISSING, "contents" },
    { R, C, "{\"model\":\"m\"}", ERR_ASK_MISSING, "input" },
    /* members of no dialect, of another, or twice */
    { C, A, CHAT("\"new\":1"), ERR_ASK_UNSUPPORTED, "new" },
    { C, A, CHAT("\"max_output_tokens\":1"), ERR_ASK_UNSUPPORTED, "max_output_tokens" },
    { A, C, A_REST("\"max_completion_tokens\":1"), ERR_ASK_UNSUPPORTED, "max_completion_tokens" },
    { R, C, R_REST("\"messages\":[]"), ERR_ASK_UNSUPPORTED, "messages" },
    { G, C, G_REST("\"generation__config\":{}"), ERR_ASK_UNSUPPORTED, "generation__config" },
    { C, A, CHAT("\"model\":\"n\""), ERR_ASK_DUPLICATE, "model" },
    { C, A, CHAT("\"top_\\u0070\":1,\"top_p\":1"), ERR_ASK_DUPLICATE, "top_p" },
    { G, A, G_REST("\"generationConfig\":{\"topP\":1,\"topP\":1}"), ERR_ASK_DUPLICATE,
      "generationConfig.topP" },
    /* values */
    { C, A, CHAT("\"stream\":1"), ERR_ASK_INVALID, "stream" },
    { C, A, CHAT("\"stream_options\":5"), ERR_ASK_INVALID, "stream_options" },
    { C, A, CHAT("\"stream_options\":{\"include_usage\":1}"), ERR_ASK_INVALID,
      "stream_options.include_usage" },
    { C, A, CHAT("\"max_tokens\":0"), ERR_ASK_INVALID, "max_tokens" },
    { C, A, CHAT("\"max_tokens\":1.5"), ERR_ASK_INVALID, "max_tokens" },
    { C, A, CHAT("\"max_tokens\":5,\"max_completion_tokens\":5"), ERR_ASK_INVALID,
      "max_completion_tokens" },
    { C, A, CHAT("\"temperature\":\"1\""), ERR_ASK_INVALID, "temperature" },
    { C, A, CHAT("\"n\":129"), ERR_ASK_INVALID, "n" },
    { C, A, CHAT("\"stop\":[1]"), ERR_ASK_INVALID, "stop" },
    { C, A, CHAT("\"stop\":[\"\"]"), ERR_ASK_INVALID, "stop" },
    { C, A, CHAT("\"reasoning_effort\":\"much\""), ERR_ASK_INVALID, "reasoning_effort" },
    { C, A, CHAT("\"metadata\":5"), ERR_ASK_INVALID, "metadata" },
    { C, A, CHAT("\"user\":5"), ERR_ASK_INVALID, "user" },
    { C, A, CHAT("\"response_format\":{\"type\":\"json_schema\"}"), ERR_ASK_INVALID,
      "response_format" },
    { A, C, A_REST("\"thinking\":{\"type\":\"hard\"}"), ERR_ASK_INVALID, "thinking" },
    { A, C, A_REST("\"output_config\":{\"effort\":5}"), ERR_ASK_INVALID, "output_config.effort" },
    { A, C, A_REST("\"stop_sequences\":\"x\""), ERR_ASK_INVALID, "stop_sequences" },
    { A, C, A_REST("\"tool_choice\":{\"type\":\"tool\"}"), ERR_ASK_INVALID, "tool_choice" },
    { R, C, R_REST("\"reasoning\":{\"effort\":\"\"}"), ERR_ASK_INVALID, "reasoning.effort" },
    { R, C, R_REST("\"text\":{\"format\":{\"type\":\"x\"}}"), ERR_ASK_INVALID, "text.format" },
    { G, C, G_REST("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-2}}"),
      ERR_ASK_INVALID, "generationConfig.thinkingConfig.thinkingBudget" },
    /* messages and parts */
    { C, A, "{\"model\":\"m\",\"messages\":\"hi\"}", ERR_ASK_INVALID, "messages" },
    { C, A, MESSAGES("5"), ERR_ASK_INVALID, "messages[0]" },
    { C, A, MESSAGES("{\"role\":\"boss\",\"content\":\"x\"}"), ERR_ASK_INVALID, "messages[0]" },
    { C, A, MESSAGES("{\"role\":\"user\",\"content\":5}"), ERR_ASK_INVALID, "messages[0]" },
    { C, A, USER("{\"type\":\"new\"}"), ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { C, A, IMAGE(""), ERR_ASK_INVALID, "messages[0].content[0]" },
    { C, A, IMAGE("data:image/png;base64,"), ERR_ASK_INVALID, "messages[0].content[0]" },
    { C, A, IMAGE("data:image/png;base64,a*b="), ERR_ASK_INVALID, "messages[0].content[0]" },
    { C, A, IMAGE("data:image/png,abcd"), ERR_ASK_INVALID, "messages[0].content[0]" },
    { C, A, IMAGE("data:image/png;base64,bm8gaW1hZ2U="), ERR_ASK_INVALID,
      "messages[0].content[0]" },
    { C, A, IMAGE("data:text/html;base64,abcd"), ERR_ASK_INVALID, "messages[0].content[0]" },
    { C, A, IMAGE("https://a.example/x.png"), ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { C, A, USER("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"), ERR_ASK_UNSUPPORTED,
      "messages[0].content[0]" },
    { C, A,
      USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"abcd\",\"format\":\"wav\"}}"),
      ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { C, R,
      USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"abcd\",\"format\":\"wav\"}}"),
      ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { A, C, A_USER("{\"type\":\"search_result\"}"), ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { A, C, A_USER("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"x\"}}"),
      ERR_ASK_UNSUPPORTED, "messages[0].content[0]" },
    { G, C, G_LIST("{\"parts\":[{\"text\":\"a\"},{\"new\":1}]}"), ERR_ASK_UNSUPPORTED,
      "contents[0].parts[1]" },
    { G, C, G_LIST("{\"role\":\"boss\",\"parts\":[]}"), ERR_ASK_INVALID, "contents[0]" },
    { R, C, R_LIST("{\"type\":\"new\"}"), ERR_ASK_UNSUPPORTED, "input[0]" },
    { R, C, R_LIST(HI ",{\"type\":\"item_reference\",\"id\":\"x\"}"), ERR_ASK_UNSUPPORTED,
      "input[1]" },
    /* calls and their results */
    { C, A, MESSAGES(HI "," RESULT("x")), ERR_ASK_INVALID, "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x"))), ERR_ASK_INVALID, "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x")) "," HI), ERR_ASK_INVALID, "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x")) "," HI "," RESULT("x")), ERR_ASK_INVALID,
      "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x")) "," RESULT("x") "," RESULT("x")), ERR_ASK_INVALID,
      "messages[3]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x") "," CALL("y")) "," RESULT("y") "," HI), ERR_ASK_INVALID,
      "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x") "," CALL("x"))), ERR_ASK_INVALID, "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS(CALL("")) "," RESULT("")), ERR_ASK_MISSING, "messages[1]" },
    { C, A, MESSAGES(HI "," CALLS("{\"id\":\"x\",\"function\":{}}")), ERR_ASK_INVALID,
      "messages[1]" },
    { C, A,
      MESSAGES(HI "," CALLS(
          "{\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}") "," RESULT("x")),
      ERR_ASK_UNSUPPORTED, "messages[1]" },
    { C, A, MESSAGES("{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\"}}"),
      ERR_ASK_UNSUPPORTED, "messages[0]" },
    { A, C, A_USER("{\"type\":\"tool_result\",\"tool_use_id\":\"x\"}"), ERR_ASK_INVALID,
      "messages[0].content[0]" },
    { R, C, R_LIST("{\"type\":\"function_call_output\",\"call_id\":\"x\",\"output\":\"\"}"),
      ERR_ASK_INVALID, "input[0]" },
    { G, C,
      G_LIST("{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"x\"}}"
             "}]}"),
      ERR_ASK_INVALID, "contents[0].parts[0]" },
    { A, C,
      A_LIST(HI ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"x\","
                "\"name\":\"f\",\"input\":{}}]},"
                "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"x\","
                "\"content\":["
                "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
                "\"data\":\"iVBORw0KGgo=\"}}]}]}"),
      ERR_ASK_UNSUPPORTED, "messages[2].content[0]" },
    /* what would have to be kept */
    { C, A, CHAT("\"store\":true"), ERR_ASK_UNSUPPORTED, "store" },
    { R, C, R_REST("\"store\":true"), ERR_ASK_UNSUPPORTED, "store" },
    { R, C, R_REST("\"previous_response_id\":\"r\""), ERR_ASK_UNSUPPORTED, "previous_response_id" },
    { R, C, R_REST("\"conversation\":\"c\""), ERR_ASK_UNSUPPORTED, "conversation" },
    { R, C, R_REST("\"prompt\":{\"id\":\"p\"}"), ERR_ASK_UNSUPPORTED, "prompt" },
    { R, C, R_REST("\"background\":true"), ERR_ASK_UNSUPPORTED, "background" },
    { G, C, G_REST("\"cachedContent\":\"c\""), ERR_ASK_UNSUPPORTED, "cachedContent" },
    /* what a pair cannot carry */
    { C, A, CHAT("\"n\":2"), ERR_ASK_UNSUPPORTED, "n" },
    { C, R, CHAT("\"n\":2"), ERR_ASK_UNSUPPORTED, "n" },
    { G, A, G_REST("\"generationConfig\":{\"candidateCount\":2}"), ERR_ASK_UNSUPPORTED,
      "generationConfig.candidateCount" },
    { C, A, CHAT("\"logprobs\":true"), ERR_ASK_UNSUPPORTED, "logprobs" },
    { C, G, CHAT("\"logit_bias\":{\"1\":1}"), ERR_ASK_UNSUPPORTED, "logit_bias" },
    { C, R, CHAT("\"stop\":\"x\""), ERR_ASK_UNSUPPORTED, "stop" },
    { A, R, A_REST("\"stop_sequences\":[\"x\"]"), ERR_ASK_UNSUPPORTED, "stop_sequences" },
    { C, A, CHAT("\"stop\":\" \\n\""), ERR_ASK_UNSUPPORTED, "stop" },
    { A, C, A_REST("\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), ERR_ASK_UNSUPPORTED,
      "stop_sequences" },
    { A, G, A_REST("\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]"), ERR_ASK_UNSUPPORTED,
      "stop_sequences" },
    { C, A, CHAT("\"response_format\":{\"type\":\"json_object\"}"), ERR_ASK_UNSUPPORTED,
      "response_format" },
    { C, R, CHAT("\"max_tokens\":9"), ERR_ASK_UNSUPPORTED, "max_completion_tokens" },
    { C, A, CHAT("\"modalities\":[\"text\",\"audio\"]"), ERR_ASK_UNSUPPORTED, "modalities" },
    { C, A, CHAT("\"audio\":{\"voice\":\"x\"}"), ERR_ASK_UNSUPPORTED, "audio" },
    { C, A, CHAT("\"web_search_options\":{\"x\":1}"), ERR_ASK_UNSUPPORTED, "web_search_options" },
    { C, A, CHAT("\"functions\":[{}]"), ERR_ASK_UNSUPPORTED, "functions" },
    { C, A, CHAT("\"tools\":5"), ERR_ASK_INVALID, "tools" },
    { C, A, CHAT("\"tools\":[{\"type\":\"web_search\"}]"), ERR_ASK_UNSUPPORTED, "tools" },
    { C, A, CHAT(TOOL("\"name\":\"\"")), ERR_ASK_MISSING, "tools" },
    { C, A, CHAT("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]"),
      ERR_ASK_UNSUPPORTED, "tools" },
    { C, G, CHAT("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}]"),
      ERR_ASK_UNSUPPORTED, "tools" },
    { C, A, CHAT("\"tool_choice\":{\"type\":\"allowed_tools\"}"), ERR_ASK_UNSUPPORTED,
      "tool_choice" },
    { R, C, R_REST("\"tools\":[{\"type\":\"web_search\"}]"), ERR_ASK_UNSUPPORTED, "tools" },
    { R, C, R_REST("\"tools\":[{\"type\":\"namespace\"}]"), ERR_ASK_MISSING, "tools" },
    { R, C,
      R_REST("\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
             "\"tools\":[{\"type\":\"x\"}]}]"),
      ERR_ASK_UNSUPPORTED, "tools" },
    { R, C,
      R_REST("\"tools\":[{\"type\":\"namespace\",\"name\":\"" LONG "\",\"tools\":[{\"type\":"
             "\"function\",\"name\":\"" LONG "\"}]}]"),
      ERR_ASK_INVALID, "tools" },
    { R, C, R_REST("\"include\":[\"file_search_call.results\"]"), ERR_ASK_UNSUPPORTED, "include" },
    { R, C, R_REST("\"max_tool_calls\":3"), ERR_ASK_UNSUPPORTED, "max_tool_calls" },
    { A, C, A_REST("\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]"),
      ERR_ASK_UNSUPPORTED, "tools" },
    { A, C, A_REST("\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"defer_loading\":true}]"),
      ERR_ASK_UNSUPPORTED, "tools[].defer_loading" },
    { C, A, CHAT(TOOL("\"name\":\"f\",\"new\":1")), ERR_ASK_UNSUPPORTED, "tools[].new" },
    { R, C, R_REST("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"defer_loading\":true}]"),
      ERR_ASK_UNSUPPORTED, "tools[].defer_loading" },
    { G, C, G_REST("\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"behavior\":\"x\"}]}]"),
      ERR_ASK_UNSUPPORTED, "tools[].behavior" },
    { A, C, A_REST("\"mcp_servers\":[{}]"), ERR_ASK_UNSUPPORTED, "mcp_servers" },
    { A, C, A_REST("\"container\":\"c\""), ERR_ASK_UNSUPPORTED, "container" },
    { A, C, A_REST("\"inference_geo\":\"eu\""), ERR_ASK_UNSUPPORTED, "inference_geo" },
    { G, C, G_REST("\"tools\":[{\"googleSearch\":{}}]"), ERR_ASK_UNSUPPORTED, "tools" },
    { G, C, G_REST("\"generationConfig\":{\"responseSchema\":5}"), ERR_ASK_INVALID,
      "generationConfig.responseSchema" },
    { G, C, G_REST("\"generationConfig\":{\"responseMimeType\":\"text/x.enum\"}"),
      ERR_ASK_UNSUPPORTED, "generationConfig.responseMimeType" },
    { G, C, G_REST("\"generationConfig\":{\"responseModalities\":[\"AUDIO\"]}"),
      ERR_ASK_UNSUPPORTED, "generationConfig.responseModalities" },
    { G, C,
      G_REST("\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
             "\"allowedFunctionNames\":[\"a\",\"b\"]}}"),
      ERR_ASK_UNSUPPORTED, "toolConfig" },
};

static enum err translate(const struct refused *test, struct talk *talk, struct fail *fail)
{
    static const struct talk_path path = { .model = STR_INIT("m") };
    const struct talk_target target = { .dialect = test->target,
                                        .model = STR("up"),
                                        .output_cap = 100 };
    struct arena arena;
    struct buf out;
    struct lost lost = { 0 };
    arena_init(&arena, 256, 1 << 16);
    buf_init(&out, 1 << 16);
    enum err err = talk_read(test->source, test_at_page_end(str_from(test->body)),
                             test->source == G ? &path : NULL, &arena, talk, fail);
    err = err == ERR_OK ? talk_write(talk, &target, &out, &lost, fail) : err;
    buf_fini(&out);
    arena_fini(&arena);
    return err;
}

TEST(what_is_wrong_or_cannot_be_carried_is_refused_by_its_field)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct talk talk;
        struct fail fail = { .text = "" };
        enum err err = translate(&cases[i], &talk, &fail);
        if (err != cases[i].err || !str_eq(talk.param, str_from(cases[i].param)) ||
            fail.text[0] == '\0') {
            test_failed(EP_SITE, "%s at \"" STR_FMT "\" (%s) in\n%s", err_info(err)->name,
                        STR_ARG(talk.param), fail.text, cases[i].body);
        }
    }
}

/* The twins that are right. */
static const struct refused fine[] = {
    { C, A, CHAT("\"n\":1,\"logprobs\":false,\"functions\":[],\"store\":false,\"tools\":[]"),
      ERR_OK, "" },
    { C, A, CHAT("\"new\":null"), ERR_ASK_UNSUPPORTED, "new" }, /* not even then */
    { C, A, CHAT("\"n\":null,\"stop\":null,\"temperature\":null,\"max_tokens\":null"), ERR_OK, "" },
    { C, G, CHAT("\"n\":2,\"stop\":[\"a\",\"b\"]"), ERR_OK, "" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x") "," CALL("y")) "," RESULT("y") "," RESULT("x") "," HI),
      ERR_OK, "" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x")) "," RESULT("x")), ERR_OK, "" },
    { C, A, MESSAGES(HI "," CALLS(CALL("x")) "," RESULT("x") "," CALLS(CALL("x")) "," RESULT("x")),
      ERR_OK, "" },
    { R, C, R_REST("\"previous_response_id\":null,\"background\":false,\"store\":false"), ERR_OK,
      "" },
    { C, R, CHAT("\"max_tokens\":16"), ERR_OK, "" },
    { C, G,
      USER("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"abcd\",\"format\":\"wav\"}}"),
      ERR_OK, "" },
    { A, C, A_REST("\"system\":\"\""), ERR_OK, "" },
};

TEST(what_says_nothing_or_can_be_carried_is_not)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(fine); i++) {
        struct talk talk;
        struct fail fail = { .text = "" };
        enum err err = translate(&fine[i], &talk, &fail);
        if (err != fine[i].err || !str_eq(talk.param, str_from(fine[i].param))) {
            test_failed(EP_SITE, "%s (%s) in\n%s", err_info(err)->name, fail.text, fine[i].body);
        }
    }
}

TEST(addresses_go_where_they_are_fetched)
{
    const struct talk_target target = {
        .dialect = C, .model = STR("up"), .output_cap = 9, .takes_urls = true
    };
    struct arena arena;
    struct talk talk;
    struct buf out;
    struct lost lost = { 0 };
    arena_init(&arena, 256, 1 << 16);
    buf_init(&out, 1 << 16);
    CHECK(talk_read(A,
                    STR(A_USER("{\"type\":\"image\",\"source\":{\"type\":\"url\","
                               "\"url\":\"https://a\"}}")),
                    NULL, &arena, &talk, NULL) == ERR_OK);
    CHECK(talk_write(&talk, &target, &out, &lost, NULL) == ERR_OK);
    CHECK_STR(buf_str(&out),
              STR("{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                  "\"image_url\",\"image_url\":{\"url\":\"https://a\"}}]}],"
                  "\"max_completion_tokens\":9}"));
    buf_fini(&out);
    arena_fini(&arena);
}
