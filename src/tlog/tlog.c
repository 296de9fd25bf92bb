#include "tlog/tlog.h"

#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "tlog/canon.h"
#include "tlog/tile_rows.h"

#define TLOG_ENTRY_MAX   1024  /* three hexadecimal digests and a few words */
#define TLOG_GROW_LEAVES 65536 /* a step of making a tree for an old log: a second or less */

const struct store_migration tlog_migration = {
    .number = 3,
    .name = "tlog",
    .sql = "CREATE TABLE leaf(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
           " appended_ns INTEGER NOT NULL, entry BLOB NOT NULL, hash BLOB NOT NULL"
           " CHECK(length(hash) = 32)) STRICT;"
           "CREATE TABLE receipt(leaf INTEGER PRIMARY KEY REFERENCES leaf, call BLOB NOT NULL,"
           " client BLOB NOT NULL, evidence BLOB NOT NULL, operator BLOB NOT NULL,"
           " client_salt BLOB NOT NULL, evidence_salt BLOB NOT NULL,"
           " operator_salt BLOB NOT NULL) STRICT;"
           "CREATE TABLE leaf_block(first INTEGER PRIMARY KEY, last INTEGER NOT NULL,"
           " low BLOB NOT NULL, high BLOB NOT NULL) STRICT;",
};

static const struct store_sql sql_leaf_add = {
    "INSERT INTO leaf(id, kind, appended_ns, entry, hash) VALUES (?1, ?2, ?3, ?4, ?5)"
};
static const struct store_sql sql_receipt_add = {
    "INSERT INTO receipt(leaf, call, client, evidence, operator, client_salt, evidence_salt,"
    " operator_salt) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
};
static const struct store_sql sql_block_add = {
    "INSERT INTO leaf_block(first, last, low, high) VALUES (?1, ?2, ?3, ?4)"
};
static const struct store_sql sql_size = { "SELECT coalesce(max(id) + 1, 0) FROM leaf" };
static const struct store_sql sql_note_add = {
    "INSERT INTO note(leaf, detail, salt) VALUES (?1, ?2, ?3)"
};
static const struct store_sql sql_open_block = {
    "SELECT min(call), max(call) FROM receipt WHERE leaf >= ?1"
};

/* The writer's thread alone. */
struct tlog {
    int64_t size;
    struct tile_edge edge; /* of the same size, once the log is open */
    struct id low;         /* of the calls whose receipts are in the block that is being filled */
    struct id high;
};

/* No call is between these. */
static void tlog_begin_block(struct tlog *tlog)
{
    memset(tlog->low.bytes, 0xFF, ID_BYTES);
    memset(tlog->high.bytes, 0, ID_BYTES);
}

struct tlog_load {
    struct store_job job;
    struct tlog *tlog;
};

static enum err tlog_on_size(void *context, const struct store_value *row, size_t columns)
{
    struct tlog *tlog = context;
    ASSERT(columns == 1);
    tlog->size = row[0].number;
    return ERR_OK;
}

static enum err tlog_on_open_block(void *context, const struct store_value *row, size_t columns)
{
    struct tlog *tlog = context;
    ASSERT(columns == 2);
    if (row[0].kind == STORE_BLOB) {
        ASSERT(row[0].bytes.len == ID_BYTES);
        ASSERT(row[1].bytes.len == ID_BYTES);
        memcpy(tlog->low.bytes, row[0].bytes.ptr, ID_BYTES);
        memcpy(tlog->high.bytes, row[1].bytes.ptr, ID_BYTES);
    }
    return ERR_OK;
}

static enum err tlog_load(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct tlog *tlog = EP_CONTAINER(job, struct tlog_load, job)->tlog;
    TRY(store_query(txn, &sql_size, NULL, 0, tlog_on_size, tlog, fail));
    tlog_begin_block(tlog);
    const struct store_value first = STORE_I(tlog->size - tlog->size % TLOG_BLOCK_LEAVES);
    TRY(store_query(txn, &sql_open_block, &first, 1, tlog_on_open_block, tlog, fail));
    TRY(tile_rows_load(txn, &tlog->edge, fail));
    if (tlog->edge.size > tlog->size) {
        return FAIL(fail, ERR_STORE_DAMAGED,
                    "the log has %lld leaves, and %lld are noted: somebody has deleted some",
                    (long long)tlog->size, (long long)tlog->edge.size);
    }
    return ERR_OK;
}

