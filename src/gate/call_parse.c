#include "gate/call.h"
#include "gate/call_talk.h"

static enum err parse_ask(struct call *call, struct fail *fail)
{
    if (call->dialect != DIALECT_CHAT) {
        return call_talk_read(call, fail);
    }
    enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
    call->param = call->ask.param;
    return err;
}

/* PARSE: what is asked for? */
enum call_next call_parse(struct call *call)
{
    struct fail fail = { .text = "" };
    enum err err = parse_ask(call, &fail);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", fail.text);
    }
    call_goto(call, CALL_AUTHENTICATE);
    return CALL_NEXT;
}
