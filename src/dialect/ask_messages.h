/* What is looked at inside of a chat request's messages before it is passed on. Pure. */
#pragma once

#include "dialect/ask.h"

/*
 * No object of a message, its parts or its tool calls may have a key twice: upstreams would read
 * the other value than is counted here. ERR_ASK_DUPLICATE, with the key in `fail`. *ret_plain:
 * every message is a role and text.
 */
EP_MUST_CHECK enum err ask_check_messages(struct str messages, bool *ret_plain, struct fail *fail);
