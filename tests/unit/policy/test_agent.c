#include "policy/agent.h"

#include "harness.h"

static const char *family(const char *user_agent)
{
    return agent_family_name(agent_family(test_at_page_end(str_from(user_agent))));
}

static void check_family(const char *user_agent, const char *want)
{
    CHECK(family(user_agent) != NULL);
    CHECK_STR(str_from(family(user_agent)), str_from(want));
}

TEST(software_is_told_by_how_its_header_begins)
{
    check_family("OpenAI/Python 1.55.0", "openai-python");
    check_family("AsyncOpenAI/Python 2.1.0", "openai-python");
    check_family("openai/js 6.9.0", "openai-node");
    check_family("OpenAI/Go 3.8.1", "openai-other");
    check_family("python-requests/2.32.3", "python");
    check_family("Python/3.12 aiohttp/3.10", "python");
    check_family("node-fetch", "node");
    check_family("Go-http-client/1.1", "go");
    check_family("Apache-HttpClient/5.2 (Java/17)", "java");
    check_family("Java-http-client/21", "java");
    check_family("curl/8.5.0", "curl");
    check_family("  Mozilla/5.0 (X11; Linux x86_64)", "browser");
    check_family("got (https://github.com/sindresorhus/got)", "node");
}

TEST(versions_and_unknown_software_make_no_more_families)
{
    CHECK_EQ(agent_family(STR("OpenAI/Python 1.0.0")), agent_family(STR("OpenAI/Python 2.0.0")));
    check_family("", "none");
    check_family(" \t ", "none");
    check_family("Totally-New/1.0", "other");
    check_family("Another", "other");
    check_family("cur", "other");
    check_family("xcurl/8", "other");
    check_family("gotcha", "other");
    check_family("\xff\xfe", "other");
    for (unsigned i = 0; i < AGENT_FAMILIES_MAX; i++) {
        const char *name = agent_family_name(i);
        CHECK(i > AGENT_OTHER ? true : name != NULL);
    }
    CHECK(agent_family_name(AGENT_FAMILIES_MAX) == NULL);
}

TEST(only_the_mainland_s_language_in_the_first_place_counts)
{
    CHECK_EQ(agent_language(STR("zh-CN,zh;q=0.9,en;q=0.8")), AGENT_LANGUAGE_ZH_CN);
    CHECK_EQ(agent_language(STR("zh-CN")), AGENT_LANGUAGE_ZH_CN);
    CHECK_EQ(agent_language(STR(" ZH-cn;q=1")), AGENT_LANGUAGE_ZH_CN);
    CHECK_EQ(agent_language(STR("zh-Hans-CN, en")), AGENT_LANGUAGE_ZH_CN);
    CHECK_EQ(agent_language(STR("en-US,zh-CN;q=0.9")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-MY,zh;q=0.9")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-SG")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-TW")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-HK")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-CNX")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("zh-Hans")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("*")), AGENT_LANGUAGE_OTHER);
    CHECK_EQ(agent_language(STR("")), AGENT_LANGUAGE_NONE);
    CHECK_EQ(agent_language(STR(" , zh-CN")), AGENT_LANGUAGE_NONE);
    CHECK_EQ(agent_language(test_at_page_end(STR("zh-CN"))), AGENT_LANGUAGE_ZH_CN);
}
