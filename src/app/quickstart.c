#include "app/quickstart.h"

#include <unistd.h>

#include "app/registry_candidate.h"
#include "conf/conf.h"
#include "crypto/digest.h"
#include "registry/registry.h"
#include "wire/jsonw.h"
#include "wire/url.h"

#define QUICKSTART_CONF  "entrepot.yaml"
#define QUICKSTART_URL   "http://127.0.0.1:8080"
#define QUICKSTART_MODEL "MODEL" /* where no configuration says what is sold */
#define QUICKSTART_MAX   128     /* bytes of an address or a model's name */

/* What stands for the server's address, and for the model. */
#define URL   "@URL@"
#define MODEL "@MODEL@"

#define MESSAGES_PYTHON "[{\"role\": \"user\", \"content\": \"Hello\"}]"
#define MESSAGES_NODE   "[{ role: \"user\", content: \"Hello\" }]"

struct quickstart_tool {
    struct str name;
    const char *lines;
};

static const struct quickstart_tool quickstart_tools[] = {
    { STR_INIT("curl"),
      "curl " URL "/v1/chat/completions -H \"Authorization: Bearer $ENTREPOT_KEY\" \\\n"
      "  -H \"Content-Type: application/json\" \\\n"
      "  -d '{\"model\": \"" MODEL "\", \"messages\": " MESSAGES_PYTHON "}'\n" },
    { STR_INIT("openai-python"),
      "import openai, os\n"
      "client = openai.OpenAI(base_url=\"" URL "/v1\", api_key=os.environ[\"ENTREPOT_KEY\"])\n"
      "print(client.chat.completions.create(model=\"" MODEL "\", messages=" MESSAGES_PYTHON
      ").choices[0].message.content)\n" },
    { STR_INIT("openai-node"),
      "import OpenAI from \"openai\";\n"
      "const client = new OpenAI({ baseURL: \"" URL "/v1\", apiKey: process.env.ENTREPOT_KEY });\n"
      "console.log((await client.chat.completions.create({ model: \"" MODEL
      "\", messages: " MESSAGES_NODE " })).choices[0].message.content);\n" },
    { STR_INIT("anthropic-python"),
      "import anthropic, os\n"
      "client = anthropic.Anthropic(base_url=\"" URL "\", api_key=os.environ[\"ENTREPOT_KEY\"])\n"
      "print(client.messages.create(model=\"" MODEL "\", max_tokens=1000, messages=" MESSAGES_PYTHON
      ").content[0].text)\n" },
    { STR_INIT("anthropic-node"),
      "import Anthropic from \"@anthropic-ai/sdk\";\n"
      "const client = new Anthropic({ baseURL: \"" URL "\", apiKey: process.env.ENTREPOT_KEY });\n"
      "console.log((await client.messages.create({ model: \"" MODEL
      "\", max_tokens: 1000, messages: " MESSAGES_NODE " })).content[0].text);\n" },
    { STR_INIT("google-genai-python"),
      "from google import genai; import os\n"
      "client = genai.Client(api_key=os.environ[\"ENTREPOT_KEY\"], http_options={\"base_url\": "
      "\"" URL "\"})\n"
      "print(client.models.generate_content(model=\"" MODEL "\", contents=\"Hello\").text)\n" },
    { STR_INIT("google-genai-node"),
      "import { GoogleGenAI } from \"@google/genai\";\n"
      "const client = new GoogleGenAI({ apiKey: process.env.ENTREPOT_KEY, httpOptions: { baseUrl: "
      "\"" URL "\" } });\n"
      "console.log((await client.models.generateContent({ model: \"" MODEL
      "\", contents: \"Hello\" })).text);\n" },
    { STR_INIT("langchain-python"), "import os; from langchain_openai import ChatOpenAI\n"
                                    "model = ChatOpenAI(model=\"" MODEL "\", base_url=\"" URL
                                    "/v1\", api_key=os.environ[\"ENTREPOT_KEY\"])\n"
                                    "print(model.invoke(\"Hello\").content)\n" },
    { STR_INIT("langchain-anthropic"), "import os; from langchain_anthropic import ChatAnthropic\n"
                                       "model = ChatAnthropic(model=\"" MODEL "\", base_url=\"" URL
                                       "\", api_key=os.environ[\"ENTREPOT_KEY\"])\n"
                                       "print(model.invoke(\"Hello\").content)\n" },
    { STR_INIT("langchain-google"),
      "import os; from langchain_google_genai import ChatGoogleGenerativeAI\n"
      "model = ChatGoogleGenerativeAI(model=\"" MODEL "\", base_url=\"" URL
      "\", api_key=os.environ[\"ENTREPOT_KEY\"])\n"
      "print(model.invoke(\"Hello\").content)\n" },
    { STR_INIT("langchain-node"),
      "import { ChatOpenAI } from \"@langchain/openai\";\n"
      "const model = new ChatOpenAI({ model: \"" MODEL
      "\", apiKey: process.env.ENTREPOT_KEY, configuration: { baseURL: \"" URL "/v1\" } });\n"
      "console.log((await model.invoke(\"Hello\")).content);\n" },
    { STR_INIT("vercel-ai"),
      "import { generateText } from \"ai\";\n"
      "import { createOpenAICompatible } from \"@ai-sdk/openai-compatible\";\n"
      "const entrepot = createOpenAICompatible({ name: \"entrepot\", baseURL: \"" URL
      "/v1\", apiKey: process.env.ENTREPOT_KEY });\n"
      "console.log((await generateText({ model: entrepot(\"" MODEL
      "\"), prompt: \"Hello\" })).text);\n" },
    { STR_INIT("vercel-ai-anthropic"), "import { generateText } from \"ai\";\n"
                                       "import { createAnthropic } from \"@ai-sdk/anthropic\";\n"
                                       "const entrepot = createAnthropic({ baseURL: \"" URL
                                       "/v1\", apiKey: process.env.ENTREPOT_KEY });\n"
                                       "console.log((await generateText({ model: entrepot(\"" MODEL
                                       "\"), prompt: \"Hello\" })).text);\n" },
    { STR_INIT("vercel-ai-google"), "import { generateText } from \"ai\";\n"
                                    "import { createGoogleGenerativeAI } from \"@ai-sdk/google\";\n"
                                    "const entrepot = createGoogleGenerativeAI({ baseURL: \"" URL
                                    "/v1beta\", apiKey: process.env.ENTREPOT_KEY });\n"
                                    "console.log((await generateText({ model: entrepot(\"" MODEL
                                    "\"), prompt: \"Hello\" })).text);\n" },
    { STR_INIT("openrouter"),
      "import { OpenRouter } from \"@openrouter/sdk\";\n"
      "const client = new OpenRouter({ serverURL: \"" URL
      "/api/v1\", apiKey: process.env.ENTREPOT_KEY });\n"
      "console.log((await client.chat.send({ chatRequest: { model: \"" MODEL
      "\", messages: " MESSAGES_NODE " } })).choices[0].message.content);\n" },
    { STR_INIT("opencode"),
      "echo '{ \"provider\": { \"entrepot\": { \"npm\": \"@ai-sdk/openai-compatible\", "
      "\"options\": { \"baseURL\": \"" URL "/v1\", \"apiKey\": \"{env:ENTREPOT_KEY}\" },\n"
      "  \"models\": { \"" MODEL "\": {} } } } }' > opencode.json\n"
      "opencode run -m entrepot/" MODEL " \"Hello\"\n" },
    { STR_INIT("qwen-code"), "export OPENAI_BASE_URL=" URL "/v1 OPENAI_API_KEY=$ENTREPOT_KEY\n"
                             "export OPENAI_MODEL=" MODEL "\n"
                             "qwen --auth-type openai -p \"Hello\"\n" },
    { STR_INIT("claude-code"), "export ANTHROPIC_BASE_URL=" URL " ANTHROPIC_API_KEY=$ENTREPOT_KEY\n"
                               "export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1\n"
                               "claude --model " MODEL " -p \"Hello\"\n" },
    { STR_INIT("codex"),
      "entrepot='{ name = \"entrepot\", base_url = \"" URL
      "/v1\", env_key = \"ENTREPOT_KEY\", wire_api = \"responses\" }'\n"
      "codex exec -c model_provider=entrepot -c model_providers.entrepot=\"$entrepot\" -m " MODEL
      " --skip-git-repo-check \"Hello\"\n" },
    { STR_INIT("gemini-cli"),
      "export GOOGLE_GEMINI_BASE_URL=" URL " GEMINI_API_KEY=$ENTREPOT_KEY\n"
      "mkdir -p ~/.gemini; [ -e ~/.gemini/settings.json ] || echo '{ \"security\": { \"auth\": "
      "{ \"selectedType\": \"gemini-api-key\" } } }' > ~/.gemini/settings.json\n"
      "gemini -m " MODEL " --skip-trust -p \"Hello\"\n" },
};

