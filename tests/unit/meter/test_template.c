#include "meter/template.h"

#include "prompt.h"

static struct prompt prompt;

static struct str render(const char *program, const char *body)
{
    struct json_fault fault;
    struct str text = test_at_page_end(str_from(body));
    CHECK(json_check(text, &fault) == ERR_OK);
    return prompt_render(&prompt, template_find(str_from(program)), text);
}

#define TALK                                                                    \
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"           \
    "{\"role\":\"user\",\"content\":\" Hi\\n\"},"                               \
    "{\"role\":\"assistant\",\"content\":\"<think>\\nhm\\n</think>\\n\\nHo\"}," \
    "{\"role\":\"user\",\"content\":\"x\"}]}"

#define CALLS                                                                                 \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},"                                   \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"abcdefghi\","         \
    "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]}," \
    "{\"role\":\"tool\",\"tool_call_id\":\"abcdefghi\",\"content\":\"r\"}],"                  \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","   \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}}]}"

struct row {
    const char *program;
    struct str want;
    uint64_t doubt;
};

static void check_rows(const char *body, const struct row *rows, size_t count)
{
    buf_init(&prompt.text, 1 << 16);
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(render(rows[i].program, body), rows[i].want);
        CHECK_EQ(prompt.doubt, rows[i].doubt);
    }
    buf_fini(&prompt.text);
}

TEST(a_talk_is_rendered_as_each_family_does)
{
    static const struct row rows[] = {
        { "openai",
          STR_INIT("{3}system{0}Be brief.{3}user{0} Hi\n{3}assistant{0}<think>\nhm\n</think>\n\n"
                   "Ho{3}user{0}x{3}"),
          0 },
        { "qwen2_5",
          STR_INIT("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n"
                   "<|im_start|>assistant\n<think>\nhm\n</think>\n\nHo<|im_end|>\n"
                   "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"),
          0 },
        { "qwen3",
          STR_INIT("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n"
                   "<|im_start|>assistant\nHo<|im_end|>\n<|im_start|>user\nx<|im_end|>\n"
                   "<|im_start|>assistant\n"),
          0 },
        { "llama3",
          STR_INIT("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief."
                   "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                   "<|start_header_id|>assistant<|end_header_id|>\n\n<think>\nhm\n</think>\n\nHo"
                   "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nx<|eot_id|>"
                   "<|start_header_id|>assistant<|end_header_id|>\n\n"),
          0 },
        { "gemma3",
          STR_INIT("<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n"
                   "<think>\nhm\n</think>\n\nHo<end_of_turn>\n<start_of_turn>user\nx<end_of_turn>\n"
                   "<start_of_turn>model\n"),
          0 },
        { "mistral",
          STR_INIT("<s>[INST] Hi\n[/INST]<think>\nhm\n</think>\n\nHo</s>[INST]Be brief.\n\nx"
                   "[/INST]"),
          0 },
        { "deepseek_v3",
          STR_INIT("<｜begin▁of▁sentence｜>Be brief.<｜User｜> Hi\n<｜Assistant｜><think>\nhm\n"
                   "</think>\n\nHo<｜end▁of▁sentence｜><｜User｜>x<｜Assistant｜>"),
          0 },
        { "glm4",
          STR_INIT("[gMASK]<sop><|system|>\nBe brief.<|user|>\n Hi\n<|assistant|>\n<think></think>"
                   "\nHo<|user|>\nx<|assistant|>"),
          0 },
        { "kimi_k2",
          STR_INIT("<|im_system|>system<|im_middle|>Be brief.<|im_end|><|im_user|>user<|im_middle|>"
                   " Hi\n<|im_end|><|im_assistant|>assistant<|im_middle|><think>\nhm\n</think>\n\n"
                   "Ho<|im_end|><|im_user|>user<|im_middle|>x<|im_end|>"
                   "<|im_assistant|>assistant<|im_middle|>"),
          0 },
        { "minimax_m2",
          STR_INIT("]~!b[]~b]system\nBe brief.[e~[\n]~b]user\n Hi\n[e~[\n]~b]ai\nHo[e~[\n]~b]user\n"
                   "x[e~[\n]~b]ai\n<think>\n"),
          0 },
        { "some other",
          STR_INIT("{2}system\nBe brief.{1}{2}user\n Hi\n{1}{2}assistant\n<think>\nhm\n</think>\n\n"
                   "Ho{1}{2}user\nx{1}{4}"),
          48 },
    };
    check_rows(TALK, rows, EP_ARRAY_LEN(rows));
}

