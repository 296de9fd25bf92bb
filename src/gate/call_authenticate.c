#include "gate/auth.h"
#include "gate/call.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"
#include "net/inner.h"

/* AUTHENTICATE: who pays? */
enum call_next call_authenticate(struct call *call)
{
    struct gate *gate = call->gate;
    if (call->x == NULL) {
        return call_refuse(call, ERR_CANCELLED, "the client went away");
    }
    enum err err = auth_find(gate, call->x, &call->key);
    if (err == ERR_OK) {
        call->account = ledger_find(gate->world.ledger, call->key->client->account);
        call->budget = ledger_budget(gate->world.ledger, call->key->id);
        err = call->account == NULL ? ERR_KEY_UNKNOWN : ERR_OK;
    }
    if (err != ERR_OK) {
        call->key = NULL; /* nobody is known: no receipt */
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    const struct gate_actor *actor = http_exchange_actor(call->x);
    if (actor != NULL) {
        call->batch = actor->batch;
        /* As "service_tier": what waits for a day lets others pass. */
        call->ask.flex |= !id_is_zero(actor->batch);
        call->segment = actor->segment;
        call->segment_step = actor->step;
    }
    call_goto(call, CALL_JUDGE);
    return CALL_NEXT;
}
