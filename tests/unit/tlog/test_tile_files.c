#include "tlog/tile_files.h"

#include "publish_case.h"

static struct publish_case it; /* its publisher is not used: the folder is ours */
static struct tile_files files;

static void begin(int64_t size)
{
    publish_case_begin(&it, size);
    publish_case_close(&it);
    CHECK_EQ(tile_folder_open(it.log.log_folder, &files.folder, &it.log.fail), ERR_OK);
    files.store = it.log.store;
}

static void end(void)
{
    tile_folder_close(files.folder);
    publish_case_end(&it);
}

static int64_t make(int64_t from, int64_t to, enum tile_files_manner manner)
{
    int64_t written = 0;
    CHECK_EQ(tile_files_make(&files, from, to, manner, &written, &it.log.fail), ERR_OK);
    return written;
}

/* All files of a tree of `size` leaves. */
static int64_t check_all(int64_t size)
{
    int64_t count = 0;
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        struct tile tile = { .level = level };
        while ((tile.width = tile_width_in(size, level, tile.index)) > 0) {
            publish_case_check_tile(&it, &tile);
            tile.entries = level == 0;
            publish_case_check_tile(&it, &tile);
            count += level == 0 ? 2 : 1;
            tile.entries = false;
            tile.index++;
        }
    }
    return count;
}

TEST(what_a_larger_tree_has_more_is_made)
{
    static const int64_t sizes[] = { 0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 1024, 1500 };
    begin(1500);
    for (size_t i = 1; i < EP_ARRAY_LEN(sizes); i++) {
        int64_t written = make(sizes[i - 1], sizes[i], TILE_FILES_ALL);
        CHECK(written > 0 && check_all(sizes[i]) >= written);
        CHECK_EQ(make(sizes[i], sizes[i], TILE_FILES_ALL), 0);
        CHECK_EQ(make(0, sizes[i], TILE_FILES_OTHER), 0);
        CHECK_EQ(make(0, sizes[i], TILE_FILES_MISSING), 0);
    }
    CHECK_EQ(make(0, 0, TILE_FILES_ALL), 0);
    CHECK_EQ(make(512, 1500, TILE_FILES_ALL), 9); /* four tiles, their bundles, one above */
    end();
}

/* More files than a snapshot is held for. */
TEST(a_whole_folder_is_made_in_steps)
{
    begin(40000);
    CHECK_EQ(make(0, 40000, TILE_FILES_ALL), 2 * 157 + 1);
    CHECK_EQ(check_all(40000), 2 * 157 + 1);
    end();
}

TEST(what_differs_is_made_again_and_nothing_else)
{
    begin(600);
    CHECK_EQ(make(0, 600, TILE_FILES_ALL), 7);
    publish_case_write(&it, STR("tile/entries/001"), (struct str){ (char *)it.hashes, 999 });
    publish_case_write(&it, STR("tile/0/002.p/88"), STR("x"));
    CHECK_EQ(make(0, 600, TILE_FILES_MISSING), 1); /* how long a bundle is its rows alone say */
    CHECK_EQ(make(0, 600, TILE_FILES_OTHER), 1);
    publish_case_write(&it, STR("tile/entries/001"), STR_EMPTY);
    CHECK_EQ(make(0, 600, TILE_FILES_MISSING), 1);
    CHECK_EQ(check_all(600), 7);
    end();
}

TEST(looks_go_round)
{
    int64_t at = 0;
    int64_t written = 0;
    begin(256 * 10);
    CHECK_EQ(tile_files_look(&files, 0, &at, &written, &it.log.fail), ERR_OK);
    CHECK_EQ(at, 0);
    for (int i = 0; i < 3; i++) { /* twelve of ten tiles, in fours: all are missing */
        CHECK_EQ(tile_files_look(&files, 2560, &at, &written, &it.log.fail), ERR_OK);
    }
    CHECK_EQ(at, 2);
    CHECK_EQ(written, 21);
    CHECK_EQ(check_all(2560), 21);
    end();
}

TEST(partial_tiles_are_dropped_where_full_ones_came)
{
    char path[256];
    struct stat info;
    begin(600);
    (void)make(0, 300, TILE_FILES_ALL);
    (void)make(300, 600, TILE_FILES_ALL);
    publish_case_path(&it, STR("tile/0/001.p/44"), path);
    CHECK_EQ(stat(path, &info), 0);
    tile_files_drop_partials(&files, 300, 600);
    CHECK_EQ(stat(path, &info), -1);
    CHECK_EQ(check_all(600), 7);
    end();
}

TEST(leaves_that_are_missing_make_no_files)
{
    static const struct store_sql damage = { "DELETE FROM leaf WHERE id = 299" };
    int64_t written = 0;
    begin(600);
    tlog_case_change(&it.log, &damage);
    CHECK_EQ(tile_files_make(&files, 0, 600, TILE_FILES_ALL, &written, &it.log.fail),
             ERR_STORE_DAMAGED);
    end();
}
