#include "dispatch/limits.h"
#include "gate/call.h"
#include "gate/gate_internal.h"
#include "ident/ident.h"

_Static_assert(USAGE_COUNT == REGISTRY_PRICE_CLASSES, "usage and prices count the same classes");

#define ADMIT_NEAR_MAX   3
#define ADMIT_OUTPUT_MIN 16 /* tokens: an answer cut shorter for lack of credit helps nobody */

static enum call_next admit_unknown_model(struct call *call)
{
    const struct registry_model *near[ADMIT_NEAR_MAX];
    size_t count = registry_near_models(call->product, call->ask.model, near, ADMIT_NEAR_MAX);
    char names[160];
    struct buf text = { names, 0, sizeof(names), sizeof(names) };
    for (size_t i = 0; i < count; i++) {
        EP_IGNORE(buf_printf(&text, "%s" STR_FMT, i == 0 ? " Did you mean: " : ", ",
                             STR_ARG(near[i]->id))); /* a hint that does not fit is left out */
    }
    call->param = "model";
    return call_refuse(call, ERR_MODEL_UNKNOWN, "%s" STR_FMT, err_info(ERR_MODEL_UNKNOWN)->text,
                       STR_ARG(buf_str(&text)));
}

void call_rate(const struct call *call, struct rate *ret_rate)
{
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        ret_rate->pico[i] = call->price->pico[i];
        ret_rate->known[i] = call->price->known[i];
    }
    ret_rate->pico_call = call->price->pico_call;
}

static enum err admit_ceiling(const struct call *call, int64_t cap, int64_t *ret_nano)
{
    struct rate rate;
    call_rate(call, &rate);
    /* Each token has at least one byte, so the body's bytes bound the input, markup included. */
    return rate_ceiling(&rate, (int64_t)call->body.len, cap * call->ask.choices, ret_nano);
}

/*
 * The output cap that always goes upstream: the client's, at most the model's. Where the client
 * gave none, what its credit covers bounds it too, found by halving between what is enough and
 * what is not.
 */
static enum err admit_cap(struct call *call, int64_t available)
{
    int64_t most = (int64_t)call->model->output_tokens_max;
    call->output_cap =
        call->ask.output_cap > 0 && call->ask.output_cap < most ? call->ask.output_cap : most;
    TRY(admit_ceiling(call, call->output_cap, &call->ceiling));
    if (call->ceiling <= available) {
        return ERR_OK;
    }
    int64_t enough = ADMIT_OUTPUT_MIN;
    int64_t nano = 0;
    TRY(admit_ceiling(call, enough, &nano));
    if (call->ask.output_cap > 0 || nano > available || call->output_cap <= enough) {
        return ERR_LEDGER_FUNDS;
    }
    int64_t too_many = call->output_cap;
    while (too_many - enough > 1) {
        int64_t middle = enough + (too_many - enough) / 2;
        TRY(admit_ceiling(call, middle, &nano));
        if (nano <= available) {
            enough = middle;
        } else {
            too_many = middle;
        }
    }
    call->output_cap = enough;
    return admit_ceiling(call, enough, &call->ceiling);
}

/* ADMIT: may this call be made, and what can it cost? */
enum call_next call_admit(struct call *call)
{
    struct gate *gate = call->gate;
    const struct gate_snapshot *snapshot = call->snapshot;
    if (store_failed(gate->world.store)) {
        return call_refuse(call, ERR_STORE_FAILED, "%s", err_info(ERR_STORE_FAILED)->text);
    }
    call->product = registry_product(snapshot->registry, call->key->product);
    if (call->product == NULL) {
        return call_refuse(call, ERR_MODEL_UNKNOWN, "The product of this key is not on sale.");
    }
    call->model = registry_product_model(call->product, call->ask.model);
    if (call->model == NULL) {
        return admit_unknown_model(call);
    }
    call->price = registry_product_price(call->product, call->model);
    if (call->price == NULL ||
        !str_eq(call->product->price_book->currency, ledger_currency(call->account))) {
        return call_refuse(call, ERR_PRICE_MISSING, "%s", err_info(ERR_PRICE_MISSING)->text);
    }
    enum err err = limits_take(gate->world.limits, call->key->client->id,
                               snapshot->options.calls_per_client, &call->place_of_client);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    struct account_credit *credit = ledger_credit(call->account);
    err = admit_cap(call, atomic_load_explicit(&credit->available, memory_order_relaxed));
    err = err == ERR_OK ? account_reserve(credit, call->ceiling) : err;
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    call_goto(call, CALL_HOLD);
    return CALL_NEXT;
}
