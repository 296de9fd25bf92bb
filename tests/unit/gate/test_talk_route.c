#include "gate/talk_route.h"

#include <string.h>

#include "harness.h"

static struct talk talk;
static struct arena arena;
static struct fail fail;

static void ask(enum dialect dialect, const char *body)
{
    const struct talk_path path = { .own = true };
    arena_init(&arena, 1024, 1 << 20);
    CHECK(talk_read(dialect, str_from(body), &path, &arena, &talk, &fail) == ERR_OK);
}

/* What the route is sent, or the field that keeps it from it. */
static struct str sent(const struct registry_route *route, enum err *ret_err)
{
    static char text[4096];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct lost lost = { 0 };
    struct str param = STR_EMPTY;
    *ret_err = talk_route_write(&talk, route, 50, &out, &lost, &param, &fail);
    CHECK_EQ(talk.param.len, 0);
    return *ret_err == ERR_OK ? buf_str(&out) : param;
}

#define CHAT(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"

#define MESSAGES(more, content)                                                   \
    "{\"model\":\"m\",\"max_tokens\":9," more "\"messages\":[{\"role\":\"user\"," \
    "\"content\":" content "}]}"
#define PICTURE                                          \
    "[{\"type\":\"image\",\"source\":{\"type\":\"url\"," \
    "\"url\":\"https://x.example/a\"}}]"

TEST(each_dialect_is_written_to_as_its_route_wants_it)
{
    static const struct {
        struct registry_route route;
        const char *has;
        const char *lacks;
    } cases[] = {
        { { .dialect = REGISTRY_DIALECT_ANTHROPIC },
          "\"thinking\":{\"type\":\"disabled\"},\"temperature\":0.5",
          "adaptive" },
        { { .dialect = REGISTRY_DIALECT_ANTHROPIC,
            .anthropic_version = REGISTRY_ANTHROPIC_2026_10_21 },
          "\"thinking\":{\"type\":\"adaptive\"}",
          "temperature" },
        { { .dialect = REGISTRY_DIALECT_ANTHROPIC, .thinking = REGISTRY_THINKING_EFFORT },
          "\"thinking\":{\"type\":\"adaptive\"}",
          "temperature" },
        { { .dialect = REGISTRY_DIALECT_GEMINI }, "\"thinkingBudget\":", "thinkingLevel" },
        { { .dialect = REGISTRY_DIALECT_GEMINI, .thinking = REGISTRY_THINKING_EFFORT },
          "\"thinkingLevel\":",
          "thinkingBudget" },
        { { .dialect = REGISTRY_DIALECT_OPENAI_RESPONSES },
          "\"max_output_tokens\":50,\"temperature\":0.5",
          "messages" },
    };
    ask(DIALECT_CHAT, CHAT(",\"temperature\":0.5,\"reasoning_effort\":\"low\""));
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        struct registry_route route = cases[i].route;
        enum err err;
        route.upstream_model = STR("up");
        struct str body = sent(&route, &err);
        CHECK_EQ(err, ERR_OK);
        CHECK(str_search(body, str_from(cases[i].has)) < body.len);
        CHECK(str_search(body, str_from(cases[i].lacks)) == body.len);
    }
    arena_fini(&arena);
}

