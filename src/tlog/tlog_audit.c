/* The audit of the log: everything recomputed from the entries, leaf by leaf, and compared with
 * what the rows say. */
#include <string.h>

#include "tlog/checkpoint.h"
#include "tlog/tile_rows.h"
#include "tlog/tlog.h"
#include "wire/json.h"

#define AUDIT_SIGNED 2 /* checkpoints that rows hold: the one signed last, the one shown last */

static const struct store_sql sql_audit_leaves = {
    "SELECT l.id, l.entry, l.hash, l.kind, r.call, r.client, r.evidence, r.operator, r.client_salt,"
    " r.evidence_salt, r.operator_salt, n.detail, n.salt FROM leaf l"
    " LEFT JOIN receipt r ON r.leaf = l.id LEFT JOIN note n ON n.leaf = l.id"
    " ORDER BY l.id"
};
static const struct store_sql sql_audit_tile = {
    "SELECT root FROM tile WHERE level = ?1 AND idx = ?2"
};
static const struct store_sql sql_audit_tiles = { "SELECT count(*) FROM tile" };
static const struct store_sql sql_audit_block = {
    "SELECT low, high FROM leaf_block WHERE first = ?1 AND last = ?2"
};
static const struct store_sql sql_audit_blocks = { "SELECT count(*) FROM leaf_block" };
static const struct store_sql sql_audit_strays = {
    "SELECT (SELECT count(*) FROM receipt WHERE leaf NOT IN (SELECT id FROM leaf)),"
    " (SELECT count(*) FROM note WHERE leaf NOT IN (SELECT id FROM leaf))"
};
static const struct store_sql sql_audit_state = { "SELECT size, root FROM log_state" };
/* What is shown was signed before, or with it. */
static const struct store_sql sql_audit_signed = {
    "SELECT p.size, p.root, p.note, 1 FROM published p"
    " UNION ALL SELECT s.size, NULL, s.note,"
    " s.size <= coalesce((SELECT size FROM published), 0) FROM shown s"
};

enum audit_column {
    COLUMN_ID,
    COLUMN_ENTRY,
    COLUMN_HASH,
    COLUMN_KIND,
    COLUMN_CALL,
    COLUMN_SECTIONS,
    COLUMN_SALTS = COLUMN_SECTIONS + RECEIPT_SECTIONS,
    COLUMN_DETAIL = COLUMN_SALTS + RECEIPT_SECTIONS,
    COLUMN_NOTE_SALT,
    COLUMNS
};

/* A signed checkpoint, as its row has it. */
struct audit_signed {
    int64_t size;
    struct digest root;
    bool whole; /* row and note say the same, and the note is signed */
    bool holds; /* and it is the root of the first so many leaves */
};

struct audit {
    struct store_txn *txn;
    struct fail *fail;
    const struct note_key *key; /* NULL: signatures are not checked */
    struct tlog_figures *figures;
    struct tile_edge edge; /* of the leaves so far */
    struct id low;         /* of the calls in the block that is being looked at */
    struct id high;
    struct audit_signed signs[AUDIT_SIGNED];
    size_t sign_count;
};

static void audit_count(struct audit *audit, enum tlog_rule rule, bool good, int64_t at)
{
    struct tlog_figure *figure = &audit->figures->rules[rule];
    if (!good && (figure->wrong == 0 || at < figure->first)) {
        figure->first = at;
    }
    figure->rows++;
    figure->wrong += !good;
}

/* ---- a leaf ------------------------------------------------------------------------------ */

static bool audit_leaf_fits(const struct audit *audit, const struct store_value *row,
                            const struct digest *hash)
{
    const char *kind = tlog_kind_name(row[COLUMN_KIND].number);
    struct str entry = row[COLUMN_ENTRY].bytes;
    struct json_fault fault;
    return row[COLUMN_ID].number == audit->edge.size &&
           str_eq(digest_str(hash), row[COLUMN_HASH].bytes) && kind != NULL &&
           json_check(entry, &fault) == ERR_OK &&
           json_string_is(json_get(entry, STR("kind")), str_from(kind));
}

/* A section that is there names its call. */
static bool audit_names_call(struct str section, struct str call)
{
    struct id id;
    struct json_fault fault;
    char text[ID_SHOWN_MAX];
    struct buf shown = { text, 0, sizeof(text), sizeof(text) };
    if (call.len != ID_BYTES) {
        return false;
    }
    memcpy(id.bytes, call.ptr, ID_BYTES);
    EP_IGNORE(id_print(&shown, STR("call_"), id)); /* fits */
    return json_check(section, &fault) == ERR_OK &&
           json_string_is(json_get(section, STR("call")), buf_str(&shown));
}

/* One that was erased has left no salt and no bytes. */
static bool audit_section_fits(const struct store_value *row, enum receipt_section which)
{
    struct str section = row[COLUMN_SECTIONS + which].bytes;
    struct str salt = row[COLUMN_SALTS + which].bytes;
    return salt.len == 0 ? section.len == 0
                         : receipt_check(row[COLUMN_ENTRY].bytes, which, salt, section) &&
                               audit_names_call(section, row[COLUMN_CALL].bytes);
}

