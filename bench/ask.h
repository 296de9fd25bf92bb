/* What the benchmark asks: bodies of chat completions, the same at every run. */
#pragma once

#include "base/buf.h"
#include "prose.h"

#define ASK_BODY_MAX  ((size_t)1 << 20)
#define ASK_TOOLS     16   /* as a coding agent brings along */
#define ASK_FILE      3000 /* bytes of a file that a tool has read */
#define ASK_LINE      72
#define ASK_AGENT_END STR("{\"role\":\"user\",\"content\":\"Go on.\"}]}")

static inline void ask_put(struct buf *body, struct str text)
{
    enum err err = buf_append(body, text);
    ASSERT(err == ERR_OK);
}

/* One message of words; `bytes` in all. */
static inline void ask_prose(struct buf *body, size_t bytes, bool stream)
{
    static const struct str end = STR_INIT("\"}]}");
    enum err err = buf_printf(body,
                              "{\"model\":\"aurora-large\",\"max_tokens\":64,%s\"messages\":[{"
                              "\"role\":\"user\",\"content\":\"",
                              stream ? "\"stream\":true," : "");
    err = err == ERR_OK ? buf_reserve(body, bytes + end.len) : err;
    ASSERT(err == ERR_OK);
    size_t fill = bytes > body->len + end.len ? bytes - body->len - end.len : 1;
    prose_fill(body->ptr + body->len, fill, 1);
    body->len += fill;
    ask_put(body, end);
}

/* A text as a file has it: lines and quotation marks, which JSON escapes. */
static inline void ask_file(struct buf *body, uint64_t seed)
{
    char line[ASK_LINE];
    for (size_t done = 0; done < ASK_FILE; done += sizeof(line)) {
        prose_fill(line, sizeof(line), seed * 1000 + done + 1);
        ask_put(body, STR("    return \\\""));
        ask_put(body, (struct str){ line, sizeof(line) });
        ask_put(body, STR("\\\";\\n"));
    }
}

/* A conversation of an agent with its tools: calls, and the files that they brought. */
static inline void ask_agent(struct buf *body, size_t bytes)
{
    ask_put(body, STR("{\"model\":\"aurora-large\",\"max_tokens\":64,\"tools\":["));
    enum err err = ERR_OK;
    for (int i = 0; i < ASK_TOOLS && err == ERR_OK; i++) {
        err = buf_printf(body,
                         "%s{\"type\":\"function\",\"function\":{\"name\":\"tool_%d\","
                         "\"description\":\"Reads a part of a file of the project.\","
                         "\"parameters\":{\"type\":\"object\",\"properties\":{\"path\":{\"type\":"
                         "\"string\"},\"from\":{\"type\":\"integer\"},\"lines\":{\"type\":"
                         "\"integer\"}},\"required\":[\"path\"]}}}",
                         i > 0 ? "," : "", i);
    }
    ask_put(body, STR("],\"messages\":[{\"role\":\"system\",\"content\":\"You mend programs.\"},"));
    for (unsigned i = 0; body->len + ASK_FILE + 1000 < bytes && err == ERR_OK; i++) {
        err = buf_printf(body,
                         "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
                         "\"call_%u\",\"type\":\"function\",\"function\":{\"name\":\"tool_%u\","
                         "\"arguments\":\"{\\\"path\\\":\\\"src/part_%u.c\\\"}\"}}]},"
                         "{\"role\":\"tool\",\"tool_call_id\":\"call_%u\",\"content\":\"",
                         i, i % ASK_TOOLS, i, i);
        ask_file(body, i + 1);
        ask_put(body, STR("\"},"));
    }
    ASSERT(err == ERR_OK);
    ask_put(body, ASK_AGENT_END);
}
