#include "tlog/tile.h"

#include "golden.h"

static void check_name(const struct tile *tile, const char *name)
{
    char text[TILE_PATH_MAX + 8];
    struct buf out = { text, 0, sizeof(text), sizeof(text) };
    CHECK(tile_print(tile, &out) == ERR_OK);
    CHECK_STR(buf_str(&out), str_from(name));
    struct tile read;
    CHECK(tile_parse(test_at_page_end(str_from(name)), &read));
    CHECK(read.entries == tile->entries && read.level == tile->level);
    CHECK(read.index == tile->index && read.width == tile->width);
}

TEST(tiles_have_the_names_of_the_specification)
{
    check_name(&(struct tile){ .index = 0, .width = 256 }, "tile/0/000");
    check_name(&(struct tile){ .index = 999, .width = 1 }, "tile/0/999.p/1");
    check_name(&(struct tile){ .index = 1000, .width = 256 }, "tile/0/x001/000");
    check_name(&(struct tile){ .index = 1234067, .width = 255 }, "tile/0/x001/x234/067.p/255");
    check_name(&(struct tile){ .level = 63, .index = 5, .width = 10 }, "tile/63/005.p/10");
    check_name(&(struct tile){ .entries = true, .index = 0, .width = 3 }, "tile/entries/000.p/3");
    check_name(&(struct tile){ .entries = true, .index = 1234067, .width = 256 },
               "tile/entries/x001/x234/067");
    check_name(&(struct tile){ .entries = true, .index = TREE_SIZE_MAX, .width = 255 },
               "tile/entries/x004/x611/x686/x018/x427/x387/904.p/255");
}

TEST(names_that_are_nearly_names_are_refused)
{
    static const char *const bad[] = { "",
                                       "/",
                                       "tile",
                                       "tile/",
                                       "tile/0",
                                       "tile/0/",
                                       "/tile/0/000",
                                       "tile/8/0/000",
                                       "tile/8",
                                       "Tile/0/000",
                                       "tile/00/000",
                                       "tile/64/000",
                                       "tile/-1/000",
                                       "tile/0/0",
                                       "tile/0/0000",
                                       "tile/0/00a",
                                       "tile/0/x000",
                                       "tile/0/x000/000",
                                       "tile/0/001/000",
                                       "tile/0/x001/x000",
                                       "tile/0/x1/000",
                                       "tile/0/X001/000",
                                       "tile/0/x001/000/",
                                       "tile/0/x001//000",
                                       "tile/0//x001/000",
                                       "tile//0/000",
                                       "tile/0/000/..",
                                       "tile/0/../000",
                                       "tile/../tile/0/000",
                                       "../tile/0/000",
                                       "tile/0/..",
                                       "tile/0/x../000",
                                       "tile/0/000.p",
                                       "tile/0/000.p/",
                                       "tile/0/000.p/0",
                                       "tile/0/000.p/00",
                                       "tile/0/000.p/01",
                                       "tile/0/000.p/256",
                                       "tile/0/000.p/-1",
                                       "tile/0/000.p/1/",
                                       "tile/0/000.p/1.p/1",
                                       "tile/0/000.p/1\n",
                                       "tile/0/000 ",
                                       "tile/entries",
                                       "tile/entries/",
                                       "tile/entries/0/000",
                                       "tile/data/000",
                                       "tile/0/x004/x611/x686/x018/x427/x387/905",
                                       "tile/0/x009/x223/x372/x036/x854/x775/808",
                                       "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
                                       "tile/0/x001/x000/x000/x000/x000/x000/x000/x000/000.p/1" };
    struct tile tile;
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        if (tile_parse(test_at_page_end(str_from(bad[i])), &tile)) {
            test_failed(EP_SITE, "\"%s\" was taken for a tile", bad[i]);
        }
    }
    CHECK(!tile_parse((struct str){ "tile/0/000\0", 11 }, &tile));
}

