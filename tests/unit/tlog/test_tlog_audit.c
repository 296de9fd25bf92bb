#include "publish_case.h"
#include "receipts.h"

static struct publish_case it;
static struct id calls[8];

/* ---- a log with a leaf of each kind ---------------------------------------------------------- */

static enum err append_receipt(struct store_txn *txn, unsigned char number, struct fail *fail)
{
    int64_t leaf = 0;
    struct receipt receipt;
    calls[number] = (struct id){ { 7, 7, number } };
    struct receipt_facts facts = receipts_facts(calls[number]);
    receipt_init(&receipt);
    enum err err = receipt_build(&receipt, &facts);
    err = err == ERR_OK
              ? tlog_append_receipt(it.log.tlog, txn, calls[number], &receipt, 5, &leaf, fail)
              : err;
    receipt_fini(&receipt);
    return err;
}

/* 0 receipt, 1 event, 2 key, 3 receipt, 4 prices, 5 registry, 6 receipt. */
static enum err run_append(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct tlog *tlog = it.log.tlog;
    int64_t leaf = 0;
    (void)job;
    TRY(append_receipt(txn, 0, fail));
    TRY(tlog_append(tlog, txn, TLOG_EVENT, STR("{\"event\":\"start\",\"kind\":\"event\"}"), 5,
                    &leaf, fail));
    TRY(tlog_append_note(tlog, txn, TLOG_KEY, STR("a key was made"), 5, &leaf, fail));
    TRY(append_receipt(txn, 1, fail));
    TRY(tlog_append_note(tlog, txn, TLOG_PRICES, STR("a price book"), 5, &leaf, fail));
    TRY(tlog_append(tlog, txn, TLOG_REGISTRY, STR("{\"kind\":\"registry\"}"), 5, &leaf, fail));
    TRY(append_receipt(txn, 2, fail));
    CHECK_EQ(leaf, 5);
    CHECK_EQ(tlog_append_note(tlog, txn, TLOG_KEY, (struct str){ it.log.folder, TLOG_NOTE_MAX + 1 },
                              5, &leaf, fail),
             ERR_LIMIT);
    return ERR_OK;
}

#define LEAVES 7

static void begin(void)
{
    struct store_job job = { .run = run_append };
    publish_case_begin(&it, 0);
    CHECK_EQ(store_run(it.log.store, &job, &it.log.fail), ERR_OK);
}

/* With events behind it, so that there are tiles and a block; published. */
static void begin_long(int64_t leaves)
{
    begin();
    tlog_case_append(&it.log, LEAVES, leaves - LEAVES);
    publish_case_round(&it);
}

static int64_t wrong_of(const struct tlog_figures *figures)
{
    int64_t wrong = 0;
    for (size_t i = 0; i < TLOG_RULES; i++) {
        wrong += figures->rules[i].wrong;
    }
    return wrong;
}

static enum err run_audit(void *context, struct store_txn *txn, struct fail *fail)
{
    return tlog_audit(txn, &it.key, context, fail);
}

static struct tlog_figures audit(void)
{
    struct tlog_figures figures;
    CHECK_EQ(store_read(it.log.store, run_audit, &figures, &it.log.fail), ERR_OK);
    return figures;
}

TEST(a_log_that_nobody_touched_is_whole)
{
    begin_long(1100);
    struct tlog_figures figures = audit();
    CHECK_EQ(wrong_of(&figures), 0);
    CHECK_EQ(figures.rules[TLOG_RULE_LEAVES].rows, 1100);
    CHECK_EQ(figures.rules[TLOG_RULE_RECEIPTS].rows, 3);
    CHECK_EQ(figures.rules[TLOG_RULE_NOTES].rows, 2);
    CHECK_EQ(figures.rules[TLOG_RULE_BLOCKS].rows, 1);
    CHECK_EQ(figures.rules[TLOG_RULE_TILES].rows, 4);
    CHECK_EQ(figures.rules[TLOG_RULE_STATE].rows, 1);
    CHECK_EQ(figures.rules[TLOG_RULE_PUBLISHED].rows, 2);
    publish_case_end(&it);
}

