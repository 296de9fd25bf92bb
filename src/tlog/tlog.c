#include "tlog/tlog.h"

#include <string.h>

#include "base/mem.h"

#define TLOG_ENTRY_MAX    1024 /* three hexadecimal digests and a few words */
#define TLOG_BLOCK_LEAVES INT64_C(1024)

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
static const struct store_sql sql_open_block = {
    "SELECT min(call), max(call) FROM receipt WHERE leaf >= ?1"
};

/* The writer's thread alone. */
struct tlog {
    int64_t size;
    struct id low; /* of the calls whose receipts are in the block that is being filled */
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
    return store_query(txn, &sql_open_block, &first, 1, tlog_on_open_block, tlog, fail);
}

enum err tlog_open(struct store *store, struct tlog **ret_tlog, struct fail *fail)
{
    struct tlog *tlog = mem_zalloc(sizeof(*tlog));
    if (tlog == NULL) {
        return FAIL(fail, ERR_NO_MEMORY, "no memory for the log");
    }
    struct tlog_load load = { .job = { .run = tlog_load }, .tlog = tlog };
    enum err err = store_run(store, &load.job, fail);
    if (err != ERR_OK) {
        tlog_close(tlog);
        return err;
    }
    *ret_tlog = tlog;
    return ERR_OK;
}

void tlog_close(struct tlog *tlog)
{
    mem_free(tlog);
}

/* RFC 6962 section 2.1: a leaf is hashed with a zero byte in front. */
static struct digest tlog_leaf_hash(struct str entry)
{
    const struct str parts[] = { { "\0", 1 }, entry };
    return digest_sha256_parts(parts, 2);
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
    struct digest hash = tlog_leaf_hash(entry);
    const struct store_value values[] = { STORE_I(tlog->size), STORE_I(kind), STORE_I(wall_ns),
                                          STORE_B(entry), STORE_B(digest_str(&hash)) };
    TRY(store_exec(txn, &sql_leaf_add, values, EP_ARRAY_LEN(values), fail));
    *ret_leaf = tlog->size++;
    return tlog->size % TLOG_BLOCK_LEAVES == 0 ? tlog_end_block(tlog, txn, fail) : ERR_OK;
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

static const struct store_sql sql_audit = {
    "SELECT l.id, l.entry, l.hash, l.kind, r.client, r.evidence, r.operator, r.client_salt,"
    " r.evidence_salt, r.operator_salt FROM leaf l LEFT JOIN receipt r ON r.leaf = l.id"
    " ORDER BY l.id"
};

static enum err tlog_on_audit(void *context, const struct store_value *row, size_t columns)
{
    struct tlog_figures *figures = context;
    ASSERT(columns == 4 + 2 * RECEIPT_SECTIONS);
    struct digest hash = tlog_leaf_hash(row[1].bytes);
    bool good = row[0].number == figures->leaves && str_eq(digest_str(&hash), row[2].bytes) &&
                (row[3].number == TLOG_RECEIPT) == (row[4].kind == STORE_BLOB);
    for (size_t i = 0; good && row[3].number == TLOG_RECEIPT && i < RECEIPT_SECTIONS; i++) {
        struct str salt = row[4 + RECEIPT_SECTIONS + i].bytes;
        /* An erased salt leaves the section unlinkable, on purpose. */
        good = salt.len == 0 ||
               receipt_check(row[1].bytes, (enum receipt_section)i, salt, row[4 + i].bytes);
    }
    figures->first = !good && figures->bad == 0 ? row[0].number : figures->first;
    figures->leaves++;
    figures->bad += !good;
    return ERR_OK;
}

enum err tlog_audit(struct store_txn *txn, struct tlog_figures *ret_figures, struct fail *fail)
{
    *ret_figures = (struct tlog_figures){ 0 };
    return store_query(txn, &sql_audit, NULL, 0, tlog_on_audit, ret_figures, fail);
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
