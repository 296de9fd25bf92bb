#include "gate/call_deadline.h"
#include "gate/call_device.h"
#include "gate/call_law.h"
#include "gate/call_screen.h"
#include "gate/call_straddle.h"
#include "gate/gate_internal.h"
#include "gate/law.h"
#include "ident/ident.h"

#define JUDGE_NEAR_MAX 3

static enum call_next judge_unknown_model(struct call *call)
{
    const struct registry_model *near[JUDGE_NEAR_MAX];
    size_t count = registry_near_models(call->product, call->ask.model, near, JUDGE_NEAR_MAX);
    char names[160];
    struct buf text = { names, 0, sizeof(names), sizeof(names) };
    for (size_t i = 0; i < count; i++) {
        if (call_law_would_admit(call->gate, call->x, call->key, call->product, near[i]) ==
            ERR_OK) {
            EP_IGNORE(buf_printf(&text, "%s" STR_FMT, text.len == 0 ? " Did you mean: " : ", ",
                                 STR_ARG(near[i]->id))); /* a hint that does not fit is left out */
        }
    }
    call->param = "model";
    return call_refuse(call, ERR_MODEL_UNKNOWN, "%s" STR_FMT, err_info(ERR_MODEL_UNKNOWN)->text,
                       STR_ARG(buf_str(&text)));
}

/* What is on sale under the key, and which of it is asked for. */
static enum call_next judge_find(struct call *call)
{
    call->product = registry_product(call->snapshot->registry, call->key->product);
    if (call->product == NULL) {
        return call_refuse(call, ERR_MODEL_UNKNOWN, "The product of this key is not on sale.");
    }
    call->model = registry_product_model(call->product, call->ask.model);
    if (call->model == NULL || !call_device_has_model(call->key, call->model->id)) {
        call->model = NULL;
        return judge_unknown_model(call);
    }
    struct fail fail = { .text = "" };
    enum err err = call_fallback_find(call, &fail);
    return err == ERR_OK ? CALL_WAIT : call_refuse(call, err, "%s", fail.text);
}

/* The caller's deadline cannot be read, or there is none left of it. */
static enum call_next judge_late(struct call *call, enum err err)
{
    call->param = CALL_DEADLINE;
    return call_refuse(call, err, "%s",
                       err == ERR_DEADLINE ? err_info(err)->text
                                           : "\"" CALL_DEADLINE
                                             "\" is no instant: 2026-11-24T12:00:00Z, or Unix "
                                             "seconds.");
}

/* JUDGE: may this call be made, and by which routes? */
enum call_next call_judge(struct call *call)
{
    const struct gate_world *world = &call->gate->world;
    if (store_failed(world->store)) {
        return call_refuse(call, ERR_STORE_FAILED, "%s", err_info(ERR_STORE_FAILED)->text);
    }
    if (gate_log_stopped(call->gate)) {
        return call_refuse(call, ERR_LOG_BEHIND, "%s", err_info(ERR_LOG_BEHIND)->text);
    }
    if (call->x == NULL) {
        return call_refuse(call, ERR_CANCELLED, "the client went away");
    }
    if (!call_law_market_is_fine(call->x)) {
        call->param = CALL_LAW_MARKET;
        return call_refuse(call, ERR_ASK_INVALID, "%s",
                           "\"" CALL_LAW_MARKET
                           "\" is no country: two capital letters such as SG.");
    }
    if (call->model == NULL) {
        enum err late = call_deadline_read(call);
        if (late != ERR_OK) {
            return judge_late(call, late);
        }
        enum call_next next = judge_find(call);
        if (next != CALL_WAIT) {
            return next;
        }
    }
    if (!call_screen_slice(call)) {
        call_wake_next(call);
        return CALL_WAIT;
    }
    const struct policy_verdict *verdict = NULL;
    enum err err = call_law_judge(call, &verdict);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    call_observe(call);
    if (!verdict->allow) {
        call->param = "model";
        return call_refuse(call, verdict->err, "%s", err_info(verdict->err)->text);
    }
    err = call_device_may(call);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    call_straddle_watch(call);
    call_goto(call, CALL_ADMIT);
    return CALL_NEXT;
}
