#include "app/audit_shown.h"

#include <sys/stat.h>
#include <unistd.h>

#include "house.h"
#include "tlog/checkpoint.h"
#include "tlog/tile_rows.h"

static struct house house;
static char folder[128];

static void begin(void)
{
    house_begin(&house);
    house_open(&house, WORLD_READ_WRITE);
    (void)snprintf(folder, sizeof(folder), "%s/var/log", house.folder);
    CHECK_EQ(mkdir(folder, 0755), 0);
}

/* Puts a text in the place of the shown checkpoint. */
static void show(struct str text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/checkpoint", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(text.ptr, 1, text.len, file), text.len);
    CHECK_EQ(fclose(file), 0);
}

static void show_checkpoint(int64_t size, const struct digest *root)
{
    char bytes[1024];
    struct buf text = { bytes, 0, sizeof(bytes), sizeof(bytes) };
    const struct checkpoint checkpoint = { STR("a.log"), size, *root };
    CHECK_EQ(checkpoint_print(&checkpoint, &text), ERR_OK);
    CHECK_EQ(buf_append(&text, STR("\n\xe2\x80\x94 a.log AAAAAAAAAAAAAAAA\n")), ERR_OK);
    show(buf_str(&text));
}

struct looking {
    struct buf text;
    struct audit_line line;
};

static enum err look_at_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    struct looking *looking = context;
    return audit_shown_check(txn, buf_str(&looking->text), &looking->line, fail);
}

static struct audit_line look(void)
{
    struct looking looking = { .line = { .rows = -1 } };
    struct fail fail = { .text = "" };
    buf_init(&looking.text, NOTE_BYTES_MAX);
    CHECK_EQ(audit_shown_read(folder, &looking.text, &fail), ERR_OK);
    CHECK_EQ(store_read(house.world->store, look_at_rows, &looking, &fail), ERR_OK);
    buf_fini(&looking.text);
    return looking.line;
}

struct rows {
    int64_t size;
    struct digest root;
};

static enum err read_rows(void *context, struct store_txn *txn, struct fail *fail)
{
    struct rows *rows = context;
    return tile_rows_state(txn, &rows->size, &rows->root, fail);
}

static struct rows rows_of_log(void)
{
    struct rows rows = { .size = 0 };
    struct fail fail;
    CHECK_EQ(store_read(house.world->store, read_rows, &rows, &fail), ERR_OK);
    CHECK(rows.size > 0);
    return rows;
}

TEST(where_nothing_is_shown_nothing_is_wrong)
{
    begin();
    struct audit_line line = look();
    CHECK_EQ(line.rows, 0);
    CHECK_EQ(line.wrong, 0);
    house_end(&house);
}

TEST(what_the_rows_lead_to_holds)
{
    begin();
    struct rows rows = rows_of_log();
    show_checkpoint(rows.size, &rows.root);
    struct audit_line line = look();
    CHECK_EQ(line.rows, 1);
    CHECK_EQ(line.wrong, 0);
    house_end(&house);
}

TEST(rows_that_were_cut_off_are_told)
{
    begin();
    struct rows rows = rows_of_log();
    show_checkpoint(rows.size + 1, &rows.root);
    struct audit_line line = look();
    CHECK_EQ(line.wrong, 1);
    CHECK_EQ(line.first, rows.size + 1);
    house_end(&house);
}

TEST(rows_that_lead_elsewhere_are_told)
{
    begin();
    struct rows rows = rows_of_log();
    rows.root.bytes[0] ^= 1;
    show_checkpoint(rows.size, &rows.root);
    CHECK_EQ(look().wrong, 1);
    house_end(&house);
}

static enum err delete_leaf(struct store_job *job, struct store_txn *txn, struct fail *fail)
{
    static const struct store_sql sql = { "DELETE FROM leaf WHERE id = 0" };
    (void)job;
    return store_exec(txn, &sql, NULL, 0, fail);
}

TEST(rows_that_are_missing_are_told)
{
    struct store_job job = { .run = delete_leaf };
    struct fail fail = { .text = "" };
    begin();
    struct rows rows = rows_of_log();
    show_checkpoint(rows.size, &rows.root);
    CHECK_EQ(store_run(house.world->store, &job, &fail), ERR_OK);
    CHECK_EQ(look().wrong, 1);
    house_end(&house);
}

TEST(what_is_no_checkpoint_is_told)
{
    begin();
    show(STR("a.log\n1\n"));
    CHECK_EQ(look().wrong, 1);
    house_end(&house);
}

TEST(a_folder_that_cannot_be_read_is_an_error)
{
    struct fail fail = { .text = "" };
    struct buf text;
    char path[160];
    begin();
    (void)snprintf(path, sizeof(path), "%s/checkpoint", folder);
    CHECK_EQ(mkdir(path, 0755), 0);
    buf_init(&text, NOTE_BYTES_MAX);
    CHECK(audit_shown_read(folder, &text, &fail) != ERR_OK);
    CHECK(fail.text[0] != '\0');
    buf_fini(&text);
    house_end(&house);
}