/* Leaves that were written before there was a tree: as many as a step takes. */
static enum err tlog_grow(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct tlog *tlog = EP_CONTAINER(job, struct tlog_load, job)->tlog;
    int64_t until = tlog->edge.size + TLOG_GROW_LEAVES;
    until = until < tlog->size ? until : tlog->size;
    while (tlog->edge.size < until) {
        struct digest hashes[TILE_WIDTH];
        int64_t left = until - tlog->edge.size;
        size_t count = left < TILE_WIDTH ? (size_t)left : TILE_WIDTH;
        TRY(tile_rows_hashes(txn, 0, tlog->edge.size, count, hashes, fail));
        for (size_t i = 0; i < count; i++) {
            TRY(tile_rows_grow(&tlog->edge, txn, &hashes[i], fail));
        }
    }
    return tile_rows_save(&tlog->edge, txn, fail);
}

static enum err tlog_flush(void *context, struct store_txn *txn, struct fail *fail)
{
    struct tlog *tlog = context;
    return tile_rows_save(&tlog->edge, txn, fail);
}

enum err tlog_open(struct store *store, struct tlog **ret_tlog, struct fail *fail)
{
    struct tlog *tlog = mem_zalloc(sizeof(*tlog));
    if (tlog == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the log");
    }
    struct tlog_load load = { .job = { .run = tlog_load }, .tlog = tlog };
    enum err err = store_run(store, &load.job, fail);
    load.job.run = tlog_grow;
    while (err == ERR_OK && tlog->edge.size < tlog->size) {
        err = store_run(store, &load.job, fail);
    }
    if (err != ERR_OK) {
        tlog_close(tlog);
        return err;
    }
    store_on_flush(store, tlog_flush, tlog);
    *ret_tlog = tlog;
    return ERR_OK;
}

void tlog_close(struct tlog *tlog)
{
    mem_free(tlog);
}

static const char *const tlog_kind_names[] = {
    [TLOG_RECEIPT] = "receipt", [TLOG_REGISTRY] = "registry", [TLOG_EVENT] = "event",
    [TLOG_KEY] = "key",         [TLOG_PRICES] = "prices",
};

const char *tlog_kind_name(int64_t kind)
{
    return kind >= TLOG_RECEIPT && kind <= TLOG_PRICES ? tlog_kind_names[kind] : NULL;
}

static enum err tlog_end_block(struct tlog *tlog, struct store_txn *txn, struct fail *fail)
{
    const struct store_value values[] = {
        STORE_I(tlog->size - TLOG_BLOCK_LEAVES),
        STORE_I(tlog->size - 1),
        STORE_B(id_str(&tlog->low)),
        STORE_B(id_str(&tlog->high)),
    };
    TRY(store_exec(txn, &sql_block_add, values, EP_ARRAY_LEN(values), fail));
    tlog_begin_block(tlog);
    return ERR_OK;
}

enum err tlog_append(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                     struct str entry, int64_t wall_ns, int64_t *ret_leaf, struct fail *fail)
{
    struct digest hash = tree_leaf_hash(entry);
    const struct store_value values[] = { STORE_I(tlog->size), STORE_I(kind), STORE_I(wall_ns),
                                          STORE_B(entry), STORE_B(digest_str(&hash)) };
    TRY(store_exec(txn, &sql_leaf_add, values, EP_ARRAY_LEN(values), fail));
    TRY(tile_rows_grow(&tlog->edge, txn, &hash, fail));
    *ret_leaf = tlog->size++;
    return tlog->size % TLOG_BLOCK_LEAVES == 0 ? tlog_end_block(tlog, txn, fail) : ERR_OK;
}

enum err tlog_note_entry(enum tlog_kind kind, struct str salt, struct str detail, struct buf *out)
{
    const struct str parts[] = { salt, detail };
    struct digest digest = digest_sha256_parts(parts, 2);
    char text[2 * DIGEST_BYTES];
    struct buf hex = { text, 0, sizeof(text), sizeof(text) };
    struct canon canon;
    TRY(enc_hex(&hex, digest.bytes, DIGEST_BYTES));
    canon_init(&canon, out);
    canon_open(&canon, '{');
    canon_put_str(&canon, "detail", buf_str(&hex));
    canon_put_str(&canon, "kind", str_from(tlog_kind_name(kind)));
    canon_put_int(&canon, "version", 1);
    canon_close(&canon, '}');
    return canon_err(&canon);
}

