#include "app/explain_request.h"

#include "harness.h"

static const struct registry_route chat = { .dialect = REGISTRY_DIALECT_OPENAI_CHAT };
static const struct registry_route messages = { .dialect = REGISTRY_DIALECT_ANTHROPIC };
static const struct registry_route responses = { .dialect = REGISTRY_DIALECT_OPENAI_RESPONSES };
static const struct registry_route *routes[] = { &chat, &messages, &responses };
static struct registry_model model = { .id = STR_INIT("m"),
                                       .output_tokens_max = 100,
                                       .routes = routes,
                                       .route_count = EP_ARRAY_LEN(routes) };

static enum err ask(const char *request, const char *dialect, struct explain_request **ret_request)
{
    struct fail fail;
    const struct explain_said said = { str_from(request), str_from(dialect) };
    *ret_request = NULL;
    return explain_request_read(&said, &model, ret_request, &fail);
}

TEST(without_a_request_nothing_is_closed)
{
    struct explain_request *request;
    CHECK(ask("", "", &request) == ERR_OK);
    CHECK(request == NULL);
    CHECK_EQ(explain_uncarried(request), 0);
    explain_request_free(request);
}

TEST(each_route_that_cannot_carry_a_request_has_its_field)
{
    static struct registry_route own[EP_ARRAY_LEN(routes)];
    struct explain_request *request;
    for (size_t i = 0; i < EP_ARRAY_LEN(routes); i++) {
        own[i] = *routes[i];
        own[i].model = &model;
        routes[i] = &own[i];
    }
    CHECK(ask("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2,\"stop\":\"y\"}", "",
              &request) == ERR_OK);
    CHECK_EQ(explain_uncarried(request), 6);
    CHECK_STR(explain_field(request, 1), STR("cannot_carry n"));
    CHECK_STR(explain_field(request, 2), STR("cannot_carry n"));
    explain_request_free(request);
    CHECK(ask("{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{"
              "\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]}",
              "anthropic", &request) == ERR_OK);
    CHECK_EQ(explain_uncarried(request), 5);
    CHECK_STR(explain_field(request, 0), STR("cannot_carry tools"));
    explain_request_free(request);
}

TEST(what_no_route_would_get_is_told_as_a_client_would_be)
{
    struct explain_request *request;
    CHECK(ask("{", "", &request) == ERR_JSON_SYNTAX);
    explain_request_free(request);
    CHECK(ask("{\"input\":\"x\",\"store\":true}", "responses", &request) == ERR_ASK_UNSUPPORTED);
    explain_request_free(request);
    CHECK(ask("{}", "klingon", &request) == ERR_ASK_INVALID);
    explain_request_free(request);
}
