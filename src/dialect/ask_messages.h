/* What is looked at inside of a chat request's messages before it is passed on. Pure. */
#pragma once

#include "dialect/ask.h"

struct ask_turns;

/*
 * No object of a message, its parts or its tool calls may have a key twice: upstreams would read
 * the other value than is counted here. ERR_ASK_DUPLICATE, with the key in `fail`. *ret_plain:
 * every message is a role and text. `turns` (NULL: nobody asks) is told of calls, their results and
 * images on the same walk.
 */
EP_MUST_CHECK enum err ask_check_messages(struct str messages, struct ask_turns *turns,
                                          bool *ret_plain, struct fail *fail);
