#include "app/erasure.h"

#include <string.h>

#include "app/held.h"
#include "base/mem.h"
#include "base/money.h"
#include "gate/upstream_claim.h"
#include "ledger/forget.h"
#include "tlog/erase.h"

#define LOOK_ROWS INT64_MAX /* all of them */

/* ---- calls in claims ------------------------------------------------------------------------ */

struct look_call {
    struct claim_call call;
    bool mine;
};

/* The calls that claims list, and which of them are of one account. */
struct look_claims {
    struct look_call *items;
    size_t count;
    size_t cap;
    struct map first; /* by call id: its first item; the map's value */
};

static enum err look_on_claim(void *context, const struct claim_call *call)
{
    struct look_claims *claims = context;
    if (claims->count == claims->cap) {
        size_t cap = claims->cap == 0 ? 64 : 2 * claims->cap;
        struct look_call *items = mem_realloc(claims->items, cap * sizeof(*items));
        if (items == NULL) {
            return ERR_NO_MEMORY;
        }
        claims->items = items;
        claims->cap = cap;
    }
    claims->items[claims->count++] = (struct look_call){ .call = *call };
    return ERR_OK;
}

static enum err look_on_call(void *context, struct id call)
{
    struct look_call *found = map_find(&((struct look_claims *)context)->first, id_str(&call));
    if (found != NULL) {
        found->mine = true;
    }
    return ERR_OK;
}

/* Into an empty one; look_claims_fini() in any case. The items do not move any more. */
static enum err look_claims_read(struct look_claims *claims, struct store_txn *txn, int64_t account,
                                 struct fail *fail)
{
    TRY(upstream_claim_calls(txn, look_on_claim, claims, fail));
    for (size_t i = 0; i < claims->count; i++) {
        enum err err =
            map_add(&claims->first, id_str(&claims->items[i].call.call), &claims->items[i]);
        if (err != ERR_OK && err != ERR_CONFLICT) { /* one call may be listed twice */
            return err;
        }
    }
    TRY(claims->count == 0 ? ERR_OK : ledger_calls_of(txn, account, look_on_call, claims, fail));
    for (size_t i = 0; i < claims->count; i++) {
        const struct look_call *first =
            map_find(&claims->first, id_str(&claims->items[i].call.call));
        claims->items[i].mine = first->mine;
    }
    return ERR_OK;
}

static void look_claims_fini(struct look_claims *claims)
{
    map_fini(&claims->first);
    mem_free(claims->items);
}

/* The open claim with a call of the account; 0: there is none. */
static enum err look_open_claim(struct store_txn *txn, int64_t account, int64_t *ret_claim,
                                struct fail *fail)
{
    struct look_claims claims = { .items = NULL };
    map_init(&claims.first);
    enum err err = look_claims_read(&claims, txn, account, fail);
    for (size_t i = 0; err == ERR_OK && i < claims.count && *ret_claim == 0; i++) {
        const struct look_call *item = &claims.items[i];
        *ret_claim = item->mine && item->call.open ? item->call.claim : 0;
    }
    look_claims_fini(&claims);
    return err;
}

/* ---- taking the sources' ids away ------------------------------------------------------------ */

struct look_forget {
    struct store_job job;
    struct look_claims claims;
    int64_t account;
};

static enum err look_forget_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct look_forget *forget = context;
    return look_claims_read(&forget->claims, txn, forget->account, fail);
}

static enum err look_forget_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct look_claims *claims = &EP_CONTAINER(job, struct look_forget, job)->claims;
    for (size_t i = 0; i < claims->count; i++) {
        const struct claim_call *call = &claims->items[i].call;
        if (claims->items[i].mine && call->named) {
            TRY(upstream_claim_forget(txn, call->claim, call->number, fail));
        }
    }
    return ERR_OK;
}

