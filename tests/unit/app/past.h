/* Clients with a past, for the tests of erasing: calls with their holds, settlements, attempts,
 * answers and receipts as the gate leaves them, at any time. */
#pragma once

#include "base/stamp.h"
#include "house.h"
#include "ledger/attempt.h"
#include "ledger/idem.h"
#include "tlog/erase.h"

#define PAST_DAY_NS (INT64_C(86400) * STAMP_NS_PER_S)
#define PAST_POSTED 7

static struct house house;

static const char *const past_classes[RECEIPT_CLASSES] = {
    "in",  "cached",   "w5m",       "w1h",       "w30m",         "w12h",
    "wx",  "in_audio", "in_image",  "in_tool",   "cached_audio", "cached_image",
    "out", "reason",   "out_audio", "out_image",
};

/* A client that has bought, with a key of its own; `name` stands in all that is said of it. */
static inline const struct client *past_client(const char *name)
{
    struct id id;
    CHECK_EQ(house_dof(&house, "client add --name %s --party first-client --json", name), ACT_OK);
    CHECK(id_parse(str_from(house_field(&house, "id")), STR(IDENT_CLIENT_PREFIX), &id));
    char shown[64];
    (void)snprintf(shown, sizeof(shown), "%s", house_field(&house, "id"));
    CHECK_EQ(house_dof(&house, "key add --client %s --product world --name label-%s", shown, name),
             ACT_OK);
    CHECK_EQ(house_dof(&house,
                       "credit purchase --client %s --amount 5 --payer payer-%s"
                       " --payment payment-%s --method bank_transfer",
                       shown, name, name),
             ACT_OK);
    return client_find(house.world->ident, id);
}

static inline const char *past_shown(const struct client *client)
{
    static char text[ID_SHOWN_MAX + 1];
    struct buf shown = { text, 0, ID_SHOWN_MAX, ID_SHOWN_MAX };
    memset(text, 0, sizeof(text));
    CHECK_EQ(id_print(&shown, STR(IDENT_CLIENT_PREFIX), client->id), ERR_OK);
    return text;
}

static inline const struct api_key *past_key(const struct client *client)
{
    const struct api_key *key = api_key_next(house.world->ident, NULL);
    while (key != NULL && key->client != client) {
        key = api_key_next(house.world->ident, key);
    }
    CHECK(key != NULL);
    return key;
}

struct past_call {
    struct store_job job;
    struct ledger_hold hold;
    struct str key;
    int64_t at_ns;
    bool keeps; /* its answer */
};

static inline enum err past_receipt(const struct past_call *call, struct store_txn *txn,
                                    struct fail *fail)
{
    struct receipt receipt;
    int64_t leaf = 0;
    const struct receipt_facts facts = {
        .call = call->hold.call,
        .begun_ns = call->at_ns,
        .ended_ns = call->at_ns,
        .key = call->key,
        .product = STR("world"),
        .model_asked = STR("aurora-large"),
        .model_served = STR("aurora-large"),
        .class_names = past_classes,
        .price_book = STR("world/1"),
        .amount_nano = PAST_POSTED,
        .currency = STR("USD"),
        .outcome = STR("complete"),
        .allowed = true,
        .mode = STR("aggregate"),
        .route = STR("aurora-large-us"),
        .attempts = 1,
    };
    receipt_init(&receipt);
    enum err err = receipt_build(&receipt, &facts);
    err = err == ERR_OK ? tlog_append_receipt(house.world->tlog, txn, call->hold.call, &receipt,
                                              call->at_ns, &leaf, fail)
                        : err;
    receipt_fini(&receipt);
    return err;
}

static inline enum err past_run_call(struct store_job *job, struct store_txn *txn,
                                     struct fail *fail)
{
    static char sum[IDEM_SUM_BYTES];
    struct past_call *call = EP_CONTAINER(job, struct past_call, job);
    struct ledger *ledger = house.world->ledger;
    memcpy(sum, call->hold.call.bytes, ID_BYTES);
    const struct idem_ask ask = { { sum, sizeof(sum) }, { sum, sizeof(sum) } };
    const struct ledger_settlement settlement = {
        .hold = &call->hold,
        .state = HOLD_SETTLED,
        .posted = PAST_POSTED,
        .usage = STR("{}"),
        .rated_pico = STR("7000"),
        .settled_ns = call->at_ns,
    };
    const struct ledger_attempt attempt = {
        .n = 1,
        .route = STR("aurora-large-us"),
        .upstream_id = STR("upstream-id"),
        .outcome = STR("complete"),
        .usage_source = STR("upstream"),
        .sent = true,
        .billable = true,
    };
    TRY(ledger_write_hold(ledger, txn, &call->hold, fail));
    TRY(call->keeps ? idem_claim(txn, &call->hold, &ask, fail) : ERR_OK);
    TRY(ledger_write_settlement(ledger, txn, &settlement, fail));
    TRY(ledger_write_attempt(txn, &call->hold, &attempt, fail));
    TRY(call->keeps ? idem_keep(txn, &call->hold, STR("words of an answer"), fail) : ERR_OK);
    return past_receipt(call, txn, fail);
}

/* A call that was made and settled at that time; its number is its id. */
static inline struct id past_buy(const struct client *client, unsigned char number, int64_t at_ns,
                                 bool keeps)
{
    char text[ID_SHOWN_MAX];
    struct buf key = { text, 0, sizeof(text), sizeof(text) };
    struct ledger_account *account = ledger_find(house.world->ledger, client->account);
    CHECK_EQ(id_print(&key, STR(IDENT_KEY_PREFIX), past_key(client)->id), ERR_OK);
    struct past_call call = {
        .job = { .run = past_run_call },
        .hold = { .call = { { 1, number } }, .account = account, .amount = 10, .opened_ns = at_ns },
        .key = buf_str(&key),
        .at_ns = at_ns,
        .keeps = keeps,
    };
    struct fail fail = { .text = "" };
    CHECK_EQ(account_reserve(ledger_credit(account), 10), ERR_OK);
    enum err err = store_run(house.world->store, &call.job, &fail);
    CHECK_STR(str_from(fail.text), STR(""));
    CHECK_EQ(err, ERR_OK);
    account_settle(ledger_credit(account), 10, PAST_POSTED);
    return call.hold.call;
}

static inline void past_begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
}

/* One number. The statement must be static. */
struct past_asking {
    const struct store_sql *sql;
    int64_t number;
};

static inline enum err past_on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static inline enum err past_read(void *context, struct store_txn *txn, struct fail *fail)
{
    struct past_asking *asking = context;
    return store_query(txn, asking->sql, NULL, 0, past_on_number, &asking->number, fail);
}

static inline int64_t past_ask(const struct store_sql *sql)
{
    struct past_asking asking = { .sql = sql };
    CHECK_EQ(store_read(house.world->store, past_read, &asking, NULL), ERR_OK);
    return asking.number;
}

struct past_change {
    struct store_job job;
    const struct store_sql *sql;
};

static inline enum err past_run_change(struct store_job *job, struct store_txn *txn,
                                       struct fail *fail)
{
    return store_exec(txn, EP_CONTAINER(job, struct past_change, job)->sql, NULL, 0, fail);
}

static inline void past_change(const struct store_sql *sql)
{
    struct past_change change = { .job = { .run = past_run_change }, .sql = sql };
    CHECK_EQ(store_run(house.world->store, &change.job, NULL), ERR_OK);
}

static inline void past_audit(void)
{
    enum act_exit result = house_do(&house, "audit");
    CHECK_STR(buf_str(&house.errors), STR(""));
    CHECK_EQ(result, ACT_OK);
}
