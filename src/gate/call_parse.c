#include "gate/call.h"

/* PARSE: what is asked for? */
enum call_next call_parse(struct call *call)
{
    struct fail fail = { .text = "" };
    enum err err = call->service->read(call, &fail);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", fail.text);
    }
    call_goto(call, CALL_AUTHENTICATE);
    return CALL_NEXT;
}