enum err erasure_forget_claims(struct store *store, int64_t account, struct fail *fail)
{
    struct look_forget forget = { .job = { .run = look_forget_run }, .account = account };
    map_init(&forget.claims.first);
    enum err err = store_read(store, look_forget_read, &forget, fail);
    err = err == ERR_OK && forget.claims.count > 0 ? store_run(store, &forget.job, fail) : err;
    look_claims_fini(&forget.claims);
    return err == ERR_NO_MEMORY ? FAIL(fail, err, "no memory for the calls in claims") : err;
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct looking {
    const struct erasing *erasing;
    const struct client *client;
    struct map keys;
    struct erasure_look *look;
};

static enum err look_on_receipt(void *context, const struct tlog_row *row)
{
    struct looking *looking = context;
    looking->look->receipts += section_of_key(row->client, &looking->keys) ? 1 : 0;
    return ERR_OK;
}

static enum err look_attempts(struct store_txn *txn, struct erasure_look *look, struct fail *fail)
{
    struct ledger_attempts attempts = { .next = 0 };
    int64_t from = 0;
    do {
        from = attempts.next;
        TRY(ledger_attempts_of(txn, look->account, from, &attempts, fail));
        look->attempts += (int64_t)attempts.count;
    } while (attempts.next > from);
    return ERR_OK;
}

static enum err look_review(struct looking *looking, struct store_txn *txn, struct fail *fail)
{
    struct held held;
    enum err err = held_init(&held, txn, looking->erasing->ident, fail);
    looking->look->review = err == ERR_OK && held_client(&held, looking->client->id);
    held_fini(&held);
    return err;
}

static enum err look_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct looking *looking = context;
    struct erasure_look *look = looking->look;
    struct ledger_forget_look books;
    struct erasure before;
    TRY(ledger_forget_look(txn, looking->client->account, &books, fail));
    look->account = books.row;
    look->pending = books.pending;
    look->balance = books.balance;
    look->orders = books.orders;
    look->answers = books.answers;
    look->papers = books.papers;
    enum err found = erasure_find(txn, looking->client->id, &before, fail);
    look->erased = found == ERR_OK;
    TRY(found == ERR_NOT_FOUND ? ERR_OK : found);
    TRY(look_open_claim(txn, look->account, &look->claim, fail));
    TRY(look_review(looking, txn, fail));
    TRY(look_attempts(txn, look, fail));
    return tlog_rows(txn, 0, LOOK_ROWS, look_on_receipt, looking, fail);
}

enum err erasure_look(const struct erasing *erasing, const struct client *client,
                      struct erasure_look *ret_look, struct fail *fail)
{
    struct erasure_look look = { .account = 0 };
    struct looking looking = { .erasing = erasing, .client = client, .look = &look };
    map_init(&looking.keys);
    enum err err = keys_of_client(erasing->ident, client->id, &looking.keys);
    look.keys = (int64_t)looking.keys.count;
    err = err == ERR_OK ? store_read(erasing->store, look_read, &looking, fail) : err;
    map_fini(&looking.keys);
    if (err == ERR_NO_MEMORY) {
        return FAIL(fail, err, "no memory to look for what can be erased");
    }
    TRY(err);
    *ret_look = look;
    return ERR_OK;
}

enum err erasure_allowed(const struct erasure_look *look, bool forfeit, struct fail *fail,
                         const char **ret_remedy)
{
    if (look->erased) {
        *ret_remedy = "see \"entrepot erase --list\"";
        return FAIL(fail, ERR_CONFLICT, "the client was erased already");
    }
    if (look->review) {
        *ret_remedy = "decide the case first: \"entrepot review list\"";
        return FAIL(fail, ERR_CONFLICT, "legal hold: a review case of the client is open");
    }
    if (look->claim != 0) {
        *ret_remedy = "close the claim first: \"entrepot claim show\"";
        return FAIL(fail, ERR_CONFLICT,
                    "legal hold: the open claim %lld against an upstream lists a call of the "
                    "client",
                    (long long)look->claim);
    }
    if (look->pending > 0) {
        *ret_remedy = "suspend the client, and try again when its calls have ended";
        return FAIL(fail, ERR_CONFLICT, "calls of the client are under way");
    }
    if (look->balance > 0 && !forfeit) {
        char text[32];
        struct buf amount = { text, 0, sizeof(text), sizeof(text) };
        EP_IGNORE(money_print(&amount, look->balance, 9, 2)); /* fits */
        *ret_remedy = "give it back by \"entrepot credit refund\", or say --forfeit";
        return FAIL(fail, ERR_CONFLICT, "the client has " STR_FMT " of credit left in its orders",
                    STR_ARG(buf_str(&amount)));
    }
    return ERR_OK;
}
