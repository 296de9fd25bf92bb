#include "app/quickstart.h"

#include <unistd.h>

#include "harness.h"
#include "house.h"
#include "wire/json.h"

static char out_text[4096];
static char errors_text[4096];
static struct buf out = { out_text, 0, sizeof(out_text), sizeof(out_text) };
static struct buf errors = { errors_text, 0, sizeof(errors_text), sizeof(errors_text) };

static enum act_exit run(int argc, const char *const *argv)
{
    struct args args;
    struct fail fail;
    buf_reset(&out);
    buf_reset(&errors);
    CHECK(args_read(argc, argv, &args, &fail) == ERR_OK);
    return quickstart_run(&args, &out, &errors);
}

#define RUN(...)                                                   \
    run((int)EP_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })), \
        (const char *const[]){ __VA_ARGS__ })

static bool says(struct buf *in, const char *text)
{
    return str_search(buf_str(in), str_from(text)) < in->len;
}

/* An empty folder to stand in: no configuration of somebody else's is read. */
static void stand_in_nothing(void)
{
    char folder[] = "/tmp/entrepot-quickstart-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    CHECK(chdir(folder) == 0);
    CHECK(rmdir(folder) == 0);
}

TEST(each_tool_is_told_in_its_own_language_where_and_what)
{
    static const struct {
        const char *tool;
        const char *says;
    } rows[] = {
        { "curl", "curl http://127.0.0.1:8080/v1/chat/completions -H" },
        { "openai-python", "openai.OpenAI(base_url=\"http://127.0.0.1:8080/v1\"" },
        { "openai-node", "new OpenAI({ baseURL: \"http://127.0.0.1:8080/v1\"" },
        { "langchain-python", "base_url=\"http://127.0.0.1:8080/v1\"" },
        { "langchain-node", "configuration: { baseURL: \"http://127.0.0.1:8080/v1\" }" },
        { "vercel-ai", "baseURL: \"http://127.0.0.1:8080/v1\"" },
        { "openrouter", "serverURL: \"http://127.0.0.1:8080/api/v1\"" },
        { "opencode", "\"npm\": \"@ai-sdk/openai-compatible\"" },
        { "qwen-code", "OPENAI_BASE_URL=http://127.0.0.1:8080/v1" },
    };
    stand_in_nothing();
    for (size_t i = 0; i < EP_ARRAY_LEN(rows); i++) {
        CHECK_EQ(RUN("quickstart", rows[i].tool, "--model", "aurora-large"), ACT_OK);
        CHECK(says(&out, rows[i].says));
        CHECK(says(&out, "aurora-large") && says(&out, "ENTREPOT_KEY"));
        CHECK(!says(&out, "@URL@") && !says(&out, "@MODEL@"));
        size_t lines = 0;
        for (size_t at = 0; at < out.len; at++) {
            lines += out.ptr[at] == '\n' ? 1 : 0;
        }
        CHECK(lines == 3 || (i == 5 && lines == 4));
        CHECK_EQ(errors.len, 0);
    }
}

TEST(what_is_given_goes_before_what_is_configured)
{
    stand_in_nothing();
    CHECK_EQ(RUN("quickstart", "curl", "--url", "https://models.example/"), ACT_OK);
    CHECK(says(&out, "curl https://models.example/v1/chat/completions"));
    CHECK(says(&out, "\"model\": \"MODEL\""));
    CHECK_EQ(RUN("quickstart", "curl", "--json", "--model", "a/b:c", "--url", "http://[::1]:9"),
             ACT_OK);
    CHECK(json_string_is(json_get(buf_str(&out), STR("model")), STR("a/b:c")));
    CHECK(json_string_is(json_get(buf_str(&out), STR("url")), STR("http://[::1]:9")));
    CHECK(json_get(buf_str(&out), STR("lines")).len > 100);
}

TEST(address_and_model_are_those_of_the_configuration)
{
    struct house house;
    house_begin(&house);
    CHECK_EQ(RUN("quickstart", "curl", "-c", house.conf), ACT_OK);
    CHECK(says(&out, "curl http://127.0.0.1:8080/v1"));
    CHECK(says(&out, "\"model\": \"aurora-large\""));
    CHECK(truncate(house.conf, 10) == 0);
    CHECK_EQ(RUN("quickstart", "curl", "-c", house.conf), ACT_FAILED);
    CHECK_EQ(out.len, 0);
    CHECK(errors.len > 0);
    house_end(&house);
}

TEST(what_is_no_tool_no_model_and_no_address_is_refused_with_what_there_is)
{
    stand_in_nothing();
    CHECK_EQ(RUN("quickstart", "emacs"), ACT_USAGE);
    CHECK(says(&errors, "\"emacs\"") && says(&errors, ": curl, openai-python, ") &&
          says(&errors, ", gemini-cli\n"));
    CHECK_EQ(RUN("quickstart"), ACT_USAGE);
    CHECK(says(&errors, "needs a tool"));
    static const char *const models[] = {
        "", "a b", "a\"b", "$(id)", "`id`", "a'b", "a\\b", "{x}"
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(models); i++) {
        CHECK_EQ(RUN("quickstart", "curl", "--model", models[i]), ACT_USAGE);
        CHECK(says(&errors, "is no model's name"));
        CHECK_EQ(out.len, 0);
    }
    static const char *const urls[] = { "", "models.example", "ftp://x", "http://", "http://a b" };
    for (size_t i = 0; i < EP_ARRAY_LEN(urls); i++) {
        CHECK_EQ(RUN("quickstart", "curl", "--url", urls[i]), ACT_USAGE);
        CHECK(says(&errors, "is no address"));
    }
}
