/*
 * What a client's headers say of its software: a family by User-Agent, and which language
 * Accept-Language begins with. Of the many words that come in, a small number stays. Pure.
 * Threads: any.
 */
#pragma once

#include "base/str.h"

#define AGENT_FAMILIES_MAX 32

enum {
    AGENT_NONE, /* no User-Agent */
    AGENT_OTHER /* one that no row names */
};

/* Below AGENT_FAMILIES_MAX. */
unsigned agent_family(struct str user_agent);
/* "openai-python"; NULL: there is no such family. */
const char *agent_family_name(unsigned family);

enum agent_language {
    AGENT_LANGUAGE_NONE, /* no header: programs seldom send one */
    AGENT_LANGUAGE_OTHER,
    AGENT_LANGUAGE_ZH_CN /* zh-CN or zh-Hans-CN stands first; not zh, zh-SG, zh-MY, zh-TW */
};

enum agent_language agent_language(struct str accept_language);