static bool audit_receipt_fits(const struct store_value *row)
{
    bool fits = row[COLUMN_KIND].number == TLOG_RECEIPT && row[COLUMN_CALL].bytes.len == ID_BYTES;
    for (size_t i = 0; fits && i < RECEIPT_SECTIONS; i++) {
        fits = audit_section_fits(row, (enum receipt_section)i);
    }
    return fits;
}

static bool audit_note_fits(const struct store_value *row)
{
    char text[256];
    struct buf entry = { text, 0, sizeof(text), sizeof(text) };
    struct str salt = row[COLUMN_NOTE_SALT].bytes;
    struct str detail = row[COLUMN_DETAIL].bytes;
    int64_t kind = row[COLUMN_KIND].number;
    if ((kind != TLOG_KEY && kind != TLOG_PRICES) || row[COLUMN_DETAIL].kind == STORE_NULL) {
        return false;
    }
    if (salt.len == 0) {
        return detail.len == 0; /* erased */
    }
    return salt.len == TLOG_NOTE_SALT_BYTES &&
           tlog_note_entry((enum tlog_kind)kind, salt, detail, &entry) == ERR_OK &&
           str_eq(buf_str(&entry), row[COLUMN_ENTRY].bytes);
}

static void audit_beside(struct audit *audit, const struct store_value *row)
{
    int64_t id = row[COLUMN_ID].number;
    int64_t kind = row[COLUMN_KIND].number;
    if (kind == TLOG_RECEIPT || row[COLUMN_CALL].kind != STORE_NULL) {
        audit_count(audit, TLOG_RULE_RECEIPTS, audit_receipt_fits(row), id);
    }
    if (kind == TLOG_KEY || kind == TLOG_PRICES || row[COLUMN_DETAIL].kind != STORE_NULL) {
        audit_count(audit, TLOG_RULE_NOTES, audit_note_fits(row), id);
    }
    struct str call = row[COLUMN_CALL].bytes;
    if (call.len == ID_BYTES && memcmp(call.ptr, audit->low.bytes, ID_BYTES) < 0) {
        memcpy(audit->low.bytes, call.ptr, ID_BYTES);
    }
    if (call.len == ID_BYTES && memcmp(call.ptr, audit->high.bytes, ID_BYTES) > 0) {
        memcpy(audit->high.bytes, call.ptr, ID_BYTES);
    }
}

/* ---- what ends with a leaf ------------------------------------------------------------------ */

struct audit_want {
    struct str bytes[2];
    size_t count;
    bool met;
};

/* One row, with exactly these bytes. */
static enum err audit_on_want(void *context, const struct store_value *row, size_t columns)
{
    struct audit_want *want = context;
    ASSERT(columns == want->count);
    want->met = true;
    for (size_t i = 0; i < want->count; i++) {
        want->met &= str_eq(row[i].bytes, want->bytes[i]);
    }
    return ERR_OK;
}

static enum err audit_tiles(struct audit *audit, const struct digest *roots, unsigned full)
{
    for (unsigned level = 0; level < full; level++) {
        unsigned bits = 8 * (level + 1);
        int64_t index = (audit->edge.size >> bits) - 1;
        struct audit_want want = { .bytes = { digest_str(&roots[level]) }, .count = 1 };
        const struct store_value values[] = { STORE_I(level), STORE_I(index) };
        TRY(store_query(audit->txn, &sql_audit_tile, values, 2, audit_on_want, &want, audit->fail));
        audit_count(audit, TLOG_RULE_TILES, want.met, index << bits);
    }
    return ERR_OK;
}

static void audit_begin_block(struct audit *audit)
{
    memset(audit->low.bytes, 0xFF, ID_BYTES);
    memset(audit->high.bytes, 0, ID_BYTES);
}

static enum err audit_block(struct audit *audit)
{
    int64_t first = audit->edge.size - TLOG_BLOCK_LEAVES;
    struct audit_want want = { .bytes = { id_str(&audit->low), id_str(&audit->high) }, .count = 2 };
    const struct store_value values[] = { STORE_I(first), STORE_I(audit->edge.size - 1) };
    TRY(store_query(audit->txn, &sql_audit_block, values, 2, audit_on_want, &want, audit->fail));
    audit_count(audit, TLOG_RULE_BLOCKS, want.met, first);
    audit_begin_block(audit);
    return ERR_OK;
}

static void audit_signs(struct audit *audit)
{
    for (size_t i = 0; i < audit->sign_count; i++) {
        struct audit_signed *sign = &audit->signs[i];
        if (sign->size == audit->edge.size) {
            struct digest root = tile_edge_root(&audit->edge);
            sign->holds = sign->whole && digest_eq(&root, &sign->root);
        }
    }
}