TEST(widths_are_those_of_the_golden_trees)
{
    CHECK_EQ(tile_width_in(70000, 0, 0), 256);
    CHECK_EQ(tile_width_in(70000, 0, 272), 256);
    CHECK_EQ(tile_width_in(70000, 0, 273), 112);
    CHECK_EQ(tile_width_in(70000, 0, 274), 0);
    CHECK_EQ(tile_width_in(70000, 1, 0), 256);
    CHECK_EQ(tile_width_in(70000, 1, 1), 17);
    CHECK_EQ(tile_width_in(70000, 1, 2), 0);
    CHECK_EQ(tile_width_in(70000, 2, 0), 1);
    CHECK_EQ(tile_width_in(70000, 2, 1), 0);
    CHECK_EQ(tile_width_in(70000, 3, 0), 0);
    CHECK_EQ(tile_width_in(256, 0, 0), 256);
    CHECK_EQ(tile_width_in(256, 0, 1), 0);
    CHECK_EQ(tile_width_in(256, 1, 0), 1);
    CHECK_EQ(tile_width_in(256, 2, 0), 0);
    CHECK_EQ(tile_width_in(0, 0, 0), 0);
    CHECK_EQ(tile_width_in(-1, 0, 0), 0);
    CHECK_EQ(tile_width_in(1, 0, -1), 0);
    CHECK_EQ(tile_width_in(TREE_SIZE_MAX, TILE_LEVELS - 1, 0), 64);
    CHECK_EQ(tile_width_in(TREE_SIZE_MAX, TILE_LEVELS, 0), 0);
    CHECK_EQ(tile_width_in(TREE_SIZE_MAX, UINT32_MAX, 0), 0);
}

/* Every size: the widths of a level add up to its full subtrees. */
TEST(widths_cover_the_tree)
{
    for (int64_t size = 0; size < 70000; size += size < 1000 ? 1 : 997) {
        for (unsigned level = 0; level < 3; level++) {
            int64_t sum = 0;
            for (int64_t index = 0; tile_width_in(size, level, index) > 0; index++) {
                sum += tile_width_in(size, level, index);
            }
            CHECK_EQ(sum, size >> (8 * level));
        }
    }
}

TEST(a_full_tile_has_a_root)
{
    static struct golden_tree tree;
    golden_tree_init(&tree, 512);
    for (unsigned level = 0; level <= 8; level++) {
        struct digest root = tile_subtree(tree.levels[0] + 256, (size_t)1 << level);
        CHECK(digest_eq(&root, &tree.levels[level][256 >> level]));
    }
    struct digest root = tile_subtree(tree.levels[0], TILE_WIDTH);
    golden_check_hash(&root, "wvMuxwoKu+S5q5myOnpuTpFmHA8XCbljS/fnJGVRwwM=");
    golden_tree_fini(&tree);
}

TEST(bundles_are_those_of_the_golden_log)
{
    struct buf out;
    struct buf hex;
    buf_init(&out, 1024);
    buf_init(&hex, 1024);
    CHECK(tile_entry_put(STR("receipt 0"), &out) == ERR_OK);
    CHECK(tile_entry_put(STR("receipt 1"), &out) == ERR_OK);
    CHECK(tile_entry_put(STR("receipt 2"), &out) == ERR_OK);
    CHECK(enc_hex(&hex, out.ptr, out.len) == ERR_OK);
    CHECK_STR(buf_str(&hex), STR("0009726563656970742030"
                                 "0009726563656970742031"
                                 "0009726563656970742032"));
    struct str bundle = buf_str(&out);
    /* Cut anywhere: whole entries come out, and what is left says that it is cut. */
    for (size_t cut = 0; cut <= bundle.len; cut++) {
        struct str rest = test_at_page_end(str_slice(bundle, 0, cut));
        struct str entry;
        size_t count = 0;
        while (tile_entry_next(&rest, &entry)) {
            CHECK_EQ(entry.len, 9);
            CHECK_EQ(entry.ptr[8], '0' + (int)count);
            count++;
        }
        CHECK_EQ(count, cut / 11);
        CHECK_EQ(rest.len, cut % 11);
    }
    buf_fini(&out);
    buf_fini(&hex);
}

TEST(entries_have_a_limit)
{
    struct buf out;
    buf_init(&out, TILE_BUNDLE_MAX);
    char *bytes = mem_zalloc(TILE_ENTRY_MAX + 1);
    CHECK(bytes != NULL);
    CHECK(tile_entry_put((struct str){ bytes, TILE_ENTRY_MAX + 1 }, &out) == ERR_LIMIT);
    CHECK_EQ(out.len, 0);
    CHECK(tile_entry_put((struct str){ bytes, TILE_ENTRY_MAX }, &out) == ERR_OK);
    CHECK(tile_entry_put(STR_EMPTY, &out) == ERR_OK);
    struct str rest = buf_str(&out);
    struct str entry;
    CHECK(tile_entry_next(&rest, &entry));
    CHECK_EQ(entry.len, TILE_ENTRY_MAX);
    CHECK(tile_entry_next(&rest, &entry));
    CHECK_EQ(entry.len, 0);
    CHECK(!tile_entry_next(&rest, &entry) && rest.len == 0);
    buf_fini(&out);
    buf_init(&out, 10); /* no room: nothing is half written */
    CHECK(tile_entry_put(STR("receipt 0"), &out) == ERR_LIMIT);
    CHECK_EQ(out.len, 0);
    buf_fini(&out);
    mem_free(bytes);
}