enum err tlog_append_note(struct tlog *tlog, struct store_txn *txn, enum tlog_kind kind,
                          struct str detail, int64_t wall_ns, int64_t *ret_leaf, struct fail *fail)
{
    char bytes[TLOG_NOTE_SALT_BYTES];
    char text[TLOG_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct str salt = { bytes, sizeof(bytes) };
    int64_t leaf = 0;
    ASSERT(kind == TLOG_KEY || kind == TLOG_PRICES);
    if (detail.len > TLOG_NOTE_MAX) {
        return FAIL(fail, ERR_LIMIT, "a note for the log has %zu bytes, more than %d", detail.len,
                    TLOG_NOTE_MAX);
    }
    random_bytes(bytes, sizeof(bytes));
    TRY(tlog_note_entry(kind, salt, detail, &entry));
    TRY(tlog_append(tlog, txn, kind, buf_str(&entry), wall_ns, &leaf, fail));
    const struct store_value values[] = { STORE_I(leaf), STORE_B(detail), STORE_B(salt) };
    TRY(store_exec(txn, &sql_note_add, values, EP_ARRAY_LEN(values), fail));
    *ret_leaf = leaf;
    return ERR_OK;
}

static void tlog_note_call(struct tlog *tlog, struct id call)
{
    if (memcmp(call.bytes, tlog->low.bytes, ID_BYTES) < 0) {
        tlog->low = call;
    }
    if (memcmp(call.bytes, tlog->high.bytes, ID_BYTES) > 0) {
        tlog->high = call;
    }
}

enum err tlog_append_receipt(struct tlog *tlog, struct store_txn *txn, struct id call,
                             const struct receipt *receipt, int64_t wall_ns, int64_t *ret_leaf,
                             struct fail *fail)
{
    char text[TLOG_ENTRY_MAX];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    TRY(receipt_entry(receipt, &entry));
    int64_t leaf = 0;
    tlog_note_call(tlog, call); /* before its leaf, which may be the block's last */
    TRY(tlog_append(tlog, txn, TLOG_RECEIPT, buf_str(&entry), wall_ns, &leaf, fail));
    struct store_value values[2 + 2 * RECEIPT_SECTIONS] = { STORE_I(leaf), STORE_B(id_str(&call)) };
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        struct str salt = { (const char *)receipt->salts[i], RECEIPT_SALT_BYTES };
        values[2 + i] = STORE_B(buf_str(&receipt->sections[i]));
        values[2 + RECEIPT_SECTIONS + i] = STORE_B(salt);
    }
    TRY(store_exec(txn, &sql_receipt_add, values, EP_ARRAY_LEN(values), fail));
    *ret_leaf = leaf;
    return ERR_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

#define TLOG_FOUND                                                             \
    "SELECT r.leaf, l.entry, r.client, r.evidence, r.operator, r.client_salt," \
    " r.evidence_salt, r.operator_salt FROM "
/* Receipts are asked for soon after their call, so the block that is being filled comes first. */
static const struct store_sql sql_find_open = {
    TLOG_FOUND "receipt r JOIN leaf l ON l.id = r.leaf"
               " WHERE r.leaf > coalesce((SELECT max(last) FROM leaf_block), -1)"
               " AND r.call = ?1 LIMIT 1"
};
/* CROSS JOIN: the blocks first, then the few receipts in them, whatever a planner may think. */
static const struct store_sql sql_find_block = {
    TLOG_FOUND "leaf_block b CROSS JOIN receipt r JOIN leaf l ON l.id = r.leaf"
               " WHERE b.low <= ?1 AND b.high >= ?1 AND r.leaf BETWEEN b.first AND b.last"
               " AND r.call = ?1 LIMIT 1"
};

struct tlog_finding {
    tlog_found_fn *found;
    void *context;
    int64_t count;
};

static enum err tlog_on_found(void *context, const struct store_value *row, size_t columns)
{
    struct tlog_finding *finding = context;
    ASSERT(columns == 2 + 2 * RECEIPT_SECTIONS);
    struct tlog_found found = { .leaf = row[0].number, .entry = row[1].bytes };
    for (size_t i = 0; i < RECEIPT_SECTIONS; i++) {
        found.sections[i] = row[2 + i].bytes;
        found.salts[i] = row[2 + RECEIPT_SECTIONS + i].bytes;
    }
    finding->count++;
    return finding->found(finding->context, &found);
}

enum err tlog_find(struct store_txn *txn, struct id call, tlog_found_fn *found, void *context,
                   struct fail *fail)
{
    struct tlog_finding finding = { .found = found, .context = context };
    const struct store_value value = STORE_B(id_str(&call));
    TRY(store_query(txn, &sql_find_open, &value, 1, tlog_on_found, &finding, fail));
    if (finding.count == 0) {
        TRY(store_query(txn, &sql_find_block, &value, 1, tlog_on_found, &finding, fail));
    }
    return finding.count > 0 ? ERR_OK : FAIL(fail, ERR_NOT_FOUND, "this call has no receipt");
}

static enum err tlog_on_leaves(void *context, const struct store_value *row, size_t columns)
{
    ASSERT(columns == 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

enum err tlog_size(struct store_txn *txn, int64_t *ret_leaves, struct fail *fail)
{
    return store_query(txn, &sql_size, NULL, 0, tlog_on_leaves, ret_leaves, fail);
}