TEST(a_field_that_a_route_cannot_carry_is_named)
{
    static const struct {
        enum dialect dialect;
        const char *body;
        enum registry_dialect to;
        enum registry_image_urls urls;
        const char *param; /* NULL: it can */
    } cases[] = {
        { DIALECT_CHAT, CHAT(",\"n\":2"), REGISTRY_DIALECT_ANTHROPIC, 0, "n" },
        { DIALECT_CHAT, CHAT(",\"n\":2"), REGISTRY_DIALECT_GEMINI, 0, NULL },
        { DIALECT_CHAT, CHAT(",\"stop\":\"x\""), REGISTRY_DIALECT_OPENAI_RESPONSES, 0, "stop" },
        { DIALECT_CHAT, CHAT(",\"stop\":\"x\""), REGISTRY_DIALECT_ANTHROPIC, 0, NULL },
        { DIALECT_CHAT, CHAT(",\"logit_bias\":{\"1\":1}"), REGISTRY_DIALECT_GEMINI, 0,
          "logit_bias" },
        { DIALECT_ANTHROPIC, MESSAGES("\"new\":1,", "\"x\""), REGISTRY_DIALECT_OPENAI_CHAT, 0,
          "new" },
        { DIALECT_ANTHROPIC, MESSAGES("", "[{\"type\":\"search_result\"}]"),
          REGISTRY_DIALECT_OPENAI_RESPONSES, 0, "messages[0].content[0]" },
        { DIALECT_ANTHROPIC, MESSAGES("", PICTURE), REGISTRY_DIALECT_OPENAI_RESPONSES,
          REGISTRY_IMAGE_URLS_REFUSED, "messages[0].content[0]" },
        { DIALECT_ANTHROPIC, MESSAGES("", PICTURE), REGISTRY_DIALECT_OPENAI_RESPONSES, 0, NULL },
        { DIALECT_RESPONSES,
          "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":"
          "\"web_search\"}]}",
          REGISTRY_DIALECT_ANTHROPIC, 0, "tools" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(cases); i++) {
        const struct registry_route route = { .dialect = cases[i].to,
                                              .image_urls = cases[i].urls,
                                              .upstream_model = STR("up") };
        enum err err;
        ask(cases[i].dialect, cases[i].body);
        struct str said = sent(&route, &err);
        CHECK_EQ(err, cases[i].param == NULL ? ERR_OK : ERR_ASK_UNSUPPORTED);
        if (cases[i].param != NULL) {
            CHECK_STR(said, str_from(cases[i].param));
        }
        arena_fini(&arena);
    }
}

TEST(what_would_be_too_large_in_a_routes_dialect_is_told)
{
    const struct registry_route route = { .id = STR("narrow"),
                                          .dialect = REGISTRY_DIALECT_ANTHROPIC,
                                          .upstream_model = STR("up") };
    char text[16];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct lost lost = { 0 };
    struct str param = STR_EMPTY;
    ask(DIALECT_CHAT, CHAT(""));
    memset(fail.text, 'x', sizeof(fail.text));
    CHECK_EQ(talk_route_write(&talk, &route, 50, &out, &lost, &param, &fail), ERR_HTTP_BODY_SIZE);
    CHECK(str_search(str_from(fail.text), STR("\"narrow\"")) < strlen(fail.text));
    arena_fini(&arena);
}

TEST(the_cap_that_is_written_is_the_one_that_is_held_for)
{
    const struct registry_route route = { .dialect = REGISTRY_DIALECT_ANTHROPIC,
                                          .upstream_model = STR("up") };
    enum err err;
    ask(DIALECT_CHAT, CHAT(",\"max_tokens\":5000"));
    struct str body = sent(&route, &err);
    CHECK(str_search(body, STR("\"max_tokens\":50,")) < body.len);
    CHECK_EQ(talk.output_cap, 5000);
    arena_fini(&arena);
}

TEST(routes_are_alike_that_are_written_to_alike)
{
    const struct registry_route one = { .dialect = REGISTRY_DIALECT_ANTHROPIC };
    struct registry_route other = one;
    CHECK(talk_route_is_alike(&one, &other));
    other.upstream_model = STR("another");
    CHECK(talk_route_is_alike(&one, &other));
    other.image_urls = REGISTRY_IMAGE_URLS_REFUSED;
    CHECK(!talk_route_is_alike(&one, &other));
    other = one;
    other.dialect = REGISTRY_DIALECT_OPENAI_RESPONSES;
    CHECK(!talk_route_is_alike(&one, &other));
    other.dialect = REGISTRY_DIALECT_OPENAI_SPEECH; /* nothing is translated there */
    CHECK_EQ(talk_route_dialect(&other), DIALECT_CHAT);
}

TEST(a_body_that_has_no_room_is_too_large)
{
    char text[16];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    struct lost lost = { 0 };
    struct str param;
    const struct registry_route route = { .dialect = REGISTRY_DIALECT_GEMINI,
                                          .upstream_model = STR("up") };
    ask(DIALECT_CHAT, CHAT(""));
    CHECK(talk_route_write(&talk, &route, 50, &out, &lost, &param, &fail) == ERR_HTTP_BODY_SIZE);
    arena_fini(&arena);
}
