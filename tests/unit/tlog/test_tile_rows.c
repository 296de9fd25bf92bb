#include "tlog/tile_rows.h"

#include "tlog_case.h"

static struct tlog_case it;

#define MANY 70000

static struct digest hashes[MANY];

static void make_hashes(void)
{
    for (int64_t i = 0; i < MANY; i++) {
        char text[64];
        hashes[i] = tree_leaf_hash(tlog_case_entry(i, text));
    }
}

struct look {
    int64_t size;
    struct digest root;
    int64_t tiles;
};

static enum err on_number(void *context, const struct store_value *row, size_t columns)
{
    CHECK_EQ(columns, 1);
    *(int64_t *)context = row[0].number;
    return ERR_OK;
}

static enum err run_look(void *context, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql_tiles = { "SELECT count(*) FROM tile" };
    struct look *look = context;
    struct digest noted;
    TRY(tile_rows_state(txn, &look->size, &noted, fail));
    TRY(tile_rows_root(txn, look->size, &look->root, fail));
    CHECK(digest_eq(&noted, &look->root));
    return store_query(txn, &sql_tiles, NULL, 0, on_number, &look->tiles, fail);
}

static void check_log(int64_t size)
{
    struct look look = { .size = -1 };
    struct digest want = tlog_case_root(hashes, size);
    CHECK_EQ(store_read(it.store, run_look, &look, &it.fail), ERR_OK);
    CHECK_EQ(look.size, size);
    CHECK(digest_eq(&look.root, &want));
    CHECK_EQ(look.tiles, size / 256 + size / 65536);
}

TEST(the_rows_give_the_root_of_every_size)
{
    tlog_case_begin(&it);
    make_hashes();
    for (int64_t size = 0; size < 600; size++) {
        check_log(size);
        tlog_case_append(&it, size, 1);
        if (size % 17 == 0) {
            tlog_case_close(&it);
            tlog_case_open(&it);
        }
    }
    tlog_case_end(&it);
}

TEST(the_rows_give_the_root_around_each_power_of_256)
{
    tlog_case_begin(&it);
    tlog_case_append(&it, 0, 65534);
    for (int64_t size = 65534; size < 65540; size++) {
        check_log(size);
        tlog_case_append(&it, size, 1);
    }
    tlog_case_close(&it);
    tlog_case_open(&it);
    tlog_case_append(&it, 65540, MANY - 65540);
    check_log(MANY);
    tlog_case_end(&it);
}

TEST(an_old_log_gets_its_tree_at_the_opening)
{
    static const struct store_sql forget[] = {
        { "DELETE FROM tile WHERE idx >= 3 OR level > 0" },
        { "UPDATE log_state SET size = 800, root = zeroblob(32)" },
        { "DELETE FROM log_state" },
        { "DELETE FROM tile" },
    };
    tlog_case_begin(&it);
    tlog_case_append(&it, 0, MANY);
    tlog_case_change(&it, &forget[2]);
    tlog_case_change(&it, &forget[3]);
    tlog_case_close(&it);
    tlog_case_open(&it);
    check_log(MANY); /* in two steps */
    tlog_case_change(&it, &forget[0]);
    tlog_case_change(&it, &forget[1]);
    tlog_case_close(&it);
    CHECK_EQ(tlog_case_try_open(&it), ERR_STORE_DAMAGED); /* half a tree with another root */
    tlog_case_end(&it);
}

TEST(rows_that_were_changed_do_not_open)
{
    static const struct store_sql changes[] = {
        { "DELETE FROM leaf WHERE id = 299" },
        { "UPDATE leaf SET hash = zeroblob(32) WHERE id = 299" },
        { "DELETE FROM leaf WHERE id = 270" },
        { "UPDATE tile SET root = zeroblob(32)" },
        { "DELETE FROM tile" },
        { "UPDATE log_state SET root = zeroblob(32)" },
        { "UPDATE log_state SET size = 299" },
        { "UPDATE log_state SET size = 301" },
        { "UPDATE log_state SET size = -1" },
    };
    for (size_t i = 0; i < EP_ARRAY_LEN(changes); i++) {
        tlog_case_begin(&it);
        tlog_case_append(&it, 0, 300);
        tlog_case_change(&it, &changes[i]);
        tlog_case_close(&it);
        CHECK_EQ(tlog_case_try_open(&it), ERR_STORE_DAMAGED);
        CHECK(it.fail.text[0] != '\0');
        tlog_case_end(&it);
    }
}

struct reading {
    struct digest hashes[256];
    struct buf bundle;
};

static enum err run_reading(void *context, struct store_txn *txn, struct fail *fail)
{
    struct reading *reading = context;
    TRY(tile_rows_hashes(txn, 0, 256, 44, reading->hashes, fail));
    CHECK(memcmp(reading->hashes, hashes + 256, 44 * sizeof(*hashes)) == 0);
    TRY(tile_rows_bundle(txn, 298, 2, &reading->bundle, fail));
    CHECK_EQ(tile_rows_hashes(txn, 0, 256, 45, reading->hashes, fail), ERR_STORE_DAMAGED);
    CHECK_EQ(tile_rows_hashes(txn, 1, 1, 1, reading->hashes, fail), ERR_STORE_DAMAGED);
    CHECK_EQ(tile_rows_bundle(txn, 298, 3, &reading->bundle, fail), ERR_STORE_DAMAGED);
    return ERR_OK;
}

TEST(hashes_and_bundles_are_read_and_what_is_missing_is_said)
{
    struct reading reading;
    tlog_case_begin(&it);
    tlog_case_append(&it, 0, 300);
    buf_init(&reading.bundle, 1000);
    CHECK_EQ(store_read(it.store, run_reading, &reading, &it.fail), ERR_OK);
    CHECK(str_starts(buf_str(&reading.bundle),
                     (struct str){ "\0\036{\"event\":\"298\",\"kind\":\"event\"}\0", 33 }));
    buf_fini(&reading.bundle);
    tlog_case_end(&it);
}