static const struct quickstart_tool *quickstart_find(struct str name)
{
    for (size_t i = 0; i < EP_ARRAY_LEN(quickstart_tools); i++) {
        if (str_eq(quickstart_tools[i].name, name)) {
            return &quickstart_tools[i];
        }
    }
    return NULL;
}

/* ---- what stands in the lines -------------------------------------------------------------- */

struct quickstart {
    char url_text[QUICKSTART_MAX];
    char model_text[QUICKSTART_MAX];
    struct buf url;
    struct buf model;
};

/* Who listens on every address is reached by this machine's own. */
static struct str quickstart_host(struct str host)
{
    return str_eq(host, STR("0.0.0.0")) ? STR("127.0.0.1")
           : str_eq(host, STR("::"))    ? STR("::1")
                                        : host;
}

static enum err quickstart_from_conf(struct quickstart *quick, const struct conf *conf,
                                     struct buf *errors)
{
    const struct registry_judging judging = { .shelf = NULL };
    struct registry *registry = NULL;
    struct str host = quickstart_host(conf->listen_public.host);
    bool v6 = str_find(host, ':') < host.len;
    EP_IGNORE(buf_printf(&quick->url, "%s://%s" STR_FMT "%s:%u",
                         conf->listen_tls_cert.len > 0 ? "https" : "http", v6 ? "[" : "",
                         STR_ARG(host), v6 ? "]" : "",
                         (unsigned)conf->listen_public.port)); /* a host has at most 64 bytes */
    TRY(registry_candidate_load(conf->registry.ptr, &judging, &registry, errors));
    if (registry->product_count > 0 && registry->products[0].model_count > 0) {
        EP_IGNORE(buf_append(&quick->model, registry->products[0].models[0]->id)); /* what fits */
    }
    registry_unref(registry);
    return ERR_OK;
}

