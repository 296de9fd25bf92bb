#include "books.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client_read.h"
#include "crypto/digest.h"

static const struct store_sql sql_accounts = {
    "SELECT id, uid, class, dr_pend, cr_pend, dr_post, cr_post FROM account ORDER BY id"
};
static const struct store_sql sql_holds = {
    "SELECT h.id, h.call, h.account, h.amount, s.state, s.posted, s.overrun FROM hold h"
    " LEFT JOIN settlement s ON s.hold = h.id ORDER BY h.id"
};
static const struct store_sql sql_receipts = {
    "SELECT leaf, call, client FROM receipt ORDER BY leaf"
};
static const struct store_sql sql_entries = {
    "SELECT debit, credit, amount, code FROM entry ORDER BY id"
};
static const struct store_sql sql_key = {
    "SELECT count(*) FROM idem i JOIN account a ON a.id = i.account WHERE a.uid = ?1 AND i.key = ?2"
};

static struct id books_id(struct str bytes)
{
    struct id id;
    ASSERT(bytes.len == ID_BYTES);
    memcpy(id.bytes, bytes.ptr, ID_BYTES);
    return id;
}

/* Room for one more. */
static void *books_grow(void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) {
        return items; /* the room doubles at each power of two */
    }
    void *grown = mem_realloc(items, (count == 0 ? 1 : 2 * count) * size);
    ASSERT(grown != NULL);
    return grown;
}

static enum err books_on_account(void *context, const struct store_value *row, size_t columns)
{
    struct books *books = context;
    ASSERT(columns == 7);
    books->accounts = books_grow(books->accounts, books->account_count, sizeof(*books->accounts));
    books->accounts[books->account_count++] = (struct book_account){
        .row = row[0].number,
        .id = books_id(row[1].bytes),
        .class = row[2].number,
        .dr_pend = row[3].number,
        .cr_pend = row[4].number,
        .dr_post = row[5].number,
        .cr_post = row[6].number,
    };
    return ERR_OK;
}

static enum err books_on_hold(void *context, const struct store_value *row, size_t columns)
{
    struct books *books = context;
    ASSERT(columns == 7);
    books->holds = books_grow(books->holds, books->hold_count, sizeof(*books->holds));
    books->holds[books->hold_count++] = (struct book_hold){
        .number = row[0].number,
        .call = books_id(row[1].bytes),
        .account = row[2].number,
        .amount = row[3].number,
        .state = row[4].kind == STORE_NULL ? BOOK_OPEN : (enum book_state)row[4].number,
        .posted = row[5].number,
        .overrun = row[6].number,
    };
    return ERR_OK;
}

/* Up to the next quote; empty: `name` is not there. */
static struct str books_text(struct str text, struct str name)
{
    size_t at = str_search(text, name);
    struct str rest = at == text.len ? STR_EMPTY : str_from_at(text, at + name.len);
    return str_slice(rest, 0, str_find(rest, '"'));
}

static enum err books_on_receipt(void *context, const struct store_value *row, size_t columns)
{
    struct books *books = context;
    ASSERT(columns == 3);
    books->receipts = books_grow(books->receipts, books->receipt_count, sizeof(*books->receipts));
    struct book_receipt *receipt = &books->receipts[books->receipt_count++];
    *receipt = (struct book_receipt){ .leaf = row[0].number, .call = books_id(row[1].bytes) };
    struct str text = row[2].bytes;
    struct str amount = client_read_number(text, STR("\"amount\":\""));
    struct str outcome = books_text(text, STR("\"outcome\":\""));
    struct str day = books_text(text, STR("\"begun\":\""));
    if (!str_to_i64(amount, &receipt->amount) || outcome.len == 0) {
        receipt->amount = -1;
        return ERR_OK;
    }
    struct str batch = books_text(text, STR("\"batch\":\""));
    (void)snprintf(receipt->batch, sizeof(receipt->batch), STR_FMT, STR_ARG(batch));
    if (!str_to_i64(client_read_number(text, STR("\"batch_percent\":\"")), &receipt->percent)) {
        receipt->percent = 0;
    }
    day.len = str_find(day, 'T');
    (void)snprintf(receipt->outcome, sizeof(receipt->outcome), STR_FMT, STR_ARG(outcome));
    (void)snprintf(receipt->day, sizeof(receipt->day), STR_FMT, STR_ARG(day));
    if (!id_parse(books_text(text, STR("\"key\":\"")), STR("key_"), &receipt->key)) {
        receipt->key = (struct id){ { 0 } };
    }
    return ERR_OK;
}