static enum err audit_on_leaf(void *context, const struct store_value *row, size_t columns)
{
    struct audit *audit = context;
    struct digest roots[TILE_LEVELS];
    unsigned full = 0;
    ASSERT(columns == COLUMNS);
    struct digest hash = tree_leaf_hash(row[COLUMN_ENTRY].bytes);
    audit_count(audit, TLOG_RULE_LEAVES, audit_leaf_fits(audit, row, &hash), row[COLUMN_ID].number);
    audit_beside(audit, row);
    tile_edge_grow(&audit->edge, &hash, roots, &full);
    TRY(audit_tiles(audit, roots, full));
    audit_signs(audit);
    return audit->edge.size % TLOG_BLOCK_LEAVES == 0 ? audit_block(audit) : ERR_OK;
}

/* ---- what is there once ------------------------------------------------------------------- */

static enum err audit_on_signed(void *context, const struct store_value *row, size_t columns)
{
    struct audit *audit = context;
    struct note note;
    struct checkpoint checkpoint;
    ASSERT(columns == 4 && audit->sign_count < AUDIT_SIGNED);
    struct audit_signed *sign = &audit->signs[audit->sign_count++];
    *sign = (struct audit_signed){ .size = row[0].number };
    if (note_parse(row[2].bytes, &note, NULL) == ERR_OK &&
        checkpoint_parse(note.text, &checkpoint, NULL) == ERR_OK) {
        sign->root = checkpoint.root;
        sign->whole =
            checkpoint.size == sign->size && row[3].number != 0 &&
            (row[1].kind == STORE_NULL || str_eq(row[1].bytes, digest_str(&checkpoint.root))) &&
            (audit->key == NULL || note_check(&note, audit->key, NULL) == NOTE_SIGNED);
    }
    return ERR_OK;
}

static enum err audit_on_state(void *context, const struct store_value *row, size_t columns)
{
    struct audit *audit = context;
    struct digest root = tile_edge_root(&audit->edge);
    ASSERT(columns == 2);
    audit_count(audit, TLOG_RULE_STATE,
                row[0].number == audit->edge.size && str_eq(row[1].bytes, digest_str(&root)),
                row[0].number);
    return ERR_OK;
}

static enum err audit_on_numbers(void *context, const struct store_value *row, size_t columns)
{
    int64_t *numbers = context;
    for (size_t i = 0; i < columns; i++) {
        numbers[i] = row[i].number;
    }
    return ERR_OK;
}

/* Rows that belong to no leaf of the log. */
static enum err audit_strays(struct audit *audit)
{
    int64_t tiles = 0;
    int64_t blocks = 0;
    int64_t beside[2] = { 0, 0 };
    struct tlog_figure *rules = audit->figures->rules;
    TRY(store_query(audit->txn, &sql_audit_tiles, NULL, 0, audit_on_numbers, &tiles, audit->fail));
    TRY(store_query(audit->txn, &sql_audit_blocks, NULL, 0, audit_on_numbers, &blocks,
                    audit->fail));
    TRY(store_query(audit->txn, &sql_audit_strays, NULL, 0, audit_on_numbers, beside, audit->fail));
    if (tiles > rules[TLOG_RULE_TILES].rows) {
        audit_count(audit, TLOG_RULE_TILES, false, audit->edge.size);
    }
    if (blocks > rules[TLOG_RULE_BLOCKS].rows) {
        audit_count(audit, TLOG_RULE_BLOCKS, false, audit->edge.size);
    }
    if (beside[0] > 0) {
        audit_count(audit, TLOG_RULE_RECEIPTS, false, audit->edge.size);
    }
    if (beside[1] > 0) {
        audit_count(audit, TLOG_RULE_NOTES, false, audit->edge.size);
    }
    return ERR_OK;
}

static enum err audit_ends(struct audit *audit)
{
    TRY(store_query(audit->txn, &sql_audit_state, NULL, 0, audit_on_state, audit, audit->fail));
    if (audit->figures->rules[TLOG_RULE_STATE].rows == 0 && audit->edge.size > 0) {
        audit_count(audit, TLOG_RULE_STATE, false, 0);
    }
    for (size_t i = 0; i < audit->sign_count; i++) {
        audit_count(audit, TLOG_RULE_PUBLISHED, audit->signs[i].holds, audit->signs[i].size);
    }
    return audit_strays(audit);
}

enum err tlog_audit(struct store_txn *txn, const struct note_key *key,
                    struct tlog_figures *ret_figures, struct fail *fail)
{
    struct audit audit = { .txn = txn, .fail = fail, .key = key, .figures = ret_figures };
    *ret_figures = (struct tlog_figures){ 0 };
    audit_begin_block(&audit);
    TRY(store_query(txn, &sql_audit_signed, NULL, 0, audit_on_signed, &audit, fail));
    TRY(store_query(txn, &sql_audit_leaves, NULL, 0, audit_on_leaf, &audit, fail));
    return audit_ends(&audit);
}
