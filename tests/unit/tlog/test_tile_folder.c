#include "tlog/tile_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char root[64];
static char path[256];
static struct tile_folder *folder;
static struct fail failure;

static void begin(void)
{
    (void)snprintf(root, sizeof(root), "/tmp/tile-folder-XXXXXX");
    CHECK(test_folder(root) != NULL);
    (void)snprintf(path, sizeof(path), "%s/log", root);
    CHECK_EQ(tile_folder_open(path, &folder, &failure), ERR_OK);
}

static void end(void)
{
    char command[96];
    tile_folder_close(folder);
    folder = NULL;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    CHECK_EQ(system(command), 0);
}

static bool is_there(const char *name)
{
    char full[300];
    struct stat info;
    (void)snprintf(full, sizeof(full), "%s/%s", path, name);
    return stat(full, &info) == 0;
}

static void put(const struct tile *tile, struct str bytes)
{
    CHECK_EQ(tile_folder_put(folder, tile, bytes, &failure), ERR_OK);
}

TEST(a_tile_has_its_place_and_its_bytes)
{
    const struct tile partial = { .index = 1234067, .width = 3 };
    const struct tile full = { .level = 2, .width = TILE_WIDTH };
    const struct tile bundle = { .entries = true, .index = 7, .width = 1 };
    begin();
    CHECK_EQ(tile_folder_size(folder, &partial), -1);
    CHECK(!tile_folder_holds(folder, &partial, STR_EMPTY));
    put(&partial, STR("abc"));
    put(&full, STR(""));
    put(&bundle, STR("entry"));
    CHECK_EQ(tile_folder_sync(folder, &failure), ERR_OK);
    CHECK_EQ(tile_folder_sync(folder, &failure), ERR_OK); /* nothing is left to do */
    CHECK(is_there("tile/0/x001/x234/067.p/3"));
    CHECK(is_there("tile/2/000"));
    CHECK(is_there("tile/entries/007.p/1"));
    CHECK(!is_there("new"));
    CHECK_EQ(tile_folder_size(folder, &partial), 3);
    CHECK_EQ(tile_folder_size(folder, &full), 0);
    CHECK(tile_folder_holds(folder, &partial, STR("abc")));
    CHECK(!tile_folder_holds(folder, &partial, STR("ab")));
    CHECK(!tile_folder_holds(folder, &partial, STR("abcd")));
    CHECK(!tile_folder_holds(folder, &partial, STR("abd")));
    put(&partial, STR("longer than it was"));
    CHECK(tile_folder_holds(folder, &partial, STR("longer than it was")));
    end();
}

TEST(a_file_that_is_far_too_long_is_not_read_to_its_end)
{
    const struct tile tile = { .width = 1 };
    char full[300];
    begin();
    put(&tile, STR("x"));
    (void)snprintf(full, sizeof(full), "%s/tile/0/000.p/1", path);
    CHECK_EQ(truncate(full, INT64_C(1) << 40), 0); /* of zeros, none of which is on the disk */
    CHECK(!tile_folder_holds(folder, &tile, STR("x")));
    end();
}

TEST(partial_tiles_go_and_nothing_else_does)
{
    struct tile tile = { .index = 5, .width = 1 };
    const struct tile full = { .index = 5, .width = TILE_WIDTH };
    begin();
    for (tile.width = 1; tile.width <= TILE_WIDTH; tile.width++) {
        put(&tile, STR("x"));
    }
    tile = (struct tile){ .index = 6, .width = 9 };
    put(&tile, STR("x"));
    tile_folder_drop_partials(folder, &full);
    tile_folder_drop_partials(folder, &full);
    CHECK(!is_there("tile/0/005.p"));
    CHECK(is_there("tile/0/005"));
    CHECK(is_there("tile/0/006.p/9"));
    end();
}

