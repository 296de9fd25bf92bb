/* What was shown, read from rows alone: for answers of the server and for commands. */
#include "tlog/publish.h"
#include "tlog/tile_rows.h"

static const struct store_sql sql_shown = { "SELECT size, note FROM shown WHERE id = 1" };
static const struct store_sql sql_signed = { "SELECT size, note FROM published WHERE id = 1" };
static const struct store_sql sql_shown_entry = { "SELECT entry FROM leaf WHERE id = ?1" };

void published_init(struct published *published)
{
    *published = (struct published){ .size = 0 };
    buf_init(&published->note, NOTE_BYTES_MAX);
}

void published_fini(struct published *published)
{
    buf_fini(&published->note);
}

static enum err published_on_shown(void *context, const struct store_value *row, size_t columns)
{
    struct published *published = context;
    ASSERT(columns == 2);
    published->size = row[0].number;
    return buf_append(&published->note, row[1].bytes);
}

static enum err published_query(struct store_txn *txn, const struct store_sql *sql,
                                struct published *ret_published, struct fail *fail)
{
    ret_published->size = 0;
    buf_reset(&ret_published->note);
    return store_query(txn, sql, NULL, 0, published_on_shown, ret_published, fail);
}

enum err published_read(struct store_txn *txn, struct published *ret_published, struct fail *fail)
{
    return published_query(txn, &sql_shown, ret_published, fail);
}

enum err published_read_signed(struct store_txn *txn, struct published *ret_published,
                               struct fail *fail)
{
    return published_query(txn, &sql_signed, ret_published, fail);
}

static enum err published_on_entry(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    return buf_append(context, row[0].bytes);
}

static enum err published_prove(struct store_txn *txn, const struct published *published,
                                int64_t leaf, struct buf *out, struct fail *fail)
{
    struct tile_rows rows = { txn, fail };
    struct tree_path path;
    struct buf entry;
    const struct store_value value = STORE_I(leaf);
    TRY(tree_inclusion(leaf, published->size, tile_rows_read, &rows, &path));
    buf_init(&entry, TILE_ENTRY_MAX);
    enum err err = store_query(txn, &sql_shown_entry, &value, 1, published_on_entry, &entry, fail);
    err = err == ERR_OK ? proof_print(buf_str(&entry), leaf, &path, buf_str(&published->note), out)
                        : err;
    buf_fini(&entry);
    return err;
}

enum err published_proof(struct store_txn *txn, int64_t leaf, struct buf *out, struct fail *fail)
{
    struct published published;
    published_init(&published);
    enum err err = published_read(txn, &published, fail);
    if (err == ERR_OK && (leaf < 0 || leaf >= published.size)) {
        err = FAIL(fail, ERR_NOT_FOUND, "no checkpoint covers leaf %lld yet", (long long)leaf);
    }
    err = err == ERR_OK ? published_prove(txn, &published, leaf, out, fail) : err;
    published_fini(&published);
    return err;
}
