/*
 * Requests from each dialect to each, against the files of tests/golden/talk: SOURCE.json is what
 * the client sends, SOURCE.TARGET.json what the upstream gets and, on its last line, what was lost.
 * EP_RENEW=1 writes them anew.
 */
#include "dialect/talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "wire/json.h"

static char text[1 << 16];

static struct str read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0;
    if (file == NULL) {
        test_failed(EP_SITE, "could not open \"%s\"", path);
    }
    len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return (struct str){ text, len };
}

static void write_file(const char *path, struct str content)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(content.ptr, 1, content.len, file), content.len);
    CHECK_EQ(fclose(file), 0);
}

static const struct talk_target targets[DIALECT_COUNT] = {
    { .dialect = DIALECT_CHAT, .model = STR_INIT("up-1"), .output_cap = 8192 },
    { .dialect = DIALECT_RESPONSES, .model = STR_INIT("up-1"), .output_cap = 8192 },
    { .dialect = DIALECT_ANTHROPIC, .model = STR_INIT("up-1"), .output_cap = 8192 },
    { .dialect = DIALECT_GEMINI, .model = STR_INIT("up-1"), .output_cap = 8192 },
};
static const struct talk_path gemini_path = { .model = STR_INIT("aurora"), .stream = true };

static void translate(struct str body, enum dialect source, const struct talk_target *target,
                      struct arena *arena, struct buf *out)
{
    struct talk talk;
    struct lost lost = { 0 };
    struct fail fail;
    struct json_fault fault;
    enum err err = talk_read(source, body, source == DIALECT_GEMINI ? &gemini_path : NULL, arena,
                             &talk, &fail);
    err = err == ERR_OK ? talk_write(&talk, target, out, &lost, &fail) : err;
    if (err != ERR_OK) {
        test_failed(EP_SITE, "from %s to %s: %s (" STR_FMT ")", dialect_name(source),
                    dialect_name(target->dialect), fail.text, STR_ARG(talk.param));
    }
    CHECK(json_check(buf_str(out), &fault) == ERR_OK);
    CHECK(buf_byte(out, '\n') == ERR_OK);
    CHECK(lost_write(out, &lost) == ERR_OK);
    CHECK(buf_byte(out, '\n') == ERR_OK);
}

TEST(each_request_is_what_each_upstream_takes)
{
    for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
        enum dialect source = (enum dialect)(pair / DIALECT_COUNT);
        const struct talk_target *target = &targets[pair % DIALECT_COUNT];
        char path[512];
        struct arena arena;
        struct buf out;
        arena_init(&arena, 4096, 1 << 20);
        buf_init(&out, 1 << 16);
        (void)snprintf(path, sizeof(path), "%s/tests/golden/talk/%s.json", EP_SOURCE_DIR,
                       dialect_name(source));
        translate(read_file(path), source, target, &arena, &out);
        (void)snprintf(path, sizeof(path), "%s/tests/golden/talk/%s.%s.json", EP_SOURCE_DIR,
                       dialect_name(source), dialect_name(target->dialect));
        if (getenv("EP_RENEW") != NULL) {
            write_file(path, buf_str(&out));
        }
        CHECK_STR(buf_str(&out), read_file(path));
        buf_fini(&out);
        arena_fini(&arena);
    }
}

/* What an upstream of a dialect is sent is a request of that dialect: read and sent there again, it
 * stays as it is. */
TEST(what_was_translated_is_translated_to_itself)
{
    for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
        enum dialect source = (enum dialect)(pair / DIALECT_COUNT);
        enum dialect through = (enum dialect)(pair % DIALECT_COUNT);
        char path[512];
        struct arena arena;
        struct buf once;
        struct buf twice;
        arena_init(&arena, 4096, 1 << 20);
        buf_init(&once, 1 << 16);
        buf_init(&twice, 1 << 16);
        (void)snprintf(path, sizeof(path), "%s/tests/golden/talk/%s.json", EP_SOURCE_DIR,
                       dialect_name(source));
        translate(read_file(path), source, &targets[through], &arena, &once);
        struct str rest = buf_str(&once);
        struct str first = str_cut(&rest, '\n');
        translate(first, through, &targets[through], &arena, &twice);
        rest = buf_str(&twice);
        CHECK_STR(str_cut(&rest, '\n'), first);
        buf_fini(&once);
        buf_fini(&twice);
        arena_fini(&arena);
    }
}

