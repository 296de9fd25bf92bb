/*
 * A loop of tools through every pair of client and upstream: what the upstream's model thought and
 * called goes to the client in its dialect, comes back in the client's next request as clients send
 * it (the answer's own message, and the results), and reaches the upstream as it came from it.
 */
#include <stdio.h>

#include "dialect/encode.h"
#include "dialect/talk.h"
#include "dialect_sample.h"
#include "harness.h"
#include "wire/json.h"

static struct arena arena;
static struct buf body;
static struct buf request;
static struct buf out;
static struct talk talk;

/* Ids as each vendor gives them; Gemini gives none. */
static const char *const ids[DIALECT_COUNT] = { "functions.f:0", "call_A1", "toolu_01", "" };

static void open_item(struct fold *fold, uint32_t item, struct event_open open)
{
    const struct event event = { .kind = EVENT_OPEN, .item = item, .open = open };
    CHECK(fold_take(fold, &event) == ERR_OK);
}

static void say(struct fold *fold, uint32_t item, enum event_channel channel, struct str text)
{
    const struct event event = { .kind = EVENT_DELTA,
                                 .item = item,
                                 .delta = { .channel = channel, .text = text } };
    CHECK(fold_take(fold, &event) == ERR_OK);
}

static void close_item(struct fold *fold, uint32_t item)
{
    const struct event event = { .kind = EVENT_CLOSE, .item = item };
    CHECK(fold_take(fold, &event) == ERR_OK);
}

/* A thought, signed but by Chat's; a text; a call, which Gemini signs. */
static void make_answer(enum dialect upstream, struct fold *fold)
{
    const struct event begin = { .kind = EVENT_BEGIN,
                                 .begin = { .source = upstream, .model = STR("m") } };
    const struct event finish = { .kind = EVENT_FINISH, .finish = { .reason = EVENT_CALLS } };
    const struct event end = { .kind = EVENT_END };
    uint32_t item = 0;
    fold_init(fold, &arena);
    CHECK(fold_take(fold, &begin) == ERR_OK);
    open_item(fold, item, (struct event_open){ .kind = EVENT_REASON });
    say(fold, item, upstream == DIALECT_RESPONSES ? EVENT_SUMMARY : EVENT_THOUGHT,
        STR("I\\u0020think"));
    if (upstream != DIALECT_CHAT) {
        say(fold, item, EVENT_SIGNATURE, STR("S1gn/+="));
    }
    close_item(fold, item++);
    open_item(fold, item, (struct event_open){ .kind = EVENT_TEXT });
    say(fold, item, EVENT_CONTENT, STR("ho"));
    close_item(fold, item++);
    if (upstream == DIALECT_GEMINI) {
        open_item(fold, item, (struct event_open){ .kind = EVENT_REASON, .redacted = true });
        say(fold, item, EVENT_BLOB, STR("C1pher="));
        close_item(fold, item++);
    }
    open_item(fold, item,
              (struct event_open){
                  .kind = EVENT_TOOL, .name = STR("f"), .call_id = str_from(ids[upstream]) });
    say(fold, item, EVENT_ARGS, STR("{\\\"x\\\":1}"));
    close_item(fold, item);
    CHECK(fold_take(fold, &finish) == ERR_OK);
    CHECK(fold_take(fold, &end) == ERR_OK);
}

static void add(const char *text)
{
    CHECK(buf_append(&request, str_from(text)) == ERR_OK);
}

static void add_json(struct str json)
{
    CHECK(json.len > 0);
    CHECK(buf_append(&request, json) == ERR_OK);
}

static struct str item_of(struct str list, size_t index)
{
    struct str rest = json_inside(list);
    struct str item = STR_EMPTY;
    for (size_t i = 0; i <= index; i++) {
        CHECK(json_next_item(&rest, &item));
    }
    return item;
}

/* The member of the list's last item. */
static struct str of_last(struct str list, struct str name)
{
    struct str rest = json_inside(list);
    struct str item = STR_EMPTY;
    while (json_next_item(&rest, &item)) {
    }
    return json_get(item, name);
}

