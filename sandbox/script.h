/*
 * What the sandbox says by a script: a JSON array of steps, each a tool that is called or a text.
 *
 *   [{"call": "read", "arguments": {"path": "notes.txt"}}, {"say": "The notes say 42."}]
 *
 * A request gets the step of its turn: the number of calls of tools since the user's last message.
 * So a program that runs the tools that it is asked to run goes through the script to its end.
 */
#pragma once

#include "base/buf.h"

#define SCRIPT_BYTES_MAX ((size_t)1 << 20)

struct script {
    struct buf text; /* checked */
};

/* The script lives as long as it is used; script_fini() frees it. */
EP_MUST_CHECK enum err script_load(struct script *script, const char *path, struct fail *fail);
void script_fini(struct script *script);

/* JSON values in the script's text. */
struct script_step {
    struct str call;      /* a string; empty: it says something */
    struct str arguments; /* an object; of a call */
    struct str say;       /* a string */
};

/* `messages`: checked, an array of objects. False: the script has ended, and says nothing. */
bool script_step(const struct script *script, struct str messages, struct script_step *ret_step);