TEST(an_empty_log_is_whole)
{
    publish_case_begin(&it, 0);
    struct tlog_figures figures = audit();
    CHECK_EQ(wrong_of(&figures), 0);
    publish_case_end(&it);
}

/* ---- changes --------------------------------------------------------------------------------- */

struct change {
    enum tlog_rule rule; /* at least this one is broken */
    int64_t first;
    struct store_sql sql[3]; /* until one without text */
};

struct changing {
    struct store_job job;
    const struct change *change;
    const struct store_sql *undo; /* what the store would not commit; NULL: nothing */
    struct tlog_figures figures;
};

static enum err run_change(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct changing *changing = EP_CONTAINER(job, struct changing, job);
    const struct change *change = changing->change;
    for (size_t i = 0; i < EP_ARRAY_LEN(change->sql) && change->sql[i].text != NULL; i++) {
        TRY(store_exec(txn, &change->sql[i], NULL, 0, fail));
    }
    TRY(tlog_audit(txn, &it.key, &changing->figures, fail));
    return changing->undo == NULL ? ERR_OK : store_exec(txn, changing->undo, NULL, 0, fail);
}

/* Each by itself, on a log of its own. */
static void check_changes(const struct change *changes, size_t count, int64_t leaves)
{
    for (size_t i = 0; i < count; i++) {
        begin_long(leaves);
        struct changing changing = { .job = { .run = run_change }, .change = &changes[i] };
        CHECK_EQ(store_run(it.log.store, &changing.job, &it.log.fail), ERR_OK);
        const struct tlog_figure *figure = &changing.figures.rules[changes[i].rule];
        if (figure->wrong == 0 || figure->first != changes[i].first) {
            test_failed(EP_SITE, "\"%s\": %lld wrong, the first %lld", changes[i].sql[0].text,
                        (long long)figure->wrong, (long long)figure->first);
        }
        publish_case_end(&it);
    }
}