static void check_body(enum dialect source, const char *body, const struct talk_target *target,
                       const char *want)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, 4096, 1 << 20);
    buf_init(&out, 1 << 16);
    translate(test_at_page_end(str_from(body)), source, target, &arena, &out);
    CHECK_STR(buf_str(&out), str_from(want));
    buf_fini(&out);
    arena_fini(&arena);
}

#define HI   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define A_HI "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]"

TEST(the_cap_is_filled_where_none_was_given_and_named_as_the_route_has_it)
{
    struct talk_target target = targets[DIALECT_CHAT];
    check_body(DIALECT_CHAT, "{\"model\":\"m\"," HI "}", &targets[DIALECT_ANTHROPIC],
               "{\"model\":\"up-1\",\"max_tokens\":8192," A_HI "}\n\n");
    target.no_cap = true;
    check_body(DIALECT_CHAT, "{\"model\":\"m\"," HI ",\"max_tokens\":9}", &target,
               "{\"model\":\"up-1\"," HI "}\n\n");
    target.no_cap = false;
    target.cap_name = STR("max_tokens");
    check_body(DIALECT_CHAT, "{\"model\":\"m\"," HI ",\"max_tokens\":9}", &target,
               "{\"model\":\"up-1\"," HI ",\"max_tokens\":9}\n\n");
}

TEST(thinking_leaves_room_for_the_answer_and_a_temperature_gives_way)
{
    struct talk_target target = targets[DIALECT_ANTHROPIC];
    check_body(DIALECT_CHAT,
               "{\"model\":\"m\"," HI ",\"reasoning_effort\":\"medium\",\"temperature\":1,"
               "\"max_tokens\":4000}",
               &target,
               "{\"model\":\"up-1\",\"max_tokens\":4000," A_HI
               ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3999}}\ntemperature, "
               "effort\n");
    check_body(DIALECT_CHAT,
               "{\"model\":\"m\"," HI ",\"reasoning_effort\":\"low\",\"max_tokens\":1000}", &target,
               "{\"model\":\"up-1\",\"max_tokens\":1000," A_HI
               ",\"thinking\":{\"type\":\"disabled\"}}\neffort\n");
    target.adaptive = true;
    target.no_sampling = true;
    check_body(DIALECT_CHAT,
               "{\"model\":\"m\"," HI ",\"reasoning_effort\":\"minimal\",\"top_p\":0.5}", &target,
               "{\"model\":\"up-1\",\"max_tokens\":8192," A_HI ",\"thinking\":{\"type\":\"adapti"
               "ve\"},"
               "\"output_config\":{\"effort\":\"low\"}}\ntop_p, effort\n");
}

TEST(numbers_beyond_a_range_are_its_bound)
{
    check_body(DIALECT_CHAT, "{\"model\":\"m\"," HI ",\"temperature\":1.0001,\"top_p\":1}",
               &targets[DIALECT_ANTHROPIC],
               "{\"model\":\"up-1\",\"max_tokens\":8192," A_HI
               ",\"temperature\":1,\"top_p\":1}\ntemperature\n");
    check_body(DIALECT_CHAT, "{\"model\":\"m\"," HI ",\"temperature\":1.000,\"top_p\":1e0}",
               &targets[DIALECT_ANTHROPIC],
               "{\"model\":\"up-1\",\"max_tokens\":8192," A_HI ",\"temperature\":1.000}\ntop_p\n");
}

