/*
 * What of a chat request's messages no upstream could take, so that nothing is held for it: a
 * tool's result without its call, an image that is none. Told by who walks over the messages
 * (ask_messages.h), so that nobody walks twice. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define ASK_TURNS_PARAM_MAX 64
#define ASK_TURNS_LISTS_MAX 64 /* of calls, the latest: results come soon behind them */

enum ask_turns_wrong {
    ASK_TURNS_FINE,
    ASK_TURNS_RESULT,
    ASK_TURNS_IMAGE
};

struct ask_turns {
    enum ask_turns_wrong wrong; /* the first that was told */
    unsigned turn;              /* the message that it is in, and */
    unsigned place;             /* which of its parts it is */
    size_t work;
    size_t count;                          /* of all lists that came */
    struct str lists[ASK_TURNS_LISTS_MAX]; /* "tool_calls", as they came */
};

void ask_turns_init(struct ask_turns *turns);
/* In the order of the messages. Values are sound JSON. A message's list of "tool_calls" comes
 * before its "tool_call_id", and is borrowed until the end. */
void ask_turns_calls(struct ask_turns *turns, struct str list);
void ask_turns_result(struct ask_turns *turns, struct str id, unsigned turn);
/* The value of a part's "image_url". */
void ask_turns_image(struct ask_turns *turns, struct str image, unsigned turn, unsigned place);
/*
 * ERR_ASK_INVALID: `param` is the field, as in "messages[3].content[1].image_url", with a sentence
 * in `fail`.
 */
EP_MUST_CHECK enum err ask_turns_end(const struct ask_turns *turns, char param[ASK_TURNS_PARAM_MAX],
                                     struct fail *fail);
