#include "gate/call_attempt.h"

#include <string.h>

#include "base/mem.h"
#include "gate/call.h"
#include "gate/call_count.h"
#include "gate/call_tier.h"
#include "tlog/receipt.h"
#include "wire/json.h"

enum err call_attempt_begin(struct call *call, const struct registry_route *route)
{
    struct call_attempt *before = NULL;
    if (call->attempt.n > 0) {
        before = mem_alloc(sizeof(*before));
        if (before == NULL) {
            return ERR_NO_MEMORY;
        }
        *before = call->attempt;
    }
    call->attempt =
        (struct call_attempt){ .next = before, .route = route, .n = (int32_t)++call->attempts };
    return ERR_OK;
}

void call_attempt_named(struct call_attempt *attempt, const struct http1_head *head)
{
    struct str id = http1_header(head, STR("x-request-id"));
    call_attempt_called(attempt, id.len > 0 ? id : http1_header(head, STR("request-id")));
}

void call_attempt_called(struct call_attempt *attempt, struct str id)
{
    if (id.len == 0 || attempt->id_len > 0) {
        return;
    }
    id = str_slice(id, 0, id.len < CALL_UPSTREAM_ID_MAX ? id.len : CALL_UPSTREAM_ID_MAX);
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '"' || id.ptr[i] == '\\') {
            return; /* no id that anybody could look up */
        }
    }
    memcpy(attempt->id, id.ptr, id.len);
    attempt->id_len = (unsigned char)id.len;
}

void call_attempt_declared(struct call_attempt *attempt, struct str name)
{
    struct str rest = json_inside(name);
    attempt->declared_len = 0;
    while (rest.len > 0 && attempt->declared_len < CALL_DECLARED_MAX) {
        char bytes[4];
        size_t len = json_take_char(&rest, bytes);
        bool plain = len == 1 && bytes[0] >= ' ' && bytes[0] <= '~';
        attempt->declared[attempt->declared_len++] = plain ? bytes[0] : '?';
    }
}

void call_attempt_keep(struct call *call, const struct call_attempt *attempt,
                       struct call_attempt *room)
{
    *room = *attempt;
    room->next = call->attempt.next;
    call->attempt.next = room;
}

/* ---- what is told of them ----------------------------------------------------------------- */

/* The first first: how many. */
static size_t attempt_list(const struct call *call,
                           const struct call_attempt *ret_list[LEDGER_ATTEMPTS_MAX])
{
    size_t count = (size_t)call->attempts;
    size_t found = 0;
    ASSERT(count <= LEDGER_ATTEMPTS_MAX);
    const struct call_attempt *attempt = call->attempt.n > 0 ? &call->attempt : NULL;
    for (; attempt != NULL; attempt = attempt->next, found++) {
        ASSERT(attempt->n > 0 && attempt->n <= call->attempts);
        ret_list[attempt->n - 1] = attempt;
    }
    ASSERT(found == count); /* each has its number */
    return count;
}

static struct str attempt_outcome(const struct call_attempt *attempt)
{
    return attempt->err != ERR_OK ? str_from(err_info(attempt->err)->code)
           : attempt->overtaken   ? STR("overtaken")
                                  : STR("complete");
}

/* The last one, if the client pays for it, or has got what costs nothing. */
static bool attempt_billable(const struct call *call, const struct call_attempt *attempt)
{
    return attempt == &call->attempt &&
           (call->charge > 0 || call->overrun > 0 || call->outcome == OUTCOME_COMPLETE);
}

