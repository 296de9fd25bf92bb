#include "gate/call_admit.h"

#include "gate/call_claim.h"
#include "gate/call_count.h"
#include "gate/call_extend.h"
#include "gate/call_limits.h"
#include "gate/call_talk.h"
#include "gate/call_tier.h"
#include "gate/gate_internal.h"
#include "gate/idem_key.h"
#include "gate/lookout.h"
#include "gate/price_shelf.h"
#include "ident/ident.h"

_Static_assert((int)USAGE_COUNT == (int)REGISTRY_PRICE_CLASSES &&
                   (int)USAGE_UNITS == (int)REGISTRY_UNITS,
               "usage and prices count the same classes and units");

#define ADMIT_OUTPUT_MIN      16 /* tokens: an answer cut shorter for lack of credit helps nobody */
#define ADMIT_TEMPLATE_TOKENS 256 /* that a template adds by itself: the largest known has 80 */

/* Each price down to a whole pico: what is asked for is exact, and no more than the percentage. */
static void admit_lower(struct rate *rate, int64_t percent)
{
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        rate->pico[i] = rate->pico[i] * percent / 100; /* prices are bounded: 10^15 at most */
    }
    for (size_t i = 0; i < USAGE_UNITS; i++) {
        rate->pico_unit[i] = rate->pico_unit[i] * percent / 100;
    }
    rate->pico_call = rate->pico_call * percent / 100;
}

uint64_t call_batch_percent(const struct call *call)
{
    return id_is_zero(call->batch) ? 0 : call->product->batch.price_percent;
}

/* Of prices that are those of the tier. */
static void admit_rate(const struct call_price *price, struct rate *ret_rate)
{
    for (size_t i = 0; i < USAGE_COUNT; i++) {
        /* A class that a kept list did not know is sold at today's price, and not for nothing. */
        const struct registry_price *used = price->price->known[i] ? price->price : price->listed;
        ret_rate->pico[i] = used->pico[i];
        ret_rate->known[i] = used->known[i];
    }
    for (size_t i = 0; i < USAGE_UNITS; i++) {
        const struct registry_price *used =
            price->price->known_unit[i] ? price->price : price->listed;
        ret_rate->pico_unit[i] = used->pico_unit[i];
    }
    ret_rate->pico_call = price->price->pico_call;
    rate_complete(ret_rate);
}

void call_price_rate(const struct call_price *price, struct rate *ret_rate)
{
    const struct call_price tiered = call_tier_price(price);
    admit_rate(&tiered, ret_rate);
}

void call_rate_at(const struct call *call, const struct call_price *price, struct rate *ret_rate)
{
    const struct call_price tiered = call_tier_price(price);
    admit_rate(&tiered, ret_rate);
    if (call->service->price != NULL) {
        bool kept = tiered.price->known_unit[REGISTRY_UNIT_IMAGE];
        call->service->price(call, kept ? tiered.price : tiered.listed, ret_rate);
    }
    if (price->percent != 0) {
        admit_lower(ret_rate, (int64_t)price->percent);
    }
}

void call_rate(const struct call *call, struct rate *ret_rate)
{
    const struct call_price price = { call->listed, call->price, call->kept,
                                      call_batch_percent(call), call->ask.tier };
    call_rate_at(call, &price, ret_rate);
}

static enum err admit_ceiling(const struct call *call, const struct rate_bounds *input, int64_t cap,
                              int64_t *ret_nano)
{
    struct rate rate;
    struct rate_bounds bounds = *input;
    call_rate(call, &rate);
    bounds.output = cap * call->ask.choices;
    TRY(rate_ceiling(&rate, &bounds, ret_nano));
    return call_fallback_ceiling(call, &bounds, ret_nano);
}

/* The client's cap, at most the model's. */
static int64_t admit_cap_asked(const struct call *call)
{
    if (!call->service->writes) {
        return 0;
    }
    int64_t most = (int64_t)call->model->output_tokens_max;
    return call->ask.output_cap > 0 && call->ask.output_cap < most ? call->ask.output_cap : most;
}

/* What the call may cost: the credit, or what is left of the key's budget; and which says so. */
static int64_t admit_room(const struct call *call, enum err *ret_reason)
{
    const struct account_credit *credit = ledger_credit(call->account);
    int64_t available = atomic_load_explicit(&credit->available, memory_order_relaxed);
    int64_t held = atomic_load_explicit(&credit->held, memory_order_relaxed);
    /* Credit that ended while it was held: what of it is no longer held buys nothing more. */
    int64_t ended = ledger_overdue(call->account) - held;
    available -= ended <= 0 ? 0 : ended < available ? ended : available;
    enum err reason = ERR_BUDGET_TOTAL;
    int64_t left =
        call->budget == NULL ? INT64_MAX : budget_left(call->budget, call->begun_wall_ns, &reason);
    *ret_reason = left < available ? reason : ERR_LEDGER_FUNDS;
    return left < available ? left : available;
}

