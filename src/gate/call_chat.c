/* Chat's row of call_service.h. */
#include "gate/call_chat.h"

#include "dialect/ask_turns.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_talk.h"
#include "gate/call_tongue.h"

/* What is said in messages that are more than text. */
static enum err chat_check_turns(struct call *call, const struct ask_turns *turns,
                                 struct fail *fail)
{
    char text[ASK_TURNS_PARAM_MAX];
    struct str param;
    enum err err = ask_turns_end(turns, text, fail);
    if (err != ERR_OK && arena_copy(&call->arena, str_from(text), &param)) {
        call->param = param.ptr;
    }
    return err;
}

static enum err chat_read(struct call *call, struct fail *fail)
{
    struct ask_turns turns;
    if (call->dialect != DIALECT_CHAT) {
        return call_talk_read(call, fail);
    }
    ask_turns_init(&turns);
    enum err err = ask_read_chat_turns(buf_str(&call->body), &turns, &call->ask, fail);
    call->param = call->ask.param;
    return err != ERR_OK || call->ask.texts ? err : chat_check_turns(call, &turns, fail);
}

/* A whole answer is believed once it is of its dialect, and names no other model. */
static enum err chat_check(struct call *call)
{
    const struct chat_sink keep = { call_count_keep, call };
    const struct chat_sink *sink = call->counter != NULL ? &keep : NULL;
    enum err err = relay_whole(&call->relay, buf_str(&call->answer), sink);
    if (err == ERR_UPSTREAM_MODEL) {
        call_attempt_declared(&call->attempt, call->relay.other);
    }
    TRY(err);
    call->has_reported = call->relay.has_usage;
    call->reported = call->relay.usage;
    call_report_from_relay(call);
    return call_tongue_translates(call) ? call_tongue_fold(call) : ERR_OK;
}

const struct call_service call_chat = {
    .service = REGISTRY_SERVICE_CHAT,
    .writes = true,
    .read = chat_read,
    .write = call_talk_write,
    .check = chat_check,
};