static enum err books_on_entry(void *context, const struct store_value *row, size_t columns)
{
    struct books *books = context;
    ASSERT(columns == 4);
    books->entries = books_grow(books->entries, books->entry_count, sizeof(*books->entries));
    books->entries[books->entry_count++] =
        (struct book_entry){ row[0].number, row[1].number, row[2].number, row[3].number };
    return ERR_OK;
}

static enum err books_run(void *context, struct store_txn *txn, struct fail *fail)
{
    TRY(store_query(txn, &sql_accounts, NULL, 0, books_on_account, context, fail));
    TRY(store_query(txn, &sql_holds, NULL, 0, books_on_hold, context, fail));
    TRY(store_query(txn, &sql_receipts, NULL, 0, books_on_receipt, context, fail));
    return store_query(txn, &sql_entries, NULL, 0, books_on_entry, context, fail);
}

enum err books_read(struct store *store, struct books *ret_books, struct fail *fail)
{
    *ret_books = (struct books){ .accounts = NULL };
    enum err err = store_read(store, books_run, ret_books, fail);
    if (err != ERR_OK) {
        books_free(ret_books);
    }
    return err;
}

void books_free(struct books *books)
{
    mem_free(books->accounts);
    mem_free(books->holds);
    mem_free(books->receipts);
    mem_free(books->entries);
    *books = (struct books){ .accounts = NULL };
}

struct book_hold *books_hold(const struct books *books, struct id call)
{
    for (size_t i = 0; i < books->hold_count; i++) {
        if (id_eq(books->holds[i].call, call)) {
            return &books->holds[i];
        }
    }
    return NULL;
}

const struct book_receipt *books_receipt(const struct books *books, struct id call)
{
    for (size_t i = 0; i < books->receipt_count; i++) {
        if (id_eq(books->receipts[i].call, call)) {
            return &books->receipts[i];
        }
    }
    return NULL;
}

const struct book_account *books_account(const struct books *books, struct id account)
{
    for (size_t i = 0; i < books->account_count; i++) {
        if (id_eq(books->accounts[i].id, account)) {
            return &books->accounts[i];
        }
    }
    return NULL;
}

struct books_key {
    struct id account;
    struct digest key;
    int64_t count;
};

static enum err books_on_count(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static const struct store_sql sql_count = {
    "SELECT count(*) FROM hold h JOIN account a ON a.id = h.account WHERE a.uid = ?1"
};

static enum err books_run_count(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_key *asked = context;
    const struct store_value value = STORE_B(id_str(&asked->account));
    return store_query(txn, &sql_count, &value, 1, books_on_count, &asked->count, fail);
}

enum err books_holds(struct store *store, struct id account, int64_t *ret_count, struct fail *fail)
{
    struct books_key asked = { .account = account };
    TRY(store_read(store, books_run_count, &asked, fail));
    *ret_count = asked.count;
    return ERR_OK;
}

static enum err books_run_key(void *context, struct store_txn *txn, struct fail *fail)
{
    struct books_key *key = context;
    const struct store_value values[] = { STORE_B(id_str(&key->account)),
                                          STORE_B(digest_str(&key->key)) };
    return store_query(txn, &sql_key, values, 2, books_on_count, &key->count, fail);
}

enum err books_key(struct store *store, struct id account, const struct id *device, struct str key,
                   bool *ret_claimed, struct fail *fail)
{
    const struct str parts[] = { device != NULL ? id_str(device) : STR_EMPTY, key };
    struct books_key asked = { .account = account,
                               .key = digest_sha256_parts(parts, EP_ARRAY_LEN(parts)) };
    TRY(store_read(store, books_run_key, &asked, fail));
    *ret_claimed = asked.count > 0;
    return ERR_OK;
}
