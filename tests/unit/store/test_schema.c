#include "store/schema.h"

#include <sqlite3.h>

#include "store_case.h"

/* A database of two migrations, then changed by hand. */
static struct case_folder made(const char *change)
{
    struct case_folder folder = case_folder_make();
    sqlite3 *db = NULL;
    store_close(case_open(&folder));
    CHECK_EQ(sqlite3_open(folder.url + strlen("sqlite:"), &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, change, NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ(sqlite3_close(db), SQLITE_OK);
    return folder;
}

/* Opening it is refused, by a writer and by a reader, with such words. */
static void check_refused(const char *change, const char *words)
{
    struct case_folder folder = made(change);
    struct store_options options = case_options(&folder);
    for (int i = 0; i < 2; i++) {
        struct store *store = NULL;
        struct fail fail;
        options.read_only = i == 1;
        CHECK_EQ(store_open(&options, &store, &fail), ERR_STORE_SCHEMA);
        CHECK(store == NULL);
        if (strstr(fail.text, words) == NULL) {
            test_failed(EP_SITE, "\"%s\" is not in \"%s\"", words, fail.text);
        }
    }
    case_folder_remove(&folder);
}

TEST(a_newer_database_is_refused)
{
    check_refused("INSERT INTO schema_version VALUES (3, 'later')", "has schema 3");
    check_refused("INSERT INTO schema_version VALUES (99, 'later')", "use a newer one");
}

TEST(a_migration_that_is_missing_in_between_is_refused)
{
    check_refused("DELETE FROM schema_version WHERE number = 1", "has schema 2 and lacks 1");
    check_refused("INSERT INTO schema_version VALUES (0, 'zero')", "has schema 0 and lacks 1");
}

TEST(migrations_of_another_program_are_refused)
{
    check_refused("UPDATE schema_version SET name = 'other' WHERE number = 2",
                  "\"other\" as schema 2");
}

TEST(a_database_that_lacks_the_last_ones_is_migrated)
{
    struct case_folder folder =
        made("DELETE FROM schema_version WHERE number = 2; DROP TABLE note");
    struct store *store = case_open(&folder);
    store_close(store);
    case_folder_remove(&folder);
}
