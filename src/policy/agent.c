#include "policy/agent.h"

struct agent_row {
    struct str start; /* of the header, whatever its case */
    unsigned family;
};

enum {
    AGENT_OPENAI_PYTHON = AGENT_OTHER + 1,
    AGENT_OPENAI_NODE,
    AGENT_OPENAI_OTHER,
    AGENT_ANTHROPIC,
    AGENT_LANGCHAIN,
    AGENT_LITELLM,
    AGENT_RELAY,
    AGENT_CHAT_APP,
    AGENT_BROWSER,
    AGENT_PYTHON,
    AGENT_NODE,
    AGENT_GO,
    AGENT_JAVA,
    AGENT_DOTNET,
    AGENT_RUST,
    AGENT_RUBY,
    AGENT_PHP,
    AGENT_DART,
    AGENT_APPLE,
    AGENT_CURL,
    AGENT_POSTMAN,
    AGENT_FAMILIES
};

_Static_assert(AGENT_FAMILIES <= AGENT_FAMILIES_MAX, "a sketch has a place for each family");

static const char *const agent_names[AGENT_FAMILIES] = {
    [AGENT_NONE] = "none",
    [AGENT_OTHER] = "other",
    [AGENT_OPENAI_PYTHON] = "openai-python",
    [AGENT_OPENAI_NODE] = "openai-node",
    [AGENT_OPENAI_OTHER] = "openai-other",
    [AGENT_ANTHROPIC] = "anthropic",
    [AGENT_LANGCHAIN] = "langchain",
    [AGENT_LITELLM] = "litellm",
    [AGENT_RELAY] = "relay",
    [AGENT_CHAT_APP] = "chat-app",
    [AGENT_BROWSER] = "browser",
    [AGENT_PYTHON] = "python",
    [AGENT_NODE] = "node",
    [AGENT_GO] = "go",
    [AGENT_JAVA] = "java",
    [AGENT_DOTNET] = "dotnet",
    [AGENT_RUST] = "rust",
    [AGENT_RUBY] = "ruby",
    [AGENT_PHP] = "php",
    [AGENT_DART] = "dart",
    [AGENT_APPLE] = "apple",
    [AGENT_CURL] = "curl",
    [AGENT_POSTMAN] = "postman",
};

/* The first row that fits is taken: longer starts stand before shorter ones. */
static const struct agent_row agent_rows[] = {
    { STR_INIT("OpenAI/Python"), AGENT_OPENAI_PYTHON },
    { STR_INIT("AsyncOpenAI/Python"), AGENT_OPENAI_PYTHON },
    { STR_INIT("AzureOpenAI/Python"), AGENT_OPENAI_PYTHON },
    { STR_INIT("AsyncAzureOpenAI/Python"), AGENT_OPENAI_PYTHON },
    { STR_INIT("OpenAI/JS"), AGENT_OPENAI_NODE },
    { STR_INIT("OpenAI/NodeJS"), AGENT_OPENAI_NODE },
    { STR_INIT("OpenAI"), AGENT_OPENAI_OTHER },
    { STR_INIT("Anthropic"), AGENT_ANTHROPIC },
    { STR_INIT("claude-cli"), AGENT_ANTHROPIC },
    { STR_INIT("langchain"), AGENT_LANGCHAIN },
    { STR_INIT("litellm"), AGENT_LITELLM },
    { STR_INIT("one-api"), AGENT_RELAY },
    { STR_INIT("new-api"), AGENT_RELAY },
    { STR_INIT("CherryStudio"), AGENT_CHAT_APP },
    { STR_INIT("ChatBox"), AGENT_CHAT_APP },
    { STR_INIT("LobeChat"), AGENT_CHAT_APP },
    { STR_INIT("Open WebUI"), AGENT_CHAT_APP },
    { STR_INIT("Mozilla/"), AGENT_BROWSER },
    { STR_INIT("Opera/"), AGENT_BROWSER },
    { STR_INIT("python"), AGENT_PYTHON },
    { STR_INIT("aiohttp"), AGENT_PYTHON },
    { STR_INIT("axios/"), AGENT_NODE },
    { STR_INIT("node"), AGENT_NODE },
    { STR_INIT("undici"), AGENT_NODE },
    { STR_INIT("got "), AGENT_NODE },
    { STR_INIT("Deno/"), AGENT_NODE },
    { STR_INIT("Bun/"), AGENT_NODE },
    { STR_INIT("Go-http-client"), AGENT_GO },
    { STR_INIT("go-resty"), AGENT_GO },
    { STR_INIT("okhttp"), AGENT_JAVA },
    { STR_INIT("Java"), AGENT_JAVA },
    { STR_INIT("Apache-HttpClient"), AGENT_JAVA },
    { STR_INIT("ReactorNetty"), AGENT_JAVA },
    { STR_INIT("azsdk-net"), AGENT_DOTNET },
    { STR_INIT(".NET"), AGENT_DOTNET },
    { STR_INIT("reqwest"), AGENT_RUST },
    { STR_INIT("hyper"), AGENT_RUST },
    { STR_INIT("ureq"), AGENT_RUST },
    { STR_INIT("Ruby"), AGENT_RUBY },
    { STR_INIT("Faraday"), AGENT_RUBY },
    { STR_INIT("GuzzleHttp"), AGENT_PHP },
    { STR_INIT("PHP"), AGENT_PHP },
    { STR_INIT("Dart/"), AGENT_DART },
    { STR_INIT("CFNetwork"), AGENT_APPLE },
    { STR_INIT("curl/"), AGENT_CURL },
    { STR_INIT("Wget/"), AGENT_CURL },
    { STR_INIT("PostmanRuntime"), AGENT_POSTMAN },
    { STR_INIT("insomnia"), AGENT_POSTMAN },
};

unsigned agent_family(struct str user_agent)
{
    struct str text = str_trim(user_agent);
    if (text.len == 0) {
        return AGENT_NONE;
    }
    for (size_t i = 0; i < EP_ARRAY_LEN(agent_rows); i++) {
        if (str_starts_nocase(text, agent_rows[i].start)) {
            return agent_rows[i].family;
        }
    }
    return AGENT_OTHER;
}

const char *agent_family_name(unsigned family)
{
    return family < AGENT_FAMILIES ? agent_names[family] : NULL;
}

enum agent_language agent_language(struct str accept_language)
{
    struct str text = str_trim(accept_language);
    size_t end = 0;
    while (end < text.len && text.ptr[end] != ',' && text.ptr[end] != ';' && text.ptr[end] != ' ') {
        end++;
    }
    struct str first = str_slice(text, 0, end);
    if (first.len == 0) {
        return AGENT_LANGUAGE_NONE;
    }
    bool mainland = str_eq_nocase(first, STR("zh-CN")) || str_eq_nocase(first, STR("zh-Hans-CN"));
    return mainland ? AGENT_LANGUAGE_ZH_CN : AGENT_LANGUAGE_OTHER;
}