static int64_t admit_available(const struct call *call)
{
    enum err reason = ERR_OK;
    return admit_room(call, &reason);
}

/* Credit first, then the budget; both or neither. */
static enum err admit_reserve(struct call *call)
{
    struct account_credit *credit = ledger_credit(call->account);
    TRY(account_reserve(credit, call->ceiling));
    if (call->budget == NULL) {
        return ERR_OK;
    }
    enum err err =
        budget_reserve(call->budget, call->ceiling, call->begun_wall_ns, &call->budgeted);
    if (err != ERR_OK) {
        account_release(credit, call->ceiling);
        return ERR_LEDGER_FUNDS; /* which of the two it was is looked at by who tells */
    }
    return ERR_OK;
}

/*
 * The output cap that always goes upstream: the client's, at most the model's. Where the client
 * gave none, what its credit covers bounds it too, found by halving between what is enough and
 * what is not. *ret_first: what of it the ceiling covers.
 */
static enum err admit_cap(struct call *call, const struct rate_bounds *input, int64_t available,
                          int64_t *ret_first)
{
    call->output_cap = admit_cap_asked(call);
    *ret_first = call_extend_first(call, call->output_cap);
    TRY(admit_ceiling(call, input, *ret_first, &call->ceiling));
    if (call->ceiling <= available) {
        return ERR_OK;
    }
    int64_t enough = ADMIT_OUTPUT_MIN;
    int64_t nano = 0;
    TRY(admit_ceiling(call, input, enough, &nano));
    bool fixed = call->ask.output_cap > 0 || call->work != NULL; /* nobody is told a lower one */
    if (fixed || nano > available || *ret_first <= enough) {
        return ERR_LEDGER_FUNDS;
    }
    int64_t too_many = *ret_first;
    while (too_many - enough > 1) {
        int64_t middle = enough + (too_many - enough) / 2;
        TRY(admit_ceiling(call, input, middle, &nano));
        if (nano <= available) {
            enough = middle;
        } else {
            too_many = middle;
        }
    }
    call->output_cap = enough;
    *ret_first = enough;
    return admit_ceiling(call, input, enough, &call->ceiling);
}

enum call_next call_cannot_pay(struct call *call)
{
    enum err reason = ERR_LEDGER_FUNDS;
    (void)admit_room(call, &reason); /* the reason is meant */
    if (call->claim == NULL) {
        return call_refuse(call, reason, "%s", err_info(reason)->text);
    }
    call_claim_only_look(call, reason); /* the first call may have used up the credit */
    call_goto(call, CALL_HOLD);
    return CALL_NEXT;
}

static enum call_next admit_refuse(struct call *call, enum err err)
{
    char text[CALL_MESSAGE_MAX];
    if (call->limits.refusal == NULL) {
        return call_refuse(call, err, "%s", err_info(err)->text);
    }
    call_limits_say(call, text, sizeof(text));
    return call_refuse(call, err, "%s", text);
}

enum call_next call_reserve(struct call *call, const struct rate_bounds *input)
{
    int64_t first = 0;
    enum err err = admit_cap(call, input, admit_available(call), &first);
    err = err == ERR_OK ? call_extend_begin(call, input, first) : err;
    err = err == ERR_OK ? call_limits_reserve(call, input) : err;
    err = err == ERR_OK ? admit_reserve(call) : err;
    if (err == ERR_LEDGER_FUNDS) {
        return call_cannot_pay(call);
    }
    if (err != ERR_OK) {
        return admit_refuse(call, err);
    }
    call_goto(call, CALL_HOLD);
    return CALL_NEXT;
}

bool call_could_pay(struct call *call, int64_t input_tokens)
{
    const struct rate_bounds input = {
        .input = input_tokens,
        .units = call->work == NULL ? NULL : call->work->most,
    };
    int64_t cap = call_extend_first(call, admit_cap_asked(call));
    bool fixed = call->ask.output_cap > 0 || call->work != NULL;
    cap = fixed || cap < ADMIT_OUTPUT_MIN ? cap : ADMIT_OUTPUT_MIN;
    return admit_ceiling(call, &input, cap, &call->ceiling) == ERR_OK &&
           call->ceiling <= admit_available(call);
}