/* The configuration of -c, or of the working folder if one is there. */
static enum err quickstart_conf(struct quickstart *quick, const struct args *args,
                                struct buf *errors)
{
    struct str given = args_value(args, "config");
    if (given.len == 0 && access(QUICKSTART_CONF, R_OK) != 0) {
        return ERR_OK;
    }
    struct conf_report report;
    struct conf *conf = NULL;
    struct fail fail;
    TRY(crypto_start(&fail));
    conf_report_init(&report);
    enum err err = conf_load(given.len > 0 ? given.ptr : QUICKSTART_CONF, &conf, &report);
    if (err != ERR_OK) {
        EP_IGNORE(conf_report_print(&report, errors)); /* what fits */
    }
    conf_report_fini(&report);
    err = err == ERR_OK ? quickstart_from_conf(quick, conf, errors) : err;
    conf_destroy(conf);
    return err;
}

/* It stands in quotes of four languages. */
static bool quickstart_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        bool fine = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                    (byte >= 'A' && byte <= 'Z') || str_find(STR("-_./:@+[]"), byte) < 9;
        if (!fine) {
            return false;
        }
    }
    return text.len > 0 && text.len < QUICKSTART_MAX;
}

static enum err quickstart_given(struct buf *room, const struct args *args, const char *flag,
                                 struct fail *fail)
{
    struct str value = args_value(args, flag);
    struct url url;
    if (!args_has(args, flag)) {
        return ERR_OK;
    }
    bool is_url = str_eq(str_from(flag), STR("url"));
    if (!quickstart_is_plain(value) || (is_url && !url_parse(value, &url))) {
        return FAIL(fail, ERR_ASK_INVALID, "\"" STR_FMT "\" is no %s", STR_ARG(value),
                    is_url ? "address such as https://models.example" : "model's name");
    }
    while (is_url && str_ends(value, STR("/"))) {
        value = str_slice(value, 0, value.len - 1);
    }
    buf_reset(room);
    return buf_append(room, value);
}