TEST(reasoning_goes_back_to_who_can_read_it_and_to_nobody_else)
{
    static const char body[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\","
        "\"content\":\"ho\",\"reasoning_content\":\"rr\",\"reasoning_details\":[{\"type\":"
        "\"reasoning.text\",\"text\":\"r\",\"signature\":\"ep_sig.anthropic.S1\"},{\"type\":"
        "\"reasoning.encrypted\",\"data\":\"ep_sig.anthropic.D1\"}]},{\"role\":\"user\","
        "\"content\":"
        "\"hi\"}]}";
    check_body(DIALECT_CHAT, body, &targets[DIALECT_ANTHROPIC],
               "{\"model\":\"up-1\",\"max_tokens\":8192,\"messages\":[{\"role\":\"user\","
               "\"content\":["
               "{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":\"assistant\","
               "\"content\":[{\"type\":"
               "\"thinking\",\"thinking\":\"r\",\"signature\":\"S1\"},"
               "{\"type\":\"redacted_thinking\","
               "\"data\":\"D1\"},{\"type\":\"text\",\"text\":\"ho\"}]},{\"role\":\"user\","
               "\"content\":["
               "{\"type\":\"text\",\"text\":\"hi\"}]}]}\n\n");
    check_body(DIALECT_CHAT, body, &targets[DIALECT_RESPONSES],
               "{\"model\":\"up-1\",\"input\":[{\"type\":\"message\",\"role\":\"user\","
               "\"content\":["
               "{\"type\":\"input_text\",\"text\":\"hi\"}]},{\"type\":\"message\",\"role\":"
               "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"ho\","
               "\"annotations\":[]}"
               "]},{\"type\":\"message\",\"role\":\"user\","
               "\"content\":[{\"type\":\"input_text\",\"text\""
               ":\"hi\"}]}],\"max_output_tokens\":8192,\"store\":false,\"include\":["
               "\"reasoning.encrypted_content\"]}\nreasoning, redacted\n");
}

TEST(a_namespace_is_in_the_names_of_its_tools)
{
    static const char body[] =
        "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"type\":\"function_call\","
        "\"call_id\":\"c\",\"namespace\":\"n\",\"name\":\"f\",\"arguments\":\"\"},{\"type\":"
        "\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"}],\"tools\":[{\"type\":"
        "\"namespace\",\"name\":\"n\",\"description\":\"d\",\"tools\":[{\"type\":\"function\","
        "\"name\":\"f\"}]}]}";
    check_body(DIALECT_RESPONSES, body, &targets[DIALECT_CHAT],
               "{\"model\":\"up-1\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"
               "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
               "\"function\":{\"name\":\"n__ep__f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
               "\"tool_call_id\":\"c\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\","
               "\"function\":"
               "{\"name\":\"n__ep__f\"}}],\"max_completion_tokens\":8192}\n\n");
}

