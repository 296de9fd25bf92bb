#include "gate/call.h"
#include "gate/call_tongue.h"

static enum err parse_ask(struct call *call, struct fail *fail)
{
    int64_t cap = 0;
    if (call->tongue == NULL) {
        enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
        call->param = call->ask.param;
        return err;
    }
    TRY(call_tongue_read(call, &cap, fail));
    enum err err = ask_read_chat(buf_str(&call->body), &call->ask, fail);
    call->param = call->ask.param;
    call->ask.output_cap = cap;
    call->ask.include_usage = true; /* the translation's end tells it */
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
