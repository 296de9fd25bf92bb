#include "ledger/mark.h"

#include <string.h>

#include "base/crash.h"
#include "ledger/ledger_internal.h"

static const struct store_sql sql_mark_put = {
    "INSERT INTO hold_progress(hold, key, product, price_book, model, route, attempt, usage,"
    " rated_pico, marked_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    " ON CONFLICT(hold) DO UPDATE SET route = excluded.route, attempt = excluded.attempt,"
    " usage = excluded.usage, rated_pico = excluded.rated_pico, marked_ns = excluded.marked_ns"
};
static const struct store_sql sql_mark_get = {
    "SELECT key, product, price_book, model, route, attempt, usage, rated_pico, marked_ns"
    " FROM hold_progress WHERE hold = ?1"
};

void ledger_mark_init(struct ledger_mark *mark, int64_t hold)
{
    ASSERT(hold > 0);
    *mark = (struct ledger_mark){ .hold = hold };
}

void ledger_mark_put(struct ledger *ledger, struct ledger_mark *mark,
                     const struct ledger_progress *now)
{
    ASSERT(now->usage_len <= LEDGER_MARK_USAGE_MAX);
    (void)pthread_mutex_lock(&ledger->marks_lock);
    mark->now = *now;
    if (!node_linked(&mark->node)) {
        list_push_back(&ledger->marks, &mark->node);
    }
    (void)pthread_mutex_unlock(&ledger->marks_lock);
}

bool ledger_mark_waits(struct ledger *ledger, struct ledger_mark *mark)
{
    (void)pthread_mutex_lock(&ledger->marks_lock);
    bool waits = node_linked(&mark->node);
    (void)pthread_mutex_unlock(&ledger->marks_lock);
    return waits;
}

void ledger_mark_end(struct ledger *ledger, struct ledger_mark *mark)
{
    (void)pthread_mutex_lock(&ledger->marks_lock);
    if (node_linked(&mark->node)) {
        node_unlink(&mark->node);
    }
    (void)pthread_mutex_unlock(&ledger->marks_lock);
}

/* ---- on the writer's thread --------------------------------------------------------------- */

/* Under the lock, which keeps the mark and what it borrows where they are: some microseconds. */
static enum err mark_write_first(struct ledger *ledger, struct store_txn *txn, bool *ret_any,
                                 struct fail *fail)
{
    struct node *first = list_pop(&ledger->marks);
    *ret_any = first != NULL;
    if (first == NULL) {
        return ERR_OK;
    }
    struct ledger_mark *mark = EP_CONTAINER(first, struct ledger_mark, node);
    const struct ledger_progress *now = &mark->now;
    const struct store_value values[] = {
        STORE_I(mark->hold),      STORE_T(now->key),
        STORE_T(now->product),    STORE_T(now->price_book),
        STORE_T(now->model),      STORE_T(now->route),
        STORE_I(now->attempt),    STORE_T(((struct str){ now->usage, now->usage_len })),
        STORE_I(now->rated_pico), STORE_I(now->marked_ns),
    };
    EP_CRASH_POINT("mark-taken");
    return store_exec(txn, &sql_mark_put, values, EP_ARRAY_LEN(values), fail);
}

enum err ledger_flush_marks(void *context, struct store_txn *txn, struct fail *fail)
{
    struct ledger *ledger = context;
    enum err err = ERR_OK;
    bool any = true;
    while (any && err == ERR_OK) {
        (void)pthread_mutex_lock(&ledger->marks_lock);
        err = mark_write_first(ledger, txn, &any, fail);
        (void)pthread_mutex_unlock(&ledger->marks_lock);
    }
    return err;
}

static struct str mark_keep(struct buf *text, struct str part)
{
    size_t at = text->len;
    /* Of a text that somebody made longer the rest is not shown. */
    size_t len = part.len < LEDGER_MARK_TEXT_MAX ? part.len : LEDGER_MARK_TEXT_MAX;
    EP_IGNORE(buf_append(text, str_slice(part, 0, len))); /* fits */
    return str_from_at(buf_str(text), at);
}

static enum err mark_on_row(void *context, const struct store_value *row, size_t columns)
{
    struct ledger_marked *marked = context;
    struct ledger_progress *progress = &marked->progress;
    struct buf text = { marked->text, 0, sizeof(marked->text), sizeof(marked->text) };
    ASSERT(columns == 9);
    marked->found = true;
    progress->key = mark_keep(&text, row[0].bytes);
    progress->product = mark_keep(&text, row[1].bytes);
    progress->price_book = mark_keep(&text, row[2].bytes);
    progress->model = mark_keep(&text, row[3].bytes);
    progress->route = mark_keep(&text, row[4].bytes);
    progress->attempt = row[5].number;
    progress->usage_len = row[6].bytes.len <= LEDGER_MARK_USAGE_MAX ? row[6].bytes.len : 0;
    memcpy(progress->usage, row[6].bytes.ptr, progress->usage_len);
    progress->rated_pico = row[7].number;
    progress->marked_ns = row[8].number;
    return ERR_OK;
}

enum err ledger_read_mark(struct store_txn *txn, int64_t hold, struct ledger_marked *ret_marked,
                          struct fail *fail)
{
    const struct store_value key = STORE_I(hold);
    ret_marked->found = false;
    return store_query(txn, &sql_mark_get, &key, 1, mark_on_row, ret_marked, fail);
}