static void ask_chat(struct str answer)
{
    struct str message = json_get(item_of(json_get(answer, STR("choices")), 0), STR("message"));
    add("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},");
    add_json(message);
    add(",{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":");
    add_json(json_get(item_of(json_get(message, STR("tool_calls")), 0), STR("id")));
    add("}]}");
}

static void ask_responses(struct str answer)
{
    struct str output = json_get(answer, STR("output"));
    add("{\"model\":\"m\",\"store\":false,\"input\":[{\"role\":\"user\",\"content\":\"hi\"},");
    add_json(json_inside(output));
    add(",{\"type\":\"function_call_output\",\"output\":\"r\",\"call_id\":");
    add_json(of_last(output, STR("call_id")));
    add("}]}");
}

static void ask_anthropic(struct str answer)
{
    struct str content = json_get(answer, STR("content"));
    add("{\"model\":\"m\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\",\"content\":");
    add_json(content);
    add("},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":\"r\","
        "\"tool_use_id\":");
    add_json(of_last(content, STR("id")));
    add("}]}]}");
}

static void ask_gemini(struct str answer)
{
    struct str content = json_get(item_of(json_get(answer, STR("candidates")), 0), STR("content"));
    struct str call = of_last(json_get(content, STR("parts")), STR("functionCall"));
    struct str id = json_get(call, STR("id"));
    add("{\"model\":\"m\",\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},");
    add_json(content);
    add(",{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":"
        "{\"output\":\"r\"}");
    if (id.len > 0) {
        add(",\"id\":");
        add_json(id);
    }
    add("}}]}]}");
}

/* What each upstream has to be sent again. */
static const char *const wants[DIALECT_COUNT] = {
    "{\"role\":\"assistant\",\"content\":\"ho\",\"reasoning_content\":\"I\\u0020think\","
    "\"tool_calls\":["
    "{\"id\":\"functions.f:0\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
    "\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"functions.f:0\","
    "\"content\":\"r\"}",
    "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"I\\u0020think\"}],"
    "\"encrypted_content\":\"S1gn/+=\"},{\"type\":\"message\",\"role\":\"assistant\",\"content\":["
    "{\"type\":\"output_text\",\"text\":\"ho\",\"annotations\":[]}]},{\"type\":\"function_call\","
    "\"call_id\":\"call_A1\",\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"},{\"type\":"
    "\"function_call_output\",\"call_id\":\"call_A1\",\"output\":\"r\"}",
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"I\\u0020think\","
    "\"signature\":\"S1gn/+=\"},{\"type\":\"text\",\"text\":\"ho\"},{\"type\":\"tool_use\",\"id\":"
    "\"toolu_01\",\"name\":\"f\",\"input\":{\"x\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":"
    "\"tool_result\",\"tool_use_id\":\"toolu_01\",\"content\":[{\"type\":\"text\","
    "\"text\":\"r\"}]}]}",
    "{\"role\":\"model\",\"parts\":[{\"text\":\"I\\u0020think\",\"thought\":true,"
    "\"thoughtSignature\":"
    "\"S1gn/+=\"},{\"text\":\"ho\"},{\"functionCall\":{\"id\":\"",
};

static void check_loop(enum dialect client, enum dialect upstream)
{
    static void (*const asks[])(struct str answer) = { ask_chat, ask_responses, ask_anthropic,
                                                       ask_gemini };
    const struct talk_target target = { .dialect = upstream, .model = STR("m"), .output_cap = 99 };
    struct fold fold;
    struct lost lost = { 0 };
    struct fail fail = { .text = "" };
    arena_init(&arena, 4096, 1 << 20);
    buf_init(&body, 1 << 16);
    buf_init(&request, 1 << 16);
    buf_init(&out, 1 << 16);
    make_answer(upstream, &fold);
    CHECK(encode_body(&sample_options[client], &fold, &body, &lost) == ERR_OK);
    asks[client](buf_str(&body));
    lost = (struct lost){ 0 };
    enum err err = talk_read(client, buf_str(&request), NULL, &arena, &talk, &fail);
    err = err == ERR_OK ? talk_write(&talk, &target, &out, &lost, &fail) : err;
    bool signs = upstream != DIALECT_GEMINI ||
                 str_search(buf_str(&out), STR("\"args\":{\"x\":1}},"
                                               "\"thoughtSignature\":\"C1pher=\"")) < out.len;
    if (err != ERR_OK || lost.bits != 0 || !signs ||
        str_search(buf_str(&out), str_from(wants[upstream])) == out.len) {
        char names[LOST_TEXT_MAX];
        struct buf list = { names, 0, sizeof(names), sizeof(names) };
        CHECK(lost_write(&list, &lost) == ERR_OK);
        test_failed(EP_SITE,
                    "a client of %s at an upstream of %s: %s (lost: " STR_FMT ")\n" STR_FMT
                    "\nfrom\n" STR_FMT,
                    dialect_name(client), dialect_name(upstream), fail.text,
                    STR_ARG(buf_str(&list)), STR_ARG(buf_str(&out)), STR_ARG(buf_str(&request)));
    }
    buf_fini(&body);
    buf_fini(&request);
    buf_fini(&out);
    arena_fini(&arena);
}

TEST(what_a_model_thought_and_called_comes_back_to_it_through_any_client)
{
    for (unsigned pair = 0; pair < DIALECT_COUNT * DIALECT_COUNT; pair++) {
        check_loop((enum dialect)(pair / DIALECT_COUNT), (enum dialect)(pair % DIALECT_COUNT));
    }
}
