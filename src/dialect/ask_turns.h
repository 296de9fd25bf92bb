/*
 * What of a chat request's messages no upstream could take, so that nothing is held for it: a
 * tool's result without its call, an image that is none. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define ASK_TURNS_PARAM_MAX 64

/*
 * `messages`: the list, sound JSON. ERR_ASK_INVALID: `param` is the field, as in
 * "messages[3].content[1].image_url", with a sentence in `fail`.
 */
EP_MUST_CHECK enum err ask_check_turns(struct str messages, char param[ASK_TURNS_PARAM_MAX],
                                       struct fail *fail);