TEST(types_in_upper_case_are_those_of_json_schema)
{
    static const char body[] =
        "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}],"
        "\"tools\":[{\"functionDeclarations\":[{\"name\":"
        "\"f\",\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"type\":{\"type\" : \"STRING\","
        "\"enum\":[\"OBJECT\",\"type\",\"\\\"type\\\":\"]},\"n\":{\"type\":\"INTEGER\"}}}}]}],"
        "\"generationConfig\":{\"responseSchema\":{\"type\":\"ARRAY\","
        "\"items\":{\"type\":\"new\"}}}}";
    check_body(
        DIALECT_GEMINI, body, &targets[DIALECT_CHAT],
        "{\"model\":\"up-1\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":["
        "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
        "\"properties\":{\"type\":{\"type\" : \"string\",\"enum\":[\"OBJECT\",\"type\","
        "\"\\\"type\\\":\"]},\"n\":{\"type\":\"integer\"}}}}}],\"max_completion_tokens\":8192,"
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\","
        "\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"new\"}}}},\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true}}\n\n");
}

/* The vendor's SDK for Python writes some members so, and data with the letters of addresses. */
TEST(gemini_may_be_written_with_underscores)
{
    static const char *const bodies[] = {
        "{\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\","
        "\"data\":\"_9j_-_-_\"}}]}],\"system_instruction\":{\"parts\":[{\"text\":\"s\"}]},"
        "\"tools\":[{\"function_declarations\":[{\"name\":\"f\",\"parameters_json_schema\":"
        "{\"max_items\":1}}]}],\"tool_config\":{\"function_calling_config\":{\"mode\":\"ANY\","
        "\"allowed_function_names\":[\"f\"]}},\"generation_config\":{\"max_output_tokens\":5,"
        "\"stop_sequences\":[\"E\"],\"thinking_config\":{\"thinking_level\":\"low\"}}}",
        "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
        "\"data\":\"/9j/+/+/\"}}]}],\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
        "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parametersJsonSchema\":"
        "{\"max_items\":1}}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
        "\"allowedFunctionNames\":[\"f\"]}},\"generationConfig\":{\"maxOutputTokens\":5,"
        "\"stopSequences\":[\"E\"],\"thinkingConfig\":{\"thinkingLevel\":\"low\"}}}",
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(bodies); i++) {
        check_body(
            DIALECT_GEMINI, bodies[i], &targets[DIALECT_CHAT],
            "{\"model\":\"up-1\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
            "\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
            "\"data:image/png;base64,/9j/+/+/\"}}]}],\"tools\":[{\"type\":\"function\","
            "\"function\":{\"name\":\"f\",\"parameters\":{\"max_items\":1}}}],"
            "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
            "\"max_completion_tokens\":5,\"stop\":[\"E\"],\"reasoning_effort\":\"low\","
            "\"stream\":true,\"stream_options\":{\"include_usage\":true}}\n\n");
    }
}

TEST(gemini_may_not_say_a_thing_in_both_spellings)
{
    static const struct {
        const char *body;
        enum err err;
        const char *param;
    } rows[] = {
        { "{\"contents\":[],\"toolConfig\":{},\"tool_config\":{}}", ERR_ASK_DUPLICATE,
          "tool_config" },
        /* escapes make no third spelling of it */
        { "{\"contents\":[],\"toolConfig\":{},\"tool\\u005fconfig\":{}}", ERR_ASK_DUPLICATE,
          "tool\\u005fconfig" },
        { "{\"contents\":[],\"tool__config\":{}}", ERR_ASK_UNSUPPORTED, "tool__config" },
        { "{\"contents\":[],\"tool_Config\":{}}", ERR_ASK_UNSUPPORTED, "tool_Config" },
        { "{\"contents\":[],\"toolconfig\":{}}", ERR_ASK_UNSUPPORTED, "toolconfig" },
        { "{\"contents\":[],\"tool_\":{}}", ERR_ASK_UNSUPPORTED, "tool_" },
        { "{\"contents\":[],\"tool_config_\":{}}", ERR_ASK_UNSUPPORTED, "tool_config_" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct talk talk;
        struct fail fail;
        arena_init(&arena, 4096, 1 << 20);
        CHECK_EQ(talk_read(DIALECT_GEMINI, test_at_page_end(str_from(rows[i].body)), &gemini_path,
                           &arena, &talk, &fail),
                 rows[i].err);
        CHECK_STR(talk.param, str_from(rows[i].param));
        arena_fini(&arena);
    }
}

TEST(what_an_answer_repeats_of_its_request)
{
    struct arena arena;
    struct talk talk;
    struct fail fail;
    struct buf out;
    struct json_fault fault;
    char path[512];
    arena_init(&arena, 4096, 1 << 20);
    buf_init(&out, 1 << 16);
    (void)snprintf(path, sizeof(path), "%s/tests/golden/talk/responses.json", EP_SOURCE_DIR);
    CHECK(talk_read(DIALECT_RESPONSES, read_file(path), NULL, &arena, &talk, &fail) == ERR_OK);
    CHECK(buf_byte(&out, '{') == ERR_OK);
    CHECK(talk_echo(&talk, &out) == ERR_OK);
    CHECK(buf_append(&out, STR("\"x\":1}")) == ERR_OK);
    CHECK(json_check(buf_str(&out), &fault) == ERR_OK);
    CHECK_STR(json_get(buf_str(&out), STR("instructions")), STR("\"Be brief.\""));
    CHECK_STR(json_get(buf_str(&out), STR("temperature")), STR("0.7"));
    CHECK_STR(json_get(buf_str(&out), STR("tool_choice")),
              STR("{\"type\":\"function\",\"name\":\"weather\"}"));
    CHECK_STR(json_get(buf_str(&out), STR("store")), STR("false"));
    buf_fini(&out);
    arena_fini(&arena);
}

static unsigned failing_pair;

static void translate_failing(void)
{
    enum dialect source = (enum dialect)(failing_pair / DIALECT_COUNT);
    char path[512];
    struct arena arena;
    struct buf out;
    struct talk talk;
    struct lost lost = { 0 };
    arena_init(&arena, 256, 1 << 20);
    buf_init(&out, 1 << 16);
    (void)snprintf(path, sizeof(path), "%s/tests/golden/talk/%s.json", EP_SOURCE_DIR,
                   dialect_name(source));
    enum err err = talk_read(source, read_file(path), &gemini_path, &arena, &talk, NULL);
    err = err == ERR_OK
              ? talk_write(&talk, &targets[failing_pair % DIALECT_COUNT], &out, &lost, NULL)
              : err;
    CHECK(err == ERR_OK || err == ERR_NO_MEMORY);
    buf_fini(&out);
    arena_fini(&arena);
}

TEST(running_out_of_memory_is_an_error_of_its_own)
{
    for (failing_pair = 0; failing_pair < DIALECT_COUNT * DIALECT_COUNT; failing_pair++) {
        CHECK(test_each_allocation_failing(translate_failing) > 3);
    }
}