TEST(edited_rows_are_found)
{
    static const struct change changes[] = {
        { TLOG_RULE_LEAVES, 1, { { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 1" } } },
        { TLOG_RULE_LEAVES, 1, { { "UPDATE leaf SET kind = 5 WHERE id = 1" } } },
        { TLOG_RULE_LEAVES, 1, { { "UPDATE leaf SET kind = 0 WHERE id = 1" } } },
        { TLOG_RULE_LEAVES, 5, { { "UPDATE leaf SET entry = x'7b7d' WHERE id = 5" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE leaf SET kind = 3 WHERE id = 3" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE receipt SET client = x'7b7d' WHERE leaf = 3" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE receipt SET client = x'' WHERE leaf = 3" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE receipt SET client_salt = x'' WHERE leaf = 3" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE receipt SET call = zeroblob(16) WHERE leaf = 3" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "UPDATE receipt SET call = x'00' WHERE leaf = 3" } } },
        { TLOG_RULE_NOTES, 2, { { "UPDATE note SET detail = x'' WHERE leaf = 2" } } },
        { TLOG_RULE_NOTES, 2, { { "UPDATE note SET salt = x'' WHERE leaf = 2" } } },
        { TLOG_RULE_NOTES, 2, { { "UPDATE note SET detail = x'00' WHERE leaf = 2" } } },
        { TLOG_RULE_NOTES, 2, { { "UPDATE leaf SET kind = 5 WHERE id = 2" } } },
        { TLOG_RULE_BLOCKS, 0, { { "UPDATE leaf_block SET high = zeroblob(16)" } } },
        { TLOG_RULE_BLOCKS, 0, { { "UPDATE leaf_block SET last = 1022" } } },
        { TLOG_RULE_TILES, 256, { { "UPDATE tile SET root = zeroblob(32) WHERE idx = 1" } } },
        { TLOG_RULE_TILES, 768, { { "UPDATE tile SET idx = 9 WHERE idx = 3" } } },
        { TLOG_RULE_STATE, 1100, { { "UPDATE log_state SET root = zeroblob(32)" } } },
        { TLOG_RULE_STATE, 3, { { "UPDATE log_state SET size = 3" } } },
        { TLOG_RULE_PUBLISHED, 1100, { { "UPDATE published SET root = zeroblob(32)" } } },
        { TLOG_RULE_PUBLISHED, 9, { { "UPDATE published SET size = 9" } } },
        { TLOG_RULE_PUBLISHED, 9, { { "UPDATE shown SET size = 9" } } },
        { TLOG_RULE_PUBLISHED, 1100, { { "UPDATE shown SET note = x'00'" } } },
    };
    check_changes(changes, EP_ARRAY_LEN(changes), 1100);
}

TEST(deleted_and_invented_rows_are_found)
{
    static const struct change changes[] = {
        { TLOG_RULE_STATE, 1100, { { "DELETE FROM leaf WHERE id = 1099" } } },
        { TLOG_RULE_PUBLISHED, 1100, { { "DELETE FROM leaf WHERE id = 1099" } } },
        { TLOG_RULE_LEAVES, 2, { { "DELETE FROM leaf WHERE id = 1" } } },
        { TLOG_RULE_RECEIPTS, 3, { { "DELETE FROM receipt WHERE leaf = 3" } } },
        { TLOG_RULE_RECEIPTS,
          1,
          { { "INSERT INTO receipt SELECT 1, call, client, evidence, operator, client_salt,"
              " evidence_salt, operator_salt FROM receipt WHERE leaf = 3" } } },
        { TLOG_RULE_NOTES, 2, { { "DELETE FROM note WHERE leaf = 2" } } },
        { TLOG_RULE_NOTES, 1, { { "INSERT INTO note VALUES (1, x'00', zeroblob(16))" } } },
        { TLOG_RULE_NOTES, 3, { { "INSERT INTO note VALUES (3, x'', x'')" } } },
        { TLOG_RULE_BLOCKS, 0, { { "DELETE FROM leaf_block" } } },
        { TLOG_RULE_BLOCKS,
          1100,
          { { "INSERT INTO leaf_block SELECT 9, 10, low, high"
              " FROM leaf_block" } } },
        { TLOG_RULE_TILES, 512, { { "DELETE FROM tile WHERE idx = 2" } } },
        { TLOG_RULE_TILES,
          1100,
          { { "INSERT INTO tile SELECT 1, 0, root FROM tile"
              " WHERE idx = 2" } } },
        { TLOG_RULE_STATE, 0, { { "DELETE FROM log_state" } } },
        { TLOG_RULE_PUBLISHED, 1100, { { "DELETE FROM published" } } },
        { TLOG_RULE_LEAVES,
          1101,
          { { "INSERT INTO leaf SELECT 1101, kind, 5, entry, hash FROM leaf WHERE id = 5" } } },
        { TLOG_RULE_STATE,
          1100,
          { { "INSERT INTO leaf SELECT 1100, kind, 5, entry, hash FROM leaf WHERE id = 5" } } },
    };
    check_changes(changes, EP_ARRAY_LEN(changes), 1100);
}

TEST(rows_beside_no_leaf_are_found_as_if_the_store_allowed_them)
{
    static const struct store_sql undo = { "UPDATE leaf SET id = id - 2000 WHERE id >= 2000" };
    static const struct change change = {
        .sql = { { "PRAGMA defer_foreign_keys = 1" },
                 { "UPDATE leaf SET id = id + 2000 WHERE id IN (2, 3)" } },
    };
    begin_long(9);
    struct changing changing = { .job = { .run = run_change }, .change = &change, .undo = &undo };
    CHECK_EQ(store_run(it.log.store, &changing.job, &it.log.fail), ERR_OK);
    CHECK_EQ(changing.figures.rules[TLOG_RULE_RECEIPTS].wrong, 2); /* it, and a stray */
    CHECK_EQ(changing.figures.rules[TLOG_RULE_NOTES].wrong, 2);
    struct tlog_figures figures = audit();
    CHECK_EQ(wrong_of(&figures), 0);
    publish_case_end(&it);
}

TEST(reordered_rows_are_found)
{
    static const struct change changes[] = {
        /* Two events change places; the rows of either are whole. */
        { TLOG_RULE_STATE,
          1100,
          { { "UPDATE leaf SET id = -1 WHERE id = 20" },
            { "UPDATE leaf SET id = 20 WHERE id = 21" },
            { "UPDATE leaf SET id = 21 WHERE id = -1" } } },
        { TLOG_RULE_TILES,
          0,
          { { "UPDATE leaf SET id = -1 WHERE id = 20" },
            { "UPDATE leaf SET id = 20 WHERE id = 21" },
            { "UPDATE leaf SET id = 21 WHERE id = -1" } } },
        /* And so do two receipts beside their leaves. */
        { TLOG_RULE_RECEIPTS,
          0,
          { { "UPDATE receipt SET leaf = 1 WHERE leaf = 0" },
            { "UPDATE receipt SET leaf = 0 WHERE leaf = 3" },
            { "UPDATE receipt SET leaf = 3 WHERE leaf = 1" } } },
        { TLOG_RULE_NOTES,
          2,
          { { "UPDATE note SET leaf = 1 WHERE leaf = 2" },
            { "UPDATE note SET leaf = 2 WHERE leaf = 4" },
            { "UPDATE note SET leaf = 4 WHERE leaf = 1" } } },
        { TLOG_RULE_TILES,
          0,
          { { "UPDATE tile SET idx = 99 WHERE idx = 0" },
            { "UPDATE tile SET idx = 0 WHERE idx = 1" },
            { "UPDATE tile SET idx = 1 WHERE idx = 99" } } },
    };
    check_changes(changes, EP_ARRAY_LEN(changes), 1100);
}

TEST(what_was_erased_is_accepted)
{
    static const struct change erasures[] = {
        { .sql = { { "UPDATE receipt SET client = x'', client_salt = x'' WHERE leaf = 0" },
                   { "UPDATE receipt SET evidence = x'', evidence_salt = x'' WHERE leaf = 0" } } },
        { .sql = { { "UPDATE receipt SET client = x'', client_salt = x'', evidence = x'',"
                     " evidence_salt = x'', operator = x'', operator_salt = x''" } } },
        { .sql = { { "UPDATE note SET detail = x'', salt = x''" } } },
    };
    begin_long(1100);
    for (size_t i = 0; i < EP_ARRAY_LEN(erasures); i++) {
        struct changing changing = { .job = { .run = run_change }, .change = &erasures[i] };
        CHECK_EQ(store_run(it.log.store, &changing.job, &it.log.fail), ERR_OK);
        CHECK_EQ(wrong_of(&changing.figures), 0);
        CHECK_EQ(changing.figures.rules[TLOG_RULE_RECEIPTS].rows, 3);
        CHECK_EQ(changing.figures.rules[TLOG_RULE_NOTES].rows, 2);
    }
    tlog_case_append(&it.log, 1100, 1);
    publish_case_round(&it); /* and the log goes on */
    struct tlog_figures figures = audit();
    CHECK_EQ(wrong_of(&figures), 0);
    publish_case_end(&it);
}

TEST(a_checkpoint_under_another_key_is_found)
{
    begin_long(9);
    publish_case_key(&it, 8);
    struct tlog_figures figures = audit();
    CHECK_EQ(figures.rules[TLOG_RULE_PUBLISHED].wrong, 2);
    CHECK_EQ(wrong_of(&figures), 2);
    publish_case_end(&it);
}

/* ---- flipped bits ---------------------------------------------------------------------------- */

struct column {
    struct store_sql read; /* all rows: a key, the bytes */
    struct store_sql write;
};

#define COLUMN(table, key, name)                                    \
    {                                                               \
        { "SELECT " key ", " name " FROM " table " ORDER BY 1" },   \
        {                                                           \
            "UPDATE " table " SET " name " = ?2 WHERE " key " = ?1" \
        }                                                           \
    }

#define ROWS_MAX 16

struct flipping {
    struct store_job job;
    const struct column *column;
    int64_t keys[ROWS_MAX];
    struct buf bytes[ROWS_MAX];
    size_t count;
    int64_t flips;
};

static enum err on_bytes(void *context, const struct store_value *row, size_t columns)
{
    struct flipping *flipping = context;
    CHECK_EQ(columns, 2);
    CHECK(flipping->count < ROWS_MAX);
    flipping->keys[flipping->count] = row[0].number;
    buf_init(&flipping->bytes[flipping->count], 100000);
    return buf_append(&flipping->bytes[flipping->count++], row[1].bytes);
}

static enum err flip_one(struct flipping *flipping, struct store_txn *txn, size_t row, size_t at,
                         struct fail *fail)
{
    struct tlog_figures figures;
    struct buf *bytes = &flipping->bytes[row];
    const struct store_value values[] = { STORE_I(flipping->keys[row]), STORE_B(buf_str(bytes)) };
    char kept = bytes->ptr[at];
    bytes->ptr[at] = (char)(kept ^ (1 << (at % 8)));
    TRY(store_exec(txn, &flipping->column->write, values, 2, fail));
    TRY(tlog_audit(txn, &it.key, &figures, fail));
    if (wrong_of(&figures) == 0) {
        test_failed(EP_SITE, "\"%s\": byte %zu of row %lld", flipping->column->read.text, at,
                    (long long)flipping->keys[row]);
    }
    bytes->ptr[at] = kept;
    flipping->flips++;
    return store_exec(txn, &flipping->column->write, values, 2, fail);
}

static enum err run_flips(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    struct flipping *flipping = EP_CONTAINER(job, struct flipping, job);
    TRY(store_query(txn, &flipping->column->read, NULL, 0, on_bytes, flipping, fail));
    for (size_t row = 0; row < flipping->count; row++) {
        for (size_t at = 0; at < flipping->bytes[row].len; at++) {
            TRY(flip_one(flipping, txn, row, at, fail));
        }
    }
    return ERR_OK;
}

/* Returns how many were found. */
static int64_t flip_each(const struct column *columns, size_t count)
{
    int64_t flips = 0;
    for (size_t i = 0; i < count; i++) {
        struct flipping flipping = { .job = { .run = run_flips }, .column = &columns[i] };
        CHECK_EQ(store_run(it.log.store, &flipping.job, &it.log.fail), ERR_OK);
        for (size_t row = 0; row < flipping.count; row++) {
            buf_fini(&flipping.bytes[row]);
        }
        CHECK(flipping.count > 0);
        flips += flipping.flips;
    }
    struct tlog_figures figures = audit();
    CHECK_EQ(wrong_of(&figures), 0);
    return flips;
}

TEST(a_flipped_bit_in_any_byte_of_leaves_receipts_and_notes_is_found)
{
    static const struct column columns[] = {
        COLUMN("leaf", "id", "entry"),
        COLUMN("leaf", "id", "hash"),
        COLUMN("receipt", "leaf", "call"),
        COLUMN("receipt", "leaf", "client"),
        COLUMN("receipt", "leaf", "evidence"),
        COLUMN("receipt", "leaf", "operator"),
        COLUMN("receipt", "leaf", "client_salt"),
        COLUMN("receipt", "leaf", "evidence_salt"),
        COLUMN("receipt", "leaf", "operator_salt"),
        COLUMN("note", "leaf", "detail"),
        COLUMN("note", "leaf", "salt"),
        COLUMN("log_state", "id", "root"),
        COLUMN("published", "id", "root"),
        COLUMN("published", "id", "note"),
        COLUMN("shown", "id", "note"),
    };
    begin_long(LEAVES);
    CHECK(flip_each(columns, EP_ARRAY_LEN(columns)) > 4000);
    publish_case_end(&it);
}

TEST(a_flipped_bit_in_any_byte_of_tiles_and_blocks_is_found)
{
    static const struct column columns[] = {
        COLUMN("tile", "idx", "root"),
        COLUMN("leaf_block", "first", "low"),
        COLUMN("leaf_block", "first", "high"),
    };
    begin_long(1024);
    CHECK_EQ(flip_each(columns, EP_ARRAY_LEN(columns)), 4 * DIGEST_BYTES + 2 * ID_BYTES);
    publish_case_end(&it);
}
