#include "gate/call_claim.h"

#include "base/counter.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "gate/call_talk.h"
#include "gate/gate_internal.h"
#include "gate/idem_key.h"
#include "ident/ident.h"
#include "ledger/idem.h"
#include "wire/url.h"

_Static_assert(IDEM_SUM_BYTES == DIGEST_BYTES, "keys and fingerprints are SHA-256");

struct call_claim {
    struct digest key;
    struct digest fingerprint; /* of method, path and body */
    struct idem_earlier earlier;
    enum err refusal; /* ERR_OK, or why this call cannot be made, whoever has the key */
};

/* A client's keys share its Idempotency-Keys; a device's are its own: another device of the fleet
 * that begins with the same one gets no answer of its, and stands in nobody's way. */
static struct digest claim_key(const struct call *call, struct str key)
{
    bool device = call->key->device != NULL;
    const struct str parts[] = { device ? id_str(&call->key->id) : STR_EMPTY, key };
    return digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
}

enum err call_claim_begin(struct call *call)
{
    ASSERT(call->claim == NULL);
    ASSERT(call->x != NULL && call->key != NULL);
    const struct http1_head *head = http_exchange_head(call->x);
    char room[IDEM_KEY_MAX];
    struct str key;
    TRY(idem_key_read(head, room, &key));
    if (key.len == 0) {
        return ERR_OK;
    }
    struct call_claim *claim = mem_zalloc(sizeof(*claim));
    if (claim == NULL) {
        return ERR_NO_MEMORY;
    }
    struct str query;
    const struct str parts[] = {
        head->method_text,     STR(" "), url_target_path(head->target, &query), STR("\n"),
        call_talk_asked(call),
    };
    claim->key = claim_key(call, key);
    claim->fingerprint = digest_sha256_parts(parts, EP_ARRAY_LEN(parts));
    call->claim = claim;
    return ERR_OK;
}

void call_claim_only_look(struct call *call, enum err refusal)
{
    ASSERT(call->claim != NULL);
    ASSERT(refusal != ERR_OK);
    call->claim->refusal = refusal;
}

bool call_claim_only_looks(const struct call *call)
{
    return call->claim != NULL && call->claim->refusal != ERR_OK;
}

void call_claim_free(struct call *call)
{
    if (call->claim != NULL) {
        buf_fini(&call->claim->earlier.result);
        mem_free(call->claim);
        call->claim = NULL;
    }
}

/* ---- rows --------------------------------------------------------------------------------- */

enum err call_claim_write(struct call *call, struct store_txn *txn, struct fail *fail)
{
    struct call_claim *claim = call->claim;
    const struct idem_ask ask = { digest_str(&claim->key), digest_str(&claim->fingerprint) };
    TRY(idem_look(txn, call->account, &ask, &claim->earlier, fail));
    if (claim->earlier.found != IDEM_FREE || claim->refusal != ERR_OK) {
        return ERR_OK;
    }
    ASSERT(call->hold.placed);
    TRY(ledger_write_hold(call->gate->world.ledger, txn, &call->hold.row, fail));
    return idem_claim(txn, &call->hold.row, &ask, fail);
}

bool call_has_whole_answer(const struct call *call)
{
    return !call->streamed && call->upstream_over && call->upstream_err == ERR_OK &&
           call->upstream_status == 200 && call->answer.len > 0;
}

/* The answer that a client gets again: not too large to be kept. That its own client had gone
 * before it came is the very reason to keep it. */
static bool claim_has_result(const struct call *call)
{
    return call_has_whole_answer(call) && call->answer.len <= IDEM_RESULT_MAX;
}

enum err call_claim_end(const struct call *call, struct store_txn *txn, struct fail *fail)
{
    ASSERT(call->claim->earlier.found == IDEM_FREE);
    bool sold = call->outcome == OUTCOME_COMPLETE || call->outcome == OUTCOME_INTERRUPTED;
    ASSERT(sold || call->charge == 0);
    if (!sold) {
        return idem_release(txn, &call->hold.row, fail);
    }
    return claim_has_result(call) ? idem_keep(txn, &call->hold.row, buf_str(&call->answer), fail)
                                  : ERR_OK;
}

/* ---- what became of it -------------------------------------------------------------------- */

bool call_claim_won(const struct call *call)
{
    ASSERT(call->hold.err != ERR_BUSY);
    const struct call_claim *claim = call->claim;
    return call->hold.err == ERR_OK && claim->refusal == ERR_OK &&
           claim->earlier.found == IDEM_FREE;
}

enum call_next call_claim_lost(struct call *call)
{
    static const enum err refusals[] = {
        [IDEM_MISMATCH] = ERR_IDEM_MISMATCH,
        [IDEM_UNDER_WAY] = ERR_IDEM_UNDER_WAY,
        [IDEM_NO_RESULT] = ERR_IDEM_NO_RESULT,
    };
    const struct call_claim *claim = call->claim;
    ASSERT(!call_claim_won(call));
    if (call->hold.placed) {
        account_release(ledger_credit(call->account), call->ceiling);
        budget_settle(&call->budgeted, 0, false);
        counter_add(COUNTER_HOLDS_OPEN, -1);
        call->hold.placed = false; /* no row of it was written */
    }
    if (call->hold.err == ERR_OK && claim->earlier.found == IDEM_RESULT) {
        call->outcome = OUTCOME_REPLAYED;
        call_goto(call, CALL_DONE);
        return CALL_NEXT;
    }
    enum err err = call->hold.err != ERR_OK            ? call->hold.err
                   : claim->earlier.found == IDEM_FREE ? claim->refusal
                                                       : refusals[claim->earlier.found];
    return call_refuse(call, err, "%s", err_info(err)->text);
}

const struct idem_earlier *call_claim_earlier(const struct call *call)
{
    bool known = call->claim != NULL && call->claim->earlier.found != IDEM_FREE;
    return known ? &call->claim->earlier : NULL;
}
