#include "app/erased_list.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/stamp.h"
#include "house.h"

static char folder[] = "/tmp/entrepot-list-XXXXXX";
static char path[64];
static struct fail fail;

static void begin(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    CHECK(test_folder(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/erased.log", folder);
}

static void end(void)
{
    CHECK_EQ(nftw(folder, house_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void add(unsigned char number)
{
    const struct erased erased = { { { number } }, number * STAMP_NS_PER_S };
    CHECK_EQ(erased_list_add(path, &erased, &fail), ERR_OK);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

TEST(the_list_stands_beside_the_store)
{
    static const char *const urls[][2] = { { "sqlite:/a/b/books.db", "/a/b/erased.log" },
                                           { "sqlite:books.db", "erased.log" },
                                           { "sqlite:/books.db", "/erased.log" } };
    for (size_t i = 0; i < EP_ARRAY_LEN(urls); i++) {
        struct buf out;
        buf_init(&out, 100);
        CHECK_EQ(erased_list_path(str_from(urls[i][0]), &out, &fail), ERR_OK);
        CHECK_STR(str_from(out.ptr), str_from(urls[i][1]));
        buf_fini(&out);
    }
    struct buf small;
    buf_init(&small, 8);
    CHECK_EQ(erased_list_path(STR("sqlite:/a/b/books.db"), &small, &fail), ERR_LIMIT);
    buf_fini(&small);
}

TEST(what_is_added_is_read_again_in_its_order)
{
    struct erased_list list;
    begin();
    erased_list_init(&list);
    CHECK_EQ(erased_list_read(path, &list, &fail), ERR_OK);
    CHECK_EQ(list.count, 0);
    for (unsigned char i = 1; i <= 40; i++) {
        add(i);
    }
    CHECK_EQ(erased_list_read(path, &list, &fail), ERR_OK);
    CHECK_EQ(list.count, 40);
    CHECK_EQ(list.items[39].client.bytes[0], 40);
    CHECK_EQ(list.items[39].at_ns, 40 * STAMP_NS_PER_S);
    CHECK(erased_list_has(&list, (struct id){ { 7 } }));
    CHECK(!erased_list_has(&list, (struct id){ { 41 } }));
    erased_list_fini(&list);
    struct stat stat_of;
    CHECK_EQ(stat(path, &stat_of), 0);
    CHECK_EQ(stat_of.st_mode & 0777, 0600);
    end();
}

#define GOOD "cli_00000000000000000000000001 2026-11-26T05:44:07.953Z\n"

TEST(a_line_that_is_none_is_named_and_nothing_is_taken_from_the_file)
{
    static const char *const bad[] = {
        GOOD "cli_7 2026-11-26T05:44:07.953Z\n",
        GOOD "key_00000000000000000000000001 2026-11-26T05:44:07.953Z\n",
        GOOD "cli_00000000000000000000000001\n",
        GOOD "cli_00000000000000000000000001 yesterday\n",
        GOOD "cli_00000000000000000000000001 2026-11-26T05:44:07.953Z", /* cut off */
        GOOD "\n",
        GOOD "\x01\n",
    };
    begin();
    for (size_t i = 0; i < EP_ARRAY_LEN(bad); i++) {
        struct erased_list list;
        erased_list_init(&list);
        put(bad[i]);
        CHECK_EQ(erased_list_read(path, &list, &fail), ERR_CONF_INVALID);
        CHECK(strstr(fail.text, "line 2 of \"") != NULL);
        CHECK_EQ(list.count, 0);
    }
    put(GOOD);
    struct erased_list list;
    erased_list_init(&list);
    CHECK_EQ(erased_list_read(path, &list, &fail), ERR_OK);
    CHECK_EQ(list.count, 1);
    erased_list_fini(&list);
    end();
}

TEST(a_list_that_is_a_folder_cannot_be_read_nor_added_to)
{
    const struct erased erased = { { { 1 } }, 1 };
    struct erased_list list;
    begin();
    erased_list_init(&list);
    CHECK_EQ(mkdir(path, 0700), 0);
    CHECK_EQ(erased_list_read(path, &list, &fail), ERR_IO);
    CHECK_EQ(erased_list_add(path, &erased, &fail), ERR_IO);
    end();
}

static void add_and_read(void)
{
    const struct erased erased = { { { 1 } }, 1 };
    struct erased_list list;
    erased_list_init(&list);
    if (erased_list_add(path, &erased, NULL) == ERR_OK) {
        EP_IGNORE(erased_list_read(path, &list, NULL)); /* whether it has memory or not */
    }
    erased_list_fini(&list);
}

TEST(running_out_of_memory_leaves_the_old_list_or_the_new_one)
{
    struct erased_list list;
    begin();
    CHECK(test_each_allocation_failing(add_and_read) > 3);
    erased_list_init(&list);
    CHECK_EQ(erased_list_read(path, &list, &fail), ERR_OK);
    CHECK(list.count >= 1);
    erased_list_fini(&list);
    end();
}