TEST(many_tiles_are_made_durable_at_once)
{
    struct tile tile = { .width = 1 };
    begin();
    for (int i = 0; i < 3; i++) {
        tile_folder_begin_bulk(folder);
        for (tile.index = 995; tile.index < 1005; tile.index++) {
            put(&tile, STR("bulk"));
        }
        CHECK_EQ(tile_folder_sync(folder, &failure), ERR_OK);
        put(&tile, STR("alone"));
    }
    CHECK(is_there("tile/0/x001/004.p/1") && is_there("tile/0/x001/005.p/1"));
    tile.index = 995;
    CHECK(tile_folder_holds(folder, &tile, STR("bulk")));
    end();
}

/* More of them than are known at a time. */
TEST(names_in_many_folders_are_made_durable)
{
    struct tile tile = { .width = 1 };
    begin();
    for (int i = 0; i < 20; i++) {
        tile.level = (unsigned)i % 3;
        tile.entries = i % 3 == 0 && i % 2 == 0;
        tile.index = i / 3 * 1000;
        put(&tile, STR("far apart"));
    }
    CHECK_EQ(tile_folder_sync(folder, &failure), ERR_OK);
    CHECK(is_there("tile/1/x006/000.p/1"));
    CHECK(tile_folder_holds(folder, &tile, STR("far apart")));
    end();
}

TEST(the_checkpoint_is_replaced)
{
    struct buf text;
    begin();
    buf_init(&text, 100000);
    CHECK_EQ(tile_folder_checkpoint(folder, &text, &failure), ERR_OK);
    CHECK_EQ(text.len, 0);
    CHECK_EQ(tile_folder_show(folder, STR("one"), &failure), ERR_OK);
    CHECK_EQ(tile_folder_show(folder, STR("two"), &failure), ERR_OK);
    CHECK_EQ(tile_folder_checkpoint(folder, &text, &failure), ERR_OK);
    CHECK_STR(buf_str(&text), STR("two"));
    buf_fini(&text);
    buf_init(&text, 2);
    CHECK_EQ(tile_folder_checkpoint(folder, &text, &failure), ERR_LIMIT);
    buf_fini(&text);
    end();
}

TEST(what_a_crash_left_in_the_way_is_written_over)
{
    const struct tile tile = { .width = 1 };
    char from[300];
    char to[300];
    begin();
    put(&tile, STR("shown"));
    (void)snprintf(from, sizeof(from), "%s/tile/0/000.p/1", path);
    (void)snprintf(to, sizeof(to), "%s/new", path);
    CHECK_EQ(link(from, to), 0); /* another name of a file that is shown */
    CHECK_EQ(tile_folder_show(folder, STR("checkpoint"), &failure), ERR_OK);
    CHECK(tile_folder_holds(folder, &tile, STR("shown")));
    end();
}

TEST(the_lock_is_one_process_s)
{
    struct tile_folder *other = NULL;
    begin();
    CHECK_EQ(tile_folder_open(path, &other, &failure), ERR_CONFLICT);
    CHECK(other == NULL && strstr(failure.text, path) != NULL);
    tile_folder_close(folder);
    CHECK_EQ(tile_folder_open(path, &folder, &failure), ERR_OK);
    CHECK_STR(str_from(tile_folder_path(folder)), str_from(path));
    end();
}

TEST(a_path_that_is_too_long_is_said_so)
{
    static char long_path[5000];
    struct tile_folder *other = NULL;
    begin();
    memset(long_path, 'x', sizeof(long_path) - 1);
    CHECK(tile_folder_open(long_path, &other, &failure) != ERR_OK);
    memcpy(long_path, "/tmp/", 5);
    for (size_t i = 5; i < sizeof(long_path) - 1; i += 2) {
        long_path[i] = '/'; /* "/tmp//x/x/x" */
    }
    CHECK(tile_folder_open(long_path, &other, &failure) != ERR_OK);
    CHECK(other == NULL);
    end();
}

TEST(a_file_in_the_place_of_a_folder_is_said_so)
{
    const struct tile tile = { .width = 1 };
    char full[300];
    begin();
    (void)snprintf(full, sizeof(full), "%s/tile", path);
    int fd = open(full, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(tile_folder_put(folder, &tile, STR("x"), &failure), ERR_IO);
    CHECK(strstr(failure.text, "/tile") != NULL);
    CHECK_EQ(tile_folder_size(folder, &tile), -1);
    end();
}
