#include "ledger/prices.h"

#include "ledger/ledger_internal.h"

static const struct store_sql sql_book = {
    "SELECT id FROM price_book WHERE name = ?1 AND version = ?2 AND hash = ?3"
};
static const struct store_sql sql_book_add = {
    "INSERT INTO price_book(id, name, version, hash, currency, first_ns)"
    " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM price_book), ?1, ?2, ?3, ?4, ?5)"
};
static const struct store_sql sql_price_add = {
    "INSERT INTO price(book, model, class, pico) VALUES (?1, ?2, ?3, ?4)"
};
static const struct store_sql sql_list_add = {
    "INSERT INTO price_list(version, product, book, since_ns) SELECT ?1, ?2, ?3, ?4"
    " WHERE NOT EXISTS(SELECT 1 FROM price_list WHERE version = ?1 AND product = ?2)"
};

static enum err prices_on_row(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err prices_find(struct store_txn *txn, const struct ledger_terms *book, int64_t *ret_row,
                     struct fail *fail)
{
    const struct store_value values[] = { STORE_T(book->name), STORE_T(book->version),
                                          STORE_B(book->hash) };
    *ret_row = 0;
    return store_query(txn, &sql_book, values, EP_ARRAY_LEN(values), prices_on_row, ret_row, fail);
}

struct prices_job {
    struct store_job job;
    const struct ledger_prices *prices;
};

static enum err prices_keep_book(const struct ledger_prices *prices, struct store_txn *txn,
                                 const struct ledger_price_book *book, struct fail *fail)
{
    int64_t row = 0;
    TRY(prices_find(txn, &book->book, &row, fail));
    if (row > 0) {
        return ERR_OK;
    }
    const struct store_value values[] = { STORE_T(book->book.name), STORE_T(book->book.version),
                                          STORE_B(book->book.hash), STORE_T(book->currency),
                                          STORE_I(prices->now_ns) };
    TRY(store_exec(txn, &sql_book_add, values, EP_ARRAY_LEN(values), fail));
    TRY(prices_find(txn, &book->book, &row, fail));
    ASSERT(row > 0);
    for (size_t i = 0; i < book->count; i++) {
        const struct ledger_price *price = &book->prices[i];
        const struct store_value line[] = { STORE_I(row), STORE_T(price->model),
                                            STORE_T(price->class), STORE_I(price->pico) };
        TRY(store_exec(txn, &sql_price_add, line, EP_ARRAY_LEN(line), fail));
    }
    return prices->kept == NULL ? ERR_OK
                                : prices->kept(prices->context, txn, book, prices->now_ns, fail);
}

static enum err prices_run(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    const struct ledger_prices *prices = EP_CONTAINER(job, struct prices_job, job)->prices;
    int64_t row = 0;
    for (size_t i = 0; i < prices->book_count; i++) {
        TRY(prices_keep_book(prices, txn, &prices->books[i], fail));
    }
    for (size_t i = 0; i < prices->list_count; i++) {
        const struct ledger_price_list *list = &prices->lists[i];
        ASSERT(list->book < prices->book_count);
        TRY(prices_find(txn, &prices->books[list->book].book, &row, fail));
        const struct store_value values[] = { STORE_I(prices->version), STORE_T(list->product),
                                              STORE_I(row), STORE_I(prices->now_ns) };
        TRY(store_exec(txn, &sql_list_add, values, EP_ARRAY_LEN(values), fail));
    }
    return ERR_OK;
}

enum err ledger_keep_prices(struct ledger *ledger, const struct ledger_prices *prices,
                            struct fail *fail)
{
    struct prices_job job = { .job = { .run = prices_run }, .prices = prices };
    return store_run(ledger->store, &job.job, fail);
}
