#include <sys/stat.h>

#include "store/engine.h"
#include "store_case.h"

static struct engine_conn *open_writer(const struct case_folder *folder)
{
    struct engine_conn *conn = NULL;
    struct str path = str_from_at(str_from(folder->url), sizeof("sqlite:") - 1);
    CHECK_EQ(engine_sqlite.open(path, false, &conn, NULL), ERR_OK);
    return conn;
}

static int64_t file_bytes(const struct case_folder *folder, const char *name)
{
    char path[64];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static enum err run(struct engine_conn *conn, const struct store_sql *sql,
                    const struct store_value *values, size_t count)
{
    return engine_sqlite.run(conn, sql, values, count, NULL, NULL, NULL);
}

static void commit_one(struct engine_conn *conn, const struct store_sql *sql,
                       const struct store_value *value)
{
    CHECK_EQ(engine_sqlite.begin(conn, true, NULL), ERR_OK);
    CHECK_EQ(run(conn, sql, value, 1), ERR_OK);
    CHECK_EQ(engine_sqlite.commit(conn, NULL), ERR_OK);
}

/* ---- values ------------------------------------------------------------------------------ */

static char text_with_nul[] = "a\0b";

static const struct store_value values_in[] = {
    { .kind = STORE_NULL },
    { .kind = STORE_INT, .number = 0 },
    { .kind = STORE_INT, .number = INT64_MAX },
    { .kind = STORE_INT, .number = INT64_MIN },
    { .kind = STORE_TEXT },
    { .kind = STORE_TEXT, .bytes = { "gr\xc3\xbc\xc3\x9f", 6 } },
    { .kind = STORE_TEXT, .bytes = { text_with_nul, 3 } },
    { .kind = STORE_BLOB },
    { .kind = STORE_BLOB, .bytes = { text_with_nul, 4 } },
};

static enum err on_value(void *context, const struct store_value *row, size_t columns)
{
    size_t *at = context;
    const struct store_value *want = &values_in[*at];
    CHECK_EQ(columns, 2);
    CHECK_EQ(row[0].number, *at);
    CHECK_EQ(row[1].kind, want->kind);
    CHECK_EQ(row[1].number, want->number);
    CHECK_STR(row[1].bytes, want->bytes);
    (*at)++;
    return ERR_OK;
}

TEST(values_come_back_as_they_went_in)
{
    static const struct store_sql add = { "INSERT INTO kept(n, value) VALUES (?1, ?2)" };
    static const struct store_sql all = { "SELECT n, value FROM kept ORDER BY n" };
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    size_t at = 0;
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(n INTEGER, value ANY) STRICT", NULL),
             ERR_OK);
    for (size_t i = 0; i < EP_ARRAY_LEN(values_in); i++) {
        struct store_value values[] = { STORE_I((int64_t)i), values_in[i] };
        if (values[1].bytes.len > 0) {
            values[1].bytes = test_at_page_end(values[1].bytes);
        }
        CHECK_EQ(run(conn, &add, values, 2), ERR_OK);
    }
    CHECK_EQ(engine_sqlite.run(conn, &all, NULL, 0, on_value, &at, NULL), ERR_OK);
    CHECK_EQ(at, EP_ARRAY_LEN(values_in));
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(a_value_of_another_type_than_the_column_is_refused)
{
    static const struct store_sql add = { "INSERT INTO kept(n) VALUES (?1)" };
    const struct store_value text = STORE_T(STR("seven"));
    const struct store_value number = STORE_I(7);
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(n INTEGER) STRICT", NULL), ERR_OK);
    CHECK_EQ(run(conn, &add, &text, 1), ERR_STORE_FAILED);
    CHECK_EQ(run(conn, &add, &number, 1), ERR_OK); /* the statement is usable again */
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(many_statements_are_told_apart)
{
    static char texts[100][32];
    static struct store_sql sqls[EP_ARRAY_LEN(texts)];
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < EP_ARRAY_LEN(texts); i++) {
            int64_t got = -1;
            (void)snprintf(texts[i], sizeof(texts[i]), "SELECT %zu", i);
            sqls[i].text = texts[i];
            CHECK_EQ(engine_sqlite.run(conn, &sqls[i], NULL, 0, case_on_number, &got, NULL),
                     ERR_OK);
            CHECK_EQ(got, i);
        }
    }
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(a_statement_that_does_not_parse_says_where)
{
    static const struct store_sql bad = { "SELEKT 1" };
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    struct fail fail;
    CHECK_EQ(engine_sqlite.run(conn, &bad, NULL, 0, NULL, NULL, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "SELEKT") != NULL);
    CHECK(strstr(fail.text, "syntax error") != NULL);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(a_long_statement_leaves_room_for_the_reason)
{
    static char text[2000] = "SELECT absent";
    static const struct store_sql bad = { text };
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    struct fail fail;
    memset(text + strlen(text), ' ', sizeof(text) - strlen(text) - 1);
    CHECK_EQ(engine_sqlite.run(conn, &bad, NULL, 0, NULL, NULL, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "no such column") != NULL);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

/* ---- settings ---------------------------------------------------------------------------- */

static int64_t pragma(struct engine_conn *conn, const struct store_sql *sql)
{
    int64_t value = -1;
    CHECK_EQ(engine_sqlite.run(conn, sql, NULL, 0, case_on_number, &value, NULL), ERR_OK);
    return value;
}

static enum err on_mode(void *context, const struct store_value *row, size_t columns)
{
    CHECK(context == NULL && columns == 1);
    CHECK_STR(row[0].bytes, STR("wal"));
    return ERR_OK;
}

TEST(the_writers_settings_are_the_durable_ones)
{
    static const struct store_sql mode = { "PRAGMA journal_mode" };
    static const struct store_sql synchronous = { "PRAGMA synchronous" };
    static const struct store_sql page_size = { "PRAGMA page_size" };
    static const struct store_sql foreign_keys = { "PRAGMA foreign_keys" };
    static const struct store_sql checkpoint = { "PRAGMA wal_autocheckpoint" };
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    CHECK_EQ(engine_sqlite.run(conn, &mode, NULL, 0, on_mode, NULL, NULL), ERR_OK);
    CHECK_EQ(pragma(conn, &synchronous), 2); /* FULL */
    CHECK_EQ(pragma(conn, &page_size), 4096);
    CHECK_EQ(pragma(conn, &foreign_keys), 1);
    CHECK_EQ(pragma(conn, &checkpoint), 0);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

/* ---- the journal ------------------------------------------------------------------------- */

static const struct store_sql fill = { "INSERT INTO kept(bytes) VALUES (zeroblob(?1))" };
static const struct store_sql count_rows = { "SELECT count(*) FROM kept" };

TEST(the_journal_stays_near_its_limit_and_is_emptied_when_asked)
{
    const struct store_value size = STORE_I(3000);
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    bool empty = true;
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(bytes BLOB) STRICT", NULL), ERR_OK);
    for (int i = 0; i < 500; i++) {
        commit_one(conn, &fill, &size);
        CHECK_EQ(engine_sqlite.checkpoint(conn, 65536, &empty, NULL), ERR_OK);
        CHECK(!empty);
    }
    CHECK(file_bytes(&folder, "db-wal") > 65536);
    CHECK(file_bytes(&folder, "db-wal") < 2 * 65536);
    CHECK(file_bytes(&folder, "db") > 400 * 3000);
    CHECK_EQ(engine_sqlite.checkpoint(conn, 0, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK_EQ(file_bytes(&folder, "db-wal"), 0);
    engine_sqlite.close(conn);
    conn = open_writer(&folder);
    CHECK_EQ(pragma(conn, &count_rows), 500);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(a_reader_in_the_way_of_a_checkpoint_is_no_failure_and_loses_nothing)
{
    const struct store_value size = STORE_I(3000);
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    bool empty = true;
    struct engine_conn *reader = NULL;
    struct str path = str_from_at(str_from(folder.url), sizeof("sqlite:") - 1);
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(bytes BLOB) STRICT", NULL), ERR_OK);
    commit_one(conn, &fill, &size);
    CHECK_EQ(engine_sqlite.open(path, true, &reader, NULL), ERR_OK);
    CHECK_EQ(engine_sqlite.begin(reader, false, NULL), ERR_OK);
    CHECK_EQ(pragma(reader, &count_rows), 1);
    for (int i = 1; i < 100; i++) {
        commit_one(conn, &fill, &size);
        CHECK_EQ(engine_sqlite.checkpoint(conn, i % 10 == 0 ? 0 : 16384, &empty, NULL), ERR_OK);
        CHECK(!empty);
    }
    CHECK_EQ(pragma(reader, &count_rows), 1);
    CHECK(file_bytes(&folder, "db-wal") > 100 * 3000);
    engine_sqlite.close(reader);
    CHECK_EQ(engine_sqlite.checkpoint(conn, 0, &empty, NULL), ERR_OK);
    CHECK(empty);
    CHECK_EQ(file_bytes(&folder, "db-wal"), 0);
    CHECK_EQ(pragma(conn, &count_rows), 100);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(closing_leaves_the_journal_to_the_next_start)
{
    const struct store_value size = STORE_I(3000);
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(bytes BLOB) STRICT", NULL), ERR_OK);
    commit_one(conn, &fill, &size);
    engine_sqlite.close(conn);
    CHECK(file_bytes(&folder, "db-wal") > 3000); /* no checkpoint, so no second fsync */
    conn = open_writer(&folder);
    CHECK_EQ(pragma(conn, &count_rows), 1);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(changes_counts_rows_and_a_rollback_undoes_them)
{
    const struct store_value size = STORE_I(10);
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = open_writer(&folder);
    CHECK_EQ(engine_sqlite.script(conn, "CREATE TABLE kept(bytes BLOB) STRICT", NULL), ERR_OK);
    int64_t before = engine_sqlite.changes(conn);
    CHECK_EQ(engine_sqlite.begin(conn, true, NULL), ERR_OK);
    CHECK_EQ(pragma(conn, &count_rows), 0);
    CHECK_EQ(engine_sqlite.changes(conn), before);
    CHECK_EQ(run(conn, &fill, &size, 1), ERR_OK);
    CHECK_EQ(engine_sqlite.changes(conn), before + 1);
    engine_sqlite.rollback(conn);
    engine_sqlite.rollback(conn); /* there is none any more */
    CHECK_EQ(pragma(conn, &count_rows), 0);
    engine_sqlite.close(conn);
    case_folder_remove(&folder);
}

TEST(a_file_that_is_no_database_is_refused)
{
    struct case_folder folder = case_folder_make();
    struct engine_conn *conn = NULL;
    struct fail fail;
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/db", folder.path);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    for (int i = 0; i < 1000; i++) {
        CHECK(fputs("this is no database\n", file) >= 0);
    }
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(engine_sqlite.open(str_from(path), false, &conn, &fail), ERR_STORE_FAILED);
    CHECK(strstr(fail.text, "not a database") != NULL);
    CHECK(conn == NULL);
    case_folder_remove(&folder);
}
