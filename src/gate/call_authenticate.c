#include "gate/auth.h"
#include "gate/call.h"
#include "gate/gate_internal.h"
#include "gate/lookout.h"
#include "ident/ident.h"

/* The network that the call comes from. */
static uint32_t authenticate_network(const struct http_exchange *x)
{
    struct address address;
    http_exchange_peer(x, &address);
    if (address.sock.any.sa_family == AF_INET) {
        const struct in_addr *v4 = &address.sock.v4.sin_addr;
        return signal_network((const unsigned char *)v4, sizeof(*v4));
    }
    if (address.sock.any.sa_family == AF_INET6) {
        return signal_network(address.sock.v6.sin6_addr.s6_addr, 16);
    }
    return 0;
}

/* Of what was asked and of what is answered nothing is looked at. */
static void authenticate_observe(struct call *call)
{
    struct lookout *lookout = call->gate->world.lookout;
    if (lookout == NULL) {
        return;
    }
    const struct http1_head *head = http_exchange_head(call->x);
    const struct signal_observation observation = {
        .now_ns = call->begun_wall_ns,
        .user = signal_user(call->ask.user),
        .network = authenticate_network(call->x),
        .language = agent_language(http1_header(head, STR("accept-language"))),
        .family = agent_family(http1_header(head, STR("user-agent"))),
    };
    lookout_observe(lookout, call->key, &observation);
}

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
    authenticate_observe(call);
    call_goto(call, CALL_ADMIT);
    return CALL_NEXT;
}
