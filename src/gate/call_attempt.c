#include "gate/call_attempt.h"

#include <string.h>

#include "base/mem.h"
#include "gate/call.h"
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
    call->attempt = (struct call_attempt){ .next = before, .route = route, .n = ++call->attempts };
    return ERR_OK;
}

void call_attempt_named(struct call *call, const struct http1_head *head)
{
    struct str id = http1_header(head, STR("x-request-id"));
    id = id.len > 0 ? id : http1_header(head, STR("request-id"));
    if (id.len == 0) {
        return;
    }
    id = str_slice(id, 0, id.len < CALL_UPSTREAM_ID_MAX ? id.len : CALL_UPSTREAM_ID_MAX);
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '"' || id.ptr[i] == '\\') {
            return; /* no id that anybody could look up */
        }
    }
    memcpy(call->attempt.id, id.ptr, id.len);
    call->attempt.id_len = (unsigned char)id.len;
}

void call_attempt_declared(struct call *call, struct str name)
{
    struct call_attempt *attempt = &call->attempt;
    struct str rest = json_inside(name);
    attempt->declared_len = 0;
    while (rest.len > 0 && attempt->declared_len < CALL_DECLARED_MAX) {
        char bytes[4];
        size_t len = json_take_char(&rest, bytes);
        bool plain = len == 1 && bytes[0] >= ' ' && bytes[0] <= '~';
        attempt->declared[attempt->declared_len++] = plain ? bytes[0] : '?';
    }
}

/* ---- what is told of them ----------------------------------------------------------------- */

/* The first first: how many. */
static size_t attempt_list(const struct call *call,
                           const struct call_attempt *ret_list[LEDGER_ATTEMPTS_MAX])
{
    size_t count = (size_t)call->attempt.n;
    const struct call_attempt *attempt = &call->attempt;
    ASSERT(count <= LEDGER_ATTEMPTS_MAX);
    for (size_t i = count; i > 0; i--) {
        ret_list[i - 1] = attempt;
        attempt = attempt->next;
    }
    ASSERT(count == 0 || attempt == NULL);
    return count;
}

static struct str attempt_outcome(const struct call_attempt *attempt)
{
    return attempt->err == ERR_OK ? STR("complete") : str_from(err_info(attempt->err)->code);
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
        };
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