/* ---- the lines ------------------------------------------------------------------------------ */

static enum err quickstart_fill(struct str lines, const struct quickstart *quick, struct buf *out)
{
    static const struct str marks[] = { STR_INIT(URL), STR_INIT(MODEL) };
    const struct str values[] = { buf_str(&quick->url), buf_str(&quick->model) };
    while (lines.len > 0) {
        size_t at = str_find(lines, '@');
        TRY(buf_append(out, str_slice(lines, 0, at)));
        lines = str_from_at(lines, at);
        size_t mark = 0;
        while (mark < EP_ARRAY_LEN(marks) && !str_starts(lines, marks[mark])) {
            mark++;
        }
        if (mark < EP_ARRAY_LEN(marks)) {
            TRY(buf_append(out, values[mark]));
            lines = str_from_at(lines, marks[mark].len);
        } else if (lines.len > 0) { /* an "@" of the lines' own */
            TRY(buf_byte(out, '@'));
            lines = str_from_at(lines, 1);
        }
    }
    return ERR_OK;
}

static enum err quickstart_write(const struct quickstart_tool *tool, const struct quickstart *quick,
                                 bool as_json, struct buf *out)
{
    if (!as_json) {
        return quickstart_fill(str_from(tool->lines), quick, out);
    }
    struct buf lines;
    struct jsonw json;
    buf_init(&lines, ACTS_OUT_MAX);
    enum err err = quickstart_fill(str_from(tool->lines), quick, &lines);
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_put_str(&json, "tool", tool->name);
    jsonw_put_str(&json, "url", buf_str(&quick->url));
    jsonw_put_str(&json, "model", buf_str(&quick->model));
    jsonw_put_str(&json, "lines", buf_str(&lines));
    jsonw_close(&json, '}');
    buf_fini(&lines);
    err = err == ERR_OK ? jsonw_err(&json) : err;
    return err == ERR_OK ? buf_byte(out, '\n') : err;
}

static enum act_exit quickstart_unknown(struct str name, struct buf *errors)
{
    EP_IGNORE(name.len == 0
                  ? buf_append(errors, STR("entrepot: quickstart needs a tool; known are"))
                  : buf_printf(errors,
                               "entrepot: \"" STR_FMT "\" is no tool that is known; those are",
                               STR_ARG(name))); /* what fits */
    for (size_t i = 0; i < EP_ARRAY_LEN(quickstart_tools); i++) {
        EP_IGNORE(buf_printf(errors, "%s " STR_FMT, i == 0 ? ":" : ",",
                             STR_ARG(quickstart_tools[i].name))); /* likewise */
    }
    EP_IGNORE(buf_byte(errors, '\n')); /* likewise */
    return ACT_USAGE;
}

enum act_exit quickstart_run(const struct args *args, struct buf *out, struct buf *errors)
{
    struct str name = args_word(args, 1);
    const struct quickstart_tool *tool = quickstart_find(name);
    struct fail fail = { .text = "" };
    struct quickstart quick;
    if (tool == NULL) {
        return quickstart_unknown(name, errors);
    }
    quick.url = (struct buf){ quick.url_text, 0, QUICKSTART_MAX, QUICKSTART_MAX };
    quick.model = (struct buf){ quick.model_text, 0, QUICKSTART_MAX, QUICKSTART_MAX };
    enum err err = quickstart_conf(&quick, args, errors);
    err = err == ERR_OK ? quickstart_given(&quick.url, args, "url", &fail) : err;
    err = err == ERR_OK ? quickstart_given(&quick.model, args, "model", &fail) : err;
    if (err == ERR_OK && quick.url.len == 0) {
        err = buf_append(&quick.url, STR(QUICKSTART_URL));
    }
    if (err == ERR_OK && quick.model.len == 0) {
        err = buf_append(&quick.model, STR(QUICKSTART_MODEL));
    }
    err = err == ERR_OK ? quickstart_write(tool, &quick, args_has(args, "json"), out) : err;
    if (err != ERR_OK && (errors->len == 0 || fail.text[0] != '\0')) {
        act_complain(errors, err, &fail, NULL);
    }
    return act_exit_of(err);
}
