/* Entries: a row each, folded into both accounts. */
#include <string.h>

#include "ledger/ledger_internal.h"

static const struct store_sql sql_entry_add = {
    "INSERT INTO entry(id, txn, debit, debit_class, credit, credit_class, amount, code, ref)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
};

/* An entry as its row has it. At least one side is the operator's. */
struct entry_row {
    struct ledger_account *debit;
    struct ledger_account *credit;
    int64_t amount;
    enum ledger_code code;
    int64_t ref;
    int64_t txn;
};

static enum err entry_write(struct ledger *ledger, struct store_txn *txn,
                            const struct entry_row *row, struct fail *fail)
{
    struct ledger_account *debit = row->debit;
    struct ledger_account *credit = row->credit;
    ASSERT(row->amount > 0);
    ASSERT(debit != credit);
    ASSERT(debit->class != LEDGER_CUSTOMER_CREDIT || credit->class != LEDGER_CUSTOMER_CREDIT);
    ASSERT(strcmp(debit->currency, credit->currency) == 0);
    const struct store_value values[] = {
        STORE_I(ledger->next_entry++), STORE_I(row->txn),    STORE_I(debit->row),
        STORE_I(debit->class),         STORE_I(credit->row), STORE_I(credit->class),
        STORE_I(row->amount),          STORE_I(row->code),   STORE_I(row->ref),
    };
    TRY(store_exec(txn, &sql_entry_add, values, EP_ARRAY_LEN(values), fail));
    debit->dr_post += row->amount;
    credit->cr_post += row->amount;
    debit->used += row->code == ENTRY_SETTLEMENT ? row->amount : 0;
    ledger_touch(ledger, debit);
    ledger_touch(ledger, credit);
    return ERR_OK;
}

enum err ledger_post(struct ledger *ledger, struct store_txn *txn, const struct ledger_entry *entry,
                     struct fail *fail)
{
    struct ledger_account *house = entry->house.account;
    bool grows = entry->way == CREDIT_GROWS;
    ASSERT(entry->client->class == LEDGER_CUSTOMER_CREDIT);
    ASSERT(house->class != LEDGER_CUSTOMER_CREDIT);
    const struct entry_row row = { grows ? house : entry->client,
                                   grows ? entry->client : house,
                                   entry->amount,
                                   entry->code,
                                   entry->ref,
                                   entry->txn };
    return entry_write(ledger, txn, &row, fail);
}

struct ledger_house ledger_house(struct ledger *ledger, enum ledger_class class,
                                 const char *currency)
{
    struct ledger_house house = { ledger_own(ledger, class, currency) };
    ASSERT(house.account != NULL);
    return house;
}

enum err ledger_post_overrun(struct ledger *ledger, struct store_txn *txn,
                             struct ledger_house revenue,
                             const struct ledger_settlement *settlement, int64_t number,
                             struct fail *fail)
{
    const char *currency = revenue.account->currency;
    const struct entry_row row = { ledger_house(ledger, LEDGER_OVERRUN_LOSS, currency).account,
                                   revenue.account,
                                   settlement->overrun,
                                   ENTRY_OVERRUN,
                                   settlement->hold->seq,
                                   number };
    return entry_write(ledger, txn, &row, fail);
}
