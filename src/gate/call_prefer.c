#include "gate/call_prefer.h"

#include <string.h>

#include "gate/gate_internal.h"
#include "gate/prefer.h"
#include "gate/quarantine.h"
#include "ident/ident.h"

/* Tokens of output a choice that are expected of a call without a cap to take of a capacity: models
 * write far less than they may, and what is more is put right at the end. */
#define PREFER_OUTPUT_GUESS 1024

uint64_t call_prefer_shut(const struct call *call)
{
    return quarantine_bits(call->gate->world.quarantine, call->model) | ~call->law.routes |
           call_service_closed(call, call->model) | prefer_closed(call->product, call->model);
}

static uint64_t prefer_shut(const struct call *call)
{
    return quarantine_bits(call->gate->world.quarantine, call->model) | ~call->law.routes |
           call_service_closed(call, call->model) | call->uncarried |
           (call->prefer == NULL ? 0 : call->prefer->closed);
}

/* ---- which of it leaves nothing ----------------------------------------------------------- */

/* What the client pays is the product's price, whichever the route. */
static enum err prefer_price(struct call *call, struct fail *fail)
{
    const struct ask_provider *given = &call->prefer->given;
    struct rate rate;
    call_rate(call, &rate);
    const char *part =
        prefer_price_above(given, rate.pico[USAGE_IN], rate.pico[USAGE_OUT], rate.pico_call);
    bool pictures = call->work != NULL && call->work->most[USAGE_UNIT_IMAGE] > 0;
    if (part == NULL && pictures && given->max_image >= 0 &&
        rate.pico_unit[USAGE_UNIT_IMAGE] > given->max_image) {
        part = "image";
    }
    if (part == NULL) {
        return ERR_OK;
    }
    call->param = "provider.max_price";
    return FAIL(fail, ERR_PREFERENCE,
                "provider.max_price.%s leaves no source: this model's price is above it", part);
}

static enum err prefer_blame(struct call *call, struct fail *fail)
{
    struct preference_blame blame;
    preference_blame(&call->prefer->preference, call->model, prefer_shut(call), &blame);
    if (blame.rule == PREFERENCE_RULE_NONE) {
        return ERR_OK;
    }
    char text[FAIL_TEXT_MAX / 2];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    EP_IGNORE(preference_blame_print(&blame, &shown)); /* what fits */
    call->param = prefer_param(blame.rule);
    return FAIL(fail, ERR_PREFERENCE, "No source is left for this model: " STR_FMT ".",
                STR_ARG(buf_str(&shown)));
}

/* What was read once is read again: few calls say anything, and those that do not keep no room. */
static enum err prefer_make(struct call *call)
{
    const char *param = NULL;
    struct call_prefer *prefer = arena_zalloc(&call->arena, sizeof(*prefer));
    if (prefer == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ask_read_provider(call->ask.provider, &prefer->given, &param, NULL);
    ASSERT(err == ERR_OK); /* as it was when the ask was read */
    TRY(prefer_build(&prefer->given, &call->product->dispatch, &call->arena, &prefer->preference));
    call->prefer = prefer;
    return ERR_OK;
}

enum err call_prefer_begin(struct call *call, struct fail *fail)
{
    if (call->ask.provider.len == 0 && !prefer_product_says(&call->product->dispatch)) {
        return ERR_OK;
    }
    if (call->prefer == NULL && prefer_make(call) != ERR_OK) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    call->prefer->closed = prefer_closed(call->product, call->model);
    TRY(prefer_price(call, fail));
    return prefer_blame(call, fail);
}

void call_prefer_back(struct call *call)
{
    if (call->prefer != NULL) {
        call->prefer->closed = prefer_closed(call->product, call->model);
    }
}

/* ---- the question ------------------------------------------------------------------------- */

/* Most calls read more than they write; the client's own cap bounds what is written. */
static void prefer_expect(const struct call *call, struct dispatch_ask *ask)
{
    int64_t input = call->has_counted ? (int64_t)call->counted[0].tokens
                                      : (int64_t)call->body.len / 4; /* bytes of a token of text */
    int64_t output = input / 3;
    int64_t cap = call->ask.output_cap * call->ask.choices;
    ask->tokens_in = input;
    ask->tokens_out = cap > 0 && cap < output ? cap : output;
}

int64_t call_prefer_output(const struct call *call)
{
    bool guess = call->ask.output_cap == 0 && call->output_cap > PREFER_OUTPUT_GUESS;
    return (guess ? PREFER_OUTPUT_GUESS : call->output_cap) * call->ask.choices;
}

void call_prefer_ask(const struct call *call, struct dispatch_ask *ret_ask)
{
    uint64_t chance = 0;
    memcpy(&chance, call->id.bytes + sizeof(call->id.bytes) - sizeof(chance), sizeof(chance));
    *ret_ask = (struct dispatch_ask){
        .registry = call->snapshot->registry,
        .product = call->product,
        .model = call->model,
        .tried = call->tried,
        .closed = prefer_shut(call),
        .uncarried = call->uncarried,
        .preference = call->prefer == NULL ? NULL : &call->prefer->preference,
        .chance = chance + (uint64_t)call->attempts, /* its last bytes are random */
        .now_ns = loop_now_ns(call->gate->loop),
        .wall_ns = loop_wall_ns(call->gate->loop),
        .yields = call->ask.flex,
        .spot = call_queue_spot(call),
        .units = call->work == NULL ? NULL : call->work->most,
    };
    prefer_expect(call, ret_ask);
    ret_ask->capacity_tokens = ret_ask->tokens_in + call_prefer_output(call);
    if (ret_ask->preference != NULL && ret_ask->preference->sort == PREFERENCE_SORT_ENERGY) {
        prefer_energy(call->model, ret_ask->tokens_in, ret_ask->tokens_out, call->gate->energy_uj);
        ret_ask->energy_uj = call->gate->energy_uj;
    }
    if (call->model->route_count > 1 && call->work == NULL) {
        struct str client = { (const char *)call->key->client->id.bytes,
                              sizeof(call->key->client->id.bytes) };
        ret_ask->affinity = prefer_affinity(client, call->model->id, call->ask.messages);
    }
}