enum err call_attempts_write(const struct call *call, struct store_txn *txn, struct fail *fail)
{
    const struct call_attempt *list[LEDGER_ATTEMPTS_MAX];
    size_t count = attempt_list(call, list);
    for (size_t i = 0; i < count; i++) {
        bool billable = attempt_billable(call, list[i]);
        const struct ledger_attempt row = {
            .n = list[i]->n,
            .route = list[i]->route->id,
            .upstream_id = { list[i]->id, list[i]->id_len },
            .outcome = attempt_outcome(list[i]),
            .usage_source = billable ? str_from(call->provenance) : STR("none"),
            .sent = list[i]->sent,
            .billable = billable,
        };
        TRY(ledger_write_attempt(txn, &call->hold.row, &row, fail));
    }
    return ERR_OK;
}

int64_t call_attempt_took(const struct call *call, const struct call_attempt *attempt,
                          const struct dispatch_place *place)
{
    if (!attempt->sent || attempt->route != place->route) {
        return 0;
    }
    int64_t input = place->tokens - call_prefer_output(call);
    bool stops = attempt->route->abort_billing == REGISTRY_ABORT_STOPS;
    return stops ? (input > 0 ? input : 0) : place->tokens;
}

/* What an overtaken attempt used, as well as that can be known: our count of the input, as its
 * server takes it, else what the other one reported of the same; and where an upstream goes on
 * when the connection is closed, or may, as much output as the other one wrote. A report that
 * contradicts itself says nothing. */
static const char *attempt_used(const struct call *call, const struct call_attempt *attempt,
                                struct usage *ret_usage)
{
    bool reported = call->has_reported && !call->reported.quarantined;
    const struct usage *other = reported ? &call->reported : &call->counted_usage;
    bool stops = attempt->route->abort_billing == REGISTRY_ABORT_STOPS;
    *ret_usage = (struct usage){ 0 };
    if (attempt->route->model != call->model || (!call->has_counted && !reported)) {
        return NULL;
    }
    if (call->has_counted) {
        const struct chat_counted *input = call_count_of(call, attempt->route->special_text);
        ret_usage->tokens[USAGE_IN] =
            (int64_t)(input->tokens + input->image_tokens + input->audio_tokens);
    } else {
        ret_usage->tokens[USAGE_IN] = usage_sum_side(&call->reported, false);
    }
    ret_usage->tokens[USAGE_OUT] = stops ? 0 : usage_sum_side(other, true);
    return call->has_counted ? "counted" : "reported";
}

/* By the route's contract: it is the operator's, and no client pays it. */
static void attempt_cost(const struct call *call, const struct call_attempt *attempt,
                         struct receipt_try *try)
{
    const struct registry_price *contract = attempt->route->contract;
    struct usage usage;
    struct rate rate;
    money_wide pico = 0;
    if (!attempt->overtaken || !attempt->sent) {
        return;
    }
    const char *by = attempt_used(call, attempt, &usage);
    const struct call_price price = { .listed = contract,
                                      .price = contract,
                                      .tier = call_tier_told(call, attempt->route) };
    call_price_rate(&price, &rate);
    if (by != NULL && rate_usage(&rate, &usage, &pico) == ERR_OK &&
        money_nano_ceil(pico, &try->cost_nano)) {
        try->cost_by = str_from(by);
        try->cost_currency = attempt->route->contract_price->currency;
    }
}

size_t call_attempts_tell(const struct call *call, struct receipt_try *ret_tries)
{
    const struct call_attempt *list[LEDGER_ATTEMPTS_MAX];
    size_t count = attempt_list(call, list);
    for (size_t i = 0; i < count; i++) {
        ret_tries[i] = (struct receipt_try){
            .route = list[i]->route->id,
            .upstream_id = { list[i]->id, list[i]->id_len },
            .outcome = attempt_outcome(list[i]),
            .sent = list[i]->sent,
            .billable = attempt_billable(call, list[i]),
            .hedge = list[i]->hedge,
        };
        attempt_cost(call, list[i], &ret_tries[i]);
    }
    return count;
}

void call_attempts_free(struct call *call)
{
    while (call->attempt.next != NULL) {
        struct call_attempt *next = call->attempt.next->next;
        mem_free(call->attempt.next);
        call->attempt.next = next;
    }
}
