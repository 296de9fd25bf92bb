#include "gate/call_fallback.h"

#include "base/counter.h"
#include "gate/call_count.h"
#include "gate/call_device.h"
#include "gate/call_limits.h"
#include "gate/call_talk.h"
#include "gate/call_tier.h"
#include "gate/gate_internal.h"
#include "gate/price_shelf.h"
#include "wire/json.h"

/* Another vocabulary makes so much of the same text at most, in hundredths: what is above it is
 * held too little, and not charged. */
#define FALLBACK_INPUT_PERCENT 150

enum err call_fallback_find(struct call *call, struct fail *fail)
{
    char text[ASK_NAME_MAX];
    struct str name;
    if (call->ask.models.count <= call->ask.models_skip) {
        return ERR_OK;
    }
    struct call_fallback *fallback = arena_zalloc(&call->arena, sizeof(*fallback));
    if (fallback == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "%s", err_info(ERR_NO_MEMORY)->text);
    }
    struct str rest = json_inside(call->ask.models.list);
    for (size_t i = 0; ask_next_name(&rest, text, &name); i++) {
        const struct registry_model *model = registry_product_model(call->product, name);
        if (model == NULL || !call_device_has_model(call->key, model->id)) {
            call->param = "models";
            return FAIL(fail, ERR_MODEL_UNKNOWN,
                        "\"models\": this key may not buy \"" STR_FMT "\".", STR_ARG(name));
        }
        if (i >= call->ask.models_skip && model != call->model) {
            fallback->models[fallback->count++] = model;
        }
    }
    fallback->first = call->model;
    call->fallback = fallback;
    return ERR_OK;
}

enum err call_fallback_ceiling(const struct call *call, const struct rate_bounds *input,
                               int64_t *nano)
{
    const struct call_fallback *fallback = call->fallback;
    for (size_t i = 0; fallback != NULL && i < fallback->count; i++) {
        struct call_price price;
        if (!call_price_of(call, fallback->models[i], &price) || !call_tier_sold(call, &price)) {
            continue; /* it will not be sold */
        }
        struct rate rate;
        struct rate_bounds bounds = *input;
        int64_t dear = 0;
        bounds.input = bounds.input * FALLBACK_INPUT_PERCENT / 100;
        bounds.image = bounds.image * FALLBACK_INPUT_PERCENT / 100;
        bounds.audio = bounds.audio * FALLBACK_INPUT_PERCENT / 100;
        call_rate_at(call, &price, &rate);
        TRY(rate_ceiling(&rate, &bounds, &dear));
        *nano = dear > *nano ? dear : *nano;
    }
    return ERR_OK;
}

/* ---- changing over ------------------------------------------------------------------------ */

/* What of a call belongs to its model. */
struct fallback_state {
    const struct registry_model *model;
    struct call_law law;
    struct call_quota *quota;
    struct call_price price;
    uint64_t tried;
    uint64_t uncarried;
    int64_t output_cap;
    bool fell_back;
};

static struct fallback_state fallback_keep(const struct call *call)
{
    return (struct fallback_state){
        .model = call->model,
        .law = call->law,
        .quota = call->quota,
        .price = { call->listed, call->price, call->kept, call_batch_percent(call),
                   call->ask.tier },
        .tried = call->tried,
        .uncarried = call->uncarried,
        .output_cap = call->output_cap,
        .fell_back = call->fell_back,
    };
}

static void fallback_put_back(struct call *call, const struct fallback_state *state)
{
    call->model = state->model;
    call->law = state->law;
    call->quota = state->quota;
    call->listed = state->price.listed;
    call->price = state->price.price;
    call->kept = state->price.kept;
    call->tried = state->tried;
    call->uncarried = state->uncarried;
    call->fell_back = state->fell_back;
}

/* May it be sold to this client, now and at a price of the list that the hold names? */
static bool fallback_may_be_sold(struct call *call, const struct registry_model *model)
{
    struct call_price price;
    struct fail fail;
    const struct policy_verdict *verdict = NULL;
    if (!call_price_of(call, model, &price) || price.kept != call->kept ||
        !call_tier_sold(call, &price)) {
        return false;
    }
    call->model = model;
    call->tried = 0;
    call->listed = price.listed;
    call->price = price.price;
    return call_law_judge_model(call, &verdict) == ERR_OK && verdict->allow &&
           call_receipt_fits(call) && call_service_check(call, &fail) == ERR_OK &&
           call_talk_carry(call, &fail) == ERR_OK && call_prefer_begin(call, &fail) == ERR_OK &&
           call_limits_switch(call);
}

/* Nothing was said of an answer yet; the input is counted anew, while the source works. */
static void fallback_count(struct call *call)
{
    int64_t most = (int64_t)call->model->output_tokens_max;
    call_count_end(call);
    call->has_counted = false;
    call->counted_as = NULL;
    call->counter = NULL;
    tally_fini(&call->tally);
    tally_init(&call->tally);
    buf_reset(&call->said);
    call_count_begin(call);
    call->output_cap = call->output_cap < most ? call->output_cap : most;
}

/* None of them could serve: the call waits for its own model, or fails as its own. What its model
 * had of the limits is taken anew; what others have taken meanwhile does not refuse it now. */
static void fallback_back(struct call *call, const struct fallback_state *state)
{
    fallback_put_back(call, state);
    call->output_cap = state->output_cap;
    fallback_count(call);
    call_prefer_back(call);
    EP_IGNORE(call_limits_switch(call));
}

bool call_fallback_next(struct call *call)
{
    struct call_fallback *fallback = call->fallback;
    if (fallback == NULL || fallback->next == fallback->count || call->body.len == 0) {
        return false;
    }
    ASSERT(call->extend == NULL);
    if (fallback->before == NULL) {
        fallback->before = arena_alloc(&call->arena, sizeof(*fallback->before));
        if (fallback->before == NULL) {
            return false;
        }
        *fallback->before = fallback_keep(call);
    }
    const char *param = call->param;
    call_quota_end(call, false); /* of the attempt before */
    while (fallback->next < fallback->count) {
        if (fallback_may_be_sold(call, fallback->models[fallback->next++])) {
            call->fell_back = true;
            fallback_count(call);
            return true;
        }
        fallback_put_back(call, fallback->before);
        call->param = param;
    }
    return false;
}

void call_fallback_end(struct call *call, bool begun)
{
    struct call_fallback *fallback = call->fallback;
    if (fallback == NULL || fallback->before == NULL) {
        return;
    }
    if (begun) {
        counter_add(COUNTER_MODEL_FALLBACKS, 1);
    } else {
        fallback_back(call, fallback->before);
    }
    fallback->before = NULL;
}
