#include "gate/intake.h"

#include "gate/call_hedge.h"
#include "gate/gate_internal.h"
#include "gate/upload.h"

static bool intake_is_call(const void *owner)
{
    return *(const uint32_t *)owner == CALL_MAGIC;
}

bool intake_owns(const void *owner)
{
    return intake_is_call(owner) || upload_is(owner);
}

void intake_piece(void *owner, struct str data)
{
    ASSERT(upload_is(owner)); /* a call's body was there before it */
    upload_piece(owner, data);
}

void intake_done(void *owner)
{
    ASSERT(upload_is(owner));
    upload_done(owner);
}

void intake_broken(void *owner, enum err err)
{
    ASSERT(upload_is(owner));
    upload_broken(owner, err);
}

void intake_gone(void *owner)
{
    if (upload_is(owner)) {
        upload_gone(owner);
    } else {
        call_gone(owner);
    }
}

void intake_drained(void *owner)
{
    if (!intake_is_call(owner)) {
        return; /* nothing is told to who still sends */
    }
    struct call *call = owner;
    if (http_call_is_open(call_upstream(call))) {
        http_call_resume(call_upstream(call));
    }
}