TEST(calls_and_their_results_are_rendered_as_each_family_does)
{
    static const struct row rows[] = {
        { "mistral",
          STR_INIT("<s>[AVAILABLE_TOOLS][{\"type\": \"function\", \"function\": {\"name\": \"f\", "
                   "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": "
                   "{\"a\": {\"type\": \"integer\"}}}}}][/AVAILABLE_TOOLS][INST]u[/INST]"
                   "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": "
                   "\"abcdefghi\"}]</s>[TOOL_RESULTS]{\"content\": \"r\", \"call_id\": "
                   "\"abcdefghi\"}[/TOOL_RESULTS]"),
          0 },
        { "harmony",
          STR_INIT(
              "<|start|>system<|message|>You are ChatGPT, a large language model trained by "
              "OpenAI.\nKnowledge cutoff: 2024-06\nCurrent date: 2025-06-28\n\nReasoning: "
              "medium\n\n# Valid channels: analysis, commentary, final. Channel must be "
              "included for every message.\nCalls to these tools must go to the commentary "
              "channel: 'functions'.<|end|><|start|>developer<|message|># Tools\n\n## functions"
              "\n\nnamespace functions {\n\n// d\ntype f = (_: {\na?: number,\n}) => any;\n\n"
              "} // namespace functions<|end|><|start|>user<|message|>u<|end|>"
              "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>"
              "{\"a\":1}<|call|><|start|>functions.f to=assistant<|channel|>commentary"
              "<|message|>r<|end|><|start|>assistant"),
          0 },
        { "kimi_k2",
          STR_INIT("<|im_system|>tool_declare<|im_middle|>[{\"type\":\"function\",\"function\":"
                   "{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\","
                   "\"properties\":{\"a\":{\"type\":\"integer\"}}}}}]<|im_end|><|im_system|>system"
                   "<|im_middle|>You are Kimi, an AI assistant created by Moonshot AI.<|im_end|>"
                   "<|im_user|>user<|im_middle|>u<|im_end|><|im_assistant|>assistant<|im_middle|>"
                   "<|tool_calls_section_begin|><|tool_call_begin|>abcdefghi"
                   "<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|>"
                   "<|tool_calls_section_end|><|im_end|><|im_system|>tool<|im_middle|>## Return of "
                   "abcdefghi\nr<|im_end|><|im_assistant|>assistant<|im_middle|>"),
          9 },
        { "openai",
          STR_INIT("{7}f:d{3}{3}a:integer:{12}{3}user{0}u{3}assistant{0}{3}f{0}{\"a\":1}"
                   "{3}tool{0}r{3}"),
          24 },
    };
    check_rows(CALLS, rows, EP_ARRAY_LEN(rows));
}

TEST(arguments_are_parsed_and_put_into_marks)
{
    buf_init(&prompt.text, 1 << 16);
    struct str got = render("glm4", CALLS);
    CHECK_EQ(prompt.doubt, 0);
    CHECK(str_search(got, STR("<|assistant|>\n<think></think>\n<tool_call>f\n<arg_key>a</arg_key>\n"
                              "<arg_value>1</arg_value>\n</tool_call><|observation|>\n"
                              "<tool_response>\nr\n</tool_response><|assistant|>")) < got.len);
    got = render("minimax_m2", CALLS);
    CHECK(str_search(got, STR("]~b]ai\n\n<minimax:tool_call>\n<invoke name=\"f\">\n"
                              "<parameter name=\"a\">1</parameter>\n</invoke>\n"
                              "</minimax:tool_call>[e~[\n]~b]tool\n<response>r</response>[e~[\n")) <
          got.len);
    got = render("qwen3", CALLS);
    CHECK(str_search(got, STR("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n"
                              "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\nr\n"
                              "</tool_response><|im_end|>\n<|im_start|>assistant\n")) < got.len);
    got = render("llama3_1", CALLS);
    CHECK(str_search(got, STR("\n\n{\"name\": \"f\", \"parameters\": {\"a\": 1}}<|eot_id|>"
                              "<|start_header_id|>ipython<|end_header_id|>\n\n\"r\"<|eot_id|>")) <
          got.len);
    CHECK(str_search(got, STR("{\n    \"type\": \"function\",\n    \"function\": {\n")) < got.len);
    CHECK_EQ(prompt.doubt, 0);
    buf_fini(&prompt.text);
}

TEST(parts_of_a_content_are_joined_and_media_stand_apart)
{
    static const char body[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\" a \"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}},{\"type\":\"text\",\"text\":\" b "
        "\"},{\"type\":\"input_audio\",\"input_audio\":{}}]}]}";
    static const struct row rows[] = {
        { "openai", STR_INIT("{3}user{0} a {image} b {audio}{3}"), 0 },
        { "gemma3",
          STR_INIT(
              "<bos><start_of_turn>user\na{image}b{audio}<end_of_turn>\n<start_of_turn>model\n"),
          0 },
        { "deepseek_v3",
          STR_INIT("<｜begin▁of▁sentence｜><｜User｜> a {image}\n b {audio}<｜Assistant｜>"), 2 },
    };
    check_rows(body, rows, EP_ARRAY_LEN(rows));
}

TEST(what_a_program_does_not_know_is_doubted)
{
    static const char *const bodies[] = {
        "{\"messages\":[{\"role\":\"bot\",\"content\":\"x\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"audio\":{\"id\":\"a\"}}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{}}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":5}]}",
        "{\"messages\":[3]}",
        "{\"messages\":[],\"response_format\":{\"type\":\"json_schema\"}}",
        "{\"messages\":[],\"functions\":[{\"name\":\"f\"}]}",
        "{\"messages\":[],\"tools\":[{\"function\":{\"name\":\"f\",\"strict\":true}}]}",
        "{\"messages\":[],\"tools\":[4]}",
        "{\"messages\":[],\"tool_choice\":\"required\"}",
        "{\"messages\":[],\"chat_template_kwargs\":{\"x\":1}}",
        "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[7]}],\"documents\":[1]}",
    };
    buf_init(&prompt.text, 1 << 16);
    for (size_t i = 0; template_at(i) != NULL; i++) {
        char name[64];
        struct str known = template_name(template_at(i));
        struct buf text = { name, 0, sizeof(name), sizeof(name) };
        CHECK(buf_printf(&text, STR_FMT "%c", STR_ARG(known), 0) == ERR_OK);
        for (size_t k = 0; k < EP_ARRAY_LEN(bodies); k++) {
            EP_IGNORE(render(name, bodies[k]).len);
            CHECK(prompt.doubt > 0);
        }
        /* No request at all. */
        EP_IGNORE(render(name, "[]").len);
        EP_IGNORE(render(name, "{\"messages\":{}}").len);
    }
    buf_fini(&prompt.text);
}