/* Bytes of the body bound the tokens of a request of plain text, its markup included: each has at
 * least one, and a message's JSON is longer than what a template puts around it. Of tools, images
 * and sounds they say nothing. */
static struct rate_bounds admit_bound(const struct call *call)
{
    const struct vocab *vocab = call->counted_as == NULL ? NULL : call->counted_as->vocab;
    if (call->work != NULL) {
        int64_t most = call->work->input_most;
        bool tokens = vocab == NULL || call->work->mixed; /* it is no text whose bytes bound them */
        return (struct rate_bounds){
            .input = tokens ? most : (int64_t)count_bound(vocab, (uint64_t)most),
            .mixed = call->work->mixed,
            .units = call->work->most,
        };
    }
    uint64_t bytes = call->body.len;
    uint64_t bound = vocab == NULL ? bytes : count_bound(vocab, bytes);
    return (struct rate_bounds){
        .input = (int64_t)bound + call_talk_beyond(call) + ADMIT_TEMPLATE_TOKENS,
        .mixed = !call->ask.plain,
        .tools = call->ask.searches,
    };
}

/* Whether the bound decides: it holds and is covered, or there is no better count to be had. */
static bool admit_decides(const struct call *call, const struct rate_bounds *bound)
{
    int64_t ceiling = 0;
    int64_t first = call_extend_first(call, admit_cap_asked(call));
    bool better = call->counting != NULL && (call->work == NULL || !call->work->about);
    return !better || (call->ask.plain && call_limits_bound_will_do(call, bound) &&
                       admit_ceiling(call, bound, first, &ceiling) == ERR_OK &&
                       ceiling <= admit_available(call));
}

/* Credit keeps the price list that it was bought under: the lot that is drawn first says which. */
bool call_price_of(const struct call *call, const struct registry_model *model,
                   struct call_price *ret_price)
{
    const struct registry_price *listed = registry_product_price(call->product, model);
    const struct registry_price_book *prices = call->product->price_book;
    if (listed == NULL || !str_eq(prices->currency, ledger_currency(call->account))) {
        return false;
    }
    int64_t book = ledger_price_book(call->account);
    const struct price_shelf_price *kept =
        book == 0 ? NULL : price_shelf_find(call->gate->world.prices, book, prices->id, model->id);
    *ret_price = (struct call_price){
        .listed = listed,
        .price = kept == NULL ? listed : &kept->price,
        .kept = kept == NULL ? NULL : kept->book,
        .percent = call_batch_percent(call),
        .tier = call->ask.tier,
    };
    return true;
}

/* What the model costs, and whether any source is left that law, product and client want. */
static enum err admit_terms(struct call *call, struct fail *fail)
{
    struct call_price price;
    if (!id_is_zero(call->batch) && call_batch_percent(call) == 0) {
        return FAIL(fail, ERR_ASK_UNSUPPORTED, "This product sells no batches any more.");
    }
    if (!call_price_of(call, call->model, &price)) {
        return FAIL(fail, ERR_PRICE_MISSING, "%s", err_info(ERR_PRICE_MISSING)->text);
    }
    call->listed = price.listed;
    call->price = price.price;
    call->kept = price.kept;
    TRY(call_tier_check(call, &price, fail));
    TRY(call_service_check(call, fail));
    TRY(call_talk_carry(call, fail));
    return call_prefer_begin(call, fail);
}

/* ADMIT: what can this call cost, and is there room for it? */
enum call_next call_admit(struct call *call)
{
    struct gate *gate = call->gate;
    enum err err = call_claim_begin(call);
    if (err != ERR_OK) {
        call->param = err == ERR_ASK_INVALID ? "Idempotency-Key" : NULL;
        return call_refuse(call, err, "%s",
                           err == ERR_ASK_INVALID ? IDEM_KEY_TEXT : err_info(err)->text);
    }
    if (call_repeat_begin(call)) {
        call_goto(call, CALL_REPEAT);
        return CALL_NEXT;
    }
    struct fail fail = { .text = "" };
    err = admit_terms(call, &fail);
    if (err != ERR_OK) {
        return call_refuse(call, err, "%s", fail.text);
    }
    err = call_limits_begin(call);
    if (err == ERR_LIMIT_CALLS && gate->world.lookout != NULL) {
        lookout_crowded(gate->world.lookout, call->key, call->begun_wall_ns);
    }
    if (err != ERR_OK) {
        return admit_refuse(call, err);
    }
    call_count_begin(call);
    struct rate_bounds bound = admit_bound(call);
    if (admit_decides(call, &bound)) {
        return call_reserve(call, &bound);
    }
    call_goto(call, CALL_COUNT);
    return CALL_NEXT;
}
